"""The router as an algorithm: what it takes, and what it does when something goes wrong."""

from __future__ import annotations

from itertools import pairwise

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from simexec.execution.guard import Refusal
from simexec.execution.parent import work
from simexec.execution.router_settings import Resting, RouterSettings
from simexec.sim import Constant, Exponential
from simexec.sim.clock import MINUTE, SECOND
from simexec.testing import background_market_order
from simexec.trading.order import Order
from simexec.trading.report import ExecutionReport
from simexec.trading.vocabulary import OrderSide, OrderStatus, TimeInForce
from simexec.venue import Halt, Outage

from .street import BUY, MS, SELL, US, Corner, Street, fees, sent

IOC, FOK, DAY = TimeInForce.IOC, TimeInForce.FOK, TimeInForce.DAY


# --- what it takes -----------------------------------------------------------------------------------------------------------


def test_the_cheaper_venue_after_fees_is_taken_first() -> None:
    street = Street({"ALFA": Corner(fees=fees("0.0030")), "BETA": Corner(fees=fees("0.0010"))})
    order = street.route(street.order(BUY, 600, 101, IOC))
    assert sent(street) == [("BETA", "take", 500, 101), ("ALFA", "take", 100, 101)]
    assert (order.status, order.filled_quantity) == (OrderStatus.FILLED, 600)
    street.finish()


def test_an_inverted_venues_rebate_decides_between_equal_prices_and_may_be_worth_a_tick() -> None:
    street = Street(
        {"ALFA": Corner(fees=fees("0.0070")), "INVERTED": Corner(asks=[(102, [500])], fees=fees("-0.0040"))}
    )
    order = street.route(street.order(BUY, 300, None, IOC))
    assert sent(street) == [("INVERTED", "take", 300, 102)]
    assert order.fees == -1200_000
    street.finish()


def test_a_market_order_goes_on_level_by_level_as_it_comes_to_see_them() -> None:
    """Only the best price is seen; what lies behind comes into view when that is gone."""
    street = Street({"ALFA": Corner(asks=[(101, [100]), (103, [400])]), "BETA": Corner(asks=[(102, [100])])})
    order = street.route(street.order(BUY, 500))
    assert sent(street) == [
        ("ALFA", "take", 100, 101), ("BETA", "take", 100, 102), ("ALFA", "take", 300, 103),
    ]  # fmt: skip
    assert order.status is OrderStatus.FILLED
    assert order.closed_ns is not None
    assert order.closed_ns < 5 * MS
    street.finish()


def test_with_depth_all_levels_of_a_venue_go_in_one_order() -> None:
    street = Street({"ALFA": Corner(asks=[(101, [100]), (103, [400])], depth=5), "BETA": Corner(asks=[(102, [100])])})
    street.route(street.order(BUY, 500, 105, IOC))
    assert sent(street) == [("ALFA", "take", 400, 103), ("BETA", "take", 100, 102)]
    street.finish()


def test_nothing_is_taken_beyond_the_limit_and_an_ioc_order_ends_when_nothing_is_left_within_it() -> None:
    street = Street({"ALFA": Corner(asks=[(101, [100]), (103, [400])]), "BETA": Corner(asks=[(104, [100])])})
    order = street.route(street.order(BUY, 500, 102, IOC))
    assert (order.status, order.filled_quantity) == (OrderStatus.CANCELLED, 100)
    assert order.reason == "400 of 500 were left unfilled"
    assert street.sim.now < 10 * MS
    street.finish()


def test_what_is_on_its_way_to_a_venue_is_not_sent_there_again_while_the_quotes_are_old() -> None:
    """The view of ALFA is slow: for 50 ms it shows what was taken long ago."""
    corner = Corner(asks=[(101, [100]), (102, [100])], sees=Constant("50ms"))
    street = Street({"ALFA": corner, "BETA": Corner(asks=[(103, [900])])})
    order = street.route(street.order(BUY, 200, 102), start=100 * MS)
    assert sent(street) == [("ALFA", "take", 100, 101), ("ALFA", "take", 100, 102)]
    assert [leg.seen_ns for leg in street.router.legs] == [100 * MS, 100 * MS + 50 * MS + 260 * US]
    assert order.status is OrderStatus.FILLED
    street.finish()


def test_two_orders_at_once_do_not_take_the_same_shares() -> None:
    street = Street({"ALFA": Corner(asks=[(101, [100]), (102, [100])])})
    first, second = street.order(BUY, 100, 101, IOC), street.order(BUY, 100, 101, IOC)
    street.sim.run(MS)
    for order in (first, second):
        street.sim.process(street.router.route_order(order))
    street.sim.run(SECOND)
    assert [order.filled_quantity for order in (first, second)] == [100, 0]
    assert sent(street) == [("ALFA", "take", 100, 101)]
    street.finish()


