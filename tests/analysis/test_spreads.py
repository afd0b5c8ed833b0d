"""Spreads and markouts of many fills agree with those of single trades, weighted by shares."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simexec.analysis.fills import Fills
from simexec.analysis.quotes import MidPrices
from simexec.analysis.shortfall import effective_spread, markout, price_impact, realised_spread
from simexec.analysis.spreads import markout_of, spread_parts
from simexec.trading.vocabulary import OrderSide

QUANTUM = Fraction(1, 10_000)
HORIZON = 10
UNTIL = 100

fills = st.lists(st.tuples(st.integers(1, 110), st.integers(1, 500), st.integers(9_900, 10_100)), max_size=12)
quotes = st.lists(
    st.tuples(st.integers(0, 100), st.integers(9_000, 9_990), st.integers(0, 1), st.integers(10_000, 11_000)),
    max_size=12,
)


def columns_of(rows):
    table = np.array(sorted(rows), np.int64).reshape(-1, 3)
    zeros = np.zeros(len(table), np.int64)
    return Fills(table[:, 0], table[:, 1], table[:, 2], zeros, zeros == 1, zeros)


def mids_of(rows):
    table = [(time, bid, 1, ask, ask_size) for time, bid, ask_size, ask in sorted(rows, key=lambda row: row[0])]
    return MidPrices(np.array(table, np.int64).reshape(-1, 5), UNTIL)


def singles(rows, mids):
    """Quantity, price, mid before and mid later of the fills that have both, one by one."""
    for time, quantity, price in sorted(rows):
        before = int(mids.before(np.array([time]))[0])
        later = int(mids.after(np.array([time + HORIZON]))[0])
        yield quantity, price * QUANTUM, before * QUANTUM / 2, later * QUANTUM / 2


@given(fills, quotes, st.sampled_from(OrderSide))
def test_the_spread_of_fills_is_the_average_of_their_spreads_and_splits_to_the_last_digit(rows, book, side):
    mids = mids_of(book)
    parts = spread_parts(columns_of(rows), mids, side.sign, QUANTUM, HORIZON)
    known = [single for single in singles(rows, mids) if single[2] and single[3]]
    shares = sum(quantity for quantity, *_ in known)
    if parts is None:
        assert shares == 0
        return
    assert parts.effective == parts.realised + parts.impact
    assert parts.quantity == shares
    for found, measure in (
        (parts.effective, lambda price, mid, later: effective_spread(side, price, mid)),
        (parts.realised, lambda price, mid, later: realised_spread(side, price, later)),
        (parts.impact, lambda price, mid, later: price_impact(side, mid, later)),
        (parts.mid, lambda price, mid, later: mid),
    ):
        assert found == sum(quantity * measure(*at) for quantity, *at in known) / shares


@given(fills, quotes, st.sampled_from(OrderSide))
def test_the_markout_of_fills_is_the_average_of_their_markouts(rows, book, side):
    mids = mids_of(book)
    found = markout_of(columns_of(rows), mids, side.sign, QUANTUM, HORIZON)
    known = [(quantity, price, later) for quantity, price, _, later in singles(rows, mids) if later]
    if found is None:
        assert not known
        return
    shares = sum(quantity for quantity, *_ in known)
    assert found.quantity == shares
    assert found.cost == sum(quantity * markout(side, price, later) for quantity, price, later in known) / shares
    assert found.price == sum(quantity * price for quantity, price, _ in known) / shares


def test_a_buy_above_the_later_mid_is_a_loss_and_a_sell_a_gain():
    mids = mids_of([(0, 9_990, 1, 10_010)])
    bought = columns_of([(5, 10, 10_010)])
    assert markout_of(bought, mids, +1, QUANTUM, HORIZON).cost_bps == pytest.approx(10 * 1e4 / 10_010)
    assert markout_of(bought, mids, -1, QUANTUM, HORIZON).cost_bps == pytest.approx(-10 * 1e4 / 10_010)


def test_a_fill_whose_horizon_lies_beyond_the_close_does_not_count():
    mids = mids_of([(0, 9_990, 1, 10_010)])
    assert markout_of(columns_of([(UNTIL - HORIZON, 10, 10_000)]), mids, 1, QUANTUM, HORIZON).quantity == 10
    assert markout_of(columns_of([(UNTIL - HORIZON + 1, 10, 10_000)]), mids, 1, QUANTUM, HORIZON) is None


def test_the_mid_before_a_fill_is_not_the_one_that_the_fill_made():
    mids = mids_of([(0, 9_990, 1, 10_010), (5, 9_990, 1, 10_030)])
    parts = spread_parts(columns_of([(5, 10, 10_010)]), mids, 1, QUANTUM, HORIZON)
    assert (parts.mid, parts.impact) == (10_000 * QUANTUM, 20 * QUANTUM)
