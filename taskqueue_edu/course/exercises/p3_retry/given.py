from uuid import uuid4

__all__ = ["Declined", "new_key"]


class Declined(ValueError):
    """The bank says no. It will say so next time, too."""


def new_key():
    """Return a key that no other payment has."""
    return uuid4().hex
