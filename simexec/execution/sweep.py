"""Taking what several venues show at the least all-in cost: price plus fee, rebates deducted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from simexec.models.fees import MakerTakerFees
from simexec.trading.instrument import Instrument
from simexec.trading.vocabulary import OrderSide

Levels = Sequence[tuple[int, int]]
"""Prices in quanta with their sizes, the best first."""

_MANY = 10**6


@attrs.frozen
class Take:
    """What to take at one venue.

    Attributes:
        levels: prices (quanta) and quantities that are expected to trade, the best first.
    """

    venue: str
    levels: tuple[tuple[int, int], ...]

    @property
    def quantity(self) -> int:
        """Shares of all levels."""
        return sum(quantity for _, quantity in self.levels)

    @property
    def price(self) -> int:
        """The worst price that is needed, in quanta."""
        return self.levels[-1][0]


def all_in_cost(
    instrument: Instrument, side: OrderSide, quantity: int, price: int, fees: MakerTakerFees, *, maker: bool = False
) -> int:
    """What a trade costs in money units: what is paid (of a sale, minus what is received) plus the fee, rounded up.

    ``price`` is in quanta.
    """
    fee = fees.fee(quantity, instrument.notional(quantity, price, side.sign), maker)
    return fee - instrument.cash_flow(side.sign, quantity, price)


def sweep(
    instrument: Instrument,
    side: OrderSide,
    quantity: int,
    books: Mapping[str, Levels],
    fees: Mapping[str, MakerTakerFees],
    limit: int | None = None,
    latencies: Mapping[str, float] | None = None,
) -> list[Take]:
    """Where to send how much so that the expected all-in cost is least, as far as the quantity and the limit go.

    The cheapest shares are taken one after another, which is best since every share's cost stands by itself. Of equal
    costs the venue that is reached sooner comes first, then the first by name. Sizes are cut to whole lots.

    Args:
        instrument: what is traded.
        side: of the taker.
        quantity: in shares or contracts.
        books: by venue, what is seen of the side that is taken from.
        fees: by venue.
        limit: worst price (quanta), before fees; None: any.
        latencies: by venue, to break ties; None: all alike.

    Returns:
        By venue, in the order in which their first shares were chosen; together less than the quantity if less is seen.
    """
    latencies = latencies or {}
    # The cost of many shares at once, so that what one share's fee is rounded by decides nothing.
    ranked = sorted(
        (all_in_cost(instrument, side, _MANY, price, fees[venue]), latencies.get(venue, 0.0), venue, price, size)
        for venue, levels in books.items()
        for price, size in levels
        if limit is None or side.sign * price <= side.sign * limit
    )
    taken: dict[str, list[tuple[int, int]]] = {}
    for _, _, venue, price, size in ranked:
        share = min(size, quantity)
        share -= share % instrument.lot
        if share > 0:
            taken.setdefault(venue, []).append((price, share))
            quantity -= share
    return [Take(venue, tuple(sorted(levels, key=lambda one: side.sign * one[0]))) for venue, levels in taken.items()]
