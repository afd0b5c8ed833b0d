"""Where the time of a request went: on the line, in the gateway, in the book, on the way back."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

import attrs
import numpy as np

from simexec.execution.journal import JournalEntry
from simexec.trading.order import Order

_REQUESTS = ("order", "cancel", "replace")


@attrs.frozen
class LatencyStatistics:
    """Distribution of one part of the latency.

    Attributes:
        count: of observations.
        mean_ns: their mean.
        median_ns: their median.
        p90_ns: the least observation that at least 90 % do not exceed.
        p99_ns: the least observation that at least 99 % do not exceed.
    """

    count: int
    mean_ns: float
    median_ns: float
    p90_ns: int
    p99_ns: int

    @classmethod
    def of(cls, durations_ns: Iterable[int]) -> LatencyStatistics | None:
        """Statistics of durations, None of none."""
        column = np.fromiter(durations_ns, np.int64)
        if len(column) == 0:
            return None
        p90, p99 = np.percentile(column, (90, 99), method="inverted_cdf").tolist()
        return cls(len(column), float(column.mean()), float(np.median(column)), int(p90), int(p99))


@attrs.frozen(kw_only=True)
class LatencySplit:
    """The parts of latency; None where nothing was observed or no journal was kept.

    Attributes:
        link_out: from here to the venue's gateway, a request (order, cancel, replace).
        gateway_queue: waiting for the gateway, a request.
        gateway_service: being served by it, a request; the book acts at its end.
        resting: in the book, an order that rested: from its acknowledgement to its end.
        link_back: from the venue to here, a packet of reports that happened at one time; fills of resting orders too.
    """

    link_out: LatencyStatistics | None
    gateway_queue: LatencyStatistics | None
    gateway_service: LatencyStatistics | None
    resting: LatencyStatistics | None
    link_back: LatencyStatistics | None


@attrs.frozen
class RequestTimes:
    """The way of one answered request; all times ns."""

    order_id: str
    request: str
    sent_ns: int
    arrived_ns: int
    started_ns: int
    done_ns: int
    received_ns: int


def split_latency(entries: Sequence[JournalEntry], orders: Sequence[Order]) -> LatencySplit:
    """Split the latency of a run into its parts.

    Args:
        entries: of the journal.
        orders: that may have rested.
    """
    requests = request_times(entries)
    resting = [
        order.closed_ns - order.acknowledged_ns
        for order in orders
        if order.acknowledged_ns is not None and order.closed_ns is not None
    ]
    packets = {
        (entry.venue, entry.transact_ns, entry.time_ns): entry.time_ns - entry.transact_ns
        for entry in entries
        if entry.event not in _REQUESTS and entry.venue
    }
    return LatencySplit(
        link_out=LatencyStatistics.of(times.arrived_ns - times.sent_ns for times in requests),
        gateway_queue=LatencyStatistics.of(times.started_ns - times.arrived_ns for times in requests),
        gateway_service=LatencyStatistics.of(times.done_ns - times.started_ns for times in requests),
        # What ended where it arrived never rested.
        resting=LatencyStatistics.of(duration for duration in resting if duration > 0),
        link_back=LatencyStatistics.of(packets.values()),
    )


def request_times(entries: Iterable[JournalEntry]) -> list[RequestTimes]:
    """Pair every request with the first report that answers it.

    The line delivers in order, so an answer belongs to the oldest request of its kind. Requests that a full gateway
    turned away have not passed it and are left out.
    """
    found: list[RequestTimes] = []
    unanswered: dict[str, deque[JournalEntry]] = {}
    latest: dict[str, tuple[int, int]] = {}
    for entry in entries:
        waiting = unanswered.setdefault(entry.order_id, deque())
        if entry.event in _REQUESTS:
            waiting.append(entry)
            continue
        packet = entry.arrived_ns, entry.transact_ns
        request = _answered(waiting, entry)
        if request is None or latest.get(entry.order_id) == packet:
            continue
        waiting.remove(request)
        if entry.arrived_ns:
            latest[entry.order_id] = packet
            found.append(
                RequestTimes(
                    entry.order_id, request.event, request.time_ns, entry.arrived_ns, entry.started_ns,
                    entry.transact_ns, entry.time_ns,
                )
            )  # fmt: skip
    return found


def _answered(waiting: Iterable[JournalEntry], report: JournalEntry) -> JournalEntry | None:
    """The request that a report answers, None if it answers none."""
    kinds = _ANSWERED_BY.get(report.event, ())
    if report.event == "CANCELED" and not report.arrived_ns:
        return None  # the venue's own doing
    return next((request for request in waiting if request.event in kinds), None)


_ANSWERED_BY = {
    "NEW": ("order",),
    "REJECTED": ("order",),
    "CANCELED": ("cancel",),
    "REPLACED": ("replace",),
    "CANCEL_REJECTED": ("cancel", "replace"),
}
