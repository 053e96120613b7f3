"""A pending queue: its order, waiting, closing, and what threads do to each other in it."""

import threading
import time
from contextlib import suppress
from dataclasses import replace
from unittest import mock

from taskqueue_edu import QueueClosed, TaskQueue, WorkerPool
from taskqueue_edu.course.probes import together as at_once
from taskqueue_edu.course.probes import within
from taskqueue_edu.lab.interleave import explore, together
from taskqueue_edu.lab.probes import Case, Check
from taskqueue_edu.workloads import IndexFile, corpus_files

check = Check("NewestFirst")

ASLEEP = "lost wakeup", "deadlock"
HANGS = "What is that get() waiting for: which call was to wake it, or to leave an item for it?"
LIMITS = 10000
"""How many time limits of a thread's sleeps are over at once."""
EQUAL = {
    "1": "What does discard() compare, and does that tell 1 from '1'?",
    0: "Which line of discard() takes 0 for nothing?",
    1: "What does discard() compare, and does it find each item that is there?",
    3: "What does discard() compare, and does it find each item that is there?",
    5: "Where else does your queue keep an item, besides the place that get() takes it from?",
}
"""What to ask if discard() gives the wrong answer for an item."""
ENDED = {
    "returned 'x'": "What does get() ask first after its wait: is it the end, or is something there?",
    "raised QueueClosed": "What does the end mean for discard(), which adds nothing and waits for "
    "nothing?",
}
"""What to ask of that which a call does after the end."""
BETWEEN = "Which lines must nobody come between, and where does your lock begin and end?"


def _outcome(call):
    """Say what a call did, in a few words."""
    try:
        value = call()
    except QueueClosed:
        return "raised QueueClosed"
    except Exception as error:
        return f"raised {error!r}"
    return f"returned {value!r}"


def _tells_the_end(call):
    """Tell whether a call raises QueueClosed."""
    return _outcome(call) == "raised QueueClosed"


def _taken(mine, number, before):
    """Return what so many calls of get() give, when at least so many items should be there.

    Raise a Case if one does not end: `before` says what was done before.
    """
    out = []

    def take():
        for _ in range(number):
            out.append(mine.get())

    try:
        (error,) = at_once(take, seconds=2)
    except AssertionError as hangs:
        gave = f"gave {', '.join(map(repr, out))}; called again, it" if out else "was called: it"
        happened = [f"{before}. Then get() {gave} did not end within 2 s."]
        happened += str(hangs).splitlines()[1:]  # where it stands
        raise Case("\n".join(happened), HANGS) from None
    if error is not None:
        raise error
    return out


@check.probe(
    "notify_is_remembered",
    kinds=ASLEEP,
    question="What must get() look at before it goes to sleep?",
)
def an_item_is_there_already(NewestFirst):
    """An item is put while nobody waits; only then is get() called."""

    def scenario():
        mine = NewestFirst()
        mine.put("a")
        mine.get()

    def woken():
        mine = NewestFirst()
        mine.put("a")
        thread = threading.Thread(target=mine.get)
        thread.start()
        time.sleep(1)  # until it sleeps
        with mine._changed:
            mine._changed.notify_all()
        thread.join()

    found = explore(scenario)
    if "holds" in found.message:  # it does not sleep: it waits for a lock that was kept
        return found
    if found.kind in ASLEEP and explore(woken, bound=0).kind in ASLEEP:
        raise Case(
            f"An item was put, then get() was called: {found.message}. A notify_all() did not end "
            "that.",
            "What must be so that get() goes on, and is it so when there is an item?",
        )
    return found


@check.probe(
    kinds=ASLEEP,
    question="What does get() ask before it sleeps, and what is the answer if 0 is all there is?",
)
def zero_is_an_item(NewestFirst):
    """0 is put, alone, and get() is called."""

    def scenario():
        mine = NewestFirst()
        mine.put(0)
        mine.get()

    return explore(scenario)


