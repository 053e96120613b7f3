"""LiveMonitor: what it shows, what it leaves, and that its thread always ends."""

from __future__ import annotations

import base64
import gc
import math
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from IPython.core.events import EventManager
from ipywidgets import Widget
from ipywidgets.widgets.widget import _instances

from taskqueue_edu import LiveMonitor, Monitor, TaskQueue, WorkerPool
from taskqueue_edu.facts import SUBMITTED, Submission
from taskqueue_edu.picture import look
from taskqueue_edu.registry import fold
from taskqueue_edu.widgets import cells, final, painter, screen, updater
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
        monkeypatch.setattr(look, "draw", fail)
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


def choose(output: Output, name: str) -> None:
    """Press the button of a window."""
    output.windows.label = name


def shows(output: Output, text: str) -> threading.Event:
    """Return an event that is set once the strip of the whole run says something."""
    seen = threading.Event()
    strip = output.box.children[-3]

    def look(*_: Any) -> None:
        if text in strip.value:
            seen.set()

    strip.observe(look, "value")
    look()
    return seen


def test_the_window_is_chosen_by_buttons(notebook: Notebook, queue: TaskQueue, quick: None) -> None:
    """From 10 seconds to the whole run; the charts and the strip follow within two frames."""
    with LiveMonitor(queue):
        (output,) = notebook.outputs
        assert [name for name, _ in output.windows.options] == [
            *("10 s", "30 s", "1 min", "5 min", "whole run"),
        ]
        assert output.windows.label == "30 s"
        queue.submit(MathTask("sum", (1,)))
        choose(output, "whole run")
        described = threading.Event()
        picture = output.box.children[-2]
        picture.observe(
            lambda c: described.set() if "since the first task" in c["new"] else None, "value"
        )
        assert described.wait(WAIT)


def test_a_window_of_one_s_own_is_among_the_buttons(
    notebook: Notebook, queue: TaskQueue, quick: None
) -> None:
    """Whatever window is asked for, there is a button for it, and it is pressed."""
    for window, name in ((120.0, "2 min"), (math.inf, "whole run"), (5.0, "5 s")):
        with LiveMonitor(queue, window):
            windows = notebook.outputs[-1].windows
            assert windows.label == name
            values = [value for _, value in windows.options]
            assert values == sorted({10.0, 30.0, 60.0, 300.0, math.inf, window})


def test_the_strip_shows_the_whole_run(notebook: Notebook, queue: TaskQueue, quick: None) -> None:
    """Above the charts is the run as a whole, described in words, with the window marked."""
    queue.submit(MathTask("sum", (1,)))
    with LiveMonitor(queue):
        strip = notebook.outputs[0].overview
        assert strip.findtext(".//svg/title") == "Whole run"
        assert "since the first task" in strip.findtext(".//svg/desc", "")
        assert strip.find(".//rect[@class='tq-window']") is not None


