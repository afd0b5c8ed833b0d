"""What a finished run is, for those who analyse it: facts and columns, no live components."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import attrs
import numpy as np
import numpy.typing as npt

from simexec.config.scenario import Scenario
from simexec.execution.circuit_breaker import BreakerTransition
from simexec.execution.journal import Journal
from simexec.execution.leg_log import VenueRecord
from simexec.market.order_book import Quote
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.portfolio import PortfolioSnapshot
from simexec.venue import VenueStatistics

Rows = npt.NDArray[np.int64]


def no_rows(width: int) -> Rows:
    """Rows of which nothing was recorded."""
    return np.empty((0, width), np.int64)


@attrs.frozen(eq=False)
class MarketReport:
    """One market of a run.

    Attributes:
        name: in the run: that of the venue, or ``VENUE.SYMBOL`` of its further instruments.
        is_dark: whether it is a dark pool, which has neither messages nor a quote.
        messages: of the background, as ``RunResult.flow_messages``.
        trades: of anybody.
        quote: at the end; prices in quanta.
        venue: its name; ``statistics`` what it has seen, of all its instruments together.
        quotes: int64 (n, 5): time, bid, bid size, ask, ask size, where they change; a side that shows nothing has size 0.
        prints: int64 (n, 6): time, price, quantity, aggressor's sign, flags (``market.layout.PRINT_*``), trade number.
        queues: int64 (n, 5): time, the venue's order number, orders ahead, quantity ahead, leaves.
        order_numbers: the venue's number of each order id.
    """

    name: str
    instrument: Instrument
    is_dark: bool
    messages: int | None
    trades: int
    quote: Quote | None
    venue: str
    statistics: VenueStatistics
    quotes: Rows
    prints: Rows
    queues: Rows
    order_numbers: Mapping[str, int]


@attrs.frozen(eq=False)
class RunResult:
    """A finished run. Times are ns since the epoch (local midnight of the trading day), prices in quanta.

    Attributes:
        scenario: resolved, as it ran.
        replication: number of the replication, from 0.
        epoch: UTC instant of time 0.
        open_ns: beginning of trading; ``close_ns`` its end.
        parent: the parent order in its final state.
        children: the orders that were sent for it, in order of creation; where a router has split them, the parts.
        decision_ns: when the parent was decided; ``end_ns`` when working it ended.
        quotes: best bid and offer over the lit markets of the order's symbol, columns as ``MarketReport.quotes``; of one market
            its own.
        prints: of all markets of the symbol in order of time, dark ones included, columns as ``MarketReport.prints``.
        journal: requests and reports on our side.
        venue: what the first market's venue and its gateway have seen.
        markets: all markets of the run, that of the order first.
        portfolio: at the end; ``initial_cash`` in units of the currency at the start.
        flow_messages: background messages applied, as the flow counts them (rows of a recording's file).
        calendar_events: events that the calendar processed.
        divergence: how far the run left recorded history; empty of a synthetic flow.
        invariants: name of every invariant checked, and True; a run that breaks one raises InvariantError.
        assumptions: what was assumed, one sentence each.
        journal_digest: SHA-256 over the journal, and quotes and prints of every market.
        seconds: wall time to ``load`` and to ``simulate``.
        plan: int64 (n, 2), in order of time: from when on, and the quantity that is due by then in all; empty where the
            algorithm follows no schedule.
        routing: what the router's orders came to, by venue, and with them what old quotes cost; empty without a router.
        breaker: every change of the circuit breaker's state; empty without one.
    """

    scenario: Scenario
    replication: int
    instrument: Instrument
    epoch: dt.datetime
    open_ns: int
    close_ns: int
    parent: Order
    children: tuple[Order, ...]
    decision_ns: int
    end_ns: int
    quotes: Rows
    prints: Rows
    journal: Journal
    venue: VenueStatistics
    markets: tuple[MarketReport, ...]
    portfolio: PortfolioSnapshot
    initial_cash: int
    flow_messages: int
    calendar_events: int
    divergence: Mapping[str, float]
    invariants: Mapping[str, bool]
    assumptions: tuple[str, ...]
    journal_digest: str
    seconds: Mapping[str, float]
    plan: Rows = attrs.field(factory=lambda: no_rows(2))
    routing: Mapping[str, VenueRecord] = attrs.field(factory=dict)
    breaker: tuple[BreakerTransition, ...] = ()
