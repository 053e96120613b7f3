"""The picture of cost against size."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

INK = "#1a1a1a"
STYLES: tuple[dict[str, Any], ...] = (
    {"color": "#0b5fa5", "marker": "o", "elinewidth": 0.8, "capsize": 3},
    {"color": "#b5541c", "marker": "s", "elinewidth": 0.8, "capsize": 3},
)
ASIDE = 1.12


def curves(
    path: Path,
    sizes: Sequence[int],
    lines: Mapping[str, Sequence[Sequence[float]]],
    pools: Sequence[int],
    by_pool: Sequence[Sequence[float]],
) -> None:
    """Draw two charts side by side: microseconds a task against tasks, and against workers.

    Each line or bar has the samples (seconds) of every size; the mark is their median, the thin
    line its spread.
    """
    # Only a run that keeps its pictures needs matplotlib.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.6), layout="constrained", dpi=150)
    left, right = figure.subplots(1, 2)
    highest = max(statistics.median(samples[-1]) for samples in lines.values()) * 1e6
    for at, (name, samples) in enumerate(lines.items()):
        middle, below, above = _summary(samples)
        # Side by side, so that one line's spread does not hide the other's.
        places = [size * ASIDE**at for size in sizes]
        left.errorbar(places, middle, [below, above], label=name, **STYLES[at])
        left.annotate(
            f"{middle[-1]:.1f} µs",
            (places[-1], middle[-1]),
            xytext=(9, 0),
            textcoords="offset points",
            va="bottom" if middle[-1] == highest else "top",
            color=STYLES[at]["color"],
        )
    left.set_xscale("log")
    left.set_xlabel("tasks queued")
    left.set_xlim(right=sizes[-1] * 3)
    left.legend(frameon=False, loc="lower left")
    left.set_title("4 workers, more and more tasks", color=INK)
    middle, below, above = _summary(by_pool)
    right.errorbar(range(len(pools)), middle, [below, above], **STYLES[0])
    right.set_xticks(range(len(pools)), [str(n) for n in pools])
    right.set_xlabel("workers")
    right.set_title("the same tasks, more and more workers", color=INK)
    for axes in (left, right):
        axes.set_ylim(bottom=0)
        axes.set_ylabel("µs per task (median, least to most)")
        axes.grid(axis="y", alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


def _summary(samples: Sequence[Sequence[float]]) -> tuple[list[float], list[float], list[float]]:
    middle = [statistics.median(values) * 1e6 for values in samples]
    below = [m - min(values) * 1e6 for m, values in zip(middle, samples, strict=True)]
    above = [max(values) * 1e6 - m for m, values in zip(middle, samples, strict=True)]
    return middle, below, above
