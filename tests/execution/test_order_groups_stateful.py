"""Groups under every delay and order of arrival: nothing trades beyond the rule but what is counted, and all of it ends."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from simexec.execution import Contingency
from simexec.trading.order import Order
from simexec.trading.report import ExecType
from simexec.trading.vocabulary import OrderSide, OrderType

from .test_order_groups import Bench

BUY, SELL = OrderSide.BUY, OrderSide.SELL
PICK = st.integers(0, 10**6)


class Groups(RuleBasedStateMachine):
    """One group, a venue that trades as it likes, and mail that is late."""

    bench: Bench

    @initialize(contingency=st.sampled_from(Contingency), quantity=st.integers(1, 60), lot=st.sampled_from([1, 1, 5]))
    def begin(self, contingency: Contingency, quantity: int, lot: int) -> None:
        self.bench, self.quantity = Bench(lot), quantity * lot
        manager = self.bench.manager
        self.legs = [self.bench.order(SELL, self.quantity), self.bench.order(SELL, self.quantity, OrderType.STOP)]
        self.entry = None
        self.interfered = False  # whether a leg was ended, cancelled or refused otherwise than by the group
        if contingency in (Contingency.OCO, Contingency.OUO):
            self.group = manager.submit_oco(*self.legs, reduce=contingency is Contingency.OUO)
        else:
            self.entry = self.bench.order(BUY, self.quantity)
            submit = manager.submit_oto if contingency is Contingency.OTO else manager.submit_bracket
            self.group = submit(self.entry, *self.legs)

    # --- what may happen ---

    @precondition(lambda self: self.bench.venue.requests)
    @rule(refuse=st.sampled_from([False, False, False, False, True]))
    def a_request_is_served(self, refuse: bool) -> None:
        self.interfered |= refuse and self.bench.venue.requests[0][0] == "new"
        self.bench.venue.serve(refuse)

    @precondition(lambda self: self.bench.venue.working)
    @rule(pick=PICK, quantity=st.integers(1, 40))
    def an_order_trades(self, pick: int, quantity: int) -> None:
        working = list(self.bench.venue.working)
        self.bench.venue.trade(working[pick % len(working)], quantity)

    @precondition(lambda self: self.bench.venue.mail)
    @rule(pick=PICK)
    def a_report_arrives(self, pick: int) -> None:
        self.bench.venue.let_through(pick)

    @precondition(lambda self: self.bench.venue.working)
    @rule(pick=PICK, exec_type=st.sampled_from([ExecType.CANCELED, ExecType.EXPIRED]), seldom=st.integers(0, 3))
    def the_venue_ends_an_order(self, pick: int, exec_type: ExecType, seldom: int) -> None:
        working = list(self.bench.venue.working)
        order_id = working[pick % len(working)]
        if seldom == 0:
            self.interfered |= self.entry is None or order_id != self.entry.order_id
            self.bench.venue.end(order_id, exec_type)

    @rule(pick=PICK, seldom=st.integers(0, 4))
    def a_cancel_is_asked_for(self, pick: int, seldom: int) -> None:
        order = self.group.orders[pick % len(self.group.orders)]
        if seldom == 0:
            self.interfered |= order is not self.entry
            self.bench.manager.cancel(order)

    @rule()
    def time_passes(self) -> None:
        self.bench.sim.run(self.bench.sim.now + 100_000_000)

    # --- what holds when all that was on its way has arrived ---

    @rule()
    def everything_arrives(self) -> None:
        for _ in range(30):
            self.bench.venue.settle()
            self.time_passes()
        self.nothing_trades_beyond_the_rule()
        if not self.interfered:
            self.the_legs_are_what_they_should_be()

    def filled(self, *orders: Order) -> int:
        return sum(self.bench.venue.filled.get(order.order_id, 0) for order in orders)

    def leg_orders(self) -> list[Order]:
        return [order for order in self.group.orders if order is not self.entry]

    def nothing_trades_beyond_the_rule(self) -> None:
        legs, group = self.leg_orders(), self.group
        assert sum(order.filled_quantity for order in group.orders) == self.filled(*group.orders)
        rule_allows = self.quantity if self.entry is None else self.filled(self.entry)
        if group.contingency is Contingency.OTO:
            rule_allows *= 2
        assert self.filled(*legs) - group.excess <= rule_allows
        if group.contingency is not Contingency.OCO:
            assert group.excess == max(0, self.filled(*legs) - rule_allows)
        else:
            assert group.excess in (0, *(self.filled(leg) for leg in legs))

    def the_legs_are_what_they_should_be(self) -> None:
        group, sent = self.group, [leg.order for leg in self.group.legs if leg.order.submitted_ns is not None]
        left = [order.leaves_quantity for order in sent if not order.is_final]
        if group.contingency is Contingency.OCO:
            assert len(left) == (0 if all(order.is_final for order in sent) else 1 if self.filled(*sent) else 2)
        elif group.contingency is not Contingency.OTO and sent:
            lot = self.bench.instrument.lot
            due = (self.quantity if self.entry is None else self.filled(self.entry)) - self.filled(*self.leg_orders())
            assert all(due - lot < one <= due for one in left)
            assert len(left) == 2 or due < lot

    def teardown(self) -> None:
        if not hasattr(self, "bench"):
            return
        for _ in range(30):
            self.bench.venue.settle()
            self.time_passes()
            for order_id in list(self.bench.venue.working):
                self.bench.venue.end(order_id, ExecType.EXPIRED)
        assert self.group.is_final
        self.nothing_trades_beyond_the_rule()


Groups.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestGroups = Groups.TestCase
