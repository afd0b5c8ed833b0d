"""A desk at two exchanges and a dark pool, through everything that goes wrong on a day: what holds whatever is asked."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from simexec.errors import OrderError
from simexec.execution import Broker, Journal, Latencies, OrderGroup, OrderManager
from simexec.market.consolidated import ConsolidatedView
from simexec.market.market import Market
from simexec.market.midpoint import DarkFlow, MidpointMarket, best_of
from simexec.market.sizes import GeometricSize
from simexec.market.view import MarketView
from simexec.market.zero_intelligence import ZeroIntelligence
from simexec.models.fees import MakerTakerFees
from simexec.sim import Constant, Event, Exponential, LogNormal, Simulation
from simexec.testing import Participant, check_book, check_orders, check_portfolio
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.portfolio import Portfolio
from simexec.trading.report import ExecType
from simexec.trading.requests import CancelRequest, MassCancelRequest, NewOrder, ReplaceRequest
from simexec.trading.terms import OrderTerms
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType, PegType, SelfTradePrevention, TimeInForce
from simexec.venue import Halt, Outage, PriceBand, Slowdown, Throttle, ThrottleAction, TradingHours, Venue

MS, SECOND = 10**6, 10**9
OPENS, CLOSES, ENDS = 500 * MS, 5_000 * MS, 8 * SECOND
HALT, HALT_B, OUTAGE = (1_500 * MS, 2_000 * MS), (3_800 * MS, 4_000 * MS), (2_500 * MS, 3_000 * MS)
SIDES = (OrderSide.BUY, OrderSide.SELL)
TYPES, TIMES, PEGS = list(OrderType), list(TimeInForce), list(PegType)
SYMBOLS = ("AAA", "BBB")


class Day:
    """Two exchanges with two instruments each, a dark pool, a desk with views of all, and a stranger at each venue.

    ``bystanders`` adds a participant, a venue, and a view that do nothing.
    """

    def __init__(self, seed: int, *, bystanders: bool = False) -> None:
        self.choose = choose = random.Random(seed)
        self.sim = sim = Simulation(seed=seed)
        self.instruments = {symbol: Instrument(symbol, Decimal("0.01"), lot=1) for symbol in SYMBOLS}
        self.hours = TradingHours(OPENS, CLOSES, pre_open_ns=200 * MS, halts=[Halt(*HALT), Halt(*HALT_B, "BBB")])
        self.markets: dict[tuple[str, str], Market] = {}
        self.venues: dict[str, Venue] = {}
        self._exchange("ALFA", {"band": PriceBand(1000, 2, "100ms")} if choose.random() < 0.5 else {})
        self._exchange("BETA", {"matching": "pro_rata"} if choose.random() < 0.5 else {})
        self._pool()
        self.broker, self.journal = Broker(sim), Journal()
        self.portfolio = Portfolio(10**9, "USD")
        for venue in self.venues.values():
            lines = Latencies(Exponential("2ms"), LogNormal("1ms", 0.8), Exponential("1ms"))
            self.broker.connect(venue, lines)
        if bystanders:
            self._exchange("IDLE", {})
        self.manager = OrderManager(
            self.broker, self.portfolio, self.instruments.values(), journal=self.journal, sim=sim, max_order_age="2s"
        )
        self.views = {
            key: MarketView(sim, market, Exponential("3ms"), depth_levels=3) for key, market in self.markets.items()
        }
        self.best = {s: ConsolidatedView([self.views[v, s] for v in ("ALFA", "BETA")]) for s in SYMBOLS}
        self.views["ALFA", "AAA"].freeze(3_100 * MS, 3_300 * MS)
        self.views["BETA", "AAA"].outage(3_200 * MS, 3_400 * MS)
        self.strangers = {name: Participant(sim, venue, "stranger") for name, venue in self.venues.items()}
        self.asked: dict[str, Counter[str]] = {name: Counter() for name in self.venues}
        self.groups: list[OrderGroup] = []
        self.waiting = 0
        self.wakes: list[tuple[int, int]] = []
        self.mass_cancels: list[Any] = []
        if bystanders:
            Participant(sim, self.venues["ALFA"], "idle")
            MarketView(sim, self.markets["ALFA", "AAA"], Exponential("1ms"), stream="idle")

    def _rules(self) -> dict[str, Any]:
        choose = self.choose
        servers = choose.choice([1, 3])
        action = choose.choice([*ThrottleAction, None])
        return {
            "service": Exponential(choose.choice(["20us", "5ms"])),
            "servers": servers,
            "capacity": choose.choice([None, servers + 5]),
            "priority": choose.random() < 0.5,
            "throttle": None if action is None else Throttle(12, "100ms", action),
            "cancel_on_disconnect": choose.random() < 0.5,
            "self_trade_prevention": choose.choice(list(SelfTradePrevention)),
            "fees": MakerTakerFees(Decimal("0.001"), Decimal("0.003")),
            "incidents": [
                Outage(*OUTAGE, cancel_orders=choose.random() < 0.5),
                Slowdown(3_500 * MS, 3_700 * MS, 10),
            ],
        }

    def _exchange(self, name: str, rules: dict[str, Any]) -> None:
        if name == "IDLE":
            gateway: dict[str, Any] = {"service": Constant("1us")}
        else:
            gateway = self._rules()
        for symbol in SYMBOLS:
            flow = ZeroIntelligence(
                self.sim.rng,
                f"flow.{name}.{symbol}",
                start_price=1000 * 100,
                tick_quanta=100,
                lot=1,
                limit_rates_per_s=[40.0, 30.0, 20.0, 10.0],
                cancel_rate_per_s=5.0,
                market_rate_per_s=25.0,
                limit_size=GeometricSize(4),
                market_size=GeometricSize(5),
                start_ns=100 * MS,
                end_ns=CLOSES + SECOND,
            )
            self.markets[name, symbol] = Market(f"{name}.{symbol}", flow)
        first, second = (self.markets[name, symbol] for symbol in SYMBOLS)
        venue = Venue(self.sim, name, self.instruments["AAA"], first, self.hours, **gateway, **rules)
        venue.list(self.instruments["BBB"], second)
        self.venues[name] = venue

    def _pool(self) -> None:
        sim = self.sim
        flow = DarkFlow(
            sim.rng, "flow.DARK", (20.0, 20.0), GeometricSize(5), Exponential("100ms"), start_ns=OPENS, end_ns=CLOSES
        )
        reference = best_of(self.markets["ALFA", "AAA"].book, self.markets["BETA", "AAA"].book)
        self.pool = MidpointMarket("DARK", reference, flow)
        hours = TradingHours(OPENS, CLOSES, halts=[Halt(*HALT)])
        self.venues["DARK"] = Venue(sim, "DARK", self.instruments["AAA"], self.pool, hours, **self._rules())

    # --- what the desk does --------------------------------------------------------------------------------------------

    async def trade(self) -> None:
        """Ask for something of any kind, every few milliseconds, from before the open until after the close."""
        choose, sim = self.choose, self.sim
        while sim.now < CLOSES + 200 * MS:
            await sim.timeout(choose.randint(1, 20 * MS))
            orders = [order for order in self.manager.orders()[-40:] if not order.is_final]
            what = choose.random()
            if what < 0.5 or not orders:
                self._send()
            elif what < 0.65:
                self._group()
            elif what < 0.8:
                self.manager.cancel(choose.choice(orders))
            elif what < 0.95:
                await self._replace(choose.choice(orders))
            elif what < 0.97:
                self.mass_cancels.append(
                    self.manager.cancel_all(
                        choose.choice([None, *list(self.venues)[:3]]),
                        choose.choice([None, *SIDES]),
                        choose.choice([None, *SYMBOLS]),
                    )
                )
            else:
                sim.process(self._wait())

    def _fields(self) -> dict[str, Any]:
        """Fields of an order that mostly fit each other; prices in ticks around the market."""
        choose = self.choose
        kind = choose.choice([*TYPES, OrderType.LIMIT, OrderType.MARKET])
        tif = choose.choice(TIMES if not kind.is_stop and kind is not OrderType.PEGGED else [TIMES[0], TIMES[1]])
        price, quantity = 1000 + choose.randint(-6, 6), choose.randint(1, 30)
        rests = tif.may_rest and kind.has_price
        hidden = (rests or kind is OrderType.PEGGED) and kind is not OrderType.ICEBERG and choose.random() < 0.4
        peg = choose.choice(PEGS) if kind is OrderType.PEGGED else None
        post = rests and kind in (OrderType.LIMIT, OrderType.ICEBERG) and choose.random() < 0.3
        terms = OrderTerms(
            stop_ticks=price + choose.randint(-3, 3) if kind in (OrderType.STOP, OrderType.STOP_LIMIT) else None,
            trail_ticks=choose.randint(1, 4) if kind is OrderType.TRAILING_STOP else None,
            peg=peg,
            peg_offset_ticks=choose.choice([0, 0, -1, 1, 2]) if peg else 0,
            min_quantity=choose.randint(1, quantity) if tif is TimeInForce.IOC and choose.random() < 0.5 else None,
            expire_ns=self.sim.now + choose.randint(1, 2 * SECOND) if tif is TimeInForce.GTD else None,
            price_slide=post and choose.random() < 0.5,
        )
        return {
            "quantity": quantity,
            "order_type": kind,
            "price_ticks": price if kind.has_price or (peg and choose.random() < 0.5) else None,
            "time_in_force": tif,
            "display_quantity": choose.randint(1, quantity) if kind is OrderType.ICEBERG else None,
            "hidden": hidden or peg is PegType.MIDPOINT,
            "post_only": post,
            "terms": None if terms == OrderTerms() else terms,
        }

    def _make(self, **fixed: Any) -> Order:
        fields = self._fields() | {"venue": self.choose.choice(["ALFA", "BETA", "DARK"])} | fixed
        instrument = self.instruments[fields.pop("symbol", None) or self.choose.choice(SYMBOLS)]
        side = fields.pop("side", None) or self.choose.choice(SIDES)
        return self.manager.create(instrument, side, **fields)

    def _send(self) -> None:
        self.manager.submit(self._make())

    def _group(self) -> None:
        choose, manager = self.choose, self.manager
        plain = {"quantity": choose.randint(1, 20), "symbol": choose.choice(SYMBOLS)}
        limit: dict[str, Any] = {
            "order_type": OrderType.LIMIT,
            "time_in_force": TimeInForce.DAY,
            "display_quantity": None,
        }
        limit |= {"hidden": False, "post_only": False, "terms": None, "venue": choose.choice(["ALFA", "BETA"])}
        price = 1000 + choose.randint(-5, 5)
        what = choose.choice(["oco", "ouo", "oto", "bracket"])
        if what in ("oco", "ouo"):
            legs = [self._make(**plain, **limit, price_ticks=price + 3 * i) for i in range(2)]
            self.groups.append(manager.submit_oco(*legs, reduce=what == "ouo"))
            return
        entry = self._make(**plain, **limit, price_ticks=price, side=SIDES[0])
        profit = self._make(**plain, **limit, price_ticks=price + 2, side=SIDES[1])
        stop = limit | {"order_type": OrderType.STOP, "terms": OrderTerms(stop_ticks=price - 2)}
        loss = self._make(**plain, **stop, price_ticks=None, side=SIDES[1])
        self.groups.append((manager.submit_oto if what == "oto" else manager.submit_bracket)(entry, profit, loss))

    async def _replace(self, order: Order) -> None:
        choose = self.choose
        subject: dict[str, Any] = {}
        if choose.random() < 0.7:
            subject["quantity"] = max(1, order.quantity + choose.randint(-8, 8))
        if order.price_ticks is not None and choose.random() < 0.6:
            subject["price"] = Decimal(order.price_ticks + choose.randint(-4, 4)) / 100
        if order.order_type.is_stop and choose.random() < 0.6:
            subject["stop_price"] = Decimal(1000 + choose.randint(-5, 5)) / 100
        try:
            await self.manager.replace_order(order.order_id, **subject)
        except OrderError:  # nothing to change, not sent, or elected
            assert not subject or order.status is OrderStatus.PENDING or order.triggered_ns is not None

    async def _wait(self) -> None:
        view = self.views[self.choose.choice(["ALFA", "BETA"]), "AAA"]
        quote = view.quote()
        price = 100_000 if quote is None or quote.bid is None else quote.bid + self.choose.choice([-200, 0, 200])
        calls: list[Callable[[], Event]] = [
            view.changes,
            view.next_trade,
            view.depth_changes,
            partial(view.crosses, price),
        ]
        found = self.choose.choice(calls)()
        self.waiting += 1
        began = self.sim.now
        await self.sim.any_of([found, self.sim.timeout("400ms")])
        self.waiting -= 1
        self.wakes.append((began, self.sim.now))

    async def look(self) -> None:
        """See whether views show what they may: quotes that the market had, none from the future, none older than before."""
        seen = dict.fromkeys(self.views, -1)
        while self.sim.now < CLOSES:
            await self.sim.timeout(7 * MS)
            for key, view in self.views.items():
                quote = view.quote()
                if quote is not None:
                    assert seen[key] <= quote.time_ns <= self.sim.now
                    seen[key] = quote.time_ns
                    assert view.traded_quantity() == view.statistics().traded_quantity
            for symbol, best in self.best.items():
                quotes = [self.views[venue, symbol].quote() for venue in ("ALFA", "BETA")]
                bids = [quote.bid for quote in quotes if quote is not None and quote.bid is not None]
                asks = [quote.ask for quote in quotes if quote is not None and quote.ask is not None]
                shown = best.quote()
                assert (None if shown is None else shown.bid) == max(bids, default=None)
                assert (None if shown is None else shown.ask) == min(asks, default=None)

    # --- what the strangers do -----------------------------------------------------------------------------------------

    async def disturb(self, name: str, choose: random.Random) -> None:
        """A stranger's messages: malformed, repeated, about orders that are not there, with a line that goes down at last."""
        stranger, venue, asked = self.strangers[name], self.venues[name], self.asked[name]
        await self.sim.timeout(100 * MS)
        for i in range(150):
            await self.sim.timeout(choose.randint(1, 50 * MS))
            known = choose.choice(["never", f"s{choose.randint(0, i)}", "ord_1"])
            number: Any = choose.choice([-1, 0, 5, 9, 2**63, 10**30, float("nan"), 1.5, None, "7"])
            what = choose.random()
            request: Any
            if what < 0.7:
                request = NewOrder(
                    f"s{i}" if what < 0.6 else known, choose.choice([1, -1]), choose.choice([5, 9, number]), OrderType.LIMIT,
                    choose.choice([998, 1000, 1002, number]), choose.choice(TIMES), symbol=choose.choice([*SYMBOLS, "ZZZ"]),
                )  # fmt: skip
                asked["new"] += 1
            elif what < 0.8:
                request = CancelRequest(known)
                asked["cancel"] += 1
            elif what < 0.95:
                request = ReplaceRequest(known, choose.choice([7, number]), choose.choice([None, 999, number]))
                asked["replace"] += 1
            else:
                request = MassCancelRequest(f"m{i}", choose.choice([None, 1, -1]), choose.choice([None, "AAA", "ZZZ"]))
                asked["mass"] += 1
            venue.enqueue(stranger.connection, request)
            if i == 120:
                stranger.connection.disconnect()

    # --- the run -------------------------------------------------------------------------------------------------------

    def run(self) -> Day:
        self.sim.process(self.trade())
        self.sim.process(self.look())
        for number, name in enumerate(("ALFA", "BETA", "DARK")):
            self.sim.process(self.disturb(name, random.Random(number)))
        self.sim.run(ENDS)
        for venue in self.venues.values():
            venue.end_run()
        self.sim.run(ENDS + 2 * SECOND)
        return self

    def digest(self) -> str:
        """Of all that the desk asked and heard, and all that happened at the exchanges and in the pool."""
        digest = hashlib.sha256()
        self.journal.digest_into(digest)
        for (name, _), market in self.markets.items():
            if name != "IDLE":
                market.book.flush()
                digest.update(market.book.quotes.since().tobytes())
                digest.update(market.book.prints.since().tobytes())
        digest.update(self.pool.book.prints.since().tobytes())
        return digest.hexdigest()


