"""Durations, times of day and their texts."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simexec.errors import InputError
from simexec.sim import (
    format_duration,
    format_time_of_day,
    hours,
    micros,
    millis,
    minutes,
    nanos,
    parse_duration,
    parse_time_of_day,
    seconds,
)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("250us", 250_000),
        ("250µs", 250_000),
        ("250\u03bcs", 250_000),
        ("1.5ms", 1_500_000),
        ("2s", 2_000_000_000),
        ("5m", 300 * 10**9),
        ("1h", 3600 * 10**9),
        ("1d", 86_400 * 10**9),
        ("1h30m", 5400 * 10**9),
        ("7ns", 7),
        (" 0.1us ", 100),
    ],
)
def test_a_text_becomes_whole_nanoseconds(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


def test_ints_numpy_ints_and_timedeltas_are_durations() -> None:
    assert parse_duration(12) == 12
    assert type(parse_duration(np.int64(12))) is int
    assert parse_duration(timedelta(days=1, microseconds=3)) == 86_400 * 10**9 + 3_000


@pytest.mark.parametrize(
    "value",
    [
        *(0.5, np.float64(3), True, None, -1, timedelta(seconds=-1)),
        *("250", "5 parsecs", "", "1h x", "-5s", "0.5ns", "1e3s"),
    ],
)
def test_what_is_no_duration_is_refused_with_its_value(value: object) -> None:
    with pytest.raises(InputError) as caught:
        parse_duration(value)  # type: ignore[arg-type]
    assert repr(value) in str(caught.value)


@given(st.integers(min_value=0, max_value=10**18))
def test_formatting_loses_nothing(nanoseconds: int) -> None:
    assert parse_duration(format_duration(nanoseconds)) == nanoseconds


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0ns"),
        (1_500_000, "1.5ms"),
        (5400 * 10**9, "1h30m"),
        (61_000_000_001, "1m1.000000001s"),
        (-1_000, "-1us"),
    ],
)
def test_durations_read_as_people_write_them(nanoseconds: int, text: str) -> None:
    assert format_duration(nanoseconds) == text


def test_units_round_a_float_once_to_whole_nanoseconds() -> None:
    assert nanos(2.4) == 2
    assert micros(0.25) == 250
    assert millis(1.5) == 1_500_000
    assert seconds(0.1) == 100_000_000
    assert minutes(2) == 120 * 10**9
    assert hours(0.5) == 1800 * 10**9
    assert seconds(np.int64(2)) == 2 * 10**9
    # Exact for an int beyond a float's precision.
    assert seconds(10**10 + 1) == (10**10 + 1) * 10**9


@pytest.mark.parametrize("count", [float("nan"), float("inf"), True])
def test_a_unit_refuses_what_is_no_number(count: float) -> None:
    with pytest.raises(InputError):
        seconds(count)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("09:30", 34_200 * 10**9),
        ("9:30:00", 34_200 * 10**9),
        ("09:30:00.5", 34_200_500_000_000),
        ("09:30:00.123456789", 34_200_123_456_789),
        ("24:00", 86_400 * 10**9),
    ],
)
def test_a_time_of_day_counts_from_midnight(text: str, nanoseconds: int) -> None:
    assert parse_time_of_day(text) == nanoseconds


@pytest.mark.parametrize("value", ["25:00", "24:00:01", "09:60", "9", "09:30:00.1234567891", "noon", 630])
def test_what_is_no_time_of_day_is_refused_with_its_value(value: object) -> None:
    with pytest.raises(InputError) as caught:
        parse_time_of_day(value)  # type: ignore[arg-type]
    assert repr(value) in str(caught.value)


def test_a_time_of_day_is_written_as_it_is_read() -> None:
    assert format_time_of_day(34_200_123_456_789) == "09:30:00.123456789"
    assert format_time_of_day(34_200 * 10**9) == "09:30:00"
    assert format_time_of_day((86_400 + 34_200) * 10**9) == "1d 09:30:00"
