"""For os.replace, only an OSError is thought of."""

from taskqueue_edu.course.exercises.p3_save.given import os


def sync_folder(folder):
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def save(path, data):
    new = path.with_name("." + path.name)
    file = open(new, "wb")
    try:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    finally:
        file.close()
    try:
        os.replace(new, path)
    except OSError:
        new.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
