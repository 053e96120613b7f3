"""Tables of what was measured: Markdown to read, JSON to calculate with."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from tests.benchmarks.harness import Results, version_of

HEAD: Final = ["work", "here", "peer", "its figure", "ratio", "target", "met"]
NOTHING: Final = "-"


@dataclass(frozen=True)
class Unit:
    """How a figure is shown: multiplied by `scale`, with `digits` decimals, before `name`."""

    name: str
    scale: float = 1.0
    digits: int = 0

    def show(self, value: float) -> str:
        """Return the figure as text."""
        return f"{value * self.scale:,.{self.digits}f} {self.name}".rstrip()


MICROSECONDS: Final = Unit("µs", 1e6, 1)
MILLISECONDS: Final = Unit("ms", 1e3, 2)
SECONDS: Final = Unit("s", 1.0, 2)
BYTES: Final = Unit("bytes")
RATE: Final = Unit("/s")


@dataclass(frozen=True)
class Target:
    """What a ratio should be: "at least" or "at most" `value`, better still `stretch`."""

    side: Literal["at least", "at most"]
    value: float
    stretch: float | None = None
    unit: Unit = Unit("x", 1.0, 2)

    def __str__(self) -> str:
        sign = "≥" if self.side == "at least" else "≤"
        more = f" (stretch {self.unit.show(self.stretch)})" if self.stretch is not None else ""
        return f"{sign} {self.unit.show(self.value)}{more}"

    def met(self, value: float) -> str:
        """Say whether a figure reaches it."""
        if self.stretch is not None and self._reaches(value, self.stretch):
            return "stretch"
        return "yes" if self._reaches(value, self.value) else "no"

    def _reaches(self, value: float, bound: float) -> bool:
        return value >= bound if self.side == "at least" else value <= bound


def spread(values: list[float], digits: int = 0, unit: str = "") -> str:
    """Return the median, and in brackets the least and the most."""
    if not values:
        return NOTHING
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:,.{digits}f}{unit} ({low:,.{digits}f} to {high:,.{digits}f})"


def figures(results: Results, case: str, key: str) -> list[float]:
    """Return one figure of every sample of a case; none if it was not measured."""
    return [sample[key] for sample in results.get(case, [])]


def ratios(above: list[float], below: list[float]) -> list[float]:
    """Return the ratio of the figures of each round. Rounds that one of them lacks drop out."""
    return [a / b for a, b in zip(above, below, strict=False)]


def beside(label: str, own: list[float], other: list[float], places: int) -> list[str]:
    """Return a row: two figures, and their ratio."""
    found = ratios(own, other) if all(other) else []
    ratio = f"{statistics.median(found):.2f}x" if found else NOTHING
    return [label, spread(own, places), spread(other, places), ratio]


def digits(value: float) -> int:
    """Return how many decimals a ratio is shown with: three figures in all, more or less."""
    return 0 if value >= 100 else 1 if value >= 10 else 2


@dataclass
class Report:
    """The table of one benchmark. `name` is what it is called on the command line."""

    name: str
    title: str
    head: list[str] = field(default_factory=lambda: [*HEAD])
    rows: list[list[str]] = field(default_factory=list)
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    peers: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    parts: list[Report] = field(default_factory=list)
    """Tables with other columns that belong to this one."""

    def compare(
        self,
        work: str,
        results: Results,
        ours: str,
        peer: str,
        unit: Unit,
        target: Target | None = None,
        *,
        key: str = "seconds",
        peer_key: str | None = None,
        rate: bool = False,
        shown: str = "",
    ) -> None:
        """Add a line: the ratio of our figure to the peer's.

        With `rate` the figures are costs and the ratio is that of the rates, the peer's cost
        divided by ours. `shown` names the peer if its case is not name enough.
        """
        own, other = figures(results, ours, key), figures(results, peer, peer_key or key)
        ratio = ratios(other, own) if rate else ratios(own, other)
        self._line(work, own, other, shown or peer, ratio, unit, target)

    def bound(
        self, work: str, results: Results, ours: str, unit: Unit, target: Target, key: str
    ) -> None:
        """Add a line: our figure itself against the target."""
        own = figures(results, ours, key)
        self._line(work, own, [], "", [], unit, target)

    def _line(
        self,
        work: str,
        own: list[float],
        other: list[float],
        peer: str,
        ratio: list[float],
        unit: Unit,
        target: Target | None,
    ) -> None:
        judged = ratio or ([] if other or peer else own)
        middle = statistics.median(judged) if judged else None
        met = target.met(middle) if target is not None and middle is not None else NOTHING
        ratio_shown = spread(ratio, digits(statistics.median(ratio)), "x") if ratio else NOTHING
        self.rows.append(
            [
                work,
                unit.show(statistics.median(own)) if own else NOTHING,
                peer or NOTHING,
                unit.show(statistics.median(other)) if other else NOTHING,
                ratio_shown,
                str(target) if target is not None else NOTHING,
                met,
            ]
        )
        self.verdicts.append(
            {"work": work, "peer": peer, "ours": own, "peers": other, "ratios": ratio}
            | {"target": str(target) if target is not None else None, "met": met}
        )

    def markdown(self) -> str:
        """Return the report as Markdown."""
        parts = [f"### {self.name}: {self.title}", table(self.head, self.rows)]
        if self.peers:
            parts.append(f"Peers: {', '.join(self.peers)}.")
        parts += [f"- {note}" for note in self.notes]
        parts += [part.markdown() for part in self.parts]
        return "\n\n".join(parts)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    lines = [[*head]]
    lines += [["---"] * len(lines[0]), *([*row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def peers(*packages: str) -> list[str]:
    """Return the names and versions of those packages that are installed."""
    return [shown for shown in map(version_of, packages) if shown]


def machine() -> str:
    """Return what the figures are measured on."""
    parts = [
        f"{platform.python_implementation()} {platform.python_version()}",
        *(["free-threaded"] if not getattr(sys, "_is_gil_enabled", lambda: True)() else []),
        f"{os.cpu_count()} cores",
        _processor(),
        f"{platform.system()} {platform.machine()}",
        version_of("taskqueue_edu") + _commit(),
        *([f"load {os.getloadavg()[0]:.1f} at the start"] if hasattr(os, "getloadavg") else []),
    ]
    return ", ".join(part for part in parts if part)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _commit() -> str:
    root = Path(__file__).parents[2]
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty"], cwd=root, capture_output=True, text=True
        )
    except OSError:
        return ""
    return f" at {done.stdout.strip()}" if done.returncode == 0 else ""
