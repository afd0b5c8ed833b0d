"""Following the orders that a router sent, and learning from what becomes of them."""

from __future__ import annotations

from simexec.execution.absences import OURSELVES, Absences
from simexec.execution.footprint import Footprint
from simexec.execution.leg_log import RoutedLeg
from simexec.execution.order_manager import OrderManager
from simexec.execution.route import Leg
from simexec.execution.route_planner import RoutePlanner
from simexec.sim import Simulation
from simexec.trading.order import Order
from simexec.trading.vocabulary import OrderStatus

_REJECTED = OrderStatus.REJECTED


class LegFollower:
    """Keeps the log of legs, and tells absences, footprint and fill rates what became of them.

    Args:
        sim: the simulation.
        manager: of the orders.
        planner: knows the quotes and the dark pools' fill rates.
        absences: of venues that refuse or are silent.
        footprint: of orders that take.
        timeout_ns: after which a venue that has not answered counts as silent.

    Attributes:
        legs: everything that was sent, in order.
    """

    def __init__(
        self,
        sim: Simulation,
        manager: OrderManager,
        planner: RoutePlanner,
        absences: Absences,
        footprint: Footprint,
        timeout_ns: int,
    ) -> None:
        self.legs: list[RoutedLeg] = []
        self._open: list[RoutedLeg] = []  # whose end was not learned from yet
        self._sim = sim
        self._manager = manager
        self._planner = planner
        self._absences = absences
        self._footprint = footprint
        self._timeout = timeout_ns

    def add(self, leg: Leg, child: Order, seen_ns: int) -> None:
        """Write a leg down and follow it."""
        routed = RoutedLeg(leg, child, self._planner.fees(child.symbol)[leg.venue], seen_ns)
        self.legs.append(routed)
        self._open.append(routed)
        if leg.why != "dark":
            self._footprint.add(child)
        if not child.is_final:
            self._sim.process(self._follow(routed))

    async def _follow(self, routed: RoutedLeg) -> None:
        """See to it that a venue's silence is noticed, and that what became of an order is learned from when it ends."""
        child, market = routed.order, (routed.order.symbol, routed.leg.venue)
        await (self._manager.final(child) | self._sim.timeout(self._timeout))
        if not child.is_final and child.acknowledged_ns is None and not child.filled_quantity:
            self._absences.silent(market, child.order_id)
            self._manager.cancel(child)
        elif not child.is_final:
            self._absences.accepted(market)
        await self._manager.wait_final(child)
        self.learn()

    def learn(self) -> None:
        """Take in what became of the orders that have ended since the last time; before anything is decided."""
        ended = [routed for routed in self._open if routed.order.is_final]
        if ended:
            self._open = [routed for routed in self._open if not routed.order.is_final]
        for routed in ended:
            self._absences.answered((routed.order.symbol, routed.leg.venue), routed.order.order_id)
            self._judge(routed)
        for routed in ended:
            if routed.missed:
                self._price_after(routed)

    def _judge(self, routed: RoutedLeg) -> None:
        child = routed.order
        if child.submitted_ns is None:
            self._absences.refused((child.symbol, OURSELVES), self._sim.now)
        elif child.status is _REJECTED:
            self._absences.refused((child.symbol, routed.leg.venue), self._sim.now)
        else:
            self._absences.accepted((child.symbol, routed.leg.venue))
            if routed.leg.why == "dark":
                self._planner.learn(child)

    def _price_after(self, routed: RoutedLeg) -> None:
        """Write down where the missed shares could be had now, as far as is seen."""
        child = routed.order
        books = self._planner.shown(child, self._planner.quotes(child.symbol))
        best = [(child.side.sign * levels[0][0], venue) for venue, levels in books.items() if levels]
        if best:
            price, venue = min(best)
            routed.price_after, routed.fees_after = child.side.sign * price, self._planner.fees(child.symbol)[venue]
