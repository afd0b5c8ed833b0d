"""What a component can do, asked before a run rather than found out in the middle of one.

A venue, a broker or whatever stands between them says so by a property ``capabilities``; what a chain of them can do together is
``venue & broker``, what one of several venues can do is ``lit | dark``. Features are words; these are ours, and yours may be added:

- ``displayed``: an order may rest where everybody sees it.
- ``hidden``: it may rest unseen.
- ``display_quantity``: it may rest with a part of it shown.
- ``post_only``: it may ask to be refused rather than trade on arrival; ``price_slide``: or to rest one tick off instead.
- ``min_quantity``: an order that does not rest may have a minimum quantity; ``resting_min_quantity``: one that rests may too.
- ``peg_primary``, ``peg_market``, ``peg_midpoint``: what a pegged order may follow; ``peg_offset``: at a distance.
- ``replace``, ``mass_cancel``: those requests are taken.

An order is taken, as far as its kind goes, if its type, its time in force and every feature that it uses are there.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Final, Protocol, TypeVar

import attrs

from simexec.errors import InputError
from simexec.trading.vocabulary import OrderType, TimeInForce

FEATURES: Final = frozenset(
    {
        "displayed", "hidden", "display_quantity", "post_only", "price_slide", "min_quantity", "resting_min_quantity",
        "peg_primary", "peg_market", "peg_midpoint", "peg_offset", "replace", "mass_cancel",
    }
)  # fmt: skip
"""The features that components of simexec speak of."""

MODES: Final = frozenset({"BACKTEST_SINGLE", "BACKTEST_PARALLEL", "OPTIMIZATION", "LIVE_TRADING"})
"""Every execution mode. A simulated venue works in all of them: in LIVE_TRADING it lives on the wall clock."""

T = TypeVar("T")
_E = TypeVar("_E", bound=Enum)


def _set_of(kind: type[T], values: object) -> frozenset[T]:
    """A set of that kind; InputError for anything else."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InputError(f"{values!r} is no collection of {kind.__name__}; write [{_word(values)}]")
    found = frozenset(values)
    for value in found:
        if not isinstance(value, kind):
            raise InputError(f"{value!r} is of type {type(value).__name__}; it must be of type {kind.__name__}")
    return found


def _word(value: object) -> str:
    return str(value) if isinstance(value, Enum) else repr(value)


def _to_order_types(values: Iterable[OrderType]) -> frozenset[OrderType]:
    return _set_of(OrderType, values)


def _to_times_in_force(values: Iterable[TimeInForce]) -> frozenset[TimeInForce]:
    return _set_of(TimeInForce, values)


def _to_features(values: Iterable[str]) -> frozenset[str]:
    return _set_of(str, values)


def _to_modes(values: Iterable[str]) -> frozenset[str]:
    found = _set_of(str, values)
    unknown = sorted(found - MODES)
    if unknown:
        raise InputError(f"mode {unknown[0]!r} is not known; modes are {', '.join(sorted(MODES))}")
    return found


@attrs.frozen
class Capabilities:
    """What a component can do.

    Attributes:
        order_types: that it takes.
        times_in_force: that it takes.
        features: see the module.
        modes: names of the execution modes that it works in, of ``MODES``.

    Raises:
        InputError: something that is no order type, time in force or word, or a mode that does not exist.
    """

    order_types: frozenset[OrderType] = attrs.field(default=(), converter=_to_order_types)
    times_in_force: frozenset[TimeInForce] = attrs.field(default=(), converter=_to_times_in_force)
    features: frozenset[str] = attrs.field(default=(), converter=_to_features)
    modes: frozenset[str] = attrs.field(default=(), converter=_to_modes)

    def intersection(self, other: Capabilities) -> Capabilities:
        """What both can do: that of a chain, in which everything passes through both."""
        return Capabilities(
            self.order_types & other.order_types,
            self.times_in_force & other.times_in_force,
            self.features & other.features,
            self.modes & other.modes,
        )

    def union(self, other: Capabilities) -> Capabilities:
        """What one of the two can do; not that one of them can do all of it at once."""
        return Capabilities(
            self.order_types | other.order_types,
            self.times_in_force | other.times_in_force,
            self.features | other.features,
            self.modes | other.modes,
        )

    def __and__(self, other: Capabilities) -> Capabilities:
        return self.intersection(other)

    def __or__(self, other: Capabilities) -> Capabilities:
        return self.union(other)

    def without(self, other: Capabilities) -> Capabilities:
        """What this can do and the other cannot."""
        return Capabilities(
            self.order_types - other.order_types,
            self.times_in_force - other.times_in_force,
            self.features - other.features,
            self.modes - other.modes,
        )

    def __bool__(self) -> bool:
        return bool(self.order_types or self.times_in_force or self.features or self.modes)

    def __str__(self) -> str:
        parts = (
            ("order types", _names(OrderType, self.order_types)),
            ("times in force", _names(TimeInForce, self.times_in_force)),
            ("features", sorted(self.features)),
            ("modes", sorted(self.modes)),
        )
        return "; ".join(f"{name} {', '.join(words)}" for name, words in parts if words) or "nothing"


class Capable(Protocol):
    """A component that says what it can do."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""


def capabilities(component: object) -> Capabilities:
    """What a component says that it can do.

    Raises:
        InputError: it does not say.
    """
    found = getattr(component, "capabilities", None)
    if not isinstance(found, Capabilities):
        said = "" if found is None else f", only {found!r}"
        raise InputError(
            f"{_name(component)} does not say what it can do{said}; give it a property `capabilities` of Capabilities"
        )
    return found


def require(
    component: object,
    *,
    order_types: Iterable[OrderType] = (),
    times_in_force: Iterable[TimeInForce] = (),
    features: Iterable[str] = (),
    mode: str | None = None,
) -> None:
    """Check that a component can do what a run needs.

    Args:
        component: whatever has ``capabilities``.
        order_types: all of these are needed.
        times_in_force: likewise.
        features: likewise.
        mode: the execution mode of the run; None: none is needed.

    Raises:
        InputError: it lacks something, and the message names all of it and what there is; or it does not say what it can do.
    """
    found = capabilities(component)
    lacking = Capabilities(order_types, times_in_force, features, () if mode is None else (mode,)).without(found)
    if lacking:
        raise InputError(f"{_name(component)} lacks {lacking} (it has {found})")


def _name(component: object) -> str:
    name = getattr(component, "name", None)
    return f"{type(component).__name__} {name}" if isinstance(name, str) else type(component).__name__


def _names(words: type[_E], chosen: frozenset[_E]) -> list[str]:
    return [word.name for word in words if word in chosen]
