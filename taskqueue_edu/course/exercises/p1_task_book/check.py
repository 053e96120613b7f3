"""A book of task types makes tasks by name, and keeps its table to itself."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from taskqueue_edu.lab.probes import Case, Check

check = Check("TaskBook")


@dataclass(frozen=True)
class _Add:
    a: int
    b: int


@dataclass(frozen=True)
class _Shout:
    text: str


@dataclass(frozen=True)
class _Rest:
    """A task without fields."""


@dataclass(frozen=True)
class _Batch:
    paths: tuple

    def __len__(self):
        return len(self.paths)


def _book(TaskBook):
    book = TaskBook()
    book.add("add", _Add)
    book.add("shout", _Shout)
    return book


@check.probe(question="What does a class return when it is called, and how does it get the fields?")
def tasks_are_made_by_name(TaskBook):
    """Two classes are entered, and a task of each is made."""
    book = _book(TaskBook)
    try:
        made = book.make("add", 1, 2), book.make("".join(["sho", "ut"]), "hi")
    except LookupError as error:
        raise Case(
            f"'add' and 'shout' were entered, and make() raised {error!r}.",
            "When does make() refuse, and what is equal to the name that was entered?",
        ) from None
    if None in made:
        raise Case("make() returned None.", "Does each way through make() end with `return`?")
    assert made == (_Add(1, 2), _Shout("hi")), f"make() returned {made[0]!r} and {made[1]!r}."


@check.probe(question="Which fields does a task type need to have, so that it can be made?")
def a_task_without_fields(TaskBook):
    """A class without fields is entered, and a task of it is made."""
    book = _book(TaskBook)
    book.add("rest", _Rest)
    made = book.make("rest")
    assert made == _Rest(), f"make('rest') returned {made!r}, expected a task: _Rest()."


@check.probe(question="What does make() ask before it refuses: the name, or what it has made?")
def a_task_that_is_false(TaskBook):
    """A task is made that counts as false: a batch of no paths, with a len() of 0."""
    book = _book(TaskBook)
    book.add("batch", _Batch)
    try:
        made = book.make("batch", ())
    except LookupError as error:
        raise AssertionError(f"'batch' was entered, and make() raised {error!r}.") from None
    assert made == _Batch(()), f"make('batch', ()) returned {made!r}, expected {_Batch(())!r}."


@check.probe(question="How many tasks are there after two calls of make()?")
def each_call_makes_one(TaskBook):
    """Two equal tasks are made."""
    book = _book(TaskBook)
    one, other = book.make("add", 1, 2), book.make("add", 1, 2)
    assert one == other, f"They are not equal: {one!r} and {other!r}."
    assert one is not other, "Both calls of make() returned one object."


@check.probe(question="What does whoever mistyped a name want to read?")
def an_unknown_name(TaskBook):
    """Tasks are made by names that were never entered: 'sing', 'out' (as in 'shout'), and ''."""
    more = ["wait", "fetch", "lines", "words", "zip"]
    for name in ("sing", "out", ""):
        book = _book(TaskBook)
        for known in more:
            book.add(known, _Shout)
        try:
            made = book.make(name, "la")
        except LookupError as error:
            said = "\n".join([str(error), *getattr(error, "__notes__", ())])
        except Exception as error:
            raise Case(
                f"make({name!r}) raised {error!r}, expected a LookupError.",
                "Which error does the docstring promise for such a name?",
            ) from None
        else:
            raise Case(
                f"make({name!r}) returned {made!r}, and raised no LookupError.",
                "What must happen for a name that is not there, so that no caller can overlook it?",
            )
        left = [known for known in ("add", "shout", *more) if known not in said]
        assert not left, (
            f"These were entered, and the error doesn't name them: {', '.join(left)}. It says:\n{said}"
        )


@check.probe(question="Where is the dict made, and how often?")
def two_share_nothing(TaskBook):
    """A class is entered into one book, and another book is asked for a task of it."""
    other = TaskBook()
    _book(TaskBook)
    try:
        made = other.make("add", 1, 2)
    except LookupError:
        return
    raise AssertionError(f"The other book, into which nothing was entered, made {made!r}.")


class _Broken:
    """A task type that can't be made."""

    def __init__(self, error):
        raise error


@check.probe(question="Which lines may raise the error that your `except` catches?")
def the_errors_of_a_class_are_its_own(TaskBook):
    """Tasks are made of a class that raises: TypeError, KeyError, ValueError."""
    for error in (TypeError("a field is missing"), KeyError("color"), ValueError("too long")):
        book = _book(TaskBook)
        book.add("broken", _Broken)
        try:
            made = book.make("broken", error)
        except Exception as raised:
            assert raised is error, (
                f"The class raised {error!r}. make() made {raised!r} of it, as if there were no such name."
            )
        else:
            raise AssertionError(f"The class raised {error!r}, and make() returned {made!r}.")


@check.probe(question="What can a caller look up in what types() returned?")
def the_types_are_shown(TaskBook):
    """types() is asked for what was entered."""
    types = _book(TaskBook).types()
    assert isinstance(types, Mapping), (
        f"types() returned {types!r}, expected a mapping, such as a dict."
    )
    assert dict(types) == {"add": _Add, "shout": _Shout}, f"types() returned {dict(types)}."


@check.probe(question="Which line enters something in the dict, and when is it reached?")
def asking_enters_nothing(TaskBook):
    """A task is made by a name that was never entered, and types() is asked."""
    book = _book(TaskBook)
    with suppress(LookupError):
        book.make("sing", "la")
    names = list(book.types())
    assert sorted(names) == ["add", "shout"], (
        f"Then types() has {names}: make('sing') entered something."
    )


@check.probe(
    "returns_internals",
    question="After types(), who has a reference to the dict of the book, and who can change its keys?",
)
def the_caller_keeps_what_it_likes(TaskBook):
    """A caller deletes an entry of types() and enters another; then a task is made."""
    book = _book(TaskBook)
    types = book.types()
    with suppress(Exception):  # it may be read-only, and say so as it likes
        del types["add"]
    try:
        book.make("add", 1, 2)
    except Exception as error:
        raise AssertionError(
            "The caller deleted 'add' from what types() returned. Then make('add', 1, 2) raised "
            f"{error!r}."
        ) from None
    with suppress(Exception):
        types["rest"] = _Rest
    names = list(book.types())
    if sorted(names) != ["add", "shout"]:
        raise Case(
            "The caller deleted 'add' from what types() returned, and entered 'rest' there. Called "
            f"again, types() has {names}, expected ['add', 'shout'].",
            "How often is the mapping made that types() returns, and who still has the last one?",
        )
