"""A torn line counts as damage."""

from taskqueue_edu.course.exercises.p3_recover.given import JournalDamaged, text_of


def recover(path):
    """Return the texts in the journal `path`, and cut a torn last line off.

    Raises JournalDamaged for a line in the middle that is not as it was written.
    """
    if not path.exists():
        return []
    try:
        return [text_of(line) for line in path.read_bytes().splitlines(keepends=True)]
    except ValueError as error:
        raise JournalDamaged(f"{path.name} is damaged") from error
