"""The place in the list is rounded: of 60 tasks it is the one before the last."""


def keeps_promise(tasks, limit):
    """Tell whether 99 of 100 got their result within `limit` seconds after they had asked for it.

    A task is (submitted, started, finished), in seconds. Without tasks, nobody had to wait.
    """
    times = sorted(finished - submitted for submitted, _, finished in tasks)
    return not times or times[max(0, round(0.99 * len(times)) - 1)] <= limit
