"""Settings must come from the right place, and what doesn't fit must be refused by name."""

import os
import tempfile
import tomllib
from contextlib import ExitStack
from pathlib import Path
from unittest import mock

from taskqueue_edu import ConfigError
from taskqueue_edu.lab.probes import Case, Check, asked, describe

check = Check("read_settings")


def _given(text, env):
    """Describe a file and an environment, as a person would write them."""
    words = ["no file"] if text is None else [f"the file has {text!r}" if text else "the file is empty"]
    words += [f"{name}={value}" for name, value in env.items()]
    return ", ".join(words + ["no variables"] * (text is None and not env))


def _read(read_settings, text, file="linkcheck.toml", **env):
    before = dict(env)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / file
        if text is not None:
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        try:
            found = read_settings(path, env)
        except FileNotFoundError as error:
            raise Case(
                f"Given: {_given(text, env)}. It raised FileNotFoundError.",
                "What is to happen if there is no file?",
            ) from error
        except ConfigError as error:  # the folder's name, drawn by lot, says nothing
            raise ConfigError(str(error).replace(folder + os.sep, "")) from error.__cause__
        except ValueError:
            raise
        except Exception as error:
            raise Case(
                f"Given: {_given(text, env)}. It raised {describe(error)}",
                asked(describe(error), "What does that line want, and what does it get?"),
            ) from error
    if found is None:
        raise Case(
            f"Given: {_given(text, env)}. It returned None.",
            "Which way through your function ends without a `return`?",
        )
    if not isinstance(found, dict):
        raise Case(
            f"Given: {_given(text, env)}. It returned {found!r}.",
            "What does the first line of the function's docstring promise?",
        )
    if env != before:
        raise Case(
            f"Given: {_given(text, before)}. Afterwards `env` is {env}.",
            "Whose mapping is `env`, and who may want to read it after your function?",
        )
    return found


def _accepted(read_settings, text, **env):
    """Return the settings, which all fit."""
    try:
        return _read(read_settings, text, **env)
    except ConfigError as error:
        raise Case(
            f"Given: {_given(text, env)}. All of it fits; it raised ConfigError: {error}",
            "Which of your tests refuses that value, and what does the exercise say of it?",
        ) from error


def _refused(read_settings, text, names=(), others=(), file="linkcheck.toml", **env):
    """Demand a ConfigError with these names in it, and no others of places; return it."""
    given = _given(text, env)
    try:
        found = _read(read_settings, text, file, **env)
    except ConfigError as error:
        # How a value is spelled, as in Python or as in TOML, is not asked.
        missing = [name for name in names if name.lower() not in str(error).lower()]
        if missing[:1] == [file]:
            missing[0] = f"the file at `path`, which is {file} here"
        assert not missing, f"Given: {given}. The message doesn't name {missing[0]}: {error}"
        for more in filter(str(error).__contains__, others):
            raise Case(
                f"Given: {given}. The message names {more}, too: {error}",
                "Which places does the message name, and in which of them is the mistake?",
            ) from error
        return error
    except ValueError as error:
        raise Case(
            f"Given: {given}. Expected ConfigError; it raised {describe(error)}",
            "Which line raises that, and which `except` makes a ConfigError of it?",
        ) from error
    raise AssertionError(f"Given: {given}. Expected ConfigError; it returned {found}.")


@check.probe(question="What do two calls of your function share, and which line makes it?")
def each_call_has_its_own(read_settings):
    """It is called without a file, with one, and without once more; the first dict is kept."""
    first = _accepted(read_settings, None)
    was = dict(first)
    second = _accepted(read_settings, "workers = 9")
    assert second is not first or first != was, (
        f"Without a file, it returned {was}; with `workers = 9` in the file, that same dict again."
    )
    assert first == was, (
        f"Without a file, it returned {was}. After a call with `workers = 9` in the file, that first "
        f"dict is {first}."
    )
    third = _accepted(read_settings, None)
    assert third == was, (
        f"Without a file, it returned {was}; with `workers = 9` in the file, {second}; and then, "
        f"without a file once more, {third}."
    )


@check.probe(question="What type do all values in `env` have?")
def a_text_becomes_a_number(read_settings):
    """A variable has the text 6."""
    found = _read(read_settings, "", LINKCHECK_WORKERS="6")
    assert found["workers"] != "6", f"It returned {found}: the text stays a text."


