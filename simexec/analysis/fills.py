"""A run's own fills as columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from simexec.analysis.quotes import Column
from simexec.analysis.result import RunResult
from simexec.trading.order import Order
from simexec.trading.report import ExecutionReport

LIQUIDITY: Final = ("all", "maker", "taker")
"""Groups of fills: all of them, the passive ones, the aggressive ones."""


def street_orders(result: RunResult) -> tuple[Order, ...]:
    """The orders that went to venues: the children, or the parent if it worked alone."""
    return result.children or (result.parent,)


def trades_of(result: RunResult) -> Iterator[tuple[Order, ExecutionReport]]:
    """Every trade that stands with the order that had it, by order."""
    for order in street_orders(result):
        for trade in order.trades:
            yield order, trade


@attrs.frozen(eq=False)
class Fills:
    """Own fills in order of time; busted ones are left out.

    Attributes:
        time_ns: when each traded, by the venue's clock.
        quantity: in shares.
        price_quanta: in the instrument's price quanta.
        fee_units: in money units; a cost is positive.
        maker: whether the order was resting, so the fill was passive.
        order: its order's place in ``street_orders``.
    """

    time_ns: Column
    quantity: Column
    price_quanta: Column
    fee_units: Column
    maker: npt.NDArray[np.bool_]
    order: Column

    @classmethod
    def of(cls, result: RunResult) -> Fills:
        """The fills of a run."""
        rows = [
            (trade.time_ns, trade.last_quantity, trade.last_price_quanta, trade.fee, trade.maker, place)
            for place, order in enumerate(street_orders(result))
            for trade in order.trades
        ]
        table = np.array(rows, np.int64).reshape(-1, 6)
        table = table[np.argsort(table[:, 0], kind="stable")]
        return cls(table[:, 0], table[:, 1], table[:, 2], table[:, 3], table[:, 4] == 1, table[:, 5])

    def __len__(self) -> int:
        return len(self.time_ns)

    @property
    def total_quantity(self) -> int:
        """Shares filled."""
        return int(self.quantity.sum())

    @property
    def total_fee_units(self) -> int:
        """Fees paid, rebates deducted."""
        return int(self.fee_units.sum())

    def those(self, which: npt.NDArray[np.bool_]) -> Fills:
        """Some of the fills."""
        return Fills(
            self.time_ns[which],
            self.quantity[which],
            self.price_quanta[which],
            self.fee_units[which],
            self.maker[which],
            self.order[which],
        )

    def by_liquidity(self) -> dict[str, Fills]:
        """The groups of ``LIQUIDITY``."""
        return dict(zip(LIQUIDITY, (self, self.those(self.maker), self.those(~self.maker)), strict=True))
