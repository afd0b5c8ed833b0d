"""Dark pools first: what they are sent, and what is learned from that."""

from __future__ import annotations

import pytest

from simexec.execution.router_settings import RouterSettings
from simexec.sim.clock import SECOND
from simexec.testing import Participant
from simexec.trading.vocabulary import OrderStatus, TimeInForce
from simexec.venue import Outage

from .street import BUY, MS, SELL, Corner, Street, sent

IOC = TimeInForce.IOC


def seller_in(street: Street, pool: str, quantity: int) -> None:
    Participant(street.sim, street.venues[pool], f"seller of {quantity}").new(
        f"s{quantity}", SELL, quantity, 1, hidden=True
    )


def test_dark_pools_are_asked_first_and_the_rest_goes_to_the_lit_venues() -> None:
    street = Street({"ALFA": Corner(), "DARK": Corner(dark=True)})
    street.sim.run(MS // 2)
    seller_in(street, "DARK", 200)
    order = street.route(street.order(BUY, 500, 101))
    assert sent(street) == [("DARK", "dark", 500, 101), ("ALFA", "take", 300, 101)]
    assert float(order.average_price or 0) == pytest.approx((200 * 1.00 + 300 * 1.01) / 500)
    street.finish()


def test_a_dark_pool_whose_price_lies_beyond_the_limit_is_not_asked_and_nothing_is_learned_from_it() -> None:
    street = Street({"ALFA": Corner(), "DARK": Corner(dark=True)})
    street.sim.run(MS // 2)
    seller_in(street, "DARK", 200)
    street.route(street.order(BUY, 500, 99), end=SECOND)
    assert sent(street) == [("ALFA", "rest", 500, 99)]
    street.finish()


def test_fill_rates_are_learned_from_censored_fills_and_the_pool_that_fills_gets_more() -> None:
    settings_ = RouterSettings(dark_unit=100, dark_observations=1)
    street = Street(
        {"ALFA": Corner(asks=[(101, [90_000])]), "D1": Corner(dark=True), "D2": Corner(dark=True)}, settings_
    )
    street.sim.run(MS // 2)
    seller_in(street, "D2", 5000)
    for second in range(1, 7):
        street.route(street.order(BUY, 600, 101, IOC), start=second * SECOND)
    legs = [(leg.leg.venue, leg.order.quantity) for leg in street.router.legs if leg.leg.why == "dark"]
    assert legs[:2] == [("D1", 300), ("D2", 300)]  # nothing is known: it is spread evenly
    assert legs[-2:] != legs[:2]
    assert legs[-1] == ("D2", 600)
    street.finish()


def test_a_silent_dark_pool_delays_no_more_than_an_answer_may_take_and_keeps_its_part() -> None:
    silent = Corner(dark=True, rules={"incidents": [Outage(MS, 5 * SECOND)]})
    street = Street({"ALFA": Corner(), "DARK": silent, "DIM": Corner(dark=True)}, RouterSettings(answer_timeout="20ms"))
    order = street.route(street.order(BUY, 400, 101), start=2 * MS)
    dark = next(leg for leg in street.router.legs if leg.leg.venue == "DARK")
    lit = [leg for leg in street.router.legs if leg.leg.venue == "ALFA"]
    assert [leg.order.quantity for leg in lit] == [200, 200]
    assert 22 * MS <= lit[0].seen_ns < 23 * MS
    assert (dark.filled, lit[1].seen_ns > 5 * SECOND) == (0, True)
    assert order.status is OrderStatus.FILLED
    street.finish()
