"""Told to stop, it drops the rest: nobody can do it later."""


def run(jobs, told):
    code = 0
    for job in jobs:
        number = told()
        if number is not None:
            return 128 + number, []
        try:
            job()
        except Exception:
            code = 1
    return code, []
