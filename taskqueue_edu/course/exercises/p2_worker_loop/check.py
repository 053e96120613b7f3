"""A worker's loop: every outcome, all workers told of the end, no news before it is true."""

from queue import Queue

from taskqueue_edu.lab.interleave import explore, together
from taskqueue_edu.lab.probes import Check

check = Check("work")


def _one():
    return 1


def _two():
    return 2


def _fails():
    raise ValueError("no number")


def _put(*entries):
    tasks = Queue()
    for entry in entries:
        tasks.put(entry)
    return tasks, Queue()


def _outcomes(results):
    return [results.get_nowait() for _ in range(results.qsize())]


@check.probe(
    question="Which lines put something into `results`, for whom, and when does the worker end?"
)
def two_functions(work):
    """One worker runs two functions; then comes None."""

    def scenario():
        tasks, results = _put(_one, _two, None)
        work(tasks, results)
        found = _outcomes(results)
        assert found == [1, 2], (
            f"functions that return 1 and 2 were put in, and the results are {found}"
        )

    return explore(scenario)


@check.probe(question="What does the worker do while there is nothing to run?")
def it_waits_for_work(work):
    """A worker begins while there is nothing to do; a function and None come later."""

    def scenario():
        tasks, results = _put()

        def client():
            tasks.put(_one)
            tasks.put(None)

        together(lambda: work(tasks, results), client)
        found = _outcomes(results)
        assert found == [1], f"a function that returns 1 was put, and gave {found}"

    return explore(scenario)


def _one_fails(work):
    def scenario():
        tasks, results = _put(_fails, _two, None)
        together(lambda: work(tasks, results))
        found = [repr(outcome) for outcome in _outcomes(results)]
        assert found == [repr(ValueError("no number")), "2"], (
            f"one function raised ValueError, one returned 2; the results are {found}"
        )

    return explore(scenario)


@check.probe(
    "errors_reach_main",
    kinds=["exception"],
    question="Who calls `work`, and who would catch what a function raises?",
)
def an_error_ends_it(work):
    """The first of two functions raises an error, and a second one has to be run."""
    verdict = _one_fails(work)
    return verdict if verdict.message.startswith("ValueError in ") else None


@check.probe(question="What is the outcome of a function that raises an error?")
def one_fails(work):
    """The first of two functions raises an error: it has an outcome, and so has the second."""
    return _one_fails(work)


@check.probe(
    "done_before_result",
    kinds=["assertion"],
    question="What may a client think when join() returns, and is it true by then?",
)
def a_client_joins(work):
    """A client puts a function, waits in `tasks.join()`, and then looks at the results."""

    def scenario():
        tasks, results = _put(_one)

        def client():
            tasks.join()
            there = results.qsize()
            tasks.put(None)
            assert there == 1, f"join() returned, and {there} of 1 results were there"

        together(lambda: work(tasks, results), client)

    return explore(scenario)


@check.probe(
    "one_sentinel_stops_all",
    kinds=["deadlock", "lost wakeup"],
    question="How many workers see the one None, and what can the one that does do for the others?",
)
def two_workers(work):
    """Two workers, one function and one None."""

    def scenario():
        tasks, results = _put(_one, None)
        together(*[lambda: work(tasks, results)] * 2)
        found = _outcomes(results)
        assert found == [1], f"a function that returns 1 gave {found}"

    return explore(scenario)
