# %% [markdown]
# # 1 · The core task system: who owns a task?
#
# A task queue takes work in one place and has it done later, in another. In between it holds the
# task for you. Then two questions decide whether the result is right: who else can still change the
# task, and what does the queue promise about it?
#
# **You will be able to**
#
# - say which names share an object, and hand a task over so that nobody changes it afterwards;
# - describe "anything with `execute()`" by a Protocol, and say what that checks and what it doesn't;
# - name what JSON changes silently, and write a task type that comes back from JSON unchanged;
# - keep a sentence about shared data true (an **invariant**), with a **lock**, which lets one thread in at a time;
# - run a pending queue of your own inside the real system.
#
# **Time**: 90 minutes for the core path, which is marked with ★. **Before**: functions, classes, dataclasses, exceptions and type
# hints in Python. You need no threads and no Rust.
#
# | core path, six checks | further practice |
# |---|---|
# | 1 a trace · 2 a puzzle of lines · 3 a collector · 4 a task type · 5 a bug hunt · 6 a pending queue | A a registry · B a test that finds broken queues |
#
# **How it works**
#
# 1. The notebook is saved with its outputs. Choose *Edit → Clear Outputs of All Cells* first: a
#    prediction teaches only if you make it before you see the answer.
# 2. Where a cell begins with `prediction = ...`, put your answer in place of `...`, then run the cell. Where
#    one says `predict(...)`, choose with a button, or write the letter: `predict("p1.one_job", "a")`.
# 3. An exercise has a body of `...`. Write yours, run the cell and the check below it. The check says
#    what it tried and what happened. If it knows the misconception behind that, it names it, and asks a
#    question that leads on. It runs in a copy of this notebook, so nothing that your code does there, hanging
#    included, harms yours.
# 4. In a cell of your own, `hint("p1.collector")` gives the next hint. `reveal("p1.collector")` explains the
#    solution once yours is right, or after three tries. An exercise that you skip stops nothing.
#
# *You know all this?* Run the prediction cells. Whatever you get wrong, read; then do exercises 5 and 6.

# %%
import heapq
import inspect
import json
import tempfile
import threading
import weakref
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import FrozenInstanceError, dataclass, field
from pathlib import Path

from taskqueue_edu import (
    IllegalTransition,
    InvalidTask,
    LiveMonitor,
    QueueClosed,
    RetryPolicy,
    Task,
    TaskFailed,
    TaskQueue,
    TaskQueueError,
    TaskStatus,
    WorkerPool,
    state,
    task_type,
)
from taskqueue_edu.catalogue import Catalogue, catalogue
from taskqueue_edu.course.show import compare, show_source
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
from taskqueue_edu.registry import Registry
from taskqueue_edu.workloads import FetchPage, IndexFile, MathTask, PageServer, corpus_files

files = [str(path) for path in corpus_files()]
print(len(files), "source files come with the package, the first is", Path(files[0]).name)

# %% [markdown]
# ## Recall
#
# Answer each in your head, then open it.
#
# <details><summary>1. After <code>a = [1]; b = a; b.append(2)</code>, what is <code>a</code>?</summary>
#
# `[1, 2]`. There is one list, and it has two names.
# </details>
#
# <details><summary>2. What is the difference between <code>a == b</code> and <code>a is b</code>?</summary>
#
# `==` asks whether the values are equal; a class decides what that means in `__eq__`. `is` asks
# whether both names mean the same object. No class can change that.
# </details>
#
# <details><summary>3. Which methods does <code>@dataclass</code> write for you?</summary>
#
# `__init__`, `__repr__` and `__eq__`. With `frozen=True` also `__hash__`, and a `__setattr__` that refuses.
# </details>
#
# <details><summary>4. What does <code>with</code> promise if its block raises?</summary>
#
# That `__exit__` runs all the same: the file is closed.
# </details>

# %% [markdown]
# ## The problem: fourteen files, one answer
#
# We want an index of source code: for each file, its lines, functions and classes. `IndexFile(path)`
# does that for one file. A colleague wrote a small queue around it. To save memory, the loop uses
# one job object again and again.

# %%
class IndexJob:
    """Index one source file."""

    path = ""

    def execute(self):
        return IndexFile(self.path).execute()


class JobQueue:
    """Keeps jobs, and runs them later, oldest first."""

    def __init__(self):
        self.waiting = deque()

    def submit(self, job):
        self.waiting.append(job)

    def run_all(self):
        return [job.execute() for job in self.waiting]


queue = JobQueue()
job = IndexJob()  # one object is enough
for path in files:
    job.path = path
    queue.submit(job)
print(len(queue.waiting), "jobs are waiting")

# %% [markdown]
# **Predict** what comes out.

# %%
predict("p1.one_job", ...)

# %%
results = queue.run_all()
outcome("p1.one_job")
print("different files:", len({result.path for result in results}))
print("the first three:", [Path(result.path).name for result in results[:3]])
print("\nLook inside:")
print("entries:", len(queue.waiting))
print("different objects:", len({id(job) for job in queue.waiting}))
print("is the first the last?", queue.waiting[0] is queue.waiting[-1])

# %% [markdown]
# Fourteen jobs ran, thirteen files are missing, and no error says so. The queue holds one object fourteen
# times.
#
# ## 1. Names, objects, and handing over
#
# An **object** is a thing in memory. A **name** (`job`), a list entry (`waiting[3]`) or an attribute
# (`self.path`) is a **reference** to an object. Assigning, passing an argument and appending to a list
# copy the reference and never the object. Two references to one object are **aliases**.
#
# ### ★ Exercise 1: follow the names
#
# Run the cell: it shows five lines of a program. Without running those, write what `len(batch)` is after each, in place of
# the `...`, and run the cell again.

