from functools import partial


def make_jobs(paths, run):
    return [partial(run, path) for path in paths]
