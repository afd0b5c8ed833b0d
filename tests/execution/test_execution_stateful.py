"""Random requests over the real manager, broker, links, gateway and book, in a market that trades by itself.

Whatever is asked, in whatever order and however late it arrives: every order ends, no share is filled twice, and manager,
venue, parents and portfolio agree on every share and every cent.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from simexec.errors import OrderError
from simexec.execution import Latencies
from simexec.market import layout as at
from simexec.models.fees import MakerTakerFees
from simexec.sim import Exponential, LogNormal, Uniform
from simexec.testing import Desk, check_book, check_desk, make_desk, random_flow
from simexec.trading.order import Order
from simexec.trading.report import ExecType
from simexec.trading.vocabulary import OrderSide, OrderType, SelfTradePrevention, TimeInForce

from ..trading.oracle import Oracle

SIDES = st.sampled_from(OrderSide)
OFFSETS = st.integers(-4, 5)
QUANTITIES = st.one_of(st.integers(1, 8), st.integers(1, 60))
LIVES = st.sampled_from(TimeInForce)
SHAPES = st.sampled_from(["plain", "plain", "plain", "market", "iceberg", "hidden", "post only"])
PICK = st.integers(0, 10**6)
PRICE = 10_000


class Execution(RuleBasedStateMachine):
    """One desk and whatever is asked of it."""

    desk: Desk

    @initialize(
        seed=st.integers(0, 10**6),
        slow=st.sampled_from(["20us", "3ms", "60ms"]),
        capacity=st.sampled_from([None, None, 4]),
        servers=st.integers(1, 3),
        priority=st.booleans(),
        prevention=st.sampled_from(SelfTradePrevention),
        age=st.sampled_from([None, "300ms"]),
    )
    def begin(
        self,
        seed: int,
        slow: str,
        capacity: int | None,
        servers: int,
        priority: bool,
        prevention: SelfTradePrevention,
        age: str | None,
    ) -> None:
        self.desk = make_desk(
            random_flow(),
            seed=seed,
            closes="4s",
            latency=Latencies(Exponential(slow), LogNormal(slow, 0.8), Uniform(0, slow)),
            service=Exponential("500us"),
            servers=servers,
            capacity=capacity,
            priority=priority,
            fees=MakerTakerFees(Decimal("-0.0013"), Decimal("0.0031"), Decimal("0.01"), Decimal("0.23")),
            self_trade_prevention=prevention,
            max_order_age=age,
            cleanup_interval="1s",
        )
        self.orders: list[Order] = []
        self.parents: list[Order] = []

    # --- what is asked ---

    @rule(milliseconds=st.integers(1, 250))
    def time_passes(self, milliseconds: int) -> None:
        self.desk.sim.run(self.desk.sim.now + milliseconds * 1_000_000 + 7)
        check_book(self.desk.market.book)

    @rule(side=SIDES, quantity=QUANTITIES, offset=OFFSETS, life=LIVES, shape=SHAPES)
    def an_order_is_sent(self, side: OrderSide, quantity: int, offset: int, life: TimeInForce, shape: str) -> None:
        order = self.desk.send(
            side,
            quantity,
            None if shape == "market" else PRICE + offset,
            time_in_force=life,
            display_quantity=max(1, quantity // 3) if shape == "iceberg" else None,
            hidden=shape == "hidden",
            post_only=shape == "post only",
        )
        self.orders.append(order)

    @rule(side=SIDES, quantity=QUANTITIES)
    def a_parent_begins(self, side: OrderSide, quantity: int) -> None:
        parent = self.desk.parent(side, quantity)
        parent.submit(self.desk.sim.now)
        self.parents.append(parent)

    @precondition(lambda self: self.parents)
    @rule(pick=PICK, quantity=QUANTITIES, offset=OFFSETS, life=LIVES)
    def a_child_is_sent(self, pick: int, quantity: int, offset: int, life: TimeInForce) -> None:
        parent = self.parents[pick % len(self.parents)]
        manager, room = self.desk.manager, self.desk.manager.unplaced(parent)
        asked = manager.create_order(
            "TEST",
            parent.side,
            quantity,
            OrderType.LIMIT,
            Decimal(PRICE + offset) / 100,
            time_in_force=life,
            parent_id=parent.order_id,
        )
        try:
            child = self.desk.sim.run(asked)
        except OrderError:
            assert quantity > room
            return
        assert quantity <= room
        self.orders.append(child)
        manager.submit(child)

    @precondition(lambda self: self.orders)
    @rule(pick=PICK)
    def a_cancel_is_asked_for(self, pick: int) -> None:
        self.desk.manager.cancel(self.orders[pick % len(self.orders)])

    @precondition(lambda self: self.orders)
    @rule(pick=PICK, quantity=QUANTITIES, offset=st.one_of(st.none(), OFFSETS))
    def a_replace_is_asked_for(self, pick: int, quantity: int, offset: int | None) -> None:
        order = self.orders[pick % len(self.orders)]
        price = None if offset is None or order.price_ticks is None else Decimal(PRICE + offset) / 100
        parent = next((one for one in self.parents if one.order_id == order.parent_id), None)
        room = None if parent is None else self.desk.manager.unplaced(parent)
        try:
            self.desk.sim.run(self.desk.manager.replace_order(order.order_id, quantity, price))
        except OrderError:
            assert order.is_final or (room is not None and quantity > order.quantity)

    # --- what holds at every moment ---

    @invariant()
    def parents_are_the_sum_of_their_children_and_never_overfilled(self) -> None:
        for parent in getattr(self, "parents", ()):
            children = [order for order in self.orders if order.parent_id == parent.order_id]
            assert parent.filled_quantity == sum(child.filled_quantity for child in children)
            assert parent.filled_quantity + sum(child.leaves_quantity for child in children) <= parent.quantity

    @invariant()
    def the_account_balances(self) -> None:
        if hasattr(self, "desk"):
            self.desk.portfolio.check()

    # --- what holds at the end ---

    def teardown(self) -> None:
        if not hasattr(self, "desk"):
            return
        desk = self.desk
        desk.finish()
        for parent in self.parents:
            if not parent.is_final:
                desk.manager.close(parent, ExecType.EXPIRED, "the test is over")
        check_desk(desk)
        trades = [(order, trade) for order in self.orders for trade in order.trades]
        most = Counter(trade.exec_id for _, trade in trades).most_common(1)
        assert not most or most[0][1] == 1, "a share was filled twice"
        self.venue_and_manager_agree(desk)
        fills = [order.fill_of(trade) for order, trade in trades]
        oracle = Oracle(dict(desk.portfolio.initial_cash), fills)
        assert oracle.cash([desk.instrument]) == desk.portfolio.cash
        assert oracle.holdings()["TEST"].quantity == desk.portfolio.position("TEST")

    def venue_and_manager_agree(self, desk: Desk) -> None:
        counted: dict[str, tuple[int, int]] = {}
        for entry in desk.journal.entries():
            if entry.exec_id and entry.event not in ("REJECTED", "CANCEL_REJECTED"):
                number = int(entry.exec_id.rsplit("-")[-1]) if entry.venue else -1
                counted[entry.order_id] = max(counted.get(entry.order_id, (-1, 0)), (number, entry.cum_quantity))
        for order in self.orders:
            assert counted.get(order.order_id, (0, 0))[1] == order.filled_quantity
        filled = sum(order.filled_quantity for order in self.orders)
        assert desk.venue.statistics().traded_quantity == filled
        desk.market.book.flush()
        prints = desk.market.book.prints.since()
        made, taken = ((prints[:, 4] & flag > 0) for flag in (at.PRINT_OWN_MAKER, at.PRINT_OWN_TAKER))
        assert int(prints[made, 2].sum() + prints[taken, 2].sum()) == filled


Execution.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestExecution = Execution.TestCase
