"""Each run of the program has keys of its own, counted."""

from itertools import count
from uuid import uuid4

RUN = uuid4().hex
NUMBERS = count(1)


def pay(bank, amount, sleep):
    """Have the bank charge `amount` once, and return its receipt. Raises what the bank raises."""
    key = f"{RUN}-{next(NUMBERS)}"
    for wait in (1, 2, 4, 4):
        try:
            return bank.charge(amount, key)
        except ConnectionError:
            sleep(wait)
    return bank.charge(amount, key)
