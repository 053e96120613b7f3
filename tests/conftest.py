"""Fixtures for all tests. One of them lets no test leave a thread, a process or a file open."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from multiprocessing import resource_tracker
from pathlib import Path

import pytest
from durability import tally

from taskqueue_edu.queue import TaskQueue

GRACE = 10.0
"""Seconds that a thread which a test started may take to end after the test."""

_DESCRIPTORS = Path("/proc/self/fd")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --thorough."""
    parser.addoption("--thorough", action="store_true", help="run also what takes its time")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked as thorough, unless it is asked for."""
    if not config.getoption("thorough"):
        for item in items:
            if item.get_closest_marker("thorough"):
                item.add_marker(pytest.mark.skip(reason="takes its time: --thorough runs it"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Use one process more than there are cores: some tests wait for others, or for the disk."""
    return (os.cpu_count() or 1) + 1


def pytest_configure(config: pytest.Config) -> None:
    """Show what the durability tests tried: here, for the process that shows it loads no more.

    And let Ctrl-C be what it is.
    """
    config.pluginmanager.register(tally)
    # A shell starts what runs in the background with Ctrl-C ignored, and the tests press it.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what was collected: it stays until the end."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a report be text that can be sent: what tests log may hold lone surrogates."""
    report = yield
    report.sections = [
        (name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections
    ]
    return report


def _open_files() -> dict[int, str]:
    """Return what each file descriptor of this process stands for."""
    found: dict[int, str] = {}
    if _DESCRIPTORS.exists():
        for path in _DESCRIPTORS.iterdir():
            with suppress(FileNotFoundError):  # the one that listed the folder
                found[int(path.name)] = str(path.readlink())
    return found


def _new_files(before: dict[int, str]) -> dict[int, str]:
    # multiprocessing starts a process that tracks its resources, once, and keeps a pipe to it.
    kept = resource_tracker._resource_tracker._fd  # type: ignore[attr-defined]
    return {
        number: target
        for number, target in _open_files().items()
        if before.get(number) != target and number != kept
    }


@pytest.fixture(autouse=True)
def no_leaks() -> Iterator[None]:
    """Fail a test that leaves a thread, a process of multiprocessing, or a file descriptor."""
    threads, files = set(threading.enumerate()), _open_files()
    children = set(multiprocessing.active_children())
    yield
    end = time.monotonic() + GRACE
    started = [thread for thread in threading.enumerate() if thread not in threads]
    for thread in started:
        thread.join(max(end - time.monotonic(), 0.0))
    left = [thread for thread in threading.enumerate() if thread not in threads]
    if left:
        names = ", ".join(sorted(f"{thread.name} ({thread!r})" for thread in left))
        pytest.fail(f"threads that the test started still run after {GRACE:.0f} s: {names}")
    processes = [child for child in multiprocessing.active_children() if child not in children]
    for process in processes:
        process.join(max(end - time.monotonic(), 0.0))
        if process.is_alive():
            process.kill()
            pytest.fail(f"a process that the test started still runs: {process!r}")
    del processes
    if _new_files(files):
        gc.collect()  # what only a cycle of references keeps open is no leak
        leaked = _new_files(files)
        if leaked:
            shown = ", ".join(f"{number} -> {target}" for number, target in sorted(leaked.items()))
            pytest.fail(f"file descriptors that the test opened are still open: {shown}")


@pytest.fixture
def queue() -> Iterator[TaskQueue]:
    """A memory queue without a pool, closed after the test."""
    queue = TaskQueue()
    yield queue
    queue.close()


RunPython = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run_python(tmp_path: Path) -> RunPython:
    """A function that runs Python source in a fresh interpreter, in the test's own folder."""

    def run(source: str, *, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        script = tmp_path / "script.py"
        script.write_text(textwrap.dedent(source))
        return subprocess.run(
            [sys.executable, str(script)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run


@pytest.fixture
def in_time() -> Callable[[Callable[[], object]], None]:
    """A function that makes a call in a thread and fails the test if it hangs.

    It is for calls that would wait for ever if the code under test were wrong: then the test
    says so, rather than the timeout of the whole run. Such a thread stays behind, so the test
    that fails is failed twice.
    """

    def call(function: Callable[[], object], seconds: float = 10.0) -> None:
        errors: list[BaseException] = []

        def body() -> None:
            try:
                function()
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=body, name="in-time", daemon=True)
        thread.start()
        thread.join(seconds)
        if thread.is_alive():
            pytest.fail(f"the call still waits after {seconds:.0f} s")
        if errors:
            raise errors[0]

    return call
