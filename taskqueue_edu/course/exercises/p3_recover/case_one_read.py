"""One read is taken for the whole file, and what it did not get is cut off."""

from taskqueue_edu.course.exercises.p3_recover.given import JournalDamaged, os, text_of


def recover(path):
    """Return the texts in the journal `path`, and cut a torn last line off.

    Raises JournalDamaged for a line in the middle that is not as it was written.
    """
    try:
        fd = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return []
    try:
        raw = os.read(fd, 65536)
        lines = [line + b"\n" for line in raw.split(b"\n")]
        last = lines.pop().removesuffix(b"\n")
        if last:
            lines.append(last)
        texts, end = [], 0
        for number, line in enumerate(lines, 1):
            try:
                texts.append(text_of(line))
            except ValueError as error:
                if number < len(lines):
                    raise JournalDamaged(f"line {number} is damaged") from error
                os.ftruncate(fd, end)
            end += len(line)
        return texts
    finally:
        os.close(fd)
