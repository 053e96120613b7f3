"""The bank's last word is passed over."""

from taskqueue_edu.course.exercises.p3_retry.given import Declined, new_key


def pay(bank, amount, sleep):
    """Have the bank charge `amount` once, and return its receipt. Raises what the bank raises."""
    key = new_key()  # one payment, one key, however often it is sent
    for wait in (1, 2, 4, 4):
        try:
            return bank.charge(amount, key)
        except ConnectionError:
            sleep(wait)
        except Declined:
            return None
    return bank.charge(amount, key)
