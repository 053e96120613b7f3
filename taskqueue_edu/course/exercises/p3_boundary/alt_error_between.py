"""An error of its own stands between, and has its cause."""

from taskqueue_edu.course.exercises.p3_boundary.given import IndexUnreadable, json


class IoFailure(Exception):
    pass


def _read(path):
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise IoFailure(str(error)) from error


def load_index(path):
    """Return the index that is saved at `path`. Raises IndexUnreadable."""
    try:
        index = json.loads(_read(path))
    except (IoFailure, json.JSONDecodeError) as error:
        raise IndexUnreadable(f"{path}: {error}") from error
    if not isinstance(index, dict):
        raise IndexUnreadable(f"{path}: no dict")
    return index
