"""A connection error of another class is not tried again."""

from taskqueue_edu.course.exercises.p3_retry.given import new_key


def pay(bank, amount, sleep):
    """Have the bank charge `amount` once, and return its receipt. Raises what the bank raises."""
    key = new_key()  # one payment, one key, however often it is sent
    for wait in (1, 2, 4, 4):
        try:
            return bank.charge(amount, key)
        except OSError as error:
            if type(error) is not ConnectionError:
                raise
            sleep(wait)
    return bank.charge(amount, key)
