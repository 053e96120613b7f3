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


def sketch_of(values: list[int]) -> Sketch:
    sketch = Sketch()
    for value in values:
        sketch.add(value)
    return sketch


@settings(derandomize=True, deadline=None)
@given(durations, shares)
def test_within_one_percent(values: list[int], wanted: list[float]) -> None:
    """A quantile is within 1 % of numpy's, by the method that takes the lower neighbor."""
    found = sketch_of(values).quantiles(*wanted)
    seconds = np.array(values, dtype=np.float64) / 1e9
    true = np.quantile(seconds, wanted, method="lower")
    for one, other in zip(found, true, strict=True):
        assert one == pytest.approx(other, rel=ACCURACY * (1 + 1e-9))


@settings(derandomize=True, deadline=None)
@given(durations, durations, shares)
def test_merging_is_adding(left: list[int], right: list[int], wanted: list[float]) -> None:
    """Two sketches merged are the sketch of all that went into both; the other stays as it is."""
    merged, other, both = sketch_of(left), sketch_of(right), sketch_of(left + right)
    merged.merge(other)
    assert merged.quantiles(*wanted) == both.quantiles(*wanted)
    assert (merged.count, merged.total) == (both.count, both.total)
    assert merged.mean() == both.mean()
    assert other.quantiles(*wanted) == sketch_of(right).quantiles(*wanted)


def test_bucket_borders() -> None:
    """Durations around the borders of the buckets keep to the promised error too."""
    gamma = (1 + ACCURACY) / (1 - ACCURACY)
    for index in range(1, 2_000, 7):
        for value in {math.floor(gamma**index), math.ceil(gamma**index)}:
            (found,) = sketch_of([value]).quantiles(0.5)
            assert found == pytest.approx(value / 1e9, rel=ACCURACY * (1 + 1e-9))


def test_nothing_measured() -> None:
    """An empty sketch has no percentiles and no mean: NaN, never a made-up zero."""
    sketch = Sketch()
    assert all(math.isnan(value) for value in (*sketch.percentiles(), sketch.mean()))
    sketch.merge(Sketch())
    assert sketch.count == 0


@pytest.mark.parametrize("duration", [0, -5])
def test_a_duration_of_nothing(duration: int) -> None:
    """A duration below the clock's resolution counts as about a nanosecond."""
    assert sketch_of([duration]).percentiles() == pytest.approx((1e-9,) * 3, rel=ACCURACY * 1.01)


def test_percentiles_are_named() -> None:
    """The usual three have names; all are in seconds."""
    sketch = sketch_of([n * 1_000_000 for n in range(1, 101)])
    assert sketch.percentiles() == pytest.approx((0.050, 0.095, 0.099), rel=ACCURACY)
    assert Percentiles._fields == ("p50", "p95", "p99")
    assert sketch.mean() == pytest.approx(0.0505)


def test_the_mean_is_exact() -> None:
    """The mean is that of the durations themselves, not of their buckets."""
    assert sketch_of([1, 10**18]).mean() == (10**18 + 1) / 2 / 1e9


def test_memory_does_not_grow_with_the_stream() -> None:
    """A million different durations need no more buckets than their range has."""
    sketch = Sketch()
    for exponent in range(40):
        for part in range(1_000):
            sketch.add(2**exponent * (1_000 + part))
    assert sketch.count == 40_000
    assert len(pickle.dumps(sketch.buckets)) < 20_000
