"""What may be on the disk after a power cut: all of it, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from lab.crash_programs import sync_folder
from taskqueue_edu.lab.crash import crash_test

Files = frozenset[tuple[str, bytes]]


def left_by(program: Callable[[Path], None], **options: Any) -> set[Files]:
    """Return the files that the crashes of a program leave, whatever the moment."""
    found: set[Files] = set()

    def recover(folder: Path) -> None:
        found.add(frozenset((p.name, p.read_bytes()) for p in folder.rglob("*") if p.is_file()))

    options = {"faults": (), "restart": False, **options}
    verdict = crash_test(lambda folder, _: program(folder), recover, lambda *_: True, **options)
    assert verdict.ok
    return found


def files(**contents: bytes) -> Files:
    return frozenset(contents.items())


def a_new_file(folder: Path) -> None:
    with (folder / "a").open("xb", buffering=0) as file:
        file.write(b"xyz\n")


def test_a_write_that_nobody_synced() -> None:
    """It is there, or not, or in part, or as zeros, or its end without its beginning."""
    whole = [b"", b"x", b"xy", b"xyz", b"xyz\n"]
    only_posix = [b"\0\0\0\0", b"xy\0\0", b"\0\0z\n"]
    assert left_by(a_new_file) == {files()} | {files(a=data) for data in whole + only_posix}
    assert left_by(a_new_file, disk="ext4") == {files()} | {files(a=data) for data in whole}


def test_a_write_that_was_synced() -> None:
    """After the sync of file and folder nothing is lost: later crashes leave the same."""

    def program(folder: Path) -> None:
        a_new_file(folder)
        with (folder / "a").open("ab") as file:
            os.fsync(file.fileno())
        sync_folder(folder)
        (folder / "b").touch()
        (folder / "a").unlink()

    found = left_by(program)
    assert {dict(left).get("a") for left in found if "b" in dict(left)} == {None, b"xyz\n"}


def test_the_order_of_two_files_is_open() -> None:
    """Of two writes either may be there without the other; on ext4 too."""

    def program(folder: Path) -> None:
        with (folder / "a").open("r+b") as a, (folder / "b").open("r+b") as b:
            a.write(b"A")
            a.flush()
            b.write(b"B")

    before = {"a": b"a", "b": b"b"}
    expected = {files(a=a, b=b) for a in (b"a", b"A") for b in (b"b", b"B")}
    assert left_by(program, files=before) == expected
    assert left_by(program, files=before, disk="ext4") == expected


def test_a_rename_may_come_before_the_bytes() -> None:
    """On a strict disk the new name may stand for no bytes, or the old name be left."""

    def program(folder: Path) -> None:
        with (folder / "new").open("xb", buffering=0) as file:
            file.write(b"N")
        (folder / "new").rename(folder / "a")

    old = {"a": b"o"}
    ext4 = {
        files(a=b"o"),
        files(a=b"o", new=b""),
        files(a=b"o", new=b"N"),
        files(a=b"N"),
    }
    assert left_by(program, files=old) == {*ext4, files(a=b"")}
    assert left_by(program, files=old, disk="ext4") == ext4


def test_names_of_one_folder_may_change_in_any_order() -> None:
    """A removed file may be back while a later one is gone; ext4 keeps the order."""

    def program(folder: Path) -> None:
        (folder / "a").unlink()
        (folder / "b").unlink()

    there = {"a": b"", "b": b""}
    assert left_by(program, files=there) == {
        files(a=b"", b=b""),
        files(b=b""),
        files(a=b""),
        files(),
    }
    assert left_by(program, files=there, disk="ext4") == {
        files(a=b"", b=b""),
        files(b=b""),
        files(),
    }


def test_a_file_in_a_folder_needs_both_names() -> None:
    """A synced file in a synced folder is lost with the folder, if that has no synced name."""

    def program(folder: Path) -> None:
        (folder / "sub").mkdir()
        with (folder / "sub" / "a").open("xb", buffering=0) as file:
            file.write(b"x")
            os.fsync(file.fileno())
        sync_folder(folder / "sub")
        (folder / "end").touch()

    found = left_by(program)
    assert files() in found
    assert files(end=b"") in found
    assert files(end=b"", a=b"x") in found


def test_after_a_failed_sync_the_next_one_saves_nothing() -> None:
    """The bytes of a failed fsync may be lost after a second one that succeeds."""

    def program(folder: Path) -> None:
        with (folder / "a").open("r+b") as file:
            file.write(b"A")
            file.flush()
            for _ in range(2):
                with suppress(OSError):
                    os.fsync(file.fileno())
            sync_folder(folder)
            (folder / "end").touch()

    ends = {left for left in left_by(program, files={"a": b"a"}) if "end" in dict(left)}
    assert ends == {files(a=b"A", end=b"")}
    faulty = left_by(program, files={"a": b"a"}, faults=["eio"])
    assert files(a=b"a", end=b"") in faulty


def test_more_disorder_leaves_more() -> None:
    """Without disorder the disk holds what some earlier moment held; each step adds to that."""

    def program(folder: Path) -> None:
        for name in "abcd":
            (folder / name).touch()

    prefixes = {frozenset((name, b"") for name in "abcd"[:count]) for count in range(5)}
    found = [left_by(program, disorder=number) for number in (0, 1, 2, 3)]
    assert found[0] == prefixes
    assert found[0] < found[1] < found[2] == found[3]
    assert len(found[2]) == 2**4


@pytest.mark.parametrize("size", [4096, 10_000])
def test_a_long_write_may_end_at_a_block(size: int) -> None:
    """A write past a border of blocks may be kept up to the first or the last such border."""

    def program(folder: Path) -> None:
        with (folder / "a").open("r+b") as file:
            file.seek(5)
            file.write(b"x" * size)

    lengths = {len(dict(left)["a"]) for left in left_by(program, files={"a": b"12345"})}
    assert {4096, (5 + size) // 4096 * 4096} <= lengths
