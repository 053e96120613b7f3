"""A boundary must translate what belongs to it, keep the cause, and let the rest pass."""

import builtins
import gc
import io
import json
import os
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from taskqueue_edu.course.probes import opened
from taskqueue_edu.lab.probes import Case, Check

check = Check("load_index")

_SEARCHED = "Which words would you search for, with twenty files in the folder?"
_FOLDER = object()
_NO_TEXT = b'{"a": "\xff"}'
_UNREADABLE = {
    "missing.json": None,
    "folder.json": _FOLDER,
    "no json.json": b'{"a": [1',
    "no text.json": _NO_TEXT,
}


def _interrupted(load_index, at_open):
    """Load a good file; the user presses Ctrl-C when it is opened, or when it is decoded."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as patches:
        path = Path(folder, "index.json")
        path.write_bytes(b'{"a": [1]}')

        def opened(file, *args, **options):
            if not isinstance(file, int) and os.fspath(file) == str(path):
                raise KeyboardInterrupt
            return real(file, *args, **options)

        real = io.open
        if at_open:
            for module in (io, builtins):
                patches.enter_context(mock.patch.object(module, "open", opened))
        # Jupyter's own `open` calls neither of them: then the next step is interrupted.
        pressed = mock.Mock(side_effect=KeyboardInterrupt)
        patches.enter_context(mock.patch.object(json.JSONDecoder, "decode", pressed))
        return load_index(path)


def _loaded(load_index, name, data=None):
    """Load a file of these bytes, a folder, or nothing. Return the index, and the error."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        if data is _FOLDER:
            path.mkdir()
        elif data is not None:
            path.write_bytes(data)
        try:
            return load_index(path), None
        except NameError:
            raise  # a slip in the answer, whatever the file holds
        except Exception as error:
            return None, error


def _is_translated(error):
    """Tell whether `except IndexUnreadable` catches it: the learner's own class included."""
    return any(cls.__name__ == "IndexUnreadable" for cls in type(error).__mro__)


@check.probe(question="What does the file hold, and what does your function return?")
def a_good_file(load_index):
    """The file holds {"a": [1]}, or the index of nothing: {}."""
    for expected in ({"a": [1]}, {}):
        index, error = _loaded(load_index, "good.json", json.dumps(expected).encode())
        assert error is None, f"{expected} is a good index, and it raised {error!r}."
        assert index == expected, f"It returned {index!r}, expected {expected}."


@check.probe(question="How many bytes of the file do you read?")
def a_large_file(load_index):
    """The file holds an index of a million bytes."""
    data = json.dumps({"a": ["x" * 1_000_000]}).encode()
    index, error = _loaded(load_index, "large.json", data)
    assert index == json.loads(data), f"It is a good index of {len(data):,} bytes, and it " + (
        f"raised {repr(error)[:99]}." if error else "returned another one."
    )


@check.probe(
    "swallowing_is_robust", question="What does the caller do with an index that is empty?"
)
def no_file_is_no_index(load_index):
    """The file is missing, is a folder, or holds half an object, or bytes that are no text."""
    for name, data in _UNREADABLE.items():
        index, error = _loaded(load_index, name, data)
        if data == _NO_TEXT and error is None:
            raise Case(
                f"The bytes {data!r} are no text, and it returned {index!r}.",
                "Which bytes can't be decoded, and what does your line make of them?",
            )
        assert error is not None, (
            f"For {name} it returned {index!r}. The caller takes that for the index, and saves it "
            "over the old one."
        )


@check.probe(question="What do reading and decoding raise, each for which file?")
def it_is_translated(load_index):
    """The file is missing, is a folder, or holds half an object or no text: which class is raised?"""
    for name, data in _UNREADABLE.items():
        _, error = _loaded(load_index, name, data)
        if isinstance(error, (AttributeError, TypeError)):
            raise error  # a slip in the answer: no file raises that
        assert _is_translated(error), f"{name} raised {error!r}."


