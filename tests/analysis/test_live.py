"""Execution quality while a run goes on, and the same figures afterwards."""

import itertools
from fractions import Fraction

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simexec.algos import AtMarket
from simexec.analysis.analyzer import ExecutionAnalyzer
from simexec.analysis.live_prices import BookPrices
from simexec.analysis.quotes import MidPrices
from simexec.config.scenario import Scenario
from simexec.errors import InputError, TransitionError
from simexec.experiments import run as running
from simexec.experiments.run import run_scenario
from simexec.sim.clock import SECOND
from simexec.testing import make_desk
from simexec.trading.order import Order
from simexec.trading.report import ExecType, ExecutionReport
from simexec.trading.vocabulary import OrderSide

from .conftest import BASE
from .handmade import CLOSE, DECISION, END, OPEN, STOCK, mid_quotes, result_of

DAY = mid_quotes((OPEN, "40.00"), (DECISION + 10 * SECOND, "40.04"), (CLOSE, "40.20"))


class Recorded:
    """Prices of a finished run, for reports that are played again."""

    def __init__(self, result):
        self.mids = MidPrices(result.quotes, result.close_ns)

    def mid(self, time_ns):
        last = self.mids.last(time_ns)
        return None if last is None else last[0]

    def printed(self, start_ns, end_ns):
        return 0


@pytest.fixture
def watched(monkeypatch):
    """Runs a scenario with every report that has its effect heard, and gives the run and what was heard live."""

    def run(changes):
        lives, build, apply = [], running.build, Order.apply

        def building(*arguments):
            world = build(*arguments)
            books = {one.settings.name: one.market.book for one in world.markets}
            lives.append(ExecutionAnalyzer.live(lambda: world.sim.now, BookPrices(books)))
            return world

        def applying(order, report):
            booked = apply(order, report)
            if booked:
                lives[0].heard(order, report)
            return booked

        monkeypatch.setattr(running, "build", building)
        monkeypatch.setattr(Order, "apply", applying)
        return run_scenario(Scenario.from_dict(BASE).with_(changes)), lives[0]

    return run


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"seed": 11, "order.side": "sell"},
        {"algorithm": {"type": "iceberg", "display_quantity": 20}},
        {"algorithm": {"type": "market"}, "order.quantity": 3000},
        {"order.order_type": "limit", "order.limit_price": "0.01"},
        {"recording.history": "off"},
        {
            "markets": [
                {"venue": {"name": "ALFA"}, "flow": {"type": "zero_intelligence", "start_price": 100}},
                {"venue": {"name": "DARK", "matching": "midpoint"}, "flow": {"type": "dark", "buy_rate_per_s": 0.5}},
            ]
        },
    ],
    ids=["twap", "sell", "iceberg", "market", "nothing-filled", "no-history", "three-markets"],
)
def test_at_the_end_live_figures_are_those_of_the_finished_run(watched, changes):
    result, live = watched(changes)
    assert [root.order_id for root in live.roots] == [result.parent.order_id]
    assert live.quality(result.parent.order_id) == ExecutionAnalyzer.of(result).quality


def test_while_it_works_the_figures_grow_with_the_fills(watched):
    result, _ = watched({})
    prices, now = Recorded(result), [0]
    live = ExecutionAnalyzer.live(lambda: now[0], prices)
    live.admit(result.parent)
    seen = []
    for child in result.children:
        for trade in child.trades:
            now[0] = trade.time_ns
            live.heard(result.parent, attrs.evolve(trade, order_id=result.parent.order_id))
            seen.append(live.quality(result.parent.order_id).filled_quantity)
    assert seen == list(
        itertools.accumulate(trade.last_quantity for child in result.children for trade in child.trades)
    )


def test_a_guard_that_only_listens_admits_everything():
    live = ExecutionAnalyzer.live(lambda: 0, Recorded(result_of(DAY)))
    order = Order("a", STOCK, OrderSide.BUY, 10)
    assert (live.admit(order), live.amend(order, 20, None), live.check(order)) == (None, None, None)
    assert live.roots == (order,)


def test_an_order_that_was_never_heard_of_has_no_figures():
    live = ExecutionAnalyzer.live(lambda: 0, Recorded(result_of(DAY)))
    with pytest.raises(InputError, match="order 'x' is no root order that was heard of; known: none"):
        live.quality("x")


