"""What an engine counts is what a naive count over the orders themselves gives, whatever order the reports come in."""

from __future__ import annotations

import gc
import random
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from simexec.execution.execution_stats import ExecutionStats
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.report import ExecType, ExecutionReport
from simexec.trading.vocabulary import OrderSide, OrderStatus

BUY, SELL = OrderSide.BUY, OrderSide.SELL
NEW, TRADE, BUST, CANCELED = ExecType.NEW, ExecType.TRADE, ExecType.TRADE_CANCEL, ExecType.CANCELED
REJECTED, EXPIRED = ExecType.REJECTED, ExecType.EXPIRED
SHARE = Instrument("AAPL", Decimal("0.01"))
COIN = Instrument("BTCUSD", Decimal("0.5"), currency="BTC", multiplier=100, inverse=True)
EURO = Instrument("SAP", Decimal("0.01"), currency="EUR", multiplier=10)


class Teller:
    """Makes reports, applies them to their orders, and has them counted."""

    def __init__(self) -> None:
        self.stats = ExecutionStats()
        self.orders: list[Order] = []
        self._made = 0

    def order(
        self, side: OrderSide = BUY, quantity: int = 100, instrument: Instrument = SHARE, *, sent: bool = True
    ) -> Order:
        order = Order(f"o{len(self.orders)}", instrument, side, quantity)
        if sent:
            order.submit(0)
        self.orders.append(order)
        return order

    def report(self, order: Order, exec_type: ExecType, cum: int, leaves: int, **more: Any) -> ExecutionReport:
        self._made += 1
        return ExecutionReport(f"x{self._made}", order.order_id, exec_type, self._made, cum, leaves, **more)

    def tell(self, order: Order, report: ExecutionReport) -> ExecutionReport:
        if order.apply(report):
            self.stats.heard(order, report)
        return report

    def trade(
        self, order: Order, quantity: int, price: str = "100", slippage: str = "0", fee: int = 0
    ) -> ExecutionReport:
        instrument, cum = order.instrument, order.filled_quantity + quantity
        slipped = int(Decimal(slippage) / instrument.quantum)
        return self.tell(
            order,
            self.report(
                order, TRADE, cum, order.quantity - cum, last_quantity=quantity,
                last_price_quanta=instrument.to_quanta(price), fee=fee, slippage_quanta=slipped,
            ),
        )  # fmt: skip

    def bust(self, order: Order, trade: ExecutionReport) -> None:
        cum = order.filled_quantity - trade.last_quantity
        leaves = 0 if order.status in (OrderStatus.CANCELLED, OrderStatus.EXPIRED) else order.quantity - cum
        report = self.report(order, BUST, cum, leaves, exec_ref_id=trade.exec_id)
        report.last_quantity, report.last_price_quanta = trade.last_quantity, trade.last_price_quanta
        report.fee, report.slippage_quanta = trade.fee, trade.slippage_quanta
        self.tell(order, report)

    def end(self, order: Order, exec_type: ExecType) -> None:
        self.tell(order, self.report(order, exec_type, order.filled_quantity, 0))

    @property
    def metrics(self) -> dict[str, Any]:
        metrics: dict[str, Any] = self.stats.snapshot()["metrics"]
        return metrics

    @property
    def execution(self) -> dict[str, Any]:
        execution: dict[str, Any] = self.stats.snapshot()["execution"]
        return execution


def test_before_anything_happened_every_figure_is_a_number_that_can_be_printed() -> None:
    stats = ExecutionStats().snapshot()
    assert f"Fill rate: {stats['metrics']['fill_rate']:.1%}" == "Fill rate: 0.0%"
    assert f"Avg slippage: {stats['execution']['avg_slippage_per_fill']:.4f}" == "Avg slippage: 0.0000"
    assert f"{stats['metrics']['rejection_rate']:.1%} {stats['execution']['avg_fill_size']:.1f}" == "0.0% 0.0"
    assert {value for value in stats["metrics"].values()} == {0}
    assert (stats["execution"]["total_commission"], stats["execution"]["total_slippage"]) == ({}, {})


