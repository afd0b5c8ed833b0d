"""The compiled replay and the naive one, through the same days with the same orders of ours, never differ."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from simexec.market import layout as at
from simexec.market.levels import Array
from simexec.market.recording import Recording

from .naive_book import as_replies
from .naive_replay import NaiveReplay
from .test_replay_properties import QUICK, OneByOne, Request, Run, days_with_us


def compare_replays(recording: Recording, requests: list[Request]) -> None:
    naive = NaiveReplay()

    def compare() -> None:
        for side in range(2):
            prices = naive.book.prices(side)
            assert run.count(at.LADDER_SIZE + side) == len(prices)
            for price in prices:
                assert run.book.queue(side, price) == naive.book.queue(side, price)
        assert run.book.background_shares()[1] == naive.leftovers()

    def look(message: Array) -> None:
        naive.apply(message.tolist())
        compare()

    def request(asked: Request, number: int, price: int) -> None:
        if asked.cancels:
            naive.book.cancel(asked.time, asked.cancels)
        else:
            naive.book.submit(
                asked.time, asked.side, asked.quantity, price,
                owner=asked.owner, number=number, flags=asked.flags, peak=asked.peak,
            )  # fmt: skip
        compare()

    run = Run(OneByOne(recording, look), beside=request)
    run.play(requests)
    assert as_replies(run.rows) == naive.book.replies
    assert run.book.prints.since().tolist() == [list(row) for row in naive.book.prints]
    assert run.book.quotes.since().tolist() == [list(row) for row in naive.book.quotes]


@QUICK
@given(days_with_us())
def test_the_compiled_replay_and_the_naive_one_never_differ(day: tuple[Recording, list[Request]]) -> None:
    compare_replays(*day)


@pytest.mark.validate
@settings(QUICK, max_examples=3_000)
@given(days_with_us())
def test_the_compiled_replay_and_the_naive_one_never_differ_in_thousands_of_days(
    day: tuple[Recording, list[Request]],
) -> None:
    compare_replays(*day)
