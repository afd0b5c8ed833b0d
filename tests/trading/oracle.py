"""A portfolio that keeps nothing but what happened and computes everything from that, in fractions."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor

from simexec.trading.instrument import Instrument
from simexec.trading.money import units_per
from simexec.trading.report import Fill


def exact_value(instrument: Instrument, signed_quantity: int, price_quanta: int) -> Fraction:
    """Signed value in money units, unrounded."""
    price = Fraction(instrument.tick) / instrument.subticks * price_quanta
    size = signed_quantity * Fraction(instrument.multiplier) * units_per(instrument.currency)
    return -size / price if instrument.inverse else size * price


@dataclass
class Holding:
    """What fills of one instrument come to."""

    quantity: int = 0
    cost: int = 0
    realised: int = 0
    fees: int = 0
    paid: int = 0


@dataclass
class Oracle:
    """Fills that stand, marks and open reservations."""

    initial: dict[str, int]
    fills: list[Fill] = field(default_factory=list)
    marks: dict[str, int] = field(default_factory=dict)
    reservations: dict[str, tuple[str, int]] = field(default_factory=dict)

    def holdings(self) -> dict[str, Holding]:
        """By symbol, from all fills that stand, one share of a trade's closing part after the other."""
        holdings: dict[str, Holding] = defaultdict(Holding)
        for fill in self.fills:
            holding = holdings[fill.symbol]
            signed = fill.quantity if fill.side.name == "BUY" else -fill.quantity
            value = ceil(exact_value(fill.instrument, signed, fill.price_quanta))
            closes = 0
            if holding.quantity * signed < 0:
                closes = min(abs(signed), abs(holding.quantity))
            closing_value = ceil(Fraction(value * closes, abs(signed)))
            if closes:
                released = ceil(Fraction(holding.cost * closes, abs(holding.quantity)))
                holding.cost -= released
                holding.realised += -closing_value - released
            holding.cost += value - closing_value
            holding.quantity += signed
            holding.fees += fill.fee
            holding.paid += value
        return holdings

    def unrealised(self, instrument: Instrument, holding: Holding) -> int:
        """Profit of closing at the mark."""
        mark = self.marks.get(instrument.symbol)
        if mark is None or holding.quantity == 0:
            return 0
        return floor(exact_value(instrument, holding.quantity, mark)) - holding.cost

    def cash(self, instruments: list[Instrument]) -> dict[str, int]:
        """By currency: notional of what is paid in full, profit of what is margined, and fees."""
        cash = dict(self.initial)
        holdings = self.holdings()
        for instrument in instruments:
            holding = holdings[instrument.symbol]
            cash[instrument.currency] += holding.realised if instrument.inverse else -holding.paid
            cash[instrument.currency] -= holding.fees
        return cash
