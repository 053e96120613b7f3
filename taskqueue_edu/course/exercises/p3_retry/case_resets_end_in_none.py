"""After five resets nobody is told that nothing was paid."""

from taskqueue_edu.course.exercises.p3_retry.given import new_key


def pay(bank, amount, sleep):
    """Have the bank charge `amount` once, and return its receipt. Raises what the bank raises."""
    key = new_key()
    for n in range(5):
        try:
            return bank.charge(amount, key)
        except ConnectionResetError:
            sleep(min(4, 2**n))
        except ConnectionError:
            if n == 4:
                raise
            sleep(min(4, 2**n))
