"""LiveMonitor: what it shows, what it leaves, and that its thread always ends."""

from __future__ import annotations

import base64
import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from IPython.core.events import EventManager
from ipywidgets import Widget
from ipywidgets.widgets.widget import _instances

from taskqueue_edu import LiveMonitor, Monitor, TaskQueue, WorkerPool
from taskqueue_edu.facts import SUBMITTED, Submission
from taskqueue_edu.registry import fold
from taskqueue_edu.widgets import cells, final, painter, screen
from taskqueue_edu.workloads import FlakyTask, MathTask

VIEW = "application/vnd.jupyter.widget-view+json"
TEXT = "LiveMonitor: run this cell to see it live"
WAIT = 10.0


class Output:
    """Stands in for an output of a cell: what IPython's DisplayHandle does."""

    def __init__(self) -> None:
        self.data: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.model_id = ""

    def display(self, data: dict[str, Any], *, raw: bool) -> None:
        """Make the output."""
        assert raw
        self.data = data
        self.model_id = data[VIEW]["model_id"]

    def update(self, data: dict[str, Any], *, raw: bool, metadata: dict[str, Any]) -> None:
        """Put something else in its place."""
        assert raw
        self.data, self.metadata = data, metadata

    @property
    def box(self) -> Any:
        """The widgets."""
        return _instances[self.model_id]

    @property
    def picture(self) -> ET.Element:
        """The picture, as its widget has it."""
        return ET.fromstring(self.box.children[-2].value)

    @property
    def overview(self) -> ET.Element:
        """The strip of the whole run."""
        return ET.fromstring(self.box.children[-3].value)

    @property
    def windows(self) -> Any:
        """The buttons that choose a window."""
        return self.box.children[-4]

    @property
    def status(self) -> ET.Element:
        """The status line."""
        return ET.fromstring(self.box.children[-1].value)


class Notebook:
    """Stands in for IPython in a kernel, and keeps the outputs."""

    def __init__(self) -> None:
        self.kernel = self
        self.outputs: list[Output] = []
        self.events = EventManager(self, {"pre_run_cell": lambda info: None})
        self.metadata: dict[str, Any] = {}

    def new_output(self) -> Output:
        """Return a new output, as a cell makes it."""
        self.outputs.append(Output())
        return self.outputs[-1]

    def get_parent(self) -> dict[str, Any]:
        """Return the message that asked for a cell to be run."""
        return {"metadata": self.metadata}

    def run(self, cell: str, deleted: tuple[str, ...] = ()) -> None:
        """Begin to run a cell."""
        self.metadata = {"cellId": cell, "deletedCells": list(deleted)}
        self.events.trigger("pre_run_cell", None)


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    """A notebook, which closes all widgets after the test."""
    notebook = Notebook()
    monkeypatch.setattr(screen, "DisplayHandle", notebook.new_output)
    monkeypatch.setattr(cells, "get_ipython", lambda: notebook)
    yield notebook
    Widget.close_all()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave a picture that costs nothing to draw."""
    monkeypatch.setattr(final, "draw_final", lambda snapshot, seconds: b"a picture")


def threads() -> list[threading.Thread]:
    """Return the threads of live monitors."""
    return [t for t in threading.enumerate() if t.name == "taskqueue-live-monitor"]


def the_thread() -> threading.Thread:
    (thread,) = threads()
    return thread


def ended(thread: threading.Thread) -> bool:
    thread.join(WAIT)
    return not thread.is_alive()


# -- what it shows


def test_it_is_live_until_the_block_ends_and_then_a_picture(
    notebook: Notebook, queue: TaskQueue
) -> None:
    """One output holds the widgets and a fixed text, and afterwards a PNG and the same text."""
    with LiveMonitor(queue) as monitor, WorkerPool(2) as pool:
        (output,) = notebook.outputs
        assert set(output.data) == {VIEW, "text/plain"}
        assert output.data["text/plain"] == TEXT
        pool.start_processing(queue)
        queue.submit_many([MathTask("sum", (1, 2))] * 20)
        queue.join()
    assert set(output.data) == {"image/png", "text/plain"}
    assert output.data["text/plain"] == TEXT
    assert base64.b64decode(output.data["image/png"]).startswith(b"\x89PNG")
    described = output.metadata["image/png"]
    assert described["width"] == 760
    assert described["alt"].startswith("20 of 20 tasks done; 0 waiting.")
    assert monitor.summary().startswith("tasks: 20 succeeded")
    assert len(notebook.outputs) == 1
    assert not threads()


def test_the_picture_and_the_status_follow_the_queue(
    notebook: Notebook, queue: TaskQueue, quick: None
) -> None:
    """What happens while it is shown is in a later frame, counted right."""
    monitor = LiveMonitor(queue)
    monitor.show()
    (output,) = notebook.outputs
    assert (output.status.text or "").startswith("No task yet")
    assert len(output.picture.findall(".//svg[@role='img']")) == 5
    seen = threading.Event()
    done = "3 of 3 tasks done, 2 of them failed; 0 waiting."
    line = output.box.children[-1]
    line.observe(lambda change: seen.set() if done in change["new"] else None, "value")
    with WorkerPool(2) as pool:
        pool.start_processing(queue)
        queue.submit(FlakyTask(9))
        queue.submit_many([MathTask("sum", (1,)), MathTask("divide", (1,))])
        queue.join()
    assert seen.wait(WAIT)
    monitor.stop()


def test_the_status_is_announced_when_it_stands_still(
    notebook: Notebook, queue: TaskQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A screen reader finds the status; it reads it out unasked once it no longer changes."""
    with LiveMonitor(queue):
        status = notebook.outputs[0].status
        assert (status.get("role"), status.get("aria-live")) == ("status", "off")
        thread = the_thread()
        monkeypatch.setattr(painter, "draw", fail)
        assert ended(thread)
        status = notebook.outputs[0].status
        assert (status.get("role"), status.get("aria-live")) == ("status", "polite")


