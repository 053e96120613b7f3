"""Each try is a payment of its own."""

from taskqueue_edu.course.exercises.p3_retry.given import new_key


def pay(bank, amount, sleep):
    """Have the bank charge `amount` once, and return its receipt. Raises what the bank raises."""
    for wait in (1, 2, 4, 4):
        try:
            return bank.charge(amount, new_key())
        except ConnectionError:
            sleep(wait)
    return bank.charge(amount, new_key())
