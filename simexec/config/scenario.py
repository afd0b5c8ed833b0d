"""One scenario: everything a run depends on. Immutable; a change derives a new one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import attrs
from attrs import field, frozen
from attrs.converters import optional

from simexec.config.algorithm import at_market, dump_algorithm, to_algorithm
from simexec.config.brokers import BUILT_IN
from simexec.config.execution import ExecutionConfig, MarketSimulationConfig, check_scenario_mode
from simexec.config.flow import FlowConfig
from simexec.config.markets import MarketSettings, OtherMarketConfig, check_markets, check_price, markets_of
from simexec.config.order import OrderConfig
from simexec.config.session import InstrumentConfig, SessionConfig
from simexec.config.venue import HistoryMode, LinksConfig, RecordingConfig, VenueConfig
from simexec.execution.breaker_limits import BreakerLimits
from simexec.execution.risk_limits import RiskLimits
from simexec.execution.router_settings import RouterSettings
from simexec.protocols import Algorithm
from simexec.sim.clock import format_duration
from simexec.trading.convert import (
    FieldError,
    naming_fields,
    to_count,
    to_date,
    to_decimal_from_zero,
    to_text,
)


@frozen(kw_only=True, field_transformer=naming_fields)
class Scenario:
    """Everything a run depends on.

    Attributes:
        name: what the summary calls it.
        seed: root of every random stream.
        instrument: what is traded.
        date: the trading day; None: that of the data file, and for a synthetic flow a day without a date.
        session: hours of trading.
        flow: where the background's orders come from.
        venue: the simulated exchange.
        links: latencies to and from it.
        markets: other markets on the same calendar; the fields above are that where the order is worked.
        order: the parent order.
        algorithm: how it is worked.
        initial_cash: cash at the start, in the instrument's currency.
        risk: limits of the account; None: none, and nothing is reserved.
        circuit_breaker: when everything is cancelled and refused; None: never.
        router: divides the order over all venues of its instrument; None: it goes to the first.
        execution: the execution module's own section.
        recording: what the run keeps.

    Raises:
        ConfigError: a field is wrong, or two contradict each other; the message has the field and its value.
    """

    name: str = field(converter=to_text)
    seed: int = field(default=0, converter=to_count)
    instrument: InstrumentConfig
    date: date | None = field(default=None, converter=optional(to_date), metadata={"dump": str})
    session: SessionConfig = field(factory=SessionConfig)
    flow: FlowConfig
    venue: VenueConfig = field(factory=VenueConfig)
    links: LinksConfig = field(factory=LinksConfig)
    markets: tuple[OtherMarketConfig, ...] = field(default=())
    order: OrderConfig
    algorithm: Algorithm = field(factory=at_market, converter=to_algorithm, metadata={"dump": dump_algorithm})
    initial_cash: Decimal = field(default=Decimal(1_000_000), converter=to_decimal_from_zero)
    risk: RiskLimits | None = field(default=None)
    circuit_breaker: BreakerLimits | None = field(default=None)
    router: RouterSettings | None = field(default=None)
    execution: ExecutionConfig = field(factory=ExecutionConfig)
    recording: RecordingConfig = field(factory=RecordingConfig)

    def __attrs_post_init__(self) -> None:
        check_scenario_mode(self.execution)
        for path, price in self._prices():
            check_price(self.instrument, path, price)
        check_markets(self)
        self._check_quantities()
        self._check_times()

    def with_(self, changes: Mapping[str, Any] | None = None, /, **fields: Any) -> Scenario:
        """A scenario like this one but for some fields.

        Args:
            changes: values by dotted path, as ``--set`` takes them: ``{"algorithm.slices": 40}``.
            **fields: whole fields: ``seed=8``.

        Raises:
            ConfigError: as the constructor, or an unknown field.
        """
        from simexec.config.structure import changed, check_names

        check_names(type(self), fields)
        base = changed(self, changes) if changes else self
        return attrs.evolve(base, **fields)

    def to_dict(self) -> dict[str, Any]:
        """Texts, numbers, lists and mappings, from which ``Scenario.from_dict`` makes an equal scenario."""
        from simexec.config.structure import unstructure

        return unstructure(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Scenario:
        """A scenario from what a YAML file holds.

        Raises:
            ConfigError: an unknown, missing or wrong field; the message names its path and value.
        """
        from simexec.config.structure import structure

        return structure(cls, raw)

    def all_markets(self) -> tuple[MarketSettings, ...]:
        """All markets with everything filled in, that of the order first."""
        return markets_of(self)

    def unused(self) -> tuple[str, ...]:
        """What is configured but has no effect in this run, for the summary's assumptions."""
        models = self.execution.market_simulation
        notes = []
        if models.slippage is not None:
            notes.append(
                f"execution.market_simulation.slippage ({models.slippage.type}): not used by a book venue, "
                "where the book decides the price"
            )
        if models.commission is not None:
            notes.append(
                f"execution.market_simulation.commission ({models.commission.type}): not used by a "
                "book venue, where venue.fees apply"
            )
        plain = MarketSimulationConfig()
        for name in ("participation", "touch_fill_probability"):
            if getattr(models, name) != getattr(plain, name):
                notes.append(
                    f"execution.market_simulation.{name} ({getattr(models, name)}): not used by a book venue, where the book"
                    " decides what fills"
                )
        if self.execution.broker.class_name not in BUILT_IN:
            notes.append(
                f"execution.broker.class ({self.execution.broker.class_name}): not used by a scenario, whose broker has lines to"
                " its venues; see create_execution_environment"
            )
        if self.execution.thread_safety:
            notes.append("execution.thread_safety: a scenario runs in one thread, and needs no locks")
        if self.recording.quotes and self.recording.history is HistoryMode.OFF:
            notes.append("recording.quotes: none are written, since recording.history is off")
        return tuple(notes)

    def _prices(self) -> Iterator[tuple[tuple[str, ...], Decimal]]:
        if self.order.limit_price is not None:
            yield ("order", "limit_price"), self.order.limit_price
        for name in ("limit_price", "would_price"):
            for path, part in ((("algorithm",), self.algorithm), (("algorithm", "tactics"), self._tactics)):
                price = getattr(part, name, None)
                if price is not None:
                    yield (*path, name), price

    @property
    def _tactics(self) -> object:
        return getattr(self.algorithm, "tactics", None)

    def _check_quantities(self) -> None:
        lot, quantity = self.instrument.lot, self.order.quantity
        if quantity % lot:
            raise FieldError(
                f"{quantity} is not a multiple of {self.instrument.symbol}'s lot {lot}", ("order", "quantity")
            )
        display, path = getattr(self.algorithm, "display_quantity", None), ("algorithm", "display_quantity")
        if display is not None:
            if display % lot:
                raise FieldError(f"{display} is not a multiple of {self.instrument.symbol}'s lot {lot}", path)
            if display > quantity:
                raise FieldError(f"{display} is more than the order's quantity {quantity}", path)

    def _check_times(self) -> None:
        length, start = self.session.length, self.order.start
        session = f"the session ({format_duration(length)} from open to close)"
        if start >= length:
            raise FieldError(f"{format_duration(start)} is not within {session}", ("order", "start"))
        if self.order.end is not None and self.order.end > length:
            raise FieldError(f"{format_duration(self.order.end)} is not within {session}", ("order", "end"))
        duration = getattr(self.algorithm, "duration", None)
        if duration is not None and start + duration > (self.order.end or length):
            last = "the order's end" if self.order.end else "the close"
            raise FieldError(
                f"{format_duration(duration)} from the start at {format_duration(start)} goes beyond {last}",
                ("algorithm", "duration"),
            )