def test_the_last_value_of_a_cell_is_shown(
    notebook: Notebook, queue: TaskQueue, quick: None
) -> None:
    """IPython shows a LiveMonitor as an output that can be replaced later."""
    monitor = LiveMonitor(queue)
    monitor._ipython_display_()
    monitor.stop()
    assert set(notebook.outputs[0].data) == {"image/png", "text/plain"}


def test_a_monitor_of_one_s_own_can_be_shown(notebook: Notebook, quick: None) -> None:
    """It shows a Monitor too, even one of a journal, which has neither queue nor pool."""
    fact = (SUBMITTED, "a-1", 1_700_000_000_000_000_000, "math", Submission("math", None, b"{}"))
    with LiveMonitor(Monitor(fold([fact]))) as monitor:
        assert notebook.outputs[0].status.text == "0 of 1 task done; 1 waiting. No worker."
    assert monitor.summary() == "tasks: 1 pending"


@pytest.mark.parametrize("window", [4.9, -1, float("nan")])
def test_the_window_is_checked(window: float) -> None:
    """A window that can't be drawn is refused at once."""
    with pytest.raises(ValueError, match="expected 5 seconds or more"):
        LiveMonitor(TaskQueue(), window=window)


def test_without_a_notebook_nothing_is_shown(queue: TaskQueue, capfd: Any) -> None:
    """In a script the block runs as it would without the monitor, and prints nothing."""
    with LiveMonitor(queue) as monitor:
        queue.submit(MathTask("sum", (1,)))
    assert capfd.readouterr() == ("", "")
    assert monitor.summary() == "tasks: 1 pending"
    assert not threads()


# -- how it ends


def stop(monitor: LiveMonitor, queue: TaskQueue) -> None:
    monitor.stop()
    monitor.stop()


