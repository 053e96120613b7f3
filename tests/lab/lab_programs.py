"""Small programs that learners write: with the usual mistakes, and right."""

from __future__ import annotations

import heapq
import queue
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from taskqueue_edu.lab.interleave import together

BUGS: dict[str, tuple[Callable[[], None], str]] = {}
CORRECT: dict[str, Callable[[], None]] = {}


def bug(kind: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Enter a scenario with a mistake in it, and the kind of its verdict."""

    def enter(scenario: Callable[[], None]) -> Callable[[], None]:
        BUGS[scenario.__name__] = scenario, kind
        return scenario

    return enter


def correct(scenario: Callable[[], None]) -> Callable[[], None]:
    """Enter a scenario that is right."""
    CORRECT[scenario.__name__] = scenario
    return scenario


# -- compound operations


class Counter:
    def __init__(self) -> None:
        self.n = 0

    def add(self) -> None:
        self.n += 1


@bug("assertion")
def lost_update() -> None:
    counter = Counter()
    together(counter.add, counter.add)
    assert counter.n == 2


total = 0


@bug("assertion")
def lost_update_of_a_global() -> None:
    global total
    total = 0

    def add() -> None:
        global total
        total += 1

    together(add, add)
    assert total == 2


@bug("assertion")
def lost_update_of_a_closure() -> None:
    n = 0

    def add() -> None:
        nonlocal n
        n += 1

    together(add, add)
    assert n == 2


@bug("assertion")
def check_then_act_on_a_dict() -> None:
    cache: dict[str, object] = {}
    made: list[str] = []

    def get(key: str) -> object:
        if key not in cache:
            made.append(key)
            cache[key] = object()
        return cache[key]

    together(partial(get, "a"), partial(get, "a"))
    assert len(made) == 1


@bug("exception")
def check_then_act_on_a_list() -> None:
    jobs = ["only"]

    def take() -> str | None:
        if jobs:
            return jobs.pop()
        return None

    together(take, take)


@bug("deadlock")
def check_then_get() -> None:
    jobs: queue.Queue[int] = queue.Queue()
    jobs.put(1)

    def take() -> None:
        if not jobs.empty():
            jobs.get()

    together(take, take)


@bug("exception")
def check_then_get_nowait() -> None:
    jobs: queue.Queue[int] = queue.Queue()
    jobs.put(1)

    def take() -> None:
        if not jobs.empty():
            jobs.get_nowait()

    together(take, take)


# -- conditions


class Mailbox:
    """An unbounded queue with one condition; what a learner gets wrong is in the subclasses."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.filled = threading.Condition(self.lock)
        self.items: list[int] = []

    def put(self, item: int) -> None:
        with self.lock:
            self.items.append(item)
            self.filled.notify()

    def get(self) -> int:
        with self.lock:
            while not self.items:
                self.filled.wait()
            return self.items.pop(0)


class IfMailbox(Mailbox):
    def get(self) -> int:
        with self.lock:
            if not self.items:
                self.filled.wait()
            return self.items.pop(0)


@bug("exception")
def if_around_wait() -> None:
    box = IfMailbox()

    def put() -> None:
        box.put(1)
        box.put(2)

    together(put, box.get, box.get)


@bug("lost wakeup")
def notify_before_wait() -> None:
    ready = threading.Condition()

    def signal() -> None:
        with ready:
            ready.notify()

    def wait() -> None:
        with ready:
            ready.wait()

    together(wait, signal)


class OneCondition:
    """A bounded queue with one condition for two kinds of waiters."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.changed = threading.Condition()
        self.items: deque[int] = deque()

    def put(self, item: int) -> None:
        with self.changed:
            while len(self.items) >= self.size:
                self.changed.wait()
            self.items.append(item)
            self.changed.notify()

    def get(self) -> int:
        with self.changed:
            while not self.items:
                self.changed.wait()
            item = self.items.popleft()
            self.changed.notify()
            return item


@bug("lost wakeup")
def notify_where_notify_all_is_needed() -> None:
    box = OneCondition(1)

    def put_two() -> None:
        box.put(1)
        box.put(2)

    together(box.get, box.get, put_two, partial(box.put, 3), box.get)


@bug("lost wakeup")
def notify_one_of_two_who_wait_for_different_things() -> None:
    changed = threading.Condition()
    n = 0

    def wait_for(value: int) -> None:
        with changed:
            while n < value:
                changed.wait()

    def count() -> None:
        nonlocal n
        for _ in range(2):
            with changed:
                n += 1
                changed.notify()

    together(partial(wait_for, 2), partial(wait_for, 1), count)


# -- locks


class Account:
    def __init__(self, balance: int) -> None:
        self.lock = threading.Lock()
        self.balance = balance

    def transfer(self, other: Account, amount: int) -> None:
        with self.lock, other.lock:
            self.balance -= amount
            other.balance += amount


@bug("deadlock")
def ab_ba() -> None:
    a, b = Account(10), Account(10)
    together(partial(a.transfer, b, 1), partial(b.transfer, a, 2))
    assert a.balance + b.balance == 20


@bug("deadlock")
def lock_taken_twice() -> None:
    lock = threading.Lock()

    def size() -> int:
        with lock:
            return 1

    def report() -> int:
        with lock:
            return size()

    together(report)


@bug("deadlock")
def lock_held_through_a_callback() -> None:
    class Registry:
        def __init__(self) -> None:
            self.lock = threading.Lock()
            self.results: dict[str, int] = {}
            self.listeners: list[Callable[[str], object]] = []

        def get(self, key: str) -> int | None:
            with self.lock:
                return self.results.get(key)

        def finish(self, key: str, value: int) -> None:
            with self.lock:
                self.results[key] = value
                for listener in self.listeners:
                    listener(key)

    registry = Registry()
    registry.listeners.append(registry.get)
    together(partial(registry.finish, "a", 1), partial(registry.get, "a"))


@bug("assertion")
def flag_checked_outside_the_lock() -> None:
    class Box:
        def __init__(self) -> None:
            self.lock = threading.Lock()
            self.closed = False
            self.items: list[int] = []

        def put(self, item: int) -> None:
            if self.closed:
                raise queue.Full
            with self.lock:
                self.items.append(item)

        def close(self) -> int:
            with self.lock:
                self.closed = True
                return len(self.items)

    box = Box()
    left: list[int] = []

    def put() -> None:
        with suppress(queue.Full):
            box.put(1)

    together(put, lambda: left.append(box.close()))
    assert len(box.items) == left[0]


@bug("assertion")
def lazy_value_checked_once() -> None:
    class Handle:
        def __init__(self) -> None:
            self.lock = threading.Lock()
            self.opened = 0
            self.handle: object | None = None

        def get(self) -> object:
            if self.handle is None:
                with self.lock:
                    self.opened += 1
                    self.handle = object()
            return self.handle

    handle = Handle()
    together(handle.get, handle.get)
    assert handle.opened == 1


@bug("assertion")
def lost_update_in_an_executor() -> None:
    total = 0

    def add() -> None:
        nonlocal total
        total += 1

    with ThreadPoolExecutor(2) as executor:
        for _ in range(2):
            executor.submit(add)
    assert total == 2


@bug("deadlock")
def task_that_waits_for_a_task_of_its_own_pool() -> None:
    with ThreadPoolExecutor(1) as executor:

        def outer() -> int:
            return executor.submit(len, "abc").result()

        assert executor.submit(outer).result() == 3


@bug("assertion")
def view_of_a_dict_looked_at_twice() -> None:
    class Tally:
        def __init__(self) -> None:
            self.lines: dict[str, int] = {}

        def add(self, path: str, lines: int) -> None:
            self.lines[path] = lines

        def report(self) -> tuple[int, int]:
            found = self.lines.values()  # no copy
            return len(found), sum(found)

    tally = Tally()
    reports: list[tuple[int, int]] = []
    together(partial(tally.add, "a", 5), lambda: reports.append(tally.report()))
    assert reports[0] in ((0, 0), (1, 5))


@bug("assertion")
def lock_for_each_key_made_by_a_function() -> None:
    def new() -> threading.Lock:
        return threading.Lock()

    locks = defaultdict(new)
    files: dict[str, object] = {}
    got: list[object] = []

    def get() -> None:
        with locks["a"]:
            if "a" not in files:
                files["a"] = object()
            got.append(files["a"])

    together(get, get)
    assert got[0] is got[1]


@bug("exception")
def double_checked_lazy_init() -> None:
    class Settings:
        def __init__(self) -> None:
            self.lock = threading.Lock()
            self.table: dict[str, int] | None = None

        def get(self, key: str) -> int:
            if self.table is None:
                with self.lock:
                    if self.table is None:
                        self.table = {}  # the others see it before it is filled
                        self.table["size"] = 4
            return self.table[key]

    settings = Settings()
    together(partial(settings.get, "size"), partial(settings.get, "size"))


@bug("assertion")
def semaphore_released_twice() -> None:
    places = threading.Semaphore(1)
    inside = most = 0

    def visit(releases: int) -> None:
        nonlocal inside, most
        places.acquire()
        inside += 1
        most = max(most, inside)
        inside -= 1
        for _ in range(releases):
            places.release()

    together(partial(visit, 2), partial(visit, 1), partial(visit, 1))
    assert most == 1


@bug("exception")
def bounded_semaphore_released_twice() -> None:
    places = threading.BoundedSemaphore(1)

    def visit(releases: int) -> None:
        places.acquire()
        for _ in range(releases):
            places.release()

    together(partial(visit, 2), partial(visit, 1))


# -- pools


@bug("deadlock")
def one_sentinel_for_two_workers() -> None:
    jobs: queue.Queue[int | None] = queue.Queue()
    done: list[int] = []

    def work() -> None:
        while (job := jobs.get()) is not None:
            done.append(job)

    def client() -> None:
        jobs.put(1)
        jobs.put(None)

    together(work, work, client)


@bug("assertion")
def two_workers_with_the_same_task() -> None:
    class Pending:
        def __init__(self) -> None:
            self.lock = threading.Lock()
            self.jobs = ["a", "b"]

        def take(self) -> str | None:
            with self.lock:
                job = self.jobs[0] if self.jobs else None
            if job is not None:
                with self.lock:
                    if job in self.jobs:
                        self.jobs.remove(job)
            return job

    pending = Pending()
    taken: list[str | None] = []
    together(lambda: taken.append(pending.take()), lambda: taken.append(pending.take()))
    assert len(set(taken)) == 2


class Future:
    def __init__(self) -> None:
        self.done = threading.Event()
        self.value: int | None = None

    def result(self) -> int | None:
        self.done.wait()
        return self.value


@bug("assertion")
def result_set_after_the_event() -> None:
    future = Future()
    results: list[int | None] = []

    def work() -> None:
        future.done.set()
        future.value = 42

    together(work, lambda: results.append(future.result()))
    assert results == [42]


@bug("assertion")
def task_done_before_the_result() -> None:
    jobs: queue.Queue[int] = queue.Queue()
    results: list[int] = []
    jobs.put(1)

    def work() -> None:
        job = jobs.get()
        jobs.task_done()
        results.append(job)

    thread = threading.Thread(target=work)
    thread.start()
    jobs.join()
    assert results == [1]


class Closable(Mailbox):
    def __init__(self) -> None:
        super().__init__()
        self.closed = False

    def get(self) -> int:
        with self.lock:
            while not self.items and not self.closed:
                self.filled.wait()
            return self.items.pop(0) if self.items else -1

    def close(self) -> None:
        with self.lock:
            self.closed = True


@bug("deadlock")
def close_that_leaves_a_getter() -> None:
    box = Closable()
    together(box.get, box.close)


@bug("left running")
def close_that_leaves_a_thread() -> None:
    box = Closable()
    threading.Thread(target=box.get, name="getter").start()
    box.close()


@bug("assertion")
def cancel_races_with_start() -> None:
    class Task:
        def __init__(self) -> None:
            self.status = "pending"
            self.ran = False

        def cancel(self) -> bool:
            if self.status == "pending":
                self.status = "cancelled"
                return True
            return False

        def start(self) -> None:
            if self.status == "pending":
                self.status = "running"
                self.ran = True

    task = Task()
    answers: list[bool] = []
    together(task.start, lambda: answers.append(task.cancel()))
    assert not (answers[0] and task.ran)


@bug("assertion")
def sleep_to_synchronize() -> None:
    results: list[int] = []

    def work() -> None:
        results.append(1)

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.5)
    assert results == [1]
    thread.join()


@bug("no progress")
def flag_that_nobody_sets() -> None:
    stopped = False

    def work() -> None:
        while not stopped:
            pass

    together(work, lambda: None)


@bug("exception")
def dump_while_mutating() -> None:
    tasks = {"a": 1}

    def dump() -> list[str]:
        return [f"{key}={value}" for key, value in tasks.items()]

    def add() -> None:
        tasks["b"] = 2

    together(dump, add)


# -- right


@correct
def counter_with_a_lock() -> None:
    lock = threading.Lock()
    counter = Counter()

    def add() -> None:
        with lock:
            counter.add()

    together(add, add, add)
    assert counter.n == 3


class Bounded:
    """A bounded queue: one lock, two conditions."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.lock = threading.Lock()
        self.not_empty = threading.Condition(self.lock)
        self.not_full = threading.Condition(self.lock)
        self.items: deque[int] = deque()

    def put(self, item: int) -> None:
        with self.lock:
            while len(self.items) >= self.size:
                self.not_full.wait()
            self.items.append(item)
            self.not_empty.notify()

    def get(self) -> int:
        with self.lock:
            while not self.items:
                self.not_empty.wait()
            item = self.items.popleft()
            self.not_full.notify()
            return item


def through(box: Any, producers: int, consumers: int, each: int) -> None:
    """Send items through a queue, and check that each arrives once."""
    got: list[int] = []

    def produce(first: int) -> None:
        for n in range(first, first + each):
            box.put(n)

    def consume() -> None:
        for _ in range(producers * each // consumers):
            got.append(box.get())  # noqa: PERF401 (an append is what is under test)

    together(*(partial(produce, n * each) for n in range(producers)), *[consume] * consumers)
    assert sorted(got) == list(range(producers * each))


@correct
def bounded_queue_with_two_conditions() -> None:
    through(Bounded(1), producers=1, consumers=2, each=4)


@correct
def bounded_queue_with_four_threads() -> None:
    through(Bounded(1), producers=2, consumers=2, each=1)


@correct
def bounded_queue_with_semaphores() -> None:
    class Box:
        def __init__(self, size: int) -> None:
            self.lock = threading.Lock()
            self.places = threading.Semaphore(size)
            self.filled = threading.Semaphore(0)
            self.items: deque[int] = deque()

        def put(self, item: int) -> None:
            self.places.acquire()
            with self.lock:
                self.items.append(item)
            self.filled.release()

        def get(self) -> int:
            self.filled.acquire()
            with self.lock:
                item = self.items.popleft()
            self.places.release()
            return item

    through(Box(1), producers=1, consumers=2, each=4)


@correct
def queue_of_the_standard_library() -> None:
    through(queue.Queue(1), producers=1, consumers=2, each=4)


@correct
def conditions_of_a_queue_of_the_standard_library() -> None:
    """They share its mutex, and its own methods notify who waits for them."""
    box: queue.Queue[int] = queue.Queue(1)

    def take_one() -> None:
        with box.not_empty:
            while not box.queue:
                box.not_empty.wait()
            assert box.queue.popleft() == 1
            box.not_full.notify()

    def put_one_more() -> None:
        box.put(1)
        with box.not_full:
            while box.queue:
                box.not_full.wait()
            box.queue.append(2)
            box.not_empty.notify()
        assert box.get() == 2

    together(take_one, put_one_more)


ready_made: queue.Queue[int] = queue.Queue()
something_is_ready = ready_made.not_empty


@correct
def condition_of_a_queue_that_was_made_before() -> None:
    def wait() -> None:
        with something_is_ready:
            while not ready_made.queue:
                something_is_ready.wait()

    together(wait, lambda: ready_made.put(1))


@correct
def all_tasks_of_a_queue_are_done() -> None:
    box: queue.Queue[int] = queue.Queue()
    box.put(1)

    def wait() -> None:
        with box.all_tasks_done:
            while box.unfinished_tasks:
                box.all_tasks_done.wait()

    together(wait, wait, box.task_done)


@correct
def a_full_queue_that_is_emptied() -> None:
    box: queue.Queue[int] = queue.Queue(1)
    box.put(1)

    def wait() -> None:
        with box.not_full:
            while len(box.queue) == box.maxsize:
                box.not_full.wait()

    together(wait, box.get)


@correct
def priority_queue_of_a_learner() -> None:
    class Pending:
        def __init__(self) -> None:
            self.changed = threading.Condition()
            self.heap: list[tuple[int, int]] = []
            self.count = 0

        def put(self, item: int) -> None:
            with self.changed:
                self.count += 1
                heapq.heappush(self.heap, (-item, self.count))
                self.changed.notify()

        def get(self) -> int:
            with self.changed:
                while not self.heap:
                    self.changed.wait()
                return -heapq.heappop(self.heap)[0]

    through(Pending(), producers=1, consumers=2, each=2)


class ReadersWriter:
    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.readers = 0
        self.writing = False

    @contextmanager
    def read(self) -> Iterator[None]:
        with self.changed:
            while self.writing:
                self.changed.wait()
            self.readers += 1
        try:
            yield
        finally:
            with self.changed:
                self.readers -= 1
                self.changed.notify_all()

    @contextmanager
    def write(self) -> Iterator[None]:
        with self.changed:
            while self.writing or self.readers:
                self.changed.wait()
            self.writing = True
        try:
            yield
        finally:
            with self.changed:
                self.writing = False
                self.changed.notify_all()


@correct
def readers_writer_lock() -> None:
    lock = ReadersWriter()
    a = b = 0

    def read() -> None:
        with lock.read():
            assert a == b

    def write() -> None:
        nonlocal a, b
        with lock.write():
            a += 1
            b += 1

    together(read, read, write)
    assert (a, b) == (1, 1)


@correct
def executor_and_a_lock() -> None:
    total = 0
    lock = threading.Lock()

    def add(amount: int) -> None:
        nonlocal total
        with lock:
            total += amount

    with ThreadPoolExecutor(2) as executor:
        list(executor.map(add, [1, 2]))
    assert total == 3


@correct
def futures_as_they_are_done() -> None:
    with ThreadPoolExecutor(2) as executor:
        found = [f.result() for f in as_completed([executor.submit(len, "abc")] * 2)]
    assert found == [3]


@correct
def dict_that_makes_what_is_missing_under_a_lock() -> None:
    class Files:
        def __init__(self) -> None:
            self.lock = threading.Lock()
            self.made = 0
            self.files: defaultdict[str, int] = defaultdict(self.make)

        def make(self) -> int:
            self.made += 1
            return self.made

        def get(self) -> int:
            with self.lock:
                return self.files["a"]

    files = Files()
    together(files.get, files.get)
    assert files.made == 1


@correct
def lazy_handle() -> None:
    class Handle:
        def __init__(self) -> None:
            self.lock = threading.Lock()
            self.opened = 0
            self.handle: dict[str, int] | None = None

        def get(self) -> dict[str, int]:
            if self.handle is None:
                with self.lock:
                    if self.handle is None:
                        self.opened += 1
                        handle = {"size": 4}
                        self.handle = handle
            return self.handle

    handle = Handle()
    together(handle.get, handle.get, lambda: handle.get()["size"])
    assert handle.opened == 1


class Pool:
    """A pool that drains: it ends once all that was submitted is done."""

    def __init__(self, workers: int) -> None:
        self.jobs: queue.Queue[tuple[int, Future] | None] = queue.Queue()
        self.threads = [
            threading.Thread(target=self.work, name=f"worker-{n}") for n in range(workers)
        ]
        for thread in self.threads:
            thread.start()

    def submit(self, n: int) -> Future:
        future = Future()
        self.jobs.put((n, future))
        return future

    def work(self) -> None:
        while (job := self.jobs.get()) is not None:
            n, future = job
            future.value = n * n
            future.done.set()

    def drain(self) -> None:
        for _ in self.threads:
            self.jobs.put(None)
        for thread in self.threads:
            thread.join()


@correct
def pool_that_drains() -> None:
    pool = Pool(2)
    futures = [pool.submit(n) for n in range(2)]
    results = [future.result() for future in futures]
    pool.drain()
    assert results == [0, 1]


@correct
def pool_of_own_parts() -> None:
    """An own queue, a pool, futures: two workers, three tasks."""
    box = Bounded(3)
    futures = [Future() for _ in range(3)]

    def work() -> None:
        while (n := box.get()) >= 0:
            futures[n].value = n * n
            futures[n].done.set()

    threads = [threading.Thread(target=work, name=f"worker-{n}") for n in range(2)]
    for thread in threads:
        thread.start()
    for n in (0, 1, 2, -1, -1):
        box.put(n)
    assert [future.result() for future in futures] == [0, 1, 4]
    for thread in threads:
        thread.join()
