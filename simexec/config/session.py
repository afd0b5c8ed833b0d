"""What is traded, and when, as configured."""

from __future__ import annotations

from decimal import Decimal

from attrs import field, frozen
from attrs.converters import optional

from simexec.trading.convert import (
    TIME_OF_DAY,
    FieldError,
    naming_fields,
    to_flag,
    to_positive_count,
    to_positive_decimal,
    to_text,
    to_time_of_day,
    to_timezone,
    write_time_of_day,
)


@frozen(kw_only=True, field_transformer=naming_fields)
class InstrumentConfig:
    """The instrument of the run.

    Attributes:
        symbol: its name.
        tick: smallest step of a limit price, in ``currency``.
        lot: quantities are whole multiples of it, in shares or contracts.
        currency: code of the currency of its prices (linear) or of its multiplier (inverse).
        multiplier: value of one unit of price per contract (linear), or money per contract (inverse).
        inverse: whether a contract is worth ``multiplier / price`` rather than ``multiplier × price``.
    """

    symbol: str = field(converter=to_text)
    tick: Decimal = field(default=Decimal("0.01"), converter=to_positive_decimal)
    lot: int = field(default=1, converter=to_positive_count)
    currency: str = field(default="USD", converter=to_text)
    multiplier: Decimal = field(default=Decimal(1), converter=to_positive_decimal)
    inverse: bool = field(default=False, converter=to_flag)


@frozen(kw_only=True, field_transformer=naming_fields)
class WindowConfig:
    """Part of the day: from ``start`` up to, not including, ``end``.

    Attributes:
        start: time of day, ns after local midnight.
        end: likewise; after ``start``.
    """

    start: int = field(converter=to_time_of_day, metadata=TIME_OF_DAY)
    end: int = field(converter=to_time_of_day, metadata=TIME_OF_DAY)

    def __attrs_post_init__(self) -> None:
        check_window(self.start, self.end)


def check_window(start: int, end: int) -> None:
    """FieldError if a window does not begin before it ends."""
    if end <= start:
        raise FieldError(
            f"must be later than start ({write_time_of_day(start)}), not {write_time_of_day(end)}", ("end",)
        )


@frozen(kw_only=True, field_transformer=naming_fields)
class SessionConfig:
    """The hours of trading.

    Attributes:
        pre_open: from then to the open, orders are taken and do not trade, and the open is an auction; None: there is
            no pre-open. Time of day, ns after local midnight.
        open: when continuous trading begins; ``close`` when it ends.
        timezone: name of the zone of all times of day, from the tz database.
        halts: when nothing trades, between open and close.
    """

    pre_open: int | None = field(default=None, converter=optional(to_time_of_day), metadata=TIME_OF_DAY)
    open: int = field(default=to_time_of_day("09:30"), converter=to_time_of_day, metadata=TIME_OF_DAY)
    close: int = field(default=to_time_of_day("16:00"), converter=to_time_of_day, metadata=TIME_OF_DAY)
    timezone: str = field(default="America/New_York", converter=to_timezone)
    halts: tuple[WindowConfig, ...] = field(default=())

    def __attrs_post_init__(self) -> None:
        opens, closes = write_time_of_day(self.open), write_time_of_day(self.close)
        if self.close <= self.open:
            raise FieldError(f"must be later than open ({opens}), not {closes}", ("close",))
        if self.pre_open is not None and self.pre_open >= self.open:
            raise FieldError(f"must be before open ({opens}), not {write_time_of_day(self.pre_open)}", ("pre_open",))
        for index, halt in enumerate(self.halts):
            for name, time in (("start", halt.start), ("end", halt.end)):
                if not self.open <= time <= self.close:
                    text = f"{write_time_of_day(time)} is not within the session, {opens} to {closes}"
                    raise FieldError(text, ("halts", str(index), name))

    @property
    def length(self) -> int:
        """From open to close, ns."""
        return self.close - self.open

    @property
    def first(self) -> int:
        """When orders are taken first, ns after local midnight."""
        return self.open if self.pre_open is None else self.pre_open
