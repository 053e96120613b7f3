"""A last line that ends with a newline is taken for damaged, not for torn."""

from taskqueue_edu.course.exercises.p3_recover.given import JournalDamaged, text_of


def recover(path):
    """Return the texts in the journal `path`, and cut a torn last line off.

    Raises JournalDamaged for a line in the middle that is not as it was written.
    """
    if not path.exists():
        return []
    texts, end = [], 0
    with open(path, "rb+") as file:
        for line in file.readlines():
            try:
                texts.append(text_of(line))
            except ValueError as error:
                if line.endswith(b"\n"):
                    raise JournalDamaged("a line is damaged") from error
                file.truncate(end)
            end += len(line)
    return texts
