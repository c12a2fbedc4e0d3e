"""What the Floor does, case by case: each name is the sentence, each body the events and what is said."""

from collections.abc import Callable

import pytest

from routing.floor import Floor
from routing.ids import AgentId, Instant, PoolId, SeatId, SkillId, TicketId
from routing.standing import TicketState
from routing.tickets import (
    Accepted,
    Action,
    AgentState,
    Alternative,
    AnyEvent,
    Changed,
    Competence,
    Configured,
    Entered,
    Ladder,
    Left,
    Moved,
    Offer,
    Paused,
    Reached,
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

HALL, OWN = PoolId("hall"), PoolId("own")
FUND = SkillId("fund")
ANN, BOB, CAT = AgentId("101"), AgentId("102"), AgentId("103")
T1, T2, T3 = TicketId("t1"), TicketId("t2"), TicketId("t3")
WRAP_UP_MS = 500

GENERAL = (Competence(HALL),)
EXPERT = (Competence(HALL, ((FUND, 5),)),)
NOVICE = (Competence(HALL, ((FUND, 2),)),)
SEATED = (Competence(OWN),)


def rung(*alternatives: Alternative, after_ms: int = 0) -> Rung:
    return Rung(Requirement(alternatives), after_ms)


IN_THE_HALL: Ladder = (rung(Alternative(HALL)),)
SKILLED: Ladder = (
    rung(Alternative(HALL, FUND, 4)),
    rung(Alternative(HALL, FUND, 1), after_ms=100),
    rung(Alternative(HALL), after_ms=300),
)
OWN_FIRST: Ladder = (rung(Alternative(OWN)), rung(Alternative(HALL), after_ms=200))


class House:
    """A Floor with a clock, so that a case reads as a story."""

    def __init__(self) -> None:
        self.floor = Floor()
        self.now = Instant(10_000)
        self.hears(Configured((HALL, OWN), HALL, WRAP_UP_MS))

    def hears(self, event: AnyEvent, *, after: int = 1) -> tuple[Action, ...]:
        self.now = Instant(self.now + after)
        return self.floor.apply(event, self.now)

    def sits(self, agent: AgentId, competences: tuple[Competence, ...] = GENERAL) -> tuple[Action, ...]:
        return self.hears(SignedIn(agent, seat_of(agent), competences))

    def enters(self, ticket: TicketId, ladder: Ladder = IN_THE_HALL, priority_ms: int = 0) -> tuple[Action, ...]:
        return self.hears(Entered(ticket, ladder, Instant(self.now + 1), priority_ms))

    def talks(self, agent: AgentId, ticket: TicketId) -> None:
        """An agent who is ready takes a new ticket and answers."""
        assert offer(ticket, agent) in self.enters(ticket)
        self.hears(Accepted(ticket, agent))

    def state(self, agent: AgentId) -> tuple[AgentState, str] | None:
        return next(((a.state, a.reason) for a in self.floor.agents() if a.agent == agent), None)

    def rung(self, ticket: TicketId) -> int:
        view = self.floor.ticket(ticket)
        assert view is not None
        return view.rung


@pytest.fixture
def house() -> House:
    return House()


def seat_of(agent: AgentId) -> SeatId:
    return SeatId(f"8{agent}")


def offer(ticket: TicketId, agent: AgentId, n: int = 1) -> Offer:
    return Offer(ticket, agent, seat_of(agent), n)


def changed(agent: AgentId, state: AgentState, reason: str = "") -> Changed:
    return Changed(agent, state, reason)


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


def test_who_signs_out_in_talk_is_gone_when_it_is_over_without_wrap_up(house: House) -> None:
    house.sits(ANN)
    house.talks(ANN, T1)
    assert house.hears(SignedOut(ANN)) == ()
    assert house.hears(Left(T1)) == (changed(ANN, AgentState.SIGNED_OUT),)


def test_a_pause_does_not_take_back_a_sign_out_but_a_sign_in_does(house: House) -> None:
    house.sits(ANN)
    house.talks(ANN, T1)
    house.hears(SignedOut(ANN))
    house.hears(Paused(ANN, "tea"))
    assert house.floor.agents()[0].then is AgentState.SIGNED_OUT
    assert house.sits(ANN) == ()
    assert house.floor.agents()[0].then is None


def test_who_signs_out_while_ringing_is_gone_when_it_is_refused_and_the_ticket_waits(house: House) -> None:
    house.sits(ANN)
    house.enters(T1)
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


# --- ladders


def test_a_ticket_climbs_when_its_time_has_come(house: House) -> None:
    house.sits(BOB, EXPERT)
    house.hears(Paused(BOB, "tea"))
    house.sits(ANN, NOVICE)
    assert house.enters(T1, SKILLED) == ()
    assert house.floor.due() == house.now + 100
    assert house.hears(Tick(), after=100) == (Moved(T1, 1), changed(ANN, AgentState.RESERVED), offer(T1, ANN))


def test_a_late_tick_climbs_as_far_as_time_has_come(house: House) -> None:
    house.sits(BOB, EXPERT)
    house.hears(Paused(BOB, "tea"))
    house.enters(T1, SKILLED)
    assert house.hears(Tick(), after=10_000) == (Moved(T1, 2),)
    assert house.floor.due() is None


def test_a_ticket_that_waits_keeps_its_rank_when_it_climbs(house: House) -> None:
    house.sits(ANN, EXPERT)
    house.hears(Paused(ANN, "tea"))
    house.enters(T1, SKILLED)
    house.enters(T2)
    house.hears(Tick(), after=300)
    assert [house.floor.position(t) for t in (T1, T2)] == [1, 2]


def test_a_rung_that_nobody_serves_is_passed_at_once(house: House) -> None:
    house.sits(ANN)
    assert house.enters(T1, OWN_FIRST) == (Moved(T1, 1), changed(ANN, AgentState.RESERVED), offer(T1, ANN))


def test_a_rung_whose_agents_are_all_busy_is_waited_on(house: House) -> None:
    house.sits(BOB, SEATED)
    house.hears(Paused(BOB, "tea"))
    house.sits(ANN)
    assert house.enters(T1, OWN_FIRST) == ()
    assert offer(T1, BOB) in house.hears(Readied(BOB))


def test_when_the_last_who_could_serve_signs_out_the_waiting_climb_by_rank(house: House) -> None:
    house.sits(BOB, SEATED)
    house.hears(Paused(BOB, "tea"))
    house.sits(ANN)
    house.enters(T2, OWN_FIRST)
    house.enters(T1, OWN_FIRST, priority_ms=1_000)
    assert house.hears(SignedOut(BOB)) == (
        changed(BOB, AgentState.SIGNED_OUT),
        Moved(T1, 1),
        changed(ANN, AgentState.RESERVED),
        offer(T1, ANN),
        Moved(T2, 1),
    )


def test_while_one_is_left_who_could_serve_nobody_climbs(house: House) -> None:
    for agent in (ANN, BOB):
        house.sits(agent, SEATED)
        house.hears(Paused(agent, "tea"))
    house.enters(T1, OWN_FIRST)
    assert house.hears(SignedOut(BOB)) == (changed(BOB, AgentState.SIGNED_OUT),)
    assert house.rung(T1) == 0


def test_on_the_last_rung_a_ticket_waits_though_nobody_is_in(house: House) -> None:
    assert house.enters(T1, OWN_FIRST) == (Moved(T1, 1),)
    assert house.floor.due() is None
    assert offer(T1, ANN) in house.sits(ANN)


def test_a_ticket_on_offer_climbs_and_the_offer_stays(house: House) -> None:
    house.sits(ANN, EXPERT)
    house.enters(T1, SKILLED)
    assert house.hears(Tick(), after=100) == (Moved(T1, 1),)
    assert house.hears(Accepted(T1, ANN)) == (changed(ANN, AgentState.TALKING),)
    assert house.floor.due() is None


def test_a_ticket_that_was_accepted_and_returns_has_climbed_meanwhile(house: House) -> None:
    house.sits(BOB)
    house.sits(ANN, EXPERT)
    house.enters(T1, SKILLED)
    house.hears(Accepted(T1, ANN))
    assert house.hears(Refused(T1, ANN, Refusal.REJECTED), after=1_000) == (
        changed(ANN, AgentState.PAUSED, "rejected"),
        Moved(T1, 2),
        changed(BOB, AgentState.RESERVED),
        offer(T1, BOB, 2),
    )


def test_at_one_moment_wrap_up_ends_before_tickets_climb(house: House) -> None:
    house.hears(Configured((HALL, OWN), HALL, 99))
    house.sits(ANN, EXPERT)
    house.talks(ANN, T1)
    house.enters(T2, SKILLED)
    house.hears(Left(T1))
    assert house.floor.due() == house.now + 99
    assert house.hears(Tick(), after=99) == (changed(ANN, AgentState.RESERVED), offer(T2, ANN), Moved(T2, 1))


def test_due_is_the_earlier_of_climb_and_wrap_up(house: House) -> None:
    house.sits(ANN, EXPERT)
    house.talks(ANN, T1)
    house.hears(Left(T1))
    house.enters(T2, SKILLED)
    assert house.floor.due() == house.now + 100


# --- configuration


def test_a_ticket_whose_pools_are_gone_moves_to_the_hall_and_keeps_its_rank(house: House) -> None:
    house.enters(T1, (rung(Alternative(OWN)),))
    house.enters(T2)
    assert house.hears(Configured((HALL,), HALL, 0)) == (Moved(T1, -1),)
    assert house.rung(T1) == -1
    assert house.floor.due() is None
    assert offer(T1, ANN) in house.sits(ANN)


def test_a_ticket_whose_pool_is_gone_climbs_if_its_ladder_goes_on(house: House) -> None:
    house.sits(ANN, SEATED)
    house.hears(Paused(ANN, "tea"))
    house.enters(T1, OWN_FIRST)
    assert house.hears(Configured((HALL,), HALL, 0)) == (Moved(T1, 1),)


def test_a_ticket_that_names_no_pool_that_exists_waits_in_the_hall(house: House) -> None:
    assert house.enters(T1, (rung(Alternative(PoolId("salse"))),)) == (Moved(T1, -1),)


def test_a_ticket_without_a_ladder_waits_in_the_hall(house: House) -> None:
    house.sits(ANN)
    assert house.enters(T1, ()) == (Moved(T1, -1), changed(ANN, AgentState.RESERVED), offer(T1, ANN))


def test_before_any_configuration_a_ticket_without_a_ladder_waits_for_it() -> None:
    floor = Floor()
    floor.apply(SignedIn(ANN, seat_of(ANN), GENERAL), Instant(0))
    assert floor.apply(Entered(T1, (), Instant(1)), Instant(1)) == ()
    said = floor.apply(Configured((HALL,), HALL, 0), Instant(2))
    assert said == (Moved(T1, -1), changed(ANN, AgentState.RESERVED), offer(T1, ANN))


def test_when_the_hall_is_another_its_tickets_move_there(house: House) -> None:
    house.enters(T1, ())
    house.sits(ANN, SEATED)
    assert house.hears(Configured((OWN,), OWN, 0)) == (
        Moved(T1, -1),
        changed(ANN, AgentState.RESERVED),
        offer(T1, ANN),
    )


def test_wrap_up_that_has_begun_keeps_its_limit(house: House) -> None:
    house.sits(ANN)
    house.talks(ANN, T1)
    house.hears(Left(T1))
    house.hears(Configured((HALL,), HALL, 60_000))
    assert house.floor.due() == house.now - 1 + WRAP_UP_MS


# --- what makes no sense

BOTH_BUSY = [
    Left(T3),
    Accepted(T3, ANN),
    Refused(T3, ANN, Refusal.REJECTED),
    SignedOut(CAT),
    Readied(CAT),
    Reached(CAT),
]


@pytest.mark.parametrize(
    "event",
    [
        *BOTH_BUSY,
        Paused(CAT, "tea"),
        Accepted(T1, BOB),
        Accepted(T2, ANN),
        Refused(T1, BOB, Refusal.REJECTED),
        Refused(T2, ANN, Refusal.WITHDRAWN),
        Reached(ANN),
        Readied(BOB),
        Entered(T1, IN_THE_HALL, Instant(0)),
        Entered(T2, OWN_FIRST, Instant(0)),
        SignedIn(ANN, seat_of(ANN), GENERAL),
        Tick(),
    ],
    ids=repr,
)
def test_what_makes_no_sense_changes_nothing(house: House, event: AnyEvent) -> None:
    house.sits(ANN)
    house.enters(T1)
    house.enters(T2, (rung(Alternative(OWN)),))
    house.hears(SignedIn(BOB, seat_of(BOB), GENERAL))
    before = house.floor.dump()
    assert house.hears(event) == ()
    assert house.floor.dump() == before


@pytest.mark.parametrize(
    "event_of",
    [
        lambda: Accepted(T1, ANN),
        lambda: Refused(T1, ANN, Refusal.NO_ANSWER),
        lambda: Left(T1),
    ],
)
def test_the_second_time_changes_nothing(house: House, event_of: Callable[[], AnyEvent]) -> None:
    house.sits(ANN)
    house.enters(T1)
    assert house.hears(event_of()) != ()
    before = house.floor.dump()
    assert house.hears(event_of()) == ()
    assert house.floor.dump() == before


# --- reading


def test_the_floor_shows_its_agents_and_its_tickets(house: House) -> None:
    house.sits(ANN)
    house.talks(ANN, T1)
    house.sits(BOB)
    house.enters(T2)
    house.enters(T3)
    assert [(a.agent, a.state, a.ticket) for a in house.floor.agents()] == [
        (ANN, AgentState.TALKING, T1),
        (BOB, AgentState.RESERVED, T2),
    ]
    assert [(t.ticket, t.state, t.offered_to) for t in house.floor.waiting()] == [
        (T2, TicketState.OFFERED, BOB),
        (T3, TicketState.WAITING, None),
    ]
    assert [(t.ticket, t.state) for t in house.floor.offers()] == [
        (T1, TicketState.ACCEPTED),
        (T2, TicketState.OFFERED),
    ]
    assert [house.floor.position(t) for t in (T1, T2, T3, TicketId("t9"))] == [None, None, 1, None]
