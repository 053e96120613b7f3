"""What a crash test has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

FateName: TypeAlias = Literal["disk", "kernel", "kept", "lost", "buffer"]


@dataclass(frozen=True)
class Step:
    """One thing that the program did before the crash, and what the crash left of it."""

    text: str
    data: bytes
    """What was written."""
    file: str
    line: int
    source: str
    """Empty if it is that of the step before."""
    became: str
    """Empty where there is nothing to lose."""
    lost: bool


@dataclass(frozen=True)
class FileView:
    """A file at the moment of the crash: its bytes by where they were, and what is left of it."""

    path: str
    first: bytes | None
    """What was in it before the program began; None if there was no such file."""
    spans: tuple[tuple[bytes, FateName], ...]
    left: bytes | None
    """None if there is no such file after the crash."""
    note: str


@dataclass(frozen=True)
class Failure:
    """The simplest crash after which the program is wrong."""

    crash: str
    """What happened, and when."""
    steps: tuple[Step, ...]
    files: tuple[FileView, ...]
    acknowledged: tuple[Any, ...]
    then: tuple[str, ...]
    """What came after the crash, up to what is wrong."""
    recovered: str
    """What recovery returned or raised, as text."""
    why: str
    question: str


@dataclass(frozen=True)
class Verdict:
    """What `crash_test` has found: `ok` is True, False, or None if the budget was spent before."""

    ok: bool | None
    kind: str
    """"ok", "budget spent", or the name of the mistake."""
    message: str
    states: int
    """How many different contents of the disk were recovered from."""
    seconds: float
    crash_points: int
    """After how many of the operations the crash came, those of runs with a fault included."""
    covered: str
    """What was tried, in a sentence or two."""
    failure: Failure | None = None

    def __bool__(self) -> bool:
        return self.ok is True

    def __str__(self) -> str:
        from taskqueue_edu.lab.crash.text import in_words

        return in_words(self)

    __repr__ = __str__  # what a notebook or a prompt shows

    def _repr_html_(self) -> str:
        from taskqueue_edu.lab.crash.page import as_html

        return as_html(self)

    def details(self) -> tuple[str, str]:
        """Return all but the headline, as text and as HTML: what a check shows below its own."""
        from taskqueue_edu.lab.crash.page import as_html
        from taskqueue_edu.lab.crash.text import in_words

        return in_words(self, head=False), as_html(self, head=False)
