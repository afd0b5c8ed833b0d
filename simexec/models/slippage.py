"""Slippage: how much worse than the market price a model lets a fill be.

A model is called with plain floats and answers with an amount of money a share, zero or more; the venue without a
book adds it to what a buyer pays and takes it from what a seller gets, rounded against the trader, and never past an
order's limit. Any object with ``calculate_slippage`` is a model.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import attrs

from simexec.errors import InputError
from simexec.trading.vocabulary import OrderSide


def finite_from_zero(instance: object, attribute: attrs.Attribute[Any], value: float) -> None:
    """An attrs validator: a finite number from 0 up; InputError otherwise."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not (math.isfinite(value) and value >= 0):
        name = type(instance).__name__
        raise InputError(f"{attribute.name} of {name} is {value!r}; it must be a finite number from 0 up")


@attrs.frozen
class Trade:
    """The part of an order that trades now, as a model sees it.

    Attributes:
        order_id: of the order.
        symbol: what is traded.
        side: of the order.
        quantity: shares that trade now, not the order's whole quantity.
        seconds: length of the bar that they are taken from; 0.0 of a quote.
    """

    order_id: str
    symbol: str
    side: OrderSide
    quantity: float
    seconds: float = 0.0


class SlippageModel(Protocol):
    """What a slippage model offers.

    A model may also have a plain attribute ``needs_volume``: whether its answer depends on ``volume``. One that does not is of
    use where the volume is unknown. A model without the attribute counts as needing it, so whoever asks reads
    ``getattr(model, "needs_volume", True)``.
    """

    def calculate_slippage(self, order: Trade, market_price: float, volume: float, spread: float) -> float:
        """Money a share by which the fill is worse than the market price, zero or more.

        Args:
            order: what trades now.
            market_price: the price before slippage and impact, in the currency.
            volume: of the bar, or displayed size of the quote, in shares; above 0.
            spread: of the quote, in the currency; 0.0 of a bar, which does not know it.
        """


@attrs.frozen
class FixedSlippageModel:
    """Every fill is worse by the same fraction of its price.

    Args:
        rate: the fraction; 0.0005 is 5 bp.
    """

    rate: float = attrs.field(default=0.0005, validator=finite_from_zero)
    needs_volume: bool = attrs.field(default=False, init=False)

    def calculate_slippage(self, order: Trade, market_price: float, volume: float, spread: float) -> float:
        """See ``SlippageModel``."""
        return market_price * self.rate


@attrs.frozen
class VolumeSlippageModel:
    """Worse in proportion to the share of the volume that is taken: ``price * base_impact * quantity / volume``.

    Args:
        base_impact: fraction of the price for a trade as large as the volume.
    """

    base_impact: float = attrs.field(default=0.0001, validator=finite_from_zero)
    needs_volume: bool = attrs.field(default=True, init=False)

    def calculate_slippage(self, order: Trade, market_price: float, volume: float, spread: float) -> float:
        """See ``SlippageModel``."""
        return market_price * self.base_impact * order.quantity / volume


@attrs.frozen
class SquareRootSlippageModel:
    """The square-root law: ``price * coefficient * volatility * sqrt(quantity / volume)``.

    See Tóth et al., "Anomalous price impact and the critical nature of liquidity in financial markets", Physical Review
    X 1 (2011). The law is about a whole order over the time in which it trades. Applied to each trade by itself, as here, it
    charges an order that is worked evenly through n bars 1 / sqrt(n) of what it says of the whole.

    Args:
        coefficient: of order 1.
        volatility: standard deviation of returns over the time in which ``volume`` trades, as a fraction.
    """

    coefficient: float = attrs.field(default=1.0, validator=finite_from_zero)
    volatility: float = attrs.field(default=0.01, validator=finite_from_zero)
    needs_volume: bool = attrs.field(default=True, init=False)

    def calculate_slippage(self, order: Trade, market_price: float, volume: float, spread: float) -> float:
        """See ``SlippageModel``."""
        return market_price * self.coefficient * self.volatility * math.sqrt(order.quantity / volume)


@attrs.frozen
class SpreadSlippageModel:
    """Worse by a fraction of the spread. Half of it stands for crossing from a bar's price, taken as the mid, to the far touch.

    Args:
        fraction: of the spread.
        assumed_spread: in the currency, where the data show no spread, as bars do not.
    """

    fraction: float = attrs.field(default=0.5, validator=finite_from_zero)
    assumed_spread: float = attrs.field(default=0.0, validator=finite_from_zero)
    needs_volume: bool = attrs.field(default=False, init=False)

    def calculate_slippage(self, order: Trade, market_price: float, volume: float, spread: float) -> float:
        """See ``SlippageModel``."""
        return self.fraction * (spread or self.assumed_spread)
