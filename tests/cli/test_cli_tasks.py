"""submit, work, status, result, retry: one folder's tasks from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from taskqueue_edu import TaskQueue

MATH = ("math", "operation=sum", "operands=[1,2,3]")
BAD = ("math", "operation=nope", "operands=[1]")


def submit(call: Callable[..., Any], *words: object) -> str:
    found = call("submit", "jobs", *words)
    assert found.exit_code == 0, found.stderr
    return str(found.stdout).strip()


def test_submit_prints_the_id_alone(call: Callable[..., Any]) -> None:
    """What submit prints is the id and nothing else, and the task is in the journal."""
    found = call("submit", "jobs", *MATH)
    assert found.stderr == ""
    task_id = found.stdout.removesuffix("\n")
    task = json.loads(call("status", "jobs", task_id, "--json").stdout)["facts"][0]["task"]
    assert task == {"operation": "sum", "operands": [1, 2, 3]}


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("5", None),  # index_file's path is a string, and 5 is a number
        ('"5"', "5"),
        ("five", "five"),
        ("a=b", "a=b"),
        ("", ""),
        ("NaN", "NaN"),
        ("[1,", "[1,"),
    ],
)
def test_value_is_json_or_else_a_string(
    call: Callable[..., Any], value: str, stored: str | None
) -> None:
    """A value that reads as JSON is that JSON; any other is a string."""
    found = call("submit", "jobs", "index_file", f"path={value}")
    if stored is None:
        assert found.exit_code == 2
        return
    shown = json.loads(call("status", "jobs", found.stdout.strip(), "--json").stdout)
    assert shown["facts"][0]["task"] == {"path": stored}


def test_submit_takes_one_json_object(call: Callable[..., Any]) -> None:
    """--json gives all fields at once, and excludes FIELD=VALUE."""
    payload = '{"operation": "product", "operands": [2, 3]}'
    task_id = submit(call, "math", "--json", payload)
    assert call("work", "jobs").exit_code == 0
    assert call("result", "jobs", task_id).stdout == "6\n"
    assert call("submit", "jobs", "math", "operation=sum", "--json", payload).exit_code == 2


@pytest.mark.parametrize(
    "words",
    [
        ("nothing",),
        ("math",),
        ("math", "operation"),
        ("math", "=sum"),
        ("math", "operation=sum", "operands=[1]", "extra=1"),
        ("math", "operation=sum", "operation=sum", "operands=[1]"),
        ("math", "operation=sum", "operands=[1.5]"),
        ("math", "operation=sum", "operands=" + "[" * 100_000),
        ("math", "--json", '{"operation":'),
        ("math", "--json", "[1]"),
        ("math", "--json", '{"operation":"sum","operands":[1],"operands":[2]}'),
        ("sleep", "seconds=NaN"),
        ("sleep", "seconds=1", "--delay", "nan"),
        ("sleep", "seconds=1", "--delay", "-1"),
        ("index_file", "path=\udcff"),
    ],
)
def test_bad_task_changes_nothing(call: Callable[..., Any], words: tuple[str, ...]) -> None:
    """A task that can't be taken is a mistake, said in a line or two, and nothing is recorded."""
    found = call("submit", "jobs", *words)
    assert found.exit_code == 2
    assert found.stdout == ""
    assert "Error: " in found.stderr
    assert "Traceback" not in found.stderr
    if Path("jobs").exists():
        assert json.loads(call("status", "jobs", "--json").stdout)["types"] == {}


def test_work_runs_what_is_pending(call: Callable[..., Any]) -> None:
    """work runs all tasks, by priority, prints counts, and succeeds if they do."""
    first = submit(call, *MATH)
    urgent = submit(call, *MATH, "--priority", "9")
    found = call("work", "jobs", "--workers", "1")
    assert found.exit_code == 0
    assert "jobs: 2 succeeded" in found.stdout
    assert "2/2 done" in found.stderr
    started = {
        task_id: json.loads(call("status", "jobs", task_id, "--json").stdout)["started"]
        for task_id in (first, urgent)
    }
    assert started[urgent] < started[first]


def test_failed_task(call: Callable[..., Any]) -> None:
    """A failed task is exit code 1 of work and of result; status tells why, with a traceback."""
    task_id = submit(call, *BAD)
    worked = call("work", "jobs")
    assert worked.exit_code == 1
    assert f"{task_id} math: ValueError: operation is 'nope'" in worked.stdout
    result = call("result", "jobs", task_id)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "ValueError: operation is 'nope'" in result.stderr
    assert task_id in call("status", "jobs", "--failed").stdout
    history = call("status", "jobs", task_id).stdout
    assert "failed" in history
    assert "Traceback" in history


