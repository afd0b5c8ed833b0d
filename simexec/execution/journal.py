"""The journal of a run: every request that left and every report that arrived, in order of time on our side."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, Final

import attrs

from simexec.execution.mass_cancel import MassCancel
from simexec.trading.order import Order
from simexec.trading.report import ExecutionReport


@attrs.frozen
class JournalEntry:
    """One line of the journal.

    Attributes:
        time_ns: when it left or arrived here.
        event: ``order``, ``cancel``, ``replace``, ``mass_cancel`` and its answer ``mass_canceled`` (whose ``order_id`` is that of
            the request, and whose quantity the number of orders cancelled), or the name of a report's ``ExecType``.
        transact_ns: when it happened at the venue; ``arrived_ns`` when the request reached the gateway, ``started_ns`` when
            the gateway began to work on it; 0 of requests.
        quantity: of a request; ``price_ticks`` its limit, None without one.
        reason: FIX reason of a reject, empty otherwise.
        text: of a report; of a request the terms that only some orders have, as ``name=value``.
    """

    time_ns: int
    event: str
    order_id: str
    parent_id: str
    quantity: int
    price_ticks: int | None
    exec_id: str
    transact_ns: int
    arrived_ns: int
    started_ns: int
    last_quantity: int
    last_price_quanta: int
    cum_quantity: int
    leaves_quantity: int
    fee: int
    maker: bool
    reason: str
    text: str
    venue: str


FIELDS: Final = tuple(field.name for field in attrs.fields(JournalEntry))


_Line = tuple[int, "str | ExecutionReport", "Order | MassCancel", int, "int | None"]


class Journal:
    """Keeps requests and reports, five values a line in one flat list, and spells them out afterwards.

    Attributes:
        note: adds a line: time; what, the name of a request that leaves, with its text behind a space if there is one, or a
            report that arrives; order; and of a request its quantity and limit in ticks.
    """

    def __init__(self) -> None:
        self._values: list[Any] = []
        self.note: Callable[[_Line], None] = self._values.extend

    def __len__(self) -> int:
        return len(self._values) // 5

    def entries(self) -> Iterator[JournalEntry]:
        """All entries, spelled out."""
        for time_ns, what, order, quantity, price_ticks in zip(*[iter(self._values)] * 5, strict=True):
            parent_id = order.parent_id or ""
            if isinstance(what, str):
                event, _, text = what.partition(" ")
                yield JournalEntry(
                    time_ns, event, order.order_id, parent_id, quantity, price_ticks, "", 0, 0, 0, 0, 0, 0, 0, 0, False, "", text,
                    order.venue or "",
                )  # fmt: skip
            else:
                yield JournalEntry(
                    time_ns, what.exec_type.name, order.order_id, parent_id, 0, what.price_ticks, what.exec_id, what.time_ns,
                    what.arrived_ns, what.started_ns, what.last_quantity, what.last_price_quanta, what.cum_quantity,
                    what.leaves_quantity, what.fee, what.maker, "" if what.reason is None else what.reason.name, what.text,
                    what.venue,
                )  # fmt: skip

    def digest_into(self, digest: hashlib._Hash) -> None:
        """Feed every entry to a hash."""
        for entry in self.entries():
            digest.update(repr(attrs.astuple(entry, recurse=False)).encode())
