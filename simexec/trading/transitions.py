"""The transition table: which execution report fits which status of an order, and what it does.

=========  ====  =======  ======  ========  ========  ========  =======  ===============  =========  ========
status     NEW   TRADE    BUST    CANCELED  REPLACED  REJECTED  EXPIRED  CANCEL_REJECTED  TRIGGERED  RESTATED
=========  ====  =======  ======  ========  ========  ========  =======  ===============  =========  ========
PENDING    ·     ·        ·       close     ·         refuse    close    ·                ·          ·
SUBMITTED  ack   fill     bust    close     replace   refuse    close    answer           trigger    restate
PARTIAL    ack   fill     bust    close     replace   ·         close    answer           trigger    restate
FILLED     ack   fill     bust    close     replace   ·         close    answer           trigger    restate
CANCELLED  ack   fill     bust    ·         replace   ·         ·        answer           trigger    restate
EXPIRED    ack   fill     bust    ·         replace   ·         ·        answer           trigger    restate
REJECTED   ·     ·        ·       ·         ·         ·         ·        answer           ·          ·
=========  ====  =======  ======  ========  ========  ========  =======  ===============  =========  ========

(BUST is ``ExecType.TRADE_CANCEL``; · is a ``TransitionError``.) A status does not say what may still arrive,
since reports overtake each other: after a cancel the table still knows the ack, the fills and the replace
that the venue sent before it. What must not happen at the venue, rather than in the mail, is told from the
figures in the report: a trade stamped later than the order's end, a cumulative quantity beyond the order's.

An order's status follows from facts, not from the order of their arrival: quantity in force, filled, and how
it ended. So the table states effects, and the statuses each may lead to::

    filled = quantity                → FILLED, however else it ended
    ended by CANCELED or EXPIRED     → CANCELLED or EXPIRED
    filled > 0                       → PARTIAL
    otherwise                        → SUBMITTED
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

from attrs import define

from simexec.trading.report import ExecType
from simexec.trading.vocabulary import OrderStatus


class Effect(Enum):
    """What a report does to an order.

    ACK: the venue has it; the first sets ``acknowledged_ns``. FILL: add a trade. BUST: take one back.
    REPLACE: the quantity and price in force change. CLOSE: the rest will not trade. REFUSE: never accepted.
    ANSWER: a cancel or replace was refused, so it is pending no longer. TRIGGER: a stop was elected; the first
    sets ``triggered_ns``. RESTATE: as REPLACE, but unasked.
    """

    ACK = "ack"
    FILL = "fill"
    BUST = "bust"
    REPLACE = "replace"
    CLOSE = "close"
    REFUSE = "refuse"
    ANSWER = "answer"
    TRIGGER = "trigger"
    RESTATE = "restate"


@define(slots=True, frozen=True)
class Transition:
    """One cell of the table: the effect of a report, and every status the order may then have."""

    effect: Effect
    leads_to: frozenset[OrderStatus]


_PENDING, _SUBMITTED, _PARTIAL, _FILLED, _CANCELLED, _REJECTED, _EXPIRED = OrderStatus
_ENDED = (_CANCELLED, _EXPIRED)


def _table() -> dict[tuple[OrderStatus, ExecType], Transition]:
    table: dict[tuple[OrderStatus, ExecType], Transition] = {}

    def row(status: OrderStatus, exec_type: ExecType, effect: Effect, *leads_to: OrderStatus) -> None:
        table[status, exec_type] = Transition(effect, frozenset(leads_to))

    # Decided before anything was sent: a limit of risk, an open breaker, the end of the session.
    row(_PENDING, ExecType.CANCELED, Effect.CLOSE, _CANCELLED)
    row(_PENDING, ExecType.REJECTED, Effect.REFUSE, _REJECTED)
    row(_PENDING, ExecType.EXPIRED, Effect.CLOSE, _EXPIRED)

    row(_SUBMITTED, ExecType.NEW, Effect.ACK, _SUBMITTED)
    row(_SUBMITTED, ExecType.TRADE, Effect.FILL, _PARTIAL, _FILLED)
    # A bust that overtakes its trade changes nothing: the trade will be ignored when it comes.
    row(_SUBMITTED, ExecType.TRADE_CANCEL, Effect.BUST, _SUBMITTED)
    row(_SUBMITTED, ExecType.CANCELED, Effect.CLOSE, _CANCELLED)
    row(_SUBMITTED, ExecType.REPLACED, Effect.REPLACE, _SUBMITTED)
    row(_SUBMITTED, ExecType.REJECTED, Effect.REFUSE, _REJECTED)
    row(_SUBMITTED, ExecType.EXPIRED, Effect.CLOSE, _EXPIRED)
    row(_SUBMITTED, ExecType.CANCEL_REJECTED, Effect.ANSWER, _SUBMITTED)

    row(_PARTIAL, ExecType.NEW, Effect.ACK, _PARTIAL)
    row(_PARTIAL, ExecType.TRADE, Effect.FILL, _PARTIAL, _FILLED)
    row(_PARTIAL, ExecType.TRADE_CANCEL, Effect.BUST, _SUBMITTED, _PARTIAL)
    row(_PARTIAL, ExecType.CANCELED, Effect.CLOSE, _CANCELLED)
    row(_PARTIAL, ExecType.REPLACED, Effect.REPLACE, _PARTIAL, _FILLED)
    row(_PARTIAL, ExecType.EXPIRED, Effect.CLOSE, _EXPIRED)
    row(_PARTIAL, ExecType.CANCEL_REJECTED, Effect.ANSWER, _PARTIAL)

    # A FILLED order trades on, or has been cancelled, only when what made that possible (a raised quantity, a
    # bust) is still in the mail; the figures of the report tell whether it can be.
    row(_FILLED, ExecType.NEW, Effect.ACK, _FILLED)
    row(_FILLED, ExecType.TRADE, Effect.FILL, _FILLED)
    row(_FILLED, ExecType.TRADE_CANCEL, Effect.BUST, _SUBMITTED, _PARTIAL, _FILLED, *_ENDED)
    row(_FILLED, ExecType.CANCELED, Effect.CLOSE, _FILLED)
    row(_FILLED, ExecType.REPLACED, Effect.REPLACE, _PARTIAL, _FILLED, *_ENDED)
    row(_FILLED, ExecType.EXPIRED, Effect.CLOSE, _FILLED)
    row(_FILLED, ExecType.CANCEL_REJECTED, Effect.ANSWER, _FILLED)

    for ended in _ENDED:
        row(ended, ExecType.NEW, Effect.ACK, ended)
        row(ended, ExecType.TRADE, Effect.FILL, ended, _FILLED)
        row(ended, ExecType.TRADE_CANCEL, Effect.BUST, ended)
        row(ended, ExecType.REPLACED, Effect.REPLACE, ended, _FILLED)
        row(ended, ExecType.CANCEL_REJECTED, Effect.ANSWER, ended)
    row(_REJECTED, ExecType.CANCEL_REJECTED, Effect.ANSWER, _REJECTED)
    # What a venue does of itself fits wherever what was asked of it does.
    for status in (_SUBMITTED, _PARTIAL, _FILLED, *_ENDED):
        row(status, ExecType.TRIGGERED, Effect.TRIGGER, status)
        row(status, ExecType.RESTATED, Effect.RESTATE, *table[status, ExecType.REPLACED].leads_to)
    return table


TRANSITIONS: Mapping[tuple[OrderStatus, ExecType], Transition] = MappingProxyType(_table())
"""Every pair of status and report that may occur; any other is a ``TransitionError``."""
