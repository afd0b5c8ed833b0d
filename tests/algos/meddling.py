"""Orders that somebody pauses, amends or cancels while an algorithm works them."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from simexec.execution import ParentExecution
from simexec.execution.parent import work
from simexec.protocols import Algorithm
from simexec.testing import Desk, check_desk
from simexec.trading.order import Order
from simexec.trading.vocabulary import OrderSide

Deed = tuple[int, str, int | str]
"""When, in ms after the order's beginning; what; and the new total quantity, limit in ticks or end."""


def deeds(most_quantity: int, lot: int = 1) -> st.SearchStrategy[list[Deed]]:
    """Up to four things that are done to an order within twelve seconds."""
    time = st.integers(0, 12_000)
    return st.lists(
        st.one_of(
            st.tuples(time, st.sampled_from(["pause", "resume", "cancel"]), st.just(0)),
            st.tuples(time, st.just("quantity"), st.integers(1, most_quantity // lot).map(lambda lots: lots * lot)),
            st.tuples(time, st.just("end"), st.integers(1, 20).map(lambda second: f"{second}s")),
        ),
        max_size=4,
    )


def work_meddled(
    desk: Desk, algorithm: Algorithm, side: OrderSide, quantity: int, done: Sequence[Deed], end: str | None = None
) -> Order:
    """Have an algorithm work an order while these deeds are done to it; returns the order in its final state."""
    parent = desk.parent(side, quantity)
    execution = desk.execution(parent, end)
    for deed in done:
        desk.sim.process(_do(desk, execution, *deed))
    desk.sim.run(work(execution, desk.manager, algorithm))
    return parent


async def _do(desk: Desk, execution: ParentExecution, time_ms: int, what: str, value: int | str) -> None:
    await desk.sim.timeout(f"{time_ms}ms")
    parent = execution.parent
    if parent.is_final or parent.pending_cancel:
        return
    if what == "quantity":
        assert isinstance(value, int)
        await execution.amend(quantity=value)
    elif what == "end":
        if value_ns(value) > desk.sim.now:
            await execution.amend(end=value)
    else:
        getattr(execution, what)()


def value_ns(text: int | str) -> int:
    """Nanoseconds of whole seconds."""
    return int(str(text).removesuffix("s")) * 10**9


def check_accounted(desk: Desk, parent: Order) -> None:
    """The order has ended, within what was asked for, and everything is the sum of its children."""
    assert parent.is_final
    children = desk.manager.children(parent.order_id)
    assert sum(child.filled_quantity for child in children) == parent.filled_quantity <= parent.quantity
    assert all(child.is_final for child in children)
    desk.finish()
    check_desk(desk)
