"""What came of the concept quiz after the course: each answer, and the learner's own gain."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Final, NamedTuple

from taskqueue_edu.lab.checks import PHASES
from taskqueue_edu.lab.misconceptions import MISCONCEPTIONS
from taskqueue_edu.lab.verdict import set_code

if TYPE_CHECKING:
    from taskqueue_edu.lab.quiz import Question

SOURCE: Final = "R. R. Hake, Am. J. Phys. 66, 64 (1998), who took it of whole classes"
_LEFT, _WIDTH, _ROW = 230, 240, 26
_STYLE = """<style>
.tq-gain{color:var(--jp-ui-font-color1,currentColor);
 font:13px var(--jp-ui-font-family,system-ui,sans-serif)}
[data-vscode-theme-kind] .tq-gain:not(.cell-output-ipywidget-background *){
 color:var(--vscode-editor-foreground)}
</style>"""


class Row(NamedTuple):
    """How many questions of a phase were right; `before` is None if they were not asked then."""

    phase: str
    before: int | None
    after: int
    total: int

    @property
    def gain(self) -> float | None:
        """The share of what was not right before that is now; None if nothing was left."""
        if self.before is None or self.before == self.total:
            return None
        return (self.after - self.before) / (self.total - self.before)

    def __str__(self) -> str:
        before = "" if self.before is None else f"{self.before} -> "
        return f"{before}{self.after} of {self.total}"


class Gain:
    """The answers after the course, beside those before it. In a notebook it shows itself."""

    def __init__(
        self, asked: Sequence[Question], before: Mapping[str, str], after: Mapping[str, str]
    ) -> None:
        """`before` is empty if the quiz was not taken then."""
        self._asked, self._after = asked, after

        def right(answers: Mapping[str, str], prefix: str) -> int:
            return sum(answers.get(q.name) == q.right for q in asked if q.name.startswith(prefix))

        def row(phase: str, prefix: str) -> Row:
            total = sum(q.name.startswith(prefix) for q in asked)
            first = right(before, prefix) if before else None
            return Row(phase, first, right(after, prefix), total)

        rows = [row(phase, f"{prefix}.") for prefix, phase in PHASES.items()]
        self.rows = [one for one in rows if one.total]
        self.all = row("All", "")

    def _summary(self) -> str:
        if self.all.before is None:
            return "You did not take the quiz before the course: there is no gain to tell."
        if self.all.gain is None:
            return "All was right before the course: nothing was left to gain."
        left = self.all.total - self.all.before
        more = self.all.after - self.all.before
        if more < 0:
            return f"You had {-more} more right before the course: there is no gain."
        return (
            f"Your gain is {more} of the {left} that were left to gain: {self.all.gain:.2f} "
            f"({SOURCE})."
        )

    def _told(self, question: Question) -> list[tuple[str, str]]:
        """Return what is said about an answer that is not right, each with its heading."""
        letter = self._after.get(question.name, "-")
        option = question.by_letter.get(letter)
        right = question.by_letter[question.right].text
        parts = [("Asked", question.question)]
        if option is None:
            parts.append(("You chose", "I don't know"))
        else:
            parts.append(("You chose", f"({letter}) {option.text}"))
            if option.misconception:
                known = MISCONCEPTIONS[option.misconception]
                parts += [("You may think", known.belief), ("In fact", known.fact)]
            else:
                parts.append(("Ask yourself", option.why))
        parts.append(("Right is", f"({question.right}) {right.rstrip('.')}. {question.because}"))
        parts.append(("Read again", f'notebook {question.phase}, "{question.read}"'))
        return parts

    def _numbers(self, *, right: bool) -> list[tuple[int, Question]]:
        numbered = enumerate(self._asked, 1)
        return [(n, q) for n, q in numbered if (self._after.get(q.name) == q.right) is right]

    def _right(self) -> str:
        return ", ".join(str(n) for n, _ in self._numbers(right=True)) or "none"

    def __repr__(self) -> str:
        lines = [f"{row.phase:<32} {row}" for row in (*self.rows, self.all)]
        lines += [textwrap.fill(self._summary(), 96), "", f"✓ right: {self._right()}"]
        for number, question in self._numbers(right=False):
            lines.append(f"✗ {number}.")
            for head, text in self._told(question):
                said = f"{head}: {text}"
                lines.append(textwrap.fill(said, 96, initial_indent="  ", subsequent_indent="    "))
            if question.code:
                lines.append(textwrap.indent(question.code.strip(), "      "))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        told = ""
        for number, question in self._numbers(right=False):
            said = "<br>".join(
                f"<b>{head}</b> {set_code(escape(text))}" for head, text in self._told(question)
            )
            code = f"<pre>{escape(question.code.strip())}</pre>" if question.code else ""
            told += f"<li value='{number}'><p>✗ {said}</p>{code}</li>"
        ring = "A ring is what was right before the course, a dot what is now. "
        key = "" if self.all.before is None else ring
        return (
            f'<div style="line-height:1.45">{self._figure()}'
            f"<p>{key}{escape(self._summary())}</p>"
            f"<p>✓ <b>right</b>: {self._right()}</p><ol>{told}</ol></div>"
        )

    def _figure(self) -> str:
        """Return a line for each phase: a ring where the learner was, a dot where they are."""
        rows = [*self.rows, self.all]
        shown = ""
        for place, row in enumerate(rows):
            y = _ROW * place + 16
            after = _LEFT + _WIDTH * row.after / row.total
            shown += (
                f'<text stroke="none" x="0" y="{y + 4}">{row.phase}</text>'
                f'<path d="M{_LEFT} {y}h{_WIDTH}" stroke-opacity=".25"/>'
            )
            if row.before is not None:
                before = _LEFT + _WIDTH * row.before / row.total
                shown += f'<path d="M{before:.1f} {y}H{after:.1f}" stroke-width="2"/>'
                shown += f'<circle cx="{before:.1f}" cy="{y}" r="6" fill="none"/>'
            shown += f'<circle cx="{after:.1f}" cy="{y}" r="4"/>'
            said = str(row).replace("->", "→")
            shown += f'<text stroke="none" x="{_LEFT + _WIDTH + 14}" y="{y + 4}">{said}</text>'
        told = "; ".join(f"{row.phase}: {row}" for row in rows)
        width, height = _LEFT + _WIDTH + 110, _ROW * len(rows) + 6
        return (
            f'<svg role="img" class="tq-gain" viewBox="0 0 {width} {height}" '
            f'style="max-width:{width}px">{_STYLE}'
            "<title>Right answers: a ring before the course, a dot after it</title>"
            f"<desc>{escape(told)}</desc>"
            f'<g stroke="currentColor" fill="currentColor">{shown}</g>'
            "</svg>"
        )
