"""One late task of a thousand breaks the promise."""


def keeps_promise(tasks, limit):
    """Tell whether 99 of 100 got their result within `limit` seconds after they had asked for it.

    A task is (submitted, started, finished), in seconds. Without tasks, nobody had to wait.
    """
    return all(finished - submitted <= limit for submitted, _, finished in tasks)