# %%
trace("p1.names", [..., ..., ..., ..., ...])

# %% [markdown]
# `append` changes the object that the name refers to. `=` changes to which object the name refers, and nothing else.
#
# ### Three questions
#
# For every bug of this kind ask three questions. Here they are answered for the queue above.
#
# 1. **Who holds a reference?** The loop, by `job`, and the queue, by fourteen entries.
# 2. **Who changes the object?** The loop: `job.path = path`.
# 3. **When is it read?** In `run_all`, after the loop: each read sees the last change.
#
# To repair it, break one of the three. The simplest is the first: make an object for each job, and
# keep no name for it. `queue.submit(IndexFile(path))` in the loop does that.
#
# Now the real `TaskQueue`. A **worker** takes tasks out of it and runs them; `WorkerPool(1)` has one worker. A batch carries a
# list of paths. The caller submits the batch and then tidies up its list. One queue is in memory. The other is *persistent*: it
# keeps its tasks in a folder on disk. **Predict** for each: does the task count all lines of the four files, or none?
# (`@task_type` gives the class a name by which the folder knows it: section 3.)

# %%
prediction_memory = ...  # "all" or "none"
prediction_folder = ...


@task_type("index_batch")
@dataclass
class IndexBatch:
    """Count the lines of several source files."""

    paths: list[str]

    def execute(self) -> int:
        return sum(IndexFile(path).execute().lines for path in self.paths)


def submit_then_tidy_up(queue):
    batch = IndexBatch(files[:4])
    total = batch.execute()
    task_id = queue.submit(batch)
    waiting = queue.registry.get(task_id).task  # the object that the queue keeps for this id
    batch.paths.clear()  # the caller is done with its list
    with WorkerPool(1) as pool:
        pool.start_processing(queue)
        lines = queue.wait_for_result(task_id)
    return {0: "none", total: "all"}[lines], waiting is batch


with TaskQueue() as queue:
    lines, same_object = submit_then_tidy_up(queue)
compare(prediction_memory, lines)
print("the queue in memory holds the caller's own object:", same_object)
with tempfile.TemporaryDirectory() as folder, TaskQueue.open(folder) as queue:
    lines, same_object = submit_then_tidy_up(queue)
compare(prediction_folder, lines)
print("the queue in a folder holds the caller's own object:", same_object)

# %% [markdown]
# > **You may think** that `submit` copies the task, because once the call has returned the task is in
# > the queue. **But** a memory queue keeps a reference to *your* object: it costs nothing, and any
# > object will do. A persistent queue turns the task into text (JSON: section 3) and runs the object that comes
# > back from the text, which shares nothing with yours.
#
# So the same program gives different results on the two queues, unless it follows one rule, the
# **hand-off**: *after `submit`, the task belongs to the queue; the caller never touches it again.*
#
# | Rust | Python | where the comparison misleads |
# |---|---|---|
# | A move: `submit(task)` takes `task` away from you, checked by the compiler. | A convention. You still have the name. | Nothing moves in Python. Only discipline helps, or a task that nobody *can* change. |
#
# So let us make a task that nobody can change. `frozen=True` promises that. Below, a frozen batch is changed in
# two ways: `batch.paths = []`, then `batch.paths.append("b.py")`. **Predict** which is refused.

# %%
predict("p1.frozen", ...)

# %%
@dataclass(frozen=True)
class FrozenBatch:
    paths: list[str]


batch = FrozenBatch(["a.py"])
try:
    batch.paths = []
except FrozenInstanceError as error:
    print("first: ", error)
try:
    batch.paths.append("b.py")
    print("second: no error, and paths is now", batch.paths)
except FrozenInstanceError as error:
    print("second:", error)
outcome("p1.frozen")

# %% [markdown]
# > **You may think** that frozen means unchangeable, because Python refuses the assignment. **But** it
# > refuses only to bind the *attribute* anew. What the attribute refers to is as changeable as before:
# > frozen is **shallow**.
#
# The field must be unchangeable too: a tuple instead of a list. (`tuple[str, ...]` is a tuple of any length; `tuple[str]` is
# one of length one.) `hash()` is a quick test, since it asks
# every field, down to the bottom, and lists, sets and dicts refuse. (Objects of ordinary classes can be
# hashed though they change: the test is for data made of text, numbers, tuples and frozen dataclasses.)

# %%
@dataclass(frozen=True)
class TupleBatch:
    paths: tuple[str, ...]

    def execute(self):
        return len(self.paths)


for batch in (FrozenBatch(["a.py"]), TupleBatch(("a.py",)), TupleBatch((["a.py"],))):
    try:
        hash(batch)
        print(batch, "-> can be hashed: frozen to the bottom")
    except TypeError as error:
        print(batch, "->", error)

# %% [markdown]
# **Modify**: in a new cell, submit `TupleBatch(tuple(files[:4]))` instead of an `IndexBatch`, and tidy up as before. Which
# line fails now, and why is that good news? (Without `tuple(...)` none would: the type hint `tuple[str, ...]` stops nobody.)
#
# ### Equal is not the same
#
# Two frozen tasks with equal fields are equal and have equal hashes, so a dict takes them for one key.
# **Predict**: we submit two equal tasks and keep their results by task. How many results are kept?

# %%
prediction = ...

first, again = IndexFile(files[0]), IndexFile(files[0])
print("equal:", first == again, "  the same object:", first is again)

by_task = {}
for task in (first, again):
    by_task[task] = task.execute()
compare(prediction, len(by_task))

with TaskQueue() as queue:
    ids = queue.submit_many([first, again])
print("the real queue gave out", len(set(ids)), "ids")

