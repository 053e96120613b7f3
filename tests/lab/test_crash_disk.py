"""The simulated disk against the real one: the same calls give the same results and errors."""

from __future__ import annotations

import fcntl
import io
import mmap
import os
import random
import shutil
import stat
import struct
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from taskqueue_edu.lab.crash.patches import in_place, place
from taskqueue_edu.lab.crash.system import System
from taskqueue_edu.lab.crash.tree import ROOT

PROGRAMS = 400
LENGTH = 40
FLAGS = (os.O_RDONLY, os.O_WRONLY, os.O_RDWR)
EXTRA = (os.O_CREAT, os.O_EXCL, os.O_TRUNC, os.O_APPEND, os.O_DIRECTORY)
MODES = ("r", "r+", "w", "w+", "a", "a+", "x", "x+")
PATHS = ("a", "b", "d", "d/a", "d/b", "d/e", "d/e/a", "a/b", "d/../a", "gone/a")

Call = Callable[["Player"], Any]


class Player:
    """Does calls on one of the two disks, and notes what came of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.descriptors: list[int] = []
        self.files: list[Any] = []

    def path(self, name: str) -> Path:
        return self.folder / name

    def do(self, call: Call) -> Any:
        try:
            return call(self)
        except OSError as error:
            names = [
                str(n).replace(str(self.folder), "") for n in (error.filename, error.filename2)
            ]
            return type(error).__name__, error.errno, names
        except ValueError as error:  # io.UnsupportedOperation, a closed file
            return type(error).__name__

    def end(self) -> Any:
        for file in self.files:
            self.do(lambda _, file=file: file.close())  # type: ignore[misc]
        for descriptor in self.descriptors:
            self.do(lambda _, number=descriptor: os.close(number))  # type: ignore[misc]
        return sorted(self._walk(self.folder))

    def _walk(self, folder: Path) -> list[tuple[str, bytes | None]]:
        found = []
        for path in folder.iterdir():
            name = str(path.relative_to(self.folder))
            found.append((name, None if path.is_dir() else path.read_bytes()))
            found += self._walk(path) if path.is_dir() else []
        return found


def on_descriptor(chance: random.Random) -> Call:
    """Return a call on one of the descriptors opened before."""
    which, size, at = chance.randrange(8), chance.randrange(9), chance.randrange(-1, 12)
    data, whence = bytes(chance.choices(b"xyz\n", k=size)), chance.randrange(3)

    def call(name: str) -> Call:
        def done(player: Player) -> Any:
            if not player.descriptors:
                return "none"
            number = player.descriptors[which % len(player.descriptors)]
            if name == "fstat":
                about = os.fstat(number)
                folder = stat.S_ISDIR(about.st_mode)
                return folder, None if folder else about.st_size
            if name == "close":
                player.descriptors.remove(number)
                return os.close(number)
            if name == "dup":
                player.descriptors.append(os.dup(number))
                return None
            if name == "dup2":
                other = player.descriptors[(which + 1) % len(player.descriptors)]
                return os.dup2(number, other) == other
            if name == "lseek" and stat.S_ISDIR(os.fstat(number).st_mode):
                return "each file system has its own positions in a folder"
            arguments: dict[str, tuple[Any, ...]] = {
                "read": (size,),
                "pread": (size, at),
                "write": (data,),
                "pwrite": (data, at),
                "lseek": (at, whence),
                "ftruncate": (at,),
                "fsync": (),
                "fdatasync": (),
            }
            return getattr(os, name)(number, *arguments[name])

        return done

    names = ("read", "pread", "write", "write", "pwrite", "lseek", "ftruncate")
    return call(chance.choice((*names, "fsync", "fdatasync", "fstat", "close", "dup", "dup2")))


def on_path(chance: random.Random) -> Call:
    """Return a call that takes paths."""
    one, two, size = chance.choice(PATHS), chance.choice(PATHS), chance.randrange(9)
    flags = chance.choice(FLAGS)
    for extra in EXTRA:
        flags |= extra if chance.random() < 0.3 else 0
    if flags & os.O_DIRECTORY:
        flags &= ~os.O_CREAT  # what Linux does with both has changed
    if flags & os.O_ACCMODE == os.O_RDONLY:
        flags &= ~os.O_TRUNC  # unspecified

    def opened(player: Player) -> Any:
        player.descriptors.append(os.open(player.path(one), flags, 0o600))
        return "opened"

    def about(player: Player) -> Any:
        found = player.path(one).stat()
        return stat.S_ISDIR(found.st_mode)

    def scanned(player: Player) -> Any:
        with os.scandir(player.path(one)) as entries:
            return sorted((e.name, e.is_dir(), e.is_file(), e.is_symlink()) for e in entries)

    calls: list[Call] = [
        opened,
        opened,
        opened,
        about,
        scanned,
        lambda p: p.path(one).mkdir(),
        lambda p: p.path(one).mkdir(parents=True, exist_ok=True),
        lambda p: os.makedirs(p.path(one), exist_ok=True),  # noqa: PTH103
        lambda p: p.path(one).rmdir(),
        lambda p: p.path(one).unlink(),
        lambda p: p.path(one).unlink(missing_ok=True),
        lambda p: os.remove(p.path(one)),  # noqa: PTH107
        lambda p: p.path(one).rename(p.path(two)) and None,
        lambda p: os.replace(p.path(one), p.path(two)),  # noqa: PTH105
        lambda p: sorted(os.listdir(p.path(one))),  # noqa: PTH208
        lambda p: sorted(x.name for x in p.path(one).glob("*")),
        lambda p: sorted(x.name for x in p.folder.rglob("a")),
        lambda p: (p.path(one).exists(), p.path(one).is_dir(), p.path(one).is_file()),
        lambda p: os.truncate(p.path(one), size),
        lambda p: p.path(one).touch(),
        lambda p: p.path(one).touch(exist_ok=False),
        lambda p: p.path(one).read_bytes(),
        lambda p: p.path(one).write_text("some text\n"),
        lambda p: os.access(p.path(one), os.F_OK),
    ]
    return chance.choice(calls)


def on_file(chance: random.Random) -> Call:
    """Return a call on a file object."""
    name, mode = chance.choice(PATHS), chance.choice(MODES)
    which, size, at = chance.randrange(8), chance.randrange(9), chance.randrange(9)
    text = "".join(chance.choices("xyzé\n", k=size))
    binary, buffering = chance.random() < 0.5, chance.choice((-1, -1, 0, 1, 3))

    def opened(player: Player) -> Any:
        path = player.path(name)
        if binary:
            size = buffering if buffering != 1 else -1
            player.files.append(open(path, mode + "b", size))  # noqa: SIM115, PTH123
        else:
            player.files.append(path.open(mode, buffering if buffering else -1, encoding="utf-8"))
        return player.files[-1].mode

    def used(what: str) -> Call:
        def call(player: Player) -> Any:
            if not player.files:
                return "none"
            file = player.files[which % len(player.files)]
            is_text = hasattr(file, "encoding")
            if what == "write":
                return file.write(text if is_text else text.encode())
            if what == "seek":
                return file.seek(0 if is_text else at)
            if what == "fsync":
                file.flush()
                return os.fsync(file.fileno())
            if what == "lines":
                return list(file)
            if what == "about":
                return file.closed, file.readable(), file.writable(), file.seekable(), file.tell()
            argument = {"read": (size,), "truncate": (None if is_text else at,)}.get(what, ())
            return getattr(file, what)(*argument)

        return call

    names = ("write", "write", "read", "readline", "lines", "seek", "tell", "flush", "fsync")
    return chance.choice([opened, *map(used, (*names, "truncate", "about", "close"))])


def program(seed: int) -> list[Call]:
    chance = random.Random(seed)
    kinds = [on_descriptor, on_path, on_file]
    weights = chance.choice(((4, 2, 1), (1, 1, 5), (1, 5, 1)))
    return [chance.choices(kinds, weights)[0](chance) for _ in range(LENGTH)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "part", [0, *(pytest.param(part, marks=pytest.mark.thorough) for part in (1, 2, 3))]
)
def test_the_same_calls_do_the_same_on_both_disks(part: int) -> None:
    """Random programs get the same results, errors and files from the simulation as from Linux."""
    seeds = range(part * PROGRAMS // 4, (part + 1) * PROGRAMS // 4)
    succeeded = failed = 0
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            real = Player(Path(folder))
            expected = [real.do(call) for call in program(seed)]
            expected.append(real.end())
        system = System((), place)
        simulated = Player(Path(ROOT))
        with in_place(system):
            for number, call in enumerate(program(seed)):
                assert simulated.do(call) == expected[number], f"seed {seed}, call {number}"
            assert simulated.end() == expected[-1], f"seed {seed}"
        failures = sum(isinstance(found, tuple) and len(found) == 3 for found in expected)
        succeeded, failed = succeeded + len(expected) - failures, failed + failures
    assert min(succeeded, failed) > 0.2 * (succeeded + failed), "a fuzz that tests one side only"


def locks(folder: Path) -> list[Any]:
    """Take and give up locks in all ways, on two openings of one file."""
    found: list[Any] = []
    one, two = (os.open(folder / "lock", os.O_CREAT | os.O_RDWR) for _ in range(2))
    third = os.dup(one)
    for descriptor, operation in (
        (one, fcntl.LOCK_EX),
        (two, fcntl.LOCK_EX),
        (third, fcntl.LOCK_EX),
        (two, fcntl.LOCK_SH),
        (one, fcntl.LOCK_SH),
        (two, fcntl.LOCK_SH),
        (one, fcntl.LOCK_EX),
        (two, fcntl.LOCK_UN),
        (one, fcntl.LOCK_EX),
    ):
        try:
            found.append(fcntl.flock(descriptor, operation | fcntl.LOCK_NB))
        except OSError as error:
            found.append(error.errno)
    os.close(one)
    for last in (third, two):
        try:
            found.append(fcntl.flock(two, fcntl.LOCK_EX | fcntl.LOCK_NB))
        except OSError as error:
            found.append(error.errno)
        os.close(last)
    return found


def test_locks_are_those_of_the_opened_file(tmp_path: Path) -> None:
    """flock holds off another opening of the file, not a copy of the descriptor."""
    real = locks(tmp_path)
    with in_place(System((), place)):
        assert locks(Path(ROOT)) == real


def test_the_real_disk_is_left_alone(tmp_path: Path) -> None:
    """What the code under test can't do on the simulated disk it can't do anywhere."""
    (tmp_path / "there").write_text("real")
    with in_place(System((), place)):
        assert (tmp_path / "there").read_text() == "real"
        for call in (
            lambda: (tmp_path / "new").write_text("x"),
            lambda: (tmp_path / "there").unlink(),
            lambda: (tmp_path / "there").rename(tmp_path / "gone"),
            lambda: (tmp_path / "there").rename(Path(ROOT, "there")),
            lambda: shutil.copy(tmp_path / "there", tmp_path / "copy"),
            lambda: tempfile.mkstemp(dir=tmp_path),
            lambda: (tmp_path / "folder").mkdir(),
        ):
            with pytest.raises(OSError, match=r"no disk but|cross-device"):
                call()
        shutil.copy(tmp_path / "there", Path(ROOT, "copy"))
        assert Path(ROOT, "copy").read_text() == "real"
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
    assert not Path(ROOT).exists()


def test_other_threads_notice_nothing(tmp_path: Path) -> None:
    """While one thread is on the simulated disk, another one writes on the real one."""
    with in_place(System((), place)):
        other = threading.Thread(target=lambda: (tmp_path / "other").write_text("real"))
        other.start()
        other.join()
    assert (tmp_path / "other").read_text() == "real"


def test_the_threads_of_a_program_share_its_disk() -> None:
    """What several threads write to one file is all there, in one log of whole events."""
    system = System((), place)

    def append(letter: bytes) -> None:
        with Path(ROOT, "a").open("ab", buffering=0) as file:
            for _ in range(200):
                file.write(letter)

    with in_place(system):
        threads = [threading.Thread(target=append, args=(bytes([n]),)) for n in b"xyz"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(dict(system.content())["a"] or b"") == sorted(b"xyz" * 200)
    writes = [event for event in system.log.events if event.what == "write"]
    assert [effect.at for event in writes for effect in event.effects] == list(range(600))  # type: ignore[union-attr]


def _with_a_map(folder: Path) -> list[Any]:
    seen: list[Any] = []
    file = folder / "a"
    file.write_bytes(b"0123456789")
    with file.open("r+b") as opened:
        with mmap.mmap(opened.fileno(), 0) as data:
            data[0:3] = b"abc"
            data[9] = ord("z")
            data.seek(4)
            seen += [
                data.write(b"EF"),
                data.tell(),
                data.size(),
                len(data),
                data[:],
                data.find(b"z"),
            ]
            data.write_byte(ord("g"))
            data.move(7, 0, 2)
            struct.pack_into("2s", data, 3, b"--")
            data.flush()
            seen.append(file.read_bytes())
        with mmap.mmap(opened.fileno(), 4, access=mmap.ACCESS_READ) as data:
            seen.append(data[:])
            for change in (data.write, lambda new: data.__setitem__(slice(0, 1), new)):
                with pytest.raises(TypeError, match="readonly"):
                    change(b"x")
        with mmap.mmap(opened.fileno(), 0, flags=mmap.MAP_PRIVATE) as data:
            data[0:1] = b"!"
            data.flush()
        for length, offset in ((11, 0), (0, mmap.ALLOCATIONGRANULARITY), (0, 1)):
            with pytest.raises((ValueError, OSError)) as raised:
                mmap.mmap(opened.fileno(), length, offset=offset)
            seen.append(type(raised.value))
    with file.open("rb") as opened, pytest.raises(PermissionError):
        mmap.mmap(opened.fileno(), 0)
    (folder / "empty").touch()
    with (folder / "empty").open("r+b") as opened, pytest.raises(ValueError, match="empty"):
        mmap.mmap(opened.fileno(), 0)
    return [*seen, file.read_bytes()]


def _with_rarer_calls(folder: Path) -> list[Any]:
    seen: list[Any] = []
    here = os.open(folder, os.O_RDONLY)
    descriptor = os.open("a", os.O_RDWR | os.O_CREAT, dir_fd=here)
    with io.FileIO(folder / "raw", "w") as raw:
        seen += [raw.write(b"abc"), raw.mode, raw.tell()]
    with io.FileIO(folder / "raw", "r+") as raw:
        seen += [raw.readall(), raw.truncate(1), raw.seek(0), raw.read(), raw.readable()]
    (folder / "raw").unlink()
    seen.append(os.writev(descriptor, [b"ab", bytearray(b"cd"), memoryview(b"ef")]))
    seen.append(os.pwritev(descriptor, [b"X", b"Y"], 1))
    os.posix_fallocate(descriptor, 4, 6)
    os.posix_fallocate(descriptor, 0, 1)
    os.close(descriptor)
    os.mkdir("d", dir_fd=here)
    os.rename("a", "b", src_dir_fd=here, dst_dir_fd=here)
    inner = os.open("d", os.O_RDONLY, dir_fd=here)
    os.replace("b", "c", src_dir_fd=here, dst_dir_fd=inner)
    os.fsync(inner)
    seen.append(os.stat("c", dir_fd=inner).st_size)
    seen.append(os.stat(folder / "d" / "c", dir_fd=inner).st_size)  # an absolute path stays so
    with pytest.raises(FileNotFoundError):
        os.unlink("gone", dir_fd=inner)
    seen.append((folder / "d" / "c").read_bytes())
    os.unlink("c", dir_fd=inner)
    os.rmdir("d", dir_fd=here)
    for opened in (here, inner):
        os.close(opened)
    return [*seen, list(folder.iterdir())]


@pytest.mark.parametrize("use", [_with_a_map, _with_rarer_calls])
def test_maps_and_rarer_calls(use: Callable[[Path], list[Any]], tmp_path: Path) -> None:
    """`mmap`, `FileIO`, `writev`, `posix_fallocate` and `dir_fd` do what they do on a real disk."""
    with in_place(System((), place)):
        simulated = use(Path(ROOT))
    assert simulated == use(tmp_path)


def test_everything_is_as_it_was_afterwards() -> None:
    """The functions of the system are the real ones again, also after an exception."""
    before = open, os.open, os.fsync, os.stat, os.scandir, fcntl.flock, mmap.mmap
    with pytest.raises(KeyError), in_place(System((), place)):
        raise KeyError
    assert before == (open, os.open, os.fsync, os.stat, os.scandir, fcntl.flock, mmap.mmap)


def test_a_file_that_stays_open_writes_into_nothing() -> None:
    """A buffer that is emptied after the run changes no disk, and raises nothing."""
    system = System((), place)
    with in_place(system):
        file = Path(ROOT, "late").open("w")  # noqa: SIM115 - it is to stay open
        file.write("late")
    file.close()
    assert system.content() == (("late", b""),)
