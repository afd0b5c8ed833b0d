"""The JSON Schema of a scenario file, so that an editor can complete names and mark what is wrong while it is written.

It is made by one walk over the configuration classes: their fields, types, defaults and docstrings. What a field takes is asked
of the field's own converter by trying values, so that a bound has one home. Rules about two fields together (``high`` is not
below ``low``) are not in it, nor is whether a file exists: ``load_scenario`` has the last word.

It says what the documentation promises rather than all that the loader lets pass: ``Buy`` is read, but only ``buy`` and ``BUY``
are offered.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import re
import secrets
import types
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import attrs

from simexec.config.algorithm import ALGORITHMS
from simexec.config.durations import ConstantDuration, DurationConfig, describe
from simexec.config.scenario import Scenario
from simexec.config.structure import unstructure
from simexec.errors import ConfigError, InputError
from simexec.protocols import Algorithm
from simexec.trading.convert import key_of

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_DURATION: Final = r"([0-9]+(\.[0-9]+)?(ns|us|[\u00b5\u03bc]s|ms|s|m|h|d))+$"
_TIME_OF_DAY: Final = r"^(([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?|24:00(:00(\.0{1,9})?)?)$"
_DATE: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_DECIMAL: Final = r"([0-9][0-9_]*(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?$"
_NOT_ZERO: Final = "(?=[^eE]*[1-9])"
_OWN_CLASS: Final = r"^[^.]+(\.[^.]+)+$"

_Schema = dict[str, Any]
_Accepts = Callable[[Any], bool]


def json_schema() -> dict[str, Any]:
    """The JSON Schema, draft 2020-12, of a scenario file."""
    walk = _Walk()
    root = walk.object_of(Scenario)
    return {"$schema": DIALECT, **root, "title": "simexec scenario", "$defs": dict(sorted(walk.definitions.items()))}


def schema_text() -> str:
    """The schema as it is printed and written."""
    return json.dumps(json_schema(), indent=2) + "\n"


def write_schema(path: Path) -> None:
    """Write the schema whole or not at all: under another name first, which then takes the place of what was there.

    Raises:
        ConfigError: it cannot be written there; what was there is as it was.
    """
    if path.is_dir():
        raise ConfigError(f"{path}: cannot be written (it is a folder); name a file in it")
    text = schema_text()
    partial = path.with_name(f".{path.name[:100]}-{secrets.token_hex(4)}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be written ({error.strerror}); name a file in a folder that is there"
        ) from None
    finally:
        with contextlib.suppress(OSError):  # such as a folder that is none
            partial.unlink()


class _Walk:
    """The classes met so far, each under its name in ``definitions``."""

    def __init__(self) -> None:
        self.definitions: dict[str, _Schema] = {}
        self._names: dict[type, str] = {}

    def object_of(self, cls: type, tag: str | None = None) -> _Schema:
        """The mapping that a class is written as; ``tag`` is its ``type`` where the class itself does not say it."""
        hints, texts = get_type_hints(cls), _attribute_texts(cls)
        tag = getattr(cls, "type", None) if tag is None else tag
        properties: dict[str, _Schema] = {}
        if tag is not None:
            properties["type"] = {"description": _summary(cls), "enum": [tag.lower(), tag.upper()]}
        for field in attrs.fields(cls):
            text = texts.get(field.name)
            properties[key_of(field)] = {
                **({} if text is None else {"description": text}),
                **self._field(field, hints[field.name]),
                **_default_of(field, hints[field.name]),
            }
        required = [key_of(field) for field in attrs.fields(cls) if field.default is attrs.NOTHING]
        return {
            "title": cls.__name__,
            "description": _summary(cls),
            "type": "object",
            "properties": properties,
            "required": required if tag is None else ["type", *required],
            "additionalProperties": False,
        }

    def _reference(self, cls: type, tag: str | None = None) -> _Schema:
        if cls not in self._names:
            name = cls.__name__ if cls.__name__ not in self.definitions else f"{cls.__module__}.{cls.__name__}"
            self._names[cls] = name
            self.definitions[name] = {}  # its place, before a class within it asks for it again
            self.definitions[name] = self.object_of(cls, tag)
        return {"$ref": f"#/$defs/{self._names[cls]}"}

    def _field(self, field: attrs.Attribute[Any], hint: Any) -> _Schema:
        choices = field.metadata.get("choices", ())
        kinds = [kind for kind in _members(hint) if kind is not type(None)]
        schema = self._value(kinds, _acceptor(field.converter), choices)
        return schema if len(kinds) == len(_members(hint)) else _any_of([schema, {"type": "null"}])

    def _value(self, kinds: list[Any], accepts: _Accepts, choices: Iterable[Any] = ()) -> _Schema:
        if kinds == [Algorithm]:
            return self._algorithm()
        if get_origin(kinds[0]) is tuple:
            return self._list(_members(get_args(kinds[0])[0]), accepts)
        if not attrs.has(kinds[0]):
            return _plain(kinds[0], accepts, choices)
        members: list[_Schema] = [self._reference(kind) for kind in kinds]
        if set(kinds) >= set(get_args(DurationConfig)):
            members = [*_duration(lambda _: True), *members]
        return members[0] if len(members) == 1 else {"oneOf": members}

    def _list(self, kinds: list[Any], accepts: _Accepts) -> _Schema:
        # An item may need another beside it that is not zero.
        items = self._value(kinds, lambda item: accepts([item]) or accepts([item, 1]))
        return {"type": "array", "items": items, **({} if accepts([]) else {"minItems": 1})}

    def _algorithm(self) -> _Schema:
        ours = []
        for name, path in ALGORITHMS.items():
            module, _, attribute = path.rpartition(".")
            ours.append(self._reference(getattr(import_module(module), attribute), name))
        own = {
            "title": "A class of your own",
            "description": "Named by its path, such as mymodule.MyAlgorithm; the fields are those of the class.",
            "type": "object",
            "properties": {"type": {"type": "string", "pattern": _OWN_CLASS}},
            "required": ["type"],
        }
        return {"oneOf": [*ours, own]}


def _members(hint: Any) -> list[Any]:
    """What a type hint allows: the members of a union, the hint itself otherwise."""
    return list(get_args(hint)) if get_origin(hint) in (Union, types.UnionType) else [hint]


def _acceptor(convert: Any) -> _Accepts:
    """Whether a field's converter takes a value; a field without one takes all."""

    def accepts(value: Any) -> bool:
        try:
            convert(value)
        except InputError:
            return False
        return True

    return (lambda value: True) if convert is None else accepts


