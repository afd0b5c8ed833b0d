"""Orders that depend on each other: what each leg is asked to be as the others trade, end, and are late."""

from __future__ import annotations

from decimal import Decimal

import pytest

from simexec.errors import OrderError
from simexec.execution import Contingency, OrderGroup, OrderManager
from simexec.sim import Simulation
from simexec.testing import Desk, background_market_order, check_desk, make_desk
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.report import ExecType, Fill
from simexec.trading.terms import OrderTerms
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType, TimeInForce

from .slow_venue import SlowVenue

BUY, SELL = OrderSide.BUY, OrderSide.SELL
LIMIT, STOP, MARKET, ICEBERG = OrderType.LIMIT, OrderType.STOP, OrderType.MARKET, OrderType.ICEBERG
PENDING, SUBMITTED, PARTIAL, FILLED, CANCELLED, REJECTED, EXPIRED = OrderStatus


class Bench:
    """A manager and a venue whose every step the test decides."""

    def __init__(self, lot: int = 1) -> None:
        self.sim = Simulation()
        self.venue = SlowVenue()
        self.instrument = Instrument("TEST", Decimal("0.01"), lot=lot)
        self.manager = OrderManager(self.venue, None, [self.instrument], sim=self.sim)  # type: ignore[arg-type]

    def order(self, side: OrderSide = SELL, quantity: int = 100, kind: OrderType = LIMIT, **fields: object) -> Order:
        price = 10_000 if kind.has_price else None
        if kind.is_stop:
            fields["terms"] = OrderTerms(stop_ticks=9_900)
        return self.manager.create(self.instrument, side, quantity, kind, price, **fields)  # type: ignore[arg-type]

    def bracket(self, quantity: int = 100) -> tuple[OrderGroup, Order, Order, Order]:
        entry = self.order(BUY, quantity)
        profit, loss = self.order(SELL, quantity), self.order(SELL, quantity, STOP)
        return self.manager.submit_bracket(entry, profit, loss), entry, profit, loss

    def trades(self, order: Order, quantity: int) -> None:
        """A part of an order trades, and everything that follows arrives."""
        self.venue.trade(order.order_id, quantity)
        self.venue.settle()


@pytest.fixture
def bench() -> Bench:
    """Anything of one share."""
    return Bench()


def works(order: Order) -> tuple[OrderStatus, int, int]:
    return order.status, order.filled_quantity, order.leaves_quantity


# --- one cancels the other ---


def test_the_first_trade_of_a_leg_cancels_the_other(bench: Bench) -> None:
    legs = bench.order(), bench.order(kind=STOP)
    group = bench.manager.submit_oco(*legs)
    bench.venue.settle()
    assert [leg.status for leg in legs] == [SUBMITTED, SUBMITTED]
    bench.trades(legs[0], 30)
    assert [works(leg) for leg in legs] == [(PARTIAL, 30, 70), (CANCELLED, 0, 0)]
    bench.trades(legs[0], 70)
    assert (group.is_final, group.excess, group.contingency.fix) == (True, 0, 1)


def test_what_the_other_leg_trades_before_its_cancel_arrives_is_booked_and_counted(bench: Bench) -> None:
    legs = bench.order(), bench.order(kind=STOP)
    group = bench.manager.submit_oco(*legs)
    bench.venue.settle()
    bench.venue.trade(legs[0].order_id, 100)
    bench.venue.trade(legs[1].order_id, 40)
    bench.venue.settle()
    assert [works(leg) for leg in legs] == [(FILLED, 100, 0), (CANCELLED, 40, 0)]
    assert group.excess == 40


def test_of_two_legs_that_traded_the_one_that_did_so_first_stands_whichever_report_comes_first(bench: Bench) -> None:
    legs = bench.order(), bench.order(kind=STOP)
    group = bench.manager.submit_oco(*legs)
    bench.venue.settle()
    bench.venue.trade(legs[1].order_id, 10)
    bench.venue.trade(legs[0].order_id, 10)
    bench.venue.mail.reverse()
    bench.venue.settle()
    assert [leg.status for leg in legs] == [CANCELLED, PARTIAL]
    assert group.excess == 10


