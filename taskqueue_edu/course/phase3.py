# %% [markdown]
# # Phase 3: Monitoring and storage
#
# A task can fail. The process that runs it can die. And while all is well, it may still be too
# slow without anybody noticing. This notebook is about those three: **errors** that say what
# went wrong, **storage** that keeps what it promised to keep, and **numbers** that tell the truth.
#
# **You will be able to**
#
# - raise an error at a boundary that keeps its cause, and say what a bare `except` hides;
# - decide when a retry is safe, and how long it should wait;
# - say what a write survives, kill a process to prove it, and repair what a crash left behind;
# - read latency as percentiles, and check a monitor's numbers with Little's law.
#
# **Time**: 90 minutes. **Before you start**: Python, and the words of phases 1 and 2: task,
# queue, worker, lock. Needs Linux or macOS (on Windows, WSL): a journal needs file locks.
#
# **How the exercises work.** Where code has `...`, you write. A cell with `checking` then says
# what is right or wrong about it. Where you find `prediction = ...`, put your guess in place of
# the dots *before* you run the cell: a guess that turns out wrong teaches the most.

# %%
import ast
import json
import os
import pickle
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
from queue import Full, SimpleQueue
from random import Random
from statistics import mean, quantiles
from unittest import mock

import matplotlib.pyplot as plt
import pandas as pd

from taskqueue_edu import (
    ConfigError,
    InvalidTask,
    JournalDamaged,
    LiveMonitor,
    Monitor,
    RetryPolicy,
    StorageError,
    TaskDead,
    TaskFailed,
    TaskQueue,
    TaskQueueError,
    WorkerPool,
    current_task,
    facts,
    files,
    task_type,
)
from taskqueue_edu.course.show import checking, compare, needs, show_source
from taskqueue_edu.executor import run_task
from taskqueue_edu.journal import read_facts
from taskqueue_edu.registry import fold
from taskqueue_edu.workloads import FetchPage, IndexFile, MathTask, PageServer, corpus_files

scratch = tempfile.TemporaryDirectory()  # the last cell removes it
folder = Path(scratch.name)

# %% [markdown]
# ## Recall
#
# Answer from memory, then open the answer.
#
# 1. A frozen dataclass has a field `words: list[str]`. Can a task of that class still change
#    after you submitted it?
# 2. What does `isinstance(x, Task)` check, and what does it not?
# 3. Why does a thread wait for a condition with `while`, not with `if`?
# 4. Ten threads fetch pages faster than one. Why don't they parse files faster?
#
# <details><summary>Answers</summary>
#
# 1. Yes. Frozen forbids `task.words = ...`. It does not forbid `task.words.append(...)`.
# 2. That there is a method `execute`. It checks neither its parameters nor its result.
# 3. Between the notification and the moment it gets the lock, another thread may have taken what
#    it waited for. So it looks again.
# 4. A thread that waits for the network leaves the interpreter to the others. Parsing needs the
#    interpreter all the time, and its lock (the GIL) lets one thread at a time have it.
# </details>

# %% [markdown]
# ## A program that can't fail
#
# This one collects the numbers that stand in source files. It runs every night. Its author has
# thought of everything: one bad file must not stop the others, and results are saved after each
# file, so that a crash loses nothing.


# %%
def numbers_in(path):
    """Return the numbers that stand in a source file: its constants that are no text."""
    nodes = ast.walk(ast.parse(path.read_text()))
    return [n.value for n in nodes if isinstance(n, ast.Constant) and not isinstance(n.value, str)]


def collect(paths, results_file):
    """Collect the numbers of each file that is not yet in results_file. Return how many it has."""
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


# %% [markdown]
# On Monday there are three files. On Tuesday there are all 14 files of the small corpus that
# comes with this package, and a `draft.py` that somebody has not finished.
#
# **Predict**: how many files does the program report on Tuesday? How many are in
# `results.json` afterwards?

# %%
predicted_report = ...
predicted_saved = ...

draft = folder / "draft.py"
draft.write_text("def half_a_function(:\n")
results_file = folder / "results.json"
by_name = {path.name: path for path in corpus_files()}

monday = collect([by_name[name] for name in ("circle.py", "life.py", "planets.py")], results_file)
print("Monday's report:", monday, "- saved:", len(json.loads(results_file.read_text())))

tuesday = collect([*corpus_files(), draft], results_file)
compare(predicted_report, tuesday)
try:
    saved = len(json.loads(results_file.read_text()))
except ValueError:
    saved = "nothing that can be read"
compare(predicted_saved, saved)

# %% [markdown]
# It reports 14 files. They are all lost, Monday's too. And `draft.py` is missing without a word.
# The file itself shows how it ends:

# %%
print("results.json ends with:", results_file.read_text()[-44:])
print("Wednesday's report:", collect(corpus_files(), results_file))

# %% [markdown]
# `account.py` has a function whose body is `...`, and that is a constant too: `Ellipsis`, which
# JSON can't hold. `open("w")` had emptied the file by then, `json.dump` wrote half of it and
# raised, and `except Exception: pass` threw the only witness away. On Wednesday the other
# `except` takes the ruin for "the first night".
#
# No crash was needed, and no concurrency. Three habits did it:
#
# | habit | what it does | in this notebook |
# |---|---|---|
# | `except Exception: pass` | hides what it doesn't understand | part A |
# | `open("w")` on the only copy | destroys the old before the new exists | part C |
# | counting what is done | shows that work goes on, not that it goes well | part D |

# %% [markdown]
# ## A. Errors are messages
#
# An error tells two readers something. A program reads its **class**: can I handle that? A person
# reads its **text**: what happened, where, and what do I do now? This package has one tree of
# errors for both.


# %%
def show_tree(cls, depth=0):
    parents = [b.__name__ for b in cls.__bases__ if not issubclass(b, TaskQueueError)]
    print("    " * depth + cls.__name__ + (f"  ({', '.join(parents)})" if parents else ""))
    for child in cls.__subclasses__():
        if child.__module__ == TaskQueueError.__module__:
            show_tree(child, depth + 1)


show_tree(TaskQueueError)

