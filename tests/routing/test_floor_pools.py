"""Closing a pool, moving a ticket, asking for one agent by name, keeping experts free: each name is the sentence."""

from routing.floor import Floor
from routing.ids import Instant, PromptId, SkillId
from routing.tickets import (
    Accepted,
    AgentState,
    Alternative,
    Announce,
    Closed,
    Competence,
    Configured,
    Directed,
    Ladder,
    Left,
    Moved,
    Offer,
    Opened,
    Paused,
    Readied,
    Refusal,
    Refused,
    SignedIn,
    SignedOut,
    Tick,
    Withdraw,
)
from tests.routing.floor_house import (
    ANN,
    BOB,
    CAT,
    EXPERT,
    FUND,
    GENERAL,
    HALL,
    IN_THE_HALL,
    OWN,
    OWN_FIRST,
    SEATED,
    T1,
    T2,
    House,
    changed,
    offer,
    rung,
    seat_of,
)

LEADER = "9001"
STORM = PromptId("pool-closed")
BOTH = (Competence(HALL), Competence(OWN))


def busy(house: House, *agents: tuple[Competence, ...]) -> None:
    """ANN (and BOB) are signed in, and paused."""
    for agent, competences in zip((ANN, BOB), agents, strict=False):
        house.sits(agent, competences)
        house.hears(Paused(agent, "tea"))


# --- experts stay free


def test_unskilled_work_goes_to_who_has_learnt_least_though_less_idle(house: House) -> None:
    house.sits(ANN, EXPERT)
    house.sits(BOB, GENERAL)
    assert offer(T1, BOB) in house.enters(T1)
    assert offer(T2, ANN) in house.enters(T2)


def test_of_two_who_have_learnt_as_much_the_longest_idle_takes_unskilled_work(house: House) -> None:
    house.sits(ANN, (Competence(HALL, ((SkillId("food"), 1),)),))
    house.sits(BOB, EXPERT)
    assert offer(T1, ANN) in house.enters(T1)


def test_many_skills_are_as_good_as_more(house: House) -> None:
    many = tuple((SkillId(f"skill-{n}"), 3) for n in range(9))
    house.sits(ANN, (Competence(HALL, many),))
    house.sits(BOB, (Competence(HALL, many[:4]),))
    assert offer(T1, ANN) in house.enters(T1)


# --- one agent by name


def to_ann_first(wait_ms: int) -> Ladder:
    named = Alternative(HALL, agent=ANN)
    return (rung(named), rung(named, Alternative(HALL), after_ms=wait_ms))


def test_the_agent_asked_for_by_name_is_asked_first_though_less_idle(house: House) -> None:
    house.sits(BOB)
    house.sits(ANN)
    assert offer(T1, ANN) in house.enters(T1, to_ann_first(0))


def test_who_is_asked_for_by_name_and_busy_is_waited_for_so_long_and_no_longer(house: House) -> None:
    busy(house, GENERAL)
    house.sits(BOB)
    assert house.enters(T1, to_ann_first(50)) == ()
    assert house.hears(Tick(), after=50) == (Moved(T1, 1), changed(BOB, AgentState.RESERVED), offer(T1, BOB))


def test_who_is_asked_for_by_name_and_comes_in_time_takes_it(house: House) -> None:
    busy(house, GENERAL)
    house.sits(BOB)
    house.enters(T1, to_ann_first(50))
    assert house.hears(Readied(ANN)) == (changed(ANN, AgentState.RESERVED), offer(T1, ANN))


def test_who_is_asked_for_by_name_and_is_not_there_is_not_waited_for(house: House) -> None:
    house.sits(BOB)
    assert offer(T1, BOB) in house.enters(T1, to_ann_first(50))


def test_when_who_is_waited_for_by_name_leaves_the_ticket_goes_on(house: House) -> None:
    busy(house, GENERAL)
    house.sits(BOB)
    house.enters(T1, to_ann_first(50))
    assert offer(T1, BOB) in house.hears(SignedOut(ANN))


