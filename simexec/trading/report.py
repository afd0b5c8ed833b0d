"""What a venue says: execution reports, the answer to a mass cancel, and the fills that follow from reports."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING

from attrs import define

from simexec.trading.money import to_decimal

if TYPE_CHECKING:
    from simexec.trading.instrument import Instrument
    from simexec.trading.vocabulary import OrderSide


class ExecType(Enum):
    """What happened at the venue (FIX tag 150).

    CANCEL_REJECTED is FIX's separate OrderCancelReject message (35=9), which answers a refused cancel or
    replace; here one class carries both, so that every request has its answer on one wire. TRIGGERED: a stop
    was elected and acts now. RESTATED: the venue changed the order unasked, such as the price of one that slid.

    Attributes:
        code: 0, 1, 2, … in order of definition; the column of the transition table.
        fix: the value of tag 150, or the message type of the cancel reject.
    """

    NEW = "NEW"
    TRADE = "TRADE"
    TRADE_CANCEL = "TRADE_CANCEL"
    CANCELED = "CANCELED"
    REPLACED = "REPLACED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    CANCEL_REJECTED = "CANCEL_REJECTED"
    TRIGGERED = "TRIGGERED"
    RESTATED = "RESTATED"

    code: int
    fix: str

    def __init__(self, word: str) -> None:
        self.code = len(type(self).__members__)
        self.fix = ("0", "F", "H", "4", "5", "8", "C", "35=9", "L", "D")[self.code]


class RejectReason(Enum):
    """Why a request was refused, with FIX's codes for it in three fields.

    Attributes:
        order_code: value of tag 103 when an order was refused, None of what refuses no order.
        cancel_code: value of tag 102 when a cancel or replace was refused, None of what refuses neither; 99
            (other) where FIX has nothing closer.
        business_code: value of tag 380 where FIX answers with a business message reject (35=j), else None.
    """

    BROKER_EXCHANGE_OPTION = (0, 2)
    UNKNOWN_SYMBOL = (1, None)
    EXCHANGE_CLOSED = (2, 99)
    ORDER_EXCEEDS_LIMIT = (3, None)
    TOO_LATE_TO_ENTER = (4, None)
    UNKNOWN_ORDER = (5, 1)
    DUPLICATE_ORDER = (6, 6)
    STALE_ORDER = (8, None)
    UNSUPPORTED_ORDER_CHARACTERISTIC = (11, 99)
    INCORRECT_QUANTITY = (13, 99)
    PRICE_EXCEEDS_BAND = (16, 8)
    INVALID_PRICE_INCREMENT = (18, 18)
    REFERENCE_PRICE_NOT_AVAILABLE = (19, None)
    THROTTLE_LIMIT_EXCEEDED = (99, 99, 8)
    TOO_LATE_TO_CANCEL = (None, 0)
    ALREADY_PENDING = (None, 3)
    OTHER = (99, 99)

    order_code: int | None
    cancel_code: int | None
    business_code: int | None

    def __init__(self, order_code: int | None, cancel_code: int | None, business_code: int | None = None) -> None:
        self.order_code = order_code
        self.cancel_code = cancel_code
        self.business_code = business_code


@define(slots=True)
class ExecutionReport:
    """One report of a venue on one order (FIX 35=8, and 35=9 as ``CANCEL_REJECTED``). Treated as immutable.

    Not frozen, because a frozen attrs class takes twice as long to build and one is built for every message.

    Attributes:
        exec_id: unique for its order (FIX 17); a report that comes twice is recognised by it.
        order_id: the order it is about.
        exec_type: what happened.
        time_ns: when it happened at the venue (FIX TransactTime).
        cum_quantity: filled so far, busts deducted, by the venue's count (FIX CumQty).
        leaves_quantity: still working at the venue after this (FIX LeavesQty); cum + leaves is the order's
            quantity in force.
        last_quantity: shares of this trade or of the trade busted.
        last_price_quanta: price of this trade or of the trade busted, in the instrument's price quanta.
        fee: of this trade or of the trade busted, in money units; a cost is positive, a rebate negative.
        maker: the order was resting when it traded.
        reason: why a request was refused.
        text: the refusal in words.
        venue: name of the venue.
        arrived_ns: when the request reached the venue's gateway; 0 if it did not pass one.
        started_ns: when the gateway began to work on it; 0 if it did not pass one.
        exec_ref_id: of a bust, the exec_id of the trade that no longer stands (FIX ExecRefID).
        price_ticks: of REPLACED and RESTATED, the limit price now in force; None leaves the order's price as
            it is.
        answers_replace: of CANCEL_REJECTED, whether a replace (True) or a cancel (False) was refused (FIX
            CxlRejResponseTo); None when it is not told apart.
        stop_ticks: of REPLACED and RESTATED, the stop price now in force; None leaves it as it is.
        slippage_quanta: of a trade at a venue without a book, as in ``Fill``.
    """

    exec_id: str
    order_id: str
    exec_type: ExecType
    time_ns: int
    cum_quantity: int
    leaves_quantity: int
    last_quantity: int = 0
    last_price_quanta: int = 0
    fee: int = 0
    maker: bool = False
    reason: RejectReason | None = None
    text: str = ""
    venue: str = ""
    arrived_ns: int = 0
    started_ns: int = 0
    exec_ref_id: str = ""
    price_ticks: int | None = None
    answers_replace: bool | None = None
    stop_ticks: int | None = None
    slippage_quanta: int = 0


@define(slots=True)
class MassCancelReport:
    """A venue's answer to a mass cancel (FIX 35=r), after the reports of what it cancelled. Treated as immutable.

    Attributes:
        request_id: of the request that it answers.
        cancelled: orders that were cancelled (FIX 533).
        venue: name of the venue.
        time_ns: when it was done at the venue.
        reason: why the request was refused; None when it was not.
        text: the refusal in words.
    """

    request_id: str
    cancelled: int
    venue: str
    time_ns: int
    reason: RejectReason | None = None
    text: str = ""

    @property
    def order_id(self) -> str:
        """The request's id, where a packet's reader asks which order a report is about (FIX 37 of 35=r)."""
        return self.request_id


@define(slots=True)
class Fill:
    """A trade of one of our orders: what the portfolio books. Treated as immutable.

    Attributes:
        exec_id: the venue's identification of the trade, unique for its order.
        order_id: the order that traded.
        instrument: what was traded.
        side: of the order.
        quantity: shares or contracts, positive.
        price_quanta: price in the instrument's price quanta.
        time_ns: when it traded at the venue.
        fee: in units of the instrument's currency; a cost is positive, a rebate negative.
        maker: the order was resting when it traded.
        venue: where it traded.
        parent_id: the parent of the order, None if it has none.
        slippage_quanta: price paid beyond the market price that a model started from, in price quanta a share
            and positive against the trader; 0 for trades of an order book, whose prices are their own.
    """

    exec_id: str
    order_id: str
    instrument: Instrument
    side: OrderSide
    quantity: int
    price_quanta: int
    time_ns: int
    fee: int = 0
    maker: bool = False
    venue: str = ""
    parent_id: str | None = None
    slippage_quanta: int = 0

    @property
    def symbol(self) -> str:
        """Symbol of the instrument."""
        return self.instrument.symbol

    @property
    def price(self) -> Decimal:
        """Price in the instrument's currency."""
        return self.instrument.price_of_quanta(self.price_quanta)

    @property
    def commission(self) -> Decimal:
        """The fee in the instrument's currency; a rebate is negative."""
        return to_decimal(self.fee, self.instrument.currency)

    @property
    def slippage(self) -> Decimal:
        """Slippage a share in the instrument's currency; positive against the trader."""
        return self.instrument.price_of_quanta(self.slippage_quanta)
