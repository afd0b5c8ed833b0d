"""Between plain mappings and configuration classes, by cattrs.

Unknown and missing fields are refused, a member of a union is chosen by its ``type``, and every error names
its path.
"""

from __future__ import annotations

import copy
import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import attrs
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from simexec.config.durations import DurationConfig, to_duration_model
from simexec.errors import InputError
from simexec.trading.convert import FieldError, key_of, nearest, shown

T = TypeVar("T")


def structure(cls: type[T], raw: Mapping[str, Any]) -> T:
    """An instance of the configuration class ``cls`` from plain values.

    Raises:
        FieldError: naming the path of the first wrong field.
    """
    return _converter().structure(raw, cls)


def unstructure(instance: Any) -> dict[str, Any]:
    """The plain values of a configuration object; ``structure`` makes an equal object from them."""
    plain: dict[str, Any] = _converter().unstructure(instance)
    return plain


def changed(instance: T, changes: Mapping[str, Any]) -> T:
    """An object like ``instance`` with the values at some dotted paths replaced."""
    plain = unstructure(instance)
    for path, value in changes.items():
        put(plain, path, value)
    return structure(type(instance), plain)


def put(plain: dict[str, Any], path: str, value: Any) -> None:
    """Replace the value at a dotted path; a mapping that is not there yet is made, a list takes an index.

    Raises:
        FieldError: the path leads through something that has no fields, or is empty somewhere.
    """
    names = path.split(".")
    if not all(names):
        raise FieldError("is not the path of a field, such as algorithm.slices", (path,))
    at: Any = plain
    for depth, name in enumerate(names):
        last = depth == len(names) - 1
        key: str | int = name
        if isinstance(at, list):
            if not name.isdecimal() or int(name) >= len(at):
                text = f"{shown(name)} is not an index of this list of {len(at)}"
                raise FieldError(text, tuple(names[:depth]))
            key = int(name)
        elif not isinstance(at, dict):
            text = f"has no fields, as it is {shown(at)}; set it as a whole"
            raise FieldError(text, tuple(names[:depth]))
        elif not last and at.get(key) is None:
            at[key] = {}
        if last:
            at[key] = value
        else:
            # A copy on the way down: what a YAML alias shares must not change in its other places.
            at[key] = copy.copy(at[key])
            at = at[key]


def check_names(cls: type, raw: Mapping[Any, Any]) -> None:
    """Refuse names that are not fields of the attrs class ``cls``.

    Raises:
        FieldError: naming the unknown field, its value, and the nearest right name.
    """
    known = [key_of(field) for field in attrs.fields(cls)]
    if hasattr(cls, "type"):
        known.append("type")
    for name, value in raw.items():
        if name not in known:
            hint = nearest(str(name), known)
            raise FieldError(f"unknown field (its value is {shown(value)}){hint}", (str(name),))


@cache
def _converter() -> Converter:
    # One wrong field is reported, not a tree of exceptions: the messages are for people.
    converter = Converter(detailed_validation=False)
    converter.register_structure_hook_factory(attrs.has, lambda cls: _structure_class(cls, converter))
    converter.register_structure_hook_factory(_is_tagged, lambda union: _structure_tagged(union, converter))
    converter.register_unstructure_hook_factory(attrs.has, lambda cls: _unstructure_class(cls, converter))
    return converter


def _structure_class(cls: type[Any], converter: Converter) -> Callable[[Any, Any], Any]:
    fields, hints = attrs.fields(cls), get_type_hints(cls)
    required = [key_of(field) for field in fields if field.default is attrs.NOTHING]
    overrides: dict[str, Any] = {
        field.name: override(rename=key_of(field), struct_hook=_structure_field(field, hints[field.name], converter))
        for field in fields
    }
    make = make_dict_structure_fn(cls, converter, **overrides)

    def structured(raw: Any, _type: Any) -> Any:
        if isinstance(raw, cls):
            return raw
        if not isinstance(raw, Mapping):
            names = ", ".join(key_of(field) for field in fields)
            raise FieldError(f"must be a mapping with fields ({names}), not {shown(raw)}")
        check_names(cls, raw)
        for name in required:
            if name not in raw:
                raise FieldError("this field is required, and missing", (name,))
        return make(raw, cls)

    return structured


