"""The fourth try gets a key of its own."""

from taskqueue_edu.course.exercises.p3_retry.given import new_key


def pay(bank, amount, sleep):
    """Have the bank charge `amount` once, and return its receipt. Raises what the bank raises."""
    key = new_key()
    for n in range(5):
        if n == 3:
            key = new_key()
        try:
            return bank.charge(amount, key)
        except ConnectionError:
            if n == 4:
                raise
            sleep(min(4, 2**n))
