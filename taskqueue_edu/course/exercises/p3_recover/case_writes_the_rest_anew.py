"""The file is written anew, in place, without the torn line."""

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
        try:
            texts.append(text_of(line))
        except ValueError as error:
            if number < len(lines) - 1:
                raise JournalDamaged(f"line {number + 1}") from error
            path.write_bytes(b"".join(lines[:-1]))
    return texts
