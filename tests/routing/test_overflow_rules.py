"""Overflow by length, by expected wait and by own wait: each by itself, and the ladder that follows."""

from datetime import timedelta

import pytest

from routing.config.site import Voicemail
from routing.ids import LanguageId
from routing.offering import Offering
from routing.overflow import Overflow, begun, overflowing, preferring
from routing.tickets import AgentState, Alternative, Moved, Paused, Tick
from tests.routing.floor_house import (
    ANN,
    BOB,
    FUND,
    HALL,
    IN_THE_HALL,
    OWN,
    SEATED,
    SKILLED,
    T1,
    T2,
    House,
    changed,
    offer,
    rung,
)

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("rule", "length", "expected_ms", "after_ms"),
    [
        (Overflow(OWN), 1_000, 360_000_000, None),
        (Overflow(OWN, length=1), 0, None, None),
        (Overflow(OWN, length=1), 1, None, 0),
        (Overflow(OWN, length=5), 4, None, None),
        (Overflow(OWN, length=5), 5, None, 0),
        (Overflow(OWN, expected=MINUTE), 1_000, 59_999, None),
        (Overflow(OWN, expected=MINUTE), 0, 60_000, 0),
        (Overflow(OWN, expected=MINUTE), 1_000, None, None),
        (Overflow(OWN, waited=MINUTE), 1_000, 3_600_000, 60_000),
        (Overflow(OWN, length=5, waited=MINUTE), 5, None, 0),
        (Overflow(OWN, length=5, waited=MINUTE), 4, None, 60_000),
    ],
)
def test_each_threshold_counts_by_itself(
    rule: Overflow, length: int, expected_ms: int | None, after_ms: int | None
) -> None:
    assert rule.after_ms(length, expected_ms) == after_ms


def test_at_once_the_other_pool_stands_behind_everybody_who_was_good_before() -> None:
    assert overflowing(IN_THE_HALL, OWN, 0) == (rung(Alternative(HALL), Alternative(OWN)),)


def test_later_it_joins_whatever_holds_then_and_what_follows_and_there_too_the_skilled_come_first() -> None:
    there = (Alternative(OWN, FUND, 4), Alternative(OWN, FUND, 1), Alternative(OWN))
    assert overflowing(SKILLED, OWN, 200) == (
        rung(Alternative(HALL, FUND, 4)),
        rung(Alternative(HALL, FUND, 1), after_ms=100),
        rung(Alternative(HALL, FUND, 1), *there, after_ms=200),
        rung(Alternative(HALL), *there, after_ms=300),
    )


def test_a_language_is_asked_for_in_the_other_pool_too_but_not_the_agent_who_knows_the_caller() -> None:
    speaking = Alternative(HALL, language=LanguageId("english"))
    ladder = preferring((rung(speaking, Alternative(HALL)),), ANN)
    last = overflowing(ladder, OWN, 0)[-1].requirement.alternatives
    assert last[-2:] == (Alternative(OWN, language=LanguageId("english")), Alternative(OWN))
    assert [each.agent for each in last if each.pool == OWN] == [None, None]


def test_who_may_take_it_anyway_is_not_named_twice() -> None:
    assert overflowing((rung(Alternative(OWN)),), OWN, 0) == (rung(Alternative(OWN)),)
    assert overflowing((), OWN, 0) == (rung(Alternative(OWN)),)


def test_before_its_first_rung_a_late_ladder_has_only_the_other_pool() -> None:
    assert overflowing((rung(Alternative(HALL), after_ms=50),), OWN, 0) == (
        rung(Alternative(OWN)),
        rung(Alternative(HALL), Alternative(OWN), after_ms=50),
    )


def test_the_agent_who_knows_the_caller_is_asked_first_if_ready_and_not_waited_for() -> None:
    house = House()
    house.sits(BOB)
    house.sits(ANN)
    assert offer(T1, ANN) in house.enters(T1, preferring(IN_THE_HALL, ANN))
    assert offer(T2, BOB) in house.enters(T2, preferring(IN_THE_HALL, ANN))


def test_a_ticket_that_overflows_by_its_own_wait_is_taken_there() -> None:
    house = House()
    house.sits(BOB)
    house.hears(Paused(BOB, "tea"))
    house.sits(ANN, SEATED)
    assert house.enters(T1, overflowing(IN_THE_HALL, OWN, 50)) == ()
    assert house.floor.length(HALL) == 1
    assert house.floor.length(OWN) == 0
    said = house.hears(Tick(), after=50)
    assert said == (Moved(T1, 1), changed(ANN, AgentState.RESERVED), offer(T1, ANN))
    assert house.floor.length(HALL) == 0


def test_a_ladder_that_has_begun_stands_on_the_rung_that_holds_and_counts_from_there() -> None:
    assert begun(SKILLED, 0) == SKILLED
    assert begun(SKILLED, 100) == (rung(Alternative(HALL, FUND, 1)), rung(Alternative(HALL), after_ms=200))
    assert begun(SKILLED, 150) == (
        rung(Alternative(HALL, FUND, 1)),
        rung(Alternative(HALL), after_ms=150),
    )
    assert begun(SKILLED, 9_000) == (rung(Alternative(HALL)),)
    late = (rung(Alternative(HALL), after_ms=50),)
    assert begun(late, 0) == late


@pytest.mark.parametrize(
    ("offering", "expected_ms", "slow"),
    [
        (Offering(), 3_600_000, False),
        (Offering(on=True), None, False),
        (Offering(on=True), 179_999, False),
        (Offering(on=True), 180_000, True),
        (Offering(on=True, expected=MINUTE * 0), 3_600_000, False),
    ],
)
def test_a_call_back_is_offered_for_a_wait_that_is_foreseen(
    offering: Offering, expected_ms: int | None, slow: bool
) -> None:
    assert offering.is_slow(expected_ms) is slow


def test_an_offer_and_a_message_have_their_limits_in_milliseconds() -> None:
    assert Offering(waited=MINUTE).waited_ms == 60_000
    assert Voicemail(longest=MINUTE).longest_ms == 60_000
