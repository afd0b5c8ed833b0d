"""One figure of a run: the price with what we did, the schedule against what was done, the queue ahead of us."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from simexec.analysis.benchmarks import Benchmarks
from simexec.analysis.decimate import QuoteBand, Reals
from simexec.analysis.fills import Fills, street_orders
from simexec.analysis.queues import queue_rows
from simexec.analysis.result import RunResult
from simexec.analysis.summary_text import trading_day
from simexec.analysis.tca import analyse
from simexec.sim.clock import MILLISECOND, SECOND
from simexec.trading.order import Order
from simexec.trading.vocabulary import OrderStatus

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette, which keeps its differences for the colour-blind; shapes differ too.
_PASSIVE: Final = "#0072B2"
_AGGRESSIVE: Final = "#D55E00"
_RESTING: Final = "#009E73"
_ENDED: Final = "#CC79A7"
_BENCHMARK: Final = "#000000"
_BAND: Final = "#C8C8C8"
_MID: Final = "#777777"

_ABOVE: Final[dict[str, Any]] = {
    "loc": "lower left", "bbox_to_anchor": (0, 1), "frameon": False, "fontsize": 9, "borderaxespad": 0.2,
    "handletextpad": 0.5, "columnspacing": 1.4,
}  # fmt: skip
"""Where legends stand: above their panel, where no line is."""
_LINEAR_QUEUE: Final = 200
"""Longest queue that is drawn to a linear scale, in shares."""
_BINS: Final = 1200
"""About one a pixel."""
_STEPS_S: Final = (
    1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5,
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400,
)  # fmt: skip


def draw_run(result: RunResult) -> Figure:
    """Draw a run: three panels over local time of day, from shortly before the decision to shortly after the end."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 10), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    price, schedule, queue = figure.subplots(3, 1, sharex=True, height_ratios=[3, 1.6, 1.6])
    fills = Fills.of(result)
    start_ns, end_ns = _window(result)
    figure.suptitle(_title(result), x=0.01, ha="left", fontsize=13)
    _draw_price(price, result, fills, start_ns, end_ns)
    _draw_schedule(schedule, result, fills, start_ns, end_ns)
    _draw_queue(queue, result)
    for axes in (price, schedule, queue):
        axes.grid(visible=True, color="#E6E6E6", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    _label_time(queue, result, start_ns, end_ns)
    return figure


def _title(result: RunResult) -> str:
    scenario, parent = result.scenario, result.parent
    day = trading_day(result)
    done = f"{parent.filled_quantity:,} of {parent.quantity:,} {parent.symbol}"
    title = f"{scenario.name}: {parent.side.name.lower()} {done} on {scenario.venue.name}"
    return title if day is None else f"{title}, {day}"


def _window(result: RunResult) -> tuple[int, int]:
    length = max(result.end_ns - result.decision_ns, MILLISECOND)
    margin = length // 25
    start_ns, end_ns = result.decision_ns - margin, result.decision_ns + length + margin
    return max(start_ns, min(result.open_ns, result.decision_ns)), min(end_ns, max(result.close_ns, result.end_ns))


def _seconds(time_ns: Any) -> Any:
    return time_ns / SECOND


# --- panels ------------------------------------------------------------------------------------


def _draw_price(axes: Axes, result: RunResult, fills: Fills, start_ns: int, end_ns: int) -> None:
    from matplotlib.collections import LineCollection

    quantum = float(result.instrument.quantum)
    band = QuoteBand.of(result.quotes, start_ns, end_ns, _BINS)
    edges = _seconds(band.edge_ns)
    bid, ask, mid = (
        _closed(column) * quantum for column in (band.lowest_bid_quanta, band.highest_ask_quanta, band.mid_quanta)
    )
    axes.fill_between(edges, bid, ask, step="post", color=_BAND, linewidth=0, label="bid to ask")
    for side in (bid, ask):  # what is left to see where the other side shows nothing
        axes.step(edges, side, where="post", color=_BAND, linewidth=0.8)
    axes.step(edges, mid, where="post", color=_MID, linewidth=0.7, label="mid")
    segments = [
        [(_seconds(begin), price * quantum), (_seconds(stop), price * quantum)]
        for begin, stop, price in _resting(result)
    ]
    if segments:
        axes.add_collection(LineCollection(segments, colors=_RESTING, linewidths=1.6, label="our resting limits"))
    marks = analyse(result).benchmarks
    _draw_benchmarks(axes, marks, result)
    prices = fills.price_quanta.astype(np.float64) * quantum
    for maker, colour, marker, label in (
        (True, _PASSIVE, "o", "passive fills"),
        (False, _AGGRESSIVE, "^" if result.parent.side.sign > 0 else "v", "aggressive fills"),
    ):
        some = fills.maker == maker
        if some.any():
            axes.scatter(
                _seconds(fills.time_ns[some]), prices[some], s=_areas(fills.quantity, fills.quantity[some]),
                c=colour, marker=marker, edgecolors="white", linewidths=0.4, alpha=0.85, zorder=4, label=label,
            )  # fmt: skip
    _frame_prices(axes, [bid, ask, prices, np.array([y for (_, y), _ in segments])], float(result.instrument.tick))
    axes.set_ylabel(f"price, {result.instrument.currency}")
    axes.ticklabel_format(axis="y", useOffset=False)
    legend = axes.legend(**_ABOVE, ncols=7)
    for handle in legend.legend_handles:
        if handle is not None and hasattr(handle, "set_sizes"):
            handle.set_sizes([36])


def _draw_benchmarks(axes: Axes, marks: Benchmarks, result: RunResult) -> None:
    for price, style, label in (
        (marks.arrival_mid, (0, (5, 3)), "arrival mid"),
        (marks.vwap, (0, (1, 1.5)), "market VWAP"),
    ):
        if price is not None:
            ends = _seconds(np.array([result.decision_ns, result.end_ns]))
            axes.plot(ends, [float(price)] * 2, color=_BENCHMARK, linestyle=style, linewidth=1.1, label=label)


def _draw_schedule(axes: Axes, result: RunResult, fills: Fills, start_ns: int, end_ns: int) -> None:
    from matplotlib.ticker import MaxNLocator

    quantity = result.parent.quantity
    if len(result.plan):
        due_ns, due = _seconds(result.plan[:, 0]), result.plan[:, 1]
        axes.plot(due_ns, due, color=_MID, linestyle=(0, (5, 3)), linewidth=1.2, label="schedule")
    else:
        axes.axhline(quantity, color=_MID, linestyle=(0, (5, 3)), linewidth=1.2, label="ordered")
    times = _seconds(np.concatenate([[start_ns], fills.time_ns, [end_ns]]))
    done = np.concatenate([[0], np.cumsum(fills.quantity), [fills.total_quantity]])
    axes.step(times, done, where="post", color=_PASSIVE, linewidth=1.6, label="filled")
    axes.set_ylim(0, quantity * 1.05)
    axes.set_ylabel("shares, cumulative")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(_thousands)
    axes.legend(**_ABOVE, ncols=2)


def _draw_queue(axes: Axes, result: RunResult) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_ylabel("shares ahead of us")
    axes.yaxis.set_major_formatter(_thousands)
    queues = list(_queues(result))
    if not queues:
        text = "no order of ours rested, or queues were not recorded"
        axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=_MID)
        axes.set_yticks([])
        return
    for filled, colour, label in ((True, _RESTING, "filled in the end"), (False, _ENDED, "cancelled or expired")):
        some = [(times, ahead) for order, times, ahead in queues if (order.status is OrderStatus.FILLED) is filled]
        for index, (times, ahead) in enumerate(some):
            axes.step(_seconds(times), ahead, where="post", color=colour, linewidth=1.1, label="_" if index else label)
            axes.plot(_seconds(times[:1]), ahead[:1], color=colour, marker=".", markersize=4)
    most = max(int(ahead.max()) for _, _, ahead in queues)
    if most > _LINEAR_QUEUE:
        axes.set_yscale("symlog", linthresh=10, linscale=0.5)
        axes.set_ylim(0, most * 2)
        axes.set_ylabel("shares ahead of us, log from 10")
        axes.yaxis.set_major_formatter(_thousands)
    else:
        axes.set_ylim(0, max(1, most) * 1.05)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(**_ABOVE, ncols=2)


