def make_jobs(paths, run):
    def job_for(path):
        return lambda: run(path)

    return [job_for(path) for path in paths]
