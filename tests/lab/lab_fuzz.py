"""Random small programs, and what they can end in: for the reduced search and for the plain one.

python tests/lab/lab_fuzz.py 0 2000      programs number 0 to 1999; prints those that differ
"""

from __future__ import annotations

import linecache
import random
import sys
from collections.abc import Callable
from types import CodeType
from typing import Any

from taskqueue_edu.lab.interleave import together
from taskqueue_edu.lab.interleave.search import Laboratory, Search

BUDGET = 2_000
"""Schedules of the plain search; a program that needs more is passed over."""

HEAD = """\
import queue, threading, time

class Part:
    def __init__(p):
        p.v = 0

class Shared:
    shared_total = 0
    def __init__(s):
        s.a = s.b = 0
        s.l = []
        s.d = {}
        s.flag = False
        s.parts = [Part(), Part()]
        s.m1, s.m2, s.r = threading.Lock(), threading.Lock(), threading.RLock()
        s.q, s.e, s.c = queue.Queue(1), threading.Event(), threading.Condition()
        s.sem = threading.Semaphore(1)
    def part(s):
        return s.parts[0]
"""

SIMPLE = [
    "s.a += 1",
    "s.b += 1",
    "s.a = s.b",
    "s.l.append(s.a)",
    "if s.l: s.l.pop()",
    "s.l.append(len(s.l))",
    's.d["k"] = s.d.get("k", 0) + 1',
    "z = s.d; z['k'] = len(s.l)",
    "s.l.append([x for x in s.l])",
    "s.parts[0].v += 1",
    "s.part().v += 2",
    "s.parts[s.a % 2].v += 3",
    "s.l = s.l + [s.b]",
    "n += 1",
    "for x in s.l: s.b += 1",
]
BLOCKS = [
    ["if not s.flag:", "    s.flag = True", "    s.l.append('f')"],
    ["if s.m1.acquire(False):", "    s.b += 1", "    s.m1.release()"],
    ["if not s.m2.locked(): s.a += 5"],
    ["if s.m2.acquire(timeout=1):", "    s.a += 7", "    s.m2.release()"],
    ["time.sleep(1)"],
    ["with s.r:", "    with s.r: s.a += 1"],
    ["with s.sem: s.b += 2"],
    ["s.sem.release()"],
    ["if s.sem.acquire(False): s.l.append('s')"],
]
QUEUE = [["s.q.put(s.a)"], ["s.l.append(s.q.get())"], ["if not s.q.empty(): s.l.append(s.q.get())"]]
EVENT = [
    ["s.e.set()"],
    ["s.l.append(s.e.is_set())"],
    ["s.l.append(s.e.wait(1))"],
    ["s.e.wait()", "s.l.append(s.b)"],
    ["s.e.clear()"],
]
CONDITION = [
    ["with s.c:", "    s.a = 1; s.c.notify()"],
    ["with s.c:", "    if not s.a: s.c.wait(2)"],
    ["with s.c:", "    while not s.a: s.c.wait()", "    s.l.append('c')"],
]


def program(seed: int) -> str:
    """Return the source of a program: a class Shared, and a list WORK of functions on it."""
    rng = random.Random(seed)
    threads = rng.choice([2, 2, 2, 3])
    extras = rng.choice([[], [], QUEUE, EVENT, CONDITION])

    def block(depth: int) -> list[str]:
        kind = rng.random()
        if depth < 2 and kind < 0.25:
            inner = [line for _ in range(rng.choice([1, 2])) for line in block(depth + 1)]
            return [f"with s.{rng.choice(['m1', 'm2', 'm1', 'r'])}:", *("    " + x for x in inner)]
        if depth == 0 and kind < 0.40:
            return rng.choice(BLOCKS)
        if extras and depth == 0 and kind < 0.65:
            return rng.choice(extras)
        return [rng.choice(SIMPLE)]

    lines = [HEAD, "def make(s):", "    n = 0"]
    for number in range(threads):
        lines += [f"    def work{number}():", "        nonlocal n"]
        count = rng.choice([1, 2]) if threads == 3 else rng.choice([1, 2, 3])
        lines += ["        " + line for _ in range(count) for line in block(0)]
    if rng.random() < 0.3:
        lines += ["    work1 = work0"]
    names = ", ".join(f"work{number}" for number in range(threads))
    return "\n".join([*lines, f"    return [{names}], lambda: n", ""])


def outcomes(code: CodeType, *, plain: bool, bound: int) -> set[str] | None:
    """Return all that the program can end in, or None if the budget was spent."""
    names: dict[str, Any] = {"__name__": "fuzz"}
    exec(code, names)
    last: list[Any] = []

    def scenario() -> None:
        shared = names["Shared"]()
        work, number = names["make"](shared)
        last[:] = [shared, number]
        together(*work)

    lab = Laboratory(scenario, everything=plain)
    if plain and bound > 2:
        # A switch before a release counts as a preemption. That makes a difference for what two
        # of them can do, but none for what is possible.
        lab.sharing.looked_at |= {"lock", "event", "semaphore"}
    found = set()
    with lab.open():
        search = Search(lab, bound, BUDGET * (1 if plain else 3), prune=not plain)
        for run, _ in search.runs():
            if run.failure is not None:
                found.add(run.failure.kind)
            else:
                shared, number = last
                found.add(_state(shared, number))
        return None if search.left else found


def _state(shared: Any, number: Callable[[], int]) -> str:
    parts = [part.v for part in shared.parts]
    return repr((shared.a, shared.b, shared.l, shared.d, shared.flag, parts, number()))


def compare(seed: int) -> tuple[set[str], set[str]] | None:
    """Return what the plain search finds and what the reduced one does, or None: too large."""
    source = program(seed)
    file = f"<program {seed}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    code = compile(source, file, "exec")
    bound = 2 if seed % 3 else 99
    plain = outcomes(code, plain=True, bound=bound)
    if plain is None:
        return None
    reduced = outcomes(code, plain=False, bound=bound)
    return plain, set() if reduced is None else reduced


if __name__ == "__main__":
    first, end = int(sys.argv[1]), int(sys.argv[2])
    done = differ = 0
    for seed in range(first, end):
        both = compare(seed)
        if both is None:
            continue
        done += 1
        if both[0] != both[1]:
            differ += 1
            print(seed, "only plain:", both[0] - both[1], "only reduced:", both[1] - both[0])  # noqa: T201
    print(f"{done} programs of {end - first} compared, {differ} differ")  # noqa: T201
