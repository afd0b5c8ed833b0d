"""Events and signals are checked where they are made."""

import pytest

from simexec.errors import InputError
from simexec.trading.events import Event, EventType, Signal
from simexec.trading.vocabulary import OrderSide


@pytest.mark.parametrize("kind", [EventType.ORDER, "ORDER", "order"])
def test_an_event_may_be_written_as_a_mapping(kind):
    event = Event.of({"type": kind, "data": {"symbol": "AAPL"}})
    assert event == Event(EventType.ORDER, {"symbol": "AAPL"})
    assert Event.of(event) is event


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"data": {}}, "has no type"),
        (None, "event None has no type"),
        ({"type": "ORDR"}, "event type 'ORDR' is unknown; use one of SIGNAL, ORDER, FILL"),
        ({"type": "ORDER", "data": [1]}, r"data \[1\] of an event of type ORDER is not a mapping"),
    ],
)
def test_an_event_that_cannot_be_understood_is_refused(event, message):
    with pytest.raises(InputError, match=message):
        Event.of(event)


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan"), "high", True])
def test_a_signals_strength_is_between_nothing_and_all(strength):
    with pytest.raises(InputError, match=r"strength .* of the AAPL signal is not between 0 and 1"):
        Signal("AAPL", OrderSide.BUY, strength)


def test_a_signal_is_of_full_strength_unless_it_says_otherwise():
    assert Signal("AAPL", OrderSide.SELL).strength == 1
