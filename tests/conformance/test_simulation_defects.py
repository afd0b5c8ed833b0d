"""Defects found in other simulators' clocks, random numbers and fill models, each impossible here."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest

from simexec.errors import InputError, SimulationError
from simexec.market import layout as at
from simexec.market.market import Market
from simexec.market.order_book import OrderBook, OutRow
from simexec.sim import Exponential, Simulation, millis, seconds
from simexec.testing import Participant, background_market_order, check_desk, make_desk, random_flow
from simexec.trading.instrument import Instrument
from simexec.trading.report import ExecType, RejectReason
from simexec.trading.terms import OrderTerms
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType, PegType
from simexec.venue import Throttle, ThrottleAction, TradingHours

from ..venue.making import make_scene

BUY, SELL = OrderSide.BUY, OrderSide.SELL


# --- 13: a clock of floats ---


def test_the_clock_counts_single_nanoseconds_where_floats_of_today_step_by_256() -> None:
    today = 1_793_000_000 * 10**9 + 1  # ns since 1970, in 2026
    assert float(today) != today
    sim = Simulation(epoch=datetime(1970, 1, 1, tzinfo=UTC))
    seen = []

    async def wait() -> None:
        await sim.timeout(today)
        for _ in range(3):
            seen.append(sim.now)
            await sim.timeout(1)

    sim.run(wait())
    assert seen == [today, today + 1, today + 2]
    assert {type(time) for time in seen} == {int}


@pytest.mark.parametrize("delay", [0.5, 1e9, np.float64(3)])
def test_a_float_never_reaches_the_calendar(delay: float) -> None:
    sim = Simulation()
    with pytest.raises((InputError, SimulationError)):
        sim.timeout(delay)
    assert type(sim.now) is int


def test_every_time_of_a_run_is_a_whole_number_of_nanoseconds() -> None:
    desk = make_desk(random_flow(), closes="2s", latency=Exponential("3ms"), seed=5)
    for i in range(20):
        desk.sim.run(1 + i * millis(50))
        desk.send(BUY if i % 2 else SELL, 2)
    desk.finish()
    times = [entry.time_ns for entry in desk.journal.entries()]
    assert len(times) > 60
    assert {type(time) for time in times} == {int}
    assert any(time % 256 for time in times)


# --- 14: what one component does to the others ---


def worked(*, others: int) -> list[tuple[object, ...]]:
    """What a strategy sees while ``others`` send orders that never come near the touch."""
    desk = make_desk(random_flow(), closes="5s", latency=Exponential("2ms"), service=0, seed=9)
    strangers = [Participant(desk.sim, desk.venue, f"stranger {i}") for i in range(others)]
    streams = [desk.sim.rng(f"stranger.{i}") for i in range(others)]
    for i in range(40):
        desk.sim.run(1 + i * millis(100))
        for stranger, draws in zip(strangers, streams, strict=True):
            stranger.new(f"s{i}", BUY, int(draws.integers(1, 5)), 5_000)
        desk.send(BUY if i % 2 else SELL, 3, 10_000)
    desk.finish()
    return [(e.time_ns, e.event, e.order_id, e.cum_quantity) for e in desk.journal.entries()]


def test_one_more_agent_does_not_change_the_paths_of_the_others() -> None:
    alone = worked(others=0)
    assert len(alone) > 80
    assert worked(others=1) == alone
    assert worked(others=3) == alone


def test_replications_of_one_seed_have_streams_of_their_own() -> None:
    draws = {Simulation(seed=9, replication=k).rng("flow").integers(2**62) for k in range(50)}
    assert len(draws) == 50
    assert Simulation(seed=9, replication=3).rng("flow").integers(2**62) in draws


# --- 15: what a throttle drops ---


@pytest.mark.parametrize("action", ThrottleAction)
def test_a_throttle_answers_every_message_that_it_holds_back_or_refuses(action: ThrottleAction) -> None:
    scene = make_scene(throttle=Throttle(100, "1s", action))
    for i in range(1_000):
        scene.alice.new(f"a{i}", BUY, 1, 100)
    scene.run("15s")
    kinds = [report.exec_type for report in scene.alice.reports]
    assert len(kinds) == 1_000
    refused = [report for report in scene.alice.reports if report.exec_type is ExecType.REJECTED]
    assert len(refused) == (900 if action is ThrottleAction.REJECT else 0)
    assert {report.reason for report in refused} <= {RejectReason.THROTTLE_LIMIT_EXCEEDED}
    statistics = scene.venue.statistics()
    assert statistics.throttled + statistics.delayed == 900


# --- 16: executions without a price ---


def test_executions_at_a_mid_of_a_stop_and_in_an_auction_have_a_price() -> None:
    book = OrderBook(tick_quanta=100)
    rows = book.submit(1, 0, 9, 10_000, owner=1, number=1)
    rows += book.submit(1, 1, 9, 10_100, owner=1, number=2)
    rows += book.submit_peg(2, 0, 5, at.PEG_MID, 0, None, owner=2, number=3, flags=at.HIDDEN)
    rows += book.submit_peg(2, 1, 2, at.PEG_MID, 0, None, owner=3, number=4, flags=at.HIDDEN)
    rows += book.submit_stop(3, 1, 3, 10_000, 0, owner=4, number=5, flags=at.MARKET)
    rows += book.submit(3, 1, 4, 10_000, owner=5, number=6)
    book.set_phase(4, at.CALL)
    book.submit(4, 1, 4, 9_800, owner=5, number=7)
    rows += book.set_phase(5, at.CONTINUOUS)
    book.flush()
    fills = [row[3] for row in rows if row[0] == at.OUT_FILL]
    assert set(fills) == {10_050, 10_000}
    prints = book.prints.since()
    assert (prints[:, 1] > 0).all()
    assert prints[-1, 4] & at.PRINT_AUCTION


# --- 17: ends that nobody hears of ---


@pytest.mark.parametrize(
    ("price", "terms", "kind"),
    [
        (None, OrderTerms(stop_ticks=100), OrderType.STOP),
        (99, OrderTerms(stop_ticks=100), OrderType.STOP_LIMIT),
        (None, OrderTerms(stop_ticks=99, trail_ticks=1), OrderType.TRAILING_STOP),
        (None, OrderTerms(peg=PegType.MARKET), OrderType.PEGGED),
    ],
)
def test_whoever_waits_for_an_order_that_the_venue_triggers_hears_that_it_is_filled(
    price: int | None, terms: OrderTerms, kind: OrderType
) -> None:
    messages = [background_market_order(f"{second}s", side, 1) for second, side in ((1, BUY), (2, SELL), (3, SELL))]
    desk = make_desk(bids=[(100, [20])], asks=[(101, [20])], messages=messages)
    order = desk.send(SELL, 5, price, order_type=kind, terms=terms)
    ended: list[tuple[OrderStatus, int]] = []

    async def strategy() -> None:
        await desk.manager.wait_final(order)
        ended.append((order.status, order.filled_quantity))

    desk.sim.process(strategy())
    desk.sim.run(seconds(10))
    assert ended == [(OrderStatus.FILLED, 5)]
    desk.finish()
    check_desk(desk)


# --- 18: fills that come too easily ---


def test_resting_at_the_touch_fills_far_less_than_the_rule_that_every_touch_fills() -> None:
    """A share at the best bid for 200 ms, 800 times: exact queues beside "a trade at my price fills me", on the same flow."""
    sim, flow = Simulation(seed=18), random_flow(limit_rates_per_s=[40.0] * 5)
    hours = TradingHours(0, seconds(400))
    market = Market("XTST", flow(sim, Instrument("TEST", Decimal("0.01")), hours))
    book = market.book
    told: list[OutRow] = []
    market.listen(told.extend)
    placed: dict[int, tuple[int, int, int]] = {}

    def run(until: int) -> None:
        while market.advance(until) is not None:
            market.dispatch()

    for number in range(1, 801):
        start = number * millis(400)
        run(start)
        bid = book.quote().bid
        assert bid is not None
        book.submit(start, 0, 1, bid, number=number)
        run(start + millis(200))
        placed[number] = (bid, start, start + millis(200))
        book.cancel(start + millis(200), number)
    book.flush()
    times, prices = book.prints.since()[:, 0], book.prints.since()[:, 1]
    exact = {row[2] for row in told if row[0] == at.OUT_FILL}
    touched = {
        number
        for number, (bid, start, end) in placed.items()
        if (prices[np.searchsorted(times, start, "right") : np.searchsorted(times, end, "right")] <= bid).any()
    }
    assert exact < touched
    exact_share, touched_share = len(exact) / len(placed), len(touched) / len(placed)
    assert touched_share > 0.8
    assert 0.1 < exact_share < 0.3
