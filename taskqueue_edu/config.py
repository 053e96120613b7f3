"""The settings of a queue, from a TOML file and from environment variables.

    defaults  <  taskqueue.toml  <  TASKQUEUE_* variables

The later one wins, setting by setting. A complete file, with every default:

    workers = 4
    maxsize = 0
    store = "jobs"          # has no default: without it, tasks live in memory only
    sync = "process"
    interval = 1.0
    retain = 100_000
    retain_seconds = 604800 # has no default: without it, results of any age are kept
    compact_at = 67_108_864
    max_recoveries = 3

    [retry]
    attempts = 1
    delay = 0.1
    factor = 2.0
    max_delay = 60.0
    jitter = 0.5

    [limits]
    payload = 16_777_216
    nesting = 100
    text = 16_777_216

A setting's variable is its name in capitals: TASKQUEUE_WORKERS, TASKQUEUE_RETRY_MAX_DELAY.
TASKQUEUE_CONFIG names the file. TASKQUEUE_EDU_* belongs to the notebooks, TASKQUEUE_DEBUG to the
command: both are left alone. Any other unknown name is an error: a misspelt setting that is
silently ignored is hard to find.
"""

from __future__ import annotations

import difflib
import os
import re
import reprlib
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from taskqueue_edu.errors import ConfigError
from taskqueue_edu.limits import MOST, Limits
from taskqueue_edu.retry import RetryPolicy
from taskqueue_edu.storage import COMPACT_AT


@dataclass(frozen=True)
class Config:
    """The settings of one queue and its pool. A wrong value raises ConfigError.

    `Config()` has the defaults; `Config.load()` reads the file and the environment as well.
    """

    workers: int = 4
    """Threads that run tasks, 1 to 1,000. The default does not follow the number of cores:
    tasks that wait (for a disk, for a server) gain from more threads than cores, tasks that
    calculate gain from none, and a fixed number behaves alike on every machine."""

    maxsize: int = 0
    """Tasks that may be pending before `submit` waits; 0 means no bound."""

    store: str | None = None
    """The journal's folder, seen from the current one; None keeps tasks in memory only."""

    sync: Literal["process", "interval", "always"] = "process"
    """What an acknowledged task survives: the death of the process; with "interval" that of the
    machine too, after `interval` seconds; with "always" at once, at the price of waiting for the
    disk."""

    interval: float = 1.0
    """Seconds between two syncs of the journal with sync="interval", more than 0."""

    retain: int = 100_000
    """Finished tasks whose results are kept, 1 or more."""

    retain_seconds: float | None = None
    """Seconds for which the results of finished tasks are kept; None means of any age."""

    compact_at: int = COMPACT_AT
    """Bytes of journal past which it is compacted by itself; 0 means never."""

    max_recoveries: int = 3
    """How often a task that took its process down with it is started again."""

    retry: RetryPolicy = field(default_factory=RetryPolicy)
    """The policy for tasks that bring none of their own. Its times are in seconds."""

    limits: Limits = MOST
    """How large a task or a result may be that the journal takes."""

    sources: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    """The file or the variable that each setting came from. Defaults are not in it."""

    def __post_init__(self) -> None:
        for key in _RULES:
            _check(f"Config: {key}", key, self[key], _found(self[key]))

    def __getitem__(self, key: str) -> Any:
        """Return a setting by its full name, as in `config["retry.delay"]`."""
        table, _, name = key.rpartition(".")
        return getattr(getattr(self, table) if table else self, name)

    @classmethod
    def load(cls, path: Path | None = None, env: Mapping[str, str] | None = None) -> Config:
        """Read the file, then the environment, and return what they say together.

        The file is `path`, else the one that TASKQUEUE_CONFIG names, else ./taskqueue.toml if
        there is one. `env` stands in for `os.environ`.

        Raises ConfigError for the first thing that is wrong: a file that can't be read or is
        not TOML, an unknown name, a value of the wrong type or out of range.
        """
        env = os.environ if env is None else env
        if path is None and _FILE_VARIABLE in env:
            path = Path(env[_FILE_VARIABLE])
        found = {**_from_file(path), **_from_environment(env)}
        values: dict[str, dict[str, Any]] = {table: {} for table in ("", *_TABLES)}
        for key, (value, _) in found.items():
            table, _, name = key.rpartition(".")
            values[table][name] = value
        tables = {table: make(**values[table]) for table, make in _TABLES.items()}
        sources = {key: source for key, (_, source) in found.items()}
        return cls(**values[""], **tables, sources=sources)

    def rows(self) -> Iterator[tuple[str, Any, str]]:
        """Yield (setting, value, where it came from) for every setting, for display."""
        for key in _RULES:
            yield key, self[key], self.sources.get(key, "default")


class _Rule(NamedTuple):
    """What a setting may be, and how the text of a variable becomes a value.

    Text that doesn't read as one stays text, which `accepts` refuses like any wrong type.
    """

    expected: str
    accepts: Callable[[Any], bool]
    read: Callable[[str], Any] = str


def _integer(expected: str, least: int, most: float = sys.float_info.max) -> _Rule:
    return _Rule(
        f"an integer, {expected}",
        # By exact type, since a bool is an int to isinstance.
        lambda value: type(value) is int and least <= value <= most,
        lambda text: int(text) if re.fullmatch("-?[0-9]{1,18}", text) else text,
    )


def _number(expected: str, least: float, most: float = sys.float_info.max) -> _Rule:
    return _Rule(
        f"a number, {expected}",
        # Infinity is above every `most`, and NaN in no range.
        lambda value: type(value) in (int, float) and least <= value <= most,
        lambda text: float(text) if re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]+)?", text) else text,
    )