# --- what goes wrong ---------------------------------------------------------------------------------------------------------


def test_after_a_reject_the_quantity_goes_to_another_venue() -> None:
    halted = Corner(asks=[(100, [500])], halts=[Halt(MS, 10 * SECOND)])
    street = Street({"ALFA": halted, "BETA": Corner(asks=[(102, [500])])})
    order = street.route(street.order(BUY, 300, 103, IOC), start=2 * MS)
    assert sent(street) == [("ALFA", "take", 300, 100), ("BETA", "take", 300, 102)]
    assert [leg.rejected for leg in street.router.legs] == [True, False]
    assert order.status is OrderStatus.FILLED
    street.finish()


def test_a_venue_that_refuses_is_asked_again_after_growing_pauses_and_at_last_fills() -> None:
    street = Street({"ALFA": Corner(halts=[Halt(MS, SECOND)])}, RouterSettings(pause="10ms", longest_pause="200ms"))
    order = street.route(street.order(BUY, 300, 103), start=2 * MS)
    times = [leg.seen_ns / MS for leg in street.router.legs]
    pauses = [round(later - sooner) for sooner, later in pairwise(times)]
    assert pauses == [11, 21, 41, 81, 161, 201, 201, 201, 201]
    assert order.status is OrderStatus.FILLED
    street.finish()


def test_an_order_that_every_venue_refuses_to_its_end_is_counted_in_few_tries() -> None:
    corner = Corner(halts=[Halt(MS, 50 * MINUTE)])
    street = Street({"ALFA": corner, "BETA": corner})
    order = street.route(street.order(BUY, 300), start=2 * MS, end=MINUTE)
    assert (order.status, order.filled_quantity) == (OrderStatus.EXPIRED, 0)
    assert street.sim.now == MINUTE
    assert 20 <= len(street.router.legs) <= 40
    street.finish()


def test_during_an_outage_what_may_still_fill_there_is_not_sent_elsewhere() -> None:
    """ALFA is silent from 1 ms to 3 s; its order fills when it comes back, although we have asked for its cancel."""
    silent = Corner(asks=[(101, [500])], rules={"incidents": [Outage(MS, 3 * SECOND)]})
    street = Street({"ALFA": silent, "BETA": Corner(bids=[(98, [500])], asks=[(102, [5000])])})
    order = street.order(BUY, 800, 103)
    street.sim.run(2 * MS)
    done = street.sim.process(work(street.execution(order), street.manager, street.router))
    street.sim.run(2 * SECOND)
    alfa, beta = street.manager.children(order.order_id)
    assert (alfa.venue, alfa.quantity, alfa.filled_quantity, alfa.pending_cancel) == ("ALFA", 500, 0, True)
    assert (beta.venue, beta.quantity, beta.filled_quantity) == ("BETA", 300, 300)
    later = street.order(SELL, 100, 97, IOC)  # ALFA bids more, but does not answer
    street.sim.run(street.router.route_order(later))
    assert [child.venue for child in street.manager.children(later.order_id)] == ["BETA"]
    street.sim.run(done)
    assert (order.status, order.filled_quantity, alfa.filled_quantity) == (OrderStatus.FILLED, 800, 500)
    street.finish()


def test_a_partial_fill_is_followed_by_the_rest_elsewhere() -> None:
    """Somebody is faster at ALFA: of 500 shown 200 are left."""
    gone = [background_market_order(MS - 100 * US, BUY, 300)]
    street = Street({"ALFA": Corner(messages=gone), "BETA": Corner(asks=[(102, [500])])})
    order = street.route(street.order(BUY, 500, 103, IOC))
    assert sent(street) == [("ALFA", "take", 500, 101), ("BETA", "take", 300, 102)]
    assert [(leg.filled, leg.missed) for leg in street.router.legs] == [(200, 300), (300, 0)]
    assert order.status is OrderStatus.FILLED
    street.finish()


class Refuses:
    """A guard that lets nothing through before a time."""

    def __init__(self, until: int) -> None:
        self.until, self.asked = until, 0
        self.now = lambda: 0

    def admit(self, order: Order) -> Refusal | None:
        return None

    def amend(self, order: Order, quantity: int, price_ticks: int | None) -> Refusal | None:
        return None

    def check(self, order: Order) -> Refusal | None:
        self.asked += 1
        return Refusal("not_yet", "later") if self.now() < self.until else None

    def heard(self, order: Order, report: ExecutionReport) -> None:
        pass


def test_what_our_own_side_refuses_is_tried_again_after_pauses_and_no_venue_is_blamed() -> None:
    guard = Refuses(200 * MS)
    street = Street({"ALFA": Corner(), "BETA": Corner()}, guards=[guard])
    guard.now = lambda: street.sim.now
    order = street.route(street.order(BUY, 100, 101))
    assert order.status is OrderStatus.FILLED
    assert 3 <= guard.asked <= 8
    assert {leg.leg.venue for leg in street.router.legs} == {"ALFA"}
    street.finish()


