"""Venues that are left out for a while."""

from __future__ import annotations

from simexec.execution.absences import Absences

ALFA, BETA = ("TEST", "ALFA"), ("TEST", "BETA")


def test_a_refusal_leaves_a_market_out_for_a_pause_that_doubles_up_to_the_longest() -> None:
    absences, now, pauses = Absences(10, 60), 0, []
    for _ in range(5):
        absences.refused(ALFA, now)
        back = absences.next_return("TEST", now)
        assert back is not None
        assert absences.is_out(ALFA, back - 1)
        assert not absences.is_out(ALFA, back)
        pauses.append(back - now)
        now = back
    assert pauses == [10, 20, 40, 60, 60]
    assert not absences.is_out(BETA, 0)


def test_refusals_that_come_together_count_once() -> None:
    absences = Absences(10, 60)
    for now in (0, 0, 5):
        absences.refused(ALFA, now)
    assert absences.next_return("TEST", 5) == 10


def test_an_order_that_is_accepted_ends_the_pauses() -> None:
    absences = Absences(10, 60)
    absences.refused(ALFA, 0)
    absences.accepted(ALFA)
    assert not absences.is_out(ALFA, 0)
    absences.refused(ALFA, 100)
    assert absences.next_return("TEST", 100) == 110
    assert absences.next_return("OTHER", 100) is None


def test_a_silent_market_is_out_until_every_order_that_it_owes_an_answer_has_ended() -> None:
    absences = Absences(10, 60)
    absences.silent(ALFA, "a")
    absences.silent(ALFA, "b")
    absences.answered(ALFA, "a")
    assert absences.is_out(ALFA, 10**12)
    assert absences.next_return("TEST", 0) is None
    absences.answered(ALFA, "b")
    assert not absences.is_out(ALFA, 0)
