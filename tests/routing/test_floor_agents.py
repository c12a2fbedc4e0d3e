"""Pause, sign-out and seats: each name is the sentence, each body the events."""

import pytest

from routing.tickets import (
    Accepted,
    AgentState,
    Alternative,
    Changed,
    Left,
    Moved,
    Offer,
    Paused,
    Rang,
    Readied,
    Refusal,
    Refused,
    Requirement,
    Rung,
    SignedIn,
    SignedOut,
    Tick,
    Withdraw,
)
from tests.routing.floor_house import (
    ANN,
    BOB,
    EXPERT,
    GENERAL,
    HALL,
    OWN_FIRST,
    SEATED,
    SKILLED,
    T1,
    T2,
    WRAP_UP_MS,
    House,
    changed,
    offer,
    seat_of,
)

# --- pause and sign-out


def test_an_agent_who_pauses_gets_nothing(house: House) -> None:
    house.sits(ANN)
    assert house.hears(Paused(ANN, "tea")) == (changed(ANN, AgentState.PAUSED, "tea"),)
    assert house.enters(T1) == ()
    assert house.hears(Readied(ANN)) == (changed(ANN, AgentState.RESERVED), offer(T1, ANN))


def test_another_reason_to_pause_is_said_and_the_same_is_not(house: House) -> None:
    house.sits(ANN)
    house.hears(Paused(ANN, "tea"))
    assert house.hears(Paused(ANN, "tea")) == ()
    assert house.hears(Paused(ANN, "training")) == (changed(ANN, AgentState.PAUSED, "training"),)


def test_a_pause_asked_for_in_talk_comes_after_wrap_up(house: House) -> None:
    house.sits(ANN)
    house.talks(ANN, T1)
    assert house.hears(Paused(ANN, "tea")) == ()
    assert house.floor.agents()[0].then is AgentState.PAUSED
    assert house.hears(Left(T1)) == (changed(ANN, AgentState.WRAP_UP),)
    assert house.hears(Tick(), after=WRAP_UP_MS) == (changed(ANN, AgentState.PAUSED, "tea"),)


def test_a_pause_asked_for_while_ringing_comes_when_the_offer_is_over(house: House) -> None:
    house.sits(ANN)
    house.enters(T1)
    house.hears(Rang(T1, ANN))
    assert house.hears(Paused(ANN, "tea")) == ()
    assert house.hears(Left(T1)) == (Withdraw(T1, ANN), changed(ANN, AgentState.PAUSED, "tea"))


def test_a_pause_in_wrap_up_ends_it(house: House) -> None:
    house.sits(ANN)
    house.talks(ANN, T1)
    house.hears(Left(T1))
    assert house.hears(Paused(ANN, "tea")) == (changed(ANN, AgentState.PAUSED, "tea"),)
    assert house.floor.due() is None


def test_who_asks_for_calls_in_talk_takes_back_the_pause(house: House) -> None:
    house.sits(ANN)
    house.talks(ANN, T1)
    house.hears(Paused(ANN, "tea"))
    assert house.hears(Readied(ANN)) == ()
    house.hears(Left(T1))
    assert house.hears(Tick(), after=WRAP_UP_MS) == (changed(ANN, AgentState.READY),)


def test_an_agent_who_signs_out_is_gone(house: House) -> None:
    house.sits(ANN)
    assert house.hears(SignedOut(ANN)) == (changed(ANN, AgentState.SIGNED_OUT),)
    assert house.floor.agents() == ()
    assert house.enters(T1) == ()


def test_who_signs_out_in_talk_is_gone_when_wrap_up_is_over(house: House) -> None:
    house.sits(ANN)
    house.talks(ANN, T1)
    assert house.hears(SignedOut(ANN)) == ()
    assert house.hears(Left(T1)) == (changed(ANN, AgentState.WRAP_UP),)
    assert house.hears(Tick(), after=WRAP_UP_MS) == (changed(ANN, AgentState.SIGNED_OUT),)


