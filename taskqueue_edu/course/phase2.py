# %% [markdown]
# # 2 · The worker pool: many hands, one queue
#
# Workers are threads that take tasks from the queue and run them. They share the queue, the results and the
# time of the processor. This notebook shows what that gains, how it goes wrong, and how to write it so
# that it can't.
#
# **You will be able to**
#
# - say which work threads make faster, and measure it;
# - find the moment at which two threads spoil each other's work, have the lab show it, and close it with a lock;
# - make threads wait for each other without polling, and bound a queue;
# - end a pool so that no task is cut off and no error is lost;
# - write a test that finds a bug of concurrency;
# - build a worker pool step by step, read the real one, and run your own in the live monitor.
#
# **Time**: two sittings of 75 minutes, with a break after section 3. The core path is six exercises, marked ★. What has
# no star is further practice. **Before**: phase 1, or what its recall asks below.
#
# **How it works**
#
# 1. The notebook is saved with its outputs. Choose *Edit → Clear Outputs of All Cells* first: a prediction teaches only
#    if you make it before you see the answer.
# 2. Where a cell says `predict(...)`, choose with a button, or write the letter: `predict("p2.parse", "a")`. Where one
#    begins with `prediction = ...`, put your answer in place of `...`.
# 3. An exercise has a body of `...`. Write yours, run the cell and the check below it. The check says what it tried and
#    what happened. Most checks of this phase run your threads in very many orders, and show one that fails.
# 4. In a cell of your own, `hint("p2.tally")` gives the next hint. `reveal("p2.tally")` explains the solution once
#    yours is right, or after three tries. An exercise that you skip stops nothing.
#
# *You know all this?* Run the prediction cells; read where you are wrong; do the exercises with a star.

# %%
import asyncio
import dis
import logging
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Full, Queue

from taskqueue_edu import (
    LiveMonitor,
    QueueFull,
    TaskCancelled,
    TaskQueue,
    TaskStatus,
    WaitTimeout,
    WorkerPool,
    current_task,
)
from taskqueue_edu.course.show import compare, show_source
from taskqueue_edu.executor import run_task
from taskqueue_edu.lab import check, explore, hint, mutants, outcome, parsons, predict, reveal
from taskqueue_edu.lab import step_through, together, trace, you_schedule
from taskqueue_edu.registry import Registry
from taskqueue_edu.workloads import FetchPage, IndexFile, MathTask, PageServer, SleepTask
from taskqueue_edu.workloads import corpus_files, stdlib_files

logging.getLogger("taskqueue_edu").setLevel(logging.ERROR)  # we crash workers on purpose
files = [str(path) for path in corpus_files()]
print(len(files), "source files to work on")

# %% [markdown]
# ## Recall
#
# <details><summary>1. What is an invariant, and when may it be broken?</summary>
#
# A sentence about the data that is true whenever the lock is free. Between taking the lock and giving it back
# it may be broken, since nobody else can look.
# </details>
#
# <details><summary>2. A memory queue holds a task whose list the caller changes after <code>submit</code>. What does
# the worker see?</summary>
#
# The changed list: the queue holds a reference to the caller's object.
# </details>
#
# <details><summary>3. What does <code>with lock:</code> do when its block raises?</summary>
#
# It gives the lock back. Whatever the block left half done stays half done.
# </details>
#
# <details><summary>4. You cancel a task that already runs. What does <code>cancel</code> return, and why?</summary>
#
# `False`. The task was only asked to stop: no thread can be stopped from outside.
# </details>

# %% [markdown]
# ## The problem: done, says the program
#
# Two threads index source files. They take paths from a shared `deque` until it is empty.

# %%
def index_all(paths, workers=2):
    waiting = deque(paths)
    results = {}

    def work():
        while waiting:
            path = waiting.popleft()
            results[path] = IndexFile(path).execute()

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"done: {len(results)} of {len(paths)} files")
    return results


results = index_all(files)

# %% [markdown]
# It works. Today somebody is typing: two drafts that are no Python yet stand at the front of the list.
# **Predict** how many of the 16 files it indexes, a number; or write `"SyntaxError"`, if you think that this is how the
# cell ends.

# %%
prediction = ...

died = []
original = threading.excepthook
threading.excepthook = lambda args: died.append(args.exc_type.__name__)
with tempfile.TemporaryDirectory() as folder:
    drafts = [str(Path(folder, name)) for name in ("draft_1.py", "draft_2.py")]
    for draft in drafts:
        Path(draft).write_text("def unfinished(:\n")
    results = index_all(drafts + files)
threading.excepthook = original
compare(prediction, len(results))
print("what happened in the threads:", died)