def test_retry_puts_a_failed_task_back(call: Callable[..., Any]) -> None:
    """A failed task that is put back runs again; a task that is pending can't be put back."""
    task_id = submit(call, *BAD)
    call("work", "jobs")
    assert call("retry", "jobs", task_id).exit_code == 0
    assert call("result", "jobs", task_id).exit_code == 4
    assert call("retry", "jobs", task_id).exit_code == 2
    assert call("work", "jobs").exit_code == 1
    facts = json.loads(call("status", "jobs", task_id, "--json").stdout)["facts"]
    assert [fact["fact"] for fact in facts] == [
        "submitted",
        "started",
        "failed",
        "revived",
        "started",
        "failed",
    ]


def test_result_of_a_pending_task(call: Callable[..., Any]) -> None:
    """A task that has not finished is exit code 4, with what to do."""
    task_id = submit(call, *MATH)
    found = call("result", "jobs", task_id)
    assert (found.exit_code, found.stdout) == (4, "")
    assert "taskqueue work jobs" in found.stderr


def test_result_as_json(call: Callable[..., Any]) -> None:
    """--json prints an object for tasks in any state, with the same exit codes."""
    good, bad = submit(call, *MATH), submit(call, *BAD)
    pending = call("result", "jobs", good, "--json")
    assert pending.exit_code == 4
    call("work", "jobs")
    succeeded, failed = (call("result", "jobs", i, "--json") for i in (good, bad))
    assert (succeeded.exit_code, failed.exit_code) == (0, 1)
    shown = [json.loads(found.stdout) for found in (pending, succeeded, failed)]
    assert [each["status"] for each in shown] == ["pending", "succeeded", "failed"]
    assert [each["value"] for each in shown] == [None, 6, None]
    assert shown[2]["error"]["type"] == "ValueError"
    assert len({tuple(each) for each in shown}) == 1, "the keys depend on the state"


def test_result_is_json_with_every_digit(call: Callable[..., Any]) -> None:
    """A result is printed as it is in the journal."""
    number = 2**63 - 1
    task_id = submit(call, "math", "operation=sum", f"operands=[{number}]")
    call("work", "jobs")
    assert call("result", "jobs", task_id).stdout == f"{number}\n"


def test_status_counts(call: Callable[..., Any]) -> None:
    """status counts the tasks of each type, as a table and as JSON."""
    submit(call, *MATH)
    submit(call, *BAD)
    call("work", "jobs")
    submit(call, "sleep", "seconds=0")
    shown = json.loads(call("status", "jobs", "--json").stdout)
    assert shown["counts"]["succeeded"] == shown["counts"]["failed"] == 1
    assert shown["types"] == {"math": {"succeeded": 1, "failed": 1}, "sleep": {"pending": 1}}
    table = [line.split() for line in call("status", "jobs").stdout.splitlines()]
    assert ["type", "pending", "succeeded", "failed", "total"] in table
    assert ["math", "0", "1", "1", "2"] in table
    assert ["all", "1", "1", "1", "3"] in table


def test_status_reads_a_folder_that_is_in_use(call: Callable[..., Any]) -> None:
    """status and result only read, submit asks; what must own the folder is refused."""
    task_id = submit(call, *MATH)
    with TaskQueue.open("jobs"):
        assert call("status", "jobs").exit_code == 0
        assert call("result", "jobs", task_id).exit_code == 4
        assert call("submit", "jobs", *MATH).exit_code == 0
        assert call("doctor", "jobs").exit_code == 0
        for words in (
            ("work", "jobs"),
            ("compact", "jobs"),
            ("doctor", "jobs", "--repair"),
            ("run", "corpus", "--store", "jobs"),
        ):
            found = call(*words)
            assert found.exit_code == 3
            assert "jobs is already open" in found.stderr


@pytest.mark.parametrize("command", ["status", "result", "retry", "cancel"])
def test_unknown_id(call: Callable[..., Any], command: str) -> None:
    """An id that the folder never had is a mistake on the command line."""
    submit(call, *MATH)
    found = call(command, "jobs", "feed-1")
    assert found.exit_code == 2
    assert "feed-1" in found.stderr


def test_folder_without_a_journal(call: Callable[..., Any]) -> None:
    """To read a folder without a journal is an error, and leaves the folder as it was."""
    Path("empty").mkdir()
    assert call("status", "empty").exit_code == 3
    assert call("status", "nowhere").exit_code == 2
    for command in ("doctor", "compact", "retry", "cancel", "result"):
        words = ("1-1",) if command in ("retry", "cancel", "result") else ()
        assert call(command, "empty", *words).exit_code == 3
    assert call("work", "nowhere").exit_code == 2
    assert list(Path().rglob("*")) == [Path("empty")]


