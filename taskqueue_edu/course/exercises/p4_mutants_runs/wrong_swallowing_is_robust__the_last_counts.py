"""Only the last job decides on the code."""


def run(jobs, told):
    code = 0
    for done, job in enumerate(jobs):
        number = told()
        if number is not None:
            return 128 + number, jobs[done:]
        try:
            job()
            code = 0
        except Exception:
            code = 1
    return code, []
