"""What a circuit breaker looks at, measured as a run goes on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Protocol

import attrs

from simexec.execution.breaker_limits import BreakerLimits
from simexec.execution.rolling_window import RollingCount
from simexec.sim.clock import MINUTE
from simexec.trading.money import to_decimal
from simexec.trading.order import Order
from simexec.trading.report import ExecType, ExecutionReport

_REJECTED, _CANCEL_REJECTED = ExecType.REJECTED, ExecType.CANCEL_REJECTED


@attrs.frozen
class ExecutionMetrics:
    """Figures of one moment.

    Attributes:
        time_ns: when they were taken.
        failed_orders_1min: orders that venues refused in the last minute, by when we heard of it. What our own guards
            refuse never was an order to a venue, and a refused cancel or replace fails no order: neither counts.
        answered_orders_1min: orders that venues accepted or refused in the last minute.
        rejection_rate: the first as a fraction of the second; 0.0 without answers.
        latency_ns: the longer of the wait that the last answer has ended, and of the longest that goes on; None before the
            first order.
        loss: fall of equity since the start or the last reset, in the account's currency; a gain is negative.
        drawdown: fall of equity from its highest, as a fraction of that; infinite if that was not positive.
        quote_age_ns: of the oldest quote of the markets that matter. Before the first quote, the time since the start.

    The last three are None where no limit needs them.
    """

    time_ns: int
    failed_orders_1min: int
    answered_orders_1min: int
    rejection_rate: float
    latency_ns: int | None
    loss: Decimal | None
    drawdown: float | None
    quote_age_ns: int | None


class Account(Protocol):
    """Whose equity is watched."""

    def equity(self, currency: str = "USD") -> int:
        """Cash plus the market value of the positions, in money units."""


class Dated(Protocol):
    """A quote, as far as its age matters."""

    @property
    def time_ns(self) -> int:
        """When it was set at its market."""


class QuoteSource(Protocol):
    """Where quotes of a market are seen."""

    def quote(self) -> Dated | None:
        """The latest quote that has arrived; None before the first."""


class ExecutionMeter:
    """Measures: fed with the orders that leave and the reports that are heard.

    Attributes:
        working: orders by id that left and have not ended as far as heard.
    """

    def __init__(self) -> None:
        self.working: dict[str, Order] = {}
        self._waiting: dict[str, int] = {}  # when each order left that nothing was heard of, in that order
        self._last_latency: int | None = None
        self._accepted, self._rejected = RollingCount(MINUTE), RollingCount(MINUTE)
        self._account: Account | None = None
        self._views: Mapping[str, QuoteSource] = {}
        self._currency = ""
        self._first_equity = self._highest_equity = 0
        self._attached_ns = 0

    def attach(self, account: Account | None, currency: str, views: Mapping[str, QuoteSource], now_ns: int) -> None:
        """Look at an account and at markets, by name of their venue, from now on."""
        self._account, self._currency, self._views, self._attached_ns = account, currency, views, now_ns
        self.restart()

    def restart(self) -> None:
        """Measure losses from here."""
        if self._account is not None:
            self._first_equity = self._highest_equity = self._account.equity(self._currency)

    def clear(self) -> None:
        """Count answers from zero; what has not been answered yet is not waited for any more."""
        self._waiting.clear()
        self._accepted.clear()
        self._rejected.clear()
        self._last_latency = None

    def left(self, order: Order, now_ns: int) -> None:
        """An order leaves for its venue."""
        self.working[order.order_id] = order
        self._waiting[order.order_id] = now_ns

    def heard(self, order: Order, report: ExecutionReport, now_ns: int) -> bool | None:
        """Take a report; whether it is the answer to an order that was waited for: True accepted, False rejected."""
        order_id = order.order_id
        if order_id not in self.working:
            return None
        if order.status.is_final:
            del self.working[order_id]
        if report.exec_type is _CANCEL_REJECTED:  # it answers another request
            return None
        since = self._waiting.pop(order_id, None)
        if since is None or order.submitted_ns is None:  # another guard refused it
            return None
        self._last_latency = now_ns - since
        accepted = report.exec_type is not _REJECTED
        (self._accepted if accepted else self._rejected).add(now_ns)
        return accepted

    @property
    def waiting_since_ns(self) -> int | None:
        """When the oldest of the orders left that are waited for."""
        return next(iter(self._waiting.values()), None)

    def measure(self, now_ns: int, limits: BreakerLimits, orders: Iterable[Order]) -> ExecutionMetrics:
        """The figures now, as far as there are limits for them; ``orders`` say of which markets the quotes matter."""
        failed = self._rejected.count(now_ns)
        answered = failed + self._accepted.count(now_ns)
        loss, drawdown = self._fall() if limits.need_equity else (None, None)
        since, latency = self.waiting_since_ns, self._last_latency
        if since is not None:
            latency = max(latency or 0, now_ns - since)
        return ExecutionMetrics(
            now_ns, failed, answered, failed / answered if answered else 0.0, latency, loss, drawdown,
            None if limits.max_quote_age is None else self._quote_age(now_ns, orders),
        )  # fmt: skip

    def _fall(self) -> tuple[Decimal | None, float | None]:
        if self._account is None:
            return None, None
        equity = self._account.equity(self._currency)
        highest = self._highest_equity = max(self._highest_equity, equity)
        # int / int is rounded once, so a fraction is at its limit exactly when it prints as the limit does.
        drawdown = 0.0 if equity == highest else (highest - equity) / highest if highest > 0 else math.inf
        return to_decimal(self._first_equity - equity, self._currency), drawdown

    def _quote_age(self, now_ns: int, orders: Iterable[Order]) -> int | None:
        """Of the oldest quote; an instrument that shares its venue with others may have a view of its own."""
        names = {name for order in orders for name in (order.venue, f"{order.venue}.{order.symbol}")}
        quotes = [view.quote() for name, view in self._views.items() if name in names]
        times = [self._attached_ns if quote is None else quote.time_ns for quote in quotes]
        return now_ns - min(times) if times else None
