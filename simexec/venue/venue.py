"""A simulated exchange: what happens between a request's arrival at its gateway and the reports that answer it.

A request waits for the gateway's servers, is validated, meets the book, and is answered; everything one request
causes for one participant travels as one packet of reports, in order. Background messages that trade with participants' orders
come from the market in the same form. Every request is answered, and every order ends with a report that says why.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
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
from simexec.trading.vocabulary import SelfTradePrevention, TimeInForce
from simexec.venue.connection import Account, Connection, Packet, Request, Working
from simexec.venue.hours import TradingHours
from simexec.venue.validation import Refusal, refuse_order

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


_PREVENTION: Final = {
    SelfTradePrevention.OFF: 0,
    SelfTradePrevention.CANCEL_NEWEST: at.STP_NEWEST,
    SelfTradePrevention.CANCEL_OLDEST: at.STP_OLDEST,
}


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
        order_numbers: the book's number of every order id, the latest of those that share one, if the book records queues.
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
        self._prefix = f"{name}-"
        self.instrument = instrument
        self.market = market
        self.hours = hours
        self.fees = fees or MakerTakerFees()
        self._sim = sim
        self._book = market.book
        self._prevention = _PREVENTION[self_trade_prevention]
        self._cancel_on_disconnect = cancel_on_disconnect
        self._priority = priority
        self.gateway = Station(sim, f"{name}.gateway", service, self._serve, servers, capacity, priority)
        self._reorders = priority or servers > 1  # whether the gateway may serve a later request first
        self._accounts: dict[str, Account] = {}
        self._by_number: dict[int, Working] = {}
        self._arrived = self._started = 0  # when the request being served reached the gateway, and its server
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

    def connect(self, participant: str, deliver: Callable[[Packet], object]) -> Connection:
        """Open a line for a participant; ``deliver`` is given its packets of reports.

        Raises:
            InputError: the participant has a line already.
        """
        account = self._accounts.get(participant)
        if account is None:
            account = self._accounts[participant] = Account(participant, len(self._accounts) + 1)
        elif account.connection.connected:
            raise InputError(f"participant {participant!r} is connected to {self.name} already")
        account.connection = Connection(self, account, deliver)
        return account.connection

    def disconnected(self, account: Account) -> None:
        """Called by a participant's line when it goes down."""
        if self._cancel_on_disconnect:
            self._end(list(account.working.values()), _CANCELED, "the participant was disconnected")

    def enqueue(self, connection: Connection, request: Request) -> None:
        """A request joins the gateway's queue, or is refused when that is full."""
        urgent = 0 if not self._priority or request.__class__ is CancelRequest else 1
        if not self.gateway.submit((connection, request), urgent):
            refusal = (
                RejectReason.OTHER,
                f"the gateway's queue is full ({self.gateway.statistics().in_system} requests)",
            )
            connection.deliver([self._refuse(connection.account, request, refusal)])
        elif self._reorders and request.__class__ is NewOrder:
            connection.account.queued.add(request.order_id)

    # --- requests ------------------------------------------------------------------------------------------------------

    def _serve(self, job: tuple[Connection, Request], arrived_ns: int, started_ns: int) -> None:
        connection, request = job
        account = connection.account
        if self._reorders and request.order_id in account.queued:
            if request.__class__ is not NewOrder:  # it has overtaken its own order
                account.deferred.setdefault(request.order_id, []).append(request)
                return
            account.queued.discard(request.order_id)
        self._arrived, self._started = arrived_ns, started_ns
        if request.__class__ is NewOrder and connection.connected:
            packet = self._new(account, request)
        else:
            packet = self._answer(connection, request)
        if self._reorders:
            for following in account.deferred.pop(request.order_id, ()):
                packet += self._answer(connection, following)
        self._arrived = self._started = 0
        connection.deliver(packet)

    def _answer(self, connection: Connection, request: Request) -> Packet:
        account = connection.account
        if not connection.connected:
            return [self._refuse(account, request, (RejectReason.OTHER, "the participant is disconnected"))]
        if request.__class__ is NewOrder:
            return self._new(account, request)
        working = account.working.get(request.order_id)
        if working is None:
            return [self._refuse(account, request, self._too_late_for(request.order_id))]
        if request.__class__ is CancelRequest:
            self._book.cancel(self._sim.now, working.number)
            self._forget(working)
            return [self._report(working, _CANCELED, self._sim.now, 0, "cancelled on request")]
        return self._replace(working, request)  # type: ignore[arg-type]  # the only class left

    def _new(self, account: Account, order: NewOrder) -> Packet:
        now, hours, order_id = self._sim.now, self.hours, order.order_id
        refusal = refuse_order(order, self.instrument)
        if refusal is None:
            if not hours.open_ns <= now < hours.close_ns:
                refusal = RejectReason.EXCHANGE_CLOSED, f"{self.name} trades {hours}"
            elif order_id in account.working:
                refusal = RejectReason.DUPLICATE_ORDER, f"order id {order_id} is in use"
        if refusal is not None:
            return [self._refuse(account, order, refusal)]
        self._numbers = number = self._numbers + 1
        tif, ticks, flags, price = order.tif, order.price_ticks, self._prevention, 0
        if ticks is None:
            flags |= MARKET
        else:
            price = ticks * self.instrument.subticks
        if tif is not _DAY:
            flags |= IOC if tif is _IOC else FOK if tif is _FOK else 0
        if order.post_only:
            flags |= MAKER_ONLY
        if order.hidden:
            flags |= HIDDEN
        quantity = order.quantity
        working = Working(account, order, number, price, flags, quantity)
        account.working[order_id] = self._by_number[number] = working
        if self._keep_numbers:
            self.order_numbers[order_id] = number
        self._reports = count = self._reports + 1
        packet = [  # NOTE: as _report does, which would be a call more for every order
            ExecutionReport(
                f"{self._prefix}{count}", order_id, _NEW, now, 0, quantity, 0, 0, 0, False, None, "", self.name,
                self._arrived, self._started,
            )
        ]  # fmt: skip
        side = 0 if order.side_sign > 0 else 1
        rows = self._book.submit(now, side, quantity, price, account.owner, number, flags, order.display_quantity or 0)
        if order.post_only and rows[0][0] == at.OUT_CANCEL:
            self._forget(working)
            return [self._refuse(account, order, (RejectReason.OTHER, f"order {_TEXTS[at.POST_ONLY]}"))]
        self._accepted += 1
        self._tell(rows, account, packet)
        return packet

    def _replace(self, working: Working, request: ReplaceRequest) -> Packet:
        instrument, account, now = self.instrument, working.account, self._sim.now
        price = working.price if request.price_ticks is None else request.price_ticks * instrument.subticks
        refusal: Refusal | None = None
        if not self.hours.contains(now):
            refusal = RejectReason.OTHER, f"{self.name} trades {self.hours}"
        elif request.quantity <= 0 or request.quantity % instrument.lot:
            refusal = (
                RejectReason.INCORRECT_QUANTITY,
                f"quantity {request.quantity} is not a positive multiple of {instrument.lot}",
            )
        elif price <= 0:
            refusal = RejectReason.INVALID_PRICE_INCREMENT, f"limit price {request.price_ticks} ticks is not positive"
        if refusal is not None:
            return [self._refuse(account, request, refusal)]
        # FIX: a total below what is filled ends the order at what is filled
        quantity = max(request.quantity, working.filled)
        leaves = quantity - working.filled
        rows: list[OutRow] | None = []
        if leaves == 0:
            self._book.cancel(now, working.number)
        else:
            rows = self._book.replace(
                now, working.number, leaves, price, owner=account.owner, flags=working.flags,
                peak=working.order.display_quantity or 0,
            )  # fmt: skip
        if rows is None:
            return [self._refuse(account, request, (RejectReason.OTHER, f"order {_TEXTS[at.POST_ONLY]}"))]
        working.quantity, working.price = quantity, price
        report = self._report(working, ExecType.REPLACED, now, leaves)
        report.price_ticks = price // instrument.subticks
        if leaves == 0:
            self._forget(working)
        packet = [report]
        self._tell(rows, account, packet)
        return packet

    # --- reports -------------------------------------------------------------------------------------------------------

    def _tell_background(self, rows: list[OutRow]) -> None:
        """What the background's messages did to participants' orders."""
        self._tell(rows, None, [])

    def _tell(self, rows: list[OutRow], requester: Account | None, packet: Packet) -> None:
        """Turn rows of the book into reports: the requester's into ``packet``, the others' delivered at once."""
        others: dict[int, tuple[Account, Packet]] | None = None
        for kind, time, number, price, quantity, leaves, maker, _, _ in rows:
            if kind == OUT_REST:
                continue
            working = self._by_number[number]
            account = working.account
            if kind == OUT_FILL:
                working.filled = filled = working.filled + quantity
                self._traded += quantity
                self._trades += 1
                made, fees = maker == 1, self.fees
                notional = self.instrument.notional(quantity, price, working.order.side_sign) if fees.by_value else 0
                self._reports = count = self._reports + 1
                report = ExecutionReport(  # NOTE: in one go rather than through _report; it is made for every trade
                    f"{self._prefix}{count}", working.order.order_id, _TRADE, time, filled, leaves, quantity, price,
                    fees.fee(quantity, notional, made), made, None, "", self.name, self._arrived, self._started,
                )  # fmt: skip
            else:
                report = self._report(working, _CANCELED, time, 0, _TEXTS[price])
            if leaves == 0:
                self._forget(working)
            if account is requester:
                packet.append(report)
            else:
                report.arrived_ns = report.started_ns = 0  # those of another's request
                others = {} if others is None else others
                others.setdefault(account.owner, (account, []))[1].append(report)
        if others is not None:
            for account, reports in others.values():
                account.deliver(reports)

    def _report(
        self, working: Working, exec_type: ExecType, time_ns: int, leaves: int, text: str = ""
    ) -> ExecutionReport:
        self._reports = count = self._reports + 1
        return ExecutionReport(
            f"{self._prefix}{count}", working.order.order_id, exec_type, time_ns, working.filled, leaves, 0, 0, 0, False, None,
            text, self.name, self._arrived, self._started,
        )  # fmt: skip

    def _refuse(self, account: Account, request: Request, refusal: Refusal) -> ExecutionReport:
        """A reject of a new order, or FIX's order cancel reject of any other request."""
        reason, text = refusal
        self._reports += 1
        exec_type, filled, leaves = ExecType.REJECTED, 0, 0
        if request.__class__ is not NewOrder:
            exec_type = ExecType.CANCEL_REJECTED
            working = account.working.get(request.order_id)
            if working is not None:
                filled, leaves = working.filled, working.quantity - working.filled
        else:
            self._rejected += 1
        return ExecutionReport(
            f"{self._prefix}{self._reports}", request.order_id, exec_type, self._sim.now, filled, leaves,
            reason=reason, text=text, venue=self.name, arrived_ns=self._arrived, started_ns=self._started,
            answers_replace=None if exec_type is ExecType.REJECTED else request.__class__ is ReplaceRequest,
        )  # fmt: skip

    def _too_late_for(self, order_id: str) -> Refusal:
        self._too_late += 1
        if order_id in self._ended:
            return RejectReason.TOO_LATE_TO_CANCEL, f"order {order_id} has ended"
        return RejectReason.UNKNOWN_ORDER, f"order {order_id} is not known here"

    # --- ends ----------------------------------------------------------------------------------------------------------

    def _forget(self, working: Working) -> None:
        order_id = working.order.order_id
        del working.account.working[order_id]
        del self._by_number[working.number]
        self._ended.append(order_id)

    def _end(self, ending: list[Working], exec_type: ExecType, text: str) -> None:
        packets: dict[int, tuple[Account, Packet]] = {}
        for working in ending:
            self._book.cancel(self._sim.now, working.number)
            self._forget(working)
            report = self._report(working, exec_type, self._sim.now, 0, text)
            packets.setdefault(working.account.owner, (working.account, []))[1].append(report)
        for account, packet in packets.values():
            account.deliver(packet)

    def _close(self, _: object) -> None:
        """At the close day orders expire."""
        day = [working for working in self._by_number.values() if working.order.tif is _DAY]
        self._end(day, ExecType.EXPIRED, f"{self.name} has closed")

    def end_run(self) -> None:
        """Expire whatever still rests, so that no order of a finished run is left without a final state."""
        self._end(list(self._by_number.values()), ExecType.EXPIRED, "the simulation has ended")

    def statistics(self) -> VenueStatistics:
        """What happened so far."""
        return VenueStatistics(
            self._accepted, self._rejected, self._too_late, self._trades, self._traded, self.gateway.statistics()
        )
