"""Roman numerals, there and back."""

SYMBOLS = [
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"),
    (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
]


def to_roman(number):
    """
    >>> to_roman(2024)
    'MMXXIV'
    """
    if not 0 < number < 4000:
        raise ValueError("Roman numerals go from 1 to 3999")
    text = ""
    for value, symbol in SYMBOLS:
        while number >= value:
            text += symbol
            number -= value
    return text


def from_roman(text):
    """
    >>> from_roman("MCMXCIV")
    1994
    >>> all(from_roman(to_roman(n)) == n for n in range(1, 4000))
    True
    """
    number, rest = 0, text
    for value, symbol in SYMBOLS:
        while rest.startswith(symbol):
            number += value
            rest = rest[len(symbol):]
    if rest or to_roman(number) != text:
        raise ValueError(f"{text!r} is no Roman numeral")
    return number
