"""Questions, puzzles and schedules with buttons, for a notebook: imported on use, for ipywidgets.

Whatever can be clicked can be reached by Tab and pressed by Enter, and has a form as text that
works without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Final

from IPython.display import DisplayHandle
from ipywidgets import HTML, Box, Button, Layout, Play, VBox, Widget

if TYPE_CHECKING:
    from taskqueue_edu.lab.interleave.game import Game

_VIEW: Final = "application/vnd.jupyter.widget-view+json"
_PACE: Final = 1_500
"""Milliseconds that a page stands before the next one."""


def display(box: Box, text: str) -> None:
    """Show widgets, with the text that stands for them in a saved notebook."""
    box.add_class("tq-lab")
    view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    DisplayHandle().display({_VIEW: view, "text/plain": text}, raw=True)


def _button(text: str, hint: str, call: Callable[[], None], *, code: bool = False) -> Button:
    button = Button(description=text, tooltip=hint, layout=Layout(width="auto"))
    if code:
        button.style.font_family = "monospace"
    button.on_click(lambda _: call())
    return button


def _row(*parts: Widget) -> Box:
    return Box(parts, layout=Layout(flex_flow="row wrap", align_items="center", grid_gap="0 4px"))


def _said(text: str) -> str:
    return f'<span role="status" aria-live="polite">{text}</span>'


def question(asked: str, options: Mapping[str, str], choose: Callable[[str], None]) -> Box:
    """Return a question with a button for each option; `choose` gets the letter of it."""
    said = HTML(_said(""))

    def chosen(letter: str) -> None:
        choose(letter)
        said.value = _said(f"You predict ({letter}). Now run the next cell.")

    buttons = [
        _button(f"({letter}) {text}", f"Predict ({letter})", partial(chosen, letter))
        for letter, text in options.items()
    ]
    return VBox([HTML(f"<b>{escape(asked)}</b>"), *buttons, said])


class Lines:
    """Lines to choose from, and the program that was made of them."""

    def __init__(self, frame: str, lines: Mapping[str, str], judge: Callable[[str], str]) -> None:
        """`judge` gets the letters of a program, and returns the verdict on it as HTML."""
        self._frame, self._lines, self._judge = frame, lines, judge
        self._order: list[str] = []
        self._left, self._right = VBox(), VBox()
        self._verdict = HTML()
        check = _button("Check", "Check the program", self._check)
        parts = Box(
            [
                VBox([HTML("<b>Lines</b>: a click takes one"), self._left]),
                VBox([HTML("<b>Your program</b>"), self._right, check]),
            ],
            layout=Layout(flex_flow="row wrap", grid_gap="0 32px"),
        )
        self.box = VBox([parts, self._verdict])
        self._draw()

    def _draw(self) -> None:
        self._left.children = [
            _button(
                f"{letter}  {line}", f"Take line {letter}", partial(self._take, letter), code=True
            )
            for letter, line in self._lines.items()
            if letter not in self._order
        ]
        frame = [HTML(f"<pre>{escape(self._frame)}</pre>")] if self._frame.strip() else []
        rows = [self._row(place, letter) for place, letter in enumerate(self._order)]
        self._right.children = [*frame, *rows]

    def _row(self, place: int, letter: str) -> Box:
        buttons = [
            _button("↑", f"Move line {letter} up", lambda: self._move(place, -1)),
            _button("↓", f"Move line {letter} down", lambda: self._move(place, 1)),
            _button("✕", f"Put line {letter} back", lambda: self._put_back(letter)),
        ]
        line = HTML(f"<code style='white-space:pre'>{letter}  {escape(self._lines[letter])}</code>")
        return Box([*buttons, line], layout=Layout(align_items="center"))

    def _take(self, letter: str) -> None:
        self._order.append(letter)
        self._draw()

    def _put_back(self, letter: str) -> None:
        self._order.remove(letter)
        self._draw()

    def _move(self, place: int, by: int) -> None:
        to = place + by
        if 0 <= to < len(self._order):
            self._order.insert(to, self._order.pop(place))
            self._draw()

    def _check(self) -> None:
        self._verdict.value = self._judge(" ".join(self._order))


class Pages:
    """Pages to turn, from 1 on, one at a time or by themselves."""

    def __init__(
        self, title: str, count: int, draw: Callable[[int], str], say: Callable[[int], str]
    ) -> None:
        """`draw` gets the number of a page, and returns its HTML; `say` says what it shows."""
        self._draw_page, self._say = draw, say
        # It counts in the browser, so no thread of the kernel has to. It is not shown: its own
        # buttons have no names.
        self._count = Play(min=1, max=count, value=1, interval=_PACE, layout=Layout(display="none"))
        self._back = _button("Previous", "Previous step", lambda: self._turn(-1))
        self._on = _button("Next", "Next step", lambda: self._turn(1))
        self._plays = _button("Play", "Go on by itself, or stop", self._play)
        self._said, self._page = HTML(), HTML()
        self._count.observe(lambda _: self._draw(), ["value", "playing"])
        row = _row(self._back, self._on, self._plays, self._said)
        self.box = VBox([HTML(f"<b>{escape(title)}</b>"), row, self._page, self._count])
        self._draw()

    def _turn(self, by: int) -> None:
        self._count.playing = False
        self._count.value += by

    def _play(self) -> None:
        if self._count.value == self._count.max:
            self._count.value = 1
        self._count.playing = not self._count.playing

    def _draw(self) -> None:
        count = self._count
        self._back.disabled, self._on.disabled = count.value == 1, count.value == count.max
        self._plays.description = "Pause" if count.playing else "Play"
        self._said.value = _said(escape(self._say(count.value)))
        self._page.value = self._draw_page(count.value)


class Board:
    """A game in which the learner says which thread goes next."""

    def __init__(self, game: Game) -> None:
        self._game = game
        self._moves: dict[str, Button] = {}
        self._threads, self._said, self._state = Box(), HTML(), HTML()
        back = _button("Take back", "Take the last move back", lambda: self._do(game.take_back))
        again = _button("Start again", "Take all moves back", lambda: self._do(game.restart))
        self._back = back, again
        self.box = VBox([_row(self._threads, back, again), self._said, self._state])
        self._draw()

    def _do(self, what: Callable[[], None]) -> None:
        what()
        self._draw()

    def _draw(self) -> None:
        game, moves = self._game, self._moves
        for stand in game.stands:
            if stand.letter not in moves:
                move = partial(self._do, partial(game.move, stand.letter))
                hint = f"Let {stand.name} do its next step"
                moves[stand.letter] = _button(f"{stand.letter}: {stand.name}", hint, move)
        # The same buttons as before: the one that was pressed keeps the focus.
        self._threads.children = [moves[letter] for letter in sorted(moves)]
        can_go = {stand.letter for stand in game.stands if stand.can_go}
        for letter, button in moves.items():
            button.disabled = letter not in can_go
        for button in self._back:
            button.disabled = not game.moves
        self._said.value = _said(escape(game.summary()))
        self._state.value = game.html()


PAGE: Final = 6
"""How many questions of a sheet are shown at a time."""


class Sheet:
    """Questions on pages, each with options of which one is chosen, and what came of them."""

    def __init__(
        self,
        asked: Sequence[tuple[str, Mapping[str, str]]],
        chosen: dict[int, str],
        keep: Callable[[], None],
        finish: Callable[[], str],
    ) -> None:
        """`asked` has a question as HTML, and its options by letter.

        `chosen` has the letter for each number of a question. It is changed by a click, and
        `keep` is called then; `finish`, when all are chosen, returns what came of it as HTML.
        """
        self._asked, self._chosen, self._keep, self._finish = asked, chosen, keep, finish
        self._page = 0
        self._said, self._result = HTML(_said("")), HTML()
        self.box = VBox()
        self._draw()

    def _draw(self) -> None:
        pages = -(-len(self._asked) // PAGE)
        first = self._page * PAGE
        shown = [self._question(n) for n in range(first, min(first + PAGE, len(self._asked)))]
        turns = []
        if self._page > 0:
            turns.append(_button("Back", "The page before", partial(self._turn, -1)))
        if self._page < pages - 1:
            turns.append(_button("Next page", "The next page", partial(self._turn, 1)))
        else:
            turns.append(_button("Finish", "All are answered", self._end))
        self._say(f"Page {self._page + 1} of {pages}.")
        self.box.children = [*shown, Box(turns), self._said, self._result]

    def _question(self, number: int) -> Box:
        asked, options = self._asked[number]
        buttons: dict[str, Button] = {}

        def mark() -> None:
            for letter, button in buttons.items():
                chosen = self._chosen.get(number) == letter
                button.description = f"{'●' if chosen else '○'} ({letter}) {options[letter]}"

        def choose(letter: str) -> None:
            self._chosen[number] = letter
            mark()
            self._keep()
            self._say(f"Question {number + 1}: ({letter}).")

        for letter in options:
            hint = f"Question {number + 1}: choose ({letter})"
            buttons[letter] = _button("", hint, partial(choose, letter))
        mark()
        return VBox([HTML(asked), *buttons.values()], layout=Layout(align_items="flex-start"))

    def _say(self, what: str) -> None:
        self._said.value = _said(f"{what} Answered: {len(self._chosen)} of {len(self._asked)}.")

    def _turn(self, by: int) -> None:
        self._page += by
        self._draw()

    def _end(self) -> None:
        left = [str(n + 1) for n in range(len(self._asked)) if n not in self._chosen]
        if left:
            self._say(f"No answer yet to {', '.join(left)}. You may say that you don't know.")
        else:
            self._result.value = self._finish()
