"""What an execution context knows, in layers: what is committed, and over it what an open transaction has changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation
from operator import attrgetter
from typing import Any, Final

import attrs

from simexec.errors import InputError
from simexec.trading.money import EXACT, Number, parse_decimal

# Amounts have at most EXACT's 200 digits and lie between 1e-40 and 1e40, so their sums fit; Inexact never happens.
_SUM: Final = Context(prec=320, traps=[Inexact, InvalidOperation])
_ZERO: Final = Decimal(0)


@attrs.frozen
class ContextMetrics:
    """Figures of one moment.

    Attributes:
        orders: different orders that any operation has named.
        filled_orders: those that have a fill.
        fills: fills recorded.
        rejections: rejections recorded.
        rejections_by_reason: the same by the reason given.
        volume: sum of the fills' volumes, in the instrument's own units.
        commission: sum of the fills' commissions, exact.
        slippage: sum of the fills' slippages, exact.
        active_orders: how many orders are active.
        transactions_committed: commits so far; an operation outside any transaction is one too, a savepoint is none. What
            is seen outside transactions is the state after exactly so many commits.
        transactions_rolled_back: transactions that were undone as a whole.
    """

    orders: int
    filled_orders: int
    fills: int
    rejections: int
    rejections_by_reason: Mapping[str, int]
    volume: int
    commission: Decimal
    slippage: Decimal
    active_orders: int
    transactions_committed: int
    transactions_rolled_back: int

    @property
    def fill_rate(self) -> float:
        """Orders with a fill as a fraction of all orders; 0.0 before the first."""
        return self.filled_orders / self.orders if self.orders else 0.0


class _Totals:
    """The sums of a layer, those of the layers below included."""

    __slots__ = ("active", "commission", "filled", "fills", "orders", "rejections", "slippage", "volume")

    def __init__(self) -> None:
        self.active = self.filled = self.fills = self.orders = self.rejections = self.volume = 0
        self.commission = self.slippage = _ZERO

    def copy(self) -> _Totals:
        copied = _Totals.__new__(_Totals)
        copied.active, copied.filled, copied.fills = self.active, self.filled, self.fills
        copied.orders, copied.rejections, copied.volume = self.orders, self.rejections, self.volume
        copied.commission, copied.slippage = self.commission, self.slippage
        return copied


class StateLayer:
    """The committed state, or what one transaction or savepoint has changed since it began.

    A layer over another is dropped to undo it, and absorbed by the one below to keep it. An operation that is refused
    changes nothing.

    Args:
        base: the layer below, which does not change while this one is there; None: this is the committed state.
    """

    __slots__ = ("_active", "_known", "_reasons", "_totals", "_values", "base")

    def __init__(self, base: StateLayer | None = None) -> None:
        self.base = base
        self._totals: _Totals = _Totals() if base is None else base._totals.copy()
        self._active: dict[str, bool] = {}  # in the order in which they became so; False hides what is below
        self._known: dict[str, bool] = {}  # orders that were named, and whether they have a fill
        self._reasons: dict[str, int] = {}
        self._values: dict[str, Any] = {}

    # --- operations ---

    def add_active_order(self, order_id: str) -> None:
        """Make an order active; InputError if it is."""
        if self._find(_ACTIVE, order_id, False):
            raise InputError(f"order {order_id} is active already; remove it before it is added again")
        self._know(order_id)
        self._active.pop(order_id, None)  # so that one which was removed before becomes the last
        self._active[order_id] = True
        self._totals.active += 1

    def remove_active_order(self, order_id: str) -> None:
        """Make an order inactive; InputError if it is not active."""
        if not self._find(_ACTIVE, order_id, False):
            raise InputError(f"order {order_id} is not active; add it before it is removed")
        if self.base is None:
            del self._active[order_id]
        else:
            self._active[order_id] = False
        self._totals.active -= 1

    def record_order(self, order_id: str) -> None:
        """Count an order, if no operation has named it yet."""
        self._know(order_id)

    def record_fill(self, order_id: str, volume: int, commission: Decimal, slippage: Decimal) -> None:
        """Count a fill and its order."""
        totals = self._totals
        if not self._know(order_id):
            self._known[order_id] = True
            totals.filled += 1
        totals.fills += 1
        totals.volume += volume
        totals.commission = _SUM.add(totals.commission, commission)
        totals.slippage = _SUM.add(totals.slippage, slippage)

    def record_rejection(self, order_id: str, reason: str) -> None:
        """Count a rejection and its order."""
        self._know(order_id)
        self._totals.rejections += 1
        self._reasons[reason] = self._find(_REASONS, reason, 0) + 1

    def set(self, key: str, value: Any) -> None:
        """Keep a value."""
        self._values[key] = value

    # --- what there is, with the layers below ---

    def get(self, key: str, default: Any) -> Any:
        """The value kept under a key."""
        return self._find(_VALUES, key, default)

    def active_orders(self) -> AbstractSet[str]:
        """Ids of the active orders, in the order in which they became so."""
        active: dict[str, bool] = {}
        for layer in self._from_below():
            _update_active(active, layer._active)
        return {order_id: None for order_id, is_active in active.items() if is_active}.keys()

    def metrics(self, committed: int, rolled_back: int) -> ContextMetrics:
        """The figures, frozen."""
        totals = self._totals
        reasons: dict[str, int] = {}
        for layer in self._from_below():
            reasons.update(layer._reasons)
        return ContextMetrics(
            orders=totals.orders,
            filled_orders=totals.filled,
            fills=totals.fills,
            rejections=totals.rejections,
            rejections_by_reason=reasons,
            volume=totals.volume,
            commission=totals.commission,
            slippage=totals.slippage,
            active_orders=totals.active,
            transactions_committed=committed,
            transactions_rolled_back=rolled_back,
        )

    def absorb(self, upper: StateLayer) -> None:
        """Take over what the layer above has changed."""
        self._totals = upper._totals
        self._known.update(upper._known)
        self._reasons.update(upper._reasons)
        self._values.update(upper._values)
        _update_active(self._active, upper._active)
        if self.base is None:
            for order_id, is_active in upper._active.items():
                if not is_active:
                    del self._active[order_id]

    def _know(self, order_id: str) -> bool:
        """Count an order that was not named before; whether it has a fill."""
        filled = self._find(_KNOWN, order_id, None)
        if filled is None:
            self._known[order_id] = filled = False
            self._totals.orders += 1
        return bool(filled)

    def _find(self, table: Callable[[StateLayer], dict[str, Any]], key: str, default: Any) -> Any:
        layer: StateLayer | None = self
        while layer is not None:
            entries = table(layer)
            if key in entries:
                return entries[key]
            layer = layer.base
        return default

    def _from_below(self) -> list[StateLayer]:
        layers = [self]
        while (below := layers[-1].base) is not None:
            layers.append(below)
        return layers[::-1]


_ACTIVE: Final[Callable[[StateLayer], dict[str, Any]]] = attrgetter("_active")
_KNOWN: Final[Callable[[StateLayer], dict[str, Any]]] = attrgetter("_known")
_REASONS: Final[Callable[[StateLayer], dict[str, Any]]] = attrgetter("_reasons")
_VALUES: Final[Callable[[StateLayer], dict[str, Any]]] = attrgetter("_values")


def _update_active(active: dict[str, bool], changes: dict[str, bool]) -> None:
    """Apply the changes of a layer; what became active in it stands behind what was so before."""
    for order_id, is_active in changes.items():
        active.pop(order_id, None)
        active[order_id] = is_active


def checked_text(value: str, what: str) -> str:
    """``value`` if it is a str that is not empty; InputError otherwise."""
    if not isinstance(value, str) or not value:
        raise InputError(f"{what} {value!r} is not a name; give a str that is not empty")
    return value


def checked_amount(amount: Number, what: str) -> Decimal:
    """The amount, exactly; a float stands for the shortest decimal that it prints as.

    Raises:
        InputError: not a finite number, or more than 200 digits.
    """
    number = parse_decimal(amount, what)
    try:
        return EXACT.plus(number) if number else _ZERO
    except DecimalException:
        raise InputError(f"{what} has {len(number.as_tuple().digits)} digits; round it to 200 at most") from None
