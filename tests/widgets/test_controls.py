"""ControlPanel: every control acts on the real queue and pool, says so, and leaves no thread."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from ipywidgets import HTML, Widget
from ipywidgets.widgets.widget import _instances
from traitlets import TraitError

from taskqueue_edu import ControlPanel, RetryPolicy, TaskQueue, TaskStatus, WorkerPool, current_task
from taskqueue_edu.recording import Recording
from taskqueue_edu.widgets import controls
from taskqueue_edu.workloads import SleepTask

VIEW = "application/vnd.jupyter.widget-view+json"
TEXT = "ControlPanel: run this cell to use it"
WAIT = 10.0


class Output:
    """Stands in for an output of a cell, and for the person who looks at it."""

    def __init__(self) -> None:
        self.data: dict[str, Any] = {}
        self.box: Any = None

    def display(self, data: dict[str, Any], *, raw: bool) -> None:
        """Make the output."""
        assert raw
        self.data = data
        self.box = _instances[data[VIEW]["model_id"]]

    def update(self, data: dict[str, Any], *, raw: bool) -> None:
        """Put something else in its place."""
        assert raw
        self.data = data

    def widgets(self, box: Any = None) -> Iterator[Any]:
        """Yield all widgets, in the order in which the tabulator key reaches them."""
        for child in (box or self.box).children:
            yield child
            if hasattr(child, "children"):
                yield from self.widgets(child)

    def __getitem__(self, name: str) -> Any:
        """Return a control by its label, or by its tooltip if it has none."""
        (found,) = (w for w in self.widgets() if name in (getattr(w, "description", ""), w.tooltip))
        return found

    def line(self, look: str) -> Any:
        """Return the widget of the status line ("status"), or of the one above it ("state")."""
        begin = f'<p class="tq-{look}'
        (found,) = (w for w in self.widgets() if isinstance(w, HTML) and w.value.startswith(begin))
        return found

    def says(self, text: str, look: str = "status") -> bool:
        """Wait until a line contains a text; False if it does not in time."""
        seen = threading.Event()
        widget = self.line(look)

        def look_at(_: object = None) -> None:
            if text in self.read(look):
                seen.set()

        widget.observe(look_at, "value")
        look_at()
        found = seen.wait(WAIT)
        widget.unobserve(look_at, "value")
        return found

    def read(self, look: str = "status") -> str:
        """Return what a line says."""
        return "".join(ET.fromstring(self.line(look).value).itertext())


class Notebook:
    """Stands in for IPython, and keeps the outputs."""

    def __init__(self) -> None:
        self.outputs: list[Output] = []

    def new_output(self) -> Output:
        """Return a new output, as a cell makes it."""
        self.outputs.append(Output())
        return self.outputs[-1]


@pytest.fixture(autouse=True)
def notebook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    """A notebook, which closes all widgets after the test."""
    notebook = Notebook()
    monkeypatch.setattr(controls, "DisplayHandle", notebook.new_output)
    monkeypatch.setattr(controls, "get_ipython", lambda: notebook)
    yield notebook
    Widget.close_all()


@pytest.fixture
def pool(queue: TaskQueue) -> Iterator[WorkerPool]:
    """Two workers on the queue."""
    with WorkerPool(2) as pool:
        pool.start_processing(queue)
        yield pool


@pytest.fixture
def panel(queue: TaskQueue, pool: WorkerPool) -> Iterator[ControlPanel]:
    """A panel that is shown."""
    panel = ControlPanel(queue, pool)
    panel.show()
    yield panel
    panel.stop()


@pytest.fixture
def output(notebook: Notebook, panel: ControlPanel) -> Output:
    """What the panel shows."""
    return notebook.outputs[0]


class LongAtFirst:
    """A task whose first run lasts until it is stopped."""

    def execute(self) -> int:
        """Return the number of the run that ended."""
        run = current_task()
        if run.attempt == 1:
            run.sleep(600)
        return run.attempt


def threads() -> list[threading.Thread]:
    """Return the threads of panels."""
    return [t for t in threading.enumerate() if t.name == "taskqueue-control-panel"]


def the_thread() -> threading.Thread:
    (thread,) = threads()
    return thread


def ended(thread: threading.Thread) -> bool:
    thread.join(WAIT)
    return not thread.is_alive()


def count(queue: TaskQueue, status: TaskStatus) -> int:
    return queue.registry.counts()[status]


# -- what the controls do


@pytest.mark.parametrize(
    ("workload", "type_"),
    [
        ("practice", "risky"),
        ("index", "index_file"),
        ("fetch", "fetch_page"),
        ("primes", "primes"),
        ("sums", "math"),
    ],
)
def test_a_burst_is_submitted(queue: TaskQueue, output: Output, workload: str, type_: str) -> None:
    """As many tasks as asked for, of the workload that was chosen, all of which succeed."""
    output["Workload"].value = workload
    output["Tasks"].value = 12
    output["Seconds a task"].value = 0.0
    output["Submit burst"].click()
    assert output.says("Submitted 12 tasks: ")
    queue.join(WAIT)
    assert {record.type for record in queue.registry.records()} == {type_}
    assert queue.registry.counts()[TaskStatus.SUCCEEDED] == 12


def test_the_largest_burst(queue: TaskQueue, output: Output) -> None:
    """10,000 tasks go in; a larger number is brought down to it."""
    output["Workload"].value = "sums"
    output["Tasks"].value = 99_999
    assert output["Tasks"].value == 10_000
    output["Submit burst"].click()
    assert output.says("Submitted 10,000 tasks: add up numbers.")


def test_a_burst_waits_for_places(queue: TaskQueue, output: Output) -> None:
    """It fills a bounded queue, says how far it came, and goes on when places become free."""
    queue.pause()
    queue.resize(3)
    output["Tasks"].value = 8
    output["Seconds a task"].value = 0.0
    output["Submit burst"].click()
    assert output.says("The queue is full after 3 of 8 tasks: practice.")
    assert output.says("3 pending. 5 more to be submitted. The queue is paused.", "state")
    assert count(queue, TaskStatus.PENDING) == 3
    queue.resume()
    assert output.says("Submitted 8 tasks: practice.")
    queue.join(WAIT)
    assert count(queue, TaskStatus.SUCCEEDED) == 8


def test_seconds_and_failures_hold_for_what_is_submitted_then(
    queue: TaskQueue, output: Output
) -> None:
    """They are fields of the practice tasks, those of a burst that waits for places included."""
    queue.pause()
    queue.resize(1)
    output["Tasks"].value = 2
    output["Submit burst"].click()
    assert output.says("The queue is full after 1 of 2 tasks: practice.")
    output["Seconds a task"].value = 0.0
    assert output.says("Practice tasks submitted from now on take 0 s.")
    output["Failures in 100"].value = 100
    assert output.says("Of the practice tasks submitted from now on, 100 in 100 runs fail.")
    queue.resume()
    queue.join(WAIT)
    first, second = queue.registry.records()
    assert (first.status, second.status) == (TaskStatus.SUCCEEDED, TaskStatus.FAILED)


def test_they_are_for_practice_tasks_only(output: Output) -> None:
    """With another workload they are disabled, and the status line says why."""
    output["Workload"].value = "primes"
    assert output["Seconds a task"].disabled
    assert output["More failures"].disabled
    assert output.read() == "Seconds and failures are for practice tasks only."
    output["Workload"].value = "practice"
    assert not output["Seconds a task"].disabled


def test_more_and_fewer_workers(pool: WorkerPool, output: Output) -> None:
    """The number and its buttons resize the pool, which never has less than one worker."""
    output["More workers"].click()
    assert (pool.workers, output.read()) == (3, "The pool has 3 workers.")
    output["Workers"].value = 1
    assert pool.workers == 1
    assert output.read().startswith("The pool has 1 worker. One that is too many leaves")
    output["Fewer workers"].click()
    assert pool.workers == 1


@pytest.mark.parametrize(("value", "workers"), [(5, 5), ("many", 2)])
def test_a_change_in_the_browser_is_answered(
    pool: WorkerPool, output: Output, monkeypatch: pytest.MonkeyPatch, value: Any, workers: int
) -> None:
    """Good or bad: the browser sends the next change once it hears "idle" (see `inputs`)."""
    field = output["Workers"]
    told: list[Any] = []

    def publish(kind: str, *_: Any, **content: Any) -> None:
        if kind == "status":
            told.append(content["execution_state"])

    monkeypatch.setattr(field.comm, "publish_msg", publish)
    with nullcontext() if value == workers else pytest.raises(TraitError):
        field.set_state({"value": value})
    assert pool.workers == workers
    assert told == ["idle", "busy"]


def test_the_bound(queue: TaskQueue, output: Output) -> None:
    """The number and its buttons change the bound of the queue."""
    output["More places"].click()
    assert (queue.maxsize, output.read()) == (10, "At most 10 tasks may wait from now on.")
    output["Fewer places"].click()
    assert (queue.maxsize, output.read()) == (0, "The queue has no bound from now on.")


def test_the_bound_lets_a_producer_in(queue: TaskQueue, output: Output) -> None:
    """A submit that waits for a place, of whomever, goes on when the panel makes one."""
    queue.pause()
    queue.resize(1)
    queue.submit(SleepTask(0))
    producer = threading.Thread(target=queue.submit, args=(SleepTask(0),))
    producer.start()
    assert output.says("1 pending", "state")
    output["Places (0: any)"].value = 2
    assert ended(producer)
    assert count(queue, TaskStatus.PENDING) == 2
    queue.resume()


def test_pause_and_resume(queue: TaskQueue, output: Output) -> None:
    """One button does both, and is called what it does next."""
    button = output["Pause"]
    button.click()
    assert queue.paused
    assert (button.description, output.read()[:7]) == ("Resume", "Paused:")
    button.click()
    assert not queue.paused
    assert (button.description, output.read()[:8]) == ("Pause", "Resumed:")


def test_a_worker_crashes(queue: TaskQueue, pool: WorkerPool, output: Output) -> None:
    """A busy one at a checkpoint of its task, which is tried again; else one that is idle."""
    output["Crash a worker"].click()
    assert output.read() == "The next worker that is idle crashes, and is replaced."
    task_id = queue.submit(LongAtFirst())
    assert output.says("1 running", "state")
    output["Crash a worker"].click()
    assert "crashes at the next checkpoint of its task" in output.read()
    assert queue.wait_for_result(task_id, WAIT) == 2
    assert pool.crashes == 2
    assert pool.workers == 2


def test_cancelling_what_is_pending(queue: TaskQueue, output: Output) -> None:
    """It cancels what waits in the queue, and drops what waits for a place there."""
    queue.pause()
    queue.resize(3)
    output["Tasks"].value = 10
    output["Submit burst"].click()
    assert output.says("The queue is full after 3 of 10 tasks: practice.")
    output["Cancel pending"].click()
    assert output.says(
        "Cancelled 3 pending tasks. Dropped 7 tasks that had not been submitted yet."
    )
    assert queue.registry.counts()[TaskStatus.CANCELLED] == 3
    assert len(queue.registry.records()) == 3


def test_saving_the_log(
    queue: TaskQueue, output: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time a new file with all that happened, which a recording reads; none is lost."""
    monkeypatch.chdir(tmp_path)
    Path("taskqueue-log-1.jsonl").write_text("mine")
    queue.submit(SleepTask(0))
    queue.join(WAIT)
    for number in (2, 3):
        output["Save the log"].click()
        name = f"taskqueue-log-{number}.jsonl"
        assert output.says(f"Saved 3 facts to {name} in the working folder.")
        assert Recording.load(name).counts()[TaskStatus.SUCCEEDED] == 1
    assert Path("taskqueue-log-1.jsonl").read_text() == "mine"


