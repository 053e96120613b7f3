"""Bytes that are no text become other letters."""

from taskqueue_edu.course.exercises.p3_boundary.given import IndexUnreadable, json


def load_index(path):
    """Return the index that is saved at `path`. Raises IndexUnreadable."""
    try:
        index = json.loads(path.read_text(errors="replace"))
    except (OSError, ValueError) as error:
        raise IndexUnreadable(f"{path.name}: {error}") from error
    if not isinstance(index, dict):
        raise IndexUnreadable(f"{path.name} holds no dict")
    return index
