# %% [markdown]
# # 3 · Monitoring and storage: what is left when something fails?
#
# A task can fail. The process that runs it can die. And while all is well, the system can be far too slow
# without anybody noticing. So this phase is about three things: **errors** that say what went wrong,
# **storage** that keeps what it promised to keep, and **numbers** that tell the truth.
#
# **You will be able to**
#
# - raise an error that keeps its cause, and say what `except Exception: pass` hides;
# - decide when a retry is safe, and how long it should wait;
# - say what a write survives, crash a program everywhere to prove it, and repair what a crash left behind;
# - read latency as percentiles, and find out what is wrong with a queue from its monitor.
#
# **Time**: 90 minutes for the core path, which is marked with ★: six exercises. Sections 1 and 2, then 3, then 4 make
# good sittings. What has no star is further practice. **Before**: phases 1 and 2, or their words: task, queue, worker,
# lock. Linux or macOS (on Windows, WSL): a journal needs file locks.
#
# **How it works**
#
# 1. The notebook is saved with its outputs. Choose *Edit → Clear Outputs of All Cells* first: a
#    prediction teaches only if you make it before you see the answer.
# 2. Where a cell says `predict(...)`, choose with a button, or write the letter: `predict("p3.torn", "a")`. Where one
#    begins with `prediction = ...`, put your answer in place of `...`. Then run the next cell.
# 3. An exercise has a body of `...`. Write yours, run the cell and the check below it. The check says what it tried and
#    what happened. If it knows the misconception behind that, it names it, and shows how it fails: the file at the
#    moment of a crash, or the order in which threads ran. It runs in a copy of this notebook, so nothing that your
#    code does there, hanging included, harms yours.
# 4. In a cell of your own, `hint("p3.save")` gives the next hint. `reveal("p3.save")` explains the solution once yours
#    is right, or after three tries. An exercise that you skip stops nothing.
#
# *You know all this?* Make the predictions. Whatever you get wrong, read; then do exercises 5 and 6.

# %%
import ast
import inspect
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from random import Random
from statistics import mean, median, quantiles
from unittest import mock
from uuid import uuid4

import matplotlib.pyplot as plt

from taskqueue_edu import (
    ConfigError,
    InvalidTask,
    JournalDamaged,
    LiveMonitor,
    Monitor,
    RetryPolicy,
    StoreLocked,
    TaskFailed,
    TaskQueue,
    TaskQueueError,
    WorkerPool,
    current_task,
    facts,
    files,
    plots,
)
from taskqueue_edu.course.exercises.p3_store.given import facts_of, line_of
from taskqueue_edu.course.patients import patients
from taskqueue_edu.course.show import compare, show_source
from taskqueue_edu.files import sync_folder
from taskqueue_edu.journal import read_facts
from taskqueue_edu.lab import (
    check,
    crash_test,
    hint,
    mutants,
    outcome,
    parsons,
    predict,
    reveal,
    trace,
)
from taskqueue_edu.lab.crash import value_kept
from taskqueue_edu.registry import fold
from taskqueue_edu.workloads import FetchPage, IndexFile, MathTask, PageServer, corpus_files

scratch = tempfile.TemporaryDirectory()  # the last cell removes it
folder = Path(scratch.name)


def new_folder():
    return Path(tempfile.mkdtemp(dir=folder))


# %% [markdown]
# ## Recall
#
# Answer each in your head, then open it.
#
# <details><summary>1. A frozen dataclass has a field <code>words: list[str]</code>. Can a task of that class
# still change after you submitted it?</summary>
#
# Yes. Frozen forbids `task.words = ...`, not `task.words.append(...)`.
# </details>
#
# <details><summary>2. Why does a thread that waits for a condition look again after it was woken?</summary>
#
# Another thread may have taken what it waited for, before it got the lock back.
# </details>
#
# <details><summary>3. Ten threads fetch pages faster than one. Why don't they parse files faster?</summary>
#
# A thread that waits for the network leaves the interpreter to the others. Parsing needs the interpreter
# all the time, and its lock (the GIL) lets one thread at a time have it.
# </details>
#
# <details><summary>4. What is a fact, and who writes one?</summary>
#
# A small tuple: what happened, to which task, when, by whom. Only the registry writes one, after it has
# looked up whether the step is legal.
# </details>


# %% [markdown]
# ## The problem: a program that can't fail
#
# This one collects the numbers that stand in source files. It runs every night. Its author has thought
# of everything: one bad file must not stop the others, and results are saved after each file, so that
# a crash loses nothing.
#
# On Monday there are 14 files. On Tuesday there are two more: `draft.py`, which somebody has not finished,
# and `magic.py`, which is in order. **Predict** what is saved after Tuesday.


# %%
def numbers_in(path):
    """Return the constants in a source file that are no text."""
    nodes = ast.walk(ast.parse(path.read_text()))
    return [n.value for n in nodes if isinstance(n, ast.Constant) and not isinstance(n.value, str)]


def collect(paths, results_file):
    """Collect from each file that results_file doesn't have yet. Return how many it has then."""
    try:
        results = json.loads(results_file.read_text())
    except Exception:
        results = {}  # the first night: there is no file yet
    for path in paths:
        try:
            if path.name not in results:
                results[path.name] = numbers_in(path)
                with results_file.open("w") as file:
                    json.dump(results, file)
        except Exception:
            pass  # one bad file must not stop the others
    return len(results)


corpus = corpus_files()
draft, magic = folder / "draft.py", folder / "magic.py"
draft.write_text("def half_a_function(:\n")
magic.write_text('PNG = b"\\x89PNG"\nSIZE = 13\n')
results_file = folder / "results.json"
print("Monday's report:", collect(corpus, results_file))
print("saved:", len(json.loads(results_file.read_text())))
predict("p3.tuesday", ...)

# %%
print("Tuesday's report:", collect([*corpus, draft, magic], results_file))
print("results.json ends with:", results_file.read_text()[-34:])
outcome("p3.tuesday")
print("Wednesday's report:", collect(corpus, results_file))

# %% [markdown]
# Tuesday's report counts 15 files, and the file that it saved is no JSON. `magic.py` holds a constant of type `bytes`,
# and JSON can't hold that. `open("w")` had emptied the file by then, `json.dump` wrote the first part and raised, and
# `except Exception: pass` threw the only witness away. On Wednesday the other `except` takes the ruin for "the first night".
#
# No crash was needed. Three habits did it:
#
# | habit | what it does | section |
# |---|---|---|
# | `except Exception: pass` | hides what it doesn't understand | 1 |
# | `open("w")` on the only copy | destroys the old before the new is there | 3 |
# | counting what is done | shows that work goes on, not how well | 4 |

