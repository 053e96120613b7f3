"""Where damaged bytes are kept, so that nobody has to believe that they were worth nothing."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from taskqueue_edu import files

NAME = "quarantine.jsonl"


class Quarantined(msgspec.Struct, omit_defaults=True):
    """One piece of damage. `data` is the bytes as text; `base64` those that are no UTF-8."""

    source: str
    offset: int
    reason: str
    data: str = ""
    base64: str = ""

    @classmethod
    def of(cls, source: str, offset: int, data: bytes, reason: str) -> Quarantined:
        """Describe the bytes found in the file `source` at `offset` (-1: at none)."""
        source = source.encode("utf-8", "backslashreplace").decode()  # a name may be no UTF-8
        try:
            return cls(source, offset, reason, data.decode())
        except UnicodeDecodeError:
            return cls(source, offset, reason, base64=base64.b64encode(data).decode())


class Quarantine:
    """The file `quarantine.jsonl` in a journal's folder: one JSON object a line."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME

    def keep(self, pieces: Iterable[Quarantined]) -> None:
        """Add pieces of damage; return when they are on the disk.

        What is there already is not added again: an earlier repair was cut short after it.
        Raises StorageError.
        """
        lines = [msgspec.json.encode(piece) + b"\n" for piece in pieces]
        if not lines:
            return
        with files.storage_errors("write to", self.path):
            descriptor = files.open_private(self.path, os.O_CREAT | os.O_RDWR | os.O_APPEND)
            try:
                old = files.read_range(descriptor, 0, os.fstat(descriptor).st_size)
                there = set(old.splitlines(keepends=True))
                new = b"".join(line for line in lines if line not in there)
                if old and not old.endswith(b"\n"):
                    new = b"\n" + new  # a write that failed before
                files.write_all(descriptor, new)
                files.sync_data(descriptor)
            finally:
                os.close(descriptor)
