# %% [markdown]
# # 4 · Integration and the command line: a program that can be stopped
#
# You have a queue, workers, a journal and a monitor. A program is more: somebody else sets it up, starts it
# in the evening, stops it when the machine is needed, and reads in the morning what happened. This phase
# makes the parts into such a program.
#
# **You will be able to**
#
# - take settings from a file and from the environment, with errors that name the place;
# - put parts together so that they close in the right order, on success and on failure;
# - end a program in three ways (drain, cancel, stop), on a signal, with an exit code that is true;
# - run your own tasks with the `taskqueue` command, kill it, and go on where it was;
# - hand a task type to others as a package;
# - write tests of concurrent code that don't depend on luck.
#
# **Time**: 90 minutes for the core path, which is marked with ★. **Before**: phases 1 to 3, or their words: task, queue, worker, journal, fact, retry. Linux or
# macOS (on Windows, WSL).
#
# | core path, six checks | further practice |
# |---|---|
# | 1 settings · 2 a puzzle of lines · 3 until done, or until told · 4 a trace · 5 a bug hunt · 6 the capstone | A a service · B a test that finds broken ends |
#
# **How it works**
#
# 1. The notebook is saved with its outputs. Choose *Edit → Clear Outputs of All Cells* first: a
#    prediction teaches only if you make it before you see the answer.
# 2. Where a cell begins with `prediction = ...`, put your answer in place of `...`, then run the cell. Where
#    one says `predict(...)`, choose with a button, or write the letter: `predict("p4.nightly", "a")`.
# 3. An exercise has a body of `...`. Write yours, run the cell and the check below it. The check says
#    what it tried and what happened. If it knows the misconception behind that, it names it, and asks a
#    question that leads on. It runs in a copy of this notebook, so nothing that your code does there, hanging
#    included, harms yours.
# 4. In a cell of your own, `hint("p4.settings")` gives the next hint. `reveal("p4.settings")` explains the
#    solution once yours is right, or after three tries. An exercise that you skip stops nothing.
# 5. A cell that begins with `%%program name.py` is not run. It is written to a file in a scratch folder. Other
#    cells start it as a program of its own: `python("name.py")`, or `taskqueue("run", "name.py")` for what you would
#    type in a terminal as `taskqueue run name.py`.
#
# *You know all this?* Run the prediction cells. Whatever you get wrong, read; then do exercises 3 and 6.

# %%
import inspect
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections import Counter
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from IPython.core.magic import register_cell_magic

from taskqueue_edu import (
    Config,
    ConfigError,
    Monitor,
    QueueClosed,
    TaskQueue,
    TaskStatus,
    WorkerPool,
    current_task,
    facts,
)
from taskqueue_edu.cli import session
from taskqueue_edu.course.show import compare, show_source
from taskqueue_edu.journal import read_facts
from taskqueue_edu.lab import (
    check,
    explore,
    hint,
    mutants,
    outcome,
    parsons,
    predict,
    reveal,
    together,
    trace,
)
from taskqueue_edu.pending import PendingQueue
from taskqueue_edu.registry import fold
from taskqueue_edu.workloads import FetchPage, MathTask, PageServer

scratch = tempfile.TemporaryDirectory()  # the last cell removes it
place = Path(scratch.name)


@register_cell_magic
def program(name, code):
    (place / name.strip()).write_text(code)


