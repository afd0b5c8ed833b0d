"""A limit order book too simple to be wrong: the oracle of the compiled one.

All orders lie in one list in the order of their claims, and every question sorts that list anew. It shares with the
kernel the names of flags, kinds and reasons, and nothing else.
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
    return [Reply(*row[:7], row[7] if row[0] == at.OUT_FILL else 0) for row in rows]


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
    excess: int = 0  # of a background order: displayed shares that history has traded already

    @property
    def leaves(self) -> int:
        return self.shown + self.reserve


@dataclass
class NaiveBook:
    tick: int = 1
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
        limit = None if flags & at.MARKET else price
        start = len(self.replies)
        if flags & at.MAKER_ONLY and self.tradable(side, limit):
            self._tell(time, owner, at.OUT_CANCEL, number, at.POST_ONLY, quantity, 0, 0)
            return self.replies[start:]
        if flags & at.FOK:
            trial = copy.deepcopy(self)
            trial._match(time, side, quantity, limit, owner, number, flags)
            if sum(printed[2] for printed in trial.prints[len(self.prints) :]) < quantity:
                self._tell(time, owner, at.OUT_CANCEL, number, at.FILL_OR_KILL, quantity, 0, 0)
                return self.replies[start:]
        left = self._match(time, side, quantity, limit, owner, number, flags)
        if left > 0 and flags & (at.MARKET | at.IOC | at.FOK):
            reason = at.NO_LIQUIDITY if flags & at.MARKET else at.IMMEDIATE
            self._tell(time, owner, at.OUT_CANCEL, number, reason, left, 0, 0)
        elif left > 0:
            hidden = bool(flags & at.HIDDEN)
            shown = 0 if hidden else min(peak, left) if peak else left
            self.orders.append(
                NaiveOrder(owner, number, side, price, shown, left - shown, 0 if hidden else peak, hidden)
            )
            self._tell(time, owner, at.OUT_REST, number, price, left, left, 1)
        self.note(time)
        return self.replies[start:]

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

    def replace(
        self, time: int, number: int, quantity: int, price: int, *, owner: int, flags: int = 0, peak: int = 0
    ) -> list[Reply] | None:
        """Change quantity and price; None if that is not possible."""
        order = self.find(number)
        if order is None:
            return None
        if price == order.price and quantity <= order.leaves:
            if quantity < order.leaves:
                self.reduce(time, number, order.leaves - quantity)
            return []
        if flags & at.MAKER_ONLY and self.tradable(order.side, price):
            return None
        self.cancel(time, number)
        return self.submit(time, order.side, quantity, price, owner=owner, number=number, flags=flags, peak=peak)

    # --- the background ---

    def limit_away(self, time: int, side: int, away: int, quantity: int, reference: int) -> list[Reply]:
        """A limit order so many quanta from the opposite side's best, or from its last one."""
        opposite, best = self.last_shown[1 - side], self.best(1 - side)[0]
        if best is not None:  # ours counts where it is better than the background's
            opposite = (min if side == 0 else max)(opposite or best, best)
        price = max(self.tick, opposite + (-away if side == 0 else away))
        return self.submit(time, side, quantity, price, owner=0, number=reference)

    def market_order(self, time: int, side: int, quantity: int, reference: int) -> list[Reply]:
        """A market order of the background."""
        return self.submit(time, side, quantity, 0, owner=0, number=reference, flags=at.MARKET)

    def cancel_background(self, time: int, reference: int) -> None:
        """All that is left of a background order."""
        self.orders = [o for o in self.orders if o.owner > 0 or o.number != reference]
        self.note(time)

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
        self._tell(time, maker.owner, at.OUT_FILL, maker.number, maker.price, quantity, maker.leaves - quantity, 1)
        self._tell(time, owner, at.OUT_FILL, number, maker.price, quantity, left, 0)
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
        while quantity > 0:
            makers = self.tradable(side, limit)
            if not makers:
                break
            maker = makers[0]
            if owner > 0 and maker.owner == owner and flags & PREVENTION:
                if flags & at.STP_OLDEST:
                    self._tell(time, owner, at.OUT_CANCEL, maker.number, at.SELF_TRADE, maker.leaves, 0, 1)
                    self.orders.remove(maker)
                    continue
                self._tell(time, owner, at.OUT_CANCEL, number, at.SELF_TRADE, quantity, 0, 0)
                return 0
            traded = min(quantity, maker.reserve if maker.hidden else maker.shown)
            quantity -= traded
            self.trade(time, side, maker, traded, quantity, owner=owner, number=number)
        return quantity

    def _tell(
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
