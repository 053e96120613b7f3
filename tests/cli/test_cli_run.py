"""run: built-in workloads and Python files, and how a run with a store goes on."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_terminal import facts_in


def test_run_prints_a_summary(call: Callable[..., Any]) -> None:
    """The summary has counts, throughput, percentiles, and what the workload found out."""
    found = call("run", "corpus", "--workers", "2")
    assert found.exit_code == 0
    assert re.search(r"^corpus: \d+ succeeded$", found.stdout, re.MULTILINE)
    assert re.search(r"took .* with 2 threads, [\d,.]+ tasks a second$", found.stdout, re.MULTILINE)
    for label in ("waiting", "running"):
        assert re.search(rf"^  {label}  p50 .+ p95 .+ p99 .+$", found.stdout, re.MULTILINE)
    assert re.search(r"\d+ files with \d+ lines, \d+ functions and \d+ classes", found.stdout)
    assert "The longest function is" in found.stdout
    assert "(100%)" in found.stderr


@pytest.mark.slow
def test_run_indexes_the_whole_standard_library(call: Callable[..., Any]) -> None:
    """Every file of the standard library is indexed, none of them fails."""
    from taskqueue_edu.workloads import stdlib_files

    found = call("run", "stdlib", "--workers", "4")
    assert found.exit_code == 0
    n = len(stdlib_files())
    assert f"stdlib: {n:,} succeeded\n" in found.stdout
    told = re.search(
        rf"^{n:,} files with [\d,]+ lines, ([\d,]+) functions", found.stdout, re.MULTILINE
    )
    assert told is not None
    assert int(told[1].replace(",", "")) > 5_000


@pytest.mark.slow
@pytest.mark.parametrize("what", ["fetch", "math", "sleep", "flaky", "primes"])
def test_every_workload_runs(call: Callable[..., Any], what: str) -> None:
    """Each built-in workload runs as many tasks as --n says, and succeeds."""
    found = call("run", what, "--n", "4")
    assert found.exit_code == 0, found.stdout
    assert f"{what}: 4 succeeded" in found.stdout


@pytest.mark.slow
def test_run_in_processes(execute: Callable[..., Any]) -> None:
    """With --processes the tasks run in other processes."""
    done = execute("run", "primes", "--n", 4, "--processes", "--workers", 2)
    assert done.returncode == 0, done.stderr
    assert "with 2 processes" in done.stdout


def test_finished_run_is_not_repeated(call: Callable[..., Any]) -> None:
    """With a store, a second run submits nothing, and its summary has the first one's results."""
    first = call("run", "sleep", "--n", "3", "--store", "jobs", "--workers", "3")
    again = call("run", "sleep", "--n", "3", "--store", "jobs", "--workers", "3")
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert "sleep: 3 succeeded, 3 of them in earlier runs" in again.stdout
    assert first.stdout.splitlines()[-1] == again.stdout.splitlines()[-1]
    kinds = Counter(fact["fact"] for fact in facts_in("jobs"))
    assert kinds == {"submitted": 3, "started": 3, "succeeded": 3}


def test_equal_tasks_are_counted(call: Callable[..., Any]) -> None:
    """Of equal tasks, as many are submitted as the journal does not have yet."""
    call("run", "sleep", "--n", "2", "--store", "jobs")
    found = call("run", "sleep", "--n", "5", "--store", "jobs")
    assert "sleep: 5 succeeded, 2 of them in earlier runs" in found.stdout
    assert Counter(fact["fact"] for fact in facts_in("jobs"))["submitted"] == 5


def test_failed_task_of_an_earlier_run_still_fails_the_run(
    call: Callable[..., Any], write: Callable[..., Path]
) -> None:
    """A run whose tasks failed earlier fails again, until they are put back."""
    path = write("cli_fails.py", tasks_file("cli_fail", "raise OSError('no\\nmore')"))
    for _ in range(2):
        found = call("run", path, "--store", "jobs", "--n", "12")
        assert found.exit_code == 1
        assert "cli_fails: 12 failed" in found.stdout
        assert found.stdout.count("cli_fail: OSError: no\n") == 10
        assert "... and 2 more" in found.stdout
    assert Counter(fact["fact"] for fact in facts_in("jobs"))["submitted"] == 12


def test_what_another_run_left_is_run(call: Callable[..., Any]) -> None:
    """Tasks that wait in the store are run too, and do not disturb the summary of the others."""
    call("submit", "jobs", "math", "operation=sum", "operands=[1]")
    found = call("run", "corpus", "--n", "2", "--store", "jobs")
    assert found.exit_code == 0
    assert "corpus: 3 succeeded" in found.stdout
    assert "2 files with" in found.stdout


def tasks_file(name: str, body: str, make: str = "[Mine(n) for n in range(20)]") -> str:
    return (
        "from dataclasses import dataclass\n"
        "from taskqueue_edu import current_task, task_type\n"
        f"@task_type({name!r})\n"
        "@dataclass(frozen=True)\n"
        "class Mine:\n"
        "    number: int\n"
        "    def execute(self) -> int:\n"
        f"        {body}\n"
        "def tasks():\n"
        f"    return {make}\n"
    )


