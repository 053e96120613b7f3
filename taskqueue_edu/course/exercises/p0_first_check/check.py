"""A list with one more task, and the old list as it was."""

from taskqueue_edu.lab.probes import Check

check = Check("with_task")


@check.probe(question="Which list does it return, and what stands where in it?")
def there_is_a_list(with_task):
    """A line of one task, and a second task."""
    made = with_task(["index"], "fetch")
    assert made == ["index", "fetch"], f"It returned {made!r}, expected ['index', 'fetch']."


@check.probe("assignment_copies", question="How many lists are there, and how many names?")
def the_line_stays(with_task):
    """The list that was given is looked at afterwards."""
    line = ["index"]
    made = with_task(line, "fetch")
    assert line == ["index"], f"The caller's list was ['index'], and is {line!r} now."
    made.append("more")
    assert line == ["index"], "The list that was returned is the caller's list."
