"""Brings rows of tapes to their venues and to the strategy, each at its own time and none earlier."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heapreplace

from simpy.events import URGENT

from simexec.backtest.audience import Audience
from simexec.execution.seen_market import SeenMarket
from simexec.market.tape import CLOSE, END, QUOTE, TIME, Tape
from simexec.sim import Event, Simulation
from simexec.trading.market_data import Bar, QuoteUpdate
from simexec.venue.model_venue import ModelVenue

_ROWS_AT_ONCE = 4096


class TapedMarket:
    """One instrument's tape, and where its rows go.

    Args:
        tape: times in ns since the run's epoch.
        venue: fills orders with the rows.
        seen: remembers them.
        mark: called with symbol and price quanta of a row, to value positions: as ``seen.price`` does.
    """

    def __init__(self, tape: Tape, venue: ModelVenue, seen: SeenMarket, mark: Callable[[str, int], None]) -> None:
        self.is_bars = tape.is_bars
        self.seen = seen
        self._symbol = seen.instrument.symbol
        self._rows = _rows_of(tape)
        self._venue = venue
        self._mark = mark
        self._is_quoted = False
        self._known = END if tape.is_bars else TIME
        self.row: list[int] = []
        self.time_ns: int | None = None
        self.step()

    def step(self) -> None:
        """Go on to the next row."""
        row = next(self._rows, None)
        self.time_ns = None if row is None else row[self._known]
        self.row = row or []

    def hand_in(self, row: list[int]) -> None:
        """Give a row to the venue, at its time."""
        self._venue.push(row, is_bar=self.is_bars)
        self.seen.hear(row, self.is_bars)
        if self.is_bars:
            self._mark(self._symbol, row[CLOSE])
            return
        _, kind, bid, bid_size, ask, ask_size = row
        if kind == QUOTE:
            self._is_quoted = bool(bid_size or ask_size)
            if self._is_quoted:
                self._mark(self._symbol, (bid + ask) // 2 if bid_size and ask_size else bid if bid_size else ask)
        elif not self._is_quoted:
            self._mark(self._symbol, bid)


def _rows_of(tape: Tape) -> Iterator[list[int]]:
    for block in tape.blocks():
        for first in range(0, len(block), _ROWS_AT_ONCE):
            yield from block[first : first + _ROWS_AT_ONCE].tolist()


class Pump:
    """Merges tapes by time: three calendar events for all rows of one time, whatever their number.

    At a time, first all rows of it reach their venues, before anything else that the calendar has for that time, and orders
    fill. Then happens what was planned: a session closes, an order arrives. Then the reports of the fills are heard, and at last
    the strategy is told of the rows, in the order of the symbols. So it never sees one symbol ahead of another, and knows its
    fills.

    Args:
        sim: the simulation.
        markets: in the order in which rows of one time are told.
        audience: the strategy.
        remember: called with every bar before the strategy is told of it.
        after: called with the time when all rows of it have been handed in and the fills were heard, before the strategy is told.
        failed: called with what a tape, a venue or a model raised; it stops then.

    Attributes:
        rows: handed in so far.
        first_ns: time of the first row; None without any.
    """

    def __init__(
        self,
        sim: Simulation,
        markets: list[TapedMarket],
        audience: Audience,
        remember: Callable[[Bar], None],
        after: Callable[[int], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._sim = sim
        self._audience = audience
        self._remember = remember
        self._after = after
        self._failed = failed
        self._markets = markets
        self._heap = [(one.time_ns, index) for index, one in enumerate(markets) if one.time_ns is not None]
        heapify(self._heap)
        self.first_ns = self._heap[0][0] if self._heap else None
        self._batch: list[tuple[TapedMarket, list[int]]] = []
        self._over = Event(sim)
        self.rows = 0

    def start(self) -> Event:
        """Bring rows from now on; the event happens when the strategy was told of the last."""
        self._go_on()
        return self._over

    def stop(self) -> None:
        """Bring no more rows."""
        self._heap.clear()

    def _go_on(self) -> None:
        if not self._heap:
            self._over.succeed()
            return
        sim = self._sim
        event = Event(sim)
        event._ok, event._value = True, None
        event.callbacks.append(self._bring)
        sim.schedule(event, URGENT, self._heap[0][0] - sim.now)

    def _bring(self, _: object) -> None:
        heap, markets, batch = self._heap, self._markets, self._batch
        now = self._sim.now
        try:
            while heap and heap[0][0] == now:
                index = heap[0][1]
                market = markets[index]
                row = market.row
                market.hand_in(row)
                batch.append((market, row))
                market.step()
                if market.time_ns is None:
                    heappop(heap)
                else:
                    heapreplace(heap, (market.time_ns, index))
        except Exception as error:
            self._fail(error)
            return
        self.rows += len(batch)
        # Reports of fills are on their way at this very time: they are heard first, and then what follows from them.
        self._sim.call_at(now, self._let_reports_in)

    def _fail(self, error: Exception) -> None:
        self._heap.clear()
        self._batch.clear()
        self._failed(error)

    def _let_reports_in(self, _: object) -> None:
        self._sim.call_at(self._sim.now, self._tell)

    def _tell(self, _: object) -> None:
        batch, self._batch = self._batch, []
        try:
            self._after(self._sim.now)
        except Exception as error:
            self._fail(error)
            return
        tell = self._audience.tell
        for market, row in batch:
            datum = market.seen.datum(row, market.is_bars)
            if datum.__class__ is Bar:
                self._remember(datum)
                tell("on_bar", datum)
            else:
                tell("on_quote" if datum.__class__ is QuoteUpdate else "on_trade", datum)
        self._go_on()
