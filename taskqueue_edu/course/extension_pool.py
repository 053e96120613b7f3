# %% [markdown]
# # 2+ · Further practice: other hands, and what a task costs
#
# Two things that [phase 2](02_worker_pool.ipynb) leaves out. It needs phase 2, and each part stands alone.
#
# **You will be able to**
#
# - run tasks in processes, and say when that pays;
# - find out what a pool's bookkeeping costs, and take away what isn't worth it.
#
# **Time**: 10 minutes for the first part, 20 for the second. Where a cell begins with `prediction = ...`, put your answer in
# place of `...`, then run it.

# %%
import asyncio
import heapq
import itertools
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timezone
from enum import Enum
from queue import SimpleQueue
from uuid import uuid4

from taskqueue_edu import ExecutorPool, TaskFailed, TaskQueue, WorkerPool, task_type
from taskqueue_edu.course.costs import Costs
from taskqueue_edu.course.show import compare
from taskqueue_edu.executor import run_task
from taskqueue_edu.workloads import IndexFile, PrimeTask, corpus_files, stdlib_files, summarize

STOP = object()
files = [str(path) for path in corpus_files()]
print(len(files), "source files to work on")

# %% [markdown]
# ## 1. Other hands: processes, and the standard interface
#
# Each process has an interpreter and a GIL of its own, so two processes parse at the same time. `ExecutorPool` runs the
# tasks of a `TaskQueue` on any `concurrent.futures.Executor`; `processes(2)` is two fresh Python processes. They are
# **spawned**: started from nothing, with no copy of this process's memory. So a task travels as the name of its type
# and JSON, and its class must be in a module that they can import.

# %% tags=["nbval-ignore-output"]
def best_times(*works, times):
    """For each work the seconds of its fastest run, the least disturbed. They take turns."""
    seconds = [[] for _ in works]
    for _ in range(times):
        for work, taken in zip(works, seconds):
            start = time.perf_counter()
            work()
            taken.append(time.perf_counter() - start)
    return [min(taken) for taken in seconds]


def in_a_loop(tasks):
    for task in tasks:
        task.execute()


def on_threads(tasks, workers=4):
    with TaskQueue() as queue, WorkerPool(workers) as pool:
        pool.start_processing(queue)
        queue.submit_many(tasks)
        queue.join()


long_ones = [PrimeTask(150_000)] * 4
short_ones = [IndexFile(str(path)) for path in stdlib_files()[:100]]


def in_processes(tasks):
    queue.submit_many(tasks)
    queue.join()


with TaskQueue() as queue, ExecutorPool.processes(2) as pool:
    start = time.perf_counter()
    pool.start_processing(queue)
    in_processes([PrimeTask(10_000)] * 4)
    print(f"two processes took {time.perf_counter() - start:.2f} s to start and run 4 tiny tasks")
    for name, tasks in (("4 long tasks", long_ones), ("100 short tasks", short_ones)):
        loop, threads, processes = best_times(
            lambda: in_a_loop(tasks), lambda: on_threads(tasks), lambda: in_processes(tasks), times=2
        )
        print(f"{name}: loop {loop:.2f} s, 4 threads {threads:.2f} s, 2 processes {processes:.2f} s")

# %% [markdown]
# If the machine has two cores to spare, two processes are nearly twice as fast on long tasks. They take longer to start than threads,
# and every task and every result is written as JSON and read again, so many short tasks gain less. The results are the
# same: see the first half of the cell below, with a task whose class is in no module.
#
# `WorkerPool` is itself a `concurrent.futures.Executor`, the interface that asyncio, dask and others know. It then runs
# plain functions, and hands out a standard **future**: an object that will have the result. That is the second half.

# %%
@task_type("notebook_task")
@dataclass(frozen=True)
class NotebookTask:
    def execute(self) -> int:
        return 1


