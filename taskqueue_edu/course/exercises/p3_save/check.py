"""A file must hold all of the old bytes or all of the new ones, wherever a crash comes."""

import errno
import fcntl
import os
import resource
import stat
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from unittest import mock

from taskqueue_edu.course.probes import anew, opened
from taskqueue_edu.lab.crash import crash_test, value_kept
from taskqueue_edu.lab.crash.kinds import EXPLAINED, LOG_REMOVED, OTHER, REMOVED
from taskqueue_edu.lab.probes import Case, Check, describe

check = Check("save")


def crashed(save, **options):
    """Save twice over an old file, crash everywhere, and look what the file holds then."""

    def run(folder, acknowledge):
        for data in (b"new", b"newer"):
            save(folder / "results.json", data)
            acknowledge(data)

    def recover(folder):
        return (folder / "results.json").read_bytes()

    verdict = crash_test(run, recover, value_kept, files={"results.json": b"old"}, **options)
    if verdict.kind == LOG_REMOVED:  # the lab takes a backup for a snapshot, and there is no log
        gone = "FileNotFoundError" in verdict.failure.recovered
        why, question = EXPLAINED[REMOVED if gone else OTHER]
        failure = replace(verdict.failure, why=why, question=question)
        return replace(verdict, kind=OTHER, failure=failure)
    return verdict


def if_kind(verdict, *kinds):
    """Return a verdict if it is of one of these kinds: others are for another probe."""
    return verdict if verdict.kind in kinds else None


def _syncs_a_file(save):
    """Tell whether a file is synced at all, and not the folder alone."""
    synced = []

    def note(what):
        about = os.fstat(what if isinstance(what, int) else what.fileno())
        synced.append(stat.S_ISREG(about.st_mode))

    with (
        tempfile.TemporaryDirectory() as place,
        mock.patch.object(os, "fsync", note),
        mock.patch.object(os, "fdatasync", note, create=True),
        mock.patch.object(os, "sync", lambda: synced.append(True), create=True),
    ):
        path = Path(place, "results.json")
        path.write_bytes(b"old")
        save(path, b"new")
    return any(synced)


def _synced_before_the_loss(steps):
    """Tell whether the save whose rename is lost has synced the folder, too early."""
    of_this_save = []
    for step in steps:
        if step.lost:
            return step.text.startswith("rename ") and "fsync the folder" in of_this_save
        of_this_save = [] if step.text.startswith("acknowledge ") else [*of_this_save, step.text]
    return False


def _renames(save, name="results.json"):
    """Save over an old file. Return the old and the new path of each rename."""
    found = []

    def noted(real):
        def rename(old, new, **options):
            found.append((Path(old), Path(new)))
            return real(old, new, **options)

        return rename

    with (
        tempfile.TemporaryDirectory() as place,
        mock.patch.multiple(os, replace=noted(os.replace), rename=noted(os.rename)),
    ):
        path = Path(place, name)
        path.write_bytes(b"old")
        save(path, b"new")
    return found


def _interrupted(save, error, name="results.json"):
    """Save while fsync raises. Return what was raised, the old file's bytes, and other names.

    A write that waits for the disk by itself (O_SYNC) raises, too.
    """
    real = os.write

    def write(file, data):
        return fails(file) if fcntl.fcntl(file, fcntl.F_GETFL) & os.O_DSYNC else real(file, data)

    with tempfile.TemporaryDirectory() as place:
        path = Path(place, name)
        path.write_bytes(b"old")
        fails = mock.Mock(side_effect=error)
        with (
            mock.patch.object(os, "fsync", fails),
            mock.patch.object(os, "fdatasync", fails, create=True),
            mock.patch.object(os, "write", write),
        ):
            try:
                save(path, b"new")
                raised = None
            except BaseException as caught:
                raised = caught
        extra = sorted(file.name for file in path.parent.iterdir() if file != path)
        return raised, path.read_bytes() if path.exists() else None, extra


def _stopped_at_rename(save, error):
    """Save while a rename raises. Return the names of what is there beside the old file."""
    fails = mock.Mock(side_effect=error)
    with (
        tempfile.TemporaryDirectory() as place,
        mock.patch.multiple(os, replace=fails, rename=fails),
    ):
        path = Path(place, "results.json")
        path.write_bytes(b"old")
        with suppress(type(error)):
            save(path, b"new")
        return sorted(file.name for file in path.parent.iterdir() if file != path)