def _optional(rule: _Rule) -> _Rule:
    return rule._replace(accepts=lambda value: value is None or rule.accepts(value))


_RULES: Mapping[str, _Rule] = {
    "workers": _integer("1 to 1,000", 1, 1_000),
    "maxsize": _integer("0 or more", 0),
    "store": _Rule(
        "the path of a folder",
        lambda value: value is None or (type(value) is str and value != "" and "\0" not in value),
    ),
    "sync": _Rule(
        '"process", "interval" or "always"',
        lambda value: value in ("process", "interval", "always"),
    ),
    "interval": _number("more than 0, at most 1,000,000,000 seconds", sys.float_info.min, 10**9),
    "retain": _integer("1 or more", 1),
    "retain_seconds": _optional(_number("0 to 1,000,000,000 seconds", 0, 10**9)),
    "compact_at": _integer("0 (never) or more bytes", 0),
    "max_recoveries": _integer("0 or more", 0),
    # The same limits as RetryPolicy's own.
    "retry.attempts": _integer("1 (the first run counts) to 1,000,000,000", 1, 10**9),
    "retry.delay": _number("0 to 1,000,000,000 seconds", 0, 10**9),
    "retry.factor": _number("1 to 1,000,000,000", 1, 10**9),
    "retry.max_delay": _number("0 to 1,000,000,000 seconds", 0, 10**9),
    "retry.jitter": _number("0 to 1", 0, 1),
    # The same limits as those of Limits.
    "limits.payload": _integer(f"1 to {MOST.payload:,} bytes", 1, MOST.payload),
    "limits.nesting": _integer(f"1 to {MOST.nesting}", 1, MOST.nesting),
    "limits.text": _integer(f"1 to {MOST.text:,} characters", 1, MOST.text),
}
_TABLES: Mapping[str, Callable[..., Any]] = {"retry": RetryPolicy, "limits": Limits}

_PREFIX = "TASKQUEUE_"
_NOTEBOOK_PREFIX = "TASKQUEUE_EDU_"
_FILE_VARIABLE = "TASKQUEUE_CONFIG"
_DEBUG_VARIABLE = "TASKQUEUE_DEBUG"
_VARIABLES = {_PREFIX + key.upper().replace(".", "_"): key for key in _RULES}


def _from_file(path: Path | None) -> dict[str, tuple[Any, str]]:
    """Return {setting: (value, file)} for what the file says."""
    file, found = path or Path("taskqueue.toml"), {}
    for key, value in _flat(_read(file, required=path is not None), file):
        if key not in _RULES:
            raise _unknown(f"{file}: {key}", key, _RULES)
        _check(f"{file}: {key}", key, value, _found(value))
        found[key] = value, str(file)
    return found


def _from_environment(env: Mapping[str, str]) -> dict[str, tuple[Any, str]]:
    """Return {setting: (value, variable)} for what the environment says."""
    found = {}
    for name in sorted(env):
        ours = name.startswith(_PREFIX) and not name.startswith(_NOTEBOOK_PREFIX)
        if not ours or name in (_FILE_VARIABLE, _DEBUG_VARIABLE):
            continue
        if name not in _VARIABLES:
            raise _unknown(name, name, [*_VARIABLES, _FILE_VARIABLE])
        key = _VARIABLES[name]
        value = _RULES[key].read(env[name])
        _check(name, key, value, reprlib.repr(env[name]))
        found[key] = value, name
    return found


def _read(file: Path, *, required: bool) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            return tomllib.load(stream)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not required:
            return {}
        raise ConfigError(
            f"{file}: can't be read ({error.strerror}), expected a TOML file",
            hint=f"correct the name (an argument, or {_FILE_VARIABLE}) or the file's rights.",
        ) from error
    except (ValueError, RecursionError) as error:  # also for bad UTF-8 and endless numbers
        raise ConfigError(
            f"{file}: is not valid TOML: {error}",
            hint='write lines like `workers = 4`, strings in "quotes", all of it in UTF-8.',
        ) from error


def _flat(document: dict[str, Any], file: Path) -> Iterator[tuple[str, Any]]:
    """Yield (full name, value) for each entry, those of the tables included."""
    for key, value in document.items():
        if key not in _TABLES:
            yield _plain(key), value
        elif isinstance(value, dict):
            yield from ((f"{key}.{_plain(name)}", inner) for name, inner in value.items())
        else:
            raise ConfigError(
                f"{file}: {key}: found {_found(value)}, expected a table",
                hint=f"write [{key}] on a line of its own and its settings below it.",
            )


def _plain(key: str) -> str:
    """Return the key, quoted if it needs quotes in TOML: "retry.delay" is not retry.delay."""
    return key if re.fullmatch("[A-Za-z0-9_-]{1,40}", key) else reprlib.repr(key)


def _found(value: Any) -> str:
    """Describe a value of any kind and size in a few words."""
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "an array"
    if isinstance(value, int) and value.bit_length() > 64:
        return f"an integer of {value.bit_length():,} bits"  # repr refuses 4,300 digits
    return f"{reprlib.repr(value)} ({type(value).__name__})"


def _check(where: str, key: str, value: Any, found: str) -> None:
    if not _RULES[key].accepts(value):
        raise ConfigError(
            f"{where}: found {found}, expected {_RULES[key].expected}",
            hint=f"correct it, or leave it out: the default is {Config()[key]!r}.",
        )


def _unknown(where: str, name: str, known: Iterable[str]) -> ConfigError:
    close = difflib.get_close_matches(name, known, n=1)
    return ConfigError(
        f"{where}: there is no such setting, expected one of {', '.join(known)}",
        hint=f"did you mean {close[0]}?" if close else "correct the name, or take it out.",
    )
