"""The rules of a replay over the naive book: the oracle of the compiled ones, with the same simple mind."""

from __future__ import annotations

from simexec.market import layout as at

from .naive_book import NaiveBook, NaiveOrder


class NaiveReplay:
    """Applies recorded messages to a naive book that holds participants' orders too."""

    def __init__(self) -> None:
        self.book = NaiveBook()
        self.side = 0  # of the aggressor that is being replayed
        self.worst = 0
        self.left = 0
        self.sweeping = False

    def find(self, reference: int) -> NaiveOrder | None:
        return next((o for o in self.book.orders if o.owner == 0 and o.number == reference), None)

    def leftovers(self) -> int:
        return sum(order.excess for order in self.book.orders)

    def apply(self, message: list[int]) -> None:
        """Apply a message; its columns are those of ``layout``."""
        time, kind, reference, price, quantity, side = message
        if kind in (at.ADD, at.ADD_HEAD):
            self.arrive(time, reference, side, price, quantity, first=kind == at.ADD_HEAD)
        elif kind == at.REMOVE:
            self.remove(reference, quantity)
        elif kind == at.PRUNE:
            sign = 1 if side == 0 else -1
            kept = [o for o in self.book.orders if o.owner or o.side != side or sign * o.price >= sign * price]
            self.book.orders = kept
        elif kind == at.SWEEP:
            self.side, self.worst, self.left = side, price, quantity
        elif kind == at.HIT:
            self.hit(time, reference, price, quantity)
        elif kind == at.SWEEP_END:
            self.end_sweep(time)
        self.sweeping = kind == at.SWEEP or (self.sweeping and kind != at.SWEEP_END)
        if not self.sweeping:
            self.book.note(time)

    def shrink(self, order: NaiveOrder, quantity: int) -> None:
        order.shown -= quantity
        if order.leaves == 0:
            self.book.orders.remove(order)

    def arrive(self, time: int, reference: int, side: int, price: int, quantity: int, *, first: bool) -> None:
        for order in self.book.tradable(side, price):
            gone, order.excess = order.excess, 0
            if gone:
                self.shrink(order, gone)
        while quantity > 0 and (makers := self.book.tradable(side, price)):
            assert makers[0].owner > 0, "history crosses itself"
            traded = min(quantity, makers[0].shown or makers[0].reserve)
            quantity -= traded
            self.book.trade(time, side, makers[0], traded, quantity)
        if quantity == 0:
            return
        known = self.find(reference)
        if known is not None:
            known.shown += quantity
        else:
            self.book.orders.insert(
                0 if first else len(self.book.orders), NaiveOrder(0, reference, side, price, quantity, 0)
            )

    def remove(self, reference: int, quantity: int) -> None:
        order = self.find(reference)
        if order is not None:
            self.shrink(order, min(quantity, order.shown - order.excess))

    def meets(self, price: int, hidden: bool, counterparty: NaiveOrder | None) -> NaiveOrder | None:
        """The first order of ours, or with a leftover, that the aggressor surely meets before its next counterparty."""
        for order in self.book.tradable(self.side, price):
            if order is counterparty:
                return None
            if order.price == price and counterparty is None and (order.hidden or not hidden):
                return None  # a hidden counterparty precedes hidden orders; who preceded one that is gone is not known
            if order.owner or order.excess:
                return order
        return None

    def trade_first(self, time: int, order: NaiveOrder) -> None:
        """Trade with all that an order of ours trades next, or with another's leftover."""
        quantity = min(self.left, (order.shown or order.reserve) if order.owner else order.excess)
        self.left -= quantity
        self.book.trade(time, self.side, order, quantity, self.left)

    def hit(self, time: int, reference: int, price: int, quantity: int) -> None:
        hidden = reference == at.NIL
        counterparty = None if hidden else self.find(reference)
        while self.left > 0 and (order := self.meets(price, hidden, counterparty)):
            self.trade_first(time, order)
        if hidden:
            traded = min(quantity, self.left)
            if traded:
                self.book.print_trade(time, self.side, price, traded, at.PRINT_HIDDEN)
            self.left -= traded
        elif counterparty is not None:
            recorded = min(quantity, counterparty.shown - counterparty.excess)
            traded = min(recorded, self.left)
            self.left -= traded
            kept = counterparty.excess + recorded - traded
            if traded:
                counterparty.excess = 0  # what is traded now is not the leftover
                self.book.trade(time, self.side, counterparty, traded, self.left)
            counterparty.excess = kept

    def end_sweep(self, time: int) -> None:
        while self.left > 0 and (makers := self.book.tradable(self.side, self.worst)):
            if not makers[0].owner and not makers[0].excess:
                break
            self.trade_first(time, makers[0])