# %% [markdown]
# That is why `submit` returns an **id**: a task describes work, an id names one submission of it. Someone
# who pays twice on purpose wants two payments.
#
# ### A default is made once
#
# A collector of paths, with an empty list as its default. **Predict**: how many paths are in `two`?

# %%
prediction = ...


class Basket:
    def __init__(self, paths=[]):
        self.paths = paths


one, two = Basket(), Basket()
one.paths.append("a.py")
compare(prediction, len(two.paths))

try:

    @dataclass
    class DataBasket:
        paths: list[str] = []

except ValueError as error:
    print("a dataclass refuses:", error)


@dataclass
class GoodBasket:
    paths: list[str] = field(default_factory=list)


print("default_factory makes one each time:", GoodBasket().paths is not GoodBasket().paths)

# %% [markdown]
# > **You may think** that `paths=[]` makes an empty list in each call, because it looks like an
# > assignment that the call performs. **But** a default is evaluated once, when `def` runs. All
# > baskets share that one list.
#
# ### A name is looked up late
#
# A job may be a function without arguments. `lambda: path` makes one. **Predict** the list of what the three
# jobs return.

# %%
prediction = ...

jobs = [lambda: path for path in ("a.py", "b.py", "c.py")]
compare(prediction, [job() for job in jobs])

# %% [markdown]
# > **You may think** that each lambda keeps the path that it was made with, because it was made in that turn
# > of the loop. **But** it keeps the *variable*. It looks the value up when it is called, and then the loop is over.
#
# ### ★ Exercise 2: a puzzle
#
# `make_jobs(paths, run)` returns a list of jobs: the job of a path, called later, calls `run(path)`. Put the lines
# in order. Some don't belong. Choose by buttons, or write the letters: `parsons("p1.parsons_jobs", "A B C")`.

# %%
parsons("p1.parsons_jobs", ...)

# %% [markdown]
# *Stuck?* `hint("p1.parsons_jobs")`. *Done, or tried three times?* `reveal("p1.parsons_jobs")`.
#
# ### How long an object lives
#
# An object lives as long as something refers to it. A **weak reference** (`weakref.ref`) refers to an
# object without keeping it alive: call it, and you get the object, or `None` if it is gone. With it we
# can watch whether the queue keeps our task alive.

# %%
with TaskQueue() as queue:
    task = TupleBatch(("a.py",))
    watch = weakref.ref(task)
    task_id = queue.submit(task)
    del task  # hand-off: we forget our name for it
    print("while it waits, it is alive:", watch() is not None)
    with WorkerPool(1) as pool:
        pool.start_processing(queue)
    print("after its success, it is alive:", watch() is not None)
    print("its result is kept:", queue.wait_for_result(task_id))

try:
    queue.submit(TupleBatch(("b.py",)))
except QueueClosed as error:
    print("after `with`:", type(error).__name__)

# %% [markdown]
# The queue keeps a task only as long as it may have to run it.
#
# | Rust | Python | where the comparison misleads |
# |---|---|---|
# | `Arc<T>`, shared ownership by counting | every reference counts | An `Arc` gives out read-only access; a Python reference lets everybody write. Neither decides who may write when: for that there are locks, in section 4. |
# | `Weak<T>` | `weakref.ref` | close |
# | Lifetimes: a reference can't outlive its object | a reference keeps its object alive | Nothing dangles. What you get instead is *use after close*: the object is there, but its queue or file is shut. |

# %% [markdown]
# ## ★ Exercise 3: the collector that loses files
#
# A collector gathers paths and submits them in batches of four. Its first version had this `flush`, and
# every batch came back with 0 lines:
#
# ```python
#     def flush(self):
#         self.ids.append(self._queue.submit(IndexBatch(self._paths)))
#         self._paths.clear()
# ```
#
# Write a `flush` that works on a memory queue. The paths go out in the order in which they were added, each as often as it
# was added, and `ids` has the ids of the batches that the queue took, in their order. If nothing was collected, it submits
# nothing. It waits for no result: perhaps no worker has begun. What becomes of the paths of a batch that the queue refuses is
# up to you. Leave the class `IndexBatch` as it is.

# %% exercise="p1.collector"

# %% [markdown]
# *Stuck?* `hint("p1.collector")`. *Done, or tried three times?* `reveal("p1.collector")` shows the solution, why it is
# right, other ways, and wrong turns.

# %% [markdown]
# ## 2. What is a task? Shapes and types
#
# The queue runs anything that has `execute()`. The library says so in `Task`, which the cell below shows.
#
# A **Protocol** describes a shape: the methods that an object must have. A class fits if it has them; it
# names no base class (**structural** typing). An **abstract base class** (ABC) is the other way: a class
# fits if it inherits (**nominal** typing). See both judge the same class:

# %%
show_source(Task)


class Answer:  # no base class
    def execute(self) -> int:
        return 42


class BaseTask(ABC):
    @abstractmethod
    def execute(self): ...


class Forgetful(BaseTask):  # inherits, and forgets execute
    pass


print("Answer fits the Protocol:", isinstance(Answer(), Task))
print("Answer fits the ABC:", isinstance(Answer(), BaseTask))
try:
    Forgetful()
except TypeError:
    print("An ABC refuses to make an object that lacks a method")
with TaskQueue() as queue, WorkerPool(1) as pool:
    pool.start_processing(queue)
    print("The queue runs it:", queue.wait_for_result(queue.submit(Answer())))

# %% [markdown]
# An ABC can share code and complains early. A Protocol lets classes take part that know nothing of this
# library: yours, or one from another package. The queue needs no shared code, so it uses a Protocol.
#
# Two mistakes follow: a method with an argument that no worker will give it, and a field of the wrong type.
# **Predict** for both where Python finds out.