@pytest.mark.parametrize("end", [ExecType.CANCELED, ExecType.EXPIRED])
def test_a_leg_that_ends_without_trading_leaves_the_other_as_it_is(bench: Bench, end: ExecType) -> None:
    legs = bench.order(), bench.order(kind=STOP)
    bench.manager.submit_oco(*legs)
    bench.venue.settle()
    bench.venue.end(legs[1].order_id, end)
    bench.venue.settle()
    assert works(legs[0]) == (SUBMITTED, 0, 100)


def test_a_rejected_leg_leaves_the_other_as_it_is(bench: Bench) -> None:
    legs = bench.order(), bench.order(kind=STOP)
    bench.manager.submit_oco(*legs)
    bench.venue.serve()
    bench.venue.serve(refuse=True)
    bench.venue.settle()
    assert [leg.status for leg in legs] == [SUBMITTED, REJECTED]


def test_a_refused_cancel_is_asked_again_a_while_later(bench: Bench) -> None:
    legs = bench.order(), bench.order(kind=STOP)
    bench.manager.submit_oco(*legs)
    bench.venue.settle()
    bench.venue.trade(legs[0].order_id, 10)
    bench.venue.let_through()
    bench.venue.serve(refuse=True)
    bench.venue.settle()
    assert legs[1].status is SUBMITTED
    bench.sim.run("2ms")
    bench.venue.settle()
    assert legs[1].status is CANCELLED


def test_with_reduce_a_trade_takes_as_much_from_the_other(bench: Bench) -> None:
    legs = bench.order(), bench.order(kind=STOP)
    group = bench.manager.submit_oco(*legs, reduce=True)
    bench.venue.settle()
    bench.trades(legs[0], 30)
    assert [works(leg) for leg in legs] == [(PARTIAL, 30, 70), (SUBMITTED, 0, 70)]
    bench.trades(legs[1], 50)
    assert [works(leg) for leg in legs] == [(PARTIAL, 30, 20), (PARTIAL, 50, 20)]
    bench.trades(legs[0], 20)
    assert [works(leg) for leg in legs] == [(FILLED, 50, 0), (CANCELLED, 50, 0)]
    assert (group.excess, group.contingency) == (0, Contingency.OUO)


def test_cancelling_a_group_cancels_all_of_it(bench: Bench) -> None:
    group, entry, profit, loss = bench.bracket()
    bench.venue.settle()
    group.cancel()
    bench.venue.settle()
    assert [order.status for order in (entry, profit, loss)] == [CANCELLED] * 3
    assert group.is_final


# --- one triggers the other ---


def test_the_legs_are_sent_when_the_entry_has_filled(bench: Bench) -> None:
    entry, first, second = bench.order(BUY), bench.order(), bench.order(quantity=50)
    group = bench.manager.submit_oto(entry, first, second)
    bench.venue.settle()
    bench.trades(entry, 99)
    assert [order.status for order in (first, second)] == [PENDING, PENDING]
    bench.trades(entry, 1)
    assert [works(order) for order in (first, second)] == [(SUBMITTED, 0, 100), (SUBMITTED, 0, 50)]
    bench.trades(first, 100)
    assert (works(second), group.excess) == ((SUBMITTED, 0, 50), 0)


def test_the_legs_of_an_entry_that_ended_filled_in_part_are_sent_in_proportion_and_in_whole_lots() -> None:
    bench = Bench(lot=10)
    entry, leg, small = bench.order(BUY), bench.order(quantity=50), bench.order(quantity=10)
    bench.manager.submit_oto(entry, leg, small)
    bench.venue.settle()
    bench.trades(entry, 70)
    bench.manager.cancel(entry)
    bench.venue.settle()
    assert [works(order) for order in (leg, small)] == [(SUBMITTED, 0, 30), (CANCELLED, 0, 0)]
    assert f"its entry {entry.order_id} has ended CANCELLED" in small.reason


