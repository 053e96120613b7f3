"""you_schedule: the learner says which thread goes next, and tries to break the program."""

from __future__ import annotations

import textwrap
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from types import ModuleType
from typing import Final

from taskqueue_edu.lab.interleave.page import section, shared, timeline
from taskqueue_edu.lab.interleave.schedule import MAX_POINTS, NOT_REPEATABLE, Run
from taskqueue_edu.lab.interleave.search import Laboratory, Search
from taskqueue_edu.lab.interleave.story import Recorder, Step
from taskqueue_edu.lab.interleave.strands import Abort, Group, Strand, doing
from taskqueue_edu.lab.interleave.text import table

LETTERS: Final = "MABCDEFGHIJKLNOPQRSTUVWXYZ"
"""What the threads are called in a move, in the order in which they were made; M is main."""
_BOUND: Final = 2
_BUDGET: Final = 500
"""How many schedules are run beforehand, to learn what is shared and whether any fails."""


def you_schedule(
    scenario: Callable[[], object],
    moves: str = "",
    *,
    also: Iterable[ModuleType] = (),
    benign: Iterable[str] = (),
) -> Game:
    """Let the learner schedule the threads of `scenario`: each move lets one do its next step.

    Moves are letters, as in "A A B A": A is the first thread that the scenario starts, B the second
    one, M is main. Where only one thread can go on, it does so by itself, and moves after the end
    are not made. In a notebook there are buttons for the moves. Scenario, steps, `also` and
    `benign` are those of `explore`.

    If a move names a thread that can't go on, the game stands before it, and says so.
    """
    game = Game(scenario, tuple(also), tuple(benign))
    letters = moves.replace(" ", "").upper()
    for made, letter in enumerate(letters):
        if game.ok is not None:
            game.unused = " ".join(letters[made:])
            break
        try:
            game.move(letter)
        except ValueError as error:
            game.refused = str(error)
            break
    return game


@dataclass(frozen=True)
class Stand:
    """Where a thread stands while the learner thinks."""

    letter: str
    name: str
    text: str
    """What it is about to do, or waits for."""
    can_go: bool


class Guided(Run):
    """A schedule that follows moves, and ends where the next one would have to be chosen."""

    def __init__(self, lab: Laboratory, moves: Sequence[str], recorder: Recorder) -> None:
        super().__init__({}, 0, 0, lab.carriers, lab.sharing, lab.tracer, None, recorder)
        self._moves = deque(moves)
        self._story = recorder
        self.steps: tuple[Step, ...] = ()
        """What has happened."""
        self.stands: tuple[Stand, ...] = ()
        """Where the threads stand, if it waits for a move."""

    def _choose(self, me: Strand, *, gone: bool = False, yields: bool = False) -> Strand:
        del gone, yields
        self.points += 1
        if self.points > MAX_POINTS:
            self._no_progress(me, f"{MAX_POINTS:,} switch points")
        going = [s for s in self.strands if not s.done]
        able = [s for s in going if s.able()]
        # Whoever waits with a timeout may be chosen too: its time is up then.
        options = able + [s for s in going if s.deadline is not None and s not in able]
        if not options:
            self._nobody_can_go_on()
            raise Abort
        chosen = self._chosen(options)
        if chosen not in able:
            assert chosen.deadline is not None
            chosen.fired, self.now = True, max(self.now, chosen.deadline)
        return chosen

    def _chosen(self, options: Sequence[Strand]) -> Strand:
        # What a thread does before its first point nobody can notice: let it come there.
        for strand in options:
            if strand.carrier is None or len(options) == 1:
                return strand
        if not self._moves:
            self.steps = self._story.steps()
            self.stands = tuple(
                Stand(LETTERS[s.id], s.name, doing(s), s in options)
                for s in self.strands
                if not s.done and not isinstance(s.doing[1], Group)
            )
            self.over = True
            raise Abort
        letter = self._moves.popleft()
        for strand in options:
            if LETTERS[strand.id] == letter:
                return strand
        self.fail("not repeatable", NOT_REPEATABLE)
        raise Abort


