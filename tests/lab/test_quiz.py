"""The concept quiz: its key is shown by running its code, and its answers stay with the learner."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from statistics import mean
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import taskqueue_edu
from taskqueue_edu.course.rationale import rationale
from taskqueue_edu.lab import attempts, crash_test, explore, quiz, together
from taskqueue_edu.lab.gain import Gain
from taskqueue_edu.lab.misconceptions import MISCONCEPTIONS
from taskqueue_edu.lab.quiz import UNKNOWN, Question, questions

PACKAGE = Path(taskqueue_edu.__file__).parent
ASKED = questions()
BY_NAME = {question.name: question for question in ASKED}
KEY = " ".join(question.right for question in ASKED)


# -- the questions


def test_the_form() -> None:
    """There are 24 questions, most on phase 2; each wrong option says what is behind it."""
    assert len(BY_NAME) == 24
    phases = Counter(question.phase for question in ASKED)
    assert phases.most_common(1)[0][0] == 2
    assert set(phases) == {1, 2, 3, 4}
    for question in ASKED:
        assert len(question.options) in (3, 4)
        for letter, option in question.by_letter.items():
            said = bool(option.misconception) + bool(option.why)
            assert said == (letter != question.right), question.name
            assert option.misconception in {"", *MISCONCEPTIONS}


def test_nothing_gives_the_answer_away() -> None:
    """Neither one letter, nor the longest or the shortest option, is right in more than a third."""
    letters = Counter(question.right for question in ASKED)
    third = len(ASKED) // 3
    assert max(letters.values()) <= third
    assert set(letters) == set("abcd")
    assert max(len(list(run)) for _, run in groupby(KEY.split())) <= 2
    for far in (max, min):
        extreme = [far(question.options, key=lambda o: len(o.text)) for question in ASKED]
        hits = sum(q.by_letter[q.right] is one for q, one in zip(ASKED, extreme, strict=True))
        assert hits <= third, far


@pytest.mark.parametrize("question", ASKED, ids=lambda question: question.name)
def test_where_to_read_again(question: Question) -> None:
    """The heading that a question names is in the notebook of its phase."""
    source = (PACKAGE / "course" / f"phase{question.phase}.py").read_text(encoding="utf-8")
    headings = re.findall(r"^# #{2,3} (.*)$", source, re.M)
    assert any(heading.endswith(question.read) for heading in headings)


def test_the_table_is_up_to_date() -> None:
    """notebooks/QUIZ.md is what the command writes."""
    page = PACKAGE.parent / "notebooks" / "QUIZ.md"
    assert page.read_text(encoding="utf-8") == rationale()


# -- the key

PROOFS: dict[str, Callable[[Any], None]] = {}
"""What shows that the right option is right, for each question that can be run."""


def proof(name: str) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    def enter(show: Callable[[Any], None]) -> Callable[[Any], None]:
        PROOFS[name] = show
        return show

    return enter


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Any]:
    """Return a function that imports code afresh, with names that the question takes as given."""
    made: list[ModuleType] = []

    def load(code: str, **given: Any) -> Any:
        path = tmp_path / f"question_{len(made)}.py"
        path.write_text(code, encoding="utf-8")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        made.append(module)
        vars(module).update(given)
        spec.loader.exec_module(module)
        return module

    return load


def test_each_question_that_can_be_run_is() -> None:
    """Only a question that is argued has nothing that shows its answer."""
    printed = {q.name for q in ASKED if q.evidence == "run"} & set(PRINTED)
    argued = {q.name for q in ASKED if q.evidence == "argued"}
    assert printed | set(PROOFS) | argued == set(BY_NAME)
    assert argued == {"p2.cpu"}


PRINTED = ("p1.handover", "p1.default", "p1.lambda", "p1.protocol", "p1.heap", "p3.retry")


@pytest.mark.parametrize("name", PRINTED)
def test_what_is_printed(
    name: str, load: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """The code prints what the right option says, or raises the error that it names."""
    question = BY_NAME[name]
    try:
        load(question.code)
        came = capsys.readouterr().out.strip()
    except Exception as error:
        came = type(error).__name__
    fits = [
        letter
        for letter, option in question.by_letter.items()
        if option.text == came
        or option.text.startswith(f"{came}:")
        or (option.text.startswith("nothing") and came in option.text)
    ]
    assert fits == [question.right]


def outcomes(run: Callable[[], object]) -> tuple[set[object], bool]:
    """Return what `run` returns in all schedules that end, and whether some stand still."""
    found: set[object] = set()
    verdict = explore(lambda: found.add(run()))
    assert verdict.kind in ("ok", "deadlock"), verdict
    return found, not verdict.ok


@proof("p2.counter")
def _(load: Any) -> None:
    def run() -> int:
        module = load(size=lambda job: 1)
        together(lambda: module.finish("a"), lambda: module.finish("b"))
        return module.done

    assert outcomes(run) == ({1, 2}, False)


@proof("p2.snapshot")
def _(load: Any) -> None:
    code = BY_NAME["p2.snapshot"].code
    bare = "    return free + busy"

    def seen(code: str) -> set[object]:
        def run() -> object:
            module, got = load(code=code), []
            together(module.start, lambda: got.append(module.total()))
            return got[0]

        return outcomes(run)[0]

    assert seen(code) > {4}
    assert seen(code.replace(bare, "    with lock:\n        return free + busy")) == {4}
    other = "    with readers:\n        return free + busy\n\nreaders = threading.Lock()"
    assert seen(code.replace(bare, other)) > {4}


@proof("p2.take")
def _(load: Any) -> None:
    def run() -> tuple[str, ...]:
        ran: list[str] = []
        module = load(run=ran.append)
        module.jobs.put("job")
        together(module.worker, module.worker)
        return tuple(ran)

    found, stands = outcomes(run)
    assert stands
    assert found <= {("job",)}


@proof("p2.wait")
def _(load: Any) -> None:
    def run() -> None:
        module = load()
        together(module.take, module.take, lambda: (module.put("a"), module.put("b")))

    verdict = explore(run)
    assert verdict.kind == "exception"
    assert "IndexError" in str(verdict)


@proof("p2.notify")
def _(load: Any) -> None:
    def run() -> None:
        module = load()
        other = threading.Thread(target=module.wait_until_closed)
        other.start()
        together(module.wait_until_ready, module.get_ready)
        with module.changed:
            module.closed = True
            module.changed.notify_all()
        other.join()

    assert explore(run).kind == "lost wakeup"


@proof("p2.callback")
def _(load: Any) -> None:
    assert explore(load).kind == "deadlock"


@proof("p2.two_locks")
def _(load: Any) -> None:
    def run() -> None:
        module = load()
        x, y = (SimpleNamespace(lock=threading.Lock(), money=1) for _ in range(2))
        together(lambda: module.move(x, y, 1), lambda: module.move(y, x, 1))
        assert (x.money, y.money) == (1, 1)

    assert explore(run).kind == "deadlock"


@proof("p2.order")
def _(load: Any) -> None:
    store = "    results['a'] = 1"
    repairs = {
        "a": (store, "time.sleep(1)"),
        "b": ("    done.set()\n" + store, "done.wait()"),
        "c": (store + "\n    with c:\n        c.notify()", "c.acquire()\n    c.wait()"),
        "d": (store + "\n    done.set()", "done.wait()"),
    }

    def ok(worker: str, test: str) -> bool | None:
        code = (
            "import threading, time\nresults = {}\n"
            "done, c = threading.Event(), threading.Condition()\n"
            f"def worker():\n{worker}\n"
            "def test():\n    thread = threading.Thread(target=worker)\n    thread.start()\n"
            f"    {test}\n    assert 'a' in results\n"
        )
        return explore(lambda: load(code=code).test()).ok

    right = [letter for letter, repair in repairs.items() if ok(*repair)]
    assert right == [BY_NAME["p2.order"].right]


@proof("p2.timeout")
def _(load: Any) -> None:
    gate, written = threading.Event(), []

    def write_report() -> None:
        gate.wait()
        written.append("report")

    code = BY_NAME["p2.timeout"].code.replace("timeout=1", "timeout=0.01")
    module = load(code=code, write_report=write_report)
    assert not written
    gate.set()
    module.pool.shutdown()
    assert written == ["report"]


@proof("p3.saved")
def _(load: Any) -> None:
    module, found = load(), set()

    def recover(folder: Path) -> str:
        path = folder / "state.json"
        return path.read_text() if path.exists() else ""

    crash_test(
        lambda folder, _: module.save(folder, "new state"),
        recover,
        lambda _, recovered: found.add(recovered) or True,
        files={"state.json": b"old state"},
    )
    assert {"old state", "new state"} < found


@proof("p3.interrupt")
def _(load: Any) -> None:
    ran: list[str] = []

    def pressed() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(print=ran.append).work(
            [lambda: ran.append("first"), pressed, lambda: ran.append("third")]
        )
    assert ran == ["first"]


@proof("p3.torn")
def _(load: Any) -> None:
    def append(folder: Path, acknowledge: Any) -> None:
        with (folder / "journal").open("ab") as file:
            for line in (b"one\n", b"two\n"):
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
                acknowledge(line.decode().strip())

    def whole(path: Path) -> list[bytes]:
        return path.read_bytes().splitlines(keepends=True) if path.exists() else []

    def recover(folder: Path, repair: str) -> list[str]:
        path = folder / "journal"
        lines = whole(path)
        if lines and not lines[-1].endswith(b"\n"):
            size = {"a": 0, "b": sum(map(len, lines[:-1]))}.get(repair)
            if size is not None:
                with path.open("r+b") as file:
                    file.truncate(size)
                    os.fsync(file.fileno())
            elif repair == "d":
                with path.open("ab") as file:
                    file.write(b"\n")
                    os.fsync(file.fileno())
        known = [b"one\n", b"two\n"] if repair != "d" else whole(path)
        return [line.decode().strip() for line in whole(path) if line in known]

    start = {"journal": b""}
    right = [
        letter
        for letter in "abcd"
        if crash_test(append, lambda folder, r=letter: recover(folder, r), files=start).ok
    ]
    assert right == [BY_NAME["p3.torn"].right]


@proof("p3.load")
def _(load: Any) -> None:
    seconds = 3600
    waits = [(200 - 150) * second / 150 / 60 for second in range(seconds + 1)]
    assert (waits[-1], round(mean(waits))) == (20, 10)


class Number:
    """Stands for the file, so that the lab sees when it is read and written."""

    def __init__(self) -> None:
        self.text = "0"

    def read_text(self) -> str:
        return self.text

    def write_text(self, text: str) -> None:
        self.text = text


@proof("p3.processes")
def _(load: Any) -> None:
    def run(processes: int) -> set[object]:
        def once() -> object:
            path = Number()
            modules = [load(path=path) for _ in range(processes)]
            got: list[int] = []
            together(*(lambda m=m: got.append(m.next_number()) for m in (modules * 2)[:2]))
            return tuple(sorted(got))

        return outcomes(once)[0]

    assert run(2) == {(1, 2), (1, 1)}
    assert run(1) == {(1, 2)}


def finished(code: str) -> tuple[str, int]:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    return done.stdout.strip(), done.returncode


@proof("p4.exit_code")
def _(load: Any) -> None:
    assert finished(BY_NAME["p4.exit_code"].code) == ("the end", 0)


@proof("p4.sentinel")
def _(load: Any) -> None:
    most: list[int] = []

    def run() -> None:
        ran: list[int] = []
        module = load(run=lambda job: (ran.append(job), most.append(len(ran))))
        threads = [threading.Thread(target=module.worker) for _ in range(3)]
        for job in (*range(5), None):
            module.jobs.put(job)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert explore(run).kind == "deadlock"
    assert max(most) == 5


@proof("p4.daemon")
def _(load: Any) -> None:
    given = (
        "import threading\nat_work = threading.Event()\n"
        "def run():\n    at_work.set()\n    threading.Event().wait()\n"
    )
    assert finished(given + BY_NAME["p4.daemon"].code + "at_work.wait()\n") == ("", 0)


@pytest.mark.parametrize("name", PROOFS)
def test_the_key(name: str, load: Callable[..., Any]) -> None:
    """What the right option says happens, in the code of the question."""
    code = BY_NAME[name].code
    PROOFS[name](lambda **given: load(given.pop("code", code), **given))


# -- taking it


def shown(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_before_tells_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Before the course the answers are kept, and nothing is said about them."""
    quiz("before")
    assert "(-) I don't know" in shown(capsys)
    quiz("before", "- " * 24)
    told = shown(capsys)
    assert '24 answers, 24 of them "I don\'t know"' in told
    assert "You may think" not in told
    assert set(attempts.load().quiz["before"].values()) == {UNKNOWN}


