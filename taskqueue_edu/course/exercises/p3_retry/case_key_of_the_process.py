"""The key has the number of the process, which may come again."""

import os

SEQ = 0


def pay(bank, amount, sleep):
    """Have the bank charge `amount` once, and return its receipt. Raises what the bank raises."""
    global SEQ
    SEQ += 1
    key = f"{os.getpid()}-{SEQ}"
    for wait in (1, 2, 4, 4):
        try:
            return bank.charge(amount, key)
        except ConnectionError:
            sleep(wait)
    return bank.charge(amount, key)
