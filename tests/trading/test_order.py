"""An order's status follows the venue's reports, in whatever order and however often they arrive."""

import random
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simexec.errors import OrderError, TransitionError
from simexec.trading.instrument import Instrument
from simexec.trading.order import TRANSITIONS, Order, OrderSide, OrderStatus, OrderType
from simexec.trading.report import ExecType, ExecutionReport, RejectReason
from simexec.trading.terms import OrderTerms

from .venue_history import histories

AMZN = Instrument("AMZN", "0.01")


def order_of(quantity=100, **fields):
    order = Order("o1", AMZN, OrderSide.BUY, quantity, **fields)
    order.submit(0)
    return order


def ack(time_ns=1):
    return ExecutionReport("ack", "o1", ExecType.NEW, time_ns, 0, 100)


def trade(exec_id, time_ns, last, cum, quantity=100, price=1_000_000, fee=0):
    return ExecutionReport(exec_id, "o1", ExecType.TRADE, time_ns, cum, quantity - cum, last, price, fee)


def bust(exec_id, time_ns, ref, last, cum, price=1_000_000, fee=0):
    return ExecutionReport(
        exec_id, "o1", ExecType.TRADE_CANCEL, time_ns, cum, 100 - cum, last, price, fee, exec_ref_id=ref
    )


def canceled(time_ns, cum, exec_id="cxl"):
    return ExecutionReport(exec_id, "o1", ExecType.CANCELED, time_ns, cum, 0)


def replaced(exec_id, time_ns, cum, quantity, price_ticks=None):
    return ExecutionReport(exec_id, "o1", ExecType.REPLACED, time_ns, cum, quantity - cum, price_ticks=price_ticks)


def test_an_order_goes_from_pending_over_partial_to_filled():
    order = Order("o1", AMZN, OrderSide.BUY, 100, OrderType.LIMIT, 10_000, created_ns=5)
    assert (order.status, order.leaves_quantity, order.average_price) == (OrderStatus.PENDING, 100, None)
    order.submit(7)
    assert (order.status, order.submitted_ns, order.acknowledged_ns) == (OrderStatus.SUBMITTED, 7, None)
    assert order.apply(ack(9))
    assert (order.status, order.acknowledged_ns) == (OrderStatus.SUBMITTED, 9)
    assert order.apply(trade("t1", 10, 40, 40, price=1_000_000, fee=7))
    assert (order.status, order.filled_quantity, order.leaves_quantity) == (OrderStatus.PARTIAL, 40, 60)
    assert order.apply(trade("t2", 12, 60, 100, price=1_000_100, fee=-2))
    assert (order.status, order.leaves_quantity, order.closed_ns) == (OrderStatus.FILLED, 0, 12)
    assert order.filled_notional_quanta == 40 * 1_000_000 + 60 * 1_000_100
    assert order.average_price == Decimal("100.006")
    assert order.fees == 5
    assert (order.symbol, order.price, order.is_final) == ("AMZN", Decimal("100.00"), True)


def test_a_market_order_has_no_price():
    assert order_of().price is None


def test_an_order_is_sent_once():
    order = order_of()
    with pytest.raises(TransitionError, match="order o1 is SUBMITTED and cannot be sent"):
        order.submit(1)


def test_a_fill_may_come_before_the_ack():
    order = order_of()
    order.apply(trade("t1", 5, 40, 40))
    order.apply(ack(4))
    assert (order.status, order.acknowledged_ns) == (OrderStatus.PARTIAL, 4)


def test_a_fill_while_a_cancel_is_on_its_way_leaves_it_pending():
    order = order_of()
    order.request_cancel()
    order.apply(trade("t1", 5, 40, 40))
    assert (order.status, order.pending_cancel) == (OrderStatus.PARTIAL, True)
    order.apply(canceled(6, 40))
    assert (order.status, order.pending_cancel, order.closed_ns) == (OrderStatus.CANCELLED, False, 6)


def test_a_late_duplicate_is_ignored_and_counted():
    order = order_of()
    report = trade("t1", 5, 40, 40, fee=3)
    assert order.apply(report)
    assert not order.apply(report)
    assert (order.filled_quantity, order.fees, order.duplicates) == (40, 3, 1)
    assert set(order.execution_ids) == {"t1"}


def test_a_fill_that_arrives_after_the_cancel_which_told_of_it_is_booked():
    order = order_of()
    order.apply(canceled(6, 40))
    assert (order.filled_quantity, order.missing_quantity) == (0, 40)
    assert order.apply(trade("t1", 5, 40, 40))
    assert (order.status, order.filled_quantity, order.missing_quantity) == (OrderStatus.CANCELLED, 40, 0)