def test_every_control_has_a_name(output: Output) -> None:
    """A screen reader has something to say about each: a label, or a tooltip in its place."""
    usable = [w for w in output.widgets() if hasattr(w, "disabled")]
    names = [w.description or w.tooltip for w in usable]
    assert len(names) == len(set(names)) == 23
    assert all(names)
    status = ET.fromstring(output.line("status").value)
    assert (status.get("role"), status.get("aria-live")) == ("status", "polite")


# -- what it says when something goes wrong, or is brought about elsewhere


def test_it_shows_what_others_do(queue: TaskQueue, pool: WorkerPool, output: Output) -> None:
    """A number of workers, a bound or a pause that a program sets is on the screen soon."""
    pool.resize(100)
    queue.resize(7)
    queue.pause()
    assert output.says("The queue is paused.", "state")
    assert (output["Workers"].value, output["Places (0: any)"].value) == (100, 7)
    assert output["Resume"]
    assert (pool.workers, queue.maxsize) == (100, 7)
    assert output.read() == ""
    queue.resume()


def test_an_error_is_in_the_status_line(queue: TaskQueue, pool: WorkerPool, output: Output) -> None:
    """What the queue or the pool refuses is said there, with the error's name."""
    task_id = queue.submit(SleepTask(600))
    pool.shutdown(wait=False)
    output["More workers"].click()
    assert output.read() == "Error: RuntimeError: this pool was shut down; make a new one"
    queue.cancel(task_id)
    assert output.says("The pool was shut down", "state")
    assert output["Workers"].disabled
    assert output["More workers"].disabled
    assert output["Crash a worker"].disabled
    assert not output["Submit burst"].disabled


