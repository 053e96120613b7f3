"""Percentiles of a stream: as close to the true ones as promised."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskqueue_edu.sketch import ACCURACY, Percentiles, Sketch

# From one nanosecond to 30 years.
durations = st.lists(
    st.integers(1, 10**18) | st.integers(1, 1_000) | st.sampled_from([10**9, 2 * 10**9]),
    min_size=1,
    max_size=200,
)
shares = st.lists(st.floats(0, 1), min_size=1, max_size=5).map(sorted)


@settings(derandomize=True, deadline=None)
@given(durations, shares)
def test_within_one_percent(values: list[int], wanted: list[float]) -> None:
    """A quantile is within 1 % of numpy's, by the method that takes the lower neighbor."""
    found = Sketch(values).quantiles(*wanted)
    seconds = np.array(values, dtype=np.float64) / 1e9
    true = np.quantile(seconds, wanted, method="lower")
    for one, other in zip(found, true, strict=True):
        assert one == pytest.approx(other, rel=ACCURACY * (1 + 1e-9))


@settings(derandomize=True, deadline=None)
@given(durations, durations, shares)
def test_merging_is_adding(left: list[int], right: list[int], wanted: list[float]) -> None:
    """Two sketches added are the sketch of all that went into both; the other stays as it is."""
    merged, other, both = Sketch(left), Sketch(right), Sketch(left + right)
    merged += other
    assert merged.quantiles(*wanted) == both.quantiles(*wanted)
    assert merged.count == both.count == len(left) + len(right)
    assert other.quantiles(*wanted) == Sketch(right).quantiles(*wanted)


@settings(derandomize=True, deadline=None)
@given(durations, durations)
def test_what_was_added_can_be_taken_out(left: list[int], right: list[int]) -> None:
    """A sketch less what was added to it is as before, without empty buckets left over."""
    sketch = Sketch(left + right)
    sketch -= Sketch(right)
    assert sketch.buckets == Sketch(left).buckets
    assert all(sketch.buckets.values())
    sketch -= Sketch(left)
    assert not sketch.buckets


def test_bucket_borders() -> None:
    """Durations around the borders of the buckets keep to the promised error too."""
    gamma = (1 + ACCURACY) / (1 - ACCURACY)
    for index in range(1, 2_000, 7):
        for value in {math.floor(gamma**index), math.ceil(gamma**index)}:
            (found,) = Sketch([value]).quantiles(0.5)
            assert found == pytest.approx(value / 1e9, rel=ACCURACY * (1 + 1e-9))


def test_nothing_measured() -> None:
    """An empty sketch has no percentiles: NaN, never a made-up zero."""
    sketch = Sketch()
    assert all(math.isnan(value) for value in sketch.percentiles())
    sketch += Sketch()
    assert sketch.count == 0


@pytest.mark.parametrize("duration", [0, -5])
def test_a_duration_of_nothing(duration: int) -> None:
    """A duration below the clock's resolution counts as about a nanosecond, before all others."""
    assert Sketch([duration]).percentiles() == pytest.approx((1e-9,) * 3, rel=ACCURACY * 1.01)
    assert Sketch([2, duration]).quantiles(0, 1) == pytest.approx([1e-9, 2e-9], rel=ACCURACY)


def test_percentiles_are_named() -> None:
    """The usual three have names; all are in seconds."""
    sketch = Sketch([n * 1_000_000 for n in range(1, 101)])
    assert sketch.percentiles() == pytest.approx((0.050, 0.095, 0.099), rel=ACCURACY)
    assert Percentiles._fields == ("p50", "p95", "p99")


def test_memory_does_not_grow_with_the_stream() -> None:
    """A million different durations need no more buckets than their range has."""
    sketch = Sketch(2**exponent * (1_000 + n) for exponent in range(40) for n in range(1_000))
    assert sketch.count == 40_000
    assert len(pickle.dumps(sketch.buckets)) < 20_000