# %% [markdown]
# ## 1. Errors are messages
#
# An error has two readers. A program reads its **class**: can I deal with that? A person reads its
# **text**: what happened, to what, and what do I do now? This package has one tree of errors for both.


# %%
def show_tree(cls, depth=0):
    outside = [base.__name__ for base in cls.__bases__ if not issubclass(base, TaskQueueError)]
    print("    " * depth + cls.__name__ + (f"  ({', '.join(outside)})" if outside else ""))
    for child in cls.__subclasses__():
        if child.__module__ == TaskQueueError.__module__:
            show_tree(child, depth + 1)


show_tree(TaskQueueError)
predict("p3.cause", ...)

# %% [markdown]
# In parentheses are the parents outside of the tree. `QueueFull` is a `TaskQueueError` *and* a `queue.Full`
# of the standard library, so code written for the standard library's queue works with this one unchanged.
#
# ### Translate at the boundary, and keep the cause
#
# A **boundary** is where your code calls somebody else's and answers for it. Who calls `read_port` knows about
# configuration, and should not need to know about files. So the boundary **translates**: it catches what is
# low-level, and raises what the caller understands. There are three ways to write that. Choose your prediction above,
# then look. Below them is the boundary between this package and the operating system, where it writes files.


# %%
def read_port(path, how):
    try:
        return int(path.read_text())
    except (OSError, ValueError) as error:
        translated = ConfigError(f"{path.name} holds no port number")
        if how == "from error":
            raise translated from error
        if how == "from None":
            raise translated from None
        raise translated


(folder / "port.txt").write_text("eighty")
for how in ("from error", "from None", "(plain)"):
    try:
        read_port(folder / "port.txt", how)
    except ConfigError as error:
        joined = [line.strip() for line in traceback.format_exception(error) if "exception" in line]
        print(f"raise translated {how}\n    cause: {error.__cause__!r}\n    shown:", *joined)
outcome("p3.cause")
show_source(inspect.unwrap(files.storage_errors))

# %% [markdown]
# - `from error` says: *that* is why. Both errors are shown, in the right relation. Use it.
# - Without `from`, the traceback reads as if the handler itself were broken.
# - `from None` hides the first error. Use it where that is only a detail of how you looked, such as the
#   `KeyError` of a table.
#
# > **You may think** that `raise ConfigError(str(error))` is enough, because the text is all there. **But** a
# > text has no class, no `errno` and no line number: no program can act on it, and the traceback to the fault
# > is gone.
#
# ### From the task to whoever waits
#
# A task fails in a worker's thread, and you wait for its result in another. `wait_for_result` raises
# `TaskFailed` there, *from* the task's own exception, with the traceback that it had in the worker:

# %%
with TaskQueue() as queue, WorkerPool(2) as pool:
    pool.start_processing(queue)
    task_id = queue.submit(IndexFile(str(draft)))
    try:
        queue.wait_for_result(task_id)
    except TaskFailed as error:
        failed = error
cause = failed.__cause__
print(f"{type(failed).__name__}, from {type(cause).__name__}")
print(f"in line {cause.lineno} of the file that the task read: {cause.text.strip()}")
print("called from:", *(frame.name for frame in traceback.extract_tb(cause.__traceback__)[:4]))


def first_worker(jobs, answers):
    while (job := jobs.get()) is not None:
        try:
            answers.put(job())
        except Exception as error:
            answers.put(error)


predict("p3.first_worker", ...)

# %% [markdown]
# ### What `except Exception` lets through
#
# The cell above ends with the worker that most people write first. It gets three jobs: one divides by zero, one calls
# `sys.exit`, one returns 42. Choose your prediction, then look how many answers come back.

# %%
jobs, answers = SimpleQueue(), SimpleQueue()
for job in (lambda: 1 / 0, lambda: sys.exit(3), lambda: 42, None):
    jobs.put(job)
worker = threading.Thread(target=first_worker, args=(jobs, answers))
worker.start()
worker.join()
print(answers.qsize(), "answer:", repr(answers.get()))
outcome("p3.first_worker")

# %% [markdown]
# > **You may think** that `except Exception` catches every exception, because of its name. **But** `SystemExit`
# > (from `sys.exit`) and `KeyboardInterrupt` (Ctrl-C) are `BaseException`s beside it. They pass, so that "stop
# > the program" gets through.
#
# In the main thread that is right. In a worker it ends the thread, without a message, and who waits for 42
# waits for ever. So this package's worker catches `BaseException`, and makes it the *outcome* of the task.
#
# ### Several errors at once
#
# Of sixteen files two are bad. Which error do you raise? Both, in an `ExceptionGroup`. `add_note` adds what
# you know and the exception doesn't. And `except` names what you expect: a mistake in your own code then stays
# visible.


# %%
def index_all(paths):
    """Index all files. Raises an ExceptionGroup if some can't be indexed."""
    indexes, errors = [], []
    for path in paths:
        try:
            indexes.append(IndexFile(str(path)).execute())
        except (OSError, SyntaxError) as error:
            error.add_note(f"while indexing {path.name}")
            errors.append(error)
    if errors:
        raise ExceptionGroup(f"{len(errors)} of {len(paths)} files can't be indexed", errors)
    return indexes


try:
    index_all([*corpus, draft, folder / "gone.py"])
except* SyntaxError as group:
    print(group.message, "- to be finished:", *group.exceptions[0].__notes__)
except* OSError as group:
    print(group.message, "- to be found:", *group.exceptions[0].__notes__)


class IndexUnreadable(TaskQueueError, ValueError):
    """The saved index can't be used: for exercise 1."""


# %% [markdown]
# ### ★ Exercise 1: a boundary
#
# `load_index` reads a saved index. Its caller knows one error, `IndexUnreadable`.
#
# - Return the object in the JSON file at `path`.
# - If the file can't be read, or is no JSON, perhaps not even text, raise `IndexUnreadable(message)` *from* the error that
#   says why. The message names the file.
# - If it is JSON, but not a `dict`, raise `IndexUnreadable` too, with a message that names the file.
# - Let everything else through: a wrong argument is the caller's mistake, and with Ctrl-C somebody asks the program to stop.

# %% exercise="p3.boundary"

