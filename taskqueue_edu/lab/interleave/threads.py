"""Threads that the code under test starts itself, and `together`, which starts some at once."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Final

from taskqueue_edu.lab.interleave.schedule import join_all, me, run
from taskqueue_edu.lab.interleave.strands import Abort, Strand

_real_start: Final = threading.Thread.start
_real_join: Final = threading.Thread.join
_real_is_alive: Final = threading.Thread.is_alive
_real_current: Final = threading.current_thread
_real_main: Final = threading.main_thread
_UNNAMED: Final = re.compile(r"Thread-\d+( \((.*)\))?")


def together(*functions: Callable[[], object]) -> None:
    """Run each function in a thread of its own, and wait until all have ended.

    Outside of `explore` these are ordinary threads. The first exception that one of them raises is
    raised here.
    """
    strand = me()
    if strand is None:
        _for_real(functions)
        return
    current = run()
    group: list[Strand] = []
    names: dict[str, int] = {}
    for number, function in enumerate(functions):
        name = _name(function, number + 1)
        names[name] = names.get(name, 0) + 1
        # Equal functions make equal threads: whether the one or the other goes first is the same.
        twin = next(i for i, other in enumerate(functions) if other == function)
        past = hash((strand.past, 3, twin))
        group.append(current.spawn(name, function, past))
    for name, count in names.items():
        if count > 1:
            for number, twin_strand in enumerate((s for s in group if s.name == name), 1):
                twin_strand.name = f"{name} {number}"
    join_all(current, strand, group)


def _name(function: Callable[[], object], number: int) -> str:
    name = getattr(function, "__name__", None) or getattr(
        getattr(function, "func", None), "__name__", ""
    )
    return f"thread {number}" if name in ("", "<lambda>", "main") else str(name)


def _for_real(functions: tuple[Callable[[], object], ...]) -> None:
    errors: list[BaseException] = []

    def body(function: Callable[[], object]) -> None:
        try:
            function()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=body, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


# -- in the place of threading's own

_STRAND: Final = "_lab_strand"


def start(self: threading.Thread) -> None:
    strand = me()
    if strand is None:
        _real_start(self)
        return
    if hasattr(self, _STRAND):
        raise RuntimeError("threads can only be started once")
    current = run()
    if current.over:
        raise Abort
    name = self.name
    if unnamed := _UNNAMED.fullmatch(name):
        name = unnamed[2] or f"thread {len(current.strands)}"
        if any(s.name == name for s in current.strands):
            name = f"{name} {len(current.strands)}"
    started = current.spawn(name, self.run, hash((strand.past, len(current.strands))))
    started.daemon, started.thread = self.daemon, self
    setattr(self, _STRAND, started)
    strand.past = hash((strand.past, 5))
    current.tracer.join_in()
    strand.doing = ("go on after the start of", started)
    current.point(strand)
    if current.recorder is not None:
        current.recorder.remark(strand, f"has started {started.name}")


def join(self: threading.Thread, timeout: float | None = None) -> None:
    strand, other = me(), getattr(self, _STRAND, None)
    if strand is None or other is None:
        if strand is not None and self.ident is None:
            raise RuntimeError("cannot join thread before it is started")
        _real_join(self, timeout)
        return
    if other is strand:
        raise RuntimeError("cannot join current thread")
    current = run()
    deadline = None if timeout is None else current.now + max(timeout, 0.0)
    strand.doing = ("join", other)
    current.point(strand, lambda: other.done, deadline)
    strand.past = hash((strand.past, other.done, other.past if other.done else 0))
    if other.done:
        current.joined(strand, other)
    if current.recorder is not None:
        current.recorder.remark(strand, f"has joined {other.name}" if other.done else "gave up")
    current.tracer.rest(current)


def is_alive(self: threading.Thread) -> bool:
    strand, other = me(), getattr(self, _STRAND, None)
    if strand is None or other is None:
        return False if other is not None else _real_is_alive(self)
    current = run()
    strand.doing = ("look at", other)
    current.point(strand)
    strand.past = hash((strand.past, other.done, other.past if other.done else 0))
    if other.done:
        current.joined(strand, other)
    return not other.done


def current_thread() -> threading.Thread:
    strand = me()
    if strand is None:
        return _real_current()
    if strand.id == 0:
        return _real_main()
    if strand.thread is None:  # one of together()
        strand.thread = threading.Thread(name=strand.name, daemon=False)  # else it asks for us
        setattr(strand.thread, _STRAND, strand)
    thread: threading.Thread = strand.thread
    return thread