def test_python_file(call: Callable[..., Any], write: Callable[..., Path]) -> None:
    """The tasks that tasks() returns are run; --n takes the first of them."""
    path = write("cli_mine.py", tasks_file("cli_mine", "return self.number"))
    assert "cli_mine: 20 succeeded" in call("run", path).stdout
    assert "cli_mine: 7 succeeded" in call("run", path, "--n", "7").stdout


def test_python_file_that_yields(call: Callable[..., Any], write: Callable[..., Path]) -> None:
    """tasks() may be a generator without an end; a bounded queue does not run ahead of it."""
    make = "(Mine(n) for n in __import__('itertools').count())"
    path = write("cli_endless.py", tasks_file("cli_endless", "return 1", make))
    found = call("run", path, "--n", "50", "--maxsize", "5")
    assert found.exit_code == 0
    assert "cli_endless: 50 succeeded" in found.stdout
    stopped = call("run", path, "--timeout", "0.1", "--maxsize", "5")
    assert stopped.exit_code == 124
    assert "Stopping (--timeout)" in stopped.stderr
    assert "nothing is kept without --store" in stopped.stderr


@pytest.mark.slow
def test_python_file_in_processes_with_a_neighbor(
    execute: Callable[..., Any], write: Callable[..., Path], folder: Path
) -> None:
    """A file's tasks run in processes, which find it and the module beside it."""
    inner = folder / "inner"
    inner.mkdir()
    write("inner/helpers.py", "FACTOR = 3\n")
    body = "import helpers; return self.number * helpers.FACTOR"
    write("inner/mine.py", "import helpers\n" + tasks_file("mine", body))
    done = execute("run", "inner/mine.py", "--processes", "-w", 2, "--store", "jobs")
    assert done.returncode == 0, done.stderr + done.stdout
    values = {fact["value"] for fact in facts_in("jobs") if fact["fact"] == "succeeded"}
    assert values == {3 * n for n in range(20)}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("cli_a.py", "1 / 0", "ZeroDivisionError: division by zero (cli_a.py, line 1)"),
        ("cli_b.py", "def tasks(:", "SyntaxError"),
        ("cli_c.py", "import no_such_module", "No module named 'no_such_module'"),
        ("cli_d.py", "import sys; sys.exit(3)", "SystemExit: 3"),
        ("cli_e.py", "tasks = [1]", "defines no function tasks()"),
        ("cli_f.py", "def tasks():\n    return [1 / 0]", "ZeroDivisionError"),
        ("cli_g.py", "def tasks():\n    yield 1 / 0", "tasks() of cli_g.py failed: Zero"),
        ("cli_h.py", "def tasks():\n    return 5", "'int' object is not iterable"),
        ("cli_i.py", "def tasks():\n    return [5]", "has no execute() method"),
        ("queue.py", "def tasks():\n    return []", "that name belongs to"),
        ("cli.j.py", "def tasks():\n    return []", "can't be imported as 'cli.j'"),
        ("__main__.py", "def tasks():\n    return []", "can't be imported"),
    ],
)
def test_broken_python_file(
    call: Callable[..., Any], write: Callable[..., Path], name: str, text: str, said: str
) -> None:
    """What is wrong with a file is said in one line, with the place, and is exit code 2."""
    write(name, text)
    found = call("run", name)
    assert found.exit_code == 2
    assert said in found.stderr.replace(f"{Path.cwd()}/", "")
    assert "Traceback" not in found.stderr


def test_file_that_is_not_there(call: Callable[..., Any]) -> None:
    """A file, or a workload, that is not there is a mistake on the command line."""
    for what in ("nowhere.py", "nothing"):
        found = call("run", what)
        assert found.exit_code == 2
        assert what in found.stderr


def test_fetch_takes_no_store(call: Callable[..., Any]) -> None:
    """A workload whose tasks mean nothing to the next run is refused before a folder is made."""
    found = call("run", "fetch", "--store", "jobs")
    assert found.exit_code == 2
    assert "without --store" in found.stderr
    assert not Path("jobs").exists()


def test_unregistered_class(call: Callable[..., Any], write: Callable[..., Path]) -> None:
    """A class without @task_type runs in memory, and is refused for a store before it runs."""
    text = "class Mine:\n    def execute(self): return 1\ndef tasks(): return [Mine()]\n"
    path = write("cli_plain.py", text)
    assert call("run", path).exit_code == 0
    found = call("run", path, "--store", "jobs")
    assert found.exit_code == 2
    assert "@task_type" in found.stderr
    assert facts_in("jobs") == []


def test_store_from_the_configuration(call: Callable[..., Any], monkeypatch: Any) -> None:
    """The store may be set in the configuration as well."""
    monkeypatch.setenv("TASKQUEUE_STORE", "jobs")
    assert call("run", "corpus", "--n", "1").exit_code == 0
    assert len(facts_in("jobs")) == 3


def test_forgotten_results_are_named(call: Callable[..., Any]) -> None:
    """A result that --retain did not keep is missing from the summary, which says so."""
    found = call("run", "math", "--n", "10", "--retain", "3")
    assert found.exit_code == 0
    assert "math: 3 succeeded, 7 no longer kept (see --retain)" in found.stdout
    assert "3 sums" in found.stdout
