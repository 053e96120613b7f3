"""`new = line` gives the list a second name: it is the caller's list that grows."""


def with_task(line, task):
    """Return a new list: the tasks of `line`, and `task` at its end. `line` stays as it is."""
    new = line
    new.append(task)
    return new
