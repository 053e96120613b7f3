"""What the course asks for besides functions: tests that find mutants, lines in order, traces."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from taskqueue_edu import lab
from taskqueue_edu.journal import read_facts
from taskqueue_edu.lab.attempts import PLACE
from taskqueue_edu.lab.crash import crash_test, value_kept
from taskqueue_edu.lab.exercises import find
from taskqueue_edu.lab.interleave import explore, together
from taskqueue_edu.lab.parsons import puzzle
from taskqueue_edu.lab.predict import predictions
from taskqueue_edu.registry import fold

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def own_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the progress of these tests apart from that of whoever runs them."""
    monkeypatch.setenv(PLACE, str(tmp_path / "progress.json"))


def explained_test(name: str) -> Callable[[Any], None]:
    """Return the test that the explanation of the mutants shows."""
    found = re.search(r"~~~python\n(.*?)~~~", find(name).about, re.DOTALL)
    assert found is not None
    space: dict[str, Any] = {"crash_test": crash_test, "value_kept": value_kept}
    space |= {"explore": lab.explore, "together": lab.together}
    exec(found[1], space)
    made: Callable[[Any], None]
    (made,) = (value for key, value in space.items() if key.startswith("test_"))
    return made


def reads_back(save: Callable[[Path, bytes], None]) -> None:
    """Test a saver without a crash."""
    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder) / "file", b"new")
        assert (Path(folder) / "file").read_bytes() == b"new"


def in_order(waiting: Callable[[], Any]) -> None:
    """Test a queue with three items that grow."""
    queue = waiting()
    for item in (1, 2, 3):
        queue.put(item)
    assert [queue.get() for _ in range(3)] == [1, 2, 3]


def nobody_waits(latch: Callable[[int], Any]) -> None:
    """Test a latch that nobody waits for."""
    latch(1).arrive()


def all_well(run: Callable[..., object]) -> None:
    """Test a run of jobs with jobs that go well."""
    assert run([int, int], lambda: None) == (0, [])


