"""Each path gets two jobs."""


def make_jobs(paths, run):
    jobs = []
    for path in paths:
        jobs.append(lambda path=path: run(path))
        jobs.append(lambda: run(path))
    return jobs
