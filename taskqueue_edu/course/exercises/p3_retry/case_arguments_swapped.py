"""The bank gets the key in the place of the amount."""

from taskqueue_edu.course.exercises.p3_retry.given import new_key


def pay(bank, amount, sleep):
    key = new_key()
    for wait in (1, 2, 4, 4):
        try:
            return bank.charge(key, amount)
        except ConnectionError:
            sleep(wait)
    return bank.charge(key, amount)