@pytest.mark.parametrize(
    ("name", "weak"),
    [
        ("p1.mutants_waiting", in_order),
        ("p2.latch", nobody_waits),
        ("p3.mutants_savers", reads_back),
        ("p4.mutants_runs", all_well),
    ],
)
def test_the_explained_test_finds_every_mutant(
    name: str, weak: Callable[[Any], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """It lets the right ones pass, too; a test of what is plain finds none."""
    lab.mutants(name, explained_test(name))
    assert f"{name}: right" in capsys.readouterr().out
    lab.mutants(name, weak)
    broken = len(find(name).others("wrong"))
    told = capsys.readouterr().out
    assert f"{broken} got past it" in told or "All of them got past it" in told


def asserts_nothing(latch: Callable[[int], Any]) -> None:
    """Explore threads that only end."""

    def scenario() -> None:
        gate = latch(2)
        together(gate.arrive, gate.arrive, gate.wait, gate.wait)

    assert explore(scenario)


def drops_the_verdict(latch: Callable[[int], Any]) -> None:
    """Explore, and don't look at what came of it."""

    def scenario() -> None:
        gate = latch(1)
        together(gate.arrive, gate.wait, gate.wait)

    explore(scenario)


def builds_on_the_last_run(latch: Callable[[int], Any]) -> None:
    """Explore what is the same latch in every schedule."""
    gate = latch(2)
    assert explore(lambda: together(gate.arrive, gate.arrive, gate.wait, gate.wait))


def races(latch: Callable[[int], Any]) -> None:
    """Count without a lock, and blame the latch."""

    def scenario() -> None:
        gate, arrived = latch(2), 0

        def arrive() -> None:
            nonlocal arrived
            arrived += 1
            gate.arrive()

        def wait() -> None:
            gate.wait()
            assert arrived == 2

        together(arrive, arrive, wait)

    assert explore(scenario)


def hands_over_what_it_returns(latch: Callable[[int], Any]) -> None:
    """Call the scenario instead of handing it over."""

    def scenario() -> None:
        gate = latch(1)
        together(gate.arrive, gate.wait)

    run: Any = scenario
    assert explore(run())


def asserts_a_function(latch: Callable[[int], Any]) -> None:
    """Assert the scenario, which is true because it is a function."""

    def scenario() -> None:
        gate = latch(1)
        together(gate.arrive, gate.wait)

    function: object = scenario
    assert function


def takes_a_verdict_for_true(latch: Callable[[int], Any]) -> None:
    """Compare a verdict, which only counts as true."""

    def scenario() -> None:
        gate = latch(1)
        together(gate.arrive, gate.wait)

    verdict: object = explore(scenario)
    assert verdict == True  # noqa: E712 - that is the slip


def calls_what_threads_are_to_call(latch: Callable[[int], Any]) -> None:
    """Give `together` what the calls return."""

    def scenario() -> None:
        gate = latch(1)
        together(gate.arrive(), gate.wait())

    assert explore(scenario)


def more_wait_than_arrive(latch: Callable[[int], Any]) -> None:
    """Wait for two, where one arrives; the scenario after it is right."""

    def scenario() -> None:
        gate = latch(2)
        together(gate.arrive, gate.wait)

    def other() -> None:
        gate = latch(1)
        together(gate.arrive, gate.wait)

    verdicts = [explore(scenario), explore(other)]
    assert all(verdicts)


def one_order(latch: Callable[[int], Any]) -> None:
    """Wait, in a thread of its own that is waited for, for more than arrive."""
    gate = latch(2)
    threads = [threading.Thread(target=call, daemon=True) for call in (gate.arrive, gate.wait)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize(
    ("test", "told"),
    [
        (asserts_nothing, "Your scenario asserts nothing"),
        (drops_the_verdict, "your test does not look at what it returns"),
        (builds_on_the_last_run, "gate was made outside the scenario"),
        (races, "arrived += 1"),
        (hands_over_what_it_returns, "None is not callable: hand the scenario over itself"),
        (asserts_a_function, "Your test has explored nothing"),
        (one_order, "By then, your test had explored nothing"),
        (takes_a_verdict_for_true, "By then, `explore` had found nothing."),
        (calls_what_threads_are_to_call, "Which value or argument does the error speak of"),
        (more_wait_than_arrive, "What does each thread wait for"),
    ],
)
def test_what_is_wrong_with_a_test_of_a_latch(
    test: Callable[[Any], None],
    told: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is told what the exploration has shown, and not only that something got past it."""
    monkeypatch.setattr(importlib.import_module("taskqueue_edu.lab.mutants"), "SECONDS", 1000.0)
    lab.mutants("p2.latch", test)
    assert told in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("name", "belief"),
    [
        ("p1.parsons_jobs", ""),
        ("p2.worker_loop", "One sentinel in the queue stops all workers."),
        ("p3.parsons_replace", "A rename replaces a file safely, by itself."),
        ("p4.parsons_finish", ""),
    ],
)
def test_the_lines_of_the_solution_are_right(
    name: str, belief: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lines in their order pass; without the last one, they don't, and it is told why."""
    exercise = find(name)
    letters = {line: letter for letter, line in puzzle(exercise).lines.items()}
    solution = exercise.source("solution").rpartition("# lines\n")[2].splitlines()
    order = "".join(letters[line] for line in solution)
    lab.parsons(name, order)
    assert f"{name}: right" in capsys.readouterr().out
    lab.parsons(name, order[:-1])
    told = capsys.readouterr().out
    assert f"{name}: not right yet" in told
    assert belief in told


def test_the_steps_on_disk_are_right(capsys: pytest.CaptureFixture[str]) -> None:
    """What the trace asks for is what is there after the worst crash."""
    lab.trace("p3.disk", [step.value for step in predictions().trace["p3.disk"].steps])
    assert "p3.disk: right" in capsys.readouterr().out


def test_the_names_are_right(capsys: pytest.CaptureFixture[str]) -> None:
    """The lines that the trace shows do what it asks for."""
    space: dict[str, Any] = {}
    lengths = []
    for step in predictions().trace["p1.names"].steps:
        exec(step.step, space)
        lengths.append(len(space["batch"]))
    lab.trace("p1.names", lengths)
    assert "p1.names: right" in capsys.readouterr().out


KILLED = """
import os, signal, sys
from taskqueue_edu import TaskQueue
from taskqueue_edu.workloads import MathTask

queue = TaskQueue.open(sys.argv[1])
task_id = queue.submit(MathTask("sum", (1, 2)))
print(queue.status(task_id))
queue.dispatcher.claim("worker")
queue.registry.store.flush(queue.registry.get(task_id).position)
print(queue.status(task_id), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""

NEXT = """
import sys
from contextlib import closing
from taskqueue_edu import TaskQueue
import taskqueue_edu.workloads

with closing(TaskQueue.open(sys.argv[1])) as queue:
    (record,) = queue.registry.records()
    print(record.status)
    run = queue.dispatcher.claim("worker")
    print(queue.status(record.id))
    queue.dispatcher.settle(run, "succeeded", run.task.execute())
    print(queue.status(record.id))
"""


def test_the_life_of_a_killed_task_is_right(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A task that is killed and run again goes through the states that the trace asks for."""

    def states(program: str) -> list[str]:
        command = [sys.executable, "-c", program, tmp_path]
        return subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout.split()

    before = states(KILLED)
    (record,) = fold(read_facts(tmp_path)).records()
    lab.trace("p4.kill", [*before, record.status, *states(NEXT)])
    assert "p4.kill: right" in capsys.readouterr().out
