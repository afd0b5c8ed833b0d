"""What open roots may still trade and cost: counted once by root, and summed up by side and currency."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from attrs import define

from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.portfolio import Portfolio
from simexec.trading.report import ExecType
from simexec.trading.vocabulary import OrderSide

_ANSWERS = (ExecType.REPLACED, ExecType.CANCEL_REJECTED)


@define(slots=True, eq=False)
class OpenSide:
    """What all open roots of one side of an instrument may still trade.

    Attributes:
        exposed: shares or contracts.
        closing: those among them that close what is held, rather than open something new.
    """

    exposed: int = 0
    closing: int = 0


@define(slots=True, eq=False)
class Claim:
    """What one root may still trade and cost.

    It knows no order, so that the claims of orders that ended go when these are forgotten.

    Attributes:
        side: where it is summed up.
        fixed_quanta: price at which it is valued while it has no limit, in quanta; None if it needs no value.
        touch_quanta: where its limit is no bound of its value, the opposite best when it was admitted.
        fee: reserved a share, in money units.
        covered: how many of its shares close what was held when it was admitted or raised; they trade first.
        asked_quantity: total quantity of a change that is on its way; the largest if there are several.
        asked_quanta: prices of changes that are on their way.
        goes_itself: it is sent to a venue rather than worked.
        exposed: shares that may still trade.
        closing: those that close something.
        quanta: price of the others.
        value: their value in money units, rounded up.
        amount: that with fees: what is reserved.
    """

    side: OpenSide
    fixed_quanta: int | None = None
    touch_quanta: int | None = None
    fee: int = 0
    covered: int = 0
    asked_quantity: int = 0
    asked_quanta: tuple[int, ...] = ()
    goes_itself: bool = False
    exposed: int = 0
    closing: int = 0
    quanta: int | None = None
    value: int = 0
    amount: int = 0

    @property
    def opening(self) -> int:
        """Shares that may still trade and open something new."""
        return self.exposed - self.closing


@define(slots=True)
class Measure:
    """What a claim comes to, or would; fields as of ``Claim``."""

    exposed: int
    closing: int
    quanta: int | None
    value: int
    amount: int


def measure(order: Order, claim: Claim) -> Measure:
    """What a root may still trade and cost, by its state now.

    The price is the worst for its value of the limit in force, those that were asked for, and the touch if the limit is no
    bound: the highest of a linear instrument, the lowest of an inverse one. Values are rounded up.
    """
    instrument, filled = order.instrument, order.filled_quantity
    exposed = max(0, max(order.quantity, claim.asked_quantity) - filled)
    closing = min(max(0, claim.covered - filled), exposed)
    ticks = order.price_ticks
    quanta = claim.fixed_quanta if ticks is None else ticks * instrument.subticks
    if claim.asked_quanta or claim.touch_quanta is not None:
        quanta = dearest(instrument, quanta, claim.touch_quanta, *claim.asked_quanta)
    opening = exposed - closing
    if opening == 0 or quanta is None:
        return Measure(exposed, closing, quanta, 0, 0)
    value = value_of(instrument, opening, quanta)
    return Measure(exposed, closing, quanta, value, value + opening * claim.fee)


def dearest(instrument: Instrument, *prices: int | None) -> int | None:
    """That of some prices at which the instrument is worth most: the highest, of an inverse one the lowest; None of none."""
    known = [price for price in prices if price is not None]
    if not known:
        return None
    return min(known) if instrument.inverse else max(known)


def value_of(instrument: Instrument, quantity: int, price_quanta: int) -> int:
    """Value in money units, rounded up on either side."""
    return instrument.notional(quantity, price_quanta, -1 if instrument.inverse else 1)


class Reservations:
    """The claims of all open roots; the portfolio keeps the money of each.

    Every change costs the same, however many roots are open.

    Args:
        portfolio: where the money is reserved.

    Attributes:
        values: of all claims in money units by currency, without fees.
    """

    def __init__(self, portfolio: Portfolio) -> None:
        self.values: dict[str, int] = {}
        self._portfolio = portfolio
        self._sides: dict[tuple[str, OrderSide], OpenSide] = {}
        self._open: dict[str, Claim] = {}
        # A bust may reopen a root, at the price at which it was admitted.
        self._ended: WeakKeyDictionary[Order, Claim] = WeakKeyDictionary()

    def side(self, instrument: Instrument, side: OrderSide) -> OpenSide:
        """What is open of one side of an instrument."""
        key = (instrument.symbol, side)
        found = self._sides.get(key)
        if found is None:
            found = self._sides[key] = OpenSide()
        return found

    def claim(self, order_id: str) -> Claim | None:
        """The claim of a root that is open."""
        return self._open.get(order_id)

    def open(self, order: Order, claim: Claim) -> None:
        """Reserve for a root."""
        self._open[order.order_id] = claim
        self._portfolio.reserve(order.order_id, 0, order.instrument.currency)
        self.put(order, claim, measure(order, claim))

    def put(self, order: Order, claim: Claim, counts: Measure) -> None:
        """Count a claim anew."""
        side, currency = claim.side, order.instrument.currency
        side.exposed += counts.exposed - claim.exposed
        side.closing += counts.closing - claim.closing
        self.values[currency] = self.values.get(currency, 0) + counts.value - claim.value
        if counts.amount != claim.amount:
            self._portfolio.resize(order.order_id, counts.amount)
        claim.exposed, claim.closing, claim.quanta = counts.exposed, counts.closing, counts.quanta
        claim.value, claim.amount = counts.value, counts.amount

    def follow(self, order: Order, exec_type: ExecType) -> None:
        """Bring a root's claim up to date with it after a report."""
        claim, final = self._open.get(order.order_id), order.status.is_final
        if claim is None:
            claim = None if final else self._ended.pop(order, None)
            if claim is None:
                return
            if not order.replaces_in_flight:
                claim.asked_quantity, claim.asked_quanta = 0, ()
            self.open(order, claim)
        elif exec_type in _ANSWERS and not order.replaces_in_flight:
            claim.asked_quantity, claim.asked_quanta = 0, ()
        if final:
            self._end(order, claim)
        else:
            self.put(order, claim, measure(order, claim))

    def _end(self, order: Order, claim: Claim) -> None:
        self.put(order, claim, Measure(0, 0, None, 0, 0))
        self._portfolio.release(order.order_id)
        del self._open[order.order_id]
        self._ended[order] = claim
