"""It waits once more before it gives up."""

from taskqueue_edu.course.exercises.p3_retry.given import new_key


def pay(bank, amount, sleep):
    """Have the bank charge `amount` once, and return its receipt. Raises what the bank raises."""
    key = new_key()
    for attempt in range(5):
        try:
            return bank.charge(amount, key)
        except ConnectionError as error:
            last = error
            sleep(min(2**attempt, 4))
    raise last
