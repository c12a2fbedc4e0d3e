"""What makes no sense changes nothing; what the Floor shows."""

from collections.abc import Callable

import pytest

from routing.floor import Floor
from routing.ids import Instant, PromptId, SkillId, TicketId
from routing.overflow import preferring
from routing.queues import SPARE_WAYS
from routing.standing import TicketState
from routing.tickets import (
    Accepted,
    AgentState,
    Alternative,
    AnyEvent,
    Closed,
    Entered,
    Left,
    Paused,
    Reached,
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
    CAT,
    GENERAL,
    HALL,
    IN_THE_HALL,
    OWN,
    OWN_FIRST,
    T1,
    T2,
    T3,
    House,
    offer,
    rung,
    seat_of,
)

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


def test_of_ladders_that_nobody_is_on_the_latest_are_kept() -> None:
    floor = Floor()
    ladders = [
        (rung(Alternative(OWN)), rung(Alternative(OWN, SkillId(f"skill-{n}")), after_ms=1))
        for n in range(SPARE_WAYS + 3)
    ]
    for again in range(2):
        for n, ladder in enumerate(ladders):
            ticket = TicketId(f"{again}-{n}")
            floor.apply(Entered(ticket, ladder, Instant(n)), Instant(n))
            floor.apply(Left(ticket), Instant(n))
    assert list(floor._index._ways) == ladders[3:]
    assert sorted(queue.ways for queue in floor._index.queues.values()) == [*[1] * SPARE_WAYS, SPARE_WAYS]
    floor.apply(Entered(T1, ladders[-1], Instant(0)), Instant(0))
    assert len(floor._index._spare) == SPARE_WAYS - 1
    assert floor.position(T1) == 1


def test_whoever_an_agent_knows_stands_in_one_line_with_all_others(house: House) -> None:
    house.enters(T1)
    house.enters(T2, preferring(IN_THE_HALL, ANN))
    house.enters(T3)
    assert [house.floor.position(each) for each in (T1, T2, T3)] == [1, 2, 3]
    assert house.floor.behind(IN_THE_HALL[0].requirement) == 4
    assert offer(T1, BOB) in house.sits(BOB)
    assert [house.floor.position(each) for each in (T2, T3)] == [1, 2]


def test_where_a_ticket_stands_how_many_do_and_what_is_closed(house: House) -> None:
    assert (house.floor.place(T1), house.floor.length(HALL), house.floor.closed()) == (None, 0, {})
    house.enters(T1)
    house.enters(T2)
    place = house.floor.place(T2)
    assert place is not None
    assert place.requirement == IN_THE_HALL[0].requirement
    assert place.priority_ms == 0
    assert house.floor.behind(place.requirement) == 3
    house.hears(Entered(T3, IN_THE_HALL, Instant(0), priority_ms=60_000))
    preferred = house.floor.place(T3)
    assert preferred is not None
    assert preferred.priority_ms == 60_000
    house.hears(Left(T3))
    assert (house.floor.length(HALL), house.floor.length(OWN)) == (2, 0)
    house.hears(Closed(OWN, PromptId("pool-closed")))
    assert house.floor.closed() == {OWN: "pool-closed"}
