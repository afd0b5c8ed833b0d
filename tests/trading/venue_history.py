"""Histories that a venue could have sent: drawn by hypothesis, in the venue's own order."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

from simexec.trading.report import ExecType, ExecutionReport

MAYBE = st.one_of(st.none(), st.integers(1, 99))


@dataclass
class History:
    """What a venue reported of one order, and the replaces that it was asked for."""

    quantity: int
    reports: list[ExecutionReport] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    busts: bool = False
    raises: bool = False


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Acks, trades, busts, replaces up and down, triggers, restatements, refusals, and an end or none."""
    quantity = in_force = draw(st.integers(1, 30))
    history = History(quantity)
    clock, cum, number = 1, 0, 0
    standing: list[ExecutionReport] = []
    ended = False

    def say(exec_type: ExecType, **fields: object) -> ExecutionReport:
        nonlocal number
        number += 1
        report = ExecutionReport(
            f"x{number}",
            "o1",
            exec_type,
            clock,
            cum,
            0 if ended else in_force - cum,
            **fields,  # type: ignore[arg-type]
        )
        history.reports.append(report)
        return report

    if draw(st.integers(0, 9)) == 0:
        ended = True
        say(ExecType.REJECTED, text="closed")
        if draw(st.booleans()):
            say(ExecType.CANCEL_REJECTED, answers_replace=False)
        return history
    say(ExecType.NEW)
    for _ in range(draw(st.integers(0, 9))):
        live = not ended and cum < in_force
        choices = []
        if live:
            choices += ["trade", "trade", "sweep", "replace", "restate", "cancel", "expire"]
        if standing:
            choices.append("bust")
        choices += ["refuse", "trigger"]
        choice = draw(st.sampled_from(choices))
        if choice not in ("sweep", "cancel"):
            clock += draw(st.integers(1, 3))
        if choice in ("trade", "sweep"):
            if choice == "sweep" and history.reports[-1].exec_type is not ExecType.TRADE:
                clock += 1
            last = draw(st.integers(1, in_force - cum))
            cum += last
            trade = say(
                ExecType.TRADE,
                last_quantity=last,
                last_price_quanta=draw(st.integers(1, 999)),
                fee=draw(st.integers(-50, 50)),
            )
            standing.append(trade)
        elif choice == "bust":
            trade = standing.pop(draw(st.integers(0, len(standing) - 1)))
            cum -= trade.last_quantity
            history.busts = True
            say(
                ExecType.TRADE_CANCEL,
                last_quantity=trade.last_quantity,
                last_price_quanta=trade.last_price_quanta,
                fee=trade.fee,
                exec_ref_id=trade.exec_id,
            )
            clock += 1
        elif choice == "replace":
            if draw(st.booleans()):  # in the same nanosecond, as when it slides on entry and is replaced at once
                say(ExecType.RESTATED, price_ticks=draw(MAYBE))
            asked = draw(st.integers(1, 60))
            history.asked.append(asked)
            history.raises |= asked > in_force
            in_force = max(asked, cum)
            say(ExecType.REPLACED, price_ticks=draw(MAYBE), stop_ticks=draw(MAYBE))
        elif choice == "restate":
            say(ExecType.RESTATED, price_ticks=draw(MAYBE), stop_ticks=draw(MAYBE))
        elif choice == "trigger":
            say(ExecType.TRIGGERED)
        elif choice == "refuse":
            replace = draw(st.booleans())
            if replace:
                history.asked.append(draw(st.integers(1, 60)))
            say(ExecType.CANCEL_REJECTED, answers_replace=replace, text="too late")
        else:
            if history.reports[-1].exec_type is not ExecType.TRADE:
                clock += 1
            ended = True
            say(ExecType.CANCELED if choice == "cancel" else ExecType.EXPIRED)
    return history
