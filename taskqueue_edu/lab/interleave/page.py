"""A verdict as HTML, and one step of it: readable without color, and without a script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Final

from taskqueue_edu.lab.interleave.place import Line, places, source
from taskqueue_edu.lab.interleave.text import (
    changes_of,
    columns,
    coverage,
    headline,
    is_stop,
    left_out,
)

if TYPE_CHECKING:
    from taskqueue_edu.lab.interleave.story import Step
    from taskqueue_edu.lab.interleave.verdict import Verdict

_DARK: Final = "--tqi-red:#ff8a80;--tqi-blue:#64b0f5"

STYLE: Final = f"""<style>
.tqi{{--tqi-red:#c62828;--tqi-blue:#1565c0;
 --tqi-soft:color-mix(in srgb,currentColor 7%,transparent);
 --tqi-rule:color-mix(in srgb,currentColor 22%,transparent);
 color:var(--jp-ui-font-color1,currentColor);padding:2px;box-sizing:border-box;
 width:0;min-width:100%;overflow-x:auto;
 font:13px/1.5 var(--jp-ui-font-family,system-ui,sans-serif)}}
.tqi.tqi.tqi code,.tqi.tqi.tqi pre{{font:12px/1.5 var(--jp-code-font-family,ui-monospace,monospace);
 background:none;color:inherit;padding:0;margin:0;border:0}}
.tqi.tqi.tqi code{{overflow-wrap:break-word;white-space:pre-wrap}}
.tqi.tqi p{{margin:4px 0;padding:0;text-indent:0}}
.tqi.tqi .tqi-head{{font-weight:700}}
.tqi.tqi small{{font-size:12px;opacity:.85}}
.tqi.tqi table{{border-collapse:collapse;border:0;margin:6px 0;font-size:13px}}
.tqi.tqi caption{{text-align:left;opacity:.8;padding:0 0 2px}}
.tqi.tqi tr:nth-child(n){{background:none}}
.tqi.tqi.tqi th,.tqi.tqi.tqi td{{text-align:left;vertical-align:top;padding:3px 10px;
 border:solid var(--tqi-rule);border-width:1px 0;max-width:340px;white-space:normal}}
.tqi.tqi.tqi thead th{{font-weight:600}}
.tqi.tqi.tqi tbody th{{font-weight:400;opacity:.75;white-space:nowrap}}
.tqi.tqi.tqi td.tqi-did{{background:var(--tqi-soft);border-left:4px solid var(--tqi-blue)}}
.tqi.tqi.tqi td.tqi-stop{{border-left-color:var(--tqi-red)}}
.tqi td span{{display:block}}
.tqi td b{{display:block;font-weight:600;color:var(--tqi-red)}}
.tqi.tqi.tqi tr[aria-current] th{{opacity:1;font-weight:700}}
.tqi.tqi.tqi tr[aria-current]>*{{border-bottom:2px solid}}
.tqi-now{{display:flex;flex-wrap:wrap;gap:8px 28px;align-items:flex-start;margin:6px 0}}
.tqi-now pre{{min-width:300px}}
.tqi.tqi mark{{display:block;background:var(--tqi-soft);color:inherit;font-weight:700;
 box-shadow:inset 4px 0 var(--tqi-blue)}}
.tqi-now i{{opacity:.75;font-style:normal}}
.tqi-new{{font-weight:700}}
[data-vscode-theme-kind] .tqi:not(.cell-output-ipywidget-background *){{
 color:var(--vscode-editor-foreground)}}
[data-jp-theme-light="false"] .tqi,
.vscode-dark .tqi:not(.cell-output-ipywidget-background *){{{_DARK}}}
@media (prefers-color-scheme:dark){{.tqi-page .tqi{{{_DARK}}}}}
</style>"""
"""In the notebook's colors, as the crash test has it; `tqi-page` is for a page of its own.
In VS Code, widgets are black on white in each theme, and the notebook's colors are set for that.

