"""What a test of runs has to tell apart: the implementations here, right and broken."""

from contextlib import suppress

from taskqueue_edu.lab.probes import Check

check = Check("run")


def _run(run, count, stop_before=None, bad=()):
    """Run jobs; before job `stop_before` comes signal 15. Return (code, how many left, ran)."""
    ran = []

    def job(number):
        def work():
            ran.append(number)
            if number in bad:
                raise OSError(f"job {number}")

        return work

    jobs = [job(number) for number in range(count)]
    code, left = run(jobs, lambda: 15 if len(ran) == stop_before else None)
    return code, left == jobs[len(jobs) - len(left) :] and len(left), ran


@check.probe(question="Which jobs are to be done if nobody says stop?")
def all_go_well(run):
    """Three jobs, and no signal."""
    found = _run(run, 3)
    assert found == (0, 0, [0, 1, 2]), f"Code, left and done are {found}."


@check.probe("shutdown_drains", question="Who does what is left, and how does anybody know?")
def told_to_stop(run):
    """A signal comes before the third of four jobs."""
    code, left, ran = _run(run, 4, stop_before=2)
    assert (code, left) == (143, 2), f"It did {ran}, left {left}, and returned {code}."


@check.probe(question="What has the failure of one job to do with the next?")
def one_fails_the_others_run(run):
    """The first of three jobs fails."""
    *_, ran = _run(run, 3, bad=[0])
    assert ran == [0, 1, 2], f"It did the jobs {ran}."


@check.probe("swallowing_is_robust", question="Who hears of the error?")
def a_failure_shows_in_the_code(run):
    """The first of three jobs fails, then the last."""
    for bad in (0, 2):
        code, *_ = _run(run, 3, bad=[bad])
        assert code == 1, f"Job {bad} failed, and it returned {code}."


@check.probe("swallowing_is_robust", question="Who presses Ctrl-C, and what for?")
def an_interrupt_gets_out(run):
    """The first of two jobs raises KeyboardInterrupt."""
    ran = []

    def interrupted():
        raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        code, _ = run([interrupted, lambda: ran.append(1)], lambda: None)
        raise AssertionError(
            f"KeyboardInterrupt did not get out. It did {len(ran)} job(s) more, and returned {code}."
        )
