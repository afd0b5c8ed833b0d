"""The all-in sweep: the cheapest shares over venues once fees are counted."""

from __future__ import annotations

import itertools
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simexec.execution.sweep import Take, all_in_cost, sweep
from simexec.models.fees import MakerTakerFees
from simexec.trading.instrument import Instrument
from simexec.trading.vocabulary import OrderSide

BUY, SELL = OrderSide.BUY, OrderSide.SELL
SHARE = Instrument("TEST", "0.01")


def taker(per_share: str, bps: str = "0") -> MakerTakerFees:
    return MakerTakerFees(taker_per_share=Decimal(per_share), taker_bps=Decimal(bps))


def test_the_cheaper_venue_after_fees_is_taken_first() -> None:
    books = {"ALFA": [(100_000, 300)], "BETA": [(100_000, 300)]}
    fees = {"ALFA": taker("0.0030"), "BETA": taker("0.0010")}
    assert sweep(SHARE, BUY, 400, books, fees) == [Take("BETA", ((100_000, 300),)), Take("ALFA", ((100_000, 100),))]


def test_a_rebate_that_is_worth_more_than_a_tick_decides_on_either_side() -> None:
    fees = {"ALFA": taker("0.0070"), "INVERTED": taker("-0.0040")}
    for side, worse in ((BUY, 100_100), (SELL, 99_900)):
        books = {"ALFA": [(100_000, 300)], "INVERTED": [(worse, 300)]}
        assert [take.venue for take in sweep(SHARE, side, 300, books, fees)] == ["INVERTED"]


def test_fees_in_basis_points_count() -> None:
    books = {"ALFA": [(100_000, 300)], "BETA": [(100_100, 300)]}
    assert sweep(SHARE, BUY, 300, books, {"ALFA": taker("0", "9.9"), "BETA": taker("0")})[0].venue == "ALFA"
    assert sweep(SHARE, BUY, 300, books, {"ALFA": taker("0", "10.1"), "BETA": taker("0")})[0].venue == "BETA"


def test_ties_go_to_the_venue_that_is_reached_sooner_then_to_the_first_by_name() -> None:
    books = {venue: [(100_000, 100)] for venue in ("C", "B", "A")}
    fees = dict.fromkeys(books, taker("0"))
    assert [take.venue for take in sweep(SHARE, BUY, 300, books, fees)] == ["A", "B", "C"]
    soon = {"A": 500.0, "B": 500.0, "C": 200.0}
    assert [take.venue for take in sweep(SHARE, BUY, 300, books, fees, latencies=soon)] == ["C", "A", "B"]


def test_several_levels_of_a_venue_are_one_order_at_the_worst_of_them() -> None:
    books = {"ALFA": [(100_000, 100), (100_100, 100), (100_200, 100)], "BETA": [(100_100, 50)]}
    fees = dict.fromkeys(books, taker("0.001"))
    takes = sweep(SHARE, BUY, 220, books, fees)
    assert takes == [Take("ALFA", ((100_000, 100), (100_100, 100))), Take("BETA", ((100_100, 20),))]
    assert (takes[0].quantity, takes[0].price) == (200, 100_100)


def test_nothing_beyond_the_limit_is_taken_and_no_more_than_is_seen() -> None:
    books = {"ALFA": [(100_000, 100), (100_100, 100)], "BETA": []}
    fees = dict.fromkeys(books, taker("0"))
    assert sum(take.quantity for take in sweep(SHARE, BUY, 500, books, fees)) == 200
    assert sum(take.quantity for take in sweep(SHARE, BUY, 500, books, fees, limit=100_099)) == 100
    assert sweep(SHARE, BUY, 500, books, fees, limit=99_999) == []


def test_sizes_are_cut_to_whole_lots() -> None:
    lots = Instrument("LOTS", "0.01", lot=10)
    books = {"ALFA": [(100_000, 25)], "BETA": [(100_100, 100)]}
    takes = sweep(lots, BUY, 60, books, dict.fromkeys(books, taker("0")))
    assert [take.quantity for take in takes] == [20, 40]


def test_a_sale_gains_what_it_receives_and_an_inverse_contract_is_bought_as_low_as_can_be() -> None:
    fees = taker("0.003")
    assert all_in_cost(SHARE, BUY, 100, 100_000, fees) == 100 * (10_000_000 + 3000)
    assert all_in_cost(SHARE, SELL, 100, 100_000, fees) == -100 * (10_000_000 - 3000)
    coin = Instrument("XBT", "0.5", currency="BTC", multiplier=Decimal(1), inverse=True)
    books = {"ALFA": [(2_000_100, 5)], "BETA": [(2_000_000, 5)]}
    nothing = dict.fromkeys(books, MakerTakerFees(currency="BTC"))
    assert sweep(coin, BUY, 5, books, nothing)[0].venue == "BETA"
    assert sweep(coin, SELL, 5, books, nothing)[0].venue == "ALFA"


sizes = st.integers(1, 3)
ladders = st.dictionaries(st.sampled_from([0, 100, 200]), sizes, max_size=2)


@settings(max_examples=200)
@given(
    side=st.sampled_from([BUY, SELL]),
    quantity=st.integers(1, 8),
    ladder=st.tuples(ladders, ladders, ladders),
    charged=st.tuples(*[st.sampled_from(["-0.0120", "0", "0.0030", "0.0115"])] * 3),
    limit=st.sampled_from([None, 100]),
)
def test_no_other_choice_of_the_shown_shares_is_cheaper(
    side: OrderSide, quantity: int, ladder: tuple[dict[int, int], ...], charged: tuple[str, ...], limit: int | None
) -> None:
    names = ("A", "B", "C")
    books = {
        name: sorted(((100_000 + side.sign * far, size) for far, size in one.items()), key=lambda x: side.sign * x[0])
        for name, one in zip(names, ladder, strict=True)
    }
    fees = {name: taker(fee) for name, fee in zip(names, charged, strict=True)}
    worst = None if limit is None else 100_000 + side.sign * limit
    takes = sweep(SHARE, side, quantity, books, fees, worst)
    shares = [
        all_in_cost(SHARE, side, 1, price, fees[name])
        for name, levels in books.items()
        for price, size in levels
        if worst is None or side.sign * price <= side.sign * worst
        for _ in range(size)
    ]
    count = min(quantity, len(shares))
    assert sum(take.quantity for take in takes) == count
    cost = sum(all_in_cost(SHARE, side, q, p, fees[take.venue]) for take in takes for p, q in take.levels)
    assert cost == min(sum(chosen) for chosen in itertools.combinations(shares, count))
    for take in takes:  # and the cheapest levels of a venue are those that its book gives first
        left = take.quantity
        for price, size in books[take.venue]:
            if left:
                assert (price, min(size, left)) in take.levels
                left -= min(size, left)


def test_an_empty_market_gives_no_takes() -> None:
    assert sweep(SHARE, BUY, 100, {}, {}) == []


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_fee_below_a_unit_a_share_still_decides(side: OrderSide) -> None:
    books = {"ALFA": [(100_000, 1)], "BETA": [(100_000, 1)]}
    fees = {"ALFA": taker("0.00000020"), "BETA": taker("0.00000010")}
    assert sweep(SHARE, side, 1, books, fees)[0].venue == "BETA"
