"""check, hint, reveal, predict, parsons, mutants: what a learner sees of them."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from taskqueue_edu import lab
from taskqueue_edu.errors import QueueClosed, TaskQueueError
from taskqueue_edu.lab import CheckFailed
from taskqueue_edu.lab.crash import crash_test, value_kept
from taskqueue_edu.lab.exercises import Exercise, find
from taskqueue_edu.lab.interleave import explore, together
from taskqueue_edu.lab.misconceptions import MISCONCEPTIONS
from taskqueue_edu.lab.predict import predictions
from taskqueue_edu.lab.probes import (
    CLOSED,
    HANGS,
    LOCKED,
    MISTAKEN,
    QUESTIONS,
    RELEASED,
    SLIPPED,
    UNLOCKED,
    Case,
    Check,
    undone,
)
from taskqueue_edu.lab.verdict import Evidence, State, Verdict

COLLECTOR = "p1.collector"


def answer(name: str) -> list[Any]:
    return find(COLLECTOR).answers(name)


def shown(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out


# -- check


def test_check_shows_a_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    """A check prints what came of it, and returns nothing."""
    assert lab.check(COLLECTOR, *answer("wrong_caller_keeps_alias")) is None  # type: ignore[func-returns-value]
    text = shown(capsys)
    assert text.startswith("✗ p1.collector: not right yet: a known misconception\n")
    for part in ("You may think: ", "In fact: ", "Tried: ", "What happened: ", "Ask yourself: "):
        assert part in text


@pytest.mark.parametrize("variable", ["NBGRADER_EXECUTION", "TASKQUEUE_EDU_STRICT"])
@pytest.mark.parametrize("name", ["starter", "wrong_caller_keeps_alias", "case_never_emptied"])
def test_grading_raises(monkeypatch: pytest.MonkeyPatch, variable: str, name: str) -> None:
    """While grading, an answer that is not right raises, and one that is does not."""
    monkeypatch.setenv(variable, "1")
    with pytest.raises(CheckFailed, match=COLLECTOR):
        lab.check(COLLECTOR, *answer(name))
    lab.check(COLLECTOR, *answer("solution"))


def test_a_wrong_call_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """A name that is not known, or an answer that is missing, is told without an exception."""
    lab.check("p1.colector", object())
    assert "do you mean 'p1.collector'?" in shown(capsys)
    lab.check(COLLECTOR)
    assert 'check("p1.collector", Collector)' in shown(capsys)


MENDED = "class Collector:\n    x = 1\n\n"


@pytest.mark.parametrize(
    ("cell", "begin", "told"),
    [
        ("class Collector:\n    x = 1 / 0", "", True),
        ("class Collector:\n    x = 1 / 0\n\nprint(Collector)", "", True),
        ("1 / 0\nclass Collector:\n    x = 1", "", True),
        ("class Collector:\n    x = (", "", True),
        ("class Collector:\n    x = (", MENDED, False),
        ("class Collector:\n    x = 1\n\n1 / 0", "", False),
        ("class Other:\n    x = 1 / 0", "", False),
        ("class Collector:\n    x = 1", "", False),
    ],
)
def test_a_cell_that_failed_defines_nothing(cell: str, begin: str, told: bool) -> None:
    """If the cell before was to define what is checked, and failed, there is only an older one.

    Unless the cell that checks it defines it, too.
    """
    cells = [
        "from taskqueue_edu.lab import check\nclass Collector: ...",
        cell,
        f"{begin}check('p1.collector', Collector)",
    ]
    program = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        f"for cell in {cells!r}:\n"
        "    shell.run_cell(cell, store_history=True)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ("any Collector that you have is an older one" in ran.stdout) is told, ran.stdout
    assert ("p1.collector: " in ran.stdout) is not told, ran.stdout


def test_a_question_has_no_hints(capsys: pytest.CaptureFixture[str]) -> None:
    """hint() of a trace or a prediction says so."""
    lab.hint("p1.schedule")
    assert "is a question, and has no hints" in shown(capsys)


@pytest.mark.parametrize(
    ("call", "question"),
    [(threading.Condition().notify, UNLOCKED), (threading.Lock().release, RELEASED)],
)
def test_a_lock_that_is_not_held_gets_a_question_of_its_own(
    call: Callable[[], None], question: str
) -> None:
    """Whatever the probe is after, the RuntimeError of notify() or release() is about the lock."""
    check = Check("f")

    @check.probe(question="something else")
    def probe(f: Any) -> None:
        """It is called."""
        f()

    verdict = check.judge("p9.none", [call])
    assert verdict.question == question


def test_a_file_that_is_closed_gets_a_question_of_its_own(tmp_path: Path) -> None:
    """So does a descriptor that is, or that was opened for something else."""
    check = Check("f")

    @check.probe(question="something else")
    def probe(f: Any) -> None:
        """It is called."""
        f()

    file = (tmp_path / "closed").open("w")
    file.close()
    reading = os.open(tmp_path, os.O_RDONLY)
    try:
        for use in (lambda: file.write("more"), lambda: os.write(reading, b"more")):
            assert check.judge("p9.none", [use]).question == CLOSED
    finally:
        os.close(reading)


@pytest.mark.parametrize(
    "slip",
    ["none.name", "(lambda: 1)(2)", "none + 1", "none()", "list(none)", "none[0]", "''.strp()"],
)
def test_a_value_of_another_kind_gets_a_question_of_its_own(slip: str) -> None:
    """An attribute that isn't there, or a None, is a slip of the answer, whatever was tried."""
    check = Check("f")

    @check.probe("mutable_default", question="something else")
    def probe(f: Any) -> None:
        """It is called."""
        f()

    verdict = check.judge("p9.none", [eval(f"lambda none=None: {slip}")])
    assert verdict.question == MISTAKEN


