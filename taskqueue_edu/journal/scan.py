"""Reading a journal: its lines, and what is wrong with them."""

from __future__ import annotations

import io
import json
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import msgspec

from taskqueue_edu import facts, files
from taskqueue_edu.errors import StorageError
from taskqueue_edu.facts import RawFact
from taskqueue_edu.journal import fields, lines
from taskqueue_edu.journal.lines import NAME, VERSION

_BLOCK: Final = 2**16
"""Bytes that are read at once. Blocks of 4 KiB take 12% longer to read, of 1 MiB 3%."""

_SEALS: Final = re.compile(rb',"crc":"([0-9a-f]{8})"\}\n(?=\{|\Z)')
_FOREIGN: Final = "choose another folder; nothing was changed in this one."


class Damage(NamedTuple):
    """Bytes in the middle of a journal that are not as written.

    `sealed` if the checksum is right all the same: no disk did that, but another program.
    """

    offset: int
    data: bytes
    reason: str
    sealed: bool


@dataclass
class Scan:
    """What a journal's bytes hold.

    `end` is the length of the part before a torn last line, `seq` the number of the last line,
    `gaps` are the numbers (first, last) of lines that are missing.
    """

    facts: list[RawFact] = field(default_factory=list)
    header: fields.Header | None = None
    end: int = 0
    seq: int = -1
    torn: bytes = b""
    damage: list[Damage] = field(default_factory=list)
    gaps: list[tuple[int, int]] = field(default_factory=list)
    duplicates: int = 0
    version: int = VERSION


def scan(data: bytes, path: Path) -> Scan:
    """Read a journal, and pass over what is damaged.

    A last line that is not whole, or whose checksum is wrong, is torn. Raises StorageError for
    a file of another program or a newer version.
    """
    return scan_file(io.BytesIO(data), path)


def scan_file(file: BinaryIO, path: Path) -> Scan:
    """Do the same with a journal that is read a block at a time: it needs no room as a whole."""
    found = Scan()
    offset, block = 0, file.readline()
    ours = _begins_ours(block)
    while block:
        # What is added from now on to a line that doesn't end is for the next one who reads.
        after = file.read(_BLOCK) + file.readline() if block.endswith(b"\n") else b""
        if offset and found.version == VERSION and (stored := _read(block, found.seq + 1)):
            found.facts += stored
            found.seq += len(stored)
            found.end += len(block)
        else:
            _look_closer(block, offset, found, path, last=not after)
        offset += len(block)
        block = after
    if found.header is None and not found.facts and not ours:
        raise StorageError(f"{path} is not a journal", hint=_FOREIGN)
    return found


def _read(block: bytes, seq: int) -> list[RawFact] | None:
    """Return the facts in a block whose lines are all as written and numbered from `seq` on.

    Return None if one of them is not: then they have to be looked at one by one. This does for
    hundreds of lines, with a few calls, what `_look_closer` does with some calls for each, and
    takes half of its time.
    """
    *parts, rest = _SEALS.split(block)
    open_bodies, sums = parts[::2], parts[1::2]
    # As many seals as newlines: each line ends with one, and after each comes a `{` or nothing.
    if rest or len(block) > lines.MAX_LINE or block.count(b"\n") != len(sums):
        return None
    found = struct.pack(f">{len(sums)}I", *map(zlib.crc32, open_bodies))
    if found != bytes.fromhex(b"".join(sums).decode()):
        return None
    try:
        # No JSON value goes on from a `}`, over a newline, with a `{`. So each line has one value
        # at least, and as many values as lines are one in each.
        read = lines.decoder.decode_lines(b"}\n".join([*open_bodies, b""]))
        stored = [line.fact() for line in read]
    except (ValueError, RecursionError):
        return None
    return stored if [line.seq for line in read] == list(range(seq, seq + len(sums))) else None