def test_the_venue_cannot_trade_an_order_after_its_end():
    order = order_of()
    order.apply(canceled(6, 0))
    with pytest.raises(TransitionError, match="trades at 7 ns to cum 40, but the order ended at 6 ns with 0"):
        order.apply(trade("t1", 7, 40, 40))
    with pytest.raises(TransitionError, match="the order ended at 6 ns with 0"):
        order.apply(trade("t2", 6, 40, 40))
    assert (order.filled_quantity, order.status) == (0, OrderStatus.CANCELLED)


def test_an_end_cannot_be_dated_before_a_trade():
    order = order_of()
    order.apply(trade("t1", 7, 40, 40))
    with pytest.raises(TransitionError, match="ended at 6 ns with cum 0, but later had 40"):
        order.apply(canceled(6, 0))
    assert order.status is OrderStatus.PARTIAL


def test_a_bust_reopens_a_filled_order():
    order = order_of()
    order.apply(trade("t1", 5, 40, 40, fee=4))
    order.apply(trade("t2", 6, 60, 100, price=1_000_300, fee=6))
    assert order.apply(bust("b1", 7, "t2", 60, 40, price=1_000_300, fee=6))
    assert (order.status, order.filled_quantity, order.closed_ns) == (OrderStatus.PARTIAL, 40, None)
    assert (order.filled_notional_quanta, order.fees) == (40_000_000, 4)
    assert order.apply(bust("b2", 8, "t1", 40, 0, fee=4))
    assert (order.status, order.filled_quantity, order.fees) == (OrderStatus.SUBMITTED, 0, 0)


def test_a_bust_of_a_cancelled_order_leaves_it_cancelled():
    order = order_of()
    order.apply(trade("t1", 5, 40, 40))
    order.apply(canceled(6, 40))
    order.apply(bust("b1", 7, "t1", 40, 0))
    assert (order.status, order.filled_quantity, order.missing_quantity) == (OrderStatus.CANCELLED, 0, 0)


def test_a_bust_that_overtakes_its_trade_leaves_nothing_to_book():
    order = order_of()
    assert not order.apply(bust("b1", 7, "t1", 40, 0))
    assert not order.apply(trade("t1", 5, 40, 40))
    assert (order.status, order.filled_quantity) == (OrderStatus.SUBMITTED, 0)


@pytest.mark.parametrize(
    ("report", "words"),
    [
        (bust("b1", 7, "", 40, 0), "does not say which trade it busts"),
        (bust("b1", 7, "ack", 40, 0), "execution ack is no trade that stands"),
        (bust("b1", 7, "t1", 30, 0), "it busts 30 at 1000000 with fee 0, but execution t1 traded 40"),
    ],
)
def test_a_bust_must_name_a_trade_and_its_figures(report, words):
    order = order_of()
    order.apply(ack())
    order.apply(trade("t1", 5, 40, 40))
    with pytest.raises(TransitionError, match=words):
        order.apply(report)
    assert order.filled_quantity == 40


def test_a_trade_is_busted_once():
    order = order_of()
    order.apply(trade("t1", 5, 40, 40))
    order.apply(bust("b1", 7, "t1", 40, 0))
    with pytest.raises(TransitionError, match="execution t1 is no trade that stands"):
        order.apply(bust("b2", 8, "t1", 40, 0))


def test_a_replace_down_to_what_is_filled_fills_the_order():
    order = order_of()
    order.apply(trade("t1", 5, 40, 40))
    order.request_replace(20)
    assert order.pending_replace
    order.apply(replaced("r1", 6, 40, 40))
    assert (order.status, order.quantity, order.pending_replace) == (OrderStatus.FILLED, 40, False)
    with pytest.raises(TransitionError, match="cum 50 overfills its quantity 40"):
        order.apply(trade("t2", 7, 10, 50, quantity=50))


def test_a_replace_that_raises_the_quantity_may_be_overtaken_by_the_trade_it_made_possible():
    order = order_of(order_type=OrderType.LIMIT, price_ticks=10_000)
    order.request_replace(200)
    order.apply(trade("t1", 7, 150, 150, quantity=200))
    order.apply(replaced("r1", 6, 0, 200, price_ticks=10_001))
    assert (order.status, order.quantity, order.filled_quantity) == (OrderStatus.PARTIAL, 200, 150)
    assert order.price == Decimal("100.01")


def test_of_two_replaces_the_venues_last_is_in_force():
    order = order_of(order_type=OrderType.LIMIT, price_ticks=10_000)
    order.request_replace(200)
    order.request_replace(150)
    order.apply(replaced("r2", 8, 0, 150, price_ticks=10_002))
    assert order.pending_replace
    order.apply(replaced("r1", 6, 0, 200, price_ticks=10_001))
    assert (order.quantity, order.price_ticks, order.pending_replace) == (150, 10_002, False)


