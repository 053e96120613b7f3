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
# - say what a write survives, kill a process to prove it, and repair what a crash left behind;
# - read latency as percentiles, and check a monitor's numbers with Little's law.
#
# **Time**: 90 minutes; sections 1 and 2, then 3 and 4, make two good sittings. **Before**: phases 1 and 2, or their
# words: task, queue, worker, lock. Linux or macOS (on Windows, WSL): a journal needs file locks.
#
# **How it works**
#
# 1. The notebook is saved with its outputs. Choose *Edit → Clear Outputs of All Cells* first: a
#    prediction teaches only if you make it before you see the answer.
# 2. Where a cell begins with `prediction = ...`, put your answer in place of `...`, then run the cell.
# 3. Three exercises have a body of `...`. Write yours, run the cell and the check below it: the check
#    says what is wrong. Hints are below the check, solutions at the end. An exercise that you skip
#    stops nothing.
#
# *You know all this?* Run the prediction cells. Whatever you get wrong, read; then do exercises 2 and 3.

# %%
import ast
import inspect
import json
import logging
import os
import pickle
import signal
import stat
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

from taskqueue_edu import (
    ConfigError,
    InvalidTask,
    JournalDamaged,
    LiveMonitor,
    Monitor,
    RetryPolicy,
    StorageError,
    StoreLocked,
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
from taskqueue_edu.course.show import checking, compare, needs, show_source, within
from taskqueue_edu.executor import run_task
from taskqueue_edu.journal import read_facts
from taskqueue_edu.journal.lines import encode, header
from taskqueue_edu.journal.scan import scan
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

# %% [markdown]
# On Monday there were 14 files. On Tuesday there are two more: `draft.py`, which somebody has not finished,
# and `magic.py`, which is in order.
#
# **Predict**: how many files does Tuesday's report count? How many are in `results.json` afterwards?

# %%
prediction_report = ...
prediction_saved = ...

compare(prediction_report, collect([*corpus, draft, magic], results_file))
try:
    saved = len(json.loads(results_file.read_text()))
except ValueError:
    saved = 0
compare(prediction_saved, saved)

# %% [markdown]
# The report counts 15 files. All are lost, Monday's too. And `draft.py` is missing without a word. What
# is in the file, and what happens on Wednesday?

# %%
print("results.json ends with:", results_file.read_text()[-34:])
print("Wednesday's report:", collect(corpus, results_file))

# %% [markdown]
# `magic.py` holds a constant of type `bytes`, and JSON can't hold that. `open("w")` had emptied the file by
# then, `json.dump` wrote the first part and raised, and `except Exception: pass` threw the only witness
# away. On Wednesday the other `except` takes the ruin for "the first night".
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

# %% [markdown]
# In parentheses are the parents outside of the tree. `QueueFull` is a `TaskQueueError` *and* a `queue.Full`
# of the standard library.
#
# **Predict**: a queue with one place is full. Which `except` gets the error: 1, 2 or 3?

# %%
prediction = ...

queue = TaskQueue(maxsize=1)
queue.submit(MathTask("sum", (1, 2)))
try:
    queue.submit(MathTask("sum", (3, 4)), timeout=0)
except TimeoutError:
    caught = 1
except Full as error:
    caught = 2
    print(f"{type(error).__name__}: {error}\n")
except TaskQueueError:
    caught = 3
queue.close()
compare(prediction, caught)

# %% [markdown]
# The first `except` that fits gets it, and `queue.Full` fits. So code written for the standard library's
# queue works with this one unchanged. That is what the second parent is for.
#
# ### Translate at the boundary, and keep the cause
#
# A **boundary** is where your code calls somebody else's and answers for it. Who calls `read_port` knows about
# configuration, and should not need to know about files. So the boundary **translates**: it catches what is
# low-level, and raises what the caller understands. There are three ways to write that.


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
# **Look inside**: this is the boundary between the journal and the operating system. Below it, a folder can't
# be opened because a file is in the way.

# %%
show_source(inspect.unwrap(files.storage_errors))
(folder / "a file").touch()
try:
    TaskQueue.open(folder / "a file" / "jobs")
except StorageError as error:
    print(
        f"{type(error).__name__} with errno {error.errno}, from {type(error.__cause__).__name__}:"
    )
    print(str(error).replace(str(folder), "FOLDER"))

# %% [markdown]
# ### From the task to whoever waits
#
# A task fails in a worker's thread, and you wait for its result in another. `wait_for_result` raises
# `TaskFailed` there, *from* the task's own exception, with the traceback that it had in the worker:

# %% tags=["nbval-ignore-output"]
with TaskQueue() as queue, WorkerPool(2) as pool:
    pool.start_processing(queue)
    task_id = queue.submit(IndexFile(str(draft)))
    try:
        queue.wait_for_result(task_id)
    except TaskFailed as error:
        failed = error
print("".join(traceback.format_exception(failed)).replace(str(folder), "FOLDER"))

# %%
print(f"{type(failed).__name__} from {type(failed.__cause__).__name__}", end=", ")
print("in line", failed.__cause__.lineno, "of the file that the task read")

# %% [markdown]
# ### What `except Exception` lets through
#
# The worker that most people write first. It gets three jobs: one divides by zero, one calls `sys.exit`, one
# returns 42. **Predict**: how many answers come back?

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
# > **You may think** that `except Exception` catches every exception, because of its name. **But** `SystemExit`
# > (from `sys.exit`) and `KeyboardInterrupt` (Ctrl-C) are `BaseException`s beside it. They pass, so that "stop
# > the program" gets through.
#
# In the main thread that is right. In a worker it ends the thread, without a message, and who waits for 42
# waits for ever. So a worker catches `BaseException`, and makes it the *outcome* of the task. Does this
# package's worker? It gets everything that people throw; the last can't even be printed.


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
    print(
        "the only worker still works:",
        queue.wait_for_result(queue.submit(MathTask("sum", (20, 22)))),
    )
show_source(run_task)

# %% [markdown]
# `_failure` describes the exception by its class names, its message and its traceback. That must not fail
# either, and it did not.
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

# %% [markdown]
# ### An exception that can't travel
#
# Between processes an exception travels as bytes: `pickle.dumps` makes them, `pickle.loads` makes an exception
# of them again. `Quota` looks harmless. **Predict**: does it come back, `"yes"` or `"no"`?

# %%
prediction = ...


class Quota(Exception):
    def __init__(self, user, limit):
        super().__init__(f"{user} has used all {limit} tasks")
        self.user, self.limit = user, limit


class SafeQuota(Exception):
    def __init__(self, user, limit):
        super().__init__(user, limit)
        self.user, self.limit = user, limit

    def __str__(self):
        return f"{self.user} has used all {self.limit} tasks"


try:
    came_back = repr(pickle.loads(pickle.dumps(Quota("ann", 5))))
    compare(prediction, "yes")
except TypeError as error:
    compare(prediction, "no")
    print("TypeError:", error)
print("Quota.args:    ", Quota("ann", 5).args)
print(
    "SafeQuota.args:",
    SafeQuota("ann", 5).args,
    "->",
    pickle.loads(pickle.dumps(SafeQuota("ann", 5))),
)

# %% [markdown]
# `loads` calls the class with `args`, and `args` is what reached `Exception.__init__`. With `Quota` that is one
# text, where two arguments are needed. It fails at the *receiver*, who can do nothing about it; a standard
# process pool gives up as a whole (`BrokenProcessPool`). This package sends no exceptions between processes,
# only texts that describe them.
#
# ### Exercise 1: a boundary
#
# `load_index` reads a saved index. Its caller knows one error, `IndexUnreadable`.
#
# - Return the object in the JSON file at `path`.
# - If the file can't be read, or is no JSON, raise `IndexUnreadable` *from* the error that says why. The message
#   names the file.
# - If it is JSON, but not a `dict`, raise `IndexUnreadable` too.
# - Let everything else through: a wrong argument is the caller's mistake, and Ctrl-C is a wish.


# %%
class IndexUnreadable(TaskQueueError, ValueError):
    """The saved index can't be used."""


def load_index(path):
    """Return the index that is saved at `path`. Raises IndexUnreadable."""
    ...


# %%
class Interrupted(type(Path())):
    """A path at which the user presses Ctrl-C."""

    def __fspath__(self):
        raise KeyboardInterrupt


def error_of(path):
    try:
        load_index(path)
    except BaseException as error:
        return error


with checking("Exercise 1", right="Every cause is kept, and what is not yours passes."):
    needs(load_index)
    texts = {"good": b'{"a": [1]}', "no json": b'{"a": [1', "no text": b"\xff", "list": b"[1]"}
    for name, data in texts.items():
        (folder / f"{name}.json").write_bytes(data)
    value = load_index(folder / "good.json")
    assert value == {"a": [1]}, f"A good file gave {value!r}, expected {{'a': [1]}}."
    for name in ("missing", "no json", "no text"):
        error = error_of(folder / f"{name}.json")
        assert error is not None, f"{name}.json raised nothing: the caller takes it for an index."
        assert isinstance(error, IndexUnreadable), f"{name}.json raised {type(error).__name__}."
        assert error.__cause__ is not None, f"{name}.json: the cause is lost: raise ... from error."
        cause = (OSError, ValueError)
        assert isinstance(error.__cause__, cause), f"{name}.json: the cause is {error.__cause__!r}."
        assert f"{name}.json" in str(error), (
            f"The message doesn't name the file: {error.message!r}."
        )
    error = error_of(folder / "list.json")
    assert isinstance(error, IndexUnreadable), (
        "A list is JSON, but no index: raise IndexUnreadable."
    )
    error = error_of(None)
    assert error is not None, "load_index(None) raised nothing: something hides errors."
    assert not isinstance(error, IndexUnreadable), (
        "load_index(None) is a mistake of the caller, and you call it an unreadable file. Which "
        "exceptions do you expect here?"
    )
    error = error_of(Interrupted("x.json"))
    assert isinstance(error, KeyboardInterrupt), f"Ctrl-C became {error!r}."

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# What do `path.read_bytes()` and `json.loads(...)` raise? `json.JSONDecodeError` and `UnicodeDecodeError` have a
# common parent.
# </details>
# <details><summary>Hint 2</summary>
#
# Keep the `try` small: one line is enough. Look at the type after it.
# </details>
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
# **Predict**: `Pay(10)` is submitted once. Its first run loses the bank's answer. How much is paid?

# %%
prediction = ...

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


with TaskQueue(retry=policy) as queue, WorkerPool(1) as pool:
    pool.start_processing(queue)
    queue.submit_many([Pay(10), PayOnce(10)])
compare(prediction, sum(payments))
print("booked under a key:", sum(booked.values()))

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
# ## 3. What survives
#
# Tasks and results of `TaskQueue()` live in memory. `TaskQueue.open(folder)` keeps them in a **journal**, a file to
# which each fact is appended as one line of JSON.
#
# ### What JSON changes without a word
#
# **Predict**: how many of these nine values come back from JSON unchanged?

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

# %% [markdown]
# The last two are the harmless ones: they say no. A tuple becomes a list, a key becomes text, two keys become one,
# `NaN` is not even JSON. Days later the *same program* reads data of another shape than it wrote.
#
# So this package checks at the door. A task for a journal is turned into JSON, read back as its annotations say, and
# compared, all before `submit` returns. A result takes the same round trip before it counts.


# %%
@task_type("phase3.resize")
@dataclass(frozen=True)
class Resize:
    sizes: list
    factor: float

    def execute(self) -> dict[str, int]:
        return {1: 2}  # not what the annotation says


with TaskQueue.open(new_folder()) as queue, WorkerPool(1) as pool:
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
        print(f"TaskFailed, by a {error.exception_type}")

# %% [markdown]
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

# %% [markdown]
# `write` puts the text into a buffer in the *process*, and dies with it. `flush` hands it to the **kernel** (the
# operating system), which outlives the process. It doesn't outlive a power cut: the kernel writes to the disk when it
# sees fit, on Linux usually within half a minute. `fsync` waits until the disk has it.
#
# | your code did | after an exception | after `kill -9` | after a power cut |
# |---|---|---|---|
# | `file.write(...)` | kept, if the file gets closed | **lost** | **lost** |
# | `file.flush()`, `file.close()`, `os.write(...)` | kept | kept | **lost** |
# | `os.fsync(fd)` | kept | kept | kept |
# | `os.fsync` of a *new* file's folder, too | kept | kept | kept, and under its name |
#
# You saw the second column just now, and the first in `results.json`: `with` closed the file, and so kept the ruin. The third
# can't be shown without pulling the plug; its sources are the manual pages fsync(2) and close(2).
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
# | `"always"` | kept | kept | one `write`, and an `fdatasync` that all who wait at that moment share |
#
# Why not always? Measure it on your disk:

# %% tags=["nbval-ignore-output"]
places = {level: new_folder() for level in ("process", "interval", "always")}
for level, place in places.items():
    with TaskQueue.open(place, sync=level) as queue:
        start = time.perf_counter()
        for n in range(200):
            queue.submit(MathTask("sum", (n, n)))
        seconds = time.perf_counter() - start
    print(f'sync="{level}":'.ljust(17), f"{seconds / 200 * 1e6:7,.0f} µs for each submit")

# %%
process, interval, always = ([fact[0] for fact in read_facts(place)] for place in places.values())
print(len(process), "facts in each journal, the same ones:", process == interval == always)

# %% [markdown]
# In the files there is no difference: a running machine never shows you what `fsync` did. A missing `fsync` is found by
# reasoning, or after a power cut.
#
# ### Read the journal yourself
#
# Three sums on one worker. Then we read the file with nothing but `json` and `zlib`.

# %% tags=["nbval-ignore-output"]
sums = new_folder()
with TaskQueue.open(sums) as queue, WorkerPool(1) as pool:
    queue.submit_many([MathTask("sum", (n, 10)) for n in (1, 2, 3)])
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
print("by hand:      ", dict(Counter(json.loads(line)["fact"] for line in lines[1:])))
print("by read_facts:", dict(Counter(fact[0] for fact in read_facts(sums))))
print(
    "folded:       ", {str(status): n for status, n in fold(read_facts(sums)).counts().items() if n}
)

# %% [markdown]
# The journal holds facts, not states. The state of a task is computed from its facts (a **fold**), by the same code in a
# running queue and after reopening. Each line ends with a **checksum** of its own bytes (CRC-32), so a reader can tell
# whether it is as it was written.
#
# ### Kill it
#
# Now for real. A process submits sums to a journal and runs them. It prints a line when `submit` has returned, and one
# when a result is there: with that it has **acknowledged** them, and somebody may rely on it. We read 300 lines. Then
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
# **Predict**: we open the folder again. How many of the acknowledged tasks are not there?

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

# %% [markdown]
# > **You may think** that a `threading.Lock` around the journal keeps a second process out. **But** that lock is an object in
# > the memory of one process; the other has its own. What kept us out is a lock on a *file* (`flock`). The system takes it
# > away when its owner dies, `kill -9` included, so we could open the folder afterwards.
#
# ### A torn line
#
# If the machine stops during a write, a part of the line is on the disk: the line is **torn**. We need not wait for that
# accident. We cut the last line of the `sums` journal at *every* byte, and reopen. That line says that the third sum
# succeeded. **Predict**: after how many of the cuts is more lost than this one fact?

# %%
prediction = ...

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
compare(prediction, sum(seen.values()) - seen["2 succeeded, 1 pending"])
print("after reopening, each time:", *seen)

# %% [markdown]
# The third sum is pending again, and runs once more.
#
# > **You may think** that a file with a broken last line is broken, so throw it away. **But** a torn line was not yet promised
# > to anybody: `submit` returns when the kernel has the whole line (with `sync="always"`, when the disk has it). And each line
# > before it proves with its checksum that it is whole.
#
# A wrong byte *in the middle* is another matter. That line was acknowledged once, and no rule can guess it back. So the
# queue puts the line aside, where you can look at it, says so, and goes on with the rest. We flip one bit of the second line,
# the one that says that the first sum was submitted. **Predict**: how many of the three sums does the queue know?

# %%
prediction = ...

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

# %% [markdown]
# Every line of the file is still somewhere: in the journal, or in `quarantine.jsonl` with the reason. In a terminal,
# `taskqueue doctor FOLDER` shows all this without changing anything.

# %% [markdown]
# ### A task that kills
#
# A task that was running when its process died is tried again: most often it is not to blame. But a task that *itself*
# takes the process down would do so for ever. `max_recoveries=2` says how often it gets another chance. Here such a task
# stands in line before a harmless sum. **Predict**: how often must we start the program until it gets to its end?

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
poisoned, exits = new_folder(), []
while (not exits or exits[-1] != 0) and len(exits) < 10:
    exits.append(subprocess.run([sys.executable, "-c", POISON, str(poisoned)]).returncode)
compare(prediction, len(exits))
print("it ended with", exits)

with TaskQueue.open(poisoned) as queue:
    poison_id, sum_id = (record.id for record in queue.registry.records())
    print("the sum:", queue.wait_for_result(sum_id))
    try:
        queue.wait_for_result(poison_id)
    except TaskDead as error:
        print("TaskDead:", str(error).removeprefix(f"task {poison_id} "))

# %% [markdown]
# ### The program that can't fail, again
#
# With all of that, the night job is short. Sixteen files go in; the journal keeps what came out; the report names what
# failed. There is no `except ...: pass`, and nothing to save: we open the folder a second time, without a worker, and
# everything is there.

# %%
night = new_folder()
with TaskQueue.open(night) as queue, WorkerPool(2) as pool:
    pool.start_processing(queue)
    queue.submit_many([IndexFile(str(path)) for path in (*corpus, draft, magic)])

with TaskQueue.open(night) as queue:
    counts = queue.registry.counts()
    print("report:", {str(status): n for status, n in counts.items() if n})
    for record in queue.registry.records():
        if record.failure:
            print(f"{record.failure.type}: {record.failure.message}")

# %% [markdown]
# ### Exercise 2: save atomically
#
# A journal grows at its end. Other files are written anew as a whole, as `results.json` was. Write `save(path, data)`
# so that `path` holds all of the old bytes or all of the new ones at *every* moment, a power cut included:
#
# 1. write the new bytes to another file in the **same folder**;
# 2. see to it that the disk has them (`os.fsync`);
# 3. put that file in the place of the old one (`os.replace`: all or nothing);
# 4. see to it that the disk has the folder's new entry (open the folder with `os.open(..., os.O_RDONLY)`, `os.fsync`
#    it, `os.close` it).
#
# If a step before 3 fails, raise, and leave no extra file behind.


# %%
def save(path, data):
    """Replace the bytes in the file `path` by `data`, all or nothing. Raises OSError."""
    ...


# %%
def watch_save(fail_at=None):
    """Run save() over a file with old bytes. Return its steps, and what `path` held at each."""
    steps, held = [], []
    with tempfile.TemporaryDirectory(dir=folder) as place:
        path = Path(place, "results.json")
        path.write_bytes(b"old")

        def watched(real, name):
            def call(what, *more, **options):
                step = name
                if name == "sync":
                    about = os.fstat(what if isinstance(what, int) else what.fileno())
                    step = "sync folder" if stat.S_ISDIR(about.st_mode) else "sync file"
                    if step == "sync file" and about.st_size < len(b"new"):
                        step = "sync too early"
                elif Path(what).read_bytes() != b"new":
                    step = "replace too early"
                steps.append(step)
                held.append(path.read_bytes() if path.exists() else None)
                if step == fail_at:
                    raise OSError(5, "made to fail")
                return real(what, *more, **options)

            return call

        sync, swap = watched(os.fsync, "sync"), watched(os.replace, "replace")
        with (
            mock.patch.multiple(os, fsync=sync, replace=swap, rename=swap),
            mock.patch.object(os, "fdatasync", sync, create=True),
        ):
            try:
                save(path, b"new")
                raised = False
            except OSError:
                raised = True
                if fail_at is None:
                    raise
        extra = sorted(file.name for file in path.parent.iterdir() if file != path)
        return steps, held, path.read_bytes(), extra, raised


with checking("Exercise 2", right="Old or new, never in between, even when the disk fails."):
    needs(save)
    steps, held, after, extra, raised = watch_save()
    assert after == b"new", f"Afterwards the file holds {after!r}, not the new bytes."
    assert "sync too early" not in steps, (
        "os.fsync came while the bytes were still in Python's buffer: what hands them to the kernel?"
    )
    assert "replace too early" not in steps, (
        "At os.replace the new file was not whole: close or flush it before."
    )
    assert "replace" in steps, (
        "You write into the file itself: the old bytes are gone before the new ones are there."
    )
    assert "sync file" in steps[: steps.index("replace")], (
        "os.replace comes before the disk has the bytes: a power cut can leave an empty file."
    )
    assert "sync folder" in steps[steps.index("replace") :], (
        "After os.replace the folder was not synced: after a power cut the old entry may be back."
    )
    assert set(held) <= {b"old", b"new"}, f"In between, the file held {held}."
    assert extra == [], f"{extra} stayed behind."
    steps, held, after, extra, raised = watch_save(fail_at="sync file")
    assert raised, "os.fsync failed, and save() told nobody: the caller believes the data is safe."
    assert after == b"old", "os.fsync failed, and the old file was replaced all the same."
    assert extra == [], f"os.fsync failed, and {extra} stayed behind."

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# `path.with_name(path.name + ".new")` is a path in the same folder.
# </details>
# <details><summary>Hint 2</summary>
#
# `os.fsync` can only wait for bytes that the kernel has. What must come between `write` and `fsync`?
# </details>
# <details><summary>Hint 3</summary>
#
# To clean up and still raise: `except BaseException:`, remove the file, `raise`.
# </details>
#
# ### Exercise 3: a store of your own
#
# A queue asks five things of its store, and takes any object that has them. Write `LineStore`: one file, one fact a line.
#
# | method | who calls it | what it does |
# |---|---|---|
# | `load()` | the registry, once, first | returns the facts in the file, oldest first |
# | `append(fact)` | the registry, under its lock | adds the line, and waits for nobody; returns a number from 1 that grows |
# | `flush(position)` | any thread, several at once | returns when the facts up to `position` survive `kill -9` |
# | `sync(position)` | any thread, several at once | returns when the facts up to `position` survive a power cut |
# | `close()` | the queue, last | releases the file |
#
# Two functions turn facts into bytes and back, with the journal's own code. Yours needs no lock on the folder and no
# repair: that is what the real `JsonStore` adds.


# %%
def line_of(number, fact):
    """Return a fact as a line of bytes. The first fact in a file has number 1, the next 2, ..."""
    return encode(number, fact)


def facts_of(data):
    """Return the facts in such lines. Raises JournalDamaged if a number is wrong or missing."""
    found = scan(header(0) + data, Path("store"))
    if found.damage or found.gaps or found.duplicates:
        raise JournalDamaged("the lines are not numbered 1, 2, 3, ...")
    return found.facts


class LineStore:
    """Keeps facts in a file, one a line."""

    json = True  # it wants tasks and results as JSON

    def __init__(self, path):
        self.file = open(path, "ab+")  # reads anywhere, writes at the end
        self.count = 0  # the facts in the file

    def load(self):
        """Return the facts in the file, oldest first."""
        ...

    def append(self, fact):
        """Add a fact; return its number."""
        ...

    def flush(self, position):
        """Return when the kernel has the facts up to that number."""
        ...

    def sync(self, position):
        """Return when the facts up to that number are on the disk."""
        ...

    def close(self):
        """Close the file."""
        ...


# %%
with checking("Exercise 3", right="Your store keeps what the queue acknowledged."):
    needs(LineStore.load, LineStore.append, LineStore.flush, LineStore.sync, LineStore.close)
    path, some = folder / "mine.jsonl", read_facts(sums)
    path.unlink(missing_ok=True)
    store = LineStore(path)
    loaded = store.load()
    assert loaded is not None and list(loaded) == [], f"An empty file gave {loaded!r}, expected []."
    *most, last = some
    numbers = [store.append(fact) for fact in most]
    assert None not in numbers, "append() returned None, and the registry hands that to flush()."
    assert numbers == sorted(set(numbers)), f"append() returned {numbers}: they must grow."
    assert numbers[0] > 0, "append() returned 0, which says that there is nothing to flush."
    store.flush(numbers[-1])
    in_kernel = path.read_bytes().count(b"\n")
    assert in_kernel == len(most), (
        f"{len(most)} facts were flushed, and the kernel has {in_kernel}. After kill -9 the rest is "
        "lost: see the table of what survives."
    )
    numbers.append(store.append(last))
    with (
        mock.patch.object(os, "fsync", wraps=os.fsync) as synced,
        mock.patch.object(os, "fdatasync", synced, create=True),
    ):
        store.sync(numbers[-1])
    assert synced.called, "sync() did not wait for the disk: a power cut takes what it promised."
    assert path.read_bytes().count(b"\n") == len(some), (
        "sync() returned, and the last fact was still in the process: the disk gets what the kernel has."
    )
    store.close()

    store = LineStore(path)
    loaded = list(store.load())
    assert [fact[:4] for fact in loaded] == [fact[:4] for fact in some], (
        f"{len(some)} facts went in; after reopening, load() gave {len(loaded)}, or another order."
    )
    store.append(some[0])
    store.close()
    store = LineStore(path)
    try:
        count = len(list(store.load()))
    except JournalDamaged:
        count = 0
    assert count == len(some) + 1, (
        "A fact appended after load() can't be read: with which number must its line begin?"
    )
    store.close()
    path.unlink()

    def run_sums():
        with TaskQueue(store=LineStore(path)) as queue, WorkerPool(2) as pool:
            ids = queue.submit_many([MathTask("sum", (n, 1)) for n in range(20)])
            pool.start_processing(queue)
        with TaskQueue(store=LineStore(path)) as queue:
            return [queue.wait_for_result(task_id, timeout=0) for task_id in ids]

    values = within(10, run_sums)
    assert values == list(range(1, 21)), (
        f"Twenty sums, and after reopening the results are {values}."
    )

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# `load`: `self.file.seek(0)`, then read all of it. Remember how many facts there were.
# </details>
# <details><summary>Hint 2</summary>
#
# The file object has a buffer of its own. Which rows of the table in *What survives* are `append`, `flush` and `sync`?
# </details>
#
# ## 4. Numbers that tell the truth
#
# Every fact has a time, so all that you may want to know about speed is in the log already. A **monitor** reads it and adds
# up. The tasks need no code for it, and the workers don't wait for it.
#
# Watch one: 600 pages, four workers, about 20 ms a page. `await queue.drained()` waits without blocking the notebook, so
# the picture can move.

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
# How does it keep up with a queue of any length? It remembers how far it has read (a **cursor**), and takes only what is
# new. `to_frame` gives the same data as tables for pandas.

# %%
show_source(Monitor.refresh)
print(len(tasks), "tasks with:", *tasks.columns)
print(len(log), "facts with:", *log.columns)

# %% [markdown]
# ### Why the mean lies
#
# Two services. A takes 50 ms for every request. B takes 20 ms for 95 of 100, and 620 ms for the other five.
# **Predict**: which has the lower mean, `"A"`, `"B"` or `"neither"`?

# %%
prediction = ...

services = {"A": [50] * 100, "B": [20] * 95 + [620] * 5}  # ms
means = {name: mean(times) for name, times in services.items()}
compare(prediction, "neither" if means["A"] == means["B"] else min(means, key=means.get))
for name, times in services.items():
    cuts = quantiles(times, n=100, method="inclusive")
    print(f"{name}: mean {means[name]} ms, p50 {cuts[49]:.0f} ms, p99 {cuts[98]:.0f} ms")
print(f"20 requests to B: with a probability of {1 - 0.95**20:.0%} at least one is slow")

# %% [markdown]
# Nobody ever waits 50 ms for B. A **percentile** says what somebody meets: half of the requests stay below p50, 99 of 100
# below p99. Few *requests* to B are slow; but most *visits* of 20 requests meet a slow one.
#
# ### What the length of the work hides
#
# The monitor measures two durations: **waiting**, from when a task could run until it started, and **running**, from there
# to its end. You know about the second: about 20 ms. Now draw both.

# %% tags=["nbval-ignore-output"]
fig, (left, right) = plt.subplots(1, 2, figsize=(8.5, 2.8), layout="constrained")
for axes, column, color in ((left, "running", "tab:blue"), (right, "waiting", "tab:orange")):
    axes.hist(tasks[column] * 1000, bins=40, color=color)
    axes.set(title=column, xlabel="ms", ylabel="tasks")
plt.show()
print((tasks[["waiting", "running"]] * 1000).describe(percentiles=[0.5, 0.95, 0.99]).round(1))

# %%
longer = tasks["waiting"].median() > 5 * tasks["running"].median()
print("half of the tasks waited more than five times as long as a page takes:", longer)

# %% [markdown]
# > **You may think** that this service is fast, because a page takes 20 ms. **But** whoever submitted the last page waited for
# > all the others first. A dashboard that shows how long the *work* takes, or how much is done, stays green while the
# > queue grows without end.
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
# **Predict**: does the monitor measure a negative duration, `True` or `False`?

# %%
prediction = ...

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
compare(prediction, bool((Monitor(queue).to_frame()["running"] < 0).any()))
print(f"time.time() says it took {wall / 3600:.1f} h, time.monotonic() says {steady / 3600:.1f} h")
show_source(facts.now)

# %% [markdown]
# Measure durations with a clock that nobody can set: `time.monotonic()` or `time.perf_counter()`. The queue ties such a clock to
# the time of day once, when it is imported (`_ANCHOR`). So its times can be read as dates, and their differences are right.
#
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
#         raise IndexUnreadable(f"{path.name} can't be read: {error}") from error
#     if not isinstance(index, dict):
#         raise IndexUnreadable(f"{path.name} holds a {type(index).__name__}, expected a dict")
#     return index
# ```
#
# *Why it is right.* The `try` holds one line, and the `except` names the two families that this line raises for a bad file.
# Everything else passes.
#
# *Alternatives.* Two `except` clauses with two messages. `with open(path, "rb") as file: json.load(file)`.
#
# *Wrong turns.* `except Exception` calls `load_index(None)` an unreadable file. `except (OSError, json.JSONDecodeError)` forgets
# bytes that are no text. `return {}` for a missing file: that is Wednesday's mistake.
# </details>
#
# <details><summary>Exercise 2: save atomically</summary>
#
# ```python
# def save(path, data):
#     new = path.with_name(path.name + ".new")
#     try:
#         with open(new, "wb") as file:
#             file.write(data)
#             file.flush()
#             os.fsync(file.fileno())
#         os.replace(new, path)
#     except BaseException:
#         new.unlink(missing_ok=True)
#         raise
#     descriptor = os.open(path.parent, os.O_RDONLY)
#     try:
#         os.fsync(descriptor)
#     finally:
#         os.close(descriptor)
# ```
#
# *Why it is right.* Until `os.replace` nobody touches the old file, and by then the disk has all of the new one. `flush` comes before
# `fsync`, which can only wait for what the kernel has.
#
# *Alternatives.* `tempfile.NamedTemporaryFile(dir=path.parent, delete=False)`: then two processes can save at the same time.
#
# *Wrong turns.* A temporary file in `/tmp` may lie on another disk, and `os.replace` can't work across disks. Without the first
# `fsync`, a file system may write the new name before the data: after a power cut the file is there, and empty. `os.remove(path)`
# before `os.replace` opens the very gap that you want to close.
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
#         return self.count
#
#     def flush(self, position):
#         self.file.flush()
#
#     def sync(self, position):
#         self.file.flush()
#         os.fsync(self.file.fileno())
#
#     def close(self):
#         self.file.close()
# ```
#
# *Why it is right.* The three methods are the three rows of the table. `append` fills the buffer, fast enough to be called under the
# registry's lock, which is why it needs none of its own. `flush` and `sync` may take long, so the registry calls them without its
# lock; a file object has one inside. And both do more than asked: what others appended meanwhile goes along, for one price.
#
# *Alternatives.* A table in SQLite: `INSERT` in `append`, `commit` in `sync`. Then `sync` needs a lock of its own, since two
# threads must not commit at the same moment.
#
# *Wrong turns.* An empty `flush`: the registry doesn't sync the fact that a task *started*, it only flushes it. After a kill the file
# may not know that the task ever ran, and a task that kills is never found out. `sync` without `flush`: the registry calls one of
# them for a fact, not both. `fsync` in `append`: safe, but every thread then waits for the disk under the registry's lock. Not
# counting in `load`: new lines begin with 1 again, and the reader takes them for damage.
# </details>