def test_a_pause_does_not_take_back_a_sign_out_but_a_sign_in_does(house: House) -> None:
    house.sits(ANN)
    house.talks(ANN, T1)
    house.hears(SignedOut(ANN))
    house.hears(Paused(ANN, "tea"))
    assert house.floor.agents()[0].then is AgentState.SIGNED_OUT
    assert house.sits(ANN) == ()
    assert house.floor.agents()[0].then is None


def test_who_signs_out_while_ringing_takes_that_call_and_is_gone_after_it(house: House) -> None:
    house.sits(ANN)
    house.enters(T1)
    house.hears(Rang(T1, ANN))
    assert house.hears(SignedOut(ANN)) == ()
    assert house.hears(Accepted(T1, ANN)) == (changed(ANN, AgentState.TALKING),)
    assert house.hears(Left(T1)) == (changed(ANN, AgentState.WRAP_UP),)
    assert house.hears(Tick(), after=WRAP_UP_MS) == (changed(ANN, AgentState.SIGNED_OUT),)


LEAVING = [
    (SignedOut(ANN, "boss"), Changed(ANN, AgentState.SIGNED_OUT, "", "boss")),
    (Paused(ANN, "tea", "boss"), Changed(ANN, AgentState.PAUSED, "tea", "boss")),
]


@pytest.mark.parametrize(("leaves", "said"), LEAVING)
def test_who_leaves_before_their_phone_rings_is_not_rung_and_the_next_agent_has_the_ticket(
    house: House, leaves: SignedOut | Paused, said: Changed
) -> None:
    house.sits(ANN)
    house.enters(T1)
    house.sits(BOB)
    assert house.hears(leaves) == (Withdraw(T1, ANN), said, changed(BOB, AgentState.RESERVED), offer(T1, BOB, 2))
    assert house.hears(Rang(T1, ANN)) == house.hears(Accepted(T1, ANN)) == ()


@pytest.mark.parametrize(("leaves", "said"), LEAVING)
def test_with_nobody_else_there_the_ticket_keeps_its_place(
    house: House, leaves: SignedOut | Paused, said: Changed
) -> None:
    house.sits(ANN)
    house.enters(T1)
    house.enters(T2)
    assert house.hears(leaves) == (Withdraw(T1, ANN), said)
    assert [house.floor.position(each) for each in (T1, T2)] == [1, 2]
    assert offer(T1, BOB, 2) in house.sits(BOB)


@pytest.mark.parametrize("leaves", [leaves for leaves, _ in LEAVING])
def test_a_ticket_that_is_nobody_else_s_is_taken_before_they_leave(house: House, leaves: SignedOut | Paused) -> None:
    house.sits(ANN)
    house.enters(T1, (Rung(Requirement((Alternative(HALL, agent=ANN),))),))
    assert house.hears(leaves) == ()
    assert house.hears(Rang(T1, ANN)) == (changed(ANN, AgentState.RINGING),)


@pytest.mark.parametrize("why", [Refusal.WITHDRAWN, Refusal.UNREACHABLE, Refusal.NO_ANSWER])
def test_who_signs_out_while_ringing_and_refuses_is_gone_and_the_next_agent_has_the_ticket(
    house: House, why: Refusal
) -> None:
    house.sits(ANN)
    house.enters(T1)
    house.hears(Rang(T1, ANN))
    house.hears(SignedOut(ANN))
    house.sits(BOB)
    said = house.hears(Refused(T1, ANN, why))
    assert changed(ANN, AgentState.SIGNED_OUT) in said
    assert changed(BOB, AgentState.RESERVED) in said
    assert offer(T1, BOB, 2) in said


def test_who_signs_out_while_ringing_is_gone_when_it_is_refused_and_the_ticket_waits(house: House) -> None:
    house.sits(ANN)
    house.enters(T1)
    house.hears(Rang(T1, ANN))
    house.hears(SignedOut(ANN))
    assert house.hears(Refused(T1, ANN, Refusal.NO_ANSWER)) == (changed(ANN, AgentState.SIGNED_OUT),)
    assert house.floor.position(T1) == 1


