"""A venue for data without a book: models decide what fills, when, and at what price.

Participants use it as they use an exchange: requests wait for the gateway, are validated and answered, and every order ends with
a report that says why. ``docs/model_venue.md`` has the rules of its fills and what they cannot know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Final

import attrs

from simexec.errors import InputError
from simexec.market.tape import Tape
from simexec.models.commission import CommissionModel
from simexec.models.fees import MakerTakerFees
from simexec.models.impact import ImpactModel
from simexec.models.slippage import SlippageModel
from simexec.protocols import DurationModel
from simexec.sim import Simulation, Station
from simexec.trading.capabilities import MODES, Capabilities
from simexec.trading.instrument import Instrument
from simexec.trading.money import Number, parse_decimal
from simexec.trading.report import ExecType, ExecutionReport, MassCancelReport, RejectReason
from simexec.trading.requests import CancelRequest, MassCancelRequest, NewOrder, ReplaceRequest
from simexec.trading.vocabulary import OrderType, TimeInForce
from simexec.venue.bar_fills import BarFills
from simexec.venue.connection import Packet, Request
from simexec.venue.hours import SessionCalendar, TradingHours
from simexec.venue.model_connection import ModelConnection, ModelVenueStatistics, ModelWorking
from simexec.venue.model_market import Fills, ModelMarket, Sessions
from simexec.venue.model_orders import CANCELLED, ELECTED, ModelOrder, Outcome, Pricing, TouchDraws, probability
from simexec.venue.model_view import ModelView
from simexec.venue.pushed_market import PushedMarket
from simexec.venue.quote_fills import QuoteFills
from simexec.venue.reports import Reports
from simexec.venue.validation import Refusal, refuse_order, refuse_replace

_OF_BARS: Final = Capabilities(
    (OrderType.MARKET, OrderType.LIMIT, OrderType.ICEBERG, OrderType.STOP, OrderType.STOP_LIMIT),
    TimeInForce,
    ("displayed", "hidden", "display_quantity", "min_quantity", "resting_min_quantity", "replace", "mass_cancel"),
    MODES,
)
OF_QUOTES: Final = attrs.evolve(_OF_BARS, features=_OF_BARS.features | {"post_only"})
"""What a venue with quotes takes."""


def to_share(share: Number | Fraction) -> Fraction:
    """The share of a volume that is ours at most, exactly as written; InputError unless it is above 0 and at most 1."""
    exact = share if isinstance(share, Fraction) else Fraction(parse_decimal(share, "participation"))
    if not 0 < exact <= 1:
        raise InputError(f"participation {share} must be above 0 and at most 1; 0.1 is 10 %")
    return exact


class ModelVenue:
    """A venue that fills orders from bars, or from quotes and trades.

    It takes market, limit, stop and stop-limit orders with any time in force. Icebergs and hidden orders are limit orders here,
    since nobody sees them; post-only needs quotes. Trailing stops and pegs are refused: they follow a book.

    Args:
        sim: the simulation.
        name: of the venue; the gateway draws from the stream ``station.{name}.gateway``, touches from ``venue.{name}.touch``.
        instrument: what it trades.
        data: bars or quotes, see ``market.tape`` and ``market.bars``; None: they are handed in by ``push`` as they come.
        hours: when it trades; a bar that is not all inside fills nothing. None: always.
        service: service time of a request at the gateway; one server, first come first served.
        participation: the most of a bar's volume, a quote's size or a trade's that is ours, above 0 up to 1, exactly as written.
        touch_fill_probability: that a trade at exactly an order's limit reached the order.
        capacity: most requests in the gateway, more are refused; None: no limit.
        fees: what the venue charges; ``commission``: what the broker does. A report has the sum.
        slippage: how much worse a fill is than the market; ``impact``: what our trades do to prices. See ``models``.
        cancel_on_disconnect: whether a participant's orders are cancelled when its line goes down.

    Attributes:
        gateway: the station in front of it.
        market: the data, coupled to the calendar unless they are handed in; views are made of coupled ones.

    Raises:
        InputError: a participation or probability out of range, or an impact model that needs bars where there are quotes.
    """

    def __init__(
        self,
        sim: Simulation,
        name: str,
        instrument: Instrument,
        data: Tape | None,
        hours: TradingHours | SessionCalendar | None,
        *,
        service: DurationModel,
        participation: Number | Fraction,
        touch_fill_probability: float = 0.0,
        capacity: int | None = None,
        fees: MakerTakerFees | None = None,
        commission: CommissionModel | None = None,
        slippage: SlippageModel | None = None,
        impact: ImpactModel | None = None,
        cancel_on_disconnect: bool = True,
    ) -> None:
        try:
            share = to_share(participation)
        except InputError as error:
            raise InputError(f"{name}: {error}") from None
        self.name = name
        self.instrument = instrument
        self.hours = hours
        self._sim = sim
        self._fees = fees or MakerTakerFees(currency=instrument.currency)
        self._commission = commission
        self._impact = impact
        self._cancel_on_disconnect = cancel_on_disconnect
        self._touch = TouchDraws(sim.rng(f"venue.{name}.touch"), probability(touch_fill_probability))
        self._sessions = Sessions(hours)
        self._parts = Pricing(instrument, slippage, impact), self._touch, share.as_integer_ratio(), instrument.lot
        self.market: ModelMarket | PushedMarket
        if data is None:
            self.market = PushedMarket(name, self._fills_of, self._sessions, self._tell)
        else:
            self.market = ModelMarket(name, data, self._fills_of(data.is_bars), self._sessions, self._tell)
            sim.couple(self.market)
        self.gateway = Station(sim, f"{name}.gateway", service, self._serve, 1, capacity)
        self._lines: dict[str, ModelConnection] = {}
        self._by_number: dict[int, ModelWorking] = {}
        self._reports = Reports(sim, name)
        self._slipped = 0
        for close in self._sessions.closes:
            sim.call_at(close, self._close if data is not None else self._close_behind)

    @property
    def capabilities(self) -> Capabilities:
        """What it takes while it is open; post-only needs quotes."""
        return _OF_BARS if self.market.is_bars else OF_QUOTES

    def _fills_of(self, is_bars: bool) -> Fills:
        if not is_bars and self._impact is not None and self._impact.needs_seconds:
            raise InputError(
                f"{type(self._impact).__name__} needs the length of a bar, and {self.name} has quotes; use another model"
            )
        return BarFills(*self._parts) if is_bars else QuoteFills(*self._parts)

    def push(self, row: list[int], *, is_bar: bool, anew: bool = False) -> None:
        """Hand in a row of market data that has just become known; what it does to orders is reported at once.

        Args:
            row: columns of ``market.tape``; a bar's end, or the time of a quote or trade, is the present.
            is_bar: whether it is a bar; otherwise a quote or trade.
            anew: whether a quote's sizes are there anew, though its prices may be those of the quote before.

        Raises:
            InputError: the venue has a tape of its own, was handed the other kind before, or the row is no present one.
        """
        if not isinstance(self.market, PushedMarket):
            raise InputError(f"{self.name} reads its market data from a tape; make it without one to hand them in")
        self.market.push(row, is_bar, anew, self._sim._now)

    def view(self, latency: DurationModel, stream: str) -> ModelView:
        """What a participant sees from its own place; latencies come from that random stream, of trades ``{stream}.trades``.

        Raises:
            InputError: data are handed in, so whoever does it has seen them.
        """
        if isinstance(self.market, PushedMarket):
            raise InputError(f"{self.name} has no tape to look at; whoever hands its market data in has seen them")
        return ModelView(self._sim, self.market, latency, self._sim.rng(stream), self._sim.rng(f"{stream}.trades"))

    # --- participants ---

    def connect(self, participant: str, deliver: Callable[[Packet], object]) -> ModelConnection:
        """Open a line for a participant; ``deliver`` is given its packets of reports.

        Raises:
            InputError: the participant has a line already.
        """
        before = self._lines.get(participant)
        if before is not None and before.connected:
            raise InputError(f"participant {participant!r} is connected to {self.name} already")
        owner = len(self._lines) + 1 if before is None else before.owner
        line = self._lines[participant] = ModelConnection(self, participant, owner, deliver)
        if before is not None:  # orders that outlived their line
            line.working = before.working
            for working in line.working.values():
                working.line = line
        return line

    def disconnected(self, line: ModelConnection) -> None:
        """Called by a participant's line when it goes down."""
        if self._cancel_on_disconnect:
            self._end(line.working.values(), ExecType.CANCELED, "the participant was disconnected")

    def enqueue(self, connection: ModelConnection, request: Request) -> None:
        """A request joins the gateway's queue, or is refused when that is full."""
        if not self.gateway.submit((connection, request)):
            text = f"the gateway's queue is full ({self.gateway.statistics().in_system} requests)"
            connection.deliver([self._reports.refuse(connection, request, (RejectReason.OTHER, text))])

    # --- requests ---

    def _serve(self, job: tuple[ModelConnection, Request], arrived_ns: int, started_ns: int) -> None:
        line, request = job
        self._reports.arrived, self._reports.started = arrived_ns, started_ns
        packet = self.answer(line, request)
        self._reports.arrived = self._reports.started = 0
        line.deliver(packet)

    def answer(self, line: ModelConnection, request: Request) -> Packet:
        """What a request does now that it has passed the gateway, or comes by a way without one."""
        if not line.connected:
            return [self._reports.refuse(line, request, (RejectReason.OTHER, "the participant is disconnected"))]
        if isinstance(request, NewOrder):
            return self._new(line, request)
        if isinstance(request, MassCancelRequest):
            return self._mass_cancel(line, request)
        working = line.working.get(request.order_id)
        if working is None:
            return [self._reports.refuse_late(line, request)]
        if isinstance(request, CancelRequest):
            self._forget(working)
            return [self._reports.of(working, ExecType.CANCELED, self._sim.now, 0, "cancelled on request")]
        return self._replace(working, request)

    def _mass_cancel(self, line: ModelConnection, request: MassCancelRequest) -> Packet:
        packet: Packet = []
        if request.symbol in (None, self.instrument.symbol):
            for working in list(line.working.values()):
                if request.side_sign in (None, working.order.side_sign):
                    self._forget(working)
                    packet.append(
                        self._reports.of(working, ExecType.CANCELED, self._sim.now, 0, "cancelled on request")
                    )
        return [*packet, MassCancelReport(request.request_id, len(packet), self.name, self._sim.now)]

    def _new(self, line: ModelConnection, order: NewOrder) -> Packet:
        now, terms = self._sim.now, order.terms
        refusal = refuse_order(order, self.instrument, now) or self._refuse_kind(order)
        if refusal is None:
            if not self._sessions.takes_orders(now):
                refusal = RejectReason.EXCHANGE_CLOSED, f"{self.name} trades {self.hours}"
            elif order.order_id in line.working:
                refusal = RejectReason.DUPLICATE_ORDER, f"order id {order.order_id} is in use"
        self._reports.numbers += 1
        subticks, ticks = self.instrument.subticks, order.price_ticks
        stop = None if terms is None or terms.stop_ticks is None else terms.stop_ticks * subticks
        live = ModelOrder(
            self._reports.numbers, line.owner, order.order_id, order.side_sign, order.quantity,
            None if ticks is None else ticks * subticks, stop, now, not order.tif.may_rest, order.tif is TimeInForce.FOK,
            (terms and terms.min_quantity) or 0,
        )  # fmt: skip
        if refusal is None and order.post_only and self._would_trade(live):
            refusal = RejectReason.OTHER, "order is post-only and would trade"
        if refusal is not None:
            return [self._reports.refuse(line, order, refusal)]
        self._reports.accepted += 1
        working = ModelWorking(line, order, live, order.quantity)
        line.working[order.order_id] = self._by_number[live.number] = working
        self.market.orders[live.number] = live
        if terms is not None and terms.expire_ns is not None:
            self._sim.call_at(terms.expire_ns, self._expire, live.number)
        packet: Packet = [self._reports.of(working, ExecType.NEW, now, order.quantity)]
        return packet + self._arrive(live)

    def _refuse_kind(self, order: NewOrder) -> Refusal | None:
        unsupported = RejectReason.UNSUPPORTED_ORDER_CHARACTERISTIC
        if order.order_type in (OrderType.TRAILING_STOP, OrderType.PEGGED):
            return unsupported, f"a {order.order_type.name.lower()} order follows a book, and {self.name} has none"
        if order.post_only and self.market.is_bars:
            return unsupported, "post-only cannot be kept: bars do not show whether an order would trade on arrival"
        if order.terms is not None and order.terms.price_slide:
            return unsupported, f"price slide needs a book, and {self.name} has none"
        return None

    def _would_trade(self, live: ModelOrder) -> bool:
        fills = self.market.fills
        return isinstance(fills, QuoteFills) and fills.would_trade(live, self._sim.now)

    def _arrive(self, live: ModelOrder) -> Packet:
        """What a new or changed order does at once."""
        now = self._sim.now
        if not self.market.is_bars and not self._sessions.trades(now, now):
            text = f"{self.name} does not trade now"
            outcomes = [Outcome(CANCELLED, live, now, text=text)] if live.immediate else []
        else:
            outcomes = self.market.fills.arrive(live, now)
        for outcome in outcomes:
            self.market.forget_ended(outcome)
        return [self._report_of(outcome) for outcome in outcomes]

    def _replace(self, working: ModelWorking, request: ReplaceRequest) -> Packet:
        live, now, subticks = working.live, self._sim.now, self.instrument.subticks
        triggered = working.order.order_type.is_stop and live.stop is None
        refusal = refuse_replace(request, working.order, self.instrument, triggered)
        if refusal is None and not self._sessions.takes_orders(now):
            refusal = RejectReason.EXCHANGE_CLOSED, f"{self.name} trades {self.hours}"
        limit = live.limit if request.price_ticks is None else request.price_ticks * subticks
        stop = live.stop if request.stop_ticks is None else request.stop_ticks * subticks
        # FIX: a total below what is filled ends the order at what is filled
        quantity = max(request.quantity, working.filled)
        rests = not working.order.post_only or quantity == working.filled
        if refusal is None and not rests and self._would_trade(attrs.evolve(live, limit=limit)):
            refusal = RejectReason.OTHER, "order is post-only and would trade"
        if refusal is not None:
            return [self._reports.refuse(working.line, request, refusal)]
        moved = limit != live.limit or stop != live.stop
        if moved or quantity > working.quantity:
            live.arrived = now  # it loses its place, and what is left of the bar that it is in
        working.quantity, live.leaves, live.limit, live.stop = quantity, quantity - working.filled, limit, stop
        if live.leaves == 0:
            self._forget(working)
        report = self._reports.of(working, ExecType.REPLACED, now, live.leaves)
        report.price_ticks = None if limit is None else limit // subticks
        report.stop_ticks = None if stop is None else stop // subticks
        packet: Packet = [report]
        return packet + (self._arrive(live) if moved and live.leaves else [])

    # --- reports ---

    def _tell(self, outcomes: list[Outcome]) -> None:
        """Deliver what rows of the data did: a packet for each participant."""
        packets: dict[int, tuple[ModelConnection, Packet]] = {}
        for outcome in outcomes:
            line = self._by_number[outcome.order.number].line
            packets.setdefault(line.owner, (line, []))[1].append(self._report_of(outcome))
        for line, packet in packets.values():
            line.deliver(packet)

    def _report_of(self, outcome: Outcome) -> ExecutionReport:
        working = self._by_number[outcome.order.number]
        left = working.quantity - working.filled
        if outcome.kind == ELECTED:
            return self._reports.of(working, ExecType.TRIGGERED, outcome.time_ns, left)
        if outcome.kind == CANCELLED:
            self._forget(working)
            return self._reports.of(working, ExecType.CANCELED, outcome.time_ns, 0, outcome.text)
        quantity, price = outcome.quantity, outcome.price
        notional = self.instrument.notional(quantity, price, working.order.side_sign)
        fee = self._fees.fee(quantity, notional, outcome.maker)
        if self._commission is not None:
            fee += self._commission.commission(quantity, notional, working.filled, working.notional)
        working.filled += quantity
        working.notional += notional
        self._reports.trades += 1
        self._reports.traded += quantity
        slipped = abs(price - outcome.base)
        self._slipped += quantity * slipped
        report = self._reports.of(working, ExecType.TRADE, outcome.time_ns, left - quantity)
        report.last_quantity, report.last_price_quanta, report.fee, report.maker = quantity, price, fee, outcome.maker
        report.slippage_quanta = slipped
        if left == quantity:
            self._forget(working)
        return report

    # --- ends ---

    def _forget(self, working: ModelWorking) -> None:
        order_id = working.order.order_id
        del working.line.working[order_id]
        del self._by_number[working.live.number]
        self.market.orders.pop(working.live.number, None)
        self._reports.note_end(working.line.owner, order_id)

    def _end(self, ending: Iterable[ModelWorking], exec_type: ExecType, text: str) -> None:
        packets: dict[int, tuple[ModelConnection, Packet]] = {}
        for working in list(ending):
            self._forget(working)
            report = self._reports.of(working, exec_type, self._sim.now, 0, text)
            packets.setdefault(working.line.owner, (working.line, []))[1].append(report)
        for line, packet in packets.values():
            line.deliver(packet)

    def _expire(self, number: int) -> None:
        if number in self._by_number:
            self._end([self._by_number[number]], ExecType.EXPIRED, "its time has come")

    def _close_behind(self, _: object) -> None:
        """Behind whoever hands in the last row of the session at this time."""
        self._sim.call_after(0, self._close)

    def _close(self, _: object) -> None:
        """At the close day orders expire, and so do immediate ones that still wait for their bar."""
        lasting = (TimeInForce.GTC, TimeInForce.GTD)
        ending = [working for working in self._by_number.values() if working.order.tif not in lasting]
        self._end(ending, ExecType.EXPIRED, f"{self.name} has closed")

    def end_run(self) -> None:
        """Expire whatever still lives, so that no order of a finished run is left without a final state."""
        self._end(self._by_number.values(), ExecType.EXPIRED, "the simulation has ended")

    def statistics(self) -> ModelVenueStatistics:
        """What happened so far."""
        reports, fills, touch = self._reports, self.market.fills, self._touch
        return ModelVenueStatistics(
            reports.accepted, reports.rejected, reports.too_late, reports.trades, reports.traded, self._slipped, touch.touches,
            touch.fills, fills.capped, fills.ambiguous, self.market.outside, self.gateway.statistics(),
        )  # fmt: skip