# %% [markdown]
# > **You may think** that an exception in a thread reaches the program that started it, as one in a function
# > reaches its caller. **But** a thread has no caller that waits at that line. Python prints the error
# > (here we collected it with `threading.excepthook`) and ends the thread. `join` returns, and the program
# > goes on with less.
#
# Each thread met a draft and died; nobody was left for the other fourteen files. A pool has to do better in
# four places. The parts of this notebook take them one by one:
#
# 1. Are threads the right hands for this work at all?
# 2. `while waiting` looks, `popleft` acts: what may happen in between?
# 3. What does a worker do while there is nothing to do, and a client while there is too much?
# 4. Who learns what became of a task, and who ends the workers?

# %% [markdown]
# ## 1. What threads give
#
# A thread is a second line of execution in the same process. CPython has a **global interpreter lock** (GIL):
# of all threads, one at a time runs Python code. A thread that waits for the network, the disk or a clock
# gives the GIL to another.
#
# Work that mostly waits is **I/O-bound**; work that mostly calculates is **CPU-bound**. We measure one of each:
# fetching 40 pages from a server on this machine, and parsing 60 source files. **Predict** the second:

# %%
predict("p2.parse", ...)

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


with PageServer() as server:
    pages = [FetchPage(url) for url in server.urls(40)]
    fetch_loop, fetch_threads = best_times(
        lambda: in_a_loop(pages), lambda: on_threads(pages), times=2
    )
sources = [IndexFile(str(path)) for path in stdlib_files()[:60]]
parse_loop, parse_threads = best_times(
    lambda: in_a_loop(sources), lambda: on_threads(sources), times=2
)
print(f"fetch: loop {fetch_loop:.2f} s, four threads {fetch_threads:.2f} s")
print(f"parse: loop {parse_loop:.2f} s, four threads {parse_threads:.2f} s")
fetch_gain, parse_gain = fetch_loop / fetch_threads, parse_loop / parse_threads

# %%
has_gil = getattr(sys, "_is_gil_enabled", lambda: True)()
print("Threads made fetching at least twice as fast:", fetch_gain > 2)
print("With the GIL, threads did not make parsing twice as fast:", not has_gil or parse_gain < 2)
outcome("p2.parse")

# %% [markdown]
# Four threads wait at the same time, but they don't parse at the same time: the GIL goes from one to the next. More
# cores are used by **processes**, each of which has a GIL of its own: see
# [further practice](extension_pool.ipynb). (Some builds of CPython since 3.13 have no GIL; there the threads can be
# faster.)
#
# **Modify**: in the cell that fetches them, let 40 workers do it. (The server ends with that cell's `with`, and a task
# that finds none fails in silence.) What limits the gain now?
#
# <details><summary>What limits it?</summary>
#
# The slowest page. Each page has a worker of its own, so the number of workers limits nothing any more; but the last page
# takes its time. The rest is work for the processor, which they can't do at the same time: the start of 40
# threads, 40 requests, and the answers of the server, which runs in this process.
# </details>

# %% [markdown]
# ## 2. Looking and acting: races
#
# A **race** is a result that depends on which thread comes first. The famous example is a shared counter.
# Eight threads add 1, each 100,000 times, without a lock. **Predict**: how many of the 800,000 are lost?

# %% tags=["nbval-ignore-output"]
prediction = ...

counter = 0


def count():
    global counter
    for _ in range(100_000):
        counter += 1


def run_together(*functions):
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


run_together(*[count] * 8)
compare(prediction, 800_000 - counter)

# %% [markdown]
# On CPython 3.10 to 3.13 the answer is 0 (a build without a GIL may lose some).

# %%
predict("p2.many_runs", ...)

# %% [markdown]
# Look at what Python makes of such a line, in a class that adds up the lines of files:

# %%
class Lines:
    def __init__(self):
        self.total = 0

    def add(self, lines):
        self.total += lines


for step in dis.get_instructions(Lines.add):
    if step.opname in ("LOAD_ATTR", "STORE_ATTR", "BINARY_OP"):
        print(step.opname, step.argval if "ATTR" in step.opname else step.argrepr)

# %% [markdown]
# Three steps: read `total`; add; store `total`. Another thread may come in between two of them. Whether it does is luck,
# so don't leave it to luck. The **lab** runs threads one step at a time. `together` starts a thread for each function
# and waits for all. `explore` runs the **scenario** around it again and again, each time in another order of steps (a
# **schedule**), until one fails or all have been tried: all with at most two preemptions, which are stops where the
# thread could have gone on. In a timeline, each column is a thread and each row a step.

# %%
def two_add():
    lines = Lines()
    together(lambda: lines.add(10), lambda: lines.add(5))
    assert lines.total == 15, f"10 and 5 lines make {lines.total}"


display(explore(two_add))
outcome("p2.many_runs")

