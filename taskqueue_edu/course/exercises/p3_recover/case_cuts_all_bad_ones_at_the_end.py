"""Every bad line at the end counts as torn, and only one can be."""

from taskqueue_edu.course.exercises.p3_recover.given import JournalDamaged, os, text_of


def recover(path):
    """Return the texts in the journal `path`, and cut a torn last line off.

    Raises JournalDamaged for a line in the middle that is not as it was written.
    """
    if not path.exists():
        return []
    lines = path.open("rb").readlines()
    good = list(lines)
    while good and not whole(good[-1]):
        good.pop()
    for line in good:
        if not whole(line):
            raise JournalDamaged(f"{line!r}")
    if len(good) < len(lines):
        os.truncate(path, sum(map(len, good)))
    return [text_of(line) for line in good]


def whole(line):
    try:
        text_of(line)
    except ValueError:
        return False
    return True
