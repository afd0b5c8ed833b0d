"""Market data as a user hands them in: a price, a quote, a trade or a bar, turned into a row that a venue takes."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import attrs

from simexec.errors import InputError
from simexec.market.tape import CLOSE, QUOTE, TRADE
from simexec.sim import parse_duration
from simexec.trading.instrument import LARGEST_COUNT, Instrument
from simexec.trading.market_data import Bar, QuoteUpdate, TradeUpdate
from simexec.trading.money import Number, parse_count, parse_decimal
from simexec.venue.market_simulator import nearest_quanta

UNLIMITED: Final = LARGEST_COUNT
"""Size of a price of which no size is known: more than any order."""


@attrs.frozen
class Row:
    """Market data as a venue takes them; see ``ModelVenue.push``.

    Attributes:
        columns: of ``market.tape``.
        has_volume: whether the volume or size is known.
    """

    columns: list[int]
    is_bar: bool
    anew: bool = False
    has_volume: bool = True

    @property
    def mark(self) -> int:
        """The price at which a position is valued: the close, the trade, the middle of a quote, or the side that is there."""
        if self.is_bar:
            return self.columns[CLOSE]
        _, kind, bid, bid_size, ask, ask_size = self.columns
        if kind == TRADE:
            return bid
        sides = ([bid] if bid_size else []) + ([ask] if ask_size else [])
        return sum(sides) // len(sides) if sides else 0


def row_of(instrument: Instrument, data: Any, now_ns: int) -> Row:
    """Read market data of one instrument, that become known now.

    Args:
        instrument: for its price quantum, to the nearest of which prices are rounded.
        data: a price; a ``Bar``, ``QuoteUpdate`` or ``TradeUpdate``; or a mapping with the fields of one of those, or with
            ``price`` and, if they are known, ``volume`` (what traded at it since the last) and ``spread``. A bar needs
            ``start``, a duration since the run's epoch; it ends now.
        now_ns: the present.

    Raises:
        InputError: fields that are missing, unknown or wrong.
    """
    if isinstance(data, Bar | QuoteUpdate | TradeUpdate):
        data = {field.name: getattr(data, field.name) for field in attrs.fields(type(data))}
    if not isinstance(data, Mapping):
        data = {"price": data}
    fields = {name: value for name, value in data.items() if name not in ("symbol", "time_ns", "end_ns", "type")}
    symbol = instrument.symbol
    if {"open", "high", "low", "close"} <= fields.keys():
        return _bar(instrument, fields, now_ns)
    if "bid" in fields or "ask" in fields:
        _only(symbol, fields, "bid", "bid_size", "ask", "ask_size")
        bid, bid_size = _side(instrument, fields.get("bid"), fields.get("bid_size"))
        ask, ask_size = _side(instrument, fields.get("ask"), fields.get("ask_size"))
        if bid_size and ask_size and bid > ask:
            raise InputError(f"bid {fields['bid']} of {symbol} is above the ask {fields['ask']}; swap or drop them")
        known = all(fields.get(f"{side}_size") is not None for side in ("bid", "ask") if fields.get(side) is not None)
        return Row([now_ns, QUOTE, bid, bid_size, ask, ask_size], is_bar=False, has_volume=known)
    if "price" not in fields:
        raise InputError(f"market data {dict(fields)} of {symbol} have neither a price, a bid or ask, nor a whole bar")
    if "quantity" in fields:
        _only(symbol, fields, "price", "quantity")
        quantity = parse_count(fields["quantity"], f"quantity of the {symbol} trade")
        return Row([now_ns, TRADE, nearest_quanta(instrument, fields["price"]), quantity, 0, 0], is_bar=False)
    _only(symbol, fields, "price", "volume", "spread")
    return _price(instrument, fields["price"], fields.get("volume"), fields.get("spread"), now_ns)


def _only(symbol: str, fields: Mapping[str, Any], *known: str) -> None:
    unknown = [name for name in fields if name not in known]
    if unknown:
        raise InputError(
            f"market data of {symbol} have {', '.join(map(repr, unknown))}; beside it may stand {', '.join(known)}"
        )


def _side(instrument: Instrument, price: Number | None, size: int | None) -> tuple[int, int]:
    if price is None or size == 0:
        return 0, 0
    shown = UNLIMITED if size is None else parse_count(size, f"size of {instrument.symbol}")
    return nearest_quanta(instrument, price), shown


def _price(instrument: Instrument, price: Number, volume: int | None, spread: Number | None, now_ns: int) -> Row:
    symbol = instrument.symbol
    half = Decimal(0) if spread is None else parse_decimal(spread, f"spread of {symbol}") / 2
    if half < 0:
        raise InputError(f"spread {spread} of {symbol} is negative; give 0 or more")
    size = UNLIMITED if volume is None else parse_count(volume, f"volume of {symbol}", least=0)
    middle = instrument.parse_price(price)
    bid, ask = nearest_quanta(instrument, middle - half), nearest_quanta(instrument, middle + half)
    return Row([now_ns, QUOTE, bid, size, ask, size], is_bar=False, anew=True, has_volume=volume is not None)


def _bar(instrument: Instrument, fields: Mapping[str, Any], now_ns: int) -> Row:
    symbol = instrument.symbol
    _only(symbol, fields, "start", "start_ns", "open", "high", "low", "close", "volume")
    start, volume = fields.get("start", fields.get("start_ns")), fields.get("volume")
    if start is None or volume is None:
        raise InputError(f"the bar {dict(fields)} of {symbol} needs a start, since the run's epoch, and a volume")
    open_, high, low, close = (nearest_quanta(instrument, fields[name]) for name in ("open", "high", "low", "close"))
    if high < max(open_, close, low) or low > min(open_, close):
        raise InputError(f"the bar {dict(fields)} of {symbol} has a price above its high or below its low; check it")
    traded = parse_count(volume, f"volume of {symbol}", least=0)
    return Row([parse_duration(start), now_ns, open_, high, low, close, traded], is_bar=True)
