"""A collector must give each batch paths that nobody changes afterwards."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from types import FunctionType

from taskqueue_edu import QueueClosed, TaskQueue
from taskqueue_edu.lab.probes import Case, Check, describe

check = Check("Collector")


class _Queue(TaskQueue):
    """A memory queue without workers, which notes the paths of each batch as it is submitted."""

    def __init__(self):
        super().__init__()
        self.at_first = []
        self._at_once = []
        self._lists = []

    def submit(self, task, **options):
        self._note(task)
        return super().submit(task, **options)

    def submit_many(self, tasks, **options):
        tasks = list(tasks)
        for task in tasks:
            self._note(task)
        return super().submit_many(tasks, **options)

    def _note(self, task):
        if len(self.at_first) > 100:
            raise Case(
                "No more than 26 paths were added, and more than 100 batches were submitted.",
                "What would have to change for that loop to end, and who changes it?",
            )
        if not hasattr(task, "paths"):
            raise Case(
                f"submit() was called with {task!r}, expected an IndexBatch.",
                "What does submit() take, what makes one, and who runs `execute`: a worker?",
            )
        if not isinstance(task.paths, Iterable) or isinstance(task.paths, Iterator):
            raise Case(
                f"`paths` of the batch is a {type(task.paths).__name__}, expected what can be "
                "read more than once, as a list can.",
                "What does IndexBatch say of the type of `paths`, and what makes one of those?",
            )
        if isinstance(task.paths, str) or not all(isinstance(path, str) for path in task.paths):
            raise Case(
                f"`paths` of the batch is {task.paths!r}, expected several texts: one for each path.",
                "What is `self._paths` already, and what does `IndexBatch(...)` make of it there?",
            )
        self.at_first.append(list(task.paths))
        self._at_once.append(iter(task.paths))
        self._lists.append(task.paths)

    def wait_for_result(self, *args, **kwargs):
        raise Case(
            "The collector waits for a result, and no worker has begun: it would wait for ever.",
            "What does flush() need from the queue to go on: a result, or an id?",
        )

    @property
    def batches(self):
        """The paths of each batch as they are now: what a worker finds."""
        return [list(record.task.paths) for record in self.registry.records()]

    @property
    def bound_anew(self):
        """For each batch, whether its `paths` is another object than when it was submitted."""
        tasks = [record.task for record in self.registry.records()]
        return [task.paths is not was for task, was in zip(tasks, self._lists, strict=True)]

    @property
    def read_at_once(self):
        """How many paths a worker finds that began each batch before submit() had returned."""
        return [len(list(begun)) for begun in self._at_once]


def _collected(Collector, count, times=1):
    """Collect as many paths, and flush as many times. Return the collector and its queue."""
    queue = _Queue()
    collector = Collector(queue)
    for number in range(count):
        collector.add(f"file-{number}.py")
    for _ in range(times):
        collector.flush()
    return collector, queue


@check.probe(question="What does submit() return, and where does flush() put it?")
def each_id_is_kept(Collector):
    """Ten paths are collected, which are three batches."""
    try:
        collector, queue = _collected(Collector, 10)
    except QueueClosed as error:
        raise Case(
            f"The collector was made with an open queue. {describe(error)}",
            "Which queue does that line speak of: that of this collector? Who has closed it?",
        ) from None
    if not queue.batches:
        _refuse_emptied(Collector)
        raise Case(
            f"Nothing was submitted to the queue of this collector; `ids` is {collector.ids}.",
            "Which call hands a batch over, to which queue, and when is it reached?",
        )
    ids = [record.id for record in queue.registry.records()]
    kept = collector.ids
    assert isinstance(kept, (list, tuple)) and list(kept) == ids, (
        f"`ids` is {collector.ids}; submit() returned {ids}, in this order."
    )


def _refuse_emptied(Collector):
    """Raise a Case if flush() empties the list of paths, and submits nothing."""
    queue = _Queue()
    collector = Collector(queue)
    collector.add("a.py")
    paths = getattr(collector, "_paths", None)
    if paths != ["a.py"]:
        return
    collector.flush()
    if not queue.batches and not paths:
        raise Case(
            "a.py was added and flush() called. Nothing was submitted, and the list with a.py is "
            "empty.",
            "How many lists are there when that one is emptied, and who still needs what is in it?",
        )


def _has_a_default_list(cls):
    """Tell whether a method has one, or a function that a method calls."""
    functions = [getattr(part, "__func__", part) for part in vars(cls).values()]
    for method in [part for part in functions if isinstance(part, FunctionType)]:
        functions += [method.__globals__.get(name) for name in method.__code__.co_names]
    return any(
        isinstance(default, list)
        for function in functions
        for default in (
            *(getattr(function, "__defaults__", None) or ()),
            *(getattr(function, "__kwdefaults__", None) or {}).values(),
        )
    )


@check.probe("mutable_default", question="When is that list made, and who shares it?")
def two_share_nothing(Collector):
    """Two collectors, each with a queue of its own: one gets a.py, the other b.py."""
    queues = _Queue(), _Queue()
    one, other = map(Collector, queues)
    one.add("a.py")
    other.add("b.py")
    one.flush()
    other.flush()
    paths = [[path for batch in queue.at_first for path in batch] for queue in queues]
    happened = ""
    if "b.py" in paths[0] or "a.py" in paths[1]:
        happened = f"The queue of the first got {paths[0]}, the queue of the second {paths[1]}."
    elif shared := sorted(set(one.ids) & set(other.ids)):
        happened = f"Both have the id {', '.join(shared)} in `ids`."
    if happened and not _has_a_default_list(Collector):
        raise Case(happened, "Where is that list made, and how often?")
    assert not happened, happened


@check.probe(
    "caller_keeps_alias",
    question="Who has a reference to the list after `submit`, and who changes it?",
)
def the_batch_stays_as_it_was(Collector):
    """Ten paths are collected, and only then does a worker look, or one has begun at once."""
    _, queue = _collected(Collector, 10)
    went = [path for batch in queue.at_first for path in batch]
    if len(set(went)) < len(went):
        raise Case(
            f"Batches of {[len(batch) for batch in queue.at_first]} paths were submitted, and some "
            "of the ten paths were in more than one.",
            "Which line begins a new batch, and which name has its list from then on?",
        )
    for before, after, other in zip(
        queue.at_first, queue.batches, queue.bound_anew, strict=True
    ):
        if not before:
            found = {path for batch in (*queue.at_first, *queue.batches) for path in batch}
            lost = [path for path in map("file-{}.py".format, range(10)) if path not in found]
            if lost:
                raise Case(
                    "A batch had no paths when it was submitted. Of the ten paths that were added, "
                    f"{len(lost)} came into no batch; the first of those is {lost[0]}.",
                    "Which list does that line hand over, what is in it then, and where are the "
                    "paths that were collected?",
                )
            raise Case(
                f"A batch had no paths when it was submitted, and a fast worker finds none. Later "
                f"it has {len(after)}.",
                "When may a worker begin with a batch, and what must be in it by then?",
            )
        if after != before and other:
            raise Case(
                f"A batch was submitted with {before}. When the worker looks, its `paths` is another "
                f"object: {after}.",
                "What has the worker when it looks: which list, by which name?",
            )
        assert after == before, (
            f"A batch was submitted with {before}, and has {after} when the worker looks: the "
            "collector changed what it had handed over."
        )
    for before, read in zip(queue.at_first, queue.read_at_once, strict=True):
        if read != len(before):
            raise Case(
                f"A batch was submitted with {len(before)} paths. A worker that began with it "
                f"before submit() had returned finds {read}.",
                "When may a worker begin with a batch, and which list does it read then?",
            )


@check.probe(question="Which step between add() and submit() drops or moves a path?")
def the_paths_go_out_as_they_were_added(Collector):
    """Four paths are added, of which the third is the first once more; then the same four again."""
    queue, added = _Queue(), ["d.py", "b.py", "d.py", "a.py"] * 2
    collector = Collector(queue)
    for path in added:
        collector.add(path)
    out = [path for batch in queue.batches for path in batch]
    assert out == added, f"{added} were added, and {out} went out."


@check.probe(question="What must the next batch begin with, and who submits the last?")
def each_path_goes_out_once(Collector):
    """Thirteen paths are collected, then twenty-six."""
    for count, wanted in ((13, [4, 4, 4, 1]), (26, [4] * 6 + [2])):
        _, queue = _collected(Collector, count)
        sizes = [len(batch) for batch in queue.batches]
        happened = f"The batches of {count} paths have {sizes}, expected {wanted}."
        if sizes and max(sizes) < 4:
            raise Case(
                happened,
                "How many paths are there when flush() is called, and how many batches does it make "
                "of them?",
            )
        assert sizes == wanted, happened
    out = [path for batch in queue.batches for path in batch]
    expected = [f"file-{number}.py" for number in range(26)]
    assert out == expected, f"The paths are {out}, expected {expected}."


@check.probe(question="What should flush() do when nothing was collected?")
def nothing_collected_nothing_submitted(Collector):
    """flush() is called twice in a row."""
    collector, queue = _collected(Collector, 4, times=2)
    assert all(queue.at_first), "A batch of no paths was submitted."
    assert len(collector.ids) == 1, f"One batch was submitted, and `ids` is {collector.ids}."


@check.probe(question="Which lines run if submit() raises, and what has it returned then?")
def a_batch_that_is_refused(Collector):
    """One batch is submitted; the queue is closed, and another batch is full."""
    collector, queue = _collected(Collector, 4)
    queue.close()
    with suppress(Exception):
        for number in range(4):
            collector.add(f"later-{number}.py")
    ids = [record.id for record in queue.registry.records()]
    assert list(collector.ids) == ids, (
        f"The queue took {len(ids)} batch, with the id {', '.join(ids)}, and `ids` is {collector.ids}."
    )
