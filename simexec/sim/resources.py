"""Stores, containers and resources that processes share, as SimPy has them, with awaitable requests.

They cost several calendar events a message, so links and stations do without; they are here for users'
models.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappush
from types import TracebackType
from typing import TYPE_CHECKING, Any

from simpy.core import BoundClass
from simpy.resources import container, resource, store

from simexec.sim.events import Awaitable, Withdrawable


class StorePut(Withdrawable, store.StorePut):
    """Happens when the item is in the store; an item that is in stays in, however the wait ends."""


class StoreGet(Withdrawable, store.StoreGet):
    """Happens when there is an item, and hands it over."""

    def _give_back(self) -> None:
        self.resource._take_back(self._value)
        self.resource._trigger_get(None)


class FilterStoreGet(Withdrawable, store.FilterStoreGet):
    """Happens when there is an item that the filter accepts, and hands it over."""

    def _give_back(self) -> None:
        self.resource._take_back(self._value)
        self.resource._trigger_get(None)


class Store(store.Store):
    """First-in first-out store of any objects: ``await s.put(item)``, ``item = await s.get()``.

    An item that is given back by an interrupted process goes to the front, even if the store is full by then.
    """

    if TYPE_CHECKING:
        # SimPy too declares these with the arguments of their events, which differ from its base class's.
        def put(self, item: Any) -> StorePut:  # type: ignore[override]
            """Put an item in; happens when there is room."""
            raise NotImplementedError

        def get(self) -> StoreGet:
            """Take an item out; happens when there is one."""
            raise NotImplementedError

    else:
        put = BoundClass(StorePut)
        get = BoundClass(StoreGet)

    def _take_back(self, item: Any) -> None:
        self.items.insert(0, item)


class PriorityStore(store.PriorityStore):
    """Store that hands out its smallest item first; ``PriorityItem(priority, item)`` orders any item."""

    if TYPE_CHECKING:

        def put(self, item: Any) -> StorePut:  # type: ignore[override]
            """Put an item in; happens when there is room."""
            raise NotImplementedError

        def get(self) -> StoreGet:
            """Take an item out; happens when there is one."""
            raise NotImplementedError

    else:
        put = BoundClass(StorePut)
        get = BoundClass(StoreGet)

    def _take_back(self, item: Any) -> None:
        heappush(self.items, item)


class FilterStore(store.FilterStore):
    """Store whose ``get(filter)`` takes the oldest item that the filter accepts."""

    if TYPE_CHECKING:

        def put(self, item: Any) -> StorePut:  # type: ignore[override]
            """Put an item in; happens when there is room."""
            raise NotImplementedError

        def get(self, filter: Callable[[Any], bool] = ...) -> FilterStoreGet:
            """Take out the oldest item that ``filter`` accepts."""
            raise NotImplementedError

    else:
        put = BoundClass(StorePut)
        get = BoundClass(FilterStoreGet)

    def _take_back(self, item: Any) -> None:
        self.items.insert(0, item)


class ContainerPut(Withdrawable, container.ContainerPut):
    """Happens when the amount is in the container; what is in stays in, however the wait ends."""


class ContainerGet(Withdrawable, container.ContainerGet):
    """Happens when the amount is there and has been taken."""

    def _give_back(self) -> None:
        self.resource._level += self.amount
        self.resource._trigger_get(None)


class Container(container.Container):
    """An amount of something uniform: ``await c.put(3)``, ``await c.get(2)``, ``c.level``."""

    if TYPE_CHECKING:

        def put(self, amount: float) -> ContainerPut:  # type: ignore[override]
            """Put an amount in; happens when there is room."""
            raise NotImplementedError

        def get(self, amount: float) -> ContainerGet:  # type: ignore[override]
            """Take an amount out; happens when it is there."""
            raise NotImplementedError

    else:
        put = BoundClass(ContainerPut)
        get = BoundClass(ContainerGet)


class _Request(Withdrawable):
    """A request for a slot of a resource: ``async with r.request():`` waits for it, then releases it."""

    if TYPE_CHECKING:

        def __exit__(
            self,
            kind: type[BaseException] | None,
            error: BaseException | None,
            traceback: TracebackType | None,
        ) -> bool | None: ...

    async def __aenter__(self) -> Any:
        await self
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)

    def _give_back(self) -> None:
        self.resource.release(self)


class Request(_Request, resource.Request):
    """Happens when a slot of the resource is ours."""


class PriorityRequest(_Request, resource.PriorityRequest):
    """Happens when a slot of the resource is ours; smaller priorities first."""


class Release(Awaitable, resource.Release):
    """Gives a slot back; happens at once."""


class Resource(resource.Resource):
    """``capacity`` slots, granted first come first served: ``async with r.request(): ...``."""

    if TYPE_CHECKING:

        def request(self) -> Request:
            """Ask for a slot; happens when it is granted."""
            raise NotImplementedError

        def release(self, request: Any) -> Release:
            """Give a slot back."""
            raise NotImplementedError

    else:
        request = BoundClass(Request)
        release = BoundClass(Release)


class PriorityResource(resource.PriorityResource):
    """``capacity`` slots, granted by ``request(priority)``, the smallest first."""

    if TYPE_CHECKING:

        def request(self, priority: int = 0, preempt: bool = True) -> PriorityRequest:
            """Ask for a slot; happens when it is granted."""
            raise NotImplementedError

        def release(self, request: Any) -> Release:
            """Give a slot back."""
            raise NotImplementedError

    else:
        request = BoundClass(PriorityRequest)
        release = BoundClass(Release)


class PreemptiveResource(resource.PreemptiveResource):
    """As ``PriorityResource``, but an urgent request interrupts a user, for the cause of a ``Preempted``."""

    if TYPE_CHECKING:

        def request(self, priority: int = 0, preempt: bool = True) -> PriorityRequest:
            """Ask for a slot; happens when it is granted."""
            raise NotImplementedError

        def release(self, request: Any) -> Release:
            """Give a slot back."""
            raise NotImplementedError

    else:
        request = BoundClass(PriorityRequest)
        release = BoundClass(Release)
