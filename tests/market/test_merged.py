"""Markets that are advanced together do exactly what they do one message at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from simexec.errors import InputError
from simexec.market import layout as at
from simexec.market.cont_stoikov_talreja import ContStoikovTalreja
from simexec.market.levels import Array
from simexec.market.market import Market
from simexec.market.order_book import OutRow
from simexec.market.sizes import ConstantSize
from simexec.market.zero_intelligence import ZeroIntelligence
from simexec.sim import Simulation

BUY, SELL = 0, 1
Told = list[tuple[int, str, list[OutRow]]]


class GivenFlow:
    """Messages from a list, in chunks of three."""

    def __init__(self, rows: list[tuple[int, int, int, int, int, int]]) -> None:
        self.tick_quanta = 1
        self.references = 64
        self._rows = rows

    def next_messages(self) -> Array | None:
        chunk, self._rows = self._rows[:3], self._rows[3:]
        return np.array(chunk, np.int64) if chunk else None

    def applied(self, time_ns: int) -> int:
        return 0


def random_messages(data: st.DataObject, number: int) -> list[tuple[int, int, int, int, int, int]]:
    """Adds, cancels, market orders and orders by distance around a price of 100, times that often coincide."""
    rows = [(0, at.ADD, 0, 98, 5, BUY), (0, at.ADD, 1, 102, 5, SELL)]
    time = 0
    for ref in range(2, 2 + number):
        time += data.draw(st.integers(0, 3))
        kind = data.draw(st.sampled_from((at.ADD, at.CANCEL, at.MARKET_ORDER, at.LIMIT_AWAY, at.VALUE_ORDER)))
        side = data.draw(st.sampled_from((BUY, SELL)))
        quantity = data.draw(st.integers(1, 6))
        if kind == at.ADD:
            rows.append((time, kind, ref, data.draw(st.integers(97, 103)), quantity, side))
        elif kind == at.CANCEL:
            rows.append((time, kind, data.draw(st.integers(0, ref - 1)), 0, 0, side))
        elif kind == at.LIMIT_AWAY:
            rows.append((time, kind, ref, data.draw(st.integers(1, 4)), quantity, side))
        else:
            rows.append((time, kind, 0, data.draw(st.integers(97, 103)), quantity, side))
    return rows


def play(
    flows: list[list[tuple[int, int, int, int, int, int]]], orders: list[tuple[int, int, int, int, int]], merged: bool
) -> tuple[Told, list[Array]]:
    """Run the flows with participants' orders (time, market, side, price, quantity); what they were told, and every quote."""
    sim = Simulation()
    told: Told = []
    markets = [Market(f"m{i}", GivenFlow(list(rows))) for i, rows in enumerate(flows)]
    for market in markets:
        market.listen(lambda rows, name=market.name: told.append((sim.now, name, rows)))
        if merged:
            market.couple(sim)
        else:
            sim.couple(market)

    def place(order: tuple[int, int, int, int, int, int]) -> None:
        number, _, m, side, price, quantity = order
        # what a process sees of the other markets at that moment is part of what must agree
        told.append(
            (sim.now, "seen", [list(map(int, other.book.arrays.state[at.QUOTE : at.QUOTE + 4])) for other in markets])
        )
        flags = (0, at.HIDDEN, at.IOC)[number % 3]
        if number % 5 == 4:
            rows = markets[m].book.submit_peg(sim.now, side, quantity, at.PEG_PRIMARY, 0, None, 1, number, 0)
        elif number % 5 == 3:
            rows = markets[m].book.submit_stop(sim.now, side, quantity, price, price, 1, number, at.MARKET)
        else:
            rows = markets[m].book.submit(sim.now, side, quantity, price, 1, number, flags)
        told.append((sim.now, "own", rows))

    for number, order in enumerate(orders, start=1):
        sim.call_at(order[0], place, (number, *order))
    sim.run(100)
    for market in markets:
        market.book.flush()
    return told, [market.book.quotes.since() for market in markets]


