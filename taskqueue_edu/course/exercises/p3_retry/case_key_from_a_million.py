"""Some thousand payments are enough: two of them draw the same of a million keys."""

import random


def pay(bank, amount, sleep):
    """Have the bank charge `amount` once, and return its receipt. Raises what the bank raises."""
    key = random.randint(1, 10**6)
    for wait in (1, 2, 4, 4):
        try:
            return bank.charge(amount, key)
        except ConnectionError:
            sleep(wait)
    return bank.charge(amount, key)
