"""Moves between two lines: two locks, an order for them, and nothing to see in between."""

import threading
from functools import cache

from taskqueue_edu.course.exercises.p2_transfer import given
from taskqueue_edu.lab.interleave import explore, together
from taskqueue_edu.lab.probes import Check

check = Check("move")


class Line(given.Line):
    """Has one place in all schedules: a set of lines has one order, and so has one sorted by `id`."""

    def __init__(self, number, *tasks):
        super().__init__(number, *tasks)
        # The lab numbers what it is asked about, the first one first.
        self.identities = id(self), id(self.lock)

    def __hash__(self):
        return self.number


def _lines(first, second):
    """Return two lines that hold these tasks."""
    return Line(1, *first), Line(2, *second)


@check.probe(question="In which line is the task before, and in which after; what is returned?")
def one_after_the_other(move):
    """One thread moves a task there and back, then one that is in neither line, then the first."""

    def scenario():
        one, two = _lines("a", "")
        told = [move("a", one, two), move("a", two, one), move("b", one, two)]
        assert told == [True, True, False], f"three moves, the last of what is not there: {told}"
        assert (one.tasks, two.tasks) == (["a"], []), (
            f"then the lines hold {one.tasks}, {two.tasks}"
        )
        told = [move("b", two, one), move("a", one, two)]
        assert told == [False, True], f"two moves, the first of what is not there: {told}"
        assert (one.tasks, two.tasks) == ([], ["a"]), (
            f"then the lines hold {one.tasks}, {two.tasks}"
        )

    return explore(scenario)


@check.probe(question="Which task is to go, where does it go, and what becomes of the others?")
def which_task(move):
    """One thread moves a task out of the middle of a line, then one that stands there twice."""

    def scenario():
        one, two = _lines("abcb", "d")
        for task, left, arrived in (("c", "abb", "cd"), ("b", "ab", "bcd")):
            move(task, one, two)
            assert (sorted(one.tasks), sorted(two.tasks)) == (list(left), list(arrived)), (
                f"{task} was moved, and the lines hold {one.tasks}, {two.tasks}: expected, in any "
                f"order, {list(left)} and {list(arrived)}"
            )

    return explore(scenario)


@check.probe(
    "lock_is_reentrant",
    kinds=["deadlock"],
    question="How many locks are there, and how often do you take each?",
)
def from_a_line_to_itself(move):
    """One thread moves a task from a line to that same line."""

    def scenario():
        line = Line(1, "a")
        move("a", line, line)

    verdict = explore(scenario)
    return verdict if verdict.kind == "deadlock" else None


@check.probe(question="What is to be returned if both lines are one, and what is to happen?")
def what_it_says_of_that_line(move):
    """One thread moves a task from a line to itself, then one that is not in it, then the first."""

    def scenario():
        line = Line(1, "a")
        told = [move(task, line, line) for task in "aba"]
        assert told == [True, False, True] and line.tasks == ["a"], (
            f"a, b (which is not there) and a moved to where they are: it returned {told}; the "
            f"line holds {line.tasks}"
        )

    return explore(scenario)


@cache
def _two_move(move):
    def scenario():
        one, two = _lines("a", "b")
        together(lambda: move("a", one, two), lambda: move("b", two, one))
        assert (one.tasks, two.tasks) == (["b"], ["a"]), (
            f"a was to go to the second line, b to the first; they hold {one.tasks}, {two.tasks}"
        )

    return explore(scenario)


@check.probe(
    kinds=["no progress"],
    question="Does a thread give back and try again at once, perhaps for ever (a livelock)? "
    "For which lock could it wait, holding nothing?",
)
def they_end(move):
    """One thread moves a task to the right, another moves one to the left: both come to an end."""
    verdict = _two_move(move)
    return verdict if verdict.kind == "no progress" else None


@check.probe(
    "any_lock_order",
    kinds=["deadlock"],
    question="Which lock does each of the two have when it asks for the other?",
)
def two_move_at_once(move):
    """One thread moves a task to the right while another moves one to the left."""
    verdict = _two_move(move)
    return None if verdict.kind == "assertion" else verdict


class _Watched:
    """A lock that counts how often it was taken."""

    def __init__(self):
        self._lock, self.times = threading.Lock(), 0

    def acquire(self, *args, **kwargs):
        self.times += 1
        return self._lock.acquire(*args, **kwargs)

    def release(self):
        self._lock.release()

    def __enter__(self):
        return self.acquire()

    def __exit__(self, *error):
        self.release()


def _takes_both(move):
    one, two = Line(1, "a"), Line(2)
    one.lock, two.lock = _Watched(), _Watched()
    move("a", one, two)
    return one.lock.times and two.lock.times


