"""A task type must survive JSON, never change, and run again only when that helps."""

import dataclasses
import inspect
import itertools
import tempfile
import threading
from contextlib import contextmanager, suppress
from types import FunctionType
from typing import get_origin, get_type_hints
from unittest import mock

from taskqueue_edu import InvalidTask, RetryPolicy, TaskFailed, TaskQueue, WorkerPool
from taskqueue_edu.catalogue import catalogue
from taskqueue_edu.course.probes import Deaths, within
from taskqueue_edu.lab.interleave import explore, together
from taskqueue_edu.lab.probes import Case, Check, describe
from taskqueue_edu.workloads import FetchPage, Page, PageServer

check = Check("TotalSize")


@contextmanager
def _system():
    """A server, and a persistent queue with workers."""
    with (
        PageServer(median_ms=1) as server,
        tempfile.TemporaryDirectory() as folder,
        TaskQueue.open(folder) as queue,
        WorkerPool(2) as pool,
    ):
        pool.start_processing(queue)
        yield server, queue


def _ended(queue, task):
    """Run a task. Return its result or None, what it raised or None, and how often it ran.

    It is tried again as its type says, but without a wait: how long that is, is a matter of its own.
    """
    policy = catalogue.find("total_size").retry
    retry = policy and RetryPolicy(policy.attempts, policy.on, delay=0)
    task_id = queue.submit(task, retry=retry)
    result = error = None
    try:
        result = queue.wait_for_result(task_id, 10)
    except TaskFailed as failed:
        error = failed.__cause__ or failed
    return result, error, queue.registry.get(task_id).attempt


@check.probe(question="What does @dataclass write by itself, and what only if you ask for it?")
def its_form(TotalSize):
    """The class is a frozen dataclass with one field."""
    assert dataclasses.is_dataclass(TotalSize), "TotalSize is no dataclass."
    fields = [field.name for field in dataclasses.fields(TotalSize)]
    assert fields, (
        "It has no field. A dataclass makes fields of the names with a type: `name: type`."
    )
    if fields != ["urls"]:
        raise Case(
            f"Its fields are {fields}, expected ['urls'].",
            "What does each field of a task say, and to whom is it handed over?",
        )
    frozen = TotalSize.__dataclass_params__.frozen
    assert frozen, "It is not frozen: whoever has a reference may set `urls`."


@check.probe(question="What puts a class into the catalogue, and under which name?")
def it_is_registered(TotalSize):
    """The catalogue is asked for 'total_size'."""
    entry = catalogue.find("total_size")
    assert entry is not None, "No type is registered under that name."
    assert entry.cls is TotalSize, (
        "Under that name it has another class: one that an earlier run of the cell has made, or that "
        "@dataclass has replaced. Does @task_type stand above @dataclass, and with this name?"
    )


@check.probe(
    "frozen_is_deep", question="Which type holds several texts, in order, and can't change?"
)
def it_is_frozen_to_the_bottom(TotalSize):
    """A task is made with the kind of value that its field declares, and that value is changed."""
    hint = get_type_hints(TotalSize)["urls"]
    kind = get_origin(hint) or hint
    if kind not in (list, set):
        return
    task = TotalSize(urls=kind(("a", "b")))
    before = repr(task)
    if kind is list:
        task.urls.append("c")
    else:
        task.urls.add("c")
    raise AssertionError(
        f"`urls` is a {kind.__name__}. Nobody assigned to it, and the frozen task changed:\n"
        f"before: {before}\nafter:  {task}"
    )


@check.probe(question="What does the type of the field say of the elements?")
def json_changes_nothing(TotalSize):
    """A task goes through JSON and back, and one with numbers in the place of URLs."""
    task = TotalSize(urls=("a", "b"))
    try:
        payload, copy = catalogue.encode(task)
    except InvalidTask as error:
        raise Case(
            f"A task with urls={task.urls!r} does not go through JSON: {error.message}.",
            "Of which type is that value, and how is a tuple of any number of texts written?",
        ) from None
    assert payload == b'{"urls":["a","b"]}', f"As JSON it is {payload.decode()}."
    assert copy.urls == task.urls, f"{task.urls} came back as {copy.urls}."
    try:
        payload, _ = catalogue.encode(TotalSize(urls=(1, 2)))
    except InvalidTask:
        return
    raise AssertionError(f"Numbers passed for URLs, and were stored: {payload.decode()}")