@check.probe(question="Where does put() add an item, which does get() take, and what decides that?")
def the_newest_comes_first(NewestFirst):
    """a, b, c and 0 are put, two of them with a priority and a due time, and four are taken."""

    mine = NewestFirst()

    def put():
        mine.put("a", priority=5)
        mine.put("b")
        mine.put("c", due=2e9)
        mine.put(0)

    within(2, put)
    out = _taken(mine, 4, "a, b, c (with a due time) and 0 were put")
    if out == [None] * 4:
        raise Case("get() returned None.", "Does each way through get() end with `return`?")
    if len(set(out)) == 1:
        raise Case(
            f"Four items were put, and each of four calls of get() gave {out[0]!r}.",
            "What does get() do to the list, besides reading it?",
        )
    wanted = [0, "c", "b", "a"]
    happened = f"{', '.join(map(repr, out))} came out, expected {', '.join(map(repr, wanted))}."
    if [*map(str, out)] == [*map(str, wanted)] and out != wanted:
        raise Case(happened, "Which object does your queue keep: the item, or one made of it?")
    assert out == wanted, happened


@check.probe(question="Which line of that call gives the lock back, whichever way it ends?")
def each_call_gives_the_lock_back(NewestFirst):
    """put(), discard() or get() is called, before or after the end; then another thread comes."""
    calls = {
        "put('b')": lambda mine: mine.put("b"),
        "get()": lambda mine: mine.get(),
        "discard('a')": lambda mine: mine.discard("a"),
        "discard('z')": lambda mine: mine.discard("z"),
    }
    for name, call in calls.items():
        for ends in (False, True):

            def scenario(call=call, ends=ends):
                mine = NewestFirst()
                mine.put("a")
                if ends:
                    mine.close()
                _outcome(lambda: call(mine))
                together(lambda: _outcome(lambda: mine.discard("y")))

            found = explore(scenario, bound=0)
            if found.ok is False:
                before = f"a was put{', the queue was closed' * ends}, and {name} was called"
                return replace(found, message=f"{found.message}; before that, {before}")
    return None


@check.probe(question="What does discard() return in each of its two cases, and what is equal?")
def an_item_is_discarded(NewestFirst):
    """a and b are put, a text equal to a is discarded twice, b is taken; 0 and 1 are discarded."""
    mine = NewestFirst()
    within(2, lambda: [mine.put(item) for item in ("task-1", "task-2")])
    equal = "-".join(["task", "1"])  # another object, as an id that was read from a file
    answers = within(2, lambda: [_outcome(lambda: mine.discard(equal)) for _ in range(2)])
    first, second = answers
    if first.startswith("raised"):
        raise Case(
            f"'task-1' was there, and discard('task-1') {first}.",
            "Which line of discard() raises that, and what does it take: an item, or its place?",
        )
    assert (first, second) == ("returned True", "returned False"), (
        f"'task-1' was there once. discard() with an equal text, another object, {first}; called "
        f"again it {second}. Expected True, then False."
    )
    (out,) = _taken(mine, 1, "'task-1' and 'task-2' were put, and 'task-1' was discarded")
    assert out == "task-2", f"Then get() gave {out!r}, expected 'task-2'."
    for gone in ("task-1", "task-2"):  # the one was discarded, the other taken
        last = within(2, lambda gone=gone: _outcome(lambda: mine.discard(gone)))
        assert last == "returned False", (
            f"With nothing left, discard({gone!r}) {last}, expected False."
        )
    for item in (0, 1):
        mine.put(item)
        found = within(2, lambda item=item: _outcome(lambda: mine.discard(item)))
        if found != "returned True":
            raise Case(
                f"{item} was put, and then discard({item}) {found}, expected True.",
                "What does discard() make of a 0: which of its lines takes it for nothing?"
                if item == 0
                else "What is still in the queue at that line, and which item does it look at?",
            )


