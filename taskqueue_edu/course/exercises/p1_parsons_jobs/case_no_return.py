"""The list is made, and not returned."""


def make_jobs(paths, run):
    jobs = []
    for path in paths:
        jobs.append(lambda path=path: run(path))
