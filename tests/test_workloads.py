"""The built-in workloads: what each task returns, and how each fails."""

from __future__ import annotations

import doctest
import importlib.util
import math
import random
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from taskqueue_edu import facts
from taskqueue_edu.catalogue import catalogue
from taskqueue_edu.errors import TaskFailed
from taskqueue_edu.executor import run_task
from taskqueue_edu.pool import WorkerPool
from taskqueue_edu.queue import TaskQueue
from taskqueue_edu.task import RunningTask, Task
from taskqueue_edu.workloads import (
    BUILTIN,
    FetchPage,
    FileIndex,
    FlakyTask,
    IndexFile,
    MathTask,
    Page,
    PageServer,
    PrimeTask,
    RiskyTask,
    SleepTask,
    SourceSummary,
    corpus_files,
    source_files,
    stdlib_files,
    summarize,
    web,
)


@pytest.fixture
def server() -> Iterator[PageServer]:
    """A server that answers at once."""
    with PageServer(median_ms=0) as server:
        yield server


@pytest.fixture
def queue() -> Iterator[TaskQueue]:
    """A queue with two workers at work."""
    with TaskQueue() as queue, WorkerPool(2) as pool:
        pool.start_processing(queue)
        yield queue


def index(folder: Path, source: str | bytes) -> FileIndex:
    path = folder / "module.py"
    path.write_bytes(source.encode() if isinstance(source, str) else source)
    return IndexFile(str(path)).execute()


# -- index source files


def test_index_counts(tmp_path: Path) -> None:
    """Methods, async and nested functions count, lambdas don't; names are dotted."""
    source = """\
import os

class Outer:
    @property
    def short(self): return 1

    class Inner:
        async def long(self):
            def helper():
                pass

            return helper

if os:
    def conditional():
        f = lambda: 1
        return f
"""
    path = str(tmp_path / "module.py")
    assert index(tmp_path, source) == FileIndex(path, 17, 4, 2, "Outer.Inner.long", 5)


@pytest.mark.parametrize(
    ("source", "lines"), [("", 0), ("x = 1", 1), ("x = 1\n", 1), ("x = 1\r\n\x0cy = 2\r\n", 2)]
)
def test_index_without_functions(tmp_path: Path, source: str, lines: int) -> None:
    """A file without functions has no longest one; lines end where an editor ends them."""
    path = str(tmp_path / "module.py")
    assert index(tmp_path, source) == FileIndex(path, lines, 0, 0, None, 0)


def test_index_of_equals(tmp_path: Path) -> None:
    """Of equally long functions the first counts."""
    source = "def b(): pass\ndef a(): pass\nclass C:\n    def d(self): pass\n"
    assert index(tmp_path, source).longest_function == "b"


@pytest.mark.parametrize(
    "source",
    [
        "# coding: latin-1\ndef größe(): pass\n".encode("latin-1"),
        b"\xef\xbb\xbf" + "def größe(): pass\n".encode(),
        "def größe(): pass\n".encode(),
    ],
    ids=["declared", "byte order mark", "default"],
)
def test_index_honors_the_encoding(tmp_path: Path, source: bytes) -> None:
    """A file is read in the encoding that it declares, and in UTF-8 if it declares none."""
    assert index(tmp_path, source).longest_function == "größe"


def test_index_of_a_deep_expression(tmp_path: Path) -> None:
    """A sum of 1,500 terms, nested deeper than Python recurses, is no problem."""
    deep = " + ".join(["1"] * 1_500)
    assert index(tmp_path, f"x = {deep}\ndef f(): pass\n").functions == 1


@pytest.mark.parametrize("source", [b"def broken(:\n", b"# coding: klingon\n", b"x = '\xff'\n"])
def test_index_of_a_broken_file(tmp_path: Path, source: bytes) -> None:
    """A file that is no Python source raises its own SyntaxError or decoding error."""
    with pytest.raises((SyntaxError, UnicodeDecodeError)):
        index(tmp_path, source)


