"""A pending queue: its order, waiting, closing, and what happens just before it has its lock."""

import threading
from contextlib import suppress

from taskqueue_edu import QueueClosed, TaskQueue, WorkerPool
from taskqueue_edu.course.probes import Watched
from taskqueue_edu.course.probes import together, within
from taskqueue_edu.lab.probes import Check
from taskqueue_edu.workloads import IndexFile, corpus_files

check = Check("NewestFirst")


class _Sleepless(threading.Condition):
    """A Condition in which nobody needs to wait; it notes who tries."""

    def __init__(self):
        super().__init__()
        self.tried = False

    def wait(self, timeout=None):
        self.tried = True
        raise RuntimeError("nobody would wake this thread")


class _Overtaken(threading.Condition):
    """A Condition whose lock somebody else gets first: `first()` runs before it is taken."""

    def __init__(self, first):
        super().__init__()
        self._first = first
        take = self.acquire

        def acquire(*args, **kwargs):
            self._let_in()
            return take(*args, **kwargs)

        self.acquire = acquire

    def __enter__(self):
        self._let_in()
        return super().__enter__()

    def _let_in(self):
        first, self._first = self._first, None
        if first is not None:
            first()

    @property
    def was_taken(self):
        return self._first is None


def _closed(call):
    """Tell whether a call raises QueueClosed."""
    try:
        call()
    except QueueClosed:
        return True
    return False


def _ends(answers):
    """Raise what went wrong in a thread of the check itself, which is the last of `answers`."""
    *found, problem = answers
    if isinstance(problem, Exception):
        raise problem
    return found


@check.probe(
    "notify_is_remembered",
    question="What must get() look at before it goes to sleep?",
)
def an_item_is_there_already(NewestFirst):
    """An item is put while nobody waits; only then is get() called."""
    mine = NewestFirst()
    mine._changed = sleepless = _Sleepless()
    with suppress(Exception):  # the next probe says so
        within(2, lambda: (mine.put("a"), mine.get()))
    assert not sleepless.tried, (
        "get() called wait() though an item was there. The notify() of put() had nobody to wake, "
        "and is gone: this thread would sleep until the next put()."
    )


@check.probe(question="At which end of `_items` does put() add, and get() take?")
def the_newest_comes_first(NewestFirst):
    """a, b and c are put, and three are taken."""
    mine = NewestFirst()
    within(2, lambda: [mine.put(item) for item in "abc"])
    out = within(2, lambda: [mine.get() for _ in "abc"])
    assert out == ["c", "b", "a"], f"{', '.join(map(str, out))} came out, expected c, b, a."


@check.probe(question="What does discard() return in each of its two cases?")
def an_item_is_discarded(NewestFirst):
    """a and b are put, a is discarded twice, and one is taken."""
    mine = NewestFirst()
    within(2, lambda: [mine.put(item) for item in "ab"])
    answers = within(2, lambda: (mine.discard("a"), mine.discard("a")))
    assert answers == (True, False), f"discard() returned {answers}, expected (True, False)."
    out = within(2, mine.get)
    assert out == "b", f"Then get() gave {out!r}, expected 'b'."


@check.probe(question="How does put() tell a thread that sleeps in get()?")
def get_sleeps_until_something_is_put(NewestFirst):
    """A thread waits in get() on an empty queue, then an item is put."""
    mine = NewestFirst()
    mine._changed = watched = Watched()

    def put_it():
        waits = watched.waits(1)
        mine.put("late")
        assert waits, "get() did not call wait() on `_changed`: it must sleep, not look on and on."

    (got,) = _ends(together(mine.get, put_it, seconds=4, when="An item was put"))
    assert got == "late", f"It got {got!r}, expected 'late'."


