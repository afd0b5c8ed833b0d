"""Sniper: what it waits for, what it takes, and where."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from simexec.algos.sniper import Sniper
from simexec.errors import InputError, OrderError
from simexec.execution import ParentExecution
from simexec.execution.parent import work
from simexec.sim import millis, seconds
from simexec.testing import (
    Desk,
    Participant,
    background_cancel,
    background_order,
    check_desk,
    make_desk,
    random_flow,
)
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.vocabulary import OrderSide, OrderStatus, TimeInForce

from ..execution.street import Corner, Street

BUY, SELL = OrderSide.BUY, OrderSide.SELL
FILLED, EXPIRED = OrderStatus.FILLED, OrderStatus.EXPIRED


def quiet(*messages: Any, **settings: Any) -> Desk:
    """50 bid at 100, 50 offered at 110, and what follows; the clock stands where a first quote has arrived."""
    desk = make_desk(**{"bids": [(100, [50])], "asks": [(110, [50])], "messages": messages, **settings})
    desk.sim.run("1ms")
    return desk


def shots(desk: Desk, parent: Order) -> list[tuple[float, int, int | None]]:
    """Second, quantity and price of each child; all of them are immediate-or-cancel."""
    children = desk.manager.children(parent.order_id)
    assert {child.time_in_force for child in children} <= {TimeInForce.IOC}
    return [(round(child.created_ns / 1e9, 2), child.quantity, child.price_ticks) for child in children]


# --- what it waits for ---


@pytest.mark.parametrize("side", [BUY, SELL])
def test_it_takes_what_is_shown_at_the_price_that_is_shown(side: OrderSide) -> None:
    desk = quiet()
    parent = desk.work(Sniper(), side, 30, end="5s")
    assert shots(desk, parent) == [(0.0, 30, 110 if side is BUY else 100)]
    assert parent.status is FILLED
    desk.finish()
    check_desk(desk)


def test_it_shows_nothing_while_the_price_is_worse_than_the_limit() -> None:
    desk = quiet(background_order("2s", SELL, 105, 8, 0))
    parent = desk.work(Sniper(limit_price=Decimal("1.05")), BUY, 30, end="5s")
    assert shots(desk, parent) == [(2.0, 8, 105)]
    assert (parent.status, parent.filled_quantity) == (EXPIRED, 8)


def test_nor_while_too_little_is_offered() -> None:
    desk = quiet(background_order("1s", SELL, 105, 8, 0), background_order("2s", SELL, 105, 13, 1))
    parent = desk.work(Sniper(min_size=20, limit_price=Decimal("1.05")), BUY, 30, end="5s")
    assert shots(desk, parent) == [(2.0, 21, 105)]


@pytest.mark.parametrize(("side", "price"), [(BUY, 107), (SELL, 103)])
def test_discretion_is_counted_from_the_middle_of_the_first_quote(side: OrderSide, price: int) -> None:
    sign = side.sign
    other = [
        background_order("1s", side.opposite, price + sign, 8, 0),
        background_order("2s", side.opposite, price, 9, 1),
    ]
    desk = quiet(*other)
    parent = desk.work(Sniper(discretion=Decimal("0.02")), side, 30, end="5s")
    assert shots(desk, parent)[0] == (2.0, 9, price)
    assert {p for *_, p in shots(desk, parent)} == {price}


def test_discretion_waits_for_both_sides_of_a_quote() -> None:
    desk = quiet(background_order("1s", BUY, 90, 5, 0), background_order("2s", SELL, 101, 5, 1), bids=[])
    parent = desk.work(Sniper(discretion=Decimal("0.02")), BUY, 30, end="5s")
    assert shots(desk, parent) == [(2.0, 5, 101)]


@pytest.mark.parametrize("of_parent", [104, 106])
def test_the_orders_own_limit_counts_too_also_when_it_is_amended(of_parent: int) -> None:
    desk = quiet(background_order("1s", SELL, 105, 8, 0))
    parent = desk.parent(BUY, 30, of_parent)
    execution = desk.execution(parent, "5s")

    async def better() -> None:
        await desk.sim.timeout("3s")
        await execution.amend(price=Decimal("1.10"))

    desk.sim.process(better())
    desk.sim.run(work(execution, desk.manager, Sniper()))
    assert shots(desk, parent)[0] == (1.0 if of_parent == 106 else 3.0, 8, 105)
    assert [(round(time), price) for time, _, price in shots(desk, parent)][1] == (3, 110)


# --- what it takes ---


def test_it_takes_clip_by_clip_and_rests_in_between() -> None:
    desk = quiet()
    parent = desk.work(Sniper(clip=20, rest="500ms"), BUY, 50, end="5s")
    assert shots(desk, parent) == [(0.0, 20, 110), (0.5, 20, 110), (1.0, 10, 110)]


def test_it_takes_one_level_after_the_other() -> None:
    desk = quiet(asks=[(110, [5]), (111, [5]), (112, [50])])
    parent = desk.work(Sniper(), BUY, 20, end="5s")
    assert [shot[1:] for shot in shots(desk, parent)] == [(5, 110), (5, 111), (10, 112)]
    desk.finish()
    check_desk(desk)


def test_it_waits_a_random_time_and_does_not_shoot_at_what_is_gone() -> None:
    def run(seed: int) -> list[float]:
        messages = [background_order("1s", SELL, 105, 8, 0), background_cancel("1001ms", 0)]
        messages += [background_order(f"{i}s", SELL, 105, 8, i) for i in range(2, 5)]
        desk = quiet(*messages, seed=seed)
        return [
            time
            for time, *_ in shots(
                desk, desk.work(Sniper(limit_price=Decimal("1.05"), delay="500ms"), BUY, 30, end="9s")
            )
        ]

    late = [time for seed in range(5) for time in run(seed)]
    assert min(late) > 2.0, "the first offer was gone when the delay was over"
    assert all(time % 1 <= 0.5 for time in late)
    assert len({time % 1 for time in late}) > 10
    assert run(1) == run(1) != run(2)


def test_what_it_misses_it_asks_for_ever_more_seldom() -> None:
    frozen = quiet(latency="1ms")
    frozen.view.freeze("1ms", "30s")
    frozen.sim.run("2ms")
    frozen.send(BUY, 50)
    parent = frozen.work(Sniper(rest="10ms"), BUY, 30, end="20s")
    times = [child.created_ns for child in frozen.manager.children(parent.order_id)]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps == sorted(gaps)
    assert 15 < len(gaps) < 40
    assert parent.filled_quantity == 0


def test_what_is_left_crosses_at_the_end_if_told() -> None:
    desk = quiet()
    parent = desk.work(Sniper(min_size=99, cross_at_end=True), BUY, 30, end="5s")
    assert (parent.status, parent.average_price) == (FILLED, Decimal("1.10"))
    assert desk.sim.now == pytest.approx(seconds(4), abs=millis(2))


# --- several venues ---


def snipe(street: Street, sniper: Sniper, quantity: int, venue: str = "ALFA") -> Order:
    parent = street.order(BUY, quantity, venue=venue)
    rng = street.sim.rng("algorithm")
    street.sim.run("1ms")
    execution = ParentExecution(
        street.sim, street.manager, parent, street.best, rng, seconds(5), views=street.views
    )  # fmt: skip
    street.sim.run(work(execution, street.manager, sniper))
    return parent


def test_it_takes_at_the_venue_with_the_best_price_and_then_the_largest_size() -> None:
    corners = {
        "ALFA": Corner(asks=((103, [5]),)), "BETA": Corner(asks=((101, [7]), (103, [9]))), "GAMA": Corner(asks=((103, [9]),)),
    }  # fmt: skip
    street = Street(corners)
    parent = snipe(street, Sniper(venues=("ALFA", "BETA", "GAMA")), 30)
    assert [(child.venue, child.quantity, child.price_ticks) for child in street.manager.children(parent.order_id)] == [
        ("BETA", 7, 101), ("BETA", 9, 103), ("GAMA", 9, 103), ("ALFA", 5, 103),
    ]  # fmt: skip
    assert parent.status is FILLED
    street.finish()


def test_without_venues_it_takes_where_the_order_goes() -> None:
    street = Street({"ALFA": Corner(asks=((101, [5]),)), "BETA": Corner(asks=((101, [5]),))})
    parent = snipe(street, Sniper(), 5, venue="BETA")
    assert [child.venue for child in street.manager.children(parent.order_id)] == ["BETA"]


def test_it_asks_dark_venues_first() -> None:
    street = Street({"ALFA": Corner(), "DARK": Corner(dark=True)})
    Participant(street.sim, street.venues["DARK"]).new("s", SELL, 12, 90, hidden=True)
    parent = snipe(street, Sniper(dark_venues=("DARK",), clip=20), 20)
    children = street.manager.children(parent.order_id)
    assert [(child.venue, child.quantity, child.filled_quantity) for child in children] == [
        ("DARK", 20, 12),
        ("ALFA", 8, 8),
    ]
    assert children[0].average_price == 1
    street.finish()


def test_a_venue_that_shows_nothing_is_an_error() -> None:
    with pytest.raises(OrderError, match="venues ZETA show nothing here; these do: ALFA"):
        snipe(Street({"ALFA": Corner()}), Sniper(venues=("ALFA", "ZETA")), 5)


# --- trouble ---


@pytest.mark.parametrize("seed", range(4))
def test_a_lively_market_fills_it_and_every_share_is_accounted_for(seed: int) -> None:
    desk = make_desk(
        random_flow(),
        closes="20s",
        seed=seed,
        latency="20ms",
        instrument=Instrument("TEST", "0.01", lot=1 + 9 * (seed % 2)),
    )
    sniper = Sniper(min_size=3, clip=20, delay="20ms", rest="30ms", discretion=Decimal("0.03"))
    parent = desk.work(sniper, SELL if seed % 2 else BUY, 200)
    assert parent.filled_quantity > 0
    desk.finish()
    check_desk(desk)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"min_size": 0}, "min_size: must be a whole number of at least 1, not 0"),
        ({"discretion": "-1"}, "discretion: must not be below zero"),
        ({"rest": 0}, "rest: must be longer than zero"),
        ({"venues": [1]}, "venues.0: must be text, not 1"),
    ],
)
def test_wrong_settings_are_refused_with_the_value(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Sniper(**settings)


def test_a_clip_that_is_no_whole_number_of_lots_is_an_error() -> None:
    desk = quiet(instrument=Instrument("TEST", "0.01", lot=10))
    with pytest.raises(OrderError, match="quantity 5 is not a multiple of TEST's lot 10"):
        desk.work(Sniper(clip=5), BUY, 100)