@check.probe(question="Where is the list made, and how often?")
def each_has_its_own_items(NewestFirst):
    """Two queues are made, and an item is put into one of them."""
    one, other = NewestFirst(), NewestFirst()
    within(2, lambda: one.put("a"))
    answer = within(2, lambda: other.discard("a"))
    assert not answer, "a was put into one queue, and discard('a') of the other found it."


@check.probe(question="Which item does discard() take away, and how do the others lie after it?")
def the_others_stay_in_order(NewestFirst):
    """Up to seven items are put, one of them is discarded, each in turn, and all others are taken."""
    for number in range(1, 8):
        items = [3, 0, 5, 1, 4, 2, 6][:number]
        for gone in items:
            mine = NewestFirst()
            within(2, lambda mine=mine, items=items: [mine.put(item) for item in items])
            within(2, lambda mine=mine, gone=gone: mine.discard(gone))
            before = f"Put: {', '.join(map(str, items))}; discarded: {gone}"
            wanted = [item for item in reversed(items) if item != gone]
            out = _taken(mine, number - 1, before)
            assert out == wanted, f"{before}. Then {out} came out, expected {wanted}."


@check.probe(question="How many items does your queue hold, and what becomes of the next one?")
def it_keeps_them_all(NewestFirst):
    """6,000 items are put, and the first of them is discarded."""
    mine = NewestFirst()
    within(10, lambda: [mine.put(item) for item in range(6000)])
    answer = within(10, lambda: mine.discard(0))
    assert answer, f"0 to 5999 were put and none was taken. discard(0), the first, gave {answer}."


@check.probe(question="What does put() of an item find of an earlier discard() of the same one?")
def what_was_discarded_may_come_again(NewestFirst):
    """3, 0, 5, 1, 4, 2 are put, 5 is discarded and put again, and three are taken."""
    mine = NewestFirst()

    def run():
        for item in (3, 0, 5, 1, 4, 2):
            mine.put(item)
        mine.discard(5)
        mine.put(5)

    within(2, run)
    out = _taken(mine, 3, "3, 0, 5, 1, 4 and 2 were put, and 5 was discarded and put again")
    happened = f"{out} came out, expected [5, 2, 4]: the newest first, 5 once."
    if out != [5, 2, 4] and sorted(map(str, out)) == ["2", "4", "5"]:
        raise Case(happened, "By what are the items ordered, and what is that after a discard()?")
    assert out == [5, 2, 4], happened
    for item, there in (("1", False), (1, True), (5, False), (3, True), (0, True)):
        found = within(2, lambda item=item: mine.discard(item))
        if found != there:
            happened = (
                f"5, 2 and 4 were taken. Then discard({item!r}) returned {found}, expected {there}."
            )
            raise Case(happened, EQUAL[item])