@pytest.mark.parametrize("end", ["reject", "cancel", "expire"])
def test_the_legs_of_an_entry_that_never_traded_are_cancelled_unsent(bench: Bench, end: str) -> None:
    entry, leg = bench.order(BUY), bench.order()
    group = bench.manager.submit_oto(entry, leg)
    bench.venue.serve(refuse=end == "reject")
    if end == "cancel":
        bench.manager.cancel(entry)
    elif end == "expire":
        bench.venue.end(entry.order_id, ExecType.EXPIRED)
    bench.venue.settle()
    assert (leg.status, leg.submitted_ns, group.is_final) == (CANCELLED, None, True)


def test_the_legs_wait_for_trades_that_the_entrys_end_has_overtaken(bench: Bench) -> None:
    entry, leg = bench.order(BUY), bench.order()
    bench.manager.submit_oto(entry, leg)
    bench.venue.settle()
    bench.venue.trade(entry.order_id, 40)
    bench.venue.end(entry.order_id, ExecType.EXPIRED)
    bench.venue.let_through(1)
    assert (entry.status, leg.status) == (EXPIRED, PENDING)
    bench.venue.settle()
    assert works(leg) == (SUBMITTED, 0, 40)


def test_a_leg_that_was_cancelled_before_its_time_is_not_sent(bench: Bench) -> None:
    entry, leg = bench.order(BUY), bench.order()
    bench.manager.submit_oto(entry, leg)
    bench.manager.cancel(leg)
    bench.venue.settle()
    bench.trades(entry, 100)
    assert (leg.status, leg.submitted_ns) == (CANCELLED, None)


# --- brackets ---


def test_a_brackets_legs_grow_with_its_entry(bench: Bench) -> None:
    group, entry, profit, loss = bench.bracket()
    bench.venue.settle()
    assert [order.status for order in (entry, profit, loss)] == [SUBMITTED, PENDING, PENDING]
    bench.trades(entry, 40)
    assert [works(order) for order in (profit, loss)] == [(SUBMITTED, 0, 40)] * 2
    bench.trades(entry, 60)
    assert [works(order) for order in (profit, loss)] == [(SUBMITTED, 0, 100)] * 2
    bench.trades(profit, 70)
    assert [works(order) for order in (profit, loss)] == [(PARTIAL, 70, 30), (SUBMITTED, 0, 30)]
    bench.trades(loss, 30)
    assert [works(order) for order in (profit, loss)] == [(CANCELLED, 70, 0), (FILLED, 30, 0)]
    assert (group.is_final, group.excess) == (True, 0)


def test_a_leg_that_has_ended_goes_on_with_a_successor_when_the_entry_fills_more(bench: Bench) -> None:
    group, entry, profit, loss = bench.bracket()
    bench.venue.settle()
    bench.trades(entry, 40)
    bench.trades(profit, 40)
    assert [order.status for order in (profit, loss)] == [FILLED, CANCELLED]
    bench.trades(entry, 60)
    profit_2, loss_2 = group.orders[3:]
    assert [works(order) for order in (profit_2, loss_2)] == [(SUBMITTED, 0, 60)] * 2
    assert (profit_2.price_ticks, loss_2.terms, loss_2.order_type) == (10_000, OrderTerms(stop_ticks=9_900), STOP)
    bench.trades(loss_2, 60)
    assert (group.is_final, profit_2.status) == (True, CANCELLED)


def test_a_successor_waits_for_the_trades_that_the_cancel_has_overtaken(bench: Bench) -> None:
    group, entry, profit, loss = bench.bracket()
    bench.venue.settle()
    bench.trades(entry, 40)
    bench.venue.trade(profit.order_id, 40)
    bench.venue.trade(loss.order_id, 10)
    bench.venue.let_through()
    bench.venue.serve()
    bench.venue.let_through(1)
    assert (loss.status, loss.missing_quantity) == (CANCELLED, 10)
    bench.venue.trade(entry.order_id, 60)
    bench.venue.let_through(1)
    assert [order.quantity for order in group.orders[3:]] == [60]
    bench.venue.settle()
    assert [order.leaves_quantity for order in group.orders[3:]] == [50, 50]
    assert (group.excess, loss.filled_quantity) == (0, 10)


