"""Builders and checks for tests: of simexec itself, and of algorithms, venues and strategies built on it.

A desk is everything between an algorithm and a market, made in one call and small enough to follow by hand::

    desk = make_desk(bids=[(10_000, [100])], asks=[(10_001, [40, 60])])
    order = desk.send(OrderSide.BUY, 70, 10_001)
    desk.finish()
    check_desk(desk)

The background of its market is written message by message (``ScriptedFlow``) or drawn at random (``random_flow``).
"""

from simexec.testing.background import (
    FlowFactory,
    Message,
    Queues,
    ScriptedFlow,
    background_cancel,
    background_market_order,
    background_order,
    background_order_away,
    book_with_orders,
    random_flow,
)
from simexec.testing.checks import check_book, check_desk, check_orders, check_portfolio, check_uncrossed
from simexec.testing.desk import Desk, Participant, make_desk
from simexec.testing.hostile_venue import HostileVenue, Hostility

__all__ = [
    "Desk",
    "FlowFactory",
    "HostileVenue",
    "Hostility",
    "Message",
    "Participant",
    "Queues",
    "ScriptedFlow",
    "background_cancel",
    "background_market_order",
    "background_order",
    "background_order_away",
    "book_with_orders",
    "check_book",
    "check_desk",
    "check_orders",
    "check_portfolio",
    "check_uncrossed",
    "make_desk",
    "random_flow",
]
