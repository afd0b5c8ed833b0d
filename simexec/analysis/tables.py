"""A run as tables: orders, fills, quotes, prints, queues, journal; columns by name, units in the names.

Times are ns since the run's epoch, prices ticks
or price quanta, fees money units; the run folder's metadata says how large these are.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from simexec.analysis.fills import trades_of
from simexec.analysis.result import RunResult, no_rows
from simexec.analysis.table import Table, flags, integers, texts
from simexec.analysis.whole_market import markets_of, order_of_time
from simexec.market import layout as at

_REQUESTS: Final = ("order", "cancel", "replace")


def orders_table(result: RunResult) -> Table:
    """The parent and its children, a row each, in order of creation."""
    orders = (result.parent, *result.children)
    return Table(
        {
            "order_id": texts(order.order_id for order in orders),
            "parent_id": texts(order.parent_id for order in orders),
            "symbol": texts(order.symbol for order in orders),
            "venue": texts(order.venue for order in orders),
            "side": texts(order.side.name for order in orders),
            "order_type": texts(order.order_type.name for order in orders),
            "time_in_force": texts(order.time_in_force.name for order in orders),
            "quantity": integers(order.quantity for order in orders),
            "display_quantity": integers(order.display_quantity for order in orders),
            "price_ticks": integers(order.price_ticks for order in orders),
            "hidden": flags(order.hidden for order in orders),
            "post_only": flags(order.post_only for order in orders),
            "created_ns": integers(order.created_ns for order in orders),
            "submitted_ns": integers(order.submitted_ns for order in orders),
            "acknowledged_ns": integers(order.acknowledged_ns for order in orders),
            "closed_ns": integers(order.closed_ns for order in orders),
            "status": texts(order.status.name for order in orders),
            "filled_quantity": integers(order.filled_quantity for order in orders),
            "filled_notional_quanta": integers(order.filled_notional_quanta for order in orders),
            "fee_units": integers(order.fees for order in orders),
            "reason": texts(order.reason for order in orders),
        }
    )


def fills_table(result: RunResult) -> Table:
    """Every trade that stands, in order of time at the venue."""
    trades = sorted(trades_of(result), key=lambda pair: pair[1].time_ns)
    return Table(
        {
            "time_ns": integers(trade.time_ns for _, trade in trades),
            "order_id": texts(order.order_id for order, _ in trades),
            "parent_id": texts(order.parent_id for order, _ in trades),
            "exec_id": texts(trade.exec_id for _, trade in trades),
            "venue": texts(trade.venue for _, trade in trades),
            "side": texts(order.side.name for order, _ in trades),
            "quantity": integers(trade.last_quantity for _, trade in trades),
            "price_quanta": integers(trade.last_price_quanta for _, trade in trades),
            "fee_units": integers(trade.fee for _, trade in trades),
            "maker": flags(trade.maker for _, trade in trades),
        }
    )


def quotes_table(result: RunResult) -> Table:
    """Best bid and offer where they change; the price of a side that shows nothing is masked."""
    time, bid, bid_size, ask, ask_size = result.quotes.T
    return Table(
        {
            "time_ns": time,
            "bid_price_quanta": np.ma.masked_array(bid, mask=bid_size == 0),
            "bid_quantity": bid_size,
            "ask_price_quanta": np.ma.masked_array(ask, mask=ask_size == 0),
            "ask_quantity": ask_size,
        }
    )


def prints_table(result: RunResult) -> Table:
    """Every trade of the symbol's markets, own ones included."""
    time, price, quantity, sign, flag, number = result.prints.T
    markets = markets_of(result.markets, result.instrument.symbol)
    names = texts(market.venue for market in markets)
    return Table(
        {
            "time_ns": time,
            "venue": names[order_of_time([market.prints for market in markets])[1]],
            "trade_number": number,
            "price_quanta": price,
            "quantity": quantity,
            "aggressor_sign": sign,
            "hidden": (flag & at.PRINT_HIDDEN) != 0,
            "own_maker": (flag & at.PRINT_OWN_MAKER) != 0,
            "own_taker": (flag & at.PRINT_OWN_TAKER) != 0,
            "auction": (flag & at.PRINT_AUCTION) != 0,
        }
    )


def queues_table(result: RunResult) -> Table:
    """What is ahead of our resting orders in the lit markets of the symbol, where it changes."""
    markets = markets_of(result.markets, result.instrument.symbol)
    order, sources = order_of_time([market.queues for market in markets])
    rows = np.concatenate([market.queues for market in markets] or [no_rows(5)])[order]
    order_ids = [{number: order_id for order_id, number in market.order_numbers.items()} for market in markets]
    time, number, orders_ahead, quantity_ahead, leaves = rows.T
    numbered = zip(sources.tolist(), number.tolist(), strict=True)
    return Table(
        {
            "time_ns": time,
            "venue": texts(market.venue for market in markets)[sources],
            "order_id": texts(order_ids[source].get(one) for source, one in numbered),
            "orders_ahead": orders_ahead,
            "quantity_ahead": quantity_ahead,
            "leaves_quantity": leaves,
        }
    )


def journal_table(result: RunResult) -> Table:
    """Requests and reports on our side, in order; what a request or a report does not have is None."""
    entries = list(result.journal.entries())
    requests = [entry.event in _REQUESTS for entry in entries]
    both = list(zip(entries, requests, strict=True))
    return Table(
        {
            "time_ns": integers(entry.time_ns for entry in entries),
            "event": texts(entry.event for entry in entries),
            "order_id": texts(entry.order_id for entry in entries),
            "parent_id": texts(entry.parent_id or None for entry in entries),
            "venue": texts(entry.venue or None for entry in entries),
            "quantity": integers(entry.quantity if request else None for entry, request in both),
            "price_ticks": integers(entry.price_ticks for entry in entries),
            "exec_id": texts(entry.exec_id or None for entry in entries),
            "transact_ns": integers(None if request else entry.transact_ns for entry, request in both),
            "arrived_ns": integers(entry.arrived_ns or None for entry in entries),
            "started_ns": integers(entry.started_ns or None for entry in entries),
            "last_quantity": integers(None if request else entry.last_quantity for entry, request in both),
            "last_price_quanta": integers(entry.last_price_quanta or None for entry in entries),
            "cum_quantity": integers(None if request else entry.cum_quantity for entry, request in both),
            "leaves_quantity": integers(None if request else entry.leaves_quantity for entry, request in both),
            "fee_units": integers(None if request else entry.fee for entry, request in both),
            "maker": flags(entry.maker if entry.event == "TRADE" else None for entry in entries),
            "reason": texts(entry.reason or None for entry in entries),
            "text": texts(entry.text or None for entry in entries),
        }
    )
