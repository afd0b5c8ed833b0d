"""When a venue trades."""

from __future__ import annotations

import pytest

from simexec.errors import InputError
from simexec.sim import hours
from simexec.venue import TradingHours


def test_trading_begins_with_the_open_and_ends_before_the_close() -> None:
    day = TradingHours(100, 200)
    assert [day.contains(time) for time in (99, 100, 199, 200)] == [False, True, True, False]


def test_hours_read_as_times_of_day() -> None:
    assert str(TradingHours(hours(9.5), hours(16))) == "09:30:00-16:00:00"


@pytest.mark.parametrize(("opens", "closes"), [(5, 5), (6, 5), (-1, 5)])
def test_hours_that_close_before_they_open_are_refused(opens: int, closes: int) -> None:
    with pytest.raises(InputError, match="must open before they close"):
        TradingHours(opens, closes)