A table that is too wide scrolls in itself: without a width of 0 it would widen what it stands in.
"""


def as_html(verdict: Verdict, *, head: bool = True) -> str:
    """Return the verdict with its timeline."""
    parts = [f'<p class="tqi-head">{escape(headline(verdict))}</p>'] if head else []
    if verdict.steps:
        parts.append(timeline(verdict.threads, verdict.steps))
    parts.append(f"<p><small>{escape(coverage(verdict))}</small></p>")
    return section("schedules", parts)


def section(label: str, parts: Iterable[str]) -> str:
    """Return parts in the lab's style, under a name for screen readers."""
    return f'{STYLE}<section class="tqi" aria-label="{escape(label)}">{"".join(parts)}</section>'


def timeline(threads: Sequence[str], steps: Sequence[Step], shown: int | None = None) -> str:
    """Return a schedule as a table with a column for each thread.

    With `shown`, only so many steps are in it, and the last of these is the current one.
    """
    used = columns(steps)
    names = ["step", *(threads[i] for i in used), "shared, after it"]
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    rows = []
    steps = steps[:shown]
    left = left_out(steps if shown is None else steps[:-1])
    for number, step in enumerate(steps, 1):
        gone = next((stretch for stretch in left if number in stretch[0]), None)
        if gone is not None:
            if number == gone[0].start:
                rows.append(
                    f'<tr><th scope="row">&hellip;</th>'
                    f'<td colspan="{len(used) + 1}">{gone[1]}</td></tr>'
                )
            continue
        current = ' aria-current="step"' if number == shown else ""
        cells = [f'<th scope="row">{"&#9654; " if current else ""}{number}</th>']
        look = "tqi-did tqi-stop" if step.waits or step.wrong else "tqi-did"
        cells += [
            f'<td class="{look}">{_did(step)}</td>' if i == step.thread else "<td></td>"
            for i in used
        ]
        cells.append(f"<td>{''.join(map(_code, changes_of(step)))}</td>")
        rows.append(f"<tr{current}>{''.join(cells)}</tr>")
    return (
        "<table><caption>The schedule, from top to bottom: only one thread runs at a time</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _did(step: Step) -> str:
    found = [_code(f"{step.place}:\N{NO-BREAK SPACE}{step.source}")] if step.source else []
    for note in step.notes:
        text = escape(note)
        found.append(f"<b>&#9632; {text}</b>" if is_stop(note) else f"<span>{text}</span>")
    return "".join(found)


def moment(threads: Sequence[str], steps: Sequence[Step], number: int) -> str:
    """Return the source that step `number` is in, and how everything is after it."""
    step = steps[number - 1]
    lines = "".join(
        _line(line, line.number == step.line, threads) for line in source(steps, number)
    )
    where = "".join(
        f'<tr><th scope="row">{escape(threads[at.thread])}</th><td>{escape(str(at))}</td></tr>'
        for at in places(steps, number)
    )
    return (
        f'<div class="tqi-now"><pre>{lines}</pre><div>'
        f"<table><caption>Threads</caption><tbody>{where}</tbody></table>"
        f"{shared(step)}</div></div>"
    )


def shared(step: Step) -> str:
    """Return what is shared as it is after a step; what it changed stands out."""
    changed = dict(step.changes)
    rows = [
        f'<tr><th scope="row">{escape(name)}</th><td{" class=tqi-new" if name in changed else ""}>'
        f"<code>{escape(value)}</code>{' (new)' if name in changed else ''}</td></tr>"
        for name, value in step.shared
    ]
    if not rows:
        return ""
    return f"<table><caption>Shared</caption><tbody>{''.join(rows)}</tbody></table>"


def _line(line: Line, current: bool, threads: Sequence[str]) -> str:
    names = ", ".join(threads[i] for i in line.here)
    here = f"  <i>&#9664; {escape(names)}</i>" if names else ""
    text = f"{line.number:4}  {escape(line.text)}{here}"
    return f"<mark>{text}</mark>" if current else f"{text}\n"


def _code(text: str) -> str:
    return f"<span><code>{escape(text)}</code></span>"
