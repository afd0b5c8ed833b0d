"""One instrument at a venue: its book, its state, and what the venue does with an order for it.

Everything that one request causes for one participant travels as one packet of reports, in order. Background messages that
trade with participants' orders come from the market in the same form.
"""

from __future__ import annotations

from collections.abc import Callable

from simexec.market import layout as at
from simexec.market.layout import FOK, HIDDEN, IOC, MAKER_ONLY, MARKET, OUT_CANCEL, OUT_FILL
from simexec.market.midpoint import MidpointMarket
from simexec.market.order_book import OrderBook, OutRow
from simexec.models.fees import MakerTakerFees
from simexec.sim import Simulation
from simexec.sim.clock import format_time_of_day
from simexec.trading.instrument import Instrument
from simexec.trading.report import ExecType, ExecutionReport, RejectReason
from simexec.trading.requests import NewOrder, ReplaceRequest
from simexec.trading.vocabulary import OrderType, TimeInForce
from simexec.venue.band import PriceBand
from simexec.venue.book import ListedMarket
from simexec.venue.connection import Account, Packet, Working
from simexec.venue.placing import place, refuse_unoffered, resting_price
from simexec.venue.reports import CANCEL_TEXTS, Reports
from simexec.venue.states import TradingState, refuse_before_open
from simexec.venue.validation import Refusal, refuse_order, refuse_replace

# Module globals, since reading a member off its Enum runs Python code.
_NEW, _TRADE, _CANCELED, _EXPIRED = ExecType.NEW, ExecType.TRADE, ExecType.CANCELED, ExecType.EXPIRED
_PEGGED = OrderType.PEGGED
_DAY, _IOC, _FOK, _GTD = TimeInForce.DAY, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTD
_OPEN, _HALTED, _CLOSED, _PRE_OPEN = TradingState.OPEN, TradingState.HALTED, TradingState.CLOSED, TradingState.PRE_OPEN


