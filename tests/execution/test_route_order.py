"""One round of the router: quotes, plan, children, and sending them."""

from __future__ import annotations

import pytest

from simexec.errors import InputError, OrderError
from simexec.execution import ParentExecution
from simexec.execution.guard import Refusal
from simexec.execution.parent import work
from simexec.execution.route import Place
from simexec.execution.router import SmartOrderRouter
from simexec.execution.router_settings import Resting, RouterSettings
from simexec.sim import Constant
from simexec.sim.clock import MINUTE, SECOND
from simexec.testing import background_market_order, background_order
from simexec.trading.order import Order
from simexec.trading.report import ExecutionReport
from simexec.trading.terms import OrderTerms
from simexec.trading.vocabulary import OrderStatus, TimeInForce
from simexec.venue import Halt, Outage

from .street import BUY, MS, SELL, US, Corner, Street, fees, sent

IOC, FOK, DAY = TimeInForce.IOC, TimeInForce.FOK, TimeInForce.DAY


def two(**changes: Corner) -> Street:
    corners = {"ALFA": Corner(asks=[(101, [300])]), "BETA": Corner(asks=[(102, [300])], line=Constant("1ms"))} | changes
    street = Street(corners)
    street.sim.run(MS)
    return street


def test_the_quotes_of_all_venues_that_were_seen_are_given_by_name() -> None:
    street = two(DARK=Corner(dark=True), LATE=Corner(sees=Constant("1s")))
    quotes = street.sim.run(street.router.get_all_quotes("TEST"))
    assert {venue: (quote.bid, quote.ask) for venue, quote in quotes.items()} == {
        "ALFA": (9900, 10_100), "BETA": (9900, 10_200),
    }  # fmt: skip


def test_a_plan_says_where_how_much_at_what_limit_when_and_on_which_quote_and_sends_nothing() -> None:
    street = two()
    router, order = street.router, street.order(BUY, 400, 102)
    quotes = street.sim.run(router.get_all_quotes("TEST"))
    plan = street.sim.run(router.calculate_optimal_route(order, quotes))
    beta, alfa = plan.legs  # the farther is sent to first
    assert (alfa.venue, alfa.quantity, alfa.price_ticks, alfa.time_in_force, alfa.why) == (
        "ALFA",
        300,
        101,
        IOC,
        "take",
    )
    assert (alfa.delay_ns, beta.delay_ns) == (750 * US, 0)
    assert (alfa.levels, alfa.quote) == (((10_100, 300),), quotes["ALFA"])
    assert (plan.quantity, plan.time_ns, plan.order) == (400, MS, order)
    assert street.manager.children(order.order_id) == []
    children = router.create_child_orders(plan)
    assert [(child.venue, child.quantity, child.status) for child in children] == [
        ("BETA", 100, OrderStatus.PENDING), ("ALFA", 300, OrderStatus.PENDING),
    ]  # fmt: skip
    with pytest.raises(OrderError, match="has 0 left to place"):
        router.create_child_orders(plan)


def test_a_plan_follows_the_quotes_it_is_given() -> None:
    street = two()
    order = street.order(BUY, 400, 102)
    quotes = street.sim.run(street.router.get_all_quotes("TEST"))
    plan = street.sim.run(street.router.calculate_optimal_route(order, {"BETA": quotes["BETA"]}))
    assert {(leg.venue, leg.why, leg.quantity) for leg in plan.legs} == {("BETA", "take", 300), ("ALFA", "rest", 100)}
    plan = street.sim.run(street.router.calculate_optimal_route(order, {}))
    assert [(leg.why, leg.quantity) for leg in plan.legs] == [("rest", 400)]


@pytest.mark.parametrize(
    ("limit", "life", "status", "filled"),
    [
        (None, DAY, OrderStatus.EXPIRED, 600),
        (101, IOC, OrderStatus.CANCELLED, 300),
        (None, IOC, OrderStatus.CANCELLED, 600),
    ],
)
def test_an_order_that_is_routed_begins_with_that_and_ends_with_its_children(
    limit: int | None, life: TimeInForce, status: OrderStatus, filled: int
) -> None:
    street = two()
    order = street.order(BUY, 700, limit, life)
    children = street.sim.run(street.router.route_order(order))
    assert [child.parent_id for child in children] == [order.order_id] * len(children)
    assert order.status is OrderStatus.SUBMITTED
    street.sim.run(SECOND)
    assert (order.status, order.filled_quantity) == (status, filled)
    assert order.reason == f"{700 - filled} of 700 were left unfilled"
    street.finish()


def test_what_the_quotes_do_not_show_rests_at_the_limit_in_the_same_round() -> None:
    street = two()
    order = street.order(BUY, 700, 101)
    children = street.sim.run(street.router.route_order(order))
    assert {(venue, why, quantity) for venue, why, quantity, _ in sent(street)} == {
        ("ALFA", "take", 300), ("ALFA", "rest", 400),
    }  # fmt: skip
    assert sum(child.quantity for child in children) == 700
    street.sim.run(SECOND)
    assert (order.status, order.filled_quantity) == (OrderStatus.PARTIAL, 300)
    street.manager.cancel(order)
    street.finish()


