"""Where the time goes that a journal takes to open."""

from __future__ import annotations

import gc
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any, Final
from unittest import mock

from taskqueue_edu.journal import lines
from taskqueue_edu.journal.scan import scan_file
from taskqueue_edu.ledger import Ledger
from tests.benchmarks import reopen
from tests.benchmarks.harness import Sample, Session
from tests.benchmarks.report import Report, figures, spread

TASKS: Final = 100_000
STAGES: Final = {
    "decoding": "msgspec decodes the lines",
    "facts": "facts, and records of kept tasks, are made of them",
    "checking": "reading, splitting, checksums, numbers",
    "folding": "the fold: records, counts, the log",
}


class _Timed:
    """A decoder that keeps what it decodes, and the seconds that it takes."""

    def __init__(self, decoder: Any) -> None:
        self._decode_lines = decoder.decode_lines
        self.decode = decoder.decode
        self.found: list[Any] = []
        self.seconds = 0.0

    def decode_lines(self, data: bytes) -> Any:
        began = time.perf_counter()
        found = self._decode_lines(data)
        self.seconds += time.perf_counter() - began
        self.found += found
        return found


def stages(folder: str, tasks: int) -> Sample:
    """Return the seconds a task takes in each stage, the garbage collector off as in `load`."""
    timed = _Timed(lines.decoder)
    path = Path(folder, "journal.jsonl")
    gc.disable()
    try:
        with path.open("rb") as file, mock.patch.object(lines, "decoder", timed):
            began = time.perf_counter()
            found = scan_file(file, path)
            scanned = time.perf_counter()
        Ledger(tasks).replay(found.facts)
        folded = time.perf_counter()
        facts = [line.fact() for line in timed.found]  # once more, by itself
        made = time.perf_counter() - folded
    finally:
        gc.enable()
    assert len(facts) <= len(found.facts)
    return {
        "decoding": timed.seconds / tasks,
        "facts": made / tasks,
        "checking": (scanned - began - timed.seconds - made) / tasks,
        "folding": (folded - scanned) / tasks,
    }


def run(session: Session) -> Report:
    """Measure, and return the table."""
    tasks = session.size(TASKS, 100)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as cache:
        whole, short = str(Path(cache, "whole")), str(Path(cache, "compacted"))
        session.fresh(reopen.write, whole, tasks)()
        shutil.copytree(whole, short, ignore=shutil.ignore_patterns("inbox", "lock"))
        session.fresh(reopen.compact, short, tasks)()
        cases = {}
        for name, folder in (("compacted", short), ("whole", whole)):
            cases[f"{name}: stages"] = session.fresh(stages, folder, tasks)
            cases[f"{name}: open"] = session.fresh(reopen.ours, folder, tasks, tasks)
            cases[f"{name}: json.loads"] = session.fresh(reopen.base, folder)
        results = session.measure("profile: reopen", cases)
    report = Report(
        "profile",
        f"opening a journal of {tasks:,} tasks, µs a task",
        head=["", "compacted, a line a task", "whole, three lines a task"],
    )

    def add(label: str, case: str, key: str, scale: float) -> None:
        shown = [
            spread([scale * value for value in figures(results, f"{name}: {case}", key)], 2)
            for name in ("compacted", "whole")
        ]
        report.rows.append([label, *shown])

    for key, label in STAGES.items():
        add(label, "stages", key, 1e6)
    add("all of `TaskQueue.open`, with what is around these", "open", "seconds", 1e6 / tasks)
    add("`json.loads` of its lines", "json.loads", "seconds", 1e6 / tasks)
    return report
