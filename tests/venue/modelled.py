"""A venue without a book, one bar every ten seconds or scripted quotes, and a participant at its door."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np

from simexec.market.tape import BarTape, QuoteTape, Tape
from simexec.sim import Constant, Simulation
from simexec.trading.instrument import Instrument
from simexec.trading.report import ExecType, ExecutionReport
from simexec.trading.requests import CancelRequest, MassCancelRequest, NewOrder, ReplaceRequest
from simexec.trading.terms import OrderTerms
from simexec.trading.vocabulary import OrderSide, OrderType, TimeInForce
from simexec.venue import TradingHours
from simexec.venue.hours import SessionCalendar
from simexec.venue.model_venue import ModelVenue

BUY, SELL = OrderSide.BUY, OrderSide.SELL
SECOND = 10**9
BAR = 10 * SECOND
SHARE = Instrument("TEST", Decimal("0.01"))


def bars(*rows: tuple[int, int, int, int, int], first: int = 0) -> BarTape:
    """Consecutive bars ``(open, high, low, close, volume)``, prices in ticks."""
    table = [
        [(first + i) * BAR, (first + i + 1) * BAR, *(price * 100 for price in row[:4]), row[4]]
        for i, row in enumerate(rows)
    ]
    return BarTape(np.array(table))


def flat(count: int, price: int = 1000, volume: int = 1000) -> BarTape:
    """Bars in which the price does not move."""
    return bars(*[(price, price, price, price, volume)] * count)


def quotes(*rows: tuple[int, ...]) -> QuoteTape:
    """Rows ``(second, bid, bid size, ask, ask size)``, or ``(second, price, size)`` of a trade; prices in ticks."""
    table = [
        [row[0] * SECOND, 0, row[1] * 100, row[2], row[3] * 100, row[4]]
        if len(row) == 5
        else [row[0] * SECOND, 1, row[1] * 100, row[2], 0, 0]
        for row in rows
    ]
    return QuoteTape(np.array(table))


class Scene:
    """One venue and one participant, without latency unless the gateway has some."""

    def __init__(
        self, data: Tape, *, hours: TradingHours | SessionCalendar | None = None, seed: int = 0, **options: Any
    ) -> None:
        self.sim = Simulation(seed=seed)
        options = {"participation": 1, "service": Constant(0)} | options
        instrument = options.pop("instrument", SHARE)
        self.venue = ModelVenue(self.sim, "XMOD", instrument, data, hours or TradingHours(0, 3600 * SECOND), **options)
        self.packets: list[list[Any]] = []
        self.line = self.venue.connect("tester", self.packets.append)

    def new(
        self,
        order_id: str,
        side: OrderSide,
        quantity: int,
        price: int | None = None,
        tif: TimeInForce = TimeInForce.DAY,
        *,
        stop: int | None = None,
        order_type: OrderType | None = None,
        **more: Any,
    ) -> None:
        """Send an order now; prices in ticks."""
        plain = OrderType.MARKET if price is None else OrderType.LIMIT
        stopped = OrderType.STOP if price is None else OrderType.STOP_LIMIT
        terms = {
            key: more.pop(key)
            for key in ("min_quantity", "expire_ns", "price_slide", "trail_ticks", "peg")
            if key in more
        }
        request = NewOrder(
            order_id, side.sign, quantity, order_type or (plain if stop is None else stopped), price, tif,
            symbol=more.pop("symbol", "TEST"),
            terms=None if stop is None and not terms else OrderTerms(stop_ticks=stop, **terms), **more,
        )  # fmt: skip
        self.request(request)

    def request(self, request: NewOrder | CancelRequest | ReplaceRequest | MassCancelRequest) -> None:
        self.venue.enqueue(self.line, request)

    def at(self, second: float) -> Scene:
        """Let time pass, everything of that second included."""
        self.sim.run(round(second * SECOND))
        return self

    def settle(self) -> Scene:
        """Let the requests of this moment be served."""
        self.sim.run(self.sim.now + 1)
        return self

    @property
    def reports(self) -> list[ExecutionReport]:
        return [report for packet in self.packets for report in packet]

    def fills(self, order_id: str | None = None) -> list[tuple[int, float, float]]:
        """Quantity, price in ticks and second of each trade, of an order or of all."""
        return [
            (report.last_quantity, report.last_price_quanta / 100, report.time_ns / SECOND)
            for report in self.reports
            if report.exec_type is ExecType.TRADE and order_id in (None, report.order_id)
        ]

    def story(self, order_id: str) -> list[ExecType]:
        """What was said about an order, in order."""
        return [report.exec_type for report in self.reports if report.order_id == order_id]

    def last(self, order_id: str) -> ExecutionReport:
        return [report for report in self.reports if report.order_id == order_id][-1]
