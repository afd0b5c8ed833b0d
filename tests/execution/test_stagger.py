"""Orders to several venues arrive together."""

from __future__ import annotations

from simexec.execution.router_settings import RouterSettings
from simexec.execution.stagger import delays
from simexec.sim import Constant, Uniform
from simexec.trading.vocabulary import TimeInForce

from .street import BUY, US, Corner, Street

IOC = TimeInForce.IOC


def test_the_farthest_is_sent_to_first() -> None:
    assert delays({"A": 100.4, "B": 900.0, "C": 900.0}) == {"A": 800, "B": 0, "C": 0}
    assert delays({}) == {}


def arrivals(street: Street) -> list[int]:
    return [trade.arrived_ns for leg in street.router.legs for trade in leg.order.trades]


LINES = {"ALFA": "80us", "BETA": "400us", "CARL": "1500us"}


def test_over_constant_lines_staggered_orders_arrive_at_one_nanosecond() -> None:
    for stagger in (True, False):
        street = Street(
            {name: Corner(line=Constant(line)) for name, line in LINES.items()}, RouterSettings(stagger=stagger)
        )
        street.route(street.order(BUY, 1500, 101, IOC))
        times = arrivals(street)
        assert len(times) == 3
        assert max(times) - min(times) == (0 if stagger else 1420 * US)
        street.finish()


def test_over_random_lines_staggered_orders_arrive_within_their_jitter() -> None:
    spreads: dict[bool, list[int]] = {True: [], False: []}
    for seed in range(10):
        for stagger in spreads:
            lines = {
                "ALFA": Uniform("50us", "110us"),
                "BETA": Uniform("370us", "430us"),
                "CARL": Uniform("1470us", "1530us"),
            }
            corners = {name: Corner(line=line) for name, line in lines.items()}
            street = Street(corners, RouterSettings(stagger=stagger), seed=seed)
            street.route(street.order(BUY, 1500, 101, IOC))
            spreads[stagger].append(max(arrivals(street)) - min(arrivals(street)))
    assert max(spreads[True]) <= 60 * US
    assert min(spreads[False]) > 1300 * US
