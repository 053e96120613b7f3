# %% [markdown]
# # 0 · Start here
#
# Ten minutes, and fifteen more for a quiz. You see what a task queue is for, watch one run, make your first exercise, and choose where to go on.
#
# Run each cell with *Shift + Enter*, from top to bottom. The notebook is saved with its outputs; *Edit → Clear Outputs
# of All Cells* (in VS Code: *Clear All Outputs*) gives you an empty one.

# %%
import tempfile
import time
from pathlib import Path

from taskqueue_edu import ControlPanel, LiveMonitor, TaskQueue, WorkerPool
from taskqueue_edu.lab import check, explore, outcome, predict, progress, quiz, together
from taskqueue_edu.workloads import FetchPage, MathTask, PageServer

# %% [markdown]
# ## A request that must not wait
#
# A user presses a button, and your program has to fetch twenty pages. If it does so at once, the user waits:

# %% tags=["nbval-ignore-output"]
with PageServer(50.0) as server:
    began = time.perf_counter()
    for url in server.urls(20):
        FetchPage(url).execute()
    at_once = time.perf_counter() - began
print(f"The user waits {at_once * 1000:.0f} ms.")

# %% [markdown]
# A **task queue** takes the work, says "I have it", and has it done by others, the **workers**. Here they are four
# threads. What the user waits for now is only the handing over, `submit`:

# %% tags=["nbval-ignore-output"]
with PageServer(50.0) as server, TaskQueue() as queue, WorkerPool(4) as pool:
    pool.start_processing(queue)
    began = time.perf_counter()
    ids = [queue.submit(FetchPage(url)) for url in server.urls(20)]
    handed_over = time.perf_counter() - began
    pages = [queue.wait_for_result(task_id) for task_id in ids]
    all_done = time.perf_counter() - began
print(f"The user waits {handed_over * 1000:.1f} ms. After {all_done * 1000:.0f} ms all is done.")

# %%
print("Handing over took less than a third of the time:", handed_over < at_once / 3)
print("Four workers were faster than one:", all_done < at_once)

# %% [markdown]
# ## The whole system
#
# ```text
#  client                                                       workers
#    │  submit(task)                                            (threads)
#    ▼                          claim                               │
#  TaskQueue ──► line of pending tasks ──────────────────────────►  │ execute()
#    │                                                              │
#    ▼                          settle: what came of it             │
#  registry  ◄──────────────────────────────────────────────────────┘
#    │  facts: submitted, started, succeeded, failed, ...
#    ├──►  journal    a file that survives kill -9       (phase 3)
#    └──►  monitor    what you see below                 (phase 3)
# ```
#
# In words: a client submits a task to the queue. The task joins the line of those that are pending. A worker that has
# nothing to do claims the next one, executes it, and settles what came of it with the registry. The registry knows of each
# task what became of it, and writes down every step as a fact. A journal keeps the facts in a file; a monitor adds them up.
#
# Watch it at work. In the last row, each worker has a lane with the tasks that it ran:

# %% tags=["nbval-ignore-output"]
with PageServer() as server, TaskQueue() as queue, WorkerPool(4) as pool:
    with LiveMonitor(queue) as live:
        queue.submit_many([FetchPage(url) for url in server.urls(200)])
        pool.start_processing(queue)
        await queue.drained()
print(live.summary())

# %% [markdown]
# **Your turn**: a queue of your own to play with. Press the buttons, and look what happens in the picture below them: more
# workers, slower tasks, tasks that fail, a worker that crashes.

# %% tags=["nbval-ignore-output"]
playground = TaskQueue(maxsize=100)
players = WorkerPool(4)
players.start_processing(playground)
ControlPanel(playground, players)

# %% tags=["nbval-ignore-output"]
playground

# %% [markdown]
# And it keeps its word. This queue lives in a folder. It is closed before anybody has worked on it, and opened again by
# somebody who knows nothing but the folder. (Phase 3 kills the process instead, with `kill -9`.)