def test_a_trade_of_before_an_unasked_replace_is_no_overfill():
    order = order_of()
    order.apply(replaced("r1", 8, 0, 20))
    assert order.apply(trade("t1", 5, 80, 80))
    assert order.missing_quantity == -80  # the bust that made room for the replace
    order.apply(bust("b1", 6, "t1", 80, 0))
    assert (order.status, order.filled_quantity, order.missing_quantity) == (OrderStatus.SUBMITTED, 0, 0)


def test_a_replace_to_nothing_is_no_replace():
    with pytest.raises(TransitionError, match="are no quantity"):
        order_of().apply(replaced("r1", 6, 0, 0))


def test_the_first_trigger_dates_the_election_and_changes_nothing_else():
    order = order_of(order_type=OrderType.STOP, terms=OrderTerms(stop_ticks=10_200))
    assert (order.stop_price, order.triggered_ns) == (Decimal("102.00"), None)
    assert order.apply(ExecutionReport("l1", "o1", ExecType.TRIGGERED, 6, 0, 100))
    assert (order.status, order.triggered_ns, order.quantity) == (OrderStatus.SUBMITTED, 6, 100)
    order.apply(ExecutionReport("l2", "o1", ExecType.TRIGGERED, 9, 0, 100))
    assert order.triggered_ns == 6


def test_a_trigger_may_arrive_after_the_trades_that_it_led_to():
    order = order_of()
    order.apply(trade("t1", 6, 100, 100))
    order.apply(ExecutionReport("l1", "o1", ExecType.TRIGGERED, 6, 0, 100))
    assert (order.status, order.triggered_ns) == (OrderStatus.FILLED, 6)


def test_a_restatement_changes_the_price_and_answers_no_replace():
    order = order_of(order_type=OrderType.LIMIT, price_ticks=10_000)
    order.request_replace(100)
    order.apply(ExecutionReport("d1", "o1", ExecType.RESTATED, 6, 0, 100, price_ticks=9_999))
    assert (order.price, order.quantity, order.pending_replace) == (Decimal("99.99"), 100, True)


def test_a_replaced_stop_price_leaves_the_other_terms():
    order = order_of(terms=OrderTerms(stop_ticks=10_200, expire_ns=77))
    order.request_replace(100)
    order.apply(ExecutionReport("r1", "o1", ExecType.REPLACED, 6, 0, 100, stop_ticks=10_300))
    assert order.terms == OrderTerms(stop_ticks=10_300, expire_ns=77)


def test_what_a_report_does_not_say_stays_as_the_latest_that_does_said():
    order = order_of(order_type=OrderType.LIMIT, price_ticks=10_000)
    order.apply(ExecutionReport("d1", "o1", ExecType.RESTATED, 8, 0, 100))
    order.apply(replaced("r1", 6, 0, 100, price_ticks=9_998))
    order.apply(replaced("r2", 5, 0, 100, price_ticks=9_997))
    assert order.price_ticks == 9_998


def test_a_refused_cancel_or_replace_is_pending_no_longer_and_the_status_stays():
    refusal = {"reason": RejectReason.TOO_LATE_TO_CANCEL}
    order = order_of()
    order.apply(trade("t1", 5, 40, 40))
    order.pending_replace = True
    order.request_cancel()
    order.apply(ExecutionReport("c1", "o1", ExecType.CANCEL_REJECTED, 6, 40, 60, answers_replace=True, **refusal))
    assert (order.pending_cancel, order.pending_replace) == (True, False)
    order.pending_replace = True
    order.apply(ExecutionReport("c2", "o1", ExecType.CANCEL_REJECTED, 6, 40, 60, **refusal))
    assert (order.pending_cancel, order.pending_replace) == (False, False)
    assert (order.status, order.reason) == (OrderStatus.PARTIAL, "TOO_LATE_TO_CANCEL")


def test_a_rejected_order_keeps_the_reason():
    order = order_of()
    order.apply(ExecutionReport("r1", "o1", ExecType.REJECTED, 6, 0, 0, text="market is closed"))
    assert (order.status, order.reason, order.closed_ns) == (OrderStatus.REJECTED, "market is closed", 6)
    assert order.leaves_quantity == 0


def test_an_order_whose_trade_is_still_on_its_way_cannot_be_rejected():
    order = order_of()
    with pytest.raises(TransitionError, match="traded cannot be rejected"):
        order.apply(ExecutionReport("r1", "o1", ExecType.REJECTED, 6, 40, 0))


