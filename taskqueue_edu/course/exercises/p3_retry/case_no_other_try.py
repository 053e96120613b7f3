"""It tries once."""

from taskqueue_edu.course.exercises.p3_retry.given import new_key


def pay(bank, amount, sleep):
    """Have the bank charge `amount` once, and return its receipt. Raises what the bank raises."""
    return bank.charge(amount, new_key())
