"""The desk, and the participant without one."""

from __future__ import annotations

import pytest

from simexec.algos import AtMarket
from simexec.errors import InputError
from simexec.sim import Exponential
from simexec.testing import Participant, ScriptedFlow, check_desk, make_desk
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType

BUY, SELL = OrderSide.BUY, OrderSide.SELL


def test_the_example_of_the_module_works() -> None:
    desk = make_desk(bids=[(10_000, [100])], asks=[(10_001, [40, 60])])
    order = desk.send(BUY, 70, 10_001)
    desk.finish()
    check_desk(desk)
    assert order.status is OrderStatus.FILLED
    assert desk.quote_ticks() == (10_000, 10_001)


def test_a_desk_answers_after_both_ways_and_the_gateway() -> None:
    desk = make_desk(latency="1ms", service="3us")
    order = desk.send(BUY, 1, 5)
    desk.sim.run(2_003_000)
    assert order.acknowledged_ns is None
    desk.sim.run(2_003_001)
    assert order.acknowledged_ns == 1_003_000


def test_what_is_sent_has_the_type_that_its_fields_say() -> None:
    desk = make_desk()
    orders = [desk.send(BUY, 9), desk.send(BUY, 9, 5), desk.send(BUY, 9, 5, display_quantity=2)]
    assert [order.order_type for order in orders] == [OrderType.MARKET, OrderType.LIMIT, OrderType.ICEBERG]


def test_a_desk_works_a_parent_to_its_end() -> None:
    desk = make_desk(asks=[(7, [5])])
    parent = desk.work(AtMarket(), BUY, 5)
    assert parent.status is OrderStatus.FILLED
    assert [order.parent_id for order in desk.orders] == [None, parent.order_id]


def test_finishing_ends_whatever_still_rests() -> None:
    desk = make_desk(latency=Exponential("1s"), closes="10s")
    orders = [desk.send(BUY, 1, 5), desk.send(SELL, 1, 6)]
    desk.finish()
    assert [order.status for order in orders] == [OrderStatus.EXPIRED] * 2
    check_desk(desk)


def test_a_desk_takes_a_flow_or_a_script_and_not_both() -> None:
    with pytest.raises(InputError, match="takes no bids, asks or messages"):
        make_desk(ScriptedFlow([], tick_quanta=100), bids=[(5, [1])])


def test_a_participant_keeps_what_it_is_told_until_it_is_taken() -> None:
    desk = make_desk(service="10us")
    participant = Participant(desk.sim, desk.venue)
    participant.new("a", BUY, 1, 5)
    participant.cancel("a")
    desk.sim.run("1ms")
    assert [time for time, _ in participant.packets] == [10_000, 20_000]
    assert [report.exec_type.name for report in participant.take()] == ["NEW", "CANCELED"]
    assert participant.reports == []
