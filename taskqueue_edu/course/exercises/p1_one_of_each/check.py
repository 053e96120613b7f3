"""All who ask for a path get the same object, whoever else asks at that moment."""

import inspect
import threading
import time
from dataclasses import replace
from types import FunctionType
from unittest import mock

from taskqueue_edu.course.probes import within
from taskqueue_edu.lab.interleave import explore, together
from taskqueue_edu.lab.probes import Case, Check, describe

check = Check("Files")


@check.probe(question="When is a SourceFile made, when is one found, and is the lock free then?")
def one_after_the_other(Files):
    """One thread asks for seven paths and for each once more, by an equal text; then another asks."""
    odd, mixed, nothing, missing = [], [], [], []

    def ask(files, name, which):
        try:
            return files.get(f"{name}.py")
        except KeyError as error:
            missing[:] = [f"get('{name}.py'), called for the {which} time, raised {describe(error)}"]
            raise

    def scenario():
        files, names = Files(), [*"abcdA", "x/a", "y/a"]
        first = [ask(files, name, "first") for name in names]
        if None in first:
            nothing[:] = [f"get('{names[first.index(None)]}.py') returned None."]
            raise AssertionError
        odd[:] = [pair for pair in zip(names, first, strict=True) if not hasattr(pair[1], "path")]
        for number, (name, file) in enumerate(zip(names, first, strict=True)):
            if file.path != f"{name}.py":
                known = any(file is other for other in first[:number])
                mixed[:] = [name, file.path, known]
                raise AssertionError
        again = [ask(files, name, "second") for name in names]
        for name, one, other in zip(names, first, again, strict=True):
            if other is None:
                nothing[:] = [f"get('{name}.py') returned None when it was called again."]
                raise AssertionError
            assert one is other, f"get('{name}.py') made a second object, though there was one"
        got = []
        together(lambda: got.append(files.get("a.py")))
        assert got[0] is first[0], "another thread asked for a.py later, and got another object"
        together(lambda: files.get("f.py"))

    found = explore(scenario)
    if missing:
        raise Case(
            missing[0],
            "Which way does get() go for a path that is new, which for one that is known, and what "
            "is in the dict by then?",
        )
    if nothing:
        raise Case(nothing[0], "Which ways lead through get(), and what does each of them return?")
    if odd:
        name, got = odd[0]
        raise Case(
            f"get('{name}.py') returned {got!r}, which has no `path`: expected a SourceFile.",
            "Which line makes the object, and what is the value of what stands there?",
        )
    if mixed:
        name, path, known = mixed
        raise Case(
            f"get('{name}.py') gave {'the object that it had given for' if known else 'a file of'} "
            f"{path!r}.",
            "Under which key is an object kept, and which other path has the same key?"
            if known
            else "Which line makes the object, and of which path?",
        )
    return found


@check.probe(question="Who gives the lock back if a line raises, and what is in the dict by then?")
def the_lock_is_free_after_an_error(Files):
    """get([]) is called, or making the object of a.py fails or is stopped; then another asks."""
    returned, raised, ended = [], [], []
    SourceFile = type(Files().get("a.py"))
    real, broken = SourceFile.__init__, []

    def make(self, *args, **kwargs):
        if broken:
            raised[:] = [broken[0].__name__]
            raise broken[0]
        real(self, *args, **kwargs)

    def explored(path, error):
        def scenario():
            files, got = Files(), []
            broken[:], raised[:] = [error], []
            ended[:] = [""]
            try:
                value = files.get(path)
                if raised:
                    returned[:] = [f"{raised[0]}, and get({path!r}) returned {value!r}"]
            except (Exception, KeyboardInterrupt) as caught:
                ended[:] = [f" and raised {type(caught).__name__}"]
            broken.clear()
            together(lambda: got.append(files.get("a.py")))
            assert isinstance(got[0], SourceFile), (
                "no SourceFile could be made for a.py; when one could, get('a.py') returned "
                f"{got[0]!r}"
            )

        return explore(scenario)

    with mock.patch.object(SourceFile, "__init__", make):
        for path, error in (([], OSError), ("a.py", OSError), ("a.py", KeyboardInterrupt)):
            found = explored(path, error)
            if found.ok is False:
                then = f", and SourceFile raised {raised[0]}" if raised else ended[0]
                if raised == ["KeyboardInterrupt"]:
                    then += ", as Ctrl-C does: that is no Exception"
                before = f"before that, get({path!r}) was called{then}"
                return replace(found, message=f"{found.message}; {before}")
    if found.ok and returned:
        raise Case(
            f"SourceFile raised {returned[0]}.",
            "What does whoever asked do with that value, and who tells them of the error?",
        )
    return found


@check.probe(question="What of a file is lost if its object is forgotten, and who forgets it?")
def it_forgets_none(Files):
    """A thread writes into one object and lets it go, asks for 3,000 others, and looks again."""

    def run():
        files = Files()
        files.get("a.py").lines = 12
        for number in range(3000):
            files.get(f"{number}.py")
        return getattr(files.get("a.py"), "lines", None)

    lines = within(10, run)
    assert lines == 12, "get('a.py') gave another object than before: what was written is lost."