def _saved(save, path, data):
    """Save. A file that is closed already is a case of its own."""
    try:
        save(path, data)
    except ValueError as error:
        if "closed file" not in str(error):
            raise
        raise Case(
            describe(error), "Which lines need an open file, and which one closes it?"
        ) from error


@check.probe(question="Which file has the name `path` after each line, and what does it hold?")
def it_saves(save):
    """Nothing fails: a file is saved three times."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "results.json")
        path.write_bytes(b"old")
        for data in (b"first", b"second", b"a third, longer one " * 1000):
            _saved(save, path, data)
            assert path.exists(), f"Saved: {data[:20]}. There is no file of that name."
            found = path.read_bytes()
            assert found == data, f"Saved: {data[:20]}. The file holds {found[:20]}."
        extra = sorted(file.name for file in path.parent.iterdir() if file != path)
        assert not extra, f"{extra} stayed behind."


@check.probe(question="What does `os.write` return?")
def every_byte_is_written(save):
    """The kernel takes at most 100 bytes at a time from `os.write`, as it may."""
    real = os.write
    data = b"a longer one " * 50
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "results.json")
        path.write_bytes(b"old")
        with mock.patch.object(os, "write", lambda file, some: real(file, bytes(some)[:100])):
            save(path, data)
        size = path.stat().st_size
    assert size == len(data), (
        f"A short write was taken for a whole one: the file has {size} of {len(data)} bytes."
    )


@check.probe(question="Where are the bytes after `write`, and for which can fsync wait?")
def fsync_has_the_bytes(save):
    """A small file is saved, and at each fsync the bytes that the kernel has are counted."""
    data = b"newer"
    sizes = []

    def note(what):
        about = os.fstat(what if isinstance(what, int) else what.fileno())
        if stat.S_ISREG(about.st_mode):
            sizes.append(about.st_size)

    with (
        tempfile.TemporaryDirectory() as place,
        mock.patch.object(os, "fsync", note),
        mock.patch.object(os, "fdatasync", note, create=True),
    ):
        path = Path(place, "results.json")
        path.write_bytes(b"old")
        save(path, data)
    assert not sizes or max(sizes) == len(data), (
        f"fsync ran before the bytes left Python's buffer: the kernel had {max(sizes)} of "
        f"{len(data)} bytes."
    )


@check.probe(question="Which folder is sure to be on the same disk as the file?")
def all_on_one_disk(save):
    """Other folders are on other disks, and no file can be renamed from one disk to another."""
    refused = False  # the last rename

    def watched(real):
        def rename(old, new, **options):
            nonlocal refused
            refused = not Path(old).resolve().is_relative_to(Path(new).parent.resolve())
            if refused:
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(old))
            return real(old, new, **options)

        return rename

    with (
        tempfile.TemporaryDirectory() as place,
        mock.patch.multiple(os, replace=watched(os.replace), rename=watched(os.rename)),
    ):
        path = Path(place, "results.json")
        path.write_bytes(b"old")
        try:
            save(path, b"new")
        except OSError as error:
            raise AssertionError(f"The new file was elsewhere: {error.strerror}.") from error
    if refused:
        raise Case(
            "The new file was elsewhere, and could not be renamed. save() returned all the same: the "
            "bytes came into the file without a rename.",
            "What does the file hold if the machine stops while bytes are copied into it?",
        )


@check.probe(
    "write_is_durable",
    question="Which call must have returned before the new file may get the old one's name?",
)
def the_bytes_are_on_the_disk(save):
    """The power fails after each step, and the bytes are looked for."""
    if _syncs_a_file(save):
        return None  # too early, perhaps, but not because a write was taken for durable
    return if_kind(
        crashed(save), "write without fsync acknowledged", "rename without fsync of the file"
    )


@check.probe("rename_is_durable", question="Where is a file's name kept, and who syncs that?")
def the_name_is_on_the_disk(save):
    """The power fails after each step, and the new name is looked for."""
    verdict = if_kind(crashed(save), "without fsync of the folder")
    if verdict is not None and any(
        old.parent.resolve() != new.parent.resolve() for old, new in _renames(save)
    ):
        raise Case(
            "The new file was made in a folder of its own. A rename from one folder to another "
            "changes both, and is sure to last once both are synced: the power failed, and "
            "the file holds the old bytes.",
            "Which of the two folders did you sync? What if there were only one?",
        )
    if verdict is not None and _synced_before_the_loss(verdict.failure.steps):
        return replace(verdict, kind="fsync of the folder before the rename, and none after it")
    return verdict


@check.probe(question="Under which name may a process that was killed have left a file?")
def a_killed_process_had_left_a_file(save):
    """A program saves, and it is noted how the new file is called. It is started again: such a file
    is there already, longer than the data.
    """
    noted = _renames(anew(save, "save"))
    for name in sorted({old.name for old, new in noted if old.parent == new.parent}):
        with tempfile.TemporaryDirectory() as place:
            path = Path(place, "results.json")
            path.write_bytes(b"old")
            Path(place, name).write_bytes(b"of a process that was killed")
            try:
                anew(save, "save")(path, b"new")
            except OSError as error:
                raise AssertionError(
                    f"{name!r} was there already, and it raised {error!r}."
                ) from error
            held = path.read_bytes()
        assert held == b"new", (
            f"{name!r} was there already. b'new' was saved, and the file holds {held}."
        )


@check.probe(question="What does the file hold after each of the steps that are shown?")
def old_or_new_at_every_moment(save):
    """The process is killed or the power fails after each step."""
    return crashed(save, faults=())


@check.probe(question="Who has to hear of the error?")
def a_failure_is_told(save):
    """fsync of the file fails, as on a broken disk."""
    failed = []

    def fsync(what):
        about = os.fstat(what if isinstance(what, int) else what.fileno())
        if stat.S_ISREG(about.st_mode):
            failed.append(what)
            raise OSError(errno.EIO, "made to fail")

    raised, _, _ = _interrupted(save, fsync)
    if not failed:
        return  # it has another way to wait for the disk
    assert raised is not None, "save() returned as if the data were safe."
    assert isinstance(raised, OSError), f"Instead of an OSError it raised {raised!r}."


@check.probe(question="How is your new file called, and which other file may be called so?")
def a_file_with_the_new_ones_name(save):
    """It is noted how the new file is called. Such a file is saved, too, and fsync fails."""
    names = {old.name for old, _ in _renames(save)}
    for name in sorted(names):
        _, held, _ = _interrupted(save, OSError(5, "made to fail"), name)
        assert held == b"old", (
            f"For results.json, your new file is called {name!r}. Then a file called {name!r} was "
            "saved, and fsync failed. "
            + (
                "That file is gone."
                if held is None
                else f"It held b'old', and now it holds {held}."
            )
        )
    for name in sorted(name for name in names if "results.json" not in name):
        with tempfile.TemporaryDirectory() as place:
            path, other = Path(place, "results.json"), Path(place, name)
            path.write_bytes(b"old")
            other.write_bytes(b"of somebody else")
            with suppress(OSError):
                save(path, b"new")
            held = other.read_bytes() if other.exists() else None
        assert held == b"of somebody else", (
            f"For results.json, your new file is called {name!r}. Somebody else had a file of that "
            "name. Now " + ("it is gone." if held is None else f"it holds {held}.")
        )


@check.probe(
    question="Which names does your pattern match, if `path` has a `*`, `?` or `[` in its name?"
)
def a_name_with_brackets(save):
    """A file "[ab]" is saved; the folder has one of somebody else, called as the new one but for "a"."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "[ab]")
        for data in (b"old", b"new"):
            names = {old.name for old, _ in _renames(save, path.name) if path.name in old.name}
            others = [path.with_name(name.replace("[ab]", "a")) for name in names]
            for other in others:
                other.write_bytes(b"of somebody else")
            save(path, data)
            gone = [other.name for other in others if not other.exists()]
            assert not gone, f"'[ab]' was saved, and the file {gone[0]!r} of somebody else is gone."


