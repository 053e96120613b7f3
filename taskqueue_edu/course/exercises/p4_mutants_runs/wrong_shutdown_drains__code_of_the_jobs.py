"""Told to stop, it returns the code of what it did: nobody learns that it was stopped."""


def run(jobs, told):
    code = 0
    for done, job in enumerate(jobs):
        if told() is not None:
            return code, jobs[done:]
        try:
            job()
        except Exception:
            code = 1
    return code, []
