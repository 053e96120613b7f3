# lines
def make_jobs(paths, run):
    jobs = []
    for path in paths:
        jobs.append(lambda path=path: run(path))
    return jobs