# %%
predict("p1.protocol", ...)
predict("p1.hints", ...)

# %%
class NeedsPath:
    def execute(self, path):
        return IndexFile(path).execute()


print("isinstance says:", isinstance(NeedsPath(), Task))
outcome("p1.protocol")

with TaskQueue() as queue, WorkerPool(1) as pool:
    pool.start_processing(queue)
    task_id = queue.submit(NeedsPath())
    print("submit took it; then:")
    try:
        queue.wait_for_result(task_id)
    except TaskFailed as error:
        print(type(error).__name__, "because of", repr(error.__cause__))

# %% [markdown]
# > **You may think** that `isinstance(x, Task)` checks the signature, because the Protocol spells it out.
# > **But** at run time it looks only whether there is an attribute of that name. Signatures are for the
# > type checker.
#
# **Modify**: give `path` a default value in `NeedsPath`: a file, say `path=files[0]`. What changes for `isinstance`, and what
# for the queue?
#
# <details><summary>What you will see</summary>
#
# `isinstance` says True, as before. The worker calls `execute()` as it did, and now that is enough: the task succeeds.
# </details>
#
# Now the field: `MathTask` declares `operands: tuple[int, ...]`, and we give it text.

# %%
def where_it_shows(queue):
    try:
        task = MathTask("sum", ("1", "2"))
    except Exception as error:
        return "made", error
    try:
        task_id = queue.submit(task)
    except InvalidTask as error:
        return "submitted", error
    with WorkerPool(1) as pool:
        pool.start_processing(queue)
        try:
            return "nowhere", queue.wait_for_result(task_id)
        except TaskFailed as error:
            return "run", error.__cause__


with TaskQueue() as queue:
    where, error = where_it_shows(queue)
outcome("p1.hints")
print(f"In memory: {where}\n{type(error).__name__}: {error}")
with tempfile.TemporaryDirectory() as folder, TaskQueue.open(folder) as queue:
    where, error = where_it_shows(queue)
print(f"\nA persistent queue: {where}\n{type(error).__name__}: {error}")

# %% [markdown]
# Python does not enforce type hints. A memory queue finds out when the task runs; a persistent one checks every
# field at `submit`, for a reason that section 3 shows. A type checker such as mypy reads type hints *before*
# anything runs.
#
# ### The id knows the type of the result
#
# `submit` takes a `Task[T]`, a task whose result is a `T`, and returns a `TaskId[T]`. `wait_for_result`
# takes a `TaskId[T]` and returns a `T`. **Generic** means that: the type has a parameter, here `T`.
#
# At run time there is nothing to see, and the id is a plain `str`: `T` is for the type checker. This is what mypy 2.4 with `--strict`
# said to a file with these lines:
#
# ```python
# task_id = queue.submit(MathTask("sum", (1, 2, 3)))
# reveal_type(task_id)             # note: Revealed type is "taskqueue_edu.task.TaskId[int]"
# total = queue.wait_for_result(task_id)
# reveal_type(total)               # note: Revealed type is "int"
# total.upper()                    # error: "int" has no attribute "upper"
# queue.submit(NeedsPath())        # error: Argument 1 to "submit" of "TaskQueue" has incompatible type
#                                  #        "NeedsPath"; expected "Task[Never]"
# MathTask("sum", ("1", "2"))      # error: Argument 2 to "MathTask" has incompatible type
#                                  #        "tuple[str, str]"; expected "tuple[int, ...]"
# ```
#
# The checker finds both mistakes that `isinstance` and Python let pass, and it knows that the result is an
# `int` although hours may lie between the two calls.
#
# | Rust | Python | where the comparison misleads |
# |---|---|---|
# | `trait Task` | Protocol (or ABC) | A trait must be implemented by name and is always checked. A Protocol is checked if you run a checker. |
# | associated type `type Output = i32` | type parameter: `Task[int]` | In Rust one type has one `Output`. In Python the checker reads it from `execute() -> int`. |

# %% [markdown]
# ## 3. What JSON changes without a word
#
# A persistent queue writes tasks as **JSON**, a text format with only objects, lists, strings, numbers,
# `true`, `false` and `null`. Five values go through Python's `json` module and back. **Predict**: how many
# come back as they were, equal and of the same type?

# %%
prediction = ...

values = [(1, 2), {1: "one"}, float("nan"), "naïve", [True, None]]
unchanged = 0
for value in values:
    text = json.dumps(value)
    back = json.loads(text)
    same = back == value and type(back) is type(value)
    unchanged += same
    print(f"{value!r:15} -> {text:15} -> {back!r:15} {'' if same else 'not the same'}")
compare(prediction, unchanged)

# %% [markdown]
# - A **tuple** comes back as a list, and can no longer be hashed.
# - **Keys** of a dict come back as text: `table[1]` raises KeyError after a restart.
# - **NaN** (not a number) equals nothing, not even itself. And `NaN` is not JSON: other programs refuse
#   the file. (An encoder that keeps to JSON, as the catalogue's below does, writes `null`, which comes back as None.)
#
# None of this raises an error. So the catalogue (the table of task types by name) makes the round trip at
# once, in `submit`, and compares. `@task_type("name")` is what puts a class into the catalogue.

# %%
@task_type("label_files")
@dataclass(frozen=True)
class LabelFiles:
    """Look up labels by number."""

    labels: dict[int, str]
    extra: object = None

    def execute(self) -> int:
        return len(self.labels)


def try_to_store(task):
    try:
        payload, copy = catalogue.encode(task)
        print("stored:", payload.decode(), "   equal:", copy == task)
    except InvalidTask as error:
        print("refused:", error.message)