# %% [markdown]
# > **You may think** that the GIL makes `+=` safe, because only one thread runs at a time, or that a program is
# > right because it ran 800,000 times. **But** the GIL protects the interpreter's own data, step by step. A line
# > of *your* program is several steps. Which of them are interrupted is an accident of this version; the lab shows
# > what the language permits.
#
# That is how to think about races: *find the step after which another thread must not come in; let it come in
# there.* You need two threads and a handful of steps, not a million runs. To close the gap, three questions find the
# lines that belong under a lock:
#
# 1. **What is the invariant?** A sentence about the data.
# 2. **Which data does it speak of?**
# 3. **From where to where may nobody else touch these data?** Not less, and the same lock for everybody.

# %% [markdown]
# ## ★ Exercise 1: a tally that two threads keep
#
# `files` and `lines` belong together: `lines` is the sum of the lines of exactly `files` files. Whoever asks for a
# report must find that true. Answer the three questions, write the answer to the first into `__init__` as a comment,
# and make the class safe. (A tally has no thread of its own: nobody would end it.)

# %% exercise="p2.tally"

# %% [markdown]
# ## Bug hunt: safe steps do not make a safe sequence
#
# `queue.Queue` is thread-safe: each of its methods is. One task is left, and two workers follow this plan: if the queue
# is not empty, take a task. It works nearly always. First write down the schedule that fails, on paper: who
# does which step, in which order? Then be the scheduler. `you_schedule` lets you say who goes next, with buttons or as
# letters: `you_schedule(..., "A B")`. A and B are the workers. M is the main thread, which waits here until both have ended.

# %%
def one_task_for_two(worker):
    def scenario():
        tasks = Queue()
        tasks.put("the only task")
        together(lambda: worker(tasks), lambda: worker(tasks))

    return scenario


def careful_worker(tasks):
    if not tasks.empty():
        tasks.get()


predict("p2.empty_get", ...)
you_schedule(one_task_for_two(careful_worker))

# %% [markdown]
# Did you break it? The lab plays the same game, and tries every order:

# %%
display(explore(one_task_for_two(careful_worker)))
outcome("p2.empty_get")
predict("p2.sleep", ...)

# %% [markdown]
# This is **check-then-act**, the most frequent race of all. A colleague proposes a sleep between the two lines, "so that
# the other one is done": that is what you have just predicted. You propose one step that checks and acts: `get_nowait()`,
# which takes a task or raises `Empty`. The lab tries both in every order. (A second of sleep takes no
# time there.)

# %%
def sleepy_worker(tasks):
    if not tasks.empty():
        time.sleep(1)
        tasks.get()


def bold_worker(tasks):
    try:
        tasks.get_nowait()
    except Empty:
        pass


display(explore(one_task_for_two(sleepy_worker)))
outcome("p2.sleep")
display(explore(one_task_for_two(bold_worker)))

# %% [markdown]
# That no schedule of the last one fails is more than luck: the verdict says how far the lab has looked. The other repair is
# **one lock** around both steps, taken by everybody who takes tasks.
#
# **Modify**: write a worker that looks and takes under a lock, made in the scenario, and let the lab try it.
#
# | Rust | Python | where the comparison misleads |
# |---|---|---|
# | `Send`, `Sync`: the compiler refuses to share what is unsafe to share | nothing | Python shares every object with every thread and says nothing. |
# | `Arc<Mutex<T>>` | an object with a private lock and private data | `with lock` guards whoever takes the lock, not the data. |

# %% [markdown]
# ## Further practice: each file once
#
# Links and renames bring the same path several times. Workers call `claim` before they index a file, so that
# one of them does it. `seen` is the set of paths that were claimed, each as it came; all callers share `seen` and `lock`.
# Somebody may have the lock for a long time: wait for it, however long. Asking for it once a second does no harm; ten
# times a second costs the one who works.

# %% exercise="p2.claim"

# %% [markdown]
# ## 3. Waiting for each other
#
# A worker without a task must wait, and it must not ask again and again (**polling**), which costs time whether
# or not there is work. A **condition** is a lock plus a place to wait:
#
# - `wait()` gives the lock back, sleeps, and when it was woken takes the lock again;
# - `notify()` wakes one thread that waits, `notify_all()` wakes all. Both need the lock.
#
# Three questions first, on this part. You see the answers below.

# %%
predict("p2.woken", ...)
predict("p2.early_notify", ...)
predict("p2.unbounded", ...)

# %%
class Impatient:
    """Tasks for workers, who look with `if`."""

    def __init__(self):
        self.changed = threading.Condition()
        self.items = deque()

    def put(self, item):
        with self.changed:
            self.items.append(item)
            self.changed.notify_all()

    def get(self):
        with self.changed:
            if not self.items:
                self.changed.wait()
            return self.items.popleft()


