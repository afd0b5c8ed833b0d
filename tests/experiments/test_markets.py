"""Runs of several markets, of trouble at a venue, and of every kind of flow that a scenario can name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simexec.analysis.result import RunResult
from simexec.analysis.summary import format_run, run_json
from simexec.config import Scenario, load_scenario
from simexec.errors import ConfigError
from simexec.execution import ParentExecution
from simexec.experiments.build import World, build, load_recordings
from simexec.experiments.run import run_scenario
from simexec.market.market import Market
from simexec.sim.clock import HOUR, MINUTE
from simexec.trading.vocabulary import OrderStatus

from ..market.l3_files import BEGIN, write_dbn, write_npz

ROOT = Path(__file__).resolve().parents[2]
QUICK = {"session.close": "09:45", "order.start": "1m", "order.quantity": 2000, "algorithm.duration": "8m"}
ZI = {"type": "zero_intelligence", "start_price": 100}


@pytest.fixture(scope="module")
def alone() -> Scenario:
    return load_scenario(ROOT / "scenarios" / "quickstart.yaml").with_(QUICK)


def books(scenario: Scenario) -> list[tuple[Any, ...]]:
    """What every market of a scenario prints and quotes with nobody in it."""
    world = build(scenario)
    world.sim.run(world.hours.close_ns)
    found = []
    for one in world.markets:
        one.market.advance(world.hours.close_ns)
        quotes = b""
        if isinstance(one.market, Market):
            one.market.book.flush()
            quotes = one.market.book.quotes.since().tobytes()
        found.append((one.settings.name, quotes, one.market.book.prints.since().tobytes()))
    return found


OTHERS = [
    {"venue": {"name": "BETA"}, "flow": ZI},
    {"venue": {"name": "SIMX"}, "flow": ZI, "instrument": {"symbol": "OTHER"}},
    {"venue": {"name": "CSTX"}, "flow": {"type": "cont_stoikov_talreja", "start_price": 100}},
    {"venue": {"name": "DARK", "matching": "midpoint"}, "flow": {"type": "dark", "buy_rate_per_s": 0.5}},
]


def test_a_market_that_is_added_changes_nothing_in_the_others(alone: Scenario) -> None:
    few, many = alone.with_({"markets": OTHERS[:1]}), alone.with_({"markets": OTHERS})
    first, second, third = books(alone), books(few), books(many)
    assert first[0] == second[0] == third[0]
    assert second[1] == third[1]
    assert len({quotes for _, quotes, _ in third[:4]}) == 4
    plain, with_others = run_scenario(alone), run_scenario(many)
    assert np.array_equal(plain.quotes, with_others.markets[0].quotes)
    assert np.array_equal(plain.prints, with_others.markets[0].prints)
    assert plain.journal_digest != with_others.journal_digest  # which covers all markets
    assert [child.average_price for child in plain.children] == [child.average_price for child in with_others.children]


def test_the_summary_has_every_market(alone: Scenario) -> None:
    result = run_scenario(alone.with_({"markets": OTHERS}))
    found = run_json(result)["markets"]
    assert [(one["name"], one["venue"], one["symbol"]) for one in found] == [
        ("SIMX", "SIMX", "DEMO"),
        ("BETA", "BETA", "DEMO"),
        ("SIMX.OTHER", "SIMX", "OTHER"),
        ("CSTX", "CSTX", "DEMO"),
        ("DARK", "DARK", "DEMO"),
    ]
    assert found[0]["statistics"] == run_json(result)["venue"]
    assert (found[0]["messages"], found[0]["trades"]) == (result.flow_messages, len(result.markets[0].prints))
    assert all(one["last_quote"]["bid"] < one["last_quote"]["ask"] for one in found[:4])
    assert (found[4]["messages"], found[4]["last_quote"], found[4]["dark"]) == (None, None, True)
    text = format_run(result)
    assert all(one["name"] in text for one in found)
    assert "markets" not in format_run(run_scenario(alone))


class Spread:
    """Sends an order to every market that trades the parent's symbol."""

    def __init__(self) -> None:
        self.seen: dict[str, int | None] = {}

    async def run(self, execution: ParentExecution) -> None:
        for name, view in execution.views.items():
            quote = view.quote()
            self.seen[name] = None if quote is None else quote.ask
        children = [execution.place(300, venue=venue) for venue in ("SIMX", "BETA", "DARK")]
        for child in children:
            assert child is not None
            await execution.final(child)


