"""Brokers by name: those of simexec, and those that other installed packages offer.

A package offers one by an entry point in the group ``simexec.brokers``; its name is what a configuration says, its value
names the class, or any other callable, that makes the broker. Installed packages are looked at only when a name asks for it.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Final

from simexec.errors import ConfigError
from simexec.trading.convert import shown

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP: Final = "simexec.brokers"
"""The group of entry points in which packages offer brokers."""

BUILT_IN: Final = {
    "BacktestBroker": "simexec.execution.backtest_broker:BacktestBroker",
    "BacktestBrokerRefactored": "simexec.execution.backtest_broker:BacktestBroker",
    "Broker": "simexec.execution.broker:Broker",
}
"""Where the brokers are whose names need no installation."""


def installed_brokers() -> dict[str, EntryPoint]:
    """What installed packages offer, by name; the built-in names are not among them.

    Raises:
        ConfigError: two packages offer different brokers by one name.
    """
    from importlib.metadata import entry_points

    found: dict[str, EntryPoint] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda one: (one.name, one.value)):
        other = found.setdefault(entry.name, entry)
        if other.value != entry.value:
            raise ConfigError(
                f"the broker {shown(entry.name)} is offered twice, as {other.value} and as {entry.value}; "
                "uninstall one of the two packages"
            )
    return found


def broker_names() -> tuple[str, ...]:
    """Every name that a configuration may give, the built-in ones first."""
    return (*BUILT_IN, *(name for name in installed_brokers() if name not in BUILT_IN))


def check_broker(name: str) -> None:
    """Refuse a name that is neither built in nor offered by an installed package.

    Raises:
        ConfigError: with what is installed.
    """
    if name not in BUILT_IN:
        _installed(name)


def load_broker(name: str) -> Any:
    """What a name stands for: the class, or another callable that makes the broker.

    Raises:
        ConfigError: no such broker, or what its package names cannot be imported.
    """
    from importlib.metadata import EntryPoint

    entry = EntryPoint(name, BUILT_IN[name], GROUP) if name in BUILT_IN else _installed(name)
    try:
        broker = entry.load()
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"the broker {shown(name)} cannot be imported from {entry.value} ({error}); reinstall its package"
        ) from error
    if not callable(broker):
        raise ConfigError(f"the broker {shown(name)} is {entry.value}, which makes nothing; it must be a class")
    return broker


def _installed(name: str) -> EntryPoint:
    found = installed_brokers()
    if name not in found:
        raise ConfigError(
            f"{shown(name)} is not an installed broker{_near(name)}; installed: {', '.join(found) or 'none'}; "
            f"a package that offers one declares an entry point in the group {GROUP}"
        )
    return found[name]


def _near(name: str) -> str:
    """The name that was probably meant. Names of brokers resemble one another, so it must be nearer than a field's name."""
    names = {one.lower(): one for one in broker_names()}
    near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.8)
    return f" (did you mean {shown(names[near[0]])}?)" if near else ""
