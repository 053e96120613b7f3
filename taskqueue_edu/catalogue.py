"""The table of task types by name, and their strict JSON codec.

Data is never code: JSON names a type, and only a class that this process registered under that
name is ever built from it. What JSON would change silently (a tuple in an untyped field, NaN, a
str subclass, a wrong type that a dataclass doesn't check) is refused with the field's name.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import reprlib
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar, get_type_hints

import msgspec

from taskqueue_edu.errors import InvalidTask, ResultNotStorable, UnknownTaskType
from taskqueue_edu.limits import MOST
from taskqueue_edu.retry import RetryPolicy, qualified_name
from taskqueue_edu.task import Task

C = TypeVar("C", bound=type)

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}")
_encoder = msgspec.json.Encoder()


class TaskType:
    """One entry of the catalogue: a task class, its name, its codec, its retry policy."""

    def __init__(
        self, name: str, cls: type, retry: RetryPolicy | None, scope: Mapping[str, Any]
    ) -> None:
        self.name = name
        self.cls = cls
        self.retry = retry
        self.fields = tuple(field.name for field in dataclasses.fields(cls))
        self.decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(cls, strict=True)
        self.result_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(
            _result_type(cls, scope), strict=True
        )


def _result_type(cls: type, scope: Mapping[str, Any]) -> Any:
    """Return the annotated result of `execute()`; Any if it has none that can be resolved."""
    try:
        hints = get_type_hints(cls.execute, localns=dict(scope))  # type: ignore[attr-defined]
    except NameError:
        return Any
    result = hints.get("return", Any)
    return Any if isinstance(result, TypeVar) else result


class Catalogue:
    """Task types by name and by class."""

    def __init__(self) -> None:
        # Guards both tables: a type is in both or in neither.
        self._lock = threading.Lock()
        self._by_name: dict[str, TaskType] = {}
        self._by_class: dict[type, TaskType] = {}

    def register(
        self,
        name: str,
        cls: type,
        retry: RetryPolicy | None = None,
        scope: Mapping[str, Any] | None = None,
    ) -> None:
        """Put the dataclass `cls` into the catalogue under `name`.

        A class of the same module and qualified name is replaced, so a notebook cell can be run
        again. `scope` resolves annotations that name local classes. Raises InvalidTask if the
        name is malformed or taken, or the class is no dataclass with `execute()`.
        """
        if not _NAME.fullmatch(name):
            raise InvalidTask(
                f"{name!r} is no name for a task type",
                hint="use a letter, then up to 99 letters, digits, or any of _ . -",
            )
        if not (dataclasses.is_dataclass(cls) and callable(getattr(cls, "execute", None))):
            raise InvalidTask(
                f"{cls.__qualname__} is no dataclass with an execute() method",
                hint="write @task_type(...) above @dataclass, and define execute(self).",
            )
        try:
            entry = TaskType(name, cls, retry, scope or {})
        except Exception as error:  # annotations are code, and may raise anything
            raise InvalidTask(
                f"{cls.__qualname__} can't be a stored task: {_reason(error)}",
                hint="annotate fields and the result of execute() with types JSON can hold.",
            ) from error
        with self._lock:
            old = self._by_name.get(name)
            if old is not None and qualified_name(old.cls) != qualified_name(cls):
                raise InvalidTask(
                    f"the task type {name!r} is taken by {qualified_name(old.cls)}",
                    hint="choose another name.",
                )
            if old is not None:
                self._by_class.pop(old.cls, None)
            self._by_name[name] = self._by_class[cls] = entry

    def names(self) -> list[str]:
        """Return the names of all task types, sorted."""
        with self._lock:
            return sorted(self._by_name)

    def find(self, name: str) -> TaskType | None:
        """Return the entry of that name, or None."""
        return self._by_name.get(name)

    def get(self, name: str) -> TaskType:
        """Return the entry of that name. Raises UnknownTaskType."""
        entry = self._by_name.get(name)
        if entry is None:
            known = ", ".join(self.names()) or "none"
            raise UnknownTaskType(f"no task type {name!r} in this process; known: {known}")
        return entry

    def of(self, task: Task[Any]) -> TaskType | None:
        """Return the entry of the task's class, or None if it is not registered."""
        return self._by_class.get(type(task))

    def encode(self, task: Task[Any]) -> tuple[bytes, Task[Any]]:
        """Return the task as JSON, and the equal task that comes back from it.

        The copy is what a persistent queue runs: it shares nothing with the caller's object.
        Raises InvalidTask with the field's name if the round trip would change anything.
        """
        entry = self.of(task)
        if entry is None:
            raise InvalidTask(
                f"{type(task).__qualname__} is not registered, so a journal can't keep it",
                hint='put @task_type("a-name") above its @dataclass, or use a memory queue.',
            )
        try:
            payload = _encoder.encode(task)
            copy = entry.decoder.decode(payload)
        except Exception as error:  # the class's own __post_init__ runs in here
            raise InvalidTask(
                f"{entry.name}: {self._culprit(entry, task)}{_reason(error)}",
                hint="a stored task's fields must have the annotated type and fit into JSON.",
            ) from error
        MOST.check(payload, entry.name)
        for name in entry.fields:
            before, after = getattr(task, name), getattr(copy, name, None)
            if not _same(before, after):
                raise InvalidTask(
                    f"{entry.name}: field {name!r} is {reprlib.repr(before)} and would come back "
                    f"from JSON as {reprlib.repr(after)}",
                    hint="give the field the exact type it holds, such as tuple[int, ...].",
                )
        return payload, copy

    def decode(self, name: str, payload: bytes) -> Task[Any]:
        """Build a task from JSON, checking every type. Raises UnknownTaskType, InvalidTask."""
        entry = self.get(name)
        MOST.check(payload, name)
        try:
            given = json.loads(payload, object_pairs_hook=_no_duplicates)
            task: Task[Any] = entry.decoder.decode(payload)
            unknown = next(_passed_over(given, json.loads(_encoder.encode(task))), None)
            if unknown is not None:
                raise ValueError(f"there is no field {unknown!r}")
        except Exception as error:  # the class's own __post_init__ runs in here
            raise InvalidTask(
                f"{name}: {_reason(error)}", hint=f"its fields are: {_signature(entry)}"
            ) from error
        return task

    def encode_result(self, name: str, value: Any) -> bytes:
        """Return a result as JSON.

        Raises ResultNotStorable if it would not come back equal, UnknownTaskType.
        """
        entry = self.get(name)
        try:
            payload = _encoder.encode(value)
            after = entry.result_decoder.decode(payload)
        except Exception as error:  # the value's own __post_init__ runs in here
            if value is None:
                raise ResultNotStorable(
                    f"the result of {name} can't be kept: execute() returned None",
                    hint="does every way through execute() end in a return? If so, annotate it.",
                ) from error
            raise ResultNotStorable(
                f"the result of {name} can't be kept: {_reason(error)}"
            ) from error
        MOST.check(payload, f"the result of {name}", ResultNotStorable)
        if not _same(value, after):
            raise ResultNotStorable(
                f"the result of {name} is a {type(value).__qualname__} and would come back from "
                f"JSON as another value: {reprlib.repr(after)}"
            )
        return payload

    def decode_result(self, name: str, payload: bytes) -> Any:
        """Build a result from JSON, as the type that `execute()` is annotated with.

        Raises InvalidTask, UnknownTaskType.
        """
        entry = self.get(name)
        try:
            return entry.result_decoder.decode(payload)
        except Exception as error:  # the value's own __post_init__ runs in here
            raise InvalidTask(
                f"a stored result of {name} no longer fits: {_reason(error)}",
                hint="execute() had another return type when the task ran; restore it to read.",
            ) from error

    @staticmethod
    def _culprit(entry: TaskType, task: Task[Any]) -> str:
        """Name the field that can't be encoded, as a prefix; "" if each can."""
        for name in entry.fields:
            try:
                _encoder.encode(getattr(task, name))
            except Exception:
                return f"field {name!r}: "
        return ""


