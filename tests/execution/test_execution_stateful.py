"""Random requests over the real manager, broker, links, gateway and book, in a market that trades by itself.

Whatever is asked, in whatever order and however late it arrives: every order ends, no share is filled twice, and manager,
venue, parents and portfolio agree on every share and every cent.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import attrs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from simexec.errors import OrderError
from simexec.execution import Contingency, Latencies, OrderGroup
from simexec.market import layout as at
from simexec.models.fees import MakerTakerFees
from simexec.sim import Exponential, LogNormal, Uniform
from simexec.testing import Desk, check_book, check_desk, make_desk, random_flow
from simexec.trading.order import Order
from simexec.trading.report import ExecType
from simexec.trading.terms import OrderTerms
from simexec.trading.vocabulary import OrderSide, OrderType, PegType, SelfTradePrevention, TimeInForce

from ..trading.oracle import Oracle

SIDES = st.sampled_from(OrderSide)
OFFSETS = st.integers(-4, 5)
QUANTITIES = st.one_of(st.integers(1, 8), st.integers(1, 60))
LIVES = st.sampled_from(TimeInForce)
SHAPES = st.sampled_from(["plain", "plain", "plain", "market", "iceberg", "hidden", "post only"])
WAITING = st.sampled_from([TimeInForce.DAY, TimeInForce.GTC, TimeInForce.GTD])
TERMS = st.one_of(
    st.builds(OrderTerms, stop_ticks=st.integers(9_996, 10_005)),
    st.builds(OrderTerms, trail_ticks=st.integers(1, 5), stop_ticks=st.one_of(st.none(), st.integers(9_996, 10_005))),
    st.builds(OrderTerms, peg=st.sampled_from(PegType), peg_offset_ticks=st.integers(-2, 2)),
)
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
        self.groups: list[OrderGroup] = []

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
            terms=self.until() if life is TimeInForce.GTD else None,
        )
        self.orders.append(order)

    def until(self, milliseconds: int = 300) -> OrderTerms:
        return OrderTerms(expire_ns=self.desk.sim.now + milliseconds * 1_000_000)

    @rule(
        side=SIDES,
        quantity=QUANTITIES,
        offset=st.one_of(st.none(), OFFSETS),
        life=WAITING,
        terms=TERMS,
        shown=st.booleans(),
    )
    def an_order_that_waits_is_sent(
        self, side: OrderSide, quantity: int, offset: int | None, life: TimeInForce, terms: OrderTerms, shown: bool
    ) -> None:
        if life is TimeInForce.GTD:
            terms = attrs.evolve(terms, expire_ns=self.until().expire_ns)
        order = self.desk.send(
            side,
            quantity,
            None if offset is None or terms.trail_ticks is not None else PRICE + offset,
            time_in_force=life,
            hidden=terms.peg is not None and not shown,
            terms=terms,
        )
        self.orders.append(order)

    @rule(side=SIDES, quantity=QUANTITIES, offset=OFFSETS, least=QUANTITIES)
    def an_order_with_a_minimum_is_sent(self, side: OrderSide, quantity: int, offset: int, least: int) -> None:
        terms = OrderTerms(min_quantity=least)
        self.orders.append(self.desk.send(side, quantity, PRICE + offset, time_in_force=TimeInForce.IOC, terms=terms))

    @rule(side=SIDES, quantity=QUANTITIES, offset=OFFSETS)
    def an_order_that_slides_is_sent(self, side: OrderSide, quantity: int, offset: int) -> None:
        terms = OrderTerms(price_slide=True)
        self.orders.append(self.desk.send(side, quantity, PRICE + offset, post_only=True, terms=terms))

    @rule(side=SIDES, quantity=QUANTITIES, contingency=st.sampled_from(Contingency))
    def a_group_is_sent(self, side: OrderSide, quantity: int, contingency: Contingency) -> None:
        desk, sign = self.desk, side.sign
        entry = desk.create(side, quantity, PRICE + sign)
        profit = desk.create(side.opposite, quantity, PRICE + 2 * sign)
        loss = desk.create(side.opposite, quantity, terms=OrderTerms(stop_ticks=PRICE - 2 * sign))
        if contingency is Contingency.BRACKET:
            group = desk.manager.submit_bracket(entry, profit, loss)
        elif contingency is Contingency.OTO:
            group = desk.manager.submit_oto(entry, profit, loss)
        else:
            group = desk.manager.submit_oco(profit, loss, reduce=contingency is Contingency.OUO)
            desk.manager.cancel(entry)
            self.orders.append(entry)
        self.groups.append(group)

    @rule(side=st.one_of(st.none(), SIDES), seldom=st.integers(0, 3))
    def all_are_asked_to_cancel(self, side: OrderSide | None, seldom: int) -> None:
        if seldom == 0:
            self.desk.manager.cancel_all(side=side)

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
            expire=self.until().expire_ns if life is TimeInForce.GTD else None,
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
        for group in self.groups:
            assert group.is_final
            self.orders += group.orders
            self.a_group_keeps_its_rule(group)
        trades = [(order, trade) for order in self.orders for trade in order.trades]
        most = Counter(trade.exec_id for _, trade in trades).most_common(1)
        assert not most or most[0][1] == 1, "a share was filled twice"
        self.venue_and_manager_agree(desk)
        fills = [order.fill_of(trade) for order, trade in trades]
        oracle = Oracle(dict(desk.portfolio.initial_cash), fills)
        assert oracle.cash([desk.instrument]) == desk.portfolio.cash
        assert oracle.holdings()["TEST"].quantity == desk.portfolio.position("TEST")

    def a_group_keeps_its_rule(self, group: OrderGroup) -> None:
        legs = sum(order.filled_quantity for order in group.orders if order is not group.entry) - group.excess
        assert legs >= 0
        if group.contingency is Contingency.BRACKET and group.entry is not None:
            assert legs <= group.entry.filled_quantity

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
