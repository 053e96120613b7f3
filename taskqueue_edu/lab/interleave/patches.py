"""Puts the cooperative primitives in place, and takes them away again.

Only code under test gets them, and only in strands. Other threads, like those of a notebook's
kernel, find the real ones under the same names. Names that a module has imported (`from threading
import Lock`) are replaced too, and so are defaults (`clock=time.time`) and the variables of
closures, where dataclasses keep their default factories.
"""

from __future__ import annotations

import _thread
import contextlib
import itertools
import logging
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import _base as futures
from concurrent.futures import thread as executors
from functools import partial
from types import CellType, FunctionType
from typing import Any, Final
from weakref import WeakKeyDictionary

from taskqueue_edu.lab.interleave import clock, locks, queues, signals, threads
from taskqueue_edu.lab.interleave.identity import hashed, identity
from taskqueue_edu.lab.interleave.schedule import me
from taskqueue_edu.lab.interleave.scope import Scope
from taskqueue_edu.lab.interleave.strands import Abort


def _stand_in(cooperative: type, real: Any, scope: Scope) -> type:
    """Return what stands under the name of `real`: it makes a cooperative one where it should.

    A class, since code under test may derive from it, or ask `isinstance`.
    """
    of_real = real if isinstance(real, type) else type(real())

    class Meta(type):
        def __call__(cls, *args: Any, **options: Any) -> Any:
            if cls is stand_in and not (me() and scope.cooperates(sys._getframe(1))):
                return real(*args, **options)
            return super().__call__(*args, **options)

        def __instancecheck__(cls, instance: Any) -> bool:
            if cls is stand_in:
                return isinstance(instance, (of_real, cooperative))
            return super().__instancecheck__(instance)

        def __subclasscheck__(cls, subclass: type) -> bool:
            if cls is stand_in:
                return issubclass(subclass, (of_real, cooperative))
            return super().__subclasscheck__(subclass)

    Meta.__name__ = "type"  # an error that speaks of such a class reads as that of any other
    stand_in = Meta(cooperative.__name__, (cooperative,), {"__doc__": cooperative.__doc__})
    return stand_in


_PRIMITIVES: Final[dict[tuple[Any, str], type]] = {
    (threading, "Lock"): locks.Lock,
    (threading, "RLock"): locks.RLock,
    (threading, "Condition"): locks.Condition,
    (threading, "Event"): signals.Event,
    (threading, "Semaphore"): signals.Semaphore,
    (threading, "BoundedSemaphore"): signals.BoundedSemaphore,
    (threading, "Barrier"): signals.Barrier,
    (queue, "Queue"): queues.Queue,
    (queue, "LifoQueue"): queues.LifoQueue,
    (queue, "PriorityQueue"): queues.PriorityQueue,
    (queue, "SimpleQueue"): queues.SimpleQueue,
}
_FUNCTIONS: Final[dict[tuple[Any, str], Any]] = {
    (threading, "current_thread"): threads.current_thread,
    (time, "sleep"): clock.sleep,
    **{(time, name): now for name, now in clock.CLOCKS.items()},
}
_ELSEWHERE: Final[dict[tuple[Any, str], Any]] = {
    (threading.Thread, "start"): threads.start,
    (threading.Thread, "join"): threads.join,
    (threading.Thread, "is_alive"): threads.is_alive,
    (threading.Thread, "__hash__"): hashed,
    (futures.Future, "__hash__"): hashed,
    (threading, "_allocate_lock"): None,
    (queue, "time"): clock.CLOCKS["monotonic"],
}
_LOCK: Final = _thread.LockType
_RLOCK: Final = type(threading.RLock())


REAL: Final = frozenset(
    {
        _LOCK,
        _RLOCK,
        threading.Condition,
        threading.Event,
        threading.Semaphore,
        threading.BoundedSemaphore,
        queue.Queue,
        queue.LifoQueue,
        queue.PriorityQueue,
    }
)
"""What is replaced where it was made before. A class of one's own that derives from them is not."""


