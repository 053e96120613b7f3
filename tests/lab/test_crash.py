"""The crash test finds each mistake and names it; what is right, it exhausts."""

from __future__ import annotations

import json
import linecache
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from lab.crash_programs import (
    BUGS,
    RIGHT,
    Counter,
    Journal,
    Log,
    NotSynced,
    Saved,
    ShortWrite,
    TornRaises,
)
from taskqueue_edu import facts, files
from taskqueue_edu.lab.crash import Acknowledged, Verdict, crash_test, log_kept, value_kept

Program = Any


def verdict_on(program: Program, **options: Any) -> Verdict:
    return crash_test(
        program.run,
        program.recover,
        program.check,
        files=getattr(program, "files", None),
        **options,
    )


@pytest.mark.parametrize("program", BUGS, ids=lambda program: program.__name__)
def test_each_mistake_is_found_and_named(program: Program) -> None:
    """A program with one mistake fails, with the name of the mistake and the place of it."""
    verdict = verdict_on(program)
    assert (verdict.ok, verdict.kind) == (False, BUGS[program])
    assert not verdict
    assert verdict.failure is not None
    assert verdict.failure.steps
    assert verdict.failure.why
    assert {step.file for step in verdict.failure.steps} == {"crash_programs.py"}


def test_a_file_whose_fsync_was_retried_must_not_be_renamed() -> None:
    """The retry is the mistake, whether or not anybody was told before the power went off."""

    def run(folder: Path, acknowledge: Any) -> None:
        new = folder / "new"
        with new.open("wb") as file:
            file.write(b"new")
            file.flush()
            try:
                os.fsync(file.fileno())
            except OSError:
                os.fsync(file.fileno())
        new.replace(folder / "value")
        files.sync_folder(folder)
        acknowledge(b"new")

    def recover(folder: Path) -> bytes:
        return (folder / "value").read_bytes()

    verdict = crash_test(run, recover, value_kept, files={"value": b"old"}, restart=False)
    assert verdict.kind == "retry after a failed fsync", str(verdict)


def test_a_program_that_cannot_start_again_recovers_nothing() -> None:
    """Then there is no line that says what was recovered."""

    def run(folder: Path, acknowledge: Any) -> None:
        (folder / "new").open("x").close()

    verdict = crash_test(run, lambda _: None, value_kept, faults=())
    assert verdict.failure is not None
    assert "FileExistsError" in verdict.message
    assert "Recovery:" not in str(verdict)
    assert "<span>Recovery" not in verdict._repr_html_()


def test_a_value_that_was_acknowledged_twice_is_to_be_there_twice() -> None:
    """The message does not say of a value that is there once that it is not there."""
    with pytest.raises(AssertionError, match="'a' was acknowledged 2 times, and is there once"):
        log_kept(Acknowledged(["a", "a"]), ["a"])


@pytest.mark.parametrize("program", BUGS, ids=lambda program: program.__name__)
def test_a_verdict_is_always_the_same(program: Program) -> None:
    """The same program gets the same text, states and crash points each time."""
    first, *others = [verdict_on(program) for _ in range(3)]
    for other in others:
        assert str(other) == str(first)
        assert (other.states, other.crash_points) == (first.states, first.crash_points)


@pytest.mark.slow
@pytest.mark.thorough
def test_a_verdict_does_not_depend_on_the_hash_seed() -> None:
    """Another PYTHONHASHSEED changes nothing in any verdict."""
    code = """
        from lab import crash_programs as programs
        from lab.test_crash import verdict_on
        for program in [*programs.BUGS, *programs.RIGHT]:
            print(verdict_on(program), verdict_on(program)._repr_html_())
    """
    texts = set()
    for seed in ("0", "1", "77"):
        path = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
        done = subprocess.run(
            [sys.executable, "-c", "import textwrap; exec(textwrap.dedent(" + repr(code) + "))"],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=True,
        )
        texts.add(done.stdout)
    assert len(texts) == 1


@pytest.mark.parametrize("program", RIGHT, ids=lambda program: program.__name__)
@pytest.mark.parametrize("faults", [(), ("eio",), ("eio", "enospc")], ids=" ".join)
@pytest.mark.parametrize("disk", ["strict", "ext4"])
def test_what_is_right_is_exhausted(program: Program, faults: tuple[str, ...], disk: Any) -> None:
    """A program without a mistake passes, and the verdict says what was tried."""
    verdict = verdict_on(program, faults=faults, disk=disk)
    assert verdict.ok, str(verdict)
    assert verdict.kind == "ok"
    assert {"strict": "POSIX", "ext4": "ext4"}[disk] in verdict.covered
    assert ("each fsync failing" in verdict.covered) == ("eio" in faults)


