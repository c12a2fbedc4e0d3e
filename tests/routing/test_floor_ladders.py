"""Ladders and configuration: each name is the sentence, each body the events."""

from routing.floor import Floor
from routing.ids import Instant, PoolId
from routing.tickets import (
    Accepted,
    AgentState,
    Alternative,
    Configured,
    Entered,
    Left,
    Moved,
    Paused,
    Readied,
    Refusal,
    Refused,
    SignedIn,
    SignedOut,
    Tick,
)
from tests.routing.floor_house import (
    ANN,
    BOB,
    EXPERT,
    GENERAL,
    HALL,
    NOVICE,
    OWN,
    OWN_FIRST,
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
