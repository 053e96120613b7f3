"""What a learner sees of a schedule, and does with it: the stepper, and the game."""

from __future__ import annotations

import re
import threading
import time
from contextlib import nullcontext
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from ipywidgets import HTML, Button, Play

from taskqueue_edu.lab import buttons, explore, replay, step_through, together, you_schedule
from taskqueue_edu.lab.verdict import LabVerdict

from .lab_programs import BUGS, CORRECT

RACE = BUGS["lost_update"][0]
DEADLOCK = BUGS["ab_ba"][0]


def parts(thing: Any) -> list[Any]:
    return [thing, *(part for child in getattr(thing, "children", ()) for part in parts(child))]


class Shown:
    """What stands in a notebook for a thing that shows itself: widgets, and text for them."""

    def __init__(self, thing: Any) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(buttons, "display", self._display)
            thing._ipython_display_()

    def _display(self, box: Any, text: str) -> None:
        self.box, self.plain = box, text

    def button(self, hint: str) -> Button:
        (found,) = [p for p in parts(self.box) if isinstance(p, Button) and p.tooltip == hint]
        return found

    @property
    def text(self) -> str:
        return "\n".join(p.value for p in parts(self.box) if isinstance(p, HTML))


def test_a_line_of_a_check_is_told_from_the_learners_own(tmp_path: Path) -> None:
    """A line that the check has brought says so, with its number; the learner's has its number."""
    file = tmp_path / "check.py"
    file.write_text("def look(seen):\n    assert not seen\n")
    theirs: dict[str, Any] = {}
    exec(compile(file.read_text(), str(file), "exec"), theirs)

    def scenario() -> None:
        seen: list[int] = []

        def put() -> None:
            seen.append(1)

        together(put, lambda: theirs["look"](seen))

    verdict = explore(scenario)
    text = str(verdict)
    assert "check.py:2: assert not seen" in text, text
    assert re.search(r"1 \| \d+: seen\.append\(1\)", text), text
    assert "check.py:2:\N{NO-BREAK SPACE}assert not seen" in verdict._repr_html_()
    assert "line check.py:2" in str(step_through(verdict))


# -- the stepper


def test_each_step_says_how_everything_is_after_it() -> None:
    """A deadlock as text: who holds which lock, who waits, at each step."""
    text = str(step_through(explore(DEADLOCK)))
    assert text.startswith("DEADLOCK: ")
    first, *_, last = text.split("\n\n")[1:]
    assert first.startswith("Step 1 of ")
    assert "Shared: lock 1 = held by transfer 1" in first
    assert "transfer 2 has done nothing yet" in first
    assert "lock 1 = held by transfer 1, lock 2 = held by transfer 2" in " ".join(last.split())
    assert "transfer 1 waits on line" in last
    assert ", holds lock 2" in last


def test_who_has_waited_for_a_condition_holds_its_lock_again() -> None:
    """And whoever waits for it holds it no more."""
    steps = explore(BUGS["if_around_wait"][0]).steps
    waits = next(step for step in steps if step.waits)
    assert (dict(waits.shared)["lock"], waits.holds) == ("free", ())
    woken = next(step for step in steps if any("has waited" in note for note in step.notes))
    assert dict(woken.shared)["lock"].startswith("held by get")
    assert woken.holds == ("lock",)


def test_values_are_shown_as_python_writes_them() -> None:
    """An empty set is no empty dictionary."""

    def scenario() -> None:
        seen: set[str] = set()
        places: dict[str, int] = {}

        def add() -> None:
            assert "a" not in seen
            places["a"] = len(seen)
            seen.add("a")

        together(add, add)

    steps = explore(scenario).steps
    notes = [note for step in steps for note in step.notes]
    assert "sees seen = set()" in notes
    assert dict(steps[-1].shared) == {"seen": "{'a'}", "places": "{'a': 0}"}


def test_the_buttons_turn_the_steps() -> None:
    """Previous and Next stop at the ends; the line that runs is marked, and where others are."""
    stepper = step_through(explore(RACE))
    shown = Shown(stepper)
    back, on = shown.button("Previous step"), shown.button("Next step")
    assert 'role="status" aria-live="polite">Step 1 of 4: add 1, line ' in shown.text
    assert (back.disabled, on.disabled) == (True, False)
    on.click()
    assert "Step 2 of 4: add 2" in shown.text
    (marked,) = re.findall("<mark>(.*?)</mark>", shown.text)
    assert "self.n += 1" in marked
    assert "add 1" in marked
    assert shown.text.count('aria-current="step"') == 1
    back.click()
    assert "Step 1 of 4" in shown.text
    for _ in range(3):
        on.click()
    assert (back.disabled, on.disabled) == (False, True)
    assert "raises AssertionError" in shown.text


