"""Capabilities: asked, combined, required; and a venue's claims against what a venue really takes and refuses."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import attrs
import pytest

from simexec.errors import InputError
from simexec.market.midpoint import MidpointMarket, best_of
from simexec.sim import Constant
from simexec.testing import Participant
from simexec.trading.capabilities import FEATURES, MODES, Capabilities, capabilities, require
from simexec.trading.instrument import Instrument
from simexec.trading.report import ExecType, RejectReason
from simexec.trading.requests import NewOrder
from simexec.trading.terms import OrderTerms, contradiction
from simexec.trading.vocabulary import OrderType, PegType, TimeInForce
from simexec.venue import TradingHours, Venue

from ..venue.making import MS, Scene, make_market, make_scene

LIMIT, MARKET, STOP = OrderType.LIMIT, OrderType.MARKET, OrderType.STOP
DAY, IOC = TimeInForce.DAY, TimeInForce.IOC
SIMULATED = MODES - {"LIVE_TRADING"}
LIT = Capabilities([MARKET, LIMIT, STOP], [DAY, IOC], ["displayed", "post_only"], SIMULATED)
DARK = Capabilities([MARKET, LIMIT], [IOC], ["hidden"], ["BACKTEST_SINGLE", "LIVE_TRADING"])


@attrs.frozen
class Box:
    """A component that can do this."""

    capabilities: object
    name: str = "XBOX"


# --- questions ---


def test_a_component_is_asked_by_its_property() -> None:
    assert capabilities(Box(LIT)) is LIT


@pytest.mark.parametrize(
    ("component", "words"),
    [
        (object(), "^object does not say what it can do; give it a property `capabilities`"),
        (Box("everything"), "^Box XBOX does not say what it can do, only 'everything'"),
        (Box(lambda: LIT), "^Box XBOX does not say what it can do, only <function"),
    ],
)
def test_a_component_that_does_not_say_is_named(component: object, words: str) -> None:
    for ask in (capabilities, require):
        with pytest.raises(InputError, match=words):
            ask(component)


def test_what_is_there_may_be_required() -> None:
    require(Box(LIT))
    require(Box(LIT), order_types=[STOP], times_in_force={DAY}, features=("post_only",), mode="OPTIMIZATION")
    require(Box(LIT), order_types=iter(LIT.order_types), features=LIT.features)


def test_everything_that_is_missing_is_named_at_once_with_what_there_is() -> None:
    with pytest.raises(InputError) as error:
        require(
            Box(LIT), order_types=[OrderType.ICEBERG, LIMIT, OrderType.PEGGED], times_in_force=[TimeInForce.FOK, DAY],
            features=["hidden", "post_only", "display_quantity"], mode="LIVE_TRADING",
        )  # fmt: skip
    assert str(error.value) == (
        "Box XBOX lacks order types ICEBERG, PEGGED; times in force FOK; features display_quantity, hidden; modes LIVE_TRADING "
        "(it has order types MARKET, LIMIT, STOP; times in force DAY, IOC; features displayed, post_only; "
        "modes BACKTEST_PARALLEL, BACKTEST_SINGLE, OPTIMIZATION)"
    )


def test_who_has_nothing_says_so() -> None:
    with pytest.raises(InputError, match=r"^Box XBOX lacks features hidden \(it has nothing\)$"):
        require(Box(Capabilities()), features=["hidden"])
    assert not Capabilities()
    assert Capabilities(modes=["LIVE_TRADING"])


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"features": "post_only"}, r"'post_only' is no collection of str; write \['post_only'\]"),
        ({"order_types": STOP}, r"no collection of OrderType; write \[OrderType.STOP\]"),
        ({"order_types": ["STOP"]}, "'STOP' is of type str; it must be of type OrderType"),
        ({"times_in_force": [STOP]}, "of type OrderType; it must be of type TimeInForce"),
        ({"features": [3]}, "3 is of type int"),
        ({"mode": "LIVE"}, "mode 'LIVE' is not known; modes are BACKTEST_PARALLEL, BACKTEST_SINGLE, LIVE_TRADING"),
    ],
)
def test_what_makes_no_sense_is_refused_rather_than_called_missing(wanted: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        require(Box(LIT), **wanted)


# --- combinations ---


def test_a_chain_can_do_what_all_of_it_can() -> None:
    both = LIT & DARK
    assert both == LIT.intersection(DARK) == DARK & LIT
    assert both == Capabilities([MARKET, LIMIT], [IOC], [], ["BACKTEST_SINGLE"])


def test_one_of_several_can_do_what_any_of_them_can() -> None:
    either = LIT | DARK
    assert either == LIT.union(DARK) == DARK | LIT
    assert either == Capabilities([MARKET, LIMIT, STOP], [DAY, IOC], ["displayed", "hidden", "post_only"], MODES)


def test_what_one_lacks_and_nothing_else_is_the_difference() -> None:
    assert LIT.without(DARK) == Capabilities(
        [STOP], [DAY], ["displayed", "post_only"], ["BACKTEST_PARALLEL", "OPTIMIZATION"]
    )
    assert not LIT.without(LIT | DARK)


def test_words_of_ones_own_may_be_features() -> None:
    both = Capabilities(features=["mine", "hidden"]) & Capabilities(features=["mine"])
    assert both.features == {"mine"}


# --- what venues claim, against what they do ---


def orders() -> Iterator[tuple[NewOrder, frozenset[str]]]:
    """Every kind of order that makes sense, resting or passing, with the features that it uses."""
    count = 0
    flags = (False, True)
    pegs = [(None, 0), *product(PegType, (0, -1))]
    for order_type, tif, hidden, post_only, slide in product(OrderType, TimeInForce, flags, flags, flags):
        for shown, least, (peg, offset) in product((None, 10), (None, 10), pegs):
            terms = OrderTerms(
                stop_ticks=90 if order_type.is_stop else None,
                trail_ticks=5 if order_type is OrderType.TRAILING_STOP else None,
                peg=peg, peg_offset_ticks=offset, min_quantity=least, price_slide=slide,
                expire_ns=3600 * 1000 * MS if tif is TimeInForce.GTD else None,
            )  # fmt: skip
            if contradiction(order_type, tif, shown, hidden, post_only, terms) is not None:
                continue
            price = 98 if order_type.has_price else None
            # what acts as a market order never rests
            rests = tif.may_rest and order_type not in (MARKET, STOP, OrderType.TRAILING_STOP)
            uses = {
                "displayed": rests and not hidden and shown is None,
                "hidden": hidden,
                "display_quantity": shown is not None,
                "post_only": post_only,
                "price_slide": slide,
                "min_quantity": least is not None and not rests,
                "resting_min_quantity": least is not None and rests,
                "peg_primary": peg is PegType.PRIMARY,
                "peg_market": peg is PegType.MARKET,
                "peg_midpoint": peg is PegType.MIDPOINT,
                "peg_offset": offset != 0,
            }
            count += 1
            sent = NewOrder(f"o{count}", -1, 20, order_type, price, tif, shown, hidden, post_only, "TEST", terms)
            yield sent, frozenset(name for name, used in uses.items() if used)


def lit_venue(**rules: Any) -> tuple[Scene, Venue]:
    scene = make_scene(bids=[(97, [50])], **rules)
    return scene, scene.venue


def dark_pool() -> tuple[Scene, Venue]:
    scene = make_scene(bids=[(97, [50])])
    market = MidpointMarket("XDRK", best_of(scene.market.book))
    hours = TradingHours(0, 3600 * 1000 * MS)
    return scene, Venue(scene.sim, "XDRK", Instrument("TEST", "0.01"), market, hours, service=Constant(0))


PLACES = {"lit": lit_venue, "pro rata": lambda: lit_venue(matching="pro_rata"), "dark": dark_pool}


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> tuple[Scene, Venue]:
    return PLACES[request.param]()


def test_a_venue_takes_exactly_the_orders_that_it_claims(place: tuple[Scene, Venue]) -> None:
    scene, venue = place
    claimed, sender = capabilities(venue), Participant(scene.sim, venue, "sender")
    taken = Capabilities()
    kinds = list(orders())
    for order, uses in kinds:
        sender.request(order)
        scene.run(scene.sim.now + 1)
        first = next(report for report in sender.take() if report.order_id == order.order_id)
        needs = Capabilities([order.order_type], [order.tif], uses)
        if needs.without(claimed):
            assert first.exec_type is ExecType.REJECTED, order
            assert first.reason is RejectReason.UNSUPPORTED_ORDER_CHARACTERISTIC, order
        else:
            assert first.exec_type is ExecType.NEW, (order, first.text)
            taken |= needs
    # each claim has been made good by some order, and all kinds of orders there are have been tried
    requests = Capabilities(features=["replace", "mass_cancel"], modes=claimed.modes)
    assert taken | requests == claimed
    assert {name for _, uses in kinds for name in uses} | requests.features == FEATURES
    assert {order.order_type for order, _ in kinds} == set(OrderType)
    assert {order.tif for order, _ in kinds} == set(TimeInForce)


def test_a_venue_takes_the_requests_that_it_claims(place: tuple[Scene, Venue]) -> None:
    scene, venue = place
    require(venue, features=["replace", "mass_cancel"], order_types=[LIMIT], times_in_force=[DAY])
    sender = Participant(scene.sim, venue, "sender")
    sender.request(NewOrder("a", -1, 20, LIMIT, 105, DAY, hidden=True, symbol="TEST"))
    sender.replace("a", 10, 106)
    sender.cancel_all("all")
    scene.run(1)
    assert [report.exec_type for report in sender.reports] == [ExecType.NEW, ExecType.REPLACED, ExecType.CANCELED]
    assert [answer.cancelled for answer in sender.mass_cancels] == [1]


def test_a_venue_works_in_every_mode(place: tuple[Scene, Venue]) -> None:
    assert place[1].capabilities.modes == MODES
    require(place[1], mode="LIVE_TRADING")


def test_a_venue_with_lit_and_dark_books_claims_what_both_take() -> None:
    _, dark = dark_pool()
    scene, lit = lit_venue()
    alone = lit.capabilities
    lit.list(Instrument("LIT", "0.01"), make_market("LIT", [(99, [10])]))
    assert lit.capabilities == alone
    lit.list(Instrument("DARK", "0.01"), MidpointMarket("DARK", best_of(scene.market.book)))
    assert lit.capabilities == alone & dark.capabilities
    assert "displayed" not in lit.capabilities.features
    assert "resting_min_quantity" not in lit.capabilities.features