def test_a_change_of_seats_is_no_leaving(house: House) -> None:
    busy(house, GENERAL)
    house.enters(T1, (rung(Alternative(HALL, agent=ANN)), rung(Alternative(OWN), after_ms=50)))
    said = house.hears(SignedIn(ANN, seat_of(CAT), GENERAL))
    assert said[1:] == (changed(ANN, AgentState.RESERVED), Offer(T1, ANN, seat_of(CAT), 1))


def test_an_agent_is_asked_for_by_name_in_a_pool_that_is_closed_or_none_of_theirs(house: House) -> None:
    house.sits(ANN)
    house.hears(Closed(OWN, STORM))
    assert offer(T1, ANN) in house.enters(T1, (rung(Alternative(OWN, agent=ANN)),))
    house.hears(Accepted(T1, ANN))
    assert house.hears(Left(T1)) == (changed(ANN, AgentState.WRAP_UP),)


def test_wrap_up_after_being_asked_for_by_name_is_that_of_the_pool_named_with_it(house: House) -> None:
    house.hears(Configured((HALL, OWN), HALL, 70, ((OWN, 20),)))
    house.sits(ANN)
    named = (rung(Alternative(HALL, agent=BOB), Alternative(OWN, agent=ANN)),)
    house.enters(T1, named)
    house.hears(Accepted(T1, ANN))
    house.hears(Left(T1))
    assert house.floor.due() == house.now + 20


# --- a supervisor moves a ticket


def test_a_ticket_that_is_moved_waits_elsewhere_with_its_rank_and_a_new_clock(house: House) -> None:
    house.sits(ANN)
    busy(house, GENERAL, SEATED)
    house.enters(T1, IN_THE_HALL)
    house.enters(T2, OWN_FIRST)
    assert house.hears(Directed(T1, OWN_FIRST, LEADER), after=90) == ()
    assert [house.floor.position(t) for t in (T1, T2)] == [1, 2]
    assert house.hears(Tick(), after=110) == (Moved(T2, 1),)
    assert house.hears(Tick(), after=90) == (Moved(T1, 1),)


def test_a_ticket_is_moved_to_somebody_who_is_ready(house: House) -> None:
    busy(house, SEATED)
    house.sits(BOB)
    house.enters(T1, (rung(Alternative(OWN)),))
    assert house.hears(Directed(T1, IN_THE_HALL, LEADER)) == (changed(BOB, AgentState.RESERVED), offer(T1, BOB))


def test_a_ticket_that_rings_stops_ringing_when_it_is_moved(house: House) -> None:
    house.sits(ANN)
    house.sits(BOB, SEATED)
    house.enters(T1)
    assert house.hears(Directed(T1, (rung(Alternative(OWN)),), LEADER)) == (
        Withdraw(T1, ANN),
        changed(BOB, AgentState.RESERVED),
        offer(T1, BOB, 2),
        changed(ANN, AgentState.READY),
    )


def test_a_ticket_moved_nowhere_waits_in_the_hall(house: House) -> None:
    busy(house, SEATED)
    house.enters(T1, (rung(Alternative(OWN)),))
    assert house.hears(Directed(T1, (), LEADER)) == (Moved(T1, -1),)


def test_who_talks_or_is_unknown_is_not_moved(house: House) -> None:
    house.sits(ANN)
    house.talks(ANN, T1)
    before = house.floor.dump()
    assert house.hears(Directed(T1, OWN_FIRST, LEADER)) == house.hears(Directed(T2, OWN_FIRST, LEADER)) == ()
    assert house.floor.dump() == before


# --- a supervisor closes a pool


def test_who_waits_for_a_pool_that_closes_goes_on_and_hears_why(house: House) -> None:
    busy(house, SEATED)
    house.sits(BOB)
    house.enters(T1, OWN_FIRST)
    assert house.hears(Closed(OWN, STORM, LEADER)) == (
        Moved(T1, 1),
        Announce(T1, STORM),
        changed(BOB, AgentState.RESERVED),
        offer(T1, BOB),
    )