def test_after_tells_the_gain(capsys: pytest.CaptureFixture[str]) -> None:
    """After the course it says what is right, what is behind the rest, and the gain."""
    quiz("before", KEY[: 12 * 2] + "- " * 12)
    quiz("after", KEY[:-1] + "b")
    told = shown(capsys)
    assert "All 12 -> 23 of 24" in told
    assert "11 of the 12 that were left to gain: 0.92" in told
    assert "You may think: A daemon thread ends properly at exit." in told
    assert 'Read again: notebook 4, "Ending well"' in told


def test_the_picture_has_words() -> None:
    """The picture has a row for each phase that has questions, and says the same as text."""
    before = {**{q.name: q.right for q in ASKED}, "p4.daemon": UNKNOWN}
    html = Gain(ASKED, before, {**before, "p4.daemon": "b"})._repr_html_()
    assert html.count("<text ") == 2 * 5
    assert "All: 23 -&gt; 23 of 24</desc>" in html
    assert "A daemon thread ends properly at exit." in html


@pytest.mark.parametrize(
    ("before", "says"),
    [
        (None, "no gain to tell"),
        (KEY, "nothing was left to gain"),
        (KEY[:-1] + UNKNOWN, "Your gain is 1 of the 1"),
    ],
)
def test_the_edges_of_gain(
    before: str | None, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without answers before, or with all of them right, there is no gain to tell."""
    if before is not None:
        quiz("before", before)
    quiz("after", KEY)
    assert says in shown(capsys)


def test_less_than_before(capsys: pytest.CaptureFixture[str]) -> None:
    """Who had more right before is told so, without a number that means nothing."""
    quiz("before", KEY[:-1] + UNKNOWN)
    quiz("after", UNKNOWN * 24)
    assert "You had 23 more right before the course" in shown(capsys)


def test_wrong_calls(capsys: pytest.CaptureFixture[str]) -> None:
    """What can't be an answer is told, and nothing is kept."""
    quiz("during")
    assert "there is no quiz 'during'" in shown(capsys)
    quiz("before", "a b")
    assert "24 questions, and 2 answers" in shown(capsys)
    quiz("before", "z " * 24)
    assert "question 1 has no option 'z'" in shown(capsys)
    assert attempts.load().quiz == {}


def test_nothing_is_kept_while_grading(monkeypatch: pytest.MonkeyPatch) -> None:
    """While grading, the answers are not those of whoever sits there."""
    monkeypatch.setenv("TASKQUEUE_EDU_STRICT", "1")
    quiz("before", KEY)
    assert attempts.load().quiz == {}


def test_a_damaged_file(progress_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that can't be read says nothing, and is written anew."""
    progress_file.parent.mkdir()
    progress_file.write_bytes(b'{"quiz": {"before": 7}}')
    quiz("after", KEY)
    assert "no gain to tell" in shown(capsys)
    assert set(attempts.load().quiz) == {"after"}