def two_tasks_for_two():
    waiting = Impatient()

    def put_two():
        waiting.put("first")
        waiting.put("second")

    together(waiting.get, waiting.get, put_two)


display(explore(two_tasks_for_two))
outcome("p2.woken")

# %% [markdown]
# > **You may think** that after `wait()` the thing you waited for is there, because somebody notified you.
# > **But** between the wakeup and your turn at the lock, another thread may have taken it. A wakeup says *look
# > again*, so look again: `while not items: changed.wait()`, or `changed.wait_for(lambda: items)`.
#
# **Modify**: write `while` in place of `if`, and run the cell again.
#
# And what if nobody waits when `notify()` is called?

# %%
def news_for_one():
    changed = threading.Condition()

    def tell():
        with changed:
            changed.notify()

    def listen():
        with changed:
            changed.wait()

    together(tell, listen)


display(explore(news_for_one))
outcome("p2.early_notify")

# %% [markdown]
# A condition remembers nothing; only the data do. So the pattern has three parts, always: *change the data under
# the lock; notify; wait in a loop that looks at the data.*
#
# ### Too much work: a bound
#
# Clients can be faster than workers. A queue with a bound has so many places, and no more.

# %%
def deepest(maxsize):
    with TaskQueue(maxsize=maxsize) as queue, WorkerPool(2) as pool:
        pool.start_processing(queue)
        depth = 0
        for _ in range(40):
            queue.submit(SleepTask(0.02))
            depth = max(depth, queue.registry.counts()[TaskStatus.PENDING])
        queue.join()
        return depth


print("without a bound, more than 20 of the 40 waited:", deepest(0) > 20)
print("with 3 places, never more than 3 tasks did:", deepest(3) <= 3)
with TaskQueue(maxsize=3) as queue:  # nobody works here
    refused = 0
    for number in range(5):
        try:
            queue.submit(MathTask("sum", (number,)), timeout=0.05)
        except QueueFull:
            refused += 1
    print("with 3 places and no worker, of 5 tasks were refused:", refused)
outcome("p2.unbounded")
show_source(Registry._wait_for_place)

# %% [markdown]
# A `submit` without a time limit waits for a place: the client is slowed down to the pace of the workers. That is
# **backpressure**. The last lines show how the library waits: `_places` is a condition on the registry's one lock,
# `_crowd` counts who waits at it, and `_over` is the error that has ended the registry, or None. The
# notifying is in `Registry.start` and `Registry.record`: when a task stops being pending, a place is free.
#
# <details><summary>Why <code>notify</code> here, where the buffer below may need <code>notify_all</code>?</summary>
#
# All who wait at this condition wait for the same thing, so whichever is woken can use the place. But one that is
# interrupted (Ctrl-C) just as it is woken can't: it passes the wakeup on, or a free place would find no taker.
# </details>
#
# ### On paper first
#
# Follow a buffer with one place, whose `put` and `get` wait in a loop. Threads A and B put, C gets:
#
# 1. C calls `get()`.
# 2. A puts a, and notifies; C has not had the lock again.
# 3. B calls `put(b)`, before C has the lock.
# 4. C has the lock, looks again, takes a, and notifies; B has not had the lock again.
# 5. B has the lock, looks again, and puts b.
#
# After each step: what is in the buffer, and who sleeps in `wait()`? A thread that was notified does not sleep any more: it
# waits for the lock. Put a text for each step into the list, in place of its `...`: the item, a colon, and who sleeps, with
# `-` for none. So `"a: -"` is an item a and nobody, `"-: A C"` no item and two who sleep. The first is there.

# %%
trace("p2.buffer", ["-: C", ..., ..., ..., ...])

# %% [markdown]
# ## ★ Exercise 2: a bounded buffer
#
# The classic. `put` waits while the buffer is full, `get` while it is empty. With a `timeout` in seconds they raise
# `Full` or `Empty` when it is over (`None`: they wait as long as it takes). The oldest item comes first. Who waits is
# woken as soon as it can go on; looking again by itself does no harm once a second, ten times a second it costs time.
#
# `notify` wakes one thread, and its time may be up at that very moment. If it gives up then, nobody has been told. So let a
# thread look once more before it gives up, or wake them all.
#
# In the lab time is virtual: if you need a clock, `time.monotonic()` knows of it, and `datetime.now()` does not. There, a
# limit may be over before another thread makes its next step. It is over at the latest when nobody else can run.
#
# Finish the sentence in the comment first.

# %% exercise="p2.bounded_buffer"

# %% [markdown]
# ---
# **A good place for a break.** So far: threads help where work waits; a race is a gap between looking and acting; a
# lock closes the gap; a condition lets threads wait for each other; a bound keeps the line short.
#
# ---

