"""Price bands, and the halts that they set off."""

from __future__ import annotations

from typing import Any

import pytest

from simexec.errors import InputError
from simexec.testing import background_market_order, background_order, check_book
from simexec.trading.report import ExecType, RejectReason
from simexec.trading.vocabulary import OrderSide, TimeInForce
from simexec.venue import PriceBand, TradingHours, TradingState

from .making import MS, fills, make_scene, prints, story

BUY, SELL = OrderSide.BUY, OrderSide.SELL
NEW, TRADE, CANCELED, REJECTED = ExecType.NEW, ExecType.TRADE, ExecType.CANCELED, ExecType.REJECTED

BAND = PriceBand(100, 2, "10ms")  # 98 to 102


def test_the_band_is_a_percentage_of_the_reference_rounded_towards_it() -> None:
    assert BAND.around(10_000) == (9_800, 10_200)
    assert PriceBand(100, "2.5", "1s").around(10_001) == (9_751, 10_251)


def test_an_order_that_would_trade_outside_the_band_trades_up_to_it_is_cancelled_and_halts() -> None:
    scene = make_scene(asks=[(101, [30]), (102, [20]), (103, [70])], band=BAND)
    scene.at("1ms", scene.alice.new, "a", BUY, 80)
    scene.run("2ms")
    assert fills(scene.alice.reports) == [(1 * MS, "a", 30, 101), (1 * MS, "a", 20, 102)]
    assert story(scene.alice.reports)[-1] == ("a", CANCELED, 50, 0)
    assert scene.alice.reports[-1].text == "would trade outside the price band"
    assert scene.venue.state() is TradingState.HALTED
    assert scene.venue.statistics().halts == 1


def test_the_background_breaches_a_band_too_and_nothing_fills_until_the_reopening() -> None:
    messages = [background_market_order("1ms", SELL, 200), background_market_order("5ms", SELL, 5)]
    scene = make_scene(bids=[(100, [50]), (97, [200])], messages=messages, band=BAND)
    scene.alice.new("a", BUY, 10, 97)
    scene.at("3ms", scene.bob.new, "b", SELL, 10)
    scene.run("10ms")
    assert prints(scene)[:, :3].tolist() == [[1 * MS, 10_000, 50]]
    (refused,) = scene.bob.reports
    assert (refused.exec_type, refused.reason) == (REJECTED, RejectReason.EXCHANGE_CLOSED)
    assert refused.text == "TEST is halted until 00:00:00.011"
    assert scene.venue.state() is TradingState.HALTED
    scene.run("12ms")
    assert scene.venue.state() is TradingState.OPEN
    check_book(scene.market.book)


def test_after_the_reopening_the_band_is_around_the_last_trade() -> None:
    messages = [
        background_market_order("1ms", BUY, 100),  # takes 30 at 101; 103 is beyond the band
        background_order("5ms", BUY, 103, 10, 0),  # waits in the halt
    ]
    scene = make_scene(asks=[(101, [30]), (103, [70]), (105, [90])], messages=messages, band=BAND)
    scene.run("12ms")
    assert prints(scene)[:, :3].tolist() == [[1 * MS, 10_100, 30], [11 * MS, 10_300, 10]]
    scene.alice.new("a", BUY, 100, 105)  # 103 + 2 % is 105.06
    scene.run("13ms")
    assert [price for _, _, _, price in fills(scene.alice.reports)] == [103, 105]
    assert scene.venue.statistics().halts == 1


def test_the_band_rests_outside_the_hours() -> None:
    scene = make_scene(
        messages=[background_market_order("15ms", BUY, 120)],
        asks=[(101, [30]), (104, [70]), (105, [90])],
        hours=TradingHours(0, 10 * MS),
        band=BAND,
    )
    scene.run("20ms")
    assert prints(scene)[-1, 1] == 10_500
    assert scene.venue.statistics().halts == 0


def test_a_halt_of_a_band_that_outlasts_the_close_leaves_the_venue_closed() -> None:
    scene = make_scene(asks=[(103, [70])], hours=TradingHours(0, 5 * MS), band=BAND)
    scene.at("1ms", scene.bob.new, "b", BUY, 10, 100)
    scene.at("2ms", scene.alice.new, "a", BUY, 10, 103, TimeInForce.IOC)
    scene.run("20ms")
    assert story(scene.alice.reports)[-1] == ("a", CANCELED, 0, 0)
    assert story(scene.bob.reports)[-1] == ("b", ExecType.EXPIRED, 0, 0)
    assert scene.venue.state() is TradingState.CLOSED


@pytest.mark.parametrize("numbers", [(0, 2, 1), (100, 0, 1), (100, 100, 1), (100, 2, 0)])
def test_a_band_that_cannot_be_is_refused(numbers: tuple[Any, ...]) -> None:
    with pytest.raises(InputError, match="must have a positive reference"):
        PriceBand(*numbers)
