"""Ctrl-C leaves the new file behind."""

from taskqueue_edu.course.exercises.p3_save.given import os


def sync_folder(folder):
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def save(path, data):
    new = path.with_name(path.name + ".new")
    try:
        with open(new, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except Exception:
        new.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
