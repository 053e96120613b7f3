"""Questions, puzzles and schedules with buttons, for a notebook: imported on use, for ipywidgets.

Whatever can be clicked can be reached by Tab and pressed by Enter, and has a form as text that
works without it. Widgets are hidden and shown, not made anew: the browser needs a moment for a new
one, and in that moment it could not get the focus.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Final, NamedTuple

from IPython.display import DisplayHandle
from ipywidgets import HTML, Box, Button, Layout, Play, VBox, Widget

from taskqueue_edu.lab.verdict import set_code

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


def _show(widget: Box | Button, there: bool) -> None:
    widget.layout.display = None if there else "none"


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
        _button(
            f"({letter}) {text.replace('`', '')}", f"Predict ({letter})", partial(chosen, letter)
        )
        for letter, text in options.items()
    ]
    return VBox([HTML(f"<b>{set_code(escape(asked))}</b>"), *buttons, said])


class Lines:
    """Lines to choose from, and the program that was made of them."""

    def __init__(self, frame: str, lines: Mapping[str, str], judge: Callable[[str], str]) -> None:
        """`judge` gets the letters of a program, and returns the verdict on it as HTML."""
        self._lines, self._judge = lines, judge
        self._order: list[str] = []
        self._takes = {
            letter: _button(
                f"{letter}  {line}", f"Take line {letter}", partial(self._take, letter), code=True
            )
            for letter, line in lines.items()
        }
        self._rows = [self._row(place) for place in range(len(lines))]
        self._verdict = HTML()
        self._checks = _button("Check", "Check the program", self._check)
        above = [HTML(f"<pre>{escape(frame)}</pre>")] if frame.strip() else []
        rows = [row.box for row in self._rows]
        parts = Box(
            [
                VBox([HTML("<b>Lines</b>: a click takes one"), *self._takes.values()]),
                VBox([HTML("<b>Your program</b>"), *above, *rows, self._checks]),
            ],
            layout=Layout(flex_flow="row wrap", grid_gap="0 32px"),
        )
        self.box = VBox([parts, self._verdict])
        self._draw()

    def _row(self, place: int) -> _Row:
        up = _button("↑", "", lambda: self._move(place, -1))
        down = _button("↓", "", lambda: self._move(place, 1))
        back = _button("✕", "", lambda: self._put_back(place))
        line = HTML()
        return _Row(
            Box([up, down, back, line], layout=Layout(align_items="center")), up, down, back, line
        )

    def _draw(self) -> None:
        for letter, take in self._takes.items():
            _show(take, letter not in self._order)
        for place, row in enumerate(self._rows):
            _show(row.box, place < len(self._order))
            if place < len(self._order):
                letter = self._order[place]
                row.up.tooltip = f"Move line {letter} up"
                row.down.tooltip = f"Move line {letter} down"
                row.back.tooltip = f"Put line {letter} back"
                shown = escape(f"{letter}  {self._lines[letter]}")
                row.line.value = f"<code style='white-space:pre'>{shown}</code>"

    def _take(self, letter: str) -> None:
        self._order.append(letter)
        self._draw()
        left = [other for other in self._lines if other not in self._order]
        after = [other for other in left if other > letter] or left
        (self._takes[after[0]] if after else self._checks).focus()

    def _put_back(self, place: int) -> None:
        letter = self._order.pop(place)
        self._draw()
        self._takes[letter].focus()

    def _move(self, place: int, by: int) -> None:
        to = place + by
        if 0 <= to < len(self._order):
            self._order.insert(to, self._order.pop(place))
            self._draw()
            row = self._rows[to]
            (row.up if by < 0 else row.down).focus()

    def _check(self) -> None:
        self._verdict.value = self._judge(" ".join(self._order))


class _Row(NamedTuple):
    """A place in the program of `Lines`: its line, and what moves it."""

    box: Box
    up: Button
    down: Button
    back: Button
    line: HTML


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
        most = max(len(options) for _, options in asked)
        self._slots = [self._slot(place, most) for place in range(min(PAGE, len(asked)))]
        self._back = _button("Back", "The page before", partial(self._turn, -1))
        self._next = _button("Next page", "The next page", partial(self._turn, 1))
        self._ends = _button("Finish", "All are answered", self._end)
        turns = Box([self._back, self._next, self._ends])
        slots = [slot.box for slot in self._slots]
        self.box = VBox([*slots, turns, self._said, self._result])
        self._draw()

    def _draw(self) -> None:
        last = self._page == -(-len(self._asked) // PAGE) - 1
        for place, slot in enumerate(self._slots):
            number = self._page * PAGE + place
            _show(slot.box, number < len(self._asked))
            if number < len(self._asked):
                slot.asked.value = self._asked[number][0]
                self._mark(slot, number)
        _show(self._back, self._page > 0)
        _show(self._next, not last)
        _show(self._ends, last)
        self._say(f"Page {self._page + 1} of {-(-len(self._asked) // PAGE)}.")

    def _slot(self, place: int, options: int) -> _Slot:
        asked = HTML()
        buttons = [_button("", "", partial(self._choose, place, n)) for n in range(options)]
        box = VBox([asked, *buttons], layout=Layout(align_items="flex-start"))
        return _Slot(box, asked, buttons)

    def _mark(self, slot: _Slot, number: int) -> None:
        options = list(self._asked[number][1].items())
        for n, button in enumerate(slot.buttons):
            _show(button, n < len(options))
            if n < len(options):
                letter, text = options[n]
                mark = "●" if self._chosen.get(number) == letter else "○"
                button.description = f"{mark} ({letter}) {text}"
                button.tooltip = f"Question {number + 1}: choose ({letter})"

    def _choose(self, place: int, option: int) -> None:
        number = self._page * PAGE + place
        letter = list(self._asked[number][1])[option]
        self._chosen[number] = letter
        self._mark(self._slots[place], number)
        self._keep()
        self._say(f"Question {number + 1}: ({letter}).")

    def _say(self, what: str) -> None:
        self._said.value = _said(f"{what} Answered: {len(self._chosen)} of {len(self._asked)}.")

    def _turn(self, by: int) -> None:
        self._page += by
        self._draw()
        self._slots[0].buttons[0].focus()

    def _end(self) -> None:
        left = [str(n + 1) for n in range(len(self._asked)) if n not in self._chosen]
        if left:
            self._say(f"No answer yet to {', '.join(left)}. You may say that you don't know.")
        else:
            self._result.value = self._finish()


class _Slot(NamedTuple):
    """A place for a question on a page of a `Sheet`, and a button for each option."""

    box: Box
    asked: HTML
    buttons: list[Button]
