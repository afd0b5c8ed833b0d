"""The smart order router: divides orders over venues by what can be known of them, and follows what becomes of that."""

from __future__ import annotations

from collections.abc import Mapping

from simexec.errors import InputError, OrderError
from simexec.execution.absences import OURSELVES, Absences
from simexec.execution.broker import Broker
from simexec.execution.footprint import Footprint
from simexec.execution.leg_follower import LegFollower
from simexec.execution.leg_log import RoutedLeg, VenueRecord, summarise
from simexec.execution.order_fields import Price
from simexec.execution.order_manager import OrderManager
from simexec.execution.parent import ParentExecution
from simexec.execution.route import Leg, Place, RoutingPlan
from simexec.execution.route_planner import RoutePlanner, stagger_legs
from simexec.execution.router_settings import Resting, RouterSettings
from simexec.execution.stagger import delays
from simexec.market.order_book import Quote
from simexec.sim import Event, Simulation
from simexec.trading.order import Order
from simexec.trading.report import ExecType
from simexec.trading.vocabulary import OrderStatus, OrderType, TimeInForce

_PENDING = OrderStatus.PENDING
_FOK = TimeInForce.FOK
_ROUTED = (OrderType.MARKET, OrderType.LIMIT, OrderType.ICEBERG)


class SmartOrderRouter:
    """Routes orders over several venues; also an ``Algorithm``, which works an order to its end.

    ``route_order`` makes one round: it sends what the quotes of the moment suggest, and the order ends with its children.
    ``run`` goes on: dark pools first, then what is shown within the limit, then it rests what may rest, and begins again after a
    refusal, a partial fill, a venue's silence or a change of the quotes, until the order has ended. What may still trade
    somewhere is never sent again, so no order is overfilled.

    An order that is hidden takes but does not rest, since nothing of it may be shown.

    Args:
        manager: of the orders.
        broker: the lines to the venues; their mean latencies are known to the router.
        places: by symbol, then by venue: what is seen there and what it charges.
        settings: how it goes about its work.
        sim: the simulation.

    Attributes:
        settings: as given.

    Raises:
        InputError: a venue without a line.
    """

    def __init__(
        self,
        manager: OrderManager,
        broker: Broker,
        places: Mapping[str, Mapping[str, Place]],
        settings: RouterSettings | None = None,
        *,
        sim: Simulation,
    ) -> None:
        self.settings = settings or RouterSettings()
        self._manager = manager
        self._broker = broker
        self._sim = sim
        self._symbols = tuple(places)
        for venue in {venue for venues in places.values() for venue in venues}:
            if venue not in broker.lines:
                raise InputError(
                    f"venue {venue!r} has no line to route by; connected: {', '.join(broker.venues) or 'none'}"
                )
        self._absences = Absences(self.settings.pause, self.settings.longest_pause)
        footprint = Footprint(self.settings.answer_timeout)
        self._planner = RoutePlanner(sim, places, self.settings, self._latency, self._absences, footprint)
        self._follower = LegFollower(
            sim, manager, self._planner, self._absences, footprint, self.settings.answer_timeout
        )

    @property
    def legs(self) -> list[RoutedLeg]:
        """Everything it sent, in order: what a stale quote cost is read off these."""
        return self._follower.legs

    # --- one round -------------------------------------------------------------------------------------------------------

    async def get_all_quotes(self, symbol: str) -> dict[str, Quote]:
        """What is seen now, by venue; venues of which nothing was seen yet are left out, and dark pools.

        Raises:
            OrderError: the symbol is not routed.
        """
        return self._quotes(symbol)

    def _quotes(self, symbol: str) -> dict[str, Quote]:
        self._check_symbol(symbol)
        self._follower.learn()
        return self._planner.quotes(symbol)

    async def calculate_optimal_route(self, order: Order, quotes: Mapping[str, Quote]) -> RoutingPlan:
        """Divide what an order has left over the venues that show quotes; nothing is sent.

        What is shown within the limit is taken at the least all-in cost. The rest of a limit order that may rest does so at its
        limit, where it may take what is not seen from here. The rest of any other order stays out of the plan.

        Raises:
            OrderError: the symbol is not routed, or the order is fill-or-kill and no one venue shows enough.
        """
        self._check(order)
        return self._staggered(order, self._lit(order, self._manager.unplaced(order), quotes, waits=False))

    def _check_symbol(self, symbol: str) -> None:
        if symbol not in self._symbols:
            raise OrderError(f"symbol {symbol!r} is not routed; known: {', '.join(self._symbols) or 'none'}")

    def _check(self, order: Order) -> None:
        """Refuse what cannot be divided over venues."""
        self._check_symbol(order.symbol)
        if order.order_type not in _ROUTED or order.terms is not None:
            what = order.order_type.name.lower() if order.terms is None else f"with {order.terms.describe()}"
            raise OrderError(
                f"order {order.order_id} ({what}) waits for one venue's market and cannot be routed; name a venue, or use a"
                " market, limit or iceberg order without further terms"
            )

    def create_child_orders(self, plan: RoutingPlan) -> list[Order]:
        """Create the orders of a plan, as children of its order; they are not sent.

        Raises:
            OrderError: the order has less left than the plan sends.
        """
        order, room = plan.order, self._manager.unplaced(plan.order)
        if plan.quantity > room:
            raise OrderError(
                f"the plan sends {plan.quantity} for {order.order_id}, which has {room} left to place; calculate it again"
            )
        return [self._child(order, leg) for leg in plan.legs]

    async def route_order(self, order: Order) -> list[Order]:
        """Make one round for an order: plan, create its children, and send each when it is due; returns them when all are sent.

        An order that was not sent yet begins with this, and ends when its children have ended. One that somebody works gets
        children for what it has left.

        Raises:
            OrderError: it goes to a venue by itself, has ended, is of a symbol that is not routed, or is fill-or-kill and no one
                venue shows enough.
        """
        if order.is_final or order.venue is not None:
            where = order.status.name if order.is_final else f"for {order.venue}"
            raise OrderError(f"order {order.order_id} is {where} and cannot be routed; create one without a venue")
        plan = await self.calculate_optimal_route(order, await self.get_all_quotes(order.symbol))
        begins = order.status is _PENDING
        if begins and not self._manager.begin(order, _Round(order)):
            return []
        children = self.create_child_orders(plan)
        start = self._sim.now
        for leg, child in zip(plan.legs, children, strict=True):
            wait = start + leg.delay_ns - self._sim.now
            if wait > 0:
                await self._sim.timeout(wait)
            if child.status is _PENDING:  # it may have been cancelled meanwhile
                self._manager.submit(child)
                self._follower.add(leg, child, plan.time_ns)
        if begins:
            self._sim.process(self._end_round(order, children))
        return children

    async def _end_round(self, order: Order, children: list[Order]) -> None:
        for child in children:
            await self._manager.wait_final(child)
        if not order.is_final:
            self._close(order, f"{order.leaves_quantity} of {order.quantity} were left unfilled")
        self._manager.release(order)

    def _close(self, order: Order, text: str) -> None:
        self._manager.close(order, ExecType.EXPIRED if order.time_in_force.may_rest else ExecType.CANCELED, text)

    # --- all rounds ------------------------------------------------------------------------------------------------------

    async def run(self, execution: ParentExecution) -> None:
        """See ``Algorithm``."""
        order = execution.parent
        try:
            self._check(order)
        except OrderError as error:
            self._manager.close(order, ExecType.REJECTED, str(error))
            return
        if order.time_in_force is _FOK:
            await self._all_or_none(execution)
            return
        if self.settings.dark_first and not order.post_only:
            await self._visit_dark_pools(execution)
        if (
            self.settings.resting is Resting.CONT_KUKANOV
            and order.time_in_force.may_rest
            and not (order.post_only or order.hidden)
        ):
            await self._rest_for_a_while(execution)
        while execution.is_working:
            if execution.is_paused:
                await execution.until(self._sim.now)
                continue
            self._make_room(execution)
            sent = await self._send(execution, self._lit(order, execution.unplaced, self._quotes(order.symbol)))
            if execution.working or self._may_go_on(execution):
                await self._wait(execution)
            elif not sent:
                return

    def _lit(self, order: Order, quantity: int, quotes: Mapping[str, Quote], *, waits: bool = True) -> list[Leg]:
        """What to do now at the venues that show quotes; who ``waits`` rests nothing before all within the limit is gone."""
        if quantity <= 0 or self._absences.is_out((order.symbol, OURSELVES), self._sim.now):
            return []
        if order.time_in_force is _FOK:
            return [self._planner.all_or_none(order, quantity, quotes)]
        legs = [] if order.post_only else self._planner.takes(order, quantity, quotes)
        left = quantity - sum(leg.quantity for leg in legs)
        # What our orders take may still be shown, and what lies behind it not yet. Resting at a limit far beyond it would
        # take whatever one venue has up to there.
        calm = order.post_only or not waits or (not legs and self._planner.doubted_until(order, quotes) is None)
        if left and order.time_in_force.may_rest and calm and not order.hidden:
            legs += self._planner.rests(order, left, quotes)
        return legs

    def _may_go_on(self, execution: ParentExecution) -> bool:
        """Whether an order that has nothing out may find something to do later."""
        order = execution.parent
        if execution.unplaced < order.instrument.lot:
            return False
        return (
            order.time_in_force.may_rest or self._planner.doubted_until(order, self._quotes(order.symbol)) is not None
        )

    async def _all_or_none(self, execution: ParentExecution) -> None:
        order = execution.parent
        try:
            legs = self._lit(order, execution.unplaced, self._quotes(order.symbol))
        except OrderError as error:
            self._manager.close(order, ExecType.REJECTED, str(error))
            return
        for child in await self._send(execution, legs):
            await execution.final_or(child, execution.end_ns)

    async def _visit_dark_pools(self, execution: ParentExecution) -> None:
        """Ask the dark pools once for everything, and wait for their answers as long as an answer may take."""
        order = execution.parent
        legs = self._planner.in_the_dark(order, execution.unplaced, self._quotes(order.symbol))
        sent = await self._send(execution, legs)
        deadline = self._sim.now + self.settings.answer_timeout
        for child in sent:
            await execution.final_or(child, deadline)

    async def _rest_for_a_while(self, execution: ParentExecution) -> None:
        """Of an order that could take all: rest a part for the horizon, take the other; then what is left is taken."""
        order, quotes = execution.parent, self._quotes(execution.parent.symbol)
        present = self._planner.present(order.symbol, dark=False)
        quotes = {venue: quote for venue, quote in quotes.items() if venue in present}
        if not any(self._planner.reaches(order, quote) for quote in quotes.values()):
            return
        legs, now = self._planner.rests_and_takes(order, execution.unplaced, quotes)
        if not legs:
            return
        if now:
            legs += self._planner.takes(order, now, quotes)
        sent = await self._send(execution, legs)
        horizon = self._sim.now + self.settings.horizon
        for child in sent:
            await execution.final_or(child, horizon)
        for child in sent:
            self._manager.cancel(child)

    def _make_room(self, execution: ParentExecution) -> None:
        """Ask for the cancel of what rests, if more is shown within the limit than is free to take it."""
        order = execution.parent
        resting = [child for child in execution.working if child.time_in_force.may_rest]
        if order.post_only or not resting:
            return
        free = execution.unplaced
        reach = free + sum(child.exposed_quantity for child in resting)
        wanted = sum(leg.quantity for leg in self._planner.takes(order, reach, self._quotes(order.symbol)))
        free += sum(child.exposed_quantity for child in resting if child.pending_cancel)
        for child in reversed(resting):
            if wanted > free and not child.pending_cancel:
                self._manager.cancel(child)
                free += child.exposed_quantity

    async def _wait(self, execution: ParentExecution) -> None:
        """Wait for whatever may change what is to be done."""
        order, now = execution.parent, self._sim.now
        events: list[Event] = [self._manager.final(child) for child in execution.working]
        quotes = self._quotes(order.symbol)
        times = [execution.end_ns]
        resting = any(child.time_in_force.may_rest for child in execution.working)
        if not order.post_only and (resting or execution.unplaced >= order.instrument.lot):
            events += self._news(order, quotes)
            doubt = self._planner.doubted_until(order, quotes)
            times += [] if doubt is None else [doubt]
        back = self._absences.next_return(order.symbol, now)
        if back is not None and execution.unplaced:
            times.append(back)
        await execution.until(min(times), *events)

    def _news(self, order: Order, quotes: Mapping[str, Quote]) -> list[Event]:
        """What venues that are present may show next that this order could take."""
        events = []
        for venue, place in self._planner.present(order.symbol, dark=False).items():
            assert place.view is not None
            quote = quotes.get(venue)
            if order.price_ticks is None or (quote is not None and self._planner.reaches(order, quote)):
                events.append(place.view.changes())  # it shows something already, and all of it was used
            else:
                events.append(place.view.crosses(order.price_ticks * order.instrument.subticks, order.side))
        return events

    # --- orders ----------------------------------------------------------------------------------------------------------

    def _staggered(self, order: Order, legs: list[Leg]) -> RoutingPlan:
        waits: dict[str, int] = {}
        if self.settings.stagger:
            waits = delays({leg.venue: self._latency(leg.venue) for leg in legs})
        return RoutingPlan(order, stagger_legs(legs, waits), self._sim.now)

    def _latency(self, venue: str) -> float:
        return self._broker.lines[venue].out.expected_ns("order")

    async def _send(self, execution: ParentExecution, legs: list[Leg]) -> list[Order]:
        """Send legs, each when it is due; returns the children that it came to."""
        plan = self._staggered(execution.parent, legs)
        sent = []
        for leg in plan.legs:
            await execution.until(plan.time_ns + leg.delay_ns)
            child = execution.place(
                leg.quantity, leg.price_ticks, time_in_force=leg.time_in_force, venue=leg.venue,
                display_quantity=execution.parent.display_quantity if leg.why == "rest" else None,
                post_only=execution.parent.post_only and leg.why == "rest",
            )  # fmt: skip
            if child is not None:
                sent.append(child)
                self._follower.add(leg, child, plan.time_ns)
        return sent

    def _child(self, order: Order, leg: Leg) -> Order:
        shown = order.display_quantity if leg.why == "rest" else None
        if leg.price_ticks is None:
            kind = OrderType.MARKET
        elif shown is None or shown >= leg.quantity:
            kind, shown = OrderType.LIMIT, None
        else:
            kind = OrderType.ICEBERG
        return self._manager.create(
            order.instrument, order.side, leg.quantity, kind, leg.price_ticks, leg.time_in_force, shown,
            False, order.post_only and leg.why == "rest", order.order_id, leg.venue,
        )  # fmt: skip

    # --- what it came to -------------------------------------------------------------------------------------------------

    def rows(self) -> list[dict[str, object]]:
        """Everything it sent, one row an order, with units in the names."""
        return [leg.row() for leg in self.legs]

    def summary(self) -> dict[str, VenueRecord]:
        """What its orders came to, by venue."""
        return summarise(self.legs)


class _Round:
    """The worker of an order that is routed once; implements ``Worker``."""

    def __init__(self, order: Order) -> None:
        self._order = order

    def attend(self) -> None:
        """Nothing to do: its children end by themselves, or were cancelled."""

    async def amend(self, quantity: int | None, price: Price | None) -> bool:
        """Refuse it: its children are out.

        Raises:
            OrderError: always.
        """
        raise OrderError(f"order {self._order.order_id} was routed and cannot be changed; cancel it and create another")
