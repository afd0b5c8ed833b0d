"""Every exception of simexec, and when it is raised.

Each class takes one message and nothing else: SimPy rebuilds a failed event's exception as ``type(e)(*e.args)``, so an
exception that could not be rebuilt from ``args`` would be replaced by a ``TypeError`` on its way to the waiting process.
"""


class SimexecError(Exception):
    """Base of every error that simexec raises on purpose; never raised itself."""


class InputError(SimexecError, ValueError):
    """What the user gave is wrong: a value, a field, a file. The command line exits with 2.

    Not raised for a request that a venue refuses: that is an ``ExecutionReport`` with a reason.
    """


class OrderError(InputError):
    """An order's own fields contradict its instrument or each other (price off tick, quantity 0)."""


class DataError(InputError):
    """A data file is malformed; the message names the file, the line or record, and the value."""


class ConfigError(InputError):
    """A scenario has an unknown or wrong field; the message names the file, the field's path and the value."""


class SimulationError(SimexecError, RuntimeError):
    """The calendar was misused: an await outside ``sim.run``, an asyncio awaitable inside it, a time in the past."""


class TransitionError(SimexecError, RuntimeError):
    """An execution report does not fit the order's state: the venue or the manager has a defect.

    Not raised for late, duplicated or reordered reports, which are normal and have rows in the transition table.
    """


class InvariantError(SimexecError, AssertionError):
    """The books of a run do not balance; the figures of that run must not be used."""


class DeadlockError(SimexecError, RuntimeError):
    """Waiting for a resource would never end, since whoever holds it waits for one of ours; the message names the cycle.

    Not raised for a wait that is only long, nor for one that a process itself brings about by waiting for another process.
    """
