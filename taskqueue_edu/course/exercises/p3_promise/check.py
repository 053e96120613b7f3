"""A promise to those who wait must count what they see: waiting and running, of each of them."""

from taskqueue_edu.lab.probes import Case, Check

check = Check("keeps_promise")


def _tasks(*groups):
    """Return tasks: for each (count, waiting, running), so many that wait and run for so long."""
    return [(10.0, 10.0 + w, 10.0 + w + r) for count, w, r in groups for _ in range(count)]


@check.probe(question="Which of the three times does somebody who waits for the result see?")
def fast_or_slow(keeps_promise):
    """All tasks take 1 s or all take 9 s, and the limit is 5 s."""
    for seconds, expected in ((1, True), (9, False)):
        found = keeps_promise(_tasks((1000, 0, seconds)), 5)
        assert found is not None, "It returned None, expected True or False."
        assert bool(found) == expected, f"All take {seconds} s, the limit is 5 s: it says {found}."


@check.probe("mean_tells_all", question="How many of the thousand waited longer than the limit?")
def a_few_wait_long(keeps_promise):
    """Of a thousand tasks, 50 take 60 s and the others 1 s, and the limit is 5 s."""
    tasks = _tasks((950, 0, 1), (50, 0, 60))
    if not keeps_promise(tasks, 1.5):  # else it's not the mean: that is 3.95 s
        found = keeps_promise(tasks, 5)
        assert not found, (
            f"50 of 1,000 people wait for a minute, and it says {found}. The mean is 3.95 s."
        )


@check.probe()
def how_many_may_be_late(keeps_promise):
    """Of 1,000, of 150 and of fewer tasks some are late: the limit is 5 s, and they take 60 s."""
    late_of = [(late, 1000) for late in (5, 10, 11, 20)]
    for late, count in (*late_of, (1, 2), (1, 50), (1, 60), (1, 150), (2, 150)):
        found = keeps_promise(_tasks((count - late, 0, 1), (late, 0, 60)), 5)
        if bool(found) != (late * 100 <= count):
            raise Case(
                f"{late} of {count:,} tasks are late, and it says {found}.",
                f"How many of {count:,} tasks may be late, if 99 of 100 must be in time?",
            )


@check.probe(question="What does somebody see who waits for a minute for a task that runs 1 s?")
def the_waiting_counts(keeps_promise):
    """Each task runs for 1 s, and before that 50 of a thousand wait for 60 s."""
    found = keeps_promise(_tasks((950, 0, 1), (50, 60, 1)), 5)
    assert not found, f"50 of 1,000 people wait for a minute, and it says {found}."


@check.probe(
    question="Did anybody wait as long as the number that you compare, or is it between two who did?"
)
def very_late(keeps_promise):
    """Of a thousand tasks, 10 take an hour and the others 1 s, and the limit is 5 s."""
    found = keeps_promise(_tasks((990, 0, 1), (10, 0, 3600)), 5)
    assert found, f"990 of 1,000 tasks were in time, and it says {found}."


@check.probe(question="Is a task late that takes as long as it may?")
def just_in_time(keeps_promise):
    """All tasks take 5 s, and the limit is 5 s."""
    found = keeps_promise(_tasks((1000, 0, 5)), 5)
    assert found, f"All tasks got their result within 5 s, and it says {found}."


@check.probe(question="How many are late if there are none?")
def no_tasks(keeps_promise):
    """There are no tasks, or only one, in time or late."""
    for tasks in ([], _tasks((1, 0, 1))):
        found = keeps_promise(tasks, 5)
        assert found, f"{len(tasks)} tasks, none of them late, and it says {found}."
    found = keeps_promise(_tasks((1, 0, 60)), 5)
    if found:
        raise Case(
            f"There is one task, it is late, and it says {found}.",
            "Of one task, how many may be late, if 99 of 100 must be in time?",
        )