def _woken(mine, wake, when, by):
    """Wake a thread that sleeps in get(). Return what it got or raised, whether it slept until
    then, and whether it had ended before.

    The time limits of its first sleeps, if they have any, are over at once; later ones never are.
    """
    began, over, getters, limits, steps = threading.Event(), threading.Event(), [], [], []
    sleeps = []  # of each without a limit: in which condition; None once it is over
    real, real_for = threading.Condition.wait, threading.Condition.wait_for

    def is_over(timeout):
        if timeout is not None:
            limits.append(timeout)
        return timeout is not None and len(limits) <= LIMITS

    def wait(condition, timeout=None):
        if threading.get_ident() not in getters:
            return real(condition, timeout)
        if is_over(timeout):
            return False
        began.set()
        sleeps.append(condition)
        real(condition)
        sleeps[-1] = None
        return True

    def wait_for(condition, predicate, timeout=None):
        if threading.get_ident() not in getters:
            return real_for(condition, predicate, timeout)
        result = predicate()
        return result if result or is_over(timeout) else real_for(condition, predicate)

    def get():
        getters.append(threading.get_ident())
        try:
            return mine.get()
        finally:
            over.set()
            began.set()

    def wake_it():
        seen = 0
        while not began.wait(1) and len(limits) > seen:
            seen = len(limits)
        early = over.is_set()
        slept = began.is_set() and not early
        steps.append(f"{by} began")
        try:
            wake()
        finally:
            steps.append(f"{by} ended")
        return slept, early

    with mock.patch.multiple(threading.Condition, wait=wait, wait_for=wait_for):
        try:
            got, woke = at_once(get, wake_it, seconds=4, when=when)
        except AssertionError as hangs:
            if steps == [f"{by} began"]:
                raise Case(
                    f"A thread called get(). Then another called {by}, which did not end in time.",
                    "Who has the lock of `_changed` from the call of get() on, and when is it free?",
                ) from None
            ended = not limits and steps[-1:] == [f"{by} ended"]
            # It sleeps in its first wait, and not because somebody kept the lock.
            if ended and len(sleeps) == 1 and sleeps[0] and sleeps[0].acquire(blocking=False):
                raise Case(
                    str(hangs), f"Which line of {by} wakes a thread that sleeps in get()?"
                ) from None
            if not limits:
                raise
            raise Case(
                f"get() waits with a time limit of {limits[0]:g} s. {when}, and that did not wake "
                "it: it would sleep until the time is over.",
                f"Which line of {by} wakes a thread that sleeps in get()?",
            ) from None
    if isinstance(woke, Exception):
        raise woke
    slept, early = woke
    if limits and early:
        did = f"raised {got!r}" if isinstance(got, Exception) else f"returned {got!r}"
        if isinstance(got, RecursionError):
            raise Case(
                f"get() waited {len(limits)} times with a time limit of {limits[0]:g} s. When all "
                "were over it raised RecursionError, and nobody had put an item.",
                "What does Python keep of a call that has not returned, and how many are there?",
            )
        raise Case(
            f"get() waited with a time limit of {limits[0]:g} s. When that was over it {did}, and "
            "nobody had put an item or closed the queue.",
            "What does a wait return when its time is over, and how long may get() wait?",
        )
    return got, slept, early


def _stands_still(NewestFirst):
    """Tell whether a thread that gets from an empty queue does nothing, by whatever means."""

    def scenario():
        together(NewestFirst().get)

    return explore(scenario, limits=False).kind != "no progress"


@check.probe(question="What does get() do while nothing is there, and who ends that?")
def get_sleeps_until_something_is_put(NewestFirst):
    """A thread waits in get() on an empty queue, then an item is put."""
    mine = NewestFirst()
    got, slept, early = _woken(mine, lambda: mine.put("late"), "An item was put", "put()")
    if isinstance(got, Exception):
        raise got
    assert not early, (
        f"get() returned {got!r} from an empty queue, before anything was put."
    )
    assert slept or _stands_still(NewestFirst), (
        "While nothing is there, get() looks on and on. It must sleep until another method wakes it: "
        "a pause between two looks is no such sleep."
    )
    assert got == "late", f"It got {got!r}, expected 'late'."


@check.probe(question="What does that call find after the end, and is it an error?")
def nothing_after_the_end(NewestFirst):
    """An item is put and the queue closed; then put(), get(), discard(), close() are called twice."""
    odd = []

    def scenario():
        mine = NewestFirst()
        mine.put("x")
        for _ in range(2):
            mine.close()
            for name, call, wanted in (
                ("put('y')", lambda: mine.put("y"), "raised QueueClosed"),
                ("get()", mine.get, "raised QueueClosed"),
                ("discard('y')", lambda: mine.discard("y"), "returned False"),
            ):
                did = _outcome(call)
                if did != wanted:
                    odd.append((name, did, wanted))
            did = _outcome(mine.close)
            if did.startswith("raised"):
                odd.append(("close()", did, "done nothing"))

    found = explore(scenario)
    if not odd:
        return found
    name, did, wanted = odd[0]
    call = name.partition("(")[0]
    tells = f"Which line makes `_closed` true, and by what does a caller of {call}() learn of it?"
    if call == "discard":
        tells = "What does discard() look for, and what does it say if that is not there?"
        if did.startswith(("raised TypeError", "raised AttributeError")):
            tells = "What is left after close(), and which line of discard() expects something else?"
    if call == "close":
        asks = "What is left for close() to do when the queue is closed already? Is that an error?"
    else:
        asks = ENDED.get(did, tells)
    happened = f"x was put, then the queue was closed. {name} {did}: it should have {wanted}."
    raise Case(happened, asks)


