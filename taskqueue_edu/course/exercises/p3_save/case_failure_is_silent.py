"""A failed fsync is told to nobody."""

from taskqueue_edu.course.exercises.p3_save.given import os


def sync_folder(folder):
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def save(path, data):
    new = path.with_name(path.name + ".new")
    with open(new, "wb") as file:
        file.write(data)
        file.flush()
        try:
            os.fsync(file.fileno())
        except OSError:
            new.unlink()
            return
    os.replace(new, path)
    sync_folder(path.parent)
