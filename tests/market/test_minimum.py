"""Minimum quantity (FIX tag 110, MinQty) of immediate orders: so much at once, or nothing is done.

Each test runs the compiled book and the naive one.
"""

from __future__ import annotations

import pytest

from simexec.market import layout as at

from .paired import BUY, SELL, Paired


@pytest.fixture
def pair() -> Paired:
    """30 at 100, 20 of them hidden, and 10 at 101."""
    made = Paired()
    made.limit("shown", SELL, 10, 100)
    made.limit("hidden", SELL, 20, 100, flags=at.HIDDEN)
    made.limit("next", SELL, 10, 101)
    return made


@pytest.mark.parametrize(("minimum", "filled"), [(1, 30), (30, 30), (31, 0)])
def test_an_order_trades_at_least_its_minimum_at_once_or_not_at_all(pair: Paired, minimum: int, filled: int) -> None:
    events = pair.limit("taker", BUY, 50, 100, flags=at.IOC, minimum=minimum)
    assert sum(quantity for word, _, _, quantity in events if word == "take") == filled
    assert events[-1] == ("cancel", "taker", at.IMMEDIATE if filled else at.MINIMUM, 50 - filled)


def test_several_prices_count_together(pair: Paired) -> None:
    events = pair.limit("taker", BUY, 50, 101, flags=at.IOC, minimum=40)
    assert sum(quantity for word, _, _, quantity in events if word == "take") == 40


def test_a_market_order_may_have_a_minimum(pair: Paired) -> None:
    assert pair.limit("much", BUY, 50, 0, flags=at.MARKET, minimum=41) == [("cancel", "much", at.MINIMUM, 50)]
    assert pair.limit("some", BUY, 50, 0, flags=at.MARKET, minimum=40)[-1] == ("cancel", "some", at.NO_LIQUIDITY, 10)


def test_orders_that_self_trade_prevention_removes_do_not_count(pair: Paired) -> None:
    pair.limit("mine", SELL, 10, 101, owner=7)
    asked = {"owner": 7, "flags": at.IOC | at.STP_OLDEST}
    assert pair.limit("taker", BUY, 60, 101, minimum=41, **asked) == [("cancel", "taker", at.MINIMUM, 60)]
    assert pair.leaves("mine") == 10


def test_what_lies_outside_the_band_does_not_count(pair: Paired) -> None:
    pair.band(90, 100)
    assert pair.limit("taker", BUY, 50, 101, flags=at.IOC, minimum=31) == [("cancel", "taker", at.MINIMUM, 50)]
    assert pair.book.phase == at.CONTINUOUS