@check.probe("atomic_calls_compose", kinds=["exception", "assertion"], question=BETWEEN)
def two_get_what_is_there(NewestFirst):
    """One item is there, two threads get, and a third puts another, in every order."""

    def scenario():
        mine, got = NewestFirst(), []
        mine.put("a")
        together(*[lambda: got.append(mine.get())] * 2, lambda: mine.put("b"))
        assert sorted(map(str, got)) == ["a", "b"], f"a and b were put; {got} came out"

    return explore(scenario)


def _two_get_what_is_put(NewestFirst):
    """Return a scenario: two threads get from an empty queue, and one puts two items."""

    def scenario():
        mine, got = NewestFirst(), []

        def put_two():
            mine.put("a")
            mine.put("b")

        together(put_two, *[lambda: got.append(mine.get())] * 2)
        assert sorted(map(str, got)) == ["a", "b"], f"a and b were put; {got} came out"

    return scenario


@check.probe(
    "if_around_wait",
    kinds=["exception", "assertion"],
    question="What is certain after wait() has returned?",
)
def two_wait_for_two_items(NewestFirst):
    """Two threads get from an empty queue, and one puts two items, in every order."""
    return explore(_two_get_what_is_put(NewestFirst))


def _all_leave(NewestFirst, number):
    """Return a scenario: so many threads get from an empty queue, and one closes it."""

    def scenario():
        mine, ended = NewestFirst(), []
        together(*[lambda: ended.append(_tells_the_end(mine.get))] * number, mine.close)
        assert all(ended), "get() did not raise QueueClosed, though nothing was put"

    return scenario


@check.probe(
    kinds=ASLEEP,
    question="How many threads does the end concern, and what do they see when they wake?",
)
def everybody_leaves_at_the_end(NewestFirst):
    """Two threads get from an empty queue, and one closes it, in every order."""
    return explore(_all_leave(NewestFirst, 2))


@check.probe(
    kinds=ASLEEP,
    question="Which call was to wake that thread, before any time limit, and what became of that?",
)
def nothing_depends_on_a_time_limit(NewestFirst):
    """Two threads get; two items are put, or the queue is closed. No time limit ends a wait."""
    found = explore(_two_get_what_is_put(NewestFirst), limits=False)
    return explore(_all_leave(NewestFirst, 2), limits=False) if found.ok else found


@check.probe(
    kinds=ASLEEP,
    question="How many threads may wait when the queue is closed, and how many does close() wake?",
)
def twelve_leave_at_the_end(NewestFirst):
    """Twelve threads get from an empty queue, and one closes it. No time limit ends a wait."""
    found = explore(_all_leave(NewestFirst, 12), bound=0, budget=50, limits=False)
    if found.kind in ASLEEP:  # its timeline would have thirteen columns
        raise Case(
            "Twelve threads called get(), the queue was closed, and some of them never left get(): "
            "not as long as no time limit ends.",
            "How many threads may wait when the queue is closed, and how many does close() wake?",
        )
    return found


@check.probe()
def the_end_wakes_who_sleeps(NewestFirst):
    """A thread waits in get() on an empty queue, and the queue is closed."""
    mine = NewestFirst()
    _woken(mine, mine.close, "The queue was closed", "close()")


