"""Scenario files: read, overridden, checked against the files they name, written back."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from simexec.algos import TWAP
from simexec.config import (
    EmpiricalDuration,
    LobsterFlow,
    dump_scenario,
    load_scenario,
)
from simexec.errors import ConfigError, DataError
from simexec.sim.clock import parse_time_of_day

from .examples import DAY, QUICKSTART

SMALLEST = """\
name: smallest
instrument: {symbol: AMZN}
flow:
  type: zero_intelligence
  start_price: 100
order:
  side: buy
  quantity: 1000
"""

REPLAY = f"""\
name: replay
instrument: {{symbol: AMZN}}
flow:
  type: lobster
  message_file: {DAY}
order: {{side: buy, quantity: 1000}}
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "scenario.yaml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SMALLEST.replace("quantity: 1000", "quantity: 0"), ":8: order.quantity: must be .* at least 1, not 0"),
        (SMALLEST.replace("quantity", "quantaty"), ":8: order.quantaty: unknown field .* did you mean 'quantity'?"),
        (SMALLEST.replace("  quantity: 1000\n", ""), ":6: order.quantity: this field is required, and missing"),
        (SMALLEST.replace("name: smallest\n", ""), ": name: this field is required, and missing"),
        (SMALLEST + "name: again\n", ":9:1: the key 'name' was given before, in line 1"),
        (SMALLEST + "  bad: [\n", ":10:1: "),
        (SMALLEST + "5: x\n", ":9: 5: unknown field"),
        ("", ": is empty"),
        ("- a\n", ": must be a mapping of fields"),
    ],
)
def test_an_error_names_the_file_the_line_and_the_field(tmp_path: Path, text: str, message: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_scenario(file)
    assert str(caught.value).startswith(str(file))
    assert caught.match(message)
    assert "\n" not in str(caught.value)


def test_overrides_replace_values_wherever_they_are() -> None:
    overrides = [
        "seed=9",
        "algorithm.slices=40",
        "links.orders=1ms",
        "venue.gateway.capacity=10",
        "flow.limit_rates_per_s.0=2.5",
        "algorithm.tactics.limit_price='100.01'",
        "execution.order_manager.max_order_age=null",
        "links.reports={type: uniform, low: 1us, high: 2us}",
    ]
    scenario = load_scenario(QUICKSTART, overrides=overrides)
    assert scenario == load_scenario(QUICKSTART).with_(
        {
            "algorithm.slices": 40,
            "links.orders": "1ms",
            "venue.gateway.capacity": 10,
            "flow.limit_rates_per_s": [2.5, 1.51, 1.09, 0.88, 0.77],
            "algorithm.tactics.limit_price": "100.01",
            "execution.order_manager.max_order_age": None,
            "links.reports": {"type": "uniform", "low": "1us", "high": "2us"},
        },
        seed=9,
    )


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("algorithm.slicez=4", "algorithm.slicez: unknown field .* did you mean 'slices'?"),
        ("algorithm.slices=none", "algorithm.slices: must be a whole number of at least 1, not 'none'"),
        ("algorithm", "must be FIELD=VALUE, such as algorithm.slices=40"),
        ("=4", "must be FIELD=VALUE"),
        ("algorithm..slices=4", r"algorithm\.\.slices: is not the path of a field"),
        ("seed.x=4", "seed: has no fields, as it is 7; set it as a whole"),
        ("flow.limit_rates_per_s.9=1", "flow.limit_rates_per_s: '9' is not an index of this list of 5"),
        ("seed=[1", "expected ',' or ']'"),
        ("links.orders={type: empirical, file: nowhere.txt}", "links.orders.file: .*nowhere.txt: cannot be read"),
    ],
)
def test_a_wrong_override_is_named_as_it_was_given(override: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_scenario(QUICKSTART, overrides=[override])
    assert str(caught.value).startswith(f"--set {override}")
    assert caught.match(message)


def test_an_override_changes_only_the_place_it_names_though_yaml_shares_it(tmp_path: Path) -> None:
    shared = "links:\n  orders: &wire {type: uniform, low: 1us, high: 2us}\n  cancels: *wire\n"
    links = load_scenario(write(tmp_path, SMALLEST + shared), overrides=["links.orders.high=5us"]).links
    assert (links.orders.high, links.cancels.high) == (5000, 2000)


def test_the_seed_given_apart_takes_the_place_of_the_files() -> None:
    assert load_scenario(QUICKSTART, seed=3).seed == 3


def test_a_written_scenario_is_read_as_the_same(tmp_path: Path) -> None:
    scenario = load_scenario(QUICKSTART, overrides=["order.order_type=limit", "order.limit_price=100.37"])
    text = dump_scenario(scenario, "simexec 0.1.0\nseed 7")
    assert text.startswith("# simexec 0.1.0\n# seed 7\nname: quickstart\n")
    assert load_scenario(write(tmp_path, text)) == scenario


def test_data_takes_the_place_of_flow_symbol_date_and_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / DAY).write_text("")
    monkeypatch.chdir(tmp_path)
    scenario = load_scenario(QUICKSTART, data=DAY)
    assert scenario.flow == LobsterFlow(message_file=tmp_path / DAY)
    assert (scenario.instrument.symbol, scenario.date) == ("AMZN", date(2012, 6, 21))
    assert (scenario.session.open, scenario.session.close) == (parse_time_of_day("09:30"), parse_time_of_day("16:00"))
    assert isinstance(scenario.algorithm, TWAP)
    overridden = load_scenario(QUICKSTART, data=DAY, overrides=["session.close=12:00"])
    assert overridden.session.close == parse_time_of_day("12:00")


def test_data_that_is_missing_or_misnamed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file"):
        load_scenario(QUICKSTART, data=tmp_path / DAY)
    (tmp_path / "day.csv").write_text("")
    with pytest.raises(DataError, match="the name of a message file is"):
        load_scenario(QUICKSTART, data=tmp_path / "day.csv")


def test_files_are_looked_for_beside_the_scenario(tmp_path: Path) -> None:
    (tmp_path / DAY).write_text("")
    (tmp_path / "wire.txt").write_text("210us\n")
    text = REPLAY + "links:\n  orders: {type: empirical, file: wire.txt}\n"
    scenario = load_scenario(write(tmp_path, text))
    assert scenario.flow == LobsterFlow(message_file=tmp_path / DAY)
    assert scenario.links.orders == EmpiricalDuration(file=tmp_path / "wire.txt")
    assert scenario.date == date(2012, 6, 21)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (REPLAY.replace(DAY, "absent.csv"), ":5: flow.message_file: there is no file '.*absent.csv'"),
        (REPLAY.replace(DAY, "day.csv"), ":5: flow.message_file: .*the name of a message file is"),
        (REPLAY.replace("symbol: AMZN", "symbol: MSFT"), ":2: instrument.symbol: 'MSFT' is not .* symbol 'AMZN'"),
        (REPLAY + "date: 2012-06-22\n", ":7: date: 2012-06-22 is not the data file's date 2012-06-21"),
        (
            REPLAY.replace(f"message_file: {DAY}", f"message_file: {DAY}\n  orderbook_file: absent.csv"),
            ":6: flow.orderbook_file: there is no file",
        ),
    ],
)
def test_a_replay_whose_files_do_not_fit_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / DAY).write_text("")
    (tmp_path / "day.csv").write_text("")
    with pytest.raises(ConfigError, match=message):
        load_scenario(write(tmp_path, text))
