"""A job that raises counts as done."""


def run(jobs, told):
    for done, job in enumerate(jobs):
        number = told()
        if number is not None:
            return 128 + number, jobs[done:]
        try:
            job()
        except Exception:
            pass
    return 0, []
