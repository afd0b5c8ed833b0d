"""Finished runs made by hand: a few quotes, prints and fills with known answers."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import attrs
import numpy as np

from simexec.analysis.result import MarketReport, RunResult
from simexec.config.scenario import Scenario
from simexec.execution.journal import Journal
from simexec.sim import StationStatistics
from simexec.sim.clock import HOUR, SECOND
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.portfolio import Portfolio
from simexec.trading.report import ExecType, ExecutionReport, RejectReason
from simexec.trading.vocabulary import OrderSide, OrderType
from simexec.venue import VenueStatistics

OPEN = 10 * HOUR
CLOSE = 11 * HOUR
DECISION = OPEN + 60 * SECOND
ARRIVAL = DECISION + SECOND
END = DECISION + 600 * SECOND
NOTHING_SEEN = VenueStatistics(
    0, 0, 0, 0, 0, StationStatistics(0, 0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, (0.0, 0.0), 0, 0)
)
STOCK = Instrument("TEST", Decimal("0.01"))


@attrs.frozen
class Trade:
    """A fill: ``at`` in seconds after the decision, price and fee in USD."""

    at: float
    quantity: int
    price: str
    maker: bool = True
    fee: str = "0"

    @property
    def time_ns(self) -> int:
        return DECISION + round(self.at * SECOND)


def scenario(**changes):
    """A small scenario; changes by dotted path, with ``__`` for the dot."""
    base = Scenario.from_dict(
        {
            "name": "by hand",
            "instrument": {"symbol": "TEST"},
            "session": {"open": "10:00:00", "close": "11:00:00", "timezone": "UTC"},
            "flow": {"type": "zero_intelligence", "start_price": 40},
            "order": {"side": "buy", "quantity": 1000, "start": "1m"},
            "algorithm": {"type": "twap", "duration": "10m", "slices": 10},
        }
    )
    return base.with_({name.replace("__", "."): value for name, value in changes.items()})


def mid_quotes(*mids, half_spread="0.01", size=100):
    """Quotes around mid-points: pairs of a time and a price, or None for a side that shows nothing."""
    rows = []
    for time_ns, mid in mids:
        if mid is None:
            rows.append((time_ns, STOCK.to_quanta("0.5"), size, -(2**62), 0))
        else:
            bid, ask = Decimal(mid) - Decimal(half_spread), Decimal(mid) + Decimal(half_spread)
            rows.append((time_ns, STOCK.to_quanta(bid), size, STOCK.to_quanta(ask), size))
    return np.array(rows, np.int64).reshape(-1, 5)


def prints_of(*prints):
    """Prints: triples of a time, a price and a quantity."""
    rows = [
        (time_ns, STOCK.to_quanta(price), quantity, 1, 0, i + 1) for i, (time_ns, price, quantity) in enumerate(prints)
    ]
    return np.array(rows, np.int64).reshape(-1, 6)


def market_of(name, quotes, prints, queues, order_numbers, instrument=STOCK, *, dark=False):
    """A market of a run, with what it has recorded."""
    return MarketReport(
        name, instrument, dark, None, len(prints), None, name, NOTHING_SEEN, quotes, prints, queues, order_numbers
    )


def result_of(
    quotes,
    trades=(),
    *,
    side=OrderSide.BUY,
    quantity=1000,
    prints=(),
    arrival=ARRIVAL,
    scene=None,
    instrument=STOCK,
    plan=(),
):
    """A run of one child that reached the gateway at ``arrival`` (None: it never did) and traded ``trades``.

    The order took 100 us to the gateway, waited 20 us, was served in 5 us; reports took 50 us.
    """
    journal = Journal()
    parent = Order("ord_1", instrument, side, quantity, created_ns=DECISION)
    parent.submit(DECISION)
    children = ()
    if arrival is not None:
        child = _work(journal, parent, trades, arrival)
        children = (child,)
    queues = np.array([(arrival + 25_000, 7, 2, 300, quantity)] if children else [], np.int64).reshape(-1, 5)
    if not parent.is_final:
        end = ExecutionReport("end", "ord_1", ExecType.EXPIRED, END, parent.filled_quantity, 0, text="out of time")
        parent.apply(end)
    return RunResult(
        replication=0,
        scenario=scene or scenario(order__quantity=quantity),
        instrument=instrument,
        epoch=dt.datetime(2024, 1, 2, tzinfo=dt.UTC),
        open_ns=OPEN,
        close_ns=CLOSE,
        parent=parent,
        children=children,
        decision_ns=DECISION,
        end_ns=END,
        quotes=quotes,
        prints=prints_of(*prints),
        plan=np.array(plan, np.int64).reshape(-1, 2),
        journal=journal,
        venue=NOTHING_SEEN,
        markets=(market_of("V", quotes, prints_of(*prints), queues, {"ord_2": 7} if children else {}, instrument),),
        portfolio=Portfolio(0, instrument.currency).snapshot(END),
        initial_cash=0,
        flow_messages=5,
        calendar_events=9,
        divergence={},
        invariants={"cash_balances": True},
        assumptions=("the world is simple",),
        journal_digest="0" * 64,
        seconds={"load": 0.0, "simulate": 0.5},
    )


def _work(journal, parent, trades, arrival):
    instrument = parent.instrument
    child = Order(
        "ord_2",
        instrument,
        parent.side,
        parent.quantity,
        OrderType.LIMIT,
        4000,
        parent_id="ord_1",
        venue="V",
        created_ns=DECISION,
    )
    child.submit(arrival - 100_000)
    journal.note((arrival - 100_000, "order", child, child.quantity, 4000))
    started, done = arrival + 20_000, arrival + 25_000

    def tell(report):
        journal.note((report.time_ns + 50_000, report, child, 0, None))
        child.apply(report)

    acknowledgement = ExecutionReport("V-0", "ord_2", ExecType.NEW, done, 0, child.quantity, venue="V")
    acknowledgement.arrived_ns, acknowledgement.started_ns = arrival, started
    tell(acknowledgement)
    filled = 0
    for i, trade in enumerate(trades, 1):
        filled += trade.quantity
        fee = int(Decimal(trade.fee) * 1_000_000)
        price = instrument.to_quanta(trade.price)
        common = (filled, parent.quantity - filled, trade.quantity, price, fee, trade.maker)
        tell(ExecutionReport(f"V-{i}", "ord_2", ExecType.TRADE, trade.time_ns, *common, venue="V"))
        parent.apply(ExecutionReport(f"V-{i}", "ord_1", ExecType.TRADE, trade.time_ns + 50_000, *common, venue="V"))
    if not child.is_final:
        sent = END - 200_000
        journal.note((sent, "cancel", child, 0, None))
        gone = ExecutionReport("V-end", "ord_2", ExecType.CANCELED, sent + 75_000, filled, 0, venue="V")
        gone.arrived_ns, gone.started_ns = sent + 60_000, sent + 60_000
        tell(gone)
        late = ExecutionReport(
            "V-late", "ord_2", ExecType.CANCEL_REJECTED, sent + 80_000, filled, 0,
            reason=RejectReason.TOO_LATE_TO_CANCEL, venue="V",
        )  # fmt: skip
        late.arrived_ns = late.started_ns = sent + 78_000
        journal.note((sent + 10, "cancel", child, 0, None))
        journal.note((late.time_ns + 50_000, late, child, 0, None))
    return child


@attrs.frozen
class Sent:
    """An order that was sent to a venue; times in seconds after the decision, prices in USD.

    It is acknowledged ``wait`` after it left, half of it on the way out. ``end`` None: its trades fill it; ``ahead``: shares ahead
    when it rested.
    """

    at: float
    quantity: int
    price: str | None
    trades: tuple[Trade, ...] = ()
    end: float | None = None
    venue: str = "V"
    ahead: int | None = None
    wait: float = 0.002
    refused: bool = False


def worked(quotes, sent, *, side=OrderSide.BUY, quantity=1000, end=600, plan=(), instrument=STOCK):
    """A run of several orders at several venues, all with the same quotes; each trade belongs to one order."""
    journal, parent, children, queues = (
        Journal(),
        Order("ord_1", instrument, side, quantity, created_ns=DECISION),
        [],
        {},
    )
    parent.submit(DECISION)
    for number, one in enumerate(sent, 2):
        children.append(_send(journal, parent, number, one, queues))
    for child in children:
        for trade in child.trades:
            filled = parent.filled_quantity + trade.last_quantity
            parent.apply(
                attrs.evolve(
                    trade, order_id="ord_1", cum_quantity=filled, leaves_quantity=quantity - filled,
                    time_ns=trade.time_ns + 50_000,
                )
            )  # fmt: skip
    end_ns = DECISION + round(end * SECOND)
    if not parent.is_final:
        parent.apply(ExecutionReport("end", "ord_1", ExecType.EXPIRED, end_ns, parent.filled_quantity, 0))
    result = result_of(quotes, arrival=None, side=side, quantity=quantity, plan=plan, instrument=instrument)
    markets = tuple(
        market_of(
            venue, quotes, prints_of(), np.array(queues.get(venue, []), np.int64).reshape(-1, 5),
            {child.order_id: int(child.order_id[4:]) for child in children if child.venue == venue}, instrument,
        )
        for venue in sorted({child.venue for child in children})
    )  # fmt: skip
    return attrs.evolve(
        result, parent=parent, children=tuple(children), journal=journal, markets=markets, end_ns=end_ns
    )


def _send(journal, parent, number, one, queues):
    instrument, order_id = parent.instrument, f"ord_{number}"
    left = DECISION + round(one.at * SECOND)
    ticks = None if one.price is None else instrument.to_ticks(one.price)
    kind = OrderType.MARKET if ticks is None else OrderType.LIMIT
    child = Order(
        order_id,
        instrument,
        parent.side,
        one.quantity,
        kind,
        ticks,
        parent_id="ord_1",
        venue=one.venue,
        created_ns=left,
    )
    child.submit(left)
    journal.note((left, "order", child, one.quantity, ticks))
    half = round(one.wait * SECOND) // 2

    def tell(kind, time_ns, **fields):
        name = f"{one.venue}-{number}-{len(child.execution_ids)}"
        report = ExecutionReport(name, order_id, kind, time_ns, venue=one.venue, **fields)
        if kind in (ExecType.NEW, ExecType.REJECTED):
            report.arrived_ns = report.started_ns = time_ns
        journal.note((time_ns + half, report, child, 0, None))
        child.apply(report)

    if one.refused:
        tell(ExecType.REJECTED, left + half, cum_quantity=0, leaves_quantity=0, reason=RejectReason.OTHER)
        return child
    tell(ExecType.NEW, left + half, cum_quantity=0, leaves_quantity=one.quantity)
    if one.ahead is not None:
        queues.setdefault(one.venue, []).append((left + half, number, 1, one.ahead, one.quantity))
    filled = 0
    for trade in one.trades:
        filled += trade.quantity
        tell(
            ExecType.TRADE, trade.time_ns, cum_quantity=filled, leaves_quantity=one.quantity - filled,
            last_quantity=trade.quantity, last_price_quanta=instrument.to_quanta(trade.price),
            fee=int(Decimal(trade.fee) * 1_000_000), maker=trade.maker,
        )  # fmt: skip
    if filled < one.quantity and one.end is not None:
        tell(ExecType.CANCELED, DECISION + round(one.end * SECOND), cum_quantity=filled, leaves_quantity=0)
    return child
