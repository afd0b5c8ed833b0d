"""Scenario files: read, override, check, write back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import yaml

from simexec.config.durations import EmpiricalDuration
from simexec.config.flow import LobsterFlow, RecordedFlowConfig
from simexec.config.read_yaml import line_of, parse_mapping, parse_value, read_text
from simexec.config.scenario import Scenario
from simexec.config.session import SessionConfig
from simexec.config.structure import put, unstructure
from simexec.errors import ConfigError, DataError
from simexec.market.file_format import format_of
from simexec.market.lobster_name import LobsterName
from simexec.trading.convert import FieldError, to_timezone, write_time_of_day


def load_scenario(
    path: str | Path,
    *,
    overrides: Sequence[str] = (),
    data: str | Path | None = None,
    seed: int | None = None,
) -> Scenario:
    """Read a scenario file.

    A relative path inside the file, or in an override, is taken from the file's folder; the scenario has
    absolute paths.

    Args:
        path: the YAML file.
        overrides: ``"algorithm.slices=40"``: a value, in YAML, by the dotted path of its field. Applied last.
        data: a recording to replay in place of the scenario's flow. A LOBSTER message file also sets symbol, date and
            session, by its name; a file of another format is read, and sets symbol, tick and date.
        seed: in place of the scenario's.

    Raises:
        ConfigError: the file or an override is wrong; one line with the file, its line, the field and the
            value.
        DataError: ``data`` is missing, cannot be read, or its name is not a message file's.
    """
    file = Path(path)
    text = read_text(file)
    plain = parse_mapping(text, str(file))
    changes = [(override, *parse_override(override)) for override in overrides]
    if data is not None:
        _replay(plain, Path(data), {name: value for _, name, value in changes})
    if seed is not None:
        plain["seed"] = seed
    set_by: dict[tuple[str, ...], str] = {}
    for override, name, value in changes:
        try:
            put(plain, name, value)
        except FieldError as error:
            raise ConfigError(f"--set {override}: {error}") from None
        set_by[tuple(name.split("."))] = override
    try:
        return _completed(_rebased(Scenario.from_dict(plain), file.absolute().parent))
    except FieldError as error:
        for prefix, override in set_by.items():
            if error.path[: len(prefix)] == prefix:
                raise ConfigError(f"--set {override}: {error}") from None
        line = line_of(text, error.path)
        raise ConfigError(f"{file}:{line}: {error}" if line else f"{file}: {error}") from None


def parse_override(text: str) -> tuple[str, Any]:
    """Split ``"algorithm.slices=40"`` into the path and the value, which is read as YAML.

    Raises:
        ConfigError: there is no ``=``, no path before it, or no YAML after it.
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ConfigError(f"--set {text}: must be FIELD=VALUE, such as algorithm.slices=40")
    return name.strip(), parse_value(value, f"--set {text}")


def dump_scenario(scenario: Scenario, comment: str = "") -> str:
    """The scenario as YAML, every default written out; ``load_scenario`` reads an equal scenario from it.

    Args:
        scenario: what to write.
        comment: lines for the top of the file, without their ``#``.
    """
    head = "".join(f"# {line}".rstrip() + "\n" for line in comment.splitlines())
    return head + yaml.safe_dump(unstructure(scenario), sort_keys=False, allow_unicode=True, width=110)


def _replay(plain: dict[str, Any], file: Path, overrides: Mapping[str, Any]) -> None:
    """Let a recording take the place of the scenario's flow, and of what its file says of symbol, tick, date and session."""
    if not file.is_file():
        raise DataError(f"{file}: there is no such file")
    kind = format_of(file)
    if kind == "lobster":
        name = LobsterName.of_messages(file)
        put(plain, "flow", {"type": "lobster", "message_file": str(file.absolute())})
        put(plain, "instrument.symbol", name.symbol)
        put(plain, "date", name.date.isoformat())
        put(plain, "session.open", write_time_of_day(name.start_ns))
        put(plain, "session.close", write_time_of_day(name.end_ns))
        return
    from simexec.market.dbn import read_dbn
    from simexec.market.npz import read_npz

    session = plain.get("session")
    timezone = overrides.get("session.timezone") or (session.get("timezone") if isinstance(session, dict) else None)
    zone = to_timezone(timezone or SessionConfig().timezone)
    if kind == "hftbacktest":
        recording = read_npz(file, timezone=zone)
    else:
        recording = read_dbn(file, instrument=overrides.get("instrument.symbol"), timezone=zone)
    put(plain, "flow", {"type": kind, "file": str(file.absolute())})
    put(plain, "instrument.symbol", recording.symbol)
    put(plain, "instrument.tick", str(Decimal(recording.tick_quanta) / recording.price_quanta_per_unit))
    put(plain, "date", recording.date.isoformat())


def _rebased(instance: Any, folder: Path) -> Any:
    """The same configuration with every relative path taken from ``folder``."""
    changes: dict[str, Any] = {}
    for field in attrs.fields(type(instance)):
        value = getattr(instance, field.name)
        if isinstance(value, Path):
            changes[field.name] = folder / value
        elif attrs.has(type(value)):
            changes[field.name] = _rebased(value, folder)
        elif isinstance(value, tuple) and value and attrs.has(type(value[0])):
            changes[field.name] = tuple(_rebased(row, folder) for row in value)
    return attrs.evolve(instance, **changes) if changes else instance


def _completed(scenario: Scenario) -> Scenario:
    """The scenario with what its files' names say, once the files are known to be there."""
    for path, model in _empirical(scenario, ()):
        try:
            model.values()
        except ConfigError as error:
            raise FieldError(str(error), (*path, "file")) from None
    date = scenario.date
    for market in scenario.all_markets():
        flow = market.flow
        if not isinstance(flow, RecordedFlowConfig):
            continue
        path = (*market.path, "flow")
        for field in attrs.fields(type(flow)):
            file = getattr(flow, field.name)
            if isinstance(file, Path) and not file.is_file():
                raise FieldError(f"there is no file {str(file)!r}", (*path, field.name))
        if not isinstance(flow, LobsterFlow):
            continue  # the name of such a file says nothing
        try:
            said = LobsterName.of_messages(flow.message_file)
        except DataError as error:
            raise FieldError(str(error), (*path, "message_file")) from None
        if market.instrument.symbol != said.symbol:
            text = f"{market.instrument.symbol!r} is not the data file's symbol {said.symbol!r}"
            raise FieldError(text, (*market.path, "instrument", "symbol"))
        if date is not None and date != said.date:
            raise FieldError(f"{date} is not the data file's date {said.date}", ("date",))
        date = said.date
    return attrs.evolve(scenario, date=date)


def _empirical(instance: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], EmpiricalDuration]]:
    for field in attrs.fields(type(instance)):
        value = getattr(instance, field.name)
        if isinstance(value, EmpiricalDuration):
            yield (*path, field.name), value
        elif attrs.has(type(value)):
            yield from _empirical(value, (*path, field.name))
        elif isinstance(value, tuple):
            for index, row in enumerate(value):
                if attrs.has(type(row)):
                    yield from _empirical(row, (*path, field.name, str(index)))
