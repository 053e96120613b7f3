"""Damage in the middle is taken for a torn end: all after it is cut off."""

from taskqueue_edu.course.exercises.p3_recover.given import text_of


def recover(path):
    """Return the texts in the journal `path`, and cut a torn last line off.

    Raises JournalDamaged for a line in the middle that is not as it was written.
    """
    if not path.exists():
        return []
    texts, end = [], 0
    with open(path, "rb+") as file:
        for line in file:
            try:
                texts.append(text_of(line))
            except ValueError:
                break
            end += len(line)
        file.truncate(end)
    return texts