# %% [markdown]
# ## 4. Build a pool
#
# ### Step 1: a thread for each task
#
# `threading.Thread(target=IndexFile(path).execute).start()` for each path has two faults. A hundred thousand files would be
# a hundred thousand threads, each with a stack of its own. And what `execute` returns is thrown away: a `Thread` has no
# result.
#
# ### Step 2: few threads, one queue
#
# A fixed number of workers take tasks from a `queue.Queue` and put the results into a dict. To end them, the
# client puts a **sentinel** into the queue: a value that is no task and means stop. **Predict**: four workers, one
# sentinel. How many workers are still alive?

# %%
prediction = ...

STOP = object()


class FirstPool:
    def __init__(self, workers):
        self.tasks = Queue()
        self.results = {}
        self.threads = [threading.Thread(target=self._work, daemon=True) for _ in range(workers)]
        for thread in self.threads:
            thread.start()

    def _work(self):
        while (task := self.tasks.get()) is not STOP:
            self.results[task] = task.execute()


pool = FirstPool(4)
for path in files:
    pool.tasks.put(IndexFile(path))
pool.tasks.put(STOP)
for thread in pool.threads:
    thread.join(timeout=0.2)
alive = [thread for thread in pool.threads if thread.is_alive()]
print(len(pool.results), "results")
compare(prediction, len(alive))

for thread in alive:  # let them go
    pool.tasks.put(STOP)
for thread in alive:
    thread.join()

# %% [markdown]
# > **You may think** that a sentinel ends the pool. **But** the worker that takes it out of the queue is the only
# > one that sees it. Put one in for each worker, or let each worker put it back as it leaves.
#
# ### Step 3: a worker's loop
#
# Three more things can go wrong. A task may raise an error, as at the top. `queue.Queue` counts: `tasks.join()` returns
# when `task_done()` was called for each task, and a worker in a hurry calls it before the result is there. And the
# sentinel must reach everybody. *Store the result first, then say that it is there.*
#
# ## ★ Exercise 3: put the lines in order
#
# Here `None` is the sentinel, and functions are the tasks. When `tasks.join()` returns, each function's value or error
# is in `results`. Use only the lines that the work needs. Two differ in nothing but their indentation.
# Use the buttons, or write the letters in place of `...`: `"G M K D"`.

# %%
parsons("p2.worker_loop", ...)

# %% [markdown]
# ### Step 4: results, errors, and an end
#
# All together: an error is caught where the task runs and kept as its outcome; the outcome is stored under the lock
# and announced by `notify_all`; the sentinel is passed on.

