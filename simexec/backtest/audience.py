"""How a strategy is told: one thing after the other, and what comes while it thinks waits."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

from simexec.backtest.strategy import METHODS, Strategy, check_methods
from simexec.backtest.trader import Trader
from simexec.errors import InputError
from simexec.execution.engine import DefaultExecutionEngine
from simexec.sim import Event, Simulation
from simexec.sim.events import Process, close_body
from simexec.trading.events import Signal


class _Closable:
    """The body of a process that may be closed while it waits: what it waited for then finds it at its end."""

    def __init__(self, body: Coroutine[Any, Any, None]) -> None:
        self._body = body
        self._is_closed = False

    def send(self, value: Any) -> Any:
        """Go on with what an event brought."""
        if self._is_closed:
            raise StopIteration
        return self._body.send(value)

    def throw(self, error: BaseException) -> Any:
        """Go on with what an event failed with."""
        if self._is_closed:
            raise StopIteration
        return self._body.throw(error)

    def close(self) -> None:
        """End where it waits."""
        self._is_closed = True
        self._body.close()


class Audience:
    """Calls a strategy's methods, and sends the signals that they return.

    An ``async`` method that lets simulated time pass is waited for. What is heard meanwhile is told afterwards, in order: the
    strategy then sees an old bar at a later time, as somebody who thinks for long does.

    Args:
        sim: the simulation.
        strategy: with any of the methods.
        trader: handed to it.
        engine: follows its signals.
        failed: called with what the strategy raised, or with what is wrong with what it returned, and a note that says where
            and when; it is told no more then.

    Raises:
        InputError: see ``check_methods``.
    """

    def __init__(
        self,
        sim: Simulation,
        strategy: Strategy,
        trader: Trader,
        engine: DefaultExecutionEngine,
        failed: Callable[[Exception], None],
    ) -> None:
        check_methods(strategy)
        self._sim = sim
        self._trader = trader
        self._engine = engine
        self._failed = failed
        self._methods: dict[str, Callable[..., Any]] = {
            name: method for name in METHODS if callable(method := getattr(strategy, name, None))
        }
        self._name = type(strategy).__name__
        self._waiting: deque[tuple[str, Callable[..., Any], tuple[Any, ...]]] = deque()
        self._thinking: Event | None = None
        self._process: Process | None = None

    @property
    def is_thinking(self) -> bool:
        """Whether the strategy is in the middle of something."""
        return self._thinking is not None

    def tell(self, name: str, *what: Any) -> None:
        """Call a method of the strategy, if it has it; later, if it still thinks about something else."""
        method = self._methods.get(name)
        if method is None:
            return
        if self._thinking is not None:
            self._waiting.append((name, method, what))
            return
        try:
            answer = method(*what, self._trader)
            if answer is not None:
                self._take(name, answer)
        except Exception as error:
            self._fail(error, name)

    def done(self) -> Event:
        """An event that happens when the strategy has thought about all it was told."""
        event = self._thinking
        if event is None:
            event = Event(self._sim)
            event.succeed()
        return event

    def stop(self) -> None:
        """Tell it nothing more, not even what waits."""
        self._methods = {}
        self._waiting.clear()

    def interrupt(self) -> None:
        """End what it thinks about, at its ``await`` and with its ``finally`` blocks executed; what waits is not told.

        Raises:
            SimulationError: these blocks wait for something.
            Exception: what they raise.
        """
        self._waiting.clear()
        if self._thinking is not None and self._process is not None:
            self._thinking = None
            close_body(self._process)

    def _fail(self, error: Exception, name: str) -> None:
        error.add_note(f"in {name} of {self._name}, at {self._trader.time}")
        self.stop()
        self._thinking = None
        self._failed(error)

    def _take(self, name: str, answer: Any) -> None:
        if inspect.isawaitable(answer):
            self._thinking = Event(self._sim)
            self._process = self._sim.process(_Closable(self._think(name, answer)), name="strategy")  # type: ignore[arg-type]
        else:
            self._follow(answer)

    async def _think(self, name: str, answer: Awaitable[Any]) -> None:
        try:
            self._follow(await answer)
            while self._waiting:
                name, method, what = self._waiting.popleft()
                result = method(*what, self._trader)
                self._follow(await result if inspect.isawaitable(result) else result)
        except Exception as error:
            if self._thinking is None:  # of its clean-up, when it is interrupted
                raise
            self._fail(error, name)
            return
        thinking, self._thinking = self._thinking, None
        assert thinking is not None
        thinking.succeed()

    def _follow(self, answer: Any) -> None:
        if answer is None:
            return
        if isinstance(answer, Signal):
            self._engine.follow(answer)
            return
        if not isinstance(answer, Iterable) or isinstance(answer, str | bytes):
            raise InputError(f"a strategy's method returned {answer!r}; return a Signal, several, or None")
        for one in answer:
            if not isinstance(one, Signal):
                raise InputError(f"a strategy's method returned {one!r} among others; return Signals only")
            self._engine.follow(one)
