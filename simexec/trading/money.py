"""Money as whole numbers: every amount inside simexec is an int of units of its currency's quantum.

One USD is 1,000,000 units, so a fee of 0.0035 USD a share is exact and the sum of millions of fills never
drifts. Decimals appear only where people read or write amounts; one that is not a whole number of units is
refused, never rounded.
"""

from __future__ import annotations

import operator
from decimal import ROUND_HALF_EVEN, Context, Decimal, DecimalException, Inexact, InvalidOperation
from typing import SupportsIndex, TypeAlias

from simexec.errors import InputError

Number: TypeAlias = Decimal | SupportsIndex | str | float
"""What people may write a number as; a float stands for the shortest decimal that it prints as."""

DEFAULT_UNITS_PER = 10**6
UNITS_PER = {"BTC": 10**12, "ETH": 10**12}
"""Units in one of a currency, where it differs from the default: a satoshi is 10,000 units."""

EXACT = Context(prec=200, rounding=ROUND_HALF_EVEN, traps=[Inexact, InvalidOperation])
"""Decimal arithmetic that raises rather than rounds."""

# Beyond these a Decimal's ratio of integers has thousands of digits; no price, fee or amount is near them.
_LARGEST_EXPONENT = 40


def parse_decimal(value: Number, what: str) -> Decimal:
    """Read a number that a person wrote as the decimal it stands for.

    Args:
        value: Decimal, int (numpy's too), numeric string, or float (taken as the shortest decimal that it
            prints as).
        what: the noun of the error message, such as ``"price"``.

    Raises:
        InputError: not a number, a bool, NaN, infinite, or of an absurd magnitude.
    """
    if isinstance(value, Decimal):
        number = value
    elif isinstance(value, bool):
        raise InputError(f"{what} {value!r} is a truth value; give a number")
    elif isinstance(value, float):
        # float.__repr__, because numpy.float64 is a float whose own repr is "np.float64(...)".
        number = Decimal(float.__repr__(value))
    elif isinstance(value, str):
        try:
            number = Decimal(value)
        except DecimalException:
            raise InputError(f"{what} {value!r} is not a number; write it like '10.25'") from None
    else:
        try:
            number = Decimal(operator.index(value))
        except TypeError:
            raise InputError(f"{what} {value!r} is not a number; give a Decimal, an int or a string") from None
    if not number.is_finite():
        raise InputError(f"{what} {value!r} is not a finite number; give a finite one")
    if number and not -_LARGEST_EXPONENT <= number.adjusted() <= _LARGEST_EXPONENT:
        raise InputError(
            f"{what} {value!r} is outside 1e-{_LARGEST_EXPONENT} to 1e{_LARGEST_EXPONENT}; check its scale"
        )
    return number


def parse_count(value: SupportsIndex, what: str, least: int = 1) -> int:
    """Read a whole number of at least ``least``; an int of any kind, but no bool and no float.

    Raises:
        InputError: not an int, or less than ``least``.
    """
    if isinstance(value, bool):
        raise InputError(f"{what} {value!r} is a truth value; give a whole number")
    try:
        count = operator.index(value)
    except TypeError:
        whole = isinstance(value, float) and value.is_integer()
        remedy = f"write {int(value)}" if whole else f"give a whole number of at least {least}"
        raise InputError(f"{what} {value!r} is not an int; {remedy}") from None
    if count < least:
        raise InputError(f"{what} {count} is less than {least}; give a whole number of at least {least}")
    return count


def units_per(currency: str) -> int:
    """Units in one of the currency: a power of ten."""
    return UNITS_PER.get(currency, DEFAULT_UNITS_PER)


def to_units(amount: Number, currency: str = "USD") -> int:
    """Convert an amount of the currency (100000 means 100,000 dollars) to units.

    Raises:
        InputError: not a finite number, or finer than the currency's unit.
    """
    number = parse_decimal(amount, f"{currency} amount")
    numerator, denominator = number.as_integer_ratio()
    units, remainder = divmod(numerator * units_per(currency), denominator)
    if remainder:
        raise InputError(f"{currency} amount {amount} is finer than the unit {to_decimal(1, currency)}; round it first")
    return units


def to_decimal(units: int, currency: str = "USD") -> Decimal:
    """Convert units to an amount of the currency, exactly."""
    decimals = len(str(units_per(currency))) - 1
    return Decimal(f"{units}e-{decimals}")
