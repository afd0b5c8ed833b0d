"""One scenario: defaults, contradictions, derived scenarios, and the way to plain values and back."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simexec.algos import TWAP, AtMarket, Iceberg, Tactics
from simexec.config import (
    ConstantDuration,
    Scenario,
    load_scenario,
)
from simexec.errors import ConfigError
from simexec.sim.clock import MICROSECOND, MINUTE, parse_time_of_day
from simexec.trading.vocabulary import OrderSide, OrderType, SelfTradePrevention

from .examples import QUICKSTART, scenario, smallest


def test_what_is_left_out_has_a_default() -> None:
    small = scenario()
    assert (small.seed, small.date, small.algorithm) == (0, None, AtMarket())
    assert small.session.open == parse_time_of_day("09:30")
    assert small.links.orders == ConstantDuration(value=250 * MICROSECOND)
    assert small.order.order_type is OrderType.MARKET
    assert small.venue.self_trade_prevention is SelfTradePrevention.OFF
    assert small.unused() == ()


def test_the_quickstart_says_what_it_says() -> None:
    quickstart = load_scenario(QUICKSTART)
    assert (quickstart.order.side, quickstart.order.quantity) == (OrderSide.BUY, 20_000)
    assert quickstart.order.start == 5 * MINUTE
    assert isinstance(quickstart.algorithm, TWAP)
    assert (quickstart.algorithm.slices, quickstart.algorithm.duration) == (20, 30 * MINUTE)
    assert quickstart.venue.fees.maker_per_share == Decimal("-0.002")


def test_prices_are_the_decimals_that_were_written() -> None:
    read = scenario(instrument={"symbol": "A", "tick": 0.1}, flow={"type": "zero_intelligence", "start_price": 0.3})
    assert read.instrument.tick == Decimal("0.1")
    assert read.flow.start_price == Decimal("0.3")


def test_a_scenario_cannot_be_changed_but_another_derived() -> None:
    quickstart = load_scenario(QUICKSTART)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        quickstart.seed = 8  # type: ignore[misc]
    other = quickstart.with_({"algorithm.slices": 40, "links.orders": "1ms"}, seed=8)
    assert (other.seed, other.algorithm.slices, other.links.orders.value) == (8, 40, 1000 * MICROSECOND)
    assert (quickstart.seed, quickstart.algorithm.slices) == (7, 20)
    assert other.with_({"algorithm.slices": 20, "links.orders": quickstart.links.orders}, seed=7) == quickstart


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sead": 8}, r"^sead: unknown field \(its value is 8\); did you mean 'seed'\?$"),
        ({"seed": -8}, r"^seed: must be a whole number of at least 0, not -8$"),
        ({"name": "two\nlines"}, r"^name: must be a non-empty text on one line"),
    ],
)
def test_a_wrong_change_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        scenario().with_(**changes)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"order": {"side": "buy", "quantity": 0}}, "order.quantity: must be a whole number of at least 1, not 0"),
        (
            {"order": {"side": "buy", "quantity": True}},
            "order.quantity: must be a whole number of at least 1, not true",
        ),
        (
            {"order": {"side": "buy", "quantity": 1e3}},
            "order.quantity: must be a whole number of at least 1, not 1000.0",
        ),
        (
            {"order": {"side": "hold", "quantity": 5}},
            "order.side: 'hold' is not one of its values; known here: buy, sell",
        ),
        ({"order": {"quantity": 5}}, "order.side: this field is required, and missing"),
        ({"order": [1]}, r"order: must be a mapping with fields \(side, quantity, .*\), not \[1\]"),
        (
            {"order": {"side": "buy", "quantity": 5, "order_type": "limit", "limit_price": 10.005}},
            "order.limit_price: 10.005 is not a multiple of ACME's tick 0.01",
        ),
        (
            {"order": {"side": "buy", "quantity": 5, "order_type": "limit", "limit_price": float("nan")}},
            "order.limit_price: must be a finite number, not nan",
        ),
        (
            {"order": {"side": "buy", "quantity": 5, "order_type": "limit", "limit_price": "1e999999999"}},
            "order.limit_price: must be below 1e12 and have at most 18 decimal places, not '1e999999999'",
        ),
        (
            {"order": {"side": "buy", "quantity": 5, "order_type": "limit"}},
            "order.limit_price: a limit order needs one",
        ),
        (
            {"order": {"side": "buy", "quantity": 5, "limit_price": 10}},
            "order.limit_price: a market order has none, not 10",
        ),
        (
            {"order": {"side": "buy", "quantity": 5, "order_type": "iceberg"}},
            r"order.order_type: must be market or limit, not 'iceberg' \(an iceberg is an algorithm\)",
        ),
        (
            {"order": {"side": "buy", "quantity": 5, "start": "2m", "end": "1m"}},
            r"order.end: must be later than start \(2m\), not 1m",
        ),
        (
            {"order": {"side": "buy", "quantity": 5, "start": 300}},
            "order.start: must be a duration with its unit, .* not 300",
        ),
        ({"order": {"side": "buy", "quantity": 5, "start": "7h"}}, "order.start: 7h is not within the session"),
        ({"order": {"side": "buy", "quantity": 5, "end": "7h"}}, "order.end: 7h is not within the session"),
        ({"instrument": {"symbol": "A", "lot": 300}}, "order.quantity: 1000 is not a multiple of A's lot 300"),
        ({"instrument": {"symbol": "A", "tick": 0}}, "instrument.tick: must be above zero, not 0"),
        ({"instrument": {"symbol": 5}}, r"instrument.symbol: must be text, not 5 \(put it in quotes\)"),
        ({"session": {"open": "16:00", "close": "09:30"}}, r"session.close: must be later than open \(16:00:00\)"),
        ({"session": {"open": 930}}, "session.open: must be a time of day such as '09:30:00', not 930"),
        ({"session": {"timezone": "Mars/City"}}, "session.timezone: must be a time zone .* not 'Mars/City'"),
        ({"date": "21.6.2012"}, "date: must be a date such as 2012-06-21, not '21.6.2012'"),
        ({"initial_cash": -1}, "initial_cash: must not be below zero, not -1"),
        ({"algorithm": {"type": "twop"}}, "algorithm.type: 'twop' is not one of its values; did you mean 'twap'?"),
        ({"algorithm": {}}, r"algorithm.type: this field is required, and missing \(one of market, twap, iceberg"),
        (
            {"algorithm": "twap"},
            r"algorithm: must be a mapping with a type \(market, twap, iceberg.*, or a class\), not 'twap'",
        ),
        (
            {"algorithm": {"type": "twap", "duration": "7h", "slices": 2}},
            "algorithm.duration: 7h from the start at 0ns",
        ),
        (
            {"algorithm": {"type": "twap", "duration": "5m", "slices": 2, "randomise_times": 1.5}},
            "algorithm.randomise_times: must be from 0 to 1, not 1.5",
        ),
        (
            {"algorithm": {"type": "twap", "duration": "5m", "slices": 2, "tactics": {"passive": "yes"}}},
            "algorithm.tactics.passive: must be true or false, not 'yes'",
        ),
        (
            {"algorithm": {"type": "twap", "duration": "5m", "slices": 2, "tactics": {"limit_price": "9.999"}}},
            "algorithm.tactics.limit_price: 9.999 is not a multiple",
        ),
        (
            {"algorithm": {"type": "iceberg", "display_quantity": 2000}},
            "algorithm.display_quantity: 2000 is more than the order's quantity 1000",
        ),
        (
            {"algorithm": {"type": "iceberg", "display_quantity": 100, "randomise_display": 0.2}},
            "algorithm.randomise_display: needs native: false",
        ),
        (
            {"flow": {"type": "zero_intelligence", "start_price": 100, "limit_rates_per_s": [1, -1]}},
            "flow.limit_rates_per_s.1: must not be below zero, not -1",
        ),
        (
            {"flow": {"type": "zero_intelligence", "start_price": 100, "limit_rates_per_s": [0, 0]}},
            "flow.limit_rates_per_s: must hold at least one rate above zero",
        ),
        (
            {
                "flow": {
                    "type": "zero_intelligence",
                    "start_price": 100,
                    "limit_size": {"type": "geometric", "mean": 0.5},
                }
            },
            "flow.limit_size.mean: must be at least 1 lot, not 0.5",
        ),
        ({"venue": {"gateway": {"servers": 0}}}, "venue.gateway.servers: must be a whole number of at least 1, not 0"),
        ({"venue": {"fees": {"taker_bps": "ten"}}}, "venue.fees.taker_bps: must be a number, not 'ten'"),
        (
            {"venue": {"gatway": {"servers": 1}}},
            r"venue.gatway: unknown field \(its value is \{'servers': 1\}\); did you mean 'gateway'\?",
        ),
    ],
)
def test_a_wrong_field_is_refused_by_its_path_and_value(sections: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{message}") as caught:
        scenario(**sections)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["name", "instrument", "flow", "order"])
def test_a_missing_required_section_is_named(name: str) -> None:
    plain = smallest()
    del plain[name]
    with pytest.raises(ConfigError, match=f"^{name}: this field is required, and missing$"):
        Scenario.from_dict(plain)


def test_names_of_values_are_read_in_either_case() -> None:
    read = scenario(
        order={"side": "SELL", "quantity": 5, "order_type": "Limit", "limit_price": "10.01"},
        venue={"self_trade_prevention": "Cancel_Oldest"},
    )
    assert (read.order.side, read.order.order_type) == (OrderSide.SELL, OrderType.LIMIT)
    assert read.venue.self_trade_prevention is SelfTradePrevention.CANCEL_OLDEST


def test_a_scenario_is_made_in_python_with_the_same_converters() -> None:
    algorithm = TWAP(duration=timedelta(minutes=30), slices=20, tactics=Tactics(limit_price="10.01"))
    assert algorithm == TWAP(duration="30m", slices=20, tactics=Tactics(limit_price=10.01))
    with pytest.raises(ConfigError, match=r"^slices: must be a whole number of at least 1, not 0$"):
        TWAP(duration="30m", slices=0)
    assert attrs.evolve(scenario(), date=date(2012, 6, 21)).date == date(2012, 6, 21)


def test_a_scenario_returns_from_its_plain_values() -> None:
    for one in (
        scenario(),
        load_scenario(QUICKSTART),
        scenario(session={"close": "24:00"}, date="2012-06-21"),
        scenario(
            algorithm={"type": "iceberg", "display_quantity": 100, "native": False, "randomise_display": 0.1},
            links={
                "orders": {"type": "empirical", "samples": ["1us", "2us"]},
                "reports": {"type": "uniform", "low": "0s", "high": "1ms"},
            },
        ),
    ):
        assert Scenario.from_dict(one.to_dict()) == one


decimals = st.decimals(min_value="0.0001", max_value="1000000", places=4)
durations = st.integers(0, 10**12)


@given(
    tick=decimals,
    ticks=st.integers(1, 10**6),
    start=durations,
    length=st.integers(1, 10**12),
    slices=st.integers(1, 1000),
    display=st.integers(1, 1000),
    fee=st.decimals(-10, 10, places=6),
    floor=durations,
    twap=st.booleans(),
    rates=st.lists(st.floats(0, 1e6), min_size=1, max_size=5).filter(any),
)
def test_any_scenario_returns_from_its_plain_values(
    tick: Decimal,
    ticks: int,
    start: int,
    length: int,
    slices: int,
    display: int,
    fee: Decimal,
    floor: int,
    twap: bool,
    rates: list[float],
) -> None:
    algorithm = TWAP(duration=length, slices=slices) if twap else Iceberg(display_quantity=display, duration=length)
    one = scenario(
        instrument={"symbol": "A", "tick": tick},
        flow={"type": "zero_intelligence", "start_price": tick * ticks, "limit_rates_per_s": rates},
        order={"side": "sell", "quantity": 1000, "start": f"{start}ns"},
        algorithm=algorithm,
        venue={"fees": {"maker_bps": fee}},
        links={"orders": {"type": "lognormal", "median": "5us", "sigma": 0.5, "floor": f"{floor}ns"}},
    )
    assert Scenario.from_dict(one.to_dict()) == one