def _structure_field(field: attrs.Attribute[Any], hint: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    """What turns a field's plain value into what its class takes."""
    key, kinds = key_of(field), [kind for kind in get_args(hint) or (hint,) if kind is not type(None)]
    nested = any(attrs.has(kind) for kind in kinds)
    rows = get_origin(hint) is tuple and bool(attrs.has(kinds[0]) or _is_tagged(kinds[0]))

    def structured(raw: Any, _type: Any) -> Any:
        if "needs_unit" in field.metadata and isinstance(raw, int) and raw != 0:
            raise FieldError(f"must be {field.metadata['needs_unit']}, not {shown(raw)}", (key,))
        try:
            if rows:
                return _structure_rows(raw, kinds[0], converter)
            if nested and not (raw is None and type(None) in get_args(hint)):
                return converter.structure(raw, hint)
        except FieldError as error:
            raise error.within(key) from None
        return raw  # the class's own attrs converter takes it from here

    return structured


def _structure_rows(raw: Any, kind: Any, converter: Converter) -> tuple[Any, ...]:
    if not isinstance(raw, (list, tuple)):
        raise FieldError(f"must be a list, not {shown(raw)}")
    rows: list[Any] = []
    for index, row in enumerate(raw):
        try:
            rows.append(converter.structure(row, kind))
        except FieldError as error:
            raise error.within(str(index)) from None
    return tuple(rows)


def _is_tagged(kind: Any) -> bool:
    members = _members(kind)
    return bool(members) and all(attrs.has(one) and hasattr(one, "type") for one in members)


def _members(union: Any) -> tuple[Any, ...]:
    if get_origin(union) not in (Union, types.UnionType):
        return ()
    return tuple(one for one in get_args(union) if one is not type(None))


def _structure_tagged(union: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    members = _members(union)
    by_tag = {one.type: one for one in members}
    a_text_is_constant = set(members) >= set(get_args(DurationConfig))

    def structured(raw: Any, _type: Any) -> Any:
        if isinstance(raw, members):
            return raw
        if a_text_is_constant and not isinstance(raw, Mapping):
            if isinstance(raw, int) and raw != 0:
                raise FieldError(f"must be a duration with its unit, such as '250us', not {shown(raw)}")
            try:
                return to_duration_model(raw)
            except FieldError:
                raise
            except InputError as error:
                raise FieldError(str(error)) from None
        if not isinstance(raw, Mapping):
            raise FieldError(f"must be a mapping with a type ({', '.join(by_tag)}), not {shown(raw)}")
        if "type" not in raw:
            raise FieldError(f"this field is required, and missing (one of {', '.join(by_tag)})", ("type",))
        tag = raw["type"]
        chosen = by_tag.get(tag.lower()) if isinstance(tag, str) else None
        if chosen is None:
            hint = nearest(str(tag), by_tag)
            raise FieldError(f"{shown(tag)} is not one of its values{hint}", ("type",))
        return converter.structure({name: value for name, value in raw.items() if name != "type"}, chosen)

    return structured


def _unstructure_class(cls: type[Any], converter: Converter) -> Callable[[Any], dict[str, Any]]:
    overrides: dict[str, Any] = {
        field.name: override(rename=key_of(field), unstruct_hook=_unstructure_field(field, converter))
        for field in attrs.fields(cls)
    }
    make: Callable[[Any], dict[str, Any]] = make_dict_unstructure_fn(cls, converter, **overrides)
    tag = getattr(cls, "type", None)

    def unstructured(instance: Any) -> dict[str, Any]:
        plain = make(instance)
        return plain if tag is None else {"type": tag, **plain}

    return unstructured


def _unstructure_field(field: attrs.Attribute[Any], converter: Converter) -> Callable[[Any], Any]:
    dump = field.metadata.get("dump")

    def unstructured(value: Any) -> Any:
        if value is None:
            return None
        if dump is not None:
            return dump(value)
        if attrs.has(type(value)):
            return converter.unstructure(value)
        if isinstance(value, tuple):
            return [converter.unstructure(item) for item in value]
        return value if isinstance(value, (bool, int, float, str)) else str(value)

    return unstructured