def leave(error: type[BaseException] | None) -> Callable[[LiveMonitor, TaskQueue], None]:
    return lambda monitor, queue: monitor.__exit__(error, None, None)


def close_the_queue(monitor: LiveMonitor, queue: TaskQueue) -> None:
    queue.close()


def show_again(monitor: LiveMonitor, queue: TaskQueue) -> None:
    monitor.show()
    assert len(threads()) == 1
    monitor.stop()


def show_another(monitor: LiveMonitor, queue: TaskQueue) -> None:
    with LiveMonitor(Monitor(queue)):
        assert len(threads()) == 1
    assert len(threads()) == 1
    monitor.stop()


@pytest.mark.parametrize(
    "end",
    [stop, leave(None), leave(KeyboardInterrupt), close_the_queue, show_again, show_another],
    ids=["stop", "with", "interrupt", "close the queue", "show again", "show another"],
)
def test_the_end_leaves_a_picture_and_no_thread(
    notebook: Notebook, queue: TaskQueue, quick: None, end: Callable[[LiveMonitor, TaskQueue], None]
) -> None:
    """However it ends in order: its thread has gone, and so have its widgets."""
    monitor = LiveMonitor(queue)
    monitor.show()
    thread = the_thread()
    end(monitor, queue)
    assert ended(thread)
    assert not threads()
    assert all("image/png" in output.data for output in notebook.outputs)
    assert not any(output.model_id in _instances for output in notebook.outputs)


def test_closing_the_widgets_ends_the_thread(notebook: Notebook, queue: TaskQueue) -> None:
    """Whoever closes the widgets has taken the output away: nothing is put there again."""
    monitor = LiveMonitor(queue)
    monitor.show()
    thread = the_thread()
    Widget.close_all()
    assert ended(thread)
    monitor.stop()
    assert VIEW in notebook.outputs[0].data


def test_a_monitor_that_nobody_holds_ends(notebook: Notebook, queue: TaskQueue) -> None:
    """The thread doesn't keep the monitor alive; it says why it stopped, and what to do."""
    monitor = LiveMonitor(queue)
    monitor.show()
    gone = weakref.ref(monitor)
    thread = the_thread()
    del monitor
    gc.collect()
    assert gone() is None
    assert ended(thread)
    assert "Keep it in a variable" in (notebook.outputs[0].status.text or "")


def test_an_interrupt_while_it_is_being_shown_leaves_no_thread(
    notebook: Notebook, queue: TaskQueue, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`with` doesn't stop what it could not begin, so `show` does."""
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        start(thread)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt), LiveMonitor(queue):
        pass
    assert not threads()
    assert "image/png" in notebook.outputs[0].data


def fail(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError("a <bad> number")


def test_an_error_in_a_frame_is_shown(
    notebook: Notebook, queue: TaskQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status line says what went wrong, the thread ends, and `stop` raises nothing."""
    monitor = LiveMonitor(queue)
    monitor.show()
    thread = the_thread()
    monkeypatch.setattr(painter, "draw", fail)
    assert ended(thread)
    message = "Stopped by an error: ZeroDivisionError: a <bad> number"
    assert notebook.outputs[0].status.text == message
    monitor.stop()
    assert notebook.outputs[0].status.text == message
    assert VIEW in notebook.outputs[0].data


def test_an_error_in_the_last_picture_is_shown(
    notebook: Notebook, queue: TaskQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If no PNG can be drawn, the last frame stays, with the reason."""
    monkeypatch.setattr(final, "draw_final", fail)
    with LiveMonitor(queue):
        pass
    assert "ZeroDivisionError" in (notebook.outputs[0].status.text or "")
    assert VIEW in notebook.outputs[0].data


def test_the_interpreter_can_end_while_it_is_live() -> None:
    """A program that forgets to stop its monitor ends as usual, without a word."""
    code = (
        "from taskqueue_edu import LiveMonitor, TaskQueue; "
        "monitor = LiveMonitor(TaskQueue()); monitor.show()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
