"""It takes the last line out of the list first, and an empty file has none."""

from taskqueue_edu.course.exercises.p3_recover.given import JournalDamaged, os, text_of


def recover(path):
    if not path.exists():
        return []
    lines = path.read_bytes().splitlines(keepends=True)
    texts = []
    for line in lines[:-1]:
        try:
            texts.append(text_of(line))
        except ValueError as error:
            raise JournalDamaged("a line is damaged") from error
    try:
        texts.append(text_of(lines[-1]))
    except ValueError:
        os.truncate(path, path.stat().st_size - len(lines[-1]))
    return texts
