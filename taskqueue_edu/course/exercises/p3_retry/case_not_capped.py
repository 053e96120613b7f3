"""The waits grow without end."""

from taskqueue_edu.course.exercises.p3_retry.given import new_key


def pay(bank, amount, sleep):
    """Have the bank charge `amount` once, and return its receipt. Raises what the bank raises."""
    key = new_key()
    for attempt in range(5):
        try:
            return bank.charge(amount, key)
        except ConnectionError:
            if attempt == 4:
                raise
            sleep(2**attempt)
