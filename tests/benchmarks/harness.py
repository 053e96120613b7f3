"""Runs things side by side, in turns, and writes down what came of it."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Callable, Mapping

ROUNDS = 5


def in_turns(
    cases: Mapping[str, Callable[[], float]], rounds: int = ROUNDS
) -> dict[str, list[float]]:
    """Call every case once a round, and return what each returned.

    In turns, since a machine is faster at one time than at another: each round has them all.
    """
    results: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            results[name].append(case())
    return results


def ratios(values: list[float], base: list[float]) -> list[float]:
    """Return the ratio of each value to the base of the same round."""
    return [value / other for value, other in zip(values, base, strict=True)]


def spread(values: list[float], digits: int = 0) -> str:
    """Return the median, and in brackets the least and the most."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


def machine() -> str:
    """Return what the figures were measured on."""
    return (
        f"{platform.python_implementation()} {platform.python_version()}, "
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    )


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
