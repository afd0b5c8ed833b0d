"""Market impact: what our own trades do to the price, at once and afterwards.

A model answers two questions about a trade, both in fractions of the price and zero or more. ``temporary``: by how
much is this trade itself worse? ``lasting``: by how much does it move the price for what we trade later? A trade
pays half of its own lasting move, as the average over its shares; later trades of the same side pay all of it, decayed
with ``half_life_ns`` if there is one. Any object with these three members is a model.
"""

from __future__ import annotations

from typing import Any, Protocol

import attrs

from simexec.errors import InputError
from simexec.models.slippage import Trade, finite_from_zero
from simexec.sim.clock import HOUR, parse_duration
from simexec.trading.vocabulary import OrderSide


class ImpactModel(Protocol):
    """What an impact model offers.

    Attributes:
        half_life_ns: after which half of a lasting move is gone; None: it stays for good.
        needs_seconds: whether it asks for ``Trade.seconds``, which only bars have.
    """

    @property
    def half_life_ns(self) -> int | None:
        """See the class."""

    @property
    def needs_seconds(self) -> bool:
        """See the class."""

    def temporary(self, order: Trade, volume: float) -> float:
        """Fraction of the price by which this trade alone is worse; ``volume`` as for slippage."""

    def lasting(self, order: Trade, volume: float) -> float:
        """Fraction of the price by which this trade moves it."""


def _half_life(value: Any) -> int | None:
    if value is None:
        return None
    half_life = parse_duration(value)
    if half_life == 0:
        raise InputError(f"half_life {value!r} of an impact model is zero; leave it out, or set lasting impact to 0")
    return half_life


@attrs.frozen
class LinearImpactModel:
    """Impact in proportion to the share of the volume that is taken.

    With a half-life the lasting part is transient: it recovers exponentially, as the resilience of Obizhaeva and Wang,
    "Optimal trading strategy and supply/demand dynamics", Journal of Financial Markets 16 (2013).

    Args:
        temporary_rate: temporary impact of a trade as large as the volume, a fraction of the price.
        lasting_rate: lasting impact of the same.
        half_life: of the lasting part, a duration; None: permanent.
    """

    temporary_rate: float = attrs.field(default=0.0, validator=finite_from_zero)
    lasting_rate: float = attrs.field(default=0.0, validator=finite_from_zero)
    half_life_ns: int | None = attrs.field(default=None, converter=_half_life, alias="half_life")
    needs_seconds: bool = attrs.field(default=False, init=False)

    def temporary(self, order: Trade, volume: float) -> float:
        """See ``ImpactModel``."""
        return self.temporary_rate * order.quantity / volume

    def lasting(self, order: Trade, volume: float) -> float:
        """See ``ImpactModel``."""
        return self.lasting_rate * order.quantity / volume


@attrs.frozen
class SquareRootImpactModel:
    """The square-root law ``coefficient * volatility * sqrt(quantity / volume)``, temporary.

    See Tóth et al., "Anomalous price impact and the critical nature of liquidity in financial markets", Physical Review
    X 1 (2011). The law is about a whole order over the time in which it trades. Applied to each part, as here, it charges
    an order in n even parts 1 / sqrt(n) of that, if volatility and volume are those of the part's own bar.

    Args:
        volatility: standard deviation of returns over the time in which ``volume`` trades, a bar, as a fraction.
        coefficient: of order 1.
    """

    volatility: float = attrs.field(validator=finite_from_zero)
    coefficient: float = attrs.field(default=1.0, validator=finite_from_zero)
    half_life_ns: int | None = attrs.field(default=None, init=False)
    needs_seconds: bool = attrs.field(default=False, init=False)

    def temporary(self, order: Trade, volume: float) -> float:
        """See ``ImpactModel``."""
        return float(self.coefficient * self.volatility * (order.quantity / volume) ** 0.5)

    def lasting(self, order: Trade, volume: float) -> float:
        """See ``ImpactModel``."""
        return 0.0


def _positive(instance: object, attribute: attrs.Attribute[Any], value: float) -> None:
    finite_from_zero(instance, attribute, value)
    if value == 0:
        raise InputError(f"{attribute.name} of {type(instance).__name__} is 0; it must be above 0")


@attrs.frozen
class AlmgrenImpactModel:
    """Almgren, Thum, Hauptmann and Li, "Direct estimation of equity market impact", Risk 18 (2005).

    With daily volume V, daily volatility σ, shares outstanding Θ, a trade of X shares within T days::

        permanent  γ σ (X / V) (Θ / V)^(1/4)
        temporary  η σ (X / (V T))^β

    and the whole cost of X traded evenly is J = permanent / 2 + temporary. A trade's T is the length of its bar over the
    length of the trading day. So an order worked evenly through bars of any length costs its J.

    Args:
        daily_volume: V, in shares.
        daily_volatility: σ, a fraction.
        shares_outstanding: Θ; ``shares_outstanding / daily_volume`` is the inverse turnover.
        day: length of the trading day, a duration.
        gamma: γ; ``eta``: η; ``beta``: β; the defaults are the paper's estimates.
    """

    daily_volume: float = attrs.field(validator=_positive)
    daily_volatility: float = attrs.field(validator=finite_from_zero)
    shares_outstanding: float = attrs.field(validator=_positive)
    day_ns: int = attrs.field(default=13 * HOUR // 2, converter=parse_duration, alias="day", validator=_positive)
    gamma: float = attrs.field(default=0.314, validator=finite_from_zero)
    eta: float = attrs.field(default=0.142, validator=finite_from_zero)
    beta: float = attrs.field(default=0.6, validator=finite_from_zero)
    half_life_ns: int | None = attrs.field(default=None, init=False)
    needs_seconds: bool = attrs.field(default=True, init=False)

    def temporary(self, order: Trade, volume: float) -> float:
        """See ``ImpactModel``; the volume is the day's, not the bar's."""
        days = order.seconds * 1e9 / self.day_ns
        return float(self.eta * self.daily_volatility * (order.quantity / (self.daily_volume * days)) ** self.beta)

    def lasting(self, order: Trade, volume: float) -> float:
        """See ``ImpactModel``."""
        turnover = (self.shares_outstanding / self.daily_volume) ** 0.25
        return float(self.gamma * self.daily_volatility * order.quantity / self.daily_volume * turnover)

    def cost(self, quantity: float, days: float) -> float:
        """The paper's J, a fraction of the price: what ``quantity`` shares cost when traded evenly within ``days``."""
        order = Trade("", "", OrderSide.BUY, quantity, days * self.day_ns / 1e9)
        return self.lasting(order, 0.0) / 2 + self.temporary(order, 0.0)
