"""A count over a rolling window."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simexec.execution.rolling_window import RollingCount


def test_an_event_counts_until_exactly_a_window_later() -> None:
    lately = RollingCount(100)
    lately.add(5)
    assert [lately.count(now) for now in (5, 104, 105)] == [1, 1, 0]


@given(st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=60), st.integers(1, 60))
def test_it_counts_what_a_list_of_all_times_does(steps: list[tuple[int, bool]], window: int) -> None:
    lately, now, times = RollingCount(window), 0, []
    for later, happens in steps:
        now += later
        if happens:
            lately.add(now)
            times.append(now)
        assert lately.count(now) == sum(now - window < time <= now for time in times)


def test_it_keeps_no_more_than_the_window_holds_though_nobody_asks() -> None:
    lately = RollingCount(10)
    for now in range(10_000):
        lately.add(now)
    assert len(lately._times) == 10


def test_it_counts_from_zero_when_it_is_cleared() -> None:
    lately = RollingCount(100)
    lately.add(1)
    lately.clear()
    assert lately.count(2) == 0
