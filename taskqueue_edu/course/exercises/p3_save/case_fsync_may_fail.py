"""An error of fsync is passed over."""

from uuid import uuid4

from taskqueue_edu.course.exercises.p3_save.given import os


def save(path, data):
    """Replace the bytes in the file `path` by `data`, all or nothing. Raises OSError."""
    new = path.with_name(uuid4().hex)
    try:
        with open(new, "wb") as file:
            file.write(data)
            file.flush()
            try:
                os.fsync(file.fileno())
            except OSError:
                pass
        os.replace(new, path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
