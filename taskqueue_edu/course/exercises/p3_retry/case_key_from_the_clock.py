"""A clock is set back, or begins anew, and the bank keeps its keys for ever."""

import time


def pay(bank, amount, sleep):
    """Have the bank charge `amount` once, and return its receipt. Raises what the bank raises."""
    key = f"{amount}-{time.time()}"
    for attempt in range(5):
        try:
            return bank.charge(amount, key)
        except ConnectionError:
            if attempt == 4:
                raise
            sleep(min(2**attempt, 4))
