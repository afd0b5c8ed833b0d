"""A limit order book too simple to be wrong: the oracle of the compiled one.

All orders lie in one list in the order of their claims, and every question sorts that list anew. It shares with the
kernel the names of flags, kinds and reasons, and nothing else. What waits outside a book or moves in it by itself, and the
phases of a venue, are in ``naive_matching``.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import NamedTuple

from simexec.market import layout as at

PREVENTION = at.STP_NEWEST | at.STP_OLDEST


class Reply(NamedTuple):
    """What a participant is told; ``trade`` is 0 unless it is a fill."""

    kind: int
    time: int
    number: int
    price: int
    quantity: int
    leaves: int
    maker: int
    trade: int


def as_replies(rows: list[list[int]]) -> list[Reply]:
    """The kernel's rows, without what the naive book does not know: the order's place in memory."""
    return [Reply._make([*row[:7], row[7] if row[0] == at.OUT_FILL else 0]) for row in rows]


@dataclass(eq=False)
class NaiveOrder:
    owner: int
    number: int
    side: int
    price: int
    shown: int
    reserve: int
    peak: int = 0
    hidden: bool = False
    pegged: bool = False
    excess: int = 0  # of a background order: displayed shares that history has traded already

    @property
    def leaves(self) -> int:
        return self.shown + self.reserve

    @property
    def next(self) -> int:
        """What it trades before it moves back in the queue, or is gone."""
        return self.reserve if self.hidden else self.shown


@dataclass
class NaiveBook:
    tick: int = 1
    least_share: int = 0  # of a pro-rata allocation; 0: first in, first out
    band: tuple[int, int] | None = None
    calling: bool = False  # orders rest without trading
    orders: list[NaiveOrder] = field(default_factory=list)  # the oldest claim to a price first
    trades: int = 0
    replies: list[Reply] = field(default_factory=list)
    prints: list[tuple[int, ...]] = field(default_factory=list)
    quotes: list[tuple[int, ...]] = field(default_factory=list)
    last_shown: list[int] = field(default_factory=lambda: [0, 0])

    # --- questions ---

    def side(self, side: int) -> list[NaiveOrder]:
        """Orders of a side in the order in which they trade."""
        sign = 1 if side == 0 else -1
        return sorted((o for o in self.orders if o.side == side), key=lambda o: (-sign * o.price, o.hidden))

    def tradable(self, side: int, price: int | None) -> list[NaiveOrder]:
        """What an incoming order of ``side`` may trade with, the first first."""
        found = self.side(1 - side)
        if price is None:
            return found
        return [o for o in found if (o.price <= price if side == 0 else o.price >= price)]

    def find(self, number: int) -> NaiveOrder | None:
        """A participant's order."""
        return next((o for o in self.orders if o.owner > 0 and o.number == number), None)

    def depth(self, side: int) -> list[tuple[int, int, int]]:
        """Displayed price, quantity and orders."""
        found: dict[int, list[int]] = {}
        for order in self.side(side):
            if not order.hidden:
                level = found.setdefault(order.price, [0, 0])
                level[0] += order.shown
                level[1] += 1
        return [(price, quantity, count) for price, (quantity, count) in found.items()]

    def prices(self, side: int) -> list[int]:
        """All prices with an order, hidden or not, the best first."""
        return list(dict.fromkeys(o.price for o in self.side(side)))

    def queue(self, side: int, price: int) -> list[tuple[int, int, int, int]]:
        """Owner, number, displayed and undisplayed quantity."""
        return [(o.owner, o.number, o.shown, o.reserve) for o in self.side(side) if o.price == price]

    def queue_position(self, number: int) -> tuple[int, int]:
        """Orders ahead at the price, and the quantity they trade first: of a displayed order only what is displayed."""
        order = self.find(number)
        assert order is not None
        level = [o for o in self.side(order.side) if o.price == order.price]
        ahead = level[: level.index(order)]
        return len(ahead), sum(o.leaves if order.hidden else o.shown for o in ahead)

    def best(self, side: int) -> tuple[int | None, int]:
        """Best displayed price and its quantity."""
        depth = self.depth(side)
        return depth[0][:2] if depth else (None, 0)

    def crossed(self) -> bool:
        """Whether two resting orders could trade."""
        bids, asks = self.prices(0), self.prices(1)
        return bool(bids and asks and bids[0] >= asks[0])

    # --- requests ---

    def submit(
        self, time: int, side: int, quantity: int, price: int, *, owner: int, number: int, flags: int = 0, peak: int = 0
    ) -> list[Reply]:
        """Bring an order, a participant's or (owner 0) of the background."""
        start = len(self.replies)
        self.enter(time, side, quantity, price, owner=owner, number=number, flags=flags, peak=peak)
        self.note(time)
        return self.replies[start:]

    def enter(
        self,
        time: int,
        side: int,
        quantity: int,
        price: int,
        *,
        owner: int,
        number: int,
        flags: int = 0,
        peak: int = 0,
        minimum: int = 0,
    ) -> None:
        """What an incoming order does, up to its rest or its end."""
        limit = None if flags & at.MARKET else price
        if flags & at.MAKER_ONLY and (makers := self.tradable(side, limit)) and not self.calling:
            best = makers[0].price  # one tick off it, or the next whole tick where it is between two
            free = (best - 1) // self.tick * self.tick if side == 0 else (best // self.tick + 1) * self.tick
            if not flags & at.SLIDE or free < self.tick:
                self.tell(time, owner, at.OUT_CANCEL, number, at.POST_ONLY, quantity, 0, 0)
                return
            limit = price = free
        if flags & at.FOK or minimum:
            trial = copy.deepcopy(self)
            trial._match(time, side, quantity, limit, owner, number, flags)
            traded = sum(printed[2] for printed in trial.prints[len(self.prints) :])
            for least, reason in ((quantity if flags & at.FOK else 0, at.FILL_OR_KILL), (minimum, at.MINIMUM)):
                if traded < least:
                    self.tell(time, owner, at.OUT_CANCEL, number, reason, quantity, 0, 0)
                    return
        left = self._match(time, side, quantity, limit, owner, number, flags)
        if left > 0 and flags & (at.MARKET | at.IOC | at.FOK):
            reason = at.NO_LIQUIDITY if flags & at.MARKET else at.IMMEDIATE
            self.tell(time, owner, at.OUT_CANCEL, number, reason, left, 0, 0)
        elif left > 0:
            self.rest(side, left, price, owner=owner, number=number, flags=flags, peak=peak)
            self.tell(time, owner, at.OUT_REST, number, price, left, left, 1)

    def rest(
        self, side: int, quantity: int, price: int, *, owner: int, number: int, flags: int = 0, peak: int = 0
    ) -> NaiveOrder:
        """Put an order at the back of its queue."""
        hidden = bool(flags & at.HIDDEN)
        shown = 0 if hidden else min(peak, quantity) if peak else quantity
        order = NaiveOrder(owner, number, side, price, shown, quantity - shown, 0 if hidden else peak, hidden)
        self.orders.append(order)
        return order

    def cancel(self, time: int, number: int) -> int:
        """Take an order out; what it had left."""
        order = self.find(number)
        if order is None:
            return 0
        self.orders.remove(order)
        self.note(time)
        return order.leaves

    def reduce(self, time: int, number: int, quantity: int) -> int:
        """Take quantity off, undisplayed first; what is left."""
        order = self.find(number)
        if order is None:
            return 0
        unseen = min(quantity, order.reserve)
        order.reserve -= unseen
        order.shown -= min(quantity - unseen, order.shown)
        if order.leaves == 0:
            self.orders.remove(order)
        self.note(time)
        return order.leaves

    # --- inside ---

    def print_trade(self, time: int, side: int, price: int, quantity: int, marks: int) -> None:
        """Number a trade; ``side`` is the aggressor's."""
        self.trades += 1
        self.prints.append((time, price, quantity, 1 if side == 0 else -1, marks, self.trades))

    def trade(
        self, time: int, side: int, maker: NaiveOrder, quantity: int, left: int, *, owner: int = 0, number: int = 0
    ) -> None:
        """Trade with what a resting order trades next, its leftover first; ``left`` is what the aggressor has then."""
        marks = (
            (at.PRINT_HIDDEN if maker.hidden else 0)
            | (at.PRINT_OWN_MAKER if maker.owner else 0)
            | (at.PRINT_OWN_TAKER if owner else 0)
        )
        self.print_trade(time, side, maker.price, quantity, marks)
        self.tell(time, maker.owner, at.OUT_FILL, maker.number, maker.price, quantity, maker.leaves - quantity, 1)
        self.tell(time, owner, at.OUT_FILL, number, maker.price, quantity, left, 0)
        self.take(maker, quantity)

    def take(self, maker: NaiveOrder, quantity: int) -> None:
        """Take traded quantity off a resting order; an iceberg shows more, at the back of the queue."""
        maker.excess -= min(maker.excess, quantity)
        if maker.hidden:
            maker.reserve -= quantity
        else:
            maker.shown -= quantity
        if maker.leaves == 0:
            self.orders.remove(maker)
        elif not maker.hidden and maker.shown == 0:
            maker.shown = min(maker.peak, maker.reserve)
            maker.reserve -= maker.shown
            self.orders.remove(maker)
            self.orders.append(maker)

    def _match(
        self, time: int, side: int, quantity: int, limit: int | None, owner: int, number: int, flags: int
    ) -> int:
        """Trade what can be traded; the rest, 0 also if that is cancelled."""
        left = quantity
        while left > 0 and not self.calling and (makers := self.tradable(side, limit)):
            price = makers[0].price
            if self.band is not None and not self.band[0] <= price <= self.band[1]:
                self.calling = True
                self.replies.append(Reply(at.OUT_HALT, time, 0, price, left, 0, 0, 0))
                self.tell(time, owner, at.OUT_CANCEL, number, at.OUT_OF_BAND, left, 0, 0)
                return 0
            turns = self._turns(makers, left)
            own = next((o for o, _ in turns if o.owner == owner and owner > 0 and flags & PREVENTION), None)
            if own is not None and flags & at.STP_OLDEST:
                self.tell(time, owner, at.OUT_CANCEL, own.number, at.SELF_TRADE, own.leaves, 0, 1)
                self.orders.remove(own)
            elif own is not None:
                self.tell(time, owner, at.OUT_CANCEL, number, at.SELF_TRADE, left, 0, 0)
                return 0
            else:
                for maker, share in turns:
                    if share > 0:
                        left -= share
                        self.trade(time, side, maker, share, left, owner=owner, number=number)
        return left

    def _turns(self, makers: list[NaiveOrder], quantity: int) -> list[tuple[NaiveOrder, int]]:
        """Who trades next, and how much: the first alone; pro rata, all that is displayed at the best price.

        An order whose share is nothing is among them: prevention of self-trades looks at the whole price first.
        """
        first = makers[0]
        if first.hidden or not self.least_share:
            return [(first, min(quantity, first.next))]
        level = [order for order in makers if order.price == first.price and not order.hidden]
        total = sum(order.shown for order in level)
        if quantity >= total:
            return [(order, order.shown) for order in level]
        shares = [quantity * order.shown // total for order in level]
        shares = [share if share >= self.least_share else 0 for share in shares]
        turns = list(zip(level, shares, strict=True))
        rest = quantity - sum(shares)
        for order, share in zip(level, shares, strict=True):
            more = min(rest, order.shown - share)
            rest -= more
            turns.append((order, more))
        return turns

    def tell(
        self, time: int, owner: int, kind: int, number: int, price: int, quantity: int, leaves: int, maker: int
    ) -> None:
        if owner > 0:
            trade = self.trades if kind == at.OUT_FILL else 0
            self.replies.append(Reply(kind, time, number, price, quantity, leaves, maker, trade))

    def note(self, time: int) -> None:
        """Write the best prices down if they have changed."""
        top = []
        for side in range(2):
            price, quantity = self.best(side)
            if price is not None:
                background = [o.price for o in self.side(side) if o.owner == 0 and not o.hidden]
                self.last_shown[side] = background[0] if background else self.last_shown[side] or price
            top += [at.NO_PRICE if price is None else price, quantity]
        nothing = (at.NO_PRICE, 0, at.NO_PRICE, 0)
        if tuple(top) != (self.quotes[-1][1:] if self.quotes else nothing):
            self.quotes.append((time, *top))
