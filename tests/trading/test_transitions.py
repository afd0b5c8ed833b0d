"""The table says what every report does in every status."""

import pytest

from simexec.errors import TransitionError
from simexec.trading import transitions
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order, OrderSide, OrderStatus
from simexec.trading.report import ExecType, ExecutionReport
from simexec.trading.transitions import TRANSITIONS, Effect

AMZN = Instrument("AMZN", "0.01")


def report(exec_id, exec_type, time_ns, cum, leaves, **fields):
    return ExecutionReport(exec_id, "o1", exec_type, time_ns, cum, leaves, **fields)


FIRST_TRADE = report("t1", ExecType.TRADE, 10, 60, 40, last_quantity=60, last_price_quanta=100)
WAY_TO = {
    OrderStatus.PENDING: None,
    OrderStatus.SUBMITTED: [],
    OrderStatus.PARTIAL: [FIRST_TRADE],
    OrderStatus.FILLED: [
        FIRST_TRADE,
        report("t2", ExecType.TRADE, 20, 100, 0, last_quantity=40, last_price_quanta=100),
    ],
    OrderStatus.CANCELLED: [FIRST_TRADE, report("c", ExecType.CANCELED, 20, 60, 0)],
    OrderStatus.EXPIRED: [FIRST_TRADE, report("e", ExecType.EXPIRED, 20, 60, 0)],
    OrderStatus.REJECTED: [report("r", ExecType.REJECTED, 20, 0, 0)],
}


def order_that_is(status):
    order = Order("o1", AMZN, OrderSide.BUY, 100)
    if WAY_TO[status] is not None:
        order.submit(0)
        # A replace to a larger quantity is on its way, so that reports which presume it can be legal.
        order.request_replace(200)
        for sent in WAY_TO[status]:
            order.apply(sent)
    assert order.status is status
    return order


def next_report(exec_type, status):
    """A report that could come next if the table knew its type."""
    traded = WAY_TO[status] not in (None, []) and status is not OrderStatus.REJECTED
    cum = 0 if not traded else 100 if status is OrderStatus.FILLED else 60
    if exec_type is ExecType.TRADE:
        return report("x", exec_type, 20, cum or 10, 0, last_quantity=10, last_price_quanta=100)
    if exec_type is ExecType.TRADE_CANCEL and traded:
        return report("x", exec_type, 30, 0, 40, last_quantity=60, last_price_quanta=100, exec_ref_id="t1")
    if exec_type is ExecType.TRADE_CANCEL:
        return report("x", exec_type, 30, 0, 100, last_quantity=60, last_price_quanta=100, exec_ref_id="t9")
    if exec_type in (ExecType.REPLACED, ExecType.RESTATED):
        return report("x", exec_type, 15, cum, 200 - cum)
    return report("x", exec_type, 30, cum, 0)


PAIRS = [(status, exec_type) for status in OrderStatus for exec_type in ExecType]


@pytest.mark.parametrize(("status", "exec_type"), [pair for pair in PAIRS if pair not in TRANSITIONS])
def test_what_the_table_does_not_know_is_an_error_that_names_order_status_and_report(status, exec_type):
    order = order_that_is(status)
    with pytest.raises(TransitionError, match=f"order o1 is {status.name} and cannot take {exec_type.name}"):
        order.apply(next_report(exec_type, status))
    assert order.status is status
    assert "x" not in order.execution_ids


@pytest.mark.parametrize(("status", "exec_type"), [pair for pair in PAIRS if pair in TRANSITIONS])
def test_what_the_table_knows_leads_where_the_table_says(status, exec_type):
    order = order_that_is(status)
    order.apply(next_report(exec_type, status))
    assert order.status in TRANSITIONS[status, exec_type].leads_to
    assert "x" in order.execution_ids


def test_the_printed_table_is_the_table():
    lines = (transitions.__doc__ or "").splitlines()
    head = next(line for line in lines if line.startswith("status"))
    columns = [ExecType.TRADE_CANCEL if word == "BUST" else ExecType[word] for word in head.split()[1:]]
    printed = {}
    for line in lines:
        words = line.split()
        if words and words[0] in OrderStatus.__members__ and len(words) == 1 + len(columns):
            for exec_type, word in zip(columns, words[1:], strict=True):
                printed[OrderStatus[words[0]], exec_type] = None if word == "·" else Effect(word)
    assert len(printed) == len(PAIRS)
    assert {pair: effect for pair, effect in printed.items() if effect} == {
        pair: transition.effect for pair, transition in TRANSITIONS.items()
    }
