"""What an algorithm is given to work a parent order: its own small desk."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from simexec.errors import OrderError
from simexec.execution.order_fields import Price, check_limit
from simexec.execution.order_manager import OrderManager
from simexec.execution.report_stream import ReportStream
from simexec.execution.views import View
from simexec.protocols import Algorithm
from simexec.sim import Duration, Event, Simulation, Timeout, parse_duration
from simexec.sim.clock import MILLISECOND, SECOND, format_duration
from simexec.trading.order import Order
from simexec.trading.report import ExecType
from simexec.trading.vocabulary import OrderSide, OrderType, TimeInForce


class ParentExecution:
    """A parent order, a view of the market, and the means to place, replace and cancel its children.

    It places no more than the parent has left, whatever the algorithm asks for, so that the parent is never overfilled even
    while reports are on their way. Meanwhile anybody may pause, amend or cancel the order: every wait of the algorithm ends
    early when the order works no longer, and lasts until the order goes on when it is paused.

    Args:
        sim: the simulation.
        manager: of the orders.
        parent: the order to work.
        view: delayed quotes of the market where the parent goes, or of several venues together.
        rng: the algorithm's own stream.
        end_ns: when working it ends.
        views: of every market of a scenario, by its name.
        router: works children that are placed at no venue in particular; None: they go where the parent goes.

    Attributes:
        sim, parent, view, rng: as given.
        end_ns: as given, or as it was amended.
        views: as given; empty if none were.
        plan: times (ns) and cumulated quantities that a schedule was due to have reached, for the analysis.
        over: happens when the order has ended, or its time is over.
    """

    def __init__(
        self,
        sim: Simulation,
        manager: OrderManager,
        parent: Order,
        view: View,
        rng: np.random.Generator,
        end_ns: int,
        *,
        views: Mapping[str, View] | None = None,
        router: Algorithm | None = None,
    ) -> None:
        self.sim = sim
        self.parent = parent
        self.view = view
        self.views: Mapping[str, View] = views or {}
        self.rng = rng
        self.end_ns = end_ns
        self.plan: list[tuple[int, int]] = []
        self.over = Event(sim)
        self._manager = manager
        self._router = router
        self._venue = parent.venue
        self._paused = self._amending = False
        self._target: int | None = None  # total quantity and limit of a change that is being made
        self._limit: int | None = None
        self._attention: Event | None = None
        self._alarms: dict[int, Timeout] = {}

    # --- what there is ---------------------------------------------------------------------------------------------------

    @property
    def is_working(self) -> bool:
        """Whether there is still something to do: it has not ended, its cancel was not asked for, and its time is not over."""
        return not self.parent.is_final and not self.parent.pending_cancel and self.sim.now < self.end_ns

    @property
    def is_paused(self) -> bool:
        """Whether it rests until ``resume``."""
        return self._paused

    @property
    def reports(self) -> ReportStream:
        """The children's reports, in order of arrival."""
        return self._manager.reports(self.parent.order_id)

    @property
    def unplaced(self) -> int:
        """What is neither filled nor working in a child."""
        unplaced = self._manager.unplaced(self.parent)
        return unplaced if self._target is None else max(0, unplaced - (self.parent.quantity - self._target))

    @property
    def children(self) -> list[Order]:
        """Children placed so far."""
        return self._manager.children(self.parent.order_id)

    @property
    def working(self) -> list[Order]:
        """Children that have not ended."""
        return self._manager.working(self.parent.order_id)

    def touches(self) -> tuple[int | None, int | None]:
        """Near and far touch in quanta as seen from here; None where a side shows nothing or nothing was seen yet."""
        quote = self.view.quote()
        if quote is None:
            return None, None
        return (quote.bid, quote.ask) if self.parent.side is OrderSide.BUY else (quote.ask, quote.bid)

    def within_limit(self, price_ticks: int, limit_ticks: int | None) -> int:
        """The price, or the limit if the price is worse than that."""
        if limit_ticks is None:
            return price_ticks
        return min(price_ticks, limit_ticks) if self.parent.side is OrderSide.BUY else max(price_ticks, limit_ticks)

    # --- children --------------------------------------------------------------------------------------------------------

    def place(
        self,
        quantity: int,
        price_ticks: int | None = None,
        *,
        time_in_force: TimeInForce = TimeInForce.DAY,
        display_quantity: int | None = None,
        post_only: bool = False,
        venue: str | None = None,
    ) -> Order | None:
        """Send a child: a limit order at a price, a market order without one, an iceberg with a displayed part.

        The quantity is cut to what the parent has left and to whole lots; returns None when nothing remains to send, or the
        order is paused, cancelled or at its end. The price is cut to the parent's limit, and a market order of a parent with a
        limit is immediate-or-cancel at it. It goes to ``venue``; by default to where the parent goes, or to the router. A child
        that a guard refuses is returned as well: it has ended, and says why.
        """
        parent = self.parent
        quantity = min(quantity, self.unplaced) if self.is_working and not self._paused else 0
        quantity -= quantity % parent.instrument.lot
        if quantity <= 0:
            return None
        for limit in (parent.price_ticks, self._limit):
            if limit is not None:
                if price_ticks is None:  # a market order could trade beyond the limit
                    price_ticks, time_in_force = limit, TimeInForce.IOC
                price_ticks = self.within_limit(price_ticks, limit)
        if price_ticks is None:
            order_type = OrderType.MARKET
        elif display_quantity is None or display_quantity >= quantity:
            order_type, display_quantity = OrderType.LIMIT, None
        else:
            order_type = OrderType.ICEBERG
        venue = venue or self._venue
        child = self._manager.create(
            parent.instrument, parent.side, quantity, order_type, price_ticks, time_in_force, display_quantity,
            False, post_only, parent.order_id, venue,
        )  # fmt: skip
        if venue is None and self._router is not None:
            inner = ParentExecution(
                self.sim, self._manager, child, self.view, self.rng, self.end_ns, views=self.views
            )  # fmt: skip
            self.sim.process(work(inner, self._manager, self._router))
        else:
            self._manager.submit(child)
        return child

    async def replace(self, child: Order, quantity: int | None = None, price_ticks: int | None = None) -> bool:
        """Ask for another total quantity or limit of a child and wait for the answer; whether the child then has them.

        The quantity, filled shares included, is cut to what the parent can have, the price to the parent's limit.
        """
        most = child.filled_quantity + child.exposed_quantity + self.unplaced
        total = child.quantity if quantity is None else min(quantity, most)
        total -= total % child.instrument.lot
        if price_ticks is not None:
            price_ticks = self.within_limit(self.within_limit(price_ticks, self.parent.price_ticks), self._limit)
        if not self.is_working or child.is_final or child.venue is None or total <= child.filled_quantity:
            return False
        if (total, price_ticks) in ((child.quantity, None), (child.quantity, child.price_ticks)):
            return True
        if not self._manager.replace(child, total, price_ticks):
            await self.until(self.sim.now + MILLISECOND)  # as after a child that a guard refused
            return False
        await self._manager.replaced(child)
        return child.quantity == total and price_ticks in (None, child.price_ticks)

    async def withdraw(self, child: Order) -> Order:
        """Cancel what is left of a child and wait until it has ended, fills that were on their way included.

        A refused cancel, by a full gateway for example, is asked again a millisecond later, then after twice that, and so on
        up to a second.
        """
        pause = MILLISECOND
        while not child.is_final:
            self._manager.cancel(child)
            await self._manager.answer(child)
            if not child.is_final:
                await self.sim.timeout(pause)
                pause = min(2 * pause, SECOND)
        return child

    # --- waiting ---------------------------------------------------------------------------------------------------------

    async def until(self, time_ns: int, *events: Event) -> None:
        """Wait until a time, one of the events, the parent's end, or until the parent works no longer.

        Does not wait if the time has passed, or an event has happened. While the order is paused it does not return.
        """
        while self.is_working and self.sim.now < time_ns and not any(event.triggered for event in events):
            await self.sim.any_of([self.attention(), self._alarm(min(time_ns, self.end_ns)), *events])
        while self._paused and self.is_working:
            await self.sim.any_of([self.attention(), self._alarm(self.end_ns)])

    async def final(self, child: Order) -> Order:
        """Wait until a child has ended.

        One that a guard refused was never sent and has ended at once: this then waits a millisecond, so that an algorithm that
        asks again and again does so in time.
        """
        if child.submitted_ns is None and child.is_final:
            await self.until(self.sim.now + MILLISECOND)
        return await self._manager.wait_final(child)

    def ended(self, child: Order) -> Event:
        """An event that happens when a child has ended, at once if it has; for ``until``."""
        return self._manager.final(child)

    async def final_or(self, child: Order, time_ns: int) -> bool:
        """Wait until a child has ended or a time has come, as ``until``; whether the child has ended."""
        if child.submitted_ns is None and child.is_final:
            await self.final(child)
        await self.until(time_ns, self.ended(child))
        return child.is_final

    def attend(self) -> None:
        """Wake the algorithm, so that it looks at its order again."""
        if self._attention is not None:
            attention, self._attention = self._attention, None
            attention.succeed()
        if (self.parent.is_final or self.sim.now >= self.end_ns) and not self.over.triggered:
            self.over.succeed()

    def attention(self) -> Event:
        """The next time that something happens to the order itself: an amendment, a pause, its end."""
        if self._attention is None:
            self._attention = Event(self.sim)
        return self._attention

    def _alarm(self, time_ns: int) -> Timeout:
        """A timeout at a time; one serves all who wait for it, since a timeout that nobody needs stays on the calendar."""
        alarm = self._alarms.get(time_ns)
        if alarm is None:
            self._alarms = {due: one for due, one in self._alarms.items() if due > self.sim.now}
            alarm = self._alarms[time_ns] = self.sim.timeout(time_ns - self.sim.now)
        return alarm

    # --- from outside ----------------------------------------------------------------------------------------------------

    def pause(self) -> None:
        """Cancel the children and place no more until ``resume``; the order's time goes on."""
        self._paused = True
        for child in self.working:
            self._manager.cancel(child)

    def resume(self) -> None:
        """Go on after ``pause``."""
        self._paused = False
        self.attend()

    def cancel(self, why: str = "cancelled on request") -> None:
        """Cancel the order: it ends when its children have ended."""
        self._manager.cancel(self.parent, why)

    async def amend(
        self, quantity: int | None = None, price: Price | None = None, *, end: Duration | None = None
    ) -> bool:
        """Change the order's total quantity (filled shares included), its limit, or its end (as time since the epoch).

        What is filled stays: a quantity below that becomes it. Children that no longer fit are cut or cancelled first, so the
        change is in force when their venues have answered; until then nothing is placed that would not fit.

        Returns:
            Whether it was done; not if a guard refuses, or if the order ended before.

        Raises:
            OrderError: nothing to change, the order has ended, or a wrong value.
        """
        parent = self.parent
        if parent.is_final or parent.pending_cancel:
            raise OrderError(
                f"order {parent.order_id} is {parent.status.name} or being cancelled; only a working one can be amended"
            )
        if quantity is None and price is None and end is None:
            raise OrderError(f"amending {parent.order_id} changes nothing; give a quantity, a price or an end")
        total = None if quantity is None else parent.instrument.check_quantity(quantity)
        ticks = None if price is None else check_limit(parent.instrument, parent.order_type, price)
        end_ns = None if end is None else parse_duration(end)
        if end_ns is not None and end_ns <= self.sim.now:
            raise OrderError(f"end {format_duration(end_ns)} of {parent.order_id} has passed; cancel it instead")
        while self._amending and not parent.is_final:
            await self.attention()
        if not self.is_working or not self._manager.may_change(parent, total or parent.quantity, ticks):
            return False
        if total is not None or ticks is not None:
            self._amending, self._target, self._limit = True, total or parent.quantity, ticks
            await self._make_room()
            if not parent.is_final:
                self._manager.change(parent, max(self._target, parent.filled_quantity), ticks)
            self._amending, self._target, self._limit = False, None, None
        if end_ns is not None and not parent.is_final:
            self.end_ns = end_ns
            self.watch_end()
        self.attend()
        return total is None or parent.quantity == total

    async def _make_room(self) -> None:
        """Withdraw children that are worse than the limit to come, and cut or withdraw the newest beyond the quantity to come."""
        parent, limit = self.parent, self._limit
        for child in self.working:
            price = child.price_ticks
            if limit is not None and (price is None or self.within_limit(price, limit) != price):
                await self.withdraw(child)
        while not parent.is_final:
            exposed = self._manager.exposed(parent)
            excess = parent.filled_quantity + exposed - (self._target or parent.quantity)
            if exposed == 0 or excess <= 0:
                return
            working = self.working
            if not working:  # all have ended, but trades of theirs are still on their way
                await self._manager.told(parent)
                continue
            child = working[-1]
            fits = child.exposed_quantity > excess and not child.awaits_answer
            if not (fits and await self.replace(child, child.quantity - excess)):
                await self.withdraw(child)

    def watch_end(self) -> None:
        """Have the children cancelled at the order's end, whatever the algorithm does."""
        self.sim.call_at(max(self.end_ns, self.sim.now), self._at_end, self.end_ns)

    def _at_end(self, end_ns: int) -> None:
        if end_ns == self.end_ns and not self.parent.is_final:  # it may have been amended since
            self.attend()
            for child in self.working:
                self._manager.cancel(child)


async def work(execution: ParentExecution, manager: OrderManager, algorithm: Algorithm) -> Order:
    """Have an algorithm work a parent from now to its end; returns the parent in its final state.

    Children that still work when the algorithm is done, or the order's time is over, are cancelled and waited for; what then is
    unfilled has expired. A parent that a guard refuses is rejected, and not worked.
    """
    parent = execution.parent
    if not manager.begin(parent, execution):
        return parent
    execution.watch_end()
    await (execution.sim.process(algorithm.run(execution)) | execution.over)
    while unsettled := manager.unsettled(parent):
        for child in unsettled:
            await execution.withdraw(child)
        if not execution.working and manager.unsettled(parent):
            await manager.told(parent)  # trades of a child that has ended are still on their way
    if not parent.is_final:
        immediate = parent.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)
        manager.close(
            parent,
            ExecType.CANCELED if immediate else ExecType.EXPIRED,
            f"{parent.leaves_quantity} of {parent.quantity} were left unfilled",
        )
    manager.release(parent)
    return parent
