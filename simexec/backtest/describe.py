"""A model in a few words, as its maker would write it."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any

import attrs


def describe_model(model: object) -> str:
    """A model as a call, such as ``PerShareCommissionModel(commission_per_share=0.005, min_commission=1)``.

    Left out is what cannot be given, and what is at its default, unless that is a number other than 0: the model assumes it.
    An exact fraction is written as a decimal number where it is one. None is ``none``; what is no attrs class has its ``repr``.
    """
    return "none" if model is None else _text(model)


def _text(value: Any) -> str:
    if isinstance(value, Fraction):
        return _fraction(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_text, value))}]"
    if attrs.has(type(value)):
        fields = [
            f"{one.alias}={_text(getattr(value, one.name))}"
            for one in attrs.fields(type(value))
            if one.init and one.repr and not _goes_without_saying(one, getattr(value, one.name))
        ]
        return f"{type(value).__name__}({', '.join(fields)})"
    return repr(value)


def _goes_without_saying(field: attrs.Attribute[Any], value: Any) -> bool:
    default: Any = field.default
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]  # a class, which its stub makes a function
        if default.takes_self:
            return False
        default = default.factory()
    if default is attrs.NOTHING or value != default:
        return False
    is_number = isinstance(value, int | float | Decimal | Fraction) and not isinstance(value, bool)
    return not (is_number and value)


def _fraction(value: Fraction) -> str:
    """As a decimal number if that is exact, such as 0.005, otherwise as 1/3."""
    rest, digits = value.denominator, 0
    for prime in (2, 5):
        power = 0
        while rest % prime == 0:
            rest //= prime
            power += 1
        digits = max(digits, power)
    if rest != 1:
        return str(value)
    scaled = abs(value.numerator) * 10**digits // value.denominator
    whole, part = divmod(scaled, 10**digits)
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}.{part:0{digits}d}" if digits else f"{sign}{whole}"
