"""The same, by hand."""


def keeps_promise(tasks, limit):
    """Tell whether 99 of 100 got their result within `limit` seconds after they had asked for it.

    A task is (submitted, started, finished), in seconds. Without tasks, nobody had to wait.
    """
    if not tasks:
        return True
    return sum(task[2] - task[0] for task in tasks) / len(tasks) <= limit