try_to_store(LabelFiles({1: "one"}))
try_to_store(LabelFiles({1: "one"}, extra=(1, 2)))
try_to_store(LabelFiles({1: "one"}, extra=float("nan")))
try_to_store(MathTask("sum", [1, 2]))
try_to_store(MathTask("sum", (True, 2)))
try_to_store(Answer())

print(catalogue.decode("math", b'{"operation": "sum", "operands": [1, 2]}'))
try:
    catalogue.decode("os.system", b'{"command": "ls"}')
except TaskQueueError as error:
    print("os.system:", type(error).__name__)

# %% [markdown]
# The first is stored, and comes back equal, int keys included: the field's type `dict[int, str]` tells the
# decoder what to make of the text. Where the type doesn't tell (`object`), or the value doesn't fit the
# type, the task is refused, and the error names the field. (The *journal* in one of the errors is the file in which
# the folder keeps tasks: section 6.) This is how:

# %%
show_source(Catalogue.encode)

# %% [markdown]
# Read it in three steps: encode, decode strictly, compare field by field. The decoded `copy` is what a
# persistent queue runs. Now section 1 makes sense: the caller's list was never in the queue.
#
# **Modify**: try `LabelFiles({1: "one"}, extra=[1, 2])`. Why is this one stored, though `extra` has no
# useful type either?
#
# <details><summary>Why it is stored</summary>
#
# A list of numbers comes back from JSON as an equal list: nothing was lost that a type would have to tell.
# </details>
#
# **Data is never code.** JSON only *names* a type. The catalogue builds an object of a class that this
# process registered under that name, and of no other: the last line above is refused.
#
# | Rust | Python | where the comparison misleads |
# |---|---|---|
# | `serde` with `#[derive(Deserialize)]` | dataclass and a strict codec | The `json` module alone checks no types, turns int keys into text and lets NaN through. |

# %% [markdown]
# ## ★ Exercise 4: a task type of your own
#
# Write the task type `total_size`: it fetches several pages and returns the sum of their sizes in bytes.
#
# - It is registered as `"total_size"`, and a frozen dataclass with one field, `urls`, a tuple of text, perhaps empty.
# - `FetchPage(url).execute().bytes` is the size of one page. It raises ConnectionError if the server says
#   that it has a problem, and LookupError if there is no such page.
# - After a ConnectionError it may run up to **4 times** in all, with a first wait of 0.01 seconds; the
#   policy makes the later ones longer by itself. Other errors are not worth another try.
# - Running it twice does no harm: such a task is called *idempotent*. No setting says so; it is so if `execute` keeps
#   nothing from one run to the next.
# - A page may grow between two runs. So `execute` fetches each page in each run, and keeps no size.
# - Two such tasks may run at once, of the same pages too. Each returns the sum of the sizes that it fetched itself.
#
# If the check shows a table: it has a column for each *thread*, here one that runs a task. Read it from the top. A thread
# may stop after any step, and another one goes on. Section 4 explains more.
#
# `RetryPolicy(attempts=..., on=(...,), delay=...)` says when a task is tried again. It goes to
# `@task_type(..., retry=...)`.

# %% exercise="p1.total_size"

# %% [markdown]
# *Stuck?* `hint("p1.total_size")`. *Done, or tried three times?* `reveal("p1.total_size")`.
#
# ## Further practice A: a registry of your own
#
# A **registry** is a table that others enter things into. The catalogue is one: it knows classes by their names.
# `TaskBook` is a small one. `add` is finished, in two steps. `make` has the same two steps, and is yours to fill; of
# `types` only the promise is there.

# %% exercise="p1.task_book"

# %% [markdown]
# *Stuck?* `hint("p1.task_book")`. *Done, or tried three times?* `reveal("p1.task_book")`.

# %% [markdown]
# ## 4. What the queue promises: invariant and lock
#
# The tasks that wait are held by a **pending queue**. It gives out the highest priority first and, within
# a priority, the oldest. A **heap** (module `heapq`) is made for that: a list arranged so that
# `heappop` returns the smallest entry, in few steps however long the list.
#
# A first try: entries `(rank, task_id)`, all with rank 0. Ids are text that ends in a number. **Predict**:
# in which order do they come out? Give a list of the three numbers.

# %%
prediction = ...

heap = []
for number in (9, 10, 11):
    heapq.heappush(heap, (0, f"task-{number}"))
out = [heapq.heappop(heap)[1] for _ in range(3)]
compare(prediction, [int(task_id.removeprefix("task-")) for task_id in out])

try:
    heapq.heappush(heap, (0, MathTask("sum", (1, 2))))
    heapq.heappush(heap, (0, MathTask("sum", (3, 4))))
except TypeError as error:
    print("with tasks instead of ids:", error)

# %% [markdown]
# > **You may think** that a heap keeps equal priorities in order, because a queue does. **But** a heap
# > only compares entries. If the ranks are equal it compares what comes next: ids as text, where "10" is
# > before "9", or tasks, which can't be compared at all.
#
# A counter in the second place settles both: it is never equal, and it grows with age. With it, here is a
# complete pending queue. Read it before you go on; each line is explained below.

# %%
class MinimalPending:
    """Highest priority first, then the oldest. Ignores due times."""

    def __init__(self):
        # Invariant, true whenever the lock is free: `_heap` holds each item that was put and
        # neither taken nor discarded, exactly once.
        self._changed = threading.Condition()
        self._heap = []
        self._count = 0
        self._closed = False

    def put(self, item, priority=0, due=None):
        with self._changed:
            if self._closed:
                raise QueueClosed("the pending queue is closed")
            self._count += 1
            heapq.heappush(self._heap, (-priority, self._count, item))
            self._changed.notify()

    def get(self):
        with self._changed:
            while not self._heap and not self._closed:
                self._changed.wait()
            if self._closed:
                raise QueueClosed("the pending queue is closed")
            return heapq.heappop(self._heap)[2]

    def discard(self, item):
        with self._changed:
            before = len(self._heap)
            self._heap = [entry for entry in self._heap if entry[2] != item]
            heapq.heapify(self._heap)
            return len(self._heap) < before

    def close(self):
        with self._changed:
            self._closed = True
            self._changed.notify_all()


