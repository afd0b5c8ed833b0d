"""An order book in a backtest: its venue, our line and view, and what is seen there brought to the strategy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import attrs

from simexec.backtest.audience import Audience
from simexec.backtest.data import BookData
from simexec.config.venue import HistoryMode
from simexec.errors import InputError
from simexec.execution.backtest_broker import BacktestBroker
from simexec.execution.broker import Broker
from simexec.execution.seen_market import SeenMarket
from simexec.experiments.build import ListedMarket, list_market
from simexec.market.tape import QUOTE, TRADE
from simexec.market.view import MarketView
from simexec.sim import Simulation
from simexec.trading.instrument import Instrument


class BookFeed:
    """A market with an order book, on the day of the backtest.

    Args:
        sim: the simulation; its epoch must be midnight of the market's day, in the market's time zone.
        broker: gets a line to the venue.
        seen: remembers what has arrived here.
        data: the market.
        audience: the strategy.
        changed: called with the time, after each quote and before the strategy is told.
        others: markets that are there already; one at the same venue stands behind the same gateway.

    Attributes:
        listed: the market, with its venue and our view.
        rows: quotes and trades that have arrived.

    Raises:
        InputError: the market is another instrument than the backtest's, or of another day.
    """

    def __init__(
        self,
        sim: Simulation,
        broker: BacktestBroker,
        seen: SeenMarket,
        data: BookData,
        audience: Audience,
        changed: Callable[[int], None],
        others: Sequence[ListedMarket] = (),
    ) -> None:
        _check_day(sim, data)
        self._sim = sim
        self._seen = seen
        self._audience = audience
        self._changed = changed
        self._mark = broker.portfolio_state.mark
        self._is_over = False
        self.rows = 0
        is_first = all(one.venue.name != data.settings.venue.name for one in others)
        settings = attrs.evolve(data.settings, first=is_first)
        found: list[ListedMarket] = []

        def connect(lines: Broker) -> tuple[str, Instrument]:
            listed = list_market(sim, lines, settings, data.recording, others, HistoryMode.OFF)
            found.append(listed)
            return listed.venue.name, listed.instrument

        broker.open_elsewhere(seen.instrument, connect)
        self.listed = found[0]

    def start(self) -> None:
        """Look from now on, until ``stop``."""
        view, symbol = self.listed.view, self._seen.instrument.symbol
        assert view is not None  # no dark pool is loaded
        self._sim.process(self._watch_quotes(view), name=f"quotes of {symbol}")
        self._sim.process(self._watch_trades(view), name=f"trades of {symbol}")

    def stop(self) -> None:
        """Look no more."""
        self._is_over = True

    async def _watch_quotes(self, view: MarketView) -> None:
        symbol = self._seen.instrument.symbol
        while True:
            quote = await view.changes()
            if self._is_over:
                return
            row = [quote.time_ns, QUOTE, quote.bid or 0, quote.bid_size, quote.ask or 0, quote.ask_size]
            self._hear(row)
            sides = [side for side in (quote.bid, quote.ask) if side is not None]
            if sides:
                self._mark(symbol, sum(sides) // len(sides))
            self._changed(self._sim.now)
            self._audience.tell("on_quote", self._seen.datum(row, False))

    async def _watch_trades(self, view: MarketView) -> None:
        told = 0
        while True:
            await view.next_trade()
            if self._is_over:
                return
            for trade in view.latest_trades():  # several may come at one nanosecond
                if trade.number > told:
                    told = trade.number
                    row = [trade.time_ns, TRADE, trade.price, trade.quantity, 0, 0]
                    self._hear(row)
                    self._audience.tell("on_trade", self._seen.datum(row, False))

    def _hear(self, row: list[int]) -> None:
        self.rows += 1
        self._seen.hear(row, False)


def _check_day(sim: Simulation, data: BookData) -> None:
    zone = data.settings.session.timezone
    local = sim.epoch.astimezone(ZoneInfo(zone))
    day = local.date() if data.recording is None else data.recording.date
    if day is not None and sim.epoch != datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC):
        raise InputError(
            f"the order book of {data.settings.instrument.symbol} is of {day} in {zone}, and the backtest's clock begins at"
            f" {local:%Y-%m-%d %H:%M}; start the backtest on that day, with timezone={zone!r}"
        )


def check_length(length: timedelta) -> None:
    """InputError if a backtest with an order book is longer than the one day that such a market lasts."""
    if length > timedelta(days=1, hours=1):
        raise InputError(f"a market with an order book lasts one day, and the backtest {length}; run it day by day")
