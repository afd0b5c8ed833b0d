"""What a run says of itself, to programs and to people."""

import json
import subprocess
import sys

import attrs
import pytest

from simexec.analysis.summary import format_run, run_json

from .handmade import ARRIVAL, DECISION, END, OPEN, Trade, mid_quotes, result_of

DAY = mid_quotes((OPEN, "40.00"), (ARRIVAL - 1, "40.04"), (END, "40.08"))
PEROLD = [Trade(5, 700, "40.05", fee="17")]


def round_trip(value):
    return json.loads(json.dumps(value, allow_nan=False))


def test_any_run_is_json_without_a_loss(any_run):
    found = run_json(any_run)
    assert round_trip(found) == found
    assert {
        "journal_digest", "parent", "shortfall_bps", "children", "flow_messages", "calendar_events", "divergence",
        "invariants", "portfolio", "venue", "markets", "seconds", "routing", "breaker",
        "scenario", "seed", "replication", "benchmarks", "tca", "assumptions", "versions",
    } == set(found)  # fmt: skip
    assert list(found["shortfall_bps"]) == ["delay", "trading", "opportunity", "fees", "total"]
    assert found["invariants"]
    assert all(found["invariants"].values())


def test_the_json_holds_the_order_and_its_cost():
    found = run_json(attrs.evolve(result_of(DAY, PEROLD), replication=4))
    assert found["shortfall_bps"] == {"delay": 7.0, "trading": 1.75, "opportunity": 6.0, "fees": 4.25, "total": 19.0}
    parent = found["parent"]
    assert (parent["quantity"], parent["filled_quantity"], parent["average_price"]) == (1000, 700, 40.05)
    assert parent["average_price_exact"] == "40.0500"
    assert (parent["status"], parent["reason"], parent["side"]) == ("EXPIRED", "out of time", "BUY")
    (child,) = found["children"]
    assert (child["status"], child["filled_quantity"], child["limit_price"]) == ("CANCELLED", 700, "40.00")
    assert (found["replication"], found["seed"], found["divergence"]) == (4, 0, {})
    assert (found["benchmarks"]["decision_ns"], found["benchmarks"]["end_mid"]) == (DECISION, 40.08)
    assert found["scenario"]["algorithm"]["slices"] == 10


def test_parts_in_json_sum_to_the_total(twap_run):
    bps = run_json(twap_run)["shortfall_bps"]
    assert sum(bps[part] for part in ("delay", "trading", "opportunity", "fees")) == pytest.approx(bps["total"])


def test_a_replay_reports_its_divergence():
    run = attrs.evolve(result_of(DAY, PEROLD), divergence={"shares_taken": 12, "time_outside_window": 0.25})
    assert run_json(run)["divergence"] == {"shares_taken": 12, "time_outside_window": 0.25}
    text = " ".join(format_run(run).split())
    assert "12 taken from recorded orders" in text
    assert "25.0 % of resting time outside the recorded levels" in text


def test_any_run_has_a_summary_for_a_terminal_of_100_columns_and_a_pipe(any_run):
    text = format_run(any_run)
    lines = text.splitlines()
    assert max(map(len, lines)) <= 100
    assert 30 <= len(lines) <= 60
    assert text.isascii()
    assert "\x1b" not in text
    assert not any(line != line.rstrip() for line in lines)
    assert "None" not in text
    assert "nan" not in text.lower().split()


def test_the_summary_says_what_was_asked_what_happened_and_what_it_cost():
    text = format_run(result_of(DAY, PEROLD))
    for words in (
        "buy 1,000 TEST at the market by TWAP (slices 10, duration 10m), decided at 10:01:00",
        "EXPIRED: 700 filled (70.0 %) at 40.0500 on average, done at 10:11:00; out of time",
        "1: 1 CANCELLED; 1 cancels too late",
        "total            19.00 bp        76.00 USD",
        "the world is simple",
        "cash balances",
    ):
        assert words in text, text


def test_the_summary_of_an_order_that_never_traded_has_dashes_where_nothing_is_known():
    text = format_run(result_of(DAY))
    assert "EXPIRED: 0 filled (0.0 %), done" in text
    assert "fills: none" in text
    assert "decision mid         - bp          40.0000" in text


def test_the_summary_admits_a_benchmark_that_is_older_than_its_time():
    text = format_run(result_of(mid_quotes((OPEN, "40.00"), (END - 1, None))))
    assert "a side of the book was empty at the time of: end mid, close mid" in text


def test_a_summary_needs_neither_pyarrow_nor_matplotlib():
    code = (
        "import sys, simexec.analysis.summary, simexec.analysis.run_folder, simexec.analysis.figure;"
        "print(sorted({'pyarrow', 'matplotlib'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