# %% [markdown]
# In parentheses are the parents outside the tree. `QueueFull` is a `TaskQueueError` *and* a
# `queue.Full` of the standard library.
#
# **Predict**: a queue with one place is full. Which of the three `except` lines catches the
# error: 1, 2 or 3?

# %%
prediction = ...

queue = TaskQueue(maxsize=1)
queue.submit(MathTask("sum", (1, 2)))
try:
    queue.submit(MathTask("sum", (3, 4)), timeout=0)
except TimeoutError as error:
    caught = 1
except Full as error:
    caught = 2
    print(f"{type(error).__name__}: {error}\n")
except TaskQueueError as error:
    caught = 3
queue.close()
compare(prediction, caught)

# %% [markdown]
# The first line that fits wins, and `queue.Full` fits: code written for the standard library's
# queue works with this one unchanged. Line 3 would fit too. That is what the second parent is for.
#
# ### Translate at the boundary, and keep the cause
#
# A *boundary* is where your code calls somebody else's and answers for it. The caller of
# `read_port` knows about configuration. It should not have to know that there is a file behind it.
# So the boundary **translates**: it catches what is low-level and raises what the caller
# understands. There are three ways to write that.


# %%
def read_port(path, how):
    try:
        return int(path.read_text())
    except (OSError, ValueError) as error:
        translated = ConfigError(f"{path.name} holds no port number", hint="")
        if how == "from error":
            raise translated from error
        if how == "from None":
            raise translated from None
        raise translated


(folder / "port.txt").write_text("eighty")
for how in ("from error", "from None", "plain"):
    try:
        read_port(folder / "port.txt", how)
    except ConfigError as error:
        print(f"raise ... {how}")
        print("   __cause__:", repr(error.__cause__))
        print("   __context__:", repr(error.__context__), "- hidden:", error.__suppress_context__)

# %% [markdown]
# - `from error` says: *that* is why. A traceback joins the two with "The above exception was the
#   direct cause of the following exception". Use it.
# - Without `from`, a traceback says "During handling of the above exception, another exception
#   occurred". That reads like a mistake in the handler.
# - `from None` hides the first error. Use it where the first one is a detail of how you looked,
#   such as the `KeyError` of a table.
#
# **You may think** that `raise ConfigError(str(error))` does the same, because the text is all
# there. **But** a text has no class, no `errno`, no line number: no program can act on it, and
# the traceback that leads to the fault is gone.
#
# ### Look inside
#
# This is the boundary between the journal and the operating system. Which of the rules can you
# find in it?

# %%
show_source(files.storage_errors)
(folder / "a file").touch()
try:
    TaskQueue.open(folder / "a file" / "jobs")
except StorageError as error:
    print(type(error).__name__, "with errno", error.errno, "from", repr(error.__cause__).split("(")[0])
    print(str(error).replace(str(folder), "FOLDER"))

# %% [markdown]
# ### From the task to whoever waits
#
# A task fails in a worker's thread. You wait for its result in another thread. How does the
# error get from there to here? `wait_for_result` raises `TaskFailed`, and its `__cause__` is the
# task's own exception, with the traceback it had in the worker.

# %% tags=["nbval-ignore-output"]
with TaskQueue() as queue, WorkerPool(2) as pool:
    pool.start_processing(queue)
    task_id = queue.submit(IndexFile(str(draft)))
    try:
        queue.wait_for_result(task_id)
    except TaskFailed as error:
        failed = error
text = "".join(traceback.format_exception(failed))
print(text.replace(str(folder), "FOLDER"))

# %%
print(type(failed).__name__, "from", repr(failed.__cause__).split("(")[0])
print("in line", failed.__cause__.lineno, "of the file that the task read")

# %% [markdown]
# ### What `except Exception` lets through
#
# Here is the worker that most people write first. It gets three jobs: one divides by zero, one
# calls `sys.exit`, one returns 42.
#
# **Predict**: how many answers come back?

# %%
prediction = ...


def first_worker(jobs, answers):
    while (job := jobs.get()) is not None:
        try:
            answers.put(job())
        except Exception as error:
            answers.put(error)


jobs, answers = SimpleQueue(), SimpleQueue()
for job in (lambda: 1 / 0, lambda: sys.exit(3), lambda: 42, None):
    jobs.put(job)
worker = threading.Thread(target=first_worker, args=(jobs, answers))
worker.start()
worker.join()
compare(prediction, answers.qsize())
print("the only answer:", repr(answers.get()))

# %% [markdown]
# `sys.exit` raises `SystemExit`. That is a `BaseException`, but no `Exception`, and so is
# `KeyboardInterrupt` (Ctrl-C). They pass every `except Exception`, on purpose: "stop the program"
# must get through. In the *main* thread that is right. In a worker it ends the thread, silently,
# and whoever waits for 42 waits for ever.
#
# So a worker must catch `BaseException`, and turn it into the *outcome* of the task. Let us see
# whether this package's worker does, with everything that people throw. The last one can't even be
# printed. Below the output is the code that did it.


# %%
class Rude(Exception):
    def __str__(self):
        raise RuntimeError("no comment")


@dataclass(frozen=True)
class Throw:
    error: BaseException

    def execute(self):
        raise self.error


with TaskQueue() as queue, WorkerPool(1) as pool:
    pool.start_processing(queue)
    for thrown in (ValueError("plain"), SystemExit(3), KeyboardInterrupt(), Rude()):
        task_id = queue.submit(Throw(thrown))
        try:
            queue.wait_for_result(task_id)
        except TaskFailed as error:
            print(error.message.removeprefix(f"task {task_id} "))
            assert error.__cause__ is thrown
    answer = queue.wait_for_result(queue.submit(MathTask("sum", (20, 22))))
    print("and the only worker still works:", answer)
show_source(run_task)

# %% [markdown]
# `_failure` makes a `Failure` of the exception: its class names, its message, its traceback. That
# must not fail either, and it did not.
#
# ### Several errors at once, and what was going on
#
# Fifteen files, and two of them are bad: which error do you raise? Both, in an `ExceptionGroup`.
# `add_note` adds what you know and the exception doesn't. And you catch by name only what you
# expect: a mistake in your own code then stays a mistake.