# %% [markdown]
# *Stuck?* `hint("p3.boundary")`. *Done, or tried three times?* `reveal("p3.boundary")`.
#
# ## 2. Trying again
#
# Some failures go away by themselves: a server is busy, a network drops a packet. Others never do: the page
# does not exist. A **retry policy** says which is which, how often to try, and how long to wait.
#
# The server here answers `/flaky/a?fails=2` twice with "503, busy" and then with a page. For 503 `FetchPage`
# raises `ConnectionError`, for 404 ("no such page") `LookupError`. **Predict** how often each of the four tasks
# runs.

# %%
prediction = ...  # such as [1, 1, 1, 1]

policy = RetryPolicy(attempts=4, on=(ConnectionError,), delay=0.01)
paths = ["/page/1", "/flaky/a?fails=2", "/flaky/b?fails=9", "/missing"]

with PageServer(2.0) as server, TaskQueue(retry=policy) as queue, WorkerPool(4) as pool:
    pool.start_processing(queue)
    queue.submit_many([FetchPage(server.url(path)) for path in paths])
    queue.join(10)
    records = queue.registry.records()

compare(prediction, [record.attempt for record in records])
for path, record in zip(paths, records):
    why = record.failure.type if record.failure else "-"
    print(f"{path:18} {record.status:10} runs: {record.attempt}  last failure: {why}")
show_source(RetryPolicy.wait_after)

payments, booked = [], {}


@dataclass(frozen=True)
class Pay:
    amount: int

    def execute(self):
        payments.append(self.amount)
        if current_task().attempt == 1:
            raise ConnectionError("the bank's answer got lost")


@dataclass(frozen=True)
class PayOnce:
    amount: int

    def execute(self):
        booked[current_task().id] = self.amount  # the id is the same in every attempt
        if current_task().attempt == 1:
            raise ConnectionError("the bank's answer got lost")


predict("p3.pay", ...)

# %% [markdown]
# `attempts` counts all runs, the first included. In the source, find where the policy decides *not* to try again,
# and where it makes the waits grow.
#
# <details><summary>Answer</summary>
#
# The first `if`: no attempts are left, or the exception is not of the named kind. `factor ** (attempt - 1)` grows,
# `min` with `max_delay` ends that.
# </details>
#
# The cell above ends with two tasks that do something, and whose first run then loses the bank's answer. (`current_task()` tells
# a task about itself: its `id`, and in `attempt` the number of the run.) Choose your prediction there, then look how much
# `Pay(10)` pays, and how much `PayOnce(10)`.

# %%
with TaskQueue(retry=policy) as queue, WorkerPool(1) as pool:
    pool.start_processing(queue)
    queue.submit_many([Pay(10), PayOnce(10)])
print("paid:", sum(payments), "- booked under a key:", sum(booked.values()))
outcome("p3.pay")

# %% [markdown]
# > **You may think** that a retry is always safe, because the first run failed. **But** a run can do its work and
# > fail *afterwards*. To the queue that looks the same.
#
# An operation is **idempotent** if doing it twice has the effect of doing it once. Appending is not, storing under
# a key is. No queue can spare you that: a worker that dies after the work, and before its report, looks like one
# that died before the work. The queue promises *at least once*; the task makes it *once*.
#
# ### How long to wait
#
# Waiting longer each time (**exponential backoff**) gives the server room. But 200 tasks that failed at the same
# moment then come back at the same moment. **Jitter** shortens each wait by a random share of it, and so spreads
# them.

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(8.5, 3), layout="constrained")
for jitter, color in ((0.0, "tab:red"), (0.5, "tab:orange"), (1.0, "tab:blue")):
    plan = RetryPolicy(attempts=9, delay=0.5, max_delay=20, jitter=jitter)
    uniform = Random(7).random  # the same waits in every run of this cell
    waits = [plan.wait_after(n, ("Exception",), uniform) for n in range(1, 9)]
    left.plot(range(1, 9), waits, "o-", color=color, label=f"jitter {jitter:g}")
    back = [sum(plan.wait_after(n, ("Exception",), uniform) for n in (1, 2, 3)) for _ in range(200)]
    right.hist(back, bins=[n / 10 for n in range(38)], color=color, alpha=0.7)
    crowd = max(Counter(int(seconds * 10) for seconds in back).values())
    print(f"jitter {jitter:<3g}: up to {crowd} of 200 tasks come back in one tenth of a second")
left.set(xlabel="failed attempt", ylabel="wait (s)", title="one task")
left.legend()
right.set(
    xlabel="time since the failure (s)",
    ylabel="tasks",
    ylim=(0, 60),
    title="200 tasks: third retry",
)
plt.show()


class Declined(ValueError):
    """The bank says no. It will say so next time, too: for exercise 2."""


def new_key():
    """Return a key that no other payment has."""
    return uuid4().hex


# %% [markdown]
# The red bar on the right is cut off: it goes up to 200. **Modify**: set `max_delay=2`. Which points on the left move? What
# does a server gain from a larger `max_delay`, and who pays for it?
#
# <details><summary>Answer</summary>
#
# Those of the fourth failed attempt and later: without jitter they would be 4, 8, 16 and 20 s, and are all 2 s now. A larger
# `max_delay` leaves a server in trouble alone for longer. Whoever waits for the result pays.
# </details>
#
# ### ★ Exercise 2: pay once
#
# `bank.charge(amount, key)` charges an account, and returns a receipt. It may raise `ConnectionError`, before the money has
# moved or *after*; or `Declined`, which is its last word. If the bank gets a key a second time, it charges nothing, and
# returns the receipt that belongs to the key. `new_key()` makes a key.
#
# - Return the receipt. After a `ConnectionError` try again, five times in all, and call `sleep` with the seconds
#   between: 1, 2, 4, and no more than 4.
# - If that was not enough, raise the bank's last error itself. Each call of `pay` is a payment of its own, and never
#   charges twice. So it is, too, once the program was started anew: the bank keeps its keys for ever.

# %% exercise="p3.retry"

# %% [markdown]
# *Stuck?* `hint("p3.retry")`. *Done, or tried three times?* `reveal("p3.retry")`.
#
# ## 3. What survives
#
# Tasks and results of `TaskQueue()` live in memory. `TaskQueue.open(folder)` keeps them in a **journal**, a file to
# which each fact is appended as one line of JSON.
#
# ### What JSON changes without a word
#
# **Predict**: how many of these nine values come back from JSON unchanged, that is, equal and of the same type?

# %%
prediction = ...

