"""What the order book does, in sentences."""

from __future__ import annotations

import pytest

from simexec.errors import SimulationError
from simexec.market import layout as at
from simexec.market.arrays import BookArrays
from simexec.market.order_book import OrderBook, QueuePosition
from simexec.testing import check_book

from .scripted import outcome

BUY, SELL = 0, 1


class Script:
    """A book whose orders have names and whose answers are short: fills as (name, quantity), in order."""

    def __init__(self) -> None:
        self.book = OrderBook()
        self.names: dict[int, str] = {}
        self.time = 0

    def __call__(
        self,
        name: str,
        side: int,
        quantity: int,
        price: int = 0,
        *,
        owner: int | None = None,
        flags: int = 0,
        peak: int = 0,
    ) -> list[tuple[str, int]]:
        number = len(self.names) + 1
        self.names[number] = name
        self.time += 1
        rows = self.book.submit(
            self.time, side, quantity, price, owner=owner or number, number=number, flags=flags, peak=peak
        )
        check_book(self.book)
        return [(self.names[row[2]], row[4]) for row in rows if row[0] == at.OUT_FILL and row[6] == 1]

    def number(self, name: str) -> int:
        return next(number for number, other in self.names.items() if other == name)

    def queue(self, side: int, price: int) -> list[tuple[str, int, int]]:
        return [(self.names[number], shown, reserve) for _, number, shown, reserve in self.book.queue(side, price)]

    def ahead(self, name: str) -> tuple[int, int]:
        position = self.book.queue_position(self.number(name))
        return position.orders_ahead, position.quantity_ahead


@pytest.fixture
def script() -> Script:
    return Script()


# --- priority ---


@pytest.mark.parametrize("side", [BUY, SELL])
def test_the_priority_script_of_the_native_iceberg_runs_to_the_last_share(script: Script, side: int) -> None:
    other = 1 - side
    script("A", side, 200, 1000)
    script("ICE", side, 300, 1000, peak=100)
    script("B", side, 100, 1000)
    assert script("S1", other, 250, 1000) == [("A", 200), ("ICE", 50)]
    assert script("S2", other, 80, 1000) == [("ICE", 50), ("B", 30)]
    assert script.queue(side, 1000) == [("B", 70, 0), ("ICE", 100, 100)]
    assert script("S3", other, 120, 1000) == [("B", 70), ("ICE", 50)]
    script("C", side, 100, 1000)
    assert script("S4", other, 200, 1000) == [("ICE", 50), ("C", 100), ("ICE", 50)]
    assert script.queue(side, 1000) == [("ICE", 50, 0)]


def test_a_better_price_trades_first_and_at_one_price_the_older_order(script: Script) -> None:
    script("old", SELL, 10, 102)
    script("late", SELL, 10, 102)
    script("better", SELL, 10, 101)
    assert script("taker", BUY, 25, 102) == [("better", 10), ("old", 10), ("late", 5)]


def test_a_reduction_keeps_the_place_and_takes_the_undisplayed_part_first(script: Script) -> None:
    script("ICE", BUY, 300, 100, peak=100)
    script("B", BUY, 50, 100)
    number = script.number("ICE")
    assert script.book.reduce(9, number, 150) == 150
    assert script.queue(BUY, 100) == [("ICE", 100, 50), ("B", 50, 0)]
    assert script.book.reduce(9, number, 80) == 70
    assert script.queue(BUY, 100) == [("ICE", 70, 0), ("B", 50, 0)]
    assert script.book.reduce(9, number, 70) == 0
    assert not script.book.rests(number)
    assert script.queue(BUY, 100) == [("B", 50, 0)]


def test_a_replace_keeps_the_place_only_for_less_at_the_same_price(script: Script) -> None:
    for name in "ABC":
        script(name, BUY, 100, 100, owner=1)
    book, a = script.book, script.number("A")
    assert book.replace(9, a, 60, 100) == []
    assert script.queue(BUY, 100)[0] == ("A", 60, 0)
    assert book.replace(9, a, 60, 100) == []
    assert script.queue(BUY, 100)[0] == ("A", 60, 0)
    assert outcome(book.replace(9, a, 61, 100) or []) == [(at.OUT_REST, 100, 61)]
    assert script.queue(BUY, 100)[-1] == ("A", 61, 0)
    book.replace(9, script.number("B"), 100, 99)
    book.replace(9, script.number("B"), 100, 100)
    assert [name for name, _, _ in script.queue(BUY, 100)] == ["C", "A", "B"]


