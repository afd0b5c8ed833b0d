"""Fields of an event's data, as a user gives them: read one by one, each refused with the event's type and its name."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, TypeVar

from simexec.errors import InputError, OrderError
from simexec.trading.convert import nearest
from simexec.trading.money import parse_count, parse_decimal, to_units
from simexec.trading.order import Order
from simexec.trading.report import Fill
from simexec.trading.vocabulary import OrderSide, OrderType, PegType, TimeInForce

E = TypeVar("E", bound=Enum)
T = TypeVar("T")

_REQUIRED: Final = object()
_MEMBERS: Final[Mapping[str, type[Enum]]] = {
    "side": OrderSide,
    "order_type": OrderType,
    "time_in_force": TimeInForce,
    "peg": PegType,
}
_ORDER: Final = (
    "symbol", "side", "quantity", "order_type", "price", "time_in_force", "display_quantity", "hidden", "post_only", "parent_id",
    "venue", "stop_price", "trail", "peg", "peg_offset", "min_quantity", "expire", "price_slide",
)  # fmt: skip


class Fields:
    """The data of one event.

    Args:
        kind: name of the event's type.
        data: by name.
    """

    def __init__(self, kind: str, data: Mapping[str, Any]) -> None:
        self._event = f"{'an' if kind[0] in 'AEIO' else 'a'} {kind} event"
        self._data = data
        self._read: list[str] = []

    def _value(self, name: str, default: Any = _REQUIRED) -> Any:
        self._read.append(name)
        value = self._data.get(name, default)
        if value is _REQUIRED:
            given = f"have {', '.join(map(str, self._data))}" if self._data else "are empty"
            raise InputError(f"{self._event} needs a {name!r}; its data {given}")
        return value

    def text(self, name: str, default: Any = _REQUIRED) -> Any:
        """A text that is not empty, or the default."""
        value = self._value(name, default)
        if value is not default and (not isinstance(value, str) or not value.strip()):
            raise InputError(f"{name} {value!r} of {self._event} is not a text")
        return value

    def number(self, name: str, default: float) -> float:
        """A number, or the default."""
        value = self._value(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"{name} {value!r} of {self._event} is not a number")
        return float(value)

    def mapping(self, name: str) -> Mapping[str, Any]:
        """A mapping; an empty one if it is not there."""
        value = self._value(name, {})
        if not isinstance(value, Mapping):
            raise InputError(f"{name} {value!r} of {self._event} is not a mapping")
        return value

    def instance(self, name: str, kind: type[T]) -> T:
        """An object of a class."""
        value = self._value(name)
        if not isinstance(value, kind):
            raise InputError(f"{name} {value!r} of {self._event} is no {kind.__name__}; give one, or its fields")
        return value

    def member(self, name: str, kind: type[E]) -> E:
        """A member of an enum, or its name in either case."""
        return self._member(name, self._value(name), kind)

    def _member(self, name: str, value: Any, kind: type[E]) -> E:
        if isinstance(value, kind):
            return value
        known = kind.__members__
        found = known.get(value.upper()) if isinstance(value, str) else None
        if found is None:
            raise InputError(f"{name} {value!r} of {self._event} must be one of {', '.join(known)}")
        return found

    def close(self, *more: str) -> None:
        """Refuse what was not read and is not among ``more``."""
        known = tuple(dict.fromkeys((*self._read, *more)))
        for name in self._data:
            if name not in known:
                beside = f" beside {self._read[0]}" if len(known) == 1 else ""
                raise InputError(f"{self._event} has no field {name!r}{beside}{nearest(str(name), known)}")

    def order(self) -> dict[str, Any]:
        """The arguments of ``OrderManager.create_order``: names of sides and the like turned into members."""
        self.text("symbol")
        for name in ("side", "quantity"):
            self._value(name)
        self.close(*_ORDER)
        return {
            name: self._member(name, value, _MEMBERS[name]) if name in _MEMBERS and value is not None else value
            for name, value in self._data.items()
        }

    def fill(self, order: Order, now_ns: int) -> Fill:
        """A trade of an order; an execution id is made of the order's own count if none is given."""
        quantity = parse_count(self._value("quantity"), "quantity of a FILL event")
        instrument = order.instrument
        price = instrument.to_quanta(self._value("price"))
        slippage = parse_decimal(self._value("slippage", 0), "slippage of a FILL event")
        if slippage < 0:
            raise InputError(
                f"slippage {slippage} of a FILL event is negative; give how much worse the price is, from 0 up"
            )
        fee = to_units(self._value("commission", 0), instrument.currency)
        exec_id = self.text("exec_id", f"{order.order_id}-{len(order.execution_ids)}-event")
        symbol, side = self._value("symbol", order.symbol), self._value("side", order.side)
        if symbol != order.symbol or self._member("side", side, OrderSide) is not order.side:
            raise InputError(
                f"a FILL event of {symbol} does not fit {order.order_id}, a {order.side.name} of {order.symbol}"
            )
        self.close()
        return Fill(
            exec_id, order.order_id, instrument, order.side, quantity, price, now_ns, fee, parent_id=order.parent_id,
            slippage_quanta=instrument.to_quanta(slippage) if slippage else 0,
        )  # fmt: skip


def check_room(order: Order, fill: Fill) -> None:
    """Refuse a fill by hand that an order cannot have.

    Raises:
        OrderError: it has ended or has less left, or the fill was booked before.
    """
    if fill.exec_id in order.execution_ids:
        raise OrderError(
            f"execution {fill.exec_id} of {order.order_id} was booked before; give another exec_id, or none"
        )
    if fill.quantity > order.leaves_quantity:
        raise OrderError(
            f"a fill of {fill.quantity} does not fit {order.order_id}, which is {order.status.name} and has"
            f" {order.leaves_quantity} left"
        )