@check.probe(question="Where does each value come from, and which place is to win?")
def the_more_special_one_wins(read_settings):
    """Nothing is set, then the file sets something, variables do, and both."""
    for text, env, expected in (
        (None, {}, {"workers": 4, "timeout": 5.0}),
        ("workers = 8", {}, {"workers": 8, "timeout": 5.0}),
        ("timeout = 2", {"LINKCHECK_WORKERS": "6", "HOME": "x"}, {"workers": 6, "timeout": 2}),
        ("workers = 8", {"LINKCHECK_WORKERS": "6"}, {"workers": 6, "timeout": 5.0}),
        ("", {"LINKCHECK_TIMEOUT": "0.5"}, {"workers": 4, "timeout": 0.5}),
        (None, {"LINKCHECK_WORKERS": "6"}, {"workers": 6, "timeout": 5.0}),
    ):
        found = _accepted(read_settings, text, **env)
        happened = f"Given: {_given(text, env)}. It returned {found}, expected {expected}."
        if text is None and env and found != expected:
            raise Case(happened, "Which lines of your function run when there is no file?")
        assert found == expected, happened


@check.probe(question="Which mapping does your function read, and which was it given?")
def only_env_is_asked(read_settings):
    """The process has variables of these names, and `env` is empty."""
    with mock.patch.dict(os.environ, LINKCHECK_WORKERS="7", LINKCHECK_TIMEOUT="8"):
        found = _accepted(read_settings, None)
    assert found == {"workers": 4, "timeout": 5.0}, (
        "The process has LINKCHECK_WORKERS=7 and LINKCHECK_TIMEOUT=8, `env` is {}, and there is no "
        f"file. It returned {found}, expected workers 4 and timeout 5.0."
    )


@check.probe(question="What does your function make of a value that fits?")
def the_ends_of_the_range(read_settings):
    """The smallest and the largest number that fit, +6 for int(), and 1e1 for float()."""
    for value, text, env in (
        (1, "workers = 1", {}),
        (64, "workers = 64", {}),
        (1, "", {"LINKCHECK_WORKERS": "1"}),
        (64, "", {"LINKCHECK_WORKERS": "64"}),
        (6, "", {"LINKCHECK_WORKERS": "+6"}),
    ):
        found = _accepted(read_settings, text, **env)["workers"]
        assert found == value, f"Given: {_given(text, env)}. `workers` is {found!r}."
    _accepted(read_settings, "timeout = 0.001")
    found = _accepted(read_settings, "", LINKCHECK_TIMEOUT="1e1")["timeout"]
    assert found == 10, f"Given: LINKCHECK_TIMEOUT=1e1. `timeout` is {found!r}, expected 10."


@check.probe(
    "swallowing_is_robust",
    question="With which settings does the program start now, and who chose them?",
)
def what_cannot_be_read_is_not_passed_over(read_settings):
    """The file is no TOML, or a variable is no number."""
    for text, env in (("workers =", {}), ("", {"LINKCHECK_WORKERS": "many"})):
        try:
            found = _read(read_settings, text, **env)
        except Exception:  # which one, the next probes look at
            continue
        raise AssertionError(
            f"Given: {_given(text, env)}. It returned {found}, as if that had not been there."
        )


@check.probe(question="Where would it show, and how late, if nobody looked at the range here?")
def out_of_range(read_settings):
    """The file, or a variable, has a number that is too small or too large."""
    for text in ("workers = 0", "workers = 65", "timeout = 0", "timeout = -1.5"):
        _refused(read_settings, text)
    for name, text in (("LINKCHECK_WORKERS", "0"), ("LINKCHECK_TIMEOUT", "-1")):
        _refused(read_settings, "", **{name: text})
        _refused(read_settings, None, **{name: text})


@check.probe(question="Which types may the value have, and does your test ask for exactly those?")
def of_a_wrong_type(read_settings):
    """The file, or a variable, has what is no number of the right kind."""
    for text in (
        "workers = true",
        "timeout = true",
        "workers = 2.5",
        "workers = 8.0",
        'workers = "8"',
        'timeout = "2"',
    ):
        _refused(read_settings, text)
    for name, text in (
        ("LINKCHECK_WORKERS", "2.5"),
        ("LINKCHECK_WORKERS", "²"),
        ("LINKCHECK_TIMEOUT", "soon"),
    ):
        _refused(read_settings, "", **{name: text})


