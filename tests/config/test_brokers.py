"""Brokers by name: built in, or offered by installed packages."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint

import pytest

from simexec.config.brokers import GROUP, broker_names, check_broker, installed_brokers, load_broker
from simexec.errors import ConfigError
from simexec.execution.backtest_broker import BacktestBroker
from simexec.execution.broker import Broker

Offer = Callable[..., None]


class PaperBroker:
    """What another package offers."""


NOT_A_BROKER = 5


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Offer:
    """Says which packages are installed, as names and values of entry points in simexec's group."""

    def installed(*offers: tuple[str, str]) -> None:
        def entry_points(*, group: str) -> list[EntryPoint]:
            return [EntryPoint(name, value, group) for name, value in offers] if group == GROUP else []

        monkeypatch.setattr("importlib.metadata.entry_points", entry_points)

    return installed


def test_simexec_itself_offers_its_broker_under_a_short_name() -> None:
    assert installed_brokers()["backtest"].value == "simexec.execution.backtest_broker:BacktestBroker"
    assert load_broker("backtest") is BacktestBroker


def test_the_built_in_names_are_classes_of_simexec_whatever_is_installed(offer: Offer) -> None:
    offer(("Broker", f"{__name__}:PaperBroker"))
    assert load_broker("Broker") is Broker
    assert load_broker("BacktestBroker") is load_broker("BacktestBrokerRefactored") is BacktestBroker
    assert broker_names() == ("BacktestBroker", "BacktestBrokerRefactored", "Broker")


def test_a_broker_of_an_installed_package_is_found_by_its_name_and_loaded_when_it_is_asked_for(offer: Offer) -> None:
    offer(("paper", f"{__name__}:PaperBroker"), ("broken", "no_such_module_at_all:Broker"))
    check_broker("paper")
    check_broker("broken")
    assert list(installed_brokers()) == ["broken", "paper"]
    assert load_broker("paper") is PaperBroker
    with pytest.raises(ConfigError, match=r"'broken' cannot be imported from no_such_module_at_all:Broker .*reinstall"):
        load_broker("broken")


def test_an_unknown_broker_is_refused_with_what_is_installed_and_how_one_is_offered(offer: Offer) -> None:
    offer(("paper", f"{__name__}:PaperBroker"), ("backtest", "simexec.execution.backtest_broker:BacktestBroker"))
    for refuse in (check_broker, load_broker):
        with pytest.raises(ConfigError) as refusal:
            refuse("interactive_brokers")
        assert str(refusal.value) == (
            "'interactive_brokers' is not an installed broker; installed: backtest, paper; "
            "a package that offers one declares an entry point in the group simexec.brokers"
        )
    offer()
    with pytest.raises(ConfigError, match=r"'papr' is not an installed broker; installed: none; a package"):
        check_broker("papr")


def test_a_name_that_is_nearly_right_is_told_the_right_one(offer: Offer) -> None:
    offer(("paper", f"{__name__}:PaperBroker"))
    with pytest.raises(
        ConfigError, match=r"'papr' is not an installed broker \(did you mean 'paper'\?\); installed: paper;"
    ):
        check_broker("papr")
    with pytest.raises(ConfigError, match=r"\(did you mean 'BacktestBroker'\?\)"):
        check_broker("backtestbroker")


def test_one_name_for_two_brokers_is_refused_but_not_one_broker_twice(offer: Offer) -> None:
    offer(("paper", "a:B"), ("paper", "a:B"))
    assert list(installed_brokers()) == ["paper"]
    offer(("paper", "c:D"), ("paper", "a:B"))
    with pytest.raises(ConfigError, match="'paper' is offered twice, as a:B and as c:D; uninstall one"):
        check_broker("paper")


def test_what_makes_nothing_is_no_broker(offer: Offer) -> None:
    offer(("paper", f"{__name__}:NOT_A_BROKER"), ("missing", f"{__name__}:Missing"))
    with pytest.raises(ConfigError, match=r"'paper' is .*NOT_A_BROKER, which makes nothing"):
        load_broker("paper")
    with pytest.raises(ConfigError, match="'missing' cannot be imported"):
        load_broker("missing")
