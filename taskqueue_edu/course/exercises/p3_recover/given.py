import os
import zlib
from pathlib import Path

from taskqueue_edu import JournalDamaged

__all__ = ["JournalDamaged", "Path", "os", "sealed", "text_of"]


def sealed(text):
    """Return a text as a line of a journal: its checksum, the text, a newline."""
    body = text.encode()
    return b"%08x %b\n" % (zlib.crc32(body), body)


def text_of(line):
    """Return the text of such a line. Raises ValueError if the line is not as it was written."""
    checksum, _, body = line.removesuffix(b"\n").partition(b" ")
    if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(body):
        raise ValueError(f"not as it was written: {line!r}")
    return body.decode()
