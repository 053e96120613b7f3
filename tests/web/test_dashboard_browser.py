"""The dashboard as a person sees it: in a real browser."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from widgets.lab import chromium, missing

from taskqueue_edu import TaskQueue, TaskStatus, WorkerPool
from taskqueue_edu.workloads import SleepTask

from .site import Site

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing()), reason=missing() or "all there"),
]

ODD = "<img src=x onerror=alert(1)>"


@dataclass(frozen=True)
class Break:
    """A task that fails until it is repaired."""

    message: str

    def execute(self) -> str:
        """Return the message, or raise it."""
        if not repaired:
            raise ValueError(self.message)
        return self.message


repaired: list[bool] = []


@contextmanager
def page_of(browser: Any, **options: Any) -> Iterator[Any]:
    """Open an empty page. Whatever its console says, or its scripts raise, fails the test."""
    said: list[str] = []
    context = browser.new_context(**options)
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    yield page
    context.close()
    assert said == []


def see(page: Any, selector: str, text: str) -> None:
    """Wait until an element that the page shows has that text."""
    page.locator(selector).filter(has_text=text).first.wait_for()


def rows(page: Any, number: int) -> None:
    """Wait until the table has so many rows."""
    page.wait_for_function("n => document.querySelectorAll('#rows tr').length === n", arg=number)


def test_the_dashboard_in_a_browser() -> None:
    """It is live, finds tasks, cancels and retries them, and looks right in the dark and narrow."""
    repaired.clear()
    with (
        TaskQueue(maxsize=50) as queue,
        WorkerPool(2) as pool,
        queue.serve_dashboard() as dashboard,
        chromium() as browser,
        page_of(browser, viewport={"width": 1280, "height": 900}) as page,
    ):
        pool.start_processing(queue)
        page.goto(dashboard.url)
        _is_live(page, queue)
        broken = queue.submit(Break("wrong <b>key</b>"))
        _finds(page, broken)
        _retries(page, queue, broken)
        _cancels(page, queue)
        _looks_right(page)


def _is_live(page: Any, queue: TaskQueue) -> None:
    """The token is gone from the address, and the picture follows what happens."""
    see(page, "#status", "No task yet")
    assert "token" not in page.url
    assert page.evaluate("() => document.cookie") == ""
    assert page.title() == "Task queue"
    queue.submit_many([SleepTask(0.02)] * 40)
    see(page, "#status", "40 of 40 tasks done")
    before = page.locator("#picture .tq-chart > svg").first.inner_html()
    page.wait_for_function(
        "before => document.querySelector('#picture .tq-chart > svg').innerHTML !== before",
        arg=before,
    )
    rows(page, 25)
    page.get_by_role("button", name="Next page").click()
    see(page, "#place", "26 to 40 of 40")
    rows(page, 15)
    page.get_by_role("button", name="First page").click()
    rows(page, 25)


def _finds(page: Any, broken: str) -> None:
    """Filters narrow the table down, and reloading the page keeps them."""
    page.get_by_label("Status").select_option("failed")
    rows(page, 1)
    see(page, "td.why", "ValueError: wrong <b>key</b>")
    page.get_by_label("Text").fill("nowhere")
    page.get_by_text("No task is like that").wait_for()
    page.get_by_label("Text").fill("WRONG")
    page.get_by_label("Type").select_option("Break")
    rows(page, 1)
    page.reload()
    rows(page, 1)
    assert page.get_by_label("Text").input_value() == "WRONG"
    page.get_by_role("button", name=broken, exact=True).click()
    see(page, "#task pre", "raise ValueError(self.message)")
    see(page, "#task pre", "ValueError: wrong <b>key</b>")
    see(page, "#task tbody td", "started")


def _retries(page: Any, queue: TaskQueue, broken: str) -> None:
    """The button puts the task back, says so, and the task's page follows it to its result."""
    repaired.append(True)
    page.get_by_role("dialog").get_by_role("button", name="Retry").click()
    see(page, "#task-said", "is pending again")
    see(page, "#task dd", "succeeded")
    see(page, "#task pre", "wrong <b>key</b>")
    assert queue.status(broken) is TaskStatus.SUCCEEDED
    page.get_by_role("button", name="Close").click()


def _cancels(page: Any, queue: TaskQueue) -> None:
    """The button in a row cancels what waits, and asks what runs to stop."""
    page.goto(page.url.partition("#")[0])
    waiting, running = queue.submit(SleepTask(0), delay=60), queue.submit(SleepTask(60))
    page.get_by_role("button", name=f"Cancel task {waiting}").click()
    see(page, "#said", f"Task {waiting} is cancelled.")
    see(page, ".status.running", "running")
    page.mouse.move(0, 0)  # the table holds still while the pointer is in it
    page.get_by_role("button", name=f"Cancel task {running}").click()
    see(page, "#said", f"Task {running} is running, and was asked to stop.")
    queue.join()
    assert queue.status(waiting) is queue.status(running) is TaskStatus.CANCELLED


def _looks_right(page: Any) -> None:
    """Light or dark as the browser prefers, and nothing sticks out at 640 or 1600 pixels."""
    ground = "() => getComputedStyle(document.body).backgroundColor"
    line = "() => getComputedStyle(document.querySelector('#picture .tq-finished')).stroke"
    light = page.evaluate(ground), page.evaluate(line)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(ground), page.evaluate(line)
    assert light == ("rgb(255, 255, 255)", "rgb(21, 101, 192)")
    assert dark == ("rgb(22, 24, 28)", "rgb(100, 176, 245)")
    for width in (640, 1600):
        page.set_viewport_size({"width": width, "height": 900})
        wide = "() => document.documentElement.scrollWidth"
        assert page.evaluate(wide) == width
        assert page.locator("tbody button.id").first.is_visible()