# %%
def index_all(paths):
    """Index the files that can be indexed; raise an ExceptionGroup if some can't."""
    indexes, errors = [], []
    for path in paths:
        try:
            indexes.append(IndexFile(str(path)).execute())
        except (OSError, SyntaxError, ValueError) as error:
            error.add_note(f"while indexing {path.name}")
            errors.append(error)
    if errors:
        raise ExceptionGroup(f"{len(errors)} of {len(paths)} files can't be indexed", errors)
    return indexes


try:
    index_all([*corpus_files(), draft, folder / "gone.py"])
except* SyntaxError as group:
    print("to be finished:", [error.__notes__ for error in group.exceptions])
except* OSError as group:
    print("to be found:   ", [error.__notes__ for error in group.exceptions])

# %% [markdown]
# ### An exception that can't travel
#
# Between processes an exception travels as bytes, made by `pickle` and turned back by `pickle`.
# `Quota` looks harmless.
#
# **Predict**: does it come back?


# %%
prediction = ...  # "yes" or "no"


class Quota(Exception):
    def __init__(self, user, limit):
        super().__init__(f"{user} has used all {limit} tasks")
        self.user, self.limit = user, limit


try:
    print(repr(pickle.loads(pickle.dumps(Quota("ann", 5)))))
    compare(prediction, "yes")
except TypeError as error:
    compare(prediction, "no")
    print("TypeError:", error)


class Quota2(Exception):
    def __init__(self, user, limit):
        super().__init__(user, limit)  # all arguments, so that args says how to make it again
        self.user, self.limit = user, limit

    def __str__(self):
        return f"{self.user} has used all {self.limit} tasks"


print(repr(pickle.loads(pickle.dumps(Quota2("ann", 5)))))

# %% [markdown]
# An exception is unpickled by calling its class with `args`, and `args` is what reached
# `Exception.__init__`: one text where two arguments are needed. It fails at the *receiver*, who can
# do nothing about it: a standard process pool breaks as a whole when that happens. (This package
# sends no exceptions: only the names of their classes, their message and their traceback, as
# text. Its own errors still pickle, since you may send them.)
#
# ### Exercise 1: a boundary
#
# `load_index` reads a saved index. Its caller knows one error, `IndexUnreadable`. Write it:
#
# - return the object that the JSON file at `path` holds;
# - if the file can't be read, or is no JSON, raise `IndexUnreadable` **from** the error that says
#   why, with the file's name in the message;
# - if it is JSON, but no object (`dict`), raise `IndexUnreadable` as well;
# - let everything else through: a wrong argument is a mistake of the caller, Ctrl-C is a wish.
#
# Note: `json.JSONDecodeError` and `UnicodeDecodeError` are both `ValueError`s.


# %%
class IndexUnreadable(TaskQueueError, ValueError):
    """The saved index can't be used."""


def load_index(path):
    ...


# %%
class Stopped(type(Path())):
    """A path at which the user presses Ctrl-C."""

    def __fspath__(self):
        raise KeyboardInterrupt


def error_of(path):
    try:
        return load_index(path), None
    except BaseException as error:
        return None, error


with checking("Exercise 1", "Every cause is kept, and what is not yours passes."):
    needs(load_index)
    for name, data in (("good", b'{"a": [1]}'), ("no json", b'{"a": [1'), ("no text", b"\xff"), ("list", b"[1]")):
        (folder / f"{name}.json").write_bytes(data)
    value, error = error_of(folder / "good.json")
    assert error is None, f"A good file raised {error!r}."
    assert value == {"a": [1]}, f"A good file gave {value!r}, expected {{'a': [1]}}."
    for name, cause in (
        ("missing", FileNotFoundError), ("no json", json.JSONDecodeError), ("no text", UnicodeDecodeError)
    ):
        _, error = error_of(folder / f"{name}.json")
        assert error is not None, f"{name}.json raised nothing: the caller takes it for an index."
        assert isinstance(error, IndexUnreadable), f"{name}.json raised {type(error).__name__}."
        assert error.__cause__ is not None, f"{name}.json: the cause is lost. Write `raise ... from error`."
        assert isinstance(error.__cause__, cause), f"{name}.json: the cause is {error.__cause__!r}."
        assert f"{name}.json" in str(error), f"The message does not name the file: {error.message!r}."
    _, error = error_of(folder / "list.json")
    assert isinstance(error, IndexUnreadable), "A list is JSON, but no index: raise IndexUnreadable."
    _, error = error_of(None)
    assert not isinstance(error, IndexUnreadable), "load_index(None) is a mistake of the caller: don't translate it."
    assert error is not None, "load_index(None) raised nothing: something hides errors."
    _, error = error_of(Stopped("x"))
    assert isinstance(error, KeyboardInterrupt), f"Ctrl-C became {error!r}."

# %% [markdown]
# ## B. Trying again
#
# Some failures go away by themselves: a server that is busy, a network that drops a packet. Others
# never do: the page that does not exist. A **retry policy** says which is which, how often to try,
# and how long to wait.
#
# The server below answers `/flaky/a?fails=2` with "503, busy" twice and then with a page.
# `FetchPage` raises `ConnectionError` for 503, and `LookupError` for 404, "no such page".
#
# **Predict** how many runs each of the four tasks gets.

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
    why = record.failure.type if record.failure else ""
    print(f"{path:18} {record.attempt} runs, {record.status} {why}")

# %% [markdown]
# `attempts=4` counts all runs, the first included. The last column of a task that succeeded shows
# the failure before. Asking again for `/missing` would only be a way to be wrong more slowly.
#
# Look inside: this is all of the policy. Where is the wait limited, and where is it shortened?

# %%
show_source(RetryPolicy.wait_after)


# %% [markdown]
# **You may think** that retrying is always safe, because the first run failed. **But** a run can do
# its work and fail *afterwards*: the answer gets lost on its way back.
#
# **Predict**: `Pay(10)` is submitted once. How much is paid?


# %%
prediction = ...

payments = []
booked = {}


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
        booked[current_task().id] = self.amount  # the same key in each attempt
        if current_task().attempt == 1:
            raise ConnectionError("the bank's answer got lost")


with TaskQueue(retry=policy) as queue, WorkerPool(1) as pool:
    pool.start_processing(queue)
    queue.submit_many([Pay(10), PayOnce(10)])
