"""What a backtest depends on: what is taken as what, and what is refused."""

from __future__ import annotations

import pickle
import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pytest

from simexec.backtest.config import BacktestConfig
from simexec.config.execution import ExecutionMode
from simexec.errors import InputError
from simexec.execution.broker import Latencies
from simexec.execution.risk_limits import RiskLimits
from simexec.execution.sizing import FixedQuantity, PercentOfEquity
from simexec.models.commission import (
    PercentCommissionModel,
    PerShareCommissionModel,
    VolumeTieredCommissionModel,
)
from simexec.models.fees import MakerTakerFees
from simexec.models.impact import LinearImpactModel
from simexec.models.slippage import FixedSlippageModel, VolumeSlippageModel
from simexec.sim.clock import DAY, HOUR, MINUTE
from simexec.trading.instrument import Instrument

GIVEN = {"start_date": "2024-01-02", "end_date": "2024-01-03", "symbols": ["AAA"]}


def make(**fields: Any) -> BacktestConfig:
    return BacktestConfig(**{"start_date": "2023-01-02", "end_date": "2023-01-31", "symbols": ["AAPL"]} | fields)


def test_the_specifications_own_call_is_taken() -> None:
    config = BacktestConfig(
        start_date=datetime(2023, 1, 1),
        end_date=datetime(2023, 12, 31),
        initial_capital=Decimal("100000"),
        symbols=["AAPL", "GOOGL", "MSFT"],
        commission=Decimal("0.001"),
        slippage=Decimal("0.0005"),
    )
    assert config.symbols == ("AAPL", "GOOGL", "MSFT")
    assert config.commission == PercentCommissionModel(Decimal("0.001"))
    assert config.slippage == FixedSlippageModel(0.0005)
    assert (config.start, config.end) == (datetime(2023, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC))
    assert config.traded["MSFT"] == Instrument("MSFT", Decimal("0.01"))


def test_what_is_left_out_has_the_documented_default() -> None:
    config = make()
    defaults = {
        "initial_capital": Decimal(100_000), "commission": None, "slippage": None, "impact": None, "fees": None,
        "participation": 1, "touch_fill_probability": 0.0, "latencies": None, "currency": "USD", "timezone": "UTC",
        "calendar": None, "instruments": (), "limits": None, "sizing": None, "circuit_breaker": None, "seed": 0,
        "periods_per_year": 252, "risk_free_rate": 0, "history": 100_000, "lookback": 256, "max_order_age": None,
        "cleanup_interval": HOUR, "mode": ExecutionMode.BACKTEST_SINGLE,
    }  # fmt: skip
    assert {name: getattr(config, name) for name in defaults} == defaults
    assert {field.name for field in attrs.fields(BacktestConfig)} - set(defaults) == {
        "start_date",
        "end_date",
        "symbols",
    }


# --- dates --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "moment"),
    [
        ("2023-01-02", datetime(2023, 1, 2)),
        ("2023-01-02T09:30", datetime(2023, 1, 2, 9, 30)),
        ("2023-01-02 09:30:00.5", datetime(2023, 1, 2, 9, 30, 0, 500_000)),
        ("2023-01-02T09:30+02:00", datetime(2023, 1, 2, 7, 30)),
        (date(2023, 1, 2), datetime(2023, 1, 2)),
        (datetime(2023, 1, 2, 5, tzinfo=timezone(timedelta(hours=-5))), datetime(2023, 1, 2, 10)),
        (pd.Timestamp("2023-01-02 09:30", tz="America/New_York"), datetime(2023, 1, 2, 14, 30)),
    ],
)
def test_a_start_is_a_text_a_date_or_a_moment(start: Any, moment: datetime) -> None:
    assert make(start_date=start).start == moment.replace(tzinfo=UTC)


def test_dates_are_of_the_time_zone_and_an_end_at_midnight_is_that_whole_day() -> None:
    config = make(start_date="2023-03-10", end_date="2023-03-12", timezone="America/New_York")
    assert config.start == datetime(2023, 3, 10, 5, tzinfo=UTC)
    assert config.end == datetime(2023, 3, 13, 4, tzinfo=UTC)  # after the change to summer time
    assert config.epoch == config.start
    assert make(start_date="2023-01-02", end_date="2023-01-02").end == datetime(2023, 1, 3, tzinfo=UTC)


