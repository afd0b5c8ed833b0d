"""What our own orders have taken of quotes that do not show it yet."""

from __future__ import annotations

from decimal import Decimal

from simexec.execution.footprint import Footprint
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.report import ExecType, ExecutionReport
from simexec.trading.vocabulary import OrderSide, OrderType, TimeInForce

BUY, SELL = OrderSide.BUY, OrderSide.SELL
SHARE = Instrument("TEST", Decimal("0.01"))
LEVELS = [(10_100, 300), (10_200, 300), (10_300, 300)]
PATIENCE = 1000


def taker(footprint: Footprint, quantity: int, limit: int | None = 102, side: OrderSide = BUY) -> Order:
    kind = OrderType.MARKET if limit is None else OrderType.LIMIT
    order = Order("x", SHARE, side, quantity, kind, limit, TimeInForce.IOC, venue="ALFA")
    order.submit(0)
    footprint.add(order)
    return order


def tell(order: Order, what: ExecType, time: int, filled: int = 0, last: int = 0) -> None:
    leaves = order.quantity - filled if what is ExecType.TRADE else 0
    order.apply(ExecutionReport(f"{what.name}{time}", "x", what, time, filled, leaves, last, 10_100))


def left(footprint: Footprint, seen: int, now: int, side: OrderSide = BUY) -> list[tuple[int, int]]:
    return footprint.left("TEST", "ALFA", side, LEVELS, seen, now)


def test_an_order_on_its_way_takes_its_quantity_from_the_best_levels_within_its_limit() -> None:
    footprint = Footprint(PATIENCE)
    taker(footprint, 400)
    assert left(footprint, 0, 10) == [(10_200, 200), (10_300, 300)]
    taker(footprint, 900)
    assert left(footprint, 50, 50) == [(10_300, 300)]
    taker(footprint, 100, None)
    assert left(footprint, 50, 50) == [(10_300, 200)]
    assert left(footprint, 50, 50, SELL) == LEVELS
    assert footprint.left("TEST", "BETA", BUY, LEVELS, 0, 10) == LEVELS


def test_a_fill_counts_until_a_quote_is_seen_that_was_set_at_its_time_or_later() -> None:
    footprint = Footprint(PATIENCE)
    tell(taker(footprint, 100), ExecType.TRADE, 500, 100, 100)
    assert left(footprint, 499, 700) == [(10_100, 200), (10_200, 300), (10_300, 300)]
    assert footprint.doubted_until("TEST", "ALFA", BUY, 499, 700) == 700 + PATIENCE
    assert left(footprint, 500, 800) == LEVELS
    assert footprint.doubted_until("TEST", "ALFA", BUY, 500, 800) is None


def test_of_an_order_that_missed_nothing_more_is_believed_to_be_within_its_limit() -> None:
    footprint = Footprint(PATIENCE)
    order = taker(footprint, 400)
    tell(order, ExecType.TRADE, 500, 50, 50)
    tell(order, ExecType.CANCELED, 500, 50)
    assert left(footprint, 499, 700) == [(10_300, 300)]
    assert left(footprint, 510, 700) == LEVELS


def test_a_quote_that_does_not_change_is_believed_again_after_the_patience() -> None:
    footprint = Footprint(PATIENCE)
    tell(taker(footprint, 100), ExecType.CANCELED, 500)
    assert left(footprint, 0, 700) == [(10_300, 300)]
    assert left(footprint, 0, 699 + PATIENCE) == [(10_300, 300)]
    assert left(footprint, 0, 700 + PATIENCE) == LEVELS


def test_an_order_that_was_refused_took_nothing() -> None:
    footprint = Footprint(PATIENCE)
    tell(taker(footprint, 100), ExecType.REJECTED, 500)
    assert left(footprint, 0, 600) == LEVELS


def test_while_an_order_is_on_its_way_the_quote_is_in_doubt() -> None:
    footprint = Footprint(PATIENCE)
    taker(footprint, 100)
    assert footprint.doubted_until("TEST", "ALFA", BUY, 0, 300) == 300 + PATIENCE