@check.probe(
    kinds=ASLEEP,
    question="Who may still sleep when the queue is closed, and which line wakes those threads?",
)
def the_end_comes_right_after_an_item(NewestFirst):
    """Two threads get; one puts an item and closes the queue. No time limit ends a wait."""

    def scenario():
        mine, ended = NewestFirst(), []

        def put_and_close():
            mine.put("a")
            mine.close()

        together(put_and_close, *[lambda: ended.append(_outcome(mine.get))] * 2)
        assert sorted(ended) in (
            ["raised QueueClosed", "raised QueueClosed"],
            ["raised QueueClosed", "returned 'a'"],
        ), f"a was put and the queue closed; one get() {ended[0]}, the other {ended[1]}"

    return explore(scenario, limits=False)


@check.probe(
    question="How does get() know that something is there, and what of that does discard() change?"
)
def what_was_discarded_is_not_waited_for(NewestFirst):
    """a is put and discarded; then one thread gets, and another puts b, in every order."""

    def scenario():
        mine, got = NewestFirst(), []
        mine.put("a")
        mine.discard("a")
        together(lambda: got.append(mine.get()), lambda: mine.put("b"))
        assert got == ["b"], f"a was put and discarded, then b was put; get() returned {got[0]!r}"

    return explore(scenario)


@check.probe("atomic_calls_compose", kinds=["exception", "assertion"], question=BETWEEN)
def two_discard_one_item(NewestFirst):
    """Two threads discard the one item that is there, in every order."""

    def scenario():
        mine, answers = NewestFirst(), []
        mine.put("a")
        together(*[lambda: answers.append(mine.discard("a"))] * 2)
        assert sorted(map(str, answers)) == ["False", "True"], (
            f"a was there once; discard() returned {answers}"
        )

    return explore(scenario)


@check.probe("atomic_calls_compose", kinds=["exception", "assertion"], question=BETWEEN)
def the_end_is_faster_than_put(NewestFirst):
    """One thread puts a. Another closes the queue and takes a out; then nothing may be in it."""

    def scenario():
        mine = NewestFirst()

        def put():
            with suppress(QueueClosed):
                mine.put("a")

        def close_and_clear():
            mine.close()
            mine.discard("a")

        together(put, close_and_clear)
        assert not mine.discard("a"), (
            "a came into a queue that was closed, and out of which it had been taken: nobody will "
            "take it"
        )

    return explore(scenario)


@check.probe()
def each_method_takes_the_lock(NewestFirst):
    """Each method is called while another thread has the lock of `_changed`."""
    calls = {
        "put": lambda mine: mine.put("b"),
        "get": lambda mine: mine.get(),
        "discard": lambda mine: mine.discard("a"),
        "close": lambda mine: mine.close(),
    }
    went_on = []

    def scenario():
        went_on.clear()
        for name, call in calls.items():
            mine = NewestFirst()
            mine.put("a")
            thread = threading.Thread(target=call, args=(mine,))
            with mine._changed:
                thread.start()
                time.sleep(1)  # until all that can go on has gone on
                waits = thread.is_alive()
            thread.join()
            if not waits:
                went_on.append(f"{name}()")

    found = explore(scenario, bound=0)
    if went_on:  # a timeline would be one of the check's own lines
        raise Case(
            f"Another thread had the lock of `_changed`, and {' and '.join(went_on)} went on.",
            "Which lock do the four methods share, and what does it keep true?",
        )
    return found


@check.probe(
    kinds=["exception", "assertion"],
    question="Which lines must nobody come between, and by what does get() know the newest item?",
)
def put_and_discard_at_once(NewestFirst):
    """x is there. One thread puts a. Another puts b, discards a, if it is there, and then x."""

    def scenario():
        mine, found = NewestFirst(), []
        mine.put("x")

        def put_and_discard():
            mine.put("b")
            found.extend([mine.discard("a"), mine.discard("x")])

        together(lambda: mine.put("a"), put_and_discard)
        newest, left = mine.get(), [item for item in "bax" if mine.discard(item)]
        wanted = ("b", []) if found[0] else ("a", ["b"])
        assert found[1] and (newest, left) == wanted, (
            f"discard('a') and then discard('x') returned {found}; in the end get() gave "
            f"{newest!r}, and {left} was left, expected {wanted[0]!r} and {wanted[1]}"
        )

    return explore(scenario)


