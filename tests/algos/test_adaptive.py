"""Adaptive: how volatility is measured, and what follows from it; and the executor of one order."""

from __future__ import annotations

import math
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simexec.algos.adaptive import Adaptive, AdaptiveExecutor, RealisedVolatility
from simexec.errors import InputError, OrderError
from simexec.execution.parent import work
from simexec.sim import millis, seconds
from simexec.testing import (
    Desk,
    background_cancel,
    background_market_order,
    background_order,
    check_desk,
    make_desk,
    random_flow,
)
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType, TimeInForce

BUY, SELL = OrderSide.BUY, OrderSide.SELL
FILLED, EXPIRED = OrderStatus.FILLED, OrderStatus.EXPIRED
QUICK: dict[str, Any] = {"chunk_size": 10, "window": "2s", "sample": "500ms", "interval": "1s", "cross_at_end": False}


def swinging(*more: Any, until: int = 8, far: int = 110) -> Desk:
    """100 bid, and 106 in every other second; ``far`` offered; the mid moves by 3 % a second. The clock stands at 1 ms."""
    swing = []
    for second in range(1, until, 2):
        swing += [background_order(f"{second}s", BUY, 106, 50, second), background_cancel(f"{second + 1}s", second)]
    messages = sorted([*swing, *more], key=lambda message: message[0])
    desk = make_desk(bids=[(100, [10**6])], asks=[(far, [10**6])], messages=messages)
    desk.sim.run("1ms")
    return desk


def calm(**settings: Any) -> Desk:
    desk = make_desk(**{"bids": [(100, [10**6])], "asks": [(110, [10**6])], **settings})
    desk.sim.run("1ms")
    return desk


def children(desk: Desk, parent: Order) -> list[Order]:
    return desk.manager.children(parent.order_id)


# --- volatility ---


@given(
    mids=st.lists(st.floats(1.0, 1e6), min_size=0, max_size=30),
    window=st.integers(1, 8),
    horizon=st.floats(0.1, 1e5),
)
def test_it_is_the_root_of_the_mean_squared_log_return_in_the_window_scaled_to_the_horizon(
    mids: list[float], window: int, horizon: float
) -> None:
    volatility = RealisedVolatility(window * 10, 10, round(horizon * 10))
    for mid in mids:
        volatility.add(mid)
    returns = np.diff(np.log(mids))[-window:] if len(mids) > 1 else np.zeros(0)
    expected = math.sqrt((returns**2).mean() * round(horizon * 10) / 10) if len(returns) else 0.0
    assert volatility.value == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_of_a_random_walk_it_is_the_walks_own() -> None:
    """0.3 % a minute, sampled each second over an hour: 6 % for 400 minutes."""
    draws = np.random.default_rng(1).normal(0, 0.003 / math.sqrt(60), 3600)
    volatility = RealisedVolatility(3600, 1, 400 * 60)
    for mid in 100 * np.exp(np.cumsum(draws)):
        volatility.add(float(mid))
    assert volatility.value == pytest.approx(0.06, abs=4 * 0.06 / math.sqrt(2 * 3600))


# --- what follows from it ---


def test_in_a_calm_market_chunks_are_market_orders() -> None:
    desk = calm()
    parent = desk.work(Adaptive(**QUICK), BUY, 35, end="20s")
    sent = [(child.order_type, child.quantity, round(child.created_ns / 1e9)) for child in children(desk, parent)]
    assert sent == [
        (OrderType.MARKET, 10, 2),
        (OrderType.MARKET, 10, 3),
        (OrderType.MARKET, 10, 4),
        (OrderType.MARKET, 5, 5),
    ]
    assert (parent.status, parent.average_price) == (FILLED, Decimal("1.10"))
    desk.finish()
    check_desk(desk)


