"""When a task that failed is tried again, and how long it waits first.

A retry is safe only for a task that may run twice with the same effect as once (an
*idempotent* task). The queue can't know that; whoever writes the policy does.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from taskqueue_edu.errors import InvalidTask


def qualified_name(cls: type) -> str:
    """Return `module.QualName`, without the module for built-in classes."""
    module = cls.__module__
    return cls.__qualname__ if module == "builtins" else f"{module}.{cls.__qualname__}"


@dataclass(frozen=True, init=False)
class RetryPolicy:
    """How often a task may run, after which exceptions, and with which waits between.

    `attempts` counts every run, the first included: 1 means no retry. `on` names the exception
    classes (or their qualified names) that are worth another try; subclasses count. The wait
    before run n+1 is `delay * factor ** (n - 1)` seconds, at most `max_delay`, and shortened by
    a random share of up to `jitter` (0 to 1), so that tasks that failed together don't all come
    back together ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015).

    Classes are kept by name: a policy can be written to a journal and read back without
    importing anything, and an exception class that a notebook cell defines anew still matches.
    """

    attempts: int
    on: tuple[str, ...]
    delay: float
    factor: float
    max_delay: float
    jitter: float

    def __init__(
        self,
        attempts: int = 1,
        on: Iterable[type[BaseException] | str] = (Exception,),
        delay: float = 0.1,
        factor: float = 2.0,
        max_delay: float = 60.0,
        jitter: float = 0.5,
    ) -> None:
        """Raise InvalidTask when a value has the wrong type or is out of range."""
        for name, value, kinds, what, least, most in (
            ("attempts", attempts, (int,), "a whole number", 1, 10**9),
            ("delay", delay, (int, float), "seconds", 0, 10**9),
            ("factor", factor, (int, float), "a number", 1, 10**9),
            ("max_delay", max_delay, (int, float), "seconds", 0, 10**9),
            ("jitter", jitter, (int, float), "a number", 0, 1),
        ):
            # By exact type: a bool is an int to isinstance, and JSON would keep it as a bool.
            if type(value) not in kinds or not least <= value <= most:
                raise InvalidTask(
                    f"RetryPolicy: {name} is {value!r}, expected {what}, {least:,} to {most:,}"
                )
            object.__setattr__(self, name, value)
        # One name would count as a tuple of its letters.
        alone = isinstance(on, (str, type)) or not isinstance(on, Iterable)
        classes = () if alone else tuple(on)
        if alone or not all(isinstance(cls, (str, type)) for cls in classes):
            raise InvalidTask(
                f"RetryPolicy: on is {on!r}, expected exception classes or their names",
                hint="write a tuple, for a single class too: on=(ConnectionError,).",
            )
        names = tuple(cls if isinstance(cls, str) else qualified_name(cls) for cls in classes)
        object.__setattr__(self, "on", names)

    def wait_after(
        self,
        attempt: int,
        error_names: Iterable[str],
        uniform: Callable[[], float] = random.random,
    ) -> float | None:
        """Return the seconds to wait after run number `attempt` failed, or None to give up.

        `error_names` are the qualified names of the exception's class and its bases;
        `uniform` returns a float in [0, 1).
        """
        if attempt >= self.attempts or not any(name in self.on for name in error_names):
            return None
        try:
            longest = min(self.max_delay, self.delay * float(self.factor) ** (attempt - 1))
        except OverflowError:  # the power is past every float: far past max_delay
            longest = self.max_delay if self.delay else 0.0
        return longest * (1 - self.jitter * uniform())
