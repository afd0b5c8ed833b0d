"""An account that keeps nothing but fills, quotes and open roots, and computes everything from these when it is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor

from simexec.execution import RiskLimits
from simexec.trading.instrument import Instrument
from simexec.trading.money import units_per
from simexec.trading.order import Order
from simexec.trading.report import ExecType, ExecutionReport
from simexec.trading.vocabulary import OrderSide

from ..trading.oracle import exact_value

BUY = OrderSide.BUY
Quotes = Callable[[Instrument], tuple[int | None, int | None]]
Asked = tuple[int, int | None]
"""Total quantity and price in quanta that a replace asks for."""


@dataclass
class Root:
    """What is remembered of a root: prices seen when it was admitted, what it closes, and changes that are on their way.

    ``fee`` is a share's, ``unit`` the exact value of a share at a price of one quantum, both in money units.
    """

    order: Order
    market_quanta: int | None
    touch_quanta: int | None
    covered: int
    fee: int
    unit: Fraction
    asked: list[Asked] = field(default_factory=list)
    in_flight: int = 0
    ended: bool = False

    @property
    def exposed(self) -> int:
        if self.order.is_final:
            return 0
        quantities = [self.order.quantity, *(quantity for quantity, _ in self.asked)]
        return max(0, max(quantities) - self.order.filled_quantity)

    @property
    def closing(self) -> int:
        return min(self.exposed, max(0, self.covered - self.order.filled_quantity))

    @property
    def opening(self) -> int:
        return self.exposed - self.closing

    @property
    def quanta(self) -> int | None:
        order = self.order
        limit = self.market_quanta if order.price_ticks is None else order.price_ticks * order.instrument.subticks
        prices = [price for price in (limit, *(price for _, price in self.asked)) if price is not None]
        unbounded = (order.side is BUY) == order.instrument.inverse
        if unbounded and self.touch_quanta is not None:
            prices.append(self.touch_quanta)
        return (min if order.instrument.inverse else max)(prices, default=None)

    @property
    def value(self) -> int:
        quanta, opening, one = self.quanta, self.opening, self.unit
        if quanta is None or not opening:
            return 0
        return ceil(opening * one / quanta) if self.order.instrument.inverse else ceil(opening * quanta * one)

    @property
    def amount(self) -> int:
        return 0 if self.quanta is None else self.value + self.opening * self.fee


class RiskOracle:
    """See the module. Nothing in its accounts is inverse, since what that adds to cash depends on all fills before it."""

    def __init__(self, cash: dict[str, int], limits: RiskLimits, quotes: Quotes) -> None:
        self.initial, self.limits, self.quotes = cash, limits, quotes
        self.instruments: dict[str, Instrument] = {}
        self.fills: dict[
            str, dict[tuple[str, str], tuple[int, int]]
        ] = {}  # by symbol: what each adds to position and cash
        self.roots: dict[str, Root] = {}

    # --- what happens --------------------------------------------------------------------------------------------------

    def root_of(self, order: Order) -> Root:
        """What a root would be if it were admitted now."""
        bid, ask = self.quotes(order.instrument)
        touch = ask if order.side is BUY else bid
        reference = touch
        if order.terms is not None and order.terms.stop_ticks is not None:
            stop = order.terms.stop_ticks * order.instrument.subticks
            reference = stop if touch is None else (max if order.side is BUY else min)(stop, touch)
        market = None if reference is None else self._collar(order, reference)
        fee = int(self.limits.fee_reserve * units_per(order.instrument.currency))
        unit = abs(exact_value(order.instrument, 1, 1))
        return Root(order, market, touch, min(order.quantity, self.free(order)), fee, unit)

    def _collar(self, order: Order, quanta: int) -> int:
        if self.limits.price_collar is None:
            return quanta
        furthest = quanta * (1 + order.side.sign * Fraction(self.limits.price_collar)) / order.instrument.subticks
        ticks = floor(furthest) if order.side is BUY else max(1, ceil(furthest))
        return ticks * order.instrument.subticks

    def free(self, order: Order) -> int:
        """Shares held that an order could close, and no other open root does."""
        taken = sum(one.closing for one in self._others(order))
        return max(0, -order.side.sign * self.account()[0][order.symbol] - taken)

    def asked(self, order: Order, quantity: int, price_ticks: int | None) -> tuple[int, list[Asked]]:
        """What a root covers and is asked for if it is to get another quantity and limit."""
        root = self.roots[order.order_id]
        quanta = None if price_ticks is None else price_ticks * order.instrument.subticks
        asked, covered = [*root.asked, (quantity, quanta)], root.covered
        exposed = max(order.quantity, *(quantity for quantity, _ in asked)) - order.filled_quantity
        if exposed > root.exposed:
            covered = order.filled_quantity + min(exposed, self.free(order))
        return covered, asked

    def hear(self, order: Order, report: ExecutionReport, *, is_leaf: bool) -> None:
        """A report had its effect on an order; a leaf is one whose trades are not those of children."""
        if is_leaf and report.exec_type is ExecType.TRADE:
            instrument, quantity = order.instrument, order.side.sign * report.last_quantity
            flow = floor(-exact_value(instrument, quantity, report.last_price_quanta))
            self.instruments[instrument.symbol] = instrument
            self.fills.setdefault(instrument.symbol, {})[order.order_id, report.exec_id] = quantity, flow - report.fee
        elif is_leaf and report.exec_type is ExecType.TRADE_CANCEL:
            del self.fills[order.symbol][order.order_id, report.exec_ref_id]
        root = self.roots.get(order.order_id)
        if root is None:
            return
        refused = report.exec_type is ExecType.CANCEL_REJECTED and report.answers_replace
        never_sent = report.exec_id.endswith("-refused")  # by a guard
        if report.exec_type is ExecType.REPLACED or (refused and not never_sent):
            root.in_flight = max(0, root.in_flight - 1)
        elif root.ended and not order.is_final and not is_leaf:
            root.in_flight = 0  # who worked it changes it no more
        if root.in_flight == 0:
            root.asked = []
        root.ended = order.is_final

    # --- what there is -------------------------------------------------------------------------------------------------

    def open(self) -> list[Root]:
        """Roots that have not ended, or work again."""
        return [root for root in self.roots.values() if not root.order.status.is_final]

    def _others(self, order: Order) -> list[Root]:
        """Other open roots of the same side and symbol."""
        same = [one for one in self.open() if one.order.side is order.side and one.order.symbol == order.symbol]
        return [one for one in same if one.order is not order]

    def account(self) -> tuple[Counter[str], dict[str, int]]:
        """Positions by symbol, and cash by currency."""
        held, cash = (
            Counter({symbol: sum(q for q, _ in fills.values()) for symbol, fills in self.fills.items()}),
            dict(self.initial),
        )
        for symbol, fills in self.fills.items():
            cash[self.instruments[symbol].currency] += sum(flow for _, flow in fills.values())
        return held, cash

    def amounts(self) -> dict[str, tuple[str, int]]:
        """Currency and amount of every reservation."""
        return {root.order.order_id: (root.order.instrument.currency, root.amount) for root in self.open()}

    def invested(self, held: Counter[str], currency: str) -> tuple[int, int]:
        """Signed and gross value of the positions at the middle of the quotes, which must be there for what is held."""
        net = gross = 0
        for symbol, quantity in held.items():
            if quantity and self.instruments[symbol].currency == currency:
                seen = [price for price in self.quotes(self.instruments[symbol]) if price is not None]
                worth = floor(exact_value(self.instruments[symbol], quantity, sum(seen) // len(seen)))
                net, gross = net + worth, gross + abs(worth)
        return net, gross

    def buying_power(self, currency: str, cash: int, held: Counter[str], reserved: int) -> int:
        net, gross = self.invested(held, currency)
        return floor(Fraction(self.limits.max_leverage or 1) * (cash + net)) - gross - reserved

    # --- what is allowed -----------------------------------------------------------------------------------------------

    def refuses(self, now: Root | None, then: Root) -> str | None:
        """The rule that a root breaks if it came to ``then``; None if it breaks none. ``now`` is what it is."""
        limits, order = self.limits, then.order
        exposed, opening, worth, amount = (0,) * 4 if now is None else (now.exposed, now.opening, now.value, now.amount)
        currency, (held, cash) = order.instrument.currency, self.account()
        if order.side is not BUY and not limits.allow_short and then.opening > opening:
            return "allow_short"
        if limits.max_position is not None and then.exposed > exposed:
            others = sum(one.exposed for one in self._others(order))
            if order.side.sign * held[order.symbol] + others + then.exposed > limits.max_position:
                return "max_position"
        if then.quanta is None and then.opening:
            return "buying_power"
        if limits.max_notional is not None and then.value > worth:
            opened = sum(one.value for one in self.open() if one.order.instrument.currency == currency)
            gross = self.invested(held, currency)[1] + opened - worth + then.value
            if gross > limits.max_notional * units_per(currency):
                return "max_notional"
        needs = then.amount - amount
        reserved = sum(units for code, units in self.amounts().values() if code == currency)
        there = self.buying_power(currency, cash[currency], held, reserved)
        return "buying_power" if needs > 0 and needs > there else None