@check.probe(kinds=["exception", "assertion"], question=BETWEEN)
def the_end_is_faster_than_get(NewestFirst):
    """One thread gets the item that is there, another closes the queue and discards the item."""
    mine = NewestFirst()
    within(2, lambda: (mine.put("a"), mine.close()))
    if not within(2, lambda: mine.discard("a")):
        return None  # it keeps nothing after its end, and may do so

    def scenario():
        mine, had = NewestFirst(), {}
        mine.put("a")

        def close_and_clear():
            mine.close()
            had["discard()"] = _outcome(lambda: mine.discard("a"))

        together(lambda: had.update({"get()": _outcome(mine.get)}), close_and_clear)
        assert sorted(had.items()) in (
            [("discard()", "returned False"), ("get()", "returned 'a'")],
            [("discard()", "returned True"), ("get()", "raised QueueClosed")],
        ), "a was there once: " + ", and ".join(f"{name} {did}" for name, did in had.items())

    return explore(scenario)


@check.probe(
    kinds=["exception", "assertion"],
    question="How does get() know that an item is there, and who may take it before get() does?",
)
def get_and_discard_at_once(NewestFirst):
    """a is there. One thread gets; another discards a and puts b, in every order."""

    def scenario():
        mine, got, found = NewestFirst(), [], []
        mine.put("a")

        def discard_and_put():
            found.append(mine.discard("a"))
            mine.put("b")

        together(lambda: got.append(mine.get()), discard_and_put)
        left = mine.discard("b")
        assert (got[0], found[0], left) in (("a", False, True), ("b", True, False)), (
            f"discard('a') returned {found[0]} and get() {got[0]!r}; then discard('b') returned "
            f"{left}"
        )

    return explore(scenario)


@check.probe(
    kinds=[*ASLEEP, "exception", "assertion"],
    question="What does get() know from before it slept: a list, a number? Is that so when it wakes?",
)
def the_queue_changes_while_get_sleeps(NewestFirst):
    """One thread gets; another discards a, puts a, discards a, puts b. No time limit ends a wait."""

    def scenario():
        mine, got, found = NewestFirst(), [], []

        def change():
            mine.discard("a")
            mine.put("a")
            found.append(mine.discard("a"))
            mine.put("b")

        together(lambda: got.append(mine.get()), change)
        left = [item for item in "ab" if mine.discard(item)]
        assert (got[0], found[0], left) in (("a", False, ["b"]), ("b", True, [])), (
            f"a was put, discard('a') returned {found[0]}, b was put; get() returned {got[0]!r}, "
            f"and {left} was left"
        )

    return explore(scenario, limits=False)


@check.probe(
    kinds=[*ASLEEP, "exception", "assertion"],
    question="How often may get() be woken for nothing, and what does it do after the last time?",
)
def get_is_woken_for_nothing(NewestFirst):
    """One thread gets. Six times another puts an item and discards it; then one is put that stays."""

    def scenario():
        mine, got = NewestFirst(), []

        def put_and_discard(item):
            mine.put(item)
            mine.discard(item)

        def feed():
            for item in range(6):
                thread = threading.Thread(target=put_and_discard, args=(item,))
                thread.start()
                thread.join()  # here get() may go on, without a switch in the midst of anything
            mine.put("last")

        together(lambda: got.append(mine.get()), feed)
        assert got == ["last"], (
            f"0 to 5 were put and discarded, then 'last' was put; get() returned {got[0]!r}"
        )

    return explore(scenario, bound=0, limits=False)


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
