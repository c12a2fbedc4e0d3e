"""Who gets what, what is refused, and who leaves: each name is the sentence, each body the events."""

import pytest

from routing.floor import Floor
from routing.ids import Instant
from routing.tickets import (
    Accepted,
    AgentState,
    Alternative,
    Configured,
    Entered,
    Left,
    Reached,
    Readied,
    Refusal,
    Refused,
    SignedIn,
    Tick,
    Withdraw,
)
from tests.routing.floor_house import (
    ANN,
    BOB,
    EXPERT,
    FUND,
    GENERAL,
    HALL,
    IN_THE_HALL,
    NOVICE,
    OWN,
    SEATED,
    SKILLED,
    T1,
    T2,
    WRAP_UP_MS,
    House,
    changed,
    offer,
    rung,
    seat_of,
)

# --- who gets what


def test_an_agent_who_signs_in_is_ready(house: House) -> None:
    assert house.sits(ANN) == (changed(ANN, AgentState.READY),)


def test_an_agent_may_sign_in_without_being_ready(house: House) -> None:
    house.enters(T1)
    said = house.hears(SignedIn(ANN, seat_of(ANN), GENERAL, ready=False))
    assert said == (changed(ANN, AgentState.PAUSED, "signed in"),)


def test_a_ticket_is_offered_to_the_agent_who_is_ready(house: House) -> None:
    house.sits(ANN)
    assert house.enters(T1) == (changed(ANN, AgentState.RESERVED), offer(T1, ANN))


def test_an_agent_who_becomes_ready_is_reserved_for_the_first_who_waits(house: House) -> None:
    house.enters(T1)
    house.enters(T2)
    assert house.sits(ANN) == (changed(ANN, AgentState.RESERVED), offer(T1, ANN))


def test_priority_counts_as_time_waited(house: House) -> None:
    house.enters(T1)
    house.enters(T2, priority_ms=60_000)
    assert offer(T2, ANN) in house.sits(ANN)


def test_the_first_entry_travels_with_the_caller(house: House) -> None:
    house.enters(T1)
    house.hears(Entered(T2, IN_THE_HALL, Instant(house.now - 5_000)))
    assert offer(T2, ANN) in house.sits(ANN)


def test_equals_go_by_the_name_of_their_ticket(house: House) -> None:
    for ticket in (T2, T1):
        house.hears(Entered(ticket, IN_THE_HALL, Instant(5)))
    assert offer(T1, ANN) in house.sits(ANN)


def test_of_two_who_are_ready_the_longest_idle_is_asked(house: House) -> None:
    for agent in (BOB, ANN):
        house.sits(agent)
    assert offer(T1, BOB) in house.enters(T1)


def test_of_two_who_are_able_the_more_skilled_is_asked_though_less_idle(house: House) -> None:
    house.sits(ANN, NOVICE)
    house.sits(BOB, EXPERT)
    assert offer(T1, BOB) in house.enters(T1, (rung(Alternative(HALL, FUND, 1)),))


def test_the_first_alternative_comes_before_any_skill_or_idleness(house: House) -> None:
    house.sits(ANN, EXPERT)
    house.sits(BOB, SEATED)
    assert offer(T1, BOB) in house.enters(T1, (rung(Alternative(OWN), Alternative(HALL, FUND)),))


def test_every_member_of_a_pool_takes_its_unskilled_work(house: House) -> None:
    house.sits(ANN, EXPERT)
    assert offer(T1, ANN) in house.enters(T1)


def test_nobody_is_asked_for_what_they_cannot_do(house: House) -> None:
    house.sits(ANN, NOVICE)
    house.sits(BOB, EXPERT)
    assert offer(T1, BOB) in house.enters(T1, SKILLED)
    assert house.enters(T2, SKILLED) == ()


def test_an_agent_who_answers_talks(house: House) -> None:
    house.sits(ANN)
    house.enters(T1)
    assert house.hears(Accepted(T1, ANN)) == (changed(ANN, AgentState.TALKING),)


# --- what is refused


@pytest.mark.parametrize(
    ("why", "becomes"),
    [
        (Refusal.NO_ANSWER, AgentState.PAUSED),
        (Refusal.REJECTED, AgentState.PAUSED),
        (Refusal.UNREACHABLE, AgentState.UNREACHABLE),
    ],
)
def test_a_refused_ticket_returns_to_its_place_and_the_agent_is_asked_no_more(
    house: House, why: Refusal, becomes: AgentState
) -> None:
    house.sits(ANN)
    house.enters(T1)
    house.enters(T2)
    assert house.hears(Refused(T1, ANN, why)) == (changed(ANN, becomes, why.value),)
    assert [house.floor.position(t) for t in (T1, T2)] == [1, 2]
    assert offer(T1, BOB, 2) in house.sits(BOB)


