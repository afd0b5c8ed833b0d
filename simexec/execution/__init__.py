"""Working orders: the order manager, the broker's lines to venues, and what an algorithm is given."""

from simexec.execution.broker import Broker, Latencies
from simexec.execution.journal import Journal
from simexec.execution.order_group import Contingency, OrderGroup
from simexec.execution.order_manager import OrderManager
from simexec.execution.parent import ParentExecution
from simexec.execution.report_stream import ReportStream

__all__ = [
    "Broker",
    "Contingency",
    "Journal",
    "Latencies",
    "OrderGroup",
    "OrderManager",
    "ParentExecution",
    "ReportStream",
]
