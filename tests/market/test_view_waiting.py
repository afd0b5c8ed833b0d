"""Waiting for what is seen: once, at the nanosecond at which it arrives."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simpy import Interrupt

from simexec.errors import InputError
from simexec.market import layout as at
from simexec.market.order_book import Quote
from simexec.market.view import Trade
from simexec.protocols import DurationModel
from simexec.sim import Constant, Exponential, LogNormal, Uniform
from simexec.testing import background_cancel, background_market_order, background_order
from simexec.trading.vocabulary import OrderSide

from .seen import Interruption, Step, Watched, crosses, first_moment, lively, shown

BUY, SELL = OrderSide.BUY, OrderSide.SELL
OPENING = [background_order(0, BUY, 99, 5, 0), background_order(0, SELL, 101, 5, 1)]

steps: st.SearchStrategy[list[Step]] = st.lists(
    st.tuples(
        st.one_of(st.just(0), st.integers(0, 30)), st.integers(0, 2), st.sampled_from([BUY, SELL]), st.integers(0, 4),
        st.integers(1, 6),
    ),
    min_size=1,
    max_size=60,
)  # fmt: skip
models = st.sampled_from([Constant(0), Constant(25), Uniform(0, 60), Exponential(30), LogNormal(20, 1.5, 5)])
windows = st.lists(
    st.tuples(st.integers(0, 200), st.integers(0, 30), st.integers(1, 60), st.booleans()), max_size=4
).map(  # at even times: orders of our own come at odd ones
    lambda found: [
        Interruption(2 * set_, 2 * (set_ + wait), 2 * (set_ + wait + long), loses)
        for set_, wait, long, loses in sorted(found)
    ]
)
sides = st.sampled_from([None, BUY, SELL])


async def interrupt_feed(run: Watched, interruptions: list[Interruption]) -> None:
    for one in interruptions:
        if one.set_ns > run.sim.now:
            await run.sim.timeout(one.set_ns - run.sim.now)
        (run.view.outage if one.loses else run.view.freeze)(one.start_ns, one.end_ns)


async def participate(run: Watched, orders: list[tuple[int, int, int, int]]) -> None:
    """Bring orders of our own to the book, or cancel the one before, at odd times."""
    for number, (gap, side, price, quantity) in enumerate(orders, start=1):
        await run.sim.timeout(2 * gap + (run.sim.now + 1) % 2)
        if side == 2:
            run.market.book.cancel(run.sim.now, number - 1)
        else:
            run.market.book.submit(run.sim.now, side, quantity, price, number=number)


own_orders = st.lists(
    st.tuples(st.integers(1, 40), st.integers(0, 2), st.integers(97, 103), st.integers(1, 8)), max_size=6
)


@settings(max_examples=300)
@given(
    happens=steps, model=models, seed=st.integers(0, 99), interruptions=windows, own=own_orders,
    waits=st.lists(st.tuples(st.integers(0, 300), st.integers(95, 105), sides), max_size=6),
    chunk=st.sampled_from([None, 1, 7]),
)  # fmt: skip
def test_whoever_waits_for_a_price_wakes_once_when_a_naive_scan_says(
    happens: list[Step], model: DurationModel, seed: int, interruptions: list[Interruption],
    own: list[tuple[int, int, int, int]], waits: list[tuple[int, int, OrderSide | None]], chunk: int | None,
) -> None:  # fmt: skip
    run = Watched(lively(happens), model, seed=seed, chunk=chunk)
    woken: dict[int, list[tuple[int, Quote]]] = {i: [] for i in range(len(waits))}

    async def wait(i: int) -> None:
        start, price, side = waits[i]
        await run.sim.timeout(2 * start)
        quote = await run.view.crosses(price, side)
        assert quote == run.view.quote()
        woken[i].append((run.sim.now, quote))

    run.sim.process(interrupt_feed(run, interruptions))
    run.sim.process(participate(run, own))
    for i in range(len(waits)):
        run.sim.process(wait(i))
    run.sim.run()
    quotes = run.quotes(interruptions)
    for i, (start, price, side) in enumerate(waits):
        fits = crosses(price, side, shown(quotes, 2 * start))
        expected = first_moment(quotes, 2 * start, fits, at_once=True)
        assert woken[i] == ([] if expected is None else [expected])
    run.sim.close()


@settings(max_examples=300)
@given(
    happens=steps, model=models, seed=st.integers(0, 99), interruptions=windows, own=own_orders,
    starts=st.lists(st.integers(0, 300), min_size=1, max_size=3), chunk=st.sampled_from([None, 1, 7]),
)  # fmt: skip
def test_whoever_waits_for_changes_sees_every_arrival_once(
    happens: list[Step], model: DurationModel, seed: int, interruptions: list[Interruption],
    own: list[tuple[int, int, int, int]], starts: list[int], chunk: int | None,
) -> None:  # fmt: skip
    run = Watched(lively(happens), model, seed=seed, chunk=chunk)
    woken: dict[int, list[tuple[int, Quote]]] = {i: [] for i in range(len(starts))}

    async def wait(i: int) -> None:
        await run.sim.timeout(2 * starts[i])
        while True:
            quote = await run.view.changes()
            woken[i].append((run.sim.now, quote))

    run.sim.process(interrupt_feed(run, interruptions))
    run.sim.process(participate(run, own))
    for i in range(len(starts)):
        run.sim.process(wait(i))
    run.sim.run()
    quotes = run.quotes(interruptions)
    assert [arrival for arrival, _ in quotes] == sorted(arrival for arrival, _ in quotes)
    for i, start in enumerate(starts):
        arrivals = sorted({arrival for arrival, _ in quotes if arrival > 2 * start})
        if own:  # one of ours may change the quote again at a time at which we have just been woken
            assert sorted({time for time, _ in woken[i]}) == arrivals
        else:
            assert woken[i] == [(arrival, shown(quotes, arrival)) for arrival in arrivals]
    run.sim.close()


@settings(max_examples=200)
@given(
    happens=steps, model=models, seed=st.integers(0, 99), interruptions=windows, start=st.integers(0, 300),
    chunk=st.sampled_from([None, 1, 7]),
)  # fmt: skip
def test_whoever_waits_for_trades_sees_each_once_but_those_that_an_outage_loses(
    happens: list[Step], model: DurationModel, seed: int, interruptions: list[Interruption], start: int, chunk: int | None
) -> None:  # fmt: skip
    run = Watched(lively(happens), model, seed=seed, chunk=chunk)
    seen: list[tuple[int, int]] = []

    async def wait() -> None:
        await run.sim.timeout(start)
        while True:
            first = await run.view.next_trade()
            trades = run.view.latest_trades()
            assert first == trades[0]
            seen.extend((run.sim.now, trade.number) for trade in trades)

    run.sim.process(interrupt_feed(run, interruptions))
    run.sim.process(wait())
    run.sim.run()
    run.sim.run(max(run.sim.now, 10_000))
    trades = run.trades(interruptions)
    assert seen == [(arrival, number) for arrival, number, lost in trades if arrival > start and not lost]
    sizes = {row[5]: row[2] for row in run.market.book.prints.since().tolist()}
    here, gone = [sum(sizes[number] for _, number, lost in trades if lost is which) for which in (False, True)]
    statistics = run.view.statistics()
    assert (statistics.traded_quantity, statistics.lost_quantity) == (here, gone)
    assert (statistics.trades, statistics.lost_trades) == (
        len(trades) - sum(one[2] for one in trades),
        sum(one[2] for one in trades),
    )
    run.sim.close()


@given(happens=steps, model=models, seed=st.integers(0, 99), interruptions=windows, looks=st.lists(st.integers(0, 900)))
def test_nothing_is_seen_before_it_has_arrived_however_the_feed_is_interrupted(
    happens: list[Step], model: DurationModel, seed: int, interruptions: list[Interruption], looks: list[int]
) -> None:
    run = Watched(lively(happens), model, seed=seed, depth_levels=3)
    seen: list[tuple[int, Quote | None]] = []

    async def look() -> None:
        for time in sorted(looks):
            await run.sim.timeout(time - run.sim.now)
            seen.append((run.sim.now, run.view.quote()))

    run.sim.process(interrupt_feed(run, interruptions))
    run.sim.process(look())
    run.sim.run()
    quotes = run.quotes(interruptions)
    assert seen == [(time, shown(quotes, time)) for time in sorted(looks)]
    run.sim.run(max(run.sim.now, 10_000))
    for number, side in enumerate((BUY, SELL)):
        assert run.view.depth(side) == run.market.book.depth(number, 3)


# --- one by one ---


def woken(run: Watched, event: str, *arguments: Any, start: int = 0) -> tuple[int, Any]:
    """When a process that begins to wait at a time wakes, and with what."""

    async def main() -> tuple[int, Any]:
        await run.sim.timeout(start)
        value = await getattr(run.view, event)(*arguments)
        return run.sim.now, value

    found: tuple[int, Any] = run.sim.run(main())
    return found


@pytest.mark.parametrize(
    ("price", "side", "start", "time"),
    [
        (100, BUY, 20, 510),  # the offer falls to 100
        (101, BUY, 20, 20),  # it is there already
        (100, SELL, 20, 310),  # the bid rises to 100
        (99, SELL, 20, 20),
        (100, None, 20, 310),  # within the spread: whichever comes first
        (99, None, 20, 610),  # at the bid: the offer must come down to it
        (101, None, 20, 710),  # at the offer: the bid must come up to it
        (100, SELL, 305, 310),  # in transit when the wait begins
        (100, SELL, 310, 310),
        (100, SELL, 311, 311),
        (100, None, 0, 310),  # nothing has been seen yet
    ],
)
def test_a_wait_for_a_price_ends_when_the_side_that_matters_is_seen_to_have_come_there(
    price: int, side: OrderSide | None, start: int, time: int
) -> None:
    messages = [
        *OPENING,
        background_order(300, BUY, 100, 1, 2), background_cancel(400, 2),
        background_order(500, SELL, 100, 1, 3),
        background_cancel(550, 0), background_order(600, SELL, 99, 1, 4),
        background_cancel(650, 1), background_cancel(650, 3), background_cancel(650, 4),
        background_order(700, BUY, 101, 1, 5),
    ]  # fmt: skip
    run = Watched(messages, Constant(10))
    now, quote = woken(run, "crosses", price, side, start=start)
    assert now == time
    assert quote == run.view.quote()


def test_a_price_that_comes_and_goes_within_a_nanosecond_wakes_nobody() -> None:
    messages = [
        *OPENING,
        background_order(50, BUY, 100, 1, 2),
        background_cancel(50, 2),
        background_order(80, BUY, 100, 1, 3),
    ]
    assert woken(Watched(messages, Constant(10)), "crosses", 100, SELL)[0] == 90
    late = Watched(
        [
            *OPENING,
            background_order(50, BUY, 100, 1, 2),
            background_cancel(60, 2),
            background_order(500, BUY, 100, 1, 3),
        ],
        Constant(10),
    )
    late.view.freeze(40, 200)
    assert woken(late, "crosses", 100, SELL)[0] == 510


def test_without_latency_a_process_wakes_at_the_messages_own_time() -> None:
    messages = [*OPENING, background_order(50, BUY, 100, 1, 2), background_market_order(70, SELL, 3)]
    assert woken(Watched(messages, Constant(0)), "crosses", 100, SELL)[0] == 50
    assert woken(Watched(messages, Constant(0)), "changes", start=1)[0] == 50
    assert woken(Watched(messages, Constant(0)), "next_trade") == (70, Trade(70, 100, 1, -1, 1))


def test_of_trades_that_arrive_together_the_first_is_given_and_all_can_be_asked_for() -> None:
    run = Watched([*OPENING, background_order(5, BUY, 98, 5, 2), background_market_order(70, SELL, 8)], Constant(10))
    assert woken(run, "next_trade") == (80, Trade(70, 99, 5, -1, 1))
    assert run.view.latest_trades() == [Trade(70, 99, 5, -1, 1), Trade(70, 98, 3, -1, 2)]
    assert run.view.last_trade() == Trade(70, 98, 3, -1, 2)
    assert run.view.traded_quantity() == 8


def test_the_depth_wakes_who_waits_for_it_where_the_quote_does_not_change() -> None:
    run = Watched([*OPENING, background_order(50, BUY, 97, 4, 2)], Constant(10), depth_levels=2)
    assert woken(run, "depth_changes", start=20) == (60, True)
    assert run.view.depth(BUY) == [(99, 5, 1), (97, 4, 1)]
    assert run.view.depth(BUY, 1) == [(99, 5, 1)]


def test_an_order_of_ours_that_changes_the_quote_wakes_who_waits_for_a_change() -> None:
    run = Watched([*OPENING, background_order(10_000, BUY, 90, 1, 2)], Constant(10))
    wakes: list[int] = []

    async def trade() -> None:
        await run.sim.timeout(100)
        run.market.book.submit(100, 0, 5, 100, number=1)
        await run.sim.timeout(100)
        run.market.book.cancel(200, 1)
        await run.sim.timeout(100)
        run.market.book.submit(300, 0, 1, 101, number=2)

    async def wait() -> None:
        await run.sim.timeout(50)
        while True:
            await run.view.changes()
            wakes.append(run.sim.now)

    run.sim.process(trade())
    run.sim.process(wait())
    run.sim.run()
    assert wakes == [110, 210, 310]
    run.sim.close()


def test_a_cancel_of_ours_that_fulfils_a_wait_is_heard_of_once() -> None:
    run = Watched([*OPENING, background_order(10_000, BUY, 90, 1, 2)], Constant(10))

    async def main() -> int:
        await run.sim.timeout(100)
        run.market.book.submit(100, 0, 5, 100, number=1)
        await run.sim.timeout(50)
        change = run.view.changes()
        await run.sim.timeout(50)
        run.market.book.cancel(200, 1)
        await change
        woken_at = run.sim.now
        await run.sim.timeout(50_000)
        return woken_at

    assert run.sim.run(main()) == 210


def test_several_who_wait_for_one_thing_all_wake_once() -> None:
    run = Watched([*OPENING, background_order(50, BUY, 100, 1, 2)], Constant(10))
    wakes: list[int] = []

    async def wait() -> None:
        await run.view.crosses(100, SELL)
        wakes.append(run.sim.now)

    for _ in range(3):
        run.sim.process(wait())
    run.sim.run()
    assert wakes == [60, 60, 60]


# --- with other events ---


def is_watched(run: Watched) -> bool:
    return bool(run.market.book.arrays.state[at.WATCHED])


def test_a_wait_is_one_of_several_events() -> None:
    run = Watched([*OPENING, background_order(50, BUY, 100, 1, 2)], Constant(10))

    async def main() -> list[int]:
        await run.sim.timeout(20)
        times = []
        for patience in (15, 100):
            change = run.view.changes()
            found = await run.sim.any_of([change, run.sim.timeout(patience)])
            times.append(run.sim.now)
            assert (change in found) is (patience == 100)
        await run.sim.all_of([run.view.crosses(100, SELL), run.sim.timeout(5)])
        return [*times, run.sim.now]

    assert run.sim.run(main()) == [35, 60, 65]
    assert not is_watched(run)


def test_waits_that_were_given_up_leave_nothing_behind() -> None:
    run = Watched([*OPENING, background_order(10_000, BUY, 90, 1, 2)], Constant(10))

    async def main() -> None:
        await run.sim.timeout(20)
        for _ in range(50):
            await run.sim.any_of(
                [run.view.changes(), run.view.next_trade(), run.view.crosses(50, BUY), run.sim.timeout(1)]
            )
        assert not run.view.quotes._places

    run.sim.run(main())
    assert not is_watched(run)
    before = run.sim.calendar_events
    run.sim.run(20_000)
    assert run.sim.calendar_events - before <= 2


def test_a_process_that_is_interrupted_waits_no_longer() -> None:
    run = Watched([*OPENING, background_order(50, BUY, 100, 1, 2)], Constant(10))
    heard: list[tuple[str, int]] = []

    async def wait() -> None:
        try:
            await run.view.crosses(100, SELL)
            heard.append(("crossed", run.sim.now))
        except Interrupt:
            heard.append(("interrupted", run.sim.now))
        await run.sim.timeout(1_000)

    process = run.sim.process(wait())

    async def interrupt() -> None:
        await run.sim.timeout(30)
        assert is_watched(run)
        process.interrupt()

    run.sim.process(interrupt())
    run.sim.run()
    assert heard == [("interrupted", 30)]
    assert not is_watched(run)


def test_a_wait_taken_up_again_has_missed_nothing() -> None:
    run = Watched([*OPENING, background_order(50, BUY, 100, 1, 2)], Constant(10))

    async def main() -> int:
        await run.sim.timeout(20)
        change = run.view.changes()
        await run.sim.any_of([change, run.sim.timeout(5)])
        assert not is_watched(run)
        await run.sim.timeout(100)
        await run.sim.any_of([change, run.sim.timeout(5)])
        return run.sim.now

    assert run.sim.run(main()) == 125

    again = Watched([*OPENING, background_order(50, BUY, 100, 1, 2)], Constant(10))

    async def early() -> int:
        await again.sim.timeout(20)
        change = again.view.changes()
        await again.sim.any_of([change, again.sim.timeout(5)])
        await again.sim.any_of([change, again.sim.timeout(500)])
        return again.sim.now

    assert again.sim.run(early()) == 60


def test_a_wait_that_nobody_awaits_yet_is_kept() -> None:
    run = Watched([*OPENING, background_order(50, BUY, 100, 1, 2)], Constant(10))

    async def main() -> tuple[int, int]:
        await run.sim.timeout(20)
        change = run.view.changes()
        await run.sim.timeout(100)
        quote = await change
        return run.sim.now, quote.bid

    assert run.sim.run(main()) == (120, 100)


def test_only_what_is_waited_for_becomes_an_event() -> None:
    messages = [
        *OPENING,
        *(background_order(100 + i, BUY, 90, 1, 2 + i) for i in range(1_000)),
        background_order(5_000, BUY, 100, 1, 2_000),
    ]
    run = Watched(messages, Constant(10), chunk=64)
    assert woken(run, "crosses", 100, SELL)[0] == 5_010
    assert run.sim.calendar_events < 10


def test_a_price_that_is_no_whole_number_is_refused() -> None:
    with pytest.raises(InputError, match=r"price 100\.5 is not a whole number of quanta"):
        Watched(OPENING, Constant(10)).view.crosses(100.5)  # type: ignore[arg-type]


# --- freeze and outage ---


@pytest.mark.parametrize("loses", [False, True])
@pytest.mark.parametrize("set_at", [0, 55])
def test_an_interruption_moves_the_wake_to_its_end_also_of_what_is_in_transit(loses: bool, set_at: int) -> None:
    run = Watched([*OPENING, background_order(50, BUY, 100, 1, 2)], Constant(10))
    run.sim.process(interrupt_feed(run, [Interruption(set_at, 56, 300, loses)]))
    assert woken(run, "crosses", 100, SELL)[0] == 300


def test_a_freeze_delivers_everything_in_order_and_an_outage_loses_trades_and_sends_a_snapshot() -> None:
    messages = [
        *OPENING,
        *(background_market_order(100 * i, SELL, 1) for i in range(1, 4)),
        background_market_order(500, SELL, 1),
    ]
    seen = {}
    for loses in (False, True):
        run = Watched(messages, Constant(10))
        (run.view.outage if loses else run.view.freeze)(150, 400)
        run.sim.run(399)
        assert (run.view.traded_quantity(), run.view.quote()) == (1, Quote(100, 99, 4, 101, 5))
        assert run.view.age_ns() == 299
        run.sim.run(400)
        assert run.view.quote() == Quote(300, 99, 2, 101, 5)
        seen[loses] = (
            run.view.traded_quantity(),
            [trade.number for trade in run.view.latest_trades()],
            run.view.statistics().lost_trades,
        )
        run.sim.run(511)
        assert run.view.traded_quantity() == seen[loses][0] + 1
    assert seen == {False: (3, [2, 3], 0), True: (1, [1], 2)}


def test_a_long_outage_needs_no_memory_but_for_the_snapshot() -> None:
    messages = [
        *OPENING,
        *(background_order(100 + i, BUY, 90, 1, 2 + i) for i in range(50_000)),
        *(background_order(60_000 + i, BUY, 99, 1, 60_000 + i) for i in range(50_000)),
    ]
    run = Watched(messages, Constant(10), depth_levels=5, chunk=500)
    run.view.outage(50, 10**6)
    run.sim.run(500_000)
    assert run.view.quote() == Quote(0, 99, 5, 101, 5)
    assert run.view.depth(BUY) == [(99, 5, 1)]
    assert max(len(feed._rows) for feed in run.view._feeds) < 20_000
    run.sim.run(10**6)
    assert run.view.depth(BUY) == [(99, 50_005, 50_001), (90, 50_000, 50_000)]


@pytest.mark.parametrize(("start", "end"), [(10, 10), (50, 40), (-1, 5), ("1us", "1us")])
@pytest.mark.parametrize("kind", ["freeze", "outage"])
def test_a_window_in_the_past_or_without_length_is_refused(kind: str, start: Any, end: Any) -> None:
    run = Watched(OPENING, Constant(10))
    with pytest.raises(InputError):
        getattr(run.view, kind)(start, end)
    run.sim.run(100)
    with pytest.raises(InputError, match="begins at 100 ns"):
        getattr(run.view, kind)(99, 200)
