"""From what a person writes to what the program uses: one function a kind of value, each with its refusal.

These are the attrs converters of every configuration class, so a value from YAML and one from Python meet the
same rule. Each accepts its own result (``attrs.evolve`` runs the converters again), and refuses with the
value in the message.
"""

from __future__ import annotations

import difflib
import math
import operator
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import Enum
from pathlib import Path
from typing import Any, SupportsIndex, TypeVar, cast

import attrs

from simexec.errors import ConfigError, InputError
from simexec.sim.clock import (
    DAY,
    Duration,
    format_duration,
    format_time_of_day,
    parse_duration,
    parse_time_of_day,
)
from simexec.trading.instrument import LARGEST_COUNT

E = TypeVar("E", bound=Enum)
T = TypeVar("T")


def write_time_of_day(nanoseconds: int) -> str:
    """A time of day as ``to_time_of_day`` reads it, the end of the day included."""
    return "24:00:00" if nanoseconds == DAY else format_time_of_day(nanoseconds)


# Metadata of fields whose text form differs from their Python form: how to write it, and whether a bare whole
# number in a file would be ambiguous (nobody who writes `start: 5` means five nanoseconds).
DURATION = {
    "dump": format_duration,
    "needs_unit": "a duration with its unit, such as '250us', '1.5ms' or '30m'",
}
TIME_OF_DAY = {"dump": write_time_of_day, "needs_unit": "a time of day such as '09:30:00'"}
PATH = {"dump": str, "path": True}


class FieldError(ConfigError):
    """One field is wrong: what is wrong with it, and the path to it as far as it is known.

    Raised while configuration objects are made; the loader turns it into a ``ConfigError`` that also names
    the file.
    """

    def __init__(self, problem: str, path: tuple[str, ...] = ()) -> None:
        super().__init__(problem, path)
        self.problem = problem
        self.path = path

    def __str__(self) -> str:
        path = ".".join(name if name.isprintable() else repr(name) for name in self.path)
        return f"{path}: {self.problem}" if path else self.problem

    def within(self, name: str) -> FieldError:
        """The same error seen from one level further out."""
        return FieldError(self.problem, (name, *self.path))


def shown(value: object) -> str:
    """``value`` as it appears in a message: as it is written in YAML, at most 60 characters, on one line."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = str(value) if isinstance(value, Decimal) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def nearest(name: str, right: Iterable[str]) -> str:
    """``"; did you mean 'slices'?"``, or the list of what is right when nothing is near."""
    names = sorted(right)
    near = difflib.get_close_matches(name.lower(), [known.lower() for known in names], n=1, cutoff=0.6)
    if near:
        match = next(known for known in names if known.lower() == near[0])
        return f"; did you mean '{match}'?"
    return f"; known here: {', '.join(names)}" if names else ""


def naming_fields(_cls: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    """An attrs ``field_transformer``: a converter's refusal names the field that it was for."""
    return [
        # Any, since attrs also knows converters that are objects; there are none here.
        field.evolve(converter=_naming(key_of(field), cast(Any, field.converter))) if field.converter else field
        for field in fields
    ]


def key_of(field: attrs.Attribute[Any]) -> str:
    """The field's name in a file, which differs from the attribute's where that is a Python keyword."""
    return str(field.metadata.get("key", field.name))


def _naming(name: str, convert: Callable[[Any], T]) -> Callable[[Any], T]:
    def named(value: Any) -> T:
        try:
            return convert(value)
        except FieldError as error:
            raise error.within(name) from None
        except InputError as error:
            raise FieldError(str(error), (name,)) from None

    return named


_LARGEST_REAL = 1e12
_LONGEST = 3650 * DAY


def to_text(value: str) -> str:
    """A non-empty text on one line."""
    if not isinstance(value, str):
        remedy = "" if value is None else " (put it in quotes)"
        raise FieldError(f"must be text, not {shown(value)}{remedy}")
    if not value.strip() or not value.isprintable():
        raise FieldError(f"must be a non-empty text on one line, not {shown(value)}")
    return value


def to_flag(value: bool) -> bool:
    """True or false, and nothing that merely resembles it."""
    if not isinstance(value, bool):
        raise FieldError(f"must be true or false, not {shown(value)}")
    return value


def to_count(value: int) -> int:
    """A whole number >= 0."""
    return _whole(value, at_least=0)


def to_positive_count(value: int) -> int:
    """A whole number >= 1."""
    return _whole(value, at_least=1)


def _whole(value: object, at_least: int) -> int:
    # By index(), so that numpy's integers pass, and come out as Python's.
    number = operator.index(value) if isinstance(value, SupportsIndex) and not isinstance(value, bool) else None
    if number is None or number < at_least:
        raise FieldError(f"must be a whole number of at least {at_least}, not {shown(value)}")
    if number > LARGEST_COUNT:
        raise FieldError(f"must be a whole number up to 2**48, not {shown(value)}")
    return number


def to_decimal(value: Decimal | str | int | float) -> Decimal:
    """An exact decimal number; a float counts as the shortest decimal that prints the same."""
    if isinstance(value, bool) or not isinstance(value, (Decimal, str, int, float)):
        raise FieldError(f"must be a number, not {shown(value)}")
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise FieldError(f"must be a number, not {shown(value)}") from None
    exponent = number.as_tuple().exponent
    if isinstance(exponent, str):  # as Decimal says of what is infinite or not a number
        raise FieldError(f"must be a finite number, not {shown(value)}")
    # Sums and quotients of what is written here must stay exact, and 1e999999999 must not fill the memory.
    if exponent < -18 or (number and number.adjusted() >= 12):
        raise FieldError(f"must be below 1e12 and have at most 18 decimal places, not {shown(value)}")
    return number


