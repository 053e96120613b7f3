"""A carriage return inside a text is taken for the end of a line."""

from taskqueue_edu.course.exercises.p3_recover.given import JournalDamaged, text_of


def recover(path):
    """Return the texts in the journal `path`, and cut a torn last line off.

    Raises JournalDamaged for a line in the middle that is not as it was written.
    """
    if not path.exists():
        return []  # the very first start
    texts, end = [], 0
    with open(path, "rb+") as file:
        lines = file.read().splitlines(keepends=True)
        for number, line in enumerate(lines, 1):
            try:
                texts.append(text_of(line))
            except ValueError as error:
                if number < len(lines):  # it was synced before the next one was written
                    raise JournalDamaged(f"line {number} of {path.name} is damaged") from error
                file.truncate(end)  # else the next line would be added to the ruin
            end += len(line)
    return texts
