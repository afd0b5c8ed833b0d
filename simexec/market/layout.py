"""Where everything lies in the few plain integer arrays that a compiled book works on.

A call from Python into compiled code costs by what it is passed (one array about 1 µs, eighteen about 10), so a book is six
arrays and no more: ``state`` (scalars), ``orders`` and ``levels`` (pools of rows, linked by row number), ``ladder`` (the
prices of each side in order), ``slots`` (order row of a background order's reference) and ``log`` (what happened).

Both sides share every line of the kernel: side 0 buys, side 1 sells, and a price is kept as a *key*, price times the side's
sign, so that the better price has the greater key on either side, the best level is the last of its ladder, and an order of key k
trades with an opposite level of key o exactly when ``k + o >= 0``.

Orders that wait outside the book (stops, and pegs without a reference) stand in two more ladders: 2 holds what sells and has bids'
signs, 3 what buys. So the stop that is reached first is the last of its ladder, and a trade at price p reaches a stop of key
k exactly when ``k - sign * p >= 0``.
"""

from typing import Final

NIL: Final = -1
SEVERAL: Final = -2
NO_PRICE: Final = -(2**62)
"""Price of a side that shows nothing."""
ANY_KEY: Final = 2**62
"""Key of an order without a limit; also a threshold that is never reached."""
ELECTED: Final = 2**61
"""Key of the stops that have been elected and are about to act."""
PARKED: Final = -(2**61)
"""Key of pegs that wait for a reference."""
WAITING: Final = 2
"""The first of the two ladders of orders that wait outside the book."""

# ``orders[row]``
KEY: Final = 0
SHOWN: Final = 1  # displayed quantity, leftovers included
RESERVE: Final = 2  # undisplayed quantity: an iceberg's, or the whole of a hidden order
PREV: Final = 3
NEXT: Final = 4  # also links the free rows
LEVEL: Final = 5
OWNER: Final = 6  # 0 for the background, else a participant's number
REF: Final = 7  # a background order's reference, or a participant's order number
PEAK: Final = 8  # what an iceberg displays at most; 0 if it is none
EXCESS: Final = 9  # leftover: shares that history took and our run left standing
AHEAD: Final = 10  # quantity ahead when it was last logged
FLAGS: Final = 11  # of a stop, what it will be when it is elected; of a peg, its kind; 0 of the background
LIMIT: Final = 12  # key that a stop will have, or that a peg does not go beyond
OFFSET: Final = 13  # what a stop trails by, a peg's distance from its reference, or the price that elected a stop
CHAIN_PREV: Final = 14
CHAIN_NEXT: Final = (
    15  # of the trailing stops, or of the pegs, in the order of their entry; of an elected stop, its key and trail
)
ORDER_WIDTH: Final = 16

# ``levels[row]``; KEY is column 0 here too
SIDE: Final = 1
HEAD: Final = 2  # displayed queue; also links the free rows
TAIL: Final = 3
HIDDEN_HEAD: Final = 4  # hidden orders queue behind all that is displayed
HIDDEN_TAIL: Final = 5
LEVEL_SHOWN: Final = 6
LEVEL_RESERVE: Final = 7
COUNT: Final = 8  # orders in the displayed queue
OWN: Final = 9  # participants' orders, hidden ones included
LEFT: Final = 10  # orders with a leftover
LEVEL_WIDTH: Final = 11

