"""The words of an order, in the field's own vocabulary: side, type, time in force, status.

Members carry what the path of every order needs (``sign``, ``code``, ``is_final``) as plain attributes,
because a dict keyed by an enum member calls ``Enum.__hash__``, which is Python code and takes longer than the
work it dispatches to.
"""

from __future__ import annotations

from enum import Enum


class OrderSide(Enum):
    """Buy or sell.

    Attributes:
        sign: +1 for a buy, −1 for a sell: what a trade adds to the position.
    """

    BUY = "BUY"
    SELL = "SELL"

    sign: int

    def __init__(self, word: str) -> None:
        self.sign = 1 if word == "BUY" else -1

    @property
    def opposite(self) -> OrderSide:
        """The other side."""
        return OrderSide.SELL if self.sign > 0 else OrderSide.BUY

    @classmethod
    def of_sign(cls, sign: int) -> OrderSide:
        """The side whose trades change a position by this sign."""
        return cls.BUY if sign > 0 else cls.SELL


class OrderType(Enum):
    """How an order meets the book (FIX tag 40).

    STOP waits outside the book until a trade reaches its stop price, then acts as a market order; STOP_LIMIT
    then acts as a limit order; TRAILING_STOP is a stop whose price follows the market at a distance. PEGGED
    rests at a price that follows the best prices; see ``PegType``.

    Attributes:
        has_price: whether the order carries a limit price; a PEGGED one may, as the cap of its price.
        is_stop: whether it waits for a trade that elects it.
    """

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    ICEBERG = "ICEBERG"
    STOP = "STOP"
    STOP_LIMIT = "STOP_LIMIT"
    TRAILING_STOP = "TRAILING_STOP"
    PEGGED = "PEGGED"

    has_price: bool
    is_stop: bool

    def __init__(self, word: str) -> None:
        self.has_price = word in ("LIMIT", "ICEBERG", "STOP_LIMIT")
        self.is_stop = word in ("STOP", "STOP_LIMIT", "TRAILING_STOP")


class PegType(Enum):
    """The price that a pegged order follows (FIX tag 18).

    PRIMARY: the best of its own side. MARKET: the best of the other side. MIDPOINT: the middle of both.

    Attributes:
        fix: the value of tag 18.
    """

    PRIMARY = "PRIMARY"
    MARKET = "MARKET"
    MIDPOINT = "MIDPOINT"

    fix: str

    def __init__(self, word: str) -> None:
        self.fix = {"PRIMARY": "R", "MARKET": "P", "MIDPOINT": "M"}[word]


class TimeInForce(Enum):
    """How long an order may rest (FIX tag 59).

    DAY until the session ends, GTC until cancelled, GTD until a time of its own; IOC trades what it can at
    once and the rest is cancelled; FOK trades in full at once or not at all.

    Attributes:
        may_rest: whether an unfilled remainder joins the book.
    """

    DAY = "DAY"
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTD = "GTD"

    may_rest: bool

    def __init__(self, word: str) -> None:
        self.may_rest = word in ("DAY", "GTC", "GTD")


class SelfTradePrevention(Enum):
    """What a venue does when a participant's order would trade with an older one of its own (FIX tag 2964).

    OFF lets them trade; CANCEL_NEWEST cancels the incoming order, CANCEL_OLDEST the resting one.
    """

    OFF = "OFF"
    CANCEL_NEWEST = "CANCEL_NEWEST"
    CANCEL_OLDEST = "CANCEL_OLDEST"


class OrderStatus(Enum):
    """What is known of an order; only ``Order.submit`` and ``Order.apply`` change it.

    PENDING: created here and not yet sent. SUBMITTED: sent, nothing filled; FIX's PendingNew until
    ``acknowledged_ns`` is set, New after. PARTIAL: part of it is filled and the rest still works. FILLED: all
    of it is filled; not for ever, since a trade bust reopens it. CANCELLED, EXPIRED: the rest will not trade,
    whatever was filled before. REJECTED: never accepted.

    A cancel or a replace on its way is no status but a flag beside it, because fills go on meanwhile.

    Attributes:
        is_final: the order works no longer.
        code: 0, 1, 2, … in order of definition; the row of the transition table.
    """

    PENDING = "PENDING"
    SUBMITTED = "SUBMITTED"
    PARTIAL = "PARTIAL"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"

    is_final: bool
    code: int

    def __init__(self, word: str) -> None:
        self.is_final = word in ("FILLED", "CANCELLED", "REJECTED", "EXPIRED")
        self.code = len(type(self).__members__)
