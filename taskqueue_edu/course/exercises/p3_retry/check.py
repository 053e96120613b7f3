"""A payment must be made once, however often it is sent, and be sent again only if that helps."""

from unittest import mock

from taskqueue_edu.lab.probes import Check

check = Check("pay")


class _Declined(ValueError):
    """The bank says no."""


class _Bank:
    """A bank that answers as it was told: "ok", "busy", "answer lost", "declined", ... (then "ok")."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.charged = {}
        self.asked = 0
        self.waits = []
        self.slept = []
        self.raised = []

    def charge(self, amount, key):
        self.asked += 1
        answer = self.answers.pop(0) if self.answers else "ok"
        if answer == "busy":
            self.fail(ConnectionError("503, busy"))
        if answer == "declined":
            self.fail(_Declined("no money"))
        if answer == "no certificate":
            self.fail(FileNotFoundError("bank.pem"))
        self.charged.setdefault(key, amount)
        if answer == "answer lost":
            self.fail(ConnectionError("the answer got lost"))
        return f"receipt for {self.charged[key]}"

    def fail(self, error):
        self.raised.append(error)
        raise error


def _paid(pay, bank, amount=10):
    """Pay. Return the receipt or None, and the bank's error or None."""
    try:
        with mock.patch("time.sleep", bank.slept.append):
            return pay(bank, amount, bank.waits.append), None
    except (OSError, _Declined) as error:
        return None, error


@check.probe(question="What does the bank return, and what your function?")
def it_is_paid(pay):
    """The bank answers at once."""
    bank = _Bank()
    receipt, error = _paid(pay, bank)
    assert error is None, f"The bank said yes, and it raised {error!r}."
    assert receipt == "receipt for 10", f"It returned {receipt!r}, expected the bank's receipt."
    assert bank.asked == 1, f"The bank said yes, and was asked {bank.asked} times."
    assert not bank.waits, f"The bank said yes at once, and it waited {bank.waits} s."


@check.probe(question="What does the bank do with a key that it knows?")
def two_payments(pay):
    """Three payments are made: of 10, of 20, and of 10 by another customer."""
    bank = _Bank()
    for amount in (10, 20, 10):
        _paid(pay, bank, amount)
    total = sum(bank.charged.values())
    assert total == 40, f"The bank has charged {total}, expected 40: it took two for the same."


@check.probe("retry_is_safe", question="How can the bank tell a second try from a second payment?")
def an_answer_is_lost(pay):
    """The bank charges the money, and its answer gets lost: ConnectionError."""
    bank = _Bank("answer lost")
    _paid(pay, bank)
    total = sum(bank.charged.values())
    assert total <= 10, f"One payment of 10, and the bank has charged {total}."


@check.probe(question="After which errors can the next try end differently?")
def no_means_no(pay):
    """The bank declines the payment, or a file with a certificate is missing, each time."""
    for answer, said in (("declined", "said no"), ("no certificate", "raised FileNotFoundError")):
        bank = _Bank(*[answer] * 9)
        _paid(pay, bank)
        assert bank.asked == 1, f"The bank {said}, and was asked {bank.asked} times."


@check.probe("swallowing_is_robust", question="What does the caller tell the customer now?")
def a_no_is_told(pay):
    """The bank declines a payment."""
    receipt, error = _paid(pay, _Bank("declined"))
    assert error is not None, f"The bank said no. Nothing was paid; it returned {receipt!r}."


@check.probe(question="What is left to do when the fifth try has failed, too?")
def the_banks_error_is_told(pay):
    """The bank is busy for ever, and what is raised is looked at."""
    bank = _Bank(*["busy"] * 99)
    receipt, error = _paid(pay, bank)
    assert error is not None, f"The bank was busy each time, and it returned {receipt!r}."
    assert any(error is own for own in bank.raised), (
        f"It raised {error!r}, and that is not the bank's error."
    )


@check.probe(question="How many tries are there in all, and how long is the fourth wait?")
def the_waits(pay):
    """The bank is busy for ever, four times, or twice."""
    for busy, waits in ((99, [1, 2, 4, 4]), (4, [1, 2, 4, 4]), (2, [1, 2])):
        bank = _Bank(*["busy"] * busy)
        _, error = _paid(pay, bank)
        assert not bank.slept, (
            f"It called time.sleep {len(bank.slept)} times. It is given a `sleep`: call that."
        )
        tries = len(waits) + 1
        assert bank.asked == tries, f"Busy {busy} times: {bank.asked} tries, expected {tries}."
        assert bank.waits == waits, f"Busy {busy} times: it waited {bank.waits}, expected {waits}."
        assert (error is None) == (busy < 5), f"Busy {busy} times: it raised {error!r}."
