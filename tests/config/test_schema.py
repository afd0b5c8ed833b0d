"""The JSON Schema of a scenario file: it lets pass what the loader reads, and marks what the loader refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from simexec.config import EmpiricalDuration, Scenario, dump_scenario
from simexec.config.algorithm import ALGORITHMS
from simexec.config.read_yaml import parse_mapping, parse_value
from simexec.config.schema import json_schema, schema_text, write_schema
from simexec.config.structure import structure
from simexec.errors import ConfigError, InputError
from simexec.sim.clock import parse_duration, parse_time_of_day
from simexec.trading.convert import key_of
from tests.config.examples import QUICKSTART, smallest
from tests.config.test_execution import SPECIFIED
from tests.test_docs import documented_parts

FOLDER = QUICKSTART.parent


@cache
def schema() -> dict[str, Any]:
    return json_schema()


@cache
def validator() -> Draft202012Validator:
    return Draft202012Validator(schema())


def problems(raw: Any) -> list[str]:
    """What an editor would mark."""
    return [f"{error.json_path}: {error.message}" for error in validator().iter_errors(raw)]


def read(path: Path) -> dict[str, Any]:
    return parse_mapping(path.read_text(encoding="utf-8"), path.name)


def is_scenario(path: Path) -> bool:
    return "instrument" in read(path)


SCENARIOS = [path for path in sorted(FOLDER.glob("*.yaml")) if is_scenario(path)]
LISTS = [path for path in sorted(FOLDER.glob("*.yaml")) if not is_scenario(path)]


def test_the_schema_is_one_of_draft_2020_12_and_plain_json() -> None:
    Draft202012Validator.check_schema(schema())
    assert schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert json.loads(schema_text()) == schema()
    assert schema_text().isascii()


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.name)
def test_the_projects_scenarios_pass_and_so_do_they_with_every_default_written_out(path: Path) -> None:
    raw = read(path)
    assert problems(raw) == []
    written = parse_mapping(dump_scenario(Scenario.from_dict(raw)), "scenario.yaml")
    assert problems(written) == []
    assert len(written) > len(raw)


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.name)
def test_the_projects_algorithms_pass_and_so_do_they_with_every_default_written_out(path: Path) -> None:
    for algorithm in read(path).values():
        raw = {**smallest(), "algorithm": algorithm, "order": {"side": "buy", "quantity": 20_000}}
        assert problems(raw) == []
        if not algorithm["type"].startswith("scenarios."):
            written = parse_mapping(dump_scenario(Scenario.from_dict(raw)), "scenario.yaml")
            assert problems(written) == []


def test_there_were_scenarios_and_algorithms_to_check() -> None:
    assert len(SCENARIOS) >= 4
    assert {one["type"] for path in LISTS for one in read(path).values()} >= set(ALGORITHMS)


def test_the_smallest_scenario_and_the_specifications_section_pass() -> None:
    assert problems(smallest()) == []
    assert problems({**smallest(), **parse_mapping(SPECIFIED, "specified")}) == []


def test_names_are_offered_in_lower_and_in_upper_case() -> None:
    for case in (str.lower, str.upper):
        raw = smallest()
        raw["flow"]["type"] = case("zero_intelligence")
        raw["order"]["side"] = case("buy")
        raw["execution"] = {"mode": case("backtest_parallel")}
        raw["algorithm"] = {"type": case("twap"), "slices": 3}
        assert problems(raw) == []
        assert Scenario.from_dict(raw).algorithm.slices == 3


def test_an_algorithm_of_ones_own_may_have_any_fields() -> None:
    assert problems({**smallest(), "algorithm": {"type": "mymodule.MyAlgorithm", "greed": [1, {"a": None}]}}) == []
    assert problems({**smallest(), "algorithm": {"greed": 1}}) != []


WRONG: list[dict[str, Any]] = [
    {"nmae": "x"},
    {"name": 5},
    {"name": ""},
    {"seed": -1},
    {"seed": 1.5},
    {"date": "21.6.2012"},
    {"instrument": {"symbol": "A", "tick": 0}},
    {"instrument": {"tick": 0.01}},
    {"instrument": {"symbol": "A", "inverse": "yes"}},
    {"session": {"open": "9"}},
    {"session": {"close": "24:01"}},
    {"flow": {"start_price": 100}},
    {"flow": {"type": "zero_inteligence", "start_price": 100}},
    {"flow": {"type": "zero_intelligence", "start_price": "-3"}},
    {"flow": {"type": "zero_intelligence", "start_price": 100, "limit_rates_per_s": []}},
    {"flow": {"type": "cont_stoikov_talreja", "start_price": 100, "cancel_rates_per_s": [0.5, 0]}},
    {"links": {"orders": 250}},
    {"links": {"orders": "250"}},
    {"links": {"orders": "recorded"}},
    {"links": {"orders": {"type": "recorded"}}},
    {"links": {"orders": {"type": "exponential", "mean": "0s"}}},
    {"links": {"orders": {"type": "constant", "value": "1s", "sigma": 1}}},
    {"venue": {"matching": "pro-rata"}},
    {"venue": {"throttle": {"window": "1s"}}},
    {"venue": {"incidents": {"type": "outage", "start": "10:00", "end": "11:00"}}},
    {"venue": {"fees": {"maker_bps": "low"}}},
    {"markets": [{"venue": {"name": "B"}}]},
    {"order": {"side": "buy", "quantity": 0}},
    {"order": {"side": "buy", "quantity": 1, "order_type": "iceberg"}},
    {"order": {"side": "buy", "quantity": 1, "start": 5}},
    {"order": {"side": "long", "quantity": 1}},
    {"algorithm": {"type": "twapp", "slices": 3}},
    {"algorithm": {"type": "twap"}},
    {"algorithm": {"type": "twap", "slices": 3, "tactics": {"pasive": True}}},
    {"algorithm": {"type": "twap", "slices": 3, "randomise_times": 1.5}},
    {"algorithm": "twap"},
    {"risk": {"max_participation": 2}},
    {"execution": {"mode": "LIVE_TRADING"}},
    {"execution": {"mode": "OPTIMIZATION"}},
    {"execution": {"broker": "Broker"}},
    {"execution": {"market_simulation": {"participation": 0}}},
    {"execution": {"market_simulation": {"commission": {"type": "tiered"}}}},
    {"execution": {"market_simulation": {"slippage": {"type": "square_root", "sigma": 1}}}},
    {"execution": {"order_manager": {"max_order_age": 5}}},
    {"execution": {"thread_safety": "auto"}},
    {"recording": None},
]


@pytest.mark.parametrize("sections", WRONG, ids=str)
def test_what_is_wrong_is_marked_and_refused_by_the_loader_too(sections: dict[str, Any]) -> None:
    raw = {**smallest(), **sections}
    assert problems(raw) != []
    if sections.get("execution", {}).get("mode") is None:  # which the scenario refuses, and not the field
        with pytest.raises(ConfigError):
            Scenario.from_dict(raw)


# --- field by field ---

PROBES: list[Any] = [
    None, True, False, -1, 0, 1, 2, 7, 20, 1000, -0.5, 0.0, 0.25, 1.0, 1.5, "", "0", "0.5", "1e-3", "-2", "+3", ".5", "x",
    "0s", "0ns", "250us", "1h30m", "1.5ms", "-1s", "1 s", "09:30", "9:30:00", "24:00", "24:01", "23:59:59.999999999", "25:00",
    "2012-06-21", "2012-13", "America/New_York", "buy", "BUY", "market", "LIMIT", "pegged", "off", "cross", "pro_rata",
    "backtest_single", [], [1], [0], [0.5, 2], [-1], ["1s"], ["a"], {}, {"type": "constant"}, {"type": "twap", "slices": 2},
]  # fmt: skip


def plain_fields() -> Iterator[tuple[type, attrs.Attribute[Any], dict[str, Any]]]:
    """Every class and field of a scenario that has a converter and no fields of its own, with its part of the schema."""
    for cls, _ in documented_parts():
        for field in attrs.fields(cls):
            part = property_of(cls, field)
            if field.converter is not None and "$ref" not in json.dumps(part):
                yield cls, field, part


def property_of(cls: type, field: attrs.Attribute[Any]) -> dict[str, Any]:
    home = schema() if cls is Scenario else schema()["$defs"][cls.__name__]
    part: dict[str, Any] = home["properties"][key_of(field)]
    return part


def is_read(field: attrs.Attribute[Any], value: Any) -> bool:
    """Whether the loader takes a value for a field, whatever the other fields are."""
    if "needs_unit" in field.metadata and isinstance(value, int) and value != 0:
        return False
    assert callable(field.converter)
    try:
        field.converter(value)
    except InputError:
        return False
    return True


def is_beyond_a_schema(field: attrs.Attribute[Any], value: Any) -> bool:
    """What the loader refuses and a schema cannot tell, or should not: names that another machine may know."""
    whole = isinstance(value, float) and value.is_integer()  # to JSON Schema 1.0 is a whole number
    large = value == "+3"  # a text has no upper bound
    return whole or large or value == [0] or field.name in ("timezone", "class_name")


@pytest.mark.parametrize("value", PROBES, ids=repr)
def test_a_value_passes_where_the_loader_reads_it_and_is_marked_where_it_does_not(value: Any) -> None:
    known = list(plain_fields())
    assert len(known) > 150
    for cls, field, part in known:
        if field.name == "samples" and value == [1]:
            continue  # bare nanoseconds in a list are read, and not documented
        passes, where = Draft202012Validator(part).is_valid(value), f"{cls.__name__}.{field.name}"
        if is_read(field, value):
            assert passes, where
        elif not is_beyond_a_schema(field, value):
            assert not passes, where


def test_every_field_of_every_class_has_a_type_and_says_what_it_is() -> None:
    for cls, _ in documented_parts():
        for field in attrs.fields(cls):
            part, where = property_of(cls, field), f"{cls.__name__}.{field.name}"
            assert set(part) & {"type", "enum", "anyOf", "oneOf", "$ref"}, where
            assert part["description"].strip(), where
            assert not re.search(r"``|\bNone\b|, ns\b", part["description"]), where


def test_every_default_is_the_default_as_a_file_has_it() -> None:
    checked = 0
    for cls, _ in documented_parts():
        given = {
            key_of(field): property_of(cls, field)["default"]
            for field in attrs.fields(cls)
            if "default" in property_of(cls, field)
        }
        needs_more = cls is EmpiricalDuration or any(field.default is attrs.NOTHING for field in attrs.fields(cls))
        if not needs_more:
            assert structure(cls, given) == cls()
            checked += len(given)
    assert checked > 60
    root = {name: part["default"] for name, part in schema()["properties"].items() if "default" in part}
    assert Scenario.from_dict({**root, **smallest()}) == Scenario.from_dict(smallest())


def test_a_default_that_no_field_within_says_is_written_out() -> None:
    definitions = schema()["$defs"]
    assert schema()["properties"]["algorithm"]["default"] == {"type": "market"}
    assert definitions["LinksConfig"]["properties"]["orders"]["default"] == "250us"
    assert definitions["ObizhaevaWang"]["properties"]["tactics"]["default"]["passive"] is False
    assert definitions["VWAP"]["properties"]["curve"]["default"]["type"] == "u_shape"
    assert "default" not in definitions["TWAP"]["properties"]["tactics"]
    assert definitions["InstrumentConfig"]["properties"]["tick"]["default"] == 0.01


def test_the_examples_of_the_classes_docstrings_pass() -> None:
    checked = 0
    for cls, _ in documented_parts():
        for text in re.findall(r"``(\{type: [^`]*\})``", cls.__doc__ or ""):
            raw = parse_value(text, cls.__name__)
            try:
                structure(cls, {name: value for name, value in raw.items() if name != "type"})
            except InputError:
                continue  # not a whole example, such as {type: tiered, tiers: [...]}
            part = {"$ref": f"#/$defs/{cls.__name__}", "$defs": schema()["$defs"]}
            assert Draft202012Validator(part).is_valid(raw), text
            checked += 1
    assert checked >= 15


# --- patterns ---


def pattern_of(definition: str, name: str) -> re.Pattern[str]:
    part = schema()["$defs"][definition]["properties"][name]
    return re.compile(next(one["pattern"] for one in part["anyOf"] if "pattern" in one))


def is_understood(parse: Any, text: str) -> bool:
    try:
        parse(text)
    except InputError as error:
        return "is not a whole number" in str(error)  # arithmetic, which a pattern does not do
    return True


@given(
    st.text("0123456789.numshdµ", max_size=12)
    | st.from_regex(r"([0-9]{1,3}(\.[0-9]{1,3})?(ns|us|ms|s|m|h|d)){1,3}", fullmatch=True)
)
@example("1\u03bcs")
def test_a_text_matches_the_pattern_of_durations_if_it_is_one(text: str) -> None:
    assert bool(pattern_of("OrderConfig", "start").search(text)) == is_understood(parse_duration, text)


@given(
    st.text("0123456789:.", max_size=12)
    | st.from_regex(r"[0-2]?[0-9]:[0-6][0-9](:[0-6][0-9](\.[0-9]{1,10})?)?", fullmatch=True)
)
@example("24:00:00.000")
@example("24:00:00.001")
def test_a_text_matches_the_pattern_of_times_of_day_if_it_is_one(text: str) -> None:
    assert bool(pattern_of("SessionConfig", "open").search(text)) == is_understood(parse_time_of_day, text)


# --- files ---


def test_it_is_written_whole_and_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "scenario.schema.json"
    file.write_text("old")
    write_schema(file)
    assert json.loads(file.read_text(encoding="utf-8")) == schema()
    assert list(tmp_path.iterdir()) == [file]


def test_what_cannot_be_written_is_refused_and_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        ConfigError, match=r"absent/x\.json: cannot be written \(No such file or directory\); name a file in"
    ):
        write_schema(tmp_path / "absent" / "x.json")
    with pytest.raises(ConfigError, match="it is a folder"):
        write_schema(tmp_path)
    file = tmp_path / "x.json"
    file.write_text("old")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("simexec.config.schema.os.replace", full)
    with pytest.raises(ConfigError, match="No space left on device"):
        write_schema(file)
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("x.json", "old")]