@check.probe("if_around_wait", question="What is certain after wait() has returned?")
def woken_for_nothing(NewestFirst):
    """A thread waits in get() and is woken, but nothing is there: somebody else was faster."""
    mine = NewestFirst()
    mine._changed = watched = Watched()

    def wake_it():
        assert watched.waits(1)
        with watched:
            watched.notify_all()
        waits = watched.waits(1)
        mine.put("late")
        return waits

    got, waits = together(mine.get, wake_it, seconds=4)
    came = f"raised {got!r}" if isinstance(got, Exception) else f"returned {got!r}"
    assert waits is True, f"get() did not wait again. With nothing in the queue, it {came}."


@check.probe(question="How many threads does the end concern?")
def everybody_leaves_at_the_end(NewestFirst):
    """Two threads wait in get(), then the queue is closed."""
    mine = NewestFirst()
    mine._changed = watched = Watched()

    def close_it():
        assert watched.waits(2), "Two threads should wait in get()."
        mine.close()

    found = _ends(together(mine.get, mine.get, close_it, seconds=3, when="It was closed"))
    assert all(isinstance(answer, QueueClosed) for answer in found), (
        f"They got {found}, expected QueueClosed in both."
    )


@check.probe(question="What do put() and get() ask first?")
def nothing_after_the_end(NewestFirst):
    """An item is put, the queue is closed, and put() and get() are called."""
    mine = NewestFirst()
    mine.put("x")
    mine.close()
    assert within(2, lambda: _closed(lambda: mine.put("y"))), "put() did not raise QueueClosed."
    assert within(2, lambda: _closed(mine.get)), (
        "get() did not raise QueueClosed: it gave out the item that was left."
    )


@check.probe(
    "atomic_calls_compose",
    question="Which lines must nobody come between, and where does your lock begin?",
)
def a_worker_is_faster_than_discard(NewestFirst):
    """Just before discard() of an item gets the lock, a worker takes that item."""
    mine = NewestFirst()
    mine.put("a")
    mine._changed = overtaken = _Overtaken(lambda: mine.get())
    try:
        answer = mine.discard("a")
        came = f"returned {answer!r}, and the item was gone"
    except Exception as error:
        answer = error
        came = f"raised {error!r}"
    if not overtaken.was_taken:
        return  # the probe that follows says so
    assert answer is False, (
        f"discard('a') {came}. You asked whether a is there before you had the lock; when you had "
        "it, the answer was out of date."
    )


@check.probe(question="What does the invariant say, and which lock keeps it?")
def each_method_takes_the_lock(NewestFirst):
    """Each method is called once, with a lock that notes whether it was taken."""
    calls = {
        "put": lambda mine: mine.put("b"),
        "get": lambda mine: mine.get(),
        "discard": lambda mine: mine.discard("a"),
        "close": lambda mine: mine.close(),
    }
    for name, call in calls.items():
        mine = NewestFirst()
        mine.put("a")
        mine._changed = lock = _Overtaken(lambda: None)
        call(mine)
        assert lock.was_taken, f"{name}() did not take the lock of `_changed`."


@check.probe(
    "atomic_calls_compose",
    question="Which lines must nobody come between, and where does your lock begin?",
)
def the_end_is_faster_than_put(NewestFirst):
    """Just before put() gets the lock, somebody closes the queue."""
    mine = NewestFirst()
    mine._changed = _Overtaken(lambda: mine.close())
    assert _closed(lambda: mine.put("a")), (
        "put() put the item into a closed queue: nobody will ever take it. You asked whether it is "
        "closed before you had the lock; when you had it, the answer was out of date."
    )


@check.probe()
def the_real_system_runs_on_it(NewestFirst):
    """Fourteen files are indexed by TaskQueue(pending=NewestFirst()) and one worker."""

    def run():
        with TaskQueue(pending=NewestFirst()) as queue:
            ids = queue.submit_many([IndexFile(str(path)) for path in corpus_files()])
            with WorkerPool(1) as pool:
                pool.start_processing(queue)
        return ids, sorted(queue.registry.records(), key=lambda record: record.started or 0)

    ids, records = within(20, run)
    ends = {str(record.status) for record in records}
    assert ends == {"succeeded"}, f"The tasks ended as {ends}."
    assert [record.id for record in records] == ids[::-1], "They did not run newest first."