def test_an_end_at_another_time_is_that_moment_and_the_epoch_is_midnight_before_the_start() -> None:
    config = make(start_date="2023-01-02T09:30", end_date="2023-01-02T16:00", timezone="America/New_York")
    assert config.end - config.start == timedelta(hours=6.5)
    assert config.start - config.epoch == timedelta(hours=9.5)


def test_a_midnight_that_clocks_skip_is_the_first_moment_of_its_day() -> None:
    config = make(start_date="2023-04-28", end_date="2023-04-28", timezone="Africa/Cairo")  # from 0:00 to 1:00 o'clock
    assert (config.end - config.start, config.epoch) == (timedelta(hours=23), config.start)


# --- what is refused ----------------------------------------------------------------------------------------------------------

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"start_date": "soon"}, "start_date: must be a date such as '2023-01-31' or '2023-01-31T09:30', not 'soon'"),
    ({"start_date": 20230102}, "start_date: must be a datetime, a date, or a text"),
    ({"start_date": "1066-10-14"}, "start_date: must be between 1970 and 2200, not '1066-10-14'"),
    ({"end_date": None}, "end_date: must be a datetime, a date, or a text"),
    ({"end_date": "9999-12-31"}, "end_date: must be between 1970 and 2200"),
    (
        {"end_date": "2023-01-01"},
        "end_date: 2023-01-01 00:00:00 is not after start_date 2023-01-02 00:00:00; swap them",
    ),
    ({"symbols": "AAPL"}, r"symbols: must be a list of names such as \['AAPL'\], not 'AAPL'"),
    ({"symbols": 3}, "symbols: must be a list of names"),
    ({"symbols": []}, "symbols: must name at least one instrument"),
    ({"symbols": ["A", "A"]}, r"symbols: must name at least one instrument, and each once, not \['A', 'A'\]"),
    ({"symbols": ["A", 3]}, "symbols: must be text, not 3"),
    ({"initial_capital": 0}, "initial_capital: must be above zero, not 0"),
    ({"initial_capital": "lots"}, "initial_capital: must be a number, not 'lots'"),
    ({"initial_capital": float("nan")}, "initial_capital: must be a finite number"),
    (
        {"initial_capital": "0.0000001"},
        "initial_capital: USD amount 1E-7 is finer than the unit 0.000001; round it first",
    ),
    ({"initial_capital": 10**8, "currency": "BTC"}, "initial_capital: 100000000 BTC is too large"),
    ({"commission": -0.1}, "commission: must be from 0 to 1, not -0.1"),
    ({"commission": 2}, "commission: must be from 0 to 1, not 2"),
    ({"commission": "cheap"}, "commission: must be a number, not 'cheap'"),
    ({"commission": True}, "commission: must be a fraction such as 0.001, or a model with a method commission"),
    ({"slippage": 5}, "slippage: must be from 0 to 1, not 5"),
    (
        {"slippage": object()},
        r"slippage: must be a fraction such as 0.001, or a model with a method calculate_slippage",
    ),
    ({"impact": 0.1}, r"impact: must be None or have a method lasting\(...\), not 0.1"),
    ({"fees": 0.1}, r"fees: must be MakerTakerFees\(...\) or None, not 0.1"),
    ({"participation": 0}, "participation: must be above zero, not 0"),
    ({"participation": 1.1}, "participation: must be above 0 and at most 1, not 1.1"),
    ({"touch_fill_probability": -0.1}, "touch_fill_probability: must be from 0 to 1, not -0.1"),
    ({"touch_fill_probability": "0.1"}, "touch_fill_probability: must be a number, not '0.1'"),
    ({"latencies": "1ms"}, r"latencies: must be Latencies\(...\) or None, not '1ms'"),
    ({"currency": ""}, "currency: must be a non-empty text"),
    ({"timezone": "Mars"}, "timezone: must be a time zone such as 'America/New_York', not 'Mars'"),
    ({"calendar": 3}, "calendar: must be text, not 3"),
    ({"instruments": Instrument("AAPL", 1)}, r"instruments: must be a list such as \[Instrument"),
    ({"instruments": ["AAPL"]}, "instruments: must hold Instruments only, not 'AAPL'"),
    (
        {"instruments": [Instrument("GOOG", 1)]},
        r"instruments: 'GOOG' is not among the symbols \['AAPL'\], or there twice",
    ),
    ({"instruments": [Instrument("AAPL", 1)] * 2}, "instruments: 'AAPL' is not among the symbols"),
    ({"instruments": [Instrument("AAPL", 1, currency="EUR")]}, "AAPL is traded in EUR, and the account is in USD"),
    ({"limits": {"allow_short": True}}, r"limits: must be RiskLimits\(...\) or None"),
    ({"sizing": 100}, r"sizing: must be None or have a method quantity\(...\), not 100"),
    ({"circuit_breaker": True}, r"circuit_breaker: must be BreakerLimits\(...\) or None, not true"),
    ({"seed": -1}, "seed: must be a whole number of at least 0, not -1"),
    ({"seed": 1.5}, "seed: must be a whole number of at least 0, not 1.5"),
    ({"periods_per_year": 0}, "periods_per_year: must be above zero, not 0"),
    ({"risk_free_rate": -0.01}, "risk_free_rate: must not be below zero, not -0.01"),
    ({"history": 1}, "history: must be at least 2, the first and the last, not 1"),
    ({"history": 0}, "history: must be a whole number of at least 1, not 0"),
    ({"lookback": 0}, "lookback: must be a whole number of at least 1, not 0"),
    ({"max_order_age": "0s"}, "max_order_age: must be longer than zero"),
    ({"max_order_age": 1.5}, "max_order_age: must be a duration with its unit"),
    ({"cleanup_interval": "0s"}, "cleanup_interval: must be longer than zero"),
    ({"cleanup_interval": "1 hour"}, "cleanup_interval: "),
    ({"mode": "turbo"}, "mode: 'turbo' is not one of its values"),
    ({"mode": "live_trading"}, "mode: LIVE_TRADING is no backtest; use create_execution_environment"),
]