def test_an_error_in_a_burst_ends_it(
    queue: TaskQueue, output: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest of the burst is dropped, and the panel goes on."""

    def fail(*_: Any, **__: Any) -> Any:
        raise OSError("no <port> left")

    with monkeypatch.context() as patch:
        patch.setattr("taskqueue_edu.widgets.bursts.PageServer", fail)
        output["Workload"].value = "fetch"
        output["Submit burst"].click()
        assert output.says("Error: OSError: no <port> left")
    output["Submit burst"].click()
    assert output.says("Submitted 100 tasks: fetch pages from a local server.")


def test_a_pool_that_was_not_started(queue: TaskQueue, notebook: Notebook) -> None:
    """Its size can be set; it can't be crashed, and the panel says what is missing."""
    pool = WorkerPool(2)
    panel = ControlPanel(queue, pool)
    panel.show()
    (output,) = notebook.outputs
    assert "The pool was not started: pool.start_processing(queue)." in output.read("state")
    assert output["Crash a worker"].disabled
    output["More workers"].click()
    assert pool.workers == 3
    panel.stop()


def test_the_pool_of_another_queue_is_refused(pool: WorkerPool) -> None:
    """A panel controls a queue and the pool that runs it."""
    with pytest.raises(ValueError, match="this pool runs another queue"):
        ControlPanel(TaskQueue(), pool)


# -- how it ends


def stop(panel: ControlPanel, queue: TaskQueue) -> None:
    panel.stop()
    panel.stop()


def close_the_widgets(panel: ControlPanel, queue: TaskQueue) -> None:
    Widget.close_all()


def close_the_queue(panel: ControlPanel, queue: TaskQueue) -> None:
    queue.close()


def show_another(panel: ControlPanel, queue: TaskQueue) -> None:
    other = ControlPanel(queue, panel._pool)
    other.show()
    other.stop()


ENDS = [stop, close_the_widgets, close_the_queue, show_another]


@pytest.mark.parametrize("end", ENDS, ids=[end.__name__ for end in ENDS])
def test_no_thread_is_left(
    queue: TaskQueue,
    pool: WorkerPool,
    notebook: Notebook,
    end: Callable[[ControlPanel, TaskQueue], None],
) -> None:
    """However it ends, also while a burst waits for places and its server for requests."""
    panel = ControlPanel(queue, pool)
    panel.show()
    (output,) = notebook.outputs
    output["Workload"].value = "fetch"
    queue.pause()
    queue.resize(1)
    output["Submit burst"].click()
    assert output.says("The queue is full after 1 of 100 tasks")
    thread = the_thread()
    end(panel, queue)
    assert ended(thread)
    assert not [t for t in threading.enumerate() if t.name == "page-server"]
    queue.close()


def test_stopping_leaves_a_text(panel: ControlPanel, output: Output) -> None:
    """The output is the same text as in a saved notebook, and the panel is not shown again."""
    assert set(output.data) == {VIEW, "text/plain"}
    assert output.data["text/plain"] == TEXT
    panel.stop()
    assert output.data == {"text/plain": TEXT}
    assert not any(w.comm for w in output.widgets())
    with pytest.raises(RuntimeError, match="make a new one"):
        panel.show()


def test_it_can_be_shown_twice(panel: ControlPanel, notebook: Notebook) -> None:
    """Two places of a notebook show the same widgets, with one thread."""
    panel._ipython_display_()
    first, second = notebook.outputs
    assert first.box is second.box
    assert the_thread()


def test_a_closed_queue_disables_all(queue: TaskQueue, output: Output) -> None:
    """Nothing can be controlled any more, and the status line says why."""
    thread = the_thread()
    queue.close()
    assert ended(thread)
    assert output.read() == "Stopped: the queue is closed, there is nothing left to control."
    assert all(w.disabled for w in output.widgets() if hasattr(w, "disabled"))


def test_a_panel_that_nobody_holds_ends(
    queue: TaskQueue, pool: WorkerPool, notebook: Notebook
) -> None:
    """The thread doesn't keep the panel alive; it says why it stopped, and what to do."""
    panel = ControlPanel(queue, pool)
    panel.show()
    thread, gone = the_thread(), weakref.ref(panel)
    del panel
    gc.collect()
    assert ended(thread)
    assert gone() is None
    (output,) = notebook.outputs
    assert "Keep it in a variable" in output.read()
    assert output["Submit burst"].disabled
    output["Submit burst"].click()


def test_the_interpreter_can_end_while_it_is_shown() -> None:
    """A program that forgets to stop its panel ends as usual, without a word."""
    code = (
        "from taskqueue_edu import ControlPanel, TaskQueue, WorkerPool; "
        "panel = ControlPanel(TaskQueue(), WorkerPool(1)); panel.show()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_without_a_notebook_nothing_is_shown(
    queue: TaskQueue, pool: WorkerPool, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    """In a script it prints nothing."""
    monkeypatch.setattr(controls, "get_ipython", lambda: None)
    panel = ControlPanel(queue, pool)
    panel.show()
    panel.stop()
    assert capfd.readouterr() == ("", "")


def test_failures_follow_the_queue_s_retry_policy(notebook: Notebook) -> None:
    """A practice task that fails is tried again if the queue says so."""
    with TaskQueue(retry=RetryPolicy(attempts=3, delay=0.0)) as queue, WorkerPool(1) as pool:
        pool.start_processing(queue)
        panel = ControlPanel(queue, pool)
        panel.show()
        (output,) = notebook.outputs
        output["Tasks"].value = 1
        output["Seconds a task"].value = 0
        output["Failures in 100"].value = 100
        output["Submit burst"].click()
        assert output.says("Submitted 1 task: practice.")
        queue.join(WAIT)
        assert [record.attempt for record in queue.registry.records()] == [3]
        panel.stop()
