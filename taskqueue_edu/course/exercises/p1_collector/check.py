"""A collector must give each batch paths that nobody changes afterwards."""

from taskqueue_edu.lab.probes import Check

check = Check("Collector")


class _Queue:
    """Keeps what was submitted, as a memory queue does until a worker comes."""

    def __init__(self):
        self.batches = []

    def submit(self, batch):
        self.batches.append(batch)
        return f"id-{len(self.batches)}"


def _collected(Collector, count):
    queue = _Queue()
    collector = Collector(queue)
    for number in range(count):
        collector.add(f"file-{number}.py")
    collector.flush()
    return collector, queue.batches


@check.probe()
def an_id_is_kept(Collector):
    """Two paths are collected and flushed."""
    collector, batches = _collected(Collector, 2)
    assert batches, "Nothing was submitted."
    assert collector.ids == ["id-1"], f"`ids` is {collector.ids}; submit() returned 'id-1'."


@check.probe(
    "caller_keeps_alias",
    question="Who has a reference to the list after `submit`, and who changes it?",
)
def the_batch_stays_as_it_was(Collector):
    """A batch is submitted, the collector goes on, and only then does a worker look."""
    _, batches = _collected(Collector, 4)
    assert batches[0].paths, (
        "The batch was submitted with 4 paths, and is empty when the worker looks: "
        "the collector emptied the list that it had handed over."
    )


@check.probe(question="What must the next batch begin with?")
def each_path_goes_out_once(Collector):
    """Fourteen paths are collected."""
    _, batches = _collected(Collector, 14)
    sizes = [len(batch.paths) for batch in batches]
    assert sizes == [4, 4, 4, 2], f"The batches have {sizes} paths, expected [4, 4, 4, 2]."
    paths = [path for batch in batches for path in batch.paths]
    assert len(set(paths)) == 14, f"{len(set(paths))} of the 14 paths are in them."


@check.probe(question="What should flush() do when nothing was collected?")
def nothing_collected_nothing_submitted(Collector):
    """flush() is called twice in a row."""
    collector, batches = _collected(Collector, 4)
    collector.flush()
    assert all(batch.paths for batch in batches), "A batch of no paths was submitted."
