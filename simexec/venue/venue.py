"""A simulated exchange: what happens between a request's arrival at its gateway and the reports that answer it.

A request passes the throttle, waits for the gateway's servers, is handed to the listing of its instrument, and is answered. Every
request is answered, and every order ends with a report that says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial, reduce
from operator import and_
from typing import Final

from simexec.errors import InputError
from simexec.market import layout as at
from simexec.market.midpoint import MidpointMarket
from simexec.models.fees import MakerTakerFees
from simexec.protocols import DurationModel
from simexec.sim import Simulation, Station, format_duration
from simexec.trading.capabilities import FEATURES, MODES, Capabilities
from simexec.trading.instrument import Instrument
from simexec.trading.report import ExecType, MassCancelReport, RejectReason
from simexec.trading.requests import CancelRequest, MassCancelRequest, NewOrder
from simexec.trading.vocabulary import OrderType, SelfTradePrevention, TimeInForce
from simexec.venue.band import PriceBand
from simexec.venue.book import ListedMarket
from simexec.venue.connection import Account, Connection, Packet, Request
from simexec.venue.hours import Halt, SessionCalendar, TradingHours
from simexec.venue.incidents import Incident, Outage, check_incidents
from simexec.venue.listing import Listing
from simexec.venue.reports import Reports
from simexec.venue.states import TradingState
from simexec.venue.statistics import VenueStatistics
from simexec.venue.throttle import Throttle, ThrottledEntry
from simexec.venue.validation import Refusal

_CANCELED = ExecType.CANCELED

_PREVENTION: Final = {
    SelfTradePrevention.OFF: 0,
    SelfTradePrevention.CANCEL_NEWEST: at.STP_NEWEST,
    SelfTradePrevention.CANCEL_OLDEST: at.STP_OLDEST,
}

_LIT: Final = Capabilities(OrderType, TimeInForce, FEATURES - {"resting_min_quantity"}, MODES)
_DARK: Final = Capabilities(
    (OrderType.MARKET, OrderType.LIMIT, OrderType.PEGGED),
    TimeInForce,
    ("hidden", "min_quantity", "resting_min_quantity", "peg_midpoint", "replace", "mass_cancel"),
    MODES,
)


class Venue:
    """One exchange: a gateway, and behind it a book for each instrument that it lists.

    Args:
        sim: the simulation.
        name: of the venue; the gateway draws from the stream ``station.{name}.gateway``.
        instrument: what it trades; ``list`` adds others.
        market: the instrument's book and order flow; coupled to the calendar here.
        hours: when it trades.
        service: service time of a request at the gateway.
        servers: of the gateway; ``capacity``: most requests in it, more are refused; ``priority``: cancels go first.
        fees: what makers and takers pay.
        self_trade_prevention: see there.
        cancel_on_disconnect: whether a participant's orders are cancelled when its line goes down.
        throttle: limit of messages a participant; None: no limit.
        incidents: outages and slow gateways.
        band: outside which the instrument does not trade; None: anywhere.
        matching: "price_time" or "pro_rata"; ``pro_rata_minimum``: allocations below it are 0.

    Attributes:
        gateway: the station in front of the books.
    """

    def __init__(
        self,
        sim: Simulation,
        name: str,
        instrument: Instrument,
        market: ListedMarket,
        hours: TradingHours | SessionCalendar,
        *,
        service: DurationModel,
        servers: int = 1,
        capacity: int | None = None,
        priority: bool = False,
        fees: MakerTakerFees | None = None,
        self_trade_prevention: SelfTradePrevention = SelfTradePrevention.OFF,
        cancel_on_disconnect: bool = True,
        throttle: Throttle | None = None,
        incidents: Sequence[Incident] = (),
        band: PriceBand | None = None,
        matching: str = "price_time",
        pro_rata_minimum: int = 1,
    ) -> None:
        check_incidents(incidents, sim.now)
        self.name = name
        self.instrument = instrument
        self.market = market
        self.hours = hours
        self.fees = fees or MakerTakerFees()
        self._sim = sim
        self._prevention = _PREVENTION[self_trade_prevention]
        self._cancel_on_disconnect = cancel_on_disconnect
        self._priority = priority
        self._throttle: ThrottledEntry | None = None
        if throttle is not None:
            self._throttle = ThrottledEntry(sim, throttle, self._enter, self._refuse_throttled)
            self._over_limit = f"more than {throttle.messages} messages in {format_duration(throttle.window)}"
        self.gateway = Station(sim, f"{name}.gateway", service, self._serve, servers, capacity, priority)
        self._reorders = priority or servers > 1  # whether the gateway may serve a later request first
        self._accounts: dict[str, Account] = {}
        self._reports = Reports(sim, name)
        self._session = TradingState.CLOSED
        self._halted_until = 0  # all of it
        self._out = self._ended = False
        self._backlog: list[Callable[[], object]] = []  # what the outage keeps the venue from doing
        self._listings: dict[str, Listing] = {}
        self.list(instrument, market, self.fees, band=band, matching=matching, pro_rata_minimum=pro_rata_minimum)
        for session in hours.sessions if isinstance(hours, SessionCalendar) else (hours,):
            self._schedule(session)
        for incident in incidents:
            if isinstance(incident, Outage):
                sim.call_at(incident.start_ns, self._go_out, incident)
                sim.call_at(incident.end_ns, self._come_back)
            else:
                sim.call_at(incident.start_ns, self.gateway.slow_down, incident.factor)
                sim.call_at(incident.end_ns, self.gateway.slow_down, 1)

    def list(
        self,
        instrument: Instrument,
        market: ListedMarket,
        fees: MakerTakerFees | None = None,
        *,
        band: PriceBand | None = None,
        matching: str = "price_time",
        pro_rata_minimum: int = 1,
    ) -> None:
        """Trade one more instrument behind the same gateway, in the same hours; ``fees`` None: those of the venue.

        Raises:
            InputError: the instrument is listed already, or there is no such matching rule.
        """
        if instrument.symbol in self._listings:
            raise InputError(f"{self.name} lists {instrument.symbol} already; a symbol has one book at a venue")
        if matching not in ("price_time", "pro_rata"):
            raise InputError(f"matching {matching!r} of {self.name} is neither 'price_time' nor 'pro_rata'")
        if matching == "pro_rata":
            market.book.set_pro_rata(pro_rata_minimum)
        listing = Listing(
            self._sim, self._reports, self._act_at, instrument, market, fees or self.fees, band, self._prevention,
            str(self.hours),
        )  # fmt: skip
        if self._session is not TradingState.CLOSED:
            listing.pre_open() if self._session is TradingState.PRE_OPEN else listing.open()
            if self._halted_until > self._sim.now:
                listing.halt(self._halted_until)
        if self._out:
            listing.suspend()
        self._listings[instrument.symbol] = listing
        market.couple(self._sim)

    @property
    def order_numbers(self) -> dict[str, int]:
        """The book's number of every order id, the latest of those that share one, if the book records queues."""
        return self._reports.order_numbers

    @property
    def capabilities(self) -> Capabilities:
        """What it takes, while it is open, of whatever it lists: of a lit and a dark book what both take."""
        markets = [listing.market for listing in self._listings.values()]
        return reduce(and_, [_DARK if isinstance(market, MidpointMarket) else _LIT for market in markets])

    def state(self, symbol: str | None = None) -> TradingState | None:
        """Whether an instrument trades, by default the first; None while the venue is out.

        Raises:
            InputError: the venue does not list it.
        """
        listing = self._listings.get(self.instrument.symbol if symbol is None else symbol)
        if listing is None:
            raise InputError(f"{self.name} does not list {symbol}; it lists {', '.join(self._listings)}")
        return None if self._out else listing.state

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
            self._act(partial(self._cancel_all, account))

    def _cancel_all(self, account: Account) -> None:
        for listing in self._listings.values():
            working = [one for one in account.working.values() if one.listing is listing]
            _deliver(listing.end(working, _CANCELED, "the participant was disconnected"))

    def enqueue(self, connection: Connection, request: Request) -> None:
        """A request joins the gateway's queue, unless the throttle holds it back or the queue is full."""
        if self._throttle is None:
            self._enter((connection, request))
        else:
            counts = request.__class__ is not CancelRequest and request.__class__ is not MassCancelRequest
            self._throttle.take(connection.account.owner, (connection, request), counts)

    def _enter(self, job: tuple[Connection, Request]) -> None:
        request = job[1]
        urgent = 0 if not self._priority or request.__class__ is CancelRequest else 1
        if not self.gateway.submit(job, urgent):
            refusal = (
                RejectReason.OTHER,
                f"the gateway's queue is full ({self.gateway.statistics().in_system} requests)",
            )
            self._act(partial(self._turn_away, job, refusal))
        elif self._reorders:
            account = job[0].account
            if request.__class__ is NewOrder:
                account.queued.add(request.order_id)
            elif request.__class__ is MassCancelRequest:
                account.ahead[request.order_id] = set(account.queued)

    def _refuse_throttled(self, job: tuple[Connection, Request]) -> None:
        self._act(partial(self._turn_away, job, (RejectReason.THROTTLE_LIMIT_EXCEEDED, self._over_limit)))

    def _turn_away(self, job: tuple[Connection, Request], refusal: Refusal) -> None:
        connection, request = job
        connection.deliver([self._reports.refuse(connection.account, request, refusal)])

    # --- requests ------------------------------------------------------------------------------------------------------

    def _serve(self, job: tuple[Connection, Request], arrived_ns: int, started_ns: int) -> None:
        connection, request = job
        account, reports = connection.account, self._reports
        if self._reorders:
            if request.__class__ is NewOrder:
                account.queued.discard(request.order_id)
            elif self._overtakes(account, request):
                return
        reports.arrived, reports.started = arrived_ns, started_ns
        packet = self._answer(connection, request)
        if self._reorders:
            for following in account.deferred.pop(request.order_id, ()):
                if not self._overtakes(account, following):
                    packet += self._answer(connection, following)
        reports.arrived = reports.started = 0
        connection.deliver(packet)

    def _overtakes(self, account: Account, request: Request) -> bool:
        """Whether a request is served ahead of a new order that it is about; it is then kept for after that."""
        if request.__class__ is MassCancelRequest:
            awaited = account.ahead.pop(request.order_id, set()) & account.queued
            if not awaited:
                return False
            account.ahead[request.order_id] = awaited
            order_id = min(awaited)
        else:
            order_id = request.order_id
            if order_id not in account.queued:
                return False
        account.deferred.setdefault(order_id, []).append(request)
        return True

    def _answer(self, connection: Connection, request: Request) -> Packet:
        account = connection.account
        if not connection.connected:
            return [self._reports.refuse(account, request, (RejectReason.OTHER, "the participant is disconnected"))]
        if isinstance(request, NewOrder):
            if self._ended:
                return [
                    self._reports.refuse(account, request, (RejectReason.EXCHANGE_CLOSED, "the simulation has ended"))
                ]
            listing = self._listings.get(request.symbol)
            if listing is not None:
                return listing.new(account, request)
            return [self._reports.refuse(account, request, self._unknown(request.symbol))]
        if isinstance(request, MassCancelRequest):
            return self._cancel_many(account, request)
        working = account.working.get(request.order_id)
        if working is None:
            return [self._reports.refuse_late(account, request)]
        if isinstance(request, CancelRequest):
            return working.listing.cancel(working, "cancelled on request")
        return working.listing.replace(working, request)

    def _unknown(self, symbol: str) -> Refusal:
        return RejectReason.UNKNOWN_SYMBOL, f"symbol {symbol} is not traded here, only {', '.join(self._listings)}"

    def _cancel_many(self, account: Account, request: MassCancelRequest) -> Packet:
        symbol, sign = request.symbol, request.side_sign
        if symbol is not None and symbol not in self._listings:
            return [self._reports.refuse(account, request, self._unknown(symbol))]
        if sign not in (None, 1, -1):
            return [
                self._reports.refuse(
                    account, request, (RejectReason.OTHER, f"side {sign} is neither 1 (buy) nor -1 (sell)")
                )
            ]
        packet: Packet = []
        cancelled = 0
        for working in tuple(account.working.values()):
            order = working.order
            if (symbol is not None and order.symbol != symbol) or (sign is not None and order.side_sign != sign):
                continue
            if account.working.get(order.order_id) is working:  # it has not traded while others were taken out
                packet += working.listing.cancel(working, "cancelled by a mass cancel")
                cancelled += 1
        packet.append(MassCancelReport(request.request_id, cancelled, self.name, self._sim.now))
        return packet

    # --- sessions and incidents ----------------------------------------------------------------------------------------

    def _schedule(self, session: TradingHours) -> None:
        if session.close_ns <= self._sim.now:
            return
        if session.pre_open_ns is not None:
            self._act_at(session.pre_open_ns, self._pre_open)
        self._act_at(session.open_ns, self._open)
        for halt in session.halts:
            self._act_at(halt.start_ns, partial(self._halt, halt))
        self._act_at(session.close_ns, self._close)

    def _act_at(self, time_ns: int, action: Callable[[], object]) -> None:
        """Do something at a time, or at once if that has passed; if the venue is out then, at the end of the outage."""
        if time_ns <= self._sim.now:
            self._act(action)
        else:
            self._sim.call_at(time_ns, self._act, action)

    def _act(self, action: Callable[[], object]) -> None:
        if self._out:
            self._backlog.append(action)
        else:
            action()

    def _pre_open(self) -> None:
        self._session = TradingState.PRE_OPEN
        for listing in self._listings.values():
            listing.pre_open()

    def _open(self) -> None:
        self._session = TradingState.OPEN
        for listing in self._listings.values():
            listing.open()

    def _halt(self, halt: Halt) -> None:
        if halt.symbol is None:
            self._halted_until = max(self._halted_until, halt.end_ns)
            for listing in self._listings.values():
                listing.halt(halt.end_ns)
        elif halt.symbol in self._listings:
            self._listings[halt.symbol].halt(halt.end_ns)
        else:
            raise InputError(
                f"{halt} is of a symbol that {self.name} does not list; it lists {', '.join(self._listings)}"
            )

    def _close(self) -> None:
        self._session = TradingState.CLOSED
        for listing in self._listings.values():
            listing.close()

    def _go_out(self, outage: Outage) -> None:
        for listing in self._listings.values():
            listing.suspend()
            if outage.cancel_orders:
                lost = listing.end(listing.working(), _CANCELED, f"lost in an outage of {self.name}")
                self._backlog.append(partial(_deliver, lost))
        self._out = True
        self.gateway.stop()

    def _come_back(self, _: object = None) -> None:
        if not self._out:
            return
        self._out = False
        backlog, self._backlog = self._backlog, []
        for action in backlog:
            action()
        for listing in self._listings.values():
            listing.resume()
        self.gateway.resume()

    def end_run(self) -> None:
        """Expire whatever still rests, so that no order of a finished run is left without a final state.

        An outage ends, what waits at the throttle goes on to the gateway, and new orders are refused from now on.
        """
        self._come_back()
        self._ended = True
        if self._throttle is not None:
            self._throttle.release()
        for listing in self._listings.values():
            _deliver(listing.end(listing.working(), ExecType.EXPIRED, "the simulation has ended"))

    def statistics(self) -> VenueStatistics:
        """What happened so far."""
        seen = self._reports
        return VenueStatistics(
            seen.accepted, seen.rejected, seen.too_late, seen.trades, seen.traded, self.gateway.statistics(),
            0 if self._throttle is None else self._throttle.refused, 0 if self._throttle is None else self._throttle.delayed,
            sum(listing.band_halts for listing in self._listings.values()),
        )  # fmt: skip


def _deliver(packets: Iterable[tuple[Account, Packet]]) -> None:
    for account, packet in packets:
        account.deliver(packet)
