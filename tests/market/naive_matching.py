"""The venue's rules around a naive book: stops, pegs, calls and auctions, too simple to be wrong.

Written from the rules alone; it has the face of the compiled ``OrderBook`` and answers in the same rows. A *message* is a
request or a background message. When it has been applied, what it set off acts, one thing at a time: the first elected
stop, else the first peg (by entry) whose price is no longer right, until nothing is left to act. Where rule books differ,
the choice is said beside the rule.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from simexec.market import layout as at

from .naive_book import NaiveBook, NaiveOrder, Reply


@dataclass(eq=False)
class NaiveStop:
    """An order that waits outside the book for a trade at ``stop`` or beyond."""

    owner: int
    number: int
    side: int
    quantity: int
    stop: int
    price: int
    flags: int
    peak: int
    trail: int
    entry: int  # how many stops came before it
    elected_at: int | None = None  # the trade's price

    def reached(self, price: int) -> bool:
        return price >= self.stop if self.side == 0 else price <= self.stop


@dataclass(eq=False)
class NaivePeg:
    """An order that follows the best prices; ``parked`` while there is none to follow."""

    order: NaiveOrder
    kind: int
    offset: int
    cap: int | None
    flags: int
    peak: int
    parked: bool = True


class Standing(NamedTuple):
    """What a replace may change of an order: ``price`` is the limit, of a peg the cap; None if it has none."""

    owner: int
    price: int | None
    flags: int
    peak: int
    stop: int | None
    plain: bool


@dataclass
class NaiveMatching:
    """A book, what waits outside it, and the order in which things act.

    Attributes:
        stops: in the order in which they came to their stop prices: a stop that trails is new at its new price, and those
            that one trade moves come in the order of their entry.
        elected: stops in the order of their election. What a call leaves of them acts when it has ended.
        pegs: in the order of their entry; one that has acted as an incoming order has entered anew.
    """

    tick: int = 1
    stops: list[NaiveStop] = field(default_factory=list)
    elected: list[NaiveStop] = field(default_factory=list)
    pegs: list[NaivePeg] = field(default_factory=list)
    last_price: int | None = None
    prints_seen: int = 0
    entries: int = 0

    def __post_init__(self) -> None:
        self.book = NaiveBook(self.tick)

    # --- questions ---

    @property
    def phase(self) -> int:
        return at.CALL if self.book.calling else at.CONTINUOUS

    def numbers(self) -> list[int]:
        """Participants' live orders, wherever they are."""
        outside = [stop.number for stop in self.stops + self.elected]
        outside += [peg.order.number for peg in self.pegs if peg.parked]
        return [order.number for order in self.book.orders if order.owner > 0] + outside

    def standing(self, number: int) -> Standing:
        """A live order as it was given, or as it is in force."""
        if (stop := self.stop(number)) is not None:
            limit = None if stop.flags & at.MARKET else stop.price
            return Standing(stop.owner, limit, stop.flags, stop.peak, stop.stop, plain=False)
        if (peg := self.peg(number)) is not None:
            return Standing(peg.order.owner, peg.cap, peg.flags, peg.peak, None, plain=False)
        order = self.book.find(number)
        assert order is not None
        return Standing(order.owner, order.price, at.HIDDEN if order.hidden else 0, order.peak, None, plain=True)

    def stop(self, number: int) -> NaiveStop | None:
        return next((stop for stop in self.stops + self.elected if stop.number == number), None)

    def peg(self, number: int) -> NaivePeg | None:
        return next((peg for peg in self.pegs if peg.order.number == number), None)

    def leaves(self, number: int) -> int:
        if (stop := self.stop(number)) is not None:
            return stop.quantity
        if (peg := self.peg(number)) is not None:
            return peg.order.leaves
        order = self.book.find(number)
        return order.leaves if order else 0

    # --- requests ---

    def submit(
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
    ) -> list[Reply]:
        start = len(self.book.replies)
        self.book.enter(
            time, side, quantity, price, owner=owner, number=number, flags=flags, peak=peak, minimum=minimum
        )
        self.settle(time)
        return self.book.replies[start:]

    def submit_stop(
        self,
        time: int,
        side: int,
        quantity: int,
        stop: int | None,
        price: int,
        *,
        owner: int,
        number: int,
        flags: int = 0,
        peak: int = 0,
        trail: int = 0,
    ) -> list[Reply]:
        start = len(self.book.replies)
        if stop is None:
            stop = 0 if self.last_price is None else self.last_price + (trail if side == 0 else -trail)
            if stop <= 0:
                self.book.tell(time, owner, at.OUT_CANCEL, number, at.NO_REFERENCE, quantity, 0, 0)
                return self.book.replies[start:]
        self.stops.append(NaiveStop(owner, number, side, quantity, stop, price, flags, peak, trail, self.entries))
        self.entries += 1
        self.book.tell(time, owner, at.OUT_REST, number, stop, quantity, quantity, 1)
        if not self.book.calling:
            self._elect(self.last_price)
        self.settle(time)
        return self.book.replies[start:]

    def submit_peg(
        self,
        time: int,
        side: int,
        quantity: int,
        kind: int,
        offset: int,
        cap: int | None = None,
        *,
        owner: int,
        number: int,
        flags: int = 0,
        peak: int = 0,
    ) -> list[Reply]:
        start = len(self.book.replies)
        order = self.book.rest(side, quantity, 0, owner=owner, number=number, flags=flags, peak=peak)
        self.book.orders.remove(order)
        peg = NaivePeg(order, kind, offset, cap, flags, peak)
        self.pegs.append(peg)
        price = self.right_price(peg)
        if price is None:
            self.book.tell(time, owner, at.OUT_REST, number, at.NO_PRICE, quantity, quantity, 1)
        else:
            self._enter_peg(time, peg, price)
        self.settle(time)
        return self.book.replies[start:]

    def cancel(self, time: int, number: int) -> int:
        """Take an order out; what it had left."""
        leaves = self.leaves(number)
        if leaves:
            self._remove(number)
            self.settle(time)
        return leaves

    def reduce(self, time: int, number: int, quantity: int) -> int:
        """Take quantity off, undisplayed first; what is left."""
        leaves = self.leaves(number)
        if quantity >= leaves:
            self.cancel(time, number)
            return 0
        stop, peg = self.stop(number), self.peg(number)
        if stop is not None:
            stop.quantity -= quantity
        else:
            order = peg.order if peg is not None else self.book.find(number)
            assert order is not None
            unseen = min(quantity, order.reserve)
            order.reserve -= unseen
            order.shown -= quantity - unseen
        self.settle(time)
        return leaves - quantity

    def replace(
        self,
        time: int,
        number: int,
        quantity: int,
        price: int | None,
        *,
        owner: int,
        flags: int = 0,
        peak: int = 0,
        stop: int | None = None,
    ) -> list[Reply] | None:
        """Less quantity alone keeps the place; all else is a new order, in one message with the end of the old one.

        ``price`` is the limit, of a peg its cap; None leaves it, as None leaves the stop price.
        """
        leaves = self.leaves(number)
        if not leaves:
            return None
        old = self.standing(number)
        new_price = old.price if price is None else price
        new_stop = old.stop if old.stop is None or stop is None else stop
        if (new_price, new_stop) == (old.price, old.stop) and quantity <= leaves:
            if quantity < leaves:
                self.reduce(time, number, leaves - quantity)
            return []
        who = {"owner": owner, "number": number, "flags": flags, "peak": peak}
        waiting, peg, resting = self.stop(number), self.peg(number), self.book.find(number)
        if waiting is not None:
            self._remove(number)
            return self.submit_stop(time, waiting.side, quantity, new_stop, new_price or 0, trail=waiting.trail, **who)
        if peg is not None:
            self._remove(number)
            return self.submit_peg(time, peg.order.side, quantity, peg.kind, peg.offset, new_price, **who)
        assert resting is not None
        assert new_price is not None
        takes = not self.book.calling and bool(self.book.tradable(resting.side, new_price))
        if takes and flags & at.MAKER_ONLY and not flags & at.SLIDE:
            return None
        self._remove(number)
        return self.submit(time, resting.side, quantity, new_price, **who)

    # --- rules of the venue ---

    def set_pro_rata(self, minimum: int = 1) -> None:
        self.book.least_share = minimum

    def set_band(self, low: int | None, high: int | None) -> None:
        self.book.band = (low if low is not None else -(10**18), high if high is not None else 10**18)

    def set_phase(self, time: int, phase: int) -> list[Reply]:
        start = len(self.book.replies)
        reopens = self.book.calling and phase == at.CONTINUOUS
        self.book.calling = phase == at.CALL
        if reopens:
            self._elect(self.last_price)  # who came in the call with a stop that was reached already
            self._uncross(time)
        self.settle(time)
        return self.book.replies[start:]

    # --- the background ---

    def message(self, time: int, kind: int, reference: int, price: int, quantity: int, side: int) -> list[Reply]:
        """Apply a background message; its columns are those of ``layout``."""
        start, what, who = len(self.book.replies), kind & at.KINDS, {"owner": 0, "number": reference}
        if what == at.CANCEL:
            self.book.orders = [o for o in self.book.orders if o.owner > 0 or o.number != reference]
        elif what == at.LIMIT_AWAY:
            opposite, best = self.book.last_shown[1 - side], self.book.best(1 - side)[0]
            if best is not None:  # ours counts where it is better than the background's
                opposite = (min if side == 0 else max)(opposite or best, best)
            limit = max(self.tick, opposite + (-price if side == 0 else price))
            self.book.enter(time, side, quantity, limit, **who)
        elif what == at.MARKET_ORDER:
            self.book.enter(time, side, quantity, 0, flags=at.MARKET, **who)
        elif what == at.VALUE_ORDER:
            bid, ask = self.book.best(0)[0], self.book.best(1)[0]
            if ask is not None and price > ask:
                self.book.enter(time, 0, quantity, 0, flags=at.MARKET, **who)
            elif bid is not None and price < bid:
                self.book.enter(time, 1, quantity, 0, flags=at.MARKET, **who)
        if not kind & at.PART:
            self.settle(time)
        return self.book.replies[start:]

    # --- what a message sets off ---

    def settle(self, time: int) -> None:
        """Let all that is set off act, then write down what the book shows."""
        self._forget_gone_pegs()
        self._see_trades()
        while not self.book.calling and (self._act_stop(time) or self._move_peg(time)):
            self._forget_gone_pegs()
            self._see_trades()
        self.book.note(time)

    def _see_trades(self) -> None:
        """Each new trade elects the stops it reaches, and those that trail follow it."""
        for row in self.book.prints[self.prints_seen :]:
            self.last_price = row[1]
            self._elect(row[1])
            for stop in sorted((stop for stop in self.stops if stop.trail), key=lambda stop: stop.entry):
                nearer = row[1] + (stop.trail if stop.side == 0 else -stop.trail)
                if nearer < stop.stop if stop.side == 0 else nearer > stop.stop:
                    stop.stop = nearer
                    self.stops.remove(stop)
                    self.stops.append(stop)
        self.prints_seen = len(self.book.prints)

    def _elect(self, price: int | None) -> None:
        """Stops that a price reaches, the one nearest to the market first; of one price by time."""
        if price is None:
            return
        for side in range(2):
            reached = [stop for stop in self.stops if stop.side == side and stop.reached(price)]
            for stop in sorted(reached, key=lambda stop: stop.stop if side == 0 else -stop.stop):
                stop.elected_at = price
                self.stops.remove(stop)
                self.elected.append(stop)

    def _act_stop(self, time: int) -> bool:
        """The first elected stop acts: sells before buys, then by election."""
        if not self.elected:
            return False
        stop = max(self.elected, key=lambda stop: stop.side)
        self.elected.remove(stop)
        assert stop.elected_at is not None
        self.book.tell(time, stop.owner, at.OUT_TRIGGER, stop.number, stop.elected_at, stop.quantity, stop.quantity, 1)
        self.book.enter(
            time, stop.side, stop.quantity, stop.price,
            owner=stop.owner, number=stop.number, flags=stop.flags, peak=stop.peak,
        )  # fmt: skip
        return True

    def right_price(self, peg: NaivePeg) -> int | None:
        """Where a peg belongs; None if there is nothing that it could follow."""
        best: list[int | None] = [
            next((o.price for o in self.book.side(side) if not o.hidden and not o.pegged), None) for side in range(2)
        ]
        bid, ask = best
        side = peg.order.side
        if peg.kind == at.PEG_MID:
            if bid is None or ask is None:
                return None
            mid = Fraction(bid + ask, 2)
            reference: int | None = math.floor(mid) if side == 0 else math.ceil(mid)
        else:
            reference = best[side] if peg.kind == at.PEG_PRIMARY else best[1 - side]
        if reference is None:
            return None
        price = reference + peg.offset
        if peg.cap is not None:
            price = min(price, peg.cap) if side == 0 else max(price, peg.cap)
        return price if price > 0 else None

    def _move_peg(self, time: int) -> bool:
        """The first peg whose price is wrong goes where it belongs; it trades there if it can."""
        for peg in self.pegs:
            price = self.right_price(peg)
            if price == (None if peg.parked else peg.order.price):
                continue
            if not peg.parked:
                self.book.orders.remove(peg.order)
                peg.parked = True
            if price is not None:
                self._enter_peg(time, peg, price, moving=True)
            return True
        return False

    def _enter_peg(self, time: int, peg: NaivePeg, price: int, *, moving: bool = False) -> None:
        """Silently, and with what it displayed before, unless it trades; then it is the newest of the pegs."""
        order = peg.order
        if moving and not self.book.tradable(order.side, price):
            order.price = price
            self.book.orders.append(order)
        else:
            if moving:
                self.book.tell(time, order.owner, at.OUT_LEAVE, order.number, price, order.leaves, order.leaves, 1)
            self.book.enter(
                time, order.side, order.leaves, price,
                owner=order.owner, number=order.number, flags=peg.flags, peak=peg.peak,
            )  # fmt: skip
            peg.order = self.book.find(order.number) or order
            self.pegs.remove(peg)
            self.pegs.append(peg)
        peg.parked = False
        peg.order.pegged = True

    def _forget_gone_pegs(self) -> None:
        self.pegs = [peg for peg in self.pegs if peg.parked or peg.order in self.book.orders]

    def _remove(self, number: int) -> None:
        self.stops = [stop for stop in self.stops if stop.number != number]
        self.elected = [stop for stop in self.elected if stop.number != number]
        self.pegs = [peg for peg in self.pegs if peg.order.number != number]
        self.book.orders = [order for order in self.book.orders if order.owner == 0 or order.number != number]

    # --- the auction ---

    def _uncross(self, time: int) -> None:
        """Trade at the one price at which most trades, what is left of the longer side is least, and so on."""
        bids, asks = self.book.side(0), self.book.side(1)
        if not bids or not asks or bids[0].price < asks[0].price:
            return
        low, high = asks[0].price, bids[0].price
        middle = Fraction(low + high, 2) if self.last_price is None else Fraction(self.last_price)
        whole_ticks = range(-(-low // self.tick) * self.tick, high + 1, self.tick)
        limits = [order.price for order in bids + asks if low <= order.price <= high]

        def merit(price: int) -> tuple[int, int, Fraction, int]:
            demand = sum(order.leaves for order in bids if order.price >= price)
            supply = sum(order.leaves for order in asks if order.price <= price)
            return min(demand, supply), -abs(demand - supply), -abs(price - middle), price

        price = max({*whole_ticks, *limits}, key=merit)
        left = merit(price)[0]
        while left > 0:
            bid, ask = self.book.side(0)[0], self.book.side(1)[0]
            traded = min(left, bid.next, ask.next)
            left -= traded
            self._trade_in_auction(time, price, traded, bid, ask)

    def _trade_in_auction(self, time: int, price: int, traded: int, bid: NaiveOrder, ask: NaiveOrder) -> None:
        book = self.book
        book.trades += 1
        marks = at.PRINT_AUCTION | (at.PRINT_OWN_MAKER if bid.owner or ask.owner else 0)
        book.prints.append((time, price, traded, 0, marks, book.trades))
        for order in (bid, ask):
            book.tell(time, order.owner, at.OUT_FILL, order.number, price, traded, order.leaves - traded, 1)
            book.take(order, traded)
