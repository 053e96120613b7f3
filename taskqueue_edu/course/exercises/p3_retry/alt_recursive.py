from taskqueue_edu.course.exercises.p3_retry.given import new_key


def pay(bank, amount, sleep):
    """Have the bank charge `amount` once, and return its receipt. Raises what the bank raises."""

    def attempt(key, waits):
        try:
            return bank.charge(amount, key)
        except ConnectionError:
            if not waits:
                raise
        first, *rest = waits
        sleep(first)
        return attempt(key, rest)

    return attempt(new_key(), [1, 2, 4, 4])
