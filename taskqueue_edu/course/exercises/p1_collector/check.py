"""A collector must give each batch paths that nobody changes afterwards."""

from taskqueue_edu import TaskQueue
from taskqueue_edu.lab.probes import Case, Check

check = Check("Collector")


class _Queue(TaskQueue):
    """A memory queue without workers, which notes the paths of each batch as it is submitted."""

    def __init__(self):
        super().__init__()
        self.at_first = []

    def submit(self, task, **options):
        self.at_first.append(list(task.paths))
        return super().submit(task, **options)

    def submit_many(self, tasks, **options):
        tasks = list(tasks)
        self.at_first += [list(task.paths) for task in tasks]
        return super().submit_many(tasks, **options)

    @property
    def batches(self):
        """The paths of each batch as they are now: what a worker finds."""
        return [list(record.task.paths) for record in self.registry.records()]


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
    collector, queue = _collected(Collector, 10)
    assert queue.batches, "Nothing was submitted."
    ids = [record.id for record in queue.registry.records()]
    assert collector.ids == ids, (
        f"`ids` is {collector.ids}; submit() returned {ids}, in this order."
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
    assert "b.py" not in paths[0] and "a.py" not in paths[1], (
        f"The queue of the first got {paths[0]}, the queue of the second {paths[1]}."
    )
    shared = sorted(set(one.ids) & set(other.ids))
    assert not shared, f"Both have the id {', '.join(shared)} in `ids`."


@check.probe(
    "caller_keeps_alias",
    question="Who has a reference to the list after `submit`, and who changes it?",
)
def the_batch_stays_as_it_was(Collector):
    """A batch is submitted, the collector goes on, and only then does a worker look."""
    _, queue = _collected(Collector, 4)
    before, after = queue.at_first[0], queue.batches[0]
    if not before:
        raise Case(
            f"The batch had no paths when it was submitted, and a fast worker finds none. Later "
            f"it has {len(after)}.",
            "When may a worker begin with a batch, and what must be in it by then?",
        )
    assert after == before, (
        f"The batch was submitted with {len(before)} paths, and has {len(after)} when the worker "
        "looks: the collector changed the list that it had handed over."
    )


@check.probe(question="What must the next batch begin with, and who submits the last?")
def each_path_goes_out_once(Collector):
    """Thirteen paths are collected, then twenty-six."""
    for count, wanted in ((13, [4, 4, 4, 1]), (26, [4] * 6 + [2])):
        _, queue = _collected(Collector, count)
        sizes = [len(batch) for batch in queue.batches]
        assert sizes == wanted, f"The batches of {count} paths have {sizes}, expected {wanted}."
    out = [path for batch in queue.batches for path in batch]
    expected = [f"file-{number}.py" for number in range(26)]
    assert out == expected, f"The paths are {out}, expected {expected}."


@check.probe(question="What should flush() do when nothing was collected?")
def nothing_collected_nothing_submitted(Collector):
    """flush() is called twice in a row."""
    _, queue = _collected(Collector, 4, times=2)
    assert all(queue.at_first), "A batch of no paths was submitted."