values = [{"a": [1, 2.5, None, True]}, (1, 2), {1: "one"}, {1: "int", "1": "str"}, {True: "yes"}]
values += [float("nan"), 2**70, {"a set"}, b"bytes"]
same = 0
for value in values:
    try:
        text = json.dumps(value)
        after = json.loads(text)
        same += type(after) is type(value) and after == value
        print(f"{value!r:28} {text:28} {after!r}")
    except TypeError as error:
        print(f"{value!r:28} TypeError: {error}")
compare(prediction, same)
print()
with TaskQueue.open(new_folder()) as queue:
    try:
        queue.submit(MathTask("sum", [1, 2]))  # its field is a tuple
    except InvalidTask as error:
        print(f"InvalidTask: {error.message}")

# %% [markdown]
# The set and the bytes are the harmless ones: they say no. A tuple becomes a list, a key becomes text, two keys become one.
# `NaN` is not even JSON, and equals nothing, itself included: so it counts as changed. Days later the *same program* reads
# data of another shape than it wrote.
#
# So this package checks at the door, as the last line shows. A task for a journal is turned into JSON, read back as its
# annotations say, and compared, all before `submit` returns. A result takes the same round trip before it counts.
#
# ### Where the bytes are
#
# A process writes `hello` into a file. Then it is killed with SIGKILL (`kill -9`): no `finally`, no `__exit__`
# runs. **Predict**: what is in the file after each of the four?

# %%
prediction = ...  # such as ["", "", "", ""]