def _plain(kind: Any, accepts: _Accepts, choices: Iterable[Any]) -> _Schema:
    """What a value without fields may be."""
    if issubclass(kind, Enum):
        names = [one.name for one in choices or kind if accepts(one.name)]
        # A bare `off` is false to readers of YAML 1.1.
        return {"enum": [*(name.lower() for name in names), *names, *([False] if accepts(False) else [])]}
    if kind is bool:
        return {"type": "boolean"}
    if kind is int and accepts("1s"):
        return _any_of(_duration(accepts))
    if kind is int and accepts("12:00"):
        return _any_of([{"type": "string", "pattern": _TIME_OF_DAY}, {"const": 0}])
    if kind is int:
        return {"type": "integer", **_bounds(accepts, whole=True)}
    if kind is float:
        return {"type": "number", **_bounds(accepts)}
    if kind is Decimal:
        return _decimal(accepts)
    if kind is date:
        return {"type": "string", "pattern": _DATE}
    if kind in (str, Path):
        return {"type": "string", "minLength": 1}
    raise TypeError(f"{kind} has no JSON Schema; add it here")


def _duration(accepts: _Accepts) -> list[_Schema]:
    """A text with a unit; nothing needs none."""
    zero = accepts("0s")
    text = {"type": "string", "pattern": ("^" if zero else "^(?=.*[1-9])") + _DURATION}
    return [text, {"const": 0}] if zero else [text]