def test_a_replace_that_crosses_trades(script: Script) -> None:
    script("bid", BUY, 100, 100)
    script("ask", SELL, 40, 103)
    rows = script.book.replace(9, script.number("bid"), 100, 103, owner=1)
    assert outcome(rows or []) == [
        (at.OUT_FILL, 103, 40), (at.OUT_FILL, 103, 40), (at.OUT_REST, 103, 60),
    ]  # fmt: skip


def test_a_post_only_replace_that_would_trade_changes_nothing(script: Script) -> None:
    script("bid", BUY, 100, 100)
    script("ask", SELL, 40, 103)
    assert script.book.replace(9, script.number("bid"), 100, 103, flags=at.MAKER_ONLY) is None
    assert script.queue(BUY, 100) == [("bid", 100, 0)]


def test_a_partial_fill_keeps_the_place(script: Script) -> None:
    script("A", BUY, 100, 100)
    script("B", BUY, 100, 100)
    script("S", SELL, 30, 100)
    assert script.queue(BUY, 100) == [("A", 70, 0), ("B", 100, 0)]


def test_displayed_orders_and_their_refills_go_before_hidden_ones(script: Script) -> None:
    script("HID", BUY, 50, 100, flags=at.HIDDEN)
    script("ICE", BUY, 30, 100, peak=10)
    script("A", BUY, 20, 100)
    assert script("S", SELL, 75, 100) == [("ICE", 10), ("A", 20), ("ICE", 10), ("ICE", 10), ("HID", 25)]


# --- queue position ---


def test_queue_position_counts_orders_and_displayed_quantity_ahead(script: Script) -> None:
    script("A", BUY, 100, 100)
    script("ICE", BUY, 300, 100, peak=50)
    script("B", BUY, 40, 100)
    script("C", BUY, 10, 100)
    assert script.ahead("A") == (0, 0)
    assert script.ahead("B") == (2, 150)
    assert script.ahead("C") == (3, 190)


def test_a_hidden_order_waits_for_everything_displayed_or_to_be_displayed(script: Script) -> None:
    script("HID", BUY, 5, 100, flags=at.HIDDEN)
    script("ICE", BUY, 300, 100, peak=50)
    script("HID2", BUY, 5, 100, flags=at.HIDDEN)
    assert script.ahead("HID") == (1, 300)
    assert script.ahead("HID2") == (2, 305)


def test_only_what_happens_ahead_moves_an_order(script: Script) -> None:
    for name in ("front", "mine", "behind"):
        script(name, BUY, 100, 100)
    script("elsewhere", BUY, 100, 99)
    script.book.cancel(9, script.number("behind"))
    script.book.cancel(9, script.number("elsewhere"))
    assert script.ahead("mine") == (1, 100)
    script.book.reduce(9, script.number("front"), 30)
    assert script.ahead("mine") == (1, 70)
    script.book.cancel(9, script.number("front"))
    assert script.ahead("mine") == (0, 0)


def test_the_history_of_queues_has_a_row_wherever_quantity_ahead_changes(script: Script) -> None:
    script("front", BUY, 100, 100)
    script("mine", BUY, 50, 100)
    script("taker", SELL, 30, 100)
    script.book.cancel(9, script.number("front"))
    script.book.flush()
    rows = [row[2:] for row in script.book.queues.since().tolist() if row[1] == script.number("mine")]
    assert rows == [[1, 100, 50], [1, 70, 50], [0, 0, 50]]


def test_asking_the_place_of_an_order_that_does_not_rest_is_an_error(script: Script) -> None:
    with pytest.raises(SimulationError, match="order number 7 does not rest"):
        script.book.queue_position(7)


# --- time in force and kinds ---


def test_fill_or_kill_counts_every_level_it_may_reach_and_no_other(script: Script) -> None:
    for price in (101, 102, 103):
        script(f"a{price}", SELL, 100, price)
    assert script("kill", BUY, 201, 102, flags=at.FOK) == []
    assert outcome(script.book.submit(50, BUY, 301, 0, owner=9, number=90, flags=at.FOK | at.MARKET)) == [
        (at.OUT_CANCEL, at.FILL_OR_KILL, 301)
    ]
    assert script.book.depth(SELL) == [(101, 100, 1), (102, 100, 1), (103, 100, 1)]
    assert script("fill", BUY, 200, 102, flags=at.FOK) == [("a101", 100), ("a102", 100)]


def test_fill_or_kill_counts_what_is_hidden_and_in_reserve(script: Script) -> None:
    script("ICE", SELL, 90, 101, peak=10)
    script("HID", SELL, 10, 101, flags=at.HIDDEN)
    assert script("kill", BUY, 101, 101, flags=at.FOK) == []
    filled = script("fill", BUY, 100, 101, flags=at.FOK)
    assert filled == [("ICE", 10)] * 9 + [("HID", 10)]