def test_who_comes_to_a_pool_that_is_closed_goes_on_and_hears_why(house: House) -> None:
    house.sits(ANN, SEATED)
    house.hears(Closed(OWN, STORM, LEADER))
    assert house.enters(T1, OWN_FIRST) == (Moved(T1, 1), Announce(T1, STORM))


def test_who_has_only_the_pool_that_closes_goes_to_the_hall(house: House) -> None:
    busy(house, SEATED)
    house.enters(T1, (rung(Alternative(OWN)),))
    assert house.hears(Closed(OWN, STORM, LEADER)) == (Moved(T1, -1), Announce(T1, STORM))
    assert offer(T1, BOB) in house.sits(BOB)


def test_who_moves_on_by_time_hears_nothing_of_it(house: House) -> None:
    house.sits(ANN, (Competence(HALL, ((FUND, 5),)), Competence(OWN)))
    house.hears(Paused(ANN, "tea"))
    house.hears(Closed(OWN, STORM, LEADER))
    ladder = (rung(Alternative(OWN), Alternative(HALL, FUND)), rung(Alternative(HALL), after_ms=30))
    house.enters(T1, ladder)
    assert house.hears(Tick(), after=30) == (Moved(T1, 1),)


def test_nobody_is_asked_as_a_member_of_a_pool_that_is_closed(house: House) -> None:
    house.sits(ANN, SEATED)
    house.sits(BOB, BOTH)
    house.hears(Closed(OWN, STORM, LEADER))
    both = (rung(Alternative(OWN), Alternative(HALL)),)
    assert offer(T1, BOB) in house.enters(T1, both)
    assert house.enters(T2, both) == ()
    assert house.hears(Refused(T1, BOB, Refusal.NO_ANSWER)) == (changed(BOB, AgentState.PAUSED, "no-answer"),)


def test_an_agent_who_becomes_ready_takes_nothing_for_a_pool_that_is_closed(house: House) -> None:
    busy(house, SEATED, GENERAL)
    house.enters(T1, (rung(Alternative(OWN), Alternative(HALL)),))
    house.hears(Closed(OWN, STORM, LEADER))
    assert house.hears(Readied(ANN)) == (changed(ANN, AgentState.READY),)
    assert house.floor.position(T1) == 1


def test_when_a_pool_opens_its_agents_take_who_waits_the_longest_idle_first(house: House) -> None:
    busy(house, GENERAL)
    house.hears(Closed(OWN, STORM, LEADER))
    for agent in (CAT, BOB):
        house.sits(agent, SEATED)
    house.enters(T1, (rung(Alternative(OWN), Alternative(HALL)),))
    assert house.hears(Opened(OWN, LEADER)) == (changed(CAT, AgentState.RESERVED), offer(T1, CAT))
    assert house.state(BOB) == (AgentState.READY, "")


def test_closing_again_changes_the_reason(house: House) -> None:
    busy(house, SEATED)
    house.hears(Closed(OWN, STORM, LEADER))
    house.hears(Closed(OWN, PromptId("training"), LEADER))
    assert house.enters(T1, OWN_FIRST) == (Moved(T1, 1), Announce(T1, PromptId("training")))


def test_the_hall_never_closes_and_what_is_open_is_not_opened(house: House) -> None:
    before = house.floor.dump()
    assert house.hears(Closed(HALL, STORM, LEADER)) == house.hears(Opened(OWN, LEADER)) == ()
    assert house.floor.dump() == before


def test_before_any_configuration_nothing_is_closed() -> None:
    floor = Floor()
    assert floor.apply(Closed(OWN, STORM), Instant(1)) == ()
    assert floor.dump().closed == ()


def test_a_pool_that_becomes_the_hall_is_opened(house: House) -> None:
    house.sits(ANN, SEATED)
    house.hears(Closed(OWN, STORM, LEADER))
    house.enters(T1)
    assert house.hears(Configured((OWN,), OWN, 0)) == (
        Moved(T1, -1),
        changed(ANN, AgentState.RESERVED),
        offer(T1, ANN),
    )
