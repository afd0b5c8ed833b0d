"""What an algorithm is given to work a parent order."""

from __future__ import annotations

import attrs
import pytest

from simexec.execution import ParentExecution
from simexec.execution.parent import work
from simexec.sim import Exponential
from simexec.testing import Desk, background_market_order, background_order, check_desk, make_desk
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType

BUY, SELL = OrderSide.BUY, OrderSide.SELL


@attrs.frozen
class Idle:
    """Places nothing."""

    async def run(self, execution: ParentExecution) -> None:
        """See ``Algorithm``."""


@attrs.frozen
class Children:
    """Places children of these quantities and prices at once, and leaves them."""

    wanted: tuple[tuple[int, int | None], ...]

    async def run(self, execution: ParentExecution) -> None:
        """See ``Algorithm``."""
        for quantity, price in self.wanted:
            execution.place(quantity, price)


def begin(desk: Desk, parent: Order, end: str = "1h") -> ParentExecution:
    parent.submit(desk.sim.now)
    return desk.execution(parent, end)


def test_it_places_no_more_than_the_parent_has_left() -> None:
    desk = make_desk(asks=[(101, [30])])
    execution = begin(desk, desk.parent(BUY, 100))
    first, second, third = execution.place(70, 100), execution.place(70, 100), execution.place(70, 100)
    assert first is not None
    assert second is not None
    assert (first.quantity, second.quantity, third) == (70, 30, None)
    assert execution.children == [first, second]
    assert execution.unplaced == 0


@pytest.mark.parametrize(("asked", "placed"), [(100, 100), (105, 100), (19, 10), (9, None), (0, None), (-5, None)])
def test_it_places_whole_lots(asked: int, placed: int | None) -> None:
    desk = make_desk(instrument=Instrument("TEST", "0.01", lot=10))
    child = begin(desk, desk.parent(BUY, 200)).place(asked, 100)
    assert (None if child is None else child.quantity) == placed


def test_the_type_of_a_child_follows_from_what_is_given() -> None:
    execution = begin(make_desk(), make_desk().parent(BUY, 100))
    desk = make_desk()
    execution = begin(desk, desk.parent(BUY, 100))
    children = [
        execution.place(10),
        execution.place(10, 100),
        execution.place(10, 100, display_quantity=4),
        execution.place(10, 100, display_quantity=10),
    ]
    assert [child.order_type for child in children if child is not None] == [
        OrderType.MARKET, OrderType.LIMIT, OrderType.ICEBERG, OrderType.LIMIT,
    ]  # fmt: skip


@pytest.mark.parametrize(("side", "near", "far"), [(BUY, 10_000, 10_100), (SELL, 10_100, 10_000)])
def test_near_and_far_touch_are_those_that_have_arrived(side: OrderSide, near: int, far: int) -> None:
    desk = make_desk(bids=[(100, [5])], asks=[(101, [5])], view_latency="1ms")
    execution = begin(desk, desk.parent(side, 10))
    desk.sim.run("999us")
    assert execution.touches() == (None, None)
    desk.sim.run("1001us")
    assert execution.touches() == (near, far)


@pytest.mark.parametrize(("side", "worse"), [(BUY, 105), (SELL, 95)])
def test_a_price_worse_than_the_limit_is_the_limit(side: OrderSide, worse: int) -> None:
    desk = make_desk()
    execution = begin(desk, desk.parent(side, 10))
    better = 200 - worse
    assert [execution.within_limit(price, 100) for price in (worse, 100, better)] == [100, 100, better]
    assert execution.within_limit(worse, None) == worse


def test_waiting_ends_with_the_parents_time_and_never_goes_back() -> None:
    desk = make_desk()
    execution = begin(desk, desk.parent(BUY, 10), end="2ms")

    async def main() -> list[int]:
        times = []
        for time in (1_000_000, 500_000, 9_000_000, 9_000_000):
            await execution.until(time)
            times.append(desk.sim.now)
        return times

    assert desk.sim.run(main()) == [1_000_000, 1_000_000, 2_000_000, 2_000_000]


def test_a_withdrawn_child_counts_what_was_filled_on_the_way() -> None:
    desk = make_desk(messages=[background_market_order("1100us", SELL, 4)])
    execution = begin(desk, desk.parent(BUY, 10))

    async def main() -> Order:
        child = execution.place(10, 100)
        assert child is not None
        await execution.until(1_000_000)
        return await execution.withdraw(child)

    child = desk.sim.run(main())
    assert (child.status, child.filled_quantity, execution.unplaced) == (OrderStatus.CANCELLED, 4, 6)


