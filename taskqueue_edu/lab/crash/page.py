"""A verdict as HTML, for notebooks: no script, and no color that a word doesn't repeat."""

from __future__ import annotations

from html import escape
from typing import Final

from taskqueue_edu.lab.crash.text import (
    FATES,
    acknowledged,
    cut,
    headline,
    left,
    missing,
    shown_bytes,
    tried,
)
from taskqueue_edu.lab.crash.verdict import Failure, FileView, Step, Verdict

_DARK: Final = "--tqc-red:#ff8a80;--tqc-blue:#64b0f5;--tqc-orange:#f0a43c;--tqc-green:#7fc98a"

STYLE: Final = f"""<style>
.tqc{{--tqc-red:#c62828;--tqc-blue:#1565c0;--tqc-orange:#b45309;--tqc-green:#2e7d32;
 --tqc-soft:color-mix(in srgb,currentColor 7%,transparent);
 --tqc-rule:color-mix(in srgb,currentColor 22%,transparent);
 color:var(--jp-ui-font-color1,currentColor);max-width:920px;padding:2px;
 font:13px/1.5 var(--jp-ui-font-family,system-ui,sans-serif)}}
.tqc.tqc.tqc code{{font:12px/1.5 var(--jp-code-font-family,ui-monospace,monospace);
 background:none;color:inherit;padding:0;border:0;overflow-wrap:anywhere;white-space:pre-wrap}}
.tqc-head{{display:flex;flex-wrap:wrap;gap:2px 10px;align-items:baseline;font-size:15px}}
.tqc-badge{{font-weight:700;border:2px solid;border-radius:4px;padding:0 8px}}
.tqc-fail{{color:var(--tqc-red)}}.tqc-pass{{color:var(--tqc-green)}}.tqc-none{{color:var(--tqc-orange)}}
.tqc-message{{margin:4px 0 10px}}
.tqc.tqc h4{{font-size:13px;font-weight:600;margin:14px 0 4px}}
.tqc.tqc ol{{list-style:none;margin:0;padding:0}}
.tqc li{{display:grid;grid-template-columns:26px minmax(0,1fr) minmax(88px,190px);gap:0 8px;
 padding:3px 8px 3px 0;border-left:4px solid transparent;margin:0}}
.tqc li+li{{border-top:1px solid var(--tqc-rule)}}
.tqc li>b{{text-align:right;font-weight:400;opacity:.7;font-variant-numeric:tabular-nums}}
.tqc li.tqc-lost{{border-left-color:var(--tqc-red);background:var(--tqc-soft)}}
.tqc-source{{display:block;opacity:.75}}
.tqc-source span{{opacity:.8;margin-right:8px}}
.tqc-became{{text-align:right}}
.tqc-lost .tqc-became{{color:var(--tqc-red);font-weight:600}}
.tqc-crash{{border:solid var(--tqc-red);border-width:2px 0;padding:3px 8px;margin:2px 0 10px;
 font-weight:600}}
.tqc-crash svg{{height:13px;vertical-align:-2px;margin-right:7px;fill:var(--tqc-red)}}
.tqc-pair{{display:grid;grid-template-columns:130px minmax(0,1fr);gap:3px 8px;margin:2px 0;
 align-items:baseline}}
.tqc-file{{border:1px solid var(--tqc-rule);border-radius:4px;padding:4px 10px 6px;margin:0 0 6px}}
.tqc-spans{{display:flex;flex-wrap:wrap;gap:4px 3px}}
.tqc-span{{display:inline-flex;flex-direction:column;max-width:100%}}
.tqc.tqc .tqc-span code{{border:1.5px solid;border-radius:3px;padding:0 6px}}
.tqc-span small{{font-size:11px;opacity:.85}}
.tqc.tqc .tqc-disk code{{border-color:var(--tqc-green)}}
.tqc.tqc .tqc-kernel code,.tqc.tqc .tqc-kept code{{border-style:dashed;
 border-color:var(--tqc-blue)}}
.tqc.tqc .tqc-gone code{{border-style:dotted;border-color:var(--tqc-red);border-width:2px}}
.tqc-gone small{{color:var(--tqc-red);font-weight:600}}
.tqc-why{{border-left:4px solid var(--tqc-blue);padding:2px 0 2px 10px;margin:12px 0}}
.tqc-why b{{display:block;font-weight:600;margin-top:3px}}
.tqc summary{{cursor:pointer;padding:2px 8px;opacity:.85}}
.tqc-foot{{font-size:12px;opacity:.8;margin-top:8px}}
@media (max-width:520px){{.tqc li{{grid-template-columns:22px minmax(0,1fr)}}
 .tqc-became{{grid-column:2;text-align:left}}.tqc-pair{{grid-template-columns:1fr}}}}
[data-vscode-theme-kind] .tqc:not(.cell-output-ipywidget-background *){{
 color:var(--vscode-editor-foreground)}}
[data-jp-theme-light="false"] .tqc,
.vscode-dark .tqc:not(.cell-output-ipywidget-background *){{{_DARK}}}
@media (prefers-color-scheme:dark){{.tqc-page .tqc{{{_DARK}}}}}
</style>"""
"""In the notebook's colors, as the live picture has it; `tqc-page` is for a page of its own.
In VS Code, widgets are black on white in each theme, and the notebook's colors are set for that.

Said twice, a class is stronger than what JupyterLab says of `ol` and `h4`; three times, of `code`.
"""

