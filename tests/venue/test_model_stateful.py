"""Random orders against random bars: the venue and a naive reading of its rules agree on every trade.

And whatever is asked: no bar gives more than its share, no fill is better than its bar, every order ends, with a reason.
"""

from __future__ import annotations

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from simexec.trading.order import Order
from simexec.trading.report import ExecType
from simexec.trading.requests import CancelRequest, ReplaceRequest
from simexec.trading.vocabulary import OrderSide, OrderType, TimeInForce

from .modelled import BAR, SECOND, SHARE, Scene, bars
from .naive_model import NaiveModel, NaiveOrder

PRICES = st.integers(990, 1010)
ROWS = st.lists(
    st.tuples(PRICES, PRICES, PRICES, PRICES, st.sampled_from([0, 1, 7, 20, 200])), min_size=20, max_size=20
)
SHARES = {"1": (1, 1), "0.5": (1, 2), "0.13": (13, 100)}
LIVES = st.sampled_from([TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK])
ENDS = {ExecType.CANCELED, ExecType.EXPIRED, ExecType.REJECTED}


class Machine(RuleBasedStateMachine):
    """Twenty bars and what is asked while they pass."""

    @initialize(rows=ROWS, share=st.sampled_from(sorted(SHARES)))
    def begin(self, rows: list[tuple[int, int, int, int, int]], share: str) -> None:
        self.rows = [(o, max(o, a, b, c), min(o, a, b, c), c, volume) for o, a, b, c, volume in rows]
        self.scene = Scene(bars(*self.rows), participation=share)
        self.naive = NaiveModel(*SHARES[share])
        self.done = self.sent = 0
        self.sides: dict[str, OrderSide] = {}
        self.quantities: dict[str, int] = {}
        self.expected: list[tuple[str, int, int, int]] = []

    def _name(self, pick: int) -> str:
        """An order that was sent, or one that never is."""
        return f"o{pick % self.sent}" if self.sent else "nobody's"

    @rule(
        side=st.sampled_from(OrderSide),
        quantity=st.integers(1, 60),
        price=st.none() | PRICES,
        stop=st.none() | st.none() | PRICES,
        tif=LIVES,
    )
    def order(self, side: OrderSide, quantity: int, price: int | None, stop: int | None, tif: TimeInForce) -> None:
        name = f"o{self.sent}"
        if stop is not None and not tif.may_rest:
            tif = TimeInForce.DAY
        self.sent += 1
        self.sides[name], self.quantities[name] = side, quantity
        self.scene.new(name, side, quantity, price, tif, stop=stop)
        self.scene.settle()
        self.naive.orders[name] = NaiveOrder(
            name, side.sign, quantity, price, stop, self.scene.sim.now - 1, not tif.may_rest, tif is TimeInForce.FOK
        )

    @rule(side=st.sampled_from(OrderSide), quantity=st.integers(1, 60), near=st.integers(1, 8), far=st.integers(1, 8))
    def bracket(self, side: OrderSide, quantity: int, near: int, far: int) -> None:
        self.order(side, quantity, 1000 - side.sign * near, None, TimeInForce.GTC)
        self.order(side, quantity, None, 1000 + side.sign * far, TimeInForce.GTC)

    @rule(pick=st.integers(0, 1000))
    def cancel(self, pick: int) -> None:
        self.scene.request(CancelRequest(self._name(pick)))
        self.scene.settle()
        self.naive.orders.pop(self._name(pick), None)

    @rule(pick=st.integers(0, 1000), quantity=st.integers(1, 60), price=PRICES)
    def replace(self, pick: int, quantity: int, price: int) -> None:
        name = self._name(pick)
        order = self.naive.orders.get(name)
        if order is None:
            return
        filled = self.quantities[name] - order.left
        self.scene.request(ReplaceRequest(name, quantity, None if order.limit is None else price))
        now = self.scene.sim.now
        self.scene.settle()
        changed = order.limit is not None and order.limit != price
        if changed:
            order.limit = price
        if changed or max(quantity, filled) > self.quantities[name]:
            order.since = now
        self.quantities[name] = max(quantity, filled)
        order.left = self.quantities[name] - filled
        if order.left == 0:
            del self.naive.orders[name]

    @rule(seconds=st.sampled_from([1, 5, 10, 10, 23]))
    def wait(self, seconds: int) -> None:
        # Requests of this moment come after bars that end now, and in time for bars that begin now.
        until = (self.scene.sim.now // SECOND + seconds) * SECOND
        self.scene.sim.run(until)
        while self.done < len(self.rows) and (self.done + 1) * BAR <= until:
            open_, high, low, _, volume = self.rows[self.done]
            trades = self.naive.bar(self.done * BAR, open_, high, low, volume)
            self.done += 1
            self.expected += [(name, quantity, 100 * price, self.done * BAR) for name, quantity, price in trades]
        told = [trade for trade in self.expected if trade[3] < until]  # those of this moment are on their way
        assert self._trades() == told

    def _trades(self) -> list[tuple[str, int, int, int]]:
        return [
            (report.order_id, report.last_quantity, report.last_price_quanta, report.time_ns)
            for report in self.scene.reports
            if report.exec_type is ExecType.TRADE
        ]

    def teardown(self) -> None:
        if not hasattr(self, "scene"):
            return
        self.wait(10 * len(self.rows) + 1)
        numerator, denominator = self.naive.share
        taken: Counter[int] = Counter()
        for _, quantity, price, time in self._trades():
            _, high, low, _, volume = self.rows[time // BAR - 1]
            taken[time] += quantity
            assert taken[time] * denominator <= volume * numerator
            assert 100 * low <= price <= 100 * high
        self.scene.venue.end_run()
        for name, side in self.sides.items():
            order = Order(name, SHARE, side, 10**6, OrderType.MARKET)
            reports = [report for report in self.scene.reports if report.order_id == name]
            first = next(report for report in reports if report.exec_type is not ExecType.CANCEL_REJECTED)
            order.quantity = first.cum_quantity + first.leaves_quantity
            order.submit(0)
            for report in reports:
                order.apply(report)
            assert order.is_final
            assert order.missing_quantity == 0
            last = [report for report in reports if report.exec_type is not ExecType.CANCEL_REJECTED][-1]
            assert last.leaves_quantity == 0
            assert last.exec_type in (ExecType.TRADE, ExecType.REPLACED) or last.text
        assert not self.scene.venue.market.orders


Machine.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestModelVenueAgainstANaiveReading = Machine.TestCase
