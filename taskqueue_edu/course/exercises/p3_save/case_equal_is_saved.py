"""If the bytes are there already, it takes them for safe."""

from taskqueue_edu.course.exercises.p3_save.given import os


def save(path, data):
    """Replace the bytes in the file `path` by `data`, all or nothing. Raises OSError."""
    new = path.with_name(path.name + ".new")
    if path.exists() and path.read_bytes() == data:
        return
    try:
        with open(new, "wb") as file:
            file.write(data)
            file.flush()  # fsync can only wait for what the kernel has
            os.fsync(file.fileno())
        os.replace(new, path)
    except BaseException:  # Ctrl-C too
        new.unlink(missing_ok=True)
        raise
    descriptor = os.open(path.parent, os.O_RDONLY)  # the name is kept in the folder
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
