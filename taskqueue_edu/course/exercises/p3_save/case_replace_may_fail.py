"""What is after the file is whole is not under the try: a rename may fail, too."""

from taskqueue_edu.course.exercises.p3_save.given import os


def save(path, data):
    """Replace the bytes in the file `path` by `data`, all or nothing. Raises OSError."""
    new = path.with_name(path.name + ".new")
    try:
        with open(new, "wb") as file:
            file.write(data)
            file.flush()  # fsync can only wait for what the kernel has
            os.fsync(file.fileno())
    except BaseException:  # Ctrl-C too
        new.unlink(missing_ok=True)
        raise
    os.replace(new, path)
    descriptor = os.open(path.parent, os.O_RDONLY)  # the name is kept in the folder
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
