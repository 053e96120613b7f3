"""Without tasks it divides by zero."""


def keeps_promise(tasks, limit):
    """Tell whether 99 of 100 got their result within `limit` seconds after they had asked for it.

    A task is (submitted, started, finished), in seconds. Without tasks, nobody had to wait.
    """
    in_time = sum(finished - submitted <= limit for submitted, _, finished in tasks)
    return in_time / len(tasks) >= 0.99