@check.probe(question="What keeps the object, and who else has that?")
def each_has_its_own_files(Files):
    """Two indexes are asked for one path."""
    one, other = Files().get("a.py"), Files().get("a.py")
    assert one is not other, "Two indexes gave out one object for a.py."


def _two_ask(Files):
    def scenario():
        files, got = Files(), []
        together(*[lambda: got.append(files.get("a.py"))] * 2)
        assert got[0] is got[1], "two threads asked for a.py, and each has an object of its own"

    return explore(scenario)


@check.probe(
    kinds=["no progress"],
    question="What does that loop do while the other thread is busy, and what does a thread do that "
    "waits for a lock?",
)
def who_has_to_wait_sleeps(Files):
    """Two threads ask for one path, in every order; does one go round a loop without an end?"""
    found = _two_ask(Files)
    if found.kind != "no progress":
        return None
    return replace(
        found,
        message=f"{found.message}. In this order a loop in get() spins: it runs on and on. A thread "
        "that waits for a lock sleeps",
    )


@check.probe(question="What does get() do while another thread is in it: does it wait for that?")
def nobody_gives_up(Files):
    """Two threads ask for one path, in every order; does each get an object?"""

    def scenario():
        files, got = Files(), []
        together(*[lambda: got.append(files.get("a.py"))] * 2)
        assert None not in got, "two threads asked for a.py, and get() returned None to one"

    found = explore(scenario)
    return found if found.kind in ("exception", "assertion") else None


@check.probe(question="How many threads does that semaphore let in at once?")
def a_semaphore_lets_one_in(Files):
    """Two threads ask for one path. Is what they wait for free for more than one?"""
    for kept in (*getattr(Files(), "__dict__", {}).values(), *vars(Files).values()):
        if not isinstance(kept, threading.Semaphore):
            continue
        free = [kept.acquire(blocking=False) for _ in range(2)].count(True)
        for _ in range(free):
            kept.release()
        if free > 1:
            return _two_ask(Files)
    return None


@check.probe(question="May a cached function run twice at once?")
def a_cache_runs_it_once(Files):
    """Two ask for one path, and its object takes 10 ms. Is get(), or what it calls, a cached one?"""
    get, called = inspect.unwrap(Files.get), []
    if isinstance(get, FunctionType):
        called += [get.__globals__.get(name) for name in get.__code__.co_names]
    cached = any(hasattr(part, "cache_info") for part in (*vars(Files).values(), *called))
    return _an_object_takes_a_while(Files) if cached else None


@check.probe(
    "wrong_lock",
    kinds=["assertion"],
    question="Which other thread could have the lock that get() takes?",
)
def a_lock_for_each_call(Files):
    """Two threads ask for one path. Is there a lock that get() has just made?"""
    files, made = Files(), []
    real = threading.Lock

    def make():
        made.append(real())
        return made[-1]

    with mock.patch.multiple(threading, Lock=make, RLock=make):
        files.get("a.py")
    return _two_ask(Files) if made else None


@check.probe(
    "atomic_calls_compose",
    kinds=["assertion"],
    question="From which line to which must nobody else touch `_files`?",
)
def two_ask_at_once(Files):
    """Two threads ask for one path."""
    return _two_ask(Files)


@check.probe(question="Which line of one call can undo or replace what the other call needs?")
def two_ask_for_two_paths(Files):
    """One thread asks for a.py while another asks for b.py; then both are asked for once more."""

    def scenario():
        files, got = Files(), {}
        a, b = (lambda path=path: got.update({path: files.get(path)}) for path in ("a.py", "b.py"))
        together(a, b)
        for path in ("a.py", "b.py"):
            was = getattr(got[path], "path", None)
            assert was == path, f"get({path!r}) gave the file of {was!r} to a thread"
            assert files.get(path) is got[path], f"asked again, get({path!r}) gave another object"

    return explore(scenario)


@check.probe(question="What can the other thread do while the object is being made?")
def an_object_takes_a_while(Files):
    """There is one file. Two threads ask for another, and it takes 10 ms to make its object."""
    return _an_object_takes_a_while(Files)


def _an_object_takes_a_while(Files):
    SourceFile = type(Files().get("a.py"))
    real = SourceFile.__init__

    def slow(self, *args, **kwargs):
        time.sleep(0.01)  # short: who polls for the lock would look so often in each order
        real(self, *args, **kwargs)

    def scenario():
        files, got = Files(), []
        files.get("a.py")
        together(*[lambda: got.append(files.get("b.py"))] * 2)
        assert got[0] is got[1], "two threads asked for b.py, and each has an object of its own"

    with mock.patch.object(SourceFile, "__init__", slow):
        return explore(scenario, budget=300)
