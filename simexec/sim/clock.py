"""Time as whole nanoseconds: parsing, formatting, units.

The simulation's clock is an ``int`` of nanoseconds since the run's epoch. A float is refused wherever a time
is taken: near an epoch of today its spacing is 256 ns, and a single one would turn the whole calendar into
floats without a word.
"""

from __future__ import annotations

import math
import operator
import re
from datetime import timedelta
from fractions import Fraction
from typing import Any, Final, SupportsFloat, TypeAlias

from simexec.errors import InputError

NANOSECOND: Final = 1
MICROSECOND: Final = 1_000
MILLISECOND: Final = 1_000_000
SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

Duration: TypeAlias = int | str | timedelta
"""A length of time as people write it: whole nanoseconds, ``"250us"``, ``"1h30m"`` or a ``timedelta``."""

_UNITS: Final = {
    "ns": NANOSECOND,
    "us": MICROSECOND,
    "µs": MICROSECOND,  # the micro sign
    "\u03bcs": MICROSECOND,  # the Greek letter, which looks the same
    "ms": MILLISECOND,
    "s": SECOND,
    "m": MINUTE,
    "h": HOUR,
    "d": DAY,
}
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|µs|\u03bcs|ms|s|m|h|d)", re.ASCII)
_TIME_OF_DAY: Final = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?", re.ASCII)
_EXAMPLES: Final = 'write "250us", "1.5ms", "1h30m", a timedelta or a whole number of nanoseconds'


def parse_duration(value: Duration) -> int:
    """Return a duration in whole nanoseconds.

    Args:
        value: an int (nanoseconds; numpy integers too), a ``timedelta``, or a text of numbers with the units
            ``ns us ms s m h d``, such as ``"1.5ms"`` or ``"1h30m"``.

    Raises:
        InputError: for a float, a bool, a negative duration, an unknown unit, or a fraction of a nanosecond.
    """
    if isinstance(value, str):
        return _parse_text(value)
    if isinstance(value, timedelta):
        nanoseconds = (value.days * 86_400 + value.seconds) * SECOND + value.microseconds * MICROSECOND
    else:
        nanoseconds = whole_nanoseconds(value)
    if nanoseconds < 0:
        raise InputError(f"duration {value!r} is negative; a duration is zero or more")
    return nanoseconds


def whole_nanoseconds(value: Any) -> int:
    """Return ``value`` as a Python int if it is an integer of any kind.

    Raises:
        InputError: for everything else, floats and bools in particular.
    """
    if isinstance(value, bool):
        raise InputError(f"{value!r} is not a time; {_EXAMPLES}")
    try:
        return int(operator.index(value))
    except TypeError:
        kind = "a float" if isinstance(value, SupportsFloat) else f"of type {type(value).__name__}"
        raise InputError(
            f"{value!r} is {kind}, and the clock counts whole nanoseconds; {_EXAMPLES}, or micros(0.5)"
        ) from None


def _parse_text(text: str) -> int:
    total = Fraction(0)
    position = 0
    stripped = text.strip()
    while match := _PART.match(stripped, position):
        total += Fraction(match[1]) * _UNITS[match[2]]
        position = match.end()
    if position == 0 or position != len(stripped):
        raise InputError(f"duration {text!r} is not understood; {_EXAMPLES}")
    if total.denominator != 1:
        raise InputError(f"duration {text!r} is not a whole number of nanoseconds; round it to 1ns")
    return total.numerator