def test_index_names_the_broken_file(tmp_path: Path) -> None:
    """The SyntaxError has the file's name and line."""
    with pytest.raises(SyntaxError) as caught:
        index(tmp_path, "x = 1\ndef broken(:\n")
    assert caught.value.filename == str(tmp_path / "module.py")
    assert caught.value.lineno == 2


def test_index_of_a_missing_file(tmp_path: Path) -> None:
    """A file that is not there raises FileNotFoundError."""
    with pytest.raises(FileNotFoundError):
        IndexFile(str(tmp_path / "gone.py")).execute()


def test_source_files(tmp_path: Path) -> None:
    """All .py files below a folder, sorted; hidden and skipped folders are left out."""
    for name in ("b.py", "a.py", "a.txt", "sub/c.py", "sub/tests/d.py", ".venv/e.py", "f.py/g.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "dangling.py").symlink_to(tmp_path / "gone")

    def names(**options: Any) -> list[str]:
        found = source_files(tmp_path, **options)
        return [path.relative_to(tmp_path).as_posix() for path in found]

    assert names() == ["a.py", "b.py", "f.py/g.py", "sub/c.py", "sub/tests/d.py"]
    assert names(skip={"tests"}) == ["a.py", "b.py", "f.py/g.py", "sub/c.py"]


def test_source_files_of_nothing(tmp_path: Path) -> None:
    """A folder that is not there is an error, not an empty list."""
    with pytest.raises(FileNotFoundError):
        source_files(tmp_path / "gone")


def test_whole_standard_library() -> None:
    """The files of the standard library are listed, and no test is among them.

    tests/cli/test_cli_run.py indexes every one of them.
    """
    files = stdlib_files()
    assert len(files) > 300
    assert {"ast.py", "queue.py", "decoder.py"} <= {path.name for path in files}
    skipped = {"test", "tests", "idle_test", "site-packages", "__pycache__"}
    assert not any(skipped & set(path.parts) for path in files)


def test_corpus() -> None:
    """The corpus is what the notebooks' committed outputs were made from."""
    total = summarize(IndexFile(str(path)).execute() for path in corpus_files())
    tokens = next(str(path) for path in corpus_files() if path.name == "tokens.py")
    assert total == SourceSummary(14, 604, 51, 8, "calculate", tokens, 40)


@pytest.mark.parametrize("path", corpus_files(), ids=lambda path: path.stem)
def test_corpus_is_correct(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file of the corpus can be imported, and its examples hold."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, path.stem, module)
    spec.loader.exec_module(module)
    assert doctest.testmod(module).failed == 0


def test_summarize_in_any_order() -> None:
    """The order of the results changes nothing; of equals the first by path counts."""
    indexes = [FileIndex(name, 10, 2, 1, f"in_{name}", 5) for name in "abcde"]
    for seed in range(5):
        mixed = random.Random(seed).sample(indexes, len(indexes))
        assert summarize(mixed) == SourceSummary(5, 50, 10, 5, "in_a", "a", 5)


def test_summarize_without_functions() -> None:
    """Nothing, or files without functions, have no longest function and no path to it."""
    assert summarize([]) == SourceSummary(0, 0, 0, 0, None, None, 0)
    empty = FileIndex("a", 3, 0, 0, None, 0)
    assert summarize([empty]) == SourceSummary(1, 3, 0, 0, None, None, 0)


# -- fetch pages


def test_fetch(server: PageServer) -> None:
    """A page has its URL, status, size and duration; the same path is the same page."""
    pages = [FetchPage(url).execute() for url in server.urls(3)]
    assert [page.url for page in pages] == [server.url(f"/page/{n}") for n in range(3)]
    for page in pages:
        assert page.status == 200
        assert 1024 <= page.bytes <= 20 * 1024
        assert page.seconds > 0
    with PageServer(median_ms=0) as other:
        again = [FetchPage(url).execute() for url in other.urls(3)]
    assert [page.bytes for page in again] == [page.bytes for page in pages]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "http://127.0.0.1@example.com/",
        "http://127.0.0.2/",
        "http://0.0.0.0/",
        "https://127.0.0.1/",
        "file:///etc/hostname",
        "127.0.0.1/page/1",
        "",
    ],
)
def test_fetch_stays_on_this_machine(url: str) -> None:
    """Any URL but http:// on the loopback interface is refused before it is asked."""
    with pytest.raises(ValueError, match=r"is refused: only http://127\.0\.0\.1 or localhost"):
        FetchPage(url).execute()