with TaskQueue() as queue, ExecutorPool.processes(1) as pool:
    pool.start_processing(queue)
    ids = queue.submit_many([IndexFile(path) for path in files])
    remote = [queue.wait_for_result(task_id) for task_id in ids]
    here = [IndexFile(path).execute() for path in files]
    print("the same results:", summarize(remote) == summarize(here))
    try:
        queue.wait_for_result(queue.submit(NotebookTask()))
    except TaskFailed as error:
        print(error.__cause__)


def lines_in(path):
    return IndexFile(path).execute().lines


with WorkerPool(4) as pool:
    print("map:", list(pool.map(lines_in, files[:4])))
    future = pool.submit(lines_in, "no such file")
    print("the function's own exception:", type(future.exception()).__name__)
    loop = asyncio.get_running_loop()
    lines = await asyncio.gather(*(loop.run_in_executor(pool, lines_in, path) for path in files))
    print("asyncio:", sum(lines), "lines")

# %% [markdown]
# ## 2. What a task costs
#
# A pool spends time on each task besides running it: an id, a place in line, a note in a log, a wakeup. That is
# **bookkeeping**. Next to a task of a second it is nothing; of a task of a microsecond it is all. Here is a pool as one
# would write it first, with all that one might want to know. You take away one cost at a time, and measure after each.
#
# The measure is `ThreadPoolExecutor` of the standard library, on tasks that do nothing. **Predict** how the naive pool
# compares with it: `"slower"`, `"no faster"` (the same within a tenth), `"faster"` or `"much faster"` (by half or more).
# You will need these four words again.

# %% tags=["nbval-ignore-output"]
prediction = ...


class State(Enum):
    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"


def job_class(slots):
    @dataclass(slots=slots)
    class Job:
        id: object
        function: object
        submitted: object
        state: State = State.WAITING
        value: object = None
        error: Exception = None
        lock: threading.Lock = field(default_factory=threading.Lock)
        ended: threading.Event = field(default_factory=threading.Event)

        def change(self, state):
            with self.lock:
                self.state = state

        def end(self):
            self.change(State.ENDED)
            self.ended.set()

        def wait(self):
            self.ended.wait()

        def result(self):
            self.wait()
            if self.error is not None:
                raise self.error
            return self.value

    return Job


class NaivePool:
    Job = job_class(slots=False)

    def __init__(self, workers):
        self.numbers = itertools.count(1)
        self.jobs = {}
        self.log, self.log_lock = [], threading.Lock()
        self.open_line()
        self.threads = [threading.Thread(target=self.work) for _ in range(workers)]
        for thread in self.threads:
            thread.start()

    def submit(self, function, priority=0):
        job = self.Job(self.new_id(), function, self.now())
        self.jobs[job.id] = job
        self.note("submitted", job)
        self.put(job, priority)
        return job

    def work(self):
        while (job := self.get()) is not STOP:
            job.change(State.RUNNING)
            self.note("started", job)
            try:
                job.value = job.function()
            except Exception as error:
                job.error = error
            self.note("ended", job)
            job.end()

    def shutdown(self):
        for _ in self.threads:
            self.put(STOP, priority=-1)
        for thread in self.threads:
            thread.join()

    # The steps replace what follows.

    def new_id(self):
        return uuid4().hex

    def now(self):
        return datetime.now(timezone.utc).isoformat()

    def note(self, kind, job):
        me = threading.current_thread().name
        with self.log_lock:
            self.log.append({"kind": kind, "id": job.id, "at": self.now(), "thread": me})

    def open_line(self):
        self.heap, self.changed = [], threading.Condition()

    def put(self, job, priority):
        with self.changed:
            heapq.heappush(self.heap, (-priority, next(self.numbers), job))
            self.changed.notify()

    def get(self):
        with self.changed:
            self.changed.wait_for(lambda: self.heap)
            return heapq.heappop(self.heap)[-1]


def nothing():
    pass


def one_by_one(pool, tasks):
    jobs = [pool.submit(nothing) for _ in range(tasks)]
    for job in jobs:
        job.result()
    return jobs


costs = Costs("ThreadPoolExecutor", ThreadPoolExecutor, one_by_one)
gain = costs.add("the naive pool", NaivePool, one_by_one)
costs.show()
compare(prediction, gain)

