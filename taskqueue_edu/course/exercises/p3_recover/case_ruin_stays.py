"""The torn line is passed over, and the next one is added to it."""

from taskqueue_edu.course.exercises.p3_recover.given import JournalDamaged, text_of


def recover(path):
    """Return the texts in the journal `path`, and cut a torn last line off.

    Raises JournalDamaged for a line in the middle that is not as it was written.
    """
    if not path.exists():
        return []
    lines = path.read_bytes().splitlines(keepends=True)
    texts = []
    for number, line in enumerate(lines, 1):
        try:
            texts.append(text_of(line))
        except ValueError as error:
            if number < len(lines):
                raise JournalDamaged(f"line {number}") from error
    return texts
