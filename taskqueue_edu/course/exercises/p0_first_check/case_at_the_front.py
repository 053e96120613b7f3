"""The new task comes first."""


def with_task(line, task):
    """Return a new list: the tasks of `line`, and `task` at its end. `line` stays as it is."""
    return [task, *line]
