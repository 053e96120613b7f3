def make_jobs(paths, run, jobs=[]):
    for path in paths:
        jobs.append(lambda: run(path))
    return jobs