@pytest.mark.parametrize(
    ("slip", "question"),
    [
        ("set().append(1)", MISTAKEN),
        ("threading.local().name", MISTAKEN),  # or nobody has given it one yet: that fits as well
        ("object() < object()", MISTAKEN),
        ("None < 1", "something else"),  # another thread may have put None there
        ("with threading.Lock: pass", MISTAKEN),
    ],
)
def test_a_slip_in_a_schedule_gets_a_question_of_its_own(slip: str, question: str) -> None:
    """What can be no race is a slip there, too, and nothing in its text is the lab's."""
    check = Check("f")

    @check.probe(question="something else")
    def probe(f: Any) -> Any:
        """It is called."""
        return explore(f)

    made: dict[str, Any] = {"threading": threading}
    exec(f"def f():\n    {slip}", made)
    verdict = check.judge("p9.none", [made["f"]])
    assert verdict.question == question
    assert "Meta" not in verdict.happened


def test_a_file_that_can_not_be_imported_is_told_its_line(tmp_path: Path) -> None:
    """An answer that is a file is told which of its lines raised an error."""
    path = tmp_path / "linkcheck.py"
    path.write_text("from taskqueue_edu import RetryPolicy\nRetryPolicy(4, 0.02)\n")
    verdict = find("p4.link_checker").judge([path])
    assert verdict.happened.startswith("InvalidTask: RetryPolicy: on is 0.02")
    assert verdict.happened.endswith("at: RetryPolicy(4, 0.02)")
    assert verdict.question


def test_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    """Who names a wrong place is told where the file is, and no misconception or question."""
    lab.check("p4.link_checker", "linkcheck.py")
    said = capsys.readouterr().out
    assert said.startswith("there is no file 'linkcheck.py'")
    assert 'check("p4.link_checker", place / "linkcheck.py")' in said
    assert "Ask yourself" not in said