@given(data=st.data())
@settings(max_examples=80, phases=[Phase.explicit, Phase.generate])
def test_markets_together_and_one_message_at_a_time_are_the_same(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 4))
    flows = [random_messages(data, data.draw(st.integers(0, 14))) for _ in range(count)]
    order = st.tuples(
        st.integers(1, 20),
        st.integers(0, count - 1),
        st.sampled_from((BUY, SELL)),
        st.integers(97, 103),
        st.integers(1, 9),
    )
    orders = data.draw(st.lists(order, max_size=8))
    together, apart = play(flows, orders, True), play(flows, orders, False)
    for one, two in zip(*(run[0] for run in (together, apart)), strict=True):
        assert one == two
    for mine, theirs in zip(together[1], apart[1], strict=True):
        assert mine.tolist() == theirs.tolist()


def test_no_market_is_ahead_of_a_fill_at_another() -> None:
    a = [(0, at.ADD, 0, 98, 5, BUY), (10, at.MARKET_ORDER, 0, 0, 5, BUY)]
    b = [(0, at.ADD, 0, 102, 5, SELL), *((t, at.ADD, t, 90 + t % 5, 1, BUY) for t in range(1, 40))]
    sim = Simulation()
    markets = [Market("a", GivenFlow(a)), Market("b", GivenFlow(b))]
    seen: list[tuple[int, int]] = []
    for market in markets:
        market.listen(lambda rows: seen.append((sim.now, int(markets[1].book.arrays.state[at.TIME]))))
        market.couple(sim)
    sim.call_at(1, lambda _: markets[0].book.submit(1, SELL, 5, 100, 1, 1))
    sim.call_at(1, lambda _: markets[1].book.submit(1, SELL, 5, 120, 1, 1))
    sim.run(50)
    assert seen == [(10, 10)]


def test_generated_and_given_flows_run_together() -> None:
    sim = Simulation(seed=3)
    second = 1_000_000_000
    flow = ZeroIntelligence(
        sim.rng, "zi", start_price=1000, tick_quanta=1, lot=1, limit_rates_per_s=[5, 5], cancel_rate_per_s=1,
        market_rate_per_s=2, limit_size=ConstantSize(1), market_size=ConstantSize(1), start_ns=0, end_ns=10 * second,
    )  # fmt: skip
    markets = [Market("zi", flow), Market("given", GivenFlow([(5 * second, at.ADD, 0, 98, 5, BUY)]))]
    for market in markets:
        market.couple(sim)
    sim.run(10 * second)
    assert markets[1].book.quote().bid == 98
    assert markets[0].flow.applied(sim.now) > 100


def test_a_market_whose_messages_follow_from_its_book_stops_at_our_fills_too() -> None:
    sim = Simulation(seed=5)
    second = 1_000_000_000
    flow = ContStoikovTalreja(
        sim.rng, "cst", start_price=1000, tick_quanta=1, lot=1, limit_rates_per_s=[6, 3], cancel_rates_per_s=[1],
        market_rate_per_s=3, start_ns=0, end_ns=20 * second,
    )  # fmt: skip
    given = [(t * second // 7, at.ADD, t, 90 + t % 5, 1, BUY) for t in range(60)]
    markets = [Market("cst", flow), Market("given", GivenFlow(given))]
    told: list[int] = []
    for market in markets:
        market.couple(sim)
    markets[0].listen(lambda rows: told.extend(row[1] for row in rows if row[0] == at.OUT_FILL))

    def place(number: int) -> None:
        assert markets[1].book.arrays.state[at.TIME] <= sim.now
        bid = markets[0].book.quote().bid
        assert bid is not None
        markets[0].book.submit(sim.now, BUY, 1, bid, 1, number)

    for number in range(1, 20):
        sim.call_at(number * second, place, number)
    sim.run(20 * second)
    assert len(told) > 5
    assert told == sorted(told)


def test_two_markets_of_one_name_are_refused() -> None:
    sim = Simulation()
    Market("a", GivenFlow([])).couple(sim)
    with pytest.raises(InputError, match="a market named 'a' is coupled already"):
        Market("a", GivenFlow([])).couple(sim)
