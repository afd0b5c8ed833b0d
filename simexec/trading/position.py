"""A position in one instrument: quantity, cost basis and realised profit, in whole money units.

**Nothing is lost to rounding.** Every trade has a signed value (what it adds to the cost basis: the negative
of ``Instrument.cash_flow``, so rounded against the trader). Opening adds the value to the cost basis; closing
takes the closed part's share of the basis out, rounded up, and what a flip through zero closes takes its
share of the trade's value, rounded up too. The rounding of a part goes against the realised profit and stays
in the basis, where the next close finds it. Hence after every trade, to the last unit::

    realised - cost basis = -(sum of signed values)

Average cost depends on the order of the trades, so a bust cannot be undone by arithmetic: the position keeps
its latest fills (at least ``bust_window`` of them) and is recomputed without the busted one, as if that had
never happened. Older fills are folded into a base state, and busting one of those is refused. Memory is thus
bounded by twice the window.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import islice
from typing import TypeAlias

from attrs import Factory, define, field

from simexec.errors import InvariantError
from simexec.trading.instrument import Instrument
from simexec.trading.money import units_per
from simexec.trading.report import Fill

State: TypeAlias = tuple[int, int, int]
"""Quantity, cost basis, realised profit."""

FillKey: TypeAlias = tuple[str, str]
"""Order id and execution id: execution ids are unique for an order, not among venues."""


def trade(quantity: int, cost_basis: int, signed_quantity: int, value: int) -> tuple[int, int, int]:
    """Add one trade to a position.

    Args:
        quantity: position before, negative when short.
        cost_basis: what it cost in money units, with the sign of its value.
        signed_quantity: of the trade, positive for a buy.
        value: signed value of the trade, rounded against the trader.

    Returns:
        Quantity and cost basis after, and the profit that the trade realised.
    """
    if quantity == 0 or (quantity > 0) == (signed_quantity > 0):
        return quantity + signed_quantity, cost_basis + value, 0
    if -abs(quantity) <= signed_quantity <= abs(quantity):
        # ceil(cost_basis * closed / |quantity|): signed_quantity / quantity is minus the closed fraction.
        removed = -(cost_basis * signed_quantity // quantity)
        return quantity + signed_quantity, cost_basis - removed, -value - removed
    closing_value = -(value * quantity // signed_quantity)
    return quantity + signed_quantity, value - closing_value, -closing_value - cost_basis


def replay(state: State, fills: Iterable[Fill]) -> State:
    """The state after more fills."""
    quantity, cost_basis, realised = state
    for fill in fills:
        sign = fill.side.sign
        value = -fill.instrument.cash_flow(sign, fill.quantity, fill.price_quanta)
        quantity, cost_basis, gain = trade(quantity, cost_basis, sign * fill.quantity, value)
        realised += gain
    return quantity, cost_basis, realised


@define(slots=True, eq=False)
class Position:
    """The position in one instrument; only its portfolio changes it.

    Attributes:
        instrument: what is held.
        bust_window: how many of its latest fills can at least be busted.
        quantity: shares or contracts, negative when short.
        cost_basis: what they cost in money units, with the sign of their value: negative for a short of a
            linear instrument.
        realised: profit of what was closed, before fees, in money units.
        fees: paid so far in money units; rebates are negative.
        mark_quanta: last price it was marked at in price quanta, None before the first mark.
    """

    instrument: Instrument
    bust_window: int
    quantity: int = 0
    cost_basis: int = 0
    realised: int = 0
    fees: int = 0
    mark_quanta: int | None = None
    _fills: dict[FillKey, Fill] = field(init=False, default=Factory(dict), repr=False)
    _base: State = field(init=False, default=(0, 0, 0), repr=False)

    @property
    def symbol(self) -> str:
        """Symbol of the instrument."""
        return self.instrument.symbol

    @property
    def average_price(self) -> Decimal | None:
        """Average cost of what is held in the quoting currency, None when flat; to 28 digits, to be read."""
        if self.quantity == 0 or (self.instrument.inverse and self.cost_basis == 0):
            return None
        per_unit = self.instrument.multiplier * units_per(self.instrument.currency)
        if self.instrument.inverse:
            return per_unit * -self.quantity / self.cost_basis
        return Decimal(self.cost_basis) / (per_unit * self.quantity)

    @property
    def unrealised(self) -> int:
        """Profit in money units if it were closed at its mark, before fees; 0 before the first mark."""
        if self.quantity == 0 or self.mark_quanta is None:
            return 0
        sign = -1 if self.quantity > 0 else 1
        return self.instrument.cash_flow(sign, abs(self.quantity), self.mark_quanta) - self.cost_basis

    @property
    def market_value(self) -> int:
        """What it adds to the account beside cash, in money units.

        Cost basis plus unrealised profit if it was paid in full; the unrealised profit alone if it is
        margined (inverse).
        """
        return self.unrealised + (0 if self.instrument.inverse else self.cost_basis)

    def add(self, fill: Fill) -> int:
        """Book a fill, apart from its fee.

        Returns:
            What it adds to cash, in money units.

        Raises:
            InvariantError: it is booked already.
        """
        fills = self._fills
        key = (fill.order_id, fill.exec_id)
        if fills.setdefault(key, fill) is not fill:
            raise InvariantError(
                f"fill {fill.exec_id} of order {fill.order_id} is booked already; a fill is booked once"
            )
        instrument = self.instrument
        sign, quantity = fill.side.sign, fill.quantity
        flow = instrument.cash_flow(sign, quantity, fill.price_quanta)
        self.quantity, self.cost_basis, gain = trade(self.quantity, self.cost_basis, sign * quantity, -flow)
        self.realised += gain
        if len(fills) >= 2 * self.bust_window:
            self._fold()
        return gain if instrument.inverse else flow

    def remove(self, fill: Fill) -> int:
        """Take back a fill, apart from its fee, as if it had never happened.

        Returns:
            What that adds to cash, in money units.

        Raises:
            InvariantError: it is not among the fills that are kept (never booked, busted before, or too long
                ago), or it was booked with another quantity, price or fee.
        """
        key = (fill.order_id, fill.exec_id)
        booked = self._fills.get(key)
        if booked is None:
            raise InvariantError(
                f"fill {fill.exec_id} of order {fill.order_id} is not among the latest of {self.symbol}:"
                f" it was never booked, was busted before, or is older than the last {self.bust_window}"
                " (raise bust_window to keep more)"
            )
        if (booked.quantity, booked.price_quanta, booked.fee) != (fill.quantity, fill.price_quanta, fill.fee):
            raise InvariantError(
                f"fill {fill.exec_id} of order {fill.order_id} is booked as {booked.quantity}"
                f" at {booked.price_quanta} with fee {booked.fee}, not"
                f" {fill.quantity} at {fill.price_quanta} with fee {fill.fee}"
            )
        del self._fills[key]
        before = self.realised
        self.quantity, self.cost_basis, self.realised = replay(self._base, self._fills.values())
        if self.instrument.inverse:
            return self.realised - before
        return -self.instrument.cash_flow(booked.side.sign, booked.quantity, booked.price_quanta)

    def _fold(self) -> None:
        """Fold the older half of the kept fills into the base state: at constant cost a fill."""
        settled = list(islice(self._fills.items(), len(self._fills) - self.bust_window))
        self._base = replay(self._base, (fill for _, fill in settled))
        # A new dict: one that is emptied from the front keeps its dead entries and walks over them.
        self._fills = dict(islice(self._fills.items(), len(settled), None))