WRITER = """
import os, sys
file = open(sys.argv[1], "w")
{action}
os.write(1, b"ready\\n")
sys.stdin.read()
"""
actions = [
    "file.write('hello')",
    "file.write('hello'); file.flush()",
    "file.write('hello'); file.close()",
    "os.write(file.fileno(), b'hello')",
]
target, found = folder / "hello.txt", []
for action in actions:
    command = [sys.executable, "-c", WRITER.format(action=action), str(target)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdout.readline()  # it says "ready" after its action
        child.kill()
    found.append(target.read_text())
    print(f"{action:36} {found[-1]!r}")
compare(prediction, found)
predict("p3.closed", ...)

# %% [markdown]
# `write` puts the text into a buffer in the *process*, and dies with it. `flush` hands it to the **kernel** (the
# operating system), which outlives the process. `os.write` hands bytes to the kernel directly; it may take only the first
# of them, and returns how many. The kernel doesn't outlive a power cut. To pull the plug a hundred times would
# take a while, so the **lab** does it on a simulated disk: `crash_test` runs a program, stops it after each of its
# steps (the *crash points*), works out what the disk may hold then, and lets the program recover from that. `acknowledge` is
# the moment from which on somebody relies on it. The lab follows what the program's threads do with `open`, `os.open`,
# `os.write`, `os.fsync` and the like.


# %%
def note_it(folder, acknowledge):
    with open(folder / "notes.txt", "a") as file:
        file.write("milk\n")
    acknowledge("milk")  # the file is closed: is it safe?


def notes(folder):
    path = folder / "notes.txt"
    return path.read_text().splitlines() if path.exists() else []


outcome("p3.closed")
crash_test(note_it, notes)

# %% [markdown]
# `fsync` waits until the disk has it.
#
# | your code did | after an exception | after `kill -9` | after a power cut |
# |---|---|---|---|
# | `file.write(...)` | kept, if the file gets closed | **lost** | **lost** |
# | `file.flush()`, `file.close()`, `os.write(...)` | kept | kept | may be lost |
# | `os.fsync(fd)` | kept | kept | kept |
# | `os.fsync` of a *new* file's folder, too | kept | kept | kept, and under its name |
#
# > **You may think** that a file is safe once it is closed, because then it is finished. **But** `close` does what
# > `flush` does. Neither waits for the disk.
#
# `TaskQueue.open(folder, sync=...)` lets you choose what `submit` promises when it has returned:
#
# | `sync=` | after `kill -9` | after a power cut | what it waits for |
# |---|---|---|---|
# | `"process"`, the default | kept | may be lost | one `write` |
# | `"interval"` | kept | may be lost if it is younger than `interval` (1 s) | one `write`; a thread syncs in the background |
# | `"always"` | kept | kept | one `write`, and an `fdatasync` (an `fsync` that leaves out the file's times), which all who wait at that moment share |
#
# Why not always? Measure it on your disk. Then three sums run on one worker, and we look at the journal that they leave.

# %% tags=["nbval-ignore-output"]
places = {level: new_folder() for level in ("process", "interval", "always")}
for level, place in places.items():
    times = []
    with TaskQueue.open(place, sync=level) as queue:
        for n in range(200):
            start = time.perf_counter()
            queue.submit(MathTask("sum", (n, n)))
            times.append(time.perf_counter() - start)
    print(f'sync="{level}":'.ljust(17), f"{median(times) * 1e6:7,.0f} µs for a submit (the median)")

sums = new_folder()
with TaskQueue.open(sums) as queue, WorkerPool(1) as pool:
    queue.submit_many([MathTask("sum", (n, 10)) for n in (1, 2, 3)])
    pool.start_processing(queue)
lines = (sums / "journal.jsonl").read_bytes().splitlines()
for line in lines:
    print(line.decode())

# %%
process, interval, always = ([fact[0] for fact in read_facts(place)] for place in places.values())
print(
    len(process), "facts in each of the first three, the same ones:", process == interval == always
)
for number, line in enumerate(lines):
    body, _, seal = line.rpartition(b',"crc":"')
    assert zlib.crc32(body) == int(seal[:8], 16), "somebody changed this line"
    assert json.loads(line)["seq"] == number, "a line is missing"
print(len(lines), "lines, each with the right checksum, none missing")
print("by hand:      ", dict(Counter(json.loads(line)["fact"] for line in lines[1:])))
print("by read_facts:", dict(Counter(fact[0] for fact in read_facts(sums))))
print(
    "folded:       ", {str(status): n for status, n in fold(read_facts(sums)).counts().items() if n}
)
predict("p3.two_processes", ...)

# %% [markdown]
# In the first three journals there is no difference: a running machine never shows you what `fsync` did.
#
# The journal holds facts, not states. The state of a task is computed from its facts (a **fold**), by the same code in a
# running queue and after reopening. Each line ends with a **checksum** of its own bytes (CRC-32), so a reader can tell
# whether it is as it was written.
#
# ### Kill it
#
# Now for real. A process submits sums to a journal and runs them. It prints a line when `submit` has returned, and one
# when a result is there: with that it has acknowledged them. We read 300 lines. Then
# we try to open its folder ourselves, and kill it with SIGKILL, wherever it is.

# %% tags=["nbval-ignore-output"]
PROGRAM = """
import itertools, sys
from taskqueue_edu import TaskQueue, WorkerPool
from taskqueue_edu.workloads import MathTask

queue, pool = TaskQueue.open(sys.argv[1]), WorkerPool(2)
pool.start_processing(queue)
for n in itertools.count():
    task_id = queue.submit(MathTask("sum", (n, 1)))
    print("submitted", task_id, n + 1, flush=True)
    if n % 10 == 9:
        print("result", task_id, queue.wait_for_result(task_id), flush=True)
"""
jobs_folder = new_folder()
command = [sys.executable, "-c", PROGRAM, str(jobs_folder)]
with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
    said = [child.stdout.readline() for _ in range(300)]
    try:
        TaskQueue.open(jobs_folder).close()
        refused = None
    except StoreLocked as error:
        refused = error
    child.kill()
    said += [line for line in child.stdout if line.endswith("\n")]
said = [line.split() for line in said]
promised = {task_id: int(value) for kind, task_id, value in said if kind == "submitted"}
results = {task_id: int(value) for kind, task_id, value in said if kind == "result"}
print(len(promised), "submits and", len(results), "results were acknowledged")
print(str(refused).replace(str(jobs_folder), "FOLDER"))


# %% [markdown]
# While it lived, we were kept out. Would a `threading.Lock` do that? You answered that before *Kill it*; the next cell shows
# what is right. And now **predict**: we open the folder again. How many of the acknowledged tasks are not there?

# %%
prediction = ...

print("the process ended by", signal.Signals(-child.returncode).name)
with TaskQueue.open(jobs_folder) as queue, WorkerPool(2) as pool:
    there = {record.id for record in queue.registry.records()}
    compare(prediction, len(promised.keys() - there))
    kept = [queue.wait_for_result(task_id, timeout=0) == results[task_id] for task_id in results]
    print("acknowledged results that are there:", "all" if all(kept) else kept)
    pool.start_processing(queue)  # what was pending or running goes on
    right = [queue.wait_for_result(task_id) == promised[task_id] for task_id in promised]
    print("right results after the rest has run:", "all" if all(right) else right)
ends = Counter(fact[1] for fact in read_facts(jobs_folder) if fact[0] == facts.SUCCEEDED)
print("tasks that ended exactly once:", "all" if set(ends.values()) == {1} else ends)
print("while it lived, we got:", type(refused).__name__)
outcome("p3.two_processes")
predict("p3.torn", ...)

# %% [markdown]
# > **You may think** that a `threading.Lock` around the journal keeps a second process out. **But** that lock is an object in
# > the memory of one process; the other has its own. What kept us out is a lock on a *file* (`flock`). The system takes it
# > away when its owner dies, `kill -9` included, so we could open the folder afterwards.
#
# ### A torn line
#
# If the machine stops during a write, a part of the line is on the disk: the line is **torn**. We need not wait for that
# accident. We cut the last line of the `sums` journal at *every* byte, and reopen. That line says that the third sum
# succeeded. Choose your prediction, then look.
#
# A wrong byte *in the middle* is another matter. We flip one bit of the second line, the one that says that the first sum
# was submitted. How many of the three sums will the queue know?

# %%
prediction = ...  # of three sums

# The library warns in the log of each repair. Here it would, a hundred times.
logging.getLogger("taskqueue_edu").setLevel(logging.ERROR)
journal = (sums / "journal.jsonl").read_bytes()
last_line = journal.rstrip(b"\n").rfind(b"\n") + 1
seen = Counter()
for cut in range(last_line, len(journal)):
    with tempfile.TemporaryDirectory(dir=folder) as torn:
        Path(torn, "journal.jsonl").write_bytes(journal[:cut])
        with TaskQueue.open(torn) as queue:
            counts = queue.registry.counts()
        aside = b"".join(path.read_bytes() for path in Path(torn).glob("torn-*"))
        assert aside == journal[last_line:cut], "the torn bytes are kept in a file beside it"
        seen[f"{counts['succeeded']} succeeded, {counts['pending']} pending"] += 1
print("after reopening, each time:", *seen)
outcome("p3.torn")

damaged = new_folder()
second_line = journal.index(b"\n") + 1
flipped = bytes([journal[second_line + 20] ^ 1])
(damaged / "journal.jsonl").write_bytes(
    journal[: second_line + 20] + flipped + journal[second_line + 21 :]
)
with TaskQueue.open(damaged) as queue:
    report, left = queue.recovery, len(queue.registry.records())
compare(prediction, left)
print("pieces of damage put aside:", len(report.quarantined))
print("facts that fit no task now:", report.ignored)
with TaskQueue.open(damaged) as queue:
    print("found when it was opened again:", queue.recovery.lines())


def sealed(text):
    """Return a text as a line of a journal: its checksum, the text, a newline."""
    body = text.encode()
    return b"%08x %b\n" % (zlib.crc32(body), body)


def text_of(line):
    """Return the text of such a line. Raises ValueError if the line is not as it was written."""
    checksum, _, body = line.removesuffix(b"\n").partition(b" ")
    if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(body):
        raise ValueError(f"not as it was written: {line!r}")
    return body.decode()


# %% [markdown]
# After each cut the third sum is pending again, and runs once more.
#
# > **You may think** that a file with a broken last line is broken, so throw it away. **But** a torn line was not yet promised
# > to anybody: `submit` returns when the kernel has the whole line (with `sync="always"`, when the disk has it). And each line
# > before it proves with its checksum that it is whole.
#
# The flipped line was acknowledged once, and no rule can guess it back. So the queue puts the line aside, where you can look
# at it, says so, and goes on with the rest. Every line of the file is still somewhere: in the journal, or in
# a file beside it, `quarantine.jsonl`, with the reason. In a terminal, `taskqueue doctor FOLDER` shows all this without changing anything.
#
# ### ★ Exercise 3: recover
#
# The cell above ends with a small journal of its own: `sealed(text)` makes a line with a checksum: bytes, with a newline at
# the end. `text_of(line)` takes such bytes and returns the text, or raises ValueError if the line is not as it was written. Its program syncs each line before it begins the next one.
# Write what it does when it starts:
#
# - Return the texts in the file, oldest first. The very first time nothing is there: `[]`. If something is there, and
#   can't be read, let that error through.
# - A last line that is not as it was written is torn, even if it ends with a newline: a disk may write the end of it first, and
#   leave zeros before that. Cut it off the file, so that the next line begins a line.
# - If any other line is not as it was written, raise `JournalDamaged("what is wrong")`, and change nothing.

# %% exercise="p3.recover"

# %% [markdown]
# *Stuck?* `hint("p3.recover")`. *Done, or tried three times?* `reveal("p3.recover")`.
#
# ### ★ Exercise 4: replace a file, from its lines
#
# A journal grows at its end. Other files are written anew as a whole, as `results.json` was. Then the old bytes must stay until
# the new ones are safe: an **atomic replace**, all or nothing. `os.replace` gives a file the name of another one in one step.
# `sync_folder` syncs the folder, in which the names are kept.
#
# First follow the steps on paper: `trace` asks what is in the file after each, if the power fails then. Write `"old"` or `"new"` for
# each `...`. Then put the lines in order, with the buttons, or as letters: `parsons("p3.parsons_replace", "A B C")`. Four
# lines don't belong.

# %%
trace("p3.disk", [..., ..., ..., ..., ..., ...])
parsons("p3.parsons_replace", ...)

# %% [markdown]
# ### ★ Exercise 5: save atomically
#
# Now all of it. Write `save(path, data)` so that `path` holds all of the old bytes or all of the new ones at *every* moment, a power
# cut included, and the new ones once it has returned. A folder is synced like a file: `os.open(..., os.O_RDONLY)`, `os.fsync`,
# `os.close`; `sync_folder` does no more. A rename from one folder to another changes both, and is sure to last once both are synced.
#
# If something stops it before the new file has its name, an error (of `os.replace`, too) or Ctrl-C, let that through, and leave
# no extra file behind.
# `path` may have any name of up to 200 bytes; a disk takes 255, as a rule. Its folder may hold other files. None of them has the name of
# `path` as a part of its own name: put that name into the name of your new file, and you overwrite nothing.
# A file that an earlier `save` has left behind, since its process was killed, must not stop the next one.

# %% exercise="p3.save"

# %% [markdown]
# *Stuck?* `hint("p3.save")`. *Done, or tried three times?* `reveal("p3.save")`.
#
# ### Bug hunt: once in a thousand power cuts
#
# This program counts. Each number is in its log, and on the disk, before it is acknowledged. A long log takes long to read, so
# at each start `compact` puts a **snapshot** in its place: a file that holds the number alone. Every file is synced before it gets
# its name, and the folder is synced at the end. It has lost nothing for a year. Find the fault by reading: which step comes
# too early?


# %%
def total(folder):
    """Return the count: the largest number in the snapshot, and in whole lines of the log."""
    found, snapshot, log = [0], folder / "snapshot", folder / "log"
    if snapshot.exists():
        found.append(int(snapshot.read_text()))
    if log.exists():
        lines = log.read_bytes().splitlines(keepends=True)
        found += [int(line) for line in lines if len(line) == 9 and line.strip().isdigit()]
    return max(found)


def compact(folder, done):
    """Put a snapshot in the place of the log."""
    new = folder / "snapshot.new"
    with open(new, "w") as file:
        file.write(str(done))
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, folder / "snapshot")
    (folder / "log").unlink(missing_ok=True)
    sync_folder(folder)