# --- seats


def test_who_sits_down_at_a_seat_signs_the_other_out(house: House) -> None:
    house.sits(ANN)
    assert house.hears(SignedIn(BOB, seat_of(ANN), GENERAL)) == (
        changed(ANN, AgentState.SIGNED_OUT, "seat taken"),
        changed(BOB, AgentState.READY),
    )


@pytest.mark.parametrize("answers", [True, False])
def test_nobody_can_take_a_seat_that_rings_or_talks(house: House, answers: bool) -> None:
    house.sits(ANN)
    house.enters(T1)
    if answers:
        house.hears(Accepted(T1, ANN))
    assert house.hears(SignedIn(BOB, seat_of(ANN), GENERAL)) == ()
    assert [a.agent for a in house.floor.agents()] == [ANN]


def test_an_agent_who_sits_down_elsewhere_leaves_the_former_seat(house: House) -> None:
    house.sits(ANN)
    assert house.hears(SignedIn(ANN, seat_of(BOB), GENERAL)) == (
        changed(ANN, AgentState.SIGNED_OUT, "seat changed"),
        changed(ANN, AgentState.READY),
    )
    assert house.sits(BOB) == (changed(ANN, AgentState.SIGNED_OUT, "seat taken"), changed(BOB, AgentState.READY))


def test_who_is_displaced_by_a_change_of_seats_is_not_offered_where_somebody_is_leaving(house: House) -> None:
    """Once the ticket stayed for ever with the one who had sat at the old seat."""
    house.sits(BOB, SEATED)
    house.hears(Paused(BOB, "tea"))
    house.sits(ANN)
    house.enters(T1, OWN_FIRST)
    assert house.hears(SignedIn(ANN, seat_of(BOB), GENERAL)) == (
        changed(BOB, AgentState.SIGNED_OUT, "seat taken"),
        changed(ANN, AgentState.SIGNED_OUT, "seat changed"),
        Moved(T1, 1),
        changed(ANN, AgentState.RESERVED),
        Offer(T1, ANN, seat_of(BOB), 1),
    )
    assert [(view.agent, view.ticket) for view in house.floor.agents()] == [(ANN, T1)]


def test_an_agent_cannot_change_seats_in_talk(house: House) -> None:
    house.sits(ANN)
    house.talks(ANN, T1)
    assert house.hears(SignedIn(ANN, seat_of(BOB), GENERAL)) == ()


def test_no_ticket_climbs_for_a_change_of_seat(house: House) -> None:
    house.sits(ANN, SEATED)
    house.hears(Paused(ANN, "tea"))
    house.enters(T1, OWN_FIRST)
    said = house.hears(SignedIn(ANN, seat_of(BOB), SEATED))
    assert said[1:] == (changed(ANN, AgentState.RESERVED), Offer(T1, ANN, seat_of(BOB), 1))


def test_an_agent_who_is_ready_and_learns_something_takes_who_waits_for_it(house: House) -> None:
    house.sits(BOB, EXPERT)
    house.hears(Paused(BOB, "tea"))
    house.sits(ANN, GENERAL)
    assert house.enters(T1, SKILLED) == ()
    assert house.sits(ANN, EXPERT) == (changed(ANN, AgentState.RESERVED), offer(T1, ANN))


def test_an_agent_who_learns_something_else_stays_ready(house: House) -> None:
    house.sits(ANN, GENERAL)
    assert house.sits(ANN, EXPERT) == ()
    assert offer(T1, ANN) in house.enters(T1, SKILLED)


def test_what_an_agent_forgets_in_talk_is_asked_of_nobody(house: House) -> None:
    house.sits(ANN, EXPERT)
    house.talks(ANN, T1)
    assert house.enters(T2, SKILLED) == ()
    assert house.sits(ANN, GENERAL) == (Moved(T2, 2),)
