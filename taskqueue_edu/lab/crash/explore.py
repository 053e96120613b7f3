"""`crash_test`: the whole of it."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from taskqueue_edu.lab.crash.checks import log_kept
from taskqueue_edu.lab.crash.disk import DiskModel
from taskqueue_edu.lab.crash.effects import Content
from taskqueue_edu.lab.crash.kinds import kind_of
from taskqueue_edu.lab.crash.runs import ProgramRaised, Recover, Run, Spent
from taskqueue_edu.lab.crash.search import Check, Search
from taskqueue_edu.lab.crash.story import failure
from taskqueue_edu.lab.crash.tree import count
from taskqueue_edu.lab.crash.verdict import Verdict

_DISKS: Final[dict[DiskModel, str]] = {
    "strict": "a disk that does what the POSIX standard promises and no more",
    "ext4": "a disk that does what Linux's ext4 does",
}
_FAULTS: Final = {"eio": "each fsync failing once", "enospc": "the disk full from each write on"}


def crash_test(
    run: Run,
    recover: Recover,
    check: Check = log_kept,
    *,
    files: Mapping[str, bytes] | None = None,
    disk: DiskModel = "strict",
    disorder: int = 2,
    faults: Collection[str] = ("eio",),
    restart: bool = True,
    budget: int = 20_000,
) -> Verdict:
    """Crash a program after each of its operations, and see whether it keeps its promises.

    `run(folder, acknowledge)` is the program: it works in `folder`, a path on a simulated disk
    that holds `files`, and calls `acknowledge(value)` when it promises that something is safe.
    After each crash `recover(folder)` starts from what the disk may hold then, and returns what
    it has found. `check(acknowledged, recovered)` raises, or returns False, if that is wrong:
    `log_kept` for a list that grows, `value_kept` for one value, or your own.

    A crash is the death of the process, or a power cut. That loses what was not synced, from any
    effect on, with up to `disorder` of them out of order or torn; `disk` says what a disk may
    do ("strict": all that POSIX leaves open; "ext4"). Recovery may crash, too, once. `faults`
    "eio" and "enospc" let each fsync fail, or the disk be full from each write on. With `restart`
    the program is then started again on what recovery left, and must be right once more.

    It ends after `budget` different contents of the disk, never after a time, and gives the
    same verdict each time if the program does the same each time. What the program raises
    when nothing fails is a failure as well. Raises ValueError for a fault or a disk that there is
    not, TypeError if `log_kept` gets one text or bytes where it needs a list.
    """
    unknown = [fault for fault in faults if fault not in _FAULTS]
    if unknown or disk not in _DISKS:
        raise ValueError(f"no such fault or disk: {[*unknown, disk]}")
    search = Search(
        run,
        recover,
        check,
        start=_content(files or {}),
        model=disk,
        disorder=disorder,
        faults=faults,
        restart=restart,
        budget=budget,
    )
    verdict = _searched(search, budget)
    if _kept is not None:
        _kept.append(verdict)
    return verdict


def _searched(search: Search, budget: int) -> Verdict:
    """Search until something is wrong, and say what was found."""
    began = time.perf_counter()
    found, passed, spent = None, 0, False
    try:
        for found in search.first_failure():
            if found:
                break
            passed += 1
    except Spent:
        spent = True
    except ProgramRaised as error:
        return _verdict(
            search, began, False, "exception", str(error), _covered(search, passed, True)
        )
    covered = _covered(search, passed, bool(found))
    if spent:
        text = f"no failure in {budget:,} states, and there are more"
        return _verdict(search, began, None, "budget spent", text, covered)
    if found is None:
        return _verdict(search, began, True, "ok", "what was acknowledged is always there", covered)
    kind = kind_of(found)
    verdict = _verdict(search, began, False, kind, found.problem.message, covered)
    return replace(verdict, failure=failure(found, kind))


def _verdict(
    search: Search, began: float, ok: bool | None, kind: str, message: str, covered: str
) -> Verdict:
    seconds = time.perf_counter() - began
    if message[:2].isalpha():  # else it begins with a value
        message = message[0].upper() + message[1:]
    return Verdict(ok, kind, message, len(search.runner.outcomes), seconds, search.points, covered)


_kept: list[Verdict] | None = None


@contextmanager
def keeping() -> Iterator[list[Verdict]]:
    """Keep what each call of `crash_test` has found meanwhile, whatever becomes of it there."""
    global _kept
    before, _kept = _kept, []
    try:
        yield _kept
    finally:
        _kept = before


def _content(files: Mapping[str, bytes]) -> Content:
    paths: dict[str, bytes | None] = dict(files)
    for path in files:
        parts = path.split("/")
        paths.update({"/".join(parts[:n]): None for n in range(1, len(parts))})
    return tuple(sorted(paths.items(), key=lambda item: item[0].split("/")))


def _covered(search: Search, passed: int, failed: bool) -> str:
    """Say what went well: `passed` levels without a fault, then as many with one."""
    levels = search.disorder + 2
    plain = _levels(min(passed, levels))
    if not plain:
        return f"Nothing was passed, on {_DISKS[search.model]}."
    parts = [plain]
    if search.faults and passed > levels:
        faults = " and ".join(_FAULTS[fault] for fault in search.faults)
        whole = passed == 2 * levels
        parts.append(
            f"the same with {faults}" if whole else f"with {faults}: {_levels(passed - levels)}"
        )
    parts.append("each recovery crashed once itself")
    if search.restart:
        parts.append("the program started again after each")
    head = "Before that all went well" if failed else "Passed"
    return f"{head}, on {_DISKS[search.model]}: {'; '.join(parts)}."


def _levels(passed: int) -> str:
    if not passed:
        return ""
    text = "the process killed after each operation"
    if passed > 1:
        text += ", or the power cut, with what was not synced lost from any point on"
    if passed > 2:
        text += f", with up to {count(passed - 2, 'effect')} of it torn or out of order"
    return text