# ``state``
FREE_ORDER: Final = 0
FREE_LEVEL: Final = 1
LADDER_SIZE: Final = 2  # .. 5: levels of each ladder
OWN_ORDERS: Final = 6  # .. 9: participants' orders of each ladder
LEFTOVERS: Final = 10  # and 11
TIME: Final = 12
TRADES: Final = 13  # number of the last trade
TOUCHED: Final = 14  # level of ours whose queue has moved, NIL or SEVERAL
CONCERN: Final = 15  # 1 when something happened that a process must hear of
CURSOR: Final = 16  # next message of the chunk
RECORD_QUOTES: Final = 17
RECORD_PRINTS: Final = 18
RECORD_QUEUES: Final = 19
RECORD_DEPTH: Final = 20  # levels a side whose changes are written down
LOGGED: Final = 21  # .. 25: rows in each part of the log
QUOTE: Final = 26  # .. 29: last quote: bid, its size, ask, its size
REFERENCE: Final = 30  # and 31: last price at which the background showed anything, by side
ORDERS_LIVE: Final = 32
TICK: Final = 33  # in price quanta; also the least price of a background order
BUSY: Final = 34  # a background order is being matched: resume it first
UNSETTLED: Final = 35  # a message is applied, but what it set off has not all acted
LAST_PRICE: Final = 36  # of the last trade; NO_PRICE before the first
CHAIN: Final = 37  # .. 40: first and last of the trailing stops, first and last of the pegs
PHASE: Final = 41
REOPENING: Final = 42  # history has been uncrossed: ours may still cross it
PRO_RATA: Final = 43  # least allocation; 0: price-time priority
BAND: Final = 44  # and 45: lowest and highest price that may trade
BAND_SET: Final = 46
BREACHED: Final = 47  # the incoming order would have traded outside the band
WATCHED: Final = 48  # somebody waits for what follows
WATCH_KEY: Final = 49  # and 50: least key of each side's best that somebody waits for
WATCH_QUOTES: Final = 51
WATCH_TRADES: Final = 52
WATCH_DEPTH: Final = 53
WATCH_HIT: Final = 54  # something that somebody waits for has happened
TRADES_SEEN: Final = 55  # number of the last trade when the watches were last looked at
GENERATOR: Final = 56  # 1: messages are made one at a time, as they follow from the book; 0: they are given in chunks

# the order that is being matched
INCOMING: Final = 57  # there is one, and it will rest or be cancelled when it has been matched
IN_SIDE: Final = 58
IN_KEY: Final = 59
IN_QUANTITY: Final = 60
IN_OWNER: Final = 61
IN_REF: Final = 62
IN_FLAGS: Final = 63
IN_PEAK: Final = 64
IN_ARRIVING: Final = 65  # 1: a recorded order that is about to rest, 0: any other
IN_LIMIT: Final = 66  # cap and offset of a peg
IN_OFFSET: Final = 67

# a price at which an order is allocated in proportion, or an auction
ROUND: Final = 68  # quantity that still trades first in, first out at this price
SHARE_ROW: Final = 69  # next order to be given its share, NIL when none is
SHARE_QUANTITY: Final = 70  # incoming quantity that is shared out
SHARE_TOTAL: Final = 71  # displayed quantity among which it is
AUCTION_PRICE: Final = 72
AUCTION_LEFT: Final = 73  # quantity that is still to be executed

# how far a run has left the recorded history (shares unless said)
TAKEN: Final = 80  # our orders took them from recorded orders
LEFTOVER_TAKEN: Final = 81  # our orders took them from leftovers
GIVEN_SWEEP: Final = 82  # our orders gave them to recorded aggressors
GIVEN_ARRIVAL: Final = 83  # our orders gave them to recorded orders that would have crossed them
LEFTOVER_MADE: Final = 84
LEFTOVER_CONSUMED: Final = 85  # traded with recorded aggressors
LEFTOVER_CANCELLED: Final = 86
CUT: Final = 87  # recorded removals that found less than they removed
CUT_MESSAGES: Final = 88  # how many messages that were
UNFILLED: Final = 89  # a recorded aggressor found nothing for them
HIDDEN_SPARED: Final = 90  # recorded hidden executions that our orders took instead
DISPLACED: Final = 91  # recorded orders removed because the book would have crossed
TRADED_SHOWN: Final = 92  # background traded with background, displayed
TRADED_HIDDEN: Final = 93  # background traded with background, hidden
TURNED_AWAY: Final = 94  # recorded aggressors came while nothing traded
SELF_TRADED: Final = 95  # participants' orders traded with each other

