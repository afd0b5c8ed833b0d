"""What the router leaves resting, and where."""

from __future__ import annotations

import pytest

from simexec.execution.router_settings import Resting, RouterSettings
from simexec.sim.clock import SECOND
from simexec.testing import background_market_order, background_order
from simexec.trading.vocabulary import OrderStatus

from .street import BUY, MS, SELL, US, Corner, Street, fees, sent


def test_a_day_order_rests_where_makers_pay_least_and_then_where_the_queue_is_shortest() -> None:
    costs = {"ALFA": fees("0", "0.001"), "BETA": fees("0", "-0.002"), "CARL": fees("0", "-0.002")}
    queues = {"ALFA": 10, "BETA": 900, "CARL": 400}
    street = Street({name: Corner(bids=[(99, [queues[name]])], fees=cost) for name, cost in costs.items()})
    order = street.route(street.order(BUY, 200, 99), end=SECOND)
    assert sent(street) == [("CARL", "rest", 200, 99)]
    assert (order.status, order.filled_quantity) == (OrderStatus.EXPIRED, 0)
    street.finish()


def test_what_is_left_after_taking_rests_at_the_limit() -> None:
    selling = [background_market_order(2 * SECOND, SELL, 1000)]
    street = Street(
        {"ALFA": Corner(asks=[(101, [100]), (110, [5])], messages=selling), "BETA": Corner(asks=[(110, [5])])}
    )
    order = street.route(street.order(BUY, 300, 102))
    assert sent(street) == [("ALFA", "take", 100, 101), ("ALFA", "rest", 200, 102)]
    assert (order.status, street.sim.now) == (OrderStatus.FILLED, 2 * SECOND + 250 * US)
    street.finish()


def test_an_order_with_a_far_limit_does_not_rest_there_before_it_has_seen_what_lies_behind_the_best_price() -> None:
    street = Street({"ALFA": Corner(asks=[(101, [100]), (108, [900])]), "BETA": Corner(asks=[(102, [400])])})
    order = street.route(street.order(BUY, 500, 110))
    assert sent(street) == [("ALFA", "take", 100, 101), ("BETA", "take", 400, 102)]
    assert order.average_price is not None
    assert float(order.average_price) == pytest.approx(1.018)
    street.finish()


def test_resting_shares_are_called_back_when_another_venue_comes_to_the_limit() -> None:
    offered = [background_order(SECOND, SELL, 99, 150, 7)]
    street = Street({"ALFA": Corner(bids=[(98, [500])]), "BETA": Corner(bids=[(98, [900])], messages=offered)})
    order = street.route(street.order(BUY, 400, 99), end=3 * SECOND)
    assert sent(street)[:2] == [("ALFA", "rest", 400, 99), ("BETA", "take", 150, 99)]
    assert order.filled_quantity == 150
    assert sent(street)[2:] == [("ALFA", "rest", 250, 99)]
    street.finish()


def test_a_post_only_order_takes_nothing() -> None:
    street = Street({"ALFA": Corner(), "BETA": Corner()})
    order = street.route(street.order(BUY, 400, 100, post_only=True), end=SECOND)
    (leg,) = street.router.legs
    assert (leg.leg.why, leg.order.post_only, order.filled_quantity) == ("rest", True, 0)
    street.finish()


def test_an_iceberg_shows_its_part_where_it_rests() -> None:
    street = Street({"ALFA": Corner()})
    order = street.order(BUY, 400, 100, display_quantity=50)
    street.route(order, end=SECOND)
    assert [leg.order.display_quantity for leg in street.router.legs] == [50]
    street.finish()


def test_a_hidden_order_takes_and_does_not_rest_in_the_open() -> None:
    street = Street({"ALFA": Corner(asks=[(101, [100])])})
    order = street.route(street.order(BUY, 400, 102, hidden=True), end=SECOND)
    assert ([leg.leg.why for leg in street.router.legs], order.filled_quantity) == (["take"], 100)
    street.finish()


def test_an_end_while_it_rests_cancels_what_rests() -> None:
    street = Street({"ALFA": Corner(), "BETA": Corner()})
    order = street.order(BUY, 400, 99)
    street.sim.run(MS)
    street.sim.call_at(SECOND, lambda _: street.manager.cancel(order))
    street.route(order)
    assert order.status is OrderStatus.CANCELLED
    assert street.sim.now < SECOND + MS
    street.finish()


def busy(times: range, quantity: int) -> list[tuple[int, int, int, int, int, int]]:
    """Somebody sells to the bid and puts the same back."""
    messages = []
    for number, time in enumerate(times):
        messages += [
            background_market_order(time, SELL, quantity),
            background_order(time + US, BUY, 99, quantity, 1000 + number),
        ]
    return messages


def test_a_part_rests_at_the_near_touch_for_the_horizon_and_the_rest_of_it_then_takes() -> None:
    """The market trades at ALFA alone, so the part rests there; a share that is missed costs a twentieth of a tick."""
    settings_ = RouterSettings(resting=Resting.CONT_KUKANOV, horizon="5s", underfill_ticks=0.05)
    alfa = Corner(messages=busy(range(SECOND // 10, 9 * SECOND, SECOND // 10), 40), asks=[(101, [5000])])
    street = Street({"ALFA": alfa, "BETA": Corner()}, settings_)
    order = street.route(street.order(BUY, 1000, 101), start=10 * SECOND)
    first = street.router.legs[0]
    assert (first.leg.venue, first.leg.why, first.order.price_ticks) == ("ALFA", "rest", 99)
    assert {leg.leg.venue for leg in street.router.legs if leg.leg.why == "rest"} == {"ALFA"}
    assert sum(leg.filled for leg in street.router.legs if leg.leg.why == "take") == 1000 - first.filled
    assert order.status is OrderStatus.FILLED
    assert street.sim.now >= 15 * SECOND
    street.finish()


def test_where_nothing_trades_everything_takes_at_once() -> None:
    street = Street({"ALFA": Corner(), "BETA": Corner()}, RouterSettings(resting=Resting.CONT_KUKANOV))
    order = street.route(street.order(BUY, 1000, 101), start=10 * SECOND)
    assert [leg.leg.why for leg in street.router.legs] == ["take", "take"]
    assert (order.status, street.sim.now < 11 * SECOND) == (OrderStatus.FILLED, True)
    street.finish()


def test_a_passive_order_is_divided_over_the_venues_by_what_trades_there() -> None:
    settings_ = RouterSettings(resting=Resting.CONT_KUKANOV, horizon="5s")
    corners = {
        name: Corner(messages=busy(range(SECOND // 10, 9 * SECOND, SECOND // 10), size))
        for name, size in (("ALFA", 120), ("BETA", 120), ("CARL", 1))
    }
    street = Street(corners, settings_)
    street.route(street.order(BUY, 1001, 99), start=10 * SECOND, end=11 * SECOND)
    legs = {leg.leg.venue: leg.order.quantity for leg in street.router.legs}
    assert sum(legs.values()) == 1001
    assert legs["ALFA"] == pytest.approx(legs["BETA"], abs=1)
    assert legs.get("CARL", 0) < 100
    street.finish()
