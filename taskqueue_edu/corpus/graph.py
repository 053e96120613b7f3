"""Two searches in a graph, given as a dict from each node to its neighbors."""

from collections import deque

Graph = dict[str, list[str]]


def shortest_path(graph: Graph, start: str, goal: str) -> list[str] | None:
    """Return a path with the fewest edges, or None: breadth-first search.

    >>> city = {"home": ["park", "bank"], "park": ["lake"], "bank": ["shop"], "shop": ["lake"]}
    >>> shortest_path(city, "home", "lake")
    ['home', 'park', 'lake']
    >>> shortest_path(city, "lake", "home") is None
    True
    """
    came_from = {start: start}
    waiting = deque([start])
    while waiting:
        node = waiting.popleft()
        if node == goal:
            path = [node]
            while node != start:
                node = came_from[node]
                path.append(node)
            return path[::-1]
        for neighbor in graph.get(node, []):
            if neighbor not in came_from:
                came_from[neighbor] = node
                waiting.append(neighbor)
    return None


def in_order(needs: Graph) -> list[str]:
    """Return the nodes so that each comes after all it needs: depth-first search.

    >>> in_order({"shoes": ["socks"], "jacket": ["shirt"], "socks": []})
    ['socks', 'shoes', 'shirt', 'jacket']
    >>> in_order({"hen": ["egg"], "egg": ["hen"]})
    Traceback (most recent call last):
    ...
    ValueError: hen needs itself
    """
    done: dict[str, bool] = {}

    def visit(node: str) -> None:
        if node in done:
            if not done[node]:
                raise ValueError(f"{node} needs itself")
            return
        done[node] = False
        for need in needs.get(node, []):
            visit(need)
        done[node] = True
        order.append(node)

    order: list[str] = []
    for node in needs:
        visit(node)
    return order
