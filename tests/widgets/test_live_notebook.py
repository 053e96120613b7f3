"""LiveMonitor in a real kernel: what a saved notebook holds, and that nbval agrees with it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import KernelManager, start_new_kernel
from nbclient import NotebookClient

pytestmark = pytest.mark.slow

SETUP = """\
from taskqueue_edu import LiveMonitor, TaskQueue, WorkerPool
from taskqueue_edu.workloads import SleepTask
queue = TaskQueue()
pool = WorkerPool(2)
pool.start_processing(queue)
"""
BLOCK = """\
with LiveMonitor(queue) as monitor:
    ids = queue.submit_many([SleepTask(0.01)] * 50)
    queue.join()
print(monitor.summary().splitlines()[0])
"""
CELLS = (
    SETUP,
    BLOCK,
    "LiveMonitor(queue)",
    "monitor = LiveMonitor(queue)\nmonitor.show()",
    "monitor.stop()\npool.shutdown()\nqueue.close()",
    """\
import threading
found = [t for t in threading.enumerate() if t.name == 'taskqueue-live-monitor']
[t.join() for t in found]  # it draws the picture of the third cell, perhaps
len(found) <= 1""",
)
QUIET = ["--log-level=ERROR"]


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A notebook with live monitors that has run, without state of widgets and without tags."""
    path = tmp_path_factory.mktemp("live") / "live.ipynb"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    client = NotebookClient(
        notebook,
        timeout=60,
        kernel_name="python3",
        store_widget_state=False,
        extra_arguments=QUIET,
    )
    client.execute()
    nbformat.write(notebook, path)
    return path


def test_a_saved_notebook_holds_pictures(executed: Path) -> None:
    """Each place where a monitor was shown holds one PNG and a text, and no widget."""
    notebook = nbformat.read(executed, as_version=4)
    assert "widgets" not in notebook.metadata
    for cell in notebook.cells[1:4]:
        output = cell.outputs[0]
        assert output.output_type == "display_data"
        assert set(output.data) == {"image/png", "text/plain"}
        assert output.data["text/plain"] == "LiveMonitor: run this cell to see it live"
        assert output.metadata["image/png"]["width"] == 760
        assert "tasks done" in output.metadata["image/png"]["alt"]
    assert [len(cell.outputs) for cell in notebook.cells] == [0, 2, 1, 1, 0, 1]
    assert notebook.cells[1].outputs[1].text == "tasks: 50 succeeded\n"
    assert notebook.cells[5].outputs[0].data["text/plain"] == "True"


def test_nbval_finds_the_same_outputs_again(executed: Path) -> None:
    """The cells need no tag: their outputs are the same after every run, as nbval compares."""
    done = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "pytest",
                "--nbval",
                "-q",
                "-p",
                "no:randomly",
                "-c",
                os.devnull,
            ),
            *("--rootdir", str(executed.parent), str(executed)),
        ],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout
    assert f"{len(CELLS)} passed" in done.stdout


# For the module, since jupyter_client makes an event loop at first use and keeps it.
@pytest.fixture(scope="module")
def kernel() -> Iterator[tuple[KernelManager, Any]]:
    """A kernel, and a client of it."""
    manager, client = start_new_kernel(kernel_name="python3", extra_arguments=QUIET)
    try:
        yield manager, client
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
        manager.cleanup_resources()


def test_interrupting_the_cell_stops_it(kernel: tuple[KernelManager, Any]) -> None:
    """An interrupt in the block ends it as an error, leaves the picture, and no thread."""
    manager, client = kernel
    client.execute(
        SETUP + "with LiveMonitor(queue):\n    queue.submit(SleepTask(99))\n"
        "    print('here', flush=True)\n    queue.join()"
    )
    messages: list[Any] = []
    while not messages or messages[-1]["content"].get("execution_state") != "idle":
        messages.append(client.get_iopub_msg(timeout=30))
        if messages[-1]["msg_type"] == "stream":
            manager.interrupt_kernel()
    kinds = [message["msg_type"] for message in messages]
    (error,) = (m["content"] for m in messages if m["msg_type"] == "error")
    (update,) = (m["content"] for m in messages if m["msg_type"] == "update_display_data")
    assert error["ename"] == "KeyboardInterrupt"
    assert "image/png" in update["data"]
    assert kinds.index("update_display_data") < kinds.index("error")
    reply = client.execute_interactive(
        "import threading\n"
        "assert 'taskqueue-live-monitor' not in {t.name for t in threading.enumerate()}\n"
        "pool.stop(0)",
        timeout=30,
    )
    assert reply["content"]["status"] == "ok"


def test_a_kernel_with_a_live_monitor_ends_by_itself(kernel: tuple[KernelManager, Any]) -> None:
    """Restarting does not wait for the thread, nor must the kernel be killed."""
    manager, client = start_new_kernel(kernel_name="python3", extra_arguments=QUIET)
    try:
        reply = client.execute_interactive(SETUP + "queue", timeout=30)
        assert reply["content"]["status"] == "ok"
        client.shutdown()
        assert manager.provisioner.process.wait(20) == 0
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def test_a_queue_shows_itself_in_a_kernel(kernel: tuple[KernelManager, Any]) -> None:
    """A cell that ends with a queue has one output: a live view, with a fixed text."""
    _, client = kernel
    shown: list[Any] = []

    def keep(message: Any) -> None:
        if message["msg_type"] in ("display_data", "execute_result", "update_display_data"):
            shown.append(message["content"]["data"])

    client.execute_interactive(SETUP + "queue", timeout=30, output_hook=keep)
    assert [set(data) for data in shown] == [
        {"application/vnd.jupyter.widget-view+json", "text/plain"}
    ]
    assert shown[0]["text/plain"] == "LiveMonitor: run this cell to see it live"
    client.execute_interactive("pool.stop(0)\nqueue._live.stop()", timeout=30, output_hook=keep)
    assert set(shown[1]) == {"image/png", "text/plain"}