KEPT = (
    "What is left of the first run when the second begins: a default, an attribute, a global, a "
    "cache?"
)


@check.probe("mutable_default", question="When is the object behind that default made?")
def a_run_leaves_the_defaults_alone(TotalSize):
    """A task of one page of 8 bytes runs twice, if execute() has a list or a set as a default."""
    execute = inspect.unwrap(TotalSize.execute)
    if not isinstance(execute, FunctionType):
        return
    defaults = *(execute.__defaults__ or ()), *(execute.__kwdefaults__ or {}).values()
    shared = [default for default in defaults if isinstance(default, list | set)]
    before = repr(shared)
    task, said = TotalSize(urls=("a",)), []
    page = Page("a", 200, 8, 0.01)
    with mock.patch.object(FetchPage, "execute", lambda _: page), suppress(Exception):
        said = [task.execute() for _ in range(2 * bool(shared))]
    assert len(set(map(repr, said))) < 2 or repr(shared) == before, (
        f"A task of one page of 8 bytes ran twice, and said {said[0]}, then {said[1]}. The default "
        f"in `def execute` was {before[1:-1]}, and is {repr(shared)[1:-1]} now."
    )



@check.probe(question="Which pages are fetched, how often each, and which sizes are added?")
def sizes_add_up(TotalSize):
    """Three pages, and one of them once more, are fetched: at once, and by a worker; then none."""
    with _system() as (server, queue):
        pages = (*server.urls(3), server.urls(1)[0])
        try:
            result = TotalSize(urls=pages).execute()
        except dataclasses.FrozenInstanceError as error:
            raise Case(
                f"execute() sets a field of the task, which is frozen: {error}.",
                "Where can execute() keep a number while it adds, if not in the task?",
            ) from None
        except (AttributeError, TypeError) as error:
            raise Case(
                describe(error),
                "What is each part of that line: FetchPage(url), what its execute() returns, a size?",
            ) from None
        if result is None:
            raise Case("execute() returned None.", "Does each way through it end with `return`?")
        if not isinstance(result, int):
            raise Case(
                f"execute() returned {result!r}, expected an int.",
                "What does `-> int` promise to those who go on with the result?",
            )
        expected = sum(FetchPage(url).execute().bytes for url in pages)
        assert result == expected, (
            f"The four pages (the last is the first once more) have {expected} bytes; your task "
            f"says {result}."
        )
        result, error, _ = _ended(queue, TotalSize(urls=pages))
        if error is not None:
            raise error
    try:
        none = repr(TotalSize(urls=()).execute())
    except Exception as error:
        none = repr(error)
    if none != "0":
        raise Case(
            f"A task without a page came to {none}, expected 0.",
            "What does your loop, or what stands for it, begin with?",
        )
    if result != expected:
        raise Case(f"Run for the second time it says {result}, not {expected}.", KEPT)


@check.probe(question=KEPT)
def nothing_is_kept(TotalSize):
    """One task runs four times. In the third run its last page fails, and its first page grows."""
    fetch, first, last = FetchPage.execute, "/page/1", "/page/2"
    grown, fails = [], []

    def page(self):
        if fails and self.url.endswith(last):
            raise ConnectionError("the server has a problem")
        found = fetch(self)
        return dataclasses.replace(
            found, bytes=found.bytes + 1000 * (bool(grown) and self.url.endswith(first))
        )

    with PageServer(median_ms=1) as server, mock.patch.object(FetchPage, "execute", page):
        pages = server.url(first), server.url(last)
        small = sum(FetchPage(url).execute().bytes for url in pages)
        task = TotalSize(urls=pages)
        for run, (wanted, grows, error) in enumerate(
            ((small, 0, 0), (small + 1000, 1, 0), (None, 0, 1), (small + 1000, 1, 0)), 1
        ):
            grown[:], fails[:] = [1] * grows, [1] * error
            if error:
                with Deaths(), suppress(Exception):  # that it prints would be shown with another case
                    task.execute()
                continue
            result = task.execute()
            assert result == wanted, (
                f"In run {run} of one task the pages had {wanted} bytes, and it says {result}."
            )