def test_many_monitors_of_a_queue_share_one_thread_and_one_look(
    notebook: Notebook, queue: TaskQueue, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten are live at once, in one thread; in each tick it looks once through each window."""
    looks: list[float] = []
    ticks: list[list[float]] = []
    snapshot, next_tick = Monitor.snapshot, painter.Painter.next_tick

    def counted(self: Monitor, seconds: float = 30.0, **more: Any) -> Any:
        looks.append(seconds)
        return snapshot(self, seconds, **more)

    enough = threading.Event()

    def ticked(self: painter.Painter) -> None:
        ticks.append(looks[:])
        looks.clear()
        if len(ticks) > 4:
            enough.set()
        next_tick(self)

    monitors = [LiveMonitor(queue, 10.0 if n < 7 else 60.0) for n in range(10)]
    for monitor in monitors:
        monitor.show()
    assert len(threads()) == 1
    monkeypatch.setattr(Monitor, "snapshot", counted)
    monkeypatch.setattr(painter.Painter, "next_tick", ticked)
    assert enough.wait(WAIT)
    for monitor in monitors:
        monitor.stop()
    # The first may have begun before the counting; the whole run is for the strips.
    assert all([w for w in some if w != math.inf] == [10.0, 60.0] for some in ticks[2:4])
    assert all("image/png" in output.data for output in notebook.outputs)
    assert not threads()


def test_each_has_a_window_of_its_own(notebook: Notebook, queue: TaskQueue, quick: None) -> None:
    """Two outputs of one queue show different windows, and stopping one leaves the other live."""
    queue.submit(MathTask("sum", (1,)))
    first, second = LiveMonitor(queue, 10.0), LiveMonitor(queue, math.inf)
    first.show()
    second.show()
    one, other = notebook.outputs
    assert "in the last" in ET.tostring(one.picture, "unicode")
    assert "since the first task" in ET.tostring(other.picture, "unicode")
    first.stop()
    assert "image/png" in one.data
    assert VIEW in other.data
    assert the_thread().is_alive()
    second.stop()
    assert not threads()


def test_many_bytes_make_fewer_frames() -> None:
    """A server drops messages of a kernel that sends too much, so an updater pauses before it."""
    assert updater.pause(sent=60_000, took=0.01, used=0.001) == 0.2
    assert updater.pause(sent=1_000_000, took=0.5, used=0.001) == 1.5


def test_costly_frames_are_fewer() -> None:
    """Less than a hundredth of the time goes into frames, as long as there is one a second."""
    assert updater.pause(sent=0, took=0.005, used=0.005) > 100 * 0.005
    assert updater.pause(sent=0, took=0.5, used=0.5) == 1.0


def test_a_queue_shows_itself(notebook: Notebook, queue: TaskQueue, quick: None) -> None:
    """A queue as the last value of a cell is live there, in every cell that ends with it."""
    queue._ipython_display_()
    queue._ipython_display_()
    assert [output.data["text/plain"] for output in notebook.outputs] == [TEXT, TEXT]
    assert all(VIEW in output.data for output in notebook.outputs)
    thread = the_thread()
    queue.close()
    assert ended(thread)
    assert all("image/png" in output.data for output in notebook.outputs)


def test_a_queue_that_nobody_holds_is_not_kept_by_its_monitor(
    notebook: Notebook, quick: None
) -> None:
    """The thread of a queue that shows itself ends when the queue is collected."""
    queue = TaskQueue()
    queue._ipython_display_()
    gone = weakref.ref(queue)
    thread = the_thread()
    del queue
    assert ended_after(thread, gc.collect)
    gc.collect()
    assert gone() is None


def ended_after(thread: threading.Thread, action: Callable[[], object]) -> bool:
    """Repeat an action until a thread has ended: a frame that is being drawn holds its queue."""
    for _ in range(100):
        action()
        thread.join(WAIT / 100)
        if not thread.is_alive():
            return True
    return False


def test_a_closed_queue_is_shown_as_text(notebook: Notebook) -> None:
    """There is nothing to watch: IPython then shows the repr."""
    queue = TaskQueue()
    queue.close()
    with pytest.raises(NotImplementedError):
        queue._ipython_display_()
    assert repr(queue) == "<TaskQueue: empty>"


def test_a_terminal_shows_a_queue_as_text(run_python: Any) -> None:
    """Without a kernel, IPython shows the repr, and imports no widgets for it."""
    done = run_python("""
        import sys
        from IPython.core.interactiveshell import InteractiveShell
        from taskqueue_edu import TaskQueue
        queue = TaskQueue()
        print(InteractiveShell.instance().display_formatter.format(queue)[0])
        print([name for name in ("ipywidgets", "taskqueue_edu.widgets") if name in sys.modules])
    """)
    assert (done.stdout, done.stderr) == ("{'text/plain': '<TaskQueue: empty>'}\n[]\n", "")


def test_a_folder_of_another_process_can_be_watched(
    notebook: Notebook, quick: None, tmp_path: Path
) -> None:
    """A path stands for the journal in that folder, which its owner goes on writing."""
    with TaskQueue.open(tmp_path / "jobs") as owner:
        owner.submit(MathTask("sum", (1,)))
        with LiveMonitor(tmp_path / "jobs") as monitor:
            assert (notebook.outputs[0].status.text or "").startswith(
                "0 of 1 task done; 1 waiting."
            )
            line = notebook.outputs[0].box.children[-1]
            seen = threading.Event()
            line.observe(lambda c: seen.set() if "0 of 2 tasks" in c["new"] else None, "value")
            owner.submit(MathTask("sum", (1,)))
            assert seen.wait(WAIT)
        assert monitor.summary() == "tasks: 2 pending"
        del monitor
        gc.collect()
        for task in owner.registry.records():
            owner.cancel(task.id)


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


def test_the_last_frame_stays_until_its_cell_goes(
    notebook: Notebook, queue: TaskQueue, quick: None
) -> None:
    """A front end that misses the picture has it, without buttons; then nothing is left."""
    notebook.run("cell-1")
    with LiveMonitor(queue):
        queue.submit(MathTask("sum", (1, 2)))
    (output,) = notebook.outputs
    assert "image/png" in output.data
    assert "1 waiting" in ET.tostring(output.status, encoding="unicode")  # it was submitted last
    assert output.windows.layout.display == "none"
    notebook.run("cell-1")
    assert output.model_id not in _instances
    assert not notebook.events.callbacks["pre_run_cell"]


@pytest.mark.parametrize("how", ["run again", "deleted"])
def test_it_ends_with_its_cell(notebook: Notebook, queue: TaskQueue, how: str) -> None:
    """The cell runs again, or another one after it was deleted: the output has gone, so it ends."""
    notebook.run("cell-1")
    monitor = LiveMonitor(queue)
    monitor.show()
    notebook.run("cell-2")
    thread = the_thread()
    assert VIEW in notebook.outputs[0].data
    if how == "run again":
        notebook.run("cell-1")
    else:
        notebook.run("cell-3", deleted=("cell-1",))
    assert not thread.is_alive()
    assert notebook.outputs[0].model_id not in _instances
    assert not notebook.events.callbacks["pre_run_cell"]
    monitor.stop()
    assert "image/png" not in notebook.outputs[0].data


def test_a_cell_that_runs_again_shows_the_monitor_again(
    notebook: Notebook, queue: TaskQueue, quick: None
) -> None:
    """The old output ends, the new one is live, and there is one thread."""
    monitor = LiveMonitor(queue)
    for _ in range(3):
        notebook.run("cell-1")
        monitor.show()
        assert len(threads()) == 1
    assert [output.model_id in _instances for output in notebook.outputs] == [False, False, True]
    monitor.stop()
    assert not threads()


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
    monkeypatch.setattr(look, "draw", fail)
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
