"""Only the running is looked at, not the waiting before it."""


def keeps_promise(tasks, limit):
    """Tell whether 99 of 100 got their result within `limit` seconds after they had asked for it.

    A task is (submitted, started, finished), in seconds. Without tasks, nobody had to wait.
    """
    in_time = sum(finished - started <= limit for _, started, finished in tasks)
    return in_time >= 0.99 * len(tasks)
