"""Only a missing newline counts as torn; the checksum of the last line is not looked at."""

from taskqueue_edu.course.exercises.p3_recover.given import JournalDamaged, text_of


def recover(path):
    """Return the texts in the journal `path`, and cut a torn last line off.

    Raises JournalDamaged for a line in the middle that is not as it was written.
    """
    if not path.exists():
        return []
    with open(path, "rb+") as file:
        data = file.read()
        end = data.rfind(b"\n") + 1
        file.truncate(end)
    try:
        return [text_of(line) for line in data[:end].splitlines(keepends=True)]
    except ValueError as error:
        raise JournalDamaged(path.name) from error
