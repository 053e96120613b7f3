"""The file is read as text, and the offset counts letters."""

from taskqueue_edu.course.exercises.p3_recover.given import JournalDamaged, os, text_of


def recover(path):
    """Return the texts in the journal `path`, and cut a torn last line off."""
    if not path.exists():
        return []
    texts, end = [], 0
    with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        lines = file.readlines()
    for number, line in enumerate(lines, 1):
        try:
            texts.append(text_of(line.encode("utf-8", "surrogateescape")))
        except ValueError as error:
            if number < len(lines):
                raise JournalDamaged(f"line {number}") from error
            os.truncate(path, end)
        end += len(line)
    return texts