def test_it_plays() -> None:
    """The browser counts, and each count is a step; from the end, it begins again."""
    shown = Shown(step_through(explore(RACE)))
    play = shown.button("Go on by itself, or stop")
    (count,) = [p for p in parts(shown.box) if isinstance(p, Play)]
    play.click()
    assert (count.playing, play.description) == (True, "Pause")
    count.value = 3  # so says the browser
    assert "Step 3 of 4" in shown.text
    shown.button("Next step").click()
    assert "Step 4 of 4" in shown.text
    assert (count.playing, play.description) == (False, "Play")
    play.click()
    assert "Step 1 of 4" in shown.text
    play.click()
    assert not count.playing


def test_the_text_that_stands_for_it_is_the_same_every_time() -> None:
    """A saved notebook holds it, and nbval compares it."""
    stepper = step_through(explore(RACE))
    assert Shown(stepper).plain == str(stepper) == str(step_through(explore(RACE)))
    assert str(step_through(replay(explore(RACE)))) == str(stepper)


def test_without_a_schedule_there_is_nothing_to_step_through() -> None:
    """A program that passed has none."""
    with pytest.raises(ValueError, match="no schedule"):
        step_through(explore(CORRECT["counter_with_a_lock"]))


def test_a_mended_program_passes_the_schedule_that_failed() -> None:
    """replay says that it is one schedule, and no more."""
    mended = threading.Event()

    def scenario() -> None:
        lock = threading.Lock() if mended.is_set() else nullcontext()
        n = 0

        def add() -> None:
            nonlocal n
            with lock:
                n += 1

        together(add, add)
        assert n == 2

    verdict = explore(scenario)
    assert str(replay(verdict)).endswith("Found in 1 schedule; this one has 4 switches of threads.")
    mended.set()
    assert str(replay(verdict)) == (
        "PASS: this schedule passed (1 schedule).\n\nNo other schedule was run."
    )


def test_a_table_of_three_threads_is_not_too_wide() -> None:
    """Its columns get narrower until 120 characters hold it; nothing is left out."""

    def three() -> None:
        names_that_are_long: list[str] = []

        def put_a_name_that_is_long() -> None:
            if len(names_that_are_long) < 2:
                names_that_are_long.append(f"a name that is rather long {len(names_that_are_long)}")
            if len(names_that_are_long) > 2:
                raise ValueError("too many")

        together(*[put_a_name_that_is_long] * 3)

    shown = str(explore(three))
    assert "put_a_name_that_is_long 3" in shown
    assert max(map(len, shown.splitlines())) <= 120
    assert shown.count("writes") == 3


# -- the game


def test_moves_break_a_program() -> None:
    """Both read before either writes: the kind is the one that explore finds."""
    game = you_schedule(RACE, "A B A")
    assert (game.ok, game.kind) == (False, explore(RACE).kind)
    assert "You broke it. ASSERTION: AssertionError in main" in str(game)
    assert isinstance(game, LabVerdict)


@pytest.mark.parametrize(
    ("name", "moves"),
    [
        ("lost_update_of_a_closure", "B A B"),
        ("check_then_act_on_a_list", "B A B"),
        ("check_then_get", "B A B"),
        ("if_around_wait", "C A B C"),
        ("notify_before_wait", "B"),
        ("notify_one_of_two_who_wait_for_different_things", "A B A"),
        ("lock_taken_twice", ""),
        ("double_checked_lazy_init", "AAAA BBBB"),
        ("bounded_semaphore_released_twice", "B"),
        ("close_that_leaves_a_thread", "A"),
        ("sleep_to_synchronize", "M M M"),
        ("dump_while_mutating", "A A B"),
    ],
)
def test_each_mistake_can_be_shown_by_hand(name: str, moves: str) -> None:
    """Moves break the program in the way in which explore does."""
    scenario, kind = BUGS[name]
    assert you_schedule(scenario, moves).kind == kind


def test_moves_may_also_hold() -> None:
    """One after the other is fine; and there is another order that is not."""
    game = you_schedule(RACE, "aabb")
    assert (game.ok, game.kind, game.moves) == (True, "ok", ("A", "A"))
    assert "Your moves: A A. Nothing was left to choose for B B. It held" in str(game)
    assert "It can be broken with one preemption" in str(game)


