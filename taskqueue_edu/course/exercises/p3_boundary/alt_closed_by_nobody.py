from taskqueue_edu.course.exercises.p3_boundary.given import IndexUnreadable, json


def load_index(path):
    """Return the index that is saved at `path`. Raises IndexUnreadable."""
    try:
        index = json.load(open(path, "rb"))  # the last reference to the file goes at once
    except (OSError, ValueError) as error:  # what this one line raises for a bad file
        raise IndexUnreadable(f"{path.name} can't be read: {error}") from error
    if not isinstance(index, dict):
        raise IndexUnreadable(f"{path.name} holds a {type(index).__name__}, expected a dict")
    return index
