"""What must hold of a book, of orders and of an account, whatever has happened to them."""

from __future__ import annotations

from collections.abc import Sequence

from simexec.errors import InvariantError
from simexec.market import layout as at
from simexec.market.order_book import OrderBook
from simexec.testing.desk import Desk
from simexec.trading.order import Order
from simexec.trading.portfolio import Portfolio
from simexec.trading.vocabulary import OrderStatus

_FILLED, _CANCELLED = OrderStatus.FILLED, OrderStatus.CANCELLED


def _hold(truth: bool, what: str) -> None:
    if not truth:
        raise InvariantError(what)


def _queue_rows(orders: list[list[int]], head: int, tail: int) -> list[int]:
    rows: list[int] = []
    before = at.NIL
    while head != at.NIL:
        _hold(orders[head][at.PREV] == before, f"order row {head} links back to {orders[head][at.PREV]}, not {before}")
        _hold(len(rows) <= len(orders), f"the queue from order row {head} runs in a circle")
        rows.append(head)
        before, head = head, orders[head][at.NEXT]
    _hold(tail == before, f"a queue ends at order row {before}, but its level says {tail}")
    return rows


def _free_rows(table: list[list[int]], first: int, link: int) -> set[int]:
    rows: set[int] = set()
    while first != at.NIL:
        _hold(first not in rows, f"the free list runs in a circle at row {first}")
        rows.add(first)
        first = table[first][link]
    return rows


def check_book(book: OrderBook) -> None:
    """Walk every queue and free list of a book and compare them with the totals and counts that it keeps beside them.

    Raises:
        InvariantError: they disagree, or the book is crossed.
    """
    arrays = book.arrays
    state, orders, levels = arrays.state.tolist(), arrays.orders.tolist(), arrays.levels.tolist()
    live: list[int] = []
    places: list[int] = []
    for side in range(at.WAITING + 2):  # the last two hold what waits outside the book
        ladder = arrays.ladder[side, : state[at.LADDER_SIZE + side]].tolist()
        keys = [key for key, _ in ladder]
        _hold(keys == sorted(set(keys)), f"the ladder of side {side} is not in order: {keys}")
        own = left = 0
        for key, place in ladder:
            level = levels[place]
            rows = _queue_rows(orders, level[at.HEAD], level[at.TAIL])
            unseen = _queue_rows(orders, level[at.HIDDEN_HEAD], level[at.HIDDEN_TAIL])
            every = [orders[row] for row in rows + unseen]
            price = key * (1 - 2 * (side % 2))
            _hold(bool(every), f"nothing rests at {price} quanta, but the ladder has it")
            _hold(
                all((o[at.KEY], o[at.LEVEL]) == (key, place) for o in every),
                f"an order at {price} quanta is of another price",
            )
            _hold(all(orders[row][at.SHOWN] > 0 for row in rows), f"an order at {price} quanta displays nothing")
            _hold(
                all(o[at.SHOWN] + o[at.RESERVE] > 0 and o[at.RESERVE] >= 0 for o in every),
                f"an empty order rests at {price} quanta",
            )
            _hold(
                all(
                    o[at.SHOWN] >= o[at.EXCESS] >= 0 and (o[at.PEAK] > 0 or not o[at.RESERVE])
                    for o in every[: len(rows)]
                )
                and all(o[at.PEAK] < 0 and o[at.SHOWN] == o[at.EXCESS] == 0 for o in every[len(rows) :]),
                f"an order at {price} quanta has parts that its kind cannot have",
            )
            kept = [level[column] for column in (at.LEVEL_SHOWN, at.LEVEL_RESERVE, at.COUNT, at.OWN, at.LEFT)]
            mine, over = sum(o[at.OWNER] > 0 for o in every), sum(o[at.EXCESS] > 0 for o in every)
            found = [sum(o[at.SHOWN] for o in every), sum(o[at.RESERVE] for o in every), len(rows), mine, over]
            _hold(
                kept == found,
                f"displayed, undisplayed, orders, own orders and leftovers at {price} quanta are {found},"
                f" the book counts {kept}",
            )
            own += mine
            left += over
            places.append(place)
            live += rows + unseen
        _hold(
            state[at.OWN_ORDERS + side] == own,
            f"{own} own orders on side {side}, the book counts {state[at.OWN_ORDERS + side]}",
        )
        counted = state[at.LEFTOVERS + side] if side < at.WAITING else 0
        _hold(counted == left, f"{left} leftovers on side {side}, the book counts {counted}")
    _hold(len(set(live)) == len(live), "an order stands in two queues")
    _hold(state[at.ORDERS_LIVE] == len(live), f"{len(live)} orders rest, the book counts {state[at.ORDERS_LIVE]}")
    for what, table, first, link, used in (
        ("orders", orders, state[at.FREE_ORDER], at.NEXT, live),
        ("levels", levels, state[at.FREE_LEVEL], at.HEAD, places),
    ):
        free = _free_rows(table, first, link)
        _hold(
            free.isdisjoint(used) and len(free) + len(used) == len(table),
            f"of {len(table)} rows for {what}, {len(used)} are used and {len(free)} free",
        )
    background = {orders[row][at.REF]: row for row in live if orders[row][at.OWNER] == 0}
    slots = {ref: row for ref, row in enumerate(arrays.slots.tolist()) if row != at.NIL}
    _hold(slots == background, "the references of the background's orders do not lead to them")
    check_uncrossed(book)


