"""The circuit breaker, as a guard of the real manager, and by itself."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simexec.errors import InputError, SimulationError
from simexec.execution import (
    BreakerState,
    Broker,
    ExecutionCircuitBreaker,
    Latencies,
    OrderManager,
    ParentExecution,
)
from simexec.execution.guard import Guard, Refusal
from simexec.execution.parent import work
from simexec.market.market import Market
from simexec.market.order_book import Quote
from simexec.market.view import MarketView
from simexec.protocols import DurationModel
from simexec.sim import Constant, LogNormal, Simulation
from simexec.sim.clock import MILLISECOND, MINUTE, SECOND
from simexec.testing import background_market_order
from simexec.testing.background import Message, scripted_day
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.portfolio import Portfolio
from simexec.trading.report import RejectReason
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType
from simexec.venue import TradingHours, Venue

from .scripted_venue import ScriptedVenue

CLOSED, OPEN, HALF_OPEN = BreakerState
LINE = 250_000  # ns, one way
BUY, SELL = OrderSide.BUY, OrderSide.SELL


@attrs.frozen
class Desk:
    """A breaker in front of a manager, whose venue does as it is told."""

    sim: Simulation
    venue: ScriptedVenue
    manager: OrderManager
    breaker: ExecutionCircuitBreaker
    portfolio: Portfolio
    view: MarketView

    def send(self, quantity: int, price_ticks: int | None = None, side: OrderSide = BUY) -> Order:
        order_type = OrderType.MARKET if price_ticks is None else OrderType.LIMIT
        order = self.manager.create(self.venue.instrument, side, quantity, order_type, price_ticks)
        self.manager.submit(order)
        return order

    def pass_time(self, ns: int = 10 * MILLISECOND) -> None:
        self.sim.run(self.sim.now + ns)

    def refuse(self, count: int) -> list[Order]:
        """Orders that the venue refuses."""
        self.venue.refuses = True
        orders = [self.send(1, 90) for _ in range(count)]
        self.pass_time()
        self.venue.refuses = False
        return orders

    def trip(self, reason: str = "by hand") -> None:
        self.sim.run(self.breaker.trip_circuit(reason))

    def start(self, quantity: int, algorithm: Any, end: int = 10 * SECOND) -> Order:
        """Have an algorithm work a parent in the background."""
        parent = self.manager.create(self.venue.instrument, BUY, quantity, OrderType.MARKET, None)
        rng = self.sim.rng(f"algorithm {parent.order_id}")
        execution = ParentExecution(self.sim, self.manager, parent, self.view, rng, end)
        self.sim.process(work(execution, self.manager, algorithm))
        return parent


class RefuseAll:
    """A guard behind the breaker that lets nothing through."""

    def admit(self, order: Order) -> Refusal | None:
        return None

    def amend(self, order: Order, quantity: int, price_ticks: int | None) -> Refusal | None:
        return None

    def check(self, order: Order) -> Refusal | None:
        return Refusal("mood", "not today")

    def heard(self, order: Order, report: Any) -> None:
        pass


@attrs.define
class Ladder:
    """An algorithm that places an order of one share a tick below the last, every ``pace``."""

    pace: int = MILLISECOND
    placed: list[Order] = attrs.field(factory=list)

    async def run(self, execution: ParentExecution) -> None:
        while execution.is_working:
            child = execution.place(1, 90 - len(self.placed) % 50)
            if child is not None:
                self.placed.append(child)
            await execution.until(execution.sim.now + self.pace)


def make(
    *,
    messages: list[Message] | None = None,
    behind: list[Guard] | None = None,
    sees: bool = False,
    line: DurationModel | None = None,
    seed: int = 1,
    **limits: Any,
) -> Desk:
    sim = Simulation(seed=seed)
    instrument, hours = Instrument("TEST", Decimal("0.01")), TradingHours(0, 3600 * SECOND)
    flow = scripted_day([(99, [500])], [(101, [50]), (110, [500])], messages or [], tick_quanta=instrument.subticks)
    market = Market("XTST", flow)
    venue = ScriptedVenue(sim, Venue(sim, "XTST", instrument, market, hours, service=Constant(0)))
    broker, portfolio = Broker(sim), Portfolio(1_000)
    broker.connect(venue, Latencies(*[line or Constant(LINE)] * 3))
    breaker = ExecutionCircuitBreaker(sim=sim, **{"cool_down": "1s", **limits})
    manager = OrderManager(broker, portfolio, [instrument], guards=[breaker, *(behind or [])], sim=sim)
    view = MarketView(sim, market, Constant(LINE))
    breaker.attach(manager, views={"XTST": view} if sees or "max_quote_age" in limits else None)
    sim.run(MILLISECOND)
    return Desk(sim, venue, manager, breaker, portfolio, view)


def moves(breaker: ExecutionCircuitBreaker) -> list[tuple[BreakerState, BreakerState, str]]:
    return [(one.before, one.after, one.rule) for one in breaker.history]


# --- the specification's calls ---


def test_the_specifications_calls_work_as_written() -> None:
    async def main() -> list[bool]:
        breaker = ExecutionCircuitBreaker()
        assert (breaker.max_failed_orders_per_minute, breaker.max_rejection_rate) == (10, 0.25)
        answers = [await breaker.check_circuit(SimpleNamespace(failed_orders_1min=count)) for count in (10, 11, 0)]
        assert breaker.state is OPEN
        assert breaker.history[0].reason == "11 orders failed in a minute, more than 10"
        return answers

    assert Simulation().run(main()) == [True, False, False]


def test_limits_may_be_set_afterwards_and_are_checked() -> None:
    async def main() -> None:
        breaker = ExecutionCircuitBreaker()
        breaker.max_failed_orders_per_minute = 2
        breaker.max_rejection_rate = None
        assert await breaker.check_circuit(SimpleNamespace(failed_orders_1min=2, rejection_rate=1.0))
        with pytest.raises(InputError, match="max_rejection_rate: must be from 0 to 1, not 25"):
            breaker.max_rejection_rate = 25
        await breaker.trip_circuit("Excessive failures")
        assert breaker.history[0].reason == "Excessive failures"

    Simulation().run(main())


def test_its_own_figures_are_figures_to_check() -> None:
    desk = make(max_failed_orders_per_minute=3)
    desk.refuse(3)

    async def main() -> tuple[bool, bool]:
        before = await desk.breaker.check_circuit(desk.breaker.metrics())
        desk.breaker.max_failed_orders_per_minute = 2
        return before, await desk.breaker.check_circuit(desk.breaker.metrics())

    assert desk.sim.run(main()) == (True, False)


def test_without_a_simulation_it_says_how_to_get_one() -> None:
    with pytest.raises(SimulationError, match="pass the simulation"):
        ExecutionCircuitBreaker()


def test_it_guards_one_manager_and_needs_what_its_limits_look_at() -> None:
    desk = make()
    with pytest.raises(InputError, match="attached to an order manager already"):
        desk.breaker.attach(desk.manager)
    bare = OrderManager(sim=desk.sim)
    with pytest.raises(InputError, match="need the equity of a portfolio"):
        ExecutionCircuitBreaker(max_loss=5, sim=desk.sim).attach(bare)
    with pytest.raises(InputError, match="needs views of the markets"):
        ExecutionCircuitBreaker(max_quote_age="1s", sim=desk.sim).attach(bare)


# --- what counts ---


def test_it_counts_what_venues_refuse_and_not_what_guards_do() -> None:
    desk = make(behind=[RefuseAll()])
    orders = desk.refuse(20)
    assert {order.status for order in orders} == {OrderStatus.REJECTED}
    figures = desk.breaker.metrics()
    assert (figures.failed_orders_1min, figures.answered_orders_1min, desk.venue.arrivals) == (0, 0, [])
    assert desk.breaker.state is CLOSED


def test_its_own_refusals_do_not_feed_it() -> None:
    desk = make(cool_down="1m")
    desk.trip()
    for _ in range(50):
        desk.send(1, 90)
    assert desk.breaker.metrics().failed_orders_1min == 0
    desk.pass_time(61 * SECOND)
    desk.send(1, 90)
    desk.pass_time()
    assert desk.breaker.state is CLOSED


def test_a_minute_is_exact() -> None:
    desk = make(max_failed_orders_per_minute=2, max_rejection_rate=None)
    heard_ns = desk.sim.now + 2 * LINE
    desk.refuse(2)
    desk.sim.run(heard_ns + MINUTE - 1)
    assert desk.breaker.metrics().failed_orders_1min == 2
    desk.sim.run(heard_ns + MINUTE)
    assert desk.breaker.metrics().failed_orders_1min == 0
    desk.refuse(2)
    assert desk.breaker.state is CLOSED
    desk.refuse(1)
    assert desk.breaker.state is OPEN


def test_a_refused_cancel_fails_no_order() -> None:
    desk = make(max_failed_orders_per_minute=0)
    order = desk.send(5)
    desk.manager.cancel(order)
    desk.pass_time()
    assert (order.status, order.reason != "") == (OrderStatus.FILLED, True)
    assert desk.breaker.metrics().answered_orders_1min == 1
    assert desk.breaker.state is CLOSED


def test_an_order_that_is_answered_twice_counts_once() -> None:
    desk = make()
    desk.send(5)  # acknowledged, then filled
    desk.pass_time()
    assert desk.breaker.metrics().answered_orders_1min == 1


def test_the_rejection_rate_needs_orders_enough() -> None:
    desk = make(max_failed_orders_per_minute=None, max_rejection_rate=0.5, min_orders=4)
    desk.refuse(3)
    assert desk.breaker.state is CLOSED
    desk.refuse(1)
    last = desk.breaker.history[-1]
    assert (last.rule, last.metrics.rejection_rate, last.metrics.answered_orders_1min) == ("max_rejection_rate", 1.0, 4)


def test_a_rate_that_is_exceeded_since_accepted_orders_have_become_old_stops_the_next_order() -> None:
    desk = make(max_failed_orders_per_minute=None, max_rejection_rate=0.5, min_orders=2)
    for _ in range(4):
        desk.send(1, 90)
    desk.pass_time(30 * SECOND)
    desk.refuse(2)
    desk.pass_time(30 * SECOND)
    late = desk.send(1, 90)
    assert (late.status, desk.breaker.history[-1].rule) == (OrderStatus.REJECTED, "max_rejection_rate")


# --- tripping ---


def test_no_order_reaches_a_venue_after_the_cancels_and_what_was_in_flight_is_accounted_for() -> None:
    desk = make(max_failed_orders_per_minute=0, cool_down="1h")
    ladder = Ladder()
    parent = desk.start(1_000, ladder)
    desk.pass_time(20 * MILLISECOND)
    resting = [order for order in ladder.placed if order.acknowledged_ns is not None]
    assert len(resting) >= 10
    begin_ns, sent = desk.sim.now, []
    for at, what in [
        (0, lambda _: sent.append(desk.send(1, 90))),  # its refusal, heard at 500 us, trips
        (200_000, lambda _: setattr(desk.venue, "refuses", True)),
        (260_000, lambda _: setattr(desk.venue, "refuses", False)),
        (400_000, lambda _: sent.append(desk.send(30))),  # in flight at the trip, and meets the offer at 101
        (450_000, lambda _: sent.append(desk.send(5, 90))),  # in flight at the trip, and comes to rest
    ]:
        desk.sim.call_at(begin_ns + at, what)
    desk.pass_time(100 * MILLISECOND)
    doomed, taking, late = sent

    tripped_ns = desk.breaker.history[0].time_ns
    assert moves(desk.breaker) == [(CLOSED, OPEN, "max_failed_orders_per_minute")]
    assert tripped_ns == begin_ns + 2 * LINE
    (cancelled_ns,) = desk.venue.cancels()
    assert cancelled_ns == tripped_ns + LINE  # the cancel takes the line's time
    for _ in range(100):
        desk.pass_time(MILLISECOND)
        assert desk.send(1, 90).status is OrderStatus.REJECTED
    assert desk.venue.orders_since(cancelled_ns) == []
    orders = desk.manager.orders()
    assert all(order.is_final for order in orders)
    assert (doomed.status, parent.status) == (OrderStatus.REJECTED, OrderStatus.CANCELLED)
    assert parent.reason == "circuit breaker: 1 orders failed in a minute, more than 0"
    assert {order.status for order in [late, *resting]} == {OrderStatus.CANCELLED}
    assert all(order.missing_quantity == 0 for order in orders)
    assert (taking.status, taking.filled_quantity, desk.portfolio.position("TEST")) == (OrderStatus.FILLED, 30, 30)
    desk.portfolio.check()


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10**6), sent=st.lists(st.integers(0, 8_000_000), max_size=25), trip=st.integers(0, 9_000_000)
)
def test_whatever_the_lines_draw_nothing_follows_the_cancels_and_every_share_is_accounted_for(
    seed: int, sent: list[int], trip: int
) -> None:
    trades = [background_market_order(f"{ms}ms", SELL, 120) for ms in range(2, 15)]
    desk = make(messages=trades, line=LogNormal("1ms", 1.0), seed=seed, cool_down="1h")
    parent = desk.start(100, Ladder(pace=300_000))
    for number, at in enumerate(sent):  # takers at the offer, and makers at the bid, which trades
        price, side = [(None, BUY), (99, BUY), (99, SELL)][number % 3]
        desk.sim.call_at(MILLISECOND + at, lambda _, price=price, side=side: desk.send(3, price, side))
    desk.sim.run(MILLISECOND + trip)
    desk.trip()
    desk.pass_time(SECOND)
    assert desk.venue.orders_since(desk.venue.cancels()[0]) == []
    orders = desk.manager.orders()
    assert all(order.is_final and order.missing_quantity == 0 and not order.awaits_answer for order in orders)
    assert parent.filled_quantity == sum(child.filled_quantity for child in desk.manager.children(parent.order_id))
    ours = sum(order.side.sign * order.filled_quantity for order in orders if order is not parent)
    assert desk.portfolio.position("TEST") == ours
    desk.portfolio.check()


def test_what_fills_before_the_cancel_arrives_is_booked_and_the_rest_cancelled() -> None:
    trade_ns = MILLISECOND + 3 * MILLISECOND + 100_000  # while the cancel is on its way
    desk = make(messages=[background_market_order(trade_ns, SELL, 503)], cool_down="1h")
    order = desk.send(10, 99)  # behind 500 at 99
    desk.pass_time(3 * MILLISECOND)
    desk.trip()
    desk.pass_time()
    assert (order.status, order.filled_quantity, desk.portfolio.position("TEST")) == (OrderStatus.CANCELLED, 3, 3)


def test_an_order_that_was_not_sent_yet_ends_too_with_the_reason() -> None:
    desk = make()
    unsent = desk.manager.create(desk.venue.instrument, BUY, 5, OrderType.LIMIT, 80)
    desk.trip("the desk is on fire")
    assert (unsent.status, unsent.reason) == (OrderStatus.CANCELLED, "circuit breaker: the desk is on fire")


def test_a_refusal_says_which_rule_and_until_when() -> None:
    desk = make(cool_down="30s")
    desk.refuse(11)
    order = desk.send(1, 90)
    assert order.reason == (
        "circuit_breaker: open since 00:00:00.0015 until 00:00:30.0015: max_rejection_rate,"
        " 100 % of the orders of a minute were rejected, more than 25 %"
    )
    refusal = desk.breaker.check(order)
    assert refusal is not None
    assert refusal.reason is RejectReason.BROKER_EXCHANGE_OPTION


@pytest.mark.parametrize(("quantity", "status"), [(100, OrderStatus.CANCELLED), (60, OrderStatus.FILLED)])
def test_a_trade_that_trips_reaches_its_parent_before_that_is_cancelled(quantity: int, status: OrderStatus) -> None:
    class Take:
        async def run(self, execution: ParentExecution) -> None:
            await execution.final(execution.place(60))

    desk = make(max_loss=0)
    desk.portfolio.mark("TEST", 10_000)
    parent = desk.start(quantity, Take())  # one packet has the acknowledgement and two trades, each of them a loss
    desk.pass_time()
    assert moves(desk.breaker) == [(CLOSED, OPEN, "max_loss")]
    assert (parent.status, parent.filled_quantity, desk.portfolio.position("TEST")) == (status, 60, 60)


def test_cancels_that_a_venue_refuses_are_asked_again() -> None:
    desk = make(cool_down="1h")
    order = desk.send(5, 90)
    desk.pass_time()
    desk.venue.refuses_cancels = True
    desk.trip()
    desk.pass_time(3 * MILLISECOND)
    assert not order.is_final
    desk.venue.refuses_cancels = False
    desk.pass_time(10 * MILLISECOND)
    assert order.status is OrderStatus.CANCELLED
    count = len(desk.venue.cancels())
    desk.pass_time(10 * SECOND)
    assert len(desk.venue.cancels()) == count >= 2


def test_an_order_is_not_changed_while_it_is_open() -> None:
    desk = make()
    order = desk.send(5, 90)
    assert desk.breaker.amend(order, 6, 90) is None
    desk.trip()
    assert desk.breaker.amend(order, 6, 90) is not None


def test_tripping_again_by_hand_cools_down_anew() -> None:
    desk = make(cool_down="1s")
    desk.trip("one")
    desk.pass_time(SECOND - 1)
    desk.trip("two")
    desk.pass_time(SECOND - 1)
    assert desk.breaker.state is OPEN
    desk.pass_time(SECOND)
    assert desk.breaker.history[-1].time_ns == 2 * SECOND + MILLISECOND - 1  # though nobody looked then
    assert moves(desk.breaker) == [
        (CLOSED, OPEN, "trip_circuit"), (OPEN, OPEN, "trip_circuit"), (OPEN, HALF_OPEN, "cool_down"),
    ]  # fmt: skip


# --- half-open ---


def test_half_open_lets_exactly_its_probe_through_and_its_answer_closes_it() -> None:
    desk = make(max_failed_orders_per_minute=0)
    desk.refuse(1)
    cancelled_ns = desk.venue.cancels()[0]
    desk.sim.run(desk.breaker.history[0].time_ns + SECOND - 1)
    early = desk.send(1, 90)
    desk.pass_time(1)
    orders = [desk.send(1, 90) for _ in range(5)]
    assert desk.breaker.state is HALF_OPEN
    assert "half-open since 00:00:01.0015, and ord_" in orders[1].reason
    desk.pass_time(LINE)
    assert desk.send(1, 90).status is OrderStatus.REJECTED  # the probe is there, but we have not heard
    desk.pass_time(LINE + 1)
    assert desk.breaker.state is CLOSED
    assert [early.status, *(order.status for order in orders)] == (
        [OrderStatus.REJECTED, OrderStatus.SUBMITTED] + [OrderStatus.REJECTED] * 4
    )
    assert desk.venue.orders_since(cancelled_ns) == [orders[0].order_id]
    assert moves(desk.breaker)[1:] == [(OPEN, HALF_OPEN, "cool_down"), (HALF_OPEN, CLOSED, "probe")]
    assert [one.time_ns for one in desk.breaker.history[1:]] == [1_001_500_000, 1_002_000_000]
    assert desk.breaker.metrics().failed_orders_1min == 0  # counted from zero
    assert desk.send(1, 90).status is OrderStatus.SUBMITTED


def test_a_root_may_be_worked_when_it_is_half_open_and_its_first_child_is_the_probe() -> None:
    desk = make()
    desk.trip()
    refused = desk.start(100, Ladder())
    desk.pass_time(SECOND)
    ladder = Ladder(pace=100_000)
    parent = desk.start(100, ladder)
    desk.pass_time(300_000)
    other = desk.start(100, Ladder())
    desk.pass_time(2 * MILLISECOND)
    assert [order.status for order in (refused, other)] == [OrderStatus.REJECTED] * 2
    assert "its probe, has no answer yet" in other.reason
    first, *rest = [child.status for child in ladder.placed]
    assert first is OrderStatus.SUBMITTED
    assert rest[:4] == [OrderStatus.REJECTED] * 4
    assert rest[-1] is OrderStatus.SUBMITTED
    assert parent.status is OrderStatus.SUBMITTED


def test_a_probe_that_is_rejected_opens_it_for_another_cool_down() -> None:
    desk = make()
    desk.trip()
    desk.pass_time(SECOND)
    desk.refuse(1)
    assert desk.send(1, 90).status is OrderStatus.REJECTED
    assert moves(desk.breaker)[1:] == [(OPEN, HALF_OPEN, "cool_down"), (HALF_OPEN, OPEN, "probe")]
    assert desk.breaker.half_open_ns == desk.breaker.history[-1].time_ns + SECOND
    desk.pass_time(SECOND)
    assert desk.breaker.state is HALF_OPEN


@pytest.mark.parametrize(("limits", "patience"), [({}, SECOND), ({"max_latency": "20ms"}, 20 * MILLISECOND)])
def test_a_probe_that_is_not_answered_is_cancelled_and_opens_it_again(limits: dict[str, Any], patience: int) -> None:
    desk = make(**limits)
    desk.trip()
    desk.pass_time(SECOND)
    desk.venue.waits = True
    probe, sent_ns = desk.send(5, 90), desk.sim.now
    desk.pass_time(patience - 1)
    assert desk.breaker.state is HALF_OPEN
    desk.pass_time(2)
    assert desk.breaker.state is OPEN
    assert desk.breaker.history[-1].time_ns in (sent_ns + patience, sent_ns + patience + 1)
    desk.pass_time()
    desk.venue.go_on()
    desk.pass_time()
    assert probe.status is OrderStatus.CANCELLED  # its answer came too late to close anything
    assert desk.breaker.state is OPEN


def test_a_probe_whose_cancel_was_asked_for_is_judged_by_the_venues_first_answer_all_the_same() -> None:
    desk = make()
    desk.trip()
    desk.pass_time(SECOND)
    probe = desk.send(5, 90)
    desk.manager.cancel(probe)
    assert desk.breaker.state is HALF_OPEN
    desk.pass_time()
    assert probe.status is OrderStatus.CANCELLED
    assert desk.breaker.state is CLOSED


def test_an_order_that_another_guard_refuses_was_no_probe() -> None:
    refuse = RefuseAll()
    desk = make(behind=[refuse])
    desk.trip()
    desk.pass_time(SECOND)
    assert desk.send(1, 90).reason == "mood: not today"
    refuse.check = lambda order: None  # type: ignore[method-assign]
    assert desk.send(1, 90).status is OrderStatus.SUBMITTED
    assert desk.send(1, 90).status is OrderStatus.REJECTED


def test_answers_to_orders_from_before_the_trip_are_not_taken_for_the_probes() -> None:
    desk = make(cool_down="5ms", max_failed_orders_per_minute=0)
    desk.venue.waits = True
    early = desk.send(5, 90)
    desk.pass_time()
    desk.trip()
    desk.pass_time()
    probe = desk.send(5, 91)
    desk.venue.waits = False  # the probe overtakes what is kept
    desk.venue.refuses = True
    desk.sim.run(desk.sim.now + LINE - 1)
    desk.venue.go_on()  # the early order is refused
    desk.venue.refuses = False
    desk.pass_time(LINE + 1)
    assert early.status is OrderStatus.REJECTED
    assert desk.breaker.state is HALF_OPEN
    desk.pass_time(LINE)
    assert (probe.acknowledged_ns is not None, desk.breaker.state) == (True, CLOSED)


def test_reset_closes_it_at_once_and_counts_from_zero() -> None:
    desk = make(max_failed_orders_per_minute=0, cool_down="1h")
    desk.refuse(1)
    desk.breaker.reset()
    assert desk.breaker.state is CLOSED
    assert desk.breaker.half_open_ns is None
    assert desk.send(1, 90).status is OrderStatus.SUBMITTED


# --- losses ---


def test_a_loss_beyond_the_limit_trips_until_it_is_reset() -> None:
    desk = make(max_loss="4.50")
    order = desk.send(60)  # 50 at 1.01, 10 at 1.10
    desk.pass_time()
    assert order.filled_quantity == 60
    desk.portfolio.mark("TEST", 10_275 - 1_000)  # 0.9275: a loss of 5.85 against 61.50 paid
    assert desk.breaker.state is CLOSED  # nobody has looked
    late = desk.send(1)
    assert late.status is OrderStatus.REJECTED
    assert "until it is reset: max_loss, 5.850000 were lost, more than 4.5" in late.reason
    desk.pass_time(MINUTE)
    assert (desk.breaker.state, desk.breaker.half_open_ns) == (OPEN, None)
    desk.trip("once more")
    desk.pass_time(MINUTE)
    assert desk.breaker.state is OPEN
    desk.breaker.reset()
    assert desk.breaker.metrics().loss == 0  # since the reset
    assert desk.send(1).status is OrderStatus.SUBMITTED


def test_a_loss_is_found_by_the_trade_that_makes_it() -> None:
    desk = make(max_loss=0)
    desk.portfolio.mark("TEST", 10_000)
    order, sent_ns = desk.send(5), desk.sim.now
    desk.pass_time()
    assert order.filled_quantity == 5
    assert [(one.rule, one.time_ns) for one in desk.breaker.history] == [("max_loss", sent_ns + 2 * LINE)]


def test_drawdown_counts_from_the_highest_equity_as_a_fraction_of_it() -> None:
    desk = make(max_drawdown=0.01, check_interval="10ms")
    desk.send(50)
    desk.pass_time()
    resting = desk.send(1, 90)
    desk.portfolio.mark("TEST", 20_100)  # 50 dollars more
    desk.pass_time(20 * MILLISECOND)
    desk.portfolio.mark("TEST", 18_000)  # 10.50 down from 1,050: exactly 1 %
    desk.pass_time(20 * MILLISECOND)
    assert (desk.breaker.metrics().drawdown, desk.breaker.state) == (0.01, CLOSED)
    desk.portfolio.mark("TEST", 17_999)
    desk.pass_time(20 * MILLISECOND)
    assert moves(desk.breaker) == [(CLOSED, OPEN, "max_drawdown")]
    assert resting.status is OrderStatus.CANCELLED


def test_a_loss_that_comes_while_it_is_open_makes_it_stay_open() -> None:
    desk = make(max_loss=4, max_failed_orders_per_minute=0)
    desk.portfolio.mark("TEST", 10_000)
    taking = desk.send(60)
    desk.sim.run(desk.sim.now + 10_000)
    desk.trip("while the order is in flight")
    desk.pass_time()
    assert taking.filled_quantity == 60
    assert moves(desk.breaker) == [(CLOSED, OPEN, "trip_circuit")]  # 1.50 lost
    desk.portfolio.mark("TEST", 9_000)
    desk.pass_time(990 * MILLISECOND)
    assert moves(desk.breaker)[1:] == [(OPEN, OPEN, "max_loss")]
    desk.pass_time(MINUTE)
    assert (desk.breaker.state, desk.breaker.half_open_ns) == (OPEN, None)


def test_a_loss_that_came_unseen_stops_the_probe() -> None:
    desk = make(max_loss=4)
    desk.send(50)
    desk.pass_time(2 * SECOND)
    desk.trip()
    desk.pass_time(500 * MILLISECOND)
    desk.portfolio.mark("TEST", 9_000)
    desk.pass_time(SECOND)
    assert desk.breaker.state is HALF_OPEN
    assert desk.send(1, 90).status is OrderStatus.REJECTED
    assert moves(desk.breaker)[1:] == [(OPEN, HALF_OPEN, "cool_down"), (HALF_OPEN, OPEN, "max_loss")]
    assert desk.breaker.half_open_ns is None


# --- latency and quotes ---


def test_an_order_that_is_not_answered_in_time_trips_though_the_venue_is_silent() -> None:
    desk = make(max_latency="20ms", cool_down="1h")
    desk.venue.waits = True
    sent_ns = desk.sim.now
    orders = [desk.send(1, 90)]
    desk.pass_time(5 * MILLISECOND)
    orders.append(desk.send(1, 90))
    desk.pass_time(100 * MILLISECOND)
    assert [(one.rule, one.time_ns) for one in desk.breaker.history] == [
        ("max_latency", sent_ns + 20 * MILLISECOND + 1)
    ]
    assert desk.breaker.metrics().latency_ns == 105 * MILLISECOND
    desk.venue.go_on()
    desk.pass_time()
    assert {order.status for order in orders} == {OrderStatus.CANCELLED}


def test_answers_in_time_do_not_trip_and_the_next_order_is_watched_too() -> None:
    desk = make(max_latency="20ms")
    for _ in range(5):
        desk.send(1, 90)
        desk.pass_time(7 * MILLISECOND)
    assert desk.breaker.metrics().latency_ns == 2 * LINE
    desk.pass_time(SECOND)
    desk.venue.waits = True
    desk.send(1, 90)
    desk.pass_time(21 * MILLISECOND)
    assert moves(desk.breaker) == [(CLOSED, OPEN, "max_latency")]


def test_an_old_quote_stops_an_order_and_the_orders_that_work() -> None:
    trades = [background_market_order(f"{i}s", SELL, 1) for i in range(1, 6)]
    desk = make(messages=trades, max_quote_age="2s", check_interval="100ms", cool_down="1h")
    resting = desk.send(1, 90)
    desk.pass_time(5 * SECOND)
    assert desk.breaker.state is CLOSED  # each trade is followed by a quote
    desk.pass_time(3 * SECOND)
    assert moves(desk.breaker) == [(CLOSED, OPEN, "max_quote_age")]
    assert 7 * SECOND < desk.breaker.history[0].time_ns < 7.2 * SECOND
    assert resting.status is OrderStatus.CANCELLED

    desk = make(max_quote_age="2s")
    desk.pass_time(2 * SECOND)
    assert "max_quote_age" in desk.send(1, 90).reason
    desk.pass_time(2 * SECOND)
    assert desk.breaker.state is HALF_OPEN
    assert "max_quote_age" in desk.send(1, 90).reason  # still old: no probe
    assert moves(desk.breaker)[-1] == (HALF_OPEN, OPEN, "max_quote_age")


def test_a_quote_that_never_came_is_as_old_as_the_run_and_other_markets_do_not_matter() -> None:
    sim = Simulation()
    breaker = ExecutionCircuitBreaker(max_quote_age="1s", sim=sim)
    never = SimpleNamespace(quote=lambda: None)
    fresh = SimpleNamespace(quote=lambda: Quote(sim.now, 1, 1, 2, 1))
    breaker.attach(OrderManager(sim=sim), views={"ALFA": fresh, "BETA": never, "BETA.TWO": fresh})
    sim.run(SECOND + 1)
    one, two = Instrument("ONE", Decimal("0.01")), Instrument("TWO", Decimal("0.01"))
    assert breaker.admit(Order("a", one, BUY, 1, venue="ALFA")) is None
    assert breaker.admit(Order("b", one, BUY, 1, venue="BETA")) is not None
    breaker.reset()
    assert breaker.admit(Order("c", two, BUY, 1, venue="GAMMA")) is None


# --- the calendar ---


def test_an_idle_run_ends() -> None:
    desk = make(max_loss=100, max_latency="50ms", max_quote_age="1h", check_interval="10ms", sees=True)
    order = desk.send(5)
    desk.sim.run()
    assert order.is_final
    before = desk.sim.calendar_events
    desk.pass_time(600 * SECOND)
    assert desk.sim.calendar_events - before <= 2