def test_fetch_ignores_proxies(server: PageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment is not used."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert FetchPage(server.url("/page/1")).execute().status == 200


def test_fetch_by_name(server: PageServer) -> None:
    """localhost is as good as 127.0.0.1."""
    url = server.url("/page/1").replace("127.0.0.1", "localhost")
    assert FetchPage(url).execute().status == 200


@pytest.mark.parametrize(
    "path", ["/missing", "/", "", "/page/", "/page/x", "/page/1/2", "/flaky", "/flaky?fails=-1"]
)
def test_fetch_what_is_not_there(server: PageServer, path: str) -> None:
    """A path without a page raises LookupError, which is no use to try again."""
    with pytest.raises(LookupError, match="404 Not Found"):
        FetchPage(server.url(path)).execute()


def test_fetch_flaky(server: PageServer) -> None:
    """A flaky path raises ConnectionError as often as it says; each path counts for itself."""
    for path in ("/flaky?fails=2", "/flaky/other?fails=2"):
        task = FetchPage(server.url(path))
        for _ in range(2):
            with pytest.raises(ConnectionError, match="503 Service Unavailable"):
                task.execute()
        assert task.execute().status == 200
        assert task.execute().status == 200


def test_fetch_from_nobody() -> None:
    """A server that is gone raises ConnectionError."""
    with PageServer() as server:
        url = server.url("/page/1")
    with pytest.raises(ConnectionError):
        FetchPage(url).execute()


def test_fetch_times_out() -> None:
    """A server that never answers raises TimeoutError."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(TimeoutError):
            FetchPage(url, timeout=0.05).execute()


def test_server_is_silent(server: PageServer, capfd: pytest.CaptureFixture[str]) -> None:
    """Whatever is asked, the server prints nothing."""
    FetchPage(server.url("/page/1")).execute()
    with pytest.raises(LookupError):
        FetchPage(server.url("/missing")).execute()
    with connect(server) as client:
        client.sendall(b"nonsense\r\n\r\n")
        assert b"400" in client.recv(1000)
    server.close()
    assert capfd.readouterr() == ("", "")


def connect(server: PageServer) -> socket.socket:
    host, _, port = server.address.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=5)


def test_server_leaves_nothing_behind() -> None:
    """After close no thread is left, and closing again does nothing."""
    before = threading.enumerate()
    server = PageServer(median_ms=0)
    FetchPage(server.url("/page/1")).execute()
    server.close()
    server.close()
    assert threading.enumerate() == before


def test_server_answers_several_at_once(server: PageServer) -> None:
    """A client that says nothing keeps nobody else waiting."""
    with connect(server):
        assert FetchPage(server.url("/page/1")).execute().status == 200


def test_close_answers_what_is_under_way() -> None:
    """A request that waits for its latency is answered when the server closes, not lost."""
    with PageServer(median_ms=10_000) as server, connect(server) as first:
        assert server.latency("/page/1") > 5
        first.sendall(b"GET /page/1 HTTP/1.0\r\n\r\n")
        with connect(server) as second:  # answered at once, so the first was accepted before
            second.sendall(b"nonsense\r\n\r\n")
            assert b"400" in second.recv(1000)
        server.close()
        assert first.recv(1000).startswith(b"HTTP/1.0 200 OK")


@pytest.mark.slow
def test_close_does_not_wait_for_a_silent_client(
    server: PageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that connects and says nothing can't hold up close for long."""
    monkeypatch.setattr(web._Handler, "timeout", 0.2)
    with connect(server):
        FetchPage(server.url("/page/1")).execute()  # so the client before it was accepted
        server.close()


def test_latency() -> None:
    """Latency depends on the path alone, spreads around the median, and has a limit."""
    with PageServer(median_ms=40) as one, PageServer(median_ms=80) as two:
        latencies = sorted(one.latency(f"/page/{n}") for n in range(1_000))
        assert two.latency("/page/7") == pytest.approx(2 * one.latency("/page/7"))
    assert len(set(latencies)) > 900
    assert 0.036 < latencies[500] < 0.044
    assert 0 < latencies[0] < 0.02
    assert 0.08 < latencies[-1] <= 0.16


def test_latency_is_waited_for() -> None:
    """A page takes at least its latency."""
    with PageServer(median_ms=5) as server:
        page = FetchPage(server.url("/page/1")).execute()
        assert page.seconds >= server.latency("/page/1") * 0.99


@pytest.mark.parametrize("median", [-1, 10_001, math.nan, math.inf])
def test_latency_out_of_range(median: float) -> None:
    """A median that is no sensible number of milliseconds is refused."""
    with pytest.raises(ValueError, match="expected 0 to 10,000 milliseconds"):
        PageServer(median_ms=median)


# -- calculate, sleep, fail


def test_math() -> None:
    """MathTask adds and multiplies, of nothing too."""
    assert MathTask("sum", (1, 2, 3, 4, 5)).execute() == 15
    assert MathTask("product", (1, 2, 3, 4, 5)).execute() == 120
    assert (MathTask("sum", ()).execute(), MathTask("product", ()).execute()) == (0, 1)


def test_math_of_another_kind() -> None:
    """Another operation raises ValueError with the allowed ones."""
    with pytest.raises(ValueError, match="operation is 'power', expected 'sum' or 'product'"):
        MathTask("power", (2, 3)).execute()


@pytest.mark.parametrize(
    ("below", "count"),
    [(-5, 0), (0, 0), (2, 0), (3, 1), (4, 2), (10, 4), (26, 9), (100, 25), (10_000, 1_229)],
)
def test_primes(below: int, count: int) -> None:
    """PrimeTask counts the primes below its number."""
    assert PrimeTask(below).execute() == count


def test_sleep() -> None:
    """SleepTask returns the seconds it was told."""
    assert SleepTask(0.0).execute() == 0.0
    assert SleepTask(0.01).execute() == 0.01


@pytest.mark.parametrize("seconds", [-0.1, math.nan, math.inf])
def test_sleep_for_no_duration(seconds: float) -> None:
    """A number that is no duration raises ValueError."""
    with pytest.raises(ValueError, match="expected a finite number, 0 or more"):
        SleepTask(seconds).execute()


@pytest.mark.parametrize("task", [SleepTask(3_600.0), PrimeTask(10**12)], ids=["sleep", "primes"])
def test_a_long_task_can_be_cancelled(task: Task[Any]) -> None:
    """A task that would run for hours ends when it is asked to."""
    run = RunningTask("1", task, attempt=1, worker="test")
    run.request_cancel("no longer needed")
    kind, _ = run_task(run)
    assert kind == facts.CANCELLED


def test_primes_reports_progress() -> None:
    """PrimeTask reports its last step too, so that a progress bar fills up."""
    run = RunningTask("1", PrimeTask(2_500), attempt=1, worker="test")
    assert run_task(run) == (facts.SUCCEEDED, 367)
    assert (run.done, run.total) == (2_500, 2_500)


def test_flaky(queue: TaskQueue) -> None:
    """FlakyTask returns the number of its first run that succeeded."""
    ids = queue.submit_many([FlakyTask(0), FlakyTask(1), FlakyTask(2)])
    assert [queue.wait_for_result(task_id) for task_id in ids] == [1, 2, 3]


def test_flaky_fails_at_last() -> None:
    """Without a queue there is one run, and its error is a ConnectionError."""
    with pytest.raises(ConnectionError, match="run 1 fails, as 2 were told to"):
        FlakyTask(2).execute()


@pytest.mark.slow
def test_flaky_runs_out_of_attempts(queue: TaskQueue) -> None:
    """The policy of FlakyTask gives up after the fifth run."""
    with pytest.raises(TaskFailed, match="run 5 fails"):
        queue.wait_for_result(queue.submit(FlakyTask(5)))


def risky_runs(risk: float, attempt: int = 1) -> list[str]:
    """Return how a run of 200 tasks with that risk ends, one with each seed."""
    return [
        run_task(RunningTask("1", RiskyTask(0.0, risk, seed), attempt, worker="test"))[0]
        for seed in range(200)
    ]


def test_risky_fails_by_chance_and_yet_alike() -> None:
    """Of the runs about as many fail as `risk` says; the same ones each time."""
    assert set(risky_runs(0.0)) == {facts.SUCCEEDED}
    assert set(risky_runs(1.0)) == {facts.FAILED}
    assert 40 < risky_runs(0.3).count(facts.FAILED) < 80
    assert risky_runs(0.3) == risky_runs(0.3)
    assert risky_runs(0.3) != risky_runs(0.3, attempt=2)  # so a retry may succeed


def test_risky_stops_at_a_checkpoint() -> None:
    """A request to cancel ends its sleep."""
    run = RunningTask("1", RiskyTask(600, 0.0, 1), attempt=1, worker="test")
    run.request_cancel("no longer needed")
    kind, _ = run_task(run)
    assert kind == facts.CANCELLED


@pytest.mark.parametrize("task", [RiskyTask(-1, 0.5, 1), RiskyTask(0.0, 1.1, 1)])
def test_risky_checks_its_fields(task: RiskyTask) -> None:
    """What is no duration or no probability is a ValueError."""
    with pytest.raises(ValueError, match="expected"):
        task.execute()


# -- all of them


@pytest.mark.parametrize(
    ("name", "task", "result"),
    [
        ("index_file", IndexFile("größe.py"), FileIndex("größe.py", 3, 1, 0, "f", 2)),
        ("fetch_page", FetchPage("http://localhost/"), Page("http://localhost/", 200, 9, 0.25)),
        ("math", MathTask("sum", (1, 2)), 3),
        ("sleep", SleepTask(0.5), 0.5),
        ("flaky", FlakyTask(2), 3),
        ("risky", RiskyTask(0.5, 0.1, 7), 0.5),
        ("primes", PrimeTask(10), 4),
    ],
)
def test_tasks_and_results_can_be_stored(name: str, task: Task[Any], result: Any) -> None:
    """Each task type has its name, and its tasks and results come back from JSON unchanged."""
    payload, _ = catalogue.encode(task)
    assert catalogue.decode(name, payload) == task
    assert catalogue.decode_result(name, catalogue.encode_result(name, result)) == result


@pytest.mark.parametrize("name", [name for name in BUILTIN if name != "stdlib"])
def test_workload(name: str, queue: TaskQueue) -> None:
    """A workload gives as many tasks as asked, they run, and the summary counts them."""
    workload = BUILTIN[name]
    with workload.open(2) as tasks:
        results = [queue.wait_for_result(task_id) for task_id in queue.submit_many(tasks)]
    assert len(results) == 2
    assert workload.summarize(results).startswith("2 ")


def test_workload_of_the_corpus() -> None:
    """The corpus workload has a task for each file, and a stable summary."""
    with BUILTIN["corpus"].open() as tasks:
        results = [task.execute() for task in tasks]
    assert (
        BUILTIN["corpus"]
        .summarize(results)
        .startswith(
            "14 files with 604 lines, 51 functions and 8 classes. "
            "The longest function is calculate with 40 lines, in "
        )
    )


@pytest.mark.parametrize("name", BUILTIN)
def test_workload_sizes(name: str) -> None:
    """Each workload has a usual size, takes another, and refuses to be empty."""
    workload = BUILTIN[name]
    with workload.open() as usual, workload.open(3) as three:
        assert len(usual) > 10
        assert len(three) == 3
    with pytest.raises(ValueError, match="a workload of 0 tasks"):
        workload.open(0)


@pytest.mark.parametrize("name", BUILTIN)
def test_workload_without_results(name: str) -> None:
    """A run that was stopped before its first result has a summary too."""
    assert BUILTIN[name].summarize([]) == "There are no results."


def test_workload_names() -> None:
    """The table has these names, each with a description of one line."""
    assert list(BUILTIN) == ["stdlib", "corpus", "fetch", "math", "sleep", "flaky", "primes"]
    assert all(workload.description.count("\n") == 0 for workload in BUILTIN.values())
