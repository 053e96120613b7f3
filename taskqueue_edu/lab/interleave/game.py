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
from taskqueue_edu.lab.interleave.schedule import MAX_POINTS, Abort, Group, Run, Strand, doing
from taskqueue_edu.lab.interleave.search import Laboratory, Search
from taskqueue_edu.lab.interleave.story import Recorder, Step
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
    one, M is main. Where only one thread can go on, it does so by itself. In a notebook there are
    buttons for the moves. Scenario, steps, `also` and `benign` are those of `explore`.

    Raises ValueError if a move names a thread that can't go on.
    """
    game = Game(Laboratory(scenario, also=also, benign=benign))
    for letter in moves.replace(" ", "").upper():
        game.move(letter)
    return game


@dataclass(frozen=True)
class Stand:
    """Where a thread stands while the learner thinks."""

    letter: str
    name: str
    doing: str
    """What it is about to do, or waits for."""
    can_go: bool


class Guided(Run):
    """A schedule that follows moves, and ends where the next one would have to be chosen."""

    def __init__(self, lab: Laboratory, moves: Sequence[str], recorder: Recorder) -> None:
        super().__init__({}, 0, 0, lab.carriers, lab.sharing, lab.tracer, None, recorder)
        self._moves = deque(moves)
        self._recorder = recorder
        self.steps: tuple[Step, ...] = ()
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
            self.steps = self._recorder.steps()
            self.stands = tuple(
                Stand(LETTERS[s.id], s.name, doing(s).removeprefix(s.name).strip(), s in options)
                for s in self.strands
                if not s.done and not isinstance(s.doing[1], Group)
            )
            self.over = True
            raise Abort
        letter = self._moves.popleft()
        return next(s for s in options if LETTERS[s.id] == letter)


class Game:
    """A schedule in the hands of the learner; shows itself."""

    def __init__(self, lab: Laboratory) -> None:
        self._lab = lab
        self.moves: tuple[str, ...] = ()
        """What was chosen so far."""
        with lab.open():
            search = Search(lab, _BOUND, _BUDGET)
            costs = [run.cost for run, _ in search.runs() if run.failure is not None]
        self._hint = _hint(min(costs, default=None), search.left)
        self._run = self._follow(self.moves)

    def _follow(self, moves: tuple[str, ...]) -> Guided:
        """Run it from the start: a thread that is kept waiting for the learner could be lost."""
        with self._lab.open():
            while True:
                self._lab.sharing.grown = False
                self._lab.tracer.forget()
                run = Guided(self._lab, moves, Recorder(self._lab.scope))
                self._lab.execute(run)
                if not self._lab.sharing.grown:
                    return run

    # -- the moves

    def move(self, letter: str) -> None:
        """Let a thread do its next step. Raises ValueError if it can't, or all is over."""
        can_go = [stand.letter for stand in self._run.stands if stand.can_go]
        if letter not in can_go:
            made = f"after {' '.join(self.moves)}" if self.moves else "at the start"
            rest = f"choose from {', '.join(can_go)}" if can_go else "this schedule is over"
            raise ValueError(f"{letter} can't go on {made}: {rest}")
        self._run = self._follow((*self.moves, letter))
        self.moves += (letter,)

    def take_back(self) -> None:
        """Take the last move back, if there is one."""
        self.moves = self.moves[:-1]
        self._run = self._follow(self.moves)

    def restart(self) -> None:
        """Take all moves back."""
        self.moves = ()
        self._run = self._follow(self.moves)

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