compare(prediction, sum(payments))
print("with a key:", sum(booked.values()))

# %% [markdown]
# An operation is **idempotent** if doing it twice has the effect of doing it once. `append` is not,
# storing under a key is. The id of the task is a good key: it is the same in every attempt.
# No queue can do without this. A worker that dies after the work and before the report looks
# exactly like one that died before the work. So queues promise *at least once*, and the task
# makes it *once*.
#
# ### How long to wait
#
# Waiting longer each time (**exponential backoff**) gives the server room. But if 200 tasks failed
# at the same moment, they also come back at the same moment. **Jitter** shortens each wait by a
# random share, and so spreads them.

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 2.8), layout="constrained")
for jitter, color in ((0.0, "tab:red"), (0.5, "tab:orange"), (1.0, "tab:blue")):
    plan = RetryPolicy(attempts=9, delay=0.5, max_delay=20, jitter=jitter)
    uniform = Random(7).random
    waits = [plan.wait_after(n, ("Exception",), uniform) for n in range(1, 9)]
    left.plot(range(1, 9), waits, "o-", color=color, label=f"jitter {jitter:g}")
    third = [sum(plan.wait_after(n, ("Exception",), uniform) for n in (1, 2, 3)) for _ in range(200)]
    crowd = Counter(int(t / 0.1) for t in third)
    right.hist(third, bins=[n / 10 for n in range(38)], color=color, alpha=0.7)
    print(f"jitter {jitter:g}: at most {max(crowd.values()):3} of 200 tasks in one tenth of a second")
left.set(xlabel="failed attempt", ylabel="wait in s", title="one task")
left.legend()
right.set(xlabel="s after the failure", ylabel="tasks", ylim=(0, 60), title="200 tasks, 4th attempt")
plt.show()

# %% [markdown]
# The red bar on the right is cut off: it goes up to 200. **Modify**: make `max_delay=2`. Which of
# the curves changes, and what would the server notice?
#
# ## C. What survives
#
# Tasks and results of `TaskQueue()` live in memory. `TaskQueue.open(folder)` keeps them in a
# **journal**: a file to which every fact about a task is appended, one JSON object a line.
#
# ### What JSON changes without a word
#
# **Predict**: how many of these nine values come back from JSON unchanged?

# %%
prediction = ...

values = [
    {"a": [1, 2.5, None, True]}, (1, 2), {1: "one"}, {1: "int", "1": "str"},
    float("nan"), 10**30, {True: "yes"}, {"x", "y"}, b"bytes",
]  # fmt: skip
same = 0
for value in values:
    try:
        text = json.dumps(value)
        after = json.loads(text)
        same += type(after) is type(value) and after == value
        print(f"{value!r:28} -> {text:28} -> {after!r}")
    except TypeError as error:
        print(f"{value!r:28} -> {error}")
compare(prediction, same)

# %% [markdown]
# The last two are the harmless ones: they raise. A tuple becomes a list, a key becomes text, two
# keys become one, and `NaN` is not even JSON (another program refuses the file). The *same program*
# then reads data of another shape than it wrote, days later.
#
# So this package checks at the door. On `submit` to a journal a task is turned into JSON, read back
# as its annotated types say, and compared. A result goes through the same before it counts.


# %%
@task_type("phase3.resize")
@dataclass(frozen=True)
class Resize:
    sizes: list
    factor: float

    def execute(self) -> dict[str, int]:
        return {1: 2}  # not what the annotation says


with TaskQueue.open(folder / "strict") as queue, WorkerPool(1) as pool:
    pool.start_processing(queue)
    for bad in (Resize((1, 2), 0.5), Resize([1, 2], float("nan"))):
        try:
            queue.submit(bad)
        except InvalidTask as error:
            print(f"InvalidTask: {error.message}")
    task_id = queue.submit(Resize([1, 2], 0.5))
    try:
        queue.wait_for_result(task_id)
    except TaskFailed as error:
        print(error.message.removeprefix(f"task {task_id} "))

# %% [markdown]
# ### Where the bytes are
#
# A process writes `hello` into a file, and is killed with SIGKILL (`kill -9`): no `finally`, no
# `atexit`, no `__exit__` runs.
#
# **Predict**: what is in the file after each of the four?

# %%
prediction = ...  # such as ["", "", "", ""]

