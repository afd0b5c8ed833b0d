"""A market maker at two venues, with risk limits, a circuit breaker, and a router that hedges.

    python scenarios/market_maker.py [--seed 7] [--minutes 20]

It keeps a post-only bid and offer at the touch of each exchange of scenarios/two_venues.yaml, leans against what it holds, and
sends what is too much through the router. It sees the markets only through its views, and every fill late.
"""

from __future__ import annotations

import argparse
from decimal import Decimal
from pathlib import Path

from simexec import load_scenario
from simexec.execution import ParentExecution
from simexec.execution.parent import work
from simexec.experiments.build import World, build
from simexec.sim import minutes
from simexec.trading.money import to_decimal
from simexec.trading.order import Order
from simexec.trading.vocabulary import OrderSide, OrderType

SCENARIO = Path(__file__).parent / "two_venues.yaml"
VENUES, CLIP, TOO_MUCH = ("ALFA", "BETA"), 100, 300
GUARDS = {
    "risk": {"allow_short": True, "max_position": 350, "max_leverage": 4},
    "circuit_breaker": {"max_loss": 5_000, "max_failed_orders_per_minute": 100},
    "router": {},
}


class MarketMaker:
    """Quotes both sides at every venue, and looks again every half a second."""

    def __init__(self, world: World) -> None:
        self.world, self.quotes = world, dict[tuple[str, OrderSide], Order]()
        self.all_quotes: list[Order] = []
        self.hedges: list[Order] = []

    @property
    def held(self) -> int:
        """Shares held; negative when short."""
        return self.world.portfolio.position("DEMO")

    def price(self, venue: str, side: OrderSide) -> int | None:
        """The near touch in ticks, a tick further away once too much is held on that side."""
        quote = self.world.views[venue].quote()
        touch = None if quote is None else (quote.bid if side is OrderSide.BUY else quote.ask)
        if touch is None:
            return None
        lean = max(0, side.sign * self.held) // TOO_MUCH
        return touch // self.world.instrument.subticks - side.sign * lean

    async def quote(self, venue: str, side: OrderSide) -> None:
        """Have one order of a side at a venue, at the price of the moment."""
        price, working = self.price(venue, side), self.quotes.get((venue, side))
        if working is not None and not working.is_final:
            if price != working.price_ticks:
                self.world.manager.cancel(working)
            return  # a new one when the cancel is answered
        if price is None or abs(self.held) > 3 * TOO_MUCH:
            return
        limit = self.world.instrument.price_of_ticks(price)
        order = await self.world.manager.create_order(
            "DEMO", side, CLIP, OrderType.LIMIT, limit, post_only=True, venue=venue
        )  # fmt: skip
        self.world.manager.submit(order)
        self.quotes[venue, side] = order
        self.all_quotes.append(order)

    async def hedge(self) -> None:
        """Send what is beyond the limit through the router, and wait for it."""
        world, side = self.world, OrderSide.SELL if self.held > 0 else OrderSide.BUY
        order = await world.manager.create_order("DEMO", side, abs(self.held) - TOO_MUCH // 2)
        rng = world.sim.rng(f"hedge.{len(self.hedges)}")
        end_ns = world.sim.now + minutes(1)
        assert world.router is not None
        execution = ParentExecution(world.sim, world.manager, order, world.view_of("DEMO"), rng, end_ns)
        self.hedges.append(await work(execution, world.manager, world.router))

    async def run(self, end_ns: int) -> None:
        """Quote until a time; then cancel everything and wait for the answers."""
        world = self.world
        await world.sim.timeout(world.hours.open_ns + minutes(1))
        while world.sim.now < end_ns:
            for venue in VENUES:
                for side in OrderSide:
                    await self.quote(venue, side)
            if abs(self.held) > TOO_MUCH:
                await self.hedge()
            await world.sim.timeout("500ms")
        await world.manager.cancel_all()
        for order in self.all_quotes:
            await world.manager.wait_final(order)


def simulate(seed: int, length: int) -> MarketMaker:
    """A market maker that has worked for so many minutes."""
    world = build(load_scenario(SCENARIO, seed=seed).with_(GUARDS))
    maker = MarketMaker(world)
    with world.sim:
        world.sim.run(maker.run(world.hours.open_ns + minutes(length)))
    world.portfolio.check()
    return maker


def main() -> None:
    """Simulate and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--minutes", type=int, default=20)
    args = parser.parse_args()
    maker = simulate(args.seed, args.minutes)
    portfolio, currency = maker.world.portfolio, maker.world.instrument.currency
    assert maker.world.risk is not None
    assert maker.world.breaker is not None
    print(f"{'venue':<10}{'quotes':>8}{'filled':>10}{'refused':>9}")
    for venue in VENUES:
        orders = [order for order in maker.all_quotes if order.venue == venue]
        filled, refused = (
            sum(order.filled_quantity for order in orders),
            sum(order.status.name == "REJECTED" for order in orders),
        )
        print(f"{venue:<10}{len(orders):>8,}{filled:>10,}{refused:>9,}")
    hedged = sum(order.filled_quantity for order in maker.hedges)
    print(f"{'router':<10}{len(maker.hedges):>8,}{hedged:>10,}")
    profit = to_decimal(maker.world.risk.equity(currency) - portfolio.initial_cash[currency], currency)
    fees = to_decimal(portfolio.fees[currency], currency)
    print(
        f"\nheld {maker.held:,} shares; profit {profit:,.2f} {currency} after {Decimal(fees):,.2f} of fees (rebates are negative)"
    )
    print(f"circuit breaker {maker.world.breaker.state.name.lower()}")


if __name__ == "__main__":
    main()