@pytest.fixture
def same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal writes the time; without it, it writes the same each time."""
    monkeypatch.setattr(facts, "now", lambda: 10**18)
    monkeypatch.setattr(files.time, "strftime", lambda _: "now")


@pytest.mark.slow
@pytest.mark.durability
@pytest.mark.usefixtures("same_time")
def test_the_journal_is_exhausted() -> None:
    """JsonStore with sync="always" and a compaction keeps what was acknowledged."""
    verdict = verdict_on(Journal, faults=("eio", "enospc"))
    assert verdict.ok, str(verdict)
    assert verdict.crash_points > 30


def test_a_whole_write_is_exhausted() -> None:
    """`files.write_whole` leaves the old bytes or the new ones, and returns when it is done."""

    def run(folder: Path, acknowledge: Callable[[Any], None]) -> None:
        for data in (b"new", b"newer"):
            files.write_whole(folder / "file", data)
            acknowledge(data)

    def recover(folder: Path) -> bytes:
        return files.read_limited(folder / "file", 100)

    for faults in ("eio", "enospc"):
        assert crash_test(run, recover, value_kept, files={"file": b"old"}, faults=[faults]).ok


def test_a_file_is_synced_by_its_object() -> None:
    """`os.fsync(file)` does what `os.fsync(file.fileno())` does."""

    def run(folder: Path, acknowledge: Callable[[Any], None]) -> None:
        with (folder / "file").open("rb+") as file:
            file.write(b"n")
            file.flush()
            os.fsync(file)
        acknowledge(b"n")

    def recover(folder: Path) -> bytes:
        return (folder / "file").read_bytes()

    assert crash_test(run, recover, value_kept, files={"file": b"o"}).ok


@pytest.mark.parametrize("flag", [os.O_SYNC, os.O_DSYNC])
def test_a_write_may_wait_for_the_disk_by_itself(flag: int) -> None:
    """What is written to a file opened with O_SYNC is on the disk, or the write raises."""

    def run(folder: Path, acknowledge: Callable[[Any], None]) -> None:
        descriptor = os.open(folder / "file", os.O_WRONLY | flag)
        with suppress(OSError):
            os.write(descriptor, b"n")
            acknowledge(b"n")
        os.close(descriptor)

    def recover(folder: Path) -> bytes:
        return (folder / "file").read_bytes()

    assert crash_test(run, recover, value_kept, files={"file": b"o"}, faults=("eio",)).ok


def nothing(*_: object) -> None:
    pass


@pytest.mark.slow
@pytest.mark.durability
@pytest.mark.usefixtures("same_time")
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("sync_data", "write without fsync acknowledged"),
        ("sync_folder", "without fsync of the folder"),
        ("truncate", "recovery itself is not safe"),
    ],
)
def test_a_journal_that_leaves_a_step_out_is_found(
    monkeypatch: pytest.MonkeyPatch, name: str, kind: str
) -> None:
    """A JsonStore without one of its syncs, or without its repair, fails."""
    monkeypatch.setattr(files, name, nothing)
    assert verdict_on(Journal).kind == kind


def test_a_short_write_is_found_on_a_full_disk() -> None:
    """os.write may take a part of the bytes; who doesn't look loses the rest."""
    assert verdict_on(ShortWrite).ok
    verdict = verdict_on(ShortWrite, faults=("enospc",))
    assert verdict.kind == "failed write ignored"


# -- what a verdict says


def test_it_shows_the_file_what_was_acknowledged_and_what_is_left() -> None:
    """The evidence has each step with its line, the bytes by their fate, and the outcome."""
    verdict = verdict_on(NotSynced)
    assert verdict.message == "'one' was acknowledged, and is not there"
    failure = verdict.failure
    assert failure is not None
    assert [(step.text, step.became) for step in failure.steps if step.became] == [
        ("create log.jsonl", "on the disk"),
        ("write 6 bytes to log.jsonl", "not synced: lost"),
    ]
    write = next(step for step in failure.steps if step.lost)
    assert write.source == "self.file.flush()"
    assert Path(__file__).with_name(write.file).read_text().splitlines()[
        write.line - 1
    ].strip() == (write.source)
    (view,) = failure.files
    assert (view.path, view.spans, view.left) == ("log.jsonl", ((b'"one"\n', "lost"),), b"")
    assert failure.acknowledged == ("one",)
    assert failure.recovered == "[]"
    for text in (
        "FAIL: write without fsync acknowledged",
        "self.file.flush()",
        "Acknowledged: 'one'",
    ):
        assert text in str(verdict)


