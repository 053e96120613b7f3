"""Circles, with the names that a German schoolbook gives them.

Python source is UTF-8 unless it says otherwise, and names may hold any letter.
"""

π = 3.141592653589793


def umfang(radius: float) -> float:
    """Return the way around.

    >>> umfang(0.5) == π
    True
    """
    return 2 * π * radius


def fläche(radius: float) -> float:
    """Return the area.

    >>> round(fläche(2), 3)
    12.566
    """
    return π * radius**2


def größter_kreis(breite: float, höhe: float) -> float:
    """Return the radius of the largest circle that fits into a rectangle.

    >>> größter_kreis(3, 8)
    1.5
    """
    kürzere_seite = min(breite, höhe)
    return kürzere_seite / 2
