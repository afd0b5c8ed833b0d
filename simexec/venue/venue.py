"""A simulated exchange: what happens between a request's arrival at its gateway and the reports that answer it.

A request waits for the gateway's servers, is validated, meets the book, and is answered; everything one request
causes for one participant travels as one packet of reports, in order. Background messages that trade with participants' orders
come from the market in the same form. Every request is answered, and every order ends with a report that says why.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Final

import attrs

from simexec.errors import InputError
from simexec.market import layout as at
from simexec.market.layout import FOK, HIDDEN, IOC, MAKER_ONLY, MARKET, OUT_FILL, OUT_REST
from simexec.market.market import Market
from simexec.market.order_book import OutRow
from simexec.models.fees import MakerTakerFees
from simexec.protocols import DurationModel
from simexec.sim import Simulation, Station, StationStatistics
from simexec.trading.instrument import Instrument
from simexec.trading.report import ExecType, ExecutionReport, RejectReason
from simexec.trading.requests import CancelRequest, NewOrder, ReplaceRequest
from simexec.trading.vocabulary import TimeInForce
from simexec.venue.hours import TradingHours
from simexec.venue.validation import Refusal, refuse_order

Request = NewOrder | CancelRequest | ReplaceRequest
Packet = list[ExecutionReport]

_REMEMBERED: Final = 10_000
"""Ended orders of which the venue still knows that they have been here: a cancel of one is too late rather than unknown."""

_TEXTS: Final = {
    at.NO_LIQUIDITY: "nothing left to trade with",
    at.SELF_TRADE: "would trade with an order of the same participant",
    at.FILL_OR_KILL: "cannot be filled in full at once",
    at.POST_ONLY: "is post-only and would trade",
    at.IMMEDIATE: "the rest of an immediate-or-cancel order",
}

# Module globals, since reading a member off its Enum runs Python code.
_NEW, _TRADE, _CANCELED = ExecType.NEW, ExecType.TRADE, ExecType.CANCELED
_DAY, _IOC, _FOK = TimeInForce.DAY, TimeInForce.IOC, TimeInForce.FOK


class SelfTradePrevention(Enum):
    """What happens when a participant's order would trade with an older one of its own; the value is the book's flag."""

    OFF = 0
    CANCEL_NEWEST = at.STP_NEWEST
    CANCEL_OLDEST = at.STP_OLDEST


@attrs.define(eq=False, slots=True)
class _Working:
    """The venue's own record of a live order."""

    connection: Connection
    order: NewOrder
    number: int
    price: int
    flags: int
    quantity: int
    filled: int = 0


class Connection:
    """A participant's line into a venue: requests in, packets of reports out."""

    def __init__(self, venue: Venue, participant: str, owner: int, deliver: Callable[[Packet], None]) -> None:
        self.participant = participant
        self.owner = owner
        self.connected = True
        self.deliver = deliver
        self._venue = venue

    def disconnect(self) -> None:
        """The line goes down: the venue refuses what still arrives and, if it does so, cancels the participant's orders."""
        self.connected = False
        self._venue.disconnected(self)


@attrs.frozen
class VenueStatistics:
    """What a venue has seen so far.

    Attributes:
        orders: new orders accepted; ``rejected`` those refused.
        cancels_too_late: cancels and replaces that found their order gone.
        trades: trades of participants' orders; ``traded_quantity`` their shares.
        gateway: of the gateway station.
    """

    orders: int
    rejected: int
    cancels_too_late: int
    trades: int
    traded_quantity: int
    gateway: StationStatistics


