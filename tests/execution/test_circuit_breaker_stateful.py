"""The breaker against a naive one, which keeps everything that ever happened and counts it again at every question."""

from __future__ import annotations

from decimal import Decimal

import attrs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from simexec.execution import BreakerState, ExecutionCircuitBreaker, OrderManager
from simexec.sim import Simulation
from simexec.sim.clock import MINUTE, SECOND
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.report import ExecType, ExecutionReport
from simexec.trading.vocabulary import OrderSide

CLOSED, OPEN, HALF_OPEN = BreakerState
COOL_DOWN, LATE = 20 * SECOND, 7 * SECOND
INSTRUMENT = Instrument("TEST", Decimal("0.01"))
MILLION = 10**6


@attrs.define
class Account:
    """An account of 1,000 dollars."""

    money: int = 1_000

    def equity(self, currency: str = "USD") -> int:
        return self.money * MILLION


@attrs.define
class NaiveBreaker:
    """The rules, written down as a list of what happened."""

    account: Account
    state: BreakerState = CLOSED
    opened: int = 0
    changed: int | None = None
    lasts: bool = False
    probe: Order | None = None
    probed: int = 0
    sent: list[tuple[int, Order]] = attrs.field(factory=list)
    answers: list[tuple[int, int, Order, bool]] = attrs.field(factory=list)
    start: int = 1_000
    equities: list[int] = attrs.field(factory=lambda: [1_000])
    epoch: int = 0  # how often counting began anew
    epochs: dict[str, int] = attrs.field(factory=dict)

    def pass_time(self, now: int) -> None:
        if self.state is HALF_OPEN and self.probe is not None and now >= self.probed + LATE:
            self.open(self.probed + LATE)
        if self.state is CLOSED:
            for sent in self.unanswered():
                if now > sent + LATE:
                    self.open(sent + LATE + 1)
                    break
        if self.state is OPEN and not self.lasts and now >= self.opened + COOL_DOWN:
            self.state, self.probe, self.changed = HALF_OPEN, None, self.opened + COOL_DOWN
            self.epoch += 1

    def unanswered(self) -> list[int]:
        answered = {order.order_id for _, _, order, _ in self.answers}
        return [
            at for at, order in self.sent
            if order.order_id not in answered and self.epochs[order.order_id] == self.epoch
        ]  # fmt: skip

    def counts(self, now: int) -> tuple[int, int]:
        recent = [ok for at, epoch, _, ok in self.answers if now - MINUTE < at <= now and epoch == self.epoch]
        return recent.count(False), len(recent)

    def loses(self) -> bool:
        self.equities.append(self.account.money)
        highest = max(self.equities)
        return self.start - self.account.money > 100 or 20 * (highest - self.account.money) > highest

    def judge(self, now: int) -> None:
        if self.loses() and not (self.state is OPEN and self.lasts):
            self.open(now, lasts=True)
        failed, answered = self.counts(now)
        if self.state is not OPEN and (failed > 4 or (answered >= 3 and 2 * failed > answered)):
            self.open(now)

    def open(self, now: int, lasts: bool = False) -> None:
        self.lasts = lasts or (self.state is OPEN and self.lasts)
        self.state, self.opened, self.changed, self.probe = OPEN, now, now, None

    def close(self, now: int) -> None:
        self.state, self.changed, self.probe, self.lasts = CLOSED, now, None, False
        self.epoch += 1

    def ask(self, now: int, order: Order, *, leaves: bool) -> bool:
        self.judge(now)
        if self.state is OPEN or self.probe is not None:
            return False
        if leaves:
            if self.state is HALF_OPEN:
                self.probe, self.probed = order, now
            self.sent.append((now, order))
            self.epochs[order.order_id] = self.epoch
        return True

    def hear(self, now: int, order: Order, accepted: bool) -> None:
        if self.epochs[order.order_id] == self.epoch:
            self.answers.append((now, self.epoch, order, accepted))
        if order is self.probe:
            if accepted:
                self.close(now)
            else:
                self.open(now)
        self.judge(now)

    def take_back(self, order: Order) -> None:
        self.sent = [(at, one) for at, one in self.sent if one is not order]
        if order is self.probe:
            self.probe = None


