"""What legs were expected to cost, and what they did cost."""

from __future__ import annotations

from decimal import Decimal

from simexec.execution.leg_log import RoutedLeg, summarise
from simexec.execution.route import Leg
from simexec.market.order_book import Quote
from simexec.models.fees import MakerTakerFees
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.report import ExecType, ExecutionReport
from simexec.trading.vocabulary import OrderSide, OrderType, TimeInForce

SHARE = Instrument("TEST", Decimal("0.01"))
FEES = MakerTakerFees(maker_per_share=Decimal("-0.002"), taker_per_share=Decimal("0.003"))
IOC, DAY = TimeInForce.IOC, TimeInForce.DAY


def leg(why: str, life: TimeInForce, *levels: tuple[int, int], side: OrderSide = OrderSide.BUY) -> RoutedLeg:
    quantity = sum(size for _, size in levels)
    order = Order("x", SHARE, side, quantity, OrderType.LIMIT, 103, life, venue="ALFA")
    order.submit(0)
    quote = None if why == "dark" else Quote(400, 9900, 500, 10_100, 300)
    return RoutedLeg(Leg("ALFA", quantity, 103, life, why, levels, quote), order, FEES, 1000)


def trade(routed: RoutedLeg, quantity: int, price: int, fee: int = 0, maker: bool = False) -> None:
    order = routed.order
    filled = order.filled_quantity + quantity
    order.apply(
        ExecutionReport(
            f"t{filled}", "x", ExecType.TRADE, filled, filled, order.quantity - filled, quantity, price, fee, maker
        )
    )


def end(routed: RoutedLeg, what: ExecType = ExecType.CANCELED) -> None:
    routed.order.apply(ExecutionReport("end", "x", what, 10_000, routed.filled, 0))


def test_what_traded_is_compared_with_the_best_of_what_was_seen() -> None:
    routed = leg("take", IOC, (10_100, 300), (10_200, 100))
    trade(routed, 320, 10_200, fee=320 * 3000)
    assert routed.expected_cost == 300 * 1_010_000 + 20 * 1_020_000 + 320 * 3000
    assert routed.price_cost == 300 * 10_000
    assert (routed.missed, routed.missed_cost, routed.quote_age_ns) == (0, 0, 600)


def test_what_was_missed_is_the_worst_of_what_was_seen() -> None:
    routed = leg("take", IOC, (10_100, 300), (10_200, 100))
    trade(routed, 250, 10_100, fee=250 * 3000)
    end(routed)
    assert (routed.missed, routed.missed_cost) == (150, 0)  # nothing was seen afterwards
    routed.price_after, routed.fees_after = 10_300, MakerTakerFees()
    assert routed.missed_cost == 150 * 1_030_000 - (100 * 1_020_000 + 50 * 1_010_000 + 150 * 3000)


def test_a_sale_below_what_was_seen_costs_as_a_purchase_above_it() -> None:
    routed = leg("take", IOC, (9900, 100), side=OrderSide.SELL)
    trade(routed, 100, 9800, fee=100 * 3000)
    assert routed.price_cost == 100 * 10_000
    assert routed.realised_cost == -100 * (980_000 - 3000)


def test_what_rests_is_expected_to_pay_the_makers_fee_and_misses_nothing() -> None:
    routed = leg("rest", DAY, (9900, 100))
    trade(routed, 40, 9900, fee=-40 * 2000, maker=True)
    end(routed, ExecType.EXPIRED)
    assert (routed.price_cost, routed.missed) == (0, 0)


def test_dark_orders_and_refused_ones_miss_nothing() -> None:
    dark, refused = leg("dark", IOC, (10_000, 100)), leg("take", IOC, (10_100, 100))
    end(dark)
    end(refused, ExecType.REJECTED)
    assert [one.missed for one in (dark, refused)] == [0, 0]
    assert (refused.rejected, dark.rejected) == (True, False)
    assert dark.quote_age_ns is None


def test_a_summary_adds_up_the_legs_of_a_venue() -> None:
    first, second = leg("take", IOC, (10_100, 300)), leg("dark", IOC, (10_000, 100))
    trade(first, 300, 10_200, fee=900_000)
    end(second)
    (record,) = summarise([first, second]).values()
    assert (record.legs, record.sent, record.filled, record.missed, record.rejects) == (2, 400, 300, 0, 0)
    assert record.realised_cost - record.expected_cost == record.stale_cost == 300 * 10_000
    assert record.mean_quote_age_ns == 600
    assert summarise([]) == {}
