"""YAML as people expect it: nothing executed, no duplicate keys, and no texts that turn into something else.

PyYAML reads YAML 1.1, where ``off`` is false, ``16:00:00`` is 57600 and ``1e-4`` is a text. The loader
here resolves bare words as YAML 1.2's core schema does: only ``true`` and ``false`` are flags, and dates
and times stay texts.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from simexec.errors import ConfigError
from simexec.trading.convert import shown


class _Loader(yaml.SafeLoader):
    """A safe loader that refuses duplicate keys; PyYAML's loaders are extended by subclassing only."""


# Tag, pattern of the whole word, and the characters it may begin with.
_BARE_WORDS = (
    ("null", r"~|null|Null|NULL|", [*"~nN", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", [*"tTfF"]),
    ("int", r"[-+]?[0-9][0-9_]*", [*"-+0123456789"]),
    ("float", r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?", [*"-+.0123456789"]),
    ("float", r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", [*"-+."]),
    ("merge", r"<<", ["<"]),
)

_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in _BARE_WORDS:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), _first)


def _construct_int(loader: _Loader, node: yaml.ScalarNode) -> int:
    return int(str(loader.construct_scalar(node)).replace("_", ""))


def _construct_mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: dict[Any, int] = {}
    for key_node, _value in node.value:
        if isinstance(key_node, yaml.ScalarNode) and key_node.tag != "tag:yaml.org,2002:merge":
            key, line = key_node.value, key_node.start_mark.line + 1
            if key in seen:
                text = f"the key {shown(key)} was given before, in line {seen[key]}"
                raise yaml.constructor.ConstructorError(None, None, text, key_node.start_mark)
            seen[key] = line
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)
_Loader.add_constructor("tag:yaml.org,2002:map", _construct_mapping)


def read_text(path: Path) -> str:
    """The text of a configuration file.

    Raises:
        ConfigError: the file is missing, not readable, or not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file") from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: is not UTF-8 text (byte {error.start} is 0x{error.object[error.start]:02x})"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None


def parse_mapping(text: str, source: str) -> dict[str, Any]:
    """The mapping that a YAML text holds.

    Args:
        text: the YAML text.
        source: what messages call it: the file's path.

    Raises:
        ConfigError: the text is empty, malformed, or no mapping; the message names source, line and column.
    """
    parsed = parse_value(text, source)
    if parsed is None:
        raise ConfigError(f"{source}: is empty; a scenario needs at least name, instrument, flow and order")
    if not isinstance(parsed, dict):
        raise ConfigError(f"{source}: must be a mapping of fields, not {shown(parsed)}")
    return parsed


def parse_value(text: str, source: str) -> Any:
    """The value that a YAML text holds.

    Raises:
        ConfigError: the text is malformed; the message names source, line and column.
    """
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise ConfigError(f"{source}{where}: {_one_line(error.problem or error.context)}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{source}: is not YAML ({_one_line(str(error))})") from None


def line_of(text: str, path: tuple[str, ...]) -> int | None:
    """The line, from 1, of the field at ``path``; of the nearest field around it where it is not written.

    None when not even the first name of the path is in the text.
    """
    node, line = yaml.compose(text, _Loader), None
    for name in path:
        if isinstance(node, yaml.MappingNode):
            found = [pair for pair in node.value if pair[0].value == name]
            if not found:
                break
            key, node = found[0]
            line = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and name.isdecimal() and int(name) < len(node.value):
            node = node.value[int(name)]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _one_line(text: str | None) -> str:
    return " ".join((text or "malformed").split())