def _still(day: Day, venue: str, symbol: str) -> list[tuple[int, int]]:
    """Times between which nothing trades there."""
    still = [(0, OPENS), HALT, OUTAGE, (CLOSES, 100 * SECOND)]
    return [*still, HALT_B] if symbol == "BBB" and venue != "DARK" else still


@pytest.mark.parametrize("seed", range(3))
def test_everything_is_answered_and_balances_and_the_day_repeats_itself_with_bystanders(seed: int) -> None:
    day = Day(seed).run()
    _check_orders(day)
    _check_strangers(day)
    for market in day.markets.values():
        check_book(market.book)
    assert day.waiting == 0
    assert len(day.wakes) > 2
    assert all(event.processed for event in day.mass_cancels)
    assert day.sim.peek() == float("inf") or day.sim.peek() > ENDS
    assert day.digest() == Day(seed, bystanders=True).run().digest()


def _check_orders(day: Day) -> None:
    orders = day.manager.orders()
    check_orders(orders)
    check_portfolio(day.portfolio, orders)
    assert {order.status for order in orders} >= {OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED}
    assert all(order.reason for order in orders if order.status is not OrderStatus.FILLED)
    trades = [(order, trade) for order in orders for trade in order.trades]
    assert len(trades) > 40
    assert len({(trade.venue, trade.exec_id) for _, trade in trades}) == len(trades)
    for order, trade in trades:
        for start, end in _still(day, trade.venue, order.symbol):
            assert not start < trade.time_ns < end, (order, trade)
    for entry in day.journal.entries():
        ours = not entry.transact_ns or entry.exec_id.endswith("-end")  # a request, or an order that was never sent
        assert ours or not OUTAGE[0] < entry.transact_ns < OUTAGE[1], entry
    assert all(group.is_final for group in day.groups)


