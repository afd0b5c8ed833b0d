"""The rules of risk: each compares figures with a limit; a refusal says what was asked, what is there, and what is allowed."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from attrs import define

from simexec.execution.guard import Refusal
from simexec.execution.reservations import Claim, Measure, OpenSide, dearest, value_of
from simexec.execution.risk_limits import RiskLimits
from simexec.trading.instrument import Instrument
from simexec.trading.money import to_decimal, to_units, units_per
from simexec.trading.order import Order
from simexec.trading.report import RejectReason
from simexec.trading.vocabulary import OrderSide, OrderType

_BUY, _MARKET = OrderSide.BUY, OrderType.MARKET


@define(slots=True)
class Account:
    """An account in one currency, in money units.

    Attributes:
        currency: of the amounts.
        equity: cash and positions at what is seen.
        exposure: value of all positions, long and short.
        opened: value of what is open, without fees.
        reserved: what is reserved, fees included.
        in_cash: nothing in it is short or inverse, and ``equity`` is the cash alone and ``exposure`` 0: the same difference.
    """

    currency: str
    equity: int
    exposure: int
    opened: int
    reserved: int
    in_cash: bool = False


def written(units: int, currency: str) -> str:
    """An amount to the cent, or exactly where it is no whole number of cents."""
    number = to_decimal(units, currency)
    return f"{number:,.2f} {currency}" if units % (units_per(currency) // 100) == 0 else f"{number:,f} {currency}"


def limit_bounds_value(instrument: Instrument, side: OrderSide) -> bool:
    """Whether a limit price bounds what an order's shares are worth: of a buy, and of an inverse instrument of a sell."""
    return (side is _BUY) is not instrument.inverse