def count_on(folder, acknowledge):
    """Count three more."""
    done = total(folder)
    compact(folder, done)
    with open(folder / "log", "ab") as log:
        sync_folder(folder)
        for number in range(done + 1, done + 4):
            log.write(b"%08d\n" % number)
            log.flush()
            os.fsync(log.fileno())
            acknowledge(number)


predict("p3.hunt", ...)

# %%
outcome("p3.hunt")
a_year = {"log": b"00000364\n00000365\n"}
ordered = crash_test(count_on, total, value_kept, files=a_year, disk="ext4")
print("on a disk that keeps changes of names in order:", ordered.kind)
crash_test(count_on, total, value_kept, files=a_year)

# %% [markdown]
# No test on your own machine would have found it: Linux's usual file system keeps the changes of names in order, and there it is
# right. POSIX, the standard that says what a program may rely on, doesn't promise that. **Fix it**: one line is missing in `compact`. Put it in,
# run both cells again, and read the last line of the verdict: it says what was tried.
#
# <details><summary>Answer</summary>
#
# `sync_folder(folder)` between `os.replace` and `unlink`: the snapshot's name is on the disk before the log may go. The verdict is then
# PASS, for each crash point, each torn or reordered effect, and each fsync that fails.
# </details>
#
# ### Kill the mutants (further practice)
#
# A friend has collected savers: functions `save(path, data)`, some right, most of them broken. Write a test that lets the right ones
# pass, and turns the others down: it raises AssertionError. Reading back what was saved will not do. Use `crash_test`, with
# `value_kept` as its check. It returns a verdict, which counts as true if no crash lost anything, and as false if one did:
# `assert crash_test(...)` is all that you need. Your `recover` returns the bytes that it finds. Before the first
# save there is no file: let it return `b""` then. `value_kept` wants those that were acknowledged last, or later ones. Leave the disk as it is: the one that promises least.


# %%
def test_saver(save):
    """Raise AssertionError if `save(path, data)` may lose data."""
    ...


mutants("p3.mutants_savers", test_saver)