_BOLT: Final = (
    '<svg viewBox="0 0 10 14" aria-hidden="true"><path d="M6 0 0 8h4l-1 6 7-9H5z"/></svg>'
)
_SHOWN: Final = 8


def as_html(verdict: Verdict, *, head: bool = True) -> str:
    """Return the verdict as a fragment of HTML."""
    css = {True: "pass", False: "fail", None: "none"}[verdict.ok]
    badge, kind = headline(verdict)
    parts = [f'{STYLE}<section class="tqc" aria-label="crash test">']
    parts += head * [
        f'<div class="tqc-head"><span class="tqc-badge tqc-{css}">{badge}</span>',
        f"<b>{escape(kind)}</b></div>" if kind else "</div>",
        f'<div class="tqc-message">{escape(verdict.message)}.</div>',
    ]
    if verdict.failure is not None:
        parts += _failure(verdict.failure)
    parts.append(f'<div class="tqc-foot">{escape(tried(verdict))}</div></section>')
    return "".join(parts)


def _failure(failure: Failure) -> list[str]:
    return [
        "<h4>What the program did, and what the crash left of it</h4>" if failure.steps else "",
        _steps(failure.steps),
        f'<div class="tqc-crash">{_BOLT}{escape(failure.crash)}</div>',
        _pair("Acknowledged", _code(acknowledged(failure))),
        "<h4>The files at the moment of the crash, and after it</h4>" if failure.files else "",
        *map(_file, failure.files),
        *(f"<div>{escape(line)}</div>" for line in failure.then),
        _pair("Recovery", _code(cut(failure.recovered))) if failure.recovered else "",
        f'<div class="tqc-why">{escape(failure.why)}<b>{escape(failure.question)}</b></div>',
    ]


def _steps(steps: tuple[Step, ...]) -> str:
    items = [_step(number, step) for number, step in enumerate(steps, 1)]
    first_lost = next((n for n, step in enumerate(steps) if step.lost), len(steps))
    hidden = min(len(steps) - _SHOWN, first_lost)
    if hidden < 3:
        return f"<ol>{''.join(items)}</ol>" if items else ""
    return (
        f"<details><summary>Steps 1 to {hidden}: nothing of them was lost</summary>"
        f"<ol>{''.join(items[:hidden])}</ol></details><ol>{''.join(items[hidden:])}</ol>"
    )


def _step(number: int, step: Step) -> str:
    data = f" {_code(shown_bytes(step.data))}" if step.data else ""
    source = ""
    if step.source:
        where = f"<span>{escape(step.file)}:{step.line}</span>"
        source = f'<code class="tqc-source">{where}{escape(step.source)}</code>'
    return (
        f'<li class="{"tqc-lost" if step.lost else ""}"><b>{number}</b>'
        f"<div>{escape(step.text)}{data}{source}</div>"
        f'<div class="tqc-became">{escape(step.became)}</div></li>'
    )


def _file(view: FileView) -> str:
    spans = "".join(
        f'<span class="tqc-span tqc-{"gone" if fate in ("lost", "buffer") else fate}">'
        f"{_code(shown_bytes(part))}<small>{FATES[fate]}</small></span>"
        for part, fate in view.spans
    )
    note = f" ({escape(view.note)})" if view.note else ""
    return (
        f'<div class="tqc-file"><b>{escape(view.path)}</b>{note}'
        + ("" if view.first is None else _pair("at first", _code(shown_bytes(view.first))))
        + _pair("at the crash", f'<div class="tqc-spans">{spans or missing(view)}</div>')
        + _pair("after it", _code(left(view)) if view.left else left(view))
        + "</div>"
    )


def _pair(name: str, value: str) -> str:
    return f'<div class="tqc-pair"><span>{name}</span><div>{value}</div></div>'


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"