def test_unknown_types_are_left_alone(
    call: Callable[..., Any], execute: Callable[..., Any], write: Callable[..., Path]
) -> None:
    """work runs what it knows, names what it doesn't, and leaves it for a process that does."""
    write("shapes.py", SHAPES)
    made = execute("submit", "jobs", "square", "side=3", "--import", "shapes.py")
    assert made.returncode == 0, made.stderr
    submit(call, *MATH)
    found = call("work", "jobs")
    assert found.exit_code == 0
    assert "1 of type 'square'" in found.stderr
    assert json.loads(call("status", "jobs", "--json").stdout)["types"]["square"] == {"pending": 1}
    worked = execute("work", "jobs", "--import", "shapes")
    assert worked.returncode == 0, worked.stderr
    assert call("result", "jobs", made.stdout.strip()).stdout == "9\n"


SHAPES = """
from dataclasses import dataclass
from taskqueue_edu import task_type

@task_type("square")
@dataclass(frozen=True)
class Square:
    \"\"\"The area of a square.\"\"\"

    side: int
    scale: int = 1

    def execute(self) -> int:
        return self.side ** 2 * self.scale
"""


def test_types(call: Callable[..., Any], write: Callable[..., Path]) -> None:
    """types lists the built-in types, and those of a file that --import names."""
    built_in = {each["name"] for each in json.loads(call("types", "--json").stdout)}
    assert {"math", "sleep", "flaky", "primes", "index_file", "fetch_page"} <= built_in
    path = write("cli_shapes.py", SHAPES.replace('"square"', '"cli_square"'))
    shown = json.loads(call("types", "--json", "--import", path).stdout)
    mine = next(each for each in shown if each["name"] == "cli_square")
    assert mine["class"] == "cli_shapes.Square"
    assert mine["about"] == "The area of a square."
    assert mine["fields"] == [
        {"name": "side", "type": "int", "required": True},
        {"name": "scale", "type": "int", "required": False},
    ]
    assert mine["result"] == "int"
    assert "scale: int = ..." in call("types").stdout


def test_config_shows_sources(call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """config shows each setting's value and whether it is from the environment, or which file."""
    Path("mine.toml").write_text("workers = 2\nmaxsize = 5\n")
    monkeypatch.setenv("TASKQUEUE_WORKERS", "3")
    shown = json.loads(call("config", "--config", "mine.toml", "--json").stdout)
    assert {each["setting"]: (each["value"], each["source"]) for each in shown}.items() >= {
        "workers": (3, "TASKQUEUE_WORKERS"),
        "maxsize": (5, "mine.toml"),
        "sync": ("process", "default"),
    }.items()
    table = [line.split() for line in call("config", "--config", "mine.toml").stdout.splitlines()]
    assert ["workers", "3", "TASKQUEUE_WORKERS"] in table


def test_option_wins_over_environment_and_file(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command line wins over the environment, and that over the file."""
    Path("taskqueue.toml").write_text("workers = 2\n")
    assert "with 2 threads" in call("run", "corpus").stdout
    monkeypatch.setenv("TASKQUEUE_WORKERS", "3")
    assert "with 3 threads" in call("run", "corpus").stdout
    assert "with 1 thread," in call("run", "corpus", "--workers", "1").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--workers", "0"), "--workers: found 0"),
        (("--maxsize", "-1"), "--maxsize: found -1"),
        (("--retain", "0"), "--retain: found 0"),
        (("--sync", "never"), "--sync: found 'never'"),
        (("--attempts", "0"), "attempts is 0"),
        (("--timeout", "nan"), "--timeout"),
        (("--timeout", "-1"), "--timeout"),
        (("--n", "0"), "--n"),
        (("--config", "nowhere.toml"), "nowhere.toml: can't be read"),
    ],
)
def test_wrong_option(call: Callable[..., Any], words: tuple[str, ...], said: str) -> None:
    """A wrong option, or a wrong configuration, is exit code 2 and says what is wrong."""
    found = call("run", "corpus", *words)
    assert found.exit_code == 2
    assert said in found.stderr


def test_debug_shows_the_traceback(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error is one line and what to do; with TASKQUEUE_DEBUG it is a traceback."""
    found = call("run", "nothing")
    assert found.stderr.startswith("Error: there is no workload 'nothing'\n  What to do: ")
    assert "Traceback" not in found.stderr
    monkeypatch.setenv("TASKQUEUE_DEBUG", "1")
    again = call("run", "nothing")
    assert again.exit_code == 2
    assert "Traceback" in again.stderr
    assert call("config").exit_code == 0


def test_control_characters_are_spelled_out(call: Callable[..., Any]) -> None:
    """Text from a journal can't send commands to the terminal."""
    submit(call, "math", "operation=\x1b]0;owned\x07", "operands=[1]")
    call("work", "jobs")
    for words in (("status", "jobs", "--failed"), ("work", "jobs")):
        found = call(*words)
        assert "\x1b" not in found.stdout + found.stderr
    assert "\\x1b]0;owned" in call("status", "jobs", "--failed").stdout
