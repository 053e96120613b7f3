"""The place in the list is right for whole hundreds: of 150 tasks it is the 148th."""


def keeps_promise(tasks, limit):
    """Tell whether 99 of 100 got their result within `limit` seconds after they had asked for it.

    A task is (submitted, started, finished), in seconds. Without tasks, nobody had to wait.
    """
    times = sorted(finished - submitted for submitted, _, finished in tasks)
    if len(times) < 100:
        return all(seconds <= limit for seconds in times)
    return times[len(times) * 99 // 100 - 1] <= limit