def test_the_keys_are_those_of_the_page() -> None:
    stats = ExecutionStats().snapshot()
    assert list(stats["metrics"]) == [
        "orders", "orders_with_fills", "fill_rate", "fills", "busts", "rejection_rate", "working", "filled", "cancelled",
        "rejected", "expired",
    ]  # fmt: skip
    assert list(stats["execution"]) == [
        "volume", "total_commission", "total_slippage", "avg_slippage_per_fill", "avg_fill_size",
    ]  # fmt: skip


def test_orders_count_by_their_ends_and_by_whether_they_have_traded() -> None:
    teller = Teller()
    filled, part, none, refused, working = (teller.order() for _ in range(5))
    for order in (filled, part, none, working):
        teller.tell(order, teller.report(order, NEW, 0, 100))
    for order, quantity in ((filled, 60), (filled, 40), (part, 30)):
        teller.trade(order, quantity)
    for order, end in ((part, CANCELED), (none, EXPIRED), (refused, REJECTED)):
        teller.end(order, end)
    metrics = teller.metrics
    assert (metrics["orders"], metrics["working"]) == (5, 1)
    assert (metrics["filled"], metrics["cancelled"], metrics["expired"], metrics["rejected"]) == (1, 1, 1, 1)
    assert (metrics["orders_with_fills"], metrics["fills"], metrics["busts"]) == (2, 3, 0)
    assert (metrics["fill_rate"], metrics["rejection_rate"]) == (0.4, 0.2)
    assert (teller.execution["volume"], teller.execution["avg_fill_size"]) == (130, 130 / 3)


def test_an_order_that_is_refused_or_cancelled_before_it_was_sent_counts_too() -> None:
    teller = Teller()
    teller.end(teller.order(sent=False), REJECTED)
    teller.end(teller.order(sent=False), CANCELED)
    assert [teller.metrics[name] for name in ("orders", "rejected", "cancelled", "working")] == [2, 1, 1, 0]


def test_slippage_is_money_against_the_trader_on_either_side_and_an_average_over_fills() -> None:
    teller = Teller()
    teller.trade(teller.order(BUY), 100, "100.05", "0.05", fee=3)
    teller.trade(teller.order(SELL), 50, "99.90", "0.10", fee=4)
    teller.trade(teller.order(SELL), 50, "100", fee=-1)
    execution = teller.execution
    assert execution["total_slippage"] == {"USD": Decimal("10.000000")}
    assert execution["total_commission"] == {"USD": Decimal("0.000006")}
    assert execution["avg_slippage_per_fill"] == pytest.approx(0.05)


def test_money_is_kept_by_currency_and_the_slippage_of_an_inverse_contract_is_in_its_coin() -> None:
    teller = Teller()
    teller.trade(teller.order(BUY, instrument=EURO), 10, "100.05", "0.05", fee=5 * 10**6)
    teller.trade(teller.order(BUY, instrument=COIN), 10, "50000", "10000", fee=7)
    teller.trade(teller.order(SELL, instrument=COIN), 10, "40000", "10000")
    execution = teller.execution
    assert execution["total_commission"] == {"EUR": Decimal(5), "BTC": Decimal("7e-12")}
    coins = Decimal(1000) / 40_000 - Decimal(1000) / 50_000
    assert execution["total_slippage"] == {"EUR": Decimal(5), "BTC": 2 * coins}


def test_a_bust_takes_back_all_but_itself() -> None:
    teller = Teller()
    order = teller.order()
    first, second = teller.trade(order, 60, "100.05", "0.05", fee=9), teller.trade(order, 40, "100.03", "0.03", fee=4)
    assert teller.metrics["filled"] == 1
    teller.bust(order, first)
    assert (teller.metrics["filled"], teller.metrics["working"], teller.metrics["orders_with_fills"]) == (0, 1, 1)
    assert (teller.metrics["fills"], teller.metrics["busts"], teller.execution["volume"]) == (2, 1, 40)
    assert teller.execution["total_slippage"] == {"USD": Decimal("1.2")}
    assert teller.execution["avg_slippage_per_fill"] == pytest.approx(0.03)
    assert teller.execution["total_commission"] == {"USD": Decimal("0.000004")}
    teller.bust(order, second)
    metrics, execution = teller.metrics, teller.execution
    assert (metrics["orders_with_fills"], metrics["fill_rate"], metrics["busts"]) == (0, 0.0, 2)
    assert (execution["volume"], execution["total_slippage"]) == (0, {"USD": 0})
    assert (execution["avg_slippage_per_fill"], execution["avg_fill_size"]) == (0.0, 0.0)
    teller.trade(order, 100)
    assert (teller.metrics["filled"], teller.metrics["orders"], teller.metrics["orders_with_fills"]) == (1, 1, 1)