@check.probe(question="What does the caller believe now, and what is on the disk?")
def old_or_new_after_a_failure(save):
    """Each fsync fails once, or the disk is full, and a crash comes after each step."""
    return crashed(save, faults=("eio", "enospc"))


@check.probe(question="What did the first call leave undone, and who does it in the second one?")
def the_caller_tries_again(save):
    """An fsync fails once, or the disk gets full, at each step. Whoever called save() calls it again."""

    def insisting(path, data):
        try:
            save(path, data)
        except OSError:
            save(path, data)

    return crashed(insisting, faults=("eio", "enospc"), restart=False)


@check.probe(question="What is left to do before the error goes on to the caller?")
def a_failure_leaves_nothing_behind(save):
    """fsync fails, as on a broken disk, and with another kind of error. Then os.replace fails so."""
    errors = (OSError(errno.EIO, "made to fail"), RuntimeError("made to fail"))
    for error in errors:
        _, held, extra = _interrupted(save, error)
        assert held == b"old", f"fsync raised {error!r}, and the file holds {held}."
        assert not extra, f"fsync raised {error!r}, and {extra} stayed behind."
    for error in errors:
        extra = _stopped_at_rename(save, error)
        assert not extra, f"os.replace raised {error!r}, and {extra} stayed behind."