def to_positive_decimal(value: Decimal | str | int | float) -> Decimal:
    """An exact decimal number above zero: a price, a tick, a multiplier."""
    number = to_decimal(value)
    if number <= 0:
        raise FieldError(f"must be above zero, not {shown(value)}")
    return number


def to_decimal_from_zero(value: Decimal | str | int | float) -> Decimal:
    """An exact decimal number of zero or more: an amount of cash, a rate of cost."""
    number = to_decimal(value)
    if number < 0:
        raise FieldError(f"must not be below zero, not {shown(value)}")
    return number


def to_rate(value: float) -> float:
    """A finite float >= 0."""
    number = _real(value)
    if number < 0:
        raise FieldError(f"must not be below zero, not {shown(value)}")
    return number


def to_positive_real(value: float) -> float:
    """A finite float > 0."""
    number = _real(value)
    if number <= 0:
        raise FieldError(f"must be above zero, not {shown(value)}")
    return number


def to_fraction(value: float) -> float:
    """A finite float from 0 to 1, both included."""
    number = _real(value)
    if not 0 <= number <= 1:
        raise FieldError(f"must be from 0 to 1, not {shown(value)}")
    return number


def to_rates(value: Sequence[float]) -> tuple[float, ...]:
    """A non-empty list of rates >= 0, at least one of them above zero."""
    rates = _each(to_rate, value)
    if not any(rates):
        raise FieldError("must hold at least one rate above zero")
    return rates


def to_positive_reals(value: Sequence[float]) -> tuple[float, ...]:
    """A non-empty list of finite floats > 0."""
    return _each(to_positive_real, value)


def _real(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise FieldError(f"must be a number, not {shown(value)}")
    if not math.isfinite(value):
        raise FieldError(f"must be a finite number, not {shown(value)}")
    if abs(value) > _LARGEST_REAL:
        raise FieldError(f"must be a number up to {_LARGEST_REAL:.0e}, not {shown(value)}")
    return float(value)


def to_duration(value: Duration) -> int:
    """Nanoseconds >= 0, from ``"250us"``, a ``timedelta`` or an int of nanoseconds."""
    if isinstance(value, (bool, float)) or value is None:
        raise FieldError(f"must be {DURATION['needs_unit']}, not {shown(value)}")
    nanoseconds = parse_duration(value)
    if not 0 <= nanoseconds <= _LONGEST:
        raise FieldError(f"must be from zero to {_LONGEST // DAY} days, not {shown(value)}")
    return nanoseconds


def to_positive_duration(value: Duration) -> int:
    """Nanoseconds > 0."""
    nanoseconds = to_duration(value)
    if nanoseconds == 0:
        raise FieldError(f"must be longer than zero, not {shown(value)}")
    return nanoseconds


def to_time_of_day(value: str | int) -> int:
    """Nanoseconds after midnight, from ``"09:30"`` or ``"09:30:00.5"``, or such an int."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= DAY:
        return value
    if not isinstance(value, str):
        raise FieldError(f"must be {TIME_OF_DAY['needs_unit']}, not {shown(value)}")
    return parse_time_of_day(value)


def to_date(value: date | str) -> date:
    """A calendar date, from ``"2012-06-21"``."""
    if type(value) is date:
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise FieldError(f"must be a date such as 2012-06-21, not {shown(value)}") from None


def to_timezone(value: str) -> str:
    """The name of a time zone in the tz database."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    name = to_text(value)
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise FieldError(f"must be a time zone such as 'America/New_York', not {shown(value)}") from None
    return name


def to_path(value: Path | str) -> Path:
    """A path; the loader takes a relative one from the folder of the file it was read from."""
    return value if isinstance(value, Path) else Path(to_text(value))


def to_member(enum: type[E], value: object) -> E:
    """A member of ``enum``, by its name in either case."""
    if isinstance(value, enum):
        return value
    # YAML 1.1 reads a bare `off` as false, and other readers than ours still do.
    name = "OFF" if value is False else value
    if isinstance(name, str) and name.upper() in enum.__members__:
        return enum[name.upper()]
    hint = nearest(str(name), [one.lower() for one in enum.__members__])
    raise FieldError(f"{shown(value)} is not one of its values{hint}")


def to_durations(value: Sequence[Duration]) -> tuple[int, ...]:
    """A non-empty list of durations, in nanoseconds."""
    return _each(to_duration, value)


def to_texts(value: Sequence[str]) -> tuple[str, ...]:
    """A list of texts, which may be empty."""
    return _each(to_text, value) if value != () and value != [] else ()


def _each(convert: Callable[[Any], T], values: object) -> tuple[T, ...]:
    """A non-empty tuple; a wrong item is named by its index."""
    if not isinstance(values, (list, tuple)) or not values:
        raise FieldError(f"must be a non-empty list, not {shown(values)}")
    return tuple(_naming(str(index), convert)(value) for index, value in enumerate(values))


def write_name(member: Enum) -> str:
    """An enum member as it is written in a file."""
    return member.name.lower()


NAME = {"dump": write_name}
