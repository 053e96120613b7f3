from taskqueue_edu.course.exercises.p3_boundary.given import IndexUnreadable, json


def load_index(path):
    """Return the index that is saved at `path`. Raises IndexUnreadable."""
    try:
        with open(path, "rb") as file:
            index = json.load(file)
    except OSError as error:
        raise IndexUnreadable(f"can't open {path}: {error.strerror}") from error
    except ValueError as error:
        raise IndexUnreadable(f"{path} is no JSON") from error
    if type(index) is dict:
        return index
    raise IndexUnreadable(f"{path}: {index!r} is no index")
