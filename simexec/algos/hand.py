"""A hand: places, watches and takes back the children of one order by given tactics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simexec.sim.clock import MILLISECOND, SECOND
from simexec.trading.vocabulary import TimeInForce

if TYPE_CHECKING:
    from simexec.algos.tactics import Tactics
    from simexec.execution.parent import ParentExecution
    from simexec.trading.order import Order


def whole_ticks(price: int, tick: int, sign: int) -> int:
    """A price in ticks, rounded away from the market: a buy's (``sign`` +1) down, a sell's (-1) up."""
    return sign * (sign * price // tick)


class Hand:
    """Works one quantity after another, by the same tactics.

    Args:
        execution: the order's.
        tactics: how children meet the market.

    Raises:
        OrderError: a price of the tactics is off the instrument's tick.
    """

    def __init__(self, execution: ParentExecution, tactics: Tactics) -> None:
        instrument = execution.parent.instrument
        self.execution = execution
        self.tactics = tactics
        self._subticks = instrument.subticks
        self._side = execution.parent.side
        self._sign = self._side.sign
        self._own_limit = None if tactics.limit_price is None else instrument.to_ticks(tactics.limit_price)
        self._would = None if tactics.would_price is None else instrument.to_ticks(tactics.would_price)
        self._discretion = instrument.to_ticks(tactics.discretion) if tactics.discretion else 0
        self._began_ns = execution.sim.now

    @property
    def limit(self) -> int | None:
        """The worst price in ticks: the tactics' or the order's, whichever is nearer to the market; None without any."""
        of_order = self.execution.parent.price_ticks
        return of_order if self._own_limit is None else self.execution.within_limit(self._own_limit, of_order)

    @property
    def last_ns(self) -> int:
        """When what is left has to cross, the tactics' lead or half of the time before the order's end; the end if it need not."""
        end_ns = self.execution.end_ns
        return end_ns - min(self.tactics.lead, (end_ns - self._began_ns) // 2) if self.tactics.cross_at_end else end_ns

    def near(self) -> int | None:
        """The near touch in ticks, rounded away from the market, and within the limit; None where none is seen."""
        touch, _ = self.execution.touches()
        if touch is None:
            return None
        return self.execution.within_limit(whole_ticks(touch, self._subticks, self._sign), self.limit)

    def far(self) -> int | None:
        """The far touch in ticks, rounded away from us; None where none is seen."""
        _, touch = self.execution.touches()
        return None if touch is None else whole_ticks(touch, self._subticks, -self._sign)

    def join(self, quantity: int) -> Order | None:
        """Place a child at the near touch; None if there is nothing to place, or no touch."""
        price = self.near()
        return None if price is None else self.execution.place(quantity, price)

    def cross(self, quantity: int, price: int | None = None) -> Order | None:
        """Send a child across the spread, at worst at a price (ticks), at the limit, or at any."""
        limit = self.limit
        if price is not None:
            price = self.execution.within_limit(price, limit)
        return self.execution.place(quantity, limit if price is None else price, time_in_force=TimeInForce.IOC)

    async def work(self, quantity: int, end_ns: int) -> None:
        """Work a quantity until a time; what is left of it then has been taken back.

        Passive: a child rests at the near touch as it is seen at the start; one that is refused or rejected is tried again after a
        pause, which grows up to a second. Otherwise one child crosses at once. Either way the tactics' discretion and would-price
        apply all the time.
        """
        execution, pause = self.execution, MILLISECOND
        goal = execution.parent.filled_quantity + quantity
        if not self.tactics.passive:
            await self.finish(quantity)
        while execution.is_working and execution.sim.now < end_ns:
            left = goal - execution.parent.filled_quantity if self.tactics.passive else 0
            child = self.join(left)
            if child is None and left > 0:
                await execution.until(end_ns, execution.view.changes())
            elif await self._watch(child, end_ns):
                pause = MILLISECOND
            elif child is not None and child.is_final and child.filled_quantity < child.quantity:
                await execution.until(min(end_ns, execution.sim.now + pause))
                pause = min(2 * pause, SECOND)
            elif child is not None:
                await execution.withdraw(child)

    async def finish(self, quantity: int, price: int | None = None) -> int:
        """Cross the spread for a quantity, as ``cross``, and wait for the outcome; returns what was filled."""
        child = self.cross(quantity, price)
        return 0 if child is None else (await self.execution.final(child)).filled_quantity

    async def until_far(self, end_ns: int) -> bool:
        """Wait until a time for the far touch to be seen within the limit; whether it is."""
        execution = self.execution
        while execution.is_working and execution.sim.now < end_ns:
            far, limit = self.far(), self.limit
            if far is not None and (limit is None or (far - limit) * self._sign <= 0):
                return True
            view = execution.view
            come = view.changes() if limit is None else view.crosses(limit * self._subticks, self._side)
            await execution.until(end_ns, come, execution.attention())
        return False

    async def _watch(self, child: Order | None, end_ns: int) -> bool:
        """Wait until a child has ended or a time has come; True if before that something worth taking was taken."""
        execution = self.execution
        while execution.is_working and execution.sim.now < end_ns and (child is None or not child.is_final):
            ended = [] if child is None else [execution.ended(child)]
            price = self._worth_taking(child)
            if price is None:
                await execution.until(end_ns, *ended)
                continue
            await execution.until(end_ns, execution.view.crosses(price * self._subticks, self._side), *ended)
            far = self.far()
            if far is None or (far - price) * self._sign > 0:
                continue
            if child is not None:
                await execution.withdraw(child)
            everything = self._would is not None and (far - self._would) * self._sign <= 0
            left = 0 if child is None else child.quantity - child.filled_quantity
            if await self.finish(execution.unplaced if everything else left, price):
                return True
            await execution.until(min(end_ns, execution.sim.now + MILLISECOND))  # it was gone: do not ask again at once
            return child is not None
        return False

    def _worth_taking(self, child: Order | None) -> int | None:
        """The worst price in ticks at which the far touch is taken at once; None if there is none."""
        found = [] if self._would is None else [self._would]
        if child is not None and child.price_ticks is not None and self._discretion:
            found.append(child.price_ticks + self._sign * self._discretion)
        if not found:
            return None
        worst = max(found) if self._sign > 0 else min(found)
        return self.execution.within_limit(worst, self.limit)
