"""Events between strategy, risk, execution engine and portfolio, and the signals that start them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from attrs import Factory, define, field

from simexec.errors import InputError
from simexec.trading.convert import nearest
from simexec.trading.vocabulary import OrderSide


class EventType(Enum):
    """What an event tells.

    SIGNAL: a strategy wants exposure. ORDER: risk has sized it. FILL: an order traded. BUST: a trade no
    longer stands. REJECT: risk, breaker or venue refused. CANCEL: a cancel is asked for or done. MARKET_DATA:
    a quote, a trade or a bar. TIMER: a time that somebody has waited for. SYSTEM: halts, session hours, the breaker.
    """

    SIGNAL = "SIGNAL"
    ORDER = "ORDER"
    FILL = "FILL"
    BUST = "BUST"
    REJECT = "REJECT"
    CANCEL = "CANCEL"
    MARKET_DATA = "MARKET_DATA"
    TIMER = "TIMER"
    SYSTEM = "SYSTEM"


@define(slots=True, frozen=True)
class Event:
    """One event.

    Attributes:
        type: what it tells.
        data: its fields by name, such as ``symbol``, ``side``, ``quantity``.
        time_ns: when it was taken in or told; None before.
    """

    type: EventType
    data: Mapping[str, Any] = Factory(dict)
    time_ns: int | None = None

    @classmethod
    def of(cls, event: Event | Mapping[str, Any]) -> Event:
        """Take an event, or a mapping ``{"type": EventType.ORDER, "data": {...}}``; the type's name will do in either.

        Raises:
            InputError: neither of these, a mapping with other keys or without ``type``, an unknown type, or data that are no
                mapping.
        """
        if isinstance(event, Event):
            if event.type.__class__ is EventType and isinstance(event.data, Mapping):
                return event
            event = {"type": event.type, "data": event.data}
        if not isinstance(event, Mapping) or "type" not in event:
            raise InputError(f"event {event!r} has no type; give {{'type': EventType.ORDER, 'data': {{...}}}}")
        for name in event:
            if name not in ("type", "data"):
                raise InputError(f"an event has no field {name!r}{nearest(str(name), ('type', 'data'))}")
        kind, data = event["type"], event.get("data", {})
        if not isinstance(kind, EventType):
            known = ", ".join(EventType.__members__)
            try:
                kind = EventType[str(kind).upper()]
            except KeyError:
                raise InputError(f"event type {kind!r} is unknown; use one of {known}") from None
        if not isinstance(data, Mapping):
            raise InputError(f"data {data!r} of an event of type {kind.name} is not a mapping; give its fields by name")
        return cls(kind, data)


def _finite(signal: Signal, attribute: object, value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise InputError(f"strength {value!r} of the {signal.symbol} signal is not between 0 and 1; scale it")


@define(slots=True, frozen=True)
class Signal:
    """A strategy's wish for exposure, before risk sizes it.

    Attributes:
        symbol: what to trade.
        side: which way.
        strength: 0 to 1, how much of the full size; risk decides what that is.
        time_ns: when the strategy decided; the benchmark of its decision price.
        strategy: who decided.
        metadata: whatever the strategy wants to find again.
    """

    symbol: str
    side: OrderSide
    strength: float = field(default=1.0, validator=_finite)
    time_ns: int = 0
    strategy: str = ""
    metadata: Mapping[str, Any] = Factory(dict)
