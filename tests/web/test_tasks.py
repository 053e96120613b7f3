"""The tasks on the page: which, in what order, all about one of them, and the two buttons."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass

import pytest

from taskqueue_edu import TaskQueue, TaskStatus, WorkerPool
from taskqueue_edu.web.table import MOST_TEXT
from taskqueue_edu.workloads import FlakyTask, MathTask, SleepTask

from .site import Site

ODD = "<img src=x onerror=alert(1)>"


@dataclass(frozen=True)
class Return:
    """A task with a given result."""

    value: object

    def execute(self) -> object:
        """Return it."""
        return self.value


@dataclass(frozen=True)
class Fail:
    """A task that fails with a given message."""

    message: str

    def execute(self) -> None:
        """Raise it."""
        raise ValueError(self.message)


class Stubborn:
    """A value that can't be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


def finish(queue: TaskQueue, *tasks: object) -> list[str]:
    """Run tasks one after the other, and return their ids."""
    ids = [str(task_id) for task_id in queue.submit_many(tasks)]  # type: ignore[arg-type]
    with WorkerPool(1) as pool:
        pool.start_processing(queue)
        queue.join()
    return ids


def ids(answer: dict[str, list[dict[str, str]]]) -> list[str]:
    """Return the ids of a page."""
    return [task["id"] for task in answer["tasks"]]


# -- the table


def test_the_newest_comes_first_a_page_at_a_time(queue: TaskQueue, site: Site) -> None:
    """60 tasks make three pages of 25, which together have each task once, newest first."""
    submitted = queue.submit_many([SleepTask(0)] * 60)
    pages = [site.tasks(page=page) for page in (1, 2, 3)]
    assert [task_id for page in pages for task_id in ids(page)] == submitted[::-1]
    assert [(page["first"], page["pages"], page["found"]) for page in pages] == [
        (1, 3, 60),
        (26, 3, 60),
        (51, 3, 60),
    ]
    assert site.tasks(page=9)["page"] == 3
    assert len(ids(site.tasks(size=50))) == 50


def test_filters_narrow_it_down(queue: TaskQueue, site: Site) -> None:
    """Status, type and text select, one by one and together; the number of all stays."""
    good, bad, odd = finish(queue, MathTask("sum", (1, 2)), MathTask("div", (1,)), Fail("Lost Key"))
    assert ids(site.tasks(status="failed")) == [odd, bad]
    assert ids(site.tasks(type="math")) == [bad, good]
    assert ids(site.tasks(text=" lost key ")) == [odd]
    assert ids(site.tasks(text=good)) == [good]
    assert ids(site.tasks(text="worker")) == [odd, bad, good]
    found = site.tasks(status="failed", type="math", text="VALUE")
    assert (ids(found), found["found"], found["all"]) == ([bad], 1, 3)
    assert found["types"] == ["Fail", "math"]
    nothing = site.tasks(status="dead")
    assert (nothing["tasks"], nothing["page"], nothing["pages"]) == ([], 1, 1)


def test_every_column_sorts(queue: TaskQueue, site: Site) -> None:
    """Each order has all tasks, and turned around it is the other way."""
    one, two, three = finish(queue, SleepTask(0.02), FlakyTask(1), MathTask("sum", (1,)))
    for sort, order in (("submitted", [one, two, three]), ("type", [two, three, one])):
        assert ids(site.tasks(sort=sort, order="ascending")) == order
        assert ids(site.tasks(sort=sort, order="descending")) == order[::-1]
    assert ids(site.tasks(sort="ran"))[0] == one
    assert ids(site.tasks(sort="runs"))[0] == two
    assert ids(site.tasks(sort="waited", order="ascending"))[0] == one
    for sort in ("status", "worker"):
        assert sorted(ids(site.tasks(sort=sort))) == sorted([one, two, three])


@pytest.mark.parametrize(
    "query", ["page=0", "page=x", "size=1000000", "sort=id", "status=odd", "page=1e3"]
)
def test_what_makes_no_sense_is_refused(site: Site, query: str) -> None:
    """A page without a number, or as large as somebody likes, is an error of who asks."""
    assert site.ask(f"/tasks.json?{query}").code == 400


def test_a_row_says_what_can_be_done(queue: TaskQueue, site: Site) -> None:
    """What waits can be cancelled, what failed can be tried again, and else nothing can be."""
    finish(queue, MathTask("sum", (1,)), MathTask("div", (1,)))
    queue.submit(SleepTask(0))
    assert [task["can"] for task in site.tasks()["tasks"]] == [["cancel"], ["retry"], []]


# -- one task


