"""Jobs that are made in a loop, and called when the loop is over."""

from taskqueue_edu.lab.probes import Case, Check

check = Check("make_jobs")


@check.probe(question="Which line calls `run`, and when is that line reached?")
def one_job_runs_later(make_jobs):
    """A job is made for one path, and then called."""
    ran = []
    jobs = make_jobs(["a.py"], ran.append)
    assert not ran, f"Nobody has called a job yet, and run() was called with {ran}."
    if jobs is None:
        raise Case("make_jobs() returned None, expected a list.", "Which line gives the list back?")
    assert isinstance(jobs, list), f"make_jobs() returned {jobs!r}, expected a list."
    if len(jobs) != 1:
        raise Case(
            f"One path gave {len(jobs)} jobs.",
            "Which lines add a job, and how often is each reached for one path?",
        )
    jobs[0]()
    assert ran == ["a.py"], f"Its job called run() with {ran}, expected ['a.py']."


@check.probe("mutable_default", question="When is the list behind `jobs` made, and how often?")
def two_calls_two_lists(make_jobs):
    """make_jobs() is called twice."""
    first, second = make_jobs(["a.py"], print), make_jobs(["b.py"], print)
    assert first is not second, (
        f"Both calls returned the same list, which has {len(second)} jobs by now."
    )


def _three(make_jobs):
    ran = []
    for job in make_jobs(["a.py", "b.py", "c.py"], ran.append):
        job()
    return ran


@check.probe(
    "lambda_captures_value",
    question="When does a job look up `path`, and what does the loop variable hold by then?",
)
def the_loop_is_over(make_jobs):
    """Jobs are made for a.py, b.py and c.py; after the loop all are called."""
    ran = _three(make_jobs)
    assert ran != ["c.py"] * 3, f"They called run() with {', '.join(ran)}."


@check.probe(question="How often is each line of the loop reached?")
def each_path_once(make_jobs):
    """Jobs are made for a.py, b.py and c.py, and called in order."""
    ran = _three(make_jobs)
    expected = ["a.py", "b.py", "c.py"]
    assert ran == expected, f"They called run() with {ran}, expected {expected}."