def test_both_exits_of_a_bracket_may_trade_before_either_is_told_and_the_excess_is_counted(bench: Bench) -> None:
    group, entry, profit, loss = bench.bracket()
    bench.venue.settle()
    bench.trades(entry, 100)
    bench.venue.trade(profit.order_id, 100)
    bench.venue.trade(loss.order_id, 100)
    bench.venue.settle()
    assert [works(order) for order in (profit, loss)] == [(FILLED, 100, 0)] * 2
    assert group.excess == 100


def test_an_iceberg_leg_never_displays_more_than_it_has(bench: Bench) -> None:
    entry, profit, loss = bench.order(BUY), bench.order(kind=ICEBERG, display_quantity=50), bench.order(kind=STOP)
    bench.manager.submit_bracket(entry, profit, loss)
    bench.venue.settle()
    bench.trades(entry, 20)
    assert (profit.quantity, profit.display_quantity) == (20, 20)


def test_an_odd_lot_that_the_entry_fills_waits_for_the_rest_of_its_lot() -> None:
    bench = Bench(lot=10)
    _, entry, profit, _ = bench.bracket()
    bench.venue.settle()
    bench.trades(entry, 15)
    assert profit.quantity == 10
    bench.trades(entry, 5)
    assert profit.quantity == 20


def test_a_stop_that_was_refused_leaves_the_other_exit(bench: Bench) -> None:
    group, entry, profit, loss = bench.bracket()
    bench.venue.settle()
    bench.venue.trade(entry.order_id, 100)
    bench.venue.let_through()
    bench.venue.serve()
    bench.venue.serve(refuse=True)
    bench.venue.settle()
    assert [order.status for order in (profit, loss)] == [SUBMITTED, REJECTED]
    assert len(group.orders) == 3


# --- what cannot be a group ---


def wrong(bench: Bench, what: str) -> None:
    manager, order = bench.manager, bench.order()
    if what == "one leg":
        manager.submit_oco(order)
    elif what == "no leg":
        manager.submit_oto(order)
    elif what == "twice":
        manager.submit_oco(order, order)
    elif what == "in a group":
        manager.submit_oco(order, bench.order())
        manager.submit_oto(bench.order(), order)
    elif what == "sent":
        manager.submit(order)
        manager.submit_oco(bench.order(), order)
    elif what == "child":
        manager.submit_oco(order, bench.order(parent_id=bench.order().order_id))
    elif what == "unequal":
        manager.submit_oco(order, bench.order(quantity=99), reduce=True)
    elif what == "immediate":
        manager.submit_oco(order, bench.order(time_in_force=TimeInForce.IOC), reduce=True)
    elif what == "minimum":
        manager.submit_oto(order, bench.order(terms=OrderTerms(min_quantity=5)))
    elif what == "same side":
        manager.submit_bracket(order, bench.order(), bench.order(kind=STOP))
    elif what == "no stop":
        manager.submit_bracket(order, bench.order(BUY), bench.order(BUY))
    elif what == "no limit":
        manager.submit_bracket(order, bench.order(BUY, kind=MARKET), bench.order(BUY, kind=STOP))


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("one leg", "OCO of 1 orders; give at least two"),
        ("no leg", "OTO of ord_1 triggers nothing"),
        ("twice", "ord_1 was sent or is in a group already"),
        ("in a group", "ord_1 was sent or is in a group already"),
        ("sent", "ord_1 was sent or is in a group already"),
        ("child", "ord_3 is a child of ord_2 and cannot be in a group"),
        ("unequal", "OUO of quantities 100 and 99; they must be equal"),
        ("immediate", "ord_2 of an OUO is IOC; use DAY, GTC or GTD"),
        ("minimum", "leg ord_2 with min_quantity"),
        ("same side", "take_profit ord_2 is a SELL of TEST and cannot close the SELL of TEST"),
        (
            "no stop",
            "stop_loss ord_3 is a limit order; a bracket takes profit with a limit and stops a loss with a stop",
        ),
        ("no limit", "take_profit ord_2 is a market order"),
    ],
)
def test_what_cannot_be_a_group_is_an_error_that_says_why(bench: Bench, what: str, words: str) -> None:
    with pytest.raises(OrderError, match=words):
        wrong(bench, what)