def check_uncrossed(book: OrderBook) -> None:
    """InvariantError if two resting orders, hidden ones included, could trade; in a call they may rest so."""
    if book.phase == at.CALL:
        return
    state, ladder = book.arrays.state, book.arrays.ladder
    sizes = [int(state[at.LADDER_SIZE + side]) for side in range(2)]
    if all(sizes):
        bid, ask = int(ladder[0, sizes[0] - 1, 0]), -int(ladder[1, sizes[1] - 1, 0])
        _hold(bid < ask, f"the book is crossed: bid {bid}, ask {ask} quanta")


def check_orders(orders: Sequence[Order]) -> None:
    """Every order has ended and misses no report or answer; a parent is the sum of its children.

    An order that is not filled says why, unless it was cancelled: whoever asked for that knows.

    Raises:
        InvariantError: with the order.
    """
    filled_by_children: dict[str, int] = {}
    for order in orders:
        name, filled = f"order {order.order_id} ({order.status.name})", order.filled_quantity
        traded = sum(trade.last_quantity for trade in order.trades)
        _hold(order.is_final, f"{name} has no final state")
        _hold(order.status in (_FILLED, _CANCELLED) or bool(order.reason), f"{name} does not say why it ended")
        _hold((order.status is _FILLED) is (filled == order.quantity), f"{name} filled {filled} of {order.quantity}")
        _hold(order.missing_quantity == 0, f"{name} misses reports of {order.missing_quantity} shares")
        _hold(not order.pending_cancel and not order.pending_replace, f"{name} has a request without an answer")
        _hold(traded == filled, f"{name} filled {filled}, its trades {traded}")
        if order.parent_id is not None:
            filled_by_children[order.parent_id] = filled_by_children.get(order.parent_id, 0) + filled
    for order in orders:
        by_children = filled_by_children.get(order.order_id, order.filled_quantity)
        _hold(
            by_children == order.filled_quantity,
            f"children of {order.order_id} filled {by_children}, it has {order.filled_quantity}",
        )


def check_portfolio(portfolio: Portfolio, orders: Sequence[Order]) -> None:
    """The account is what the trades of these orders, each counted once, make of its initial cash; nothing is reserved.

    Raises:
        InvariantError: with the figures.
    """
    portfolio.check()
    parents = {order.parent_id for order in orders}
    leaves = [order for order in orders if order.order_id not in parents]
    cash, held = dict(portfolio.initial_cash), dict.fromkeys(portfolio.positions, 0)
    for order in leaves:
        instrument, sign = order.instrument, order.side.sign
        for trade in order.trades:
            flow = instrument.cash_flow(sign, trade.last_quantity, trade.last_price_quanta)
            cash[instrument.currency] = cash.get(instrument.currency, 0) + flow - trade.fee
            held[instrument.symbol] = held.get(instrument.symbol, 0) + sign * trade.last_quantity
    positions = {symbol: position.quantity for symbol, position in portfolio.positions.items()}
    _hold(held == positions, f"the orders traded {held}, the portfolio holds {positions}")
    _hold(cash == portfolio.cash, f"the trades leave cash {cash} units, the portfolio has {portfolio.cash}")
    _hold(not any(portfolio.reserved.values()), f"{portfolio.reserved} units are still reserved")


def check_desk(desk: Desk) -> None:
    """All checks of a desk whose run has finished."""
    check_book(desk.market.book)
    check_orders(desk.orders)
    check_portfolio(desk.portfolio, desk.orders)
