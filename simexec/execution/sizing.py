"""How large an order a signal becomes."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Final, Protocol

from attrs import field, frozen

from simexec.errors import InputError
from simexec.execution.reservations import value_of
from simexec.trading.convert import naming_fields, to_positive_count, to_positive_decimal
from simexec.trading.events import Signal
from simexec.trading.instrument import Instrument
from simexec.trading.money import Number, parse_decimal, to_decimal, units_per
from simexec.trading.vocabulary import OrderSide

_MANY: Final = 10**9  # shares that are valued together, so that the value of one is exact enough


@frozen
class Proposal:
    """An order as risk proposes it.

    Attributes:
        instrument: what to trade.
        side: which way.
        quantity: shares or contracts, whole lots.
    """

    instrument: Instrument
    side: OrderSide
    quantity: int


class Sizing(Protocol):
    """How large an order a signal becomes."""

    def quantity(self, signal: Signal, instrument: Instrument, price_quanta: int | None, equity: int) -> int:
        """Shares or contracts of the order, whole lots; 0 where it comes to less than one.

        Args:
            signal: its strength scales the order.
            instrument: what to trade.
            price_quanta: the opposite best quote as seen from here, None if there is none.
            equity: of the account in units of the instrument's currency.

        Raises:
            InputError: something is not known that is needed; the signal is then refused.
        """


@frozen(kw_only=True, field_transformer=naming_fields)
class FixedQuantity:
    """Always the same number of shares.

    Attributes:
        shares: at full strength.
    """

    shares: int = field(converter=to_positive_count)

    def quantity(self, signal: Signal, instrument: Instrument, price_quanta: int | None, equity: int) -> int:
        """See ``Sizing``."""
        return _lots(_strength(signal) * self.shares, instrument)


@frozen(kw_only=True, field_transformer=naming_fields)
class FixedNotional:
    """Always the same amount of money.

    Attributes:
        amount: at full strength, in the instrument's currency.
    """

    amount: Decimal = field(converter=to_positive_decimal)

    def quantity(self, signal: Signal, instrument: Instrument, price_quanta: int | None, equity: int) -> int:
        """See ``Sizing``."""
        units = Fraction(self.amount) * units_per(instrument.currency)
        return _worth(_strength(signal) * units, instrument, price_quanta)


@frozen(kw_only=True, field_transformer=naming_fields)
class PercentOfEquity:
    """A fraction of the account's equity.

    Attributes:
        fraction: at full strength; 0.05 is 5 %.
    """

    fraction: Decimal = field(converter=to_positive_decimal)

    def quantity(self, signal: Signal, instrument: Instrument, price_quanta: int | None, equity: int) -> int:
        """See ``Sizing``."""
        return _worth(_strength(signal) * Fraction(self.fraction) * equity, instrument, price_quanta)


@frozen(kw_only=True, field_transformer=naming_fields)
class VolatilityTarget:
    """As much as gives every order the same risk: worth ``equity * target / volatility``.

    Positions in inverse proportion to volatility are those of Moskowitz, Ooi and Pedersen (2012), "Time series momentum",
    Journal of Financial Economics 104(2), whose target is 40 % a year.

    Attributes:
        target: volatility of the order's value as a fraction of equity, at full strength.
        volatility: standard deviation of the instrument's returns over the same period as the target's; a number, or a callable
            that has it by instrument, None if it is not known.
    """

    target: Decimal = field(converter=to_positive_decimal)
    volatility: Number | Callable[[Instrument], float | None]

    def quantity(self, signal: Signal, instrument: Instrument, price_quanta: int | None, equity: int) -> int:
        """See ``Sizing``."""
        found = self.volatility(instrument) if callable(self.volatility) else self.volatility
        if found is None:
            raise InputError(f"the volatility of {instrument.symbol} is not known; give an estimate of it")
        volatility = Fraction(parse_decimal(found, f"volatility of {instrument.symbol}"))
        if volatility <= 0:
            raise InputError(f"the volatility of {instrument.symbol} is {found}; give one above 0")
        value = _strength(signal) * Fraction(self.target) * equity / volatility
        return _worth(value, instrument, price_quanta)


def _strength(signal: Signal) -> Fraction:
    """As it is written: 0.1 is a tenth."""
    return Fraction(repr(float(signal.strength)))


def _lots(quantity: Fraction, instrument: Instrument) -> int:
    """Rounded down to whole lots."""
    return max(0, int(quantity) // instrument.lot * instrument.lot)


def _worth(units: Fraction, instrument: Instrument, price_quanta: int | None) -> int:
    """Whole lots that are worth at most so many money units."""
    if price_quanta is None:
        amount = to_decimal(int(units), instrument.currency)
        raise InputError(
            f"no price of {instrument.symbol} is seen, so {amount} {instrument.currency} are no number of shares;"
            " connect prices, or use FixedQuantity"
        )
    return _lots(units * _MANY / value_of(instrument, _MANY, price_quanta), instrument)
