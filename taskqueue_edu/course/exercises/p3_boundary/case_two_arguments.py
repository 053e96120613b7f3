"""The error of its own is made with two arguments, and takes one."""

from taskqueue_edu.course.exercises.p3_boundary.given import IndexUnreadable, json


def load_index(path):
    """Return the index that is saved at `path`. Raises IndexUnreadable."""
    try:
        index = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise IndexUnreadable(f"{path.name} can't be read", error) from error
    if not isinstance(index, dict):
        raise IndexUnreadable(f"{path.name} holds no dict")
    return index
