"""Working orders: the order manager, the broker's lines to venues, what guards orders, and what an algorithm is given.

Its names are loaded when they are first asked for, since most of them need the compiled order book and some are only settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simexec.lazy import lazy_names

if TYPE_CHECKING:
    from simexec.execution.breaker_limits import BreakerLimits
    from simexec.execution.broker import Broker, Latencies
    from simexec.execution.circuit_breaker import BreakerState, BreakerTransition, ExecutionCircuitBreaker
    from simexec.execution.execution_metrics import ExecutionMetrics
    from simexec.execution.guard import Guard, Refusal
    from simexec.execution.journal import Journal
    from simexec.execution.order_group import Contingency, OrderGroup
    from simexec.execution.order_manager import OrderManager
    from simexec.execution.parent import ParentExecution
    from simexec.execution.report_stream import ReportStream
    from simexec.execution.risk import RiskPortfolioContainer
    from simexec.execution.risk_limits import RiskLimits
    from simexec.execution.route import Leg, Place, RoutingPlan
    from simexec.execution.router import SmartOrderRouter
    from simexec.execution.router_settings import Resting, RouterSettings
    from simexec.execution.sizing import (
        FixedNotional,
        FixedQuantity,
        PercentOfEquity,
        Proposal,
        Sizing,
        VolatilityTarget,
    )

# Public name -> the module it lives in.
_HOMES = {
    "BreakerLimits": "simexec.execution.breaker_limits",
    "BreakerState": "simexec.execution.circuit_breaker",
    "BreakerTransition": "simexec.execution.circuit_breaker",
    "Broker": "simexec.execution.broker",
    "Contingency": "simexec.execution.order_group",
    "ExecutionCircuitBreaker": "simexec.execution.circuit_breaker",
    "ExecutionMetrics": "simexec.execution.execution_metrics",
    "FixedNotional": "simexec.execution.sizing",
    "FixedQuantity": "simexec.execution.sizing",
    "Guard": "simexec.execution.guard",
    "Journal": "simexec.execution.journal",
    "Latencies": "simexec.execution.broker",
    "Leg": "simexec.execution.route",
    "OrderGroup": "simexec.execution.order_group",
    "OrderManager": "simexec.execution.order_manager",
    "ParentExecution": "simexec.execution.parent",
    "PercentOfEquity": "simexec.execution.sizing",
    "Place": "simexec.execution.route",
    "Proposal": "simexec.execution.sizing",
    "Refusal": "simexec.execution.guard",
    "ReportStream": "simexec.execution.report_stream",
    "Resting": "simexec.execution.router_settings",
    "RiskLimits": "simexec.execution.risk_limits",
    "RiskPortfolioContainer": "simexec.execution.risk",
    "RouterSettings": "simexec.execution.router_settings",
    "RoutingPlan": "simexec.execution.route",
    "Sizing": "simexec.execution.sizing",
    "SmartOrderRouter": "simexec.execution.router",
    "VolatilityTarget": "simexec.execution.sizing",
}

__all__ = [
    "BreakerLimits",
    "BreakerState",
    "BreakerTransition",
    "Broker",
    "Contingency",
    "ExecutionCircuitBreaker",
    "ExecutionMetrics",
    "FixedNotional",
    "FixedQuantity",
    "Guard",
    "Journal",
    "Latencies",
    "Leg",
    "OrderGroup",
    "OrderManager",
    "ParentExecution",
    "PercentOfEquity",
    "Place",
    "Proposal",
    "Refusal",
    "ReportStream",
    "Resting",
    "RiskLimits",
    "RiskPortfolioContainer",
    "RouterSettings",
    "RoutingPlan",
    "Sizing",
    "SmartOrderRouter",
    "VolatilityTarget",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
