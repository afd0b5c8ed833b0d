"""What a venue without a book makes of market data: models of slippage, commission and impact, and the share that is ours."""

from __future__ import annotations

from fractions import Fraction
from itertools import count
from typing import Any, Final

import attrs

from simexec.errors import InputError, OrderError, SimulationError
from simexec.models.commission import CommissionModel
from simexec.models.fees import MakerTakerFees
from simexec.models.impact import ImpactModel
from simexec.models.slippage import SlippageModel
from simexec.protocols import DurationModel
from simexec.sim import Constant, Simulation, current_simulation
from simexec.trading.instrument import LARGEST_COUNT, Instrument
from simexec.trading.money import Number, parse_count, parse_decimal
from simexec.trading.order import Order
from simexec.trading.report import Fill
from simexec.trading.vocabulary import OrderType, TimeInForce
from simexec.venue.hours import SessionCalendar, TradingHours
from simexec.venue.model_orders import ModelOrder, Pricing, Source, probability, take
from simexec.venue.model_venue import ModelVenue, to_share

_AT_ONCE: Final = Constant(0)
_FOLLOWING: Final = (OrderType.TRAILING_STOP, OrderType.PEGGED)


def _model(method: str) -> Any:
    """An attrs validator: None, or an object with this method."""

    def check(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if value is not None and not callable(getattr(value, method, None)):
            raise InputError(f"{attribute.name} {value!r} has no method {method}(...); give a model, or None")

    return check


@attrs.frozen
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
    impact_model: ImpactModel | None = attrs.field(default=None, validator=_model("lasting"), kw_only=True)
    fees: MakerTakerFees | None = attrs.field(default=None, validator=_model("fee"), kw_only=True)
    participation: Fraction = attrs.field(default=Fraction(1), converter=to_share, kw_only=True)
    touch_fill_probability: float = attrs.field(default=0.0, converter=probability, kw_only=True)
    _made: Any = attrs.field(factory=lambda: count(1), init=False, repr=False, eq=False)

    @property
    def needs_volume(self) -> bool:
        """Whether a model asks for the volume, which a bare price does not have; see ``SlippageModel``. Impact always does."""
        slippage = self.slippage_model
        return self.impact_model is not None or (slippage is not None and getattr(slippage, "needs_volume", True))

    def check_volume(self, symbol: str, is_known: bool) -> None:
        """Refuse market data without a volume where a model asks for it.

        Raises:
            InputError: with the name of the model.
        """
        if not is_known and self.needs_volume:
            model = self.slippage_model if self.impact_model is None else self.impact_model
            raise InputError(
                f"{type(model).__name__} needs the volume of {symbol}, and a price was given without; give both, such as"
                " a price of 150.25 and a volume of 1_000_000"
            )

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

        It is the fill of a venue that shows ``market_price`` and ``volume`` on the side that the order takes from. Nothing is
        changed but the commission model's own count, if it has one. Impact of earlier trades is not remembered.

        Args:
            order: of which what is left is to be filled.
            market_price: before slippage, in the currency: what a buyer would pay, or a seller get.
            volume: that trades at this price; the order gets at most its share of it. None: not known, and not limited.
            spread: of the quote, in the currency, as the slippage model is told; to the nearest price quantum.

        Returns:
            The fill. None if the limit or stop price is not reached, the share of the volume is less than a lot or than the order
            takes at least (its minimum, or all of it if it is fill-or-kill), or nothing is left.

        Raises:
            InputError: the order is none, or follows a book; the price is no price, the volume or spread negative, or a model
                needs what is not known.
        """
        _check_order(order)
        instrument, side = order.instrument, order.side.sign
        base = nearest_quanta(instrument, market_price)
        width = parse_decimal(spread, "spread")
        if width < 0:
            raise InputError(f"spread {spread} is negative; give 0 or more")
        if self.impact_model is not None and self.impact_model.needs_seconds:
            raise InputError(f"{type(self.impact_model).__name__} needs the length of a bar, and a price has none")
        self.check_volume(order.symbol, volume is not None)
        available = order.leaves_quantity
        if volume is not None:
            share = int(parse_count(volume, "volume", least=0) * self.participation)
            available = min(available, share - share % instrument.lot)
        live = _live(order)
        quantity, _ = take(live, available)
        if quantity <= 0 or (live.limit is not None and side * base > side * live.limit):
            return None
        if live.stop is not None and side * base < side * live.stop:
            return None
        source = Source(0, volume or quantity, round(Fraction(width) / Fraction(instrument.quantum)))
        pricing = Pricing(instrument, self.slippage_model, self.impact_model)
        price = pricing.fill(live, quantity, base, source, shifted=False)
        notional = instrument.notional(quantity, price, side)
        fee = 0 if self.fees is None else self.fees.fee(quantity, notional, False)
        if self.commission_model is not None:
            fee += self.commission_model.commission(quantity, notional, order.filled_quantity, _traded_value(order))
        return Fill(
            f"simulated-{next(self._made)}", order.order_id, instrument, order.side, quantity, price, _now(), fee,
            parent_id=order.parent_id, slippage_quanta=abs(price - base),
        )  # fmt: skip


def _check_order(order: Order) -> None:
    if not isinstance(order, Order):
        raise InputError(f"order {order!r} is no Order; create one, such as by OrderManager().create_order(...)")
    if order.order_type in _FOLLOWING:
        name = order.order_type.name.lower()
        raise OrderError(f"{order.order_id} is a {name} order, which follows a book; a price alone cannot fill it")


def _live(order: Order) -> ModelOrder:
    """What is left of an order, as a venue would have it."""
    subticks, terms = order.instrument.subticks, order.terms
    limit = None if order.price_ticks is None else order.price_ticks * subticks
    stop = (
        None
        if terms is None or terms.stop_ticks is None or order.triggered_ns is not None
        else terms.stop_ticks * subticks
    )
    return ModelOrder(
        0, 0, order.order_id, order.side.sign, order.leaves_quantity, limit, stop, 0, not order.time_in_force.may_rest,
        order.time_in_force is TimeInForce.FOK, (terms and terms.min_quantity) or 0,
    )  # fmt: skip


def _traded_value(order: Order) -> int:
    """What an order has traded in money units; of an inverse instrument by its average price."""
    instrument, filled, side = order.instrument, order.filled_quantity, order.side.sign
    if filled == 0:
        return 0
    if instrument.inverse:
        return instrument.notional(filled, order.filled_notional_quanta // filled, side)
    return instrument.notional(1, order.filled_notional_quanta, side)


def nearest_quanta(instrument: Instrument, price: Number) -> int:
    """A price of market data in price quanta, to the nearest; OrderError if it is no price or beyond 2**48 quanta."""
    # NOTE: what round(Fraction(price) / Fraction(quantum)) is, in a third of the time: every row of market data comes here
    (up, down), (part, whole) = instrument.parse_price(price).as_integer_ratio(), instrument.quantum.as_integer_ratio()
    divisor = down * part
    quanta, rest = divmod(up * whole, divisor)
    quanta = max(1, quanta + (2 * rest > divisor or (2 * rest == divisor and quanta % 2)))
    if quanta > LARGEST_COUNT:
        raise OrderError(
            f"{instrument.symbol} price {price} is beyond the largest possible, {instrument.price_of_quanta(LARGEST_COUNT)}"
        )
    return quanta


def _now() -> int:
    try:
        return current_simulation().now
    except SimulationError:
        return 0
