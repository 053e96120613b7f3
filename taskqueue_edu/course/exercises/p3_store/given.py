import os
import threading
from pathlib import Path

from taskqueue_edu import JournalDamaged
from taskqueue_edu.journal.lines import encode, header
from taskqueue_edu.journal.scan import scan

__all__ = ["JournalDamaged", "Path", "facts_of", "line_of", "os", "threading"]


def line_of(number, fact):
    """Return a fact as a line of bytes. The first fact in a file has number 1, the next 2, ..."""
    return encode(number, fact)


def facts_of(data):
    """Return the facts in such lines, and how many bytes they take: a torn last line is left out.

    Raises JournalDamaged if any other line is bad or missing.
    """
    start = header(0)
    found = scan(start + data, Path("store"))
    if found.damage or found.gaps or found.duplicates:
        raise JournalDamaged("the lines are not numbered 1, 2, 3, ...")
    return found.facts, found.end - len(start)
