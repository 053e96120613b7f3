"""Two customers who pay the same are taken for one."""


def pay(bank, amount, sleep):
    """Have the bank charge `amount` once, and return its receipt. Raises what the bank raises."""
    key = str(amount)
    for wait in (1, 2, 4, 4):
        try:
            return bank.charge(amount, key)
        except ConnectionError:
            sleep(wait)
    return bank.charge(amount, key)