def test_fill_or_kill_does_not_count_orders_that_self_trade_prevention_removes(script: Script) -> None:
    script("mine", SELL, 100, 101, owner=1)
    script("other", SELL, 100, 101, owner=2)
    assert script("oldest", BUY, 101, 101, owner=1, flags=at.FOK | at.STP_OLDEST) == []
    assert script("newest", BUY, 1, 101, owner=1, flags=at.FOK | at.STP_NEWEST) == []
    assert script("off", BUY, 200, 101, owner=1, flags=at.FOK) == [("mine", 100), ("other", 100)]


def test_immediate_or_cancel_reports_what_it_could_not_fill(script: Script) -> None:
    script("ask", SELL, 30, 101)
    rows = script.book.submit(9, BUY, 100, 101, owner=9, number=90, flags=at.IOC)
    assert outcome(rows)[-1] == (at.OUT_CANCEL, at.IMMEDIATE, 70)
    assert script.book.depth(BUY) == []


def test_a_market_order_on_an_empty_book_is_cancelled_by_a_row(script: Script) -> None:
    rows = script.book.submit(1, BUY, 100, 0, owner=1, number=1, flags=at.MARKET)
    assert rows == [[at.OUT_CANCEL, 1, 1, at.NO_LIQUIDITY, 100, 0, 0, 0, at.NIL]]


def test_a_post_only_order_never_takes(script: Script) -> None:
    script("ask", SELL, 30, 101)
    rows = script.book.submit(9, BUY, 10, 101, owner=9, number=90, flags=at.MAKER_ONLY)
    assert outcome(rows) == [(at.OUT_CANCEL, at.POST_ONLY, 10)]
    assert outcome(script.book.submit(9, BUY, 10, 100, owner=9, number=91, flags=at.MAKER_ONLY)) == [
        (at.OUT_REST, 100, 10)
    ]


def test_a_post_only_order_does_not_take_from_a_hidden_one_either(script: Script) -> None:
    script("hidden", SELL, 30, 101, flags=at.HIDDEN)
    rows = script.book.submit(9, BUY, 10, 101, owner=9, number=90, flags=at.MAKER_ONLY)
    assert outcome(rows) == [(at.OUT_CANCEL, at.POST_ONLY, 10)]


def test_an_iceberg_that_arrives_marketable_takes_with_all_it_has_and_rests_with_its_peak(script: Script) -> None:
    script("ask", SELL, 250, 100)
    script("ICE", BUY, 400, 100, peak=60)
    assert script.queue(BUY, 100) == [("ICE", 60, 90)]
    assert script.book.depth(BUY) == [(100, 60, 1)]


def test_each_tranche_of_an_iceberg_trades_in_one_sweep(script: Script) -> None:
    script("ICE", SELL, 300, 100, peak=100)
    assert script("sweep", BUY, 300, 100) == [("ICE", 100)] * 3
    assert script.book.depth(SELL) == []


@pytest.mark.parametrize(
    ("flag", "fills", "left"),
    [
        (0, [("mine", 10), ("other", 5)], [("other", 5, 0)]),
        (at.STP_OLDEST, [("other", 10)], []),
        (at.STP_NEWEST, [], [("mine", 10, 0), ("other", 10, 0)]),
    ],
)
def test_self_trade_prevention_is_off_or_cancels_the_oldest_or_the_newest(
    script: Script, flag: int, fills: list[tuple[str, int]], left: list[tuple[str, int, int]]
) -> None:
    script("mine", SELL, 10, 100, owner=1)
    script("other", SELL, 10, 100, owner=2)
    assert script("taker", BUY, 15, 100, owner=1, flags=flag) == fills
    assert script.queue(SELL, 100) == left


def test_what_self_trade_prevention_cancels_is_reported(script: Script) -> None:
    script("mine", SELL, 10, 100, owner=1)
    oldest = script.book.submit(9, BUY, 15, 100, owner=1, number=90, flags=at.STP_OLDEST | at.IOC)
    assert outcome(oldest) == [(at.OUT_CANCEL, at.SELF_TRADE, 10), (at.OUT_CANCEL, at.IMMEDIATE, 15)]
    script("again", SELL, 10, 100, owner=1)
    newest = script.book.submit(9, BUY, 15, 100, owner=1, number=91, flags=at.STP_NEWEST)
    assert outcome(newest) == [(at.OUT_CANCEL, at.SELF_TRADE, 15)]


