"""Conway's Game of Life on a board without edges: a set of the living cells."""

from collections import Counter


def step(alive: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """Return the next generation.

    >>> blinker = {(0, 1), (1, 1), (2, 1)}
    >>> sorted(step(blinker))
    [(1, 0), (1, 1), (1, 2)]
    >>> step(step(blinker)) == blinker
    True
    """
    neighbors = Counter(
        (x + dx, y + dy)
        for x, y in alive
        for dx in (-1, 0, 1)
        for dy in (-1, 0, 1)
        if (dx, dy) != (0, 0)
    )
    return {cell for cell, n in neighbors.items() if n == 3 or (n == 2 and cell in alive)}


def draw(alive: set[tuple[int, int]], width: int, height: int) -> str:
    """Return the board as text.

    >>> print(draw({(0, 0), (2, 1)}, 3, 2))
    #..
    ..#
    """
    rows = ("".join(".#"[(x, y) in alive] for x in range(width)) for y in range(height))
    return "\n".join(rows)
