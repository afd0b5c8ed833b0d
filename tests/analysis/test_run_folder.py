"""The folder of a run appears complete, or not at all."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from simexec.analysis import run_folder
from simexec.analysis.run_folder import write_run
from simexec.analysis.summary import run_json
from simexec.config import load_scenario
from simexec.errors import InputError

from .handmade import ARRIVAL, DECISION, END, OPEN, Trade, mid_quotes, result_of

ALWAYS = {
    "scenario.yaml", "summary.json", "orders.parquet", "fills.parquet", "tca_orders.parquet", "tca_fills.parquet",
}  # fmt: skip


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_the_folder_holds_what_the_scenario_has_recorded(any_run, tmp_path):
    out = write_run(any_run, tmp_path / "run")
    recording = any_run.scenario.recording
    expected = set(ALWAYS)
    if recording.history.name != "OFF":
        expected |= {"prints.parquet"} | ({"quotes.parquet", "queues.parquet"} if recording.quotes else set())
    if recording.journal:
        expected |= {"journal.parquet"}
    assert names(out) == expected
    assert names(tmp_path) == {"run"}


def test_summary_and_scenario_can_be_read_again(twap_run, tmp_path):
    out = write_run(twap_run, tmp_path / "run")
    assert json.loads((out / "summary.json").read_text()) == run_json(twap_run)
    assert load_scenario(out / "scenario.yaml") == twap_run.scenario
    assert twap_run.journal_digest in (out / "scenario.yaml").read_text()


def test_tables_hold_the_run_column_by_column(twap_run, tmp_path):
    out = write_run(twap_run, tmp_path / "run")
    read = {name: pq.read_table(out / f"{name}.parquet") for name in ("quotes", "prints", "queues", "orders", "fills")}
    quotes = read["quotes"]
    for index, name in ((0, "time_ns"), (2, "bid_quantity"), (4, "ask_quantity")):
        assert np.array_equal(quotes[name].to_numpy(), twap_run.quotes[:, index])
    for side, column in (("bid", 1), ("ask", 3)):
        shown = twap_run.quotes[:, column + 1] > 0
        prices = quotes[f"{side}_price_quanta"]
        assert prices.null_count == (~shown).sum() > 0
        assert np.array_equal(prices.drop_null().to_numpy(), twap_run.quotes[shown, column])
    assert np.array_equal(read["prints"]["price_quanta"].to_numpy(), twap_run.prints[:, 1])
    assert np.array_equal(read["queues"]["quantity_ahead"].to_numpy(), twap_run.markets[0].queues[:, 3])
    assert set(read["queues"]["order_id"].to_pylist()) <= set(read["orders"]["order_id"].to_pylist())
    assert read["orders"].num_rows == 1 + len(twap_run.children)
    fills = read["fills"]
    assert sum(fills["quantity"].to_pylist()) == twap_run.parent.filled_quantity
    assert sum(fills["fee_units"].to_pylist()) == twap_run.parent.fees
    own = read["prints"].filter(np.array(read["prints"]["own_maker"]) | np.array(read["prints"]["own_taker"]))
    assert sum(own["quantity"].to_pylist()) == twap_run.parent.filled_quantity


def test_the_journal_has_nothing_where_a_request_or_report_has_nothing(tmp_path):
    run = result_of(mid_quotes((OPEN, "40.00")), [Trade(5, 700, "40.05", fee="17")])
    rows = pq.read_table(write_run(run, tmp_path / "run") / "journal.parquet").to_pylist()
    assert [row["event"] for row in rows] == [
        "order",
        "NEW",
        "TRADE",
        "cancel",
        "CANCELED",
        "cancel",
        "CANCEL_REJECTED",
    ]
    order, acknowledged, traded = rows[:3]
    assert (order["quantity"], order["price_ticks"], order["transact_ns"], order["maker"]) == (1000, 4000, None, None)
    assert (acknowledged["quantity"], acknowledged["arrived_ns"]) == (None, ARRIVAL)
    assert (traded["last_quantity"], traded["fee_units"], traded["maker"]) == (700, 17_000_000, True)
    assert (traded["arrived_ns"], traded["reason"], rows[-1]["reason"]) == (None, None, "TOO_LATE_TO_CANCEL")


def test_metadata_say_what_the_units_mean(tmp_path):
    run = result_of(mid_quotes((OPEN, "40.00")))
    out = write_run(run, tmp_path / "run")
    for name in ("orders", "fills", "quotes", "prints", "queues", "journal"):
        metadata = {
            key.decode(): value.decode() for key, value in pq.read_schema(out / f"{name}.parquet").metadata.items()
        }
        assert metadata["tick"] == "0.01"
        assert metadata["price_quantum"] == "0.0001"
        assert (metadata["currency"], metadata["units_per_currency"]) == ("USD", "1000000")
        assert metadata["epoch_utc"] == "2024-01-02T00:00:00+00:00"


def test_columns_keep_their_types_when_they_are_empty(tmp_path):
    out = write_run(result_of(mid_quotes((OPEN, "40.00")), arrival=None), tmp_path / "run")
    types = {field.name: str(field.type) for field in pq.read_schema(out / "fills.parquet")}
    assert (types["quantity"], types["maker"], types["price_quanta"]) == ("int64", "bool", "int64")
    assert "string" in types["exec_id"]


def test_a_figure_is_drawn_on_request(twap_run, tmp_path):
    out = write_run(twap_run, tmp_path / "run", plot=True)
    assert (out / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_folders_above_are_made_and_an_empty_one_is_used(tmp_path):
    run = result_of(mid_quotes((OPEN, "40.00")))
    out = write_run(run, tmp_path / "a" / "b" / "run")
    assert names(out) > ALWAYS
    empty = tmp_path / "empty"
    empty.mkdir()
    assert names(write_run(run, empty)) > ALWAYS


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
@pytest.mark.parametrize("written_before", [0, 3])
def test_a_failure_in_the_middle_leaves_nothing(tmp_path, monkeypatch, error, written_before):
    write, calls = run_folder._write_table, []

    def failing(*arguments):
        calls.append(arguments)
        if len(calls) > written_before:
            raise error
        write(*arguments)

    monkeypatch.setattr(run_folder, "_write_table", failing)
    with pytest.raises(type(error)):
        write_run(result_of(mid_quotes((OPEN, "40.00"))), tmp_path / "new" / "run")
    assert len(calls) == written_before + 1
    assert names(tmp_path) == set()


def test_a_failure_leaves_an_empty_folder_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(run_folder, "run_json", lambda result: {"cost": float("nan")})
    out = tmp_path / "run"
    out.mkdir()
    with pytest.raises(ValueError, match="JSON compliant"):
        write_run(result_of(mid_quotes((OPEN, "40.00"))), out)
    assert (names(tmp_path), names(out)) == ({"run"}, set())


def test_a_folder_that_holds_something_is_refused_and_untouched(tmp_path):
    (tmp_path / "precious").write_text("mine")
    with pytest.raises(InputError, match=rf"{tmp_path} is not empty; give the name of a new folder"):
        write_run(result_of(mid_quotes((OPEN, "40.00"))), tmp_path)
    assert names(tmp_path) == {"precious"}


def test_fills_are_in_order_of_time(tmp_path):
    run = result_of(mid_quotes((OPEN, "40.00")), [Trade(9, 100, "40.05"), Trade(5, 200, "40.06", maker=False)])
    fills = pq.read_table(write_run(run, tmp_path / "run") / "fills.parquet")
    assert fills["quantity"].to_pylist() == [200, 100]
    assert fills["maker"].to_pylist() == [False, True]
    assert fills["time_ns"].to_pylist() == [DECISION + 5 * 10**9, DECISION + 9 * 10**9]
    assert max(fills["time_ns"].to_pylist()) < END