class Listing:
    """An instrument that a venue trades.

    Args:
        sim: the simulation.
        reports: of the venue.
        act_at: has the venue do something at a time, or at the end of an outage if it is out then.
        instrument: what is traded.
        market: its book and order flow.
        fees: what makers and takers pay.
        band: outside which nothing trades.
        prevention: flag of the book's self-trade prevention.
        hours: the venue's, in words.

    Attributes:
        state: whether it trades; an outage is a matter of the venue, not of this.
        band_halts: halts that its price band set off.
    """

    def __init__(
        self,
        sim: Simulation,
        reports: Reports,
        act_at: Callable[[int, Callable[[], object]], None],
        instrument: Instrument,
        market: ListedMarket,
        fees: MakerTakerFees,
        band: PriceBand | None,
        prevention: int,
        hours: str,
    ) -> None:
        self.instrument = instrument
        self.market = market
        self.fees = fees
        self.state = _CLOSED
        self.band_halts = 0
        self._sim = sim
        self._reports = reports
        self._act_at = act_at
        self._book = market.book
        self._band = band
        self._prevention = prevention
        self._hours = hours
        self._dark = isinstance(market, MidpointMarket)
        self._by_number: dict[int, Working] = {}
        self._keep_numbers = isinstance(market.book, OrderBook) and bool(market.book.arrays.state[at.RECORD_QUEUES])
        self._in_call = self._suspended = False
        self._halted_until = 0
        self._expiries: dict[int, list[Working]] = {}
        market.listen(self._tell_background)

    # --- requests ------------------------------------------------------------------------------------------------------

    def new(self, account: Account, order: NewOrder) -> Packet:
        """A new order; returns the reports for its participant, and delivers those for others."""
        now, order_id, reports = self._sim.now, order.order_id, self._reports
        refusal = refuse_order(order, self.instrument, now)
        if refusal is None:
            if self.state is not _OPEN:
                refusal = self._refuse_now(order)
            if refusal is None and order_id in account.working:
                refusal = RejectReason.DUPLICATE_ORDER, f"order id {order_id} is in use"
            if refusal is None and (order.terms is not None or self._dark):
                refusal = refuse_unoffered(order, self._dark)
        if refusal is not None:
            return [reports.refuse(account, order, refusal)]
        reports.numbers = number = reports.numbers + 1
        terms, tif, ticks, flags, price = order.terms, order.tif, order.price_ticks, self._prevention, 0
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
        working = Working(self, account, order, number, price, flags, quantity)
        account.working[order_id] = self._by_number[number] = working
        if self._keep_numbers:
            reports.order_numbers[order_id] = number
        reports.count = count = reports.count + 1
        packet: Packet = [  # NOTE: as Reports.of does, which would be a call more for every order
            ExecutionReport(
                f"{reports.prefix}{count}", order_id, _NEW, now, 0, quantity, 0, 0, 0, False, None, "", reports.venue,
                reports.arrived, reports.started,
            )
        ]  # fmt: skip
        if terms is None:
            side = 0 if order.side_sign > 0 else 1
            rows = self._book.submit(
                now, side, quantity, price, account.owner, number, flags, order.display_quantity or 0
            )
        else:
            rows = place(self._book, now, working, self.instrument.subticks)
        if rows and rows[0][0] == OUT_CANCEL and rows[0][3] in (at.POST_ONLY, at.NO_REFERENCE):
            self._forget(working)
            reason = RejectReason.OTHER if order.post_only else RejectReason.REFERENCE_PRICE_NOT_AVAILABLE
            return [reports.refuse(account, order, (reason, f"order {CANCEL_TEXTS[rows[0][3]]}"))]
        reports.accepted += 1
        if terms is not None:
            self._note_terms(working, rows, packet)
        self._tell(rows, account, packet)
        return packet

    def cancel(self, working: Working, text: str) -> Packet:
        """Take an order out at its participant's request."""
        self._withdraw(working)
        return [self._reports.of(working, _CANCELED, self._sim.now, 0, text)]

    def replace(self, working: Working, request: ReplaceRequest) -> Packet:
        """Change an order's total quantity, limit or stop price."""
        account, now, subticks = working.account, self._sim.now, self.instrument.subticks
        refusal = refuse_replace(request, working.order, self.instrument, working.triggered)
        if self.state is not _OPEN and self.state is not _PRE_OPEN:
            refusal = RejectReason.EXCHANGE_CLOSED, self._why_not()
        if refusal is not None:
            return [self._reports.refuse(account, request, refusal)]
        price = None if request.price_ticks is None else request.price_ticks * subticks
        stop = None if request.stop_ticks is None else request.stop_ticks * subticks
        # FIX: a total below what is filled ends the order at what is filled
        quantity = max(request.quantity, working.filled)
        leaves = quantity - working.filled
        rows: list[OutRow] | None = []
        if leaves == 0:
            self._withdraw(working)
        else:
            rows = self._book.replace(
                now, working.number, leaves, price, owner=account.owner, flags=working.flags,
                peak=working.order.display_quantity or 0, stop=stop,
            )  # fmt: skip
        if rows is None:
            return [self._reports.refuse(account, request, (RejectReason.OTHER, f"order {CANCEL_TEXTS[at.POST_ONLY]}"))]
        working.quantity = quantity
        if working.flags & at.SLIDE:
            price = resting_price(rows, working.number) or price
        working.price = working.price if price is None else price
        report = self._reports.of(working, ExecType.REPLACED, now, leaves)
        report.price_ticks = working.price // subticks if working.price else None
        report.stop_ticks = request.stop_ticks
        packet: Packet = [report]
        self._tell(rows, account, packet)
        return packet

    # --- what is refused -----------------------------------------------------------------------------------------------

    def _refuse_now(self, order: NewOrder) -> Refusal | None:
        if self.state is _PRE_OPEN:
            return refuse_before_open(order)
        return RejectReason.EXCHANGE_CLOSED, self._why_not()

    def _why_not(self) -> str:
        """Why nothing is taken in the present state."""
        if self.state is _HALTED:
            return f"{self.instrument.symbol} is halted until {format_time_of_day(self._halted_until)}"
        return f"{self._reports.venue} trades {self._hours}"

    # --- reports -------------------------------------------------------------------------------------------------------

    def _note_terms(self, working: Working, rows: list[OutRow], packet: Packet) -> None:
        """See to what a new order's terms ask for: its expiry, and the price that it slid to."""
        terms = working.order.terms
        if terms is None:
            return
        if terms.price_slide:
            price = resting_price(rows, working.number)
            if price is not None and price != working.price:
                working.price = price
                report = self._reports.of(working, ExecType.RESTATED, self._sim.now, working.quantity, "price slid")
                report.price_ticks = price // self.instrument.subticks
                packet.append(report)
        if terms.expire_ns is not None and working.order.tif is _GTD:
            due = self._expiries.get(terms.expire_ns)
            if due is None:
                due = self._expiries[terms.expire_ns] = []
                time_ns = terms.expire_ns
                self._act_at(time_ns, lambda: self._expire(time_ns))
            due.append(working)

    def _tell_background(self, rows: list[OutRow]) -> None:
        """What the background's messages did to participants' orders."""
        self._tell(rows, None, [])

    def _tell(self, rows: list[OutRow], requester: Account | None, packet: Packet) -> None:
        """Turn rows of the book into reports: the requester's into ``packet``, the others' delivered at once."""
        others: dict[int, tuple[Account, Packet]] | None = None
        reports = self._reports
        for kind, time, number, price, quantity, leaves, maker, _, _ in rows:
            if kind == OUT_FILL:
                working = self._by_number[number]
                working.filled = filled = working.filled + quantity
                reports.traded += quantity
                reports.trades += 1
                made, fees = maker == 1, self.fees
                notional = self.instrument.notional(quantity, price, working.order.side_sign) if fees.by_value else 0
                reports.count = count = reports.count + 1
                report = ExecutionReport(  # NOTE: in one go rather than through Reports.of; it is made for every trade
                    f"{reports.prefix}{count}", working.order.order_id, _TRADE, time, filled, leaves, quantity, price,
                    fees.fee(quantity, notional, made), made, None, "", reports.venue, reports.arrived, reports.started,
                )  # fmt: skip
                if leaves == 0:
                    self._forget(working)
            elif kind == OUT_CANCEL:
                working = self._by_number[number]
                report = reports.of(working, _CANCELED, time, 0, CANCEL_TEXTS[price])
                self._forget(working)
            elif kind == at.OUT_TRIGGER:
                working = self._by_number[number]
                working.triggered = True
                report = reports.of(working, ExecType.TRIGGERED, time, working.quantity - working.filled)
            else:
                if kind == at.OUT_HALT and self._band is not None:
                    self._in_call = True  # by the book itself
                    self.band_halts += 1
                    self.halt(time + self._band.halt)
                continue
            account = working.account
            if account is requester:
                packet.append(report)
            else:
                report.arrived_ns = report.started_ns = 0  # those of another's request
                others = {} if others is None else others
                others.setdefault(account.owner, (account, []))[1].append(report)
        if others is not None:
            for account, told in others.values():
                account.deliver(told)

    # --- states --------------------------------------------------------------------------------------------------------

    def pre_open(self) -> None:
        """Take orders that wait for the opening auction."""
        self.state = _PRE_OPEN
        self._settle_phase()

    def open(self) -> None:
        """Trade; what has rested without trading is uncrossed first."""
        self.state = _OPEN
        if self._band is not None and not self._in_call:
            self._centre_band()
        self._settle_phase()

    def halt(self, until_ns: int) -> None:
        """Stop trading up to a time, or later if a halt that lasts longer is in force."""
        if self.state is not _OPEN and self.state is not _HALTED:
            return
        self.state = _HALTED
        self._halted_until = max(self._halted_until, until_ns)
        self._act_at(until_ns, self._reopen)
        self._settle_phase()

    def _reopen(self) -> None:
        if self.state is _HALTED and self._sim.now >= self._halted_until:
            self.open()

    def close(self) -> None:
        """Day orders expire; what else participants have in the book stays there and does not trade."""
        self.state = _CLOSED
        self._halted_until = 0
        day = [working for working in self._by_number.values() if working.order.tif is _DAY]
        if len(day) < len(self._by_number):
            self._settle_phase()  # what stays must not trade with what follows from the cancels
        # Pegged orders first: none of them is left that could follow the others' leaving, and trade.
        day.sort(key=lambda working: working.order.order_type is not _PEGGED)
        self._deliver(self.end(day, _EXPIRED, f"{self._reports.venue} has closed"))
        if self._band is not None:
            self._book.set_band(None, None)
        self._settle_phase()

    def suspend(self) -> None:
        """The venue is out: nothing trades."""
        self._suspended = True
        self._settle_phase()

    def resume(self) -> None:
        """The outage is over."""
        self._suspended = False
        self._settle_phase()

    def _settle_phase(self) -> None:
        """Bring the book into the phase that follows from the state; leaving a call uncrosses it."""
        wanted = self._suspended or self.state is _HALTED or self.state is _PRE_OPEN
        if self.state is _CLOSED:
            # A background that goes on outside the hours trades with itself, unless orders of participants stay.
            wanted = wanted or self._in_call or bool(self._by_number)
        if wanted == self._in_call:
            return
        self._in_call = wanted
        if self._band is not None and not wanted:
            self._book.set_band(None, None)
        rows = self._book.set_phase(self._sim.now, at.CALL if wanted else at.CONTINUOUS)
        if not wanted:
            self._tell(rows, None, [])
            if self._band is not None:
                self._centre_band()

    def _centre_band(self) -> None:
        band = self._band
        if band is not None:
            last = self._book.last_price
            reference = band.reference_ticks * self.instrument.subticks if last is None else last
            self._book.set_band(*band.around(reference))

    # --- ends ----------------------------------------------------------------------------------------------------------

    def working(self) -> list[Working]:
        """Live orders, in the order of their entry."""
        return list(self._by_number.values())

    def end(self, ending: list[Working], exec_type: ExecType, text: str) -> list[tuple[Account, Packet]]:
        """Take orders out and return the packets that say so."""
        packets: dict[int, tuple[Account, Packet]] = {}
        for working in ending:
            if self._by_number.get(working.number) is not working:  # traded meanwhile
                continue
            self._withdraw(working)
            report = self._reports.of(working, exec_type, self._sim.now, 0, text)
            packets.setdefault(working.account.owner, (working.account, []))[1].append(report)
        return list(packets.values())

    def _expire(self, time_ns: int) -> None:
        self._deliver(self.end(self._expiries.pop(time_ns), _EXPIRED, f"its time was {format_time_of_day(time_ns)}"))

    def _deliver(self, packets: list[tuple[Account, Packet]]) -> None:
        for account, packet in packets:
            account.deliver(packet)

    def _withdraw(self, working: Working) -> None:
        self._book.cancel(self._sim.now, working.number)
        self._forget(working)

    def _forget(self, working: Working) -> None:
        order_id = working.order.order_id
        del working.account.working[order_id]
        del self._by_number[working.number]
        self._reports.note_end(working.account.owner, order_id)