# %% [markdown]
# *Stuck?* `hint("p3.mutants_savers")`.
#
# ### ★ Exercise 6: a store of your own
#
# A queue asks five things of its store, and takes any object that has them. Write `LineStore`: one file, one fact a line.
#
# | method | who calls it | what it does |
# |---|---|---|
# | `load()` | the registry, once, first | returns the facts in the file, oldest first; cuts a torn last line off |
# | `append(fact)` | the registry, under its lock | adds the line, and returns a number from 1 that grows; never waits for an `fsync`, not even for that of another thread |
# | `flush(position)` | any thread, several at once | returns when the facts up to `position` survive `kill -9` |
# | `sync(position)` | any thread, several at once | returns when the facts up to `position` survive a power cut |
# | `close()` | the queue, last | releases the file, whatever has failed before |
#
# Two functions turn facts into bytes and back, with the journal's own code. `line_of(number, fact)` returns a line; the first fact in a file
# has number 1, the next 2. `facts_of(data)` wants all lines of the file at once, from the first one. It returns their facts, and how
# many bytes they take: a torn last line is left out. It raises `JournalDamaged` if any other line is bad: let that through, and leave
# the file as it is.
#
# The process before may have been killed. Then `load` may find facts that the kernel has and the disk doesn't, and the file's name
# may not be on the disk either. `sync` has to treat both as if they were new.
#
# After a failure `append`, `flush` and `sync` may raise from then on. If one returns, the table holds.
# `close` may raise, too, but it always releases the file.
#
# - A write that failed may have left half a line in the file. Three ways are right: what is written next goes on right behind that half,
#   with the rest of the line (a Python file object does so by itself); or you cut the half off, and write the whole line again; or
#   `flush` and `sync` raise from then on. If `append` itself raised, the registry appends nothing more.
# - Don't try an `fsync` again that failed, of the file or of its folder. The kernel may have dropped the bytes, and it tells only one
#   caller, once. A later `fsync` often says that all is well, and must not be believed. Nor must one that another thread is in
#   at that moment. So from then on each `sync` raises, in all threads. For facts that were on the disk before, it may return, or raise
#   as well.

# %% exercise="p3.store"

# %% [markdown]
# *Stuck?* `hint("p3.store")`. *Done, or tried three times?* `reveal("p3.store")`.
#
# The last thing that the check tries is your store in the real system. See it for yourself, in a cell of your own:
#
# ```python
# with TaskQueue(store=LineStore(folder / "mine.jsonl")) as queue, WorkerPool(2) as pool, LiveMonitor(queue):
#     queue.submit_many([IndexFile(str(path)) for path in corpus])
#     pool.start_processing(queue)
#     await queue.drained()
# ```
#
# And the program that can't fail? With a journal it is short: submit an `IndexFile` for each path, and open the folder again on the next
# day. What failed has its reason in the journal, and there is nothing to save by hand.
#
# ## 4. Numbers that tell the truth
#
# Every fact has a time, so all that you may want to know about speed is in the log already. A **monitor** reads it and adds
# up. The tasks need no code for it, and the workers don't wait for it. It remembers how far it has read (a **cursor**), and
# takes only what is new.
#
# It measures two durations: **waiting**, from when a task could run until it started, and **running**, from there to its end. Watch
# 600 pages, four workers, about 20 ms a page. `await queue.drained()` waits without blocking the notebook, so the picture can
# move.

# %% tags=["nbval-ignore-output"]
WORKERS = 4

with PageServer(20.0) as server, TaskQueue() as queue, WorkerPool(WORKERS) as pool:
    with LiveMonitor(queue) as live:
        queue.submit_many([FetchPage(url) for url in server.urls(600)])
        pool.start_processing(queue)
        await queue.drained()
    print(live.summary())
    monitor = Monitor(queue)
    tasks, log = monitor.to_frame("tasks"), monitor.to_frame("facts")
print((tasks[["waiting", "running"]] * 1000).describe(percentiles=[0.5, 0.95, 0.99]).round(1))

# %%
longer = tasks["waiting"].median() > 5 * tasks["running"].median()
print("half of the tasks waited more than five times as long as a page takes:", longer)
services = {"A": [50] * 100, "B": [20] * 95 + [620] * 5}  # ms
predict("p3.mean", ...)

# %% [markdown]
# > **You may think** that this service is fast, because a page takes 20 ms. **But** whoever submitted the last page waited for
# > all the others first. A dashboard that shows how long the *work* takes, or how much is done, stays green while the
# > queue grows without end.
#
# ### Why the mean lies
#
# Two services: A takes 50 ms for every request, B 20 ms for 95 of 100, and 620 ms for the other five. Choose your prediction, then
# look.

# %%
for name, times in services.items():
    cuts = quantiles(times, n=100, method="inclusive")
    print(f"{name}: mean {mean(times)} ms, p50 {cuts[49]:.0f} ms, p99 {cuts[98]:.0f} ms")
print(f"20 requests to B: with a probability of {1 - 0.95**20:.0%} at least one is slow")
outcome("p3.mean")

# %% [markdown]
# Nobody ever waits 50 ms for B. A **percentile** says what somebody meets: half of the requests stay below p50, 99 of 100
# below p99. Few *requests* to B are slow; but most *visits* of 20 requests meet a slow one.
#
# ### A promise (further practice)
#
# Your team promises: 99 of 100 customers get their result within `limit` seconds after they ask for it. Write the check of that
# promise. A task is (submitted, started, finished), in seconds.

# %% exercise="p3.promise"

# %% [markdown]
# *Stuck?* `hint("p3.promise")`. *Done, or tried three times?* `reveal("p3.promise")`.
#
# ### Little's law
#
# How do you know that a monitor tells the truth? There is a law to check it with. For every system that begins and ends
# empty (J. D. C. Little, 1961):
#
# > **L = λ W**
#
# *L* is the mean number of tasks inside, *λ* how many come per second, and *W* the mean time that a task spends inside. We compute
# *L* from the table of facts, as the area under the curve below, and the other two from the table of tasks. If the monitor
# counted or timed something wrong, they disagree.
#
# The **utilization** is the share of the time that the workers were busy. Before you run the cell: what do you expect?

# %% tags=["nbval-ignore-output"]
steps = log[log["kind"].isin([facts.SUBMITTED, facts.SUCCEEDED])]
inside = steps["kind"].map({facts.SUBMITTED: 1, facts.SUCCEEDED: -1}).astype(int).cumsum()
clock = (steps["at"] - steps["at"].iloc[0]).dt.total_seconds()
span = clock.iloc[-1]

mean_inside = (inside.to_numpy()[:-1] * clock.diff().to_numpy()[1:]).sum() / span
rate = len(tasks) / span
time_inside = (tasks["finished"] - tasks["submitted"]).dt.total_seconds().mean()
utilization = tasks["running"].sum() / (WORKERS * span)

print(f"L = {mean_inside:.2f} tasks    λ = {rate:.1f} tasks/s    W = {time_inside:.3f} s")
print(f"λW = {rate * time_inside:.2f} tasks    utilization = {utilization:.0%}")
print(
    f"{WORKERS} workers can do {WORKERS / tasks['running'].mean():.0f} such pages a second, at most"
)
fig, axes = plt.subplots(figsize=(6, 2.6), layout="constrained")
axes.step(clock, inside, where="post")
axes.set(xlabel="time (s)", ylabel="tasks inside")
plt.show()


