from taskqueue_edu.course.exercises.p3_boundary.given import IndexUnreadable, json


def load_index(path):
    """Return the index that is saved at `path`. Raises IndexUnreadable."""
    name = path.name
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise IndexUnreadable(f"no text in {name}") from error
    try:
        index = json.loads(text)
    except json.JSONDecodeError as error:
        translated = IndexUnreadable(f"no JSON in {name}")
        translated.__cause__ = error
        raise translated
    match index:
        case dict():
            return index
        case _:
            raise IndexUnreadable(f"no index in {name}")
