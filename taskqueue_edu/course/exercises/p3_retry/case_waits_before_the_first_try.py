"""It waits 0 s before the first try, which is a wait, too."""

from taskqueue_edu.course.exercises.p3_retry.given import new_key


def pay(bank, amount, sleep):
    key = new_key()
    for wait in (0, 1, 2, 4, 4):
        sleep(wait)
        try:
            return bank.charge(amount, key)
        except ConnectionError as error:
            last = error
    raise last
