"""The error tree: what each class carries, what it inherits, and that it survives a pickle."""

from __future__ import annotations

import copy
import pickle
import queue as standard_queue
import re
from concurrent.futures import CancelledError

import pytest

import taskqueue_edu
from taskqueue_edu import errors
from taskqueue_edu.errors import (
    ConfigError,
    IllegalTransition,
    InvalidTask,
    JournalDamaged,
    QueueClosed,
    QueueFull,
    ResultExpired,
    ResultNotStorable,
    StorageError,
    StoreLocked,
    TaskCancelled,
    TaskDead,
    TaskFailed,
    TaskQueueError,
    TaskReleased,
    UnknownTask,
    UnknownTaskType,
    WaitTimeout,
    WorkerCrash,
)

CLASSES = [
    cls
    for cls in vars(errors).values()
    if isinstance(cls, type) and issubclass(cls, TaskQueueError)
]

STANDARD_PARENTS: dict[type[TaskQueueError], type[Exception]] = {
    InvalidTask: ValueError,
    UnknownTaskType: LookupError,
    QueueFull: standard_queue.Full,
    QueueClosed: RuntimeError,
    WaitTimeout: TimeoutError,
    UnknownTask: LookupError,
    ResultExpired: LookupError,
    TaskFailed: RuntimeError,
    TaskDead: RuntimeError,
    TaskCancelled: CancelledError,
    TaskReleased: CancelledError,
    ResultNotStorable: ValueError,
    IllegalTransition: RuntimeError,
    StorageError: OSError,
    JournalDamaged: OSError,
    StoreLocked: OSError,
    ConfigError: ValueError,
}


def name_of(cls: type) -> str:
    return cls.__name__


@pytest.mark.parametrize("cls", CLASSES, ids=name_of)
def test_message_id_and_hint(cls: type[TaskQueueError]) -> None:
    """An error says what happened, to which task, and what to do about it."""
    error = cls("it broke", task_id="abc-1", hint="mend it.")
    assert (error.message, error.task_id, error.hint) == ("it broke", "abc-1", "mend it.")
    assert str(error) == "it broke\n  What to do: mend it."
    assert error.args == ("it broke",)


@pytest.mark.parametrize("cls", CLASSES, ids=name_of)
def test_default_hint(cls: type[TaskQueueError]) -> None:
    """Without a hint of its own, an error has that of its class; an empty one shows nothing."""
    error = cls("it broke")
    assert error.task_id is None
    assert error.hint == cls.default_hint
    assert str(error).startswith("it broke")
    assert ("What to do" in str(error)) == bool(cls.default_hint)
    assert str(cls("it broke", hint="")) == "it broke"


@pytest.mark.parametrize("cls", CLASSES, ids=name_of)
def test_pickle_round_trip(cls: type[TaskQueueError]) -> None:
    """What an error says crosses to another process: message, id, hint, notes, cause's type."""
    error = cls("it broke", task_id="abc-1", hint="mend it.")
    error.add_note("Where it happened: here")
    if isinstance(error, TaskFailed):
        error.exception_type = "shop.OutOfStock"
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(twin) is cls
        assert vars(twin) == vars(error)
        assert str(twin) == str(error)
        assert twin.args == error.args
        assert twin.__notes__ == ["Where it happened: here"]


def test_default_hint_survives_a_pickle() -> None:
    """An error that was given no hint comes back with that of its class."""
    assert pickle.loads(pickle.dumps(QueueFull("full"))).hint == QueueFull.default_hint


@pytest.mark.parametrize("cls", CLASSES, ids=name_of)
def test_standard_parent(cls: type[TaskQueueError]) -> None:
    """Code that catches the closest class of the standard library catches ours."""
    if cls is not TaskQueueError:
        assert issubclass(cls, STANDARD_PARENTS[cls])
        with pytest.raises(STANDARD_PARENTS[cls]):
            raise cls("it broke")


def test_the_docstring_shows_the_tree() -> None:
    """The tree at the top of the module has every class under its base, with its parent."""
    drawn: dict[str, tuple[str, str]] = {}
    above: dict[int, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r" {4}([ |]*(?:\+-- )?)(\w+)(?: \(([\w.]+)\))?", line)
        if found is None:
            continue
        depth = len(found[1])
        drawn[found[2]] = above.get(depth - 4, ""), found[3] or ""
        above[depth] = found[2]
    assert drawn.keys() == {cls.__name__ for cls in CLASSES}
    for cls in CLASSES:
        base, parent = drawn[cls.__name__]
        if cls is TaskQueueError:
            continue
        assert cls.__bases__[0].__name__ == base
        if parent:
            assert cls.__bases__[1] is STANDARD_PARENTS[cls]
            assert STANDARD_PARENTS[cls].__name__ == parent.rpartition(".")[2]


def test_every_error_is_public() -> None:
    """Each class of the tree can be imported from the package."""
    for cls in (*CLASSES, WorkerCrash):
        assert getattr(taskqueue_edu, cls.__name__) is cls
        assert cls.__name__ in taskqueue_edu.__all__


def test_a_crash_is_no_exception() -> None:
    """A task's `except Exception` doesn't stop an injected crash."""
    assert not issubclass(WorkerCrash, Exception)
    assert not issubclass(WorkerCrash, TaskQueueError)


def test_every_class_says_what_it_means() -> None:
    """Each class has a docstring of its own: it is what help() shows."""
    docs = [cls.__dict__.get("__doc__") for cls in CLASSES]
    assert all(docs)
    assert len(set(docs)) == len(docs)
