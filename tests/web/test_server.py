"""The dashboard as a server: where it listens, who may watch, how it ends."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import pytest

from taskqueue_edu import TaskQueue, WorkerPool
from taskqueue_edu.monitor import Monitor
from taskqueue_edu.picture import look
from taskqueue_edu.web.frames import MOST_VIEWERS, Feed
from taskqueue_edu.workloads import SleepTask

from .site import LIMIT, Site

RunPython = Callable[..., "subprocess.CompletedProcess[str]"]
InTime = Callable[[Callable[[], object]], None]


def threads() -> set[str]:
    """Return the names of the threads that run."""
    return {thread.name for thread in threading.enumerate()}


# -- where


def test_it_listens_on_this_machine_only(queue: TaskQueue) -> None:
    """Its address is 127.0.0.1, at a port that was free, and that is all it listens at."""
    with queue.serve_dashboard() as dashboard:
        parts = urlsplit(dashboard.url)
        assert (parts.scheme, parts.hostname, parts.path) == ("http", "127.0.0.1", "/")
        assert repr(dashboard) == f"<Dashboard: {dashboard.url}>"
        with socket.socket() as elsewhere:
            elsewhere.settimeout(2)
            assert parts.port is not None
            assert elsewhere.connect_ex(("127.0.0.2", parts.port)) != 0


def test_other_addresses_come_with_a_warning(
    queue: TaskQueue, caplog: pytest.LogCaptureFixture
) -> None:
    """Who lets other machines in is told that they can read along; for 127.0.0.2 there is none."""
    with caplog.at_level(logging.WARNING, "taskqueue_edu"):
        with queue.serve_dashboard(host="127.0.0.2") as dashboard:
            assert Site(dashboard.url).ask("/").code == 200
        assert caplog.messages == []
        with queue.serve_dashboard(host="0.0.0.0") as dashboard:
            assert Site(dashboard.url).host == "127.0.0.1"
            assert Site(dashboard.url).ask("/").code == 200
    assert "other machines" in caplog.text


def test_a_port_of_ones_own(queue: TaskQueue) -> None:
    """A port that is given is taken; if somebody has it, there is an OSError, and no dashboard."""
    with queue.serve_dashboard() as dashboard:
        port = Site(dashboard.url).port
        with pytest.raises(OSError, match="in use"):
            queue.serve_dashboard(port=port)
    with queue.serve_dashboard(port=port) as dashboard:
        assert Site(dashboard.url).port == port


def test_without_the_extra(run_python: RunPython) -> None:
    """Where uvicorn is missing, the error says what to install."""
    done = run_python("""
        import sys
        sys.modules["uvicorn"] = None
        from taskqueue_edu import TaskQueue
        with TaskQueue() as queue:
            try:
                queue.serve_dashboard()
            except ImportError as error:
                print(error)
    """)
    assert done.stdout.startswith("the dashboard needs uvicorn"), done.stderr
    assert "pip install" in done.stdout


# -- how it ends


def test_it_ends_with_the_queue(queue: TaskQueue, in_time: InTime) -> None:
    """When the queue is closed, viewers are let go, and neither thread nor port is left."""
    dashboard = queue.serve_dashboard()
    watched = Site(dashboard.url).frames()
    next(watched)
    assert "taskqueue-dashboard" in threads()
    queue.close()
    in_time(lambda: list(watched))
    in_time(dashboard.close)
    assert "taskqueue-dashboard" not in threads()
    with pytest.raises(ConnectionRefusedError):
        Site(dashboard.url).ask("/")


def test_closing_twice(queue: TaskQueue) -> None:
    """It can be closed again, by a `with` block too, and the queue goes on."""
    with queue.serve_dashboard() as dashboard:
        dashboard.close()
    dashboard.close()
    assert not queue.closed


def test_a_program_ends_that_does_not_close_it(run_python: RunPython) -> None:
    """It ends quietly with the program: not when the main thread does, but when the others have."""
    done = run_python("""
        import threading
        from http.client import HTTPConnection
        from urllib.parse import urlsplit
        from taskqueue_edu import TaskQueue

        def watch():
            threading.main_thread().join()
            for _ in range(6):
                print(response.readline()[:5])

        dashboard = TaskQueue().serve_dashboard()
        parts = urlsplit(dashboard.url)
        viewer = HTTPConnection(parts.netloc)
        token = parts.query.removeprefix("token=")
        viewer.request("GET", "/events", headers={"Authorization": f"Bearer {token}"})
        response = viewer.getresponse()
        threading.Thread(target=watch).start()
    """)
    assert done.stderr == ""
    assert (done.returncode, done.stdout.count("data:")) == (0, 3)


def test_viewers_are_let_go_at_the_exit() -> None:
    """A program that ends does not cut its viewers off: what they read has an end."""
    program = (
        "from taskqueue_edu import TaskQueue\n"
        "print(TaskQueue().serve_dashboard().url, flush=True)\n"
        "input()"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=pipe, stdout=pipe, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        site = Site(process.stdout.readline().strip())
        with socket.create_connection((site.host, site.port), timeout=LIMIT) as viewer:
            asked = f"GET /events HTTP/1.1\r\nHost: localhost\r\nCookie: {site.cookie}\r\n\r\n"
            viewer.sendall(asked.encode())
            assert viewer.recv(12) == b"HTTP/1.1 200"
            process.stdin.close()
            received = b"".join(iter(lambda: viewer.recv(65536), b""))
    assert received.endswith(b"\r\n0\r\n\r\n")


def test_it_keeps_no_queue_alive() -> None:
    """Once it is closed, nothing of it refers to the queue, and it can go."""
    queue = TaskQueue()
    alive = weakref.ref(queue)
    with queue.serve_dashboard() as dashboard:
        Site(dashboard.url).tasks()
    del queue, dashboard
    gc.collect()
    assert alive() is None


# -- who watches


def test_several_dashboards_share_one_monitor(queue: TaskQueue) -> None:
    """The facts are folded once for all who look at a queue."""
    monitor = Monitor.shared(queue)
    with queue.serve_dashboard() as one, queue.serve_dashboard() as other:
        for dashboard in (one, other):
            next(Site(dashboard.url).frames())
        assert Monitor.shared(queue) is monitor


def test_viewers_are_bounded(queue: TaskQueue, site: Site) -> None:
    """There are so many viewers at most; one who leaves makes a place."""
    with ExitStack() as stack:
        for _ in range(MOST_VIEWERS):
            stack.enter_context(site.open("/events"))
        assert site.ask("/events").code == 503
        assert site.ask("/tasks.json").code == 200
    while site_is_full(site):
        pass
    assert next(site.frames())["picture"]


def site_is_full(site: Site) -> bool:
    """Tell whether there is no place for a viewer."""
    with site.open("/events") as response:
        return response.status == 503


def test_nothing_is_drawn_while_nobody_looks(
    queue: TaskQueue, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frames are made for all viewers together, and none without one."""
    drawn: list[int] = []
    real = look.draw

    def draw(*given: Any, **options: Any) -> str:
        drawn.append(1)
        return real(*given, **options)

    monkeypatch.setattr(look, "draw", draw)
    site.ask("/")
    site.tasks()
    assert drawn == []
    watched = [site.frames() for _ in range(4)]
    for _ in range(3):
        for each in watched:
            next(each)
    assert 3 <= len(drawn) <= 6
    for each in watched:
        each.close()  # type: ignore[attr-defined]


