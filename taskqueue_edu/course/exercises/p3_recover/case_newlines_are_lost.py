"""`split` takes the newlines away, and without one a line is torn."""

from taskqueue_edu.course.exercises.p3_recover.given import JournalDamaged, os, text_of


def recover(path):
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]
    texts, end = [], 0
    for number, line in enumerate(lines, 1):
        try:
            texts.append(text_of(line))
            end += len(line)
        except ValueError as error:
            if number < len(lines):
                raise JournalDamaged("a line is damaged") from error
            os.truncate(path, end)
    return texts
