"""Axes: they hold what they must, with few and round ticks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskqueue_edu.picture.scale import (
    Axis,
    clock_axis,
    count_axis,
    number,
    period,
    span,
    time_axis,
)


def check(axis: Axis, highest: float) -> None:
    places = [place for place, _ in axis.ticks]
    labels = [label for _, label in axis.ticks]
    assert axis.top >= highest * (1 - 1e-6)
    assert places[0] == 0
    assert places[-1] == pytest.approx(axis.top)
    assert 2 <= len(places) <= 4
    assert len(set(labels)) == len(labels)
    assert max(map(len, labels)) <= 5


@given(st.floats(0, 9e8))
def test_an_axis_of_counts_covers_them(highest: float) -> None:
    """Up to four ticks with different short labels, from 0 to a number above the highest."""
    axis = count_axis(highest, "tasks")
    check(axis, highest)
    assert all(place == int(place) for place, _ in axis.ticks)


@given(st.floats(0, 1e6))
def test_an_axis_of_durations_covers_them(longest: float) -> None:
    """Up to four ticks with different short labels, from 0 to a time above the longest."""
    check(time_axis(longest), longest)


@pytest.mark.parametrize(
    ("longest", "unit", "labels"),
    [
        (0.0, "µs", ["0", "0.5", "1"]),
        (0.000_07, "µs", ["0", "50", "100"]),
        (0.012, "ms", ["0", "5", "10", "15"]),
        (0.3, "ms", ["0", "100", "200", "300"]),
        (2.4, "s", ["0", "1", "2", "3"]),
        (400.0, "min", ["0", "5", "10"]),
    ],
)
def test_the_unit_suits_the_duration(longest: float, unit: str, labels: list[str]) -> None:
    """Durations are labeled in the unit in which they are small round numbers."""
    axis = time_axis(longest)
    assert axis.unit == unit
    assert [label for _, label in axis.ticks] == labels


@given(st.floats(0.05, 30 * 86_400))
def test_a_clock_has_a_few_ticks_within_its_time(seconds: float) -> None:
    """Two to four ticks, none after the end."""
    places = [place for place, _ in clock_axis(seconds).ticks]
    assert 2 <= len(places) <= 4
    assert places[-1] <= seconds * (1 + 1e-6)


@pytest.mark.parametrize(
    ("seconds", "labels"),
    [
        (10.0, ["0 s", "5 s", "10 s"]),
        (60.0, ["0 s", "20 s", "40 s", "60 s"]),
        (300.0, ["0 min", "2 min", "4 min"]),
        (2_700.0, ["0 min", "15 min", "30 min", "45 min"]),
        (4 * 3_600.0, ["0 h", "2 h", "4 h"]),
        (40 * 3_600.0, ["0 h", "24 h"]),
        (7 * 86_400.0, ["0 d", "5 d"]),
    ],
)
def test_a_clock_has_round_times(seconds: float, labels: list[str]) -> None:
    """From seconds to days, ticks are where a person would put them."""
    assert [label for _, label in clock_axis(seconds).ticks] == labels


def test_a_time_in_words() -> None:
    """A window is named in the largest unit of which it is a multiple."""
    shown = [period(seconds) for seconds in (0.5, 10, 60, 90, 204, 300, 3_600, 9_000, 172_800)]
    assert shown == [
        *("500 milliseconds", "10 seconds", "1 minute", "90 seconds", "3.4 minutes", "5 minutes"),
        *("1 hour", "150 minutes", "2 days"),
    ]


def test_the_time_shown_grows_in_steps() -> None:
    """What is young gets a short time axis; none is longer than asked for."""
    assert [span(age, 30.0) for age in (0.0, 5.1, 12.0, 29.0, 500.0)] == [5, 10, 15, 30, 30]
    assert span(100.0, 45.0) == 45.0


def test_numbers_have_three_digits_and_a_unit() -> None:
    """Thousands, millions and billions have a letter."""
    shown = [number(value) for value in (0, 0.05, 7, 950, 1200, 12_345, 999_999, 1_500_000)]
    assert shown == ["0", "0.05", "7", "950", "1,200", "12.3k", "1M", "1.5M"]


@given(st.floats(0.01, 9e11))
def test_numbers_are_short(value: float) -> None:
    """A number has at most six characters, and no exponent."""
    assert len(number(value)) <= 6
    assert "e" not in number(value)
