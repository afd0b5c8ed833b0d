"""What a venue without a book makes of market data: models of slippage, commission and impact, and the share that is ours."""

from __future__ import annotations

from fractions import Fraction
from itertools import count
from typing import Any, Final

import attrs

from simexec.errors import InputError, SimulationError
from simexec.models.commission import CommissionModel
from simexec.models.fees import MakerTakerFees
from simexec.models.impact import ImpactModel
from simexec.models.slippage import SlippageModel
from simexec.protocols import DurationModel
from simexec.sim import Constant, Simulation, current_simulation
from simexec.trading.instrument import Instrument
from simexec.trading.money import Number, parse_count, parse_decimal
from simexec.trading.order import Order
from simexec.trading.report import Fill
from simexec.venue.hours import SessionCalendar, TradingHours
from simexec.venue.model_orders import ModelOrder, Pricing, Source, probability
from simexec.venue.model_venue import ModelVenue, to_share

_AT_ONCE: Final = Constant(0)


def _model(method: str) -> Any:
    """An attrs validator: None, or an object with this method."""

    def check(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if value is not None and not callable(getattr(value, method, None)):
            raise InputError(f"{attribute.name} {value!r} has no method {method}(...); give a model, or None")

    return check


@attrs.frozen(kw_only=True)
class MarketSimulator:
    """How orders fill where no order book says it.

    The same rules serve a single question (``simulate_fill``) and a venue (``venue``), which ``BacktestBroker`` opens for each
    instrument. Models are asked only when a fill happens.

    Args:
        slippage_model: how much worse than the market a fill is; None: not at all.
        commission_model: what a broker charges for an order; None: nothing.
        impact_model: what our own trades do to prices; None: nothing.
        fees: what the venue charges for a trade; None: nothing.
        participation: the most of a bar's volume or a quote's size that is ours, above 0 up to 1.
        touch_fill_probability: that trading at exactly an order's limit reaches it, where only bars or trades are known.

    Raises:
        InputError: a model without its method, a participation or probability out of range.
    """

    slippage_model: SlippageModel | None = attrs.field(default=None, validator=_model("calculate_slippage"))
    commission_model: CommissionModel | None = attrs.field(default=None, validator=_model("commission"))
    impact_model: ImpactModel | None = attrs.field(default=None, validator=_model("lasting"))
    fees: MakerTakerFees | None = None
    participation: Fraction = attrs.field(default=Fraction(1), converter=to_share)
    touch_fill_probability: float = attrs.field(default=0.0, converter=probability)
    _made: Any = attrs.field(factory=lambda: count(1), init=False, repr=False, eq=False)

    @property
    def needs_volume(self) -> bool:
        """Whether the slippage model asks for the volume, which a bare price does not have; see ``SlippageModel``."""
        return self.slippage_model is not None and getattr(self.slippage_model, "needs_volume", True)

    def venue(
        self,
        sim: Simulation,
        name: str,
        instrument: Instrument,
        hours: TradingHours | SessionCalendar | None = None,
        service: DurationModel = _AT_ONCE,
    ) -> ModelVenue:
        """A venue with these rules, whose market data are handed in as they come; see ``ModelVenue.push``."""
        return ModelVenue(
            sim,
            name,
            instrument,
            None,
            hours,
            service=service,
            participation=self.participation,
            touch_fill_probability=self.touch_fill_probability,
            fees=self.fees,
            commission=self.commission_model,
            slippage=self.slippage_model,
            impact=self.impact_model,
        )

    async def simulate_fill(
        self, order: Order, market_price: Number, volume: int | None = None, spread: Number = 0
    ) -> Fill | None:
        """The fill that an order would get now, without sending it anywhere.

        Nothing is changed but the commission model's own count, if it has one. Impact of earlier trades is not remembered.

        Args:
            order: of which what is left is to be filled.
            market_price: before slippage, in the currency.
            volume: that trades at this price; the order gets at most its share of it. None: not known, and not limited.
            spread: of the quote, in the currency, as the slippage model is told.

        Returns:
            The fill; None if the limit is not reached, the share of the volume is less than a lot, or nothing is left.

        Raises:
            InputError: the price is no price, the volume or spread negative, or a model needs the volume and there is none.
        """
        instrument, side = order.instrument, order.side.sign
        base = nearest_quanta(instrument, market_price)
        width = parse_decimal(spread, "spread")
        if width < 0:
            raise InputError(f"spread {spread} is negative; give 0 or more")
        if volume is None and self.needs_volume:
            name = type(self.slippage_model).__name__
            raise InputError(f"{name} needs the volume of {order.symbol}; give one, such as volume=1_000_000")
        quantity = order.leaves_quantity
        if volume is not None:
            share = int(parse_count(volume, "volume", least=0) * self.participation)
            quantity = min(quantity, share - share % instrument.lot)
        limit = None if order.price_ticks is None else order.price_ticks * instrument.subticks
        if quantity <= 0 or (limit is not None and side * base > side * limit):
            return None
        live = ModelOrder(0, 0, order.order_id, side, quantity, limit, None, 0)
        source = Source(0, volume or quantity, round(Fraction(width) / Fraction(instrument.quantum)))
        pricing = Pricing(instrument, self.slippage_model, self.impact_model)
        price = pricing.fill(live, quantity, base, source, shifted=False)
        notional = instrument.notional(quantity, price, side)
        fee = 0 if self.fees is None else self.fees.fee(quantity, notional, False)
        if self.commission_model is not None:
            filled = order.filled_quantity
            before = instrument.notional(filled, order.filled_notional_quanta // filled, side) if filled else 0
            fee += self.commission_model.commission(quantity, notional, filled, before)
        return Fill(
            f"simulated-{next(self._made)}", order.order_id, instrument, order.side, quantity, price, _now(), fee,
            parent_id=order.parent_id, slippage_quanta=abs(price - base),
        )  # fmt: skip


def nearest_quanta(instrument: Instrument, price: Number) -> int:
    """A price of market data in price quanta, to the nearest; OrderError if it is no price."""
    return max(1, round(Fraction(instrument.parse_price(price)) / Fraction(instrument.quantum)))


def _now() -> int:
    try:
        return current_simulation().now
    except SimulationError:
        return 0