# %% [markdown]
# `costs.add` runs a pool in turns with `ThreadPoolExecutor` and with the pool before it. All of them run on one core, and
# what counts is processor time: `help("taskqueue_edu.course.costs")` says why. A step whose name begins with `+` is added to
# those before it.
#
# The **objects** are those that a task leaves and that the garbage collector looks at. It seeks objects that refer to each
# other in a circle and that nobody else knows. So it visits all that can refer to others, again and again, such as lists,
# tuples, locks and your own objects, but no text and no number.
#
# ### Step 1: count the ids
#
# `uuid4` makes an id that is unique in the world, out of random bytes from the operating system. An id that is unique in
# this pool can be counted. **Predict** how the pool compares with the one before.

# %% tags=["nbval-ignore-output"]
prediction = ...


class CountedIds(NaivePool):
    def new_id(self):
        return next(self.numbers)


gain = costs.add("+ ids from a counter", CountedIds, one_by_one)
costs.show()
compare(prediction, gain)

# %% [markdown]
# Compare what was gained with what `%timeit uuid4()` says: the call alone is a small part of it. While Python asks the
# system for random bytes it lets another thread run. So the id cost *switches of threads*, which no timing of one line
# shows. (The library draws random bytes once for each queue and counts after them: unique in the world as well.)
#
# ### Step 2: no text for a time
#
# A job notes the time four times: when it is made, and in three entries of the log. Each time becomes a text, whether or
# not anybody reads it. A clock that counts nanoseconds gives an integer. Format it when somebody looks.

# %% tags=["nbval-ignore-output"]
prediction = ...


class CountedTime(CountedIds):
    def now(self):
        return time.perf_counter_ns()


gain = costs.add("+ times as integers", CountedTime, one_by_one)
costs.show()
compare(prediction, gain)

# %% [markdown]
# ### Step 3: nothing to wait with, unless somebody waits
#
# An `Event` holds a `Condition`, and that a lock, two of the lock's methods, and a deque for those who wait: look at
# `vars(threading.Condition())`. Every job has an Event and a lock, but a client that collects results in order waits for
# few of its jobs: most have ended when it asks. Now whoever has to wait makes the Event, and one lock serves all jobs.
#
# The job gets `__slots__` first: fixed places for its attributes instead of a dict. **Predict** both, as a pair: what do the
# slots do, and then the Event?

# %% tags=["nbval-ignore-output"]
prediction = ...


class SlottedJobs(CountedTime):
    Job = job_class(slots=True)


@dataclass(slots=True)
class LazyJob(SlottedJobs.Job):
    lock: threading.Lock = threading.Lock()  # a default is made once: one lock for all jobs
    ended: threading.Event = None

    def end(self):
        self.change(State.ENDED)
        if self.ended is not None:
            self.ended.set()

    def wait(self):
        with self.lock:
            if self.state is not State.ENDED and self.ended is None:
                self.ended = threading.Event()
        if self.ended is not None:
            self.ended.wait()


class LazyJobs(SlottedJobs):
    Job = LazyJob


gains = (
    costs.add("+ __slots__", SlottedJobs, one_by_one),
    costs.add("+ an Event if one waits", LazyJobs, one_by_one),
)
costs.show()
compare(prediction, gains)

# %% [markdown]
# The slots did nothing for speed: since Python 3.11 a plain object, too, has no dict until somebody asks for its `__dict__`.
#
# <details><summary>A job ends just as somebody begins to wait for it. Why does nobody wait for ever?</summary>
#
# `wait` looks at the state and leaves its Event under the lock; `end` changes the state under the lock and looks for an Event
# after that. If `wait` has the lock first, `end` finds the Event. If `end` has it first, `wait` sees that the job has ended.
# </details>
#
# ### Step 4: a log without entries
#
# Each entry of the log is a dict. Four items in one long list say the same, and make no object of their own. Whoever reads
# the log cuts it into entries.

# %% tags=["nbval-ignore-output"]
prediction = ...