def _like(real: Any, known: dict[int, Any]) -> Any:
    """Return a cooperative primitive in the state of a real one; `known` are those made so far."""
    new: Any
    if isinstance(real, queue.Queue):
        kinds: dict[type, type[queues.Queue]] = {
            queue.LifoQueue: queues.LifoQueue,
            queue.PriorityQueue: queues.PriorityQueue,
        }
        new = kinds.get(type(real), queues.Queue)(real.maxsize)
        new.queue.extend(real.queue)
        new.unfinished_tasks = real.unfinished_tasks
        for part in ("mutex", "not_empty", "not_full", "all_tasks_done"):
            known[id(getattr(real, part))] = getattr(new, part)
    elif isinstance(real, threading.Event):
        new = signals.Event()
        new._flag = real.is_set()
    elif isinstance(real, threading.Semaphore):
        bounded = isinstance(real, threading.BoundedSemaphore)
        new = (signals.BoundedSemaphore if bounded else signals.Semaphore)(real._value)
    elif isinstance(real, threading.Condition):
        lock = real._lock  # type: ignore[attr-defined]
        if id(lock) not in known:
            known[id(lock)] = _like(lock, known)
        new = locks.Condition(known[id(lock)])
    else:
        new = locks.RLock() if isinstance(real, _RLOCK) else locks.Lock()
    return new


