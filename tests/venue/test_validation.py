"""What a venue refuses, each with FIX's reason for it."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from simexec.trading.instrument import Instrument
from simexec.trading.report import RejectReason
from simexec.trading.requests import NewOrder, ReplaceRequest
from simexec.trading.terms import OrderTerms
from simexec.trading.vocabulary import OrderType, PegType, TimeInForce
from simexec.venue.validation import refuse_order, refuse_replace

INSTRUMENT = Instrument("TEST", Decimal("0.01"), lot=10)
MARKET, LIMIT, ICEBERG = OrderType.MARKET, OrderType.LIMIT, OrderType.ICEBERG
STOP, STOP_LIMIT, TRAILING, PEGGED = OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP, OrderType.PEGGED
DAY, GTC, IOC, FOK, GTD = TimeInForce
TERMS = {
    STOP: OrderTerms(stop_ticks=490),
    STOP_LIMIT: OrderTerms(stop_ticks=490),
    TRAILING: OrderTerms(trail_ticks=5),
    PEGGED: OrderTerms(peg=PegType.PRIMARY),
}
UNSUPPORTED, BAD_PRICE = RejectReason.UNSUPPORTED_ORDER_CHARACTERISTIC, RejectReason.INVALID_PRICE_INCREMENT
BAD_QUANTITY = RejectReason.INCORRECT_QUANTITY


def order(order_type: OrderType = LIMIT, tif: TimeInForce = DAY, **fields: Any) -> NewOrder:
    """An order that is right but for the given fields."""
    right: dict[str, Any] = {
        "order_id": "a",
        "side_sign": 1,
        "quantity": 100,
        "price_ticks": 500 if order_type.has_price else None,
        "terms": TERMS.get(order_type),
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
        order(STOP), order(STOP_LIMIT, hidden=True), order(STOP_LIMIT, display_quantity=10), order(TRAILING, GTC),
        order(TRAILING, terms=OrderTerms(stop_ticks=490, trail_ticks=1)), order(PEGGED), order(PEGGED, price_ticks=500),
        order(PEGGED, terms=OrderTerms(peg=PegType.MARKET, peg_offset_ticks=-3), display_quantity=20),
        order(PEGGED, terms=OrderTerms(peg=PegType.MIDPOINT), hidden=True),
        order(LIMIT, IOC, terms=OrderTerms(min_quantity=100)), order(LIMIT, GTD, terms=OrderTerms(expire_ns=1_001)),
        order(LIMIT, post_only=True, terms=OrderTerms(price_slide=True)),
    ],
)  # fmt: skip
def test_a_right_order_is_accepted(right: NewOrder) -> None:
    assert refuse_order(right, INSTRUMENT, 1_000) is None


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
        (order(ICEBERG, display_quantity=25), RejectReason.INCORRECT_QUANTITY, "25 is not a positive multiple of 10 up to 100"),
        (order(ICEBERG, display_quantity=110), RejectReason.INCORRECT_QUANTITY, "110"),
        (order(ICEBERG, hidden=True), RejectReason.UNSUPPORTED_ORDER_CHARACTERISTIC, "not both"),
        (order(STOP, price_ticks=500), UNSUPPORTED, "a stop order has no limit price"),
        (order(STOP_LIMIT, price_ticks=None), BAD_PRICE, "limit price None"),
        (order(STOP, terms=None), UNSUPPORTED, "a stop order needs a stop price"),
        (order(STOP, terms=OrderTerms(stop_ticks=0)), BAD_PRICE, "stop price 0 ticks is not positive"),
        (order(STOP, IOC), UNSUPPORTED, "a stop order waits for the market and cannot be IOC"),
        (order(STOP, hidden=True), UNSUPPORTED, "never rests in the book"),
        (order(LIMIT, terms=OrderTerms(stop_ticks=5)), UNSUPPORTED, "a limit order has no stop price"),
        (order(TRAILING, terms=OrderTerms(stop_ticks=490)), UNSUPPORTED, "a trailing stop needs one"),
        (order(TRAILING, terms=OrderTerms(trail_ticks=0)), BAD_PRICE, "trailing distance 0 ticks is not positive"),
        (order(TRAILING, terms=OrderTerms(trail_ticks=-2)), BAD_PRICE, "trailing distance -2"),
        (order(PEGGED, terms=None), UNSUPPORTED, "a pegged order needs one"),
        (order(PEGGED, price_ticks=0), BAD_PRICE, "cap 0 ticks is not positive"),
        (order(PEGGED, FOK), UNSUPPORTED, "cannot be FOK"),
        (order(PEGGED, terms=OrderTerms(peg=PegType.MIDPOINT)), UNSUPPORTED, "never displayed"),
        (order(LIMIT, terms=OrderTerms(peg_offset_ticks=1)), UNSUPPORTED, "only a pegged order has one"),
        (order(LIMIT, GTD), UNSUPPORTED, "GTD needs one"),
        (order(LIMIT, terms=OrderTerms(expire_ns=5_000)), UNSUPPORTED, "others have none"),
        (order(LIMIT, GTD, terms=OrderTerms(expire_ns=1_000)), RejectReason.TOO_LATE_TO_ENTER, "1000 ns has passed"),
        (order(LIMIT, FOK, terms=OrderTerms(min_quantity=10)), UNSUPPORTED, "all or nothing"),
        (order(LIMIT, IOC, terms=OrderTerms(min_quantity=0)), BAD_QUANTITY, "minimum quantity 0"),
        (order(LIMIT, IOC, terms=OrderTerms(min_quantity=15)), BAD_QUANTITY, "minimum quantity 15"),
        (order(LIMIT, IOC, terms=OrderTerms(min_quantity=110)), BAD_QUANTITY, "minimum quantity 110 .* up to 100"),
        (order(LIMIT, terms=OrderTerms(price_slide=True)), UNSUPPORTED, "not post-only"),
    ],
)  # fmt: skip
def test_a_wrong_order_is_refused_with_the_reason_and_the_value(
    wrong: NewOrder, reason: RejectReason, words: str
) -> None:
    refusal = refuse_order(wrong, INSTRUMENT, 1_000)
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


@pytest.mark.parametrize(
    ("before", "request_", "triggered"),
    [
        (order(), ReplaceRequest("a", 10, 501), False),
        (order(STOP), ReplaceRequest("a", 10, None, 480), False),
        (order(STOP_LIMIT), ReplaceRequest("a", 10, 501), True),
        (order(PEGGED), ReplaceRequest("a", 10, 501), False),
    ],
)
def test_a_right_replace_is_accepted(before: NewOrder, request_: ReplaceRequest, triggered: bool) -> None:
    assert refuse_replace(request_, before, INSTRUMENT, triggered) is None


@pytest.mark.parametrize(
    ("before", "request_", "triggered", "reason", "words"),
    [
        (order(), ReplaceRequest("a", 0), False, BAD_QUANTITY, "quantity 0"),
        (order(), ReplaceRequest("a", 15), False, BAD_QUANTITY, "quantity 15"),
        (order(), ReplaceRequest("a", 10, 0), False, BAD_PRICE, "limit price 0"),
        (order(MARKET), ReplaceRequest("a", 10, 5), False, UNSUPPORTED, "a market order has no limit price"),
        (order(STOP), ReplaceRequest("a", 10, 5), False, UNSUPPORTED, "a stop order has no limit price"),
        (order(), ReplaceRequest("a", 10, None, 5), False, UNSUPPORTED, "a limit order has no stop price"),
        (order(STOP), ReplaceRequest("a", 10, None, 0), False, BAD_PRICE, "stop price 0"),
        (
            order(STOP_LIMIT),
            ReplaceRequest("a", 10, None, 5),
            True,
            UNSUPPORTED,
            "that was triggered has no stop price",
        ),
    ],
)
def test_a_wrong_replace_is_refused_with_the_reason_and_the_value(
    before: NewOrder, request_: ReplaceRequest, triggered: bool, reason: RejectReason, words: str
) -> None:
    refusal = refuse_replace(request_, before, INSTRUMENT, triggered)
    assert refusal is not None
    assert refusal[0] is reason
    assert refusal[0].cancel_code is not None
    assert re.search(words, refusal[1])
