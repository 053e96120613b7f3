"""Questions and puzzles with buttons, clicked without a browser."""

from __future__ import annotations

from typing import Any

from ipywidgets import Button

from taskqueue_edu.lab.buttons import Lines, Sheet, question


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


def test_a_sheet() -> None:
    """Each choice is marked and kept; the end comes when every question on every page has one."""
    chosen: dict[int, str] = {0: "b"}
    kept: list[dict[int, str]] = []
    asked = [(f"<b>{n}</b>", {"a": "one", "b": "two"}) for n in range(1, 8)]
    box = Sheet(asked, chosen, lambda: kept.append(dict(chosen)), lambda: "<p>done</p>").box
    descriptions = [p.description for p in parts(box) if isinstance(p, Button)]
    assert descriptions[:2] == ["○ (a) one", "● (b) two"]
    assert "Page 1 of 2. Answered: 1 of 7." in text(box)
    click(box, "Question 1: choose (a)")
    assert kept == [{0: "a"}]
    for number in range(2, 7):
        click(box, f"Question {number}: choose (b)")
    click(box, "The next page")
    click(box, "All are answered")
    assert "No answer yet to 7." in text(box)
    click(box, "Question 7: choose (a)")
    click(box, "The page before")
    click(box, "The next page")
    click(box, "All are answered")
    assert "<p>done</p>" in text(box)