class Game:
    """A schedule in the hands of the learner; shows itself."""

    def __init__(
        self,
        scenario: Callable[[], object],
        also: tuple[ModuleType, ...],
        benign: tuple[str, ...],
    ) -> None:
        self.moves: tuple[str, ...]
        """What was chosen so far."""
        self.refused = ""
        """Why the move that was asked for last can't be made."""
        self.unused = ""
        """The moves that came after the end."""
        self._run: Guided
        self._scenario, self._also, self._benign = scenario, also, benign
        lab = self._laboratory()
        with lab.open():
            search = Search(lab, _BOUND, _BUDGET)
            costs = [run.cost for run, _ in search.runs() if run.failure is not None]
        self._known = lab.sharing.known()
        self._hint = _hint(min(costs, default=None), search.left)
        self._follow(())

    def _laboratory(self) -> Laboratory:
        return Laboratory(self._scenario, also=self._also, benign=self._benign)

    def _follow(self, moves: tuple[str, ...]) -> None:
        """Run it from the start: no thread is kept waiting for the learner."""
        self.refused = self.unused = ""
        lab = self._laboratory()
        lab.sharing.start_from(self._known)
        with lab.open():
            while True:
                lab.sharing.grown = False
                lab.tracer.forget()
                story = Recorder(lab.scope)
                run = Guided(lab, moves, story)
                lab.execute(run)
                if not lab.sharing.grown:
                    break
        if not run.stands:
            run.steps = story.steps()
        self._run, self.moves = run, moves

    # -- the moves

    def move(self, letter: str) -> None:
        """Let a thread do its next step. Raises ValueError if it can't, or all is over."""
        stands = self._run.stands
        if letter not in (can_go := [stand.letter for stand in stands if stand.can_go]):
            made = f"after {' '.join(self.moves)}" if self.moves else "at the start"
            waits = "".join(f"{stand.text}; " for stand in stands if stand.letter == letter)
            if letter == LETTERS[0] and stands and not waits:
                waits = "main waits until the others have ended; "
            rest = f"choose from {', '.join(can_go)}" if can_go else "this schedule is over"
            raise ValueError(f"{letter} can't go on {made}: {waits}{rest}")
        self._follow((*self.moves, letter))

    def take_back(self) -> None:
        """Take the last move back, if there is one."""
        self._follow(self.moves[:-1])

    def restart(self) -> None:
        """Take all moves back."""
        self._follow(())

    # -- what came of them

    @property
    def ok(self) -> bool | None:
        """False if the moves broke the program, True if it held, None while there are more."""
        if self._run.stands:
            return None
        return self._run.failure is None

    @property
    def kind(self) -> str:
        """How it failed, in the words of `explore`; "ok" if it held, "under way" before."""
        if self._run.stands:
            return "under way"
        return "ok" if self._run.failure is None else self._run.failure.kind

    @property
    def stands(self) -> tuple[Stand, ...]:
        """Where the threads stand; empty once it is over."""
        return self._run.stands

    @property
    def steps(self) -> tuple[Step, ...]:
        """What has happened so far."""
        return self._run.steps

    # -- how it shows itself

    @property
    def _threads(self) -> list[str]:
        return [f"{LETTERS[s.id]}: {s.name}" for s in self._run.strands]

    def summary(self) -> str:
        """Return what was chosen, and what came of it."""
        moves = f"Your moves: {' '.join(self.moves)}. " if self.moves else ""
        if self.unused:
            moves += f"Nothing was left to choose for {self.unused}. "
        if self.ok is None:
            refused = f"{self.refused}. " if self.refused else ""
            return f"{moves}{refused}Who goes next?"
        if self._run.failure is None:
            return f"{moves}It held: your schedule ran to its end, and nothing failed. Try another."
        kind = self._run.failure.kind.upper()
        return f"{moves}You broke it. {kind}: {self._run.failure.message.removesuffix('.')}."

    def __repr__(self) -> str:
        parts = [textwrap.fill(self.summary(), 100)]
        if self.steps:
            parts.append(table(self._threads, self.steps))
        if self.stands:
            now = [f"{stand.letter}: {stand.text}" for stand in self.stands]
            if self.steps:
                shared = ", ".join(f"{name} = {value}" for name, value in self.steps[-1].shared)
                now.append(f"Shared: {shared}")
            parts.append("\n".join(now))
        if self.ok is not False:
            parts.append(textwrap.fill(self._hint, 100))
        return "\n\n".join(parts)

    def _repr_html_(self) -> str:
        return section("your schedule", [f"<p>{escape(self.summary())}</p>", *self._parts()])

    def html(self) -> str:
        """Return how it stands as HTML, without the summary."""
        return section("your schedule", self._parts())

    def _parts(self) -> list[str]:
        parts = []
        if self.stands:
            rows = "".join(
                f'<tr><th scope="row">{stand.letter}</th><td>{escape(stand.text)}</td></tr>'
                for stand in self.stands
            )
            now = f"<table><caption>Threads</caption><tbody>{rows}</tbody></table>"
            known = shared(self.steps[-1]) if self.steps else ""
            parts.append(f'<div class="tqi-now">{now}{known}</div>')
        if self.ok is not False:
            parts.append(f"<p><small>{escape(self._hint)}</small></p>")
        if self.steps:
            parts.append(timeline(self._threads, self.steps))
        return parts

    def _ipython_display_(self) -> None:
        from taskqueue_edu.lab.buttons import Board, display

        self._board = Board(self)
        display(self._board.box, repr(self))


def _hint(fewest: int | None, left: bool) -> str:
    """Say whether the lab knows how to break it. `fewest` is how many preemptions that takes."""
    if fewest == 0:
        return (
            "It can be broken without a preemption: a switch away from a thread that could go on."
        )
    if fewest is not None:
        count = "one preemption" if fewest == 1 else f"{fewest} preemptions"
        return f"It can be broken with {count}: a switch away from a thread that could go on."
    if left:
        return f"The lab has run {_BUDGET} schedules of it, and none broke it."
    return f"No schedule with up to {_BOUND} preemptions breaks it; these the lab has all run."