def test_with_the_keyboard_only() -> None:
    """From the skip link through the filter to a task, a retry, and back to where one was."""
    repaired.clear()
    with (
        TaskQueue() as queue,
        WorkerPool(1) as pool,
        queue.serve_dashboard() as dashboard,
        chromium() as browser,
        page_of(browser) as page,
    ):
        pool.start_processing(queue)
        broken, _ = queue.submit_many([Break("again"), Break("other")])
        queue.join()
        page.goto(dashboard.url)
        rows(page, 2)

        def press(*keys: str) -> str:
            for key in keys:
                page.keyboard.press(key)
            return str(page.evaluate("() => document.activeElement.textContent"))

        assert press("Tab") == "To the tasks"
        press("Enter", "Tab")
        assert page.evaluate("() => document.activeElement.name") == "status"
        press("f", "Tab", "Tab")
        page.keyboard.type("again")
        rows(page, 1)
        while press("Tab") != broken:
            pass
        press("Enter")
        see(page, "#task h3", "Traceback")
        repaired.append(True)
        while press("Tab") != "Retry":
            pass
        press("Enter")
        see(page, "#task dd", "succeeded")
        press("Escape")
        page.locator("#task").wait_for(state="hidden")
        page.wait_for_function("() => document.activeElement.closest('#tasks') !== null")


def test_what_a_screen_reader_finds() -> None:
    """Landmarks, a heading a part, names for controls and pictures, and one status that speaks."""
    with (
        TaskQueue() as queue,
        queue.serve_dashboard() as dashboard,
        chromium() as browser,
        page_of(browser) as page,
    ):
        queue.submit(SleepTask(0), delay=60)
        page.goto(dashboard.url)
        rows(page, 1)
        page.locator("#picture .tq-workers").wait_for()
        for role, name in (
            ("heading", "Task queue"),
            ("heading", "Tasks"),
            ("search", "Which tasks"),
            ("navigation", "Pages of the table"),
            ("combobox", "Show the last"),
            ("combobox", "Status"),
            ("searchbox", "Text"),
            ("columnheader", "Submitted"),
            ("img", "Throughput"),
            ("img", "Workers"),
        ):
            assert page.get_by_role(role, name=name).count() == 1, name
        assert page.locator("th[aria-sort=descending]").inner_text().startswith("Submitted")
        assert page.locator("#status").get_attribute("aria-live") == "off"
        assert page.locator("#said").get_attribute("role") == "status"
        named = "el => el.getAttribute('aria-label') || el.textContent.trim()"
        for control in page.locator("button").all():
            assert control.evaluate(named)
        queue.cancel_pending()


def test_texts_of_tasks_never_become_html() -> None:
    """Markup in a type, an error, a result and a filter is shown as text."""
    repaired.clear()
    odd_type = type(ODD, (Break,), {})
    odd_type.__qualname__ = ODD

    class Held:
        def execute(self) -> None:
            SleepTask(60).execute()

    Held.__qualname__ = ODD
    with (
        TaskQueue() as queue,
        WorkerPool(1) as pool,
        queue.serve_dashboard() as dashboard,
        chromium() as browser,
        page_of(browser) as page,
    ):
        pool.start_processing(queue)
        failed = queue.submit(odd_type(ODD))
        queue.join()
        repaired.append(True)
        succeeded = queue.submit(odd_type(ODD))
        queue.join()
        page.goto(dashboard.url)
        rows(page, 2)
        see(page, "td.type", ODD)
        see(page, "td.why", ODD)
        running = queue.submit(Held())
        # In the words that show when the mouse is over a run: they are there all the time.
        words = page.locator("#picture text").filter(has_text="<img")
        words.first.wait_for(state="attached")
        queue.cancel(running)
        page.get_by_label("Type").select_option(ODD)
        page.get_by_label("Text").fill(f"ValueError: {ODD}")
        rows(page, 1)
        for task_id, text in ((failed, f"ValueError: {ODD}"), (succeeded, ODD)):
            page.goto(f"{Site(dashboard.url).origin}/#task={task_id}")
            page.reload()
            see(page, "#task pre", text)
            see(page, "#task h2", ODD)
        assert page.locator("img").count() == 0
        assert page.title() == "Task queue"


@contextmanager
def another_site(link: str) -> Iterator[str]:
    """Serve, at `localhost`, a page with a link and a form that presses a button of the link."""
    origin = link.partition("/?")[0]
    text = (
        f"<a href='{link}'>Dashboard</a><form method=post action='{origin}/cancel?id=x'>"
        "<button>Press</button></form>"
    ).encode()

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def test_a_link_on_another_site_opens_it() -> None:
    """From a page of JupyterLab, say, the link with the token works at the first click.

    What another page sends of its own is refused, though the browser has the cookie by then.
    """
    with (
        TaskQueue() as queue,
        queue.serve_dashboard() as dashboard,
        another_site(dashboard.url) as other,
        chromium() as browser,
        page_of(browser) as page,
    ):
        page.goto(other)
        page.get_by_text("Dashboard").click()
        see(page, "#status", "No task yet")
        assert page.url == f"{Site(dashboard.url).origin}/"
        forger = page.context.new_page()
        forger.goto(other)
        with forger.expect_response("**/cancel*") as answered:
            forger.get_by_text("Press").click()
        assert answered.value.status == 403