pending = MinimalPending()
for number in (9, 10, 11):
    pending.put(number)
pending.put(99, priority=5)
print([pending.get() for _ in range(4)])

# %% [markdown]
# - A **thread** is one line of execution. Several threads run at once in one process and see the same
#   objects. The queue is used by many: yours, and those of the workers.
# - `heappop` gives the smallest entry, and the highest priority is to come first: so an entry begins with `-priority`.
#   `due` is when a task that was delayed may begin. The system gives it to every pending queue; this one ignores it.
# - A **lock** is held by one thread at a time. `with self._changed:` takes it and gives it back at the
#   end, whatever happens. Whoever comes second waits.
# - An **invariant** is a sentence about the data that is true whenever the lock is free. Inside, it may be
#   broken for a moment: between `heappush` and the end of `put`, nobody else can look. `get` may rely on
#   the invariant, and has to restore it before it lets go of the lock. *Write the sentence first; it
#   decides which lines belong under the lock.*
# - A **condition** is a lock on which threads can wait. `wait()` gives the lock back, sleeps until another
#   thread calls `notify()`, and takes the lock again. By then things may have changed once more, so
#   `while` looks again. (Phase 2 shows what happens with `if`.)
#
# A `get` on an empty queue waits until there is something. And `TaskQueue` needs exactly these four methods of a
# pending queue, and takes any object that has them: so yours runs the real system.

# %%
pending = MinimalPending()
got = []
thread = threading.Thread(target=lambda: got.append(pending.get()))
thread.start()
thread.join(timeout=0.2)
print("after 0.2 s it still waits:", thread.is_alive())
pending.put("at last")
thread.join()
print("then it got:", got)

with TaskQueue(pending=MinimalPending()) as queue:
    ids = [queue.submit(IndexFile(path)) for path in files[:-1]]
    urgent = queue.submit(IndexFile(files[-1]), priority=10)
    with WorkerPool(1) as pool:
        pool.start_processing(queue)
        total = sum(queue.wait_for_result(task_id).lines for task_id in [*ids, urgent])
    order = sorted(queue.registry.records(), key=lambda record: record.started)
print("lines:", total)
print("the urgent one, submitted last, ran first:", order[0].id == urgent)

# %% [markdown]
# *An extra, for the curious*: the next cell shows the library's own `PendingQueue`. No exercise needs it, and you may go on at
# "A lock guards nothing by itself". Begin with the comment at the lock, and find in `get` the line for
# each thing that `MinimalPending.get` does. In place of one heap it has a line for each priority, oldest item first,
# and a heap of the priorities that have a line: most tasks have the same one. It has no Condition: it does itself what a Condition does inside.
# Each thread that waits makes a lock of its own, its *gate*, and tries to take it twice. The second try sleeps
# until somebody else releases it. Of the methods that are called here and not shown, `_promote` moves delayed items that are
# due into their lines, `_line_up` and `_leave_line` enter a gate and take it off, and `_hand_over` opens one if an item is
# ready.

# %%
show_source(
    PendingQueue.__init__,
    PendingQueue.put,
    PendingQueue._join,
    PendingQueue.get,
)

# %% [markdown]
# <details><summary>What are <code>_taken</code> and <code>give_way</code> for?</summary>
#
# If somebody has the lock, `give_way` lets them run first. A thread that *sleeps* on a lock is handed the lock before it
# may run, and the others queue up behind it. After `from taskqueue_edu import locks`, `show_source(locks.give_way)` tells
# the story. It changes how fast this is, not what it does: read on as if these lines were not there.
# </details>
# <details><summary>Why an <code>OrderedDict</code> for a line, and not a list?</summary>
#
# `get` takes the first item of a line, and `discard` any one of them. A list would move all that follow; an
# `OrderedDict` does both in the same few steps, however long the line. `_line_of` says in which line an item is.
# </details>
# <details><summary>Why does <code>get</code> hand over as it leaves, if something is ready?</summary>
#
# `put` opens a gate only if no woken thread is on its way (`_coming`). So of many items that are put at once, only the
# first wakes a thread. That thread takes one and wakes the next, and so on: no item lies there while a thread sleeps.
# </details>
# <details><summary>What is the leader?</summary>
#
# The one thread that sleeps until the next delayed task is due. The others sleep until their gate is opened.
# Without it all of them would wake at the same moment for one task.
# </details>
#
# ### A lock guards nothing by itself
#
# In Rust, a `Mutex<T>` holds the data, and there is no way to the data but through the lock. A Python lock
# lies *beside* the data. The class keeps both private and lets nothing out, or it guards nothing.
# **Predict**: how many items are left in `leaky` after the caller sorted out its own list?

# %%
prediction = ...


class LeakyPending(MinimalPending):
    def waiting(self):
        with self._changed:
            return self._heap  # under the lock, so it must be safe

    def waiting_safely(self):
        with self._changed:
            return sorted(self._heap)  # a new list


leaky = LeakyPending()
for number in range(5):
    leaky.put(number)
leaky.waiting_safely().clear()
mine = leaky.waiting()
while len(mine) > 2:
    mine.pop()
compare(prediction, len(leaky.waiting_safely()))

