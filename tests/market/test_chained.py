"""A recording up to some time, and a model after it."""

from __future__ import annotations

import numpy as np
import pytest

from simexec.errors import InputError
from simexec.market import layout as at
from simexec.market.chained import ChainedFlow
from simexec.market.market import Market
from simexec.market.recording import RecordedFlow, Recording
from simexec.market.sizes import ConstantSize
from simexec.market.zero_intelligence import ZeroIntelligence
from simexec.testing import check_book

from .test_l3 import BUY, NONE, SELL, recorded

SECOND = 10**9


@pytest.fixture
def recording() -> Recording:
    rows: list[tuple[object, ...]] = []
    for i in range(1, 21):
        rows.append((i * SECOND // 10, "A", 2 * i, BUY, 100 - i, 5))
        rows.append((i * SECOND // 10, "A", 2 * i + 1, SELL, 100 + i, 5))
    return recorded(*rows, (3 * SECOND, "C", 2, BUY, 99, 5))


def model(start_ns: int) -> ZeroIntelligence:
    return ZeroIntelligence(
        lambda name: np.random.default_rng(list(name.encode())),
        "flow",
        start_price=10_000,
        tick_quanta=100,
        lot=1,
        limit_rates_per_s=(5.0, 4.0, 3.0),
        cancel_rate_per_s=0.5,
        market_rate_per_s=2.0,
        limit_size=ConstantSize(3),
        market_size=ConstantSize(3),
        start_ns=start_ns,
        end_ns=start_ns + 60 * SECOND,
    )


def test_the_book_is_the_recorded_one_until_the_switch_and_the_model_goes_on_from_it(recording: Recording) -> None:
    switch = 2 * SECOND + SECOND // 2
    chained, alone = (
        Market("X", ChainedFlow(recording, model(switch), switch)),
        Market("X", RecordedFlow(recording)),
    )
    chained.advance(switch)
    alone.advance(switch)
    for side in range(2):
        assert chained.book.depth(side) == alone.book.depth(side)
    assert chained.flow.applied(switch) == 40
    chained.advance(switch + 30 * SECOND)
    check_book(chained.book)
    assert chained.flow.applied(switch + 30 * SECOND) > 500
    # the recorded orders behind the market stand where they stood: nobody cancels them
    assert chained.book.depth(0)[-1] == (8_000, 5, 1)
    assert chained.book.arrays.state[at.TRADED_SHOWN] > 0
    chained.advance(switch + 90 * SECOND)
    assert chained.next_time is None


def test_the_model_brings_no_orders_to_begin_with(recording: Recording) -> None:
    switch = 2 * SECOND
    flow = ChainedFlow(recording, model(switch), switch)
    flow.next_messages()
    later = flow.next_messages()
    assert later is not None
    assert later[0, 0] > switch
    assert not (later[:, 1] == at.ADD).any()
    named = later[np.isin(later[:, 1], [at.LIMIT_AWAY, at.CANCEL])]
    assert (named[:, 2] >= recording.references).all()
    assert (later[:, 2] < flow.references).all()


def test_a_switch_in_an_auctions_call_is_refused() -> None:
    auction = recorded(
        (1, "A", 1, BUY, 103, 5), (2, "A", 2, SELL, 101, 5), (3, "T", 0, NONE, 102, 5, False),
        (3, "F", 1, NONE, 102, 5, False), (3, "F", 2, NONE, 102, 5, False), (3, "C", 1, BUY, 103, 5, False),
        (3, "C", 2, SELL, 101, 5),
    )  # fmt: skip
    with pytest.raises(InputError, match="auction's call at 2 ns"):
        ChainedFlow(auction, model(2), 2)
    ChainedFlow(auction, model(3), 3)


def test_another_instruments_model_is_refused(recording: Recording) -> None:
    other = model(2 * SECOND)
    other.tick_quanta = 10
    with pytest.raises(InputError, match="tick is 10 quanta and the recording's 100"):
        ChainedFlow(recording, other, 2 * SECOND)