@check.probe(question="What does somebody see who has misspelled a setting?")
def an_unknown_name(read_settings):
    """The file says `worker` or `Workers`, not `workers`, or has a table that is no setting."""
    for text in ("worker = 8", "Workers = 8", "[linkcheck]\nworkers = 8"):
        _refused(read_settings, text)


@check.probe(question="What is the truth value of an empty text, and what did its author want?")
def an_empty_text(read_settings):
    """A variable is there, and its text is empty."""
    for name in ("LINKCHECK_WORKERS", "LINKCHECK_TIMEOUT"):
        _refused(read_settings, "", **{name: ""})


@check.probe(
    "swallowing_is_robust",
    question="Which settings did whoever wrote that file want, and which has the program now?",
)
def a_file_that_may_not_be_read(read_settings):
    """The file says `workers = 8`, and who reads it gets PermissionError."""
    asked_before = []
    # A notebook has an `open` of its own, and it may have been imported by that name.
    names = getattr(read_settings, "__globals__", {})

    def may(path, mode, **_kwargs):
        asked_before.append(mode & os.R_OK)
        return not mode & os.R_OK

    def refuse(*_args, **_kwargs):
        raise PermissionError("Permission denied")

    def guarded(path, env):
        with ExitStack() as stack:
            for name in ("builtins.open", "io.open", "os.open"):
                stack.enter_context(mock.patch(name, refuse))
            stack.enter_context(mock.patch("os.access", may))
            stack.enter_context(mock.patch.dict(names, {"open": refuse}))
            try:
                return read_settings(path, env)
            except PermissionError:
                return {"let out": True}

    try:
        found = _read(guarded, "workers = 8")
    except (ConfigError, ValueError) as error:
        raise Case(
            f"Who reads the file gets PermissionError. It raised {describe(error)}",
            "Which of your `except` catches that, and what does the exercise say of such a file?",
        ) from error
    if "let out" in found:
        return
    said = f"It returned {found}, as if there were no file."
    if any(asked_before) and found.get("workers") != 8:
        raise Case(
            said, "For which files does `os.access` say no: only for those that are not there?"
        )
    assert found.get("workers") == 8, said


@check.probe(question="What becomes of bytes that are no text, the way you read the file?")
def no_text_at_all(read_settings):
    """The file has a byte that is no UTF-8."""
    _refused(read_settings, b"workers = 8 # caf\xe9")


@check.probe(question="What does somebody need to know who must correct this at night?")
def the_message_names_the_place(read_settings):
    """Each message is searched for the place, for what was found, and for other places."""
    files = "links.toml", "night.toml"
    for number, (text, *names) in enumerate(
        (
            ("workers = 65", "workers", "65"),
            ("workers = true", "workers", "True"),
            ('timeout = "2.5"', "timeout", "2.5"),
            ("wrokers = 8", "wrokers"),
            ("workers =",),
            (b"workers = 8 # caf\xe9",),
        )
    ):
        file = files[number % 2]
        variables = "LINKCHECK_WORKERS", "LINKCHECK_TIMEOUT"
        _refused(read_settings, text, (file, *names), variables, file)
    for name, text, fits in (
        ("LINKCHECK_WORKERS", "many", {"LINKCHECK_TIMEOUT": "3"}),
        ("LINKCHECK_TIMEOUT", "-1", {"LINKCHECK_WORKERS": "3"}),
    ):
        _refused(read_settings, "", (name, text), (*fits, "linkcheck.toml"), **{name: text}, **fits)


@check.probe(
    "cause_is_lost",
    question="Which exception is the `__cause__` of yours, and which words put it there?",
)
def the_cause_is_kept(read_settings):
    """The file is no TOML, and whoever gets the ConfigError asks for its cause."""
    error = _refused(read_settings, "workers = 4\ntimeout = = 5")
    cause = error.__cause__
    assert isinstance(cause, tomllib.TOMLDecodeError), (
        f"The error says: {error}\nIts `__cause__` is {cause!r}, expected the TOMLDecodeError."
    )


@check.probe(question="What do `nan > 0` and `nan <= 0` say, and which of them does your test ask?")
def no_number_at_all(read_settings):
    """The timeout is nan, in the file or as a variable."""
    _refused(read_settings, "timeout = nan")
    _refused(read_settings, "", LINKCHECK_TIMEOUT="nan")