def test_all_about_a_task(queue: TaskQueue, site: Site) -> None:
    """Its result, and what happened to it, when, and by whom."""
    (task_id,) = finish(queue, MathTask("sum", (1, 2)))
    told = site.task(task_id)
    assert (told["status"], told["result"], told["runs"]) == ("succeeded", "3", 1)
    assert [event["kind"] for event in told["events"]] == ["submitted", "started", "succeeded"]
    assert told["events"][1]["note"] == "worker-1"
    assert told["submitted"] <= told["started"] <= told["finished"]


def test_a_failure_has_its_traceback(queue: TaskQueue, site: Site) -> None:
    """An error is there with its class, its message and the line that raised it."""
    (task_id,) = finish(queue, Fail("broken"))
    told = site.task(task_id)
    assert (told["error"], told["result"]) == ("ValueError: broken", None)
    assert "raise ValueError(self.message)" in told["traceback"]


def test_values_of_all_kinds_are_text(queue: TaskQueue, site: Site) -> None:
    """A result of a memory queue is any object: it is shown as Python shows it, and in bounds."""
    values = [None, b"12", "x" * 10 * MOST_TEXT, list(range(10**6)), Stubborn(), 10**5000, ODD]
    shown = [site.task(task_id)["result"] for task_id in finish(queue, *map(Return, values))]
    assert shown[:2] == ["None", "b'12'"]
    assert all(len(text) < 1.1 * MOST_TEXT for text in shown)
    assert "Stubborn" in shown[4]
    assert shown[5] == "<int that can't be shown: ValueError>"
    assert shown[6] == repr(ODD)


def test_what_utf8_has_no_place_for(queue: TaskQueue, site: Site) -> None:
    """The name of a file that is no UTF-8, as Python holds it, breaks neither table nor picture."""
    name = b"\xff-1".decode("utf-8", "surrogateescape")
    odd_type = type("odd", (SleepTask,), {})
    odd_type.__qualname__ = name
    failed, result = finish(queue, Fail(name), Return(name))
    assert site.task(failed)["error"] == f"ValueError: {name}"
    assert site.task(result)["result"] == repr(name)
    assert site.tasks(text=failed)["tasks"][0]["why"] == f"ValueError: {name}"
    with WorkerPool(1) as pool:
        pool.start_processing(queue)
        running = queue.submit(odd_type(60))
        frame = next(f for f in site.frames() if "1 of 1 worker busy" in f["status"])
        queue.cancel(running)
        queue.join()
    assert name in frame["picture"]


def test_long_messages_are_cut(queue: TaskQueue, site: Site) -> None:
    """An error of a million characters comes as its beginning, in a row of the table as less."""
    (task_id,) = finish(queue, Fail("x" * 1_000_000))
    told = site.task(task_id)
    assert len(told["error"]) < 1.1 * MOST_TEXT
    assert "more are not shown" in told["error"]
    assert len(site.tasks()["tasks"][0]["why"]) <= 200


def test_a_task_that_is_not_there(site: Site) -> None:
    """An id of another queue, of none, or none at all, is not found, whatever is asked of it."""
    for task_id in ("9f3c51a0b7e2-1", "../../etc/passwd", "", "ü"):
        assert site.press("cancel", task_id).code == 404
    assert site.ask("/task.json?id=9f3c51a0b7e2-1").code == 404
    assert "9f3c51a0b7e2-1" in site.ask("/task.json?id=9f3c51a0b7e2-1").text


def test_a_task_that_is_kept_no_more() -> None:
    """A task past the retention is gone, which is not the same as unknown."""
    with TaskQueue(retain=1) as queue, queue.serve_dashboard() as dashboard:
        first, _ = finish(queue, MathTask("sum", (1,)), MathTask("sum", (2,)))
        assert Site(dashboard.url).ask(f"/task.json?id={first}").code == 410


# -- the buttons


def test_cancel(queue: TaskQueue, site: Site) -> None:
    """A pending task is cancelled at once; pressing again changes nothing, and says why."""
    task_id = queue.submit(SleepTask(0))
    assert site.press("cancel", task_id).json == {"said": f"Task {task_id} is cancelled."}
    assert queue.status(task_id) is TaskStatus.CANCELLED
    assert site.task(task_id)["reason"] == "cancelled in the dashboard"
    again = site.press("cancel", task_id)
    assert (again.code, "cancelled" in again.text) == (409, True)


