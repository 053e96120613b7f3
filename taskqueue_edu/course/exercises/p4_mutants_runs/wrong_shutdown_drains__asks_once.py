"""It asks once, at the start: told to stop later, it does all the rest."""


def run(jobs, told):
    number = told()
    if number is not None:
        return 128 + number, jobs
    code = 0
    for job in jobs:
        try:
            job()
        except Exception:
            code = 1
    return code, []
