"""Tasks for the tests of the core. A spawned process imports this module too."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from taskqueue_edu.catalogue import task_type
from taskqueue_edu.errors import QueueClosed
from taskqueue_edu.executor import run_task
from taskqueue_edu.queue import TaskQueue
from taskqueue_edu.retry import RetryPolicy
from taskqueue_edu.task import current_task

LIMIT = 20.0
"""Seconds after which a wait in a test has failed. None takes so long unless something is wrong."""


class Do:
    """Calls a function. No dataclass, and not registered: for memory queues."""

    def __init__(self, function: Callable[[], Any] = lambda: None) -> None:
        self.function = function

    def execute(self) -> Any:
        return self.function()


class Blocker:
    """Says when it began, and goes on when it may. It has no checkpoint."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.go = threading.Event()
        self.runs = 0

    def execute(self) -> str:
        self.runs += 1
        self.began.set()
        assert self.go.wait(LIMIT), "nobody let the task go on"
        return "let go"


class Sleeper:
    """Says when it began, and sleeps until it is asked to stop."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.runs = 0

    def execute(self) -> None:
        self.runs += 1
        self.began.set()
        current_task().sleep(LIMIT)


@task_type("core-add")
@dataclass(frozen=True)
class Add:
    left: int
    right: int

    def execute(self) -> int:
        return self.left + self.right


@task_type("core-fail")
@dataclass(frozen=True)
class Fail:
    message: str

    def execute(self) -> int:
        raise LookupError(self.message)


@task_type("core-pid")
@dataclass(frozen=True)
class Pid:
    def execute(self) -> int:
        return os.getpid()


@task_type("core-exit")
@dataclass(frozen=True)
class Exit:
    """Ends its process, as a crash in C code would."""

    code: int = 1

    def execute(self) -> None:
        os._exit(self.code)


@task_type("core-lambda")
@dataclass(frozen=True)
class ReturnsLambda:
    """Returns what no JSON can hold."""

    def execute(self) -> Any:
        return lambda: None


@task_type("core-nothing")
@dataclass(frozen=True)
class ReturnsNothing:
    """Says that it returns a number."""

    def execute(self) -> int:
        return None  # type: ignore[return-value]


@task_type("core-log", retry=RetryPolicy(attempts=5, delay=0.0))
@dataclass(frozen=True)
class Append:
    """Appends a line to a file."""

    path: str
    line: str

    def execute(self) -> str:
        with Path(self.path).open("a") as file:
            file.write(self.line + "\n")
        return self.line


@task_type("core-odd")
@dataclass(frozen=True)
class Odd:
    """Raises one of the exceptions that try to break whoever handles them."""

    name: str

    def execute(self) -> None:
        raise ODD[self.name]()


class BadStr(Exception):
    def __str__(self) -> str:
        raise ValueError("no text for you")

    __repr__ = __str__


class ExitingStr(Exception):
    def __str__(self) -> str:
        raise SystemExit("from __str__")

    __repr__ = __str__


class NotText(Exception):
    def __str__(self) -> str:
        return 5  # type: ignore[return-value]


class Unpicklable(Exception):
    def __init__(self) -> None:
        super().__init__("holds a lock")
        self.lock = threading.Lock()


class NeedsArguments(Exception):
    def __init__(self, one: object, two: object) -> None:
        super().__init__("can't be built from its args")


class Bare(BaseException):
    pass


def _recurse() -> None:
    _recurse()


def _raise_recursion_error() -> BaseException:
    try:
        _recurse()
    except RecursionError as error:
        return error
    raise AssertionError("the stack has no end")


ODD: dict[str, Callable[[], BaseException]] = {
    "Exception": Exception,
    "BaseException": Bare,
    "SystemExit": SystemExit,
    "KeyboardInterrupt": KeyboardInterrupt,
    "GeneratorExit": GeneratorExit,
    "StopIteration": lambda: StopIteration(3),
    "StopAsyncIteration": StopAsyncIteration,
    "MemoryError": MemoryError,
    "RecursionError": _raise_recursion_error,
    "BadStr": BadStr,
    "ExitingStr": ExitingStr,
    "NotText": NotText,
    "Unpicklable": Unpicklable,
    "NeedsArguments": lambda: NeedsArguments(1, 2),
    "Surrogate": lambda: ValueError("\ud800"),
    "Group": lambda: ExceptionGroup("two", [ValueError(1), BadStr()]),
}
"""Makers of exceptions, by a name for the test."""


def run_one(queue: TaskQueue, worker: str = "hand") -> None:
    """Run the next task of a queue without a pool, in this thread. It must have one that is due."""
    run = queue.dispatcher.claim(worker)
    assert run is not None
    queue.dispatcher.settle(run, *run_task(run))


def serve(queue: TaskQueue, worker: str = "hand") -> threading.Thread:
    """Start the pool of one's own that dispatch.py shows, of one thread."""

    def loop() -> None:
        with suppress(QueueClosed):
            desk = queue.dispatcher
            while (run := desk.claim(worker)) is not None:
                desk.settle(run, *run_task(run))

    thread = threading.Thread(target=loop, name=worker, daemon=True)
    thread.start()
    return thread
