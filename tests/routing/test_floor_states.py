"""Hold, consult, wrap-up, limits, and what a supervisor makes an agent do: each name is the sentence."""

import pytest

from routing.ids import PoolId
from routing.tickets import (
    Accepted,
    AgentState,
    Alternative,
    Configured,
    Consulted,
    Held,
    Left,
    Lost,
    Overdue,
    Paused,
    Rang,
    Reached,
    Readied,
    Refusal,
    Refused,
    Resumed,
    SignedIn,
    SignedOut,
    Tick,
    WrappedUp,
)
from tests.routing.floor_house import (
    ANN,
    BOB,
    EXPERT,
    GENERAL,
    HALL,
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

LEADER = "9001"
LIMITS = (
    *((AgentState.RESERVED, 40), (AgentState.TALKING, 100), (AgentState.HOLDING, 30)),
    *((AgentState.CONSULTING, 50), (AgentState.UNREACHABLE, 60)),
)


# --- hold and consult


def test_an_agent_holds_consults_and_talks_again(house: House) -> None:
    house.sits(ANN)
    house.talks(ANN, T1)
    assert house.hears(Held(T1, ANN)) == (changed(ANN, AgentState.HOLDING),)
    assert house.hears(Consulted(T1, ANN)) == (changed(ANN, AgentState.CONSULTING),)
    assert house.hears(Resumed(T1, ANN)) == (changed(ANN, AgentState.TALKING),)
    assert house.hears(Left(T1)) == (changed(ANN, AgentState.WRAP_UP),)


@pytest.mark.parametrize("turn", [Held, Consulted])
def test_a_citizen_who_leaves_meanwhile_sends_the_agent_to_wrap_up(house: House, turn: type[Held | Consulted]) -> None:
    house.sits(ANN)
    house.talks(ANN, T1)
    house.hears(turn(T1, ANN))
    assert house.hears(Left(T1)) == (changed(ANN, AgentState.WRAP_UP),)


@pytest.mark.parametrize("turn", [Held, Consulted, Resumed])
def test_who_does_not_talk_for_the_ticket_cannot_turn(house: House, turn: type[Held | Consulted | Resumed]) -> None:
    house.sits(ANN)
    house.enters(T1)
    before = house.floor.dump()
    assert house.hears(turn(T1, ANN)) == house.hears(turn(T2, ANN)) == house.hears(turn(T1, BOB)) == ()
    assert house.floor.dump() == before


def test_holding_twice_is_said_once(house: House) -> None:
    house.sits(ANN)
    house.talks(ANN, T1)
    house.hears(Held(T1, ANN))
    assert house.hears(Held(T1, ANN)) == ()


def test_nobody_takes_the_seat_of_an_agent_who_holds(house: House) -> None:
    house.sits(ANN)
    house.talks(ANN, T1)
    house.hears(Held(T1, ANN))
    assert house.hears(SignedIn(BOB, seat_of(ANN), GENERAL)) == ()


# --- limits


def limited(house: House, wrap_up_ms: int = 0, wrap_ups: tuple[tuple[PoolId, int], ...] = ()) -> None:
    house.hears(Configured((HALL, OWN), HALL, wrap_up_ms, wrap_ups, LIMITS))


def test_a_talk_at_its_limit_is_said_again_and_again_and_goes_on(house: House) -> None:
    limited(house)
    house.sits(ANN)
    house.talks(ANN, T1)
    assert house.floor.due() == house.now + 100
    assert house.hears(Tick(), after=100) == (Overdue(ANN, AgentState.TALKING, T1),)
    assert house.floor.due() == house.now + 100
    assert house.hears(Tick(), after=100) == (Overdue(ANN, AgentState.TALKING, T1),)
    assert house.state(ANN) == (AgentState.TALKING, "")


def test_hold_consult_and_talk_have_each_their_own_limit(house: House) -> None:
    limited(house)
    house.sits(ANN)
    house.enters(T1)
    assert house.floor.due() == house.now + 40
    house.hears(Accepted(T1, ANN))
    assert house.floor.due() == house.now + 100
    house.hears(Held(T1, ANN))
    assert house.floor.due() == house.now + 30
    house.hears(Consulted(T1, ANN))
    assert house.floor.due() == house.now + 50
    house.hears(Left(T1))
    assert house.floor.due() is None


def test_a_limit_that_is_gone_when_it_is_reached_is_said_once(house: House) -> None:
    limited(house)
    house.sits(ANN)
    house.talks(ANN, T1)
    house.hears(Configured((HALL, OWN), HALL, 0))
    assert house.hears(Tick(), after=100) == (Overdue(ANN, AgentState.TALKING, T1),)
    assert house.floor.due() is None


def test_an_agent_who_is_paused_too_long_has_no_ticket(house: House) -> None:
    house.hears(Configured((HALL,), HALL, 0, limits=((AgentState.PAUSED, 10),)))
    house.sits(ANN)
    house.hears(Paused(ANN, "tea"))
    assert house.hears(Tick(), after=10) == (Overdue(ANN, AgentState.PAUSED, None),)


def test_who_stays_unreachable_is_signed_out(house: House) -> None:
    limited(house)
    house.sits(ANN)
    house.enters(T1)
    house.hears(Refused(T1, ANN, Refusal.UNREACHABLE))
    assert house.hears(Tick(), after=59) == ()
    assert house.hears(Tick()) == (changed(ANN, AgentState.SIGNED_OUT, "unreachable"),)
    assert house.floor.agents() == ()


def test_who_is_reached_in_time_stays(house: House) -> None:
    limited(house)
    house.sits(ANN)
    house.enters(T1)
    house.hears(Refused(T1, ANN, Refusal.UNREACHABLE))
    assert offer(T1, ANN, 2) in house.hears(Reached(ANN), after=59)


# --- wrap-up


def test_wrap_up_is_over_when_the_agent_has_said_what_the_talk_was(house: House) -> None:
    house.sits(ANN)
    house.talks(ANN, T1)
    house.hears(Left(T1))
    assert house.hears(WrappedUp(ANN)) == (changed(ANN, AgentState.READY),)
    assert house.floor.due() is None


def test_a_pause_asked_for_in_talk_comes_when_wrap_up_is_over(house: House) -> None:
    house.sits(ANN)
    house.talks(ANN, T1)
    house.hears(Paused(ANN, "tea"))
    house.hears(Left(T1))
    assert house.hears(WrappedUp(ANN)) == (changed(ANN, AgentState.PAUSED, "tea"),)


def test_what_is_said_of_a_talk_outside_wrap_up_changes_nothing(house: House) -> None:
    house.sits(ANN)
    house.talks(ANN, T1)
    assert house.hears(WrappedUp(ANN)) == house.hears(WrappedUp(BOB)) == ()
    assert house.state(ANN) == (AgentState.TALKING, "")


def test_wrap_up_lasts_as_long_as_the_pool_says_for_which_the_agent_talked(house: House) -> None:
    limited(house, wrap_up_ms=70, wrap_ups=((OWN, 20),))
    house.sits(ANN, SEATED)
    assert offer(T1, ANN) in house.enters(T1, (rung(Alternative(HALL), Alternative(OWN)),))
    house.hears(Accepted(T1, ANN))
    house.hears(Left(T1))
    assert house.floor.due() == house.now + 20


def test_a_pool_without_a_word_of_its_own_has_the_wrap_up_of_all(house: House) -> None:
    limited(house, wrap_up_ms=70, wrap_ups=((OWN, 20),))
    house.sits(ANN, EXPERT)
    assert offer(T1, ANN) in house.enters(T1, SKILLED)
    house.hears(Accepted(T1, ANN))
    house.hears(Left(T1))
    assert house.floor.due() == house.now + 70


def test_who_works_there_no_longer_has_the_halls_wrap_up(house: House) -> None:
    limited(house, wrap_up_ms=70, wrap_ups=((HALL, 30), (OWN, 20)))
    house.sits(ANN, SEATED)
    house.enters(T1, (rung(Alternative(OWN)),))
    house.hears(Accepted(T1, ANN))
    house.hears(SignedIn(ANN, seat_of(ANN), EXPERT))
    house.hears(Left(T1))
    assert house.floor.due() == house.now + 30


def test_a_pool_may_have_no_wrap_up_where_others_have_one(house: House) -> None:
    limited(house, wrap_up_ms=70, wrap_ups=((OWN, 0),))
    house.sits(ANN, SEATED)
    house.enters(T1, (rung(Alternative(OWN)),))
    house.hears(Accepted(T1, ANN))
    assert house.hears(Left(T1)) == (changed(ANN, AgentState.READY),)


# --- a supervisor


def test_a_supervisor_makes_an_agent_pause_be_ready_and_leave_and_it_is_said_who(house: House) -> None:
    house.sits(ANN)
    assert house.hears(Paused(ANN, "meeting", LEADER)) == (changed(ANN, AgentState.PAUSED, "meeting", LEADER),)
    assert house.floor.agents()[0].by == LEADER
    assert house.hears(Readied(ANN, LEADER)) == (changed(ANN, AgentState.READY, by=LEADER),)
    assert house.hears(SignedOut(ANN, LEADER)) == (changed(ANN, AgentState.SIGNED_OUT, by=LEADER),)


def test_in_a_talk_it_comes_after_wrap_up_and_it_is_still_said_who(house: House) -> None:
    house.sits(ANN)
    house.talks(ANN, T1)
    assert house.hears(Paused(ANN, "meeting", LEADER)) == ()
    house.hears(Left(T1))
    assert house.hears(Tick(), after=WRAP_UP_MS) == (changed(ANN, AgentState.PAUSED, "meeting", LEADER),)


def test_in_a_talk_a_sign_out_takes_effect_when_it_is_over_and_it_is_said_who(house: House) -> None:
    house.sits(ANN)
    house.talks(ANN, T1)
    assert house.hears(SignedOut(ANN, LEADER)) == ()
    house.hears(Left(T1))
    assert house.hears(WrappedUp(ANN)) == (changed(ANN, AgentState.SIGNED_OUT, by=LEADER),)


def test_who_rings_is_ringing_and_no_longer_reserved(house: House) -> None:
    house.sits(ANN)
    house.enters(T1)
    assert house.hears(Rang(T1, BOB)) == ()
    assert house.hears(Rang(T1, ANN)) == (changed(ANN, AgentState.RINGING),)
    house.hears(Accepted(T1, ANN))
    assert house.hears(Rang(T1, ANN)) == ()
    assert house.hears(Rang(T2, ANN)) == ()


def test_whose_phone_is_gone_is_unreachable_for_a_while_and_then_signed_out(house: House) -> None:
    limited(house)
    house.sits(ANN)
    assert house.hears(Lost(ANN, "phone")) == (changed(ANN, AgentState.UNREACHABLE, "phone"),)
    assert house.hears(Lost(ANN, "phone")) == ()
    assert house.hears(Lost(BOB, "phone")) == ()
    assert house.enters(T1) == ()
    assert house.hears(Tick(), after=58) == (changed(ANN, AgentState.SIGNED_OUT, "unreachable"),)


def test_who_was_paused_and_lost_is_paused_again_and_not_ready(house: House) -> None:
    house.sits(ANN)
    house.hears(Paused(ANN, "tea", LEADER))
    house.hears(Lost(ANN, "desk"))
    assert house.hears(Reached(ANN)) == (changed(ANN, AgentState.PAUSED, "tea", LEADER),)


def test_from_a_talk_nothing_is_taken(house: House) -> None:
    house.sits(ANN)
    house.talks(ANN, T1)
    assert house.hears(Lost(ANN, "phone")) == ()
    house.hears(Left(T1))
    assert house.hears(Lost(ANN, "phone")) == ()
    assert house.state(ANN) == (AgentState.WRAP_UP, "")
