"""Written whole and renamed, and nothing is synced."""

from taskqueue_edu.course.exercises.p3_save.given import os


def save(path, data):
    new = path.with_name(path.name + ".new")
    try:
        new.write_bytes(data)
        os.replace(new, path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
