"""Questions and puzzles with buttons, clicked without a browser."""

from __future__ import annotations

from typing import Any

from ipywidgets import Button

from taskqueue_edu.lab.buttons import Lines, question


def parts(thing: Any) -> list[Any]:
    return [thing, *(part for child in getattr(thing, "children", ()) for part in parts(child))]


def click(box: Any, hint: str) -> None:
    (button,) = [p for p in parts(box) if isinstance(p, Button) and p.tooltip == hint]
    button.click()


def text(box: Any) -> str:
    return "\n".join(p.value for p in parts(box) if hasattr(p, "value"))


def test_a_question() -> None:
    """A click on an option commits to it, and says so to a screen reader."""
    chosen: list[str] = []
    box = question("How <many>?", {"a": "one", "b": "two"}, chosen.append)
    assert "How &lt;many&gt;?" in text(box)
    click(box, "Predict (b)")
    assert chosen == ["b"]
    assert 'role="status" aria-live="polite">You predict (b)' in text(box)


def test_a_puzzle() -> None:
    """Lines are taken, moved and put back; the check gets them in their order."""
    judged: list[str] = []

    def judge(order: str) -> str:
        judged.append(order)
        return f"<p>{order}</p>"

    box = Lines("import x", {"A": "a()", "B": "  <b>", "C": "c()"}, judge).box
    for letter in "ABC":
        click(box, f"Take line {letter}")
    click(box, "Move line C up")
    click(box, "Move line A up")  # it is the first
    click(box, "Move line A down")
    click(box, "Put line B back")
    click(box, "Check the program")
    assert judged == ["C A"]
    assert "<p>C A</p>" in text(box)
    click(box, "Take line B")
    assert "  &lt;b&gt;" in text(box)
