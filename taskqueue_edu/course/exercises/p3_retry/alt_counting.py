from taskqueue_edu.course.exercises.p3_retry.given import new_key


def pay(bank, amount, sleep):
    """Have the bank charge `amount` once, and return its receipt. Raises what the bank raises."""
    key, attempt = new_key(), 1
    while True:
        try:
            return bank.charge(amount, key)
        except ConnectionError:
            if attempt == 5:
                raise
        sleep(min(2 ** (attempt - 1), 4))
        attempt += 1