@check.probe(question="What have two tasks in common: a list of their class, a global, a default?")
def two_run_at_once(TotalSize):
    """Three tasks run at once: two, equal, of pages of 1 and 2 bytes, one of pages of 4 and 8."""
    sizes, got, begun = {"a": 1, "b": 2, "c": 4, "d": 8}, {}, []

    def run(name, urls):
        try:
            got[name] = TotalSize(urls=urls).execute()
        except Exception as error:
            got[name] = error

    others = [
        threading.Thread(target=run, args=args, daemon=True)
        for args in (("equal", ("a", "b")), ("other", ("c", "d")))
    ]

    def page(self):
        if self.url == "b" and not begun:
            begun.append(True)
            for other in others:
                other.start()
                other.join(1)  # or it waits for the first to end: that is right as well
        return Page(self.url, 200, sizes[self.url], 0.01)

    with mock.patch.object(FetchPage, "execute", page):
        within(5, lambda: run("first", ("a", "b")))
        for other in others:
            within(5, other.join)
    names = "first", "equal", "other"
    assert got == dict(zip(names, (3, 3, 12), strict=True)), (
        f"The three came to {', '.join(repr(got.get(name)) for name in names)}, expected 3, 3, 12."
    )


@check.probe(question="What have two tasks in common: a list of their class, a global, a default?")
def two_run_in_any_order(TotalSize):
    """Two tasks, of a page of 1 byte and of pages of 4 and 8, run in many orders of their steps."""
    sizes, tasks = {"a": 1, "c": 4, "d": 8}, (("a",), ("c", "d"))

    def scenario():
        got = {}

        def run(urls):
            got[urls] = TotalSize(urls=urls).execute()

        together(*[lambda urls=urls: run(urls) for urls in tasks])
        said = [got[urls] for urls in tasks]
        assert said == [1, 12], f"the two tasks came to {said}, expected [1, 12]"

    def page(self):
        return Page(self.url, 200, sizes[self.url], 0.01)

    with mock.patch.object(FetchPage, "execute", page):
        found = explore(scenario, bound=1, budget=100)
    # Those of a pool of threads are too many, and there may be ways that the lab can't follow.
    return found if found.kind == "assertion" else None


@check.probe(question="What have two tasks in common: a dict of their class, a global, a default?")
def two_share_a_page_that_grows(TotalSize):
    """Tasks of a page and of that page and another run in many orders; it grows by 800 bytes."""
    tasks = ("a", "b"), ("a",)
    fetches = []

    def page(self):
        grown = self.url == "a" and next(fetches[-1]) > 0  # in one step: nobody comes between
        return Page(self.url, 200, 900 if grown else {"a": 100, "b": 7}[self.url], 0.01)

    def scenario():
        fetches[:] = [itertools.count()]
        got = {}

        def run(urls):
            got[urls] = TotalSize(urls=urls).execute()

        together(*[lambda urls=urls: run(urls) for urls in tasks])
        both, one = [got[urls] for urls in tasks]
        assert next(fetches[-1]) != 2 or [both, one] in ([107, 900], [907, 100]), (
            "page a had 100 bytes when it was fetched first and 900 when it was fetched again, "
            f"page b has 7; the task of a and b says {both}, the task of a says {one}"
        )

    with mock.patch.object(FetchPage, "execute", page):
        found = explore(scenario, bound=1, budget=100)
    return found if found.kind == "assertion" else None