# --- what is drawn -----------------------------------------------------------------------------


def _resting(result: RunResult) -> Iterator[tuple[int, int, int]]:
    """Begin, end and price in quanta of every stretch of time that an order of ours rested at one price."""
    replaced: dict[str, list[tuple[int, int]]] = {}
    sent: dict[str, int] = {}
    for entry in result.journal.entries():
        if entry.price_ticks is not None and entry.event == "REPLACED":
            replaced.setdefault(entry.order_id, []).append((entry.transact_ns, entry.price_ticks))
        elif entry.price_ticks is not None and entry.event == "order":
            sent[entry.order_id] = entry.price_ticks
    for order in street_orders(result):
        begin, end = order.acknowledged_ns, order.closed_ns
        if begin is None or end is None or order.price_ticks is None:
            continue
        changes = [(begin, sent.get(order.order_id, order.price_ticks)), *sorted(replaced.get(order.order_id, []))]
        stops = [*(time_ns for time_ns, _ in changes[1:]), end]
        for (start, ticks), stop in zip(changes, stops, strict=True):
            if stop > start:
                yield start, stop, ticks * order.instrument.subticks


def _queues(result: RunResult) -> Iterator[tuple[Order, Any, Any]]:
    """Every order that rested, with times and the quantity ahead of it, up to its end."""
    for order, rows in queue_rows(result):
        if order.closed_ns is not None:
            end_ns = max(order.closed_ns, int(rows[-1, 0]))
            yield order, np.append(rows[:, 0], end_ns), np.append(rows[:, 3], rows[-1, 3])


