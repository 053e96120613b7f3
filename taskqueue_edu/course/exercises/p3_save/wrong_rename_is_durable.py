"""The new name is left to the kernel."""

from taskqueue_edu.course.exercises.p3_save.given import os


def save(path, data):
    new = path.with_name(path.name + ".new")
    try:
        with open(new, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
