"""Obizhaeva–Wang: the closed form to the share, what it costs in a resilient book, and an order that is changed meanwhile."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simexec.algos import TWAP, Tactics
from simexec.algos.obizhaeva_wang import ObizhaevaWang
from simexec.errors import InputError
from simexec.models.obizhaeva_wang import ObizhaevaWang as Model
from simexec.sim import parse_duration
from simexec.testing import Desk, make_desk, random_flow
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType
from tests.algos.meddling import Deed, check_accounted, deeds, work_meddled
from tests.conftest import ROOT

BUY, SELL = OrderSide.BUY, OrderSide.SELL
X = 1_000_000


def quiet(**settings: Any) -> Desk:
    """A wall of quantity at 100 and 101 that nothing moves; the clock stands where a first quote has arrived."""
    wall = {"bids": [(100, [2 * X])], "asks": [(101, [2 * X])]}
    desk = make_desk(**{**wall, **settings})
    desk.sim.run("1ms")
    return desk


def algorithm(**settings: Any) -> ObizhaevaWang:
    return ObizhaevaWang(**{"duration": "10s", "slices": 10, "half_life": "2s", **settings})


def children(desk: Desk, parent: Order) -> list[Order]:
    return desk.manager.children(parent.order_id)


def quantities(desk: Desk, parent: Order) -> list[int]:
    return [child.quantity for child in children(desk, parent)]


def closed_form(quantity: int, interval_ns: float, count: int, half_life: str) -> np.ndarray[Any, Any]:
    """What theory trades, in units of time of one interval."""
    resilience = Model.resilience_of(parse_duration(half_life) / interval_ns)
    return Model(resilience=resilience, depth=1.0).trades(quantity, max(1, count - 1), count)


# --- the schedule ---


@pytest.mark.parametrize("side", [BUY, SELL])
def test_it_trades_a_block_equal_parts_and_a_block_at_once(side: OrderSide) -> None:
    desk = quiet()
    parent = desk.work(algorithm(slices=5, half_life="2s"), side, 700_000)
    # half comes back in a slice: ends to middles as 2 to 1
    assert quantities(desk, parent) == [200_000, 100_000, 100_000, 100_000, 200_000]
    assert [(child.created_ns - parent.created_ns) / 1e9 for child in children(desk, parent)] == [0, 2, 4, 6, 8]
    assert {child.order_type for child in children(desk, parent)} == {OrderType.MARKET}
    assert parent.status is OrderStatus.FILLED


@settings(max_examples=50)
@given(
    quantity=st.integers(1, X),
    slices=st.integers(1, 12),
    half_life=st.sampled_from(["1ns", "50ms", "1s", "2500ms", "10s", "1h", "2400h"]),
)
def test_what_is_done_after_each_slice_is_the_closed_forms_to_the_nearest_share(
    quantity: int, slices: int, half_life: str
) -> None:
    desk = quiet()
    parent = desk.work(algorithm(slices=slices, half_life=half_life), BUY, quantity)
    wanted = np.cumsum(closed_form(quantity, 10e9 / slices, slices, half_life))
    assert parent.filled_quantity == quantity
    for child in children(desk, parent):
        index = round((child.created_ns - parent.created_ns) / 10e9 * slices)
        done = sum(other.quantity for other in children(desk, parent) if other.created_ns <= child.created_ns)
        assert abs(done - wanted[index]) <= 0.5 + 1e-6


def test_in_a_book_that_is_back_at_once_it_is_twap() -> None:
    desk, other = quiet(), quiet()
    parent = desk.work(algorithm(half_life="1us"), BUY, X)
    twap = other.work(TWAP(duration="10s", slices=10, tactics=Tactics(passive=False)), BUY, X)
    assert quantities(desk, parent) == quantities(other, twap)


def test_in_a_book_that_does_not_come_back_it_is_two_blocks() -> None:
    desk = quiet()
    assert quantities(desk, desk.work(algorithm(half_life="2400h"), BUY, 1_000)) == [500, 500]


def test_children_can_be_told_to_rest_instead() -> None:
    desk = quiet()
    parent = desk.work(algorithm(tactics=Tactics(cross_at_end=False)), BUY, X)
    assert {child.order_type for child in children(desk, parent)} == {OrderType.LIMIT}


@pytest.mark.parametrize(("quantity", "slices"), [(1, 10), (3, 10), (7, 3), (2, 1)])
def test_an_order_of_fewer_shares_than_slices_is_worked(quantity: int, slices: int) -> None:
    desk = quiet()
    parent = desk.work(algorithm(slices=slices), BUY, quantity)
    assert parent.status is OrderStatus.FILLED
    assert sum(quantities(desk, parent)) == quantity


def test_children_are_whole_lots() -> None:
    desk = quiet(instrument=Instrument("TEST", "0.01", lot=100))
    parent = desk.work(algorithm(), BUY, 12_300)
    assert parent.status is OrderStatus.FILLED
    assert {quantity % 100 for quantity in quantities(desk, parent)} == {0}


# --- a resilient book ---


@pytest.fixture(scope="module")
def book() -> ModuleType:
    """The scenario that works an order in a block-shaped book which refills exponentially."""
    path = ROOT / "scenarios" / "obizhaeva_wang.py"
    spec = importlib.util.spec_from_file_location("resilient_book", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


QUANTUM_BPS = 0.01
"""A fill's price is rounded up to a price quantum, 0.0001 of about 100."""


