"""The mean is compared with the limit."""

from taskqueue_edu.course.exercises.p3_promise.given import mean


def keeps_promise(tasks, limit):
    """Tell whether 99 of 100 got their result within `limit` seconds after they had asked for it.

    A task is (submitted, started, finished), in seconds. Without tasks, nobody had to wait.
    """
    return not tasks or mean(finished - submitted for submitted, _, finished in tasks) <= limit
