"""Make the folder of a new exercise, which works from the start, and find what is left to write."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Final

from taskqueue_edu.course.sources import CourseError

TEMPLATE: Final = Path(__file__).parent / "template"
"""A small exercise that is complete, with notes to the author of a new one."""

NOTE: Final = "AUTHOR:"
"""What a note to the author begins with."""

_NAME: Final = re.compile(r"p[1-4]_[a-z][a-z0-9_]*")


def scaffold(name: str, folder: Path) -> Path:
    """Make the folder of an exercise in `folder`, and return it.

    It holds a copy of the template, for the author to change file by file. Raises CourseError if
    `name` is no name for an exercise, or is taken.
    """
    if not _NAME.fullmatch(name):
        raise CourseError(
            f"{name!r} is no name for an exercise",
            hint="a name is p1 to p4 for the phase, then words in small letters: p2_lost_task.",
        )
    new = folder / name
    if new.exists():
        raise CourseError(f"there is a {new} already", hint="choose another name.")
    shutil.copytree(TEMPLATE, new, ignore=shutil.ignore_patterns("__pycache__"))
    return new


def left_to_write(folder: Path) -> list[str]:
    """Return the notes to its author that are left in the folder of an exercise.

    Each is the file, the line and the note. None is left once all is written.
    """
    return [
        f"{path.name}, line {number}: {line.partition(NOTE)[2].strip()}"
        for path in sorted([*folder.glob("*.py"), *folder.glob("*.md")])
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if NOTE in line
    ]