# %% [markdown]
# > **You may think** that returning the list is safe, because the lock was held. **But** the lock is free
# > again once `waiting` returns, and the caller has an alias to the list that the invariant speaks of.
#
# | Rust | Python | where the comparison misleads |
# |---|---|---|
# | `Mutex<T>` | an object that privately holds a lock and its data | Python's lock guards code, by convention. A method that returns the inside leaks it. |
# | `Arc<Mutex<T>>` | such an object, known by several names | You never write the `Arc`. |
# | a poisoned mutex, after a panic | nothing | If code under `with lock` raises, the lock is released and a broken invariant stays. |

# %% [markdown]
# ## ★ Exercise 5: a bug hunt
#
# An index keeps what it knows of a file in one object. Whoever asks for a path must get *the* object of that path:
# identity matters, since one thread writes into it what another reads. Two threads ask for one path, two thousand times.
# (`together` runs each of its functions in a thread of its own, and waits for all.)

# %% tags=["nbval-ignore-output"]
class SourceFile:
    """What is known of one file."""

    def __init__(self, path):
        self.path = path


class Hasty:
    """Gives out the one SourceFile of a path."""

    def __init__(self):
        self._files = {}

    def get(self, path):
        if path not in self._files:
            self._files[path] = SourceFile(path)
        return self._files[path]


def two_ask():
    files, got = Hasty(), []
    together(*[lambda: got.append(files.get("a.py"))] * 2)
    assert got[0] is got[1], "each thread has an object of its own"


failed = 0
for _ in range(2000):
    try:
        two_ask()
    except AssertionError:
        failed += 1
print(failed, "of 2000 runs went wrong")

# %% [markdown]
# Perhaps none went wrong. That proves nothing: those runs took the orders that came up. So *you* choose the order.
# One line may be several steps. A thread may be stopped after any of them, and the other goes on. Run the cell: it shows
# an order of the threads A and B. Write after each step how many objects have been made.

# %%
trace("p1.schedule", [..., ..., ..., ..., ...])

# %% [markdown]
# The **lab** plays this game to its end. `explore` runs a function again and again, each time with another order of
# the steps of its threads, and shows the simplest order that goes wrong. It needs no luck, and says the same each time.
# Two things that it finds have names. In a **deadlock**, all threads that are left wait, and none can ever go on. After a
# **lost wakeup**, a thread sleeps for ever: the call that was to wake it came too early, or woke another one.

# %%
explore(two_ask)

# %% [markdown]
# Write `get` so that no order goes wrong: that is what the lock is for. Whatever a call does, or raises, the lock is free
# after it; if no object can be made, whoever asks gets the error. An index forgets no object that it gave out, and two
# indexes share no object. The check explores yours.

# %% exercise="p1.one_of_each"

# %% [markdown]
# *Stuck?* `hint("p1.one_of_each")`. *Done, or tried three times?* `reveal("p1.one_of_each")`.
#
# ## Further practice B: kill the mutants
#
# Five broken queues, **mutants**, are hidden here, and three that are right. Write a test that lets the right ones pass and
# turns the broken ones down, by `assert`. All make the same promise:
#
# - `Waiting(items=())` holds what is in `items`, in that order, with priority 0.
# - `put(item, priority=0)` adds an item. Items may be anything; they need not be comparable.
# - `get()` removes and returns the item of the highest priority and, of these, the oldest.
# - `items()` returns a list of what waits, in the order in which `get` would give it out.
# - It shares no list with anybody.

# %%
def test_waiting(Waiting): ...


mutants("p1.mutants_waiting", test_waiting)

# %% [markdown]
# *Stuck?* `hint("p1.mutants_waiting")`. *Done, or tried three times?* `reveal("p1.mutants_waiting")` shows a test.
#
# ## ★ Exercise 6: a pending queue of your own
#
# An editor re-indexes files while somebody types: the file that changed last matters most. Write a pending
# queue that gives out the **newest** item first. It ignores `priority` and `due`.
#
# - `put` adds the item. `get` waits for one, asleep until another method wakes it, then removes and returns the newest.
#   You may give that wait a time limit, but not rely on it: the queue must work as well if the limit never runs out.
# - `discard` removes an item and returns whether it was there. The others stay as they are.
# - Items are ids: text or numbers, 0 among them. No two that wait are equal.
# - After `close`, `put` and `get` raise QueueClosed, and every thread that waits in `get`, however many, gets it too.
#   `close` may keep the items that still wait, or drop them. After it `discard` does as before: it returns True if it
#   removed the item, False if the item is not there (or no longer). Closing twice does no harm.
#
# First finish the sentence in the comment: no check reads it, and it decides what belongs under the lock. Keep the name
# `_changed`: each method takes its lock. The check tries your queue with several threads, in every order of their steps.

# %% exercise="p1.newest_first"

# %% [markdown]
# *Stuck?* `hint("p1.newest_first")`. *Done, or tried three times?* `reveal("p1.newest_first")`.
#
# The last thing that the check tries is your queue in the real system: fourteen files, one worker. See it for yourself in
# the live picture below: write `NewestFirst` in place of `MinimalPending`, once it is right. Before you run it, say to
# yourself: will the picture of the waiting times differ between the two? And the number that the cell after it prints?

# %% tags=["nbval-ignore-output"]
Mine = MinimalPending

with TaskQueue(pending=Mine()) as queue, WorkerPool(1) as pool:
    ids = queue.submit_many([IndexFile(path) for path in files * 10])
    with LiveMonitor(queue) as monitor:
        pool.start_processing(queue)
        await queue.drained()
print(monitor.summary())

# %%
first = min(queue.registry.records(), key=lambda record: record.started)
print("ran first: number", ids.index(first.id) + 1, "of", len(ids))

