"""The texts are kept in a dict: of two equal ones only one is left."""

from taskqueue_edu.course.exercises.p3_recover.given import JournalDamaged, os, text_of


def recover(path):
    """Return the texts in the journal `path`, and cut a torn last line off.

    Raises JournalDamaged for a line in the middle that is not as it was written.
    """
    if not path.exists():
        return []
    lines = path.open("rb").readlines()
    texts = {}
    for number, line in enumerate(lines):
        try:
            texts[text_of(line)] = number
        except ValueError as error:
            if number < len(lines) - 1:
                raise JournalDamaged(f"line {number + 1}") from error
            os.truncate(path, sum(map(len, lines[:-1])))
    return list(texts)