def test_a_slow_viewer_gets_the_newest_frame(
    queue: TaskQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one viewer is busy with a frame, others get theirs; its next one is the newest."""
    monkeypatch.setattr(look, "INTERVAL", 0.001)

    async def watch() -> tuple[bytes, bytes]:
        feed = Feed(Monitor(queue))
        slow, fast = feed.watch("30"), feed.watch("30")
        await anext(slow)
        for _ in range(5):
            queue.submit(SleepTask(0))
            newest = await anext(fast)
        late = await anext(slow)
        feed.close()
        assert [frame async for frame in slow] == [frame async for frame in fast] == []
        return late, newest

    late, newest = asyncio.run(asyncio.wait_for(watch(), LIMIT))
    assert b"5 waiting" in newest
    assert b"5 waiting" in late


def test_a_viewer_who_leaves_disturbs_nobody(queue: TaskQueue) -> None:
    """One who goes away while several wait for a frame does not take it from them."""

    async def watch() -> bytes:
        feed = Feed(Monitor(queue))
        leaving, staying = (asyncio.ensure_future(anext(feed.watch("30"))) for _ in range(2))
        await asyncio.sleep(0)
        leaving.cancel()
        return await staying

    assert b"No task yet" in asyncio.run(asyncio.wait_for(watch(), LIMIT))


def test_a_viewer_who_does_not_read_holds_nothing_up(
    queue: TaskQueue, monkeypatch: pytest.MonkeyPatch, in_time: InTime
) -> None:
    """One who stops in the middle of a frame costs that frame; the others see on, and it ends."""
    with monkeypatch.context() as patched:
        patched.setattr(look, "draw", lambda *_, **__: "x" * 20_000_000)
        dashboard = queue.serve_dashboard()
        site = Site(dashboard.url)
        stuck = site.open("/events")
        response = stuck.__enter__()
        assert response.read(10)
    in_time(lambda: next(frame for frame in site.frames() if len(frame["picture"]) < 1_000_000))
    in_time(dashboard.close)
    stuck.__exit__(None, None, None)


def test_an_error_is_on_the_screen(
    queue: TaskQueue, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If there can be no picture, the status says why, and it goes on when there can be."""

    def fail(*_: object, **__: object) -> str:
        raise OSError("the disk is on fire")

    with monkeypatch.context() as patched:
        patched.setattr(look, "draw", fail)
        watched = site.frames()
        frame = next(watched)
    assert (frame["status"], "picture" in frame) == (
        "There is no picture. OSError: the disk is on fire",
        False,
    )
    assert next(frame for frame in watched if "picture" in frame)
    watched.close()  # type: ignore[attr-defined]


def test_the_queue_works_on_while_it_is_watched(queue: TaskQueue, site: Site) -> None:
    """Tasks run and end as ever while frames are made of them."""
    watched = site.frames()
    next(watched)
    with WorkerPool(2) as pool:
        pool.start_processing(queue)
        task_ids = queue.submit_many([SleepTask(0.001)] * 200)
        assert [queue.wait_for_result(task_id) for task_id in task_ids] == [0.001] * 200
    assert next(f for f in watched if f["status"].startswith("200 of 200 tasks done"))
    watched.close()  # type: ignore[attr-defined]