def _closed(column: Reals) -> Reals:
    """Values of bins as steps: the last one holds up to the right edge."""
    return np.append(column, column[-1:])


def _areas(all_quantities: Any, quantities: Any) -> Any:
    """Marker areas (points²) in proportion to size, and visible."""
    return 6 + 60 * quantities / all_quantities.max()


# --- axes --------------------------------------------------------------------------------------


def _frame_prices(axes: Axes, columns: list[Reals], tick: float) -> None:
    """Show all we did; of the market's range at most three times its middle 99 %, so that no freak quote hides it."""
    bid, ask, *ours = columns
    market = np.concatenate([bid, ask])
    market = market[~np.isnan(market)]
    known = np.concatenate([np.concatenate(ours), market])
    if len(known) == 0:
        return
    low, high = known.min(), known.max()
    if len(market) > 0:
        bottom, top = np.quantile(market, [0.005, 0.995])
        reach = max(top - bottom, 10 * tick)
        own = np.concatenate([np.concatenate(ours), [bottom, top]])
        low, high = max(low, own.min() - reach), min(high, own.max() + reach)
    margin = max(0.05 * (high - low), tick)
    axes.set_ylim(low - margin, high + margin)


def _label_time(axes: Axes, result: RunResult, start_ns: int, end_ns: int) -> None:
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    start, end = _seconds(start_ns), _seconds(end_ns)
    # Labels with seconds, and with fractions of them, are wider, so fewer have room.
    step = next((step for step in _STEPS_S if (end - start) / step <= (11 if step >= 1 else 7)), 86_400.0)
    decimals = max(0, -math.floor(math.log10(step)))

    def write(x: float, _: object) -> str:
        whole = round(x * 10**decimals)
        seconds, fraction = divmod(whole, 10**decimals)
        text = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}"
        if step < 60:
            text += f":{seconds % 60:02d}" + (f".{fraction:0{decimals}d}" if decimals else "")
        return text

    axes.set_xlim(start, end)
    axes.xaxis.set_major_locator(MultipleLocator(step))
    axes.xaxis.set_major_formatter(FuncFormatter(write))
    axes.set_xlabel(f"local time of day, {result.scenario.session.timezone}")


def _thousands(value: float, _: object) -> str:
    return f"{value:,.0f}" if value == round(value) else ""
