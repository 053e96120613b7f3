"""A journal must give back all that was acknowledged, and say so when it can't."""

import os
import tempfile
from pathlib import Path

from taskqueue_edu import JournalDamaged
from taskqueue_edu.course.exercises.p3_recover.given import sealed
from taskqueue_edu.lab.crash import crash_test, log_kept
from taskqueue_edu.lab.crash.kinds import RECOVERY
from taskqueue_edu.lab.probes import Check

check = Check("recover")

TEXTS = ["one", "two", "three"]


def _flipped(line):
    """Return a line with one wrong bit."""
    return line[:9] + bytes([line[9] ^ 1]) + line[10:]


def _crashed(recover, **options):
    """Append two lines, each synced before it is acknowledged; crash everywhere; recover."""

    def run(folder, acknowledge):
        with open(folder / "journal", "ab") as file:
            descriptor = os.open(folder, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)
            for text in ("milk", "eggs"):
                file.write(sealed(text))
                file.flush()
                os.fsync(file.fileno())
                acknowledge(text)

    return crash_test(run, lambda folder: recover(folder / "journal"), log_kept, **options)


def _recovered(recover, data):
    """Recover a file of these bytes. Return the texts or None, what was raised, and its bytes."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "journal")
        path.write_bytes(data)
        texts = error = None
        try:
            texts = list(recover(path))
        except JournalDamaged as damage:
            error = damage
        return texts, error, path.read_bytes() if path.exists() else None


@check.probe(question="What is there at the very first start?")
def no_journal_yet(recover):
    """There is no file."""
    with tempfile.TemporaryDirectory() as place:
        found = recover(Path(place, "journal"))
        assert found is not None, "Without a file it returned None, expected []."
        assert list(found) == [], f"Without a file it returned {found!r}, expected []."


def _all_is_well(recover, texts):
    data = b"".join(map(sealed, texts))
    found, error, after = _recovered(recover, data)
    assert error is None, f"Nothing is wrong with the file, and it raised {error!r}."
    assert found == texts, f"The file holds {texts}, and it returned {found}."
    assert after == data, "Nothing was wrong with the file, and it is not as it was."


@check.probe(question="How many lines has an empty file, and which of them is the last?")
def an_empty_journal(recover):
    """There is an empty file: it was made, and nothing was written yet."""
    _all_is_well(recover, [])


@check.probe(question="How does a line look that `text_of` takes, and how one that you give to it?")
def a_whole_journal(recover):
    """The file has three whole lines."""
    _all_is_well(recover, TEXTS)


@check.probe(question="Do two lines of the same text have to be one?")
def the_same_text_twice(recover):
    """The file has two whole lines of the same text: it was written twice."""
    found, error, _ = _recovered(recover, sealed("milk") * 2)
    assert error is None, f"Nothing is wrong with the file, and it raised {error!r}."
    assert found == ["milk"] * 2, f"The file holds {['milk'] * 2}, and it returned {found}."


@check.probe(
    "torn_line_ruins_file", question="Was the last line promised to anybody? And those before it?"
)
def what_is_before_a_torn_line(recover):
    """The machine stops while a line is written, and the lines before it are looked for."""
    # On this disk a line is torn at its end, and never looks whole.
    verdict = _crashed(recover, restart=False, faults=(), disk="ext4")
    if verdict.kind != "torn last line":
        return None
    assert verdict.failure is not None
    found = verdict.failure.recovered
    return verdict if found == "[]" or "JournalDamaged" in found else None


@check.probe(question="What is left of the file if recovery stops between two of its own steps?")
def recovery_is_stopped(recover):
    """The machine stops, and again while it recovers, after each step of that."""
    verdict = _crashed(recover)
    return verdict if verdict.kind == RECOVERY else None


@check.probe(question="Which bytes of a write may be missing after a power cut?")
def a_last_line_that_only_looks_whole(recover):
    """The last line ends with a newline, and bytes before that are zeros: they were not written."""
    *good, last = map(sealed, TEXTS)
    zeros = last[:9] + b"\0" * len(last[9:-1]) + b"\n"
    texts, error, _ = _recovered(recover, b"".join(good) + zeros)
    assert error is None, f"Two whole lines are before it, and it raised {error!r}."
    assert texts == TEXTS[:2], f"Two whole lines are before it, and it returned {texts}."


@check.probe(question="Where does the next line go that is appended?")
def the_journal_goes_on(recover):
    """The machine stops after each step, starts again, and appends more lines."""
    return _crashed(recover)


@check.probe(
    "swallowing_is_robust", question="Who gets to know that a line is missing, and by which error?"
)
def damage_is_not_passed_over(recover):
    """One bit of the second of three lines is wrong. It was acknowledged once."""
    first, second, third = map(sealed, TEXTS)
    texts, _, _ = _recovered(recover, first + _flipped(second) + third)
    assert texts != ["one", "three"], (
        "It returned ['one', 'three'], as if there had never been a second line."
    )


@check.probe(question="Is the length of a text the number of its bytes?")
def a_text_of_more_bytes_than_letters(recover):
    """The file has a line with the text "Müll", and the next one is torn."""
    good = sealed("Müll")
    torn = sealed("ö")[:-2]  # it ends within a letter
    texts, error, after = _recovered(recover, good + torn)
    assert error is None, f"The first line is whole, the last one torn, and it raised {error!r}."
    assert texts == ["Müll"], f"The first line is whole, and it returned {texts}."
    assert after == good, (
        f"The torn line is to be cut off, and nothing else: the file has {len(after or b'')} bytes "
        f"now, and the whole line has {len(good)}."
    )


@check.probe(question="How can you tell a torn line from one that is damaged?")
def damage_is_reported(recover):
    """Of three lines, one bit of the first or second is wrong, or the second is empty."""
    first, second, third = map(sealed, TEXTS)
    for bad, lines in (
        (0, [_flipped(first), second, third]),
        (1, [first, _flipped(second), third]),
        (1, [first, b"\n", third]),
    ):
        data = b"".join(lines)
        texts, error, after = _recovered(recover, data)
        assert error is not None, (
            f"Line {bad + 1} of three is damaged. It returned {texts}, and raised nothing."
        )
        assert after == data, (
            f"Line {bad + 1} of three is damaged. It raised {error!r}, and the file has changed: "
            "whoever wants to repair it by hand finds less than there was."
        )


@check.probe(
    question="What do you have to know before you change the file, and how do you find it out?"
)
def damage_and_a_torn_line(recover):
    """The first or second line is damaged, and the third is torn, or equal to the damaged one."""
    first, second, third = map(sealed, TEXTS)
    for bad, lines in (
        (0, [_flipped(first), second, third[:-4]]),
        (1, [first, _flipped(second), third[:-4]]),
        (0, [_flipped(first), second, _flipped(first)]),
    ):
        data = b"".join(lines)
        texts, error, after = _recovered(recover, data)
        assert error is not None, (
            f"Line {bad + 1} of three is damaged. It returned {texts}, and raised nothing."
        )
        assert after == data, f"It raised {error!r}, and the file has changed all the same."


@check.probe(question="How many bytes of the file have you seen before you change it?")
def a_long_journal(recover):
    """The file has two whole lines, the first of a million letters."""
    texts = ["x" * 1_000_000, "milk"]
    data = b"".join(map(sealed, texts))
    found, error, after = _recovered(recover, data)
    assert found == texts and after == data, (
        f"Nothing is wrong with the file of {len(data):,} bytes. It "
        + (f"raised {error!r}" if error else f"returned {len(found or ())} of two texts")
        + f", and the file has {len(after or b''):,} bytes now."
    )


@check.probe(question="Is a journal that can't be read an empty one?")
def it_cannot_be_read(recover):
    """There is a folder where the journal should be: reading it is an error."""
    with tempfile.TemporaryDirectory() as place:
        try:
            found = recover(Path(place))
        except Exception:
            return
    raise AssertionError(f"It can't be read, and it returned {found!r}: as if all were well.")


@check.probe(question="Which byte ends a line, and at which others do you split?")
def a_text_may_hold_a_return(recover):
    """The file has two whole lines, and the text of the first holds a carriage return."""
    texts = ["a\rb", "c"]
    data = b"".join(map(sealed, texts))
    found, error, after = _recovered(recover, data)
    assert error is None, f"The file holds {texts}, and it raised {error!r}."
    assert found == texts, f"The file holds {texts}, and it returned {found}."
    assert after == data, "Nothing was wrong with the file, and it is not as it was."