@check.probe("cause_is_lost", question="Whoever reads the log: how do they find line and column?")
def the_cause_is_kept(load_index):
    """The file is missing, is a folder, or holds half an object or no text: what is the cause?"""
    for name, data in _UNREADABLE.items():
        _, error = _loaded(load_index, name, data)
        # Without a context nothing was caught, and so no cause was lost: that is for the next.
        assert error.__cause__ is not None or error.__context__ is None, (
            f"{name} raised {type(error).__name__}: {error}\nIts __cause__ is None."
        )
        assert error.__cause__ is None or error.__cause__.__traceback__ is not None, (
            f"{name} raised {type(error).__name__}: {error}\nIts __cause__ is an error that nobody "
            f"has raised, {error.__cause__!r}: it was made anew, and does not know where."
        )


@check.probe(question=_SEARCHED)
def the_message_names_the_file(load_index):
    """The file is missing, is a folder, or holds half an object or no text: which error was the first,
    and does the message say which file?
    """
    for name, data in _UNREADABLE.items():
        _, error = _loaded(load_index, name, data)
        cause = error.__cause__
        if cause is None:
            raise Case(
                f"For {name} the error has no cause: no other error says why it can't be read.",
                "Who knows for sure whether the file can be read, and by which error?",
            )
        while cause.__cause__ is not None:  # an error of the answer's own may stand between
            cause = cause.__cause__
        if not isinstance(cause, (OSError, ValueError)):
            raise Case(
                f"For {name} the last cause is {cause!r}: neither `open` nor the JSON decoder raises that.",
                "Which error was the first, and can it still be found from the last one?",
            )
        assert name in str(error), f"The message doesn't name {name!r}: {error}"


@check.probe(question="Is all that is JSON an index?")
def json_that_is_no_index(load_index):
    """The file holds a list (of a number, of nothing, of a pair), a text, a number or null."""
    for data in (b"[1]", b"[]", b'[["a", [1]]]', b'"abc"', b"5", b"null"):
        index, error = _loaded(load_index, "no index.json", data)
        assert error is not None, f"For {data.decode()} it returned {index!r}: that is no dict."
        assert _is_translated(error), f"For {data.decode()} it raised {error!r}."
        if "no index.json" not in str(error):
            raise Case(f"The message doesn't name 'no index.json': {error}", _SEARCHED)


@check.probe(question="Which exceptions do you expect at this line, and which not?")
def a_mistake_of_the_caller(load_index):
    """It is called with None in the place of a path, and with an object that has a name."""
    for no_path in (None, SimpleNamespace(name="index.json")):
        try:
            found = load_index(no_path)
        except Exception as error:
            assert not _is_translated(error), (
                f"For {no_path} it raised IndexUnreadable: {error}. No file is to blame, and "
                "whoever looks for the mistake looks in the wrong place."
            )
        else:
            raise AssertionError(f"It returned {found!r}: something hides errors.")


@check.probe(question="Whose wish is Ctrl-C, and who has to grant it?")
def ctrl_c_passes(load_index):
    """The user presses Ctrl-C while the file is read."""
    for at_open in (True, False):
        try:
            found = _interrupted(load_index, at_open)
        except KeyboardInterrupt:
            continue
        except Exception as error:
            raise AssertionError(f"Ctrl-C became {error!r}, and the program goes on.") from error
        raise AssertionError(f"Ctrl-C was ignored: it returned {found!r}.")


@check.probe(question="Who closes what `os.open` has opened, if the next line raises?")
def nothing_stays_open(load_index):
    """A good file is loaded and one that is no JSON, and it is looked whether either is still open."""
    for data in (b"{}", b'{"a": [1'):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "index.json")
            path.write_bytes(data)
            with suppress(Exception):
                load_index(path)
            gc.collect()
            left = opened(path)
        assert not left, f"The file with {data} was loaded, and the process still has it open."
