"""Members carry what the path of every order needs."""

from simexec.trading.report import ExecType, RejectReason
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType, PegType, TimeInForce


def test_a_side_knows_its_sign_and_its_opposite():
    assert (OrderSide.BUY.sign, OrderSide.SELL.sign) == (1, -1)
    assert (OrderSide.BUY.opposite, OrderSide.SELL.opposite) == (OrderSide.SELL, OrderSide.BUY)
    assert (OrderSide.of_sign(1), OrderSide.of_sign(-1)) == (OrderSide.BUY, OrderSide.SELL)


def test_codes_count_the_members_in_order():
    assert [status.code for status in OrderStatus] == list(range(7))
    assert [exec_type.code for exec_type in ExecType] == list(range(10))


def test_final_statuses_are_those_that_work_no_longer():
    assert {status.name for status in OrderStatus if status.is_final} == {
        "FILLED",
        "CANCELLED",
        "REJECTED",
        "EXPIRED",
    }


def test_an_order_type_says_whether_it_has_a_limit_and_waits_for_a_trade():
    assert {kind.name for kind in OrderType if kind.has_price} == {"LIMIT", "ICEBERG", "STOP_LIMIT"}
    assert {kind.name for kind in OrderType if kind.is_stop} == {"STOP", "STOP_LIMIT", "TRAILING_STOP"}


def test_only_ioc_and_fok_never_rest():
    assert {tif.name for tif in TimeInForce if not tif.may_rest} == {"IOC", "FOK"}


def test_a_peg_has_fixs_code():
    assert {peg.name: peg.fix for peg in PegType} == {"PRIMARY": "R", "MARKET": "P", "MIDPOINT": "M"}


def test_exec_types_and_reasons_have_fixs_codes():
    assert {exec_type.name: exec_type.fix for exec_type in ExecType} == {
        "NEW": "0",
        "TRADE": "F",
        "TRADE_CANCEL": "H",
        "CANCELED": "4",
        "REPLACED": "5",
        "REJECTED": "8",
        "EXPIRED": "C",
        "CANCEL_REJECTED": "35=9",
        "TRIGGERED": "L",
        "RESTATED": "D",
    }
    assert (RejectReason.UNKNOWN_ORDER.order_code, RejectReason.UNKNOWN_ORDER.cancel_code) == (5, 1)
    throttled = RejectReason.THROTTLE_LIMIT_EXCEEDED
    assert (throttled.order_code, throttled.cancel_code, throttled.business_code) == (99, 99, 8)
    assert len(RejectReason) == len(RejectReason.__members__)
