"""A limit order book with its own memory: the Python face of the compiled kernel."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from simexec.errors import InputError, SimulationError
from simexec.market import entry
from simexec.market import layout as at
from simexec.market.arrays import BookArrays
from simexec.market.book import front, queue_ahead
from simexec.market.layout import OUT_REST, OUT_TRIGGER
from simexec.market.levels import find_level, sign_of
from simexec.market.records import BookRecords, Observer, Recorded

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
        self.arrays.state[at.TICK] = tick_quanta
        self._records = BookRecords(record, self.arrays.state)
        self.quotes, self.prints, self.queues = self._records.quotes, self._records.prints, self._records.queues
        self._tell: Callable[[list[OutRow]], None] = _nobody
        self._waited_for = False
        self._largest: int | None = None
        self._rows: dict[int, int] = {}
        self._held: list[OutRow] = []

    # --- requests ------------------------------------------------------------------------------------------------------

    def submit(
        self, time: int, side: int, quantity: int, price: int, owner: int = 1, number: int = 0, flags: int = 0, peak: int = 0,
        minimum: int = 0,
    ) -> list[OutRow]:  # fmt: skip
        """Bring an order to the book.

        Args:
            time: ns; not before the last one.
            side: 0 buys, 1 sells.
            quantity: positive.
            price: limit in quanta; ignored for a market order.
            owner: participant, from 1.
            number: the order's number in all rows.
            flags: those of an incoming order in ``layout``, from ``MARKET`` to ``SLIDE``.
            peak: what an iceberg displays at most; 0 displays all.
            minimum: the order does nothing unless it trades so much at once.

        Raises:
            InputError: the quantity is not positive, or too large to be shared out (``set_pro_rata``).
        """
        self._check(quantity, number)
        a = self.arrays
        filled = entry.submit(a.handle, time, side, price, quantity, owner, number, flags, peak, minimum)
        while filled < 0:
            filled = self._again(filled, entry.submit, time, side, price, quantity, owner, number, flags, peak, minimum)
        return self._take(filled)

    def submit_stop(
        self, time: int, side: int, quantity: int, stop: int | None, price: int, owner: int = 1, number: int = 0, flags: int = 0,
        peak: int = 0, trail: int = 0,
    ) -> list[OutRow]:  # fmt: skip
        """Bring an order that waits outside the book until a trade reaches its stop (``stops``).

        ``stop`` is a price in quanta; None lets a trailing stop start from the last trade, and an OUT_CANCEL row says NO_REFERENCE
        where there was none. ``price`` is the limit of the order that it then is, ignored with the flag MARKET; ``trail``
        the distance in quanta at which the stop follows the trades, 0 if it does not. The others are as in ``submit``.
        """
        self._check(quantity, number)
        stop = at.NO_PRICE if stop is None else stop
        a = self.arrays
        filled = entry.submit_stop(a.handle, time, side, stop, price, quantity, owner, number, flags, peak, trail)
        while filled < 0:
            filled = self._again(
                filled, entry.submit_stop, time, side, stop, price, quantity, owner, number, flags, peak, trail
            )
        return self._take(filled)

    def submit_peg(
        self, time: int, side: int, quantity: int, kind: int, offset: int, cap: int | None = None, owner: int = 1,
        number: int = 0, flags: int = 0, peak: int = 0,
    ) -> list[OutRow]:  # fmt: skip
        """Bring an order whose price follows the best prices (``reactions``).

        ``kind`` is ``PEG_PRIMARY``, ``PEG_MARKET`` or ``PEG_MID`` of ``layout``; ``offset`` is added to the reference price,
        in quanta; ``cap`` is a price in quanta that it does not go beyond. The others are as in ``submit``.
        """
        self._check(quantity, number)
        limit = at.ANY_KEY if cap is None else sign_of(side) * cap
        a = self.arrays
        filled = entry.submit_peg(a.handle, time, side, offset, limit, quantity, owner, number, flags | kind, peak)
        while filled < 0:
            filled = self._again(
                filled, entry.submit_peg, time, side, offset, limit, quantity, owner, number, flags | kind, peak
            )
        return self._take(filled)

    def cancel(self, time: int, number: int) -> int:
        """Take an order out; returns the quantity cancelled, 0 if no such order rests.

        What that sets off (a peg that loses its reference, say) is told to the listener.
        """
        row = self._rows.get(number)
        if row is None:
            return 0
        leaves = self.leaves(number)
        del self._rows[number]
        self._withdraw(time, row, leaves)
        return leaves

    def reduce(self, time: int, number: int, quantity: int) -> int:
        """Take ``quantity`` off an order, undisplayed first; it keeps its place. Returns what is left, 0 if it is gone."""
        if quantity <= 0:
            raise InputError(f"order number {number} cannot be reduced by {quantity}; it must be positive")
        row = self._rows.get(number)
        if row is None:
            return 0
        if quantity >= self.leaves(number):
            del self._rows[number]
        return self._withdraw(time, row, quantity)

    def replace(
        self, time: int, number: int, quantity: int, price: int | None, *, owner: int = 1, flags: int = 0, peak: int = 0,
        stop: int | None = None,
    ) -> list[OutRow] | None:  # fmt: skip
        """Change a resting order to ``quantity`` open at ``price``; of a peg that is its cap, of a waiting stop its limit.

        Less quantity with the same prices keeps the place; anything else goes to the back of the queue, and trades if it crosses.
        None for ``price`` or ``stop`` leaves it as it is. Returns None, and changes nothing, if no such order rests or it is
        post-only, does not slide, and would trade.
        """
        self._check(quantity, number)
        row = self._rows.get(number)
        if row is None:
            return None
        order = self.arrays.orders[row]
        ladder = int(self.arrays.levels[order[at.LEVEL], at.SIDE])
        side = ladder if ladder < at.WAITING else at.WAITING + 1 - ladder
        kind, limit, offset = int(order[at.FLAGS]), int(order[at.LIMIT]), int(order[at.OFFSET])
        leaves = int(order[at.SHOWN] + order[at.RESERVE])
        waits = bool(kind & at.STOP)
        key = limit if kind else int(order[at.KEY])
        wanted = key if price is None or (waits and flags & at.MARKET) else sign_of(side) * price
        stop_now = sign_of(ladder) * int(order[at.KEY])
        if waits and int(order[at.KEY]) == at.ELECTED:  # a call keeps it from acting: it is a waiting stop again
            stop_now, offset = sign_of(ladder) * int(order[at.CHAIN_PREV]), int(order[at.CHAIN_NEXT])
        if wanted == key and quantity <= leaves and (stop is None or not waits or stop == stop_now):
            if quantity < leaves:
                self.reduce(time, number, leaves - quantity)
            return []
        if not kind and flags & at.MAKER_ONLY and not flags & at.SLIDE and self.crosses(side, sign_of(side) * wanted):
            return None
        self._withdraw(time, row, leaves, replacing=True)
        del self._rows[number]
        if waits:
            at_stop = stop_now if stop is None else stop
            return self.submit_stop(
                time, side, quantity, at_stop, sign_of(side) * wanted, owner, number, flags, peak, offset
            )
        if kind:
            cap = None if wanted == at.ANY_KEY else sign_of(side) * wanted
            return self.submit_peg(time, side, quantity, kind & at.PEGGED, offset, cap, owner, number, flags, peak)
        return self.submit(time, side, quantity, sign_of(side) * wanted, owner, number, flags, peak)

    def _check(self, quantity: int, number: int) -> None:
        if quantity <= 0:
            raise InputError(f"quantity {quantity} of order number {number} must be positive")
        if self._largest is not None and quantity > self._largest:
            raise InputError(f"quantity {quantity} of order number {number} is too large to be shared out pro rata")

    def _again(self, code: int, request: Callable[..., int], *arguments: int) -> int:
        """Make room, and go on with a request that was interrupted."""
        self.make_room()
        handle = self.arrays.handle
        return int(entry.resume(handle) if code == -at.MORE else request(handle, *arguments))

    def _withdraw(self, time: int, row: int, quantity: int, *, replacing: bool = False) -> int:
        left: int = entry.withdraw(self.arrays.handle, time, row, quantity, replacing)
        while left == -at.GROW:
            self.make_room()
            left = entry.withdraw(self.arrays.handle, time, row, quantity, replacing)
        if left & 1:
            filled = entry.resume(self.arrays.handle)
            while filled < 0:
                filled = self._again(filled, entry.resume)
            self._tell(self._take(filled))
        elif self._waited_for and not replacing:
            self._serve_watches()
        return left >> 1

    # --- rules of the venue --------------------------------------------------------------------------------------------

    def set_pro_rata(self, minimum: int = 1) -> None:
        """Share an incoming order out in proportion to displayed size at each price; shares below ``minimum`` are nothing.

        Quantities are below 2**31 then.
        """
        if minimum < 1:
            raise InputError(f"least pro-rata allocation {minimum} must be at least 1")
        self.arrays.state[at.PRO_RATA] = minimum
        self._largest = 2**31 - 1

    def set_band(self, low: int | None, high: int | None) -> None:
        """Let nothing trade below ``low`` or above ``high`` quanta; a match that would ends in a call. None for both: no band."""
        state = self.arrays.state
        state[at.BAND_SET] = low is not None or high is not None
        state[at.BAND] = -at.ANY_KEY if low is None else low
        state[at.BAND + 1] = at.ANY_KEY if high is None else high

    def set_phase(self, time: int, phase: int) -> list[OutRow]:
        """Begin a call (``layout.CALL``: orders rest without trading), or end it: what crosses trades at one price."""
        filled = entry.set_phase(self.arrays.handle, time, phase)
        while filled < 0:
            filled = self._again(filled, entry.set_phase, time, phase)
        return self._take(filled)

    @property
    def phase(self) -> int:
        """``layout.CONTINUOUS`` or ``layout.CALL``."""
        return at.CALL if self.arrays.state[at.PHASE] != at.CONTINUOUS else at.CONTINUOUS

    @property
    def last_price(self) -> int | None:
        """Price of the last trade in quanta, None before the first."""
        price = int(self.arrays.state[at.LAST_PRICE])
        return None if price == at.NO_PRICE else price

    # --- who waits -----------------------------------------------------------------------------------------------------

    def listen(self, listener: Callable[[list[OutRow]], None]) -> None:
        """Have ``listener`` called with rows that no request of its own brought about."""
        self._tell = listener

    def watch(self, buy_key: int, sell_key: int, *, quotes: bool, trades: bool, depth: bool) -> None:
        """Say what somebody waits for; the kernel stops at the first message that fulfils one.

        Args:
            buy_key: least best bid (quanta); ``ANY_KEY`` if nobody waits for one.
            sell_key: least key of the best offer: minus its price.
            quotes: whether for any change of the best bid and offer.
            trades: whether for any trade.
            depth: whether for any change of the depth that is recorded.
        """
        state = self.arrays.state
        state[at.WATCH_KEY : at.WATCH_KEY + 2] = buy_key, sell_key
        state[at.WATCH_QUOTES], state[at.WATCH_TRADES], state[at.WATCH_DEPTH] = quotes, trades, depth
        state[at.TRADES_SEEN] = state[at.TRADES]
        waited_for = quotes or trades or depth or min(buy_key, sell_key) < at.ANY_KEY
        self._waited_for = waited_for
        state[at.WATCHED] = waited_for

    def _serve_watches(self) -> None:
        state = self.arrays.state
        if state[at.WATCH_HIT]:
            state[at.WATCH_HIT] = 0
            self.flush()

    # --- log and memory ------------------------------------------------------------------------------------------------

    def take_rows(self) -> list[OutRow]:
        """The rows for participants since the last call; keeps track of which orders rest where."""
        state = self.arrays.state
        filled = int(state[at.LOGGED])
        state[at.LOGGED] = 0
        return self._take(filled)

    def tell_rows(self) -> None:
        """Tell the listener what the background's messages have brought about."""
        self._tell(self.take_rows())

    def _take(self, filled: int) -> list[OutRow]:
        rows: list[OutRow] = self.arrays.out[:filled].tolist()
        if self._held:
            rows = self._held + rows
            self._held = []
        for kind, _, number, _, _, leaves, maker, _, place in rows:
            if kind == OUT_REST:
                self._rows[number] = place
            elif maker == 1 and (leaves == 0 or kind >= OUT_TRIGGER):  # a resting order that ends, or leaves its place
                del self._rows[number]
        if self._waited_for:
            self._serve_watches()
        return rows

    def make_room(self) -> None:
        """Drain the log and double what is full."""
        a = self.arrays
        self._held += a.log[at.OUT, : a.state[at.LOGGED]].tolist()
        a.state[at.LOGGED] = 0
        self.flush()
        if 2 * int(a.state[at.OWN_ORDERS :][:4].sum()) > a.log.shape[1]:
            a.widen_log()
        a.grow()

    def flush(self) -> None:
        """Move what the kernel has written down to ``quotes``, ``prints`` and ``queues``, and show it to those who observe it."""
        self._records.flush(self.arrays)

    def observe_quotes(self, observer: Observer) -> None:
        """Have ``observer`` called with new rows of ``quotes`` whenever they are flushed, whether or not they are kept."""
        self._records.observe(self.arrays, at.QUOTES, observer)

    def observe_prints(self, observer: Observer) -> None:
        """As ``observe_quotes``, with new rows of ``prints``."""
        self._records.observe(self.arrays, at.PRINTS, observer)

    def observe_depth(self, observer: Observer, levels: int) -> None:
        """As ``observe_quotes``, with rows time, side, index from the best, price, quantity, orders: what has changed of the top.

        Raises:
            InputError: more levels than a book writes down.
        """
        self._records.observe(self.arrays, at.DEPTHS, observer, levels)

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
        return QueuePosition(*queue_ahead(self.arrays.orders, self.arrays.levels, row))

    def quote(self) -> Quote:
        """Best displayed bid and offer now."""
        bid, bid_size, ask, ask_size = self.arrays.state[at.QUOTE : at.QUOTE + 4].tolist()
        return Quote(
            int(self.arrays.state[at.TIME]), bid if bid_size else None, bid_size, ask if ask_size else None, ask_size
        )

    def crosses(self, side: int, price: int) -> bool:
        """Whether an order of this side and limit would trade at once, hidden orders included."""
        a = self.arrays
        return bool(front(a.state, a.levels, a.ladder, 1 - side, sign_of(side) * price) != at.NIL)

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


def _nobody(rows: list[OutRow]) -> None:
    """Rows of a book that nobody listens to."""