def test_an_algorithm_sees_every_market_and_trades_at_each(alone: Scenario) -> None:
    algorithm = Spread()
    result = run_scenario(alone.with_({"markets": OTHERS, "order.quantity": 900}), algorithm=algorithm)
    assert list(algorithm.seen) == ["SIMX", "BETA", "SIMX.OTHER", "CSTX"]
    assert all(algorithm.seen.values())
    assert [child.venue for child in result.children] == ["SIMX", "BETA", "DARK"]
    assert all(child.is_final for child in result.children)
    assert result.children[0].status is OrderStatus.FILLED
    assert [one.statistics.orders for one in result.markets] == [1, 1, 1, 0, 1]


def test_a_market_has_its_own_session_view_and_fees(alone: Scenario) -> None:
    session = {"pre_open": "09:25", "close": "09:40", "halts": [{"start": "09:32", "end": "09:33"}]}
    other = {**OTHERS[0], "session": session, "links": {"market_data": "1ms", "depth_levels": 3}}
    world = build(alone.with_({"markets": [other]}))
    assert (world.markets[1].hours.pre_open_ns, world.markets[1].hours.close_ns) == (
        9.4166666666667e0 and 33900 * 10**9,
        34800 * 10**9,
    )
    world.sim.run(9 * HOUR + 32 * MINUTE + 30 * 10**9)
    beta = world.markets[1]
    assert beta.venue.state() is not world.venue.state()
    halted = beta.market.book.prints.since()[:, 0]
    world.sim.run(9 * HOUR + 34 * MINUTE)
    beta.market.book.flush()  # type: ignore[union-attr]
    times = beta.market.book.prints.since()[:, 0]
    assert len(times) > len(halted)
    assert not ((times > 9 * HOUR + 32 * MINUTE) & (times < 9 * HOUR + 33 * MINUTE)).any()
    assert list(world.views) == ["SIMX", "BETA"]


@pytest.fixture(scope="module")
def troubled() -> RunResult:
    return run_scenario(load_scenario(ROOT / "scenarios" / "troubled_day.yaml"))


def test_on_a_troubled_day_every_order_has_a_final_state_and_a_reason(troubled: RunResult) -> None:
    assert len(troubled.children) > 30
    assert all(child.is_final for child in troubled.children)
    assert all(child.reason for child in troubled.children if child.status is not OrderStatus.FILLED)
    reasons = {entry.reason for entry in troubled.journal.entries()}
    assert {"EXCHANGE_CLOSED", "THROTTLE_LIMIT_EXCEEDED"} <= reasons
    assert troubled.venue.throttled > 0
    assert troubled.venue.halts > 0
    assert troubled.venue.gateway.max_wait_ns > MINUTE  # what arrived in the outage was answered after it


def test_nothing_trades_while_the_venue_is_halted_or_out(troubled: RunResult) -> None:
    times = troubled.prints[:, 0]
    for start, end in (((9, 45), (9, 50)), ((9, 55), (9, 57.5))):
        begin, until = (hour * HOUR + round(minute * MINUTE) for hour, minute in (start, end))
        assert not ((times > begin) & (times < until)).any()
    trades = [trade.time_ns for child in troubled.children for trade in child.trades]
    assert trades
    assert set(trades) <= set(times.tolist())


