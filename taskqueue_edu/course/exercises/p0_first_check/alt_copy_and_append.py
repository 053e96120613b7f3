def with_task(line, task):
    """Return a new list: the tasks of `line`, and `task` at its end. `line` stays as it is."""
    new = line.copy()
    new.append(task)
    return new
