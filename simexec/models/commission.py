"""What a broker charges for an order: fixed, a share, a fraction of the value, or by tiers.

A commission belongs to an order, not to each of its trades: an order that fills in ten parts pays a minimum once. So a model
is told what had traded before, and charges the difference. All amounts are exact and rounded up to a whole money unit, which
is against the trader. Any object with ``commission`` is a model; a venue's maker/taker schedule is in ``models.fees``.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil
from typing import Protocol, TypeAlias

import attrs

from simexec.errors import InputError
from simexec.trading.money import Number, parse_count, parse_decimal, units_per


class CommissionModel(Protocol):
    """What a commission model offers."""

    def commission(self, quantity: int, notional: int, filled: int, filled_notional: int) -> int:
        """Commission of one trade in money units.

        Args:
            quantity: shares of the trade, positive.
            notional: value of the trade in money units, positive.
            filled: shares of its order that traded before.
            filled_notional: value of those in money units.
        """


def _amount(value: Number | Fraction) -> Fraction:
    number = value if isinstance(value, Fraction) else Fraction(parse_decimal(value, "commission"))
    if number < 0:
        raise InputError(f"commission {value} is negative; give one from 0 up")
    return number


def _optional_amount(value: Number | None) -> Fraction | None:
    return None if value is None else _amount(value)


@attrs.frozen
class FixedCommissionModel:
    """So much an order, charged with its first trade.

    Args:
        commission: money.
        currency: of the money.
    """

    amount: Fraction = attrs.field(converter=_amount, alias="commission")
    currency: str = "USD"

    def commission(self, quantity: int, notional: int, filled: int, filled_notional: int) -> int:
        """See ``CommissionModel``."""
        return 0 if filled else ceil(self.amount * units_per(self.currency))


def _bounded(exact: Fraction, least: Fraction, most: Fraction | None) -> int:
    """What an order that has traded pays in whole units, all arguments in units."""
    bounded = max(exact, least)
    return ceil(bounded if most is None else min(bounded, most))


def _check_bounds(least: Fraction, most: Fraction | None) -> None:
    if most is not None and most < least:
        raise InputError(f"max_commission {float(most)} is below min_commission {float(least)}; swap them")


@attrs.frozen
class PerShareCommissionModel:
    """So much a share, with a least and a most an order.

    Args:
        commission_per_share: money.
        min_commission: least money an order that trades.
        max_commission: most money an order, or None.
        currency: of the money.

    Raises:
        InputError: an amount below 0, or a most below the least.
    """

    commission_per_share: Fraction = attrs.field(converter=_amount)
    min_commission: Fraction = attrs.field(default=Fraction(0), converter=_amount)
    max_commission: Fraction | None = attrs.field(default=None, converter=_optional_amount)
    currency: str = "USD"

    def __attrs_post_init__(self) -> None:
        _check_bounds(self.min_commission, self.max_commission)

    def _of_order(self, shares: int) -> int:
        scale, most = units_per(self.currency), self.max_commission
        if shares == 0:
            return 0
        exact = self.commission_per_share * shares * scale
        return _bounded(exact, self.min_commission * scale, None if most is None else most * scale)

    def commission(self, quantity: int, notional: int, filled: int, filled_notional: int) -> int:
        """See ``CommissionModel``."""
        return self._of_order(filled + quantity) - self._of_order(filled)


@attrs.frozen
class PercentCommissionModel:
    """A fraction of the value, with a least and a most an order.

    Args:
        rate: the fraction; 0.001 is 0.1 %.
        min_commission: least money an order that trades.
        max_commission: most money an order, or None.
        currency: of the money.

    Raises:
        InputError: a rate outside 0 to 1, an amount below 0, or a most below the least.
    """

    rate: Fraction = attrs.field(converter=_amount)
    min_commission: Fraction = attrs.field(default=Fraction(0), converter=_amount)
    max_commission: Fraction | None = attrs.field(default=None, converter=_optional_amount)
    currency: str = "USD"

    def __attrs_post_init__(self) -> None:
        if self.rate > 1:
            raise InputError(f"commission rate {float(self.rate)} is more than the whole value; 0.001 is 0.1 %")
        _check_bounds(self.min_commission, self.max_commission)

    def _of_order(self, notional: int) -> int:
        scale, most = units_per(self.currency), self.max_commission
        if notional == 0:
            return 0
        return _bounded(self.rate * notional, self.min_commission * scale, None if most is None else most * scale)

    def commission(self, quantity: int, notional: int, filled: int, filled_notional: int) -> int:
        """See ``CommissionModel``."""
        return self._of_order(filled_notional + notional) - self._of_order(filled_notional)


Tier: TypeAlias = tuple[int | None, Number]
"""Largest quantity of the tier in shares, None in the last one; and its rate in money."""


def _tiers(tiers: Sequence[Tier]) -> tuple[tuple[int | None, Fraction], ...]:
    if not tiers:
        raise InputError("a tiered commission has no tiers; give at least one, the last one without a limit")
    checked: list[tuple[int | None, Fraction]] = []
    below = 0
    for index, (most, rate) in enumerate(tiers):
        if (most is None) is not (index == len(tiers) - 1):
            raise InputError(
                f"tier {index + 1} of {len(tiers)} ends at {most}; the last one, and no other, ends at None"
            )
        if most is not None:
            below = parse_count(most, f"end of tier {index + 1}", below + 1)
        checked.append((most, _amount(rate)))
    return tuple(checked)


@attrs.frozen
class TieredCommissionModel:
    """By the size of an order's trades: the first tier that what has traded of the order fits gives the order's money.

    What was charged is not paid back, so an order that grows into a cheaper tier pays what the dearer one asked.

    Args:
        tiers: ``(max_size, rate)`` by rising size; ``rate`` is the money of an order in that tier.
        currency: of the money.

    Raises:
        InputError: no tiers, sizes that do not rise, or a last tier with an end.
    """

    tiers: tuple[tuple[int | None, Fraction], ...] = attrs.field(converter=_tiers)
    currency: str = "USD"

    def _rate(self, shares: int) -> int:
        rate = next(rate for most, rate in self.tiers if most is None or shares <= most)
        return ceil(rate * units_per(self.currency))

    def commission(self, quantity: int, notional: int, filled: int, filled_notional: int) -> int:
        """See ``CommissionModel``."""
        after = self._rate(filled + quantity)
        return after if not filled else max(0, after - self._rate(filled))


@attrs.define
class VolumeTieredCommissionModel:
    """So much a share, by the account's volume since the model was made: marginal rates, as brokers' monthly schedules have.

    A trade that crosses the end of a tier is charged in parts, each at its own rate. The model remembers the volume, so an account
    needs one of its own. The exact sum of all commissions is rounded up, not each of them.

    Args:
        tiers: ``(cumulated shares, rate)`` by rising volume; ``rate`` is money a share.
        currency: of the money.

    Attributes:
        volume: shares so far.

    Raises:
        InputError: no tiers, volumes that do not rise, or a last tier with an end.
    """

    tiers: tuple[tuple[int | None, Fraction], ...] = attrs.field(converter=_tiers)
    currency: str = "USD"
    volume: int = attrs.field(default=0, init=False)

    def _total(self, volume: int) -> int:
        total, below = Fraction(0), 0
        for most, rate in self.tiers:
            upto = volume if most is None else min(volume, most)
            total += rate * (upto - below)
            below = upto
        return ceil(total * units_per(self.currency))

    def commission(self, quantity: int, notional: int, filled: int, filled_notional: int) -> int:
        """See ``CommissionModel``."""
        before = self._total(self.volume)
        self.volume += quantity
        return self._total(self.volume) - before
