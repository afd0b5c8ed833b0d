"""Several markets of one symbol as one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simexec.analysis.live_prices import BookPrices
from simexec.analysis.quotes import MidPrices
from simexec.analysis.whole_market import all_prints, best_quotes, order_of_time
from simexec.market.order_book import OrderBook


def rows(*quotes):
    return np.array(quotes, np.int64).reshape(-1, 5)


def test_of_one_market_the_table_is_its_own():
    quotes, prints = rows((1, 10, 5, 12, 5)), np.ones((2, 6), np.int64)
    assert best_quotes([quotes]) is quotes
    assert all_prints([prints]) is prints
    assert (best_quotes([]).shape, all_prints([]).shape) == ((0, 5), (0, 6))


def test_the_best_price_counts_and_sizes_at_it_are_added():
    alfa = rows((10, 100, 5, 104, 5), (30, 102, 7, 104, 5))
    beta = rows((20, 101, 3, 103, 2), (40, 102, 1, 104, 4))
    assert best_quotes([alfa, beta]).tolist() == [
        [10, 100, 5, 104, 5],
        [20, 101, 3, 103, 2],
        [30, 102, 7, 103, 2],
        [40, 102, 8, 104, 9],
    ]


def test_a_market_in_a_call_is_left_out_but_two_markets_may_cross():
    alfa, beta = rows((10, 100, 5, 104, 5)), rows((20, 120, 3, 90, 2), (30, 105, 3, 107, 2))
    found = best_quotes([alfa, beta])
    assert found[:, [0, 1, 3]].tolist() == [[10, 100, 104], [30, 105, 104]]


def test_prints_of_one_time_keep_the_order_of_their_markets():
    first, second = np.zeros((2, 6), np.int64), np.ones((2, 6), np.int64)
    first[:, 0], second[:, 0] = (5, 7), (5, 6)
    assert all_prints([first, second])[:, :2].tolist() == [[5, 0], [5, 1], [6, 1], [7, 0]]
    assert order_of_time([first, second])[1].tolist() == [0, 1, 1, 0]
    assert order_of_time([first])[1].tolist() == [0, 0]


sides = st.tuples(st.integers(90, 110), st.integers(0, 3))
market = st.lists(st.tuples(st.integers(0, 12), sides, sides), max_size=8).map(
    lambda found: rows(*((time, *bid, *ask) for time, bid, ask in sorted(found, key=lambda row: row[0])))
)


def naive_best(markets, time_ns):
    """The whole market when everything of a time had happened, looked up market by market."""
    last = [found[found[:, 0] <= time_ns][-1:] for found in markets]
    shown = [row for found in last for row in found.tolist() if not (row[2] and row[4] and row[1] >= row[3])]
    bid = max((row[1] for row in shown if row[2]), default=None)
    ask = min((row[3] for row in shown if row[4]), default=None)
    return (
        bid,
        sum(row[2] for row in shown if row[2] and row[1] == bid),
        ask,
        sum(row[4] for row in shown if row[4] and row[3] == ask),
    )


@given(st.lists(market, min_size=2, max_size=4))
def test_the_whole_market_is_what_a_look_at_every_market_finds(markets):
    whole = best_quotes(markets)
    assert (np.diff(whole[:, 0]) >= 0).all()
    for time_ns in range(-1, 14):
        row = whole[whole[:, 0] <= time_ns][-1:].tolist()
        _, bid, bid_size, ask, ask_size = row[0] if row else (0, 0, 0, 0, 0)
        found = (bid if bid_size else None, bid_size, ask if ask_size else None, ask_size)
        assert found == naive_best(markets, time_ns)


class Columns:
    """Columns of a book, written by hand."""

    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def since(self):
        return self.rows


def book_of(quotes, prints=()):
    book = OrderBook()
    book.quotes, book.prints = Columns(quotes), Columns(np.array(prints, np.int64).reshape(-1, 6))
    return book


@given(st.lists(market, min_size=1, max_size=3))
def test_live_mid_points_are_those_of_the_finished_run(markets):
    prices = BookPrices({str(number): book_of(found) for number, found in enumerate(markets)})
    mids = MidPrices(best_quotes(markets), 100)
    for time_ns in range(-1, 14):
        last = mids.last(time_ns)
        assert prices.mid(time_ns) == (None if last is None else last[0])


def test_live_volume_counts_both_ends_and_is_unknown_where_nothing_is_recorded():
    prints = [(time, 100, 10, 1, 0, 1) for time in (5, 6, 7, 8)]
    assert BookPrices({"A": book_of(rows(), prints)}).printed(6, 7) == 20
    assert BookPrices({"A": book_of(rows())}).printed(0, 9) is None


@pytest.mark.parametrize("name", ["A", "B"])
def test_at_one_time_the_later_market_by_name_has_changed_last(name):
    gone, there = rows((1, 100, 5, 102, 5), (2, 100, 0, 102, 5)), rows((2, 90, 0, 104, 1))
    books = {"A": gone, "B": there} if name == "A" else {"B": gone, "A": there}
    whole = best_quotes([books["A"], books["B"]])
    prices = BookPrices({key: book_of(found) for key, found in books.items()})
    assert prices.mid(2) == MidPrices(whole, 9).last(2)[0] == 202