class FlatLog(LazyJobs):
    def note(self, kind, job):
        me = threading.current_thread().name
        with self.log_lock:
            self.log += kind, job.id, self.now(), me


gain = costs.add("+ a flat log", FlatLog, one_by_one)
costs.show()
compare(prediction, gain)

# %% [markdown]
# ### Step 5: a line for each priority
#
# `Condition` is written in Python: each `notify` and `wait` is several calls, and each `wait` makes a lock. The heap needs a
# tuple for each job and compares it with others. If there are only a few priorities, a deque for each will do, and a
# `SimpleQueue`, which is written in C, is the place to wait: it holds one `None` for each job in the lines.

# %% tags=["nbval-ignore-output"]
prediction = ...


class Lines(FlatLog):
    def open_line(self):
        self.lines = {1: deque(), 0: deque(), -1: deque()}  # by priority, the highest first
        self.line_lock = threading.Lock()
        self.ready = SimpleQueue()

    def put(self, job, priority):
        self.lines[priority].append(job)
        self.ready.put(None)

    def get(self):
        self.ready.get()
        with self.line_lock:
            for line in self.lines.values():
                if line:
                    return line.popleft()


gain = costs.add("+ a line a priority", Lines, one_by_one)
costs.show()
compare(prediction, gain)

# %% [markdown]
# ### Step 6: many at a time
#
# A client that has fifty tasks at once can look at the clock once, and take the lock of the log once.

# %% tags=["nbval-ignore-output"]
prediction = ...


class Batches(Lines):
    def submit_many(self, functions):
        at, me = self.now(), threading.current_thread().name
        jobs = [self.Job(self.new_id(), function, at) for function in functions]
        self.jobs.update((job.id, job) for job in jobs)
        with self.log_lock:
            for job in jobs:
                self.log += "submitted", job.id, at, me
        for job in jobs:
            self.put(job, 0)
        return jobs


def in_batches(pool, tasks):
    jobs = []
    for _ in range(0, tasks, 50):
        jobs += pool.submit_many([nothing] * 50)
    for job in jobs:
        job.result()
    return jobs


gain = costs.add("+ in batches of 50", Batches, in_batches)
costs.show()
compare(prediction, gain)

# %% [markdown]
# ### The real one, measured
#
# `WorkerPool` on a `TaskQueue` has all six steps. **Predict** how it compares with the last one. The second table, made
# without threads, says where its time goes.

# %% tags=["nbval-ignore-output"]
prediction = ...


class Nothing:
    def execute(self):
        pass


class RealPool:
    def __init__(self, workers):
        self.queue, self.pool = TaskQueue(), WorkerPool(workers)
        self.pool.start_processing(self.queue)

    def shutdown(self):
        self.pool.shutdown()
        self.queue.close()


def real_one_by_one(real, tasks):
    ids = [real.queue.submit(task) for _ in range(tasks)]
    return ids, [real.queue.wait_for_result(task_id) for task_id in ids]


def real_in_batches(real, tasks):
    ids = []
    for _ in range(0, tasks, 50):
        ids += real.queue.submit_many([task] * 50)
    return ids, [real.queue.wait_for_result(task_id) for task_id in ids]


def step_by_step(tasks):
    """Take tasks through their lives, all of them one step at a time, and time each step."""
    spent = {}

    def each(name, step, things):
        start = time.process_time()
        done = [step(thing) for thing in things]
        spent[name] = (time.process_time() - start) / len(done) * 1e6
        return done

    with TaskQueue() as queue:
        desk = queue.dispatcher
        ids = each("submit", queue.submit, [task] * tasks)
        runs = each("claim", lambda _: desk.claim("worker-1"), ids)
        outcomes = each("run", run_task, runs)
        each("settle", lambda pair: desk.settle(pair[0], *pair[1]), list(zip(runs, outcomes)))
        each("result", queue.wait_for_result, ids)
    return spent


