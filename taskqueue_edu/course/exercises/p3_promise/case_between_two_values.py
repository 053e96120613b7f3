"""It compares a number between two measured ones: with a long tail that is far from both."""

from taskqueue_edu.course.exercises.p3_promise.given import quantiles


def keeps_promise(tasks, limit):
    """Tell whether 99 of 100 got their result within `limit` seconds after they had asked for it.

    A task is (submitted, started, finished), in seconds. Without tasks, nobody had to wait.
    """
    if len(tasks) < 2:
        return all(task[2] - task[0] <= limit for task in tasks)
    times = [finished - submitted for submitted, _, finished in tasks]
    return quantiles(times, n=100, method="inclusive")[98] <= limit
