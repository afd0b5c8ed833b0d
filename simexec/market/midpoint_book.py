"""A dark pool: orders that nobody sees trade at the middle of other markets' best bid and offer.

The rules:

- **Price.** Every trade is at ``(bid + ask) // 2`` of the reference, in price quanta. While the reference is crossed or one
  side of it is missing, nothing trades; where it is locked, trades are at that price.
- **Who trades.** An order trades with orders of the other side whose limits, and its own, allow the price. A single execution is
  at least as large as the minimum of either order, or as what is left of that order if that is less; a partner that is too
  small, or asks for more, is passed over and keeps its place. (IEX's minimum execution size with what is left as all or none,
  its Trading Alert 2014-026.)
- **Priority.** By time of entry among those that may trade; limits that allow the price are all alike, since the price is the
  same for all. More quantity or another limit puts an order behind all others; less quantity does not.
- **When.** Orders are matched at every message of the pool but a participant's cancel: a new order, a replace, a background order
  that comes or goes. If the reference has moved since the last match, what rests is matched first, the oldest first; of two
  resting orders the younger is the taker. Between messages a move of the reference alone does nothing, unless somebody who
  follows it calls ``MidpointMarket.match``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import attrs
import numpy as np

from simexec.errors import InputError
from simexec.market import layout as at
from simexec.market.columns import Columns
from simexec.market.order_book import OrderBook, OutRow

Reference: TypeAlias = Callable[[int], tuple[int | None, int | None]]
"""Best bid and offer in quanta as the pool knows them at a time (ns); None where there is none."""


def best_of(*books: OrderBook) -> Reference:
    """The best bid and offer over several books, without delay."""

    def reference(time_ns: int) -> tuple[int | None, int | None]:
        quotes = [book.quote() for book in books]
        return (
            max((quote.bid for quote in quotes if quote.bid is not None), default=None),
            min((quote.ask for quote in quotes if quote.ask is not None), default=None),
        )

    return reference


@attrs.define(eq=False, slots=True)
class _Order:
    """An order in the pool; ``limit`` None accepts any mid, ``owner`` 0 is the background."""

    entry: int
    side: int
    left: int
    limit: int | None
    owner: int
    number: int
    flags: int
    minimum: int

    def accepts(self, price: int) -> bool:
        return self.limit is None or (self.limit >= price if self.side == 0 else self.limit <= price)


class MidpointBook:
    """The pool's orders; has the calls of ``OrderBook`` that a venue makes, with the same rows.

    Args:
        reference: best bid and offer of the markets that it takes its price from.

    Attributes:
        prints: columns time, price, quantity, aggressor's sign, flags, trade number.
    """

    def __init__(self, reference: Reference) -> None:
        self.prints = Columns(6, name="prints")
        self._reference = reference
        self._sides: tuple[dict[int, _Order], dict[int, _Order]] = ({}, {})  # by entry
        self._own: dict[int, _Order] = {}  # participants', by number
        self._entries = self._trades = 0
        self._matched_at: int | None = None  # mid at which nothing more can trade; None: not known
        self._called = False
        self._last: int | None = None
        self._rows: list[OutRow] = []

    # --- requests ------------------------------------------------------------------------------------------------------

    def submit(
        self, time: int, side: int, quantity: int, price: int, owner: int = 1, number: int = 0, flags: int = 0, peak: int = 0,
        minimum: int = 0,
    ) -> list[OutRow]:  # fmt: skip
        """Bring an order: it trades at the mid as far as it can, and the rest waits unless it is a market order, IOC or FOK.

        Args:
            time: ns; not before the last one.
            side: 0 buys, 1 sells.
            quantity: positive.
            price: limit in quanta; ignored for a market order.
            owner: participant, from 1; 0 is the background.
            number: the order's number in all rows.
            flags: ``MARKET``, ``IOC``, ``FOK``, ``STP_NEWEST``, ``STP_OLDEST`` of ``layout``; all is hidden.
            peak: not used.
            minimum: least quantity of a single execution.

        Raises:
            InputError: the quantity is not positive.
        """
        if quantity <= 0:
            raise InputError(f"quantity {quantity} of order number {number} must be positive")
        limit = None if flags & at.MARKET else price
        return self._enter(time, side, quantity, limit, owner, number, flags, minimum)

    def submit_peg(
        self, time: int, side: int, quantity: int, kind: int, offset: int, cap: int | None = None, owner: int = 1,
        number: int = 0, flags: int = 0, peak: int = 0, minimum: int = 0,
    ) -> list[OutRow]:  # fmt: skip
        """Bring an order that waits at the mid, up to its cap.

        Raises:
            InputError: it is pegged to anything but the mid.
        """
        if kind != at.PEG_MID or offset:
            raise InputError(f"order number {number} is pegged off the mid, which is the only price here")
        return self._enter(time, side, quantity, cap, owner, number, flags, minimum)

    def submit_stop(
        self, time: int, side: int, quantity: int, stop: int | None, price: int, owner: int = 1, number: int = 0,
        flags: int = 0, peak: int = 0, trail: int = 0,
    ) -> list[OutRow]:  # fmt: skip
        """Not offered.

        Raises:
            InputError: always.
        """
        raise InputError(f"order number {number} is a stop; a dark pool has no trades of its own for stops to follow")

    def cancel(self, time: int, number: int) -> int:
        """Take an order out; returns the quantity cancelled, 0 if no such order rests."""
        order = self._own.get(number)
        if order is None:
            return 0
        self._drop(order)
        return order.left

    def reduce(self, time: int, number: int, quantity: int) -> int:
        """Take ``quantity`` off an order; it keeps its place. Returns what is left, 0 if it is gone."""
        if quantity <= 0:
            raise InputError(f"order number {number} cannot be reduced by {quantity}; it must be positive")
        order = self._own.get(number)
        if order is None:
            return 0
        if quantity >= order.left:
            self._drop(order)
            return 0
        order.left -= quantity
        self._matched_at = None  # its minimum may have become less
        return order.left

    def replace(
        self, time: int, number: int, quantity: int, price: int | None, *, owner: int = 1, flags: int = 0, peak: int = 0,
        stop: int | None = None,
    ) -> list[OutRow] | None:  # fmt: skip
        """Change a resting order to ``quantity`` open at limit ``price``, None to keep it; None if no such order rests."""
        order = self._own.get(number)
        if order is None:
            return None
        limit = order.limit if price is None else price
        if limit == order.limit and quantity <= order.left:
            if quantity < order.left:
                self.reduce(time, number, order.left - quantity)
            return self.match(time)
        self._drop(order)
        return self._enter(time, order.side, quantity, limit, order.owner, number, order.flags, order.minimum)

    def match(self, time: int) -> list[OutRow]:
        """Match what rests, if the reference has moved."""
        self._match_resting(time)
        return self._take()

    # --- questions -----------------------------------------------------------------------------------------------------

    def rests(self, number: int) -> bool:
        """Whether a participant's order is in the pool."""
        return number in self._own

    def leaves(self, number: int) -> int:
        """Open quantity of a participant's order, 0 if it does not rest."""
        order = self._own.get(number)
        return 0 if order is None else order.left

    def mid(self, time: int) -> int | None:
        """The price of a trade now, None if there can be none."""
        bid, ask = self._reference(time)
        return None if bid is None or ask is None or bid > ask else (bid + ask) // 2

    @property
    def last_price(self) -> int | None:
        """Price of the last trade in quanta, None before the first."""
        return self._last

    def quantity(self, side: int) -> int:
        """Shares that wait on a side; nobody in the market sees them."""
        return sum(order.left for order in self._sides[side].values())

    # --- rules of the venue --------------------------------------------------------------------------------------------

    def set_phase(self, time: int, phase: int) -> list[OutRow]:
        """Begin a call, in which nothing trades, or end it: what rests is matched at the mid of then."""
        self._called = phase == at.CALL
        self._matched_at = None
        return self.match(time)

    def set_band(self, low: int | None, high: int | None) -> None:
        """Refuse a band.

        Raises:
            InputError: always but for no band at all.
        """
        if low is not None or high is not None:
            raise InputError("a dark pool has no price band; its reference has one")

    def set_pro_rata(self, minimum: int = 1) -> None:
        """Refuse to allocate in proportion.

        Raises:
            InputError: always.
        """
        raise InputError("a dark pool matches by time; leave matching at 'price_time'")

    # --- matching ------------------------------------------------------------------------------------------------------

    def add_background(self, time: int, side: int, quantity: int) -> tuple[int, list[OutRow]]:
        """A background order comes; returns its entry, by which it is taken out, and rows for participants."""
        rows = self._enter(time, side, quantity, None, 0, 0, 0, 0)
        return self._entries, rows

    def remove_background(self, time: int, side: int, entry: int) -> list[OutRow]:
        """What is left of a background order goes."""
        self._match_resting(time)
        self._sides[side].pop(entry, None)
        return self._take()

    def _enter(
        self, time: int, side: int, quantity: int, limit: int | None, owner: int, number: int, flags: int, minimum: int
    ) -> list[OutRow]:
        self._match_resting(time)
        self._entries += 1
        order = _Order(self._entries, side, quantity, limit, owner, number, flags, minimum)
        price = None if self._called else self.mid(time)
        if flags & at.FOK and self._fillable(order, price) < quantity:
            self._cancel(time, order, at.FILL_OR_KILL)
            return self._take()
        if price is not None:
            self._match(time, order, price)
        if order.left and flags & (at.MARKET | at.IOC | at.FOK):
            reason = at.NO_LIQUIDITY if flags & at.MARKET else at.IMMEDIATE
            if minimum and order.left == quantity:
                reason = at.MINIMUM
            self._cancel(time, order, reason)
        elif order.left:
            self._sides[side][order.entry] = order
            if owner:
                self._own[number] = order
                self._rows.append([at.OUT_REST, time, number, limit or 0, order.left, order.left, 1, 0, 0])
        self._match_resting(time)
        return self._take()

    def _match_resting(self, time: int) -> None:
        """Match what rests, oldest first, until nothing more can trade at the present mid."""
        price = None if self._called else self.mid(time)
        if price is None:
            self._matched_at = None
        while price is not None and price != self._matched_at:
            self._matched_at = price
            for order in sorted([*self._sides[0].values(), *self._sides[1].values()], key=_entry_of):
                if order.left:
                    self._match(time, order, price)

    def _match(self, time: int, order: _Order, price: int) -> None:
        """Have one order trade with all that it can, by their entry."""
        again = order.accepts(price)
        while again:
            again = False
            for other in list(self._sides[1 - order.side].values()):
                quantity = self._execution(order, other, price)
                if quantity == 0:
                    continue
                young, old = (order, other) if order.entry > other.entry else (other, order)
                if order.owner and order.owner == other.owner and young.flags & (at.STP_NEWEST | at.STP_OLDEST):
                    ended = young if young.flags & at.STP_NEWEST else old
                    self._drop(ended)
                    self._cancel(time, ended, at.SELF_TRADE)
                else:
                    self._trade(time, young, old, price, quantity)
                    again = order.left < order.minimum  # those that were too small for it may be large enough now
                if order.left == 0:
                    return

    def _execution(self, order: _Order, other: _Order, price: int) -> int:
        """How much two orders may trade with each other at once, 0 if nothing."""
        if not other.accepts(price):
            return 0
        quantity = min(order.left, other.left)
        return quantity if quantity >= max(min(order.minimum, order.left), min(other.minimum, other.left)) else 0

    def _fillable(self, order: _Order, price: int | None) -> int:
        """How much an order that is not in the pool would trade now."""
        if price is None or not order.accepts(price):
            return 0
        wanted = order.left
        for other in self._sides[1 - order.side].values():
            if not (order.owner and order.owner == other.owner and order.flags & (at.STP_NEWEST | at.STP_OLDEST)):
                order.left -= self._execution(order, other, price)
        filled, order.left = wanted - order.left, wanted
        return filled

    def _trade(self, time: int, young: _Order, old: _Order, price: int, quantity: int) -> None:
        self._trades += 1
        self._last = price
        flags = at.PRINT_HIDDEN | (at.PRINT_OWN_MAKER if old.owner else 0) | (at.PRINT_OWN_TAKER if young.owner else 0)
        self.prints.append(np.array([[time, price, quantity, 1 - 2 * young.side, flags, self._trades]], np.int64))
        for order, maker in ((young, 0), (old, 1)):
            order.left -= quantity
            if order.owner:
                self._rows.append(
                    [at.OUT_FILL, time, order.number, price, quantity, order.left, maker, self._trades, 0]
                )
            if order.left == 0:
                self._drop(order)
            elif order.left < order.minimum:
                self._matched_at = None  # what is left is its minimum now, which others may reach

    def _cancel(self, time: int, order: _Order, reason: int) -> None:
        if order.owner:
            self._rows.append([at.OUT_CANCEL, time, order.number, reason, order.left, 0, 0, 0, 0])
        order.left = 0

    def _drop(self, order: _Order) -> None:
        self._sides[order.side].pop(order.entry, None)
        if order.owner:
            self._own.pop(order.number, None)

    def _take(self) -> list[OutRow]:
        rows, self._rows = self._rows, []
        return rows


def _entry_of(order: _Order) -> int:
    return order.entry
