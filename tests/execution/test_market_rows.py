"""Market data in whatever form a user has them become one row, or are refused with the value that is wrong."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simexec.errors import InputError
from simexec.execution.market_rows import UNLIMITED, Row, row_of
from simexec.trading.instrument import LARGEST_COUNT, Instrument
from simexec.trading.market_data import Bar, QuoteUpdate, TradeUpdate

SHARE = Instrument("AAPL", Decimal("0.01"))
NOW = 60 * 10**9
BAR = {"start": "30s", "open": 100, "high": 102, "low": 99, "close": 101, "volume": 500}


def row(data: Any, instrument: Instrument = SHARE) -> Row:
    return row_of(instrument, data, NOW)


# --- what each form becomes ---


@pytest.mark.parametrize("price", [150.25, "150.25", Decimal("150.25"), np.float64(150.25), {"price": 150.25}])
def test_a_price_is_a_quote_on_both_sides_without_a_known_size(price: Any) -> None:
    found = row(price)
    assert found.columns == [NOW, 0, 1_502_500, UNLIMITED, 1_502_500, UNLIMITED]
    assert (found.is_bar, found.is_quote, found.anew, found.has_volume) == (False, True, True, False)
    assert found.mark == 1_502_500


def test_a_price_may_have_a_volume_and_a_spread_of_which_it_is_the_middle() -> None:
    found = row({"price": 150, "volume": 1_000, "spread": "0.02"})
    assert found.columns == [NOW, 0, 1_499_900, 1_000, 1_500_100, 1_000]
    assert found.has_volume
    assert row({"price": 150, "volume": None, "spread": None}) == row(150)
    assert row({"price": 150, "volume": np.int64(7)}).columns[3] == 7


def test_a_price_at_which_nothing_can_be_traded_still_values_positions() -> None:
    assert row({"price": 150, "volume": 0}).mark == 1_500_000


def test_a_quote_has_sides_of_which_each_may_be_missing() -> None:
    whole = row({"bid": 99, "bid_size": 5, "ask": 101, "ask_size": 7})
    assert whole.columns == [NOW, 0, 990_000, 5, 1_010_000, 7]
    assert (whole.anew, whole.has_volume, whole.mark) == (False, True, 1_000_000)
    assert row({"bid": 99, "bid_size": 5}).columns == [NOW, 0, 990_000, 5, 0, 0]
    assert row({"bid": 99, "bid_size": 5}).mark == 990_000
    assert row({"bid": 99, "bid_size": 0, "ask": 101, "ask_size": 7}).columns == [NOW, 0, 0, 0, 1_010_000, 7]
    empty = row({"bid": None, "ask": None})
    assert empty.columns == [NOW, 0, 0, 0, 0, 0]
    assert empty.mark == 0


def test_a_quote_without_sizes_offers_any_quantity_and_knows_no_volume() -> None:
    found = row({"bid": 99, "ask": 101, "ask_size": 7})
    assert found.columns == [NOW, 0, 990_000, UNLIMITED, 1_010_000, 7]
    assert not found.has_volume


def test_a_trade_is_a_price_with_a_quantity() -> None:
    found = row({"price": 100, "quantity": 30})
    assert found.columns == [NOW, 1, 1_000_000, 30, 0, 0]
    assert (found.is_quote, found.is_bar, found.anew, found.mark) == (False, False, False, 1_000_000)


@pytest.mark.parametrize("start", [{"start": "30s"}, {"start": 30 * 10**9}, {"start_ns": 30 * 10**9}])
def test_a_bar_begins_at_its_start_and_ends_now(start: dict[str, Any]) -> None:
    bar = {name: value for name, value in BAR.items() if name != "start"} | start
    found = row(bar)
    assert found.columns == [30 * 10**9, NOW, 1_000_000, 1_020_000, 990_000, 1_010_000, 500]
    assert (found.is_bar, found.is_quote, found.has_volume, found.mark) == (True, False, True, 1_010_000)


@pytest.mark.parametrize(
    ("datum", "same"),
    [
        (Bar("AAPL", 30 * 10**9, NOW, 100, 102, 99, 101, 500), BAR),
        (QuoteUpdate("AAPL", NOW, 99.0, 5, None, 0), {"bid": 99, "bid_size": 5}),
        (QuoteUpdate("AAPL", NOW - 1, 99.0, 5, 101.0, 6), {"bid": 99, "bid_size": 5, "ask": 101, "ask_size": 6}),
        (TradeUpdate("AAPL", 0, 100.0, 30), {"price": 100, "quantity": 30}),
    ],
)
def test_what_strategies_are_told_can_be_handed_in_as_it_is_or_as_a_mapping(datum: Any, same: dict[str, Any]) -> None:
    assert row(datum) == row(attrs.asdict(datum)) == row(same)


@given(price=st.decimals("0.00005", 10**6, places=6), quantum=st.sampled_from(["0.01", "0.05", "1"]))
def test_prices_are_rounded_to_the_nearest_quantum(price: Decimal, quantum: str) -> None:
    instrument = Instrument("X", Decimal(quantum))
    found = instrument.price_of_quanta(row_of(instrument, price, 0).columns[2])
    assert abs(found - price) <= instrument.quantum / 2 or found == instrument.quantum


# --- what is refused ---

WRONG_NUMBERS = [None, float("nan"), float("inf"), 0, -1, "", "high", True, [100], "1e30", LARGEST_COUNT]


@pytest.mark.parametrize("price", WRONG_NUMBERS)
@pytest.mark.parametrize(
    "form",
    [
        lambda price: price,
        lambda price: {"price": price, "volume": 5},
        lambda price: {"price": price, "quantity": 5},
        lambda price: BAR | {"close": price},
        lambda price: BAR | {"open": price},
    ],
    ids=["price", "price and volume", "trade", "close", "open"],
)
def test_a_price_that_is_none_is_refused_in_every_form(form: Any, price: Any) -> None:
    with pytest.raises(InputError, match="AAPL price"):
        row(form(price))


@pytest.mark.parametrize("price", [one for one in WRONG_NUMBERS if one is not None])
@pytest.mark.parametrize("side", ["bid", "ask"])
def test_a_price_of_a_quote_that_is_none_is_refused(side: str, price: Any) -> None:
    with pytest.raises(InputError, match="AAPL price"):
        row({side: price, f"{side}_size": 5})


@pytest.mark.parametrize("size", [-1, 1.5, "5", True, float("nan"), LARGEST_COUNT + 1, 2**70])
@pytest.mark.parametrize(
    ("form", "what"),
    [
        (lambda size: {"price": 100, "volume": size}, "volume of AAPL"),
        (lambda size: {"price": 100, "quantity": size}, "quantity of the AAPL trade"),
        (lambda size: {"bid": 99, "bid_size": size}, "bid_size of AAPL"),
        (lambda size: {"ask": 99, "ask_size": size}, "ask_size of AAPL"),
        (lambda size: BAR | {"volume": size}, "volume of AAPL"),
    ],
    ids=["volume", "trade", "bid", "ask", "bar"],
)
def test_a_size_that_is_none_is_refused_in_every_form(form: Any, what: str, size: Any) -> None:
    with pytest.raises(InputError, match=what):
        row(form(size))


def test_a_trade_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="quantity of the AAPL trade 0 is less than 1"):
        row({"price": 100, "quantity": 0})


@pytest.mark.parametrize("spread", [-0.01, 200, "300", float("nan"), "wide", True])
def test_a_spread_is_from_0_up_to_twice_the_price(spread: Any) -> None:
    with pytest.raises(InputError, match="spread"):
        row({"price": 100, "spread": spread})


def test_a_crossed_quote_is_refused_and_a_locked_one_is_not() -> None:
    with pytest.raises(InputError, match="bid 101 of AAPL is above the ask 100; swap or drop them"):
        row({"bid": 101, "bid_size": 1, "ask": 100, "ask_size": 1})
    assert row({"bid": 100, "bid_size": 1, "ask": 100, "ask_size": 1}).mark == 1_000_000
    assert row({"bid": 101, "bid_size": 0, "ask": 100, "ask_size": 1}).columns[2:4] == [0, 0]


@pytest.mark.parametrize("side", ["bid", "ask"])
def test_a_size_without_its_price_is_refused(side: str) -> None:
    other = "ask" if side == "bid" else "bid"
    with pytest.raises(InputError, match=rf"{side}_size 5 of AAPL has no price; give {side}, or a size of 0"):
        row({f"{side}_size": 5, other: 100})


@pytest.mark.parametrize(
    ("field", "value"), [("high", 100.5), ("low", 100.5), ("high", 98), ("low", 103), ("open", 103), ("close", 98)]
)
def test_a_bar_whose_prices_contradict_each_other_is_refused(field: str, value: float) -> None:
    with pytest.raises(InputError, match=r"the bar .* of AAPL has a price above its high or below its low; check it"):
        row(BAR | {field: value})


@pytest.mark.parametrize(
    "bar",
    [
        {name: value for name, value in BAR.items() if name != "start"},
        {name: value for name, value in BAR.items() if name != "volume"},
        BAR | {"volume": None},
        BAR | {"start": None},
        BAR | {"start_ns": 30 * 10**9},
    ],
    ids=["no start", "no volume", "volume None", "start None", "two starts"],
)
def test_a_bar_needs_one_start_and_a_volume(bar: dict[str, Any]) -> None:
    with pytest.raises(
        InputError, match=r"the bar .* of AAPL needs a volume, and one start: a duration since the run's epoch"
    ):
        row(bar)


@pytest.mark.parametrize("start", [1.5, "soon", -1, True])
def test_a_start_that_is_no_duration_is_refused(start: Any) -> None:
    with pytest.raises(InputError):
        row(BAR | {"start": start})


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"price": 100, "volum": 5}, r"'volum', which does not belong to their kind; did you mean 'volume'\?"),
        ({"price": 100, "quantity": 5, "spread": 1}, "'spread', which does not belong"),
        ({"bid": 99, "price": 100}, "'price', which does not belong"),
        ({"bid": 99, "volume": 100}, "'volume', which does not belong"),
        (BAR | {"vwap": 100}, "'vwap', which does not belong"),
        (BAR | {"time_ns": NOW}, "'time_ns', which does not belong to their kind; leave it out"),
        ({"price": 100, "end_ns": NOW}, "'end_ns', which does not belong to their kind; leave it out"),
        ({"price": 100, "type": "trade"}, "'type', which does not belong"),
        ({"price": 100, 5: 6}, "5, which does not belong"),
    ],
)
def test_a_field_that_is_unknown_or_of_another_kind_is_refused(data: dict[Any, Any], field: str) -> None:
    with pytest.raises(InputError, match=f"market data of AAPL have {field}"):
        row(data)


@pytest.mark.parametrize("data", [{}, {"open": 1, "close": 1}, {"symbol": "AAPL"}, {"volume": 5}])
def test_data_of_no_kind_are_refused_with_what_was_given(data: dict[str, Any]) -> None:
    with pytest.raises(
        InputError, match=r"market data \{.*\} of AAPL have neither a price, a bid or ask, nor a whole bar"
    ):
        row(data)


@pytest.mark.parametrize("datum", [TradeUpdate("MSFT", NOW, 100.0, 30), {"symbol": "MSFT", "price": 100}])
def test_data_of_another_symbol_are_refused(datum: Any) -> None:
    with pytest.raises(InputError, match="market data of 'MSFT' were handed in as those of AAPL"):
        row(datum)


def test_nothing_is_known_before_its_time() -> None:
    for datum in (QuoteUpdate("AAPL", NOW + 1, 99.0, 5, None, 0), TradeUpdate("AAPL", NOW + 1, 99.0, 5)):
        with pytest.raises(InputError, match=rf"time_ns {NOW + 1} of AAPL .* is not the present, {NOW} ns; nothing is"):
            row(datum)


@pytest.mark.parametrize("end", [NOW + 1, NOW - 1])
def test_a_bar_is_handed_in_at_its_end_neither_before_nor_after(end: int) -> None:
    with pytest.raises(
        InputError, match=f"end_ns {end} of AAPL market data is not the present, {NOW} ns; a bar is handed"
    ):
        row(Bar("AAPL", 0, end, 100, 102, 99, 101, 500))


@pytest.mark.parametrize("time", [1.5, float("nan"), "noon"])
def test_a_time_that_is_none_is_refused(time: Any) -> None:
    with pytest.raises(InputError):
        row({"price": 100, "time_ns": time})
