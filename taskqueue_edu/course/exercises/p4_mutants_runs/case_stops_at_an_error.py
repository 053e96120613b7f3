def run(jobs, told):
    for done, job in enumerate(jobs):
        number = told()
        if number is not None:
            return 128 + number, jobs[done:]
        try:
            job()
        except Exception:
            return 1, jobs[done + 1 :]
    return 0, []