def test_bytes_in_the_buffer_are_told_from_those_with_the_kernel() -> None:
    """Without flush, not even the kernel has the bytes: the death of the process loses them."""
    failure = verdict_on(next(p for p in BUGS if p.__name__ == "NotFlushed")).failure
    assert failure is not None
    assert failure.crash.startswith("The process is killed")
    assert failure.files[0].spans == ((b'"one"\n', "buffer"),)


def test_html_needs_neither_color_nor_script() -> None:
    """The notebook's form says in words what its colors say."""
    html = verdict_on(TornRaises)._repr_html_()
    assert "<script" not in html
    for text in ("torn last line", "not synced", "The power goes off after step", "Acknowledged"):
        assert text in html


def test_html_is_escaped() -> None:
    """What a program writes and acknowledges is text, not markup."""

    def run(folder: Path, acknowledge: Callable[[Any], None]) -> None:
        (folder / "<b>.txt").write_text("<script>")
        acknowledge("<i>")

    def recover(folder: Path) -> list[Any]:
        return ["<i>"] if (folder / "<b>.txt").exists() else []

    verdict = crash_test(run, recover)
    assert verdict.ok is False
    html = verdict._repr_html_().partition("</style>")[2]
    for text in ("<script>", "<b>.txt", "'<i>'"):
        assert text not in html


CELL = """
from os import fsync, open as open_descriptor, O_RDONLY

def run(folder, acknowledge):
    with open(folder / "log.jsonl", "ab") as file:
        file.write(b'"one"\\n')
        file.flush()
        fsync(file.fileno())
    SYNC
    acknowledge("one")
"""


@pytest.mark.parametrize("sync", ["pass", "fsync(open_descriptor(folder, O_RDONLY))"])
def test_code_in_a_notebook_that_imports_names(monkeypatch: pytest.MonkeyPatch, sync: str) -> None:
    """Functions imported by name are replaced, too; a step in a cell says `cell` and its line."""
    code, name = CELL.replace("SYNC", sync), "/tmp/ipykernel_4711/123.py"
    monkeypatch.setitem(linecache.cache, name, (len(code), None, code.splitlines(True), name))
    cell: dict[str, Any] = {}
    exec(compile(code, name, "exec"), cell)
    real = cell["fsync"]
    verdict = crash_test(cell["run"], Log.recover, restart=False)
    assert cell["fsync"] is real
    if sync == "pass":
        assert verdict.kind == "without fsync of the folder"
        assert verdict.failure is not None
        assert "cell:8  fsync(file.fileno())" in str(verdict)
    else:
        assert verdict.ok


# -- what the code under test may do


def test_a_spent_budget_decides_nothing() -> None:
    """The verdict is None then, and says how far it came."""
    verdict = verdict_on(Counter, budget=20)
    assert (verdict.ok, verdict.kind, verdict.states) == (None, "budget spent", 20)
    assert "the process killed after each operation" in verdict.covered


def test_a_program_that_raises_is_a_failure() -> None:
    """An exception without a crash or a fault is said as such."""

    def run(folder: Path, acknowledge: object) -> None:
        raise LookupError("nothing here")

    verdict = crash_test(run, lambda folder: [])
    assert (verdict.ok, verdict.kind) == (False, "exception")
    assert "LookupError: nothing here" in verdict.message


@pytest.mark.slow
def test_an_endless_loop_of_calls_ends() -> None:
    """A program that writes for ever gets a verdict."""

    def run(folder: Path, acknowledge: object) -> None:
        with (folder / "a").open("ab", buffering=0) as file:
            while True:
                file.write(b"x")

    verdict = crash_test(run, lambda folder: [])
    assert (verdict.ok, verdict.kind) == (False, "exception")
    assert "endless" in verdict.message


def test_recovery_that_fails_on_an_empty_folder_is_named() -> None:
    """The first start is a recovery as well."""

    def recover(folder: Path) -> list[str]:
        return (folder / "log.jsonl").read_text().splitlines()

    assert crash_test(Log.run, recover).kind == "wrong without a crash"


def test_recovery_that_destroys_is_found() -> None:
    """A recovery that removes the log before it has written it anew loses it in a second crash."""

    def recover(folder: Path) -> list[Any]:
        found = Log.recover(folder)
        path = folder / "log.jsonl"
        if path.exists():
            path.unlink()
            for word in found:
                log = Log(folder)
                log.append(word)
                log.file.close()
        return found

    verdict = crash_test(Log.run, recover)
    assert verdict.kind == "recovery itself is not safe"
    assert verdict.failure is not None
    assert any("goes off again" in line for line in verdict.failure.then)