def test_between_moves_it_says_what_each_thread_is_about_to_do() -> None:
    """And what is shared, as far as it was seen."""
    game = you_schedule(RACE, "A")
    assert (game.ok, game.kind) == (None, "under way")
    assert [stand.letter for stand in game.stands if stand.can_go] == ["A", "B"]
    assert "A: add 1 is about to write n" in str(game)
    assert "B: add 2 is about to read n" in str(game)
    assert "Shared: n = 0" in str(game)


def test_a_thread_that_waits_can_not_go() -> None:
    """The error says what for, and who can go."""
    game = you_schedule(DEADLOCK, "A B")
    assert game.kind == "deadlock"
    game = you_schedule(DEADLOCK, "A")
    with pytest.raises(ValueError, match="Z can't go on after A: choose from A, B"):
        game.move("Z")
    assert game.moves == ("A",)

    def three() -> None:
        lock, other = threading.Lock(), threading.Lock()

        def visit(place: threading.Lock) -> None:
            with place:
                time.sleep(1)

        together(partial(visit, lock), partial(visit, lock), partial(visit, other))

    game = you_schedule(three, "A B C")
    assert game.moves == ("A",)
    assert "B can't go on after A: visit 2 waits to acquire lock" in game.summary()
    game.move("C")
    assert "can't go on" not in game.summary()


def test_what_is_right_can_not_be_broken() -> None:
    """The game says so: the lab has tried."""
    game = you_schedule(CORRECT["counter_with_a_lock"])
    assert "No schedule with up to 2 preemptions breaks it" in str(game)


def test_a_timeout_is_a_move() -> None:
    """Whoever waits with a timeout may be chosen: then its time is up."""

    def impatient() -> None:
        done = threading.Event()
        found: list[bool] = []
        together(lambda: found.append(done.wait(5)), done.set)
        assert found == [True]

    assert you_schedule(impatient, "B").ok
    game = you_schedule(impatient, "A")
    assert game.ok is False
    assert "has waited for done: its time is up" in [n for step in game.steps for n in step.notes]


def test_a_loop_without_an_end_ends() -> None:
    """A thread that spins gets a move now and then, and at last counts as making no progress."""

    def spin() -> None:
        ready: list[int] = []

        def wait() -> None:
            while not ready:
                pass

        together(wait, lambda: None)

    assert you_schedule(spin).kind == "no progress"


def test_steps_that_repeat_are_shown_once() -> None:
    """Of a thread that spins with a lock, text and page show one round and the end."""

    def spin() -> None:
        lock = threading.Lock()

        def wait() -> None:
            while True:
                with lock:
                    pass

        together(wait)

    verdict = explore(spin)
    assert verdict.kind == "no progress"
    last = len(verdict.steps)
    assert last > 1000
    for shown in (str(verdict), verdict._repr_html_()):
        assert f"steps 3 to {last - 1:,}: the 2 steps before, again and again" in shown
        assert "no end" in shown
    assert len(str(verdict).splitlines()) < 20


def test_each_stretch_that_repeats_is_shown_once() -> None:
    """Another thread's step in between is shown, and each stretch goes across the whole table."""

    def spin() -> None:
        lock = threading.Lock()
        jobs: list[int] = []

        def wait() -> None:
            with lock:
                while not jobs:
                    pass

        def put() -> None:
            with lock:
                jobs.append(1)

        together(wait, put)

    verdict = explore(spin)
    assert verdict.kind == "no progress"
    for shown in (str(verdict), verdict._repr_html_()):
        assert shown.count("the step before, again and again") == 2
        assert "has to wait to acquire lock, which wait holds" in " ".join(
            shown.replace("|", " ").split()
        )
    assert len(str(verdict).splitlines()) < 30


def test_what_is_repeated_is_shown_before_it() -> None:
    """Where one round follows another, the table still has the steps that each refers to."""

    def scenario() -> None:
        one, other = threading.Event(), threading.Event()

        def again() -> None:
            other.set()

        def work() -> None:
            for _ in range(5):
                one.set()
                again()
            for _ in range(6):
                again()
            raise ValueError

        together(work, lambda: None)

    verdict = explore(scenario)
    rows = [line.partition("|")[0].strip() for line in str(verdict).splitlines()]
    numbers = [row for row in rows if row.isdigit() or row == "..."]
    assert "..." in numbers
    assert all("..." not in pair or pair[0] != pair[1] for pair in pairwise(numbers))


def test_a_step_that_changes_nothing_is_no_write() -> None:
    """A `pop` that raises says so, and so does a `discard` of what is not there."""

    def take() -> None:
        jobs: list[int] = []
        done = {1}

        def pop() -> None:
            done.discard(2)
            done.add(3)
            jobs.pop()

        together(pop, lambda: (len(jobs), len(done)))

    text = " ".join(str(explore(take)).replace("|", " ").split())
    assert "changes nothing in jobs = []" in text
    assert "changes nothing in done = {1}" in text
    assert "writes done = {1, 3}" in text
    assert "writes jobs" not in text


