"""What is added to the name is longer than the disk allows, if the name is long."""

from uuid import uuid4

from taskqueue_edu.course.exercises.p3_save.given import os


def save(path, data):
    """Replace the bytes in the file `path` by `data`, all or nothing. Raises OSError."""
    new = path.with_name(f"{path.name}.{uuid4().hex}{uuid4().hex}")
    try:
        with open(new, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
