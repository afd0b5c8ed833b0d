"""What is traded, and the exact arithmetic of its prices and values.

Three whole-number scales meet here. Limit prices are **ticks**. Fill prices are **quanta**, ``subticks`` of
them to a tick, because mid-points and price models lie between ticks. Money is **units** of the instrument's
currency (``trading.money``). User input is checked here, once, so that the path of an order carries ints and
checks nothing.
"""

from __future__ import annotations

from decimal import Decimal, Inexact
from fractions import Fraction
from math import ceil, floor
from typing import SupportsIndex

from attrs import define, field

from simexec.errors import InputError, OrderError
from simexec.trading.money import EXACT, Number, parse_count, parse_decimal, units_per

# Sums of thousands of such counts still fit the 64-bit columns of the compiled book and of the recorded
# tables.
LARGEST_COUNT = 2**48


def _tick(value: Number) -> Decimal:
    return parse_decimal(value, "tick")


def _multiplier(value: Number) -> Decimal:
    return parse_decimal(value, "multiplier")


@define(slots=True, frozen=True)
class Instrument:
    """A tradable instrument.

    A linear instrument (a share, a future) is worth ``quantity * price * multiplier`` of its currency and is
    paid in full. An inverse one (a perpetual margined in the coin it is quoted on) is worth ``quantity *
    multiplier / price`` and is margined: no notional changes hands, only profit is settled. A long inverse
    position gains ``n/entry − n/exit``.

    Args:
        symbol: name, unique in a run.
        tick: smallest difference of limit prices, in the quoting currency.
        lot: order quantities are multiples of it.
        currency: in which its trades are settled; of an inverse contract the coin.
        multiplier: contract size; of an inverse contract its face value in the quoting currency.
        inverse: whether its value goes with the reciprocal of the price.
        subticks: price quanta in a tick.

    Raises:
        InputError: a field that makes no sense, with its value.
    """

    symbol: str
    tick: Decimal = field(converter=_tick)
    lot: int = 1
    currency: str = "USD"
    multiplier: Decimal = field(default=Decimal(1), converter=_multiplier)
    inverse: bool = False
    subticks: int = 100
    quantum: Decimal = field(init=False, eq=False, repr=False)
    """Smallest difference of fill prices: ``tick / subticks``."""
    _numerator: int = field(init=False, eq=False, repr=False)
    _denominator: int = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Check the fields and precompute the value of one share at one quantum as a ratio of ints."""
        if not isinstance(self.symbol, str) or not self.symbol.strip():
            raise InputError(f"symbol {self.symbol!r} is not a name; give a string such as 'AMZN'")
        if not isinstance(self.currency, str) or not self.currency.strip():
            raise InputError(f"{self.symbol}'s currency {self.currency!r} is not a name; give a code such as 'USD'")
        for name, number in (("tick", self.tick), ("multiplier", self.multiplier)):
            if number <= 0:
                raise InputError(f"{self.symbol}'s {name} {number} is not positive; give one above 0")
        subticks = parse_count(self.subticks, f"{self.symbol}'s subticks")
        try:
            quantum = EXACT.divide(self.tick, Decimal(subticks))
        except Inexact:
            raise InputError(
                f"{self.symbol}'s subticks {subticks} divide the tick {self.tick} into no finite decimal;"
                " use a power of ten"
            ) from None
        units = Fraction(self.multiplier) * units_per(self.currency)
        # Linear: units a share and quantum. Inverse: units a contract at a price of one quantum.
        ratio = units / Fraction(quantum) if self.inverse else units * Fraction(quantum)
        for name, value in (
            ("lot", parse_count(self.lot, f"{self.symbol}'s lot")),
            ("subticks", subticks),
            ("quantum", quantum),
            ("_numerator", ratio.numerator),
            ("_denominator", ratio.denominator),
        ):
            object.__setattr__(self, name, value)

    def check_quantity(self, quantity: SupportsIndex) -> int:
        """Return the quantity as an int if an order may have it.

        Raises:
            OrderError: not an int, not positive, not a multiple of the lot, or beyond 2**48.
        """
        try:
            count = parse_count(quantity, f"{self.symbol} quantity")
        except InputError as error:
            raise OrderError(str(error)) from None
        if count % self.lot:
            raise OrderError(
                f"quantity {count} is not a multiple of {self.symbol}'s lot {self.lot};"
                f" the nearest below is {count - count % self.lot}"
            )
        if count > LARGEST_COUNT:
            raise OrderError(f"{self.symbol} quantity {count} is beyond the largest possible, {LARGEST_COUNT}")
        return count

    def parse_price(self, price: Number) -> Decimal:
        """Read a price that a person or a file gave, on tick or not; OrderError if it is not positive and finite."""
        try:
            number = parse_decimal(price, f"{self.symbol} price")
        except InputError as error:
            raise OrderError(str(error)) from None
        if number <= 0:
            raise OrderError(f"{self.symbol} price {price} is not positive; give one above 0")
        return number

    def to_ticks(self, price: Number) -> int:
        """Convert a limit price to ticks.

        Args:
            price: in the quoting currency; 150 means 150.00. A float is accepted when the decimal that it
                prints as is a whole number of ticks, so 150.1 is and 0.1 + 0.2 is not.

        Raises:
            OrderError: off tick, not positive, not finite, or beyond 2**48 ticks.
        """
        number = self.parse_price(price)
        ticks, remainder = divmod(Fraction(number), Fraction(self.tick))
        if remainder:
            nearest = " and ".join(str(self.price_of_ticks(near)) for near in (ticks, ticks + 1) if near)
            raise OrderError(f"price {price} is not a multiple of {self.symbol}'s tick {self.tick}; nearest: {nearest}")
        if ticks > LARGEST_COUNT:
            raise OrderError(f"price {price} is beyond the largest possible, {self.price_of_ticks(LARGEST_COUNT)}")
        return ticks

    def to_quanta(self, price: Number) -> int:
        """Convert a fill price to price quanta.

        Raises:
            OrderError: finer than the quantum (``round_price`` rounds), not positive, or not finite.
        """
        quanta, remainder = divmod(Fraction(self.parse_price(price)), Fraction(self.quantum))
        if remainder:
            raise OrderError(
                f"price {price} is finer than {self.symbol}'s price quantum {self.quantum}; round it first"
            )
        return quanta

    def round_price(self, price: Number, side_sign: int) -> int:
        """Round a model's price to price quanta against the trader: a buy's up, a sell's down.

        Raises:
            OrderError: not positive or not finite, also after rounding.
        """
        exact = Fraction(self.parse_price(price)) / Fraction(self.quantum)
        quanta = ceil(exact) if side_sign > 0 else floor(exact)
        if quanta <= 0:
            raise OrderError(
                f"price {price} rounds to 0 at {self.symbol}'s price quantum {self.quantum}; give a larger one"
            )
        return quanta

    def price_of_ticks(self, ticks: int) -> Decimal:
        """Price of so many ticks, in the quoting currency."""
        return EXACT.multiply(self.tick, Decimal(ticks))

    def price_of_quanta(self, quanta: int) -> Decimal:
        """Price of so many price quanta, in the quoting currency."""
        return EXACT.multiply(self.quantum, Decimal(quanta))

    def cash_flow(self, side_sign: int, quantity: int, price_quanta: int) -> int:
        """Signed value of a trade to the trader in money units.

        Rounded down, which is against the trader on either side.
        A linear buy's flow is negative, a sell's positive. Of an inverse contract the signs are reversed,
        since its value falls as the price rises; it is margined, so its flows are no payments but legs whose
        sum is the profit.

        Args:
            side_sign: +1 for a buy, −1 for a sell.
            quantity: shares or contracts, positive.
            price_quanta: positive.
        """
        if self.inverse:
            return side_sign * quantity * self._numerator // (price_quanta * self._denominator)
        return -side_sign * quantity * price_quanta * self._numerator // self._denominator

    def notional(self, quantity: int, price_quanta: int, side_sign: int = 1) -> int:
        """Value of so many shares at a price in money units, positive, rounded against a trader of that side.

        What a buyer of a linear instrument pays is rounded up, what a seller receives is rounded down; of an
        inverse one the other way round (see ``cash_flow``). Exact where the quantum's value is a whole number
        of units, as for any share with a tick of 0.01 USD and the default subticks.
        """
        return abs(self.cash_flow(side_sign, quantity, price_quanta))

    def average_price(self, quantity: int, notional_quanta: int) -> Decimal | None:
        """Average of fill prices, None of nothing; to 28 digits, to be read and not accounted with.

        Args:
            quantity: sum of the fills' quantities.
            notional_quanta: sum of quantity times price quanta.
        """
        if quantity == 0:
            return None
        return self.price_of_quanta(notional_quanta) / quantity