task = Nothing()
gain = costs.add("WorkerPool, in batches", RealPool, real_in_batches)
costs.add("WorkerPool, one by one", RealPool, real_one_by_one)
costs.show()
compare(prediction, gain)
buys = {
    "submit": "a check of what the client gave, all that is known of a task, a place in line",
    "claim": "order, delays, no cancelled task; a run that can be asked to stop",
    "run": "current_task(), and an outcome whatever the task raises",
    "settle": "retries, no illegal step, no late outcome; the log; old results are dropped",
    "result": "an error that says what became of the task",
}
print("\nstep    µs a task  what it buys")
for step, microseconds in step_by_step(20_000).items():
    print(f"{step:7} {microseconds:9.1f}  {buys[step]}")

# %% [markdown]
# The real pool is slower than the last step, and on one core it can be slower than `ThreadPoolExecutor`. It has the
# same tricks, and does more: what happens to a task goes through one table of legal steps under one lock, a pending task
# can be taken out of its line, the monitor and a journal can follow. Nearly all of that is in `submit`, `claim` and
# `settle`. If you need none of it, don't pay for it.
#
# ### The limit, and the other cores
#
# How far can it go? Two SimpleQueues, functions in, results out: no ids, no order, no errors, and nobody knows which result
# belongs to which task. **Predict** how many times as fast as `ThreadPoolExecutor` that is, as a whole number.
#
# Up to now all ran on one core. Users have several. The last lines show the fastest and the slowest run on all of them.

# %% tags=["nbval-ignore-output"]
prediction = ...


class TwoQueues:
    def __init__(self, workers):
        self.functions, self.results = SimpleQueue(), SimpleQueue()
        self.threads = [threading.Thread(target=self.work) for _ in range(workers)]
        for thread in self.threads:
            thread.start()

    def work(self):
        while (function := self.functions.get()) is not STOP:
            self.results.put(function())

    def shutdown(self):
        for _ in self.threads:
            self.functions.put(STOP)
        for thread in self.threads:
            thread.join()


def in_and_out(pool, tasks):
    for _ in range(tasks):
        pool.functions.put(nothing)
    return [pool.results.get() for _ in range(tasks)]


costs.add("two queues", TwoQueues, in_and_out)
costs.show()
compare(prediction, round(costs["two queues"].rate))
print()
costs.on_all_cores(
    "ThreadPoolExecutor", "the naive pool", "+ a line a priority", "WorkerPool, one by one"
)

# %% [markdown]
# If a second core was free, the same pool was fast in one run and slow in another: threads on two cores hand the GIL to each
# other, and that takes longer than the bookkeeping. Worst is a **lock convoy**: a thread is interrupted while it holds a
# lock, the next one goes to sleep on it, and from then on every task costs two switches of threads. The library steps aside
# before it takes a lock that is taken: `help("taskqueue_edu.locks")`.
#
# All of it in one picture, and what holds on every machine:

# %%
costs.picture()
naive, last, limit = costs["the naive pool"], costs["+ in batches of 50"], costs["two queues"]
best = max(row.rate for row in costs.rows if row is not limit)
print("The six steps together made the pool at least twice as fast:", last.rate > 2 * naive.rate)
print("They left at most half as many objects to the collector:", 2 * last.objects < naive.objects)
print("No pool with jobs comes near the limit:", 3 * best < limit.rate)

# %% [markdown]
# - **Measure, remove, measure again.** What cost most was in no line that looked slow: switches of threads for an id, and an
#   Event that nobody waited for. Measure what you did *not* expect to matter, too.
# - **Not worth it**: `__slots__` did nothing here, and once the rest is gone, a flat log and batches gain little, for code
#   that is harder to read. (In a journal on disk batches can gain much: many tasks share one wait for the disk.) A trick
#   stays only if the figures say so.
# - **A bare `ThreadPoolExecutor` is the right choice** if your tasks are functions, you keep their futures, and nobody asks
#   what is waiting, why a task failed an hour ago, or how to stop it. It comes with Python, and everybody knows it.
# - **None of it matters** if a task takes milliseconds. Then choose the pool that tells you most.
#
# **Explain it to yourself**: which of the six steps would you keep in a pool whose tasks take a millisecond each?
