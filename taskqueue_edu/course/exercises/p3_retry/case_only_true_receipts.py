"""Whether the bank has answered is told from its receipt."""

from taskqueue_edu.course.exercises.p3_retry.given import new_key


def pay(bank, amount, sleep):
    """Have the bank charge `amount` once, and return its receipt. Raises what the bank raises."""
    key = new_key()
    for wait in (1, 2, 4, 4, None):
        try:
            receipt = bank.charge(amount, key)
        except ConnectionError:
            if wait is None:
                raise
            receipt = None
        if receipt:
            return receipt
        sleep(wait)