# %%
class SmallPool:
    """Runs tasks on a fixed number of threads."""

    def __init__(self, workers):
        self._tasks = Queue()
        # Guards `_outcomes`: the value or the error of each task that has ended, by number.
        self._changed = threading.Condition()
        self._outcomes = {}
        self._submitted = 0
        self._threads = [threading.Thread(target=self._work) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def submit(self, task):
        """Called by one thread."""
        self._submitted += 1
        self._tasks.put((self._submitted, task))
        return self._submitted

    def result(self, number):
        with self._changed:
            self._changed.wait_for(lambda: number in self._outcomes)
            value, error = self._outcomes[number]
        if error is not None:
            raise error
        return value

    def shutdown(self):
        self._tasks.put(STOP)
        for thread in self._threads:
            thread.join()

    def _work(self):
        while (entry := self._tasks.get()) is not STOP:
            number, task = entry
            try:
                outcome = task.execute(), None
            except BaseException as error:
                outcome = None, error
            with self._changed:
                self._outcomes[number] = outcome
                self._changed.notify_all()
        self._tasks.put(STOP)  # for the next worker


def index_with_drafts(submit, result):
    """Submit two drafts and fourteen files; count what comes back."""
    ended = []
    with tempfile.TemporaryDirectory() as folder:
        drafts = [str(Path(folder, name)) for name in ("draft_1.py", "draft_2.py")]
        for draft in drafts:
            Path(draft).write_text("def unfinished(:\n")
        for number in [submit(IndexFile(path)) for path in drafts + files]:
            try:
                ended.append(type(result(number)).__name__)
            except Exception as error:
                ended.append(type(error.__cause__ or error).__name__)
    return {name: ended.count(name) for name in ended}


pool = SmallPool(2)
print(index_with_drafts(pool.submit, pool.result))
pool.shutdown()

# %% [markdown]
# The job that the program at the top failed at: fourteen indexes, and two errors that reach whoever asks.
#
# **Modify**: `submit` says "called by one thread". What goes wrong with two, and what is missing?
#
# <details><summary>What goes wrong?</summary>
#
# `self._submitted += 1` is several steps, and `self._submitted` is read twice more. So two threads may get the same number:
# one outcome replaces the other, and both ask for the one that is left. What is missing is a lock around the `+= 1` and a
# local name for the number: `put` and `return` use that name.
# </details>
#
# ### The real one
#
# `WorkerPool` does the same on a `TaskQueue`:

# %%
with TaskQueue() as queue, WorkerPool(2) as pool:
    pool.start_processing(queue)
    print(index_with_drafts(queue.submit, queue.wait_for_result))
show_source(WorkerPool._work, run_task)

# %% [markdown]
# The `_run` of a WorkerPool is `run_task`. `_faults` counts how often in a row the loop itself has failed, and
# `request_release` asks a task to stop and go back to the queue.
#
# | yours | the library's | why it differs |
# |---|---|---|
# | `self._tasks.get()` | `desk.claim(name, leave)` | Records *Started*, so that a cancelled task ends here. |
# | `try: ... except BaseException` | `run_task(run)` | Also tells the task who it is (`current_task()`). |
# | `self._outcomes[number] = ...` | `desk.settle(run, *outcome)` | Or arranges the next try. |
# | `STOP`, put back | `nudge()`: "look whether you should leave" | Any number can leave, and the others stay. |
#
# <details><summary>How does a nudge reach the right number of workers?</summary>
#
# A nudge is an item in the pending queue that is no task. The worker that gets it looks whether there are too many.
# If so it leaves, and if there are still too many, it nudges once more as it goes (in `_gone`): the sentinel, passed on.
# </details>
# <details><summary>Which lock is held while the task runs?</summary>
#
# None. `claim` and `settle` take the registry's lock for a few lines each. `run_task` between them runs foreign code
# for as long as it likes: with a lock held, one task at a time would run.
# </details>
# <details><summary>What if the loop itself fails, and not the task?</summary>
#
# `except BaseException` around the loop. The worker is taken off the list, its task goes back to the queue, and another
# worker replaces it.
# </details>
#
# | Rust | Python | where the comparison misleads |
# |---|---|---|
# | `mpsc::channel`: many senders, one receiver | `queue.Queue` | Any number of receivers. The object stays shared with the sender. |
# | `recv` fails when all senders are gone | nothing | Nobody hangs up: you need a sentinel, or `shutdown()` of Python 3.13. |
# | `JoinHandle::join` returns the thread's result or panic | `Thread.join` returns `None` | Results and errors are yours to carry. |

# %% [markdown]
# ## Further practice: a handle for a result
#
# `SmallPool` wakes every client for every result. A **handle** is a place for one result: clients wait for it, without
# polling, or leave functions that are called when it is there. (`concurrent.futures.Future` is one.) Each `call_back` leads to
# one call: in `set`, or at once if the result is there. The function may do anything but raise: wait, take locks, ask the
# handle. A result may be `None`, too. Once it is there, everyone who asks gets it, even with `timeout=0`.

# %% exercise="p2.handle"

# %% [markdown]
# ## 5. The lives of workers
#
# Two questions first, on how work ends. You see the answers below. (A **daemon** is a thread that its program doesn't wait
# for at the end.)

# %%
predict("p2.timeout", ...)
predict("p2.daemon", ...)

# %% [markdown]
# ### A worker crashes
#
# `crash_worker` ends a worker's thread at the next **checkpoint** of its task (`sleep`, `progress` or `checkpoint` of
# `current_task()`). **Predict**: what becomes of its task? `"lost"`, `"failed"` or `"run again"`.

# %%
prediction = ...

has_begun = threading.Event()


@dataclass(frozen=True)
class LongNap:
    def execute(self):
        me = current_task()
        if me.attempt == 1:
            has_begun.set()
            me.sleep(60)  # a checkpoint: a crash or a request to cancel ends it
        return me.attempt


with TaskQueue() as queue, WorkerPool(1) as pool:
    pool.start_processing(queue)
    task_id = queue.submit(LongNap())
    has_begun.wait(timeout=5)
    print("crashed:", pool.crash_worker())
    run = queue.wait_for_result(task_id, timeout=5)
    compare(prediction, "run again" if run > 1 else "failed")
    print("it ended in run", run, "- crashes:", pool.crashes, "- workers:", pool.workers)

# %% [markdown]
# The pool put the task back and started another worker. So a task may run **more than once**: *at least once* is what
# a queue can promise, and why tasks should be **idempotent**: to run twice does no more than to run once. A task that
# takes its worker down again and again is declared dead after `max_recoveries`.
#
# ### Cancelling is a request
#
# One task never looks at `current_task()`; another sleeps in it, which is a checkpoint.

# %%
deaf_has_begun, may_end, nap_has_begun = (threading.Event() for _ in range(3))


@dataclass(frozen=True)
class Deaf:
    def execute(self):
        deaf_has_begun.set()
        may_end.wait(timeout=10)
        return "done all the same"


@dataclass(frozen=True)
class Polite:
    def execute(self):
        nap_has_begun.set()
        current_task().sleep(60)


with TaskQueue() as queue, WorkerPool(2) as pool:
    pool.start_processing(queue)
    deaf, polite = queue.submit(Deaf()), queue.submit(Polite())
    deaf_has_begun.wait(timeout=5)
    try:
        queue.wait_for_result(deaf, timeout=0.2)
    except WaitTimeout:
        print("we stopped waiting; the task is", queue.status(deaf))
    print("cancel says:", queue.cancel(deaf))
    may_end.set()
    print(queue.wait_for_result(deaf))
    print("it is", queue.status(deaf))

    nap_has_begun.wait(timeout=5)
    queue.cancel(polite)
    try:
        queue.wait_for_result(polite, timeout=5)
    except TaskCancelled:
        print("the polite one is", queue.status(polite))
outcome("p2.timeout")

# %% [markdown]
# > **You may think** that a timeout stops the work, and that a thread can be killed. **But** a timeout ends the
# > *waiting*, and Python has no way to kill a thread: it might hold a lock. Whoever wants a task to stop must have it
# > look.
#
# One thing does end a thread anywhere: the end of the program, if the thread is a daemon.

# %%
program = """
import threading

writes = threading.Event()

def save():
    try:
        print("save: half of it is written", flush=True)
        writes.set()
        threading.Event().wait()  # the other half takes a while
    finally:
        print("save: closed the file", flush=True)

threading.Thread(target=save, daemon=True).start()
writes.wait()
print("main: that's all")
"""
print(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout, end="")
outcome("p2.daemon")

# %% [markdown]
# So a pool tells its workers to end, and waits for them: `join`. The library's threads are daemons, which lets a program
# end that forgot its pool; `with WorkerPool(...)` doesn't forget.

# %% [markdown]
# ## 6. Two locks: deadlock
#
# A task moves between two lines, and is always in exactly one of them. That speaks of both lines, so a move holds both
# locks. One thread moves to the right, another to the left. What can happen? `step_through` shows the schedule that the lab
# has found one step at a time: go through it with *Next*, and look who holds which lock.

# %%
class Line:
    """Tasks that wait. Whoever reads or changes `tasks` holds `lock`."""

    def __init__(self, number, *tasks):
        self.number = number
        self.lock = threading.Lock()
        self.tasks = list(tasks)


def careless_move(task, source, target):
    with source.lock, target.lock:
        source.tasks.remove(task)
        target.tasks.append(task)


def there_and_back():
    one, two = Line(1, "a"), Line(2, "b")
    together(lambda: careless_move("a", one, two), lambda: careless_move("b", two, one))


step_through(explore(there_and_back))

# %% [markdown]
# A **deadlock** is a circle: each waits for what another holds. If all take locks in one order there is no circle: who
# holds the highest lock waits for nobody.
#
# ## ★ Exercise 4: move without a circle
#
# Also: a task that is not in `source` (any more) can't be moved, which is no error; of two equal ones, one moves; and
# `source` may be `target`: then the task may come last, or stay where it is. Each line has a `number` of its own. You
# choose the order of the locks. Other parts of the program take both, too, in an order of their own; but they give the
# first back if they don't get the second, so they close no circle.
#
# Instead of an order, you may give back, too, and try again. But two threads that do so at once may do it for ever: a
# **livelock**, in which threads run and none gets on. After giving back, wait for the lock that was taken, holding nothing.
# A pause before the next try is accepted, too: it makes a livelock unlikely, and not impossible.

# %% exercise="p2.transfer"

# %% [markdown]
# The circle can be as small as one thread. A pool tells its listener that a task has ended, holding its lock. The
# listener asks the pool how many have ended:

# %%
class Announcer:
    def __init__(self):
        self._lock = threading.Lock()
        self._ended = 0

    def ended(self):
        with self._lock:
            return self._ended

    def end_one(self, listener):
        with self._lock:
            self._ended += 1
            listener(self)  # foreign code, under our lock


def one_listens():
    Announcer().end_one(lambda pool: pool.ended())


explore(one_listens)

# %% [markdown]
# > **You may think** that a thread can take a lock that it already holds. **But** a `Lock` doesn't know its holder. An
# > `RLock` would let it in, in the middle of a broken invariant. The rule is simpler: *never call foreign code under
# > a lock.* Decide under the lock, act after it.
#
# ## ★ Exercise 5: kill the mutants
#
# `Latch(count)` opens when `count` have arrived: `arrive()` says that one more has, and `wait()` returns when all have.
# Any number of threads may wait. (More than `count` may arrive, which changes nothing, and `Latch(0)` is open from the start;
# but the broken ones all go wrong without that.) There are latches that are right, in several styles, and latches that are
# broken, each in its own way. You see none of them. Write a test that lets the right ones pass and turns the broken ones
# down. Make each latch in the scenario: the lab runs it many times, and each run needs a new one. An `explore(...)` that has
# found nothing counts as true: `assert explore(scenario)`. Two scenarios of three threads take less time than one of four.

# %%
def test_latch(Latch):
    """Raise AssertionError, or any other error, if `Latch` is broken."""
    ...


mutants("p2.latch", test_latch)

# %% [markdown]
# ## 7. Watch it work
#
# `LiveMonitor(queue)` shows throughput, waiting and running times, and what each worker does. Clients ask for 150 pages a
# second, and two workers can't keep up. After two seconds we make them eight. `await` lets the notebook go on showing the
# picture while the cell waits; `await queue.drained()` waits until every task has ended.
#
# **Predict** before you run it, for the moment when two become eight: what rises, what falls, what stays? Throughput, depth of
# the queue, the time that tasks *wait*, the time that they *run*.

# %% tags=["nbval-ignore-output"]
ids = []
with PageServer() as server, TaskQueue() as queue, WorkerPool(2) as pool:
    pages = [FetchPage(url) for url in server.urls(600)]
    pool.start_processing(queue)
    with LiveMonitor(queue) as monitor:
        for step in range(50):
            if step == 25:
                pool.resize(8)
            ids += queue.submit_many(pages[12 * step : 12 * step + 12])
            await asyncio.sleep(0.08)  # the pace of the clients
        await queue.drained()
print(monitor.summary())

# %%
results = [queue.wait_for_result(task_id) for task_id in ids]
print(len(results), "pages,", sum(page.bytes for page in results), "bytes")
workers = {record.worker for record in queue.registry.records()}
print("workers that took part:", sorted(workers))

# %% [markdown]
# Two workers: throughput is flat at what two can do, the line grows, and so does the time that each task waits in it. Eight:
# throughput jumps while they work off the line, then it is what the clients ask for. The time that a page *runs* hardly
# changes: that is the server's. **More workers shorten the waiting, not the work.**

# %% [markdown]
# ## ★ Exercise 6: a pool of your own
#
# Write a pool on the library's queue. `desk = queue.dispatcher` is its side for workers:
#
# - `desk.attach(self)` says that this pool runs the queue. It comes first: it refuses if another pool does. The monitor
#   then asks the pool for `workers`.
# - `desk.claim(name)` waits for a task, starts it under that worker's name and returns the run; it returns `None` when
#   the queue is closed. Each worker has a name of its own.
# - `run_task(run)` executes it and returns the outcome, a pair: what happened, `"succeeded"` or `"failed"` for instance,
#   and the value, or for a task that failed a `Failure`, which describes the error and is none itself.
# - `desk.settle(run, kind, detail)` takes the outcome, as `run_task` has returned it. A kind that it doesn't know raises
#   `ValueError`.

# %% exercise="p2.pool"

# %% [markdown]
# Now watch it: the library's pool works here, until you change the three lines that say so. (In a cell of your own: a `with
# TaskQueue()` ends when every task has ended. If your workers have died, it waits for ever, and you stop the cell with ■.)

# %% tags=["nbval-ignore-output"]
with PageServer() as server:
    with TaskQueue() as queue:
        pool = WorkerPool(6)  # yours: pool = TinyPool(queue, 6)
        pool.start_processing(queue)  # yours: pool.start()
        with LiveMonitor(queue) as monitor:
            queue.submit_many([FetchPage(url) for url in server.urls(300)])
            await asyncio.wait_for(queue.drained(), timeout=20)
    pool.shutdown()  # yours: pool.join()
print(monitor.summary())

# %% [markdown]
# ## What you can say now
#
# - Threads help where work **waits**. For calculation in CPython, use processes.
# - A **race** is a gap between looking and acting. Find the gap and the schedule that fails, then close it: one step, or
#   one lock from the look to the act. Many good runs prove nothing.
# - A **condition** remembers nothing. Change the data, notify, and wait in a loop that looks. If threads wait for
#   different things, wake them all.
# - A **bound** turns overload into waiting, where it can be seen.
# - A pool owes an **outcome** for each task, announced after it is stored; a sentinel must reach every worker.
# - A thread **can't be killed**. Cancelling is a request, a timeout ends the waiting, and a task may run more than once.
# - Take **locks in one order**, and never call foreign code under one.
#
# **Explain it to yourself** (nobody checks): A colleague repairs a bounded buffer by putting `time.sleep(0.01)` after each
# `notify()`. Which schedule does that make rarer, and which does it rule out?
#
# **Next**: [Phase 3](03_monitoring_and_storage.ipynb) keeps what the workers did, in a file that survives a crash.
# **Further practice**: [other hands, and what a task costs](extension_pool.ipynb) runs tasks in processes, and walks from a
# naive pool to the real one, with each step measured.
