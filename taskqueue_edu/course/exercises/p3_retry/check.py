"""A payment must be made once, however often it is sent, and be sent again only if that helps."""

import inspect
import io
import os
import time
from collections import Counter
from contextlib import redirect_stdout
from unittest import mock

from taskqueue_edu.course.exercises.p3_retry.given import Declined
from taskqueue_edu.course.probes import anew
from taskqueue_edu.lab.probes import Case, Check

check = Check("pay")

_OUTLIVES = "What outlives a call of `pay`, and what does the next one make of it?"


class _Bank:
    """A bank that answers as it was told: "ok", "busy", "answer lost", "reset", ... (then "ok").

    With the last two it has charged the money before.
    """

    def __init__(self, *answers):
        self.answers = list(answers)
        self.declined = Declined
        self.charged = {}
        self.receipt = "receipt for {}"
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
            self.fail(self.declined("no money"))
        if answer == "no certificate":
            self.fail(FileNotFoundError("bank.pem"))
        self.charged.setdefault(key, amount)
        if answer == "answer lost":
            self.fail(ConnectionError("the answer got lost"))
        if answer == "reset":
            self.fail(ConnectionResetError("reset by peer"))
        return self.receipt.format(self.charged[key])

    def fail(self, error):
        self.raised.append(error)
        raise error


def _paid(pay, bank, amount=10):
    """Pay. Return the receipt or None, and the bank's error or None."""
    known = getattr(inspect.unwrap(pay), "__globals__", {})
    bank.declined = known.get("Declined", Declined)  # a notebook has a class of its own
    try:
        with mock.patch("time.sleep", bank.slept.append):
            return pay(bank, amount, bank.waits.append), None
    except (OSError, bank.declined) as error:
        return None, error


@check.probe(question="What does the bank return, and what your function?")
def it_is_paid(pay):
    """The bank answers at once."""
    bank = _Bank()
    receipt, error = _paid(pay, bank)
    assert error is None, f"The bank said yes, and it raised {error!r}."
    for amount in bank.charged.values():
        if amount != 10:
            raise Case(
                f"pay(bank, 10, sleep) was called, and the bank was asked to charge {amount!r}.",
                "What does `charge` take, in which order, and what do you give to it?",
            )
    assert receipt == "receipt for 10", f"It returned {receipt!r}, expected the bank's receipt."
    assert bank.asked == 1, f"The bank said yes, and was asked {bank.asked} times."
    if bank.waits:
        raise Case(
            f"The bank said yes at once, and it called sleep() with {bank.waits[0]}.",
            "Between which two things does it wait, if the bank says yes the first time?",
        )


@check.probe(question="What does the bank do with a key that it knows?")
def two_payments(pay):
    """Three payments are made: of 10, of 20, and of 10 by another customer."""
    bank = _Bank()
    for amount in (10, 20, 10):
        _paid(pay, bank, amount)
    total = sum(bank.charged.values())
    keys = len(bank.charged)
    assert total == 40, (
        f"The bank has charged {total}, expected 40: the three payments came with {keys} "
        f"key{'s' * (keys != 1)}."
    )


@check.probe(question="What does your function do once `charge` has raised?")
def it_tries_again(pay):
    """The bank is busy once: ConnectionError."""
    bank = _Bank("busy")
    receipt, error = _paid(pay, bank)
    assert error is None, f"It would have been paid the next time, and it raised {error!r}."
    assert receipt == "receipt for 10", f"It returned {receipt!r}, expected the bank's receipt."


@check.probe("retry_is_safe", question="How can the bank tell a second try from a second payment?")
def an_answer_is_lost(pay):
    """The bank charges the money, and its answer gets lost, once or four times: ConnectionError."""
    for answers in (["answer lost"], ["answer lost"] * 4, ["reset"] * 4):
        bank = _Bank(*answers)
        _paid(pay, bank)
        total = sum(bank.charged.values())
        assert total <= 10, (
            f"One payment of 10 was sent {bank.asked} times, and the bank has charged {total}."
        )


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


@check.probe(question="Which classes does `except ConnectionError` catch?")
def a_reset_is_a_connection_error(pay):
    """The connection is reset once: ConnectionResetError, which is a ConnectionError."""
    bank = _Bank("reset")
    receipt, error = _paid(pay, bank)
    assert error is None, f"The next try would have been paid, and it raised {error!r}."
    assert receipt == "receipt for 10", f"It returned {receipt!r}, expected the bank's receipt."


@check.probe(
    question="After the fifth failure, which error must the caller get, and which line raises it?"
)
def the_banks_error_is_told(pay):
    """The bank is busy for ever, or resets the connection each time: what is raised then?"""
    for answer in ("busy", "reset"):
        bank = _Bank(*[answer] * 99)
        receipt, error = _paid(pay, bank)
        assert error is not None, (
            f"The bank raised {bank.raised[-1]!r} each time. After {bank.asked} tries it returned "
            f"{receipt!r}."
        )
        assert any(error is own for own in bank.raised), (
            f"It raised {error!r}, and that is not the bank's error: {bank.raised[-1]!r}."
        )
        if error is not bank.raised[-1]:
            number = bank.raised.index(error) + 1
            raise Case(
                f"Of the bank's {len(bank.raised)} errors it raised number {number}.",
                "Which of them says how things are now?",
            )