def _decimal(accepts: _Accepts) -> _Schema:
    sign = "[-+]?" if accepts(-1) else r"\+?"
    pattern = "^" + sign + ("" if accepts(0) else _NOT_ZERO) + _DECIMAL
    return _any_of([{"type": "number", **_bounds(accepts)}, {"type": "string", "pattern": pattern}])


def _bounds(accepts: _Accepts, *, whole: bool = False) -> _Schema:
    """The bounds of a number as far as they are 0 or 1; another one is not told, and so refuses nothing."""
    bounds: _Schema = {}
    if not accepts(-1):
        if accepts(0):
            bounds["minimum"] = 0
        elif accepts(1) or accepts(0.5):
            bounds.update({"minimum": 1} if whole else {"exclusiveMinimum": 0})
    if not accepts(2):
        if accepts(1):
            bounds["maximum"] = 1
        elif accepts(0.5):
            bounds["exclusiveMaximum"] = 1
    return bounds


def _any_of(schemas: Iterable[_Schema]) -> _Schema:
    flat = [part for one in schemas for part in (one["anyOf"] if set(one) == {"anyOf"} else [one])]
    return flat[0] if len(flat) == 1 else {"anyOf": flat}


def _default_of(field: attrs.Attribute[Any], hint: Any) -> _Schema:
    """``{"default": ...}`` as it is written in a file; nothing of a section whose own fields say it."""
    default: Any = field.default
    if default is attrs.NOTHING:
        return {}
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        default = default.factory()
    if attrs.has(hint) and _is_all_defaults(default):
        return {}
    return {"default": _written(default, field.metadata)}


def _is_all_defaults(instance: Any) -> bool:
    cls = type(instance)
    return all(field.default is not attrs.NOTHING for field in attrs.fields(cls)) and instance == cls()


def _written(value: Any, metadata: Mapping[Any, Any]) -> Any:
    if value is None:
        return None
    if "dump" in metadata:
        return metadata["dump"](value)
    if isinstance(value, ConstantDuration):
        return describe(value)
    if attrs.has(type(value)):
        return unstructure(value)
    if isinstance(value, tuple):
        return [_written(item, {}) for item in value]
    if isinstance(value, Decimal):
        number = int(value) if value == int(value) else float(value)
        return number if Decimal(str(number)) == value else str(value)
    return value if isinstance(value, (bool, int, float, str)) else str(value)


def _summary(cls: type) -> str:
    return _in_a_file((inspect.getdoc(cls) or "").partition("\n\n")[0])


def _attribute_texts(cls: type) -> dict[str, str]:
    """What the ``Attributes:`` section of a class says of each; one that is named in another's text shares it."""
    section = re.search(r"^Attributes:\n((?: .*\n?|\n)*)", inspect.getdoc(cls) or "", re.MULTILINE)
    entries = re.split(r"^ {4}(\w+): ", section[1] if section else "", flags=re.MULTILINE)[1:]
    texts = dict(zip(entries[::2], entries[1::2], strict=True))
    for field in attrs.fields(cls):
        if field.name not in texts:
            shared = next((text for text in texts.values() if f"``{field.name}``" in text), None)
            if shared is not None:
                texts[field.name] = shared
    return {name: _in_a_file(text) for name, text in texts.items()}


def _in_a_file(text: str) -> str:
    """A sentence of a docstring for somebody who writes YAML, where a duration has its unit and a time is one of day."""
    plain = " ".join(text.split()).replace("``", "`")
    return re.sub(r", ns( after local midnight)?\b", "", re.sub(r"\bNone\b", "null", plain))
