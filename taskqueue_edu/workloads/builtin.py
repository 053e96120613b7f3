"""Workloads by name: what `taskqueue run NAME` runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from taskqueue_edu.task import Task
from taskqueue_edu.workloads.arithmetic import MathTask, PrimeTask
from taskqueue_edu.workloads.source import (
    FileIndex,
    IndexFile,
    corpus_files,
    stdlib_files,
    summarize,
)
from taskqueue_edu.workloads.timing import FlakyTask, SleepTask
from taskqueue_edu.workloads.web import FetchPage, Page, PageServer

Tasks = AbstractContextManager[Sequence[Task[Any]]]


@dataclass(frozen=True)
class Workload:
    """Tasks that belong together, what they need while they run, and what came out.

    with BUILTIN["fetch"].open(20) as tasks:
        results = [task.execute() for task in tasks]
    print(BUILTIN["fetch"].summarize(results))
    """

    description: str
    _make: Callable[..., Tasks]
    _describe: Callable[[Sequence[Any]], str]

    def open(self, n: int | None = None) -> Tasks:
        """Return a context manager that gives the tasks: `n` of them, or the usual number.

        What they need (a server, for "fetch") is there until the context ends. A workload of
        files has one task a file, and no more. Raises ValueError if `n` is below 1.
        """
        if n is None:
            return self._make()
        if n < 1:
            raise ValueError(f"a workload of {n} tasks can't be run, expected 1 or more")
        return self._make(n)

    def summarize(self, results: Sequence[Any]) -> str:
        """Return a paragraph about the results, those of the tasks that succeeded."""
        return self._describe(results) if results else "There are no results."


def _stdlib(n: int | None = None) -> Tasks:
    return nullcontext(_index(stdlib_files()[:n]))


def _corpus(n: int | None = None) -> Tasks:
    return nullcontext(_index(corpus_files()[:n]))


@contextmanager
def _fetch(n: int = 100) -> Iterator[list[FetchPage]]:
    with PageServer() as server:
        yield [FetchPage(url) for url in server.urls(n)]


def _math(n: int = 1_000) -> Tasks:
    return nullcontext([MathTask("sum", tuple(range(1, 2 + i % 100))) for i in range(n)])


def _sleep(n: int = 40) -> Tasks:
    return nullcontext([SleepTask(0.1)] * n)


def _flaky(n: int = 20) -> Tasks:
    return nullcontext([FlakyTask(i % 4) for i in range(n)])


def _primes(n: int = 16) -> Tasks:
    return nullcontext([PrimeTask(10_000 * (i + 1)) for i in range(n)])


def _index(paths: Sequence[Path]) -> list[IndexFile]:
    return [IndexFile(str(path)) for path in paths]


def _about_source(results: Sequence[FileIndex]) -> str:
    total = summarize(results)
    text = (
        f"{total.files:,} files with {total.lines:,} lines, {total.functions:,} functions "
        f"and {total.classes:,} classes."
    )
    if total.longest_function is None:
        return text
    return (
        f"{text} The longest function is {total.longest_function} with "
        f"{total.longest_function_lines:,} lines, in {total.longest_function_path}."
    )


def _about_pages(results: Sequence[Page]) -> str:
    seconds = [page.seconds for page in results]
    return (
        f"{len(results):,} pages with {sum(page.bytes for page in results):,} bytes. "
        f"The median page took {median(seconds) * 1000:.0f} ms, the slowest "
        f"{max(seconds) * 1000:.0f} ms, all of them together {sum(seconds):.2f} s."
    )


def _about_sums(results: Sequence[int]) -> str:
    return f"{len(results):,} sums, the largest {max(results):,}."


def _about_sleep(results: Sequence[float]) -> str:
    return f"{len(results):,} tasks slept {sum(results):.1f} s, if you add up their sleep."


def _about_flaky(results: Sequence[int]) -> str:
    first = sum(attempt == 1 for attempt in results)
    return (
        f"{len(results):,} tasks succeeded in {sum(results):,} runs: {first:,} of them at once, "
        f"the last after {max(results)} runs."
    )


def _about_primes(results: Sequence[int]) -> str:
    return f"{len(results):,} counts of primes, the largest {max(results):,}."


BUILTIN: Final[Mapping[str, Workload]] = {
    "stdlib": Workload("index Python's standard library, CPU-bound", _stdlib, _about_source),
    "corpus": Workload("index the few files in this package, CPU-bound", _corpus, _about_source),
    "fetch": Workload("fetch pages from a local server, I/O-bound", _fetch, _about_pages),
    "math": Workload("add up numbers, over at once", _math, _about_sums),
    "sleep": Workload("sleep for 0.1 s a task, I/O-bound", _sleep, _about_sleep),
    "flaky": Workload("fail up to three times, to see retries", _flaky, _about_flaky),
    "primes": Workload("count primes in pure Python, CPU-bound", _primes, _about_primes),
}
"""The workloads by name."""