def _look_closer(block: bytes, start: int, found: Scan, path: Path, *, last: bool) -> None:
    """Read the lines of the block at `start` one by one."""
    for place, line, whole in _lines(block):
        sealed = False
        offset = start + place
        try:
            if not whole:
                raise ValueError("the line doesn't end")
            if len(line) > lines.MAX_LINE:
                raise ValueError(f"{len(line):,} bytes, at most {lines.MAX_LINE:,} make a line")
            body = lines.unseal(line)
            sealed = True
            if offset == 0:
                _read_header(body, found, path)
                assert found.header is not None
                seq = found.header.seq
                found.seq = seq - 1
            else:
                decoded = lines.decoder.decode(
                    body if found.version == VERSION else upgraded(body, found.version)
                )
                seq = decoded.seq
                fact = decoded.fact()
                if seq > found.seq:
                    found.facts.append(fact)
        except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
            ends = last and place + len(line) + whole == len(block)
            if ends and not sealed and (offset or not whole):
                found.torn = block[place:]
                break
            found.damage.append(Damage(offset, line, str(error), sealed))
        else:
            if seq <= found.seq:
                found.duplicates += 1
            elif found.seq >= 0 and seq > found.seq + 1:
                found.gaps.append((found.seq + 1, seq - 1))
            found.seq = max(seq, found.seq)
        found.end = offset + len(line) + 1


def _lines(block: bytes) -> Iterator[tuple[int, bytes, bool]]:
    place = 0
    while place < len(block):
        end = block.find(b"\n", place)
        whole = end >= 0
        line = block[place : end if whole else len(block)]
        yield place, line, whole
        place += len(line) + 1


def _begins_ours(data: bytes) -> bool:
    start = b'{"journal":"%b",' % NAME.encode()
    # A power cut while the first line was written may have left zeros for its bytes.
    return all(byte in (0, ours) for byte, ours in zip(data, start, strict=False))


# -- the first line, and older versions


class _About(msgspec.Struct):
    journal: str
    version: int


def _read_header(body: bytes, found: Scan, path: Path) -> None:
    about = msgspec.json.decode(body, type=_About)
    if about.journal != NAME:
        raise StorageError(f"{path} is a journal of {about.journal}, not of {NAME}", hint=_FOREIGN)
    if about.version > VERSION:
        raise StorageError(
            f"{path} has format version {about.version}; this program knows {VERSION}",
            hint="use the newer program that wrote it.",
        )
    if about.version < 1:
        raise ValueError(f"there is no format version {about.version}")
    if about.version < VERSION:
        body = upgraded(body, about.version)
    found.version = about.version
    first = found.header = msgspec.json.decode(body, type=fields.Header)
    if first.totals or first.forgotten:
        carried = (first.totals, first.forgotten)
        found.facts.append((facts.CARRIED, "", first.at * 1000, "", carried))


def _from_1(line: dict[str, Any]) -> dict[str, Any]:
    """Version 2 came with compaction: the header counts what was taken out."""
    return {**line, "totals": {}, "forgotten": {}} if "journal" in line else line


UPGRADES: Final[dict[int, Callable[[dict[str, Any]], dict[str, Any]]]] = {1: _from_1}
"""For each older version a pure function: a line of it, as a dict, to one of the next."""


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def upgraded(body: bytes, version: int) -> bytes:
    """Return a line of an older version, without its seal, as one of this version."""
    line = json.loads(body, parse_constant=_refuse)
    for old in range(version, VERSION):
        line = UPGRADES[old](line)
    return msgspec.json.encode(line)


# -- without owning the folder


def read_facts(folder: Path) -> list[RawFact]:
    """Return the facts in a folder's journal without opening it: its owner may be at work.

    A line that is not whole yet is left out. Raises StorageError, JournalDamaged.
    """
    path = folder / "journal.jsonl"
    with files.storage_errors("read", path):
        try:
            file = path.open("rb")
        except FileNotFoundError:
            raise StorageError(
                f"there is no journal in {folder}",
                hint="check the folder's name; `taskqueue submit` or TaskQueue.open() makes one.",
            ) from None
        with file:
            return scan_file(file, path).facts
