"""What is seen of a venue without a book: quotes, bars and trades with latency, and waiting for them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from simexec.errors import InputError
from simexec.market.view import Trade
from simexec.sim import Constant, Event

from .modelled import BAR, BUY, SECOND, SELL, Scene, bars, flat, quotes


def test_a_view_of_bars_shows_the_last_complete_one_after_its_latency() -> None:
    scene = Scene(bars((1000, 1010, 990, 1005, 500), (1005, 1010, 990, 1007, 600)))
    view = scene.venue.view(Constant("1s"), "view")
    assert (scene.at(10.9).sim.now, view.quote(), view.bar()) == (10_900_000_000, None, None)
    quote = scene.at(11) and view.quote()
    assert quote is not None
    assert (quote.time_ns, quote.bid, quote.ask, quote.bid_size) == (BAR, 100_500, 100_500, 500)
    bar = scene.at(21.5) and view.bar()
    assert bar is not None
    assert bar[5] == 100_700


def test_a_view_of_quotes_shows_the_quote_with_latency() -> None:
    scene = Scene(quotes((0, 999, 40, 1001, 30), (5, 998, 40, 1001, 0)))
    view = scene.venue.view(Constant("1s"), "view")
    first, second = scene.at(5.9) and view.quote(), scene.at(6) and view.quote()
    assert first is not None
    assert second is not None
    assert (first.bid, first.ask_size) == (99_900, 30)
    assert (second.bid, second.ask, second.time_ns) == (99_800, None, 5 * SECOND)
    assert view.bar() is None


@pytest.mark.parametrize("busy", [False, True], ids=["no orders", "an order rests"])
def test_who_waits_for_a_change_is_woken_by_the_arrival_of_each_quote(busy: bool) -> None:
    rows = [(1, 999, 40, 1001, 30), (2, 999, 5), (3, 998, 40, 1001, 30), (3, 998, 10, 1001, 30), (7, 997, 1, 1001, 1)]
    scene = Scene(quotes(*rows))
    view = scene.venue.view(Constant("1500ms"), "view")
    if busy:
        scene.new("rests", BUY, 10, 900)
    woken = []

    async def watch() -> None:
        for _ in range(3):
            quote = await view.changes()
            woken.append((scene.sim.now / SECOND, quote.bid // 100, quote.bid_size))

    scene.sim.process(watch())
    scene.at(20)
    assert woken == [(2.5, 999, 40), (4.5, 998, 10), (8.5, 997, 1)]


def test_a_wait_that_was_given_up_costs_the_calendar_nothing() -> None:
    scene = Scene(quotes(*[(second, 999, second, 1001, 30) for second in range(2, 1000)]))
    view = scene.venue.view(Constant(0), "view")

    async def watch() -> None:
        await scene.sim.any_of([view.changes(), scene.sim.timeout(SECOND)])

    scene.sim.process(watch())
    events = scene.at(1.5).sim.calendar_events
    assert scene.at(1000).sim.calendar_events == events
    quote = view.quote()
    assert quote is not None
    assert quote.bid_size == 999


def woken_by(scene: Scene, event_of: Callable[[], Event], times: int, until: float = 100) -> list[float]:
    """Seconds at which a process wakes that waits so often for an event."""
    woken = []

    async def watch() -> None:
        for _ in range(times):
            await event_of()
            woken.append(scene.sim.now / SECOND)

    scene.sim.process(watch())
    scene.at(until)
    return woken


def test_a_bar_is_seen_as_one_trade_of_its_volume_at_its_close_when_the_bar_arrives() -> None:
    scene = Scene(bars((1000, 1010, 990, 1005, 500), (1005, 1005, 1005, 1005, 0), (1005, 1010, 990, 1007, 600)))
    view = scene.venue.view(Constant("1s"), "view")
    assert (scene.at(10.9) and view.traded_quantity(), view.last_trade()) == (0, None)
    assert (scene.at(11) and view.traded_quantity(), view.last_trade()) == (500, Trade(BAR, 100_500, 500, 0, 1))
    scene.at(30.9)
    assert view.traded_quantity() == 500
    assert (scene.at(31) and view.traded_quantity(), view.last_trade()) == (1100, Trade(3 * BAR, 100_700, 600, 0, 2))


def test_who_waits_for_a_trade_is_woken_by_every_bar_in_which_there_was_trading() -> None:
    scene = Scene(bars(*[(1000, 1000, 1000, 1000, volume) for volume in (500, 0, 600, 700)]))
    view = scene.venue.view(Constant("1s"), "view")
    assert woken_by(scene, view.next_trade, 4) == [11, 31, 41]


@pytest.mark.parametrize("busy", [False, True], ids=["no orders", "an order rests"])
def test_trades_between_quotes_arrive_by_a_channel_of_their_own(busy: bool) -> None:
    rows = [(1, 999, 40, 1001, 30), (2, 999, 5), (3, 998, 40, 1001, 30), (4, 1000, 7), (4, 1001, 8), (9, 999, 1)]
    scene = Scene(quotes(*rows))
    view = scene.venue.view(Constant("1500ms"), "view")
    if busy:
        scene.new("rests", BUY, 10, 900)
    seen = []

    async def watch() -> None:
        while True:
            trade = await view.next_trade()
            seen.append(
                (scene.sim.now / SECOND, trade.price // 100, trade.quantity, trade.number, view.traded_quantity())
            )

    scene.sim.process(watch())
    scene.at(20)
    assert seen == [(3.5, 999, 5, 1, 5), (5.5, 1001, 8, 3, 20), (10.5, 999, 1, 4, 21)]
    quote = view.quote()
    assert quote is not None
    assert quote.time_ns == 3 * SECOND


def test_quotes_without_trades_show_none_and_who_waits_for_one_waits_in_vain() -> None:
    scene = Scene(quotes(*[(second, 999, second, 1001, 30) for second in range(1, 50)]))
    view = scene.venue.view(Constant(0), "view")
    assert woken_by(scene, view.next_trade, 1) == []
    assert (view.traded_quantity(), view.last_trade()) == (0, None)


def test_what_we_fill_adds_nothing_to_what_was_traded() -> None:
    scene = Scene(flat(3, volume=1000))
    view = scene.venue.view(Constant(0), "view")
    scene.new("ours", BUY, 300)
    scene.at(35)
    assert scene.fills("ours") == [(300, 1000, 10)]
    assert view.traded_quantity() == 3000


@pytest.mark.parametrize("busy", [False, True], ids=["no orders", "an order rests"])
def test_who_waits_for_a_price_is_woken_when_the_quote_that_reaches_it_arrives(busy: bool) -> None:
    rows = [(1, 999, 40, 1003, 30), (2, 1000, 4, 1002, 1), (3, 1001, 1, 1004, 0), (4, 1000, 5, 1003, 5)]
    for price, side, second in [(1002, BUY, 2), (1003, BUY, 1), (1001, SELL, 3), (1000, SELL, 2), (1000, None, 2)]:
        scene = Scene(quotes(*rows))
        view = scene.venue.view(Constant("500ms"), "view")
        if busy:
            scene.new("rests", BUY, 10, 900)
        assert woken_by(scene, lambda view=view, price=price, side=side: view.crosses(price * 100, side), 1) == [
            second + 0.5
        ]
    scene = Scene(quotes(*rows))
    view = scene.venue.view(Constant(0), "view")
    assert woken_by(scene, lambda: view.crosses(1001 * 100, BUY), 1) == []


def test_a_price_that_the_quote_seen_has_reached_is_there_at_once_and_a_bars_close_is_both_sides() -> None:
    scene = Scene(bars((1000, 1000, 1000, 1000, 5), (1000, 1010, 1000, 1010, 5), (1010, 1010, 1004, 1004, 5)))
    view = scene.venue.view(Constant(0), "view")
    scene.at(15)
    assert view.crosses(100_000, BUY).triggered
    assert woken_by(scene, lambda: view.crosses(100_900, SELL), 1) == [20]
    assert (
        woken_by(scene, lambda: view.crosses(100_500, BUY), 1) == []
    )  # nothing more happens: the last bar was at 30 s
    with pytest.raises(InputError, match="whole number of quanta"):
        view.crosses(1.5)  # type: ignore[arg-type]


def test_a_wait_for_a_price_costs_the_calendar_nothing_while_quotes_go_by() -> None:
    scene = Scene(quotes(*[(second, 999, second, 1001, 30) for second in range(2, 1000)]))
    view = scene.venue.view(Constant(0), "view")
    scene.at(1.5)
    wait = view.crosses(1000 * 100, SELL)
    events = scene.sim.calendar_events
    scene.at(1000)
    assert not wait.triggered
    assert scene.sim.calendar_events <= events + 2
