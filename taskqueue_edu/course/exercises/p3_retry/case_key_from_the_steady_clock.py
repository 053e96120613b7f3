"""A steady clock can't be set back, but begins anew when the machine does."""

import threading
import time


def pay(bank, amount, sleep):
    """Have the bank charge `amount` once, and return its receipt. Raises what the bank raises."""
    key = f"{threading.get_ident()}-{time.monotonic_ns()}"
    for wait in (1, 2, 4, 4):
        try:
            return bank.charge(amount, key)
        except ConnectionError:
            sleep(wait)
    return bank.charge(amount, key)