@pytest.mark.parametrize(
    ("side", "far", "price"), [(BUY, 110, 108), (BUY, 111, 108), (SELL, 110, 108), (SELL, 111, 109)]
)
def test_in_a_volatile_one_they_rest_at_the_middle_rounded_away_from_the_market(
    side: OrderSide, far: int, price: int
) -> None:
    """Measured for 3 s, so that the first chunk is sent with 106 bid."""
    desk = swinging(far=far)
    parent = desk.work(Adaptive(**QUICK | {"window": "3s", "patience": "800ms"}), side, 30, end="7s")
    first = children(desk, parent)[0]
    assert (first.order_type, first.time_in_force, first.price_ticks) == (OrderType.LIMIT, TimeInForce.DAY, price)
    desk.finish()
    check_desk(desk)


def test_the_threshold_decides() -> None:
    def first(threshold: float) -> OrderType:
        desk = swinging()
        return children(desk, desk.work(Adaptive(threshold=threshold, **QUICK), BUY, 30, end="8s"))[0].order_type

    # Two of four returns of half a second are log(108 / 105).
    measured = math.log(108 / 105) * math.sqrt(2 / 4 * 2 * 23_400)
    assert [first(measured * 0.99), first(measured * 1.01)] == [OrderType.LIMIT, OrderType.MARKET]


def test_a_threshold_may_be_stated_for_another_time() -> None:
    desk = swinging()
    measured = math.log(108 / 105) * math.sqrt(2 / 4 * 2)
    parent = desk.work(Adaptive(threshold=measured * 1.01, horizon="1s", **QUICK), BUY, 30, end="8s")
    assert children(desk, parent)[0].order_type is OrderType.MARKET


def test_what_rests_is_taken_back_when_patience_ends_and_rests_again_at_the_middle_of_then() -> None:
    desk = swinging()
    parent = desk.work(Adaptive(**QUICK | {"patience": "600ms", "interval": "400ms"}), BUY, 10, end="7s")
    assert [child.price_ticks for child in children(desk, parent)] == [105, 108, 105, 108, 105]
    assert [round(child.created_ns / 1e9) for child in children(desk, parent)] == [2, 3, 4, 5, 6]
    assert (parent.status, parent.filled_quantity) == (EXPIRED, 0)


def test_what_rested_and_was_filled_is_not_asked_for_again() -> None:
    desk = swinging(background_market_order("2500ms", SELL, 4))
    parent = desk.work(Adaptive(**QUICK | {"patience": "600ms"}), BUY, 10, end="4s")
    assert [(child.quantity, child.filled_quantity) for child in children(desk, parent)][:2] == [(10, 4), (6, 0)]
    desk.finish()
    check_desk(desk)


def test_when_the_market_has_calmed_down_the_rest_is_taken() -> None:
    desk = swinging(until=4)
    parent = desk.work(Adaptive(**QUICK), BUY, 30, end="30s")
    types = [child.order_type for child in children(desk, parent)]
    assert types[0] is OrderType.LIMIT
    assert types[-1] is OrderType.MARKET
    assert parent.status is FILLED


def test_it_measures_for_a_window_first_but_for_no_more_than_half_of_the_time() -> None:
    desk = calm()
    parent = desk.work(Adaptive(chunk_size=10, window="1m", lead=0), BUY, 10, end="20s")
    assert children(desk, parent)[0].created_ns == pytest.approx(seconds(10), abs=millis(2))


def test_no_child_is_worse_than_either_limit() -> None:
    desk = swinging()
    parent = desk.work(Adaptive(limit_price=Decimal("1.04"), **QUICK | {"patience": "600ms"}), BUY, 10, 105, end="7s")
    assert {child.price_ticks for child in children(desk, parent)} == {104}
    desk = calm()
    parent = desk.work(Adaptive(limit_price=Decimal("1.04"), **QUICK), BUY, 10, end="7s")
    assert children(desk, parent) == [], "nothing is offered at the limit"


def test_its_own_order_is_no_sign_of_volatility() -> None:
    desk = swinging(until=3)
    parent = desk.work(Adaptive(**QUICK | {"patience": "3s"}), BUY, 10, end="30s")
    sent = [(child.order_type, round(child.created_ns / 1e9)) for child in children(desk, parent)]
    assert sent == [(OrderType.LIMIT, 2), (OrderType.MARKET, 6)], "its own bid at the middle came and went meanwhile"