@check.probe(
    "swallowing_is_robust",
    question="How can whoever gets the number tell that a page is missing from it?",
)
def a_failure_is_no_result(TotalSize):
    """One of three can't be fetched: no such page, a server that stays busy, an empty URL."""
    fetch, fetched = FetchPage.execute, []

    def page(self):
        fetched.append(self.url)
        return fetch(self)

    with _system() as (server, queue), mock.patch.object(FetchPage, "execute", page):
        for path in ("/missing", "/flaky?fails=99"):
            task = TotalSize(urls=(*server.urls(2), server.url(path)))
            with Deaths() as deaths:
                result, error, runs = _ended(queue, task)
            if error is None and deaths.errors:
                raise Case(
                    f"{path} can't be fetched: a {type(deaths.errors[0]).__name__} ended a thread that execute() had "
                    f"started. The task counts as succeeded, with {result} bytes.",
                    "Who learns of an error that ends a thread, and who should?",
                )
            times = fetched.count(server.url(path))
            if error is None and times > runs:
                raise Case(
                    f"{path} can't be fetched. In {runs} run{'s' * (runs > 1)} execute() asked for "
                    f"it {times} times; then the task counts as succeeded, with {result} bytes.",
                    "Who is to try again, the task or the queue, and from what does the queue learn "
                    "that a run has failed?",
                )
            assert error is not None, (
                f"{path} can't be fetched. The task counts as succeeded, with {result} bytes."
            )
        first, last = server.urls(2)
        result, error, _ = _ended(queue, TotalSize(urls=(first, "", last)))
        if error is None:
            raise Case(
                "Between two URLs stood an empty text, for which FetchPage raises a ValueError. The "
                f"task counts as succeeded, with {result} bytes.",
                "Which URLs does your loop reach, and which line leaves one out?",
            )


@check.probe(question="After which errors can the next run end differently?")
def only_what_may_be_over_is_tried_again(TotalSize):
    """Of three pages, the last does not exist (LookupError)."""
    with _system() as (server, queue):
        task = TotalSize(urls=(*server.urls(2), server.url("/missing")))
        _, error, runs = _ended(queue, task)
    if runs > 1 and not isinstance(error, LookupError):
        raise Case(
            "For a page that is missing FetchPage raises a LookupError. The task failed with "
            f"{error!r}, and ran {runs} times.",
            "What does the queue learn of an error that execute() makes another of?",
        )
    assert runs == 1, (
        f"The task ran {runs} times, and failed each time: the page is still not there. The two "
        f"pages before it were fetched {runs} times each, for nothing."
    )


@check.probe(question="Which errors are of the class in `on`, or of one below it?")
def no_other_error_is_tried_again(TotalSize):
    """The retry policy is asked about a TimeoutError, which is an OSError as ConnectionError is."""
    policy = catalogue.find("total_size").retry
    names = [cls.__name__ for cls in TimeoutError.__mro__]
    tried = policy is not None and policy.wait_after(1, names) is not None
    assert not tried, (
        f"on={policy.on}: the task would run again after a TimeoutError. Only a ConnectionError is "
        "worth that."
    )


@check.probe(question="Does `attempts` count the first run, and is the error one of those in `on`?")
def a_busy_server_is_asked_again(TotalSize):
    """A server is busy three times (ConnectionError), then a page comes; another stays busy."""
    if catalogue.find("total_size").retry is None:
        raise Case(
            "The type has no retry policy: for the queue, a task that fails once has failed.",
            "Who runs the task again, and what tells the queue when that helps?",
        )
    with _system() as (server, queue):
        task = TotalSize(urls=(server.url("/flaky?fails=3"), *server.urls(1)))
        result, error, runs = _ended(queue, task)
        assert error is None, (
            f"The queue gave up after run {runs}, and the page would have come in run 4. "
            f"It had {type(error).__name__}: {error}"
        )
        if runs < 4:
            raise Case(
                f"The page came, and the queue counts {runs} of four runs: execute() asked again by "
                "itself.",
                "Who is to try again: the task, or the queue?",
            )
        _, error, runs = _ended(queue, TotalSize(urls=(server.url("/flaky/b?fails=99"),)))
    assert runs == 4, f"A server that stays busy was asked in {runs} runs, expected 4."


@check.probe(question="In which unit is `delay`, and what is it if you don't say?")
def the_first_wait_is_short(TotalSize):
    """The retry policy is asked how long the first wait is."""
    delay = catalogue.find("total_size").retry.delay
    assert delay == 0.01, f"The first wait is {delay} seconds long, expected 0.01."
