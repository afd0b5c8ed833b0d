"""The figure of a run shows what happened, when and at which price."""

import numpy as np
import pytest

from simexec.analysis.figure import draw_run
from simexec.analysis.tca import analyse

from .handmade import ARRIVAL, DECISION, END, OPEN, Trade, mid_quotes, result_of

DAY = mid_quotes((OPEN, "40.00"), (ARRIVAL - 1, "40.04"), (END, "40.08"))
TRADES = [Trade(5, 300, "40.00"), Trade(9, 100, "40.06", maker=False)]


def legend_of(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_any_run_can_be_drawn(any_run, tmp_path):
    figure = draw_run(any_run)
    figure.savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    assert len(figure.axes) == 3


def test_fills_stand_where_they_happened_and_their_size_follows_the_quantity():
    price = draw_run(result_of(DAY, TRADES)).axes[0]
    passive, aggressive = (found for found in price.collections if "fills" in str(found.get_label()))
    assert passive.get_offsets().tolist() == [[(DECISION + 5 * 10**9) / 1e9, 40.00]]
    assert aggressive.get_offsets().tolist() == [[(DECISION + 9 * 10**9) / 1e9, 40.06]]
    assert passive.get_sizes()[0] > aggressive.get_sizes()[0]
    assert passive.get_facecolor().tolist() != aggressive.get_facecolor().tolist()


def test_a_resting_limit_is_drawn_from_its_acknowledgement_to_its_end():
    run = result_of(DAY, TRADES)
    price = draw_run(run).axes[0]
    (limits,) = (found for found in price.collections if found.get_label() == "our resting limits")
    (segment,) = limits.get_segments()
    child = run.children[0]
    assert segment.tolist() == [[child.acknowledged_ns / 1e9, 40.0], [child.closed_ns / 1e9, 40.0]]


def test_benchmarks_are_drawn_and_named():
    run = result_of(DAY, TRADES, prints=[(DECISION, "40.02", 10)])
    price = draw_run(run).axes[0]
    assert {"arrival mid", "market VWAP", "mid", "bid to ask"} <= set(legend_of(price))
    (vwap,) = (line for line in price.lines if line.get_label() == "market VWAP")
    assert list(vwap.get_ydata()) == [40.02, 40.02]


def test_a_plan_rises_to_its_quantity_and_the_fills_below_it():
    plan = [(DECISION, 0), (DECISION + 600 * 10**9, 1000)]
    schedule = draw_run(result_of(DAY, TRADES, plan=plan)).axes[1]
    planned, filled = schedule.lines
    assert list(planned.get_xdata()) == [DECISION / 1e9, DECISION / 1e9 + 600]
    assert list(planned.get_ydata()) == [0, 1000]
    assert filled.get_ydata().tolist() == [0, 300, 400, 400]


def test_queues_are_drawn_up_to_the_end_of_their_order():
    run = result_of(DAY, TRADES)
    queue = draw_run(run).axes[2]
    line = queue.lines[0]
    assert line.get_xdata().tolist() == [(ARRIVAL + 25_000) / 1e9, run.children[0].closed_ns / 1e9]
    assert line.get_ydata().tolist() == [300, 300]
    assert legend_of(queue) == ["cancelled or expired"]


def test_a_run_without_queues_says_so():
    queue = draw_run(result_of(DAY, arrival=None)).axes[2]
    assert [text.get_text() for text in queue.texts] == ["no order of ours rested, or queues were not recorded"]


def test_one_freak_quote_does_not_squeeze_the_rest_of_the_price():
    day = [(OPEN + i * 10**10, "40.00" if i % 2 else "40.10") for i in range(200)]
    quotes = mid_quotes(*day, (OPEN + 2 * 10**12, "400.00"), (OPEN + 2 * 10**12 + 1, "40.00"))
    low, high = draw_run(result_of(quotes, TRADES)).axes[0].get_ylim()
    assert 39 < low < 40.00 < 40.10 < high < 41


def test_axes_count_in_local_time_of_day():
    figure = draw_run(result_of(DAY, TRADES))
    figure.canvas.draw()
    labels = [tick.get_text() for tick in figure.axes[2].get_xticklabels()]
    assert [label for label in labels if label > "10:00"][:3] == ["10:01", "10:02", "10:03"]
    assert "UTC" in figure.axes[2].get_xlabel()


def test_drawing_leaves_no_state_behind():
    import matplotlib

    before = dict(matplotlib.rcParams)
    draw_run(result_of(DAY, TRADES))
    assert dict(matplotlib.rcParams) == before


def test_the_drawn_fills_are_those_of_the_analysis(twap_run):
    price = draw_run(twap_run).axes[0]
    drawn = sum(len(found.get_offsets()) for found in price.collections if "fills" in str(found.get_label()))
    assert drawn == sum(len(child.trades) for child in twap_run.children)
    assert analyse(twap_run).filled_quantity == pytest.approx(np.max(draw_run(twap_run).axes[1].lines[1].get_ydata()))
