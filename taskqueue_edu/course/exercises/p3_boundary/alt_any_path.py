"""A path or its text will do, and the file is read as text."""

from taskqueue_edu.course.exercises.p3_boundary.given import IndexUnreadable, Path, json


def load_index(path):
    """Return the index that is saved at `path`. Raises IndexUnreadable."""
    try:
        index = json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as error:  # what this one line raises for a bad file
        raise IndexUnreadable(f"{path.name} can't be read: {error}") from error
    if not isinstance(index, dict):
        raise IndexUnreadable(f"{path.name} holds a {type(index).__name__}, expected a dict")
    return index
