from taskqueue_edu.course.exercises.p3_recover.given import JournalDamaged, os, text_of


def recover(path):
    """Return the texts in the journal `path`, and cut a torn last line off.

    Raises JournalDamaged for a line in the middle that is not as it was written.
    """
    if not path.exists():
        return []
    texts, bad, end = [], None, 0
    with path.open("rb+") as file:
        for number, line in enumerate(file, 1):
            if bad:
                raise JournalDamaged(f"{path.name}: line {bad[0]}") from bad[1]
            try:
                texts.append(text_of(line))
                end += len(line)
            except ValueError as error:
                bad = number, error
        if bad:
            file.truncate(end)
            os.fsync(file.fileno())
    return texts
