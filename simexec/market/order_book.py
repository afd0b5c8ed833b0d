"""A limit order book with its own memory: the Python face of the compiled kernel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np

from simexec.errors import InputError, SimulationError
from simexec.market import book as kernel
from simexec.market import layout as at
from simexec.market.arrays import BookArrays
from simexec.market.columns import Columns
from simexec.market.layout import OUT_REST
from simexec.market.levels import Array, find_level, sign_of

OutRow = list[int]
"""A row for participants: kind, time, order number, price, quantity, leaves, maker, trade number, order row (``layout``)."""


@attrs.frozen
class Quote:
    """Best bid and offer. Prices in quanta; a side that shows nothing has price None and size 0."""

    time_ns: int
    bid: int | None
    bid_size: int
    ask: int | None
    ask_size: int


@attrs.frozen
class QueuePosition:
    """What trades before an order at its price: orders, and their displayed quantity (all of it, for a hidden order)."""

    orders_ahead: int
    quantity_ahead: int


@attrs.frozen
class Recorded:
    """What a book writes down while it runs."""

    quotes: bool = True
    prints: bool = True
    queues: bool = True
    spill: Path | None = None


class OrderBook:
    """Price-time priority by order, for any number of participants and a background without names.

    Prices are ints of the instrument's price quantum, quantities ints, times ns. Participants are numbered from 1; their
    orders have numbers that the caller gives and never uses twice while the order rests. Every call answers with rows
    (``OutRow``) in the order in which things happened, for all participants concerned.

    Attributes:
        arrays: the compiled book's memory.
        quotes: columns time, bid, bid size, ask, ask size; a row wherever they change.
        prints: columns time, price, quantity, aggressor's sign, flags, trade number.
        queues: columns time, order number, orders ahead, quantity ahead, leaves; a row wherever quantity ahead changes.
    """

    def __init__(self, *, tick_quanta: int = 1, record: Recorded | None = None) -> None:
        record = record or Recorded()
        self.arrays = BookArrays.empty()
        state = self.arrays.state
        state[at.TICK] = tick_quanta
        state[at.RECORD_QUOTES] = record.quotes
        state[at.RECORD_PRINTS] = record.prints
        state[at.RECORD_QUEUES] = record.queues
        self.quotes = Columns(5, spill=record.spill, name="quotes")
        self.prints = Columns(6, spill=record.spill, name="prints")
        self.queues = Columns(5, spill=record.spill, name="queues")
        self._keep_quotes = record.quotes
        self._watchers: list[Callable[[Array], None]] = []
        self._rows: dict[int, int] = {}
        self._held: list[OutRow] = []

    # --- requests ------------------------------------------------------------------------------------------------------

    def submit(
        self, time: int, side: int, quantity: int, price: int, owner: int = 1, number: int = 0, flags: int = 0, peak: int = 0
    ) -> list[OutRow]:  # fmt: skip
        """Bring an order to the book.

        Args:
            time: ns; not before the last one.
            side: 0 buys, 1 sells.
            quantity: positive.
            price: limit in quanta; ignored for a market order.
            owner: participant, from 1.
            number: the order's number in all rows.
            flags: ``MARKET``, ``IOC``, ``FOK``, ``MAKER_ONLY``, ``HIDDEN``, ``STP_NEWEST``, ``STP_OLDEST`` of ``layout``.
            peak: what an iceberg displays at most; 0 displays all.

        Raises:
            InputError: the quantity is not positive.
        """
        if quantity <= 0:
            raise InputError(f"quantity {quantity} of order number {number} must be positive")
        a = self.arrays
        filled = kernel.submit(
            a.state, a.orders, a.levels, a.ladder, a.slots, a.log, time, side, price, quantity, owner, number, flags, peak
        )  # fmt: skip
        while filled < 0:
            self.make_room()
            a = self.arrays
            if filled == -at.MORE:
                filled = kernel.settle(a.state, a.orders, a.levels, a.ladder, a.slots, a.log)
            else:
                filled = kernel.submit(
                    a.state, a.orders, a.levels, a.ladder, a.slots, a.log, time, side, price, quantity, owner, number, flags, peak
                )  # fmt: skip
        return self._take(filled)

    def cancel(self, time: int, number: int) -> int:
        """Take an order out; returns the quantity cancelled, 0 if no such order rests."""
        row = self._rows.get(number)
        if row is None:
            return 0
        leaves = self.leaves(number)
        self._withdraw(time, row, leaves)
        del self._rows[number]
        return leaves

    def reduce(self, time: int, number: int, quantity: int) -> int:
        """Take ``quantity`` off an order, undisplayed first; it keeps its place. Returns what is left, 0 if it is gone."""
        if quantity <= 0:
            raise InputError(f"order number {number} cannot be reduced by {quantity}; it must be positive")
        row = self._rows.get(number)
        if row is None:
            return 0
        left = self._withdraw(time, row, quantity)
        if left == 0:
            del self._rows[number]
        return left

    def replace(
        self, time: int, number: int, quantity: int, price: int, *, owner: int = 1, flags: int = 0, peak: int = 0
    ) -> list[OutRow] | None:  # fmt: skip
        """Change a resting order to ``quantity`` open at ``price``.

        Less quantity at the same price keeps the place; anything else goes to the back of the queue, and trades if it crosses.
        Returns None, and changes nothing, if no such order rests or it is post-only and would trade.
        """
        row = self._rows.get(number)
        if row is None:
            return None
        order = self.arrays.orders[row]
        side = int(self.arrays.levels[order[at.LEVEL], at.SIDE])
        leaves = int(order[at.SHOWN] + order[at.RESERVE])
        if price == sign_of(side) * int(order[at.KEY]) and quantity <= leaves:
            if quantity < leaves:
                self.reduce(time, number, leaves - quantity)
            return []
        if flags & at.MAKER_ONLY and self.crosses(side, price):
            return None
        self._withdraw(time, row, leaves)
        del self._rows[number]
        return self.submit(time, side, quantity, price, owner=owner, number=number, flags=flags, peak=peak)

    def _withdraw(self, time: int, row: int, quantity: int) -> int:
        while True:
            a = self.arrays
            left = kernel.withdraw(a.state, a.orders, a.levels, a.ladder, a.slots, a.log, time, row, quantity)
            if left != at.NIL:
                return left
            self.make_room()

    # --- log and memory ------------------------------------------------------------------------------------------------

    def take_rows(self) -> list[OutRow]:
        """The rows for participants since the last call; keeps track of which orders rest where."""
        state = self.arrays.state
        rows = self._take(int(state[at.LOGGED]))
        state[at.LOGGED] = 0
        return rows

    def _take(self, filled: int) -> list[OutRow]:
        rows: list[OutRow] = self.arrays.out[:filled].tolist()
        if self._held:
            rows = self._held + rows
            self._held = []
        for kind, _, number, _, _, leaves, maker, _, place in rows:
            if kind == OUT_REST:
                self._rows[number] = place
            elif leaves == 0 and maker == 1:  # a resting order with nothing left
                del self._rows[number]
        return rows

    def make_room(self) -> None:
        """Drain the log and double what is full."""
        a = self.arrays
        self._held += a.log[at.OUT, : a.state[at.LOGGED]].tolist()
        a.state[at.LOGGED] = 0
        self.flush()
        if 2 * int(a.state[at.OWN_ORDERS] + a.state[at.OWN_ORDERS + 1]) > a.log.shape[1]:
            a.widen_log()
        a.grow()

    def flush(self) -> None:
        """Move what the kernel has written down to ``quotes``, ``prints`` and ``queues``."""
        a = self.arrays
        for part, columns, width in (
            (at.QUOTES, self.quotes, 5),
            (at.PRINTS, self.prints, 6),
            (at.QUEUES, self.queues, 5),
        ):
            used = int(a.state[at.LOGGED + part])
            if used:
                rows = a.log[part, :used, :width]
                if part == at.QUOTES:
                    for watch in self._watchers:
                        watch(rows)
                if part != at.QUOTES or self._keep_quotes:
                    columns.append(rows)
                a.state[at.LOGGED + part] = 0

    def watch_quotes(self, watch: Callable[[Array], None]) -> None:
        """Have ``watch`` called with new rows of ``quotes`` whenever they are flushed, whether or not they are kept."""
        self.flush()
        self._watchers.append(watch)
        self.arrays.state[at.RECORD_QUOTES] = 1

    # --- questions -----------------------------------------------------------------------------------------------------

    def rests(self, number: int) -> bool:
        """Whether a participant's order is in the book."""
        return number in self._rows

    def leaves(self, number: int) -> int:
        """Open quantity of a participant's order, 0 if it does not rest."""
        row = self._rows.get(number)
        if row is None:
            return 0
        return int(self.arrays.orders[row, at.SHOWN] + self.arrays.orders[row, at.RESERVE])

    def queue_position(self, number: int) -> QueuePosition:
        """What is ahead of a participant's order; SimulationError if it does not rest."""
        row = self._rows.get(number)
        if row is None:
            raise SimulationError(f"order number {number} does not rest in the book")
        return QueuePosition(*kernel.queue_ahead(self.arrays.orders, self.arrays.levels, row))

    def quote(self) -> Quote:
        """Best displayed bid and offer now."""
        bid, bid_size, ask, ask_size = self.arrays.state[at.QUOTE : at.QUOTE + 4].tolist()
        return Quote(
            int(self.arrays.state[at.TIME]), bid if bid_size else None, bid_size, ask if ask_size else None, ask_size
        )

    def crosses(self, side: int, price: int) -> bool:
        """Whether an order of this side and limit would trade at once, hidden orders included."""
        a = self.arrays
        return bool(kernel.front(a.state, a.levels, a.ladder, 1 - side, sign_of(side) * price) != at.NIL)

    def depth(self, side: int, levels: int | None = None) -> list[tuple[int, int, int]]:
        """Displayed price, quantity and number of orders, the best first."""
        a = self.arrays
        rows = a.ladder[side, : a.state[at.LADDER_SIZE + side], 1][::-1]
        found = a.levels[rows]
        found = found[found[:, at.LEVEL_SHOWN] > 0][:levels]
        prices = found[:, at.KEY] * (1 - 2 * side)
        return list(zip(prices.tolist(), found[:, at.LEVEL_SHOWN].tolist(), found[:, at.COUNT].tolist(), strict=True))

    def queue(self, side: int, price: int) -> list[tuple[int, int, int, int]]:
        """Orders of a price in priority: owner, reference or number, displayed and undisplayed quantity; hidden ones last."""
        a = self.arrays
        level = find_level(a.state, a.ladder, side, (1 - 2 * side) * price)
        found: list[tuple[int, int, int, int]] = []
        if level == at.NIL:
            return found
        for head in (at.HEAD, at.HIDDEN_HEAD):
            row = int(a.levels[level, head])
            while row != at.NIL:
                order = a.orders[row]
                found.append((int(order[at.OWNER]), int(order[at.REF]), int(order[at.SHOWN]), int(order[at.RESERVE])))
                row = int(order[at.NEXT])
        return found

    def background_shares(self) -> tuple[int, int]:
        """Displayed background shares that history has too, and leftovers."""
        a = self.arrays
        shown = leftover = 0
        for side in range(2):
            for level in a.ladder[side, : a.state[at.LADDER_SIZE + side], 1].tolist():
                row = int(a.levels[level, at.HEAD])
                while row != at.NIL:
                    order = a.orders[row]
                    if order[at.OWNER] == 0:
                        shown += int(order[at.SHOWN] - order[at.EXCESS])
                        leftover += int(order[at.EXCESS])
                    row = int(order[at.NEXT])
        return shown, leftover


def empty_messages() -> Array:
    """A chunk of no messages."""
    return np.empty((0, at.MESSAGE_WIDTH), np.int64)