def python(*arguments, **variables):
    """Start a Python program in the scratch folder; its output comes through a pipe."""
    ours = ("TASKQUEUE_", "FORCE_COLOR", "CLICOLOR", "PYTHONUNBUFFERED")  # this notebook's alone
    mine = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        cwd=place,
        env={**mine, "COLUMNS": "100", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


letters = {}


def _letter(prefix):
    return 12 * letters.setdefault(prefix, chr(ord("a") + len(letters) % 26))


def taskqueue(*arguments, last=0, **variables):
    """Run the `taskqueue` command there, and show it as a terminal would: all lines or the last.

    Return the exit code and the output. Ids differ from run to run; a letter stands for each prefix.
    """
    with python("-m", "taskqueue_edu", *arguments, **variables) as process:
        output = process.stdout.read().strip()
    words = [f"{name}={value}" for name, value in variables.items()]
    lines = [" ".join(["$", *words, "taskqueue", *arguments]), *output.splitlines()[-last:]]
    for line in lines:
        print(re.sub(r"\b([0-9a-f]{12})-(?=\d)", lambda id: f"{_letter(id[1])}-", line).rstrip())
    print(f"(exit code {process.returncode})\n")
    return process.returncode, output


# %% [markdown]
# ## Recall
#
# Answer each in your head, then open it.
#
# <details><summary>1. What survives <code>kill -9</code>: what you wrote, what you flushed, or what you
# synced?</summary>
#
# What you flushed: then the kernel has it. To sync protects from a power cut.
# </details>
#
# <details><summary>2. A task ran, and its worker died before it could say so. What does the queue do, and what
# must the task be?</summary>
#
# It runs the task again. So the task must be idempotent: twice has the effect of once.
# </details>
#
# <details><summary>3. Can one thread stop another?</summary>
#
# No. It can ask. The other sees that at its next checkpoint, if it has one.
# </details>
#
# <details><summary>4. Ten threads take turns for twenty runs, and nothing goes wrong. What does that prove?</summary>
#
# Nothing about the orders that did not occur.
# </details>

# %% [markdown]
# ## The problem: a program that says it is done
#
# This program has twelve jobs and four threads. Its author knows that an operator stops programs with
# SIGTERM, a **signal**: the operating system interrupts the program and calls its handler. So there is a
# handler that ends it in order.

# %%
# %%program nightly.py
import os
import queue
import signal
import sys
import threading
import time

jobs = queue.Queue()
for number in range(12):
    jobs.put(number)


def work():
    while True:
        number = jobs.get()
        time.sleep(0.2)  # stands for real work
        os.write(1, f"done {number}\n".encode())  # 1 is standard output
        jobs.task_done()


def stop(number, frame):
    print("shut down in good order", flush=True)
    sys.exit()


signal.signal(signal.SIGTERM, stop)
for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
jobs.join()

# %% [markdown]
# We start it, wait for its first line, and send SIGTERM. The **exit code** is the number that a program leaves
# to whoever started it: 0 means that all went well. **Predict** how it ends.

# %%
predict("p4.nightly", ...)

# %% tags=["nbval-ignore-output"]
with python("nightly.py") as process:
    output = process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    output += process.stdout.read()
done = output.count("done")
print(output, f"{done} of 12 done", sep="")

# %%
print("exit code", process.returncode, "- all twelve done:", done == 12)
outcome("p4.nightly")

# %% [markdown]
# The shell, the scheduler and the operator all read "0, in good order". Jobs that ran were cut off in the
# middle; the rest is forgotten; nobody can tell which. Three things were taken for granted:
#
# | taken for granted | in fact | section |
# |---|---|---|
# | Who stops, has finished. | Ending has three meanings, and one must be chosen. | 3 |
# | The exit code follows by itself. | Somebody must work it out. | 3 |
# | What is left is known. | Only a journal knows it, after the process is gone. | 4 |

# %% [markdown]
# ## 1. Settings
#
# How many workers? The author can't know; whoever runs the program does. Settings come from three places, and
# the more special one wins: **defaults** in the code, then a **file**, then **environment variables**
# (texts that a process gets from whoever starts it).
#
# **Predict**: what are `workers`, `retry.attempts` and `retry.delay`? (The defaults are 4, 1 and 0.1.)

# %%
prediction = ...  # such as (4, 1, 0.1)

(place / "taskqueue.toml").write_text("workers = 2\n\n[retry]\ndelay = 0.5\n")
config = Config.load(place / "taskqueue.toml", env={"TASKQUEUE_WORKERS": "8"})
compare(prediction, (config.workers, config.retry.attempts, config.retry.delay))
for key, value, source in config.rows():
    print(f"{key:16} {value!s:10} {Path(source).name}")
show_source(Config.load)

# %% [markdown]
# The last column answers the question that costs the most time at three in the morning: *where does this value
# come from?* A configuration that can't say it is half a configuration.
#
# **Look inside**: which line of `Config.load` decides who wins? In `{**_from_file(path), **_from_environment(env)}` the later one of two equal keys stays: that is the whole precedence.
#
# An environment variable is always a *text*. **Predict** what `workers * 2` and `verbose` are below.

# %%
prediction_doubled = ...
prediction_verbose = ...

env = {"WORKERS": "8", "VERBOSE": "false"}
workers = env.get("WORKERS", 4)
verbose = bool(env.get("VERBOSE"))
compare(prediction_doubled, workers * 2)
compare(prediction_verbose, verbose)

# %% [markdown]
# > **You may think** that Python would complain. **But** `"8" * 2` is legal, and `bool` of any text but the empty
# > one is true. The program runs, with settings that nobody chose.
#
# So read settings once, at the start, each with its type and its range, and refuse what doesn't fit. A good
# refusal names the **place**, what was **found**, and what was **expected**:

# %%
wrong = {
    "workers = true": {},
    'workers = "8"': {},
    "worker = 8": {},
    "[retry]\njitter = 2": {},
    "sync = always": {},
    "": {"TASKQUEUE_WORKERS": "many"},
}
for text, env in wrong.items():
    (place / "wrong.toml").write_text(text)
    try:
        Config.load(place / "wrong.toml", env)
    except ConfigError as error:
        print(str(error).replace(f"{place}{os.sep}", ""))

# %% [markdown]
# `worker = 8` is an error and not ignored. A misspelled setting that is ignored leaves you with a program that
# "doesn't listen".
#
# ### ★ Exercise 1: settings of your own
#
# A link checker has two settings. Write `read_settings(path, env)`; `path` is a `pathlib.Path`, and `env` a dict of texts:
#
# - `workers`: an `int` from 1 to 64, default 4. `timeout`: an `int` or `float` above 0, default 5.0.
# - The TOML file at `path`, whatever it is called, may set them; if there is no file, nothing is wrong. A file that is there and may not be
#   read is an error: `PermissionError`, which comes when it is opened, leaves your function as it is.
# - `LINKCHECK_WORKERS` and `LINKCHECK_TIMEOUT` in `env` win over the file. Their texts become numbers, as `int` and `float` read them; an
#   empty one is no number.
# - Return a new dict with both settings; `env` stays as it is.
# - Raise `ConfigError` for a wrong type or value, for an unknown name in the file, and for a file that is no TOML, or
#   no UTF-8 (`UnicodeDecodeError`). The message, `ConfigError("...")`, names the *place* (file and key, or variable), and no
#   other, and what was *found*: the value, or the unknown name. If the file is no TOML, the decoder's own error is its cause (`__cause__`): it knows line and column.
#
# Yours to choose: whether a timeout of `inf` will do, what becomes of a directory at `path`, or of a file in a folder that you may not look
# into, and whether a value in the file that a variable wins over is still checked.

# %% exercise="p4.settings"

# %% [markdown]
# *Stuck?* `hint("p4.settings")`. *Done, or tried three times?* `reveal("p4.settings")` shows the solution, why it is right,
# other ways, and wrong turns.
#
# ## 2. Putting the parts together
#
# Pages from a server, a queue, a pool of one worker. Each part has an end: the server stops answering, the queue
# closes, the pool lets its threads go. `with a, b, c` ends them in **reverse** order, `c` first.
#
# The two functions differ only in where the server stands. **Predict** for each: do all eight pages arrive?

# %%
prediction_first = ...  # True or False
prediction_last = ...


def server_first():
    with PageServer(50.0) as server, TaskQueue() as queue, WorkerPool(1) as pool:
        ids = queue.submit_many([FetchPage(url) for url in server.urls(8)])
        pool.start_processing(queue)
    return queue, ids


def server_last():
    with TaskQueue() as queue, WorkerPool(1) as pool, PageServer(50.0) as server:
        ids = queue.submit_many([FetchPage(url) for url in server.urls(8)])
        pool.start_processing(queue)
    return queue, ids


for prediction, run in ((prediction_first, server_first), (prediction_last, server_last)):
    queue, ids = run()
    compare(prediction, all(queue.status(task_id) is TaskStatus.SUCCEEDED for task_id in ids))
record = queue.registry.get(ids[-1])
print("the last page, with the server last:", record.status, "-", record.failure.type)

# %% [markdown]
# > **You may think** that the order in a `with` line is a matter of taste, because all parts are open inside of it
# > anyway. **But** it decides who ends first. What *uses* something stands to the right of what it uses: the pool uses
# > the queue, and its tasks use the server.
#
# A `with` block ends in one of two ways: it reaches its end, or an exception leaves it. A queue makes a difference between them.
# Without an exception it waits until all that can run has run, and then closes. (If no pool works on it, nothing can run, and it closes at
# once.) With an exception it closes at once. `with closing(queue)`, from Python's own library, makes no difference: at the end of the block
# it calls `queue.close()`, and never waits for tasks. That will do where we only look at a queue, as in the last lines of the cell.
#
# What does `close` do with tasks that never ran? **Predict**: an exception leaves the block, with three tasks pending. How many of the
# three are *pending* afterwards, in a queue in memory, and in a folder that we open again?

# %%
prediction_memory = ...
prediction_folder = ...

try:
    with TaskQueue() as memory:
        memory.submit_many([MathTask("sum", (n, n)) for n in range(3)])
        raise RuntimeError("something else went wrong")
except RuntimeError:
    compare(prediction_memory, memory.registry.counts()[TaskStatus.PENDING])
    print("in memory:", {str(status): n for status, n in memory.registry.counts().items() if n})

try:
    three = tempfile.mkdtemp(dir=place)
    with TaskQueue.open(three) as queue:
        queue.submit_many([MathTask("sum", (n, n)) for n in range(3)])
        raise RuntimeError("something else went wrong")
except RuntimeError:
    with closing(TaskQueue.open(three)) as queue:
        compare(prediction_folder, queue.registry.counts()[TaskStatus.PENDING])

# %% [markdown]
# A queue in memory cancels them, so that nobody waits for ever. A queue in a folder leaves them: nothing is lost, and
# the next process goes on.
#
# ### When you don't know the parts in advance
#
# A server only if there is a URL, a journal only if there is a folder: then a `with` line gets unwieldy. An `ExitStack`
# collects what must be closed. **Predict**: the third part can't be opened. Which are closed, and in which order?

# %%
prediction = ...  # such as ["journal", "pool"]

closed = []


class Part:
    def __init__(self, name):
        if name == "server":
            raise OSError("the port is taken")
        self.name = name

    def __enter__(self):
        return self

    def __exit__(self, *error):
        closed.append(self.name)


def open_parts(*names):
    """Open all parts, or none. Return a stack that closes them."""
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(Part(name))
        return stack.pop_all()  # all went well: from here on, the caller closes


try:
    open_parts("journal", "pool", "server")
except OSError as error:
    compare(prediction, closed)
    print("the caller gets:", error)

closed.clear()
with open_parts("journal", "pool"):
    print("both are open, closed so far:", closed)
print("after the block:", closed)

# %% [markdown]
# **Modify**: leave out `.pop_all()` and return `stack` itself. What does the last block print, and why?
#
# <details><summary>Answer</summary>
#
# Inside of the block everything is closed already: leaving `with ExitStack()` closes what the stack holds, also when all went well.
# `pop_all` moves it to a new stack, which nobody closes yet.
# </details>
#
# ### Further practice A: a service
#
# Often parts are opened in one method and closed in another: in tests, in notebooks, in a class. Fill in the steps. Each `make_...` is a
# function without arguments that opens a part: it is open when the function returns it. The part is a context manager, and leaving it
# (`__exit__`) closes it. There may be no server: then `server` is None.
#
# - The parts open in an order in which they can close; the pool starts to work on the queue (`start_processing`).
# - If anything goes wrong in `__init__`, Ctrl-C included, what is open is closed, in reverse order, and the caller gets the exception.
# - `close()` closes all of them in reverse order, even if one can't be closed, or Ctrl-C comes meanwhile: then the exception comes at
#   the end.

# %% exercise="p4.service"

# %% [markdown]
# *Stuck?* `hint("p4.service")`. *Done, or tried three times?* `reveal("p4.service")`.
#
# ## 3. Ending well
#
# A queue has one task that runs and five that wait. "Stop!" can mean three things:
#
# - **drain**: take nothing new, and finish all six;
# - **cancel**: finish the one that runs, drop the five;
# - **stop**: give the running one back, and keep the five for later.
#
# `Hold` runs until the gate is open. It is polite: it looks, at a **checkpoint**, whether somebody asked it to stop.
# **Predict** for each way how many of the six tasks end as succeeded, cancelled and pending.

# %%
prediction_drain = ...  # such as (1, 1, 4)
prediction_cancel = ...
prediction_stop = ...


@dataclass(frozen=True)
class Hold:
    started: threading.Event
    gate: threading.Event

    def execute(self):
        self.started.set()
        while not self.gate.wait(0.01):
            current_task().checkpoint()


def end_by(way):
    started, gate, queue, pool = threading.Event(), threading.Event(), TaskQueue(), WorkerPool(1)
    queue.submit_many([Hold(started, gate)] * 6)
    pool.start_processing(queue)
    started.wait()  # from here on, exactly one of them runs
    way(pool, gate)
    counts = queue.registry.counts()
    queue.close()
    return tuple(counts[status] for status in ("succeeded", "cancelled", "pending"))


def drain(pool, gate):
    gate.set()
    pool.shutdown()


def cancel(pool, gate):
    pool.shutdown(wait=False, cancel_futures=True)
    gate.set()
    pool.shutdown()


def stop(pool, gate):
    pool.stop()


print("succeeded, cancelled, pending")
compare(prediction_drain, end_by(drain))
compare(prediction_cancel, end_by(cancel))
compare(prediction_stop, end_by(stop))

# %% [markdown]
# > **You may think** that a pool which was shut down has done its work. **But** "shut down" says that the *threads* have
# > ended. What became of the *tasks* depends on the way, and `stop` is often the right one: an operator who needs the
# > machine doesn't want to wait, and a journal keeps what is left.
#
# ### ★ Exercise 2: a puzzle
#
# `finish(queue, pool)` drains: it finishes what runs and what waits, closes the queue, and returns the exit code, 0 if
# every task succeeded, else 1. Put the lines in order. Some don't belong. Choose by buttons, or write the letters:
# `parsons("p4.parsons_finish", "A B C")`.

# %%
parsons("p4.parsons_finish", ...)

# %% [markdown]
# *Stuck?* `hint("p4.parsons_finish")`. *Done, or tried three times?* `reveal("p4.parsons_finish")`.
#
# ### Signals
#
# Ctrl-C sends SIGINT, an operator sends SIGTERM. Python runs the handler in the main thread, *between two of its
# instructions*, whatever they are. Below, the main thread holds a lock when the signal comes, and the handler wants
# the same lock. **Predict** whether it gets it.

# %%
predict("p4.handler", ...)

# %%
lock, got = threading.Lock(), []


def handler(number, frame):
    got.append(lock.acquire(blocking=False))  # plain acquire() would wait


before = signal.signal(signal.SIGUSR1, handler)
with lock:
    signal.raise_signal(signal.SIGUSR1)  # it comes here
signal.signal(signal.SIGUSR1, before)
print("the handler got the lock:", got[0])
outcome("p4.handler")

# %% [markdown]
# A plain `acquire()` would have waited for the main thread to release the lock, in the main thread: for ever. `print` takes a
# lock, too, and so does `queue.submit`. So a handler does next to nothing: it leaves a note, and the main thread finds the note
# where *it* waits. The place for notes is a `queue.SimpleQueue`, from Python's own library, here called `mail`. `mail.put(note)`
# never waits, and may be called in a handler; `mail.get()` waits until there is a note, and returns it.
#
# ### Exit codes
#
# Six programs, and what each leaves. (`subprocess` shows the death by signal *n* as *-n*; a shell shows 128 + *n*.) Five are
# soon looked up. **Predict** the one that matters for workers.

# %%
predict("p4.thread_dies", ...)

# %%
programs = [
    "pass",
    "raise ValueError",
    "import sys; sys.exit()",
    "import sys; sys.exit('the disk is full')",
    "import threading; threading.Thread(target=lambda: 1 / 0).start()",
    "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
]
for code in programs:
    with python("-c", code) as process:
        process.stdout.read()
    print(f"{process.returncode:4}  {code}")
outcome("p4.thread_dies")

# %% [markdown]
# Look at the fifth: a thread died with an exception, and the program reports success. With workers, that is the normal
# case: exceptions don't get to the main thread by themselves, so the exit code doesn't follow by itself. You compute it
# from what the registry says.
#
# ### ★ Exercise 3: until done, or until told
#
# Write `run_until_done(queue, pool, mail)` for a main thread. A signal handler puts the number of the signal into `mail` (a
# `SimpleQueue`), as in the program below. The function returns the exit code:
#
# - all tasks have finished, also those that other tasks submit or that have to wait: 0 if all of them succeeded, else 1 (one failed, was
#   cancelled, or is dead: its processes died under it too often);
# - a signal came first, SIGTERM or any other: `128 + number`. Then running tasks are asked to stop, and go back to the queue.
#
# In both cases the pool's threads have ended when it returns, however long a task takes to stop. The queue is closed later, by the program
# below. That wakes a thread that waits in `queue.join()`; a thread of yours that still runs then must not keep the program from ending. The main thread must wait for both events at once, in one place: at
# the mailbox, without a time limit. A loop in the main thread that looks now and then wakes up for nothing, or comes late. (How a thread of your own finds
# out that all is done is yours to choose.)
#
# `queue.join()` returns when all tasks have finished, and raises `QueueClosed` if the queue is closed before: after a signal, when
# `closing` ends in the program below. (A thread that ends by an exception prints a traceback. No thread of yours may do that. Don't change
# `threading.excepthook`, either: it is there for all threads of the process.) `pool.shutdown()` and `pool.stop()` return when the pool's threads
# have ended, unless you say `shutdown(wait=False)` or `stop(timeout)`. `queue.registry.counts()` says how many tasks have each `TaskStatus`.
#
# ```python
# mail = SimpleQueue()
# for number in (signal.SIGINT, signal.SIGTERM):
#     signal.signal(number, lambda number, frame: mail.put(number))
# with closing(TaskQueue.open(folder)) as queue:
#     sys.exit(run_until_done(queue, WorkerPool(2), mail))
# ```
#
# (`closing`, and not `with TaskQueue.open(folder)`: by then your function has chosen the end, and nothing is to be waited for.)
#
# (Once in a long while such a handler is late. Section 4 says when, and what the command does about it.)

# %% exercise="p4.until_done"

# %% [markdown]
# *Stuck?* `hint("p4.until_done")`. *Done, or tried three times?* `reveal("p4.until_done")`. The last thing that the check
# tries is the program above: a process of its own, with your function, a journal, and a real SIGTERM.

# %% [markdown]
# ## 4. The command
#
# The `taskqueue` command does all of this. In a terminal you would type `taskqueue types`. Here the cells start it for you,
# in the scratch folder (where `taskqueue.toml` still says `workers = 2`).

# %%
taskqueue("types")
code, task_id = taskqueue("submit", "jobs", "math", "operation=sum", "operands=[1,2,3]")
code, bad_id = taskqueue("submit", "jobs", "math", "operation=divide", "operands=[1,2]")

# %% [markdown]
# `submit` printed an id, left the task in the folder `jobs/inbox`, a synced file of its own, and ended. (Each process has
# a prefix of its own for ids, for which we show a letter, and counts from 1.) A journal has one owner at a time; whoever owns
# `jobs`, now or next, takes the file into the journal, and then removes it. Nothing runs the tasks yet. **Predict** the exit codes of
# the next five commands: the result of a task that has not run; `work`, with one good and one bad task; the result of the
# good one, and of the bad one; and a task with a field that doesn't fit.
#
# The command ends with 0 if all went well; 1 if a task failed, was cancelled or is dead; 2 if something that you wrote is wrong or isn't
# there, on the command line or in a file; 3 if the journal can't be used (another process has it, or it is damaged); 4 if the task has not
# finished yet.

# %% tags=["nbval-ignore-output"]
prediction = ...  # such as [0, 0, 0, 0, 0]

commands = [
    ("result", "jobs", task_id),
    ("work", "jobs"),
    ("result", "jobs", task_id),
    ("result", "jobs", bad_id),
    ("submit", "jobs", "math", "operation=sum", "operands=seven"),
]
codes = [taskqueue(*command)[0] for command in commands]

# %%
taskqueue("status", "jobs")
taskqueue("status", "jobs", "--failed")
compare(prediction, codes)
show_source(inspect.unwrap(session._caught), session._end_at_once)

# %% [markdown]
# The whole list of exit codes stands at the end of `taskqueue --help`. The command waits for its end as in exercise 3: the main thread
# stands at a mailbox. **Look inside** `_caught`, above. The command runs inside of it, at `yield`; `report` is the mailbox's `put`.
# `signal.set_wakeup_fd(outlet)` tells Python to write the number of each signal into a pipe, and `os.read(inlet, 1)` waits for such a number,
# in the thread that runs `listen`. What stands after `finally` puts back what was before. What does a second Ctrl-C do, and why
# is that safe? And why does a thread read the signals from a pipe, where exercise 3 used a handler?
#
# <details><summary>Answers</summary>
#
# It ends the process on the spot, as `kill -9` would. A journal is made for that: see below.
#
# A handler in Python runs in the main thread, when that thread next runs Python code. If the signal comes at the very
# moment at which the main thread falls asleep, nothing wakes it: the program seems deaf, on some bad day.
# </details>
#
# ### ★ Exercise 4: a task that is killed
#
# A process runs a task, is killed by `kill -9`, and another opens the folder. Write the task's status after each step, as the
# journal has it: `"pending"`, `"running"`, `"succeeded"`, `"failed"` or `"cancelled"`. Run the cell as it is: it shows the steps. (A trace
# has no hints: it says at which step yours goes another way.)

# %%
trace("p4.kill", [..., ..., ..., ..., ..., ...])

# %% [markdown]
# ### Tasks of your own, killed and resumed
#
# `taskqueue run FILE.py` runs what the file's function `tasks()` returns. The file below fetches pages, and prints a line for
# each, so that we can see how far it is.

# %%
# %%program crawl.py
import os
from dataclasses import dataclass

from taskqueue_edu import task_type
from taskqueue_edu.workloads import FetchPage


@task_type("page_size")
@dataclass(frozen=True)
class PageSize:
    """Fetch a page and return its size in bytes."""

    url: str

    def execute(self) -> int:
        size = FetchPage(self.url).execute().bytes
        print("fetched", self.url, flush=True)
        return size


def tasks():
    server = os.environ["SERVER"]
    return [PageSize(f"{server}/page/{number}") for number in range(60)]


# %% [markdown]
# We start it with `--store pages`, read twenty lines, and kill it with SIGKILL. Then we start the *same command* again.
# **Predict**: how many of the 60 tasks does the second run submit anew? How many tasks succeed twice?

# %% tags=["nbval-ignore-output"]
prediction_anew = ...
prediction_twice = ...

shutil.rmtree(place / "pages", ignore_errors=True)  # for when you run this cell again
RUN = ("run", "crawl.py", "--store", "pages")
server = PageServer(20.0)
with python("-m", "taskqueue_edu", *RUN, SERVER=server.address) as process:
    for _ in range(20):
        process.stdout.readline()
    process.kill()
first = read_facts(place / "pages")
succeeded = {fact[1] for fact in first if fact[0] == facts.SUCCEEDED}
print(
    f"killed by {signal.Signals(-process.returncode).name}, with {len(succeeded)} of 60 results in the journal"
)
code, output = taskqueue(*RUN, last=7, SERVER=server.address)
_ = taskqueue("watch", "pages", "--once")

# %%
both = read_facts(place / "pages")
submitted = [fact[1] for fact in both if fact[0] == facts.SUBMITTED]
ends = Counter(fact[1] for fact in both if fact[0] == facts.SUCCEEDED)
again = {fact[1] for fact in both[len(first) :] if fact[0] == facts.STARTED}
compare(prediction_anew, len(submitted) - sum(fact[0] == facts.SUBMITTED for fact in first))
compare(prediction_twice, sum(n > 1 for n in ends.values()))
print(len(submitted), "submitted,", len(ends), "succeeded, exit code", code)
print("tasks with a result that ran again:", len(succeeded & again))
print("a monitor, from the journal alone:", Monitor(fold(both)).summary().splitlines()[0])

# %% [markdown]
# The second run found all 60 in the journal, by type and JSON, and went on with those that had no result. Tasks that were
# *running* at the kill ran again: at least once. And a monitor needs no living process: it reads facts, wherever they come from.
# `taskqueue watch pages --once` printed one frame, of your own task type; without `--once` it is live, in a second terminal.
#
# `submit` and `work` need the file too: a journal holds a *name*, `page_size`, and no code. `--import` says where the class is. That is on
# purpose: whoever can write into the folder can choose among the types that *you* imported, and can't bring code of their own.
# A worker leaves tasks alone whose type it doesn't know. There is no folder `nowhere`. **Predict** the exit codes of the five commands below.

# %% tags=["nbval-ignore-output"]
prediction = ...  # such as [0, 0, 0, 0, 0]

url = f"url={server.url('/page/1')}"
commands = [
    ("submit", "later", "page_size", url),
    ("submit", "later", "page_size", url, "--import", "crawl.py"),
    ("work", "later"),
    ("work", "later", "--import", "crawl.py"),
    ("status", "nowhere"),
]
codes = [taskqueue(*command)[0] for command in commands]

# %%
compare(prediction, codes)

# %% [markdown]
# The third did what it could, and said so: it left the task alone. That is no failure of a task, so its code is 0. The second and the fourth need the import.
# The fifth names what isn't there: 2, as for any other slip on the command line.
#
# **Modify**: start the crawl once more, in a cell of your own: `taskqueue(*RUN, SERVER=server.address, TASKQUEUE_WORKERS="1")`. All 60
# pages have a result by now, so it does nothing but say with how many threads. Who wins, the variable or `taskqueue.toml`?
#
# <details><summary>Answer</summary>
#
# The variable: the summary says `with 1 thread`. An option on the command line, `--workers 3`, would win over both.
# </details>
#
# ### A task type for others: a plugin
#
# A **plugin** is a package that others install, and whose task types their program then knows. The module comes first:

# %%
# %%program greetings.py
from dataclasses import dataclass

from taskqueue_edu import task_type


@task_type("greet")
@dataclass(frozen=True)
class Greet:
    """Greet somebody."""

    name: str

    def execute(self) -> str:
        return f"Hello, {self.name}!"


# %% [markdown]
# To package it, a `pyproject.toml` names it, and says in an **entry point** which group of plugins it belongs to:
#
# ```toml
# [project]
# name = "greetings"
# version = "1.0"
# dependencies = ["taskqueue-edu"]
#
# [project.entry-points."nightly.tasks"]
# greet = "greetings"
# ```
#
# `pip install` copies the module, and writes the entry point into a small file beside it. The cell writes that file itself,
# so that nothing is installed here. **Predict** the exit code of `submit`, without and with `--import`, and whether a program
# that asks for the entry points of the group gets to know `greet`.

# %%
prediction = ...  # such as (0, 0, True)

installed = place / "greetings-1.0.dist-info"
installed.mkdir(exist_ok=True)
(installed / "METADATA").write_text("Metadata-Version: 2.1\nName: greetings\nVersion: 1.0\n")
(installed / "entry_points.txt").write_text("[nightly.tasks]\ngreet = greetings\n")

FINDS_PLUGINS = """
from importlib.metadata import entry_points
from taskqueue_edu.catalogue import catalogue

for plugin in entry_points(group="nightly.tasks"):
    plugin.load()  # imports the module
    print("loaded", plugin.name, "of", plugin.dist.name, plugin.dist.version)
print("greet is known:", catalogue.find("greet") is not None)
"""
without, _ = taskqueue("submit", "hello", "greet", "name=Ada")
imported, _ = taskqueue("submit", "hello", "greet", "name=Ada", "--import", "greetings")
with python("-c", FINDS_PLUGINS) as process:
    said = process.stdout.read()
print(said)
compare(prediction, (without, imported, "greet is known: True" in said))

# %% [markdown]
# > **You may think** that what is installed is known, because Python can find it. **But** `@task_type` runs when the module is
# > *imported*, and somebody must import it: `--import greetings`, or a program of yours that asks for the entry points of its group.
#
# The `taskqueue` command does not look for entry points, on purpose: a package that came in with another one would run its code
# in your workers. A program that loads plugins trusts whoever can install packages. Decide that, don't inherit it.
#
# ## 5. Tests that don't depend on luck
#
# A high priority runs first. Let us test that: `by_luck` submits a low one, then a high one, and looks who was first. (What `between` is for,
# you will see.) **Predict**: of 200 runs, how many pass: most (more than 100, perhaps all), few, or none?

# %% tags=["nbval-ignore-output"]
prediction = ...  # "most", "few" or "none"

order = []


@dataclass(frozen=True)
class Note:
    text: str

    def execute(self):
        order.append(self.text)


def by_luck(between=lambda queue, low: None):
    order.clear()
    with TaskQueue() as queue, WorkerPool(1) as pool:
        pool.start_processing(queue)
        low = queue.submit(Note("low"))
        between(queue, low)
        queue.submit(Note("high"), priority=1)
    return order == ["high", "low"]


passed = sum(by_luck() for _ in range(200))
print(passed, "of 200 runs pass")
compare(prediction, "most" if passed > 100 else "few" if passed else "none")

# %% [markdown]
# On many machines all of them pass. Is it a good test, then? The operating system may stop the main thread between the two `submit`s, for as
# long as it likes. We build that schedule by hand: between them, the main thread waits until the low one has run. **Predict**: how many of 200
# runs pass now?

# %%
prediction = ...  # a number, such as 100

compare(prediction, sum(by_luck(TaskQueue.wait_for_result) for _ in range(200)))

# %% [markdown]
# > **You may think** that 200 passes prove a test sound. **But** they prove only that one order is frequent. The queue is right, and yet the test
# > fails whenever the other order occurs: once a month, in somebody else's build. Such a test is called **flaky**. A `time.sleep` makes it rarer,
# > and so worse.
#
# A deterministic test *makes* the order it speaks about. There are four ways:
#
# 1. **Start later**: submit first, then let the worker in.
# 2. **Events**: a task says that it has started, and waits at a gate. (`Hold`, above.)
# 3. **Be the worker**: call `claim` and `settle` yourself. No thread, no luck.
# 4. **Be the clock**: give the code a clock that you set.


# %%
def starts_later():
    order.clear()
    with TaskQueue() as queue, WorkerPool(1) as pool:
        queue.submit(Note("low"))
        queue.submit(Note("high"), priority=1)
        pool.start_processing(queue)
    return order == ["high", "low"]


def is_the_worker():
    queue = TaskQueue()
    low, high = queue.submit(Note("low")), queue.submit(Note("high"), priority=1)
    claimed = [queue.dispatcher.claim("me").id, queue.dispatcher.claim("me").id]
    queue.close()
    return claimed == [high, low]


def is_the_clock():
    now = 100.0
    pending = PendingQueue(clock=lambda: now)
    pending.put("in an hour", due=now + 3600)
    pending.put("at once")
    first = pending.get()
    now += 3600  # an hour passes, in no time
    return [first, pending.get()] == ["at once", "in an hour"]


for test in (starts_later, is_the_worker, is_the_clock):
    print(f"{test.__name__:14}", sum(test() for _ in range(200)), "of 200 runs pass")

# %% [markdown]
# These are sound not because they pass, but because in none of them there is a second order that could occur.
#
# ### ★ Exercise 5: a bug hunt
#
# A service that drains must not lose what it accepted. `Intake` promises: a job for which `accept` returned True is in what
# `close` returns, and after `close` nothing is accepted. One thread hands a job in while another closes, two thousand times.
# (`together` runs each of its functions in a thread of its own, and waits for all.)

# %% tags=["nbval-ignore-output"]
class Leaky:
    """Takes jobs until it is closed; whoever closes it gets those that it took."""

    def __init__(self):
        self._open = True
        self._jobs = []

    def accept(self, job):
        if not self._open:
            return False
        self._jobs.append(job)
        return True

    def close(self):
        self._open = False
        jobs, self._jobs = self._jobs, []
        return jobs


def one_hands_in_while_one_closes():
    intake, taken, left = Leaky(), [], []
    together(lambda: taken.append(intake.accept("job")), lambda: left.extend(intake.close()))
    assert taken == [False] or left == ["job"], "the job was accepted, and is lost"


lost = 0
for _ in range(2000):
    try:
        one_hands_in_while_one_closes()
    except AssertionError:
        lost += 1
print(lost, "of 2000 jobs were lost")

# %% [markdown]
# Perhaps none was. So don't run it: think. A is in `accept`, B in `close`. You say who goes on. Find an order in which the job is lost,
# on paper; then let the **lab** look. `explore` tries every order of the steps, and shows the simplest one that goes wrong. Is it yours?

# %%
explore(one_hands_in_while_one_closes)

# %% [markdown]
# Write `accept` and `close` so that no order loses a job. While it is open, every job is accepted, also if several threads
# hand in at once. An `Intake` has no thread of its own. Several may close at once, too: each job goes to one of them. A job can be any object, also one
# that can't be hashed, such as a list; no two are equal. `close` may return them in any order. The check explores yours.

# %% exercise="p4.intake"

# %% [markdown]
# *Stuck?* `hint("p4.intake")`. *Done, or tried three times?* `reveal("p4.intake")`.
#
# ### Further practice B: kill the mutants
#
# Eight broken implementations of `run`, **mutants**, are hidden here, and three that are right. Write a test, without a thread and
# without a sleep, that lets the right ones pass and turns the broken ones down, by `assert`. All make the same promise:
#
# - `run(jobs, told)` calls the functions in the list `jobs`, in order. Before each it asks `told()`, which returns the number of a
#   signal, or None. If it is a number, no further job is called.
# - A job that raises an `Exception` does not keep the others from running. What is no `Exception`, such as `KeyboardInterrupt`, leaves `run`.
# - It returns `(code, left)`. `left` is the list of the jobs that were not called. `code` is 128 + number after a signal; else 1 if a job
#   raised; else 0.

# %%
def test_run(run): ...


mutants("p4.mutants_runs", test_run)

# %% [markdown]
# *Stuck?* `hint("p4.mutants_runs")`. *Done, or tried three times?* `reveal("p4.mutants_runs")` shows a test.
#
# ## ★ 6. Capstone: a link checker
#
# A site has links; some lead nowhere. Write `linkcheck.py`, a file for `taskqueue run`. The command gives you workers, retries, the
# journal, resuming, signals and exit codes. You write what is particular.
#
# - `CheckLink.execute` fetches the page and returns a `Link`. A page that does not exist (`FetchPage(url).execute()` raises `LookupError`),
#   or a URL that it refuses (`ValueError`), is a *result* (`works=False`, and in `why` what is wrong, such as the error's text). A server that is busy (`ConnectionError`) is a
#   *failure* of the task: let it be tried four times in all,
#   waiting from 0.02 s: `@task_type("check_link", retry=RetryPolicy(attempts=..., on=(...,), delay=...))`, where `on` has the
#   exceptions after which it is tried again. Any other error, such as a timeout, is a failure
#   as well; whether that is tried again, too, is yours to choose.
# - `tasks()` returns a `CheckLink` for each **different** URL in `links.json` (a list of texts, in the current folder). Pass
#   each on unchanged, also one that looks wrong.
# - `report(folder)` returns a dict of the links that don't work, URL to `why`, from the journal in `folder`. A link whose task
#   failed, or has not run yet, is not in it: nothing is known of it. The report runs no task, and closes the queue that it opens: before
#   that, nobody else can open the folder. `queue.registry.records()` has a
#   record for each task, with `id` and `status`; `queue.wait_for_result(id)` returns the `Link`, and waits if there is none yet.
#
# The check runs your file with the real command, several times, and kills it once: it takes some seconds. It imports the file, too,
# in a folder without `links.json`: `tasks()` is the place to read that.
#
# **The rubric**, which it goes through in this order:
#
# 1. Each different link is checked once.
# 2. A good page works.
# 3. A missing page, and a URL that is refused, are results with a reason, after one run. The reason tells which of the two it is.
# 4. A server that is busy twice is asked a third time.
# 5. A server that stays busy is a failure after four runs, and the exit code says so.
# 6. The report names the links that don't work, and no others.
# 7. Killed by `kill -9` and started again, it checks no link a second time that had a result.
#
# %% exercise="p4.link_checker"

# %% [markdown]
# *Stuck?* `hint("p4.link_checker")`. *Done, or tried three times?* `reveal("p4.link_checker")`.
#
# ## What you can say now
#
# - **Settings**: defaults, file, environment; read once, checked, refused with place, found and expected; each knows where it comes from.
# - **Composing**: `with` closes in reverse order, so the user stands to the right of what it uses. `ExitStack` and `pop_all` for parts that
#   are chosen at run time.
# - **Ending**: drain, cancel, stop are three things. A signal handler leaves a note; the main thread waits for notes in one place.
# - **Exit codes** don't follow by themselves: an exception in a thread leaves 0. Work the code out, from the registry.
# - What was **accepted** is done or given back: whether it is open, and what was taken, stand under one lock.
# - A **plugin** is known once it is imported. Who imports it, and who trusts it, is your choice.
# - **Resuming** needs a journal and tasks that may run twice. Then even `kill -9` is a way to stop.
# - **Tests** of concurrent code make the order that they speak about: start later, events, be the worker, be the clock.
#
# | Rust | Python | where the comparison misleads |
# |---|---|---|
# | `Drop` at the end of a scope | `with`, `ExitStack` | Only `with` closes at a known moment; `__del__` runs whenever. Nothing runs after `kill -9`, in either. |
# | `main() -> Result`, `ExitCode` | `sys.exit(code)` | In both, what a thread did doesn't reach `main` by itself. Rust's `join()` at least hands you the panic. |
# | `clap`, `serde` for configuration | `typer`, and a checked dataclass | Hints alone check nothing. |
#
# **Explain it to yourself** (nobody checks): Your service gets SIGTERM, and ten seconds later SIGKILL, from a scheduler that you can't
# change. A task takes a minute. What do you change: the way it ends, the task, or both?
#
# **Next**: see what you gained, with the quiz that you took at the start: `quiz("after")` in a cell of your own, after
# `from taskqueue_edu.lab import quiz`. Then take a program of your own, and put it on a queue. The capstone is forty lines.

# %%
server.close()
scratch.cleanup()

# %% [markdown]
# ## Solutions
#
# `reveal(...)` explains the solution of an exercise once yours is right, or after three tries. With `force=True` it opens
# now. You learn more if you try first. The names are `p4.settings`, `p4.service`, `p4.parsons_finish`, `p4.until_done`, `p4.intake`,
# `p4.link_checker` and `p4.mutants_runs`.
