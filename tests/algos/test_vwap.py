"""VWAP and target close: slices by the volume that is expected, and what is seen of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from simexec.algos import TWAP, VWAP, Tactics, TargetClose
from simexec.algos.expected_volume import EvenVolume, UShapedVolume, VolumeBuckets, VolumeFile
from simexec.config.algorithm import dump_algorithm, to_algorithm
from simexec.errors import InputError
from simexec.protocols import Algorithm
from simexec.testing import Desk, background_market_order, check_desk, make_desk, random_flow
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.vocabulary import OrderSide, OrderStatus
from tests.algos.meddling import check_accounted, work_meddled

BUY, SELL = OrderSide.BUY, OrderSide.SELL
WALL = {"bids": [(100, [10**6])], "asks": [(101, [10**6])]}
CROSSING = Tactics(passive=False, lead="0s")


def quiet(**options: object) -> Desk:
    """A wall of quantity at 100 and 101; the first quote has arrived."""
    desk = make_desk(**{**WALL, **options})  # type: ignore[arg-type]
    desk.sim.run("1ms")
    return desk


def sent(desk: Desk, parent: Order) -> list[int]:
    return [child.quantity for child in desk.manager.children(parent.order_id)]


@pytest.mark.parametrize("side", [BUY, SELL])
def test_an_even_curve_is_twap(side: OrderSide) -> None:
    vwap, twap = quiet(), quiet()
    first = vwap.work(VWAP(slices=7, duration="7s", curve=EvenVolume(), tactics=CROSSING), side, 1_003)
    second = twap.work(TWAP(slices=7, duration="7s", tactics=CROSSING), side, 1_003)
    assert sent(vwap, first) == sent(twap, second)
    assert first.status is OrderStatus.FILLED


def test_a_u_shaped_curve_trades_most_at_both_ends() -> None:
    desk = quiet()
    parent = desk.work(VWAP(slices=5, duration="5s", curve=UShapedVolume(depth=1.0), tactics=CROSSING), BUY, 1_000)
    # Three times the average at the ends, nothing in the middle: 3 (2 t - 1)^2 integrated over fifths.
    assert sent(desk, parent) == [392, 104, 8, 104, 392]


def test_buckets_are_followed_to_the_share() -> None:
    desk = quiet()
    curve = VolumeBuckets(start="00:00:00", bucket="2s", weights=[1, 3, 0, 4])
    desk.sim.run("1s")
    parent = desk.work(VWAP(slices=3, duration="3s", curve=curve, tactics=CROSSING), BUY, 700)
    assert sent(desk, parent) == [100, 300, 300]  # half of the first bucket, and the second
    assert parent.status is OrderStatus.FILLED


def test_a_curve_from_a_file_is_that_of_its_rows(tmp_path: Path) -> None:
    file = tmp_path / "curve.csv"
    file.write_text("start,weight\n00:00:00,1\n00:00:02,3\n00:00:04,4\n")
    desk = quiet()
    desk.sim.run("1s")
    algorithm = VWAP(slices=3, duration="3s", curve=VolumeFile(file=file), tactics=CROSSING)
    assert sent(desk, desk.work(algorithm, BUY, 700)) == [100, 300, 300]
    file.write_text("start,weight\n00:00:00,1\n00:00:02,-3\n")
    with pytest.raises(InputError, match=r"curve\.csv.*-3"):
        quiet().work(algorithm, BUY, 700)


@pytest.mark.parametrize(("traded", "early"), [(0, False), (4_000, True)])
def test_in_a_quiet_market_less_is_due_early_and_in_a_busy_one_more(traded: int, early: bool) -> None:
    """With a total, what is due is what was seen, as a part of that and of what is then expected to come."""
    messages = [background_market_order("500ms", SELL, traded)] if traded else []
    desk = quiet(messages=messages)
    algorithm = VWAP(
        slices=4, duration="4s", curve=EvenVolume(start="00:00:00", end="00:00:04", total=4_000), tactics=CROSSING
    )
    parent = desk.work(algorithm, BUY, 1_000)
    assert parent.status is OrderStatus.FILLED
    assert sum(sent(desk, parent)) == 1_000
    assert sent(desk, parent) != [250] * 4
    assert (sent(desk, parent)[1] > 250) is early


@pytest.mark.parametrize(("quantity", "slices"), [(3, 10), (1, 4), (97, 13)])
def test_an_order_of_few_shares_is_worked_to_the_last(quantity: int, slices: int) -> None:
    desk = quiet()
    parent = desk.work(VWAP(slices=slices, duration="10s", tactics=CROSSING), BUY, quantity)
    assert (parent.status, sum(sent(desk, parent))) == (OrderStatus.FILLED, quantity)


def test_target_close_begins_as_late_as_its_part_of_the_volume_allows() -> None:
    desk = quiet()
    # 1,000 shares at a quarter need 4,000 of the 100 a second that are expected: the last 40 s, of 100 s.
    algorithm = TargetClose(
        participation=0.25, slices=4, prior_weight=10**9, tactics=CROSSING,
        curve=EvenVolume(start="00:00:00", end="00:01:40", total=10_000),
    )  # fmt: skip
    parent = desk.work(algorithm, BUY, 1_000, end="100s")
    children = desk.manager.children(parent.order_id)
    assert round(children[0].created_ns / 1e9) == 60
    assert parent.status is OrderStatus.FILLED
    assert sum(child.quantity for child in children) == 1_000


def test_target_close_begins_at_once_where_it_cannot_be_done_otherwise() -> None:
    desk = quiet()
    curve = EvenVolume(start="00:00:00", end="00:00:10", total=100)
    parent = desk.work(TargetClose(participation=0.1, slices=5, curve=curve, tactics=CROSSING), BUY, 500, end="10s")
    assert desk.manager.children(parent.order_id)[0].created_ns < 10**7
    assert parent.status is OrderStatus.FILLED


ANY = [
    VWAP(slices=6, duration="20s", curve=UShapedVolume(total=5_000)),
    TargetClose(participation=0.3, slices=6, curve=EvenVolume(start="00:00:00", end="00:01:00", total=10_000)),
]


@pytest.mark.parametrize("algorithm", ANY)
@pytest.mark.parametrize("seed", range(4))
def test_in_a_lively_market_everything_is_accounted_for(algorithm: Algorithm, seed: int) -> None:
    desk = make_desk(
        random_flow(), seed=seed, closes="1m", instrument=Instrument("TEST", "0.01", lot=1 + 9 * (seed % 2))
    )
    parent = desk.work(algorithm, BUY if seed < 2 else SELL, 400, end="40s")
    assert parent.is_final
    desk.finish()
    check_desk(desk)


@pytest.mark.parametrize("algorithm", ANY)
@pytest.mark.parametrize("deed", [("quantity", 600), ("quantity", 50), ("end", "20s"), ("cancel", 0)])
def test_it_may_be_amended_and_cancelled_while_it_works(algorithm: Algorithm, deed: tuple[str, int | str]) -> None:
    desk = make_desk(random_flow(), closes="1m")
    parent = work_meddled(desk, algorithm, BUY, 300, [(12_000, *deed)], end="40s")
    check_accounted(desk, parent)


@pytest.mark.parametrize("algorithm", ANY)
def test_it_is_written_and_read(algorithm: Algorithm) -> None:
    assert to_algorithm(dump_algorithm(algorithm)) == algorithm
