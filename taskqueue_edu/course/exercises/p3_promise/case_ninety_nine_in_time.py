"""It counts to 99, however many tasks there are."""


def keeps_promise(tasks, limit):
    """Tell whether 99 of 100 got their result within `limit` seconds after they had asked for it.

    A task is (submitted, started, finished), in seconds. Without tasks, nobody had to wait.
    """
    return not tasks or sum(finished - submitted <= limit for submitted, _, finished in tasks) >= 99
