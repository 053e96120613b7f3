"""A book of task types makes tasks by name, and keeps its table to itself."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from taskqueue_edu.lab.probes import Check

check = Check("TaskBook")


@dataclass(frozen=True)
class _Add:
    a: int
    b: int


@dataclass(frozen=True)
class _Shout:
    text: str


def _book(TaskBook):
    book = TaskBook()
    book.add("add", _Add)
    book.add("shout", _Shout)
    return book


@check.probe(question="What does a class return when it is called?")
def tasks_are_made_by_name(TaskBook):
    """Two classes are entered, and a task of each is made."""
    book = _book(TaskBook)
    made = book.make("add", 1, 2), book.make("shout", "hi")
    assert made == (_Add(1, 2), _Shout("hi")), f"make() returned {made[0]!r} and {made[1]!r}."


@check.probe(question="How many tasks are there after two calls of make()?")
def each_call_makes_one(TaskBook):
    """Two equal tasks are made."""
    book = _book(TaskBook)
    one, other = book.make("add", 1, 2), book.make("add", 1, 2)
    assert one == other, f"They are not equal: {one!r} and {other!r}."
    assert one is not other, "Both calls of make() returned one object."


@check.probe(question="What does whoever mistyped a name want to read?")
def an_unknown_name(TaskBook):
    """A task is made by a name that was never entered."""
    try:
        made = _book(TaskBook).make("sing", "la")
    except LookupError as error:
        said = str(error)
    else:
        raise AssertionError(f"make('sing') returned {made!r}, expected a LookupError.")
    assert "add" in said and "shout" in said, f"The error says {said}: which names are there?"


@check.probe(question="What can a caller look up in what types() returned?")
def the_types_are_shown(TaskBook):
    """types() is asked for what was entered."""
    types = _book(TaskBook).types()
    assert isinstance(types, Mapping), f"types() returned {types!r}, expected a dict."
    assert dict(types) == {"add": _Add, "shout": _Shout}, f"types() returned {dict(types)}."


@check.probe("returns_internals", question="How many names does the dict have after types()?")
def the_caller_keeps_what_it_likes(TaskBook):
    """A caller takes out of types() what it does not need; then a task is made."""
    book = _book(TaskBook)
    with suppress(TypeError, AttributeError):  # it may be read-only
        del book.types()["add"]
    assert "add" in book.types(), (
        "The caller deleted 'add' from its dict, and the book has lost it."
    )
