"""What a learner has done so far, in a small file of their own. Nothing leaves the machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec

from taskqueue_edu import files
from taskqueue_edu.errors import StorageError

PLACE: Final = "TASKQUEUE_EDU_PROGRESS"
"""The environment variable that names the file."""


class Attempts(msgspec.Struct, omit_defaults=True):
    """What was done on one exercise."""

    tries: int = 0
    """Answers that were not right; one that is not there yet does not count."""
    passed: bool = False
    hints: int = 0
    revealed: bool = False
    misconceptions: list[str] = []
    """Those that an answer has shown, in order."""
    sure: int = 0
    """How sure the learner was before the last check, from 1 to 5; 0 if they did not say."""


class Progress(msgspec.Struct, omit_defaults=True):
    """All that is kept."""

    exercises: dict[str, Attempts] = {}
    quiz: dict[str, dict[str, str]] = {}
    """The letters chosen in the concept quiz, by question: "before" and "after"."""

    def of(self, exercise: str) -> Attempts:
        """Return what was done on an exercise."""
        return self.exercises.setdefault(exercise, Attempts())


def place() -> Path:
    """Return the path of the file."""
    if named := os.environ.get(PLACE):
        return Path(named)
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local/share") / "taskqueue_edu/progress.json"


def load() -> Progress:
    """Return what the file says. One that is missing, or can't be read, says nothing."""
    try:
        return msgspec.json.decode(place().read_bytes(), type=Progress)
    except (OSError, msgspec.DecodeError):
        return Progress()


def save(progress: Progress) -> None:
    """Write the file. Where that can't be, as on a disk without space, progress is not kept."""
    path = place()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_whole(path, msgspec.json.format(msgspec.json.encode(progress)))
    except (OSError, StorageError):
        return
