"""A counter in a global: a program that is started again begins at 1."""

from taskqueue_edu.course.exercises.p3_save.given import os

SEQ = 0


def save(path, data):
    """Replace the bytes in the file `path` by `data`, all or nothing. Raises OSError."""
    global SEQ
    SEQ += 1
    new = path.with_name(f"{path.name}.{SEQ}")
    try:
        with open(new, "xb") as file:
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