def test_its_own_order_does_not_draw_the_middle_after_it() -> None:
    swing = [background_order(f"{200 * i}ms", SELL, 118 - i % 2, 50, i) for i in range(1, 30)]
    swing = [row for i, row in enumerate(swing, 1) for row in (row, background_cancel(f"{200 * i + 100}ms", i))]
    desk = calm(asks=[(120, [10**6])], messages=swing, view_latency="20ms")
    parent = desk.work(Adaptive(**QUICK | {"patience": "300ms", "interval": "30ms"}), BUY, 10, end="6s")
    assert len(children(desk, parent)) > 6
    assert {child.price_ticks for child in children(desk, parent)} <= {108, 109, 110}


def test_without_a_far_touch_a_volatile_order_rests_at_the_near_one() -> None:
    desk = swinging()

    def take_every_offer(_: Any) -> None:
        desk.send(BUY, 10**6, 110)

    desk.sim.call_at(millis(2_400), take_every_offer, None)
    parent = desk.work(Adaptive(**QUICK | {"window": "3s", "patience": "300ms"}), BUY, 10, end="7s")
    assert children(desk, parent)[0].price_ticks == 106


def test_without_a_far_touch_a_calm_order_waits_for_one() -> None:
    desk = calm(asks=[], messages=[background_order("5s", SELL, 104, 5, 0)])
    parent = desk.work(Adaptive(**QUICK), BUY, 10, end="9s")
    assert [(child.order_type, child.filled_quantity) for child in children(desk, parent)] == [(OrderType.MARKET, 5)]
    assert children(desk, parent)[0].created_ns == pytest.approx(seconds(5), abs=millis(1))


@pytest.mark.parametrize(("crosses", "filled"), [(True, 10), (False, 0)])
def test_what_is_left_crosses_at_the_end_if_told(crosses: bool, filled: int) -> None:
    desk = swinging(until=12)
    parent = desk.work(Adaptive(**QUICK | {"cross_at_end": crosses, "patience": "1h"}), BUY, 10, end="9s")
    assert parent.filled_quantity == filled
    desk.finish()
    check_desk(desk)


def test_a_resting_chunk_knows_of_an_end_that_was_moved() -> None:
    desk = swinging(until=12)
    parent = desk.parent(BUY, 10)
    execution = desk.execution(parent, "30s")

    async def sooner() -> None:
        await desk.sim.timeout("4s")
        await execution.amend(end="8s")

    desk.sim.process(sooner())
    desk.sim.run(work(execution, desk.manager, Adaptive(**QUICK | {"cross_at_end": True, "patience": "1h"})))
    assert (parent.status, children(desk, parent)[-1].order_type) == (FILLED, OrderType.MARKET)
    assert desk.sim.now == pytest.approx(seconds(7), abs=millis(2))