class Venue:
    """One exchange trading one instrument.

    Args:
        sim: the simulation.
        name: of the venue; the gateway draws from the stream ``station.{name}.gateway``.
        instrument: what it trades.
        market: its book and order flow; coupled to the calendar here.
        hours: when it trades.
        service: service time of a request at the gateway.
        servers: of the gateway; ``capacity``: most requests in it, more are refused; ``priority``: cancels go first.
        fees: what makers and takers pay.
        self_trade_prevention: see there.
        cancel_on_disconnect: whether a participant's orders are cancelled when its line goes down.

    Attributes:
        gateway: the station in front of the book.
        order_numbers: the book's number of every order id, as long as the book records queues.
    """

    def __init__(
        self,
        sim: Simulation,
        name: str,
        instrument: Instrument,
        market: Market,
        hours: TradingHours,
        *,
        service: DurationModel,
        servers: int = 1,
        capacity: int | None = None,
        priority: bool = False,
        fees: MakerTakerFees | None = None,
        self_trade_prevention: SelfTradePrevention = SelfTradePrevention.OFF,
        cancel_on_disconnect: bool = True,
    ) -> None:
        self.name = name
        self.instrument = instrument
        self.market = market
        self.hours = hours
        self.fees = fees or MakerTakerFees()
        self._sim = sim
        self._book = market.book
        self._prevention = self_trade_prevention.value
        self._cancel_on_disconnect = cancel_on_disconnect
        self._priority = priority
        self.gateway = Station(sim, f"{name}.gateway", service, self._serve, servers, capacity, priority)
        self._connections: dict[str, Connection] = {}
        self._arrived = self._started = 0  # when the request being served reached the gateway, and its server
        self._by_id: dict[str, _Working] = {}
        self._by_number: dict[int, _Working] = {}
        self._ended: deque[str] = deque(maxlen=_REMEMBERED)
        self._numbers = 0
        self._keep_numbers = bool(market.book.arrays.state[at.RECORD_QUEUES])
        self.order_numbers: dict[str, int] = {}
        self._reports = 0
        self._accepted = self._rejected = self._too_late = self._trades = self._traded = 0
        market.listen(self._tell_background)
        sim.couple(market)
        sim.call_at(hours.close_ns, self._close)

    # --- participants --------------------------------------------------------------------------------------------------

    def connect(self, participant: str, deliver: Callable[[Packet], None]) -> Connection:
        """Open a line for a participant; ``deliver`` is given its packets of reports.

        Raises:
            InputError: the participant has a line already.
        """
        known = self._connections.get(participant)
        if known is not None and known.connected:
            raise InputError(f"participant {participant!r} is connected to {self.name} already")
        owner = known.owner if known is not None else len(self._connections) + 1
        connection = Connection(self, participant, owner, deliver)
        self._connections[participant] = connection
        return connection

    def disconnected(self, connection: Connection) -> None:
        """Called by the connection when it goes down."""
        if self._cancel_on_disconnect:
            mine = [working for working in self._by_id.values() if working.connection.owner == connection.owner]
            self._end(mine, ExecType.CANCELED, "the participant was disconnected")

    def enqueue(self, connection: Connection, request: Request) -> None:
        """A request joins the gateway's queue, or is refused when that is full."""
        urgent = 0 if not self._priority or isinstance(request, CancelRequest) else 1
        if not self.gateway.submit((connection, request), urgent):
            refusal = RejectReason.OTHER, f"the gateway's queue is full ({self.gateway.statistics().in_system} requests)"
            connection.deliver([self._refuse(connection, request, refusal)])

    # --- requests ------------------------------------------------------------------------------------------------------

    def _serve(self, job: tuple[Connection, Request], arrived_ns: int, started_ns: int) -> None:
        connection, request = job
        self._arrived, self._started = arrived_ns, started_ns
        if not connection.connected:
            packet = [self._refuse(connection, request, (RejectReason.OTHER, "the participant is disconnected"))]
        elif request.__class__ is NewOrder:
            packet = self._new(connection, request)
        elif request.__class__ is CancelRequest:
            packet = self._cancel(connection, request)
        else:
            packet = self._replace(connection, request)  # type: ignore[arg-type]  # the only class left
        self._arrived = self._started = 0
        connection.deliver(packet)

    def _new(self, connection: Connection, order: NewOrder) -> Packet:
        now, hours, order_id = self._sim.now, self.hours, order.order_id
        refusal = refuse_order(order, self.instrument)
        if refusal is None:
            if not hours.open_ns <= now < hours.close_ns:
                refusal = RejectReason.EXCHANGE_CLOSED, f"{self.name} trades {hours}"
            elif order_id in self._by_id:
                refusal = RejectReason.DUPLICATE_ORDER, f"order id {order_id} is in use"
        if refusal is not None:
            return [self._refuse(connection, order, refusal)]
        self._numbers = number = self._numbers + 1
        tif, ticks, flags, price = order.tif, order.price_ticks, self._prevention, 0
        if ticks is None:
            flags |= MARKET
        else:
            price = ticks * self.instrument.subticks
        if tif is _IOC:
            flags |= IOC
        elif tif is _FOK:
            flags |= FOK
        if order.post_only:
            flags |= MAKER_ONLY
        if order.hidden:
            flags |= HIDDEN
        quantity = order.quantity
        working = _Working(connection, order, number, price, flags, quantity)
        self._by_id[order_id] = self._by_number[number] = working
        if self._keep_numbers:
            self.order_numbers[order_id] = number
        packet = [self._report(working, _NEW, now, quantity)]
        rows = self._book.submit(
            now, 0 if order.side_sign > 0 else 1, quantity, price, owner=connection.owner, number=number, flags=flags,
            peak=order.display_quantity or 0,
        )  # fmt: skip
        if order.post_only and rows[0][0] == at.OUT_CANCEL:
            self._forget(working)
            return [self._refuse(connection, order, (RejectReason.OTHER, f"order {_TEXTS[at.POST_ONLY]}"))]
        self._accepted += 1
        self._tell(rows, connection, packet)
        return packet

    def _cancel(self, connection: Connection, request: CancelRequest) -> Packet:
        working = self._by_id.get(request.order_id)
        if working is None or working.connection.owner != connection.owner:
            return [self._refuse(connection, request, self._too_late_for(request.order_id))]
        self._book.cancel(self._sim.now, working.number)
        self._forget(working)
        return [self._report(working, _CANCELED, self._sim.now, 0)]

    def _replace(self, connection: Connection, request: ReplaceRequest) -> Packet:
        working = self._by_id.get(request.order_id)
        if working is None or working.connection.owner != connection.owner:
            return [self._refuse(connection, request, self._too_late_for(request.order_id))]
        instrument = self.instrument
        price = working.price if request.price_ticks is None else request.price_ticks * instrument.subticks
        refusal: Refusal | None = None
        if request.quantity <= 0 or request.quantity % instrument.lot:
            refusal = RejectReason.INCORRECT_QUANTITY, f"quantity {request.quantity} is not a positive multiple of {instrument.lot}"
        elif price <= 0:
            refusal = RejectReason.INVALID_PRICE_INCREMENT, f"limit price {request.price_ticks} ticks is not positive"
        if refusal is not None:
            return [self._refuse(connection, request, refusal)]
        # FIX: a total below what is filled ends the order at what is filled
        quantity = max(request.quantity, working.filled)
        leaves = quantity - working.filled
        rows: list[OutRow] | None = []
        if leaves == 0:
            self._book.cancel(self._sim.now, working.number)
        else:
            rows = self._book.replace(
                self._sim.now, working.number, leaves, price, owner=connection.owner, flags=working.flags,
                peak=working.order.display_quantity or 0,
            )  # fmt: skip
        if rows is None:
            return [self._refuse(connection, request, (RejectReason.OTHER, f"order {_TEXTS[at.POST_ONLY]}"))]
        working.quantity, working.price = quantity, price
        report = self._report(working, ExecType.REPLACED, self._sim.now, leaves)
        report.price_ticks = price // instrument.subticks
        if leaves == 0:
            self._forget(working)
        packet = [report]
        self._tell(rows, connection, packet)
        return packet

    # --- reports -------------------------------------------------------------------------------------------------------

    def _tell_background(self, rows: list[OutRow]) -> None:
        """What the background's messages did to participants' orders."""
        self._tell(rows, None, [])

    def _tell(self, rows: list[OutRow], requester: Connection | None, packet: Packet) -> None:
        """Turn rows of the book into reports: the requester's into ``packet``, the others' delivered at once."""
        others: dict[int, tuple[Connection, Packet]] | None = None
        for kind, time, number, price, quantity, leaves, maker, _, _ in rows:
            if kind == OUT_REST:
                continue
            working = self._by_number[number]
            if kind == OUT_FILL:
                working.filled += quantity
                made = maker == 1
                self._reports += 1
                self._trades += 1
                self._traded += quantity
                report = ExecutionReport(
                    f"{self.name}-{self._reports}", working.order.order_id, _TRADE, time, working.filled, leaves, quantity, price,
                    self._fee(working.order.side_sign, quantity, price, made),
                    made, None, "", self.name, self._arrived, self._started,
                )  # fmt: skip
            else:
                report = self._report(working, _CANCELED, time, 0)
                report.text = _TEXTS[price]
            if leaves == 0:
                self._forget(working)
            connection = working.connection
            if connection is requester:
                packet.append(report)
            else:
                others = {} if others is None else others
                others.setdefault(connection.owner, (connection, []))[1].append(report)
        if others is not None:
            for connection, reports in others.values():
                connection.deliver(reports)

    def _fee(self, side_sign: int, quantity: int, price: int, maker: bool) -> int:
        notional = self.instrument.notional(quantity, price, side_sign) if self.fees.by_value else 0
        return self.fees.fee(quantity, notional, maker)

    def _report(self, working: _Working, exec_type: ExecType, time_ns: int, leaves: int) -> ExecutionReport:
        self._reports += 1
        return ExecutionReport(
            f"{self.name}-{self._reports}", working.order.order_id, exec_type, time_ns, working.filled, leaves, 0, 0, 0, False, None, "",
            self.name, self._arrived, self._started,
        )  # fmt: skip

    def _refuse(self, connection: Connection, request: Request, refusal: Refusal) -> ExecutionReport:
        """A reject of a new order, or FIX's order cancel reject of any other request."""
        reason, text = refusal
        self._reports += 1
        exec_type, filled, leaves = ExecType.REJECTED, 0, 0
        if request.__class__ is not NewOrder:
            exec_type = ExecType.CANCEL_REJECTED
            working = self._by_id.get(request.order_id)
            if working is not None:
                filled, leaves = working.filled, working.quantity - working.filled
        else:
            self._rejected += 1
        return ExecutionReport(
            f"{self.name}-{self._reports}", request.order_id, exec_type, self._sim.now, filled, leaves,
            reason=reason, text=text, venue=self.name, arrived_ns=self._arrived, started_ns=self._started,
            answers_replace=None if exec_type is ExecType.REJECTED else request.__class__ is ReplaceRequest,
        )  # fmt: skip

    def _too_late_for(self, order_id: str) -> Refusal:
        self._too_late += 1
        if order_id in self._ended:
            return RejectReason.TOO_LATE_TO_CANCEL, f"order {order_id} has ended"
        return RejectReason.UNKNOWN_ORDER, f"order {order_id} is not known here"

    # --- ends ----------------------------------------------------------------------------------------------------------

    def _forget(self, working: _Working) -> None:
        del self._by_id[working.order.order_id]
        del self._by_number[working.number]
        self._ended.append(working.order.order_id)

    def _end(self, ending: list[_Working], exec_type: ExecType, text: str) -> None:
        packets: dict[int, tuple[Connection, Packet]] = {}
        for working in ending:
            self._book.cancel(self._sim.now, working.number)
            self._forget(working)
            report = self._report(working, exec_type, self._sim.now, 0)
            report.text = text
            packets.setdefault(working.connection.owner, (working.connection, []))[1].append(report)
        for connection, packet in packets.values():
            connection.deliver(packet)

    def _close(self, _: object) -> None:
        """At the close day orders expire."""
        self._end([w for w in self._by_id.values() if w.order.tif is _DAY], ExecType.EXPIRED, f"{self.name} has closed")

    def end_run(self) -> None:
        """Expire whatever still rests, so that no order of a finished run is left without a final state."""
        self._end(list(self._by_id.values()), ExecType.EXPIRED, "the simulation has ended")

    def statistics(self) -> VenueStatistics:
        """What happened so far."""
        return VenueStatistics(
            self._accepted, self._rejected, self._too_late, self._trades, self._traded, self.gateway.statistics()
        )
