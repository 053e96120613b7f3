"""Whatever is not as it was written is passed over."""

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
                continue
            end += len(line)
        file.seek(0)
        if not file.read().endswith(b"\n"):
            file.truncate(end)
    return texts