class RiskChecks:
    """The rules of an account, apart from its state.

    Args:
        limits: what they compare with.
    """

    def __init__(self, limits: RiskLimits) -> None:
        self._limits = limits
        collar = Fraction(limits.price_collar or 0)
        self._collar = collar.numerator, collar.denominator
        self.looks_at_prices = limits.price_collar is not None or limits.max_order_notional is not None
        self.looks_at_values = (
            limits.buying_power or limits.max_leverage is not None or limits.max_notional is not None
        )  # fmt: skip

    # --- orders that go to a venue -------------------------------------------------------------------------------------

    def furthest(self, instrument: Instrument, side: OrderSide, reference_quanta: int) -> int:
        """The collar around a price in quanta: the furthest whole tick within it, or the price itself without a collar."""
        if self._limits.price_collar is None:
            return reference_quanta
        (part, whole), subticks = self._collar, instrument.subticks
        if side is _BUY:
            return reference_quanta * (whole + part) // (whole * subticks) * subticks
        return max(1, -(-reference_quanta * (whole - part) // (whole * subticks))) * subticks

    def order(
        self, order: Order, quantity: int, limit_ticks: int | None, touch: int | None, reference: int | None
    ) -> Refusal | None:
        """Rules of an order that goes to a venue with this quantity and limit.

        Args:
            order: the order.
            quantity: of shares.
            limit_ticks: None without a limit.
            touch: opposite best quote in quanta, None if it is not seen.
            reference: the same, or the stop price of a stop that is beyond it.
        """
        limits, instrument = self._limits, order.instrument
        most = limits.max_order_quantity
        if most is not None and quantity > most:
            return Refusal(
                "max_order_quantity", f"the order is for {quantity:,} {instrument.symbol}, allowed are {most:,}"
            )
        limit = None if limit_ticks is None else limit_ticks * instrument.subticks
        if limits.price_collar is not None:
            if limit is None and reference is None and order.order_type is _MARKET:
                return self._no_price("price_collar", order)
            if limit is not None and reference is not None and self._is_beyond(order, limit, reference):
                return self._too_far(order, limit, reference)
        if limits.max_order_notional is None:
            return None
        fixed = limit if limit is not None or reference is None else self.furthest(instrument, order.side, reference)
        quanta = fixed if limit_bounds_value(instrument, order.side) else dearest(instrument, fixed, touch)
        if quanta is None:
            return self._no_price("max_order_notional", order)
        value, allowed = (
            value_of(instrument, quantity, quanta),
            to_units(limits.max_order_notional, instrument.currency),
        )
        if value <= allowed:
            return None
        return Refusal(
            "max_order_notional",
            f"{self._asked(order, quantity, quanta)} is worth {written(value, instrument.currency)},"
            f" allowed are {written(allowed, instrument.currency)}",
        )

    def _is_beyond(self, order: Order, limit: int, reference: int) -> bool:
        furthest = self.furthest(order.instrument, order.side, reference)
        return limit > furthest if order.side is _BUY else limit < furthest

    def _too_far(self, order: Order, limit: int, reference: int) -> Refusal:
        instrument, buys, collar = order.instrument, order.side is _BUY, self._limits.price_collar
        assert collar is not None
        price, best, furthest = (
            instrument.price_of_quanta(quanta)
            for quanta in (limit, reference, self.furthest(instrument, order.side, reference))
        )
        return Refusal(
            "price_collar",
            f"the limit {_plain(price)} of a {order.side.name.lower()} of {instrument.symbol} is more than {_percent(collar)}"
            f" {'above the best offer' if buys else 'below the best bid'} {_plain(best)};"
            f" the {'highest' if buys else 'lowest'} allowed is {_plain(furthest)}",
            RejectReason.PRICE_EXCEEDS_BAND,
        )

    def _no_price(self, rule: str, order: Order) -> Refusal:
        side = "offer" if order.side is _BUY else "bid"
        return Refusal(
            rule,
            f"a {order.order_type.name.lower()} order to {order.side.name.lower()} {order.instrument.symbol} has no price to be"
            f" valued at, since no {side} is seen; give it a limit price, or wait for a quote",
            RejectReason.REFERENCE_PRICE_NOT_AVAILABLE,
        )

    # --- roots ---------------------------------------------------------------------------------------------------------

    def participation(self, order: Order, quantity: int, volume: int | None) -> Refusal | None:
        """A root's quantity against a volume."""
        fraction, symbol = self._limits.max_participation, order.instrument.symbol
        if fraction is None:
            return None
        if volume is None:
            return Refusal(
                "max_participation",
                f"no volume of {symbol} is known to compare {quantity:,} with; connect volumes that know it",
                RejectReason.OTHER,
            )
        allowed = int(Fraction(fraction) * volume)
        if quantity <= allowed:
            return None
        return Refusal(
            "max_participation",
            f"the order is for {quantity:,} {symbol}; {_percent(fraction)} of a volume of {volume:,} is {allowed:,}",
        )

    def position(self, order: Order, held: int, side: OpenSide, claim: Claim, counts: Measure) -> Refusal | None:
        """What may be held and sold, if a root's claim came to this.

        Args:
            order: the root.
            held: position, negative when short.
            side: what is open of the root's side, itself as it is now included.
            claim: of the root, as it is now.
            counts: what it would be.
        """
        limits, symbol, more = self._limits, order.instrument.symbol, counts.exposed - claim.exposed
        if order.side is not _BUY and not limits.allow_short and counts.exposed - counts.closing > claim.opening:
            others = side.exposed - claim.exposed
            return Refusal(
                "allow_short",
                f"a sell of {counts.exposed:,} {symbol}; {held:,} are held and other open sells take {others:,},"
                f" so {max(0, held - others):,} may be sold",
                RejectReason.OTHER,
            )
        most = limits.max_position
        after = order.side.sign * held + side.exposed + more
        if most is None or more <= 0 or after <= most:
            return None
        others = side.exposed - claim.exposed
        return Refusal(
            "max_position",
            f"a {order.side.name.lower()} of {counts.exposed:,} {symbol}; {held:,} are held and other open"
            f" {order.side.name.lower()}s take {others:,}, so {order.side.sign * after:,} could be held;"
            f" allowed are {most:,}",
        )

    def needs_price(self, order: Order, counts: Measure) -> Refusal | None:
        """What opens something must have a price wherever its value counts."""
        if counts.quanta is not None or counts.exposed == counts.closing or not self.looks_at_values:
            return None
        limits = self._limits
        rule = (
            "buying_power" if limits.buying_power else "max_notional" if limits.max_leverage is None else "max_leverage"
        )
        return self._no_price(rule, order)

    def money(self, order: Order, account: Account, claim: Claim, counts: Measure) -> Refusal | None:
        """What may be invested and reserved, if a root's claim came to this; it counts in the account as it is now."""
        limits, currency = self._limits, account.currency
        asked = self._asked(order, counts.exposed - counts.closing, counts.quanta or 0)
        if limits.max_notional is not None and counts.value > claim.value:
            others, allowed = account.opened - claim.value, to_units(limits.max_notional, currency)
            if account.exposure + others + counts.value > allowed:
                return Refusal(
                    "max_notional",
                    f"{asked} adds {written(counts.value, currency)} to {written(account.exposure, currency)} invested and"
                    f" {written(others, currency)} open; allowed are {written(allowed, currency)}",
                )
        if counts.amount <= claim.amount or not (limits.buying_power or limits.max_leverage is not None):
            return None
        spare = self.spare(account) + claim.amount
        if counts.amount <= spare:
            return None
        reserved = written(account.reserved - claim.amount, currency)
        if account.in_cash:
            figures = f"cash of {written(account.equity, currency)}, less {reserved} reserved"
        else:
            times = "" if limits.max_leverage is None else f"{_plain(limits.max_leverage)} times the "
            figures = (
                f"{times}equity of {written(account.equity, currency)}, less {written(account.exposure, currency)} invested"
                f" and {reserved} reserved"
            )
        return Refusal(
            "buying_power" if limits.buying_power else "max_leverage",
            f"{asked} needs {written(counts.amount, currency)}, there are {written(spare, currency)}: {figures}",
        )

    def spare(self, account: Account) -> int:
        """What may still be reserved: the leverage times the equity, rounded down, less what is invested and reserved."""
        part, whole = (self._limits.max_leverage or Decimal(1)).as_integer_ratio()
        return account.equity * part // whole - account.exposure - account.reserved

    def _asked(self, order: Order, quantity: int, price_quanta: int) -> str:
        instrument = order.instrument
        price = _plain(instrument.price_of_quanta(price_quanta))
        return f"a {order.side.name.lower()} of {quantity:,} {instrument.symbol} at {price}"


def _plain(number: Decimal) -> str:
    """A number without an exponent and without zeros at its end."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _percent(fraction: Decimal) -> str:
    return f"{_plain(100 * fraction)} %"
