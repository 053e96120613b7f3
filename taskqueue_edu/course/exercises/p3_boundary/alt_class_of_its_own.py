from taskqueue_edu.course.exercises.p3_boundary.given import IndexUnreadable, json


class NoIndex(IndexUnreadable):
    def __init__(self, path, why):
        super().__init__(f"{path.name}: {why}")
        self.path = path


def load_index(path):
    """Return the index that is saved at `path`. Raises IndexUnreadable."""
    try:
        index = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise NoIndex(path, error) from error
    if not isinstance(index, dict):
        raise NoIndex(path, "it holds no dict")
    return index
