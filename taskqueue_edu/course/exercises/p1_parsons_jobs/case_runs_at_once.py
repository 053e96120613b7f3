def make_jobs(paths, run):
    jobs = []
    for path in paths:
        jobs.append(run(path))
    return jobs
