"""A resilient book: Obizhaeva and Wang's schedule against TWAP, theory and simulation.

    python scenarios/obizhaeva_wang.py                     a table
    python scenarios/obizhaeva_wang.py --plot saving.png   and a figure

An order to buy 100,000 shares is worked by 13 trades, five minutes apart. The book is a block: the whole order at once would move
the price by 50 bp. What is taken comes back exponentially. Both algorithms run through broker, lines, venue and reports; the theory
is ``simexec.models.obizhaeva_wang``. A cost is in basis points beyond the best offer. Fills are rounded up to a price quantum, here
0.01 bp, and that is all by which simulation and theory may differ.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import attrs
import numpy as np
import numpy.typing as npt

from simexec.algos import TWAP, Tactics
from simexec.algos.obizhaeva_wang import ObizhaevaWang
from simexec.execution import Broker, OrderManager, ParentExecution
from simexec.execution.parent import work
from simexec.market.tape import QuoteTape
from simexec.models.impact import LinearImpactModel
from simexec.models.obizhaeva_wang import ObizhaevaWang as Model
from simexec.protocols import Algorithm
from simexec.sim import Constant, Simulation, parse_duration
from simexec.trading.instrument import Instrument
from simexec.trading.portfolio import Portfolio
from simexec.trading.vocabulary import OrderSide, OrderType
from simexec.venue import TradingHours
from simexec.venue.model_venue import ModelVenue

if TYPE_CHECKING:
    from matplotlib.axes import Axes

QUANTITY = 100_000
TRADES = 13
INTERVAL_MIN = 5
MOVE = 0.005  # of the price, by the whole order at once
BID, ASK = 99.99, 100.01
DURATION = f"{TRADES * INTERVAL_MIN}m"
DAY_MIN = 390.0  # the theory's unit of time
HALF_LIVES_MIN = (0.5, 1, 2, 5, 10, 20, 40, 80, 160, 320, 640)
SHOWN_MIN = 10  # half-life of the figure's left side

# Okabe and Ito's colours, which the colour-blind tell apart.
COLOURS = {"TWAP": "#D55E00", "Obizhaeva–Wang": "#0072B2"}
GREY = "#777777"

Reals = npt.NDArray[np.float64]


@attrs.frozen
class Worked:
    """What became of the order.

    Attributes:
        minutes: of each child's fill, since the first.
        shares: of each child.
        prices: of each child, its average.
    """

    minutes: Reals
    shares: Reals
    prices: Reals

    @property
    def cost_bps(self) -> float:
        """Cost beyond the best offer."""
        return float((self.prices - ASK) @ self.shares / self.shares.sum() / ASK * 1e4)


def algorithms(half_life: str) -> tuple[Algorithm, Algorithm]:
    """TWAP, and Obizhaeva–Wang for this half-life of the book; both take what they need at once."""
    return (
        TWAP(slices=TRADES, duration=DURATION, tactics=Tactics(passive=False)),
        ObizhaevaWang(slices=TRADES, duration=DURATION, half_life=half_life),
    )


def simulate(algorithm: Algorithm, half_life: str) -> Worked:
    """Work the order in a book that recovers half of what was taken within ``half_life``."""
    share = Instrument("DEMO", Decimal("0.01"))
    hours = TradingHours(0, parse_duration("2h"))
    quotes = QuoteTape.of(share, [[0], [BID], [QUANTITY], [ASK], [QUANTITY]])
    with Simulation(seed=1) as sim:
        venue = ModelVenue(
            sim,
            "BLOCK",
            share,
            quotes,
            hours,
            service=Constant("10us"),
            participation=1,
            impact=LinearImpactModel(lasting_rate=MOVE, half_life=half_life),
        )
        broker = Broker(sim)
        broker.connect(venue)
        manager = OrderManager(broker, Portfolio(100_000_000, "USD"), [share], sim=sim)
        view = venue.view(Constant("250us"), "view")
        sim.run("1m")
        parent = manager.create(share, OrderSide.BUY, QUANTITY, OrderType.MARKET, None)
        execution = ParentExecution(sim, manager, parent, view, sim.rng("algorithm"), hours.close_ns)
        sim.run(work(execution, manager, algorithm))
        fills = [
            (report.time_ns / 60e9, report.last_quantity, child.average_price)
            for child in execution.children
            for report in child.trades
        ]
    minutes, shares, prices = np.array(fills, np.float64).T
    return Worked(minutes - minutes[0], shares, prices)


# --- theory ---


def model(half_life_min: float) -> Model:
    """The book as Obizhaeva and Wang describe it."""
    return Model(resilience=Model.resilience_of(half_life_min / DAY_MIN), depth=QUANTITY / (MOVE * ASK))


def schedules(half_life_min: float) -> tuple[Reals, Reals]:
    """Trades of TWAP and of the optimum, not rounded."""
    horizon = (TRADES - 1) * INTERVAL_MIN / DAY_MIN
    return np.full(TRADES, QUANTITY / TRADES), model(half_life_min).trades(QUANTITY, horizon, TRADES)


def moved_bps(trades: Reals, half_life_min: float, minutes: Reals) -> Reals:
    """By how much the best offer is above where it was, at times counted from the first trade; a trade's own moment is after it."""
    since = minutes[:, None] - INTERVAL_MIN * np.arange(len(trades))
    left = np.where(since >= 0, 0.5 ** (np.maximum(since, 0) / half_life_min), 0.0)
    return left @ trades / QUANTITY * MOVE * 1e4


def cost_bps(trades: Reals, half_life_min: float) -> float:
    """What theory says that trades cost."""
    return model(half_life_min).cost(trades, INTERVAL_MIN / DAY_MIN) / (QUANTITY * ASK) * 1e4


