"""A wait with a limit: when it is over the ticket leaves for elsewhere, unless an agent's phone rings for it."""

import msgspec
import pytest

from routing.floor import Floor
from routing.ids import Instant
from routing.standing import FloorState
from routing.tickets import (
    Accepted,
    AgentState,
    Alternative,
    Configured,
    Entered,
    Left,
    Moved,
    Overflowed,
    Paused,
    Readied,
    Refusal,
    Refused,
    SignedOut,
    Tick,
)
from tests.routing.floor_house import ANN, BOB, HALL, OWN, OWN_FIRST, SEATED, T1, T2, House, changed, offer, rung

OWN_ALONE = (rung(Alternative(OWN)),)
LIMIT = 1_000


@pytest.fixture
def house() -> House:
    """Bob sits at the own seats, at tea."""
    house = House()
    house.sits(BOB, SEATED)
    house.hears(Paused(BOB, "tea"))
    return house


def test_a_ticket_leaves_when_its_limit_is_over(house: House) -> None:
    assert house.enters(T1, OWN_ALONE, limit_ms=LIMIT) == ()
    assert house.floor.due() == house.now + LIMIT
    assert house.hears(Tick(), after=LIMIT - 1) == ()
    assert house.hears(Tick()) == (Overflowed(T1),)
    assert (house.floor.ticket(T1), house.floor.due()) == (None, None)
    assert house.hears(Readied(BOB)) == (changed(BOB, AgentState.READY),)


def test_a_wait_without_a_limit_has_none(house: House) -> None:
    house.enters(T1, OWN_ALONE)
    assert house.hears(Tick(), after=1_000_000) == ()


def test_where_nobody_is_signed_in_a_ticket_leaves_at_once(house: House) -> None:
    house.hears(SignedOut(BOB))
    assert house.enters(T1, OWN_ALONE, limit_ms=LIMIT) == (Overflowed(T1),)
    assert house.floor.waiting() == ()


def test_it_leaves_as_soon_as_the_last_who_could_serve_it_signs_out(house: House) -> None:
    house.enters(T1, OWN_ALONE, limit_ms=LIMIT)
    house.enters(T2, OWN_ALONE)
    assert house.hears(SignedOut(BOB)) == (changed(BOB, AgentState.SIGNED_OUT), Overflowed(T1))
    assert [view.ticket for view in house.floor.waiting()] == [T2]


def test_a_pool_that_is_taken_away_is_left_for_what_follows_and_not_for_the_hall(house: House) -> None:
    house.enters(T1, OWN_ALONE, limit_ms=LIMIT)
    house.enters(T2, OWN_ALONE)
    assert house.hears(Configured((HALL,), HALL, 0)) == (Overflowed(T1), Moved(T2, -1))


def test_it_climbs_first_and_leaves_after_that(house: House) -> None:
    house.sits(ANN)
    house.hears(Paused(ANN, "tea"))
    house.enters(T1, OWN_FIRST, limit_ms=LIMIT)
    assert house.floor.due() == house.now + 200
    assert house.hears(Tick(), after=200) == (Moved(T1, 1),)
    assert house.hears(Tick(), after=LIMIT) == (Overflowed(T1),)


def test_a_limit_within_a_ladder_comes_before_the_rungs_behind_it(house: House) -> None:
    house.sits(ANN)
    house.hears(Paused(ANN, "tea"))
    house.enters(T1, OWN_FIRST, limit_ms=100)
    assert house.hears(Tick(), after=100) == (Overflowed(T1),)


def test_a_deserted_rung_is_passed_before_the_ticket_leaves(house: House) -> None:
    house.hears(SignedOut(BOB))
    house.sits(ANN)
    house.hears(Paused(ANN, "tea"))
    assert house.enters(T1, OWN_FIRST, limit_ms=LIMIT) == (Moved(T1, 1),)
    assert house.hears(SignedOut(ANN)) == (changed(ANN, AgentState.SIGNED_OUT), Overflowed(T1))


def test_a_ticket_on_offer_stays_until_the_phone_has_been_let_ring(house: House) -> None:
    house.hears(Readied(BOB))
    assert offer(T1, BOB) in house.enters(T1, OWN_ALONE, limit_ms=LIMIT)
    assert house.floor.due() is None
    assert house.hears(Tick(), after=5 * LIMIT) == ()
    assert house.hears(Refused(T1, BOB, Refusal.NO_ANSWER)) == (
        changed(BOB, AgentState.PAUSED, "no-answer"),
        Overflowed(T1),
    )


def test_an_offer_that_comes_to_nothing_before_the_limit_leaves_the_rest_of_it(house: House) -> None:
    house.hears(Readied(BOB))
    house.enters(T1, OWN_ALONE, limit_ms=LIMIT)
    entered = house.now
    house.hears(Refused(T1, BOB, Refusal.REJECTED), after=300)
    assert house.floor.due() == entered + LIMIT
    assert offer(T1, BOB, 2) in house.hears(Readied(BOB))
    assert house.hears(Accepted(T1, BOB)) == (changed(BOB, AgentState.TALKING),)
    assert house.hears(Tick(), after=5 * LIMIT) == ()


def test_an_agent_who_did_accept_and_is_gone_again_after_the_limit_was_the_last(house: House) -> None:
    house.hears(Readied(BOB))
    house.enters(T1, OWN_ALONE, limit_ms=LIMIT)
    house.hears(Accepted(T1, BOB))
    said = house.hears(Refused(T1, BOB, Refusal.WITHDRAWN), after=LIMIT)
    assert said == (Overflowed(T1), changed(BOB, AgentState.READY))


def test_an_agent_who_is_free_in_the_instant_of_the_limit_has_the_call(house: House) -> None:
    house.hears(Readied(BOB))
    house.enters(T2, OWN_ALONE)
    house.hears(Accepted(T2, BOB))
    house.hears(Configured((HALL, OWN), HALL, LIMIT))
    house.hears(Left(T2))
    house.hears(Entered(T1, OWN_ALONE, house.now, limit_ms=LIMIT), after=0)
    assert house.hears(Tick(), after=LIMIT) == (changed(BOB, AgentState.RESERVED), offer(T1, BOB))


def test_one_that_comes_again_stands_where_its_first_entry_puts_it_and_its_offers_are_counted_on(house: House) -> None:
    first = house.now
    house.enters(T1, OWN_ALONE, limit_ms=LIMIT)
    house.hears(Tick(), after=LIMIT)
    house.enters(T2, OWN_ALONE)
    house.hears(Entered(T1, OWN_ALONE, first, offers=3))
    assert [house.floor.position(each) for each in (T1, T2)] == [1, 2]
    assert offer(T1, BOB, 4) in house.hears(Readied(BOB))


def test_a_limit_survives_being_written_down(house: House) -> None:
    house.enters(T1, OWN_ALONE, limit_ms=LIMIT)
    state = msgspec.json.decode(msgspec.json.encode(house.floor.dump()), type=FloorState)
    again = Floor.load(state)
    assert again.due() == house.floor.due()
    assert again.apply(Tick(), Instant(house.now + LIMIT)) == (Overflowed(T1),)
