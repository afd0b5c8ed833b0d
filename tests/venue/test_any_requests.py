"""Whatever is asked, in whatever state: everything is answered, ends once, and no share appears or vanishes."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from simexec.market import layout as at
from simexec.market.market import Market
from simexec.sim import Constant, Simulation
from simexec.testing import (
    Participant,
    ScriptedFlow,
    background_market_order,
    background_order,
    background_order_away,
    check_book,
)
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.report import ExecType, ExecutionReport
from simexec.trading.terms import OrderTerms
from simexec.trading.vocabulary import OrderSide, OrderType, PegType, TimeInForce
from simexec.venue import Halt, Outage, PriceBand, Slowdown, Throttle, ThrottleAction, TradingHours, Venue

from .making import MS

BUY, SELL = OrderSide.BUY, OrderSide.SELL
DAY, GTC, GTD = TimeInForce.DAY, TimeInForce.GTC, TimeInForce.GTD
IOC, FOK = TimeInForce.IOC, TimeInForce.FOK
SYMBOLS = ("TEST", "OTHER")
HOURS = TradingHours(
    10 * MS, 90 * MS, pre_open_ns=5 * MS, halts=[Halt(30 * MS, 40 * MS), Halt(45 * MS, 48 * MS, "OTHER")]
)
OUTAGE = (55 * MS, 65 * MS)

sides = st.sampled_from([BUY, SELL])
prices = st.integers(95, 106)
sizes = st.integers(1, 40)


def order_fields(draw: st.DrawFn) -> dict[str, Any]:
    """Fields of an order of any kind, right or wrong."""
    price, near = draw(prices), draw(st.integers(1, 4))
    lasting: dict[str, Any] = draw(
        st.sampled_from(
            [{}, {"time_in_force": GTC}, {"time_in_force": GTD, "terms": OrderTerms(expire_ns=near * 25 * MS)}]
        )
    )
    peg = draw(st.sampled_from(list(PegType)))
    kinds: list[dict[str, Any]] = [
        {},
        {"time_in_force": IOC},
        {"price_ticks": price, **lasting},
        {"price_ticks": price, "time_in_force": IOC},
        {"price_ticks": price, "time_in_force": FOK},
        {"price_ticks": price, "hidden": True},
        {"price_ticks": price, "display_quantity": near},
        {"price_ticks": price, "post_only": True},
        {"price_ticks": price, "post_only": True, "terms": OrderTerms(price_slide=True)},
        {"price_ticks": price, "time_in_force": IOC, "terms": OrderTerms(min_quantity=near * 3)},
        {"terms": OrderTerms(stop_ticks=price)},
        {"price_ticks": price, "terms": OrderTerms(stop_ticks=price - 1 + near)},
        {"terms": OrderTerms(trail_ticks=near)},
        {"terms": OrderTerms(peg=peg, peg_offset_ticks=near - 2), "hidden": peg is PegType.MIDPOINT},
        {"price_ticks": price, "terms": OrderTerms(peg=peg), "hidden": peg is PegType.MIDPOINT},
        {"price_ticks": 0},
    ]
    return draw(st.sampled_from(kinds))


@st.composite
def requests(draw: st.DrawFn) -> list[tuple[Any, ...]]:
    """Time, who, and what: orders of every kind, and cancels and replaces of orders that may be there."""
    found: list[tuple[Any, ...]] = []
    count = draw(st.integers(1, 30))
    times = sorted(draw(st.lists(st.integers(0, 100), min_size=count, max_size=count)))
    sent: list[list[str]] = [["never"], ["never"]]
    for i, time in enumerate(times):
        who, what = draw(st.integers(0, 1)), draw(st.sampled_from("nnnnnncrmd" if i % 7 == 0 else "nnnnnncrm"))
        if what == "n":
            fields = order_fields(draw)
            sent[who].append(f"o{i}")
            found.append((time, who, "n", f"o{i}", draw(sides), draw(sizes), draw(st.sampled_from(SYMBOLS)), fields))
        elif what == "m":
            found.append((time, who, "m", f"m{i}", draw(st.none() | sides), draw(st.none() | st.sampled_from(SYMBOLS))))
        elif what == "d":
            found.append((time, who, "d", ""))
        else:
            name, price, stop = draw(st.sampled_from(sent[who])), draw(st.none() | prices), draw(st.none() | prices)
            found.append((time, who, what, name, draw(sizes), price, stop))
    return found


@st.composite
def background(draw: st.DrawFn) -> list[Any]:
    """Orders that come a few ticks from the best, and market orders."""
    opening = [background_order(0, BUY, 98 - i, 20, 2 * i) for i in range(3)]
    opening += [background_order(0, SELL, 102 + i, 20, 2 * i + 1) for i in range(3)]
    times = sorted(draw(st.lists(st.integers(1, 100), max_size=20)))
    for i, time in enumerate(times):
        side, size = draw(sides), draw(sizes)
        if draw(st.booleans()):
            opening.append(background_market_order(time * MS, side, size))
        else:
            opening.append(background_order_away(time * MS, side, draw(st.integers(1, 4)), size, 10 + i))
    return opening


rules = st.fixed_dictionaries(
    {
        "throttle": st.sampled_from(
            [None, Throttle(3, "20ms"), Throttle(3, "20ms", ThrottleAction.QUEUE), Throttle(1, "5ms")]
        ),
        "band": st.sampled_from([None, PriceBand(100, 3, "7ms")]),
        "matching": st.sampled_from(["price_time", "pro_rata"]),
        "servers": st.sampled_from([1, 3]),
        "priority": st.booleans(),
        "capacity": st.sampled_from([None, 4]),
        "incidents": st.sampled_from(
            [(), (Outage(*OUTAGE), Slowdown(20 * MS, 50 * MS, 4)), (Outage(*OUTAGE, cancel_orders=True),)]
        ),
        "cancel_on_disconnect": st.booleans(),
    }
)


@settings(max_examples=60)
@given(requests(), background(), background(), rules, st.sampled_from([0, MS // 2]))
def test_every_request_is_answered_every_order_ends_once_and_shares_are_conserved(
    asked: list[tuple[Any, ...]], first: list[Any], second: list[Any], rules: dict[str, Any], service: int
) -> None:
    sim = Simulation()
    still = [(-1, 10 * MS), (30 * MS, 40 * MS), (90 * MS, 1000 * MS), *([OUTAGE] if rules["incidents"] else [])]
    band = rules.pop("band")
    matching = rules.pop("matching")
    markets = [
        Market(f"XTST.{s}", ScriptedFlow(m, tick_quanta=100)) for s, m in zip(SYMBOLS, (first, second), strict=True)
    ]
    instruments = [Instrument(symbol, Decimal("0.01")) for symbol in SYMBOLS]
    venue = Venue(sim, "XTST", instruments[0], markets[0], HOURS, service=Constant(service), band=band, **rules)
    venue.list(instruments[1], markets[1], matching=matching)
    people = [Participant(sim, venue, name) for name in ("alice", "bob")]
    orders: list[dict[str, Order]] = [{}, {}]
    wanted: list[Counter[str]] = [Counter(), Counter()]
    for time, who, what, name, *rest in asked:
        person = people[who]
        if what == "n":
            side, size, symbol, fields = rest
            send = lambda _, p=person, n=name, s=side, q=size, y=symbol, f=fields: p.new(n, s, q, symbol=y, **f)  # noqa: E731
            order = Order(
                name, instruments[SYMBOLS.index(symbol)], side, size, _type(fields), fields.get("price_ticks")
            )
            order.submit(time * MS)
            orders[who][name] = order
        elif what == "m":
            send = lambda _, p=person, n=name, r=rest: p.cancel_all(n, *r)  # noqa: E731
        elif what == "d":
            send = lambda _, p=person: p.connection.connected and p.connection.disconnect()  # noqa: E731
        elif what == "c":
            send = lambda _, p=person, n=name: p.cancel(n)  # noqa: E731
        else:
            send = lambda _, p=person, n=name, r=rest: p.replace(n, *r)  # noqa: E731
        wanted[who][what] += 1
        sim.call_at(time * MS, send)
    sim.run(1000 * MS)
    venue.end_run()
    sim.run(2000 * MS)
    for who in (0, 1):
        _check_answers(people[who], wanted[who])
        _check_lives(people[who].reports, orders[who], still)
    _check_shares(markets, [report for person in people for report in person.reports])
    assert sim.now == 2000 * MS


def _type(fields: dict[str, Any]) -> OrderType:
    return OrderType.LIMIT if fields.get("price_ticks") is not None else OrderType.MARKET


def _check_answers(person: Participant, wanted: Counter[str]) -> None:
    """One answer for each request, and none unasked."""
    kinds = Counter(report.exec_type for report in person.reports)
    assert kinds[ExecType.NEW] + kinds[ExecType.REJECTED] == wanted["n"]
    refused = [report for report in person.reports if report.exec_type is ExecType.CANCEL_REJECTED]
    asked = [report for report in person.reports if report.text == "cancelled on request"]
    assert len(asked) + sum(not report.answers_replace for report in refused) == wanted["c"]
    assert kinds[ExecType.REPLACED] + sum(bool(report.answers_replace) for report in refused) == wanted["r"]
    assert len(person.mass_cancels) == wanted["m"]
    massed = sum(report.text == "cancelled by a mass cancel" for report in person.reports)
    assert sum(answer.cancelled for answer in person.mass_cancels) == massed
    assert all(report.reason is not None and report.text for report in refused)
    assert len({report.exec_id for report in person.reports}) == len(person.reports)


def _check_lives(reports: list[ExecutionReport], orders: dict[str, Order], still: list[tuple[int, int]]) -> None:
    """Every order's reports make sense to the order, in the sequence in which they came, and bring it to an end with a reason."""
    ended: set[str] = set()
    for report in reports:
        order = orders.get(report.order_id)
        if report.exec_type is ExecType.CANCEL_REJECTED:
            continue
        assert order is not None
        assert report.order_id not in ended
        order.apply(report)
        if report.exec_type is ExecType.TRADE:
            assert not any(start < report.time_ns < end for start, end in still)  # messages of `start` come before
        if report.leaves_quantity == 0:
            ended.add(report.order_id)
            assert report.text or report.exec_type in (ExecType.TRADE, ExecType.REPLACED)
    assert ended == set(orders)
    assert all(order.is_final for order in orders.values())
    assert all(order.missing_quantity == 0 for order in orders.values())


def _check_shares(markets: list[Market], reports: list[ExecutionReport]) -> None:
    """What participants were told they traded is what the books printed for them."""
    printed = 0
    for market in markets:
        market.book.flush()
        for _, _, quantity, _, flags, _ in market.book.prints.since().tolist():
            printed += quantity * (bool(flags & at.PRINT_OWN_MAKER) + bool(flags & at.PRINT_OWN_TAKER))
        if market.book.phase == at.CONTINUOUS:
            check_book(market.book)
    assert sum(report.last_quantity for report in reports if report.exec_type is ExecType.TRADE) == printed
