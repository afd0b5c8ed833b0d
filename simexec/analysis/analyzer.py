"""Transaction cost analysis in one place: of fills alone, of a finished run, and while one goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import cached_property

from simexec.analysis.adherence import Adherence
from simexec.analysis.audit import audit
from simexec.analysis.capture import SpreadCapture, spread_capture
from simexec.analysis.facts import Facts
from simexec.analysis.fill_costs import FillCosts
from simexec.analysis.impact import Impact, impact_path
from simexec.analysis.live import LiveQuality
from simexec.analysis.live_prices import Prices
from simexec.analysis.missed import Missed
from simexec.analysis.outliers import outlying_fills, outlying_orders
from simexec.analysis.quality import Quality
from simexec.analysis.queue_selection import queue_selection
from simexec.analysis.result import RunResult
from simexec.analysis.scorecard import scorecard
from simexec.analysis.shortfall import Exact, implementation_shortfall
from simexec.analysis.table import Table
from simexec.analysis.tca import TcaSummary, summarise
from simexec.errors import InputError
from simexec.trading.money import to_decimal
from simexec.trading.order import Order
from simexec.trading.report import Fill


class ExecutionAnalyzer:
    """Analyses execution quality. A cost is positive, for buys and sells alike; None is what cannot be computed.

    Of fills alone it knows what ``analyze_fills`` gives; made by ``of`` from a finished run it has all the tables too.

    Args:
        submitted_orders: what was asked for. An order whose parent is among them counts with its parent.
        decision_price: when it was decided, None if not known.
        arrival_price: when it reached the market; None: the decision price.
        close_price: at which what is unfilled is judged; None if not known.
    """

    def __init__(
        self,
        submitted_orders: Iterable[Order] = (),
        *,
        decision_price: Exact | None = None,
        arrival_price: Exact | None = None,
        close_price: Exact | None = None,
    ) -> None:
        self.submitted_orders = list(submitted_orders)
        self.decision_price = decision_price
        self.arrival_price = arrival_price
        self.close_price = close_price
        self._facts: Facts | None = None

    @classmethod
    def of(cls, result: RunResult) -> ExecutionAnalyzer:
        """An analyzer of a finished run, with its orders and prices."""
        facts = Facts.of(result)
        marks = facts.marks
        analyzer = cls(
            (result.parent, *result.children),
            decision_price=marks.decision_mid,
            arrival_price=marks.arrival_mid,
            close_price=marks.end_mid,
        )
        analyzer._facts = facts
        return analyzer

    @staticmethod
    def live(clock: Callable[[], int], prices: Prices) -> LiveQuality:
        """The same figures while a run goes on: give it to an order manager as a guard.

        Args:
            clock: the present time, ns.
            prices: of the market, such as ``analysis.live_prices.BookPrices``.
        """
        return LiveQuality(clock, prices)

    # --- of fills alone --------------------------------------------------------------------------------------------------

    def analyze_fills(self, fills: Sequence[Fill]) -> dict[str, float | None]:
        """Figures of fills of one instrument and side.

        Returns:
            ``vwap``, their average price by shares; ``total_slippage``, what a slippage model had added, in the instrument's
            currency and 0 for fills from an order book; ``implementation_shortfall``, see ``calculate_shortfall``; and
            ``fill_rate``, shares filled of the shares submitted. Each None if it cannot be computed.

        Raises:
            InputError: the fills are of several instruments or of both sides.
        """
        self._check(fills)
        asked = sum(order.quantity for order in self._roots())
        slippage = sum(
            (fill.quantity * Fraction(fill.slippage) * Fraction(fill.instrument.multiplier) for fill in fills),
            Fraction(0),
        )
        return {
            "vwap": self.calculate_vwap(fills),
            "total_slippage": None if any(fill.instrument.inverse for fill in fills) else float(slippage),
            "implementation_shortfall": self.calculate_shortfall(fills),
            "fill_rate": sum(fill.quantity for fill in fills) / asked if asked else None,
        }

    def calculate_vwap(self, fills: Sequence[Fill]) -> float | None:
        """Average price by shares in the quoting currency, None of no fills.

        Raises:
            InputError: the fills are of several instruments or of both sides.
        """
        self._check(fills)
        quantity = sum(fill.quantity for fill in fills)
        if not quantity:
            return None
        notional = sum(fill.quantity * fill.price_quanta for fill in fills)
        return float(Fraction(notional, quantity) * Fraction(fills[0].instrument.quantum))

    def calculate_shortfall(self, fills: Sequence[Fill]) -> float | None:
        """Implementation shortfall of the submitted orders in the instrument's currency, fees included.

        None without a decision price, without orders, where something is unfilled and there is no close price, and for an
        inverse instrument.

        Raises:
            InputError: the fills are of several instruments or of both sides, or more than was submitted.
        """
        self._check(fills)
        roots = self._roots()
        asked, filled = sum(order.quantity for order in roots), sum(fill.quantity for fill in fills)
        if self.decision_price is None or not asked or (filled < asked and self.close_price is None):
            return None
        instrument, side = roots[0].instrument, roots[0].side
        if instrument.inverse:
            return None
        quantum = Fraction(instrument.quantum)
        cost = implementation_shortfall(
            side,
            asked,
            self.decision_price,
            self.decision_price if self.arrival_price is None else self.arrival_price,
            ((fill.quantity, fill.price_quanta * quantum) for fill in fills),
            self.close_price,
            Fraction(to_decimal(sum(fill.fee for fill in fills), instrument.currency)),
            multiplier=instrument.multiplier,
        )
        return float(cost.total)

    def _roots(self) -> list[Order]:
        ids = {order.order_id for order in self.submitted_orders}
        return [order for order in self.submitted_orders if order.parent_id not in ids]

    def _check(self, fills: Sequence[Fill]) -> None:
        kinds = {(order.symbol, order.side.name) for order in self.submitted_orders}
        kinds |= {(fill.symbol, fill.side.name) for fill in fills}
        if len(kinds) > 1:
            found = ", ".join(f"{side} {symbol}" for symbol, side in sorted(kinds))
            raise InputError(
                f"orders and fills of {found} have no common price; analyse those of one instrument and side"
            )

    # --- of a finished run -----------------------------------------------------------------------------------------------

    @property
    def facts(self) -> Facts:
        """What the tables are made from.

        Raises:
            InputError: the analyzer was not made from a run.
        """
        if self._facts is None:
            raise InputError("fills alone have no tables; make the analyzer from a run: ExecutionAnalyzer.of(result)")
        return self._facts

    @cached_property
    def summary(self) -> TcaSummary:
        """Shortfall, benchmarks, spreads, markouts, latency."""
        return summarise(self.facts)

    @cached_property
    def quality(self) -> Quality:
        """The figures that ``live`` has while a run goes on."""
        return Quality.of(self.facts)

    @cached_property
    def fill_costs(self) -> FillCosts:
        """Every fill against the mid-points around it."""
        return FillCosts.of(self.facts)

    @cached_property
    def impact(self) -> Impact:
        """Impact from arrival to the end of working, and its reversion."""
        return Impact.of(self.facts)

    @cached_property
    def spread_capture(self) -> Mapping[str, SpreadCapture | None]:
        """Half-spread earned or paid, of all fills, the passive and the aggressive ones."""
        return spread_capture(self.fill_costs)

    @cached_property
    def venues(self) -> Table:
        """The venue scorecard."""
        return scorecard(self.facts)

    @cached_property
    def schedule(self) -> Adherence | None:
        """How closely the fills followed the algorithm's plan; None if it had none."""
        result = self.facts.result
        return Adherence.of(result.plan, self.facts.fills, result.decision_ns, result.end_ns, result.parent.quantity)

    @cached_property
    def missed(self) -> Missed:
        """What it cost that passive orders were not filled."""
        return Missed.of(self.facts)

    @cached_property
    def orders(self) -> Table:
        """The audit of every order that was sent."""
        return audit(self.fill_costs)

    @cached_property
    def queue(self) -> Table:
        """Markouts of passive fills by their place in the queue."""
        return queue_selection(self.fill_costs)

    @cached_property
    def outlying_fills(self) -> Table:
        """Fills that cost far more than the others."""
        return outlying_fills(self.fill_costs)

    @cached_property
    def outlying_orders(self) -> Table:
        """Orders that cost far more than the others."""
        return outlying_orders(self.fill_costs)

    def tables(self) -> dict[str, Table]:
        """All tables by name."""
        found = {
            "orders": self.orders,
            "fills": self.fill_costs.table(),
            "venues": self.venues,
            "impact": impact_path(self.facts),
            "queue": self.queue,
            "missed": self.missed.orders,
            "outlying_fills": self.outlying_fills,
            "outlying_orders": self.outlying_orders,
        }
        return found if self.schedule is None else {**found, "schedule": self.schedule.steps}