@pytest.mark.parametrize(("fields", "message"), WRONG, ids=[f"{next(iter(f))}-{i}" for i, (f, _) in enumerate(WRONG)])
def test_a_wrong_field_is_refused_by_name_and_value(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make(**fields)


def test_every_field_has_a_refusal_among_these() -> None:
    assert {field.name for field in attrs.fields(BacktestConfig)} == {next(iter(fields)) for fields, _ in WRONG}


def test_amounts_of_another_currency_are_refused_where_its_units_are_others() -> None:
    with pytest.raises(InputError, match="commission: its amounts are in USD, and the account is in BTC"):
        make(currency="BTC", initial_capital=1, commission=PerShareCommissionModel("0.01"))
    with pytest.raises(InputError, match="fees: its amounts are in USD, and the account is in BTC"):
        make(currency="BTC", initial_capital=1, fees=MakerTakerFees(taker_bps=1))
    make(currency="BTC", initial_capital=1, commission="0.001", fees=MakerTakerFees(taker_bps=1, currency="BTC"))
    make(currency="EUR", commission=PerShareCommissionModel("0.01"))


# --- what is taken as what ----------------------------------------------------------------------------------------------------


def test_a_fraction_is_a_model_zero_is_none_and_a_model_is_itself() -> None:
    model = VolumeSlippageModel()
    tiers = PerShareCommissionModel("0.005")
    config = make(slippage=model, commission=tiers)
    assert (config.slippage, config.commission) == (model, tiers)
    for nothing in (0, "0", 0.0, Decimal(0), None):
        config = make(slippage=nothing, commission=nothing)
        assert (config.slippage, config.commission) == (None, None)
    assert make(commission=0.1 + 0.2).commission == PercentCommissionModel(Decimal("0.30000000000000004"))


def test_other_types_of_numbers_and_names_are_taken_too() -> None:
    config = make(
        seed=np.int64(3), history=None, mode="backtest_parallel", max_order_age="1d", cleanup_interval=timedelta(minutes=5),
        symbols=("A", "B"), participation="0.25", initial_capital=1e5,
    )  # fmt: skip
    assert (config.seed, type(config.seed)) == (3, int)
    assert (config.history, config.mode) == (None, ExecutionMode.BACKTEST_PARALLEL)
    assert (config.max_order_age, config.cleanup_interval) == (DAY, 5 * MINUTE)
    assert config.participation == Decimal("0.25")
    assert config.initial_capital == 100_000


def test_an_instrument_that_is_named_is_traded_as_it_is_and_the_others_as_shares_of_the_currency() -> None:
    future = Instrument("ES", "0.25", multiplier=50, currency="EUR")
    config = make(symbols=["A", "ES"], instruments=[future], currency="EUR")
    assert config.traded == {"A": Instrument("A", "0.01", currency="EUR"), "ES": future}
    assert list(config.traded) == ["A", "ES"]


def test_another_config_is_derived_and_this_one_stays() -> None:
    config = make(seed=1)
    other = config.with_(seed=2, commission="0.01", history=None)
    assert (config.seed, other.seed, other.commission) == (1, 2, PercentCommissionModel("0.01"))
    assert other.with_(seed=1, commission=None, history=100_000) == config
    with pytest.raises(InputError, match="seed"):
        config.with_(seed="x")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        config.seed = 3  # type: ignore[misc]


def test_a_config_can_be_sent_to_another_process() -> None:
    config = make(
        limits=RiskLimits(), sizing=FixedQuantity(shares=1), latencies=Latencies(), fees=MakerTakerFees(),
        instruments=[Instrument("AAPL", "0.01")], impact=LinearImpactModel(0.1, 0.1), commission="0.001", slippage="0.001",
    )  # fmt: skip
    assert pickle.loads(pickle.dumps(config)).with_() == config


def test_each_run_has_models_of_its_own_and_those_that_know_each_other_still_do() -> None:
    class Both:
        """Slippage and commission in one, that share what they remember."""

        def __init__(self) -> None:
            self.asked = 0

        def calculate_slippage(self, *_: Any) -> float:
            self.asked += 1
            return 0.0

        def commission(self, *_: Any) -> int:
            return self.asked

    both = Both()
    config = make(slippage=both, commission=both)
    first, second = config.simulator(), config.simulator()
    assert first.slippage_model is first.commission_model
    assert first.slippage_model is not second.slippage_model
    assert both not in (first.slippage_model, second.slippage_model)
    tiers = make(commission=VolumeTieredCommissionModel([(10, 1), (None, 0)]))
    one = tiers.simulator().commission_model
    assert one is not None
    assert one.commission(10, 1000, 0, 0) == 10_000_000
    assert tiers.commission.volume == 0  # type: ignore[union-attr]


# --- the page ------------------------------------------------------------------------------------------------------------------


def test_every_field_and_its_default_stand_in_the_documentation() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "backtest.md").read_text(encoding="utf-8")
    table = page.partition("## Configuration")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| `?([^|`]+)`? \| \S", table, re.MULTILINE)
    fields = attrs.fields(BacktestConfig)
    assert [name for name, _ in rows] == [field.name for field in fields]
    for field, (_, written) in zip(fields, rows, strict=True):
        if field.default is attrs.NOTHING:
            assert written == "required", field.name
        elif field.default is None or field.default == ():
            assert written == str(field.default), field.name
        else:
            assert field.converter is not None
            assert field.converter(_of_type(written, field.default)) == field.default, field.name  # type: ignore[operator]


def _of_type(written: str, default: Any) -> Any:
    return (
        type(default)(written) if isinstance(default, int | float) and written.replace(".", "").isdigit() else written
    )


@pytest.mark.parametrize("name", ["max_order_age", "cleanup_interval"])
def test_a_duration_without_a_unit_is_refused_and_one_that_had_it_survives_a_change(name: str) -> None:
    for value in (5, np.int64(5)):
        with pytest.raises(InputError, match=f"{name}: .*5.* has no unit; write '"):
            BacktestConfig(**GIVEN, **{name: value})
    kept = pickle.loads(pickle.dumps(BacktestConfig(**GIVEN, **{name: "5m"}))).with_(seed=1)
    assert getattr(kept, name) == 5 * 60 * 10**9
    assert getattr(attrs.evolve(kept), name) == 5 * 60 * 10**9


def test_an_unknown_field_has_its_nearest_name_and_a_missing_one_its_own() -> None:
    with pytest.raises(InputError, match=r"comission: unknown field .*; did you mean 'commission'\?"):
        BacktestConfig(**GIVEN, comission="0.001")
    with pytest.raises(InputError, match=r"slipage: unknown field .*; did you mean 'slippage'\?"):
        BacktestConfig(**GIVEN).with_(slipage="0.001")
    with pytest.raises(InputError, match="end_date: this field is required, and missing"):
        BacktestConfig(start_date="2024-01-02", symbols=["AAA"])


def test_the_class_of_a_model_is_refused() -> None:
    for name, model in (
        ("commission", PercentCommissionModel), ("slippage", FixedSlippageModel), ("sizing", PercentOfEquity),
        ("impact", Impactful), ("limits", RiskLimits),
    ):  # fmt: skip
        with pytest.raises(InputError, match=f"^{name}: must be .*{model.__name__}"):
            BacktestConfig(**GIVEN, **{name: model})


class Impactful:
    def lasting(self) -> None: ...
