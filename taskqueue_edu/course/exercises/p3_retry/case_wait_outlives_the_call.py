"""The wait stays as long as it was for the payment before."""

from taskqueue_edu.course.exercises.p3_retry.given import new_key


class Backoff:
    delay = 1


def pay(bank, amount, sleep):
    """Have the bank charge `amount` once, and return its receipt. Raises what the bank raises."""
    key = new_key()
    for tries in range(5):
        try:
            return bank.charge(amount, key)
        except ConnectionError:
            if tries == 4:
                raise
            sleep(Backoff.delay)
            Backoff.delay = min(4, Backoff.delay * 2)
