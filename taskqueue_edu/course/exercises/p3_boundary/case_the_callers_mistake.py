"""A mistake of the caller is called an unreadable file."""

from taskqueue_edu.course.exercises.p3_boundary.given import IndexUnreadable, json


def load_index(path):
    """Return the index that is saved at `path`. Raises IndexUnreadable."""
    try:
        index = json.loads(path.read_bytes())
    except Exception as error:
        name = getattr(path, "name", path)
        raise IndexUnreadable(f"{name} can't be read: {error}") from error
    if not isinstance(index, dict):
        raise IndexUnreadable(f"{path.name} holds a {type(index).__name__}")
    return index
