"""What a venue refuses, each with FIX's reason for it."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from simexec.trading.instrument import Instrument
from simexec.trading.report import RejectReason
from simexec.trading.requests import NewOrder
from simexec.trading.vocabulary import OrderType, TimeInForce
from simexec.venue.validation import refuse_order

INSTRUMENT = Instrument("TEST", Decimal("0.01"), lot=10)
MARKET, LIMIT, ICEBERG = OrderType.MARKET, OrderType.LIMIT, OrderType.ICEBERG
DAY, GTC, IOC, FOK = TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK


def order(order_type: OrderType = LIMIT, tif: TimeInForce = DAY, **fields: Any) -> NewOrder:
    """An order that is right but for the given fields."""
    right: dict[str, Any] = {
        "order_id": "a",
        "side_sign": 1,
        "quantity": 100,
        "price_ticks": 500 if order_type.has_price else None,
        "display_quantity": 20 if order_type is ICEBERG else None,
        "symbol": "TEST",
    }
    return NewOrder(order_type=order_type, tif=tif, **{**right, **fields})


@pytest.mark.parametrize(
    "right",
    [
        order(LIMIT, DAY), order(LIMIT, GTC), order(LIMIT, IOC), order(LIMIT, FOK), order(LIMIT, hidden=True),
        order(LIMIT, post_only=True), order(LIMIT, post_only=True, hidden=True), order(MARKET, DAY), order(MARKET, IOC),
        order(MARKET, FOK), order(ICEBERG, DAY), order(ICEBERG, GTC, display_quantity=100),
    ],
)  # fmt: skip
def test_a_right_order_is_accepted(right: NewOrder) -> None:
    assert refuse_order(right, INSTRUMENT) is None


@pytest.mark.parametrize(
    ("wrong", "reason", "words"),
    [
        (order(symbol="AMZN"), RejectReason.UNKNOWN_SYMBOL, "AMZN is not traded here, only TEST"),
        (order(quantity=0), RejectReason.INCORRECT_QUANTITY, "quantity 0 is not a positive multiple of 10"),
        (order(quantity=-10), RejectReason.INCORRECT_QUANTITY, "quantity -10"),
        (order(quantity=105), RejectReason.INCORRECT_QUANTITY, "quantity 105 is not a positive multiple of 10"),
        (order(price_ticks=None), RejectReason.INVALID_PRICE_INCREMENT, "limit price None"),
        (order(price_ticks=0), RejectReason.INVALID_PRICE_INCREMENT, "limit price 0 ticks is not positive"),
        (order(price_ticks=-3), RejectReason.INVALID_PRICE_INCREMENT, "limit price -3"),
        (order(MARKET, price_ticks=5), RejectReason.UNSUPPORTED_ORDER_CHARACTERISTIC, "market order has no limit"),
        (order(MARKET, post_only=True), RejectReason.UNSUPPORTED_ORDER_CHARACTERISTIC, "post-only"),
        (order(MARKET, hidden=True), RejectReason.UNSUPPORTED_ORDER_CHARACTERISTIC, "or hidden"),
        (order(LIMIT, IOC, post_only=True), RejectReason.UNSUPPORTED_ORDER_CHARACTERISTIC, r"may not rest \(IOC\)"),
        (order(LIMIT, FOK, hidden=True), RejectReason.UNSUPPORTED_ORDER_CHARACTERISTIC, r"may not rest \(FOK\)"),
        (order(ICEBERG, IOC), RejectReason.UNSUPPORTED_ORDER_CHARACTERISTIC, "or an iceberg"),
        (order(ICEBERG, display_quantity=0), RejectReason.INCORRECT_QUANTITY, "display quantity 0"),
        (order(ICEBERG, display_quantity=25), RejectReason.INCORRECT_QUANTITY, "25 is not a multiple of 10 up to 100"),
        (order(ICEBERG, display_quantity=110), RejectReason.INCORRECT_QUANTITY, "110"),
        (order(ICEBERG, hidden=True), RejectReason.UNSUPPORTED_ORDER_CHARACTERISTIC, "not both"),
    ],
)  # fmt: skip
def test_a_wrong_order_is_refused_with_the_reason_and_the_value(
    wrong: NewOrder, reason: RejectReason, words: str
) -> None:
    refusal = refuse_order(wrong, INSTRUMENT)
    assert refusal is not None
    assert refusal[0] is reason
    assert refusal[0].order_code is not None
    assert re.search(words, refusal[1])


def test_a_market_order_that_would_display_a_part_is_refused() -> None:
    refusal = refuse_order(order(MARKET, display_quantity=20), INSTRUMENT)
    assert refusal is not None


def test_an_iceberg_that_does_not_say_what_it_displays_is_refused() -> None:
    refusal = refuse_order(order(ICEBERG, display_quantity=None), INSTRUMENT)
    assert refusal is not None