def test_children_arrive_together() -> None:
    street = two()
    children = street.sim.run(street.router.route_order(street.order(BUY, 600)))
    street.sim.run(SECOND)
    assert {trade.arrived_ns for child in children for trade in child.trades} == {MS + MS}
    street.finish()


def test_a_routed_order_may_be_cancelled_while_a_part_of_it_has_not_been_sent() -> None:
    street = two()
    order = street.order(BUY, 600)
    street.sim.call_at(MS + 100 * US, lambda _: street.manager.cancel(order))
    children = street.sim.run(street.router.route_order(order))
    assert [(child.venue, child.submitted_ns, child.status) for child in children][1] == (
        "ALFA",
        None,
        OrderStatus.CANCELLED,
    )
    street.sim.run(SECOND)
    assert (order.status, order.filled_quantity) == (OrderStatus.CANCELLED, 300)
    with pytest.raises(OrderError, match="is CANCELLED and cannot be routed"):
        street.sim.run(street.router.route_order(order))
    street.finish()


def test_a_routed_order_is_not_changed() -> None:
    street = two()
    order = street.order(BUY, 600, 99)
    street.sim.run(street.router.route_order(order))
    with pytest.raises(OrderError, match="was routed and cannot be changed"):
        street.sim.run(street.manager.replace_order(order.order_id, 700))
    street.manager.cancel(order)
    street.finish()


def test_an_order_that_somebody_works_gets_children_for_what_it_has_left() -> None:
    street = two()

    class Halves:
        async def run(self, execution: ParentExecution) -> None:
            await execution.until(execution.sim.now, execution.over)
            execution.place(100, 98, venue="ALFA")
            children = await street.router.route_order(execution.parent)
            assert sum(child.quantity for child in children) == 250
            for child in children:
                await execution.final(child)

    order = street.order(BUY, 350)
    street.sim.run(work(street.execution(order), street.manager, Halves()))
    assert order.filled_quantity == 250
    street.finish()


class RefusesAll:
    def admit(self, order: Order) -> Refusal | None:
        return Refusal("closed", "no orders today")

    def amend(self, order: Order, quantity: int, price_ticks: int | None) -> Refusal | None:
        return None

    def check(self, order: Order) -> Refusal | None:
        return None

    def heard(self, order: Order, report: ExecutionReport) -> None:
        pass


def test_an_order_that_a_guard_refuses_gets_no_children() -> None:
    street = Street({"ALFA": Corner()}, guards=[RefusesAll()])
    street.sim.run(MS)
    order = street.order(BUY, 100)
    assert street.sim.run(street.router.route_order(order)) == []
    assert (order.status, order.reason) == (OrderStatus.REJECTED, "closed: no orders today")
    street.finish()


def test_fill_or_kill_needs_one_venue_that_shows_enough() -> None:
    street = two()
    with pytest.raises(
        OrderError, match=r"fill-or-kill of 400 and no one venue shows that much within its limit \(at most 300"
    ):
        street.sim.run(street.router.route_order(street.order(BUY, 400, 105, FOK)))
    (child,) = street.sim.run(street.router.route_order(street.order(BUY, 300, 105, FOK)))
    street.sim.run(SECOND)
    assert (child.venue, child.time_in_force, child.status) == ("ALFA", FOK, OrderStatus.FILLED)


def test_what_cannot_be_routed_is_refused_with_the_remedy() -> None:
    street = two()
    router = street.router
    with pytest.raises(OrderError, match="'NONE' is not routed; known: TEST"):
        street.sim.run(router.get_all_quotes("NONE"))
    stop = street.order(BUY, 100, terms=OrderTerms(min_quantity=50))
    with pytest.raises(OrderError, match=r"with min_quantity=50.*name a venue"):
        street.sim.run(router.route_order(stop))
    named = street.order(BUY, 100, venue="ALFA")
    with pytest.raises(OrderError, match="is for ALFA and cannot be routed"):
        street.sim.run(router.route_order(named))
    with pytest.raises(InputError, match="'XXXX' has no line"):
        SmartOrderRouter(street.manager, street.broker, {"TEST": {"XXXX": Place()}}, sim=street.sim)
    worked = street.route(stop)
    assert (worked.status, "name a venue" in worked.reason) == (OrderStatus.REJECTED, True)


