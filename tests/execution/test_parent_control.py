"""A parent that is paused, amended or cancelled while it is worked, and guards that refuse."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

from simexec.algos import TWAP, AtMarket, Iceberg, Tactics
from simexec.errors import OrderError
from simexec.execution import ParentExecution
from simexec.execution.guard import Refusal
from simexec.execution.parent import work
from simexec.protocols import Algorithm
from simexec.sim import seconds
from simexec.testing import Desk, background_market_order, check_desk, make_desk
from simexec.trading.order import Order
from simexec.trading.report import ExecutionReport
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType

BUY, SELL = OrderSide.BUY, OrderSide.SELL
FILLED, EXPIRED, CANCELLED, REJECTED = (
    OrderStatus.FILLED, OrderStatus.EXPIRED, OrderStatus.CANCELLED, OrderStatus.REJECTED,
)  # fmt: skip
WALL = {"bids": [(100, [10**6])], "asks": [(101, [10**6])]}
CROSSING = Tactics(passive=False)


@attrs.frozen
class Rest:
    """Rests everything at one price, again when it was taken back, and looks every second."""

    price: int = 100

    async def run(self, execution: ParentExecution) -> None:
        """See ``Algorithm``."""
        while execution.is_working:
            execution.place(execution.unplaced, self.price)
            await execution.until(execution.sim.now + seconds(1))


def begin(
    algorithm: Algorithm, quantity: int = 1_000, *, limit: int | None = None, end: str = "20s", desk: Desk | None = None
) -> tuple[Desk, Order, ParentExecution]:
    """A parent that is being worked; the clock stands at 1 ms."""
    desk = desk or make_desk(**WALL, closes="1m")
    desk.sim.run("1ms")
    parent = desk.parent(BUY, quantity, limit)
    execution = desk.execution(parent, end)
    desk.sim.process(work(execution, desk.manager, algorithm))
    return desk, parent, execution


def done(desk: Desk) -> None:
    desk.finish()
    check_desk(desk)


# --- pause and resume ---


def test_a_paused_order_has_nothing_in_the_market_and_goes_on_where_it_stands() -> None:
    desk, parent, execution = begin(TWAP(slices=10, duration="10s", tactics=CROSSING))
    desk.sim.run("2500ms")
    execution.pause()
    desk.sim.run("5500ms")
    assert (parent.filled_quantity, execution.working, execution.is_paused) == (300, [], True)
    execution.resume()
    desk.sim.run("5600ms")
    assert parent.filled_quantity == 600  # the slice of the fourth second, with what is due by then
    done(desk)
    assert (parent.status, parent.filled_quantity) == (FILLED, 1_000)


def test_a_resting_child_is_taken_back_and_placed_again() -> None:
    desk, parent, execution = begin(Rest())
    desk.sim.run("1500ms")
    execution.pause()
    desk.sim.run("3s")
    assert [child.status for child in execution.children] == [CANCELLED]
    execution.resume()
    desk.sim.run("4s")
    assert [child.status for child in execution.children] == [CANCELLED, OrderStatus.SUBMITTED]
    assert execution.unplaced == 0
    done(desk)
    assert parent.status is EXPIRED


def test_an_order_that_stays_paused_still_ends_at_its_end() -> None:
    desk, parent, execution = begin(TWAP(slices=10, tactics=CROSSING), end="5s")
    desk.sim.run("2s")
    execution.pause()
    desk.sim.run("6s")
    assert (parent.status, parent.closed_ns) == (EXPIRED, seconds(5))
    done(desk)


# --- amendments ---


@pytest.mark.parametrize(
    "algorithm", [TWAP(slices=10, tactics=CROSSING), TWAP(slices=10), Rest(), Iceberg(display_quantity=50)]
)
def test_a_raised_quantity_is_worked_to_the_last_share(algorithm: Algorithm) -> None:
    background = [background_market_order(f"{18500 + i}ms", SELL, 10**6) for i in range(3)]
    desk, parent, execution = begin(algorithm, desk=make_desk(**WALL, messages=background, closes="1m"))
    desk.sim.run("3300ms")
    assert desk.sim.run(execution.amend(1_700))
    done(desk)
    assert (parent.quantity, parent.status, parent.filled_quantity) == (1_700, FILLED, 1_700)


def test_what_was_sent_at_the_market_is_followed_by_what_is_added() -> None:
    desk, parent, execution = begin(AtMarket())
    desk.sim.run("1100us")
    desk.sim.process(execution.amend(1_500))
    done(desk)
    assert (parent.status, [child.quantity for child in execution.children]) == (FILLED, [1_000, 500])


def test_a_cut_quantity_reduces_the_newest_child_and_keeps_its_place() -> None:
    desk, parent, execution = begin(Rest())
    desk.sim.run("1500ms")
    assert desk.sim.run(execution.amend(400))
    (child,) = execution.children
    assert (parent.quantity, child.quantity, child.status) == (400, 400, OrderStatus.SUBMITTED)
    assert desk.sim.now == seconds(1.5) + 510_000  # the way there, the gateway, and the way back
    assert execution.unplaced == 0
    done(desk)


def test_a_quantity_below_what_is_filled_becomes_that_and_the_order_is_filled() -> None:
    desk, parent, execution = begin(TWAP(slices=10, duration="10s", tactics=CROSSING))
    desk.sim.run("4500ms")
    assert parent.filled_quantity == 500
    assert not desk.sim.run(execution.amend(200))
    assert (parent.quantity, parent.status, parent.filled_quantity) == (500, FILLED, 500)
    done(desk)


def test_a_fill_that_is_on_its_way_while_the_quantity_is_cut_counts() -> None:
    desk, parent, execution = begin(AtMarket())
    desk.sim.run("1100us")  # the order is on its way
    assert not desk.sim.run(execution.amend(10))
    assert (parent.quantity, parent.status, parent.filled_quantity) == (1_000, FILLED, 1_000)
    done(desk)


def test_a_tighter_limit_takes_back_what_is_worse_before_it_is_in_force() -> None:
    desk, parent, execution = begin(Rest(100), limit=100)
    desk.sim.run("1500ms")
    desk.sim.process(execution.amend(price="0.99"))
    desk.sim.run("1500100us")
    assert (parent.price_ticks, execution.place(10, 100)) == (100, None)
    desk.sim.run("3s")
    assert parent.price_ticks == 99
    assert [(child.price_ticks, child.status) for child in execution.children] == [
        (100, CANCELLED), (99, OrderStatus.SUBMITTED),
    ]  # fmt: skip
    done(desk)


def test_a_looser_limit_is_in_force_at_once() -> None:
    desk, parent, execution = begin(TWAP(slices=10, duration="10s", tactics=CROSSING), limit=100)
    desk.sim.run("4500ms")
    assert parent.filled_quantity == 0
    assert desk.sim.run(execution.amend(price="1.01"))
    assert desk.sim.now == seconds(4.5)
    done(desk)
    assert parent.status is FILLED


@pytest.mark.parametrize(("end", "closed"), [("10s", 10.0), ("30s", 30.0)])
def test_an_amended_end_is_the_end(end: str, closed: float) -> None:
    desk, parent, execution = begin(Rest())
    desk.sim.run("5s")
    assert desk.sim.run(execution.amend(end=end))
    done(desk)
    assert (parent.status, parent.closed_ns) == (EXPIRED, seconds(closed) + 510_000)


def test_a_schedule_spreads_what_is_left_over_an_amended_time() -> None:
    desk, parent, execution = begin(TWAP(slices=10, tactics=Tactics(passive=False, lead="0s")), end="10001ms")
    desk.sim.run("4500ms")
    desk.sim.process(execution.amend(end="7501ms"))
    done(desk)
    assert [round(child.created_ns / 1e9, 1) for child in execution.children] == [0, 1, 2, 3, 4, 5, 5.5, 6, 6.5, 7]
    assert parent.status is FILLED


def test_the_manager_replaces_a_parent_that_is_worked() -> None:
    desk, parent, _ = begin(Rest(), limit=100)
    desk.sim.run("2s")
    desk.sim.run(desk.manager.replace_order(parent.order_id, 600, "0.99"))
    assert (parent.quantity, parent.price_ticks) == (600, 99)
    done(desk)


def test_two_amendments_at_once_are_made_one_after_the_other() -> None:
    desk, parent, execution = begin(Rest())
    desk.sim.run("1500ms")
    desk.sim.process(execution.amend(300))
    desk.sim.process(execution.amend(800))
    desk.sim.run("4s")
    assert (parent.quantity, execution.unplaced) == (800, 0)
    done(desk)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda execution: execution.amend(), "changes nothing"),
        (lambda execution: execution.amend(0), "quantity 0"),
        (lambda execution: execution.amend(price="1.005"), r"1\.005 is not a multiple"),
        (lambda execution: execution.amend(end="1ms"), "end 1ms of ord_1 has passed"),
    ],
)
def test_a_wrong_amendment_says_what_is_wrong(change: Callable[[ParentExecution], object], words: str) -> None:
    desk, _, execution = begin(Rest(), limit=100)
    desk.sim.run("1s")
    with pytest.raises(OrderError, match=words):
        desk.sim.run(change(execution))


def test_an_order_that_has_ended_cannot_be_amended() -> None:
    desk, _, execution = begin(AtMarket())
    desk.sim.run("1s")
    with pytest.raises(OrderError, match="FILLED"):
        desk.sim.run(execution.amend(2_000))


# --- cancels ---


@pytest.mark.parametrize("at", ["1100us", "1400us", "1600us", "3500ms", "9s"])
@pytest.mark.parametrize(
    "algorithm", [TWAP(slices=10), TWAP(slices=10, tactics=CROSSING), Rest(), AtMarket(), Iceberg(display_quantity=30)]
)
def test_a_cancel_at_any_moment_ends_the_order_when_its_children_have(algorithm: Algorithm, at: str) -> None:
    desk, parent, execution = begin(algorithm)
    desk.sim.run(at)
    before = desk.sim.now
    execution.cancel("the client called")
    desk.sim.run(before + 600_000)
    assert parent.is_final
    assert parent.status is (FILLED if parent.filled_quantity == 1_000 else CANCELLED)
    assert parent.reason == ("" if parent.status is FILLED else "the client called")
    placed = len(execution.children)
    done(desk)
    assert len(execution.children) == placed


# --- guards ---


class Limit:
    """Admits roots of up to so many shares, lets children of up to so many leave, and remembers what it has heard."""

    def __init__(self, root: int, child: int) -> None:
        self.root, self.child = root, child
        self.heard_of: list[tuple[str, str]] = []

    def admit(self, order: Order) -> Refusal | None:
        return self._compare("root", order.quantity, self.root)

    def amend(self, order: Order, quantity: int, price_ticks: int | None) -> Refusal | None:
        return self._compare("root", quantity, self.root)

    def check(self, order: Order) -> Refusal | None:
        return self._compare("child", order.quantity, self.child)

    def heard(self, order: Order, report: ExecutionReport) -> None:
        self.heard_of.append((order.order_id, report.exec_type.name))

    def _compare(self, rule: str, quantity: int, limit: int) -> Refusal | None:
        return None if quantity <= limit else Refusal(rule, f"{quantity} is more than {limit}")


def test_a_root_that_is_refused_is_rejected_with_the_rule_and_never_sent() -> None:
    guard = Limit(100, 100)
    desk = make_desk(**WALL, guards=[guard])
    order = desk.send(BUY, 101, 101)
    assert (order.status, order.reason) == (REJECTED, "root: 101 is more than 100")
    assert guard.heard_of == [("ord_1", "REJECTED")]
    _, parent, execution = begin(AtMarket(), 101, desk=desk)
    desk.sim.run("1s")
    assert (parent.status, parent.reason, execution.children) == (REJECTED, "root: 101 is more than 100", [])
    assert desk.venue.statistics().orders == 0
    done(desk)


@pytest.mark.parametrize(
    "algorithm", [TWAP(slices=2), TWAP(slices=2, tactics=CROSSING), AtMarket(), Iceberg(display_quantity=100)]
)
def test_a_child_that_is_refused_is_rejected_and_time_goes_on(algorithm: Algorithm) -> None:
    desk = make_desk(**WALL, guards=[Limit(1_000, 10)], closes="1m")
    _, parent, execution = begin(algorithm, desk=desk)
    done(desk)
    assert {(child.status, child.reason.split()[0]) for child in execution.children} == {(REJECTED, "child:")}
    assert (parent.status, parent.filled_quantity) == (EXPIRED, 0)


def test_an_amendment_that_is_refused_changes_nothing() -> None:
    desk, parent, execution = begin(Rest(), desk=make_desk(**WALL, guards=[Limit(1_000, 5_000)], closes="1m"))
    desk.sim.run("1500ms")
    assert not desk.sim.run(execution.amend(1_001))
    assert (parent.quantity, parent.reason, parent.pending_replace) == (1_000, "root: 1001 is more than 1000", False)
    order = desk.send(BUY, 10, 100)
    desk.sim.run("2s")
    desk.sim.run(desk.manager.replace_order(order.order_id, 1_002))
    assert (order.quantity, order.reason, order.pending_replace) == (10, "root: 1002 is more than 1000", False)
    done(desk)


def test_a_replace_of_a_child_that_a_guard_refuses_is_not_sent_and_takes_time() -> None:
    guard = Limit(1_000, 1_000)
    desk, _, execution = begin(Rest(), 500, desk=make_desk(**WALL, guards=[guard], closes="1m"))
    desk.sim.run("1500ms")
    (child,) = execution.children
    guard.root = 400  # what an amendment may ask for from now on
    assert not desk.sim.run(execution.replace(child, 450))
    assert (child.quantity, child.pending_replace, child.reason) == (500, False, "root: 450 is more than 400")
    assert desk.sim.now == seconds(1.5) + 1_000_000
    assert [entry.event for entry in desk.journal.entries() if entry.event == "replace"] == []
    assert desk.sim.run(execution.replace(child, 300))
    assert child.quantity == 300
    done(desk)


def test_guards_hear_of_a_child_and_then_of_its_parent() -> None:
    guard = Limit(1_000, 1_000)
    desk, _, _ = begin(AtMarket(), 10, desk=make_desk(**WALL, guards=[guard]))
    done(desk)
    assert guard.heard_of == [("ord_2", "NEW"), ("ord_2", "TRADE"), ("ord_1", "TRADE")]


# --- a router ---


@attrs.frozen
class Halves:
    """Routes an order as two street orders, one after the other."""

    async def run(self, execution: ParentExecution) -> None:
        """See ``Algorithm``."""
        for part in (execution.parent.quantity // 2, execution.unplaced):
            child = execution.place(part, execution.parent.price_ticks, venue="XTST")
            if child is not None:
                await execution.final_or(child, execution.end_ns)


@pytest.mark.parametrize("at", [None, "1100us", "1700us", "2200us"])
def test_a_child_for_no_venue_is_worked_by_the_router(at: str | None) -> None:
    desk = make_desk(**WALL, closes="1m")
    desk.sim.run("1ms")
    parent = desk.parent(BUY, 1_000)
    execution = ParentExecution(
        desk.sim, desk.manager, parent, desk.view, desk.sim.rng("algorithm"), seconds(5), router=Halves()
    )  # fmt: skip
    desk.sim.process(work(execution, desk.manager, AtMarket()))
    if at is not None:
        desk.sim.run(at)
        execution.cancel()
    done(desk)
    (part,) = execution.children
    street = desk.manager.street_orders(parent.order_id)
    assert (part.venue, {order.venue for order in street}) == (None, {"XTST"})
    assert all(order.is_final for order in (parent, part, *street))
    assert parent.filled_quantity == part.filled_quantity == sum(order.filled_quantity for order in street)
    assert parent.status is (FILLED if parent.filled_quantity == 1_000 else CANCELLED)
    assert part.order_type is OrderType.MARKET
