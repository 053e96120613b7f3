"""An empty line is passed over, wherever it stands."""

from taskqueue_edu.course.exercises.p3_recover.given import JournalDamaged, os, text_of


def recover(path):
    """Return the texts in the journal `path`, and cut a torn last line off.

    Raises JournalDamaged for a line in the middle that is not as it was written.
    """
    if not path.exists():
        return []
    lines = path.open("rb").readlines()
    texts = []
    for number, line in enumerate(lines):
        if not line.strip():
            continue
        try:
            texts.append(text_of(line))
        except ValueError as error:
            if number < len(lines) - 1:
                raise JournalDamaged(f"line {number + 1}") from error
            os.truncate(path, sum(map(len, lines[:-1])))
    return texts