def test_a_refused_ticket_goes_to_another_who_is_ready_at_once(house: House) -> None:
    house.sits(ANN)
    house.sits(BOB)
    house.enters(T1)
    assert house.hears(Refused(T1, ANN, Refusal.REJECTED)) == (
        changed(ANN, AgentState.PAUSED, "rejected"),
        changed(BOB, AgentState.RESERVED),
        offer(T1, BOB, 2),
    )


def test_what_we_withdraw_leaves_the_agent_ready(house: House) -> None:
    house.sits(ANN)
    house.sits(BOB)
    house.enters(T1)
    assert house.hears(Refused(T1, ANN, Refusal.WITHDRAWN)) == (
        changed(BOB, AgentState.RESERVED),
        offer(T1, BOB, 2),
        changed(ANN, AgentState.READY),
    )


def test_what_we_withdraw_may_come_back_to_the_only_agent(house: House) -> None:
    house.sits(ANN)
    house.enters(T1)
    assert house.hears(Refused(T1, ANN, Refusal.WITHDRAWN)) == (offer(T1, ANN, 2),)


def test_an_accepted_ticket_that_never_connects_returns_to_its_place(house: House) -> None:
    house.sits(ANN)
    house.enters(T1, SKILLED)
    house.hears(Accepted(T1, ANN))
    assert house.hears(Refused(T1, ANN, Refusal.REJECTED), after=120) == (changed(ANN, AgentState.PAUSED, "rejected"),)
    assert house.floor.position(T1) == 1


def test_an_unreachable_agent_is_ready_when_the_phone_is_back(house: House) -> None:
    house.sits(ANN)
    house.enters(T1)
    house.hears(Refused(T1, ANN, Refusal.UNREACHABLE))
    assert house.hears(Reached(ANN)) == (changed(ANN, AgentState.RESERVED), offer(T1, ANN, 2))


def test_an_unreachable_agent_may_say_that_they_are_back(house: House) -> None:
    house.sits(ANN)
    house.enters(T1)
    house.hears(Refused(T1, ANN, Refusal.UNREACHABLE))
    assert offer(T1, ANN, 2) in house.hears(Readied(ANN))


# --- who leaves


def test_a_caller_who_leaves_while_waiting_is_forgotten(house: House) -> None:
    house.enters(T1)
    assert house.hears(Left(T1)) == ()
    assert house.floor.ticket(T1) is None
    assert house.sits(ANN) == (changed(ANN, AgentState.READY),)


def test_a_caller_who_leaves_while_the_phone_rings_stops_the_ringing(house: House) -> None:
    house.sits(ANN)
    house.enters(T1)
    assert house.hears(Left(T1)) == (Withdraw(T1, ANN), changed(ANN, AgentState.READY))


def test_an_agent_whose_caller_left_takes_the_next(house: House) -> None:
    house.sits(ANN)
    house.enters(T1)
    house.enters(T2)
    assert house.hears(Left(T1)) == (Withdraw(T1, ANN), offer(T2, ANN))


def test_an_agent_who_has_talked_wraps_up_and_then_is_ready(house: House) -> None:
    house.sits(ANN)
    house.talks(ANN, T1)
    assert house.hears(Left(T1)) == (changed(ANN, AgentState.WRAP_UP),)
    assert house.floor.due() == house.now + WRAP_UP_MS
    assert house.hears(Tick(), after=WRAP_UP_MS - 1) == ()
    assert house.hears(Tick()) == (changed(ANN, AgentState.READY),)
    assert house.floor.due() is None


def test_an_agent_may_end_wrap_up_early(house: House) -> None:
    house.sits(ANN)
    house.talks(ANN, T1)
    house.hears(Left(T1))
    assert house.hears(Readied(ANN)) == (changed(ANN, AgentState.READY),)
    assert house.floor.due() is None


@pytest.mark.parametrize("configured", [Configured((HALL,), HALL, 0), None])
def test_without_wrap_up_an_agent_is_ready_after_the_talk(house: House, configured: Configured | None) -> None:
    if configured:
        house.hears(configured)
    else:
        house.floor = Floor()
    house.sits(ANN)
    house.talks(ANN, T1)
    assert house.hears(Left(T1)) == (changed(ANN, AgentState.READY),)