def _check_strangers(day: Day) -> None:
    """Each request has its answer, each order that was taken one end, and nobody has more than he asked for."""
    for name, asked in day.asked.items():
        if not asked:
            continue
        stranger = day.strangers[name]
        kinds = Counter(report.exec_type for report in stranger.reports)
        assert kinds[ExecType.NEW] + kinds[ExecType.REJECTED] == asked["new"]
        assert len(stranger.mass_cancels) == asked["mass"]
        refused = [report for report in stranger.reports if report.exec_type is ExecType.CANCEL_REJECTED]
        cancelled = sum(report.text == "cancelled on request" for report in stranger.reports)
        assert cancelled + sum(not report.answers_replace for report in refused) == asked["cancel"]
        assert kinds[ExecType.REPLACED] + sum(bool(report.answers_replace) for report in refused) == asked["replace"]
        assert all(report.reason is not None and report.text for report in refused)
        ends = kinds[ExecType.CANCELED] + kinds[ExecType.EXPIRED]
        ends += sum(
            report.exec_type in (ExecType.TRADE, ExecType.REPLACED) and report.leaves_quantity == 0
            for report in stranger.reports
        )
        assert ends == kinds[ExecType.NEW]
        times = [time for time, _ in stranger.packets]
        assert not any(OUTAGE[0] < time < OUTAGE[1] for time in times)
