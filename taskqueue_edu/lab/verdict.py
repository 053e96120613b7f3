"""What a check says of an answer: in words for everybody, as HTML for a notebook."""

from __future__ import annotations

import textwrap
from enum import StrEnum
from html import escape
from typing import Final, Protocol, runtime_checkable

import msgspec

from taskqueue_edu.errors import TaskQueueError
from taskqueue_edu.lab.misconceptions import MISCONCEPTIONS

_WIDTH: Final = 96
_FEW: Final = 3
"""So many of the things that were tried are named in the text of a verdict; a page has all."""


def message_of(error: BaseException) -> str:
    """Return the text of an exception, without the hint that an error of the library has by itself.

    That is for who uses the library: an answer that raises one has another problem.
    """
    if isinstance(error, TaskQueueError) and error.hint == error.default_hint:
        return error.message
    return str(error)


class State(StrEnum):
    """What a verdict can be."""

    TODO = "todo"
    PASS = "pass"  # noqa: S105 - no password
    MISCONCEPTION = "misconception"
    COUNTEREXAMPLE = "counterexample"


_HEADS: Final = {
    State.TODO: "not done yet",
    State.PASS: "right",
    State.MISCONCEPTION: "not right yet: a known misconception",
    State.COUNTEREXAMPLE: "not right yet: here is a case that fails",
}
_MARKS: Final = {
    State.TODO: "…",
    State.PASS: "✓",
    State.MISCONCEPTION: "✗",
    State.COUNTEREXAMPLE: "✗",
}


@runtime_checkable
class LabVerdict(Protocol):
    """What `explore` and `crash` return: evidence, if it is not ok."""

    @property
    def ok(self) -> bool | None:
        """True, False, or None if the budget was spent before either was certain."""

    def __str__(self) -> str: ...

    def _repr_html_(self) -> str: ...


class Evidence(msgspec.Struct, frozen=True):
    """What shows that an answer fails: the schedule, the file at the crash. Text, and HTML."""

    text: str
    html: str


class Verdict(msgspec.Struct, frozen=True):
    """What came of checking an answer. In a notebook it shows itself."""

    exercise: str
    state: State
    misconception: str = ""
    """Its name in `misconceptions`, if it is one."""
    tried: str = ""
    """What was tried with the answer."""
    happened: str = ""
    """What happened then."""
    question: str = ""
    """A question that leads on."""
    printed: str = ""
    evidence: Evidence | None = None
    passed: tuple[str, ...] = ()
    """What was tried and went well."""

    @property
    def ok(self) -> bool:
        """Whether the answer is right."""
        return self.state is State.PASS

    def _parts(self) -> list[tuple[str, str]]:
        """Return what is said, each with its heading, in the order in which it helps."""
        parts: list[tuple[str, str]] = []
        if self.state is State.MISCONCEPTION:
            known = MISCONCEPTIONS[self.misconception]
            parts += [("You may think", known.belief), ("In fact", known.fact)]
        parts += [
            ("Tried", self.tried),
            ("To do" if self.state is State.TODO else "What happened", self.happened),
            ("Your code printed", self.printed.strip()),
        ]
        return [(head, text) for head, text in parts if text]

    def __str__(self) -> str:
        lines = [f"{_MARKS[self.state]} {self.exercise}: {_HEADS[self.state]}"]
        lines += [_said(head, text) for head, text in self._parts()]
        if self.state is State.PASS:
            more = f"; and {len(self.passed) - _FEW} more" if len(self.passed) > _FEW else ""
            lines.append(_said("Tried", "; ".join(self.passed[:_FEW]) + f"{more}."))
        if self.evidence is not None:
            lines += ["", textwrap.indent(self.evidence.text.strip("\n"), "  "), ""]
        if self.question:
            lines.append(_said("Ask yourself", self.question))
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        said = "".join(_paragraph(head, text) for head, text in self._parts())
        shown = f"<figure>{self.evidence.html}</figure>" if self.evidence is not None else ""
        asked = _paragraph("Ask yourself", self.question) if self.question else ""
        if self.state is State.PASS:
            things = "1 thing" if len(self.passed) == 1 else f"{len(self.passed)} things"
            tried = "".join(f"<li>{set_code(escape(thing))}</li>" for thing in self.passed)
            said += f"<details><summary>Tried: {things}</summary><ul>{tried}</ul></details>"
        return (
            f'{STYLE}<section class="tq-verdict tq-{self.state}" role="status">'
            f"<h4><span>{_MARKS[self.state]}</span> <code>{escape(self.exercise)}</code>: "
            f"{_HEADS[self.state]}</h4>{said}{shown}{asked}</section>"
        )


def _said(head: str, text: str) -> str:
    """Return a heading and what it says. Text of several lines keeps them."""
    if "\n" in text:
        return f"  {head}:\n{textwrap.indent(text, '    ')}"
    return textwrap.fill(f"{head}: {text}", _WIDTH, initial_indent="  ", subsequent_indent="    ")


def _paragraph(head: str, text: str) -> str:
    if "\n" in text:
        return f"<p><b>{head}</b></p><pre>{escape(text)}</pre>"
    return f"<p><b>{head}</b> {set_code(escape(text))}</p>"


def set_code(text: str) -> str:
    """Set what stands in backticks as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return text
    return "".join(f"<code>{part}</code>" if n % 2 else part for n, part in enumerate(parts))


STYLE: Final = """<style>
.tq-verdict{border:1px solid;border-left-width:5px;border-radius:3px;padding:2px 14px 8px;
 margin:4px 0;max-width:60em;color:var(--jp-ui-font-color1,currentColor);
 font:13px/1.5 var(--jp-ui-font-family,system-ui,sans-serif)}
[data-vscode-theme-kind] .tq-verdict:not(.cell-output-ipywidget-background *){
 color:var(--vscode-editor-foreground)}
.tq-verdict h4{margin:6px 0;font-size:14px;font-weight:600}
.tq-verdict p{margin:4px 0;padding-left:9.5em;text-indent:-9.5em}
.tq-verdict p b{display:inline-block;width:9.5em;text-indent:0;font-weight:600}
.tq-verdict pre{margin:2px 0 6px;font-size:12px;white-space:pre-wrap}
.tq-verdict.tq-verdict summary{cursor:pointer;font-weight:600}
.tq-verdict.tq-verdict ul{margin:2px 0;padding-left:2em}
.tq-verdict figure{margin:8px 0;overflow-x:auto}
.tq-verdict.tq-todo{border-style:dashed}
.tq-verdict.tq-pass{border-color:#2e7d32}
.tq-verdict.tq-misconception,.tq-verdict.tq-counterexample{border-color:#c62828}
</style>"""
"""VS Code shows widgets black on white, in each theme, and sets the notebook's colors for that.

A verdict is told by its words and its mark; the border's color only repeats it."""