@pytest.mark.parametrize("threshold", [0.0, 0.02, 100.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_lively_market_fills_it_and_every_share_is_accounted_for(threshold: float, seed: int) -> None:
    desk = make_desk(
        random_flow(),
        closes="20s",
        seed=seed,
        latency="20ms",
        instrument=Instrument("TEST", "0.01", lot=1 + 9 * (seed % 2)),
    )
    adaptive = Adaptive(
        chunk_size=20, window="2s", sample="100ms", interval="200ms", patience="500ms", threshold=threshold
    )
    parent = desk.work(adaptive, SELL if seed % 2 else BUY, 200)
    assert parent.filled_quantity > 0
    desk.finish()
    check_desk(desk)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"chunk_size": 0}, "chunk_size: must be a whole number of at least 1, not 0"),
        ({"threshold": -0.1}, "threshold: must not be below zero, not -0.1"),
        ({"interval": 0}, "interval: must be longer than zero"),
    ],
)
def test_wrong_settings_are_refused_with_the_value(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Adaptive(**{"chunk_size": 10, **settings})


# --- the executor of one order ---


def execute(
    desk: Desk, order: Order, volatility: float, mid_price: Decimal | float | str = Decimal("1.055")
) -> list[tuple[int, Decimal]]:
    conditions = SimpleNamespace(volatility=volatility, mid_price=mid_price)
    fills = desk.sim.run(AdaptiveExecutor(desk.manager).execute(order, conditions))
    return [(fill.quantity, fill.price) for fill in fills]


def test_an_order_becomes_a_market_order_in_normal_conditions() -> None:
    desk = calm(asks=[(110, [30]), (111, [30])])
    order = desk.create(BUY, 50)
    assert execute(desk, order, 0.02) == [(30, Decimal("1.10")), (20, Decimal("1.11"))]
    assert (order.order_type, order.status) == (OrderType.MARKET, FILLED)


@pytest.mark.parametrize(
    ("side", "mid", "price"),
    [(BUY, 1.055, 105), (SELL, 1.055, 106), (BUY, Decimal("1.05"), 105), (SELL, "1.05", 105), (BUY, 1.0599999999, 105)],
)
def test_at_high_volatility_it_becomes_a_limit_order_at_the_middle_on_a_tick(
    side: OrderSide, mid: Decimal | float | str, price: int
) -> None:
    desk = calm(messages=[background_market_order("1s", side.opposite, 7)], closes="5s")
    order = desk.create(side, 50)
    assert execute(desk, order, 0.021, mid) == [(7, Decimal(price) / 100)]
    assert (order.order_type, order.price_ticks, order.status) == (OrderType.LIMIT, price, EXPIRED)
    desk.finish()
    check_desk(desk)


@pytest.mark.parametrize(
    ("side", "limit", "price"), [(BUY, 103, 103), (BUY, 108, 105), (SELL, 103, 106), (SELL, 108, 108)]
)
def test_a_limit_of_its_own_is_kept_at_high_volatility(side: OrderSide, limit: int, price: int) -> None:
    desk = calm(closes="5s")
    order = desk.create(side, 50, limit)
    execute(desk, order, 1.0)
    assert order.price_ticks == price


@pytest.mark.parametrize(("limit", "fills"), [(105, []), (110, [(50, Decimal("1.10"))])])
def test_a_limit_of_its_own_is_kept_in_normal_conditions_too_and_it_does_not_rest(
    limit: int, fills: list[tuple[int, Decimal]]
) -> None:
    desk = calm()
    order = desk.create(BUY, 50, limit)
    assert execute(desk, order, 0.0) == fills
    assert (order.price_ticks, order.time_in_force) == (limit, TimeInForce.IOC)
    assert desk.sim.now < millis(3)


def test_the_threshold_of_an_executor_may_be_another() -> None:
    desk = calm()
    order = desk.create(BUY, 50)
    executor = AdaptiveExecutor(desk.manager, threshold=0.5)
    desk.sim.run(executor.execute(order, SimpleNamespace(volatility=0.4, mid_price=1)))
    assert (executor.engine, executor.threshold, order.order_type) == (desk.manager, 0.5, OrderType.MARKET)


@pytest.mark.parametrize(
    ("volatility", "mid", "words"),
    [
        (float("nan"), "1.05", "must be a finite number, not nan"),
        (-1.0, "1.05", "must not be below zero"),
        (0.1, "0", "price 0 is not positive"),
        (0.1, "0.005", "mid-price 0.005 leaves a buy of TEST no tick below it"),
    ],
)
def test_conditions_that_cannot_be_are_refused(volatility: float, mid: str, words: str) -> None:
    desk = calm()
    order = desk.create(BUY, 50)
    with pytest.raises(InputError, match=words):
        execute(desk, order, volatility, mid)
    assert (order.status, order.order_type) == (OrderStatus.PENDING, OrderType.MARKET)


def test_an_order_that_was_sent_or_is_of_another_kind_is_not_adapted() -> None:
    desk = calm()
    with pytest.raises(OrderError, match="is a SUBMITTED MARKET order; only a market or limit order that was not sent"):
        execute(desk, desk.send(BUY, 50), 0.1)
    with pytest.raises(OrderError, match="is a PENDING ICEBERG order"):
        execute(desk, desk.create(BUY, 50, 100, display_quantity=10), 0.1)
