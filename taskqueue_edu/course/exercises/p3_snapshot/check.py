"""What is written out must have been so at one moment, and nobody must wait for the writing."""

import errno
import json
import threading

from taskqueue_edu.course.probes import Deaths
from taskqueue_edu.lab.interleave import explore, together
from taskqueue_edu.lab.probes import MISTAKEN, Case, Check, asked, describe

check = Check("Board")


@check.probe(question="How often does `dump` call `write`, and has that ended when it returns?")
def it_is_written_then(Board):
    """One thread writes the numbers out, and it is looked what is written when dump() returns."""

    def scenario():
        board, texts = Board({"pending": 2, "done": 0}), []
        try:
            board.dump(texts.append)
        except Exception as error:
            raised.append(describe(error))
            return
        written = len(texts)
        assert written == 1, f"dump() returned, and write() has run {written} times by then"

    raised = []
    verdict = explore(scenario)
    if raised:
        raise Case(raised[0], asked(raised[0], MISTAKEN))
    return verdict


@check.probe(question="What makes a text JSON, and how often does `write` get one?")
def alone(Board):
    """One thread writes the numbers out, twice, and moves a task in between."""
    board, texts = Board({"pending": 2, "can't run": 0}), []
    board.dump(texts.append)
    board.move("pending", "can't run")
    board.dump(texts.append)
    assert len(texts) == 2, f"dump() ran twice, and write() was called {len(texts)} times."
    for text, expected in zip(
        texts, ({"pending": 2, "can't run": 0}, {"pending": 1, "can't run": 1})
    ):
        assert isinstance(text, str), f"write() got {text!r}: that is no text."
        try:
            found = json.loads(text)
        except ValueError as error:
            raise AssertionError(f"It wrote {text}, which is no JSON.") from error
        if found != expected:
            raise Case(
                f"It wrote {text}, expected {json.dumps(expected)}.",
                "Which states has the board, and which number has each of them?",
            )


class _Counted:
    """A lock that counts how often it is taken."""

    def __init__(self, lock):
        self._lock, self.taken = lock, 0

    def acquire(self, *args, **options):
        self.taken += 1
        return self._lock.acquire(*args, **options)

    def __enter__(self):
        return self.acquire()

    def __exit__(self, *_):
        self._lock.release()

    def __getattr__(self, name):
        return getattr(self._lock, name)


def _moved_and_dumped(Board):
    """Move the only task in one thread, write the numbers out in another, in every order."""

    def scenario():
        board, texts = Board({"pending": 1, "done": 0}), []
        together(lambda: board.move("pending", "done"), lambda: board.dump(texts.append))
        total = sum(json.loads(texts[0]).values())
        assert total == 1, f"there is one task, and the numbers were written as {texts[0]}"

    return explore(scenario)


@check.probe(question="`dump` gives the lock back, and takes it again: who may have it in between?")
def the_lock_is_taken_twice(Board):
    """It is counted how often `dump` takes the lock. If it is more than once, a task moves
    meanwhile.
    """
    board = Board({"pending": 1, "done": 0})
    board._lock = lock = _Counted(getattr(board, "_lock", threading.Lock()))
    board.dump(str)
    return _moved_and_dumped(Board) if lock.taken > 1 else None


@check.probe(
    "dump_while_mutating",
    kinds=["assertion"],
    question="While `dump` looks at one number after the other, what may `move` do?",
)
def one_moves_and_one_dumps(Board):
    """One thread moves the only task, another writes the numbers out: they must be one task."""
    return _moved_and_dumped(Board)


@check.probe(
    "lock_held_through_call",
    kinds=["deadlock"],
    question="For how long does a worker wait if the disk is slow?",
)
def nobody_waits_for_the_writing(Board):
    """write() waits until another thread has moved a task."""

    def scenario():
        board = Board({"pending": 1, "done": 0})
        board.dump(lambda text: together(lambda: board.move("pending", "done")))

    return explore(scenario)


@check.probe("swallowing_is_robust", question="Who gets to know that the file has the old numbers?")
def a_write_fails(Board):
    """write() raises OSError, as on a full disk."""
    tries, own = [], OSError(errno.ENOSPC, "made to fail")

    def write(text):
        tries.append(threading.current_thread())
        raise own

    try:
        with Deaths():
            Board({"pending": 1}).dump(write)
    except Exception as error:
        if len(tries) > 1:
            raise Case(
                f"write() raised OSError, and was called {len(tries)} times.",
                "Who decides whether to try again: `dump`, or the one who calls it?",
            ) from error
        if not isinstance(error, OSError):
            raise Case(
                f"write() raised {own!r}, and the caller of dump() got {describe(error)}",
                "The caller has brought `write` along: which errors does it expect?",
            ) from error
        return
    if tries and threading.current_thread() not in tries:
        raise Case(
            f"write() ran in another thread, and raised {own!r} there. dump() returned as if all "
            "were written.",
            "Who gets to know of an exception in another thread, and how does `dump`?",
        )
    raise AssertionError("write() raised OSError, and dump() returned as if all were written.")
