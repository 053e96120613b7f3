"""KeyboardInterrupt in a job ends it as a signal would, and does not leave it."""


def run(jobs, told):
    code = 0
    for done, job in enumerate(jobs):
        number = told()
        if number is not None:
            return 128 + number, jobs[done:]
        try:
            job()
        except KeyboardInterrupt:
            return 130, jobs[done + 1 :]
        except Exception:
            code = 1
    return code, []
