"""What every figure of a run is made from, put together once."""

from __future__ import annotations

from fractions import Fraction

import attrs

from simexec.analysis.benchmarks import Benchmarks, first_arrival_ns
from simexec.analysis.fills import Fills, street_orders
from simexec.analysis.quotes import MidPrices, weighted_sum
from simexec.analysis.result import RunResult
from simexec.execution.journal import JournalEntry
from simexec.trading.order import Order


@attrs.frozen(eq=False)
class Facts:
    """The columns of a finished run that its analysis reads.

    Attributes:
        orders: that went to venues, in order of creation.
        fills: theirs.
        mids: mid-points of the order's symbol, over its lit markets.
        entries: the journal's lines about the parent and these orders.
        marks: benchmark prices.
    """

    result: RunResult
    orders: tuple[Order, ...]
    fills: Fills
    mids: MidPrices
    entries: tuple[JournalEntry, ...]
    marks: Benchmarks

    @classmethod
    def of(cls, result: RunResult) -> Facts:
        """Those of a run."""
        orders, mids = street_orders(result), MidPrices(result.quotes, result.close_ns)
        ours = {result.parent.order_id, *(order.order_id for order in orders)}
        entries = tuple(entry for entry in result.journal.entries() if entry.order_id in ours)
        marks = Benchmarks.of(result, mids, first_arrival_ns(entries, orders))
        return cls(result, orders, Fills.of(result), mids, entries, marks)

    @property
    def sign(self) -> int:
        """+1 of a buy, −1 of a sell."""
        return self.result.parent.side.sign

    @property
    def quantum(self) -> Fraction:
        """One price quantum in the quoting currency."""
        return Fraction(self.result.instrument.quantum)

    @property
    def notional_quanta(self) -> int:
        """Sum of quantity times price over the fills."""
        return weighted_sum(self.fills.price_quanta, self.fills.quantity)

    def halves(self, price: Fraction | None) -> int | None:
        """A mid-point in half quanta, exact; None of None."""
        return None if price is None else int(price / self.quantum * 2)
