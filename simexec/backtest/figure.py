"""One figure of a backtest: equity, how far it is below its highest, and how much of it was exposed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from simexec.trading.money import units_per

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from simexec.backtest.results import BacktestResults

# Okabe and Ito's palette, which keeps its differences for the colour-blind.
_EQUITY: Final = "#0072B2"
_FALL: Final = "#D55E00"
_EXPOSED: Final = "#009E73"
_GREY: Final = "#777777"


def draw_backtest(results: BacktestResults) -> Figure:
    """Draw a backtest: three panels over time, in the backtest's time zone."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 8), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    equity, fall, exposure = figure.subplots(3, 1, sharex=True, height_ratios=[3, 1.4, 1.2])
    config = results.config
    title = f"{', '.join(config.symbols[:5])}{' and others' if len(config.symbols) > 5 else ''}: {results.total_return:+.2%}"
    figure.suptitle(f"{title}, {results.total_trades:,} trades", x=0.01, ha="left", fontsize=13)
    times = results.times
    _draw_equity(equity, results, times)
    _draw_fall(fall, results, times)
    _draw_exposure(exposure, results, times)
    for axes in (equity, fall, exposure):
        axes.grid(visible=True, color="#E6E6E6", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    locator = AutoDateLocator(tz=config.zone)  # type: ignore[no-untyped-call]  # matplotlib's own gap
    exposure.xaxis.set_major_locator(locator)
    exposure.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=config.zone))  # type: ignore[no-untyped-call]  # as above
    exposure.set_xlabel(f"time, {config.timezone}")
    return figure


def _draw_equity(axes: Axes, results: BacktestResults, times: npt.NDArray[np.datetime64]) -> None:
    axes.step(times, results.equity, where="post", color=_EQUITY, linewidth=1.1, label="equity")
    axes.axhline(
        float(results.initial_equity), color=_GREY, linewidth=0.8, linestyle="--", label="capital at the start"
    )
    axes.set_ylabel(f"equity, {results.config.currency}")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, fontsize=9, borderaxespad=0.2)


def _draw_fall(axes: Axes, results: BacktestResults, times: npt.NDArray[np.datetime64]) -> None:
    curve = results.equity
    highest = np.maximum.accumulate(curve) if len(curve) else curve
    below = np.where(highest > 0, curve / np.where(highest > 0, highest, 1.0) - 1, 0.0) * 100
    axes.fill_between(times, below, 0, step="post", color=_FALL, alpha=0.35, linewidth=0)
    axes.step(times, below, where="post", color=_FALL, linewidth=0.8)
    axes.set_ylabel("below highest, %")
    fall = results.drawdown
    if fall is not None and fall.depth is not None:
        at = np.datetime64(fall.trough_ns + results.epoch_ns, "ns")
        axes.plot(np.array([at]), [fall.depth * 100], "v", color=_FALL, markersize=7)
        axes.annotate(
            f"{fall.depth:.2%}", (at, fall.depth * 100), xytext=(8, 2), textcoords="offset points", fontsize=9,
            color=_FALL,
        )  # fmt: skip
        axes.set_ylim(min(float(below.min()), fall.depth * 100) * 1.25, 0)


def _draw_exposure(axes: Axes, results: BacktestResults, times: npt.NDArray[np.datetime64]) -> None:
    held = results.curve.exposure / units_per(results.config.currency)
    worth = results.equity
    share = np.where(worth > 0, held / np.where(worth > 0, worth, 1.0), 0.0) * 100
    axes.fill_between(times, share, 0, step="post", color=_EXPOSED, alpha=0.5, linewidth=0)
    axes.set_ylabel("exposure, %\nof equity")
    axes.set_ylim(bottom=0)
