"""The old file gets another name to make room."""

from taskqueue_edu.course.exercises.p3_save.given import os


def sync_folder(folder):
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def save(path, data):
    new = path.with_name(path.name + ".new")
    backup = path.with_name(path.name + ".bak")
    try:
        with open(new, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            os.rename(path, backup)
        os.rename(new, path)
        backup.unlink(missing_ok=True)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