class Desk:
    """Random reports, applied to street orders and passed up a tree of three levels as an order manager does."""

    def __init__(self, live, clock):
        self.live, self.clock = live, clock
        self.root = Order("root", STOCK, OrderSide.BUY, 1000, created_ns=DECISION)
        self.root.submit(DECISION)
        self.slices = [Order(f"s{i}", STOCK, OrderSide.BUY, 500, parent_id="root", created_ns=DECISION) for i in (0, 1)]
        self.streets = []
        self.count = 0
        live.admit(self.root)
        for slice_ in self.slices:
            slice_.submit(DECISION)

    def hear(self, order, kind, **fields):
        self.count += 1
        name = fields.pop("exec_id", f"V-{self.count}")
        report = ExecutionReport(name, order.order_id, kind, self.clock[0] - 500, venue="V", **fields)
        if order.apply(report):
            self.live.heard(order, report)
            if report.last_quantity and order.parent_id is not None:
                above = {"root": self.root, "s0": self.slices[0], "s1": self.slices[1]}[order.parent_id]
                filled = above.filled_quantity + report.last_quantity * (1 if kind is ExecType.TRADE else -1)
                passed = {
                    name: getattr(report, name)
                    for name in ("last_quantity", "last_price_quanta", "fee", "maker", "exec_ref_id")
                }
                self.hear(
                    above, kind, exec_id=name, cum_quantity=filled, leaves_quantity=above.quantity - filled, **passed
                )

    def place(self, slice_, quantity, refused):
        order = Order(
            f"o{len(self.streets)}",
            STOCK,
            OrderSide.BUY,
            quantity,
            parent_id=slice_,
            venue="V",
            created_ns=self.clock[0],
        )
        self.streets.append(order)
        order.submit(self.clock[0])
        self.clock[0] += 1000
        kind = ExecType.REJECTED if refused else ExecType.NEW
        left = 0 if refused else quantity
        self.hear(order, kind, cum_quantity=0, leaves_quantity=left, arrived_ns=self.clock[0] - 600)

    def trade(self, order, quantity, price, maker, fee):
        left = order.leaves_quantity
        if order.status.is_final or not left:
            return
        quantity = min(quantity, left)
        filled = order.filled_quantity + quantity
        self.hear(
            order, ExecType.TRADE, cum_quantity=filled, leaves_quantity=order.quantity - filled, last_quantity=quantity,
            last_price_quanta=price, maker=maker, fee=fee,
        )  # fmt: skip

    def bust(self, order):
        if not order.trades:
            return
        trade = order.trades[0]
        left = order.filled_quantity - trade.last_quantity
        self.hear(
            order, ExecType.TRADE_CANCEL, cum_quantity=left, leaves_quantity=order.quantity - left,
            last_quantity=trade.last_quantity, last_price_quanta=trade.last_price_quanta, fee=trade.fee,
            exec_ref_id=trade.exec_id,
        )  # fmt: skip


which = st.integers(0, 9)
price = st.integers(399_900, 400_900)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("place"), st.sampled_from(("s0", "s1")), st.integers(1, 60), st.booleans()),
        st.tuples(st.just("trade"), which, st.integers(1, 40), price, st.booleans(), st.integers(-50, 90)),
        st.tuples(st.just("bust"), which),
    ),
    max_size=40,
)


@given(steps)
def test_after_any_reports_live_figures_are_those_of_a_look_at_the_orders(steps):
    run = result_of(DAY, arrival=None)
    clock = [DECISION + 5 * SECOND]
    live = ExecutionAnalyzer.live(lambda: clock[0], Recorded(run))
    desk = Desk(live, clock)
    for kind, *arguments in steps:
        clock[0] += SECOND
        if kind == "place":
            desk.place(*arguments)
        elif desk.streets:
            order = desk.streets[arguments[0] % len(desk.streets)]
            getattr(desk, kind)(order, *arguments[1:])
    for slice_ in desk.slices:  # its children count from when it has been heard of itself
        desk.hear(slice_, ExecType.EXPIRED, cum_quantity=slice_.filled_quantity, leaves_quantity=0)
    if not desk.streets:
        return
    found = live.quality("root")
    trades = [trade for order in desk.streets for trade in order.trades]
    filled = sum(trade.last_quantity for trade in trades)
    assert found.filled_quantity == filled
    if filled:
        maker = sum(trade.last_quantity for trade in trades if trade.maker)
        assert found.maker_share == maker / filled
        notional = sum(trade.last_quantity * trade.last_price_quanta for trade in trades)
        assert found.average_price * 10_000 * filled == notional
    assert found.fees * 1_000_000 == sum(trade.fee for trade in trades)
    assert found.acknowledged.count == len(desk.streets)
    assert found.acknowledged.p99_ns == 1000
    idle = {slice_.order_id for slice_ in desk.slices} - {order.parent_id for order in desk.streets}
    refused = sum(order.status.name == "REJECTED" for order in desk.streets)
    assert found.orders == len(desk.streets) + len(idle)
    assert found.reject_rate == refused / found.orders
    decision, end = found.shortfall.decision_value, found.shortfall.total
    assert (decision, found.arrival_mid is not None) == (40_000, True)
    assert end is not None


def test_what_cannot_be_applied_is_not_heard():
    live = ExecutionAnalyzer.live(lambda: END, Recorded(result_of(DAY)))
    order = Order("a", STOCK, OrderSide.BUY, 10)
    with pytest.raises(TransitionError):
        order.apply(ExecutionReport("1", "a", ExecType.NEW, 1, 0, 10))
    assert live.roots == ()


class Later:
    """A guard that hands all to another, which can be made only when the desk is there."""

    def __getattr__(self, name):
        return getattr(self.live, name)


def test_an_order_manager_takes_it_as_a_guard():
    guard = Later()
    desk = make_desk(bids=[(9_999, [100])], asks=[(10_001, [30]), (10_002, [100])], guards=[guard])
    live = guard.live = ExecutionAnalyzer.live(lambda: desk.sim.now, BookPrices({"X": desk.market.book}))
    parent = desk.work(AtMarket(), OrderSide.BUY, 50, end="1s")
    found = live.quality(parent.order_id)
    assert (found.filled_quantity, found.fill_rate, found.maker_share, found.orders) == (50, 1.0, 0.0, 1)
    assert found.average_price == Fraction(30 * 10_001 + 20 * 10_002, 50) / 100
    assert found.arrival_mid == 100
    assert found.shortfall.trading == 50 * (found.average_price - 100)
    child = desk.manager.children(parent.order_id)[0]
    assert found.acknowledged.p99_ns == desk.sim.now - child.submitted_ns
