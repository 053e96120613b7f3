"""Told to stop, it does all the rest first."""


def run(jobs, told):
    code = 0
    for job in jobs:
        number = told()
        if number is not None:
            code = 128 + number
        try:
            job()
        except Exception:
            code = code or 1
    return code, []