# --- without a broker, and over the real lines ---


def test_a_group_of_a_manager_without_a_broker_follows_the_fills_that_it_is_told() -> None:
    with Simulation() as sim:
        manager = OrderManager()

        async def main() -> list[tuple[OrderStatus, int, int]]:
            entry = await manager.create_order("AAPL", BUY, 100, LIMIT, "150")
            profit = await manager.create_order("AAPL", SELL, 100, LIMIT, "151")
            loss = await manager.create_order("AAPL", SELL, 100, STOP, stop_price="149")
            manager.submit_bracket(entry, profit, loss)
            for i, (order, quantity) in enumerate([(entry, 40), (entry, 60), (profit, 30), (loss, 70)]):
                fill = Fill(f"x{i}", order.order_id, order.instrument, order.side, quantity, 1_500_000, 0)
                await manager.add_fill(order.order_id, fill)
            return [works(order) for order in (entry, profit, loss)]

        assert sim.run(main()) == [(FILLED, 100, 0), (CANCELLED, 30, 0), (FILLED, 70, 0)]


def test_a_group_over_the_real_lines_cancels_after_one_round_trip() -> None:
    desk: Desk = make_desk(messages=[background_market_order("10ms", BUY, 30)], latency="1ms", service="10us")
    legs = desk.create(SELL, 50, 101), desk.create(SELL, 50, 105)
    group = desk.manager.submit_oco(*legs)
    desk.sim.run("14ms")
    assert [works(leg) for leg in legs] == [(PARTIAL, 30, 20), (CANCELLED, 0, 0)]
    assert legs[1].closed_ns == 12_010_000  # traded at 10 ms, known here a millisecond later, and there another
    desk.finish()
    assert group.is_final
    check_desk(desk)


def test_a_bracket_over_the_real_lines_is_closed_by_its_stop() -> None:
    crash = [background_market_order("10ms", SELL, 25), background_market_order("20ms", SELL, 85)]
    desk = make_desk(bids=[(99, [25, 80]), (95, [300])], asks=[(101, [60])], messages=crash, latency="1ms")
    entry, profit = desk.create(BUY, 60, 101), desk.create(SELL, 60, 108)
    loss = desk.create(SELL, 60, terms=OrderTerms(stop_ticks=97))
    group = desk.manager.submit_bracket(entry, profit, loss)
    desk.sim.run("15ms")
    assert [works(order) for order in (entry, profit, loss)] == [
        (FILLED, 60, 0),
        (SUBMITTED, 0, 60),
        (SUBMITTED, 0, 60),
    ]
    desk.finish()
    assert [works(order) for order in (profit, loss)] == [(CANCELLED, 0, 0), (FILLED, 60, 0)]
    assert (loss.triggered_ns, loss.average_price) == (20_000_000, Decimal("0.95"))
    assert (group.excess, desk.portfolio.position("TEST")) == (0, 0)
    check_desk(desk)


def test_a_bracket_over_the_real_lines_may_close_twice_when_the_market_is_quicker_than_the_cancel() -> None:
    whipsaw = [background_market_order("10ms", BUY, 60), background_market_order("10100us", SELL, 100)]
    desk = make_desk(bids=[(99, [90]), (95, [300])], asks=[(101, [60])], messages=whipsaw, latency="1ms")
    entry, profit = desk.create(BUY, 60, 101), desk.create(SELL, 60, 108)
    group = desk.manager.submit_bracket(entry, profit, desk.create(SELL, 60, terms=OrderTerms(stop_ticks=97)))
    desk.finish()
    assert [order.status for order in group.orders] == [FILLED] * 3
    assert (group.excess, desk.portfolio.position("TEST")) == (60, -60)
    check_desk(desk)