@pytest.mark.parametrize("minutes", [0.5, 2, 10, 40, 320])
def test_both_schedules_cost_in_a_resilient_book_what_theory_says(book: ModuleType, minutes: float) -> None:
    for one in book.algorithms(f"{minutes}m"):
        worked = book.simulate(one, f"{minutes}m")
        assert worked.shares.sum() == book.QUANTITY
        assert worked.minutes == pytest.approx(5 * np.arange(13), abs=1e-9)
        theory = book.cost_bps(worked.shares, minutes)
        assert -1e-9 <= worked.cost_bps - theory <= QUANTUM_BPS
        fills = [book.moved_bps(worked.shares[:i], minutes, worked.minutes[i : i + 1])[0] for i in range(13)]
        paid = (
            np.array(fills) + worked.shares / book.QUANTITY * 25
        )  # what is missing, and half of its own move of 50 bp
        assert (worked.prices / book.ASK - 1) * 1e4 == pytest.approx(paid + QUANTUM_BPS / 2, abs=QUANTUM_BPS / 2 + 1e-6)


@pytest.mark.parametrize("minutes", [5, 10, 40, 160, 640])
def test_it_is_cheaper_than_twap_in_a_resilient_book_by_what_theory_says(book: ModuleType, minutes: float) -> None:
    twap, optimum = (book.simulate(one, f"{minutes}m").cost_bps for one in book.algorithms(f"{minutes}m"))
    said, least = (book.cost_bps(trades, minutes) for trades in book.schedules(minutes))
    assert twap - optimum > 0.1
    assert twap - optimum == pytest.approx(said - least, abs=QUANTUM_BPS)


def test_no_other_schedule_is_cheaper_in_the_resilient_book(book: ModuleType) -> None:
    best = book.simulate(book.algorithms("20m")[1], "20m").cost_bps
    for half_life in ("2m", "10m", "40m", "200m"):  # told the wrong resilience
        assert book.simulate(book.algorithms(half_life)[1], "20m").cost_bps > best + QUANTUM_BPS


def test_the_scenario_prints_its_table_and_draws_its_figure(
    book: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    book.main(["--plot", str(tmp_path / "saving.png")])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + len(book.HALF_LIVES_MIN)
    assert (tmp_path / "saving.png").read_bytes().startswith(b"\x89PNG")
    page = (ROOT / "docs" / "algorithms.md").read_text(encoding="utf-8").splitlines()
    assert len(set(lines) & set(page)) == 7, "the page shows two lines of heading and five rows"


# --- an order that is changed meanwhile ---


def test_when_the_end_is_put_off_what_is_left_is_as_cheap_as_it_can_be() -> None:
    desk = quiet()
    parent = work_meddled(
        desk, algorithm(duration=None, slices=8, half_life="1s"), BUY, X, [(3_500, "end", "17s")], end="9s"
    )
    trades = np.array(quantities(desk, parent), np.float64)
    times = np.array([child.created_ns for child in children(desk, parent)]) / 1e9
    assert times[-1] > 12
    kept = 0.5 ** np.abs(times[:, None] - times[None, :])  # of the move by one trade at the time of another
    # at the optimum a share more costs the same whenever it is bought, given what was bought before the change
    changed = int(np.argmax(np.diff(times) > 1.2))  # the first trade after which the new intervals hold
    marginal = (kept @ trades)[changed:]
    assert np.ptp(marginal) <= 3  # shares: all of them are rounded


def test_a_quantity_that_is_cut_below_what_is_filled_ends_the_order() -> None:
    desk = quiet()
    parent = work_meddled(desk, algorithm(), BUY, 10_000, [(5_500, "quantity", 10)])
    assert parent.status is OrderStatus.FILLED
    assert parent.quantity == parent.filled_quantity == sum(quantities(desk, parent)) > 10
    check_accounted(desk, parent)


def test_a_paused_order_sends_nothing_and_then_catches_up() -> None:
    desk = quiet()
    parent = work_meddled(desk, algorithm(), BUY, 10_000, [(2_500, "pause", 0), (5_500, "resume", 0)])
    times = [(child.created_ns - parent.created_ns) / 1e9 for child in children(desk, parent)]
    assert not any(2.5 < time < 5.5 for time in times)
    assert parent.filled_quantity == 10_000


def test_a_cancelled_order_ends_with_what_it_has() -> None:
    desk = quiet()
    parent = work_meddled(desk, algorithm(), BUY, 10_000, [(3_500, "cancel", 0)])
    assert parent.status is OrderStatus.CANCELLED
    assert len(children(desk, parent)) == 4
    check_accounted(desk, parent)


@settings(max_examples=40)
@given(
    done=deeds(600, 10),
    quantity=st.integers(1, 40).map(lambda lots: 10 * lots),
    half_life=st.sampled_from(["1ns", "500ms", "3s", "24h"]),
    passive=st.booleans(),
    catch_up=st.booleans(),
    latency=st.sampled_from(["250us", "400ms"]),
    seed=st.integers(0, 3),
)
def test_whatever_is_done_to_the_order_nothing_is_lost_or_overfilled(
    done: list[Deed], quantity: int, half_life: str, passive: bool, catch_up: bool, latency: str, seed: int
) -> None:
    desk = make_desk(
        random_flow(), seed=seed, closes="30s", latency=latency, instrument=Instrument("TEST", "0.01", lot=10)
    )
    tactics = Tactics(passive=passive, catch_up=catch_up)
    one = algorithm(duration=None, half_life=half_life, tactics=tactics)
    parent = work_meddled(desk, one, SELL if seed % 2 else BUY, quantity, done, end="10s")
    check_accounted(desk, parent)


# --- wrong settings ---


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"slices": 0}, "slices: must be a whole number of at least 1, not 0"),
        ({"half_life": 0}, "half_life: must be longer than zero, not 0"),
        ({"duration": 0}, "duration: must be longer than zero, not 0"),
    ],
)
def test_wrong_settings_are_refused_with_the_value(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        algorithm(**settings)
