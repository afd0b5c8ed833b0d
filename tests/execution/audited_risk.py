"""A risk container whose every answer and every reservation is compared with an oracle's."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from simexec.execution import RiskPortfolioContainer
from simexec.execution.guard import Refusal
from simexec.trading.order import Order
from simexec.trading.report import ExecutionReport

from .risk_oracle import RiskOracle


class AuditedRisk:
    """A guard that asks the container, and compares what it says and does with the oracle after every call.

    Attributes:
        compared: how often all figures were compared.
        refused: how often each rule was broken.
    """

    def __init__(self, risk: RiskPortfolioContainer, oracle: RiskOracle) -> None:
        self.risk, self.oracle = risk, oracle
        self.compared = 0
        self.refused: Counter[str] = Counter()
        self.parents: set[str] = set()

    def admit(self, order: Order) -> Refusal | None:
        root = self.oracle.root_of(order)
        expected = self.oracle.refuses(None, root)
        refusal = self.risk.admit(order)
        self._expect(refusal, expected)
        if refusal is None:
            self.oracle.roots[order.order_id] = root
        self.compare()
        return refusal

    def amend(self, order: Order, quantity: int, price_ticks: int | None) -> Refusal | None:
        if order.parent_id is not None:
            return self.risk.amend(order, quantity, price_ticks)
        now = self.oracle.roots[order.order_id]
        covered, asked = self.oracle.asked(order, quantity, price_ticks)
        then = replace(now, covered=covered, asked=asked, in_flight=now.in_flight + 1)
        expected = self.oracle.refuses(now, then)
        refusal = self.risk.amend(order, quantity, price_ticks)
        if refusal is None or refusal.rule not in ("price_collar", "max_order_quantity"):
            self._expect(refusal, expected)
        if refusal is None:
            self.oracle.roots[order.order_id] = then
        self.compare()
        return refusal

    def _expect(self, refusal: Refusal | None, expected: str | None) -> None:
        assert (None if refusal is None else refusal.rule) == expected, (str(refusal), expected)
        if expected is not None:
            self.refused[expected] += 1

    def check(self, order: Order) -> Refusal | None:
        if order.parent_id is not None:
            self.parents.add(order.parent_id)
        refusal = self.risk.check(order)
        if refusal is not None:
            self.refused[refusal.rule] += 1
        return refusal

    def heard(self, order: Order, report: ExecutionReport) -> None:
        self.risk.heard(order, report)
        self.oracle.hear(order, report, is_leaf=order.order_id not in self.parents)
        if order.parent_id is None or not report.last_quantity:  # else its root hears of the trade in a moment
            self.compare()

    def compare(self) -> None:
        """Positions, cash, reservations by root, and buying power are the oracle's, to the last unit."""
        risk, oracle = self.risk, self.oracle
        portfolio = risk.get_portfolio_state()
        self.compared += 1
        amounts, (held, cash) = oracle.amounts(), oracle.account()
        found = portfolio.snapshot(0).reservations
        assert found == {root_id: units for root_id, (_, units) in amounts.items()}, (found, amounts)
        positions = {symbol: one.quantity for symbol, one in portfolio.positions.items()}
        assert positions == {symbol: held[symbol] for symbol in positions}
        assert not set(+held) - set(positions)
        assert portfolio.cash == cash
        for currency, units in cash.items():
            reserved = sum(units for code, units in amounts.values() if code == currency)
            assert portfolio.reserved[currency] == reserved
            assert risk.buying_power(currency) == oracle.buying_power(currency, units, held, reserved)
