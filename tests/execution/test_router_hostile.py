"""The router against venues that reject, bust, repeat and delay at random, seen by quotes that never change."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from simexec.execution import Broker, Latencies, OrderManager, ParentExecution, Place, RouterSettings, SmartOrderRouter
from simexec.execution.parent import work
from simexec.market.order_book import Quote
from simexec.sim import Constant, Event, Exponential, Simulation
from simexec.sim.clock import MINUTE
from simexec.testing import check_orders, check_portfolio
from simexec.testing.hostile_venue import HostileVenue, Hostility
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.portfolio import Portfolio
from simexec.trading.vocabulary import OrderSide, OrderType, TimeInForce

from .street import MS

END = 20 * MINUTE


class FrozenView:
    """The same quote from the beginning to the end."""

    def __init__(self, sim: Simulation, ask: int) -> None:
        self._sim, self._ask = sim, ask

    def quote(self) -> Quote:
        return Quote(0, 9900, 100, self._ask, 100)

    def changes(self) -> Event:
        return self._sim.event()

    next_trade = changes

    def crosses(self, price: int, side: OrderSide | None = None) -> Event:
        event = self._sim.event()
        return event.succeed() if side is OrderSide.BUY and price >= self._ask else event

    def traded_quantity(self) -> int:
        return 0


@settings(max_examples=60)
@given(
    seed=st.integers(0, 1000),
    rejects=st.sampled_from([0.1, 0.6, 1.0]),
    busts=st.sampled_from([0.0, 0.2]),
    orders=st.lists(
        st.tuples(
            st.integers(0, 2000), st.integers(1, 500), st.sampled_from([None, 98, 101, 102]),
            st.sampled_from([TimeInForce.DAY, TimeInForce.IOC]), st.one_of(st.none(), st.integers(0, 3000)),
        ),
        min_size=1, max_size=4,
    ),
)  # fmt: skip
def test_parents_are_the_sum_of_their_children_and_end_in_time_whatever_venues_say(
    seed: int, rejects: float, busts: float,
    orders: list[tuple[int, int, int | None, TimeInForce, int | None]],
) -> None:  # fmt: skip
    sim = Simulation(seed=seed)
    share = Instrument("TEST", Decimal("0.01"))
    broker, portfolio = Broker(sim), Portfolio(10**9, "USD")
    places = {}
    for name, ask in (("ALFA", 10_100), ("BETA", 10_200)):
        hostility = Hostility(rejects=rejects, busts=busts)
        venue = HostileVenue(
            sim, name, share, sim.rng(name), price_quanta=ask, closes_ns=END + MINUTE, hostility=hostility
        )
        broker.connect(venue, Latencies(Exponential("5ms"), Constant("1ms"), Exponential("5ms")))
        places[name] = Place(FrozenView(sim, ask))
    manager = OrderManager(broker, portfolio, [share], cleanup_interval="24h", sim=sim)
    view = FrozenView(sim, 10_100)
    router = SmartOrderRouter(manager, broker, {"TEST": places}, RouterSettings(answer_timeout="30ms"), sim=sim)
    parents: list[Order] = []

    async def begin(start: int, quantity: int, limit: int | None, life: TimeInForce, stop: int | None) -> None:
        await sim.timeout(start * MS)
        kind = OrderType.MARKET if limit is None else OrderType.LIMIT
        order = manager.create(share, OrderSide.BUY, quantity, kind, limit, life)
        parents.append(order)
        if stop is not None:
            sim.call_after(stop * MS, lambda _: manager.cancel(order))
        await work(ParentExecution(sim, manager, order, view, sim.rng(order.order_id), END), manager, router)

    async def watch() -> None:
        for _ in range(1000):
            await sim.timeout(7 * MS)
            for order in parents:
                children = manager.children(order.order_id)
                assert order.filled_quantity == sum(child.filled_quantity for child in children) <= order.quantity
                assert sum(child.exposed_quantity for child in children) + order.filled_quantity <= order.quantity

    for one in orders:
        sim.process(begin(*one))
    sim.process(watch())
    sim.run(END + 5 * MINUTE)
    assert len(parents) == len(orders)
    assert all(order.closed_ns is not None and order.closed_ns <= END + MINUTE for order in parents)
    assert len(router.legs) <= 300 * len(orders)  # two venues that refuse for 20 minutes are asked every 10 s
    check_orders(manager.orders())
    check_portfolio(portfolio, manager.orders())
