"""The circuit breaker: stops trading when something is wrong, and tries it again with one order.

Open, it refuses every order and has cancelled all that worked. After ``cool_down`` it is half-open: the first order to a venue
is let through as a probe, and nothing else until a venue has answered that. The pattern is that of Nygard, *Release It!* (2007);
cancelling what is open is what FIA's *Best Practices for Automated Trading Risk Controls* (2024) calls a kill switch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

import attrs

from simexec.errors import InputError
from simexec.execution.breaker_limits import LASTING, BreakerLimits
from simexec.execution.execution_metrics import Account, ExecutionMeter, ExecutionMetrics, QuoteSource
from simexec.execution.guard import Refusal
from simexec.sim import Simulation, current_simulation
from simexec.sim.clock import MILLISECOND, SECOND, format_duration, format_time_of_day
from simexec.trading.order import Order
from simexec.trading.report import ExecutionReport, RejectReason

if TYPE_CHECKING:
    from simexec.execution.order_manager import OrderManager


class BreakerState(Enum):
    """CLOSED: orders flow. OPEN: none does. HALF_OPEN: one does, to see what becomes of it."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


_CLOSED, _OPEN, _HALF_OPEN = BreakerState


@attrs.frozen
class BreakerTransition:
    """One change of a breaker's state, or one more trip while it was open.

    Attributes:
        time_ns: when.
        before, after: the states.
        rule: the limit that was exceeded, or ``trip_circuit``, ``cool_down``, ``probe`` or ``reset``.
        reason: what happened, with the figures.
        metrics: all figures as they were then; of the cool-down's end as they were when that was noticed.
    """

    time_ns: int
    before: BreakerState
    after: BreakerState
    rule: str
    reason: str
    metrics: ExecutionMetrics