def test_a_frozen_feed_shows_what_it_showed(alone: Scenario) -> None:
    frozen = alone.with_({"links.freezes": [{"start": "09:31", "end": "09:40"}]})
    seen = {}
    for name, scenario in (("plain", alone), ("frozen", frozen)):
        world: World = build(scenario)
        world.sim.run(9 * HOUR + 39 * MINUTE)
        quote = world.view.quote()
        assert quote is not None
        seen[name] = quote.time_ns
    assert seen["frozen"] < 9 * HOUR + 31 * MINUTE < seen["plain"]


@pytest.mark.parametrize(
    "changes",
    [
        {"flow": {"type": "cont_stoikov_talreja", "start_price": 100, "size": 100}},
        {"flow.activity": [{"time": "09:30", "multiplier": 2}, {"time": "09:45", "multiplier": 1}]},
        {
            "flow.fundamental": {"start_value": 100, "mean_value": 101, "volatility": 0.01, "reversion_per_s": 0.01},
            "flow.informed_rate_per_s": 2,
        },
        {"venue.matching": "pro_rata", "venue.pro_rata_minimum": 2},
        {"venue.band": {"reference": 100, "percent": 0.05, "halt": "10s"}},
        {"session.pre_open": "09:20"},
        {"venue.throttle": {"messages": 1, "window": "1m", "action": "queue"}},
    ],
)
def test_every_rule_and_model_ends_with_books_that_balance(alone: Scenario, changes: dict[str, Any]) -> None:
    result = run_scenario(alone.with_(changes))
    assert result.invariants["all_orders_final"]
    assert result.journal_digest != run_scenario(alone).journal_digest
    assert result.flow_messages > 0


def recorded(folder: Path, kind: str, **changes: Any) -> Scenario:
    """A scenario on one of the little sessions that are written by hand."""
    file = write_dbn(folder) if kind == "databento" else write_npz(folder)
    base = {
        "name": "recorded",
        "instrument": {"symbol": "TEST", "tick": "0.1"},
        "session": {"open": "09:30", "close": "09:40", "timezone": "UTC"},
        "flow": {"type": kind, "file": file},
        "links": {"market_data": {"type": "recorded"}},
        "order": {"side": "buy", "quantity": 2, "start": "1m"},
    }
    return Scenario.from_dict(base).with_(changes)


@pytest.mark.parametrize("kind", ["databento", "hftbacktest"])
def test_an_order_by_order_recording_is_replayed_with_its_own_latency(tmp_path: Path, kind: str) -> None:
    pytest.importorskip("databento_dbn")
    result = run_scenario(recorded(tmp_path, kind))
    assert result.parent.filled_quantity == 2
    assert float(result.parent.average_price or 0) == 100.2
    assert result.invariants["history_balances"]
    assert result.flow_messages == 9
    assert result.epoch.timestamp() * 10**9 == BEGIN - 9.5 * HOUR
    assert any("market data as recorded" in sentence for sentence in result.assumptions)
    assert "the market of 2024-03-05" in format_run(result)


def test_a_model_takes_over_where_a_recording_is_left(tmp_path: Path) -> None:
    pytest.importorskip("databento_dbn")
    then = {"type": "zero_intelligence", "start_price": 100, "limit_size": {"type": "constant", "quantity": 5}}
    changes = {"flow.switch": "09:31", "flow.then": then, "order.start": "5m", "order.quantity": 10}
    result = run_scenario(recorded(tmp_path, "databento", **changes))
    assert result.flow_messages > 100
    assert result.prints[-1, 0] > 9 * HOUR + 35 * MINUTE
    assert "history_balances" not in result.invariants  # history ends at the switch
    assert any(sentence.startswith("from 09:31:00 on") for sentence in result.assumptions)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"date": "2024-03-06"}, "date 2024-03-06 is not that of the data, 2024-03-05"),
        (
            {"session": {"open": "11:00", "close": "12:00", "timezone": "UTC"}},
            "spans 9:30:00 to 9:30:00, and session 11:00:00",
        ),
    ],
)
def test_a_recording_of_another_day_or_time_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_recordings(recorded(tmp_path, "hftbacktest", **changes))
