def ends_well(job):
    try:
        job()
    except Exception:
        return False
    return True


def run(jobs, told):
    well, left = [], list(jobs)
    while left:
        number = told()
        if number is not None:
            return 128 + number, left
        well.append(ends_well(left.pop(0)))
    return 0 if all(well) else 1, left
