"""The journal: every request that left and every report that arrived."""

from __future__ import annotations

import hashlib

from simexec.testing import Desk, make_desk, random_flow
from simexec.trading.terms import OrderTerms
from simexec.trading.vocabulary import OrderSide, OrderType, PegType, TimeInForce

BUY, SELL = OrderSide.BUY, OrderSide.SELL


def digest(desk: Desk) -> str:
    found = hashlib.sha256()
    desk.journal.digest_into(found)
    return found.hexdigest()


def trade_a_little(seed: int) -> Desk:
    desk = make_desk(random_flow(), seed=seed, closes="2s")
    for i in range(20):
        desk.sim.run(1 + i * 50_000_000)
        order = desk.send(BUY if i % 2 else SELL, 2, 10_000 + i % 3)
        if i % 3 == 0:
            desk.manager.cancel(order)
    desk.finish()
    return desk


def test_requests_and_reports_stand_in_the_order_of_our_own_time() -> None:
    desk = make_desk(asks=[(101, [6])], latency="250us", service="10us")
    order = desk.send(BUY, 10, 101)
    desk.sim.run("1ms")
    desk.sim.run(desk.manager.replace_order(order.order_id, quantity=8, price="1.00"))
    desk.manager.cancel(order)
    desk.sim.run("2ms")
    rows = [(e.time_ns, e.event, e.quantity, e.price_ticks, e.cum_quantity) for e in desk.journal.entries()]
    assert rows == [
        (0, "order", 10, 101, 0),
        (510_000, "NEW", 0, None, 0),
        (510_000, "TRADE", 0, None, 6),
        (1_000_000, "replace", 8, 100, 0),
        (1_000_000, "cancel", 0, None, 0),
        (1_510_000, "REPLACED", 0, 100, 6),
        (1_520_000, "CANCELED", 0, None, 6),
    ]
    assert len(desk.journal) == len(rows)


def test_an_entry_tells_what_the_report_told() -> None:
    desk = make_desk(asks=[(101, [6])])
    parent = desk.parent(BUY, 10)
    parent.submit(0)
    desk.send(BUY, 6, 101, parent=parent)
    desk.sim.run("1ms")
    entry = list(desk.journal.entries())[-1]
    assert (entry.event, entry.order_id, entry.parent_id, entry.venue) == ("TRADE", "ord_2", "ord_1", "XTST")
    assert (entry.last_quantity, entry.last_price_quanta, entry.leaves_quantity) == (6, 10_100, 0)
    assert (entry.arrived_ns, entry.started_ns, entry.transact_ns) == (250_000, 250_000, 260_000)


def test_terms_that_only_some_orders_have_stand_in_the_text_as_they_were_sent() -> None:
    desk = make_desk()
    terms = OrderTerms(stop_ticks=105, trail_ticks=3, expire_ns=10**9)
    order = desk.send(BUY, 10, time_in_force=TimeInForce.GTD, terms=terms)
    desk.send(BUY, 10, order_type=OrderType.PEGGED, terms=OrderTerms(peg=PegType.PRIMARY, peg_offset_ticks=-1))
    desk.sim.run("1ms")
    desk.sim.run(desk.manager.replace_order(order.order_id, stop_price="1.04"))
    desk.finish()
    told = [(e.event, e.text) for e in desk.journal.entries() if e.event in ("order", "replace")]
    assert told == [
        ("order", "stop_ticks=105 trail_ticks=3 expire_ns=1000000000"),
        ("order", "peg=PRIMARY peg_offset_ticks=-1"),
        ("replace", "stop_ticks=104"),
    ]


def test_a_reject_has_fixs_reason() -> None:
    desk = make_desk(opens="1s")
    desk.send(BUY, 6, 101)
    desk.sim.run("1ms")
    entry = list(desk.journal.entries())[-1]
    assert (entry.event, entry.reason) == ("REJECTED", "EXCHANGE_CLOSED")


def test_the_same_seed_gives_the_same_digest_and_another_seed_another() -> None:
    first, again, other = (digest(trade_a_little(seed)) for seed in (1, 1, 2))
    assert first == again != other