TEMPLATE = """
import os, sys
file = open(sys.argv[1], "w")
{action}
print("ready", flush=True)
sys.stdin.read()
"""
actions = [
    "file.write('hello')",
    "file.write('hello'); file.flush()",
    "file.write('hello'); file.close()",
    "os.write(file.fileno(), b'hello')",
]
found = []
for action in actions:
    target = folder / "hello.txt"
    with subprocess.Popen(
        [sys.executable, "-c", TEMPLATE.format(action=action), target],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        child.stdout.readline()  # wait until it has done its action
        child.kill()
    found.append(target.read_text())
    print(f"{action:36} -> {found[-1]!r}")
compare(prediction, found)

# %% [markdown]
# `write` puts text into a buffer *of the process*: it dies with it. `flush` hands it to the kernel,
# and the kernel outlives the process. It does not outlive a power cut: the kernel writes to the disk
# when it likes, within half a minute or so. `fsync` waits until the disk has it.
#
# | after | an exception | `kill -9` | a power cut |
# |---|---|---|---|
# | `file.write(...)` | kept, if the file gets closed | **lost** | **lost** |
# | `file.flush()`, `file.close()`, `os.write(...)` | kept | kept | **lost** |
# | `os.fsync(fd)` | kept | kept | kept |
# | ... and the file is new: `fsync` of its folder too | kept | kept | kept, and it has a name |
#
# The last column can't be shown from a notebook: it would take your machine down. Its sources are
# the manual pages fsync(2) and open(2). **You may think** that `close()` makes a file safe, because
# then it is finished. **But** you saw it: `close` does what `flush` does, and no more.
#
# `TaskQueue.open(folder)` promises the second line (`sync="process"`). `sync="always"` promises the
# rest. Why not always? Measure it on your disk:

# %% tags=["nbval-ignore-output"]
for level in ("process", "always"):
    with TaskQueue.open(folder / level, sync=level) as queue:
        start = time.perf_counter()
        for n in range(200):
            queue.submit(MathTask("sum", (n, n)))
        seconds = time.perf_counter() - start
    print(f'sync="{level}": {seconds / 200 * 1e6:7,.0f} µs for each submit')

# %%
kinds = [[fact[0] for fact in read_facts(folder / level)] for level in ("process", "always")]
print("facts in the journals:", len(kinds[0]), "and", len(kinds[1]), "- the same:", kinds[0] == kinds[1])

# %% [markdown]
# In the files you see no difference. `fsync` changes nothing that a running machine can show you.
# That is why a missing `fsync` is found by reasoning and not by testing, or after a power cut.
#
# ### Read the journal yourself
#
# Three sums on one worker. Then we read the file with nothing but `json` and `zlib`.

# %% tags=["nbval-ignore-output"]
sums = folder / "sums"
with TaskQueue.open(sums) as queue, WorkerPool(1) as pool:
    sum_ids = queue.submit_many([MathTask("sum", (n, 10)) for n in (1, 2, 3)])
    pool.start_processing(queue)
lines = (sums / "journal.jsonl").read_bytes().splitlines()
for line in lines:
    print(line.decode())

# %%
for number, line in enumerate(lines):
    body, _, seal = line.rpartition(b',"crc":"')
    assert zlib.crc32(body) == int(seal[:8], 16), "somebody changed this line"
    assert json.loads(line)["seq"] == number, "a line is missing"
print(len(lines), "lines, each with the right checksum, none missing")
print("facts by hand:   ", Counter(json.loads(line).get("fact", "(header)") for line in lines))
print("by read_facts:   ", Counter(fact[0] for fact in read_facts(sums)))

registry = fold(read_facts(sums))
print("folded to states:", {str(status): n for status, n in registry.counts().items() if n})

# %% [markdown]
# The journal holds *facts*: what happened, in order. It does not hold the state of a task. The
# state is computed from the facts (a **fold**), by the same code in a running queue and after
# reopening. Each line carries a checksum (CRC-32) of its own bytes, so a reader knows whether it
# is as it was written.
#
# ### Kill it
#
# Now for real. A process submits sums to a journal, with two workers. It prints a line when
# `submit` has returned, and one when a result is there: from then on it has *acknowledged* them.
# We read 300 lines and kill it with SIGKILL, wherever it is.
#
# **Predict**: how many of the acknowledged tasks are unknown after reopening?

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
killed = folder / "killed"
with subprocess.Popen(
    [sys.executable, "-c", PROGRAM, killed], stdout=subprocess.PIPE, text=True
) as child:
    said = [child.stdout.readline().split() for _ in range(300)]
    child.kill()
    said += [line.split() for line in child.stdout if line.endswith("\n")]
promised = {task_id: int(value) for kind, task_id, value in said if kind == "submitted"}
results = {task_id: int(value) for kind, task_id, value in said if kind == "result"}
print(f"{len(promised)} submits and {len(results)} results acknowledged")

# %%
prediction = ...

print("the process ended with", signal.Signals(-child.returncode).name)
with TaskQueue.open(killed) as queue, WorkerPool(2) as pool:
    known = {record.id for record in queue.registry.records()}
    compare(prediction, len(promised.keys() - known))
    kept = all(queue.wait_for_result(task_id, timeout=0) == results[task_id] for task_id in results)
    print("acknowledged results that are there:", "all" if kept else "not all")
    pool.start_processing(queue)  # what was pending or running goes on
    wrong = [i for i, value in promised.items() if queue.wait_for_result(i) != value]
ends = Counter(fact[1] for fact in read_facts(killed) if fact[0] == facts.SUCCEEDED)
print("wrong results after all have run:", len(wrong))
print("tasks that ended exactly once:", "all" if set(ends.values()) == {1} else "not all")

# %% [markdown]
# That worked wherever the signal hit. It may have hit in the middle of a line.
#
# ### A torn line
#
# If the machine stops while a line is being written, a part of it is on disk: the line is **torn**.
# We need not wait for that accident. We cut the last line of the `sums` journal ourselves, at
# *every* byte, and reopen each time. That last line says that the third sum succeeded.
#
# **Predict**: in how many of the places does reopening lose more than this one fact?

# %%
prediction = ...

journal = (sums / "journal.jsonl").read_bytes()
start_of_last = journal.rstrip(b"\n").rfind(b"\n") + 1
seen = Counter()
for cut in range(start_of_last, len(journal)):
    with tempfile.TemporaryDirectory(dir=folder) as torn:
        Path(torn, "journal.jsonl").write_bytes(journal[:cut])
        with TaskQueue.open(torn) as queue:
            counts = queue.registry.counts()
            kept_bytes = queue.registry.store.torn.read_bytes() if queue.registry.store.torn else b""
        assert kept_bytes == journal[start_of_last:cut]
        seen[f"{counts['succeeded']} succeeded, {counts['pending']} pending"] += 1
compare(prediction, sum(seen.values()) - seen["2 succeeded, 1 pending"])
print("after reopening:", *seen)

# %% [markdown]
# In none. The third sum is pending again and runs once more. The torn bytes are kept beside the
# journal, in a file `torn-*.bin`. **You may think** that a broken last line means a broken file, so
# throw the file away. **But** a torn line was never acknowledged, since `submit` had not returned;
# and every line before it proves with its checksum that it is whole.
#
# A wrong byte *in the middle* is another matter. It was acknowledged once. No rule can make up for
# it, so the queue refuses to go on as if nothing had happened:

# %%
damaged = folder / "damaged"
damaged.mkdir(mode=0o700)
middle = len(journal) // 2
flipped = bytes([journal[middle] ^ 1])
(damaged / "journal.jsonl").write_bytes(journal[:middle] + flipped + journal[middle + 1 :])
try:
    TaskQueue.open(damaged)
except JournalDamaged as error:
    print("JournalDamaged:", str(error).replace(str(damaged), "FOLDER"))

# %% [markdown]
# ### A task that kills
#
# A task that was running when its process died is tried again: it can't be blamed for a power
# cut. But a task that *takes its process down* would then do so for ever. `max_recoveries=2` says
# how often it gets the benefit of the doubt. Here such a task stands first in line, before a
# harmless sum.
#
# **Predict**: how often must we start the program until it gets through?

# %%
prediction = ...

POISON = """
import os, signal, sys
from dataclasses import dataclass
from taskqueue_edu import TaskQueue, WorkerPool, task_type
from taskqueue_edu.workloads import MathTask

@task_type("poison")
@dataclass(frozen=True)
class Poison:
    def execute(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

with TaskQueue.open(sys.argv[1], max_recoveries=2) as queue, WorkerPool(1) as pool:
    if not queue.registry.records():
        queue.submit_many([Poison(), MathTask("sum", (20, 22))])
    pool.start_processing(queue)
"""
poisoned = folder / "poisoned"
exits = []
while not exits or (exits[-1] != 0 and len(exits) < 10):
    exits.append(subprocess.run([sys.executable, "-c", POISON, poisoned]).returncode)
compare(prediction, len(exits))
print("exit codes:", exits)

with TaskQueue.open(poisoned) as queue:
    poison_id, sum_id = (record.id for record in queue.registry.records())
    print("the sum:", queue.wait_for_result(sum_id))
    try:
        queue.wait_for_result(poison_id)
    except TaskDead as error:
        print("TaskDead:", str(error).removeprefix(f"task {poison_id} "))

# %% [markdown]
# ### Exercise 2: save atomically
#
# A journal grows by appending. Other files are written anew as a whole, as `results.json` was.
# Write `save(path, data)` so that at *every* moment `path` holds all of the old bytes or all of the
# new ones, whatever happens, a power cut included:
#
# 1. write the new bytes to another file in the **same folder**, and close or flush it;
# 2. make sure the disk has them (`os.fsync`);
# 3. put that file in the place of the old one (`os.replace`: one step, all or nothing);
# 4. make sure the disk has the folder's new entry: open the folder with `os.open(...,
#    os.O_RDONLY)`, `os.fsync` that, `os.close` it.
#
# If a step before 3 fails, raise, and leave no extra file behind.


# %%
def save(path, data):
    ...


# %%
def spied(fail_at=None):
    """Run save() on a file with old bytes; watch its calls, and what `path` holds at each."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        path, calls = Path(place, "results.json"), []
        path.write_bytes(b"old")

        def spy(name, real):
            def call(*args, **kwargs):
                what = name
                if name == "fsync":
                    what = "fsync folder" if os.path.isdir(f"/dev/fd/{args[0]}") else "fsync file"
                if name == "replace" and Path(args[0]).read_bytes() != b"new":
                    what = "replace too early"
                calls.append((what, path.read_bytes()))
                if what == fail_at:
                    raise OSError(5, "made to fail")
                return real(*args, **kwargs)

            return call

        with mock.patch.multiple(
            os,
            fsync=spy("fsync", os.fsync), fdatasync=spy("fsync", os.fsync),
            replace=spy("replace", os.replace), rename=spy("replace", os.rename),
        ):  # fmt: skip
            try:
                save(path, b"new")
                error = None
            except OSError as raised:
                error = raised
        extra = sorted(p.name for p in Path(place).iterdir() if p != path)
        return [name for name, _ in calls], [held for _, held in calls], path.read_bytes(), extra, error


with checking("Exercise 2", "Old or new, never in between, even when the disk fails."):
    needs(save)
    steps, held, after, extra, error = spied()
    assert error is None, f"It raised {error!r}."
    assert after == b"new", f"Afterwards the file holds {after!r}, not the new bytes."
    assert "replace too early" not in steps, "At os.replace the other file was not whole yet: flush or close it first."
    assert "replace" in steps, "Without os.replace the old bytes are gone before the new ones are there."
    assert "fsync file" in steps[: steps.index("replace")], "os.replace came before the disk had the bytes: a power cut can leave an empty file."
    assert "fsync folder" in steps[steps.index("replace") :], "The folder was not synced after os.replace: after a power cut the old entry may be back."
    assert set(held) <= {b"old", b"new"}, f"In between, the file held {held!r}."
    assert extra == [], f"It left {extra} behind."
    steps, held, after, extra, error = spied(fail_at="fsync file")
    assert error is not None, "os.fsync failed, and save() told nobody: the caller believes that the data is safe."
    assert "replace" not in steps and after == b"old", "os.fsync failed, and the old file was replaced all the same."
    assert extra == [], f"When os.fsync failed, {extra} stayed behind: use try and finally, or except and raise."


# %% [markdown]
# ### Exercise 3: a store of your own
#
# A queue asks four things of its store, and takes any object that has them. Write `LineStore`: one
# file, one fact a line. Two functions turn facts to bytes and back; the journal's own code does it.
#
# | method | when it is called | what it must do |
# |---|---|---|
# | `load()` | once, at the start | return the facts in the file, oldest first (`[]` if there is none) |
# | `append(fact)` | under the registry's lock | hand the line to the kernel; return a number that grows |
# | `sync(position)` | by any thread, without a lock | return when facts up to there survive a power cut |
# | `close()` | at the end | release the file |
#
# The constructor opens the file for reading and appending. Your file has no checksums beyond those
# in the lines, no lock and no repair: that is what `JsonStore` adds.

# %%
from taskqueue_edu.journal.format import encode, header, scan


def line_of(number, fact):
    """Return fact number 1, 2, 3 ... as a line of bytes."""
    return encode(number, fact)


def facts_of(data):
    """Return the facts in lines of bytes, which are numbered 1, 2, 3 ..."""
    return scan(header(0) + data, Path("the store")).facts


class LineStore:
    json = True  # facts carry tasks and results as JSON

    def __init__(self, path):
        self.path = path
        self.file = open(path, "ab+")
        self.count = 0  # facts in the file

    def load(self):
        ...

    def append(self, fact):
        ...

    def sync(self, position):
        ...

    def close(self):
        ...


# %%
with checking("Exercise 3", "Your store keeps what the queue acknowledged."):
    needs(LineStore.load, LineStore.append, LineStore.sync, LineStore.close)
    path = folder / "mine.jsonl"
    path.unlink(missing_ok=True)
    store = LineStore(path)
    loaded = store.load()
    assert loaded is not None and list(loaded) == [], f"load() of an empty file gave {loaded!r}, expected []."
    some = read_facts(sums)
    positions = [store.append(fact) for fact in some]
    assert None not in positions, "append() returned None: the registry hands that number to sync()."
    assert positions == sorted(set(positions)), f"append() returned {positions}: they must grow."
    in_kernel = path.read_bytes().count(b"\n")
    assert in_kernel == len(some), f"Of {len(some)} facts the kernel has {in_kernel}: kill -9 now, and the rest is lost. Flush in append()."
    with mock.patch.object(os, "fsync", wraps=os.fsync) as fsync, mock.patch.object(os, "fdatasync", fsync):
        store.sync(positions[-1])
    assert fsync.called, "sync() returned without os.fsync: a power cut loses what it promised."
    store.close()
    again = LineStore(path)
    found = list(again.load())
    assert [f[:4] for f in found] == [f[:4] for f in some], f"After reopening, load() gave {len(found)} facts in another order or number, expected {len(some)}."
    again.append(some[0])
    again.close()
    third = LineStore(path)
    assert len(list(third.load())) == len(some) + 1, "append() after load() must go on numbering where the file ends."
    third.close()

    path.unlink()
    with TaskQueue(store=LineStore(path)) as queue, WorkerPool(2) as pool:
        ids = queue.submit_many([MathTask("sum", (n, 1)) for n in range(20)])
        pool.start_processing(queue)
    with TaskQueue(store=LineStore(path)) as queue:
        values = [queue.wait_for_result(i, timeout=0) for i in ids]
    assert values == list(range(1, 21)), f"After reopening the results are {values}."

# %% [markdown]
# ## D. Numbers that tell the truth
#
# Every fact has a time. So everything you may want to know about speed is in the log already. A
# **monitor** reads it and adds up: it needs no code in the tasks, and costs the workers nothing.
#
# Watch one. 600 pages wait for four workers, and a page takes about 20 ms. `await queue.drained()`
# waits without blocking the notebook, so the picture can move.

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

# %% [markdown]
# How does it keep up with a queue that does thousands of tasks a second? It remembers how far it has
# read (a **cursor**) and takes only what is new:

# %%
show_source(Monitor.refresh)

# %% [markdown]
# ### Why the mean lies
#
# Two services. A takes 50 ms for every request. B takes 20 ms for 95 of 100 requests, and 620 ms for
# the other five.
#
# **Predict**: which has the lower mean?

# %%
prediction = ...  # "A", "B" or "neither"

services = {"A": [0.050] * 100, "B": [0.020] * 95 + [0.620] * 5}
compare(prediction, "neither" if abs(mean(services["A"]) - mean(services["B"])) < 1e-9 else "not neither")
for name, seconds in services.items():
    cut = quantiles(seconds, n=100, method="inclusive")
    print(f"{name}: mean {mean(seconds) * 1000:.0f} ms, p50 {cut[49] * 1000:.0f}, p99 {cut[98] * 1000:.0f} ms")
print(f"a visit of B with 20 requests meets a slow one with probability {1 - 0.95**20:.0%}")

# %% [markdown]
# The mean is 50 ms for both, and nobody ever waits 50 ms for B. A **percentile** says what somebody
# meets: p50 is what half of the requests stay below, p99 what 99 of 100 stay below. Few requests
# are slow, but most *visits* meet one.
#
# ### What the mean of the work hides
#
# The monitor keeps two durations apart: **waiting**, from when a task could run until it started,
# and **running**, from there to its end.

# %% tags=["nbval-ignore-output"]
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 2.6), layout="constrained")
for axes, column, color in ((left, "running", "tab:blue"), (right, "waiting", "tab:orange")):
    axes.hist(tasks[column] * 1000, bins=40, color=color)
    axes.set(title=column, xlabel="ms", ylabel="tasks")
plt.show()
print((tasks[["waiting", "running"]] * 1000).describe(percentiles=[0.5, 0.95, 0.99]).round(1))

# %%
print("rows:", len(tasks), "- columns:", *tasks.columns)
half = tasks["waiting"].median() > 5 * tasks["running"].median()
print("half of the tasks waited more than five times as long as a page takes:", half)

# %% [markdown]
# **You may think** that the service is fast, because a page takes about 20 ms. **But** whoever
# submitted the last page waited for all the others first. A dashboard that shows only how long the
# *work* takes, or how much of it is done, stays green while the queue grows without end.
#
# ### Little's law
#
# How do you know that a monitor tells the truth? Check it against a law. For any system that starts
# and ends empty:
#
# $$L = \lambda W$$
#
# `L` is the mean number of tasks inside, `λ` the tasks that come per second, `W` the mean time a task
# is inside. We compute `L` from the facts alone, as the area under the curve below, and `λ` and `W`
# from the table of tasks. The two tables must agree.
#
# **Predict**: what share of the time were the four workers busy (their *utilization*)?

# %% tags=["nbval-ignore-output"]
steps = log[log["kind"].isin([facts.SUBMITTED, facts.SUCCEEDED])]
inside = steps["kind"].map({facts.SUBMITTED: 1, facts.SUCCEEDED: -1}).astype(int).cumsum()
clock = (steps["at"] - steps["at"].iloc[0]).dt.total_seconds()
span = clock.iloc[-1]

mean_inside = (inside.iloc[:-1].to_numpy() * clock.diff().iloc[1:].to_numpy()).sum() / span
rate = len(tasks) / span
time_inside = (tasks["finished"] - tasks["submitted"]).dt.total_seconds().mean()
utilization = tasks["running"].sum() / (WORKERS * span)

print(f"L = {mean_inside:.2f} tasks, λ = {rate:.1f} tasks/s, W = {time_inside:.3f} s, λW = {rate * time_inside:.2f}")
print(f"utilization: {utilization:.0%}")
fig, axes = plt.subplots(figsize=(6, 2.4), layout="constrained")
axes.step(clock, inside, where="post")
axes.set(xlabel="s", ylabel="tasks inside")
plt.show()

# %%
print("L and λW agree to a millionth:", abs(mean_inside / (rate * time_inside) - 1) < 1e-6)
print("the workers were busy more than half of the time:", utilization > 0.5)

# %% [markdown]
# The law also works forwards. Four workers, 22 ms a page: at most 4 / 0.022 = 180 pages a second. If
# more than that come in, no setting helps: the queue grows, and `W` with it.
#
# **Modify**: set `WORKERS = 8` above and run this part again. Say before you look: what happens to
# `λ`, to `W`, and to the utilization?
#
# ### Which clock
#
# `time.time()` tells what time it is. Somebody may set it: an operator, a time server, a
# virtual machine that wakes up. We can't set your clock, so we let `time.time` say what it says
# when somebody sets the clock back by an hour while a task runs.
#
# **Predict**: does the monitor measure a negative duration?

# %%
prediction = ...  # True or False

real_time, offset = time.time, 0.0
with mock.patch.object(time, "time", lambda: real_time() + offset):
    with TaskQueue() as queue, WorkerPool(1) as pool:
        pool.start_processing(queue)
        began, began_monotonic = time.time(), time.monotonic()
        task_id = queue.submit(FetchPage("http://127.0.0.1:9/", timeout=1.0))
        offset = -3600.0
        queue.join(10)
        wall, monotonic = time.time() - began, time.monotonic() - began_monotonic
        frame = Monitor(queue).to_frame()
    compare(prediction, bool((frame["running"] < 0).any()))
print(f"by time.time() it took {wall / 3600:.0f} hour, by time.monotonic() that is wrong:", monotonic >= 0)
show_source(facts.now)

# %% [markdown]
# Measure durations with a clock that nobody can set: `time.monotonic()` or `time.perf_counter()`. The
# queue ties such a clock to the time of day once, when it is imported. So its times can be read as
# dates, and their differences are right.
#
# ## Recap
#
# - An error has a class for programs and a text for people. Catch what you can handle, by name.
#   Translate at boundaries, with `from`.
# - `except Exception` misses `SystemExit` and `KeyboardInterrupt`; `except Exception: pass` misses
#   nothing and tells nothing.
# - Retry what may go away. Back off, with jitter. Make the task idempotent: *at least once* is the
#   most a queue can promise.
# - JSON changes data silently: check the round trip where the data comes in.
# - `write` survives nothing, `flush` the process, `fsync` the machine. Replace whole files with a
#   temporary file, `fsync`, `os.replace`, `fsync` of the folder.
# - A log of facts with checksums can be cut anywhere and repaired. Damage in the middle must be
#   reported.
# - Show percentiles, and waiting apart from running. Check the numbers with `L = λW`.
#
# **What comes next**: phase 4 puts the parts together: configuration, a command line, a shutdown
# that loses nothing, and tests.

# %%
scratch.cleanup()

# %% [markdown]
# ## Solutions
#
# <details><summary>Exercise 1: a boundary</summary>
#
# ```python
# def load_index(path):
#     try:
#         index = json.loads(path.read_bytes())
#     except (OSError, ValueError) as error:
#         raise IndexUnreadable(f"{path.name} can't be read as an index: {error}") from error
#     if not isinstance(index, dict):
#         raise IndexUnreadable(f"{path.name} holds a {type(index).__name__}, not an index")
#     return index
# ```
#
# *Why it is right*: the `try` holds one line, and the `except` names the two families that this line
# raises for bad files. Everything else passes.
#
# *Also right*: two `except` clauses with two messages, or `with open(path, "rb") as file:
# json.load(file)`.
#
# *Wrong turns*: `except Exception` turns your own mistakes, such as `load_index(None)`, into
# "unreadable file". The check for `dict` inside the `try` would be fine here, but a
# larger `try` soon catches errors that are not about the file. `except OSError` alone forgets bytes
# that are no text.
# </details>
#
# <details><summary>Exercise 2: save atomically</summary>
#
# ```python
# def save(path, data):
#     temporary = path.with_name(path.name + ".new")
#     try:
#         with open(temporary, "wb") as file:
#             file.write(data)
#             file.flush()
#             os.fsync(file.fileno())
#         os.replace(temporary, path)
#     except BaseException:
#         temporary.unlink(missing_ok=True)
#         raise
#     descriptor = os.open(path.parent, os.O_RDONLY)
#     try:
#         os.fsync(descriptor)
#     finally:
#         os.close(descriptor)
# ```
#
# *Why it is right*: until `os.replace` the old file is untouched, and by then the disk has all of the
# new one. `flush` comes before `fsync`: `fsync` can only wait for bytes that the kernel has.
#
# *Also right*: `tempfile.NamedTemporaryFile(dir=path.parent, delete=False)`, which also lets two
# processes save at the same time.
#
# *Wrong turns*: a temporary file in `/tmp` may be on another disk, and `os.replace` can't work across
# disks. Without the first `fsync`, some file systems write the new name before the data: after a
# power cut the file is there, and empty. An `os.remove(path)` before `os.replace` opens the very gap
# that you want to close.
# </details>
#
# <details><summary>Exercise 3: a store of your own</summary>
#
# ```python
#     def load(self):
#         self.file.seek(0)
#         found = facts_of(self.file.read())
#         self.count = len(found)
#         return found
#
#     def append(self, fact):
#         self.count += 1
#         self.file.write(line_of(self.count, fact))
#         self.file.flush()
#         return self.count
#
#     def sync(self, position):
#         os.fsync(self.file.fileno())
#
#     def close(self):
#         self.file.close()
# ```
#
# *Why it is right*: `append` hands each line to the kernel, so `kill -9` loses nothing that
# `submit` acknowledged; `sync` adds the disk. `append` needs no lock, since the registry calls it
# under its own. `sync` runs in many threads at once and touches nothing but the file.
#
# *Also right*: a table in SQLite, with `INSERT` in `append` and `commit` in `sync`. Then `sync` needs
# a lock of its own: two threads that commit at once get "no transaction is active".
#
# *Wrong turns*: `flush` only in `sync`. It seems to work, but the registry doesn't sync the fact
# that a task *started*, so after a kill the file says that a task which ran never did. `fsync` in
# `append` is safe and slow: every thread then waits for the disk under the registry's lock.
# Not counting in `load` numbers new lines from 1 again, and the reader reports missing lines.
# </details>