# --- what the book shows ---


def test_a_hidden_best_bid_is_not_the_quote_but_trades_first(script: Script) -> None:
    script("hidden", BUY, 10, 101, flags=at.HIDDEN)
    script("shown", BUY, 20, 100)
    quote = script.book.quote()
    assert (quote.bid, quote.bid_size, quote.ask, quote.ask_size) == (100, 20, None, 0)
    assert script("taker", SELL, 30, 100) == [("hidden", 10), ("shown", 20)]


def test_prints_tell_price_quantity_aggressor_and_whether_it_was_hidden(script: Script) -> None:
    script("hidden", BUY, 10, 101, flags=at.HIDDEN)
    script("shown", BUY, 20, 100)
    script("taker", SELL, 15, 100)
    script.book.flush()
    own = at.PRINT_OWN_MAKER | at.PRINT_OWN_TAKER
    assert script.book.prints.since().tolist() == [
        [3, 101, 10, -1, own | at.PRINT_HIDDEN, 1],
        [3, 100, 5, -1, own, 2],
    ]


def test_quotes_have_a_row_only_where_they_change(script: Script) -> None:
    script("bid", BUY, 10, 100)
    script("deep", BUY, 10, 90)
    script("hidden", BUY, 10, 100, flags=at.HIDDEN)
    script("ask", SELL, 7, 105)
    script.book.flush()
    assert script.book.quotes.since().tolist() == [
        [1, 100, 10, at.NO_PRICE, 0],
        [4, 100, 10, 105, 7],
    ]


# --- size and distance ---


@pytest.mark.parametrize("distance", [10, 100, 1_000, 10_000])
def test_a_price_that_walks_away_costs_nothing_but_the_orders_that_are_there(distance: int) -> None:
    book = OrderBook()
    book.submit(0, BUY, 1, 1_000_000, number=1)
    book.submit(0, SELL, 1, 1_000_001 + distance, number=2)
    for step in range(1, 400):
        price = 1_000_000 + step * distance
        book.submit(step, SELL, 1, price + distance + 1, number=10 + 2 * step)
        book.submit(step, BUY, 1, price, number=11 + 2 * step)
        book.cancel(step, 10 + 2 * (step - 1) if step > 1 else 2)
        quote = book.quote()
        assert (quote.bid, quote.ask) == (price, price + distance + 1)
    check_book(book)
    assert book.depth(BUY, 3) == [(1_000_000 + (399 - i) * distance, 1, 1) for i in range(3)]
    assert len(book.arrays.orders) == 1024
    rows = book.submit(1000, SELL, 400, 1, owner=2, number=5000)
    assert sum(row[4] for row in rows if row[0] == at.OUT_FILL and row[6] == 1) == 400
    assert book.depth(BUY) == []


def test_a_sweep_over_thousands_of_orders_loses_nothing_though_the_log_is_small() -> None:
    book = OrderBook()
    book.arrays = BookArrays.empty(orders=4, levels=4, slots=4, log=16)
    book.arrays.state[[at.RECORD_PRINTS, at.RECORD_QUOTES, at.RECORD_QUEUES]] = 1
    count = 3_000
    for i in range(count):
        book.submit(i, SELL, 1 + i % 7, 100 + i // 3, number=i + 1)
    total = sum(1 + i % 7 for i in range(count))
    rows = book.submit(count, BUY, total + 5, 10**6, owner=2, number=count + 1)
    makers = [row[2] for row in rows if row[0] == at.OUT_FILL and row[6] == 1]
    assert makers == list(range(1, count + 1))
    assert outcome(rows)[-1] == (at.OUT_REST, 10**6, 5)
    assert sum(row[4] for row in rows if row[0] == at.OUT_FILL and row[6] == 0) == total
    book.flush()
    assert len(book.prints) == count
    check_book(book)


def test_pools_follow_the_orders_that_rest_at_one_time_not_those_that_came_and_went() -> None:
    book = OrderBook()
    for i in range(20_000):
        book.submit(i, BUY, 1, 100 + i % 50, number=i + 1)
        if i >= 500:
            book.cancel(i, i - 499)
    assert len(book.arrays.orders) == 1024
    assert book.arrays.state[at.ORDERS_LIVE] == 500
    check_book(book)


def test_queue_position_has_a_shape_to_read() -> None:
    book = OrderBook()
    book.submit(1, BUY, 3, 100, number=1)
    book.submit(1, BUY, 3, 100, number=2, owner=2)
    assert book.queue_position(2) == QueuePosition(orders_ahead=1, quantity_ahead=3)
