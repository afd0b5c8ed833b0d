"""A pair trade: two stocks whose difference in price comes back, each leg sized by risk and worked by an algorithm.

    python scenarios/pair_trade.py [--seed 3] [--minutes 60]

When AAA is dear against BBB, it sells AAA and buys BBB; when it is cheap, the other way round. Both legs are worked at once, by
TWAP, for two minutes. At the end what is held is closed. The two markets know nothing of each other, so there is nothing to earn
here but noise: the script shows how the parts work together.
"""

from __future__ import annotations

import argparse
from collections import deque
from statistics import fmean, pstdev

from simexec import Scenario
from simexec.algos import TWAP
from simexec.execution import FixedQuantity, ParentExecution, Proposal
from simexec.execution.parent import work
from simexec.experiments.build import World, build
from simexec.sim import minutes
from simexec.trading.events import Signal
from simexec.trading.money import to_decimal
from simexec.trading.order import Order
from simexec.trading.vocabulary import OrderSide

FLOW = {
    "type": "zero_intelligence",
    "start_price": 100,
    "cancel_rate_per_s": 0.25,
    "market_size": {"type": "geometric", "mean": 50},
}
SCENARIO = {
    "name": "pair-trade",
    "instrument": {"symbol": "AAA"},
    "session": {"open": "09:30:00", "close": "11:00:00"},
    "flow": FLOW,
    "venue": {"name": "XONE", "fees": {"taker_per_share": "0.003", "maker_per_share": "-0.002"}},
    "markets": [{"venue": {"name": "XONE"}, "instrument": {"symbol": "BBB"}, "flow": FLOW}],
    "order": {"side": "buy", "quantity": 1},
    "risk": {"allow_short": True, "max_position": 2_000, "max_leverage": 2},
    "circuit_breaker": {"max_drawdown": 0.01},
}
SIGMAS, LOOKS = 1.5, 60


class PairTrade:
    """Looks at both mid-points every ten seconds, and holds at most one position in their difference."""

    def __init__(self, world: World) -> None:
        assert world.risk is not None
        self.world, self.risk = world, world.risk
        self.risk.sizing = FixedQuantity(shares=500)
        self.legs: list[Order] = []

    def mid(self, symbol: str) -> float | None:
        """Mid-point of an instrument in ticks, as seen from here."""
        quote = self.world.view_of(symbol).quote()
        if quote is None or quote.bid is None or quote.ask is None:
            return None
        return (quote.bid + quote.ask) / 2 / self.world.instrument.subticks

    async def trade(self, symbol: str, side: OrderSide, quantity: int) -> None:
        """Work a leg; risk may refuse it."""
        world = self.world
        parent = await world.manager.create_order(symbol, side, quantity, venue="XONE")
        rng = world.sim.rng(f"leg.{len(self.legs)}")
        self.legs.append(parent)
        execution = ParentExecution(
            world.sim, world.manager, parent, world.view_of(symbol), rng, world.sim.now + minutes(2)
        )  # fmt: skip
        await work(execution, world.manager, TWAP(slices=6))

    async def both(self, aaa: OrderSide) -> None:
        """Trade both legs at once, as large as risk sizes them."""
        signals = [Signal("AAA", aaa), Signal("BBB", aaa.opposite)]
        sized = [self.risk.size(signal) for signal in signals]
        found = [one for one in sized if isinstance(one, Proposal)]
        if len(found) < len(sized) or None in (self.mid("AAA"), self.mid("BBB")):
            return  # half a pair is none
        await self.world.sim.all_of(
            [self.world.sim.process(self.trade(one.instrument.symbol, one.side, one.quantity)) for one in found]
        )
        naked = self.world.portfolio.position("AAA") + self.world.portfolio.position("BBB")
        if naked:  # a leg was refused or not filled: the other one is cut back to it
            symbol = max(("AAA", "BBB"), key=lambda name: abs(self.world.portfolio.position(name)))
            await self.trade(symbol, OrderSide.SELL if naked > 0 else OrderSide.BUY, abs(naked))

    async def run(self, end_ns: int) -> None:
        """Watch the difference until a time; then close what is held."""
        seen: deque[float] = deque(maxlen=LOOKS)
        await self.world.sim.timeout(self.world.hours.open_ns + minutes(1))
        while self.world.sim.now < end_ns:
            first, second = self.mid("AAA"), self.mid("BBB")
            if first is not None and second is not None:
                seen.append(first - second)
            if len(seen) == LOOKS and (sigma := pstdev(seen)) > 0:
                dear, held = (seen[-1] - fmean(seen)) / sigma, self.world.portfolio.position("AAA")
                if dear > SIGMAS and held >= 0:
                    await self.both(OrderSide.SELL)
                elif dear < -SIGMAS and held <= 0:
                    await self.both(OrderSide.BUY)
            await self.world.sim.timeout("10s")
        held = {symbol: self.world.portfolio.position(symbol) for symbol in ("AAA", "BBB")}
        for symbol, quantity in held.items():
            if quantity:
                await self.trade(symbol, OrderSide.SELL if quantity > 0 else OrderSide.BUY, abs(quantity))


def simulate(seed: int, length: int) -> PairTrade:
    """A pair trade that has been run for so many minutes."""
    world = build(Scenario.from_dict({**SCENARIO, "seed": seed}))
    pair = PairTrade(world)
    with world.sim:
        world.sim.run(pair.run(world.hours.open_ns + minutes(length)))
    world.portfolio.check()
    return pair


def main() -> None:
    """Simulate and print a table of the legs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--minutes", type=int, default=60)
    args = parser.parse_args()
    pair = simulate(args.seed, args.minutes)
    portfolio, currency = pair.world.portfolio, pair.world.instrument.currency
    print(f"{'leg':<6}{'side':<6}{'asked':>8}{'filled':>8}{'average':>12}  end")
    for leg in pair.legs:
        average = "-" if leg.average_price is None else f"{leg.average_price:.4f}"
        shares, end = f"{leg.quantity:>8,}{leg.filled_quantity:>8,}", f"{leg.status.name} {leg.reason}"
        print(f"{leg.symbol:<6}{leg.side.name:<6}{shares}{average:>12}  {end}".rstrip())
    profit = to_decimal(pair.risk.equity(currency) - portfolio.initial_cash[currency], currency)
    fees = to_decimal(portfolio.fees[currency], currency)
    held = " and ".join(f"{portfolio.position(symbol):,} {symbol}" for symbol in ("AAA", "BBB"))
    print(
        f"\nheld {held}; profit {profit:,.2f} {currency}, fees {fees:,.2f}; reserved {sum(portfolio.reserved.values())}"
    )


if __name__ == "__main__":
    main()
