"""A calculator: cut a formula into tokens, then work them off."""

import re
from collections.abc import Iterator
from operator import add, mul, sub, truediv

TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|(.))")
OPERATORS = [{"+": add, "-": sub}, {"*": mul, "/": truediv}]  # weakest first


def tokens(formula: str) -> Iterator[str]:
    """
    >>> list(tokens("2*(3 + 4.5)"))
    ['2', '*', '(', '3', '+', '4.5', ')']
    """
    for match in TOKEN.finditer(formula.strip()):
        yield match[1] or match[2]


def calculate(formula: str) -> float:
    """Return the value of a formula: a parser by recursive descent.

    >>> calculate("2 * (3 + 4) - 6 / 4")
    12.5
    >>> calculate("2 - 3 - 4")
    -5.0
    >>> calculate("2 +")
    Traceback (most recent call last):
    ...
    ValueError: the formula ends too early
    """
    waiting = [*tokens(formula), ""]

    def level(strength: int) -> float:
        if strength == len(OPERATORS):
            return atom()
        value = level(strength + 1)
        while waiting[0] in OPERATORS[strength]:
            operator = OPERATORS[strength][waiting.pop(0)]
            value = operator(value, level(strength + 1))
        return value

    def atom() -> float:
        token = waiting.pop(0)
        if token == "(":
            value = level(0)
            if waiting.pop(0) != ")":
                raise ValueError("a parenthesis is not closed")
            return value
        if not token:
            raise ValueError("the formula ends too early")
        if not token[0].isdigit():
            raise ValueError(f"{token!r} is no number")
        return float(token)

    value = level(0)
    if waiting != [""]:
        raise ValueError(f"{waiting[0]!r} is one too many")
    return value
