"""What opening a journal found and did."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

log: Final = logging.getLogger("taskqueue_edu")

_SHOWN: Final = 10


@dataclass
class RecoveryReport:
    """What was wrong in a folder, what was done about it, and what became of unfinished tasks.

    `torn` is where the bytes of a torn last line were kept, `quarantined` says how many pieces
    of damage went to `quarantine.jsonl`, `gaps` are the numbers (first, last) of lines that are
    missing, `duplicates` counts lines that were there twice, and `ignored` facts that fit no
    life of a task. `recovered` tasks were running when their process died and run again; `dead`
    ones had been recovered too often. `unknown_types` counts pending tasks, `unknown_results`
    results, by a type that this process doesn't know: both are kept as JSON.
    """

    folder: Path
    facts: int = 0
    torn: Path | None = None
    torn_bytes: int = 0
    quarantined: list[tuple[int, str]] = field(default_factory=list)
    gaps: list[tuple[int, int]] = field(default_factory=list)
    duplicates: int = 0
    ignored: int = 0
    recovered: int = 0
    dead: int = 0
    unknown_types: dict[str, int] = field(default_factory=dict)
    unknown_results: dict[str, int] = field(default_factory=dict)

    def complete(
        self,
        misfits: int,
        recovered: int,
        dead: int,
        unknown_types: dict[str, int],
        unknown_results: dict[str, int],
    ) -> RecoveryReport:
        """Add what the queue found in the facts; warn if something of the journal is lost."""
        self.ignored += misfits
        self.recovered, self.dead = recovered, dead
        self.unknown_types, self.unknown_results = unknown_types, unknown_results
        if self.damaged:
            log.warning("%s was repaired: %s", self.folder, "; ".join(self.lines()))
        return self

    @property
    def damaged(self) -> bool:
        """True if something of the journal is torn, damaged or missing."""
        return bool(self.torn_bytes or self.quarantined or self.gaps or self.ignored)

    def lines(self) -> list[str]:
        """Return the report as text, a finding a line."""
        found = []
        if self.torn_bytes:
            where = f"; they are kept in {self.torn.name}" if self.torn else ""
            found.append(f"the last line was torn: {self.torn_bytes:,} bytes{where}")
        found += [f"damage at byte {offset:,}: {why}" for offset, why in self.quarantined[:_SHOWN]]
        if len(self.quarantined) > _SHOWN:
            found.append(f"and {len(self.quarantined) - _SHOWN:,} more pieces of damage")
        for first, last in self.gaps[:_SHOWN]:
            which = f"line {first:,} is" if first == last else f"lines {first:,} to {last:,} are"
            found.append(f"{which} missing")
        if self.duplicates:
            found.append(f"lines that were there twice, and count once: {self.duplicates:,}")
        if self.ignored:
            found.append(f"facts that fit no life of a task, and are passed over: {self.ignored:,}")
        if self.recovered:
            found.append(f"tasks that were running when their process died: {self.recovered:,}")
        if self.dead:
            found.append(f"tasks that took their process down too often: {self.dead:,}")
        for name, n in self.unknown_types.items():
            found.append(f"tasks that wait for a process that knows the type {name!r}: {n:,}")
        for name, n in self.unknown_results.items():
            found.append(f"results kept as JSON, of the unknown type {name!r}: {n:,}")
        return found