def test_an_end_that_overtakes_its_trade_counts_when_all_of_it_is_known() -> None:
    teller = Teller()
    order = teller.order()
    trade = teller.report(order, TRADE, 30, 70, last_quantity=30, last_price_quanta=10**6)
    teller.tell(order, teller.report(order, CANCELED, 30, 0))
    assert order.status is OrderStatus.CANCELLED
    assert (teller.metrics["cancelled"], teller.metrics["working"]) == (0, 1)
    teller.tell(order, trade)
    assert (teller.metrics["cancelled"], teller.metrics["working"], teller.metrics["fills"]) == (1, 0, 1)


def test_a_report_that_came_before_is_not_counted_again() -> None:
    teller = Teller()
    order = teller.order()
    trade = teller.trade(order, 100)
    for _ in range(3):
        teller.tell(order, trade)
    assert (teller.metrics["fills"], teller.metrics["filled"], teller.execution["volume"]) == (1, 1, 100)


def test_ended_orders_are_counted_but_not_kept() -> None:
    teller = Teller()
    for _ in range(50):
        teller.trade(teller.order(), 100)
    teller.orders.clear()
    gc.collect()
    assert len(teller.stats._ended) == 0
    assert (teller.metrics["orders"], teller.metrics["filled"], teller.metrics["working"]) == (50, 50, 0)


@pytest.mark.parametrize("seed", range(5))
def test_any_story_of_orders_gives_what_a_count_over_the_orders_gives(seed: int) -> None:
    choose, teller = random.Random(seed), Teller()
    trades: dict[str, list[ExecutionReport]] = {}
    busts = total = 0
    for _ in range(600):
        live = [order for order in teller.orders if not order.is_final]
        if not live or choose.random() < 0.2:
            order = teller.order(choose.choice([BUY, SELL]), choose.randint(1, 50))
            teller.tell(order, teller.report(order, NEW, 0, order.quantity))
            continue
        order = choose.choice(live)
        if choose.random() < 0.6:
            quantity = choose.randint(1, order.leaves_quantity)
            price = f"{100 + choose.randint(-50, 50) / 100}"
            told = teller.trade(order, quantity, price, f"0.0{choose.randint(0, 9)}", choose.randint(-5, 50))
            trades.setdefault(order.order_id, []).append(told)
            total += 1
        elif choose.random() < 0.5 and order.trades:
            teller.bust(order, choose.choice(order.trades))
            busts += 1
        else:
            teller.end(order, choose.choice([CANCELED, EXPIRED]))
        metrics, execution, standing = (
            teller.metrics,
            teller.execution,
            [one for o in teller.orders for one in o.trades],
        )
        assert metrics["orders"] == len(teller.orders)
        assert metrics["orders_with_fills"] == sum(bool(one.trades) for one in teller.orders)
        assert (metrics["fills"], metrics["busts"]) == (total, busts)
        assert metrics["working"] == sum(not one.is_final for one in teller.orders)
        for status in (OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED):
            assert metrics[status.name.lower()] == sum(one.status is status for one in teller.orders)
        assert execution["volume"] == sum(one.last_quantity for one in standing)
        slipped = sum(one.last_quantity * one.slippage_quanta for one in standing)
        assert execution["total_slippage"].get("USD", 0) == Decimal(slipped) / 10_000
        assert execution["total_commission"].get("USD", 0) == Decimal(sum(one.fee for one in standing)) / 10**6
    assert busts > 20


def test_every_figure_is_defined_on_the_page() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "engine.md").read_text(encoding="utf-8")
    section = page.partition("## Figures")[2].partition("\n## ")[0]
    defined = [
        name for row in re.findall(r"^\| (`.*?) \| ", section, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    ]
    stats = ExecutionStats().snapshot()
    assert sorted(defined) == sorted(["metrics", "execution", *stats["metrics"], *stats["execution"]])
