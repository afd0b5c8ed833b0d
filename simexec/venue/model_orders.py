"""Orders at a venue without a book, what becomes of them, and the price that models make of a market price."""

from __future__ import annotations

import hashlib
import math
from typing import Final

import attrs
import numpy as np

from simexec.errors import InputError
from simexec.models.impact import ImpactModel
from simexec.models.slippage import SlippageModel, Trade
from simexec.trading.instrument import Instrument
from simexec.trading.vocabulary import OrderSide

FILLED: Final = "filled"
ELECTED: Final = "elected"
CANCELLED: Final = "cancelled"

INCOMPLETE: Final = "cannot be filled in full at once"
MINIMUM: Final = "cannot be filled to its minimum quantity at once"
IMMEDIATE: Final = "the rest of an immediate-or-cancel order"


@attrs.define(eq=False, slots=True)
class ModelOrder:
    """A live order; prices in quanta.

    Attributes:
        number: rising with the order of acceptance.
        owner: whose it is.
        side: +1 buys, -1 sells.
        leaves: what is left of it.
        limit: worst price, None at the market.
        stop: price that elects it, None when there is none or it was elected.
        arrived: when it, or the change that cost it its place, reached the venue.
        immediate: what cannot trade at once is cancelled; ``complete``: unless all of it can, nothing trades.
        minimum: least quantity to trade at once, 0 for none.
    """

    number: int
    owner: int
    order_id: str
    side: int
    leaves: int
    limit: int | None
    stop: int | None
    arrived: int
    immediate: bool = False
    complete: bool = False
    minimum: int = 0


@attrs.frozen
class Outcome:
    """Something that became of an order.

    Attributes:
        kind: FILLED, ELECTED or CANCELLED.
        time_ns: when.
        price: of the fill, in quanta; ``base``: the market price or limit that it started from.
        maker: the order's own limit was the price.
        text: why it was cancelled.
    """

    kind: str
    order: ModelOrder
    time_ns: int
    quantity: int = 0
    price: int = 0
    base: int = 0
    maker: bool = False
    text: str = ""


@attrs.frozen
class Source:
    """What a fill is taken from.

    Attributes:
        time_ns: when.
        volume: of the bar, size of the quote or of the trade.
        spread: of the quote in quanta; 0 of a bar.
        seconds: length of the bar; 0.0 of a quote.
    """

    time_ns: int
    volume: int
    spread: int = 0
    seconds: float = 0.0