@pytest.mark.parametrize(("fills", "ended"), [("1ms", True), ("3ms", False)])
def test_it_waits_for_the_end_of_a_child_or_a_time(fills: str, ended: bool) -> None:
    desk = make_desk(messages=[background_market_order(fills, SELL, 10)])
    execution = begin(desk, desk.parent(BUY, 10))

    async def main() -> bool:
        child = execution.place(10, 100)
        assert child is not None
        return await execution.final_or(child, 2_000_000)

    assert desk.sim.run(main()) is ended
    assert desk.sim.now == (1_250_000 if ended else 2_000_000)


def test_it_hears_of_its_children_in_order() -> None:
    desk = make_desk(asks=[(101, [30])])
    execution = begin(desk, desk.parent(BUY, 100))

    async def main() -> list[tuple[str, str]]:
        reports = execution.reports
        execution.place(10, 101)
        execution.place(10, 100)
        return [(r.order_id, r.exec_type.name) for r in [await reports.next() for _ in range(3)]]

    assert desk.sim.run(main()) == [("ord_2", "NEW"), ("ord_2", "TRADE"), ("ord_3", "NEW")]


# --- working a parent to its end ---


def test_a_parent_of_an_algorithm_that_does_nothing_expires_and_says_how_much_is_missing() -> None:
    desk = make_desk()
    parent = desk.work(Idle(), BUY, 100)
    assert (parent.status, parent.reason) == (OrderStatus.EXPIRED, "100 of 100 were left unfilled")
    check_desk(desk)


def test_children_that_still_work_are_withdrawn_and_the_rest_of_the_parent_expires() -> None:
    desk = make_desk(asks=[(101, [30])], messages=[background_order("400us", SELL, 99, 5, 0)])
    parent = desk.work(Children(((40, 101), (20, 99), (20, 98))), BUY, 100)
    assert [child.status for child in desk.manager.children(parent.order_id)] == [OrderStatus.CANCELLED] * 3
    assert (parent.status, parent.filled_quantity) == (OrderStatus.EXPIRED, 35)
    assert parent.reason == "65 of 100 were left unfilled"
    check_desk(desk)


def test_a_filled_parent_is_filled_and_nothing_is_asked_any_more() -> None:
    desk = make_desk(asks=[(101, [100])])

    @attrs.frozen
    class Patient:
        async def run(self, execution: ParentExecution) -> None:
            child = execution.place(100, 101)
            assert child is not None
            await execution.final(child)

    parent = desk.work(Patient(), BUY, 100)
    assert parent.status is OrderStatus.FILLED
    assert [entry.event for entry in desk.journal.entries()] == ["order", "NEW", "TRADE"]


def test_a_parent_is_worked_once() -> None:
    desk = make_desk()
    parent = desk.work(Idle(), BUY, 100)
    with pytest.raises(Exception, match="is EXPIRED and cannot be sent"):
        desk.sim.run(work(desk.execution(parent, stream="again"), desk.manager, Idle()))


def test_a_child_whose_cancel_was_refused_by_a_full_gateway_is_withdrawn_all_the_same() -> None:
    desk = make_desk(bids=[(100, [5])], service="10ms", capacity=1, closes="1h")
    execution = begin(desk, desk.parent(BUY, 100))

    async def main() -> int:
        child = execution.place(10, 100)
        assert child is not None
        await execution.until(20_000_000)
        desk.send(SELL, 1, 200)  # keeps the gateway busy
        await execution.withdraw(child)
        return desk.sim.now

    assert desk.sim.run(main()) < 10**9


def test_a_child_whose_cancel_overtook_it_in_the_gateway_is_withdrawn_all_the_same() -> None:
    desk = make_desk(bids=[(100, [5])], service="1ms", priority=True, closes="1h")
    execution = begin(desk, desk.parent(BUY, 100))

    async def main() -> int:
        execution.place(10, 99)
        child = execution.place(10, 100)
        assert child is not None
        await execution.withdraw(child)
        return desk.sim.now

    assert desk.sim.run(main()) < 10**9


def test_a_line_that_stays_down_is_not_asked_a_thousand_times_a_second() -> None:
    desk = make_desk(cancel_on_disconnect=False, closes="20s")
    execution = begin(desk, desk.parent(BUY, 100))

    async def main() -> Order:
        child = execution.place(10, 100)
        assert child is not None
        await execution.until(1_000_000)
        desk.broker.disconnect("XTST")
        return await execution.withdraw(child)

    assert desk.sim.run(main()).status is OrderStatus.EXPIRED
    assert desk.sim.calendar_events < 1_000


@pytest.mark.parametrize("service", ["1ms", "200ms"])
def test_a_slow_gateway_delays_the_end_and_loses_nothing(service: str) -> None:
    desk = make_desk(asks=[(101, [30])], service=Exponential(service), latency="50ms")
    parent = desk.work(Children(((40, 101), (20, 99), (20, 98))), BUY, 100)
    desk.finish()
    assert parent.filled_quantity == 30
    check_desk(desk)
