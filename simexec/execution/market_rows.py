"""Market data as a user hands them in: a price, a quote, a trade or a bar, turned into a row that a venue takes."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, SupportsIndex

import attrs

from simexec.errors import InputError
from simexec.market.tape import CLOSE, KIND, QUOTE, TRADE
from simexec.sim import parse_duration
from simexec.trading.convert import nearest
from simexec.trading.instrument import LARGEST_COUNT, Instrument
from simexec.trading.market_data import Bar, QuoteUpdate, TradeUpdate
from simexec.trading.money import Number, parse_count, parse_decimal
from simexec.venue.market_simulator import nearest_quanta

UNLIMITED: Final = LARGEST_COUNT
"""Size of a price of which no size is known: more than any order."""

_PRICES: Final = ("open", "high", "low", "close")


@attrs.frozen
class Row:
    """Market data as a venue takes them; see ``ModelVenue.push``.

    Attributes:
        columns: of ``market.tape``.
        is_bar: whether they are a bar; otherwise a quote or a trade.
        anew: whether the sizes are there anew, as those of a bare price are each time.
        has_volume: whether the volume or size is known.
    """

    columns: list[int]
    is_bar: bool
    anew: bool = False
    has_volume: bool = True

    @property
    def is_quote(self) -> bool:
        """Whether it says what may be traded now, rather than what was traded before."""
        return not self.is_bar and self.columns[KIND] == QUOTE

    @property
    def mark(self) -> int:
        """The price at which a position is valued: the close, the trade, the middle of a quote, or the side that is there; or 0."""
        if self.is_bar:
            return self.columns[CLOSE]
        _, kind, bid, bid_size, ask, ask_size = self.columns
        if kind == TRADE:
            return bid
        if self.anew:  # of a bare price, whose volume may be 0
            return (bid + ask) // 2
        sides = ([bid] if bid_size else []) + ([ask] if ask_size else [])
        return sum(sides) // len(sides) if sides else 0


def row_of(instrument: Instrument, data: Any, now_ns: int) -> Row:
    """Read market data of one instrument, that become known now.

    Args:
        instrument: for its price quantum, to the nearest of which prices are rounded.
        data: a price; a ``Bar``, ``QuoteUpdate`` or ``TradeUpdate``; or a mapping with the fields of one of those, or with
            ``price`` and, if they are known, ``volume`` (what may be traded at it) and ``spread`` (of which it is the middle). A
            bar needs ``start``, a duration since the run's epoch, or ``start_ns``; it ends now. ``symbol``, and the time of a
            quote or trade, or the end of a bar, may stand beside them, and must be right.
        now_ns: the present.

    Raises:
        InputError: fields that are missing, unknown or wrong, or another symbol's or time's.
    """
    if isinstance(data, Bar | QuoteUpdate | TradeUpdate):
        data = {field.name: getattr(data, field.name) for field in attrs.fields(type(data))}
    if not isinstance(data, Mapping):
        data = {"price": data}
    symbol = instrument.symbol
    fields = {name: value for name, value in data.items() if name not in ("symbol", "time_ns", "end_ns")}
    if data.get("symbol", symbol) != symbol:
        raise InputError(
            f"market data of {data['symbol']!r} were handed in as those of {symbol}; name them by their own"
        )
    is_bar = fields.keys() >= set(_PRICES)
    _check_time(symbol, data, is_bar, now_ns)
    if is_bar:
        return _bar(instrument, fields, now_ns)
    if "bid" in fields or "ask" in fields:
        return _quote(instrument, fields, now_ns)
    if "price" not in fields:
        raise InputError(f"market data {dict(data)} of {symbol} have neither a price, a bid or ask, nor a whole bar")
    if "quantity" in fields:
        _only(symbol, fields, "price", "quantity")
        quantity = _count(fields["quantity"], f"quantity of the {symbol} trade", least=1)
        return Row([now_ns, TRADE, nearest_quanta(instrument, fields["price"]), quantity, 0, 0], is_bar=False)
    _only(symbol, fields, "price", "volume", "spread")
    return _price(instrument, fields["price"], fields.get("volume"), fields.get("spread"), now_ns)


def _check_time(symbol: str, data: Mapping[str, Any], is_bar: bool, now_ns: int) -> None:
    """A bar is known at its end, a quote or trade when it was made or later."""
    for name, fits in (("end_ns", is_bar), ("time_ns", not is_bar)):
        if name not in data:
            continue
        time = parse_duration(data[name])
        if not fits:
            _only(symbol, {name: time})
        if time > now_ns or (is_bar and time < now_ns):
            known = "a bar is handed in at its end" if is_bar else "nothing is known before its time"
            raise InputError(f"{name} {time} of {symbol} market data is not the present, {now_ns} ns; {known}")


def _only(symbol: str, fields: Mapping[str, Any], *known: str) -> None:
    for name in fields:
        if name not in known:
            hint = nearest(str(name), known) or "; leave it out"
            raise InputError(f"market data of {symbol} have {name!r}, which does not belong to their kind{hint}")


def _count(value: SupportsIndex, what: str, least: int = 0) -> int:
    """A volume or size that columns of 64 bits can hold."""
    count = parse_count(value, what, least)
    if count > LARGEST_COUNT:
        raise InputError(f"{what} {count} is beyond the largest possible, {LARGEST_COUNT}; check it")
    return count


def _quote(instrument: Instrument, fields: Mapping[str, Any], now_ns: int) -> Row:
    symbol = instrument.symbol
    _only(symbol, fields, "bid", "bid_size", "ask", "ask_size")
    bid, bid_size = _side(instrument, fields, "bid")
    ask, ask_size = _side(instrument, fields, "ask")
    if bid_size and ask_size and bid > ask:
        raise InputError(f"bid {fields['bid']} of {symbol} is above the ask {fields['ask']}; swap or drop them")
    known = all(fields.get(f"{side}_size") is not None for side in ("bid", "ask") if fields.get(side) is not None)
    return Row([now_ns, QUOTE, bid, bid_size, ask, ask_size], is_bar=False, has_volume=known)


def _side(instrument: Instrument, fields: Mapping[str, Any], side: str) -> tuple[int, int]:
    price, size = fields.get(side), fields.get(f"{side}_size")
    shown = UNLIMITED if size is None else _count(size, f"{side}_size of {instrument.symbol}")
    if price is None and size:
        raise InputError(f"{side}_size {size} of {instrument.symbol} has no price; give {side}, or a size of 0")
    return (0, 0) if price is None or shown == 0 else (nearest_quanta(instrument, price), shown)


def _price(
    instrument: Instrument, price: Number, volume: SupportsIndex | None, spread: Number | None, now_ns: int
) -> Row:
    symbol = instrument.symbol
    middle = instrument.parse_price(price)
    half = Decimal(0) if spread is None else parse_decimal(spread, f"spread of {symbol}") / 2
    if not 0 <= half < middle:
        raise InputError(f"spread {spread} of {symbol} is not from 0 up to twice the price {price}; check it")
    size = UNLIMITED if volume is None else _count(volume, f"volume of {symbol}")
    bid, ask = nearest_quanta(instrument, middle - half), nearest_quanta(instrument, middle + half)
    return Row([now_ns, QUOTE, bid, size, ask, size], is_bar=False, anew=True, has_volume=volume is not None)


def _bar(instrument: Instrument, fields: Mapping[str, Any], now_ns: int) -> Row:
    symbol = instrument.symbol
    _only(symbol, fields, "start", "start_ns", *_PRICES, "volume")
    start, volume = fields.get("start", fields.get("start_ns")), fields.get("volume")
    if start is None or volume is None or {"start", "start_ns"} <= fields.keys():
        raise InputError(
            f"the bar {dict(fields)} of {symbol} needs a volume, and one start: a duration since the run's epoch such as '9h30m'"
        )
    open_, high, low, close = (nearest_quanta(instrument, fields[name]) for name in _PRICES)
    if high < max(open_, close, low) or low > min(open_, close):
        raise InputError(f"the bar {dict(fields)} of {symbol} has a price above its high or below its low; check it")
    traded = _count(volume, f"volume of {symbol}")
    return Row([parse_duration(start), now_ns, open_, high, low, close, traded], is_bar=True)
