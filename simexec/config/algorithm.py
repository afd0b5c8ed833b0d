"""The algorithm of a scenario: one of ours by a short name, or a class of the user's own by a dotted path.

An algorithm is its own configuration: the fields of its attrs class are those of the file.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Final, cast

import attrs

from simexec.errors import InputError
from simexec.protocols import Algorithm
from simexec.trading.convert import FieldError, key_of, nearest, shown

ALGORITHMS: Final = {
    "market": "simexec.algos.at_market.AtMarket",
    "twap": "simexec.algos.twap.TWAP",
    "iceberg": "simexec.algos.iceberg.Iceberg",
    "vwap": "simexec.algos.vwap.VWAP",
    "pov": "simexec.algos.pov.POV",
    "target_close": "simexec.algos.target_close.TargetClose",
    "shortfall": "simexec.algos.shortfall.ImplementationShortfall",
    "obizhaeva_wang": "simexec.algos.obizhaeva_wang.ObizhaevaWang",
    "pegger": "simexec.algos.pegger.Pegger",
    "sniper": "simexec.algos.sniper.Sniper",
    "adaptive": "simexec.algos.adaptive.Adaptive",
    "chunks": "simexec.algos.chunks.Chunks",
}
"""Where the class of each short name is."""


def to_algorithm(raw: Algorithm | Mapping[str, Any]) -> Algorithm:
    """An algorithm from a mapping with its ``type`` and fields; one that is made already stays as it is.

    Raises:
        FieldError: no such algorithm, a class that is none, or a wrong field.
    """
    from simexec.config.structure import structure

    if not isinstance(raw, Mapping):
        if not hasattr(raw, "run") or isinstance(raw, type):
            raise FieldError(f"must be a mapping with a type ({', '.join(ALGORITHMS)}, or a class), not {shown(raw)}")
        return raw
    if "type" not in raw:
        raise FieldError(f"this field is required, and missing (one of {', '.join(ALGORITHMS)}, or a class)", ("type",))
    cls = _class_of(raw["type"])
    try:
        return cast(Algorithm, structure(cls, {name: value for name, value in raw.items() if name != "type"}))
    except FieldError:
        raise
    except InputError as error:
        raise FieldError(str(error)) from None


def name_of(algorithm: Algorithm) -> str:
    """Short name of an algorithm, or the dotted path of its class."""
    cls = type(algorithm)
    path = f"{cls.__module__}.{cls.__qualname__}"
    return next((name for name, one in ALGORITHMS.items() if one == path), path)


def describe_algorithm(algorithm: Algorithm) -> str:
    """An algorithm and what is set of it, on one line."""
    chosen = _chosen(algorithm)
    return type(algorithm).__name__ + (f" ({chosen})" if chosen else "")


def _chosen(settings: Any) -> str:
    """Fields of an attrs object that differ from their defaults, as they are written in a file."""
    from simexec.config.structure import unstructure

    plain, chosen = unstructure(settings), []
    for field in attrs.fields(type(settings)):
        value, default = getattr(settings, field.name), field.default
        if value == (default.factory() if isinstance(default, attrs.Factory) else default):  # type: ignore[arg-type]
            continue
        text = _chosen(value) if attrs.has(type(value)) else shown(plain[key_of(field)]).strip("'")
        chosen.append(f"{field.name.replace('_', ' ')} {text}")
    return ", ".join(chosen)


def dump_algorithm(algorithm: Algorithm) -> dict[str, Any]:
    """The mapping that ``to_algorithm`` makes an equal algorithm from."""
    from simexec.config.structure import unstructure

    return {"type": name_of(algorithm), **unstructure(algorithm)}


def _class_of(name: object) -> type[Any]:
    if not isinstance(name, str) or (name.lower() not in ALGORITHMS and "." not in name):
        raise FieldError(
            f"{shown(name)} is not one of its values{nearest(str(name), ALGORITHMS)};"
            " a class of your own is named by its path, such as mymodule.MyAlgorithm",
            ("type",),
        )
    module, _, attribute = ALGORITHMS.get(name.lower(), name).rpartition(".")
    try:
        cls = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise FieldError(f"{shown(name)} cannot be imported ({error}); name it as module.Class", ("type",)) from None
    if not (isinstance(cls, type) and attrs.has(cls) and hasattr(cls, "run")):
        raise FieldError(
            f"{shown(name)} is not an algorithm; it must be an attrs class with `async def run(self, execution)`",
            ("type",),
        )
    return cls


def at_market() -> Algorithm:
    """What works an order of which no algorithm is named."""
    return to_algorithm({"type": "market"})
