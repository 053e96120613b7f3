"""A verdict as HTML: a table with a column for each thread, readable without color."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from taskqueue_edu.lab.interleave.text import changes_of, columns, coverage, headline, is_stop

if TYPE_CHECKING:
    from taskqueue_edu.lab.interleave.story import Step
    from taskqueue_edu.lab.interleave.verdict import Verdict

_CELL: Final = (
    "border:1px solid var(--jp-border-color2,#ccc);padding:2px 8px;text-align:left;"
    "vertical-align:top"
)
_STEP: Final = "background:var(--jp-layout-color2,#eef3fa)"
_STOP: Final = "background:#fbe3d6;color:#000"


def as_html(verdict: Verdict) -> str:
    """Return the verdict with its timeline."""
    parts = [f"<p><b>{escape(headline(verdict))}</b></p>"]
    if verdict.steps:
        parts.append(_table(verdict))
    parts.append(f"<p><small>{escape(coverage(verdict))}</small></p>")
    return "<div>" + "".join(parts) + "</div>"


def _table(verdict: Verdict) -> str:
    used = columns(verdict)
    names = ["step", *(verdict.threads[i] for i in used), "shared, after it"]
    head = "".join(f'<th scope="col" style="{_CELL}">{escape(name)}</th>' for name in names)
    rows = []
    for number, step in enumerate(verdict.steps, 1):
        cells = [f'<th scope="row" style="{_CELL}">{number}</th>']
        for i in used:
            here = i == step.thread
            look = "" if not here else ";" + (_STOP if step.waits or step.wrong else _STEP)
            cells.append(f'<td style="{_CELL}{look}">{_cell(step) if here else ""}</td>')
        shared = "<br>".join(f"<code>{escape(change)}</code>" for change in changes_of(step))
        cells.append(f'<td style="{_CELL}">{shared}</td>')
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return (
        '<table style="border-collapse:collapse">'
        "<caption>The schedule, from top to bottom: only one thread runs at a time</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _cell(step: Step) -> str:
    found = [f"<code>{step.line}: {escape(step.source)}</code>"] if step.source else []
    for note in step.notes:
        text = escape(note)
        found.append(f"<b>&#9632; {text}</b>" if is_stop(note) else f"<i>{text}</i>")
    return "<br>".join(found)
