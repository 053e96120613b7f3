"""A pending queue: its order, waiting, closing, and what threads do to each other in it."""

import threading
import time
from unittest import mock

from taskqueue_edu import QueueClosed, TaskQueue, WorkerPool
from taskqueue_edu.course.probes import together as at_once
from taskqueue_edu.course.probes import within
from taskqueue_edu.lab.interleave import explore, together
from taskqueue_edu.lab.probes import Check
from taskqueue_edu.workloads import IndexFile, corpus_files

check = Check("NewestFirst")

BETWEEN = "Which lines must nobody come between, and where does your lock begin and end?"


def _closed(call):
    """Tell whether a call raises QueueClosed."""
    try:
        call()
    except QueueClosed:
        return True
    return False


@check.probe(
    "notify_is_remembered",
    kinds=["lost wakeup", "deadlock"],
    question="What must get() look at before it goes to sleep?",
)
def an_item_is_there_already(NewestFirst):
    """An item is put while nobody waits; only then is get() called."""

    def scenario():
        mine = NewestFirst()
        mine.put("a")
        mine.get()

    return explore(scenario)


@check.probe(question="At which end of `_items` does put() add, and get() take?")
def the_newest_comes_first(NewestFirst):
    """a, b, c and 0 are put, two of them with a priority and a due time, and four are taken."""

    def run():
        mine = NewestFirst()
        mine.put("a", priority=5)
        mine.put("b")
        mine.put("c", due=2e9)
        mine.put(0)
        return [mine.get() for _ in range(4)]

    out = within(2, run)
    assert out == [0, "c", "b", "a"], f"{', '.join(map(str, out))} came out, expected 0, c, b, a."


@check.probe(question="Where is the list made, and how often?")
def each_has_its_own_items(NewestFirst):
    """Two queues are made, and an item is put into one of them."""
    one, other = NewestFirst(), NewestFirst()
    within(2, lambda: one.put("a"))
    answer = within(2, lambda: other.discard("a"))
    assert not answer, "a was put into one queue, and discard('a') found it in the other."


@check.probe(question="What does discard() return in each of its two cases, and what is equal?")
def an_item_is_discarded(NewestFirst):
    """a and b are put, a text equal to a is discarded twice, and one is taken."""
    mine = NewestFirst()
    within(2, lambda: [mine.put(item) for item in ("task-1", "task-2")])
    equal = "-".join(["task", "1"])  # another object, as an id that was read from a file
    answers = within(2, lambda: (mine.discard(equal), mine.discard(equal)))
    assert answers == (True, False), (
        f"'task-1' was there once. Two calls of discard() with an equal text, another object, "
        f"returned {answers}, expected (True, False)."
    )
    out = within(2, mine.get)
    assert out == "task-2", f"Then get() gave {out!r}, expected 'task-2'."


@check.probe(question="What does get() do while nothing is there, and who ends that?")
def get_sleeps_until_something_is_put(NewestFirst):
    """A thread waits in get() on an empty queue, then an item is put."""
    mine, began, over = NewestFirst(), threading.Event(), threading.Event()
    getters, real = [], threading.Condition.wait

    def wait(condition, timeout=None):
        if threading.get_ident() in getters:
            began.set()
        return real(condition, timeout)

    def get():
        getters.append(threading.get_ident())
        try:
            return mine.get()
        finally:
            over.set()
            began.set()

    def put_it():
        slept = began.wait(2) and not over.is_set()
        mine.put("late")
        return slept

    with mock.patch.object(threading.Condition, "wait", wait):
        got, slept = at_once(get, put_it, seconds=4, when="An item was put")
    for problem in (slept, got):
        if isinstance(problem, Exception):
            raise problem
    assert slept or not over.is_set() or got == "late", (
        f"get() returned {got!r} from an empty queue, before anything was put."
    )
    assert slept, "get() did not call wait(): it must sleep, not look on and on."
    assert got == "late", f"It got {got!r}, expected 'late'."


