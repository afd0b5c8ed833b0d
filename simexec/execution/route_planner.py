"""Dividing an order over venues by what is seen of them: what to take where, what to rest where, what to try in the dark."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from simexec.errors import OrderError
from simexec.execution.absences import Absences
from simexec.execution.cont_kukanov import ExponentialOutflow, Placement, Queue, Split, split
from simexec.execution.dark_allocation import FillTail, allocate
from simexec.execution.footprint import Footprint
from simexec.execution.route import Leg, Place
from simexec.execution.router_settings import Resting, RouterSettings
from simexec.execution.sweep import Levels, all_in_cost, sweep
from simexec.market.order_book import Quote
from simexec.models.fees import MakerTakerFees
from simexec.sim import Simulation
from simexec.sim.clock import SECOND
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.vocabulary import OrderSide, TimeInForce

_MANY = 10**6
_FOK, _IOC, _DAY, _GTC = TimeInForce.FOK, TimeInForce.IOC, TimeInForce.DAY, TimeInForce.GTC

Quotes = Mapping[str, Quote]
"""By venue."""


class RoutePlanner:
    """Makes legs; sends nothing.

    Args:
        sim: the simulation.
        places: by symbol and venue.
        settings: of the router.
        latency: expected one-way latency (ns) of an order to a venue.
        absences: markets to leave out.
        footprint: what our orders have done to the quotes.
    """

    def __init__(
        self,
        sim: Simulation,
        places: Mapping[str, Mapping[str, Place]],
        settings: RouterSettings,
        latency: Callable[[str], float],
        absences: Absences,
        footprint: Footprint,
    ) -> None:
        self._sim = sim
        self._places = {symbol: dict(venues) for symbol, venues in places.items()}
        self._settings = settings
        self._latency = latency
        self._absences = absences
        self._footprint = footprint
        self._tails: dict[tuple[str, str, OrderSide], FillTail] = {}
        self._began = {
            (symbol, venue): (sim.now, place.view.traded_quantity())
            for symbol, venues in places.items()
            for venue, place in venues.items()
            if place.view is not None
        }

    # --- what is there ---------------------------------------------------------------------------------------------------

    def quotes(self, symbol: str) -> dict[str, Quote]:
        """What is seen now, by venue; venues of which nothing was seen yet are left out."""
        seen = {venue: place.view.quote() for venue, place in self._places[symbol].items() if place.view is not None}
        return {venue: quote for venue, quote in seen.items() if quote is not None}

    def fees(self, symbol: str) -> dict[str, MakerTakerFees]:
        """What venues charge."""
        return {venue: place.fees for venue, place in self._places[symbol].items()}

    def present(self, symbol: str, *, dark: bool) -> dict[str, Place]:
        """Places that are not left out now: dark pools, or those that show quotes."""
        return {
            venue: place
            for venue, place in self._places[symbol].items()
            if place.dark == dark and (dark or place.view is not None) and not self._out(symbol, venue)
        }

    def _out(self, symbol: str, venue: str) -> bool:
        return self._absences.is_out((symbol, venue), self._sim.now)

    def shown(self, order: Order, quotes: Quotes) -> dict[str, Levels]:
        """By venue, what an order could take of what is seen there, as far as our own orders have left it."""
        books: dict[str, Levels] = {}
        for venue, place in self.present(order.symbol, dark=False).items():
            quote = quotes.get(venue)
            if quote is not None:
                levels = _levels(place, quote, order.side)
                books[venue] = self._footprint.left(
                    order.symbol, venue, order.side, levels, quote.time_ns, self._sim.now
                )
        return books

    def doubted_until(self, order: Order, quotes: Quotes) -> int | None:
        """Until when some venue may still show within the order's limit what our own orders have taken; None: none does."""
        until = []
        for venue in self.present(order.symbol, dark=False):
            quote = quotes.get(venue)
            if quote is not None and self.reaches(order, quote):
                doubt = self._footprint.doubted_until(order.symbol, venue, order.side, quote.time_ns, self._sim.now)
                until += [] if doubt is None else [doubt]
        return max(until, default=None)

    def reaches(self, order: Order, quote: Quote) -> bool:
        """Whether a quote shows something within an order's limit."""
        far = quote.ask if order.side.sign > 0 else quote.bid
        limit = _limit(order)
        return far is not None and (limit is None or order.side.sign * far <= order.side.sign * limit)

    # --- plans -----------------------------------------------------------------------------------------------------------

    def takes(self, order: Order, quantity: int, quotes: Quotes) -> list[Leg]:
        """Take at once what is shown within the limit, at the least all-in cost."""
        books = self.shown(order, quotes)
        found = sweep(
            order.instrument, order.side, quantity, books, self.fees(order.symbol), _limit(order),
            {venue: self._latency(venue) for venue in books},
        )  # fmt: skip
        return [
            Leg(
                take.venue, take.quantity, self._ticks(order, take.price), _IOC, "take", take.levels, quotes[take.venue]
            )
            for take in found
        ]

    def all_or_none(self, order: Order, quantity: int, quotes: Quotes) -> Leg:
        """The whole to the venue that shows enough at the least all-in cost.

        Raises:
            OrderError: no venue shows enough; several together cannot promise to fill all or nothing.
        """
        books, fees = self.shown(order, quotes), self.fees(order.symbol)
        costs = []
        for venue, levels in books.items():
            takes = sweep(order.instrument, order.side, quantity, {venue: levels}, fees, _limit(order))
            if takes and takes[0].quantity == quantity:
                cost = sum(
                    all_in_cost(order.instrument, order.side, size, price, fees[venue])
                    for price, size in takes[0].levels
                )
                costs.append((cost, self._latency(venue), venue, takes[0]))
        if not costs:
            most = max((sum(size for _, size in levels) for levels in books.values()), default=0)
            raise OrderError(
                f"order {order.order_id} is fill-or-kill of {quantity} and no one venue shows that much within its limit"
                f" (at most {most} at any price); several cannot promise all or nothing: use IOC, or name a venue"
            )
        _, _, venue, take = min(costs, key=lambda one: one[:3])
        return Leg(venue, quantity, self._ticks(order, take.price), _FOK, "all or none", take.levels, quotes[venue])

    def rests(self, order: Order, quantity: int, quotes: Quotes) -> list[Leg]:
        """Rest at the order's limit: all where makers pay least and the queue is shortest, or divided as Cont and Kukanov."""
        places = self.present(order.symbol, dark=False)
        limit = order.price_ticks
        if limit is None or not places:
            return []
        price = limit * order.instrument.subticks
        if self._settings.resting is Resting.CONT_KUKANOV and any(venue in quotes for venue in places):
            problem, venues = self._placement(order, quantity, quotes, price)
            shares = dict(zip(venues, split(problem, at_most=0.0).limits, strict=True))
        else:
            shares = {min(places, key=lambda venue: self._patience(order, venue, price, quotes)): float(quantity)}
        return self._resting_legs(order, quantity, shares, limit, quotes)

    def rests_and_takes(self, order: Order, quantity: int, quotes: Quotes) -> tuple[list[Leg], int]:
        """Of an order that could take all: legs that rest at the best near touch, and the shares that should take now."""
        near = [quote.bid if order.side.sign > 0 else quote.ask for quote in quotes.values()]
        far = [quote.ask if order.side.sign > 0 else quote.bid for quote in quotes.values()]
        best_near = max((order.side.sign * price for price in near if price is not None), default=None)
        best_far = min((order.side.sign * price for price in far if price is not None), default=None)
        if best_near is None or best_far is None or best_far <= best_near:
            return [], quantity
        price = order.side.sign * best_near
        problem, venues = self._placement(order, quantity, quotes, price, best_far - best_near)
        divided: Split = split(problem)
        rested = quantity - round(divided.market)
        shares = dict(zip(venues, divided.limits, strict=True))
        legs = self._resting_legs(order, rested, shares, self._ticks(order, price), quotes)
        return legs, quantity - sum(leg.quantity for leg in legs)

    def in_the_dark(self, order: Order, quantity: int, quotes: Quotes) -> list[Leg]:
        """Divide everything among the dark pools by what they are expected to take, no worse than the best price seen.

        Nothing goes there if the middle of the best prices lies beyond the order's limit.
        """
        pools = self.present(order.symbol, dark=True)
        unit, sign = self._unit(order.instrument), order.side.sign
        units = -(-quantity // unit)
        bid = max((quote.bid for quote in quotes.values() if quote.bid is not None), default=None)
        ask = min((quote.ask for quote in quotes.values() if quote.ask is not None), default=None)
        limit, middle = order.price_ticks, None
        if bid is not None and ask is not None:
            middle, far = (bid + ask) // 2, self._ticks(order, ask if sign > 0 else bid)
            if limit is None or sign * far < sign * limit:
                limit = far
            elif sign * middle > sign * limit * order.instrument.subticks:
                return []
        given = allocate(units, {pool: self.tail(order.symbol, pool, order.side).tails(units) for pool in pools})
        legs = []
        for pool, count in sorted(given.items(), key=lambda one: (-one[1], one[0])):
            size = min(count * unit, quantity)
            if size:
                quantity -= size
                legs.append(Leg(pool, size, limit, _IOC, "dark", () if middle is None else ((middle, size),)))
        return legs

    # --- dark pools ------------------------------------------------------------------------------------------------------

    def tail(self, symbol: str, pool: str, side: OrderSide) -> FillTail:
        """What is known of a pool's fills of one side."""
        key = symbol, pool, side
        if key not in self._tails:
            self._tails[key] = FillTail(self._settings.dark_observations)
        return self._tails[key]

    def learn(self, order: Order) -> None:
        """Take in what a dark pool made of an order, now that it has ended there."""
        assert order.venue is not None
        filled = order.filled_quantity // self._unit(order.instrument)
        # A fill in full says no more than that so much was there; anything less is all that was.
        sent = filled if order.filled_quantity == order.quantity else filled + 1
        if sent:
            self.tail(order.symbol, order.venue, order.side).learn(sent, filled)

    def _unit(self, instrument: Instrument) -> int:
        return max(self._settings.dark_unit // instrument.lot, 1) * instrument.lot

    # --- parts -----------------------------------------------------------------------------------------------------------

    def _ticks(self, order: Order, price: int) -> int:
        """A price in whole ticks, rounded so that it is reached."""
        subticks = order.instrument.subticks
        return -(-price // subticks) if order.side.sign > 0 else price // subticks

    def _patience(self, order: Order, venue: str, price: int, quotes: Quotes) -> tuple[int, int, float, str]:
        """What makes a venue the worse to rest at: its makers' fee, the queue, the way there; then its name."""
        fee = _fee(self._places[order.symbol][venue].fees, order, price, maker=True)
        return fee, _ahead(order, quotes.get(venue), price), self._latency(venue), venue

    def _placement(
        self, order: Order, quantity: int, quotes: Quotes, price: int, spread: int = 0
    ) -> tuple[Placement, list[str]]:
        """The problem of Cont and Kukanov in ticks a share, for the venues that are present; ``price`` is where one rests."""
        instrument, subticks = order.instrument, order.instrument.subticks
        venues = [venue for venue in self.present(order.symbol, dark=False) if venue in quotes]
        tick = abs(instrument.notional(_MANY, price + subticks) - instrument.notional(_MANY, price))
        far = price + order.side.sign * spread
        fees = {venue: self._places[order.symbol][venue].fees for venue in venues}
        half, taker = (
            spread / (2 * subticks),
            min(_fee(fees[venue], order, far, maker=False) for venue in venues) / tick,
        )
        queues = [
            Queue(
                _ahead(order, quotes[venue], price),
                -_fee(fees[venue], order, price, maker=True) / tick,
                ExponentialOutflow(self._outflow(order.symbol, venue)),
            )
            for venue in venues
        ]
        missing = max(0.0, half + taker) + self._settings.underfill_ticks
        return (
            Placement(
                quantity=quantity, half_spread=half, taker_fee=taker, queues=queues, underfill_penalty=missing
            ),
            venues,
        )  # fmt: skip

    def _outflow(self, symbol: str, venue: str) -> float:
        """Shares that are expected to trade on one side within the horizon: half of what was seen to, at the same rate."""
        place = self._places[symbol][venue]
        began, before = self._began[symbol, venue]
        assert place.view is not None
        traded, seconds = place.view.traded_quantity() - before, (self._sim.now - began) / SECOND
        return traded / 2 * self._settings.horizon / SECOND / seconds if seconds > 0 else 0.0

    def _resting_legs(
        self, order: Order, quantity: int, shares: Mapping[str, float], ticks: int, quotes: Quotes
    ) -> list[Leg]:
        """Legs in whole lots that add up to the quantity, as near to their shares as can be: largest remainders first."""
        lot, total = order.instrument.lot, sum(shares.values())
        lots = quantity // lot
        if not lots or total <= 0:
            return []
        exact = {venue: share / total * lots for venue, share in shares.items()}
        given = {venue: int(share) for venue, share in exact.items()}
        rest = sorted(given, key=lambda venue: (given[venue] - exact[venue], venue))
        for venue in rest[: lots - sum(given.values())]:
            given[venue] += 1
        life = order.time_in_force if order.time_in_force in (_DAY, _GTC) else _DAY
        price = ticks * order.instrument.subticks
        return [
            Leg(venue, count * lot, ticks, life, "rest", ((price, count * lot),), quotes.get(venue))
            for venue, count in given.items()
            if count
        ]


def stagger_legs(legs: list[Leg], delays: Mapping[str, int]) -> tuple[Leg, ...]:
    """Legs with their delays, in the order in which they are sent."""
    staggered = [attrs.evolve(leg, delay_ns=delays.get(leg.venue, 0)) for leg in legs]
    return tuple(sorted(staggered, key=lambda leg: leg.delay_ns))


def _limit(order: Order) -> int | None:
    return None if order.price_ticks is None else order.price_ticks * order.instrument.subticks


def _levels(place: Place, quote: Quote, side: OrderSide) -> list[tuple[int, int]]:
    """What is seen of the other side: as deep as the view looks, or the best price."""
    if getattr(place.view, "depth_levels", 0):
        seen = [(price, size) for price, size, _ in place.view.depth(side.opposite)]  # type: ignore[union-attr]
        if seen:
            return seen
    price, size = (quote.ask, quote.ask_size) if side.sign > 0 else (quote.bid, quote.bid_size)
    return [] if price is None else [(price, size)]


def _ahead(order: Order, quote: Quote | None, price: int) -> int:
    """Shares that would stand ahead at a price, as far as the quote tells."""
    if quote is None:
        return 0
    near, size = (quote.bid, quote.bid_size) if order.side.sign > 0 else (quote.ask, quote.ask_size)
    return size if near is not None and order.side.sign * near >= order.side.sign * price else 0


def _fee(fees: MakerTakerFees, order: Order, price: int, *, maker: bool) -> int:
    """What many shares are charged, in money units."""
    return fees.fee(_MANY, order.instrument.notional(_MANY, price), maker)