# the sweep that is being replayed
SWEEP_SIDE: Final = 96
SWEEP_KEY: Final = 97
SWEEP_QUANTITY: Final = 98
SWEEPING: Final = 99  # it has begun and not ended
DEPTH: Final = 100  # .. 219: the top of the book as it was last written down: price, quantity, orders of each level
DEPTH_LEVELS: Final = 20  # most levels a side that can be written down
STATE_WIDTH: Final = 220

# ``log[part, row]``
OUT: Final = 0
QUOTES: Final = 1
PRINTS: Final = 2
QUEUES: Final = 3
DEPTHS: Final = 4
LOG_PARTS: Final = 5
LOG_WIDTH: Final = 9

# a row of OUT: kind, time, order number, price, quantity, leaves, maker, trade number, order row
OUT_FILL: Final = 1
OUT_REST: Final = 2
OUT_CANCEL: Final = 3
OUT_TRIGGER: Final = 4  # a stop is elected by a trade at this price, and acts
OUT_LEAVE: Final = 5  # a resting order leaves its place to act as an incoming one
OUT_HALT: Final = 6  # this price would have traded outside the band: the book is in a call

# why a quantity was cancelled: the price column of an OUT_CANCEL row
NO_LIQUIDITY: Final = 1
SELF_TRADE: Final = 2
FILL_OR_KILL: Final = 3
POST_ONLY: Final = 4
IMMEDIATE: Final = 5
MINIMUM: Final = 6
OUT_OF_BAND: Final = 7
NO_REFERENCE: Final = 8

# a row of PRINTS: time, price, quantity, aggressor's sign, flags, trade number
PRINT_HIDDEN: Final = 1
PRINT_OWN_MAKER: Final = 2
PRINT_OWN_TAKER: Final = 4
PRINT_AUCTION: Final = 8

# a row of DEPTHS: time, side, index from the best, price, quantity, orders

# flags of an incoming order
MARKET: Final = 1
IOC: Final = 2
FOK: Final = 4
MAKER_ONLY: Final = 8
HIDDEN: Final = 16
STP_NEWEST: Final = 32
STP_OLDEST: Final = 64
SLIDE: Final = 128  # with MAKER_ONLY: rest one tick off what it would have traded with
PEG_PRIMARY: Final = 256  # to the best of its own side
PEG_MARKET: Final = 512  # to the best of the other side
PEG_MID: Final = 1024
PEGGED: Final = PEG_PRIMARY | PEG_MARKET | PEG_MID
STOP: Final = 2048  # waits for a trade

# phases
CONTINUOUS: Final = 0
CALL: Final = 1  # orders rest without trading
RECORDED_CALL: Final = 2  # beside it or alone: the recording is in an auction's call; the venue cannot end that

# ``messages[row]``: time, kind, reference, price or distance, quantity, side
MESSAGE_WIDTH: Final = 6
ADD: Final = 1  # recorded order joins the queue
ADD_HEAD: Final = 2  # quantity of unknown age, put ahead of all at its price
REMOVE: Final = 3  # recorded or background order loses quantity; it keeps its place
PRUNE: Final = 4  # the recorded window now ends at this price
SWEEP: Final = 5  # a recorded aggressor arrives, limited at its worst price
HIT: Final = 6  # its next counterparty; reference NIL: a hidden one
CANCEL: Final = 7  # all that is left of a background order
SWEEP_END: Final = 8
LIMIT_AWAY: Final = 9  # background limit order, by distance from the opposite best
MARKET_ORDER: Final = 10  # background market order
VALUE_ORDER: Final = 11  # background market order of who knows a value: buys below it, sells above it
SET_PHASE: Final = 12  # a recording says that the market opens or closes (price: the phase)
PART: Final = 32  # beside a kind: the event goes on with the next message, nothing shows before that
KINDS: Final = 31  # which bits are the kind

# answers of the kernel
DONE: Final = 0
MORE: Final = 1  # the log is full: drain it and call again
GROW: Final = 2  # a pool is full: grow it and call again
CHUNK_END: Final = 3  # all messages of the chunk are applied
STOPPED: Final = 4  # a process is concerned
GROW_MODEL: Final = 5  # the generator needs more references
