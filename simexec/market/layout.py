"""Where everything lies in the few plain integer arrays that a compiled book works on.

A call from Python into compiled code costs by what it is passed (one array about 1 µs, eighteen about 10), so a book is six
arrays and no more: ``state`` (scalars), ``orders`` and ``levels`` (pools of rows, linked by row number), ``ladder`` (the
prices of each side in order), ``slots`` (order row of a background order's reference) and ``log`` (what happened).

Both sides share every line of the kernel: side 0 buys, side 1 sells, and a price is kept as a *key*, price times the side's
sign, so that the better price has the greater key on either side, the best level is the last of its ladder, and an order of key k
trades with an opposite level of key o exactly when ``k + o >= 0``.
"""

from typing import Final

NIL: Final = -1
SEVERAL: Final = -2
NO_PRICE: Final = -(2**62)
"""Price of a side that shows nothing."""
ANY_KEY: Final = 2**62
"""Key of an order without a limit."""

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
ORDER_WIDTH: Final = 11

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
LADDER_SIZE: Final = 2  # and 3: levels of each side
OWN_ORDERS: Final = 4  # and 5
LEFTOVERS: Final = 6  # and 7
TIME: Final = 8
TRADES: Final = 9  # number of the last trade
TOUCHED: Final = 10  # level of ours whose queue has moved, NIL or SEVERAL
CONCERN: Final = 11  # 1 when something happened that a process must hear of
CURSOR: Final = 12  # next message of the chunk
RECORD_QUOTES: Final = 13
RECORD_PRINTS: Final = 14
RECORD_QUEUES: Final = 15
LOGGED: Final = 16  # .. 19: rows in each part of the log
QUOTE: Final = 20  # .. 23: last quote: bid, its size, ask, its size
REFERENCE: Final = 24  # .. 25: last price at which the background showed anything, by side
ORDERS_LIVE: Final = 26
TICK: Final = 27  # in price quanta; also the least price of a background order
BUSY: Final = 28  # a background order is being matched: resume it first

# the order that is being matched
IN_SIDE: Final = 30
IN_KEY: Final = 31
IN_QUANTITY: Final = 32
IN_OWNER: Final = 33
IN_REF: Final = 34
IN_FLAGS: Final = 35
IN_PEAK: Final = 36
IN_ARRIVING: Final = 37  # 1: a recorded order that is about to rest, 0: any other

# how far a run has left the recorded history (shares unless said)
TAKEN: Final = 40  # our orders took them from recorded orders
LEFTOVER_TAKEN: Final = 41  # our orders took them from leftovers
GIVEN_SWEEP: Final = 42  # our orders gave them to recorded aggressors
GIVEN_ARRIVAL: Final = 43  # our orders gave them to recorded orders that would have crossed them
LEFTOVER_MADE: Final = 44
LEFTOVER_CONSUMED: Final = 45  # traded with recorded aggressors
LEFTOVER_CANCELLED: Final = 46
CUT: Final = 47  # recorded removals that found less than they removed
CUT_MESSAGES: Final = 48  # how many messages that were
UNFILLED: Final = 49  # a recorded aggressor found nothing for them
HIDDEN_SPARED: Final = 50  # recorded hidden executions that our orders took instead
DISPLACED: Final = 51  # recorded orders removed because the book would have crossed
TRADED_SHOWN: Final = 52  # background traded with background, displayed
TRADED_HIDDEN: Final = 53  # background traded with background, hidden

# the sweep that is being replayed
SWEEP_SIDE: Final = 60
SWEEP_KEY: Final = 61
SWEEP_QUANTITY: Final = 62
STATE_WIDTH: Final = 64

# ``log[part, row]``
OUT: Final = 0
QUOTES: Final = 1
PRINTS: Final = 2
QUEUES: Final = 3
LOG_WIDTH: Final = 9

# a row of OUT: kind, time, order number, price, quantity, leaves, maker, trade number, order row
OUT_FILL: Final = 1
OUT_REST: Final = 2
OUT_CANCEL: Final = 3

# why a quantity was cancelled: the price column of an OUT_CANCEL row
NO_LIQUIDITY: Final = 1
SELF_TRADE: Final = 2
FILL_OR_KILL: Final = 3
POST_ONLY: Final = 4
IMMEDIATE: Final = 5

# a row of PRINTS: time, price, quantity, aggressor's sign, flags, trade number
PRINT_HIDDEN: Final = 1
PRINT_OWN_MAKER: Final = 2
PRINT_OWN_TAKER: Final = 4

# flags of an incoming order
MARKET: Final = 1
IOC: Final = 2
FOK: Final = 4
MAKER_ONLY: Final = 8
HIDDEN: Final = 16
STP_NEWEST: Final = 32
STP_OLDEST: Final = 64

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

# answers of the kernel
DONE: Final = 0
MORE: Final = 1  # the log is full: drain it and call again
GROW: Final = 2  # a pool is full: grow it and call again
CHUNK_END: Final = 3  # all messages of the chunk are applied
STOPPED: Final = 4  # a process is concerned
