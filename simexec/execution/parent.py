"""What an algorithm is given to work a parent order: its own small desk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from simexec.execution.order_manager import OrderManager
from simexec.execution.report_stream import ReportStream
from simexec.market.order_book import Quote
from simexec.protocols import Algorithm
from simexec.sim import Event, Simulation
from simexec.sim.clock import MILLISECOND, SECOND
from simexec.trading.order import Order
from simexec.trading.report import ExecType
from simexec.trading.vocabulary import OrderSide, OrderType, TimeInForce


class View(Protocol):
    """What an algorithm sees of a market from its own place, whatever is behind it: a book, or a model."""

    def quote(self) -> Quote | None:
        """The latest quote that has arrived, in quanta; None before the first."""

    def changes(self) -> Event:
        """The next arrival of a quote; its value is the quote then seen."""


class ParentExecution:
    """A parent order, a view of the market, and the means to place and cancel its children.

    It places no more than the parent has left, whatever the algorithm asks for, so that the parent is never overfilled even
    while reports are on their way.

    Attributes:
        sim: the simulation.
        parent: the order to work.
        end_ns: when working it ends.
        rng: the algorithm's own stream.
        view: delayed quotes of the market where the parent goes.
        views: of every market of a scenario, by its name; empty if none were given.
        reports: of the children, in order of arrival.
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
    ) -> None:
        self.sim = sim
        self.parent = parent
        self.view = view
        self.views: Mapping[str, View] = views or {}
        self.rng = rng
        self.end_ns = end_ns
        self._manager = manager

    @property
    def reports(self) -> ReportStream:
        """The children's reports, in order of arrival."""
        return self._manager.reports(self.parent.order_id)

    @property
    def unplaced(self) -> int:
        """What is neither filled nor working in a child."""
        return self._manager.unplaced(self.parent)

    @property
    def children(self) -> list[Order]:
        """Children placed so far."""
        return self._manager.children(self.parent.order_id)

    def touches(self) -> tuple[int | None, int | None]:
        """Near and far touch in quanta as seen from here; None where a side shows nothing or nothing was seen yet."""
        quote: Quote | None = self.view.quote()
        if quote is None:
            return None, None
        return (quote.bid, quote.ask) if self.parent.side is OrderSide.BUY else (quote.ask, quote.bid)

    def within_limit(self, price_ticks: int, limit_ticks: int | None) -> int:
        """The price, or the limit if the price is worse than that."""
        if limit_ticks is None:
            return price_ticks
        return min(price_ticks, limit_ticks) if self.parent.side is OrderSide.BUY else max(price_ticks, limit_ticks)

    def place(
        self,
        quantity: int,
        price_ticks: int | None = None,
        *,
        time_in_force: TimeInForce = TimeInForce.DAY,
        display_quantity: int | None = None,
        venue: str | None = None,
    ) -> Order | None:
        """Send a child: a limit order at a price, a market order without one, an iceberg with a displayed part.

        The quantity is cut to what the parent has left and to whole lots; returns None when nothing remains to send. The price
        is cut to the parent's limit, and a market order of a parent with a limit is immediate-or-cancel at it. It goes to
        ``venue``, by default where the parent goes.
        """
        parent = self.parent
        quantity = 0 if parent.pending_cancel or parent.is_final else min(quantity, self.unplaced)
        quantity -= quantity % parent.instrument.lot
        if quantity <= 0:
            return None
        if parent.price_ticks is not None:
            if price_ticks is None:  # a market order could trade beyond the limit
                price_ticks, time_in_force = parent.price_ticks, TimeInForce.IOC
            price_ticks = self.within_limit(price_ticks, parent.price_ticks)
        if price_ticks is None:
            order_type = OrderType.MARKET
        elif display_quantity is None or display_quantity >= quantity:
            order_type, display_quantity = OrderType.LIMIT, None
        else:
            order_type = OrderType.ICEBERG
        child = self._manager.create(
            parent.instrument, parent.side, quantity, order_type, price_ticks, time_in_force, display_quantity,
            parent_id=parent.order_id, venue=parent.venue if venue is None else venue,
        )  # fmt: skip
        self._manager.submit(child)
        return child

    async def until(self, time_ns: int) -> None:
        """Wait until a time, or until the parent's end if that comes first; not at all if it has passed."""
        wait = min(time_ns, self.end_ns) - self.sim.now
        if wait > 0:
            await self.sim.timeout(wait)

    async def final(self, child: Order) -> Order:
        """Wait until a child has ended."""
        return await self._manager.wait_final(child)

    async def final_or(self, child: Order, time_ns: int) -> bool:
        """Wait until a child has ended or a time has come; whether it has ended."""
        if not child.is_final:
            wait = max(0, min(time_ns, self.end_ns) - self.sim.now)
            await (self._manager.final(child) | self.sim.timeout(wait))
        return child.is_final

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


async def work(execution: ParentExecution, manager: OrderManager, algorithm: Algorithm) -> Order:
    """Have an algorithm work a parent from now to its end; returns the parent in its final state.

    Children that still work when the algorithm is done are cancelled and waited for; what then is unfilled has expired.
    """
    parent = execution.parent
    parent.submit(execution.sim.now)
    manager.hold(parent)
    await algorithm.run(execution)
    for child in execution.children:
        if not child.is_final:
            await execution.withdraw(child)
    if not parent.is_final:
        manager.close(parent, ExecType.EXPIRED, f"{parent.leaves_quantity} of {parent.quantity} were left unfilled")
    manager.release(parent)
    return parent
