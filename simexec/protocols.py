"""Every role as a ``typing.Protocol``: what a component must offer to be used as one; nobody inherits from these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    import numpy as np
    import numpy.typing as npt

    from simexec.execution.parent import ParentExecution
    from simexec.trading.order import Order
    from simexec.trading.report import Fill
    from simexec.trading.vocabulary import OrderSide, OrderType, TimeInForce


class CoupledMarket(Protocol):
    """A market whose order flow is advanced in bulk between calendar events, rather than event by event.

    Attributes:
        name: unique in the simulation; breaks ties between markets with messages of the same time.
    """

    name: str

    @property
    def next_time(self) -> int | None:
        """Time (ns) of its flow's next message, None when there is none; changes only in ``advance`` and ``dispatch``."""

    def advance(self, until: int) -> int | None:
        """Apply every message with ``time <= until``; stop early after the first time at which a process is concerned.

        Returns:
            That time t (all messages stamped t have been applied), or None when nothing concerned a process.
        """

    def dispatch(self) -> None:
        """Hand over what concerned a process; called by the calendar at the time that ``advance`` returned."""


class DurationModel(Protocol):
    """A distribution of durations: latencies of links, service times of stations."""

    @property
    def mean_ns(self) -> float:
        """Mean of the distribution in nanoseconds."""

    def sample(self, rng: np.random.Generator, size: int) -> npt.NDArray[np.int64]:
        """Draw ``size`` durations in whole nanoseconds, none negative."""


class Algorithm(Protocol):
    """A way to work a parent order."""

    async def run(self, execution: ParentExecution) -> None:
        """Place children until the parent is filled or its time is over; what is still open is cancelled by the caller."""


class Engine(Protocol):
    """Whoever makes orders and works them to their end, such as an order manager."""

    async def create_order(
        self,
        symbol: str,
        side: OrderSide,
        quantity: int,
        order_type: OrderType = ...,
        price: Decimal | float | str | None = None,
        *,
        time_in_force: TimeInForce = ...,
    ) -> Order:
        """Create an order that is not sent yet."""

    async def execute_order(self, order: Order) -> list[Fill]:
        """Send an order, wait for its end, and return its fills."""


@runtime_checkable
class PortfolioStateProtocol(Protocol):
    """The account as a broker needs it: the only place with positions and cash, such as ``trading.portfolio.Portfolio``."""

    def apply_fill(self, fill: Fill) -> None:
        """Book a trade."""

    def mark(self, symbol: str, price_quanta: int) -> None:
        """Value a position at this price from now on."""

    def position(self, symbol: str) -> int:
        """Shares or contracts held; negative when short."""


class BrokerProtocol(Protocol):
    """A broker of which the fills are pulled, such as ``execution.BacktestBroker``."""

    async def submit_order(self, order: Order) -> str:
        """Take an order; returns its id."""

    async def cancel_order(self, order_id: str) -> None:
        """Cancel what is left of an order."""

    async def process_pending_orders(self, market_prices: Mapping[str, Any]) -> list[Fill]:
        """The fills that market prices bring."""
