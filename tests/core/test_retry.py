"""RetryPolicy: which failures are tried again, how often, and after how long."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskqueue_edu import RetryPolicy
from taskqueue_edu.errors import InvalidTask
from taskqueue_edu.facts import Failure
from taskqueue_edu.retry import qualified_name


class Flood(OSError):
    """Made up for these tests."""


def names(error: BaseException) -> tuple[str, ...]:
    return Failure.of(error).names


ANY = names(ValueError("x"))


def wait(policy: RetryPolicy, attempt: int, luck: float = 0.0) -> float | None:
    return policy.wait_after(attempt, ANY, lambda: luck)


def test_default_is_no_retry() -> None:
    """Without settings, the first failure is final."""
    assert wait(RetryPolicy(), 1) is None


def test_attempts_count_the_first_run() -> None:
    """`attempts=3` means three runs: two failures are followed by another run."""
    policy = RetryPolicy(attempts=3, delay=1)
    assert [wait(policy, attempt) is not None for attempt in (1, 2, 3, 4)] == [
        True,
        True,
        False,
        False,
    ]


def test_waits_grow_to_the_cap() -> None:
    """Each wait is `factor` times the one before, and never longer than `max_delay`."""
    policy = RetryPolicy(attempts=99, delay=0.5, factor=3, max_delay=10, jitter=0)
    assert [wait(policy, attempt) for attempt in range(1, 6)] == [0.5, 1.5, 4.5, 10, 10]


@pytest.mark.parametrize("factor", [2, 2.0, 10, 1e9])
def test_late_attempts_wait_for_the_cap(factor: float) -> None:
    """However late the attempt, the power doesn't overflow: the wait is `max_delay`."""
    policy = RetryPolicy(10**9, delay=0.1, factor=factor, max_delay=60, jitter=0)
    assert [wait(policy, n) for n in (500, 5_000, 10**9 - 1)] == [60, 60, 60]


def test_no_delay_stays_no_delay() -> None:
    """With `delay=0` every retry is at once, the thousandth too."""
    policy = RetryPolicy(10**9, delay=0, factor=10)
    assert [wait(policy, n) for n in (1, 2, 1_000, 10_000)] == [0, 0, 0, 0]


def test_jitter_shortens() -> None:
    """`jitter` takes away a random share of the wait, up to that much."""
    policy = RetryPolicy(9, delay=8, factor=1, jitter=0.25)
    assert [wait(policy, 1, luck) for luck in (0.0, 0.5, 1.0)] == [8, 7, 6]
    assert wait(RetryPolicy(9, delay=8, jitter=1), 1, 1.0) == 0


@settings(derandomize=True, deadline=None)
@given(
    attempt=st.integers(1, 2_000),
    delay=st.floats(0, 1e9),
    factor=st.floats(1, 1e9),
    max_delay=st.floats(0, 1e9),
    jitter=st.floats(0, 1),
    luck=st.floats(0, 1, exclude_max=True),
)
def test_bounds_of_the_wait(
    attempt: int, delay: float, factor: float, max_delay: float, jitter: float, luck: float
) -> None:
    """A wait is between 0 and `max_delay`, and jitter takes no more than its share of it."""
    policy = RetryPolicy(10_000, (Exception,), delay, factor, max_delay, jitter)
    longest = wait(policy, attempt, 0.0)
    found = wait(policy, attempt, luck)
    assert longest is not None
    assert found is not None
    assert 0 <= longest <= max_delay
    assert longest * (1 - jitter) * (1 - 1e-12) <= found <= longest


@pytest.mark.parametrize(
    ("on", "error", "retried"),
    [
        ((Exception,), ValueError(), True),
        ((OSError,), Flood(), True),
        ((Flood,), Flood(), True),
        ((Flood,), OSError(), False),
        ((ValueError, OSError), ConnectionResetError(), True),
        (("OSError",), Flood(), True),
        ((f"{__name__}.Flood",), Flood(), True),
        (("Flood",), Flood(), False),
        ((Exception,), KeyboardInterrupt(), False),
        ((), ValueError(), False),
    ],
)
def test_which_errors(on: Any, error: BaseException, retried: bool) -> None:
    """An error counts if the policy names its class or one of its bases, as class or as text."""
    assert (RetryPolicy(2, on=on).wait_after(1, names(error)) is not None) == retried


def test_a_class_defined_anew_still_matches() -> None:
    """A policy keeps names, so running a notebook cell again doesn't part it from its class."""

    def define() -> type[Exception]:
        class Storm(Exception):
            pass

        return Storm

    old, new = define(), define()
    assert old is not new
    assert RetryPolicy(2, on=(old,)).wait_after(1, names(new())) is not None


def test_qualified_names() -> None:
    """Built-in classes have their bare name, all others that of their module before it."""
    assert qualified_name(ValueError) == "ValueError"
    assert qualified_name(Flood) == f"{__name__}.Flood"


def test_policies_are_values() -> None:
    """Two policies with the same settings are equal, also after a pickle, and can be hashed."""
    policy = RetryPolicy(3, on=[OSError], delay=1)
    assert policy == RetryPolicy(3, on=("OSError",), delay=1)
    assert {policy: 1}[pickle.loads(pickle.dumps(policy))] == 1
    assert RetryPolicy(3, on=(cls for cls in (OSError, ValueError))).on == ("OSError", "ValueError")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        *[("attempts", value) for value in (0, -1, 2.0, 2.5, True, "3", None, 2**63)],
        *[("delay", value) for value in (-1, float("nan"), float("inf"), True, "1", 1e10)],
        *[("factor", value) for value in (0.5, 0, float("nan"), float("inf"), "2", 10**400)],
        *[("max_delay", value) for value in (-0.1, float("nan"), float("inf"), None, 1e300)],
        *[("jitter", value) for value in (-0.1, 1.1, float("nan"), True, "0")],
    ],
)
def test_values_out_of_range(setting: str, value: object) -> None:
    """A setting of the wrong type or out of range is refused, by name and with what is right."""
    with pytest.raises(InvalidTask, match=rf"^RetryPolicy: {setting} is .*, expected .*, [01] to "):
        RetryPolicy(**{setting: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("on", ["ValueError", ValueError, (3,), (ValueError(),), [None], 0.02])
def test_on_takes_a_tuple_of_classes(on: Any) -> None:
    """A single class, or a thing that is none, is refused with what to write instead."""
    with pytest.raises(InvalidTask, match="RetryPolicy: on is ") as caught:
        RetryPolicy(2, on=on)
    assert "on=(ConnectionError,)" in caught.value.hint