# %%
with tempfile.TemporaryDirectory() as folder:
    with TaskQueue.open(Path(folder, "jobs")) as queue:
        task_id = queue.submit(MathTask("sum", (1, 2, 3, 4, 5)))
    with TaskQueue.open(Path(folder, "jobs")) as queue, WorkerPool(1) as pool:
        pool.start_processing(queue)
        print("the sum is", queue.wait_for_result(task_id))

# %% [markdown]
# ## What do you believe?
#
# 24 questions on short programs, fifteen minutes. Answer them now, and again after the last notebook: then you see what you
# gained. "I don't know" is a good answer. You are not told yet what is right, and nothing leaves this machine.

# %%
quiz("before")

# %% [markdown]
# ## How the course works
#
# **Predict, then look.** A demonstration teaches if you have said before what you expect. Choose an answer, or write its letter
# in place of `...`:


# %%
class Counter:
    def __init__(self):
        self.n = 0

    def add(self):
        self.n += 1


predict("p0.two_threads", ...)

# %% [markdown]
# **Look inside.** You could run this ten thousand times and never see it fail. The **lab** does not wait for luck: `explore`
# runs the two threads one step at a time, in every order, until one order breaks what you claim.


# %%
def scenario():
    counter = Counter()
    together(counter.add, counter.add)  # a thread for each, until both have ended
    assert counter.n == 2, f"n is {counter.n}"


explore(scenario)

# %%
outcome("p0.two_threads")

# %% [markdown]
# Read the table from top to bottom: both threads read 0, so both store 1. It is the same on every run, on every machine. How to
# close that gap is what phase 2 is about.
#
# **Checks that say why.** Somebody was asked for a function `with_task(line, task)`. It shall return a new list, with all of
# `line` and then `task`; `line` itself must stay as it is. This was the answer:


# %%
def with_task(line, task):
    new = line
    new.append(task)
    return new


check("p0.first_check", with_task)

# %% [markdown]
# The check tried things, and one of them went wrong. It knows why people write that, so it names the **misconception**: a
# belief that is not so. Another wrong answer comes from no belief that it knows. Then it shows the case, and does not guess:


# %%
def with_task(line, task):
    return [task, *line]


check("p0.first_check", with_task)

# %% [markdown]
# Now yours. As long as the body is `...`, the check says that it is not done yet, and nothing breaks.

# %% exercise="p0.first_check"

# %% [markdown]
# If you are stuck, `hint("p0.first_check")` in a cell of your own gives the next hint, from the vaguest to the plainest.
# `reveal("p0.first_check")` explains the solution once yours is right, or after three tries. A check runs your code in a copy of
# the notebook: it may hang or crash there, and harms nothing here.
#
# `progress()` shows how far you are. It is kept in a file on this machine, and goes nowhere.

# %% tags=["nbval-ignore-output"]
progress()

# %% [markdown]
# Put the playground away before you leave:

# %%
players.shutdown(wait=True)
playground.close()

# %% [markdown]
# ## Where to go
#
# | notebook | you build and break |
# |---|---|
# | [1 Core task system](01_core_task_system.ipynb) | who owns a task; protocols and generics; a pending queue of your own |
# | [2 Worker pool](02_worker_pool.ipynb) | races, locks, conditions, shutdown; a pool of your own |
# | [3 Monitoring and storage](03_monitoring_and_storage.ipynb) | errors, retries, files that survive a crash, percentiles; a store of your own |
# | [4 Integration and command line](04_integration_and_cli.ipynb) | configuration, signals, exit codes, tests; a small service |
#
# Take them in this order; each also runs on its own.
#
# **New to some of it?** You need functions, classes, exceptions, `with` and dataclasses. Python's own tutorial has
# [functions](https://docs.python.org/3/tutorial/controlflow.html#defining-functions),
# [classes](https://docs.python.org/3/tutorial/classes.html), [exceptions](https://docs.python.org/3/tutorial/errors.html), and its
# reference has [dataclasses](https://docs.python.org/3/library/dataclasses.html). You need to know nothing about threads.
#
# **At home in concurrency?** In each notebook run the prediction cells only, read where you are wrong, and do the exercises with
# a star. Then read the library: `help("taskqueue_edu")` lists its modules in the order in which to read them.
