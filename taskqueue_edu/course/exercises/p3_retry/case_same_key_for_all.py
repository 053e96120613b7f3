"""All payments have the same key."""


def pay(bank, amount, sleep):
    """Have the bank charge `amount` once, and return its receipt. Raises what the bank raises."""
    for wait in (1, 2, 4, 4):
        try:
            return bank.charge(amount, "key")
        except ConnectionError:
            sleep(wait)
    return bank.charge(amount, "key")