def test_an_object_in_the_place_of_its_class(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever hands in an object is told to hand in the class."""

    class Collector: ...

    lab.check(COLLECTOR, Collector())
    assert "that is an object of the class Collector" in shown(capsys)


def test_an_answer_that_hangs_is_told_where(sorting: Exercise) -> None:
    """What was tried is told, although the copy in which it hung is gone."""
    verdict = sorting.judge([lambda values: threading.Event().wait()], seconds=0.5)
    assert verdict.tried == "A list of three"
    assert verdict.happened.startswith("It did not end within 0.5 seconds.")
    assert verdict.question == HANGS


def test_an_answer_that_exits(capsys: pytest.CaptureFixture[str]) -> None:
    """An answer that ends the program is a case; what it printed is shown."""

    class Collector:
        def __init__(self, queue: object) -> None:
            print("about to leave")  # noqa: T201
            raise SystemExit(3)

    lab.check(COLLECTOR, Collector)
    text = shown(capsys)
    assert "here is a case that fails" in text
    assert "It called sys.exit(3)." in text
    assert "about to leave" in text


def test_the_hint_of_a_library_error_is_left_out() -> None:
    """It says what to do with the library, not with the answer; a hint of one's own stays."""

    def called(f: Any) -> None:
        """It is called."""
        f()

    def closed() -> None:
        raise QueueClosed("it is closed already")

    def hinted() -> None:
        raise QueueClosed("it is closed already", hint="ask the author")

    explored: Callable[[Any], object] = explore
    for tried in (called, explored):
        alone = Check("f")
        alone.probe()(tried)
        happened = alone.judge("x", [closed]).happened
        assert "it is closed already" in happened
        assert "What to do" not in happened
        assert "ask the author" in alone.judge("x", [hinted]).happened


def test_a_slip_is_no_misconception() -> None:
    """A probe for a misconception that meets another exception shows it, and gives no name."""
    check = Check("f")

    @check.probe("mutable_default", question="?")
    def twice(f: Any) -> None:
        """It is called twice."""
        f()
        assert f() == 1, "It remembers."

    def misspelled() -> None:
        undefined_name  # type: ignore[name-defined]  # noqa: B018, F821

    verdict = check.judge("x", [misspelled])
    assert verdict.state is State.COUNTEREXAMPLE
    assert verdict.happened.startswith("NameError")
    assert check.judge("x", [lambda: 2]).misconception == "mutable_default"
    assert check.judge("x", [lambda: 1]).passed == ("it is called twice",)


class Shown:
    """Stands for a verdict of the lab."""

    def __init__(self, ok: bool | None, kind: str) -> None:
        self.ok, self.kind, self.message = ok, kind, ""

    def __str__(self) -> str:
        return f"the schedule <{self.kind}>"

    def _repr_html_(self) -> str:
        return "<svg/>"


@pytest.mark.parametrize(
    ("ok", "kind", "state"),
    [
        (True, "", State.PASS),
        (None, "budget spent", State.PASS),
        (False, "lost wakeup", State.MISCONCEPTION),
        (False, "exception", State.COUNTEREXAMPLE),
    ],
)
def test_a_verdict_of_the_lab_is_evidence(ok: bool | None, kind: str, state: State) -> None:
    """What the lab found becomes the evidence; the name is given for the kinds that show it."""
    check = Check("f")

    @check.probe("notify_is_remembered", kinds={"lost wakeup"}, question="?")
    def explored(f: Any) -> Any:
        """Every schedule."""
        return f

    verdict = check.judge("x", [Shown(ok, kind)])
    assert verdict.state is state
    if ok is False:
        assert verdict.evidence == Evidence(f"the schedule <{kind}>", "<svg/>")
        assert f"    the schedule <{kind}>" in str(verdict) or "the schedule" in str(verdict)


@pytest.mark.parametrize(
    ("kind", "message", "question"),
    [
        ("assertion", "1 is not 2", "?"),
        ("exception", "IndexError in get: pop from an empty deque", "?"),
        ("exception", "UnboundLocalError in get: it has no value", SLIPPED),
        ("deadlock", "get waits to acquire lock, which it holds itself", LOCKED),
        ("deadlock", "get waits for changed", QUESTIONS["deadlock"]),
    ],
)
def test_the_question_fits_the_verdict(kind: str, message: str, question: str) -> None:
    """What a probe asks is meant for what it looks for, not for a thread that hangs, or a slip."""
    check = Check("f")

    @check.probe(question="?")
    def explored(f: Any) -> Any:
        """Every schedule."""
        return f

    found = Shown(False, kind)
    found.message = message
    assert check.judge("x", [found]).question == question


@pytest.mark.parametrize(
    ("message", "misconception", "question"),
    [
        ("get waits for changed", "notify_is_remembered", "?"),
        ("get waits to acquire lock, which put holds", "", LOCKED),
    ],
)
def test_who_waits_for_a_lock_does_not_sleep(
    message: str, misconception: str, question: str
) -> None:
    """A probe that is after threads that sleep gives no name to a lock that was kept."""
    check = Check("f")

    @check.probe("notify_is_remembered", kinds={"lost wakeup", "deadlock"}, question="?")
    def explored(f: Any) -> Any:
        """Every schedule."""
        return f

    found = Shown(False, "deadlock")
    found.message = message
    verdict = check.judge("x", [found])
    assert (verdict.misconception, verdict.question) == (misconception, question)


def test_a_slip_has_no_misconception() -> None:
    """Of a name without a value nobody can say what its author believes."""
    check = Check("f")

    @check.probe("errors_reach_main", kinds={"exception"}, question="?")
    def explored(f: Any) -> Any:
        """Every schedule."""
        return f

    found = Shown(False, "exception")
    found.message = "ValueError in work: no number"
    assert check.judge("x", [found]).misconception == "errors_reach_main"
    found.message = "AttributeError in work: 'NoneType' object has no attribute 'run'"
    assert check.judge("x", [found]).misconception == "errors_reach_main"  # another wrote that None
    for slip in (
        "NameError in work: name 'eror' is not defined",
        "AttributeError in work: 'Pool' object has no attribute '_eror'",
    ):
        found.message = slip
        verdict = check.judge("x", [found])
        assert (verdict.state, verdict.misconception) == (State.COUNTEREXAMPLE, "")


def test_a_probe_may_fail_without_its_name() -> None:
    """A Case has a question of its own, and no misconception."""
    check = Check("f")

    @check.probe("errors_reach_main", question="Who calls?")
    def it_raises(f: Any) -> None:
        """It raises."""
        raise Case("It hangs.", "For whom does it wait?")

    verdict = check.judge("x", [int])
    assert (verdict.state, verdict.misconception) == (State.COUNTEREXAMPLE, "")
    assert (verdict.happened, verdict.question) == ("It hangs.", "For whom does it wait?")


def test_an_unknown_name_is_an_error() -> None:
    """A probe can't name a misconception that is not in the list."""
    with pytest.raises(ValueError, match="no misconception 'typo'"):
        Check("f").probe("typo")


def todo() -> None: ...


def done() -> None:
    return None


class Half:
    def a(self) -> int:
        return 1

    @staticmethod
    def b() -> None: ...


@pytest.mark.parametrize(
    ("thing", "left"),
    [
        (..., "A value is still `...`."),
        (todo, "`todo` still has the body `...`."),
        (Half, "`Half.b` still has the body `...`."),
        (done, ""),
        (3, ""),
        (str, ""),
        (lambda: None, ""),
    ],
)
def test_what_is_still_to_do(thing: object, left: str) -> None:
    """`...` as a value or as a body is not done yet; a function that does nothing is."""
    assert undone(thing) == left


# -- how a verdict looks


def test_html_shows_text_as_text() -> None:
    """Nothing of what an answer printed or raised is taken for HTML, except code in backticks."""
    verdict = Verdict(
        "p1.<b>",
        State.COUNTEREXAMPLE,
        tried="`x < y` & more",
        happened="<script>alert(1)</script>",
        printed="<img>\n<img>",
        evidence=Evidence("text", "<svg></svg>"),
    )
    html = verdict._repr_html_()
    assert "<script>" not in html
    assert "<img>" not in html
    assert "<code>x &lt; y</code> &amp; more" in html
    assert "<svg></svg>" in html
    assert 'role="status"' in html


@pytest.mark.parametrize("state", State)
def test_states_differ_without_color(state: State) -> None:
    """Each state is said in words, in text and in HTML."""
    words = {
        State.TODO: "not done yet",
        State.PASS: "right",
        State.MISCONCEPTION: "a known misconception",
        State.COUNTEREXAMPLE: "here is a case that fails",
    }[state]
    verdict = Verdict("x", state, "if_around_wait" if state is State.MISCONCEPTION else "")
    assert words in str(verdict)
    assert words in verdict._repr_html_()


# -- hints, solutions, progress


def test_hints_come_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    """Each call shows the next hint; after the last, all."""
    hints = find(COLLECTOR).hints
    for number, text in enumerate(hints, 1):
        lab.hint(COLLECTOR)
        told = shown(capsys)
        assert f"Hint {number} of {len(hints)}" in told
        assert text in told
    lab.hint(COLLECTOR)
    told = shown(capsys)
    assert all(text in told for text in hints)


def test_the_solution_opens_after_three_tries(capsys: pytest.CaptureFixture[str]) -> None:
    """Three wrong answers open it; a starter is no try."""
    lab.check(COLLECTOR, *answer("starter"))
    for left in ("3 more tries", "2 more tries", "1 more try"):
        lab.reveal(COLLECTOR)
        assert left in shown(capsys)
        lab.check(COLLECTOR, *answer("case_never_emptied"))
    shown(capsys)
    lab.reveal(COLLECTOR)
    told = shown(capsys)
    assert "self._paths = []" in told
    # Those that the text names come first, and not all are shown.
    assert told.index("**Another way: swap**") < told.index("**Another way: a tuple of paths**")
    assert told.count("Another way: ") == 3
    assert f"And {len(find(COLLECTOR).others('alt')) - 3} more: " in told
    assert "details>" not in told
    assert ".given import" not in told


@pytest.mark.parametrize("how", ["passed", "forced"])
def test_the_solution_opens_at_once(capsys: pytest.CaptureFixture[str], how: str) -> None:
    """Whoever has solved it, or insists, sees the solution."""
    if how == "passed":
        lab.check(COLLECTOR, *answer("alt_swap"))
    lab.reveal(COLLECTOR, force=how == "forced")
    assert "*Why the solution is right.*" in shown(capsys)


def test_progress(capsys: pytest.CaptureFixture[str], progress_file: Path) -> None:
    """The map says what is done, after how many tries, and what was met; it is a JSON file."""
    lab.progress()
    assert "· p1.collector" in shown(capsys)
    assert not progress_file.exists()
    lab.confidence(COLLECTOR, 4)
    lab.check(COLLECTOR, *answer("wrong_caller_keeps_alias"))
    lab.check(COLLECTOR, *answer("solution"))
    shown(capsys)
    lab.progress()
    told = shown(capsys)
    assert "✓ p1.collector" in told
    assert "1 try before; sure 4 of 5; met: caller keeps alias" in told
    kept = json.loads(progress_file.read_text())["exercises"][COLLECTOR]
    assert kept["passed"] is True


@pytest.mark.parametrize("text", ["", "{", '{"exercises": 3}'])
def test_a_damaged_progress_file(progress_file: Path, text: str) -> None:
    """What can't be read counts as nothing, and the next check writes it anew."""
    progress_file.parent.mkdir()
    progress_file.write_text(text)
    lab.check(COLLECTOR, *answer("solution"))
    assert json.loads(progress_file.read_text())["exercises"][COLLECTOR]["passed"]


def test_no_place_for_progress(progress_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the file can't be written, the check works all the same."""
    progress_file.parent.write_text("a file where the folder should be")
    lab.check(COLLECTOR, *answer("solution"))
    assert "p1.collector: right" in shown(capsys)


@pytest.mark.parametrize("sure", [0, 6, "very"])
def test_how_sure(capsys: pytest.CaptureFixture[str], sure: Any) -> None:
    """Confidence is a number from 1 to 5."""
    lab.confidence(COLLECTOR, sure)
    assert "is no number from 1 to 5" in shown(capsys)


# -- predictions


def test_a_prediction(capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong choice is told by the belief behind it, a right one is confirmed."""
    lab.predict("p1.one_job")
    assert "(b) 1: the last one" in shown(capsys)
    lab.outcome("p1.one_job")
    assert "not done yet" in shown(capsys)
    lab.predict("p1.one_job", "A")
    assert "<- your prediction" in shown(capsys)
    lab.outcome("p1.one_job")
    assert "You may think: An assignment copies the object." in shown(capsys)
    lab.predict("p1.one_job", "c")
    lab.outcome("p1.one_job")
    told = shown(capsys)
    assert "Ask yourself: Which object" in told
    lab.predict("p1.one_job", "b")
    shown(capsys)
    lab.outcome("p1.one_job")
    assert "p1.one_job: right" in shown(capsys)


@pytest.mark.parametrize(
    ("values", "call"),
    [(("a", "b"), "['a', 'b']"), (("ab",), "['ab']"), ((3,), "[3]"), ((..., "b"), "[..., 'b']")],
)
def test_a_trace_needs_a_list(
    values: tuple[Any, ...], call: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Values that are no list are no exception: the call that was meant is shown."""
    lab.trace("p2.buffer", *values)
    told = shown(capsys)
    assert "needs one list, with a value for each of its 5 steps" in told
    assert f'trace("p2.buffer", {call})' in told


def test_a_trace_asks_for_no_spaces(capsys: pytest.CaptureFixture[str]) -> None:
    """A value is the same with a space after its colon and without one."""
    lab.trace("p2.buffer", ["-:C", "a :-", "a: B", " -: -", "b:  -"])
    assert "✓ p2.buffer: right" in shown(capsys)


def test_a_prediction_that_is_no_option(capsys: pytest.CaptureFixture[str]) -> None:
    """A letter or a name that is not there is told."""
    lab.predict("p1.one_job", "z")
    assert "choose from a, b, c" in shown(capsys)
    lab.predict("p1.one_jb")
    assert "do you mean 'p1.one_job'?" in shown(capsys)


def test_questions_name_what_there_is() -> None:
    """Each wrong option, and each wrong value of a trace, names a misconception that there is."""
    asked = predictions()
    named = {option.misconception for one in asked.predict.values() for option in one.options}
    steps = [step for one in asked.trace.values() for step in one.steps]
    named |= {label for step in steps for label in step.wrong.values()}
    assert named - {""} <= set(MISCONCEPTIONS)
    assert all(one.right in one.by_letter for one in asked.predict.values())


def test_strict_raises_for_wrong_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """While grading, a wrong call raises."""
    monkeypatch.setenv("TASKQUEUE_EDU_STRICT", "1")
    with pytest.raises(TaskQueueError):
        lab.predict("p1.one_jb")
    with pytest.raises(TaskQueueError):
        lab.check("p9.none", 1)


# -- exercises made for a test


@pytest.fixture
def sorting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Exercise:
    """A small exercise: three right lines and one too many; two broken implementations."""
    folder = tmp_path / "p1_smallest"
    folder.mkdir()
    files = {
        "check.py": (
            "from taskqueue_edu.lab.probes import Check\n"
            "check = Check('smallest')\n"
            "@check.probe()\n"
            "def it_is_found(smallest):\n"
            "    'A list of three.'\n"
            "    assert smallest([3, 1, 2]) == 1, 'It is not the smallest.'\n"
        ),
        "solution.py": (
            "# lines\ndef smallest(values):\n    values = sorted(values)\n    return values[0]\n"
        ),
        "extra.txt": "    return values[-1]\n",
        "alt_min.py": "def smallest(values):\n    return min(values)\n",
        "wrong_mutable_default.py": '"""The largest."""\ndef smallest(v):\n    return max(v)\n',
        "wrong_assignment_copies.py": (
            '"""It sorts what it was given."""\ndef smallest(v):\n    v.sort()\n    return v[0]\n'
        ),
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    exercise = Exercise(folder)
    for module in ("parsons", "mutants"):
        home = importlib.import_module(f"taskqueue_edu.lab.{module}")
        monkeypatch.setattr(home, "find", lambda _: exercise)
    return exercise


def order(exercise: Exercise, *lines: str) -> str:
    from taskqueue_edu.lab.parsons import puzzle

    letters = {line.strip(): letter for letter, line in puzzle(exercise).lines.items()}
    return " ".join(letters[line] for line in lines)


def test_parsons(sorting: Exercise, capsys: pytest.CaptureFixture[str]) -> None:
    """The lines in order are right; a line that does not belong fails as its program does."""
    lab.parsons("p1.smallest")
    told = shown(capsys)
    assert "some don't belong" in told
    assert told.count("return values[") == 2
    begin = "def smallest(values):", "values = sorted(values)"
    lab.parsons("p1.smallest", order(sorting, *begin, "return values[0]"))
    assert "p1.smallest: right" in shown(capsys)
    lab.parsons("p1.smallest", order(sorting, *begin, "return values[-1]"))
    assert "It is not the smallest." in shown(capsys)
    lab.parsons("p1.smallest", order(sorting, "return values[0]", *begin))
    assert "It is none: unexpected indent" in shown(capsys)
    lab.parsons("p1.smallest", "Z")
    assert "there is no line 'Z'" in shown(capsys)


def test_a_line_too_many(sorting: Exercise, capsys: pytest.CaptureFixture[str]) -> None:
    """A program that is right, with a line that changes nothing, is told that line."""
    lines = "def smallest(values):", "values = sorted(values)", "return values[0]"
    lab.parsons("p1.smallest", order(sorting, *lines, "return values[-1]"))
    text = shown(capsys)
    letter = order(sorting, "return values[-1]")
    assert f"It does the same without line {letter}: return values[-1]" in text
    assert "✓" not in text


def test_a_test_that_explores_too_much(
    sorting: Exercise, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told that there are too many schedules, and not that something hangs."""
    monkeypatch.setattr(importlib.import_module("taskqueue_edu.lab.mutants"), "SECONDS", 2.0)

    def test(smallest: Callable[[list[int]], int]) -> None:
        def scenario() -> None:
            numbers: list[int] = []
            lock = threading.Lock()

            def add() -> None:
                for number in range(9):
                    with lock:
                        numbers.append(number)

            together(*[add] * 4)
            assert smallest(numbers) == 0

        assert explore(scenario, bound=9, budget=10**6)

    lab.mutants("p1.smallest", test)
    text = shown(capsys)
    assert "`explore` was still trying schedules" in " ".join(text.split())
    assert "fewer threads" in text


def test_an_implementation_that_waits_for_ever(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is turned down at once, and the test needn't use up its time on it."""
    monkeypatch.setattr(importlib.import_module("taskqueue_edu.lab.mutants"), "SECONDS", 1000.0)

    def test(latch: Callable[[int], Any]) -> None:
        opens = latch(1)
        waiting = threading.Thread(target=opens.wait, daemon=True)
        waiting.start()
        opens.arrive()
        waiting.join(0.4)  # with a time limit: that is no wait for ever
        opens.wait()

    lab.mutants("p2.latch", test)
    assert "4 got past it. One of them: It counts without the lock" in shown(capsys)

    def explores(latch: Callable[[int], Any]) -> None:
        assert explore(lambda: latch(0).wait())
        test(latch)

    lab.mutants("p2.latch", explores)
    assert "4 got past it. One of them: It counts without the lock" in shown(capsys)


def test_a_test_that_sleeps(sorting: Exercise, capsys: pytest.CaptureFixture[str]) -> None:
    """A test that tells all apart, and sleeps, is asked what it waits for."""

    def test(smallest: Callable[[list[int]], int]) -> None:
        time.sleep(0)
        given = [3, 1, 2]
        assert smallest(given) == 1
        assert given == [3, 1, 2]

    lab.mutants("p1.smallest", test)
    text = shown(capsys)
    assert "But it sleeps" in text
    assert "✓" not in text


def test_mutants(sorting: Exercise, capsys: pytest.CaptureFixture[str]) -> None:
    """A test must let the right ones pass and turn down the broken ones; it is told which not."""

    def too_weak(smallest: Any) -> None:
        values = [3, 1, 2]
        assert smallest(values) == 1

    def too_strict(smallest: Any) -> None:
        assert smallest([]) == 0

    def good(smallest: Any) -> None:
        values = [3, 1, 2]
        assert smallest(values) == 1
        assert values == [3, 1, 2], "it changed the list"

    def empty(smallest: Any) -> None: ...

    def slips(smallest: Any) -> None:
        assert smalest([1]) == 1  # type: ignore[name-defined]  # noqa: F821

    def weakest(smallest: Any) -> None:
        assert smallest([1]) == 1

    with pytest.MonkeyPatch.context() as grading:
        grading.setenv("TASKQUEUE_EDU_STRICT", "1")
        with pytest.raises(CheckFailed):
            lab.mutants("p1.smallest", too_weak)
        lab.mutants("p1.smallest", good)
    shown(capsys)
    lab.mutants("p1.smallest", empty)
    assert "not done yet" in shown(capsys)
    lab.mutants("p1.smallest", too_weak)
    told = shown(capsys)
    assert "1 got past it: It sorts what it was given." in told
    lab.mutants("p1.smallest", weakest)
    told = shown(capsys)
    assert "2 got past it. One of them: " in told
    # The other is left to think of.
    assert ("It sorts what it was given." in told) != ("The largest." in told)
    lab.mutants("p1.smallest", too_strict)
    assert "Your test on an implementation that is right" in shown(capsys)
    lab.mutants("p1.smallest", slips)
    told = shown(capsys)
    assert "NameError: name 'smalest' is not defined" in told
    assert "Where does that name get its value" in told
    lab.mutants("p1.smallest", good)
    assert "all 2 broken ones are turned down" in shown(capsys)


@pytest.mark.parametrize("looks", [lambda made: made._heap, lambda made: made.size(), len])
def test_a_test_that_asks_for_what_was_not_promised(
    capsys: pytest.CaptureFixture[str], looks: Callable[[Any], Any]
) -> None:
    """What an implementation has inside is no more promised than what it does at another time."""

    def looks_inside(waiting: Any) -> None:
        assert not looks(waiting())

    def asks_for_an_error(waiting: Any) -> None:
        try:
            waiting().get()
        except (LookupError, ValueError):
            return
        raise AssertionError

    for test in (looks_inside, asks_for_an_error):
        lab.mutants("p1.mutants_waiting", test)
        told = shown(capsys)
        assert "It was turned down" in told
        assert "Does your test ask for something that was not promised?" in told


def saves_without_a_promise(save: Callable[[Path, bytes], None]) -> None:
    """Crash a program that acknowledges nothing: then only the old bytes may be found."""

    def run(folder: Path, _: object) -> None:
        save(folder / "file", b"new")

    assert crash_test(
        run, lambda folder: (folder / "file").read_bytes(), value_kept, files={"file": b"old"}
    )


def does_not_look(save: Callable[[Path, bytes], None]) -> None:
    """Crash a program, and let the verdict go."""

    def run(folder: Path, acknowledge: Callable[[bytes], None]) -> None:
        save(folder / "file", b"new")
        acknowledge(b"new")

    crash_test(
        run, lambda folder: (folder / "file").read_bytes(), value_kept, files={"file": b"old"}
    )


def forgets_the_check(save: Callable[[Path, bytes], None]) -> None:
    """Crash a program that saves one value, and look for a log."""

    def run(folder: Path, acknowledge: Callable[[bytes], None]) -> None:
        save(folder / "file", b"new")
        acknowledge(b"new")

    assert crash_test(run, lambda folder: (folder / "file").read_bytes(), files={"file": b"old"})


def test_a_test_that_turns_nothing_down(
    sorting: Exercise, capsys: pytest.CaptureFixture[str]
) -> None:
    """A test that can't fail is told why, and not what the broken ones do."""

    def returns(smallest: Callable[[list[int]], int]) -> bool:
        return smallest([3, 1, 2]) == 1

    async def asynchronous(smallest: Callable[[list[int]], int]) -> None:
        assert smallest([3, 1, 2]) == 1

    def calls(smallest: Callable[[list[int]], int]) -> None:
        smallest([3, 1, 2])

    def catches(smallest: Callable[[list[int]], int]) -> None:
        try:
            assert smallest([3, 1, 2]) == 1
            numbers = [2, 1]
            smallest(numbers)
            assert numbers == [2, 1]
        except AssertionError:
            numbers = []

    told = {
        catches: "An `assert` of it failed, and the test itself held that back",
        returns: "It returned True, and nobody looks at what a test returns.",
        asynchronous: "It returned <coroutine object",
        calls: "It has no `assert`.",
    }
    for test, why in told.items():
        lab.mutants("p1.smallest", test)
        text = " ".join(shown(capsys).split())
        assert f"All of them got past it. {why}" in text
        assert "It sorts what it was given" not in text


@pytest.mark.parametrize(
    ("test", "said"),
    [
        (saves_without_a_promise, ["b'old' was there at first", "What did your test acknowledge"]),
        (does_not_look, ["`crash_test` has found", "What does `crash_test(...)` return"]),
        (forgets_the_check, ["use the keyword argument check=value_kept", "Which value or arg"]),
    ],
)
def test_mutants_shows_what_crash_test_has_found(
    test: Callable[[Any], None], said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A test that fails on its own account is told what the lab saw, not "AssertionError"."""
    lab.mutants("p3.mutants_savers", test)
    printed = " ".join(capsys.readouterr().out.split())
    assert all(" ".join(words.split()) in printed for words in said), printed