class Pricing:
    """Turns a market price into the price of a fill, always against the trader, and remembers our lasting impact.

    What we bought moves the price up for what we buy later, never for what we sell: impact cannot make a fill better than
    the data.

    Args:
        instrument: for its price quantum.
        slippage: what it adds; None nothing.
        impact: what our trades do to prices; None nothing.
    """

    def __init__(self, instrument: Instrument, slippage: SlippageModel | None, impact: ImpactModel | None) -> None:
        self._instrument = instrument
        self._quantum = float(instrument.quantum)
        self._slippage = slippage
        self._impact = impact
        self._moved = 0.0  # money a share, above 0 after buying
        self._moved_at = 0

    def _decayed(self, now: int) -> float:
        half_life = None if self._impact is None else self._impact.half_life_ns
        if half_life is None or self._moved == 0:
            return self._moved
        return float(self._moved * 0.5 ** ((now - self._moved_at) / half_life))

    def _against(self, side: int, now: int) -> float:
        return max(0.0, side * self._decayed(now))

    def shift(self, side: int, now: int) -> int:
        """By how many quanta our own trades have moved the market against an order of this side."""
        return self._up(self._against(side, now)) if self._moved else 0

    def _up(self, money: float) -> int:
        """Quanta, rounded up but for what is only the float's own error."""
        return math.ceil(money / self._quantum - 1e-6)

    def fill(self, order: ModelOrder, quantity: int, base: int, source: Source, *, shifted: bool) -> int:
        """Price in quanta of a fill that starts from ``base`` and gives way to slippage and impact, but not past the limit.

        Args:
            order: that trades.
            quantity: how much of it.
            base: price in quanta to start from.
            source: what it is taken from.
            shifted: whether ``base`` is a price of the data, to which our earlier impact is to be added.

        Raises:
            InputError: a model's answer is negative or no number.
        """
        worse = self._against(order.side, source.time_ns) if shifted else 0.0
        price, volume = base * self._quantum, float(source.volume)
        if self._slippage is not None or self._impact is not None:
            trade = self._trade(order, quantity, source)
            if self._slippage is not None:
                spread = source.spread * self._quantum
                worse += _checked(self._slippage, self._slippage.calculate_slippage(trade, price, volume, spread))
            if self._impact is not None:
                worse += _checked(self._impact, price * self._impact.temporary(trade, volume))
                worse += self._move(trade, price, source) / 2
        final = max(base + order.side * self._up(worse), 1)
        if order.limit is None:
            return final
        return min(final, order.limit) if order.side > 0 else max(final, order.limit)

    def rested(self, order: ModelOrder, quantity: int, price: int, source: Source) -> None:
        """A fill at an order's own limit: its price is what it is, but it moves the market too."""
        if self._impact is not None:
            self._move(self._trade(order, quantity, source), price * self._quantum, source)

    def _trade(self, order: ModelOrder, quantity: int, source: Source) -> Trade:
        side = OrderSide.of_sign(order.side)
        return Trade(order.order_id, self._instrument.symbol, side, float(quantity), source.seconds)

    def _move(self, trade: Trade, price: float, source: Source) -> float:
        """Remember the lasting move that a trade makes, and return its size in money."""
        assert self._impact is not None
        step = _checked(self._impact, price * self._impact.lasting(trade, float(source.volume)))
        self._moved = self._decayed(source.time_ns) + trade.side.sign * step
        self._moved_at = source.time_ns
        return step


def _checked(model: object, worse: float) -> float:
    try:
        fine = math.isfinite(worse) and worse >= 0
    except TypeError:
        fine = False
    if not fine:
        raise InputError(f"{type(model).__name__} answered {worse!r}; a price moves by a finite amount from 0 up")
    return worse


def probability(value: float) -> float:
    """A probability that an order at the touch is reached; InputError if it is none."""
    if isinstance(value, bool) or not 0 <= value <= 1:
        raise InputError(f"touch fill probability {value!r} must be from 0 to 1")
    return float(value)


class TouchDraws:
    """Whether a trade at exactly an order's limit reached the order.

    One draw for each row of the data, side and price, computed from the venue's key and these alone. So orders at one price
    share their fate, splitting an order gains nothing, and another order more changes nobody's draws.

    Args:
        rng: the venue's own stream, from which the key is taken.
        probability: that an order at the touch is reached.

    Attributes:
        touches: draws looked at; ``fills``: those that said yes.
    """

    def __init__(self, rng: np.random.Generator, probability: float) -> None:
        self._key = rng.bytes(16)
        self._bound = round(probability * 2**64)
        self.touches = self.fills = 0

    def reached(self, time_ns: int, side: int, price: int) -> bool:
        """The draw of a row of this time."""
        data = b"%d %d %d" % (time_ns, side, price)
        draw = int.from_bytes(hashlib.blake2b(data, digest_size=8, key=self._key).digest(), "big")
        reached = draw < self._bound
        self.touches += 1
        self.fills += reached
        return reached


def take(order: ModelOrder, available: int) -> tuple[int, str]:
    """How much of what is available an order takes, and, if it takes nothing for that, the reason to cancel it."""
    quantity = min(order.leaves, available)
    if order.complete and quantity < order.leaves:
        return 0, INCOMPLETE
    if quantity < order.minimum:
        return 0, MINIMUM
    return quantity, ""
