"""A strategy's hands and eyes in a backtest: it places orders, and sees what is known by now."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from inspect import signature
from math import isfinite
from typing import Any
from zoneinfo import ZoneInfo

from simexec.errors import InputError, OrderError
from simexec.execution.engine import DefaultExecutionEngine
from simexec.execution.engine_ear import is_worked
from simexec.execution.order_fields import Price, TermFields
from simexec.execution.order_manager import OrderManager
from simexec.market.order_book import Quote
from simexec.sim import Duration, Simulation, Timeout
from simexec.trading.convert import nearest
from simexec.trading.instrument import Instrument
from simexec.trading.market_data import Bar
from simexec.trading.money import parse_count, to_decimal
from simexec.trading.order import Order
from simexec.trading.report import Fill
from simexec.trading.vocabulary import OrderSide, OrderType

_NOISE = Decimal("1e-6")  # of a tick: more than arithmetic with floats adds, and less than anybody means

_MARKET, _LIMIT = OrderType.MARKET, OrderType.LIMIT


_FIELDS = frozenset(signature(OrderManager.create_order).parameters).union(TermFields.__annotations__) - {
    "self", "terms", "symbol", "side", "quantity", "price",
}  # fmt: skip


class Trader:
    """What a strategy is given with every bar, quote, trade and fill.

    All that it shows was stamped at the present or before. All orders go through the engine's order manager, its risk, and its
    broker; one that risk refuses is REJECTED, with the reason, and no exception is raised.

    Args:
        sim: the simulation.
        engine: that works the orders.
        instruments: by symbol.
        currency: of the account.
        timezone: of ``time``.
        lookback: how many bars of each symbol are kept for ``bars``.

    Attributes:
        engine, instruments, sim: as given.
    """

    def __init__(
        self,
        sim: Simulation,
        engine: DefaultExecutionEngine,
        instruments: Mapping[str, Instrument],
        currency: str,
        timezone: ZoneInfo,
        lookback: int,
    ) -> None:
        self.sim = sim
        self.engine = engine
        self.instruments = instruments
        self._manager = engine.order_manager
        self._portfolio = engine.portfolio
        self._currency = currency
        self._timezone = timezone
        self._lookback = lookback
        self._bars: dict[str, deque[Bar]] = {symbol: deque(maxlen=lookback) for symbol in instruments}

    # --- what there is -------------------------------------------------------------------------------------------------

    @property
    def now_ns(self) -> int:
        """The present, ns since the run's epoch."""
        return self.sim.now

    @property
    def time(self) -> datetime:
        """The present in the backtest's time zone, to the microsecond below."""
        return (self.sim.epoch + timedelta(microseconds=self.sim.now // 1000)).astimezone(self._timezone)

    @property
    def symbols(self) -> tuple[str, ...]:
        """All symbols of the backtest."""
        return tuple(self.instruments)

    @property
    def cash(self) -> Decimal:
        """Cash of the account, reserved or not."""
        return to_decimal(self._portfolio.cash.get(self._currency, 0), self._currency)

    @property
    def equity(self) -> Decimal:
        """Cash and positions at their latest prices."""
        return to_decimal(self._portfolio.equity(self._currency), self._currency)

    @property
    def buying_power(self) -> Decimal:
        """What new orders may cost."""
        return to_decimal(self.engine.risk.buying_power(self._currency), self._currency)

    def position(self, symbol: str) -> int:
        """Shares or contracts held; negative when short."""
        return self._portfolio.position(self._known(symbol).symbol)

    def price(self, symbol: str) -> float | None:
        """Latest price: the last close or trade, or the middle of the quote; None before the first."""
        return self.engine.market(self._known(symbol)).price()

    def quote(self, symbol: str) -> Quote | None:
        """Latest quote, in price quanta; of bars the close on both sides. None before the first."""
        return self.engine.market(self._known(symbol)).quote()

    def bars(self, symbol: str, count: int | None = None) -> list[Bar]:
        """The latest bars of a symbol that have ended, oldest first; fewer than ``count`` while there are not so many yet.

        Raises:
            InputError: more than ``lookback`` are asked for, which are never kept.
        """
        kept = self._bars[self._known(symbol).symbol]
        wanted = len(kept) if count is None else parse_count(count, "count of bars", least=0)
        if wanted > self._lookback:
            raise InputError(
                f"{wanted} bars of {symbol} were asked for and lookback is {self._lookback}; set lookback={wanted}"
            )
        shown = min(wanted, len(kept))
        return list(kept) if shown == len(kept) else [kept[i] for i in range(len(kept) - shown, len(kept))]

    def orders(self, symbol: str | None = None) -> list[Order]:
        """Orders that have not ended, in order of creation; of one that an algorithm works the order itself, not its parts."""
        if symbol is not None:
            self._known(symbol)
        return [order for order in self._manager.open_orders(symbol) if order.parent_id is None]

    def _known(self, symbol: str) -> Instrument:
        instrument = self.instruments.get(symbol)
        if instrument is None:
            raise InputError(f"symbol {symbol!r} is not among those of the backtest: {', '.join(self.instruments)}")
        return instrument

    def remember(self, bar: Bar) -> None:
        """Keep a bar that has just ended."""
        self._bars[bar.symbol].append(bar)

    # --- orders --------------------------------------------------------------------------------------------------------

    def buy(self, symbol: str, quantity: int, price: Price | None = None, **fields: Any) -> Order:
        """Send an order to buy: at the market, or with a price a limit order.

        Args:
            symbol: what to buy.
            quantity: shares or contracts.
            price: limit price.
            fields: ``order_type`` and others of ``OrderManager.create_order``.

        Returns:
            The order, as it is when it has left; REJECTED if risk or the circuit breaker has refused it.

        Raises:
            OrderError: fields that are wrong or contradict each other.
            InputError: a field that no order has, or a symbol that is not traded.
        """
        return self.send(symbol, OrderSide.BUY, quantity, price, **fields)

    def sell(self, symbol: str, quantity: int, price: Price | None = None, **fields: Any) -> Order:
        """Send an order to sell; as ``buy``."""
        return self.send(symbol, OrderSide.SELL, quantity, price, **fields)

    def send(self, symbol: str, side: OrderSide, quantity: int, price: Price | None = None, **fields: Any) -> Order:
        """Send an order of a side; as ``buy``."""
        order_type = fields.pop("order_type", _MARKET if price is None else _LIMIT)
        instrument = self._known(symbol)
        if fields and not fields.keys() <= _FIELDS:
            name = next(name for name in fields if name not in _FIELDS)
            raise InputError(f"trader.{side.name.lower()}: no order has a field {name!r}{nearest(name, _FIELDS)}")
        try:
            order = self.engine.new_order(symbol, side, quantity, order_type, price, **fields)
        except OrderError as error:
            raise _with_remedy(error, instrument, [price, *fields.values()]) from None
        self._manager.submit(order)
        return order

    def target(self, symbol: str, quantity: int, price: Price | None = None, **fields: Any) -> Order | None:
        """Send the order that brings the position to ``quantity``, as if all open orders will be filled; None if none is needed."""
        open_ = sum(order.side.sign * order.leaves_quantity for order in self.orders(symbol))
        missing = quantity - self.position(symbol) - open_
        if missing == 0:
            return None
        return self.send(symbol, OrderSide.of_sign(missing), abs(missing), price, **fields)

    def close(self, symbol: str) -> Order | None:
        """Cancel the open orders of a symbol and send the order that ends its position; None if it is flat."""
        for order in self.orders(symbol):
            self._manager.cancel(order)
        held = self.position(symbol)
        return self.send(symbol, OrderSide.of_sign(-held), abs(held)) if held else None

    def cancel(self, order: Order) -> None:
        """Ask for the cancel of an order; fills that are on their way count.

        Until the answer has come it is among ``orders()``, and risk counts it.
        """
        self._manager.cancel(_checked(order))

    def replace(
        self, order: Order, quantity: int | None = None, price: Price | None = None, stop_price: Price | None = None
    ) -> None:
        """Ask for another total quantity, limit or stop price of an order that works; the answer is a report.

        Args:
            order: to be changed; it keeps its id, and has the old values until the answer has come.
            quantity: in total, with what was filled already.
            price: limit price.
            stop_price: of a stop that has not been triggered.

        Raises:
            OrderError: nothing to change, the order has ended or was not sent, or a wrong value.
            InputError: not an order, or one that an algorithm works.
        """
        if is_worked(_checked(order)):
            raise InputError(
                f"order {order.order_id} is worked by an algorithm; await trader.engine.order_manager.replace_order(...), which"
                " takes time"
            )
        asking = self._manager.replace_order(order.order_id, quantity, price, stop_price)
        try:
            asking.send(None)  # it waits for nothing where no algorithm is at work
        except StopIteration:
            return
        except OrderError as error:
            raise _with_remedy(error, order.instrument, [price, stop_price]) from None
        raise AssertionError(f"replace of {order.order_id} waits")

    async def execute(self, order: Order) -> list[Fill]:
        """Wait for the end of an order, and return its fills; for ``async`` strategies."""
        return await self.engine.execute_order(_checked(order))

    def wait(self, duration: Duration) -> Timeout:
        """Let simulated time pass: ``await trader.wait("5m")``."""
        return self.sim.timeout(duration)


def _checked(order: Order) -> Order:
    if not isinstance(order, Order):
        raise InputError(f"{order!r} is no order; give the Order that trader.buy or trader.sell returned")
    return order


def _with_remedy(error: OrderError, instrument: Instrument, values: Iterable[Any]) -> OrderError:
    """The same error, and how to mend a price that floats have made a little wrong."""
    tick = instrument.tick
    for value in values:
        if isinstance(value, float) and isfinite(value):
            off = Decimal(str(value)) / tick
            if 0 < abs(off - off.to_integral_value()) < _NOISE:
                digits = max(0, -int(tick.normalize().as_tuple().exponent))
                return OrderError(f"{error}; floats add such noise: give round(price, {digits}), or a Decimal")
    return error