class Patches:
    """The replacements of one exploration."""

    def __init__(self, scope: Scope, scenario: Any) -> None:
        self._scope = scope
        self._undo: list[Callable[[], None]] = []
        self._made: list[tuple[Callable[[Any], None], Any, str]] = []
        self._by_id: dict[int, tuple[Any, Any]] = {}
        self._done: set[int] = set()
        self._scenario = scenario

    def put_in_place(self) -> None:
        """Replace the names."""
        self._by_id[id(id)] = (id, identity)
        for (module, name), cooperative in _PRIMITIVES.items():
            real = getattr(module, name)
            self._replace(module, name, real, _stand_in(cooperative, real, self._scope))
        for (module, name), function in _FUNCTIONS.items():
            self._replace(module, name, getattr(module, name), function)
        for (module, name), function in _ELSEWHERE.items():
            new = threading.Lock if function is None else function
            self._set(module, name, getattr(module, name), new)
        self._set(sys, "unraisablehook", sys.unraisablehook, partial(_report, sys.unraisablehook))
        self._executors()
        for module in self._scope.modules():
            self.namespace(vars(module))
        self._function(self._scenario)

    def _executors(self) -> None:
        """Replace what all ThreadPoolExecutors share, and what they order futures by."""
        self._identity(vars(futures))
        pool: Any = executors
        self._set(pool, "_threads_queues", pool._threads_queues, WeakKeyDictionary())
        name = "_global_shutdown_lock"
        self._ready_made(partial(setattr, pool, name), getattr(pool, name), name)
        # They are counted, for the names of their threads.
        executor = pool.ThreadPoolExecutor
        self._set(executor, "_counter", executor._counter, None)
        logger = logging.getLogger("concurrent.futures")
        logger.addFilter(_not_ours)
        self._undo.append(partial(logger.removeFilter, _not_ours))

    def _replace(self, module: Any, name: str, real: Any, new: Any) -> None:
        self._by_id[id(real)] = (real, new)
        self._set(module, name, real, new)

    def _set(self, owner: Any, name: str, old: Any, new: Any) -> None:
        setattr(owner, name, new)
        self._undo.append(partial(setattr, owner, name, old))

    def take_away(self) -> None:
        """Restore everything, the last first."""
        while self._undo:
            self._undo.pop()()

    def renew(self) -> None:
        """Put new primitives in the place of those that modules, classes and closures have.

        They begin as those were before the exploration, whatever the last schedule has left.
        """
        known: dict[int, Any] = {}
        executors.ThreadPoolExecutor._counter = itertools.count().__next__  # type: ignore[attr-defined]
        for put, real, name in self._made:
            new = known.get(id(real))
            if new is None:
                new = known[id(real)] = _like(real, known)
                new._named = name
            put(new)

    # -- names in the code under test

    def namespace(self, names: dict[str, Any]) -> None:
        """Replace what a module, or a cell of a notebook, has under names of its own."""
        if id(names) in self._done:
            return
        self._done.add(id(names))
        self._identity(names)
        for name, value in list(names.items()):
            if id(value) in self._by_id:
                names[name] = self._new(value)
                self._undo.append(partial(names.__setitem__, name, value))
            elif type(value) in REAL:
                self._ready_made(partial(names.__setitem__, name), value, name)
            elif isinstance(value, FunctionType):
                self._function(value)
            elif isinstance(value, type) and value.__module__ == names.get("__name__"):
                self._class(value)

    def _identity(self, names: dict[str, Any]) -> None:
        if "id" not in names:
            names["id"] = identity
            self._undo.append(partial(names.pop, "id", None))

    def _ready_made(self, put: Callable[[Any], None], real: Any, name: str) -> None:
        """Note where a primitive is that was made before: each schedule gets a new one there."""
        self._made.append((put, real, name))
        self._undo.append(partial(put, real))

    def _class(self, cls: type) -> None:
        if id(cls) in self._done:
            return
        self._done.add(id(cls))
        for name, value in list(vars(cls).items()):
            function = getattr(value, "__func__", value)
            if isinstance(value, property):
                function = value.fget
            if isinstance(function, FunctionType):
                self._function(function)
            elif type(value) in REAL:
                self._ready_made(partial(setattr, cls, name), value, name)
            elif isinstance(value, type) and value.__qualname__.startswith(cls.__qualname__):
                self._class(value)
            elif id(value) in self._by_id:
                self._set(cls, name, value, self._by_id[id(value)][1])

    def _function(self, function: Any) -> None:
        function = getattr(function, "__func__", function)
        if not isinstance(function, FunctionType) or id(function) in self._done:
            return
        self._done.add(id(function))
        defaults, options = function.__defaults__, function.__kwdefaults__
        if defaults and any(id(v) in self._by_id for v in defaults):
            self._set(function, "__defaults__", defaults, tuple(self._new(v) for v in defaults))
        if options and any(id(v) in self._by_id for v in options.values()):
            new = {name: self._new(v) for name, v in options.items()}
            self._set(function, "__kwdefaults__", options, new)
        for name, cell, value in _cells(function):
            if id(value) in self._by_id:
                self._set(cell, "cell_contents", value, self._new(value))
            elif isinstance(value, FunctionType):
                self._function(value)
            elif type(value) in REAL:
                self._ready_made(partial(setattr, cell, "cell_contents"), value, name)
            elif isinstance(value, type) and self._scope.has_file(_file_of(value)):
                self._class(value)
        if self._scope.has(function.__code__):
            self.namespace(function.__globals__)

    def _new(self, value: Any) -> Any:
        return self._by_id.get(id(value), (None, value))[1]


def _report(hook: Callable[[Any], None], unraisable: Any) -> None:
    """Report an error that nobody can catch, unless a schedule ended where something was collected.

    Generators and executors use locks and queues then.
    """
    if not isinstance(unraisable.exc_value, Abort):
        hook(unraisable)


def _not_ours(record: logging.LogRecord) -> bool:
    """Drop what an executor logs when a schedule ends before its threads do."""
    return record.exc_info is None or not isinstance(record.exc_info[1], Abort)


def _cells(function: FunctionType) -> Iterator[tuple[str, CellType, Any]]:
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    for name, cell in cells:
        with contextlib.suppress(ValueError):  # not assigned yet
            yield name, cell, cell.cell_contents


def _file_of(cls: type) -> str:
    module = sys.modules.get(cls.__module__)
    return getattr(module, "__file__", None) or "<string>"
