"""Runs things side by side, in turns, and keeps every sample.

A *case* is a function that does the work once and returns its figures. A machine is faster at
one time than at another, so each round runs every case once, the order reversed from one round to
the next, and what is quoted is the ratio within a round.
"""

from __future__ import annotations

import gc
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

from tests.benchmarks.progress import Progress

ROOT: Final = Path(__file__).parents[2]
LIMIT: Final = 900.0
"""Seconds that one sample may take."""
GRACE: Final = 30.0
"""Seconds that a process gets to end what it started."""

Sample: TypeAlias = dict[str, float]
Case: TypeAlias = Callable[[], Sample]
Results: TypeAlias = dict[str, list[Sample]]


class Session:
    """One run of the suite: how much to do, and what became of it."""

    def __init__(
        self,
        *,
        rounds: int = 5,
        shrink: int = 1,
        fresh: bool = True,
        peers: bool = True,
        progress: bool = True,
        folder: Path | None = None,
    ) -> None:
        """Measure `rounds` times, with sizes divided by `shrink`; pictures go to `folder`.

        With `fresh=False` nothing gets a process of its own, and with `peers=False` no package
        is compared that does not come with Python: for the test of the suite.
        """
        self.rounds = rounds
        self.shrink = shrink
        self.folder = folder
        self.stopped = False
        """True once Ctrl-C has come: what there is gets written, and nothing more measured."""
        self.failed = False
        """True once a case has raised."""
        self.samples: dict[str, Results] = {}
        self.notes: list[str] = []
        self._fresh = fresh
        self._peers = peers
        self._progress = Progress(progress)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._progress.close()

    def size(self, full: int, least: int = 1) -> int:
        """Return how many to do of what a full run does `full`."""
        return max(full // self.shrink, least)

    def fresh(self, function: Callable[..., Sample], *args: int | float | str | bool) -> Case:
        """Return a case that calls a module's function in a process of its own.

        What one case leaves behind, in the heap or in the garbage collector, is then no burden
        to the next.
        """
        if not self._fresh:
            return partial(function, *args)
        return partial(in_process, f"{function.__module__}:{function.__qualname__}", *args)

    def has(self, module: str, package: str) -> bool:
        """Tell whether a peer can be measured; if not, a line says so."""
        if not self._peers:
            return False
        try:
            there = find_spec(module) is not None
        except ModuleNotFoundError:
            there = False
        if not there:
            self.notes.append(f"{package} is not installed: skipped.")
        return there

    def measure(
        self, title: str, cases: Mapping[str, Case | None], rounds: int | None = None
    ) -> Results:
        """Run every case once a round; return the samples of all complete rounds, by case.

        A case that is None is left out. One that raises is dropped, and a note says why.
        """
        count = self.rounds if rounds is None else rounds
        live = {name: case for name, case in cases.items() if case is not None}
        results: Results = {name: [] for name in live}
        done = 0
        try:
            for turn in range(0 if self.stopped else count):
                names = [*live] if turn % 2 == 0 else [*reversed(live)]
                for n, name in enumerate(names):
                    at = turn * len(names) + n
                    self._progress.show(title, name, at, count * len(names))
                    gc.collect()
                    try:
                        results[name].append(live[name]())
                    except Exception as error:
                        self.failed = True
                        self.notes.append(f"{name} failed and was dropped: {error!r}")
                        del live[name], results[name]
                done = turn + 1
        except KeyboardInterrupt:
            self.stopped = True
            self.notes.append(f"{title}: interrupted after {done} of {count} rounds.")
        complete = {name: samples[:done] for name, samples in results.items()}
        self.samples[title] = complete
        return complete


def in_process(target: str, *args: int | float | str | bool) -> Sample:
    """Call `module:function` in a new process, and return its figures."""
    command = [sys.executable, "-m", "tests.benchmarks.child", target, json.dumps(args)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        try:
            out, complaint = child.communicate(timeout=LIMIT)
        except BaseException:
            # It may have started a server: it is asked to end that, and itself.
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(GRACE)
            except subprocess.TimeoutExpired:
                child.kill()
            raise
    if child.returncode:
        reason = complaint.strip().splitlines() or ["no message"]
        raise RuntimeError(f"exit status {child.returncode}: {reason[-1]}")
    sample: Sample = json.loads(out.splitlines()[-1])
    return sample


def module(name: str) -> Any:
    """Return a peer's module, which may have no annotations."""
    return import_module(name)


def version_of(package: str) -> str:
    """Return name and version of an installed package, or "" if there is none."""
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return ""