def test_a_symbol_an_order_type_and_a_fill_or_kill_that_cannot_be_routed_are_rejected_with_the_reason() -> None:
    street = Street({"ALFA": Corner(), "BETA": Corner()})
    order = street.route(street.order(BUY, 800, 101, FOK))
    assert order.status is OrderStatus.REJECTED
    assert "no one venue shows that much" in order.reason
    assert sent(street) == []
    street.finish()


def test_a_fill_or_kill_goes_to_the_cheapest_venue_that_shows_enough() -> None:
    street = Street({
        "ALFA": Corner(asks=[(101, [100])]), "BETA": Corner(asks=[(102, [500])], fees=fees("0.003")),
        "CARL": Corner(asks=[(102, [600])], fees=fees("0.001")),
    })  # fmt: skip
    order = street.route(street.order(BUY, 500, 103, FOK))
    assert sent(street) == [("CARL", "all or none", 500, 102)]
    assert (order.status, street.router.legs[0].order.time_in_force) == (OrderStatus.FILLED, FOK)
    street.finish()


# --- whatever happens --------------------------------------------------------------------------------------------------------

LINE = st.sampled_from([Constant(0), Constant("300us"), Exponential("2ms"), Exponential("40ms")])
CORNER = st.builds(
    Corner,
    lively=st.just(True),
    line=LINE,
    sees=LINE,
    depth=st.sampled_from([0, 3]),
    fees=st.sampled_from([fees("0.003", "-0.002"), fees("-0.001", "0.002"), fees("0.03", "0.01")]),
    halts=st.sampled_from([[], [Halt(600 * MS, 1200 * MS)]]),
    rules=st.builds(
        lambda service, capacity, outage, lost: {
            "service": Exponential(service), "capacity": capacity,
            "incidents": [Outage(700 * MS, 1500 * MS, cancel_orders=lost)] if outage else [],
        },
        st.sampled_from(["20us", "5ms"]), st.sampled_from([None, 2]), st.booleans(), st.booleans(),
    ),
)  # fmt: skip
ORDER = st.tuples(
    st.integers(100, 1800), st.sampled_from([BUY, SELL]), st.integers(1, 60),
    st.one_of(st.none(), st.integers(97, 103)), st.sampled_from([DAY, DAY, IOC, FOK]), st.integers(50, 2000),
    st.one_of(st.none(), st.integers(1, 400)),
)  # fmt: skip


@settings(max_examples=60)
@given(
    alfa=CORNER, beta=CORNER, dark=st.booleans(), seed=st.integers(0, 1000), orders=st.lists(ORDER, min_size=1, max_size=5),
    resting=st.sampled_from(Resting), stagger=st.booleans(),
)  # fmt: skip
def test_no_order_is_ever_overfilled_and_every_share_is_accounted_for(
    alfa: Corner, beta: Corner, dark: bool, seed: int,
    orders: list[tuple[int, OrderSide, int, int | None, TimeInForce, int, int | None]], resting: Resting, stagger: bool,
) -> None:  # fmt: skip
    settings_ = RouterSettings(resting=resting, stagger=stagger, dark_unit=5, horizon="200ms", answer_timeout="30ms")
    corners = {"ALFA": alfa, "BETA": beta} | ({"DARK": attrs.evolve(beta, dark=True)} if dark else {})
    street = Street(corners, settings_, seed=seed)
    parents: list[tuple[Order, int]] = []

    async def begin(
        start: int, side: OrderSide, quantity: int, limit: int | None, life: TimeInForce, wait: int, stop: int | None
    ) -> None:
        await street.sim.timeout(start * MS)
        order = street.order(side, quantity, limit, life)
        end = street.sim.now + wait * MS
        parents.append((order, end))
        if stop is not None:
            street.sim.call_at(street.sim.now + stop * MS, lambda _: street.manager.cancel(order))
        await work(street.execution(order, end), street.manager, street.router)

    async def watch() -> None:
        while street.sim.now < 6 * SECOND:
            await street.sim.timeout(11 * MS)
            for order, _ in parents:
                children = street.manager.children(order.order_id)
                assert order.filled_quantity == sum(child.filled_quantity for child in children)
                assert order.filled_quantity + sum(child.leaves_quantity for child in children) <= order.quantity

    for one in orders:
        street.sim.process(begin(*one))
    street.sim.process(watch())
    street.sim.run(8 * SECOND)
    assert len(parents) == len(orders)
    for order, end in parents:
        assert order.is_final
        assert all(child.created_ns < end for child in street.manager.children(order.order_id))
    assert len(street.router.legs) < 400 * len(orders)
    for leg in street.router.legs:
        leg.row()
    street.router.summary()
    street.finish(10 * SECOND)
