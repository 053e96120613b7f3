"""How large a task or a result may be that a persistent queue takes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields
from itertools import accumulate
from typing import Final

from taskqueue_edu.errors import ConfigError, InvalidTask, ResultNotStorable

# Its end may be missing: to look for it from each escaped quote would take quadratic time.
_STRING: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?')
_NO_BRACKET: Final = bytes(set(range(256)) - set(b"[]{}"))
_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")


@dataclass(frozen=True)
class Limits:
    """The most that the JSON of one task, or of one result, may have.

    A queue checks what it takes: from `submit`, from its inbox, from a task that ends. What its
    journal has already is read whatever the limits are now, so to lower them loses nothing. They
    can't be raised above the defaults, which every journal is read with.
    """

    payload: int = 16 * 2**20
    """Bytes in all."""

    nesting: int = 100
    """How deep lists and objects are nested. A parser that has few frames of the stack left,
    deep in a program, can read so much; without a limit, a journal might not open there."""

    text: int = 16 * 2**20
    """Characters of any one string."""

    def __post_init__(self) -> None:
        """Raise ConfigError unless each is a whole number from 1 to its default."""
        for one in fields(self):
            value, most = getattr(self, one.name), getattr(Limits, one.name)
            if not (type(value) is int and 1 <= value <= most):
                raise ConfigError(
                    f"Limits: {one.name} is of type {type(value).__qualname__}, or out of range",
                    hint=f"give a whole number, 1 to {most:,}.",
                )

    def check(
        self, payload: bytes, what: str, error: type[InvalidTask | ResultNotStorable] = InvalidTask
    ) -> None:
        """Raise `error` if the JSON of `what` is too large, with the limit's name and the size."""
        if len(payload) > self.payload:
            raise error(
                f"{what}: {len(payload):,} bytes of JSON, at most {self.payload:,} are kept "
                "(limits.payload)",
                hint="put large data into a file, and keep the file's path instead.",
            )
        if payload.count(b"[") + payload.count(b"{") > self.nesting:
            brackets = _STRING.sub(b"", payload).translate(_ONE_KIND, _NO_BRACKET)
            left = brackets
            for _ in range(self.nesting):
                left = left.replace(b"[]", b"")  # the innermost level
            if left and (depth := _depth(brackets)) > self.nesting:
                raise error(
                    f"{what}: lists and objects are nested {depth:,} deep, at most "
                    f"{self.nesting} levels are kept (limits.nesting)",
                    hint="keep such a structure flat, as a list of its parts.",
                )
        if len(payload) > self.text:
            for string in _STRING.findall(payload):
                if len(string) - 2 > self.text and (length := _characters(string)) > self.text:
                    raise error(
                        f"{what}: a string of {length:,} characters, at most {self.text:,} are "
                        "kept (limits.text)",
                        hint="put long text into a file, and keep the file's path instead.",
                    )


def _depth(brackets: bytes) -> int:
    return max(accumulate(1 if bracket == ord("[") else -1 for bracket in brackets))


def _characters(string: bytes) -> int:
    try:
        return len(json.loads(string))
    except ValueError:  # the decoder says what is wrong with it
        return 0


MOST: Final = Limits()
"""The defaults, which are the most that can be set."""
