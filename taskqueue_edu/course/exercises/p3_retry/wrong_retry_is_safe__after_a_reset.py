"""After a reset the next try gets a key of its own."""

from taskqueue_edu.course.exercises.p3_retry.given import new_key


def pay(bank, amount, sleep):
    """Have the bank charge `amount` once, and return its receipt. Raises what the bank raises."""
    key = new_key()
    for wait in (1, 2, 4, 4):
        try:
            return bank.charge(amount, key)
        except ConnectionResetError:
            key = new_key()
            sleep(wait)
        except ConnectionError:
            sleep(wait)
    return bank.charge(amount, key)