@check.probe(kinds=["assertion"], question="What do put() and get() ask first?")
def nothing_after_the_end(NewestFirst):
    """An item is put, the queue is closed, and put() and get() are called, twice."""

    def scenario():
        mine = NewestFirst()
        mine.put("x")
        mine.close()
        for _ in range(2):
            assert _closed(lambda: mine.put("y")), "put() did not raise QueueClosed"
            assert _closed(mine.get), (
                "get() did not raise QueueClosed: it gave out the item that was left"
            )

    return explore(scenario)


@check.probe("atomic_calls_compose", kinds=["exception", "assertion"], question=BETWEEN)
def two_get_what_is_there(NewestFirst):
    """One item is there, two threads get, and a third puts another, in every order."""

    def scenario():
        mine, got = NewestFirst(), []
        mine.put("a")
        together(*[lambda: got.append(mine.get())] * 2, lambda: mine.put("b"))
        assert sorted(map(str, got)) == ["a", "b"], f"a and b were put; {got} came out"

    return explore(scenario)


@check.probe(
    "if_around_wait",
    kinds=["exception", "assertion"],
    question="What is certain after wait() has returned?",
)
def two_wait_for_two_items(NewestFirst):
    """Two threads get from an empty queue, and one puts two items, in every order."""

    def scenario():
        mine, got = NewestFirst(), []

        def put_two():
            mine.put("a")
            mine.put("b")

        together(put_two, *[lambda: got.append(mine.get())] * 2)
        assert sorted(map(str, got)) == ["a", "b"], f"a and b were put; {got} came out"

    return explore(scenario)


@check.probe(
    kinds=["lost wakeup", "deadlock"],
    question="How many threads does the end concern, and what do they see when they wake?",
)
def everybody_leaves_at_the_end(NewestFirst):
    """Two threads get from an empty queue, and one closes it, in every order."""

    def scenario():
        mine, ended = NewestFirst(), []
        together(*[lambda: ended.append(_closed(mine.get))] * 2, mine.close)
        assert ended == [True, True], "get() did not raise QueueClosed, though nothing was put"

    return explore(scenario)


@check.probe("atomic_calls_compose", kinds=["exception", "assertion"], question=BETWEEN)
def two_discard_one_item(NewestFirst):
    """Two threads discard the one item that is there, in every order."""

    def scenario():
        mine, answers = NewestFirst(), []
        mine.put("a")
        together(*[lambda: answers.append(mine.discard("a"))] * 2)
        assert sorted(answers) == [False, True], f"a was there once; discard() returned {answers}"

    return explore(scenario)


@check.probe("atomic_calls_compose", kinds=["exception", "assertion"], question=BETWEEN)
def the_end_is_faster_than_put(NewestFirst):
    """One thread puts a. Another closes the queue, and then looks whether a is in it."""

    def scenario():
        mine, refused, was_there = NewestFirst(), [], []

        def close_and_look():
            mine.close()
            was_there.append(mine.discard("a"))

        together(lambda: refused.append(_closed(lambda: mine.put("a"))), close_and_look)
        assert refused[0] or was_there[0], "put() put a into a closed queue: nobody will take it"

    return explore(scenario)


@check.probe(question="What does the invariant say, and which lock keeps it?")
def each_method_takes_the_lock(NewestFirst):
    """Each method is called while another thread has the lock of `_changed`."""
    calls = {
        "put": lambda mine: mine.put("b"),
        "get": lambda mine: mine.get(),
        "discard": lambda mine: mine.discard("a"),
        "close": lambda mine: mine.close(),
    }

    def scenario():
        for name, call in calls.items():
            mine = NewestFirst()
            mine.put("a")
            thread = threading.Thread(target=call, args=(mine,))
            with mine._changed:
                thread.start()
                time.sleep(1)  # until all that can go on has gone on
                waits = thread.is_alive()
            thread.join()
            assert waits, f"{name}() went on though another thread had the lock of `_changed`"

    return explore(scenario, bound=0)


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
