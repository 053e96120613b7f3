"""A text's length is taken for the number of its bytes."""

from taskqueue_edu.course.exercises.p3_recover.given import JournalDamaged, os, text_of


def recover(path):
    """Return the texts in the journal `path`, and cut a torn last line off."""
    if not path.exists():
        return []
    texts, end = [], 0
    lines = path.read_bytes().split(b"\n")
    if lines[-1] == b"":
        lines.pop()
        whole = True
    else:
        whole = False
    for number, line in enumerate(lines, 1):
        last = number == len(lines)
        try:
            text = text_of(line + b"\n" if whole or not last else line)
        except ValueError as error:
            if not last:
                raise JournalDamaged(f"line {number}") from error
            os.truncate(path, end)
        else:
            texts.append(text)
            end += 10 + len(text)
    return texts
