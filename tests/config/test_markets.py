"""Several markets, rules of a venue, and what goes wrong, as configured: filled in, written back, contradictions refused."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from simexec.config import (
    ContStoikovTalrejaFlow,
    DarkFlow,
    Matching,
    OutageIncident,
    OverLimit,
    Scenario,
    WindowConfig,
    load_scenario,
)
from simexec.errors import ConfigError
from simexec.sim.clock import HOUR, MINUTE, parse_time_of_day

from .examples import QUICKSTART, scenario

ROOT = QUICKSTART.parent
ZI = {"type": "zero_intelligence", "start_price": 100}


def market(name: str, **sections: Any) -> dict[str, Any]:
    venue = {"name": name, **sections.pop("venue", {})}
    return {"venue": venue, "flow": ZI, **sections}


def dark(name: str, **venue: Any) -> dict[str, Any]:
    return market(name, venue={"matching": "midpoint", **venue}, flow={"type": "dark"})


def test_a_market_has_what_the_top_level_has_unless_it_says_otherwise() -> None:
    read = scenario(
        session={"halts": [{"start": "10:00", "end": "10:05"}]},
        markets=[
            market("ARCX", links={"orders": "1ms"}),
            market("XNAS", instrument={"symbol": "OTHER", "tick": 0.05}),
            dark("XDRK"),
        ],
    )
    first, second, listed, pool = read.all_markets()
    assert [one.name for one in read.all_markets()] == ["XNAS", "ARCX", "XNAS.OTHER", "XDRK"]
    assert [one.first for one in read.all_markets()] == [True, True, False, True]
    assert first.session.halts == (WindowConfig(start=10 * HOUR, end=10 * HOUR + 5 * MINUTE),)
    assert second.session == listed.session == first.session
    assert (second.instrument, listed.links) == (first.instrument, first.links)
    assert second.links != first.links
    assert listed.instrument.tick == Decimal("0.05")
    assert pool.is_dark
    assert isinstance(pool.flow, DarkFlow)


def test_one_more_instrument_of_a_venue_has_that_venues_hours_and_lines() -> None:
    session, links = {"open": "10:00", "close": "11:00"}, {"orders": "1ms"}
    read = scenario(
        markets=[market("ARCX", session=session, links=links), market("ARCX", instrument={"symbol": "OTHER"})],
        order={"side": "buy", "quantity": 100},
    )
    _, host, listed = read.all_markets()
    assert (listed.session, listed.links) == (host.session, host.links)


def test_a_venues_rules_and_incidents_are_read() -> None:
    venue = scenario(
        venue={
            "matching": "pro_rata",
            "band": {"reference": "100.00", "percent": 5},
            "throttle": {"messages": 10, "action": "queue"},
            "incidents": [
                {"type": "outage", "start": "10:00", "end": "10:01", "cancel_orders": True},
                {"type": "slowdown", "start": "10:00", "end": "10:30", "factor": 10},
            ],
        }
    ).venue
    assert venue.matching is Matching.PRO_RATA
    assert venue.band is not None
    assert (venue.band.percent, venue.band.halt) == (5, 5 * MINUTE)
    assert venue.throttle is not None
    assert venue.throttle.action is OverLimit.QUEUE
    assert venue.incidents[0] == OutageIncident(start=10 * HOUR, end=10 * HOUR + MINUTE, cancel_orders=True)


@pytest.mark.parametrize("name", ["two_venues", "troubled_day"])
def test_a_scenario_with_everything_is_written_and_read_as_the_same(name: str) -> None:
    read = load_scenario(ROOT / f"{name}.yaml")
    assert Scenario.from_dict(read.to_dict()) == read


def test_an_override_reaches_into_a_market() -> None:
    overrides = ["markets.0.flow.market_rate_per_s=2", "markets.0.venue.throttle={messages: 5}"]
    read = load_scenario(ROOT / "two_venues.yaml", overrides=overrides)
    flow = read.markets[0].flow
    assert isinstance(flow, ContStoikovTalrejaFlow)
    assert flow.market_rate_per_s == 2
    assert read.markets[0].venue.throttle is not None


def test_files_of_other_markets_are_looked_for_beside_the_scenario(tmp_path: Path) -> None:
    text = (ROOT / "two_venues.yaml").read_text(encoding="utf-8")
    file = tmp_path / "scenario.yaml"
    file.write_text(text.replace("type: cont_stoikov_talreja", "type: hftbacktest\n      file: day.npz"))
    changed = file.read_text().replace("      start_price: 100.00\n      size: 100\n", "")
    file.write_text(changed)
    line = changed[: changed.index("file: day.npz")].count("\n") + 1
    with pytest.raises(ConfigError, match=rf"scenario.yaml:{line}: markets.0.flow.file: there is no file '.*day.npz'"):
        load_scenario(file)
    (tmp_path / "day.npz").write_bytes(b"")
    assert load_scenario(file).markets[0].flow.file == tmp_path / "day.npz"  # type: ignore[union-attr]


WINDOW = {"start": "10:00", "end": "10:05"}


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        (
            {"session": {"halts": [{"start": "09:00", "end": "09:40"}]}},
            "session.halts.0.start: 09:00:00 is not within the session, 09:30:00 to 16:00:00",
        ),
        (
            {"session": {"halts": [WINDOW, {"start": "10:00", "end": "10:00"}]}},
            r"session.halts.1.end: must be later than start \(10:00:00\), not 10:00:00",
        ),
        ({"session": {"halts": "10:00"}}, "session.halts: must be a list, not '10:00'"),
        (
            {"session": {"pre_open": "09:30"}},
            r"session.pre_open: must be before open \(09:30:00\), not 09:30:00",
        ),
        ({"venue": {"matching": "prorata"}}, "venue.matching: 'prorata' .* did you mean 'pro_rata'"),
        ({"venue": {"matching": "midpoint"}}, "venue.matching: an order is worked where there are quotes"),
        ({"venue": {"reference": ["XNAS"]}}, "venue.reference: only a dark pool .* not XNAS"),
        (
            {"venue": {"band": {"reference": "100.005", "percent": 5}}},
            "venue.band.reference: 100.005 is not a multiple of ACME's tick 0.01",
        ),
        ({"venue": {"band": {"reference": 100, "percent": 100}}}, "venue.band.percent: must be below 100, not 100"),
        ({"venue": {"throttle": {"messages": 0}}}, "venue.throttle.messages: must be .* at least 1, not 0"),
        (
            {
                "venue": {
                    "incidents": [{"type": "outage", **WINDOW}, {"type": "outage", "start": "10:04", "end": "11:00"}]
                }
            },
            r"venue.incidents.1.start: 10:04:00 is before the end of another outage \(10:05:00\)",
        ),
        ({"venue": {"incidents": [{"type": "fire", **WINDOW}]}}, "venue.incidents.0.type: 'fire' is not one of"),
        ({"links": {"depth_levels": 21}}, "links.depth_levels: must be at most 20, not 21"),
        ({"links": {"freezes": [{"start": "10:00"}]}}, "links.freezes.0.end: this field is required"),
        (
            {"links": {"market_data": {"type": "recorded"}}},
            "links.market_data: a flow of type zero_intelligence has no",
        ),
        ({"links": {"orders": {"type": "recorded"}}}, "links.orders.type: 'recorded' is not one of its values"),
        ({"flow": {"type": "dark"}}, "flow.type: dark is for dark pools"),
        (
            {"flow": {**ZI, "informed_rate_per_s": 1}},
            "flow.informed_rate_per_s: informed orders need both a fundamental and",
        ),
        (
            {"flow": {**ZI, "activity": [{"time": "10:00", "multiplier": 1}, {"time": "09:40", "multiplier": 2}]}},
            r"flow.activity.1.time: must be later than the point before \(10:00:00\), not 09:40:00",
        ),
        ({"flow": {**ZI, "activity": [{"time": "10:00", "multiplier": 1}]}}, "flow.activity: must have two points"),
        (
            {"flow": {"type": "databento", "file": "x.dbn", "switch": "10:00"}},
            "flow.then: switch and then need one another",
        ),
        (
            {
                "flow": {
                    "type": "databento",
                    "file": "x.dbn",
                    "switch": "10:00",
                    "then": {**ZI, "type": "cont_stoikov_talreja"},
                }
            },
            "flow.then.type: 'cont_stoikov_talreja' is not one of its values",
        ),
        ({"markets": [market("XNAS")]}, "markets.0.venue.name: XNAS trades ACME already"),
        ({"markets": [{"venue": {"name": "ARCX"}}]}, "markets.0.flow: this field is required"),
        (
            {"markets": [market("XNAS", instrument={"symbol": "B"}, venue={"throttle": {"messages": 5}})]},
            "markets.0.venue.throttle: belongs to XNAS, whose first market has it; leave it out here",
        ),
        (
            {"markets": [market("XNAS", instrument={"symbol": "B"}, links={"orders": "1ms"})]},
            "markets.0.links: belongs to XNAS",
        ),
        (
            {"markets": [market("ARCX", instrument={"symbol": "ACME", "tick": 0.05})]},
            "markets.0.instrument: ACME is another instrument at XNAS",
        ),
        (
            {"markets": [market("ARCX", session={"timezone": "UTC"})]},
            "markets.0.session.timezone: must be that of the whole run, 'America/New_York', not 'UTC'",
        ),
        (
            {"markets": [market("ARCX", flow={"type": "cont_stoikov_talreja", "start_price": 1.005})]},
            "markets.0.flow.start_price: 1.005 is not a multiple",
        ),
        (
            {"markets": [dark("D", reference=["ARCX"])]},
            "markets.0.venue.reference.0: 'ARCX' is not a lit venue before it",
        ),
        ({"markets": [dark("D", band={"reference": 100, "percent": 1})]}, "markets.0.venue.band: a dark pool has none"),
        ({"markets": [{**dark("D"), "flow": ZI}]}, "markets.0.flow.type: a dark pool's must be dark, not zero_intell"),
        (
            {"markets": [{**dark("D"), "instrument": {"symbol": "B"}}]},
            "markets.0.venue.matching: no lit market before it trades B",
        ),
    ],
)
def test_what_contradicts_itself_is_refused_with_its_path(sections: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{message}"):
        scenario(**sections)


def test_times_of_day_of_incidents_are_counted_from_midnight() -> None:
    read = load_scenario(ROOT / "troubled_day.yaml")
    assert read.venue.incidents[0].start == parse_time_of_day("09:55")
