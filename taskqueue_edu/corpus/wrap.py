"""Break text into lines."""


def wrap(text: str, width: int) -> list[str]:
    """Fill each line as far as it goes; a word that is too long gets a line of its own.

    >>> wrap("the quick brown fox jumps", 10)
    ['the quick', 'brown fox', 'jumps']
    """
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return lines


def justify(line: str, width: int) -> str:
    """Spread the words so that the line is `width` wide, the wider gaps first.

    >>> justify("to be or", 11)
    'to   be  or'
    >>> justify("alone", 11)
    'alone'
    """
    first, *words = line.split()
    if not words:
        return first
    space, wider = divmod(width - len(first) - sum(map(len, words)), len(words))
    gaps = (" " * (space + (number < wider)) for number in range(len(words)))
    return first + "".join(gap + word for gap, word in zip(gaps, words))
