"""A verdict in words, for terminals and screen readers."""

from __future__ import annotations

from typing import Final

from taskqueue_edu.lab.crash.verdict import Failure, FateName, FileView, Step, Verdict

FATES: Final[dict[FateName, str]] = {
    "disk": "synced",
    "kernel": "with the kernel",
    "kept": "not synced, kept",
    "lost": "not synced, lost",
    "buffer": "in Python's buffer, lost",
}

LONGEST: Final = 72


def in_words(verdict: Verdict, *, head: bool = True) -> str:
    """Return the verdict as lines of text."""
    lines = [": ".join(filter(None, headline(verdict))), f"{verdict.message}.", ""] if head else []
    if verdict.failure:
        lines += _failure(verdict.failure)
    lines += [tried(verdict)]
    return "\n".join(lines)


def headline(verdict: Verdict) -> tuple[str, str]:
    """Return the verdict in one word, and what kind it is."""
    word = {True: "PASS", False: "FAIL", None: "NOT DECIDED"}[verdict.ok]
    return word, "" if verdict.ok else verdict.kind


def tried(verdict: Verdict) -> str:
    """Say how much was tried, and, if no failure was found, what in full."""
    counts = f"{verdict.crash_points:,} crash points, {verdict.states:,} states of the disk."
    if verdict.ok is False:
        return f"Found after {counts}" if verdict.states else "No crash was tried."
    return f"{counts} {verdict.covered}"


def _failure(failure: Failure) -> list[str]:
    lines = []
    texts = [with_data(step) for step in failure.steps]
    width = max(map(len, texts), default=0)
    for number, (step, text) in enumerate(zip(failure.steps, texts, strict=True), 1):
        mark = "!" if step.lost else " "
        lines.append(f"{mark}{number:3}  {text:{width}}  {step.became}".rstrip())
        if step.source:
            lines.append(f"        {step.file}:{step.line}  {step.source}")
    lines += [""] if lines else []
    lines += [failure.crash, f"Acknowledged: {acknowledged(failure)}", ""]
    for view in failure.files:
        lines += [f"{view.path}{': ' + view.note if view.note else ''}", *_file(view)]
    lines += [""] if failure.files else []
    lines += failure.then
    lines += [f"Recovery: {cut(failure.recovered)}", ""] if failure.recovered else [""]
    lines += [line for line in (failure.why, failure.question) if line]
    return [*lines, ""]


def _file(view: FileView) -> list[str]:
    lines = [f"    at first:     {shown_bytes(view.first)}"] if view.first is not None else []
    lines.append("    at the crash:")
    lines += [f"        {shown_bytes(part)}  ({FATES[fate]})" for part, fate in view.spans]
    if not view.spans:
        lines[-1] += " " + missing(view)
    return [*lines, f"    after it:     {left(view)}"]


def missing(view: FileView) -> str:
    """Say why a file had no bytes at the crash."""
    return "no such file" if "renamed or removed" in view.note else "empty"


def left(view: FileView) -> str:
    """Say what is left of a file."""
    if view.left is None:
        return "no such file"
    return shown_bytes(view.left) if view.left else "empty"


def acknowledged(failure: Failure) -> str:
    """Say what was acknowledged."""
    return cut(", ".join(map(repr, failure.acknowledged))) or "nothing yet"


def with_data(step: Step) -> str:
    """Return a step with what was written."""
    return f"{step.text}: {cut(repr(step.data)[1:], 32)}" if step.data else step.text


def shown_bytes(data: bytes) -> str:
    """Return bytes as a Python literal, shortened."""
    return cut(repr(data)[1:])


def cut(text: str, longest: int = LONGEST) -> str:
    """Take out the middle of a long text."""
    if len(text) <= longest:
        return text
    return f"{text[: longest // 2]} ... {text[-longest // 2 :]}"