def test_a_rename_alone_is_enough_for_ext4() -> None:
    """What passes on ext4 by its habits fails where only POSIX is promised."""
    program = next(p for p in BUGS if p.__name__ == "FileNotSynced")
    assert verdict_on(program, disk="ext4").ok
    assert verdict_on(program, disk="strict").ok is False


def test_a_check_may_return_false_or_raise() -> None:
    """A check of one's own says no in either way."""
    for check in (lambda acknowledged, recovered: False, lambda acknowledged, recovered: 1 / 0):
        assert crash_test(Log.run, Log.recover, check).ok is False
    assert crash_test(Log.run, Log.recover, lambda acknowledged, recovered: True).ok


def test_what_the_program_prints_is_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    """The program speaks in its first run only."""

    def run(folder: Path, acknowledge: Callable[[Any], None]) -> None:
        print("at work")  # noqa: T201
        Log.run(folder, acknowledge)

    def recover(folder: Path) -> list[Any]:
        print("recovering")  # noqa: T201
        return Log.recover(folder)

    assert crash_test(run, recover).ok
    assert capsys.readouterr().out == "at work\n"


def test_unknown_options_are_refused() -> None:
    """A fault or a disk that is not known raises ValueError."""
    with pytest.raises(ValueError, match="'smoke'"):
        verdict_on(Log, faults=("smoke",))
    with pytest.raises(ValueError, match="'ntfs'"):
        verdict_on(Log, disk="ntfs")


def test_a_value_may_be_the_old_or_the_new_one() -> None:
    """value_kept takes the last acknowledged value, or one that was being saved."""
    told = Acknowledged(["a", "b"], before="old", later=["c"])
    value_kept(told, "b")
    value_kept(told, "c")
    with pytest.raises(AssertionError, match="'b' was acknowledged, and recovery finds 'a'"):
        value_kept(told, "a")
    with pytest.raises(AssertionError, match="'old' was there at first"):
        value_kept(Acknowledged([], before="old"), None)


@pytest.mark.parametrize(
    ("found", "complaint"),
    [
        (["x", "a", "b"], ""),
        (["x", "a", "b", "c"], ""),
        (["x", "s", "a", "b"], ""),
        (["x", "a"], "'b' was acknowledged, and is not there"),
        (["a", "b"], "'x' was there before"),
        (["x", "b", "a"], "'b' is there twice, or out of order"),
        (["x", "a", "a", "b"], "'a' is there twice"),
        (["x", "a", "b", "?"], "nobody wrote that"),
    ],
)
def test_a_log_has_what_was_acknowledged_and_nothing_invented(
    found: list[str], complaint: str
) -> None:
    """log_kept takes what was acknowledged, in order, and beyond that only what was written."""
    told = Acknowledged(["a", "b"], before=["x"], later=["c"], skipped=["s"])
    if complaint:
        with pytest.raises(AssertionError, match=complaint.replace("?", r"\?")):
            log_kept(told, found)
    else:
        log_kept(told, found)


@pytest.mark.parametrize("value", [b"new", "new"])
def test_one_value_is_no_log(value: Any) -> None:
    """Whoever forgets check=value_kept hears of that, and not of bytes that nobody wrote."""

    def run(folder: Path, acknowledge: Callable[[Any], None]) -> None:
        acknowledge(value)

    with pytest.raises(TypeError, match="keyword argument check=value_kept"):
        crash_test(run, lambda _: value)


def test_letters_are_a_log() -> None:
    """Whoever acknowledges one letter at a time may find them as a text."""
    log_kept(Acknowledged(["a"], before="x", later=["b"]), "xab")
    log_kept(Acknowledged([97]), b"a")


def test_files_that_are_there_at_first() -> None:
    """`files` may lie in folders, which are made."""

    def run(folder: Path, acknowledge: Callable[[Any], None]) -> None:
        assert (folder / "a" / "b" / "c.txt").read_bytes() == b"c"

    verdict = crash_test(
        run,
        lambda folder: json.loads((folder / "d.json").read_text()),
        value_kept,
        files={"a/b/c.txt": b"c", "d.json": b"1"},
    )
    assert verdict.ok


def test_saving_needs_no_restart() -> None:
    """restart=False leaves out the second run."""
    assert verdict_on(Saved, restart=False).states <= verdict_on(Saved).states
