"""A payment that failed leaves its key to the next one of the same amount."""

from taskqueue_edu.course.exercises.p3_retry.given import new_key

_keys = {}


def pay(bank, amount, sleep):
    """Have the bank charge `amount` once, and return its receipt. Raises what the bank raises."""
    key = _keys.setdefault((id(bank), amount), new_key())
    for wait in (1, 2, 4, 4, None):
        try:
            receipt = bank.charge(amount, key)
        except ConnectionError:
            if wait is None:
                raise
            sleep(wait)
        else:
            del _keys[id(bank), amount]
            return receipt
