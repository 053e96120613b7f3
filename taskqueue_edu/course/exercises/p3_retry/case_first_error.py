"""It raises the first error, and not the last."""

from taskqueue_edu.course.exercises.p3_retry.given import new_key


def pay(bank, amount, sleep):
    """Have the bank charge `amount` once, and return its receipt. Raises what the bank raises."""
    key, errors = new_key(), []
    for wait in (1, 2, 4, 4, None):
        try:
            return bank.charge(amount, key)
        except ConnectionError as error:
            errors.append(error)
        if wait is not None:
            sleep(wait)
    raise errors[0]