class Slices:
    """Places four slices, one a second, wherever the router takes them."""

    async def run(self, execution: ParentExecution) -> None:
        for _ in range(4):
            child = execution.place(execution.parent.quantity // 4, time_in_force=IOC)
            assert child is not None
            await execution.final(child)
            await execution.until(execution.sim.now + SECOND)


def test_an_algorithm_with_a_router_has_its_slices_divided_over_venues() -> None:
    street = two()
    order = street.order(SELL, 400)
    execution = ParentExecution(
        street.sim, street.manager, order, street.best, street.sim.rng("slices"), MINUTE, router=street.router
    )
    street.sim.run(work(execution, street.manager, Slices()))
    slices = street.manager.children(order.order_id)
    assert [(one.venue, one.status) for one in slices] == [(None, OrderStatus.FILLED)] * 4
    streets = [child for one in slices for child in street.manager.children(one.order_id)]
    assert [(child.venue, child.quantity) for child in streets] == [("ALFA", 100)] * 4
    assert (order.status, order.filled_quantity) == (OrderStatus.FILLED, 400)
    street.finish()


# --- what it came to ---------------------------------------------------------------------------------------------------------


def test_a_quote_that_was_right_costs_nothing() -> None:
    street = two(ALFA=Corner(asks=[(101, [300])], fees=fees("0.003")))
    street.sim.run(street.router.route_order(street.order(BUY, 300, 101)))
    street.sim.run(SECOND)
    (leg,) = street.router.legs
    cost = 300 * (1_010_000 + 3000)
    assert (leg.expected_cost, leg.realised_cost, leg.price_cost, leg.missed) == (cost, cost, 0, 0)
    assert leg.quote_age_ns == MS
    record = street.router.summary()["ALFA"]
    assert (record.legs, record.sent, record.filled, record.stale_cost, record.mean_quote_age_ns) == (
        1,
        300,
        300,
        0,
        MS,
    )


def test_what_a_stale_quote_cost_is_what_was_missed_at_the_price_where_it_then_can_be_had() -> None:
    """Of 300 shown at 101 somebody has taken 200; what is missed can be had at 102 for 1 tick and .3 cents a share more."""
    gone = [background_market_order(900 * US, BUY, 200)]
    street = two(ALFA=Corner(asks=[(101, [300])], messages=gone), BETA=Corner(asks=[(102, [300])], fees=fees("0.003")))
    order = street.order(BUY, 300, 103, IOC)
    street.sim.run(street.router.route_order(order))
    street.sim.run(SECOND)
    (leg,) = street.router.legs
    assert (leg.filled, leg.missed, leg.price_cost, leg.missed_cost) == (100, 200, 0, 200 * 13_000)
    row = street.router.rows()[0]
    assert row["quote_price_quanta"] == 10_100
    assert (row["quote_size"], row["quote_age_ns"], row["status"], row["missed"]) == (300, MS, "CANCELLED", 200)
    record = street.router.summary()["ALFA"]
    assert (record.missed, record.stale_cost, record.rejects) == (200, 200 * 13_000, 0)


def test_a_better_price_than_seen_is_a_negative_cost_for_a_seller_as_for_a_buyer() -> None:
    for side, better in ((BUY, 100), (SELL, 100)):
        message = [background_order(900 * US, side.opposite, better, 50, 7)]
        street = two(ALFA=Corner(asks=[(101, [300])], bids=[(99, [300])], messages=message))
        street.sim.run(street.router.route_order(street.order(side, 50, None, IOC)))
        street.sim.run(SECOND)
        (leg,) = street.router.legs
        assert leg.price_cost == -50 * 10_000
        assert (leg.realised_cost > 0) is (side is BUY)


def test_rejects_are_counted_and_cost_no_shares() -> None:
    street = two(ALFA=Corner(asks=[(101, [300])], halts=[Halt(500 * US, SECOND)]))
    street.sim.run(street.router.route_order(street.order(BUY, 300, 101, IOC)))
    street.sim.run(SECOND // 2)
    record = street.router.summary()["ALFA"]
    assert (record.rejects, record.missed, record.filled, record.stale_cost) == (1, 0, 0, 0)
    assert "halted" in str(street.router.rows()[0]["reason"])


def test_a_venue_that_is_left_out_gets_nothing_from_a_single_round_either() -> None:
    street = two(ALFA=Corner(asks=[(101, [300])], rules={"incidents": [Outage(MS, 5 * SECOND)]}))
    street.sim.run(street.router.route_order(street.order(BUY, 300, 103, IOC)))
    street.sim.run(SECOND)
    street.sim.run(street.router.route_order(street.order(BUY, 300, 103, IOC)))
    assert [venue for venue, *_ in sent(street)] == ["ALFA", "BETA"]


# --- settings ----------------------------------------------------------------------------------------------------------------


def test_settings_are_read_as_people_write_them_and_refused_with_their_name() -> None:
    settings = RouterSettings(resting="cont_kukanov", answer_timeout="50ms", horizon="3s")  # type: ignore[arg-type]
    assert (settings.resting, settings.answer_timeout, settings.horizon) == (Resting.CONT_KUKANOV, 50 * MS, 3 * SECOND)
    for field, value in (
        ("pause", "0s"),
        ("dark_unit", 0),
        ("underfill_ticks", -1),
        ("resting", "nowhere"),
        ("stagger", 1),
    ):
        with pytest.raises(InputError, match=field):
            RouterSettings(**{field: value})  # type: ignore[arg-type]
    with pytest.raises(InputError, match="longest_pause: must be at least pause"):
        RouterSettings(pause="1s", longest_pause="10ms")
