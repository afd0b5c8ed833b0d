"""Defects seen in the algorithms of other simulators, each for every algorithm that works by a schedule here.

The numbers are those of the list of defects: 9 TWAP, 15 orders dropped without a word, 17 fills that are not reported.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from simexec.algos import (
    POV,
    TWAP,
    VWAP,
    Chunks,
    ImplementationShortfall,
    ObizhaevaWang,
    Sniper,
    Tactics,
    TargetClose,
)
from simexec.algos.expected_volume import EvenVolume
from simexec.config.algorithm import to_algorithm
from simexec.errors import ConfigError
from simexec.execution.parent import work
from simexec.protocols import Algorithm
from simexec.sim import Constant
from simexec.testing import background_market_order, check_desk, make_desk
from simexec.trading.report import ExecType
from simexec.trading.vocabulary import OrderSide, OrderStatus
from simexec.venue import Throttle, ThrottleAction

BUY = OrderSide.BUY
WALL = {"bids": [(100, [10**7])], "asks": [(101, [10**7])]}
NOW = Tactics(passive=False)

SCHEDULED: dict[str, Callable[[int, Tactics], Algorithm]] = {
    "twap": lambda slices, tactics: TWAP(slices=slices, duration="10s", tactics=tactics),
    "vwap": lambda slices, tactics: VWAP(slices=slices, duration="10s", tactics=tactics),
    "shortfall": lambda slices, tactics: ImplementationShortfall(
        slices=slices, duration="10s", half_life="5s", tactics=tactics
    ),
    "obizhaeva_wang": lambda slices, tactics: ObizhaevaWang(
        slices=slices, duration="10s", half_life="1s", tactics=tactics
    ),
    "target_close": lambda slices, tactics: TargetClose(
        slices=slices, participation=1.0, prior_weight=1e9, tactics=tactics,
        curve=EvenVolume(start="00:00:00", end="00:01:00", total=10),
    ),
}  # fmt: skip


# --- 9: TWAP ---


@pytest.mark.parametrize("name", SCHEDULED)
@pytest.mark.parametrize(("quantity", "slices"), [(10, 3), (2, 7), (1_000_003, 7)])
def test_the_last_share_is_filled_also_with_fewer_shares_than_slices(name: str, quantity: int, slices: int) -> None:
    desk = make_desk(**WALL)
    desk.sim.run("1ms")
    parent = desk.work(SCHEDULED[name](slices, NOW), BUY, quantity, end="1m")
    assert (parent.status, parent.filled_quantity) == (OrderStatus.FILLED, quantity)
    assert all(type(child.filled_quantity) is int for child in desk.manager.children(parent.order_id))
    desk.finish()
    check_desk(desk)


@pytest.mark.parametrize("name", SCHEDULED)
@pytest.mark.parametrize("passive", [True, False])
def test_with_nothing_filled_it_never_says_that_it_is_done(name: str, passive: bool) -> None:
    desk = make_desk()
    parent = desk.work(SCHEDULED[name](5, Tactics(passive=passive)), BUY, 100, end="1m")
    assert (parent.status, parent.filled_quantity) == (OrderStatus.EXPIRED, 0)
    assert parent.reason == "100 of 100 were left unfilled"


@pytest.mark.parametrize("name", SCHEDULED)
@pytest.mark.parametrize("latency", ["800ms", "3s"])
def test_a_late_step_does_not_burst_slices(name: str, latency: str) -> None:
    desk = make_desk(**WALL, latency=latency, closes="10m")
    desk.sim.run("1ms")
    parent = desk.work(SCHEDULED[name](10, NOW), BUY, 1_000, end="1m")
    children = desk.manager.children(parent.order_id)
    assert parent.status is OrderStatus.FILLED
    for earlier, later in pairwise(children):
        assert later.created_ns - earlier.created_ns >= 2 * Constant(latency).duration, "two slices were sent at once"
    assert sum(child.quantity for child in children) == 1_000


# --- 15: orders that are dropped without a word ---


@pytest.mark.parametrize("name", SCHEDULED)
def test_children_that_a_throttle_refuses_are_told_counted_and_made_up_for(name: str) -> None:
    desk = make_desk(**WALL, closes="10m", throttle=Throttle(1, "8s", ThrottleAction.REJECT))
    desk.sim.run("1ms")
    parent = desk.work(SCHEDULED[name](10, NOW), BUY, 1_000, end="1m")
    children = desk.manager.children(parent.order_id)
    refused = [child for child in children if child.status is OrderStatus.REJECTED]
    assert refused
    told = [entry.reason for entry in desk.journal.entries() if entry.event == "REJECTED"]
    assert told == ["THROTTLE_LIMIT_EXCEEDED"] * len(refused)
    assert desk.venue.statistics().throttled == len(refused)
    assert parent.filled_quantity == sum(child.filled_quantity for child in children)
    assert (parent.status is OrderStatus.FILLED) is (parent.filled_quantity == 1_000)
    assert parent.is_final


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"type": "twap", "slices": -3}, "slices.*-3"),
        ({"type": "twap", "slices": 3, "randomise_sizes": float("nan")}, "randomise_sizes.*nan"),
        ({"type": "pov", "rate": float("nan")}, "rate.*nan"),
        ({"type": "pov", "rate": -0.1}, "rate.*-0.1"),
        ({"type": "vwap", "slices": 3, "prior_weight": float("nan")}, "prior_weight.*nan"),
        ({"type": "shortfall", "slices": 3, "half_life": "-1s"}, "half_life.*-1s"),
        ({"type": "chunks", "chunk_size": 0}, "chunk_size.*0"),
        ({"type": "sniper", "clip": -5}, "clip.*-5"),
        ({"type": "iceberg", "display_quantity": float("nan")}, "display_quantity.*nan"),
    ],
)
def test_a_setting_that_is_nan_or_negative_is_an_error(section: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        to_algorithm(section)


# --- 17: fills that are not reported ---

ANY: dict[str, Algorithm] = {
    **{name: make(4, NOW) for name, make in SCHEDULED.items()},
    "chunks": Chunks(chunk_size=40),
    "pov": POV(rate=0.5, clip=10),
    "sniper": Sniper(clip=50),
}


@pytest.mark.parametrize("name", ANY)
def test_every_fill_up_to_the_last_is_reported_and_the_end_wakes_who_waits(name: str) -> None:
    messages = [background_market_order(f"{200 * i}ms", OrderSide.SELL, 50) for i in range(1, 40)]
    desk = make_desk(**WALL, messages=messages, closes="2m")
    desk.sim.run("1ms")
    parent = desk.parent(BUY, 120)
    execution = desk.execution(parent, "1m")
    stream = execution.reports
    woken: list[int] = []

    async def wait() -> None:
        await desk.manager.wait_final(parent)
        woken.append(desk.sim.now)

    desk.sim.process(wait())
    desk.sim.run(work(execution, desk.manager, ANY[name]))
    told = [report for report in stream.take() if report.exec_type is ExecType.TRADE]
    assert parent.status is OrderStatus.FILLED
    assert sum(report.last_quantity for report in told) == 120
    assert len(woken) == 1
    assert woken[0] == parent.closed_ns