def _somebody_looks(move):
    def scenario():
        (one, two), seen = _lines("a", ""), []

        def look():
            # It gives up rather than wait for ever: the order of the locks is the answer's choice.
            with one.lock:
                if two.lock.acquire(timeout=1):
                    seen.extend(one.tasks + two.tasks)
                    two.lock.release()
                else:
                    seen.append("a")

        together(lambda: move("a", one, two), look)
        assert seen == ["a"], f"a was moved; whoever had both locks saw {seen} in the two lines"

    return explore(scenario)


@check.probe(
    "atomic_calls_compose",
    kinds=["assertion"],
    question="In how many lines is the task when your first lock is free again?",
)
def somebody_looks(move):
    """A thread takes both locks, and looks where the task is, while another moves it."""
    return _somebody_looks(move) if _takes_both(move) else None


@check.probe(question="Which locks does somebody take who looks at the lines, and which do you?")
def somebody_with_the_locks_looks(move):
    """A thread takes both locks and looks, while another moves the task without taking them."""
    return _somebody_looks(move)


@cache
def _lines_change(move):
    def scenario():
        one, two = _lines("b", "ac")
        together(
            lambda: (move("b", one, two), move("b", two, one)),
            lambda: (move("a", two, one), move("c", two, one)),
        )
        found = sorted(one.tasks), sorted(two.tasks)
        assert found == (["a", "b", "c"], []), f"the lines hold {found}"

    return explore(scenario)


@check.probe(
    "any_lock_order",
    kinds=["deadlock"],
    question="Can two threads find different orders, since lines change as they wait?",
)
def lines_change(move):
    """Two threads move tasks between two lines, there and back, and the lines change meanwhile."""
    verdict = _lines_change(move)
    return None if verdict.kind == "assertion" else verdict


@check.probe(
    "atomic_calls_compose",
    kinds=["assertion", "exception"],
    question="Is the task still there when you have the locks, and which line looks?",
)
def two_move_the_same(move):
    """Two threads move the same task: one of them finds it."""

    def scenario():
        one, two = _lines("a", "")
        told = []
        together(*[lambda: told.append(move("a", one, two))] * 2)
        assert sorted(told) == [False, True], f"two threads moved a, and were told {told}"
        assert (one.tasks, two.tasks) == ([], ["a"]), f"the lines hold {one.tasks}, {two.tasks}"

    return explore(scenario)


@check.probe(question="On each way through move(): from where to where do you have both locks?")
def both_have_moved(move):
    """Two threads move tasks to the right and to the left: each task is where it was moved to."""
    return _two_move(move) and _lines_change(move)


@check.probe(
    question="Which locks are taken, one by one, when move() looks, removes and appends?",
)
def somebody_changes_one(move):
    """One thread moves a task; another has the lock of one of the two lines, and adds b to it."""

    def scenario(number):
        lines, told = _lines("a", ""), []

        def add():
            with lines[number].lock:
                found = list(lines[number].tasks)
                lines[number].tasks = [*found, "b"]

        together(lambda: told.append(move("a", *lines)), add)
        found = [sorted(line.tasks) for line in lines]
        expected = [["b"], ["a"]] if number == 0 else [[], ["a", "b"]]
        assert told == [True] and found == expected, (
            f"a was moved, and b added to the {('first', 'second')[number]} line: move() returned "
            f"{told[0]}, and the lines hold {found[0]}, {found[1]}"
        )

    return explore(lambda: scenario(0)) and explore(lambda: scenario(1))


def _in_the_middle(move):
    def scenario():
        line, told = Line(1, "a"), []

        def put_last():
            with line.lock:
                line.tasks.remove("a")
                line.tasks.append("a")

        together(lambda: told.append(move("a", line, line)), put_last)
        assert told == [True], f"a is in the line whenever its lock is free; it returned {told[0]}"
        assert line.tasks == ["a"], f"the line holds {line.tasks}"

    return explore(scenario)


@check.probe(
    "lock_writers_only",
    kinds=["assertion"],
    question="Who may be in the middle of a change when you look?",
)
def it_only_looks(move):
    """A task is moved from a line to itself, without a lock, while a thread puts it last."""
    line = Line(1)
    line.lock, line.tasks = _Watched(), ("a",)  # whoever only looks can do so in a tuple
    try:
        move("a", line, line)
    except Exception:
        return None
    return None if line.lock.times else _in_the_middle(move)


@check.probe(
    question="Which lock does somebody take who changes the line, and when do you have it?"
)
def it_looks_in_time(move):
    """A task is moved from a line to itself while another thread puts it last, under the lock."""
    return _in_the_middle(move)