@pytest.mark.parametrize(
    ("report", "words"),
    [
        (trade("t1", 5, 101, 101), "cum 101 and leaves -1 contradict"),
        (trade("t1", 5, 150, 150, quantity=150), "cum 150 overfills its quantity 100"),
        (trade("t1", 5, 0, 40), "last 0, cum 40 and leaves 60 contradict"),
        (trade("t1", 5, 50, 40), "last 50, cum 40 and leaves 60 contradict"),
        (canceled(5, 100), "with cum 100 of 100 nothing was left to cancel"),
    ],
)
def test_figures_that_cannot_be_are_an_error_and_change_nothing(report, words):
    order = order_of()
    with pytest.raises(TransitionError, match=words):
        order.apply(report)
    assert (order.status, order.filled_quantity, len(order.execution_ids)) == (OrderStatus.SUBMITTED, 0, 0)


def test_a_report_about_another_order_is_an_error():
    with pytest.raises(TransitionError, match=r"cannot take NEW .* about order o2"):
        order_of().apply(ExecutionReport("x", "o2", ExecType.NEW, 1, 0, 100))


def test_a_report_becomes_a_fill():
    order = order_of(parent_id="p1")
    fill = order.fill_of(trade("t1", 5, 40, 40, fee=250_000))
    assert (fill.exec_id, fill.symbol, fill.side, fill.quantity, fill.parent_id) == (
        "t1",
        "AMZN",
        OrderSide.BUY,
        40,
        "p1",
    )
    assert (fill.price, fill.commission, fill.slippage) == (Decimal(100), Decimal("0.25"), 0)
    assert order.fill_of(bust("b1", 7, "t1", 40, 0)).exec_id == "t1"


def outcome(order):
    return (
        order.status,
        order.quantity,
        order.price_ticks,
        order.stop_price,
        order.triggered_ns is None,
        order.filled_quantity,
        order.filled_notional_quanta,
        order.fees,
        order.missing_quantity,
    )


@settings(max_examples=400, deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_any_permutation_with_duplicates_ends_in_the_same_state(history, shuffler: random.Random):
    def order_asked():
        order = order_of(history.quantity)
        for quantity in history.asked:
            order.request_replace(quantity)
        return order

    straight = order_asked()
    for report in history.reports:
        assert straight.apply(report)
        assert straight.filled_quantity == report.cum_quantity
        assert straight.filled_quantity <= straight.quantity
        assert straight.missing_quantity == 0

    shuffled = order_asked()
    arrivals = history.reports + shuffler.choices(history.reports, k=5)
    shuffler.shuffle(arrivals)
    for report in arrivals:
        before = shuffled.status
        if report.exec_id not in shuffled.execution_ids:
            shuffled.apply(report)
            assert shuffled.status in TRANSITIONS[before, report.exec_type].leads_to
        else:
            assert not shuffled.apply(report)
            assert shuffled.status is before
        if not history.busts and not history.raises:
            assert shuffled.filled_quantity <= shuffled.quantity
    assert outcome(shuffled) == outcome(straight)
    assert set(shuffled.execution_ids) == {report.exec_id for report in history.reports}


@settings(max_examples=200, deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_what_is_booked_of_a_permutation_is_what_stands(history, shuffler: random.Random):
    order = order_of(history.quantity)
    for quantity in history.asked:
        order.request_replace(quantity)
    arrivals = history.reports * 2
    shuffler.shuffle(arrivals)
    booked = {}
    for report in arrivals:
        if order.apply(report):
            if report.exec_type is ExecType.TRADE:
                booked[report.exec_id] = report.last_quantity
            elif report.exec_type is ExecType.TRADE_CANCEL:
                del booked[report.exec_ref_id]
    assert sum(booked.values()) == order.filled_quantity


def test_its_trades_are_those_that_stand():
    order = order_of()
    order.apply(ack())
    order.apply(trade("t1", 5, 40, 40))
    order.apply(trade("t2", 6, 60, 100))
    order.apply(bust("b1", 7, "t1", 40, 60))
    assert [report.exec_id for report in order.trades] == ["t2"]


def test_the_price_of_an_order_can_be_set_before_it_is_sent_and_not_after():
    order = Order("o1", AMZN, OrderSide.BUY, 100)
    order.price = 150.1
    assert (order.price_ticks, order.price) == (15010, Decimal("150.10"))
    with pytest.raises(OrderError, match=r"price 150.105 is not a multiple of AMZN's tick 0.01"):
        order.price = "150.105"
    order.price = None
    assert order.price_ticks is None
    order.submit(0)
    with pytest.raises(TransitionError, match="order o1 is SUBMITTED and its price cannot be set"):
        order.price = 150
