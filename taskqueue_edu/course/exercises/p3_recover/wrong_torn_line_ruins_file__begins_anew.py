"""A file with a torn line is thrown away."""

from taskqueue_edu.course.exercises.p3_recover.given import JournalDamaged, text_of


def recover(path):
    """Return the texts in the journal `path`, and cut a torn last line off.

    Raises JournalDamaged for a line in the middle that is not as it was written.
    """
    if not path.exists():
        return []
    lines = path.read_bytes().splitlines(keepends=True)
    try:
        return [text_of(line) for line in lines]
    except ValueError:
        path.unlink()
        return []