# --- what is shown ---


def table() -> str:
    """Costs by half-life: theory and simulation of each, and what the better schedule saves."""
    lines = [
        "half-life        TWAP, bp     Obizhaeva–Wang, bp        saving, bp",
        "      min   theory   simulated   theory   simulated   theory   simulated",
    ]
    for minutes in HALF_LIVES_MIN:
        theory = [cost_bps(trades, minutes) for trades in schedules(minutes)]
        simulated = [simulate(one, f"{minutes}m").cost_bps for one in algorithms(f"{minutes}m")]
        pairs = [*zip(theory, simulated, strict=True), (theory[0] - theory[1], simulated[0] - simulated[1])]
        lines.append(f"{minutes:9g}" + "".join(f"{said:9.3f}{done:12.3f}" for said, done in pairs))
    return "\n".join(lines)


def draw(file: str) -> None:
    """Draw the schedules and the prices they pay at one half-life, and cost and saving over all of them."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 7.5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    (sizes, costs), (prices, saving) = figure.subplots(2, 2, width_ratios=[1, 1.1], height_ratios=[1.15, 1])
    title = f"Buying {QUANTITY:,} shares in a resilient book: {TRADES} trades, {INTERVAL_MIN} minutes apart"
    legend = "bars and lines: theory    dots: simulated, through broker, lines and venue"
    figure.suptitle(f"{title}\n", x=0.01, ha="left", fontsize=14)
    figure.text(0.01, 0.938, legend, fontsize=10, color=GREY)
    _draw_schedules(sizes, prices)
    _draw_costs(costs, saving)
    for axes in (sizes, prices, costs, saving):
        axes.grid(visible=True, color="#E6E6E6", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_ylim(bottom=0)
    figure.savefig(file)


def _draw_schedules(sizes: Axes, prices: Axes) -> None:
    """Child sizes, and the best offer as the trades move it, with the prices paid."""
    from matplotlib.ticker import MaxNLocator

    done = [simulate(one, f"{SHOWN_MIN}m") for one in algorithms(f"{SHOWN_MIN}m")]
    minutes = np.append(-1e-9, np.linspace(0, (TRADES - 1) * INTERVAL_MIN, 12 * 60 + 1))
    at = INTERVAL_MIN * np.arange(TRADES)
    for name, trades, worked, shift in zip(COLOURS, schedules(SHOWN_MIN), done, (-0.5, 0.5), strict=True):
        colour = COLOURS[name]
        sizes.vlines(at + shift, 0, trades / 1000, color=colour, linewidth=4, alpha=0.45)
        sizes.plot(worked.minutes + shift, worked.shares / 1000, "o", color=colour, markersize=5, label=name)
        prices.plot(minutes, moved_bps(trades, SHOWN_MIN, minutes), color=colour, linewidth=1.1, alpha=0.8)
        prices.plot(worked.minutes, (worked.prices / ASK - 1) * 1e4, "o", color=colour, markersize=5)
    sizes.set_title(f"Schedule; half of what is taken is back in {SHOWN_MIN} minutes", loc="left", fontsize=11)
    sizes.set_ylabel("shares of a trade, thousands")
    sizes.yaxis.set_major_locator(MaxNLocator(integer=True))
    sizes.legend(frameon=False, loc="upper center")
    prices.set_title("Best offer (lines) and prices paid (dots)", loc="left", fontsize=11)
    prices.set_ylabel("bp above the first offer")
    prices.set_xlabel("minutes since the first trade")


def _draw_costs(costs: Axes, saving: Axes) -> None:
    """Cost of both by half-life, and the difference."""
    curve = np.geomspace(HALF_LIVES_MIN[0], HALF_LIVES_MIN[-1], 200)
    theory = np.array([[cost_bps(trades, one) for trades in schedules(one)] for one in curve.tolist()]).T
    runs = [[simulate(one, f"{half}m").cost_bps for one in algorithms(f"{half}m")] for half in HALF_LIVES_MIN]
    simulated = np.array(runs).T
    for name, line, dots in zip(COLOURS, theory, simulated, strict=True):
        costs.plot(curve, line, color=COLOURS[name], linewidth=1.4)
        costs.plot(HALF_LIVES_MIN, dots, "o", color=COLOURS[name], markersize=5, label=name)
    costs.fill_between(curve, theory[1], theory[0], color=GREY, alpha=0.18, linewidth=0)
    costs.set_title("Cost by the book's half-life", loc="left", fontsize=11)
    costs.set_ylabel("bp above the first offer")
    costs.legend(frameon=False, loc="upper left")
    saving.plot(curve, theory[0] - theory[1], color="black", linewidth=1.4)
    saving.plot(HALF_LIVES_MIN, simulated[0] - simulated[1], "o", color="black", markersize=5)
    saving.set_title("What Obizhaeva–Wang saves", loc="left", fontsize=11)
    saving.set_ylabel("bp")
    saving.set_xlabel("half-life of the book, minutes")
    for axes in (costs, saving):
        axes.axvline(SHOWN_MIN, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.set_xscale("log")
        axes.set_xticks(HALF_LIVES_MIN, [f"{half:g}" for half in HALF_LIVES_MIN])
        axes.minorticks_off()


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, and draw the figure if one is asked for."""
    parser = argparse.ArgumentParser(description="Obizhaeva and Wang's schedule against TWAP in a resilient book.")
    parser.add_argument("--plot", metavar="FILE", help="draw a figure, such as saving.png")
    options = parser.parse_args(arguments)
    print(table())
    if options.plot:
        draw(options.plot)


if __name__ == "__main__":
    main()
