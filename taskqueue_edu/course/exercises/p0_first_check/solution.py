def with_task(line, task):
    """Return a new list: the tasks of `line`, and `task` at its end. `line` stays as it is."""
    return [*line, task]  # a list of its own; the tasks in it are the same objects