@check.probe(question="Does the new file still have its first name when the folder is synced?")
def a_failure_of_the_folder_is_told(save):
    """fsync fails for the folder alone."""

    def fsync(what):
        about = os.fstat(what if isinstance(what, int) else what.fileno())
        if stat.S_ISDIR(about.st_mode):
            raise OSError(errno.EIO, "made to fail")

    with (
        tempfile.TemporaryDirectory() as place,
        mock.patch.object(os, "fsync", fsync),
        mock.patch.object(os, "fdatasync", fsync, create=True),
    ):
        path = Path(place, "results.json")
        path.write_bytes(b"old")
        try:
            save(path, b"new")
        except FileNotFoundError as error:
            raise AssertionError(
                f"The disk is broken, and the caller hears of {error!r}: the cleaning up failed."
            ) from error
        except OSError:
            return
    raise AssertionError("save() returned as if the name were safe.")


@check.probe(
    "exception_catches_all", question="Which class do Exception and KeyboardInterrupt both have?"
)
def ctrl_c_leaves_nothing_behind(save):
    """Somebody presses Ctrl-C during fsync, or just before os.replace does anything."""
    _, _, extra = _interrupted(save, KeyboardInterrupt())
    where = "fsync"
    if not extra:
        extra, where = _stopped_at_rename(save, KeyboardInterrupt()), "os.replace"
    assert not extra, (
        "After other errors the folder was clean. "
        f"After KeyboardInterrupt in {where} {extra} stayed behind."
    )


@check.probe(question="What does your `except` do, and is there anything to do it with by then?")
def it_may_open_no_more_files(save):
    """The process has as many files open as it may."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "results.json")
        path.write_bytes(b"old")
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        lowest = os.dup(0)  # the next one that opens gets this number
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, limits[1]))
        try:
            save(path, b"new")
        except OSError as error:
            told = error
        else:
            told = None
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert told is not None and told.errno == errno.EMFILE, (
        f"Nothing could be opened: too many open files. The caller got {told!r}."
    )


@check.probe(question="Who closes what `os.open` has opened?")
def nothing_stays_open(save):
    """A file is saved, and it is looked whether the process still has it open, or its folder."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "results.json")
        save(path, b"new")
        left = [file.name for file in (path, path.parent) if opened(file)]
        assert path.name not in left, "save() returned, and the file is still open."
        assert not left, "save() returned, and the folder is still open."


@check.probe(question="How long may a name be on your disk, and how much do you add to it?")
def a_long_name(save):
    """The file's name has 200 letters, each of them one byte."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "r" * 200)
        path.write_bytes(b"old")
        try:
            save(path, b"new")
        except OSError as error:
            raise AssertionError(f"It raised {os.strerror(error.errno or 0)!r}.") from error
        held = path.read_bytes()
    assert held == b"new", f"b'new' was saved, and the file holds {held}."


@check.probe(question="What is there the first time that it saves?")
def the_first_night(save):
    """There is no old file yet."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "results.json")
        save(path, b"first")
        assert path.read_bytes() == b"first", f"The file holds {path.read_bytes()}."