# %% [markdown]
# The picture is much the same: as many tasks wait, about as long. *Who* waits longest is the other way round. An order
# can't make a queue faster; it chooses whose turn it is.
#
# ## 5. The life of a task
#
# A task waits, runs, ends; or it fails and waits again; or it is cancelled. Which steps are legal is written
# in one table, `TRANSITIONS`. Below is the module's own drawing, then the function that reads the table. Some words of
# the drawing belong to later phases. A task whose worker went down is *recovered*: it waits again; if that happens too often, it
# has *died*. It is *released* if it goes back because the pool stops, and *revived* if somebody puts it back that failed or died.

# %%
print(state.__doc__.rpartition("\n\n")[0], end="\n\n")  # its title, and the drawing
show_source(state.next_status)
print("what can happen to a task that is")
for status, steps in state.TRANSITIONS.items():
    print(f"  {status or 'new':10}", ", ".join(steps) or "nothing more")

# %% [markdown]
# Two threads want different things of one task: you cancel it, a worker starts it. Both orders are possible.
# We play the worker ourselves, so that we choose the order. The queue's `dispatcher` is what workers talk to: `claim` gives out
# a task, as a *run* (its `cancelled` tells a task that somebody wants it to stop), and `settle` takes what became of it.
# `cancel` returns `True` if it is sure that the task will not run, and `False` if it can only *ask* the task to stop.
# **Predict**: what does `cancel` return for a task that already runs?

# %%
prediction = ...

with TaskQueue() as queue:
    early = queue.submit(MathTask("sum", (1, 2)))
    late = queue.submit(MathTask("sum", (3, 4)))

    cancelled = queue.cancel(early)  # cancel comes first
    print("cancelled before it starts:", cancelled, "->", queue.status(early))

    run = queue.dispatcher.claim("you")  # the start comes first
    compare(prediction, queue.cancel(late))
    print("its status:", queue.status(late), "  it can see the request:", run.cancelled)

    queue.dispatcher.settle(run, "succeeded", run.task.execute())
    print("it did not look, so it ended as:", queue.status(late))
    try:
        state.next_status(TaskStatus.SUCCEEDED, "started")
    except IllegalTransition as error:
        print(error)

# %% [markdown]
# Whoever asks the table first wins; the other gets `IllegalTransition`, before anything is written. `cancel`
# turns that into its answer.
#
# ## 6. The registry remembers
#
# Practice A had a registry of classes. The queue has another one, of tasks. This **registry** is the one place where something
# happens to a task. A **fact** is a small tuple: what
# happened, to which task, when, by whom. The registry checks it against the table, stores it, changes the
# task's record, and wakes whoever waits, in this order. What it promises stands at its lock, as it does in your
# queue: the end of the cell shows it. (The *ledger* there is the table of the records. It is a *fold* of the facts: begin with
# nothing, and apply one fact after the other.)

# %%
with tempfile.TemporaryDirectory() as folder:
    with TaskQueue.open(folder) as queue, WorkerPool(1) as pool:
        pool.start_processing(queue)
        task_id = queue.submit(IndexFile(files[0]))
        first_answer = queue.wait_for_result(task_id)
        facts, cursor = queue.registry.facts_since(0)
        for kind, _, at, who, detail in facts:
            print(f"{kind:10} {who}")

    print("queue and pool are gone; open the folder again, without any worker")
    with TaskQueue.open(folder) as queue:
        print("status:", queue.status(task_id))
        print("the same result:", queue.wait_for_result(task_id) == first_answer)
print()
print(inspect.getdoc(Registry))

# %% [markdown]
# The result came back from the folder, where a file, the **journal**, has a line for each thing that happened. Nothing ran.
#
# <details><summary>Why does the registry wake waiters only after it gave the lock back?</summary>
#
# Whoever is woken runs code that the registry doesn't know. If that code asked the registry something, it
# would wait for a lock that its own caller holds. *Foreign code never runs under a lock.* Phase 2 shows it.
# </details>
# <details><summary>Then why does it append to the store under the lock?</summary>
#
# Two threads that append outside of the lock could do so in an order in which their facts never happened: a
# task that succeeds before it starts. Appending only puts the fact in line, in memory. Writing it to the file
# and waiting for the disk take long, and happen without the lock: `show_source(Registry.record)` shows all of it.
# </details>

# %% [markdown]
# ## What you can say now
#
# - A queue that holds references shares its tasks with whoever made them: **hand off**, or make tasks that
#   can't change. *Frozen* is shallow; `hash()` tells how deep it goes.
# - Equal tasks are not the same submission: **ids** name submissions.
# - A **Protocol** describes a shape. `isinstance` sees names only; the checker sees signatures; nobody
#   enforces type hints at run time unless, as the catalogue does, they check.
# - **JSON** changes tuples, keys and NaN without a word. A round trip at `submit` says so in time.
# - A default is made once; a lambda looks its variables up when it is **called**.
# - An **invariant** is a sentence; the **lock** keeps it true for whoever looks; returning the inside leaks it.
# - That nothing went wrong two thousand times proves nothing. The lab tries every order.
# - One **table** says what may happen to a task. The first to ask wins.
#
# **Explain it to yourself** (nobody checks): A friend's queue copies each task with `copy.copy` in `submit`.
# Which of the bugs above are gone, which are not, and what does it cost?
#
# **Next**: [Phase 2](02_worker_pool.ipynb) puts workers on the other side of the queue, and shows what goes
# wrong if two of them look at the same moment.

# %% [markdown]
# ## Solutions
#
# `reveal(...)` explains the solution of an exercise once yours is right, or after three tries. With `force=True` it opens
# now. You learn more if you try first. The names are `p1.parsons_jobs`, `p1.collector`, `p1.total_size`,
# `p1.one_of_each`, `p1.newest_first`, `p1.task_book` and `p1.mutants_waiting`.