class ExecutionCircuitBreaker:
    """A ``Guard`` that trips when a limit is exceeded. docs/circuit_breaker.md has the rules.

    It belongs among the guards of an order manager and is attached to that manager afterwards. A trip by loss or drawdown lasts
    until ``reset``, since time does not undo it; any other until ``cool_down`` has passed and a probe was answered.

    Args:
        limits: what is tolerated.
        sim: the simulation; None: the ambient one.
        fields: fields of ``limits``, in the place of those.

    Attributes:
        limits: in force; may be replaced by others.
        half_open_ns: when it will be half-open; None when it is closed, or open until ``reset``.

    Raises:
        InputError: a wrong limit.
    """

    def __init__(self, limits: BreakerLimits | None = None, *, sim: Simulation | None = None, **fields: Any) -> None:
        self._sim = sim or current_simulation()
        self.limits = attrs.evolve(limits or BreakerLimits(), **fields)
        self.half_open_ns: int | None = None
        self._manager: OrderManager | None = None
        self._meter = ExecutionMeter()
        self._state = _CLOSED
        self._history: list[BreakerTransition] = []
        self._probe: Order | None = None
        self._will_look = self._will_time_out = False

    def attach(
        self,
        manager: OrderManager,
        portfolio: Account | None = None,
        views: Mapping[str, QuoteSource] | None = None,
        currency: str = "USD",
    ) -> None:
        """Have a tripped breaker cancel this manager's orders, and measure losses from here.

        Args:
            manager: that asks this guard.
            portfolio: whose equity is watched, at the marks that it has; None: the manager's.
            views: of markets, by name of the venue, or ``VENUE.SYMBOL`` where a venue has several.
            currency: of the equity and of ``max_loss``.

        Raises:
            InputError: it is attached already, or a limit needs a portfolio or views and there are none.
        """
        if self._manager is not None:
            raise InputError("the breaker is attached to an order manager already; make one for each")
        account = manager.portfolio if portfolio is None else portfolio
        if account is None and self.limits.need_equity:
            raise InputError(
                "max_loss and max_drawdown need the equity of a portfolio; give one, or take None for both"
            )
        if not views and self.limits.max_quote_age is not None:
            raise InputError(
                "max_quote_age needs views of the markets; give them by name of the venue, or take None for it"
            )
        self._manager = manager
        self._meter.attach(account, currency, views or {}, self._sim.now)

    # --- state ---------------------------------------------------------------------------------------------------------

    @property
    def state(self) -> BreakerState:
        """The state now."""
        self._cool()
        return self._state

    @property
    def history(self) -> tuple[BreakerTransition, ...]:
        """All that has changed the state, in order."""
        self._cool()
        return tuple(self._history)

    @property
    def max_failed_orders_per_minute(self) -> int | None:
        """Orders that venues may refuse in a minute; the specification's name for a field of ``limits``."""
        return self.limits.max_failed_orders_per_minute

    @max_failed_orders_per_minute.setter
    def max_failed_orders_per_minute(self, most: int | None) -> None:
        self.limits = attrs.evolve(self.limits, max_failed_orders_per_minute=most)

    @property
    def max_rejection_rate(self) -> float | None:
        """Fraction of a minute's orders that venues may refuse; the specification's name for a field of ``limits``."""
        return self.limits.max_rejection_rate

    @max_rejection_rate.setter
    def max_rejection_rate(self, most: float | None) -> None:
        self.limits = attrs.evolve(self.limits, max_rejection_rate=most)

    def metrics(self) -> ExecutionMetrics:
        """The figures now."""
        self._cool()
        return self._measure(self._meter.working.values())

    async def check_circuit(self, metrics: Any) -> bool:
        """Trip if figures exceed a limit; whether orders may go on.

        Args:
            metrics: those of this breaker, or any object with ``failed_orders_1min`` or others of their attributes.
        """
        self._cool()
        excess = self.limits.exceeded_by(metrics) if self._state is not _OPEN else None
        if excess is not None:
            self._trip(excess.rule, excess.text)
            await self._sim.timeout(0)
        return self._state is not _OPEN

    async def trip_circuit(self, reason: str) -> None:
        """Trip by hand; when this returns the cancels have left. One that is open cools down anew."""
        self._cool()
        self._trip("trip_circuit", reason)
        await self._sim.timeout(0)

    def reset(self) -> None:
        """Close by hand, whatever the state; everything is counted and measured from here."""
        self._cool()
        self._move(_CLOSED, "reset", "reset by hand")
        self._meter.restart()

    # --- as a guard ----------------------------------------------------------------------------------------------------

    def admit(self, order: Order) -> Refusal | None:
        """Let a root begin if an order of it could leave now."""
        self._cool()
        self._judge((order,))
        return None if self._lets_through else self._refusal()

    def amend(self, order: Order, quantity: int, price_ticks: int | None) -> Refusal | None:
        """Let roots be changed while it is closed."""
        self._cool()
        self._judge((order,))
        return None if self._state is _CLOSED else self._refusal()

    def check(self, order: Order) -> Refusal | None:
        """Let an order leave if it is closed; the first that asks when it is half-open is the probe."""
        self._cool()
        if order.parent_id is not None:  # a root has just been admitted
            self._judge((order,))
        if not self._lets_through:
            return self._refusal()
        now = self._sim.now
        if self._state is _HALF_OPEN:
            self._probe = order
            self._sim.call_at(now + self.limits.probe_patience, self._give_up, order)
        self._meter.left(order, now)
        self._plan()
        return None

    def heard(self, order: Order, report: ExecutionReport) -> None:
        """Measure, and see what became of the probe."""
        self._cool()
        accepted = self._meter.heard(order, report, self._sim.now)
        if order is self._probe:
            if accepted:
                self._move(_CLOSED, "probe", f"{order.venue} has answered {order.order_id}")
            elif accepted is not None:
                self._trip("probe", f"{order.venue} has rejected {order.order_id}: {order.reason}")
            elif order.submitted_ns is None:  # another guard refused it, so it never left
                self._probe = None
        limits = self.limits
        if accepted is False or (accepted and limits.max_latency) or (report.last_quantity and limits.need_equity):
            self._judge(())

    @property
    def _lets_through(self) -> bool:
        return self._state is _CLOSED or (self._state is _HALF_OPEN and self._probe is None)

    # --- its own work --------------------------------------------------------------------------------------------------

    def _measure(self, orders: Iterable[Order]) -> ExecutionMetrics:
        return self._meter.measure(self._sim.now, self.limits, orders)

    def _judge(self, orders: Iterable[Order]) -> None:
        """Trip if a limit is exceeded; when it is open already, only if a loss is what makes the trip last."""
        if self._state is _OPEN and (self.half_open_ns is None or not self.limits.need_equity):
            return
        excess = self.limits.exceeded_by(self._measure(orders))
        if excess is not None and (self._state is not _OPEN or excess.rule in LASTING):
            self._trip(excess.rule, excess.text)

    def _trip(self, rule: str, reason: str) -> None:
        lasts = rule in LASTING or (self._state is _OPEN and self.half_open_ns is None)
        self._move(_OPEN, rule, reason)
        if not lasts:
            self.half_open_ns = self._sim.now + self.limits.cool_down
        # Behind whoever called, though at this time: the manager may be in the middle of a packet, or of the very order that it
        # asks about.
        self._sim.call_after(0, self._start_cancelling, reason)

    def _move(self, after: BreakerState, rule: str, reason: str, time_ns: int | None = None) -> None:
        now = self._sim.now if time_ns is None else time_ns
        metrics = self._measure(self._meter.working.values())
        self._history.append(BreakerTransition(now, self._state, after, rule, reason, metrics))
        self._state, self._probe, self.half_open_ns = after, None, None
        if after is not _OPEN:
            self._meter.clear()

    def _cool(self) -> None:
        """Be half-open if it is time: found when somebody looks, so that a breaker needs no calendar event for it."""
        due = self.half_open_ns
        if due is not None and self._sim.now >= due:
            text = f"cooled down for {format_duration(due - self._history[-1].time_ns)}"
            self._move(_HALF_OPEN, "cool_down", text, due)

    def _start_cancelling(self, reason: str) -> None:
        if self._manager is not None:
            self._sim.process(self._cancel_all(self._manager, f"circuit breaker: {reason}"), name="circuit breaker")

    async def _cancel_all(self, manager: OrderManager, why: str) -> None:
        """Cancel everything, and what a venue refused to cancel again a millisecond later, then after twice that, and so on."""
        trips, pause = len(self._history), MILLISECOND
        await manager.cancel_all(why=why)
        while self._meter.working and self.state is _OPEN and len(self._history) == trips:
            await self._sim.timeout(pause)
            pause = min(2 * pause, SECOND)
            await manager.cancel_all(why=why)

    def _refusal(self) -> Refusal:
        last, since = self._history[-1], format_time_of_day(self._history[-1].time_ns)
        if self._probe is not None:
            text = f"half-open since {since}, and {self._probe.order_id}, its probe, has no answer yet"
        elif self._state is _HALF_OPEN:
            text = f"half-open since {since}; nothing is changed before it is closed"
        else:
            until = (
                "until it is reset" if self.half_open_ns is None else f"until {format_time_of_day(self.half_open_ns)}"
            )
            text = f"open since {since} {until}: {last.rule}, {last.reason}"
        return Refusal("circuit_breaker", text, RejectReason.BROKER_EXCHANGE_OPTION)

    # --- the calendar --------------------------------------------------------------------------------------------------

    def _plan(self) -> None:
        """Look again while orders work, and at the moment when an answer will be late; at rest while there are none."""
        limits, meter = self.limits, self._meter
        if not self._will_look and meter.working and (limits.need_equity or limits.max_quote_age is not None):
            self._will_look = True
            self._sim.call_after(limits.check_interval, self._look)
        since, most = meter.waiting_since_ns, limits.max_latency
        if not self._will_time_out and self._state is _CLOSED and since is not None and most is not None:
            self._will_time_out = True
            self._sim.call_at(max(since + most + 1, self._sim.now), self._time_out)

    def _look(self, _: object) -> None:
        self._will_look = False
        self._cool()
        self._judge(self._meter.working.values())
        self._plan()

    def _time_out(self, _: object) -> None:
        self._will_time_out = False
        self._cool()
        self._judge(())
        self._plan()

    def _give_up(self, probe: Order) -> None:
        """Trip again if the probe still waits for its answer."""
        if probe is self._probe:
            waited = format_duration(self.limits.probe_patience)
            self._trip("probe", f"{probe.venue} has not answered {probe.order_id} for {waited}")