def test_what_is_shown_after_a_step_is_as_it_was_then() -> None:
    """A lock that a thread takes is held after that line, even if the next one gives it back."""

    def scenario() -> None:
        lock, places = threading.Lock(), threading.Semaphore(0)
        lock.acquire()
        lock.release()
        places.release()
        places.release()
        raise ValueError

    steps = explore(scenario).steps
    assert [step.changes for step in steps[:4]] == [
        (("lock", "held by main"),),
        (("lock", "free"),),
        (("places", "value 1"),),
        (("places", "value 2"),),
    ]


def test_objects_of_one_class_are_told_apart() -> None:
    """The second one that a table shows has a number."""

    class File:
        pass

    def scenario() -> None:
        files: dict[str, File] = {}

        def look() -> File:
            if "a" not in files:
                files["a"] = File()
            return files["a"]

        got: list[File] = []
        together(lambda: got.append(look()), lambda: got.append(look()))
        assert got[0] is got[1]

    text = " ".join(str(explore(scenario)).replace("|", " ").split())
    assert "got = [<File>, <File 2>]" in text or "got = [<File 2>, <File>]" in text


def test_a_lock_keeps_its_name_in_a_table() -> None:
    """The first of two has its number before the second one is made, also as a value."""

    def scenario() -> None:
        locks: dict[str, threading.Lock] = {}
        numbers = [0]

        def count() -> None:
            if "one" not in locks:
                locks["one"] = threading.Lock()
            with locks["one"]:
                numbers[0] += 1

        together(count, count)
        assert numbers[0] == 2

    verdict = explore(scenario)
    for told in (verdict, replay(verdict)):
        text = str(told)
        assert "acquire lock 1" in text
        assert "acquire lock 2" in text
        assert "<lock 1>" in text
        assert "acquire lock\n" not in text
        assert "lock = " not in text


def test_a_lost_wakeup_says_how_often_somebody_was_notified() -> None:
    """Two items are put, one notification is made: it says so, and whom that woke."""

    def scenario() -> None:
        changed, items = threading.Condition(), []

        def get() -> None:
            with changed:
                while not items:
                    changed.wait()
                items.pop()

        def put_two() -> None:
            with changed:
                items.append(1)
                items.append(2)
                changed.notify()

        together(get, get, put_two)

    verdict = explore(scenario)
    assert "changed was notified once while get 2 waited, and that woke get 1 (by put_two)" in (
        verdict.message
    )


def test_a_schedule_of_thousands_of_steps_is_shown_in_part() -> None:
    """If no two of them are the same, text and page show the first and the last."""

    def count() -> None:
        lock = threading.Lock()
        numbers = [0]

        def add() -> None:
            while True:
                with lock:
                    numbers[0] += 1

        together(add, lambda: numbers[0])

    verdict = explore(count)
    assert verdict.kind == "no progress"
    last = len(verdict.steps)
    assert last > 1000
    for shown in (str(verdict), verdict._repr_html_()):
        assert f"steps 41 to {last - 40:,}: not shown" in shown
        assert "no end" in shown
        assert len(shown) < 40_000


def test_the_buttons_make_moves_and_take_them_back() -> None:
    """Those who can't go on have no button to press; in the end only the way back is left."""
    shown = Shown(you_schedule(RACE))
    first, second = (
        shown.button("Let add 1 do its next step"),
        shown.button("Let add 2 do its next step"),
    )
    back, again = shown.button("Take the last move back"), shown.button("Take all moves back")
    assert [b.disabled for b in (first, second, back, again)] == [False, False, True, True]
    first.click()
    second.click()
    assert "Your moves: A B. Who goes next?" in shown.text
    back.click()
    assert "Your moves: A. Who goes next?" in shown.text
    second.click()
    first.click()
    assert 'role="status" aria-live="polite">Your moves: A B A. You broke it.' in shown.text
    assert [b.disabled for b in (first, second, back, again)] == [True, True, False, False]
    again.click()
    assert "Who goes next?" in shown.text
    assert [b.disabled for b in (first, second, back, again)] == [False, False, True, True]


def test_a_game_that_is_left_leaves_nothing_behind() -> None:
    """It waits for the learner without a thread, and other games and explorations may begin."""
    before = threading.enumerate()
    game = you_schedule(DEADLOCK, "A")
    assert threading.enumerate() == before
    assert explore(RACE).ok is False
    game.move("B")
    assert game.kind == "deadlock"