class Breakers(RuleBasedStateMachine):
    """Both are asked and told the same."""

    @initialize()
    def begin(self) -> None:
        self.sim = Simulation()
        self.account = Account()
        self.breaker = ExecutionCircuitBreaker(
            sim=self.sim, max_failed_orders_per_minute=4, max_rejection_rate=0.5, min_orders=3, max_loss=100,
            max_drawdown=0.05, max_latency=LATE, cool_down=COOL_DOWN, check_interval="1000d",
        )  # fmt: skip
        self.breaker.attach(OrderManager(sim=self.sim), self.account)
        self.naive = NaiveBreaker(self.account)
        self.flying: list[Order] = []
        self.number = 0

    def order(self) -> Order:
        self.number += 1
        return Order(f"o{self.number}", INSTRUMENT, OrderSide.BUY, 10, venue="XTST")

    def tell(self, order: Order, exec_type: ExecType, **fields: int) -> None:
        report = ExecutionReport(
            f"{order.order_id}-{exec_type}", order.order_id, exec_type, self.sim.now, 0, 0, **fields
        )
        order.apply(report)
        self.breaker.heard(order, report)

    @rule(seconds=st.one_of(st.integers(0, 3), st.sampled_from([8, 20, 59, 61])))
    def time_passes(self, seconds: int) -> None:
        for _ in range(seconds):
            self.sim.run(self.a_second())
            self.naive.pass_time(self.sim.now)
            self.a_root_asks()  # so that nothing happens unseen by either

    async def a_second(self) -> None:
        await self.sim.timeout(SECOND - self.sim.now % SECOND)
        await self.sim.timeout(0)  # behind all else of this moment

    @rule()
    def a_root_asks(self) -> None:
        order = self.order()
        assert (self.breaker.admit(order) is None) is self.naive.ask(self.sim.now, order, leaves=False)

    @rule()
    def an_order_leaves(self) -> None:
        order = self.order()
        may = (self.breaker.admit(order) or self.breaker.check(order)) is None
        assert may is self.naive.ask(self.sim.now, order, leaves=True)
        if may:
            order.submit(self.sim.now)
            self.flying.append(order)

    @rule()
    def an_order_is_refused_by_another_guard(self) -> None:
        order = self.order()
        may = (self.breaker.admit(order) or self.breaker.check(order)) is None
        assert may is self.naive.ask(self.sim.now, order, leaves=True)
        self.tell(order, ExecType.REJECTED)
        if may:
            self.naive.take_back(order)

    @precondition(lambda self: self.flying)
    @rule(pick=st.integers(0, 99), accepted=st.booleans())
    def an_answer_is_heard(self, pick: int, accepted: bool) -> None:
        order = self.flying.pop(pick % len(self.flying))
        self.tell(order, ExecType.NEW if accepted else ExecType.REJECTED)
        self.naive.hear(self.sim.now, order, accepted)

    @precondition(lambda self: self.flying)
    @rule(pick=st.integers(0, 99))
    def a_refused_cancel_is_heard(self, pick: int) -> None:
        self.tell(self.flying[pick % len(self.flying)], ExecType.CANCEL_REJECTED)

    @rule(change=st.integers(-60, 60))
    def money_is_made_or_lost(self, change: int) -> None:
        self.account.money += change
        self.a_root_asks()

    @rule(accepted=st.lists(st.booleans(), min_size=1, max_size=4))
    def orders_leave_and_are_answered(self, accepted: list[bool]) -> None:
        for one in accepted:
            self.an_order_leaves()
            if self.flying:
                self.an_answer_is_heard(-1, one)

    @rule(rarely=st.integers(0, 4))
    def it_is_tripped_by_hand(self, rarely: int) -> None:
        if rarely:
            return
        self.breaker._trip("trip_circuit", "by hand")
        self.naive.open(self.sim.now)

    @rule()
    def it_is_reset(self) -> None:
        self.breaker.reset()
        self.naive.close(self.sim.now)
        self.naive.start, self.naive.equities = self.account.money, [self.account.money]

    def teardown(self) -> None:
        if hasattr(self, "sim"):
            self.sim.close()

    @invariant()
    def both_agree(self) -> None:
        if not hasattr(self, "sim"):
            return
        now, naive = self.sim.now, self.naive
        assert self.breaker.state is naive.state
        history = self.breaker.history
        assert (history[-1].time_ns if history else None) == naive.changed
        figures = self.breaker.metrics()
        naive.loses()  # asking for the figures looks at the equity
        assert (figures.failed_orders_1min, figures.answered_orders_1min) == naive.counts(now)
        assert figures.loss == naive.start - self.account.money
        waiting = naive.unanswered()
        assert self.breaker._meter.waiting_since_ns == (min(waiting) if waiting else None)
        half_open = naive.opened + COOL_DOWN if naive.state is OPEN and not naive.lasts else None
        assert self.breaker.half_open_ns == half_open


Breakers.TestCase.settings = settings(max_examples=200, stateful_step_count=50)
TestBreakers = Breakers.TestCase