@check.probe(question="How many tries are there in all, and how long is the fourth wait?")
def the_waits(pay):
    """The bank is busy, and every other time it resets the connection: for ever, four times, twice."""
    for busy, waits in ((99, [1, 2, 4, 4]), (4, [1, 2, 4, 4]), (2, [1, 2])):
        bank = _Bank(*(["busy", "reset"] * 50)[:busy])
        fails = f"The first {busy} tries fail" if busy < 5 else "Every try fails"
        _, error = _paid(pay, bank)
        if bank.slept:
            raise Case(
                f"It called time.sleep {len(bank.slept)} times. It is given a `sleep`: call that.",
                "Who decides what waiting is, the one who calls `pay` or `pay`?",
            )
        tries = len(waits) + 1
        assert bank.asked == tries, f"{fails}: {bank.asked} tries, expected {tries}."
        if bank.waits == [*waits, 4] and busy > 4:
            raise Case(
                f"{fails}: it waited {bank.waits}, and then it did not try again.",
                "What is a wait good for after the last try?",
            )
        if bank.waits != waits:
            later, bank = bank.waits, _Bank(*(["busy", "reset"] * 50)[:busy])
            _paid(anew(pay, "pay"), bank)
            if bank.waits == waits:
                raise Case(
                    f"{fails}: it waited {later}, expected {waits}. In a program "
                    "that has just started, it waits so.",
                    _OUTLIVES,
                )
            bank.waits = later
            raise Case(
                f"{fails}: it waited {bank.waits}, expected {waits}.",
                "How long is each wait by the text, and does it say anything of chance?",
            )
        assert (error is None) == (busy < 5), f"{fails}: it raised {error!r}."


@check.probe(question="How do you know that the bank has answered?")
def a_receipt_of_no_letters(pay):
    """The bank answers at once, and its receipt is an empty text."""
    bank = _Bank()
    bank.receipt = ""
    receipt, error = _paid(pay, bank)
    assert bank.asked == 1, f"The bank returned '', and was asked {bank.asked} times."
    assert receipt == "", f"The bank returned '': it returned {receipt!r}, and raised {error!r}."


@check.probe(question=_OUTLIVES)
def a_payment_after_one_that_failed(pay):
    """The bank's answer gets lost five times. Then the same customer pays 10 for something else."""
    bank = _Bank(*["answer lost"] * 5)
    _paid(pay, bank)
    _paid(pay, bank)
    total = sum(bank.charged.values())
    assert total == 20, f"Two payments of 10 were made, and the bank has charged {total}."


@check.probe(question="Which keys had the program used before, and which does it use after that?")
def a_payment_after_a_restart(pay):
    """A payment is made. The program is started again, and makes another one."""
    bank = _Bank()
    for _ in range(2):
        _paid(anew(pay, "pay"), bank)
    total = sum(bank.charged.values())
    key = next(iter(bank.charged), None)
    pid = " The number of a process may come again." if str(os.getpid()) in str(key) else ""
    assert total == 20, (
        f"The program made a payment of 10, was started again, and made another. The bank has charged "
        f"{total}: both had the key {key!r}.{pid}"
    )


@check.probe(question="From where does each key come, and may the same come again?")
def two_payments_at_one_time(pay):
    """Two payments are made, and each clock shows the same time for both."""
    bank, asked = _Bank(), set()

    def still(name):
        return lambda: (asked.add(name), 10**12 if name.endswith("_ns") else 1000.0)[1]

    names = ("time", "monotonic", "perf_counter", "process_time", "thread_time")
    with mock.patch.multiple(time, **{n + ns: still(n + ns) for n in names for ns in ("", "_ns")}):
        for _ in range(2):
            _paid(pay, bank)
    total = sum(bank.charged.values())
    if not asked:
        return  # the key has nothing to do with a clock
    again = [f"time.{name}() {_CLOCKS[name.removesuffix('_ns')]}" for name in sorted(asked)]
    assert total == 20, (
        f"At the same time by the clock, two payments of 10 were made. The bank has charged {total}: "
        f"both had the key {next(iter(bank.charged))!r}. Such a time may come again: "
        f"{', '.join(again)}."
    )


_CLOCKS = {
    "time": "can be set back",
    "monotonic": "may begin anew when the machine does",
    "perf_counter": "may begin anew when the machine does",
    "process_time": "begins anew in each process",
    "thread_time": "begins anew in each thread",
}


@check.probe(question="From how many keys is each drawn, and how soon does one come again?")
def thousands_of_payments(pay):
    """30,000 payments are made, and the bank is never busy."""
    times = Counter()

    class Bank:
        def charge(self, amount, key):
            times[key] += 1
            return "receipt"

    bank = Bank()
    with redirect_stdout(io.StringIO()):
        for _ in range(30_000):
            pay(bank, 10, float)
    again = 30_000 - len(times)
    assert not again, (
        f"30,000 payments were made, and {again:,} of them had a key that the bank knew, such as "
        f"{max(times, key=times.get)!r}."
    )
