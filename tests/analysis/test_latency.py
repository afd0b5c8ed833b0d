"""The way of a request, pieced together from the journal."""

import attrs
import pytest

from simexec.analysis.latency import LatencyStatistics, request_times, split_latency
from simexec.execution.journal import FIELDS, JournalEntry

BLANK = dict.fromkeys(FIELDS, 0) | dict.fromkeys(("exec_id", "parent_id", "reason", "text"), "") | {"price_ticks": None}


def request(time_ns, event="order", order_id="a"):
    return JournalEntry(
        **{**BLANK, "time_ns": time_ns, "event": event, "order_id": order_id, "maker": False, "venue": "V"}
    )


def report(time_ns, event, arrived_ns=0, order_id="a"):
    """A report that happened 10 before it arrived; its request waited 1 and was served in 2."""
    times = {"transact_ns": time_ns - 10, "arrived_ns": arrived_ns, "started_ns": arrived_ns and arrived_ns + 1}
    return attrs.evolve(request(time_ns, event, order_id), **times)


def ways(entries):
    return [(times.request, times.sent_ns, times.arrived_ns) for times in request_times(entries)]


def test_an_order_is_answered_by_its_acknowledgement_and_a_cancel_by_its_own():
    journal = [request(0), report(20, "NEW", 7), request(30, "cancel"), report(50, "CANCELED", 37)]
    assert ways(journal) == [("order", 0, 7), ("cancel", 30, 37)]
    assert request_times(journal)[0].done_ns == 10


def test_what_an_order_causes_in_its_own_packet_does_not_answer_a_cancel_on_its_way():
    packet = [report(20, "NEW", 7), report(20, "TRADE", 7), report(20, "CANCELED", 7)]
    journal = [request(0), request(6, "cancel"), *packet, report(31, "CANCEL_REJECTED", 18)]
    assert ways(journal) == [("order", 0, 7), ("cancel", 6, 18)]


def test_a_cancel_that_the_gateway_serves_before_a_replace_is_still_paired_with_itself():
    journal = [
        request(0), report(20, "NEW", 7), request(30, "replace"), request(31, "cancel"),
        report(60, "CANCELED", 44), report(62, "CANCEL_REJECTED", 43),
    ]  # fmt: skip
    assert ways(journal) == [("order", 0, 7), ("cancel", 31, 44), ("replace", 30, 43)]


def test_a_request_turned_away_by_a_full_gateway_is_left_out():
    journal = [request(0), report(20, "REJECTED", 0), request(30, order_id="b"), report(50, "NEW", 35, "b")]
    assert ways(journal) == [("order", 30, 35)]


def test_a_cancel_by_the_venue_itself_answers_nothing():
    assert ways([request(0), report(20, "NEW", 7), request(30, "cancel"), report(40, "CANCELED")]) == [("order", 0, 7)]


def test_reports_of_one_packet_travel_once():
    journal = [request(0), report(20, "NEW", 7), report(20, "TRADE", 7), report(33, "TRADE")]
    split = split_latency(journal, [])
    assert (split.link_out.mean_ns, split.gateway_queue.mean_ns, split.gateway_service.mean_ns) == (7, 1, 2)
    assert (split.link_back.count, split.link_back.mean_ns, split.resting) == (2, 10, None)


def test_the_ninety_ninth_percentile_is_an_observation():
    found = LatencyStatistics.of(range(1, 101))
    assert (found.count, found.mean_ns, found.median_ns, found.p99_ns) == (100, 50.5, 50.5, 99)
    assert LatencyStatistics.of([]) is None


def test_the_parts_of_a_real_run_add_up_to_the_time_between_request_and_report(twap_run):
    entries = list(twap_run.journal.entries())
    found = request_times(entries)
    asked = sum(entry.event in ("order", "cancel", "replace") for entry in entries)
    assert len(found) == asked > 8
    for way in found:
        assert way.sent_ns < way.arrived_ns <= way.started_ns <= way.done_ns < way.received_ns
    assert split_latency(entries, twap_run.children).link_out.mean_ns == pytest.approx(250_000)