def test_cancel_what_runs(queue: TaskQueue, site: Site) -> None:
    """A running task is asked to stop, and does so at its next checkpoint."""
    with WorkerPool(1) as pool:
        pool.start_processing(queue)
        task_id = queue.submit(SleepTask(60))
        site.wait_for_status("1 of 1 worker busy")
        assert "was asked to stop" in site.press("cancel", task_id).json["said"]
        queue.join()
    assert queue.status(task_id) is TaskStatus.CANCELLED


def test_retry(queue: TaskQueue, site: Site) -> None:
    """A failed task is pending again; one that did not fail can't be tried again."""
    bad, good = finish(queue, Fail("once"), MathTask("sum", (1,)))
    assert "pending again" in site.press("retry", bad).json["said"]
    assert queue.status(bad) is TaskStatus.PENDING
    assert site.press("retry", good).code == 409
    assert queue.status(good) is TaskStatus.SUCCEEDED


def test_a_closed_queue_changes_no_more(queue: TaskQueue) -> None:
    """While its last task runs, the page of a closed queue says that it is closed."""
    started, go_on = threading.Event(), threading.Event()

    class Hold:
        def execute(self) -> None:
            started.set()
            go_on.wait(10)
            raise ValueError

    (bad,) = finish(queue, Fail("before"))
    dashboard = queue.serve_dashboard()
    with WorkerPool(1) as pool:
        pool.start_processing(queue)
        queue.submit(Hold())
        assert started.wait(10)
        queue.close()
        try:
            answer = Site(dashboard.url).press("retry", bad)
            assert (answer.code, "closed" in answer.text) == (409, True)
        finally:
            go_on.set()


# -- the picture and the numbers


def test_frames_follow_the_queue(queue: TaskQueue, site: Site) -> None:
    """A frame is the picture with the status in words; what happens is in the next ones."""
    frames = site.frames()
    first = next(frames)
    assert '<div class="tq">' in first["picture"]
    assert "<title>Whole run</title>" in first["picture"]
    assert first["status"].startswith("No task yet")
    queue.submit(SleepTask(0))
    changed = next(frame for frame in frames if frame["happened"] != first["happened"])
    assert "1 waiting" in changed["status"]
    frames.close()  # type: ignore[attr-defined]


def test_every_window_has_frames(site: Site) -> None:
    """The picture looks back as far as is asked, if that is one of the windows that there are."""
    for window in ("10", "30", "120", "600", "all"):
        assert next(site.frames(window))["picture"]
    for window in ("", "31", "-1", "inf"):
        assert site.ask(f"/events?window={window}").code == 400


def test_metrics(queue: TaskQueue, site: Site) -> None:
    """The numbers of the snapshot, whose names say their units; null for what is not known."""
    before = site.ask("/metrics.json").json
    assert before["waiting_seconds"] == {"p50": None, "p95": None, "p99": None}
    finish(queue, SleepTask(0.05), SleepTask(0.05), MathTask("div", (1,)))
    queue.submit(SleepTask(0))
    numbers = site.ask("/metrics.json?window=all").json
    assert numbers["tasks"] == {
        **dict.fromkeys(TaskStatus, 0),
        "pending": 1,
        "succeeded": 2,
        "failed": 1,
    }
    assert (numbers["totals"]["submitted"], numbers["totals"]["started"]) == (4, 3)
    assert (numbers["depth"], numbers["depth_limit"]) == (1, None)
    assert (numbers["workers_busy"], numbers["paused"]) == (0, False)
    assert 0.05 <= numbers["running_seconds"]["p50"] < 5
    assert numbers["finished_per_second"] > 0
    assert numbers["submitted_per_second"] > numbers["finished_per_second"]
    assert numbers["at"].endswith("Z")


def test_texts_of_tasks_are_data(queue: TaskQueue, site: Site) -> None:
    """HTML in a type, an error or a result stays text: in JSON as it is, in the picture escaped."""
    odd_type = type(ODD, (Fail,), {})
    odd, result = finish(queue, odd_type(ODD), Return(ODD))
    told = site.task(odd)
    assert (told["type"], told["error"]) == (ODD, f"ValueError: {ODD}")
    assert site.task(result)["result"] == repr(ODD)
    answer = site.ask("/tasks.json")
    assert json.loads(answer.body)["types"] == [ODD, "Return"]
    with WorkerPool(1) as pool:
        pool.start_processing(queue)

        class Held:
            def execute(self) -> None:
                SleepTask(60).execute()

        Held.__qualname__ = ODD
        running = queue.submit(Held())
        frame = next(f for f in site.frames() if "1 of 1 worker busy" in f["status"])
        queue.cancel(running)
        queue.join()
    assert "<img" not in frame["picture"]
    assert "&lt;img" in frame["picture"]
