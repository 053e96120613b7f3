"""Run code that may do anything, and live on: a check must never cost a learner the kernel."""

from __future__ import annotations

import faulthandler
import io
import linecache
import os
import re
import select
import signal
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import IO, Final, NamedTuple

SECONDS: Final = 30.0
"""After so long, code counts as hung. A check that explores schedules ends by itself, earlier."""
MEMORY: Final = 1 << 30
"""Bytes that the code may take, beyond what the process has already."""
PRINTED: Final = 20_000
"""Characters of output that are kept."""

_STANDS: Final = re.compile(r'^  File "(.+)", line (\d+) in (.+)$')


class Ended(NamedTuple):
    """How a piece of code ended: `answer` is what it returned, None if it did not.

    `why` says then what happened instead, and `printed` what it wrote to standard output.
    """

    answer: bytes | None
    why: str
    printed: str
    hung: bool = False


def isolated(code: Callable[[], bytes], seconds: float = SECONDS) -> Ended:
    """Run `code` in a copy of this process and return its answer, or why there is none.

    The copy (`os.fork`) has all that the learner defined, and what it does stays there: it may
    hang, take all the memory, print for ever, exit, or change the working directory. Where there
    is no fork, on Windows, it runs in a thread, which keeps this process from a hang only.
    """
    if hasattr(os, "fork"):
        return _in_a_copy(code, seconds)
    return _in_a_thread(code, seconds)


# -- in a copy


def _in_a_copy(code: Callable[[], bytes], seconds: float) -> Ended:
    answers, answer = os.pipe()
    with (
        tempfile.TemporaryFile() as stacks,
        tempfile.TemporaryFile() as printed,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
    ):
        with warnings.catch_warnings():
            # Python 3.12 warns of locks that other threads hold. The copy uses none of theirs.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if not child:
            # The copy ends without cleaning up; what it leaves in this folder goes with it.
            os.environ["TMPDIR"] = tempfile.tempdir = folder
            _be_the_copy(code, seconds, answer, stacks, printed)
        os.close(answer)
        try:
            data, in_time = _read_all(answers, time.monotonic() + seconds + 1)
        finally:
            os.close(answers)
            # Its whole group: it may have started others.
            with suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
        stacks.seek(0)
        stood = stacks.read().decode(errors="replace")
        printed.seek(0)
        text = printed.read().decode(errors="replace")
    if not in_time or stood:
        return Ended(None, f"It did not end within {seconds:g} seconds.{_where(stood)}", text, True)
    if data[:1] == b"=":
        return Ended(data[1:], "", text)
    if data[:1] == b"!":
        return Ended(None, data[1:].decode(), text)
    return Ended(None, _exit(status), text)


def _be_the_copy(
    code: Callable[[], bytes],
    seconds: float,
    answer: int,
    stacks: IO[bytes],
    printed: IO[bytes],
) -> None:
    """Run the code, write the answer, and end, whatever happens."""
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the original gets it, and kills the copy
        faulthandler.disable()  # where it would write a crash to, is not ours
        faulthandler.dump_traceback_later(seconds, file=stacks.fileno())
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        sys.stdout = sys.stderr = _Paper(printed)
        _limit_memory()
        try:
            reply = b"=" + code()
        except SystemExit as error:
            reply = b"!It called sys.exit(%s)." % repr(error.code).encode()
        except MemoryError:
            reply = b"!It took more than %d MB of memory." % (MEMORY >> 20)
        except BaseException as error:
            lines = traceback.format_exception_only(error)
            reply = b"!It raised " + "".join(lines).strip().encode(errors="replace")
        sys.stdout.flush()
        with open(answer, "wb", closefd=False) as pipe:
            pipe.write(reply)
    finally:
        os._exit(0)


class _Paper(io.TextIOBase):
    """Standard output that is full after PRINTED characters, and throws the rest away."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._left = PRINTED

    def write(self, text: str) -> int:
        kept = text[: self._left]
        self._left -= len(kept)
        self._file.write(kept.encode(errors="replace"))
        if kept != text:
            self._left = 0
        return len(text)

    def flush(self) -> None:
        self._file.flush()

    def writable(self) -> bool:
        return True


def _limit_memory() -> None:
    import resource

    with suppress(OSError, ValueError, IndexError):  # macOS has neither the file nor the limit
        # Data alone: of addresses (RLIMIT_AS) each thread reserves 72 MB that it does not use.
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5])
        limit = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


def _read_all(descriptor: int, end: float) -> tuple[bytes, bool]:
    """Return what comes until the other side closes; False if that is not before `end`."""
    parts: list[bytes] = []
    while True:
        ready, _, _ = select.select([descriptor], [], [], max(end - time.monotonic(), 0.0))
        if not ready:
            return b"".join(parts), False
        part = os.read(descriptor, 1 << 16)
        if not part:
            return b"".join(parts), True
        parts.append(part)


def _exit(status: int) -> str:
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return "It closed files that were not its own, or was killed: out of memory, perhaps."
    if os.WIFSIGNALED(status):
        return f"It ended the whole process, by {signal.Signals(os.WTERMSIG(status)).name}."
    return f"It ended the whole process, with exit code {os.WEXITSTATUS(status)} (os._exit?)."


def _where(stacks: str) -> str:
    """Say at which line of the learner's own code each thread stood."""
    lines = []
    for stack in stacks.split("\n\n"):
        for line in stack.splitlines():
            stands = _STANDS.match(line)
            if stands and is_learners(stands[1]):
                lines.append(f"\n  a thread stands at: {source_line(stands[1], int(stands[2]))}")
                break
    return "".join(lines)


def where(frames: Iterable[FrameType]) -> str:
    """Say at which line of the learner's own code each of these threads stands."""
    lines = []
    for frame in frames:
        for call, number in traceback.walk_stack(frame):
            if is_learners(call.f_code.co_filename):
                line = source_line(call.f_code.co_filename, number)
                lines.append(f"\n  a thread stands at: {line}")
                break
    return "".join(lines)


def is_learners(file: str) -> bool:
    """Tell whether code comes from a cell of a notebook, or was typed in."""
    return "ipykernel_" in file or (file.startswith("<") and not file.startswith("<frozen"))


def source_line(file: str, number: int) -> str:
    """Return a line of source without its indentation."""
    return linecache.getline(file, number).strip() or f"{file}, line {number}"


# -- in a thread


def _in_a_thread(code: Callable[[], bytes], seconds: float) -> Ended:
    ended: list[Ended] = []

    def run() -> None:
        try:
            ended.append(Ended(code(), "", ""))
        except BaseException as error:
            text = "".join(traceback.format_exception_only(error)).strip()
            ended.append(Ended(None, f"It raised {text}", ""))

    thread = threading.Thread(target=run, name="taskqueue-check", daemon=True)
    thread.start()
    thread.join(seconds)
    if ended:
        return ended[0]
    return Ended(None, f"It did not end within {seconds:g} seconds.", "", True)
