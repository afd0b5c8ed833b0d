"""What an execution environment is made of, from either form of the specification: the flat dictionary or the section."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, get_args

import attrs
from attrs import field, frozen

from simexec.config.execution import (
    BrokerConfig,
    CommissionConfig,
    ExecutionConfig,
    ExecutionMode,
    MarketSimulationConfig,
    SlippageConfig,
    to_mode,
)
from simexec.trading.convert import FieldError, key_of, naming_fields, nearest, shown, to_decimal_from_zero, to_text

_SECTION: Final = tuple(key_of(one) for one in attrs.fields(ExecutionConfig))
_OWN: Final = ("initial_cash", "currency")
_MODELS: Final[dict[str, tuple[str, Any]]] = {
    "commission_model": ("commission", CommissionConfig),
    "slippage_model": ("slippage", SlippageConfig),
}
"""Names of the flat form: which field of ``market_simulation`` each is, and what that may hold."""


@frozen(kw_only=True, field_transformer=naming_fields)
class EnvironmentConfig:
    """An account, and how its orders are executed.

    Attributes:
        initial_cash: cash at the start, in the currency.
        currency: code of the account's currency.
        execution: the specification's ``execution:`` section.
    """

    initial_cash: Decimal = field(default=Decimal(1_000_000), converter=to_decimal_from_zero)
    currency: str = field(default="USD", converter=to_text)
    execution: ExecutionConfig = field(factory=ExecutionConfig)

    @classmethod
    def of(cls, mode: ExecutionMode | str | None = None, raw: Mapping[str, Any] | None = None) -> EnvironmentConfig:
        """A configuration from plain values, which may be of either form and may mix them.

        The flat form is ``{"initial_cash": 100000, "commission_model": "per_share", "slippage_model": "fixed",
        "broker": "Broker", "thread_safety": True}``; a model is a name, or a mapping with its ``type`` and fields. The other
        form is the ``execution:`` section of a file, as ``{"execution": {...}}`` or without that name around it.

        Args:
            mode: a name in either case; None: as the values say, and BACKTEST_SINGLE where they do not.
            raw: the values; None: none.

        Raises:
            FieldError: an unknown or wrong field, one that is given in both forms, or two modes.
        """
        values = _mapping(raw)
        section = dict(_mapping(values.get("execution"), "execution"))
        inner = frozenset(section)
        for name in _SECTION:
            if name in values:
                _refuse_second(name, inner)
                section[name] = values[name]
        if isinstance(values.get("broker"), str):
            section["broker"] = _broker(values["broker"])
        for name in _MODELS:
            if name in values:
                _put_model(section, name, values[name])
        try:
            execution = _structured(section)
        except FieldError as error:
            raise error.within("execution") if error.path and error.path[0] in inner else error from None
        if mode is not None:
            execution = _in_mode(execution, mode, "mode" in section)
        return cls(execution=execution, **{name: values[name] for name in _OWN if name in values})


def _mapping(raw: Any, *path: str) -> Mapping[str, Any]:
    """The values of one level, nothing for None; unknown names are refused."""
    if raw is None:
        return {}
    known = _SECTION if path else (*_OWN, *_MODELS, "execution", *_SECTION)
    if not isinstance(raw, Mapping):
        raise FieldError(f"must be a mapping with fields ({', '.join(known)}), not {shown(raw)}", path)
    for name, value in raw.items():
        if name not in known:
            hint = nearest(str(name), known)
            raise FieldError(f"unknown field (its value is {shown(value)}){hint}", (*path, str(name)))
    return raw


def _refuse_second(name: str, inner: frozenset[str]) -> None:
    if name in inner:
        raise FieldError(f"is given twice, here and as execution.{name}; leave one out", (name,))


def _broker(name: str) -> BrokerConfig:
    try:
        return BrokerConfig(class_name=name)
    except FieldError as error:
        raise FieldError(error.problem, ("broker",)) from None


def _put_model(section: dict[str, Any], name: str, value: Any) -> None:
    """Put a model of the flat form where the section has it."""
    key, union = _MODELS[name]
    simulation = section.get("market_simulation", {})
    if not isinstance(simulation, Mapping):
        return  # which is refused with the rest of the section
    if key in simulation:
        raise FieldError(f"is given twice, here and as market_simulation.{key}; leave one out", (name,))
    if value is not None and not isinstance(value, (str, Mapping, *get_args(union))):
        types = ", ".join(one.type for one in get_args(union))
        raise FieldError(f"must be one of {types}, or a mapping with its type and fields, not {shown(value)}", (name,))
    from simexec.config.structure import structure

    try:
        model = structure(MarketSimulationConfig, {key: {"type": value} if isinstance(value, str) else value})
    except FieldError as error:
        rest = error.path[1:]
        written_within = not (isinstance(value, str) and rest == ("type",))
        raise FieldError(error.problem, (name, *rest) if written_within else (name,)) from None
    section["market_simulation"] = {**simulation, key: getattr(model, key)}


def _structured(section: Mapping[str, Any]) -> ExecutionConfig:
    from simexec.config.structure import structure

    return structure(ExecutionConfig, section)


def _in_mode(execution: ExecutionConfig, mode: ExecutionMode | str, is_written: bool) -> ExecutionConfig:
    """The section with the mode that was asked for, which must be the one that is written where one is."""
    try:
        asked = to_mode(mode)
    except FieldError as error:
        raise error.within("mode") from None
    if is_written and execution.mode is not asked:
        raise FieldError(
            f"{execution.mode.name} is written in the configuration, and {asked.name} was asked for; leave one out",
            ("mode",),
        )
    return attrs.evolve(execution, mode=asked)