# %%
apart = abs(mean_inside / (rate * time_inside) - 1)
print("L and λW agree to one part in a million:", apart < 1e-6)
print("the workers were busy most of the time:", utilization > 0.5)
predict("p3.clock", ...)

# %% [markdown]
# The law also says what you can't tune away. Look at the third line: workers, divided by the time that a page takes, is the most
# they can do. If more pages come in than that, *L* grows, and *W* with it, whatever else you set.
#
# **Modify**: set `WORKERS = 8` above and run the cells from there on again. Say first: what happens to *λ*, to *W*, and to the
# utilization?
#
# <details><summary>Answer</summary>
#
# *λ* nearly doubles and *W* nearly halves: the work is waiting for a server, and eight threads wait as easily as four. (Nearly: what
# little there is to calculate shares one interpreter.) *L* stays about the same, half of 600, since all tasks come at once. The
# utilization stays near 100 %.
# </details>
#
# ### Which clock
#
# `time.time()` says what time it is, and somebody may set it: an operator, a time server, a virtual machine that wakes up. We
# can't set your clock. So we let `time.time` say what it would say if the clock were set back by an hour while a task runs.
# Choose your prediction, then look. Does the monitor fall for it?

# %%
real_time, shift = time.time, 0


@dataclass(frozen=True)
class SetClockBack:
    def execute(self):
        global shift
        shift = -3600


with mock.patch.object(time, "time", lambda: real_time() + shift):
    wall, steady = time.time(), time.monotonic()
    with TaskQueue() as queue, WorkerPool(1) as pool:
        pool.start_processing(queue)
        queue.submit(SetClockBack())
    wall, steady = time.time() - wall, time.monotonic() - steady
print(f"time.time() says it took {wall / 3600:.1f} h, time.monotonic() says {steady / 3600:.1f} h")
print(
    "the monitor measured a negative duration:",
    bool((Monitor(queue).to_frame()["running"] < 0).any()),
)
outcome("p3.clock")
show_source(facts.now)

# %% [markdown]
# Measure durations with a clock that nobody can set: `time.monotonic()` or `time.perf_counter()`. The queue ties such a clock to
# the time of day once, when it is imported (`_ANCHOR`). So its times can be read as dates, and their differences are right.
#
# ### A snapshot while others work (further practice)
#
# A monitor that writes its numbers to a file reads them while workers change them. `Board` counts how many tasks are in each state. Write
# `dump`: all numbers must be of *one* moment, no worker may have to wait while `write` waits for the disk, and an error of
# `write` goes to the caller.

# %% exercise="p3.snapshot"

# %% [markdown]
# *Stuck?* `hint("p3.snapshot")`. *Done, or tried three times?* `reveal("p3.snapshot")`.
#
# ### The monitor read like a doctor (further practice)
#
# Six queues ran for about a minute each, and each has one thing wrong. (The runs are made by a small model, so that you
# see the same ones as everybody.) On the left is how many tasks waited, on the right what each worker did. The lines of text
# say the same, and more. "Worker crashed" means that a worker's process died in the middle of a task. A type is what a task
# does: `mail` is short, a `report` is long, `convert` changes a file. The queue of patient F takes at most four waiting tasks;
# the others take any number. Look at a patient, name what is wrong, then go on.
#
# To see one live, after the cell below has run, in a cell of your own: `saved = new_folder() / "B.jsonl"`,
# `Monitor(runs["B"]).save(saved)`, then `LiveMonitor.replay(saved, speed=5).show()`.

# %%
runs = patients()
figure, grid = plt.subplots(len(runs), 2, figsize=(9, 14), layout="constrained")
for (name, recording), (left, right) in zip(runs.items(), grid):
    ran = Monitor(recording).to_frame("facts")
    told = [
        plots.depth(ran, left),
        plots.workers(ran, right),
        plots.shares(ran, plt.Figure().subplots()),
    ]
    left.set(ylabel=f"{name}: tasks", ylim=(0, max(10, left.get_ylim()[1])))
    each = Monitor(recording).to_frame("tasks")
    print(
        f"{name}: {len(each)} tasks, runs from {each['running'].min():.1f} to {each['running'].max():.1f} s;",
        end=" ",
    )
    print(f"types: {dict(Counter(each['type']))}")
    for kind, waits in each.groupby("type")["waiting"]:
        shares = f"p50 {waits.median():.1f} s, p99 {waits.quantile(0.99):.1f} s"
        print(f"{kind}, from submit to the start of the last run: {shares}")
    print(*told, sep="\n", end="\n\n")
plt.show()
for name in runs:
    predict(f"p3.patient_{name}", ...)

# %%
for name in runs:
    outcome(f"p3.patient_{name}")
scratch.cleanup()

# %% [markdown]
# ## What you can say now
#
# - An error has a class for programs and a text for people. Catch by name what you can deal with; **translate** at boundaries,
#   with `from`. `except Exception` misses `SystemExit` and `KeyboardInterrupt`; with `pass` it hides everything else.
# - **Retry** what may go away, wait longer each time, with jitter. *At least once* is all that a queue can promise: an
#   **idempotent** task makes it once.
# - **JSON** changes data without a word. Check the round trip where data comes in.
# - `write` survives nothing, `flush` the process, `fsync` the machine. Replace a file whole: temporary file, `fsync`, `os.replace`,
#   `fsync` of the folder.
# - A journal of checked lines can be torn anywhere and be repaired. Damage in the middle is reported, never skipped.
# - Show **percentiles**, and waiting apart from running. Check the numbers with *L = λ W*.
#
# | Rust | Python | where the comparison misleads |
# |---|---|---|
# | `Result<T, E>` and `?` | exceptions, and `raise ... from` at boundaries | Propagation is invisible: any line may raise, and no signature says so. |
# | `thiserror`, `anyhow::Context` | a tree of classes, `add_note`, `ExceptionGroup` | An `__init__` of your own can break unpickling. |
# | `serde` | dataclass and a strict codec | Plain `json` takes what it can't give back: tuples, keys, NaN. |
# | `Drop` flushes a `BufWriter` | `with` closes a file | Neither waits for the disk, and neither runs after `kill -9`. |
#
# **Explain it to yourself** (nobody checks): A friend saves after each task with `save`, and each save takes 5 ms. Which promise
# does that keep that `sync="process"` doesn't? What does a journal do better, with 100,000 results?
#
# **Next**: [Phase 4](04_integration_and_cli.ipynb) puts the parts together: configuration, a command line, a shutdown that loses
# nothing, and tests that don't depend on luck.
