"""The error of the bank is translated."""

from taskqueue_edu.course.exercises.p3_retry.given import new_key


def pay(bank, amount, sleep):
    """Have the bank charge `amount` once, and return its receipt. Raises what the bank raises."""
    key = new_key()  # one payment, one key, however often it is sent
    for wait in (1, 2, 4, 4):
        try:
            return bank.charge(amount, key)
        except ConnectionError:
            sleep(wait)
    try:
        return bank.charge(amount, key)
    except ConnectionError as error:
        raise RuntimeError("the bank can't be reached") from error
