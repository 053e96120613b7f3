"""Config: defaults, the file, the environment, and an error for everything that is wrong."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from taskqueue_edu.config import Config
from taskqueue_edu.errors import ConfigError
from taskqueue_edu.limits import Limits
from taskqueue_edu.retry import RetryPolicy

EVERYTHING = """
workers = 8
maxsize = 500
store = "jobs"
sync = "always"
interval = 0.5
retain = 1_000
retain_seconds = 3600
compact_at = 0
max_recoveries = 0

[retry]
attempts = 5
delay = 1
factor = 1.5
max_delay = 30.5
jitter = 0.0

[limits]
payload = 1_000
nesting = 10
text = 100
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(toml: str = "", **env: str) -> Config:
    Path("taskqueue.toml").write_text(toml, encoding="utf-8")
    return Config.load(env=env)


def error_of(toml: str = "", **env: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(toml, **env)
    return caught.value


def test_defaults() -> None:
    """Without a file and variables, everything has its default."""
    config = Config.load(env={})
    assert config == Config()
    assert config == Config(
        workers=4,
        maxsize=0,
        store=None,
        sync="process",
        interval=1.0,
        retain=100_000,
        retain_seconds=None,
        compact_at=64 * 2**20,
        max_recoveries=3,
        retry=RetryPolicy(),
        limits=Limits(payload=16 * 2**20, nesting=100, text=16 * 2**20),
    )


def test_file_sets_everything() -> None:
    """Each setting can be given in the file."""
    assert load(EVERYTHING) == Config(
        workers=8,
        maxsize=500,
        store="jobs",
        sync="always",
        interval=0.5,
        retain=1_000,
        retain_seconds=3600,
        compact_at=0,
        max_recoveries=0,
        retry=RetryPolicy(attempts=5, delay=1, factor=1.5, max_delay=30.5, jitter=0.0),
        limits=Limits(payload=1_000, nesting=10, text=100),
    )


def test_environment_sets_everything() -> None:
    """Each setting can be given by a variable, and then equals the same one from the file."""
    config = load(
        TASKQUEUE_WORKERS="8",
        TASKQUEUE_MAXSIZE="500",
        TASKQUEUE_STORE="jobs",
        TASKQUEUE_SYNC="always",
        TASKQUEUE_INTERVAL="0.5",
        TASKQUEUE_RETAIN="1000",
        TASKQUEUE_RETAIN_SECONDS="3600",
        TASKQUEUE_COMPACT_AT="0",
        TASKQUEUE_MAX_RECOVERIES="0",
        TASKQUEUE_RETRY_ATTEMPTS="5",
        TASKQUEUE_RETRY_DELAY="1",
        TASKQUEUE_RETRY_FACTOR="1.5",
        TASKQUEUE_RETRY_MAX_DELAY="30.5",
        TASKQUEUE_RETRY_JITTER="0",
        TASKQUEUE_LIMITS_PAYLOAD="1000",
        TASKQUEUE_LIMITS_NESTING="10",
        TASKQUEUE_LIMITS_TEXT="100",
    )
    assert config == load(EVERYTHING)


def test_file_in_the_docstring_is_right() -> None:
    """The example file in the module's docstring sets every setting, to its default if any."""
    import taskqueue_edu.config

    lines = (taskqueue_edu.config.__doc__ or "").splitlines()
    example = "\n".join(line for line in lines if re.match(r" {4}(\w+ = |\[\w+\])", line))
    config = load(example)
    assert set(config.sources) == {setting for setting, _, _ in config.rows()}
    without = ("store", "retain_seconds")
    assert [row[:2] for row in config.rows() if row[0] not in without] == [
        row[:2] for row in Config().rows() if row[0] not in without
    ]


def test_later_wins_setting_by_setting() -> None:
    """A variable overrides the file, the file overrides the default, the rest stays."""
    config = load(
        "workers = 8\nmaxsize = 500\n[retry]\nattempts = 5\ndelay = 2.0",
        TASKQUEUE_WORKERS="2",
        TASKQUEUE_RETRY_ATTEMPTS="7",
    )
    assert (config.workers, config.maxsize, config.retain) == (2, 500, 100_000)
    assert config.retry == RetryPolicy(attempts=7, delay=2.0)


def test_rows_say_where_each_value_came_from() -> None:
    """rows() yields each setting once, with its value and its source."""
    config = load("workers = 8\nmaxsize = 500", TASKQUEUE_WORKERS="2", TASKQUEUE_RETRY_DELAY="3")
    rows = {setting: (value, source) for setting, value, source in config.rows()}
    assert len(rows) == 17
    assert rows["workers"] == (2, "TASKQUEUE_WORKERS")
    assert rows["maxsize"] == (500, "taskqueue.toml")
    assert rows["retry.delay"] == (3.0, "TASKQUEUE_RETRY_DELAY")
    assert rows["sync"] == ("process", "default")


def test_item_by_full_name() -> None:
    """config["..."] gives a setting by the name that errors and rows use."""
    config = load("[retry]\ndelay = 2.0")
    assert config["retry.delay"] == 2.0
    assert config["workers"] == 4


def test_which_file(folder: Path) -> None:
    """The argument names the file, else TASKQUEUE_CONFIG, else it is ./taskqueue.toml."""
    for name, workers in (("argument.toml", 11), ("variable.toml", 12), ("taskqueue.toml", 13)):
        (folder / name).write_text(f"workers = {workers}")
    env = {"TASKQUEUE_CONFIG": "variable.toml"}
    assert Config.load(Path("argument.toml"), env).workers == 11
    assert Config.load(None, env).workers == 12
    assert Config.load(None, {}).workers == 13


def test_environment_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `env`, the variables of the process count."""
    for name in [name for name in os.environ if name.startswith("TASKQUEUE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TASKQUEUE_WORKERS", "9")
    assert Config.load().workers == 9


def test_foreign_variables_are_left_alone() -> None:
    """Variables of others don't matter, nor do the notebooks' own."""
    assert load(WORKERS="x", TASKQUEUE="x", TASKQUEUE_EDU_STRICT="1") == Config()


INTEGERS = (
    "workers",
    "maxsize",
    "retain",
    "compact_at",
    "max_recoveries",
    "retry.attempts",
    "limits.payload",
    "limits.nesting",
    "limits.text",
)
NUMBERS = (
    "interval",
    "retain_seconds",
    "retry.delay",
    "retry.factor",
    "retry.max_delay",
    "retry.jitter",
)


def toml_for(key: str, value: str) -> str:
    table, _, name = key.rpartition(".")
    return f"[{table}]\n{name} = {value}" if table else f"{name} = {value}"


def variable_for(key: str) -> str:
    return "TASKQUEUE_" + key.replace(".", "_").upper()


@pytest.mark.parametrize("key", INTEGERS)
@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("true", "True (bool)"),
        ('"4"', "'4' (str)"),
        ("4.0", "4.0 (float)"),
        ("[4]", "an array"),
        ("{a = 4}", "a table"),
        ("-1", "-1 (int)"),
        ("0x" + "f" * 4000, "an integer of 16,000 bits"),
        ("1979-05-27", "datetime.date(1979, 5, 27) (date)"),
    ],
)
def test_integers_in_the_file(key: str, value: str, found: str) -> None:
    """An integer setting takes an integer of its range and nothing that looks like one."""
    message = error_of(toml_for(key, value)).message
    assert message.startswith(f"taskqueue.toml: {key}: found {found}, expected an integer, ")


@pytest.mark.parametrize("key", NUMBERS)
@pytest.mark.parametrize("value", ["true", '"1"', "nan", "inf", "-inf", "-0.5", "[1.0]"])
def test_numbers_in_the_file(key: str, value: str) -> None:
    """A number setting takes a finite integer or float of its range, and no bool."""
    error = error_of(toml_for(key, value))
    assert error.message.startswith(f"taskqueue.toml: {key}: found ")
    assert ", expected a number, " in error.message


@pytest.mark.parametrize("key", INTEGERS)
@pytest.mark.parametrize(
    "text", ["", " 4", "4 ", "four", "4.0", "1e3", "1_000", "0x4", "true", "٤", "-1", "9" * 5000]
)
def test_integers_in_the_environment(key: str, text: str) -> None:
    """A variable for an integer holds plain digits in range: nothing is trimmed or guessed."""
    error = error_of(**{variable_for(key): text})
    assert error.message.startswith(f"{variable_for(key)}: found '")
    assert "expected an integer, " in error.message


@pytest.mark.parametrize("key", NUMBERS)
@pytest.mark.parametrize("text", ["", "nan", "inf", "1e400", "1,5", ".5", "1.", "-1", "1" * 5000])
def test_numbers_in_the_environment(key: str, text: str) -> None:
    """A variable for a number holds plain decimal digits in range."""
    error = error_of(**{variable_for(key): text})
    assert error.message.startswith(f"{variable_for(key)}: found '")
    assert "expected a number, " in error.message


@pytest.mark.parametrize(
    ("key", "inside", "outside"),
    [
        ("workers", ["1", "1000"], ["0", "1001"]),
        ("maxsize", ["0", "1"], ["-1"]),
        ("retain", ["1"], ["0"]),
        ("interval", ["0.001", "3600"], ["0", "0.0", "-1"]),
        ("retain_seconds", ["0", "86400.5"], ["-1"]),
        ("compact_at", ["0", "1"], ["-1"]),
        ("max_recoveries", ["0"], ["-1"]),
        ("retry.attempts", ["1"], ["0"]),
        ("retry.delay", ["0", "0.0", "86400"], ["-0.001"]),
        ("retry.factor", ["1", "1.0"], ["0.99", "0"]),
        ("retry.max_delay", ["0", "0.5"], ["-1"]),
        ("retry.jitter", ["0", "1", "0.5"], ["-0.01", "1.01"]),
        ("limits.payload", ["1", "16777216"], ["0", "16777217"]),
        ("limits.nesting", ["1", "100"], ["0", "101"]),
        ("limits.text", ["1", "16777216"], ["0", "16777217"]),
    ],
)
def test_ranges(key: str, inside: list[str], outside: list[str]) -> None:
    """The limits of each range belong to it, in the file and in a variable alike."""
    for text in inside:
        assert load(toml_for(key, text))[key] == float(text)
        assert load(**{variable_for(key): text})[key] == float(text)
    for text in outside:
        assert f"{key}: found {text} (" in error_of(toml_for(key, text)).message
        assert f"found '{text}'" in error_of(**{variable_for(key): text}).message


@pytest.mark.parametrize("value", ['"Always"', '""', "true", '["always"]', "1"])
def test_sync_is_a_choice(value: str) -> None:
    """sync takes one of three words, spelled exactly."""
    message = error_of(f"sync = {value}").message
    assert message.endswith('expected "process", "interval" or "always"')


@pytest.mark.parametrize("value", ['""', "4", "false", '"a\\u0000b"', '["jobs"]'])
def test_store_is_a_path(value: str) -> None:
    """store takes a string that can be a path."""
    assert error_of(f"store = {value}").message.endswith("expected the path of a folder")


def test_complete_message() -> None:
    """An error names the place, what was found, what was expected, and what to do."""
    assert str(error_of('workers = "4"')) == (
        "taskqueue.toml: workers: found '4' (str), expected an integer, 1 to 1,000\n"
        "  What to do: correct it, or leave it out: the default is 4."
    )
    assert str(error_of(TASKQUEUE_RETRY_JITTER="2")) == (
        "TASKQUEUE_RETRY_JITTER: found '2', expected a number, 0 to 1\n"
        "  What to do: correct it, or leave it out: the default is 0.5."
    )


@pytest.mark.parametrize(
    ("toml", "name", "hint"),
    [
        ("wokers = 4", "wokers", "did you mean workers?"),
        ("Workers = 4", "Workers", "did you mean workers?"),
        ("attempts = 4", "attempts", "did you mean retry.attempts?"),
        ("[retry]\natempts = 4", "retry.atempts", "did you mean retry.attempts?"),
        ('"retry.delay" = 4', "'retry.delay'", "did you mean retry.delay?"),
        ("[retries]\nattempts = 4", "retries", "did you mean "),
        ("[retry]\non = []", "retry.on", ""),
        ("xyzzy = 4", "xyzzy", "correct the name, or take it out."),
        ('"" = 4', "''", "correct the name, or take it out."),
    ],
)
def test_unknown_names_in_the_file(toml: str, name: str, hint: str) -> None:
    """An unknown name is an error that lists the known ones and suggests the closest."""
    error = error_of(toml)
    assert error.message.startswith(
        f"taskqueue.toml: {name}: there is no such setting, expected one of workers, maxsize, "
    )
    assert error.hint.startswith(hint)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("TASKQUEUE_WORKER", "did you mean TASKQUEUE_WORKERS?"),
        ("TASKQUEUE_ATTEMPTS", "did you mean TASKQUEUE_RETRY_ATTEMPTS?"),
        ("TASKQUEUE_CONFIG_FILE", "did you mean TASKQUEUE_CONFIG?"),
        ("TASKQUEUE_workers", "did you mean TASKQUEUE_"),
    ],
)
def test_unknown_variables(name: str, hint: str) -> None:
    """An unknown TASKQUEUE_ variable is an error that suggests the closest known one."""
    error = error_of(**{name: "1"})
    assert error.message.startswith(f"{name}: there is no such setting")
    assert error.hint.startswith(hint)


@pytest.mark.parametrize("table", ["retry", "limits"])
def test_a_table_must_be_one(table: str) -> None:
    """retry = 3 says how to write the table."""
    error = error_of(f"{table} = 3")
    assert error.message == f"taskqueue.toml: {table}: found 3 (int), expected a table"
    assert f"[{table}]" in error.hint


@pytest.mark.parametrize(
    "content",
    [
        b"workers = ",
        b"workers = 1\nworkers = 2",
        b"store = jobs",
        b"store = '\xff'",
        b"\xff\xfew\0o\0r\0",
        b"workers = " + b"9" * 5000,
        b"store = " + b"[" * 100_000,
    ],
    ids=["no value", "twice", "no quotes", "not UTF-8", "UTF-16", "endless number", "deep"],
)
def test_malformed_file(folder: Path, content: bytes) -> None:
    """A file that is not TOML is an error that names the file and keeps the cause."""
    (folder / "taskqueue.toml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"taskqueue\.toml: is not valid TOML: ") as caught:
        Config.load(env={})
    assert caught.value.__cause__ is not None


def test_malformed_file_says_where() -> None:
    """The message of a malformed file has the line."""
    assert "line 2" in error_of("workers = 4\nmaxsize = = 1").message


@pytest.mark.parametrize(
    ("path", "env"),
    [(Path("gone.toml"), {}), (None, {"TASKQUEUE_CONFIG": "gone.toml"})],
    ids=["argument", "variable"],
)
def test_named_file_must_exist(path: Path | None, env: dict[str, str]) -> None:
    """Only the default file may be missing; one that was named may not."""
    with pytest.raises(ConfigError, match=r"gone\.toml: can't be read \(No such file") as caught:
        Config.load(path, env)
    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_unreadable_file(folder: Path) -> None:
    """A folder in the file's place is an error, not a missing file."""
    (folder / "taskqueue.toml").mkdir()
    with pytest.raises(ConfigError, match=r"taskqueue\.toml: can't be read") as caught:
        Config.load(env={})
    assert isinstance(caught.value.__cause__, OSError)


def test_first_error_is_reported() -> None:
    """Of several errors the first in the file counts, and the file comes before variables."""
    error = error_of('maxsize = "a"\nworkers = "b"', TASKQUEUE_WORKERS="c")
    assert error.message.startswith("taskqueue.toml: maxsize: found 'a'")
    error = error_of(TASKQUEUE_SYNC="x", TASKQUEUE_MAXSIZE="x")
    assert error.message.startswith("TASKQUEUE_MAXSIZE")


def test_an_overridden_value_is_checked_too() -> None:
    """A wrong value in the file stays an error when a variable overrides it."""
    assert "found 0 (int)" in error_of("workers = 0", TASKQUEUE_WORKERS="4").message


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"workers": 0}, "Config: workers: found 0 (int), expected an integer, 1 to 1,000"),
        ({"workers": True}, "Config: workers: found True (bool), expected an integer, "),
        ({"retain": 1.5}, "Config: retain: found 1.5 (float), expected an integer, 1 or more"),
        ({"interval": 0}, "Config: interval: found 0 (int), expected a number, more than 0"),
        ({"retain_seconds": -1}, "Config: retain_seconds: found -1 (int), expected a number, 0 to"),
        ({"compact_at": None}, "Config: compact_at: found None (NoneType), expected an integer"),
        ({"sync": "never"}, "Config: sync: found 'never' (str), expected "),
        ({"store": ""}, "Config: store: found '' (str), expected the path of a folder"),
    ],
)
def test_built_by_hand(values: dict[str, Any], message: str) -> None:
    """Config(...) obeys the same rules as the file."""
    with pytest.raises(ConfigError) as caught:
        Config(**values)
    assert caught.value.message.startswith(message)


def test_a_config_error_is_a_value_error() -> None:
    """Code that catches ValueError catches a ConfigError."""
    assert issubclass(ConfigError, ValueError)
