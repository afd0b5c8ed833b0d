"""A run as tables: orders, fills, quotes, prints, queues, journal; columns by name, units in the names.

Every column is a NumPy array or a list (where it holds texts or None). Times are ns since the run's epoch, prices ticks
or price quanta, fees money units; the run folder's metadata says how large these are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from simexec.analysis.fills import trades_of
from simexec.analysis.result import RunResult
from simexec.market import layout as at

Columns = dict[str, Sequence[Any] | npt.NDArray[Any]]

_REQUESTS: Final = ("order", "cancel", "replace")


def orders_table(result: RunResult) -> Columns:
    """The parent and its children, a row each, in order of creation."""
    orders = (result.parent, *result.children)
    return {
        "order_id": [order.order_id for order in orders],
        "parent_id": [order.parent_id for order in orders],
        "symbol": [order.symbol for order in orders],
        "venue": [order.venue for order in orders],
        "side": [order.side.name for order in orders],
        "order_type": [order.order_type.name for order in orders],
        "time_in_force": [order.time_in_force.name for order in orders],
        "quantity": [order.quantity for order in orders],
        "display_quantity": [order.display_quantity for order in orders],
        "price_ticks": [order.price_ticks for order in orders],
        "hidden": [order.hidden for order in orders],
        "post_only": [order.post_only for order in orders],
        "created_ns": [order.created_ns for order in orders],
        "submitted_ns": [order.submitted_ns for order in orders],
        "acknowledged_ns": [order.acknowledged_ns for order in orders],
        "closed_ns": [order.closed_ns for order in orders],
        "status": [order.status.name for order in orders],
        "filled_quantity": [order.filled_quantity for order in orders],
        "filled_notional_quanta": [order.filled_notional_quanta for order in orders],
        "fee_units": [order.fees for order in orders],
        "reason": [order.reason for order in orders],
    }


def fills_table(result: RunResult) -> Columns:
    """Every trade that stands, in order of time at the venue."""
    trades = sorted(trades_of(result), key=lambda pair: pair[1].time_ns)
    return {
        "time_ns": [trade.time_ns for _, trade in trades],
        "order_id": [order.order_id for order, _ in trades],
        "parent_id": [order.parent_id for order, _ in trades],
        "exec_id": [trade.exec_id for _, trade in trades],
        "venue": [trade.venue for _, trade in trades],
        "side": [order.side.name for order, _ in trades],
        "quantity": [trade.last_quantity for _, trade in trades],
        "price_quanta": [trade.last_price_quanta for _, trade in trades],
        "fee_units": [trade.fee for _, trade in trades],
        "maker": [trade.maker for _, trade in trades],
    }


def quotes_table(result: RunResult) -> Columns:
    """Best bid and offer where they change; the price of a side that shows nothing is masked."""
    time, bid, bid_size, ask, ask_size = result.quotes.T
    return {
        "time_ns": time,
        "bid_price_quanta": np.ma.masked_array(bid, mask=bid_size == 0),
        "bid_quantity": bid_size,
        "ask_price_quanta": np.ma.masked_array(ask, mask=ask_size == 0),
        "ask_quantity": ask_size,
    }


def prints_table(result: RunResult) -> Columns:
    """Every trade of the market, own ones included."""
    time, price, quantity, sign, flags, number = result.prints.T
    return {
        "time_ns": time,
        "trade_number": number,
        "price_quanta": price,
        "quantity": quantity,
        "aggressor_sign": sign,
        "hidden": (flags & at.PRINT_HIDDEN) != 0,
        "own_maker": (flags & at.PRINT_OWN_MAKER) != 0,
        "own_taker": (flags & at.PRINT_OWN_TAKER) != 0,
        "auction": (flags & at.PRINT_AUCTION) != 0,
    }


def queues_table(result: RunResult) -> Columns:
    """What is ahead of our resting orders, where it changes."""
    time, number, orders_ahead, quantity_ahead, leaves = result.queues.T
    order_ids = {order_number: order_id for order_id, order_number in result.order_numbers.items()}
    return {
        "time_ns": time,
        "order_id": [order_ids.get(order_number) for order_number in number.tolist()],
        "orders_ahead": orders_ahead,
        "quantity_ahead": quantity_ahead,
        "leaves_quantity": leaves,
    }


def journal_table(result: RunResult) -> Columns:
    """Requests and reports on our side, in order; what a request or a report does not have is None."""
    entries = list(result.journal.entries())
    requests = [entry.event in _REQUESTS for entry in entries]
    both = list(zip(entries, requests, strict=True))
    return {
        "time_ns": [entry.time_ns for entry in entries],
        "event": [entry.event for entry in entries],
        "order_id": [entry.order_id for entry in entries],
        "parent_id": [entry.parent_id or None for entry in entries],
        "venue": [entry.venue or None for entry in entries],
        "quantity": [entry.quantity if request else None for entry, request in both],
        "price_ticks": [entry.price_ticks for entry in entries],
        "exec_id": [entry.exec_id or None for entry in entries],
        "transact_ns": [None if request else entry.transact_ns for entry, request in both],
        "arrived_ns": [entry.arrived_ns or None for entry in entries],
        "started_ns": [entry.started_ns or None for entry in entries],
        "last_quantity": [None if request else entry.last_quantity for entry, request in both],
        "last_price_quanta": [entry.last_price_quanta or None for entry in entries],
        "cum_quantity": [None if request else entry.cum_quantity for entry, request in both],
        "leaves_quantity": [None if request else entry.leaves_quantity for entry, request in both],
        "fee_units": [None if request else entry.fee for entry, request in both],
        "maker": [entry.maker if entry.event == "TRADE" else None for entry in entries],
        "reason": [entry.reason or None for entry in entries],
        "text": [entry.text or None for entry in entries],
    }
