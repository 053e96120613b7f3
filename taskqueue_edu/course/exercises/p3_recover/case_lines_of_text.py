"""Lines of text instead of bytes are given to `text_of`."""

from taskqueue_edu.course.exercises.p3_recover.given import JournalDamaged, os, sealed, text_of


def recover(path):
    if not path.exists():
        return []
    texts, end = [], 0
    lines = path.read_text().splitlines()
    for number, line in enumerate(lines, 1):
        try:
            texts.append(text_of(line))
        except ValueError as error:
            if number < len(lines):
                raise JournalDamaged(f"line {number}") from error
            os.truncate(path, end)
        else:
            end += len(sealed(texts[-1]))
    return texts
