"""What must hold at the end of every run: nothing is lost, nothing is made."""

from __future__ import annotations

from collections.abc import Sequence

from simexec.errors import InvariantError
from simexec.experiments.build import ListedMarket, World
from simexec.market import layout as at
from simexec.market.market import Market
from simexec.market.recording import RecordedFlow, Recording
from simexec.trading.order import Order


def check_invariants(world: World, parent: Order, children: Sequence[Order]) -> dict[str, bool]:
    """Check a finished run; returns the names of what was checked.

    Raises:
        InvariantError: one does not hold; with the figures.
    """
    world.portfolio.check()
    instrument, portfolio = world.instrument, world.portfolio
    currency, sign = instrument.currency, parent.side.sign
    trades = [trade for child in children for trade in child.trades]
    bought = sum(trade.last_quantity for trade in trades)
    _equal("shares traded and shares in the portfolio", sign * bought, portfolio.position(instrument.symbol))
    _equal("shares of the children and of the parent", bought, parent.filled_quantity)
    flows = sum(instrument.cash_flow(sign, trade.last_quantity, trade.last_price_quanta) for trade in trades)
    if instrument.inverse:  # margined: cash moves by realised profit alone
        flows = portfolio.realised(currency)
    fees = sum(trade.fee for trade in trades)
    _equal(
        f"initial {currency} with all trades and fees, and cash",
        portfolio.initial_cash[currency] + flows - fees,
        portfolio.cash[currency],
    )
    _equal("reserved cash and zero", sum(portfolio.reserved.values()), 0)
    unfinished = [order.order_id for order in (parent, *children) if not order.is_final or order.missing_quantity]
    _equal("orders without a final state or with missing reports, and none", unfinished, [])
    for one in world.markets:
        _check_not_crossed(one)
    checked = [
        "portfolio_balances",
        "shares_balance",
        "cash_balances",
        "nothing_reserved",
        "all_orders_final",
        "book_not_crossed",
    ]
    recorded = False
    for one in world.markets:
        flow = one.market.flow if isinstance(one.market, Market) else None
        if isinstance(one.market, Market) and isinstance(flow, RecordedFlow):
            recorded = True
            own = [
                (trade.maker, trade.last_quantity)
                for child in children
                for trade in child.trades
                if trade.venue == one.venue.name and child.symbol == one.instrument.symbol
            ]
            _check_history(one.market, flow.recording, own)
    if recorded:
        checked.append("history_balances")
    return dict.fromkeys(checked, True)


def _check_not_crossed(listed: ListedMarket) -> None:
    """A lit book is not crossed, unless it is in a call."""
    if not isinstance(listed.market, Market) or listed.market.book.phase == at.CALL:
        return
    quote = listed.market.book.quote()
    if quote.bid is not None and quote.ask is not None and quote.bid >= quote.ask:
        raise InvariantError(
            f"the book of {listed.settings.name} is crossed at the end: bid {quote.bid}, ask {quote.ask} quanta"
        )


def _check_history(market: Market, recording: Recording, trades: Sequence[tuple[bool, int]]) -> None:
    """Shares taken from history and given to it are the shares counted as divergence; no leftover is lost."""
    book = market.book
    state = book.arrays.state
    taken = sum(quantity for maker, quantity in trades if not maker)
    given = sum(quantity for maker, quantity in trades if maker)
    _equal("shares we took and shares counted as taken", taken, int(state[at.TAKEN] + state[at.LEFTOVER_TAKEN]))
    _equal("shares we gave and shares counted as given", given, int(state[at.GIVEN_SWEEP] + state[at.GIVEN_ARRIVAL]))
    recorded, leftover = book.background_shares()
    _equal(
        "leftovers made and their ends",
        int(state[at.LEFTOVER_MADE]),
        int(state[at.LEFTOVER_TAKEN] + state[at.LEFTOVER_CONSUMED] + state[at.LEFTOVER_CANCELLED]) + leftover,
    )
    if market.next_time is None:
        _equal(
            "shares missing from history and the recorded book without ours",
            int(state[at.TAKEN] + state[at.GIVEN_ARRIVAL] + state[at.DISPLACED] - state[at.CUT]),
            recording.final_shares - recorded,
        )


def _equal(what: str, left: object, right: object) -> None:
    if left != right:
        raise InvariantError(f"{what} differ: {left} and {right}")