def format_duration(nanoseconds: int) -> str:
    """Write a duration as ``parse_duration`` reads it, without losing a nanosecond: ``"1.5ms"``, ``"1h30m"``.

    A negative difference gets a minus sign in front, which ``parse_duration`` refuses.
    """
    rest = whole_nanoseconds(nanoseconds)
    if rest == 0:
        return "0ns"
    if rest < 0:
        return "-" + format_duration(-rest)
    parts = []
    for unit, size in (("d", DAY), ("h", HOUR), ("m", MINUTE)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    if rest:
        size, unit = next(
            (size, unit)
            for size, unit in ((SECOND, "s"), (MILLISECOND, "ms"), (MICROSECOND, "us"), (NANOSECOND, "ns"))
            if rest >= size
        )
        whole, fraction = divmod(rest, size)
        digits = f"{fraction:0{len(str(size)) - 1}d}".rstrip("0") if fraction else ""
        parts.append(f"{whole}.{digits}{unit}" if digits else f"{whole}{unit}")
    return "".join(parts)


def _of_unit(count: float, size: int, name: str) -> int:
    if isinstance(count, bool):
        raise InputError(f"{count!r} is not a number of {name}")
    try:
        return operator.index(count) * size  # type: ignore[arg-type]
    except TypeError:
        pass  # a float
    number = float(count)
    if not math.isfinite(number):
        raise InputError(f"{count!r} {name} is not a finite duration")
    # The float's exact value times the unit, rounded once; number * size would round twice.
    return round(Fraction(number) * size)


def nanos(count: float) -> int:
    """Nanoseconds of ``count`` nanoseconds, rounded to a whole number (half to even)."""
    return _of_unit(count, NANOSECOND, "nanoseconds")


def micros(count: float) -> int:
    """Nanoseconds of ``count`` microseconds, rounded to a whole number (half to even)."""
    return _of_unit(count, MICROSECOND, "microseconds")


def millis(count: float) -> int:
    """Nanoseconds of ``count`` milliseconds, rounded to a whole number (half to even)."""
    return _of_unit(count, MILLISECOND, "milliseconds")


def seconds(count: float) -> int:
    """Nanoseconds of ``count`` seconds, rounded to a whole number (half to even)."""
    return _of_unit(count, SECOND, "seconds")


def minutes(count: float) -> int:
    """Nanoseconds of ``count`` minutes, rounded to a whole number (half to even)."""
    return _of_unit(count, MINUTE, "minutes")


def hours(count: float) -> int:
    """Nanoseconds of ``count`` hours, rounded to a whole number (half to even)."""
    return _of_unit(count, HOUR, "hours")


def parse_time_of_day(text: str) -> int:
    """Return nanoseconds after midnight of ``"09:30"``, ``"09:30:00"`` or ``"09:30:00.123456789"``.

    ``"24:00"`` is accepted as the end of the day.

    Raises:
        InputError: if it is not such a text. YAML reads an unquoted 10:30 as the number 630, so the message
            asks for quotes.
    """
    if not isinstance(text, str):
        raise InputError(f'time of day {text!r} is not a text; write it in quotes, such as "09:30:00.5"')
    match = _TIME_OF_DAY.fullmatch(text.strip())
    if match is None:
        raise InputError(f'time of day {text!r} is not understood; write "09:30" or "09:30:00.123456789"')
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    nanoseconds = hour * HOUR + minute * MINUTE + second * SECOND + int((match[4] or "0").ljust(9, "0"))
    if minute > 59 or second > 59 or nanoseconds > DAY:
        raise InputError(f"time of day {text!r} does not exist; it lies between 00:00 and 24:00")
    return nanoseconds


def format_time_of_day(nanoseconds: int) -> str:
    """Write nanoseconds after midnight as ``"09:30:00"`` or, with a fraction, ``"09:30:00.123456789"``.

    A time on a later day gets the number of days in front: ``"1d 09:30:00"``.
    """
    days, rest = divmod(whole_nanoseconds(nanoseconds), DAY)
    hour, rest = divmod(rest, HOUR)
    minute, rest = divmod(rest, MINUTE)
    second, fraction = divmod(rest, SECOND)
    digits = f"{fraction:09d}".rstrip("0")
    text = f"{hour:02d}:{minute:02d}:{second:02d}" + (f".{digits}" if digits else "")
    return f"{days}d {text}" if days else text