def _same(before: Any, after: Any) -> bool:
    # An int may stand for a float, as type checkers have it.
    if type(before) is not type(after) and (type(before), type(after)) != (int, float):
        return False
    try:
        return bool(before == after)
    except Exception:  # __eq__ is the task's own code
        return False


def _reason(error: Exception) -> str:
    return str(error) or type(error).__qualname__


def _passed_over(given: Any, kept: Any, path: str = "") -> Iterator[str]:
    """Yield the path of each key in `given` that decoding ignored: `kept` is without it."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for key, value in given.items():
            if key in kept:
                yield from _passed_over(value, kept[key], f"{path}{key}.")
            else:
                yield path + key
    elif isinstance(given, list) and isinstance(kept, list):
        for pair in zip(given, kept, strict=False):
            yield from _passed_over(*pair, path)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} is there twice")
    return table


def _signature(entry: TaskType) -> str:
    return ", ".join(
        f"{field.name}: "
        + (field.type if isinstance(field.type, str) else inspect.formatannotation(field.type))
        for field in dataclasses.fields(entry.cls)
    )


catalogue: Final = Catalogue()
"""The task types of this process: what `@task_type` fills."""


def task_type(name: str, *, retry: RetryPolicy | None = None) -> Callable[[C], C]:
    """Register a dataclass as a task type: JSON can name it, a journal can keep it.

    `retry` applies to its tasks unless `submit` is given another. Raises InvalidTask (see
    `Catalogue.register`).
    """
    if not isinstance(name, str):  # @task_type without parentheses: `name` is the class
        raise InvalidTask(
            "a task type needs a name", hint='write @task_type("a-name") above @dataclass.'
        )
    scope = sys._getframe(1).f_locals  # names a class local to a function or a notebook cell

    def register(cls: C) -> C:
        catalogue.register(name, cls, retry, scope)
        return cls

    return register
