"""Citizens who are brought from the hall to a place outside, and from there to the hall, in virtual time."""

from functools import partial

import pytest

from routing.ids import AgentId
from routing.talk import Do, Kind, Whom
from routing.tickets import Paused
from tests.calls.simulated import SimulatedHouse
from tests.calls.talking import (
    CITIZEN,
    FIRST,
    NOBODY,
    OWNER,
    UTILITY,
    WATER,
    A,
    B,
    M,
    Step,
    W,
    done,
    heard,
    sits_down,
)
from tests.fake.loop import simulate
from tests.fake.world import Phone

PLACES = {
    "a provincial centre": ("agriculture", "031112316"),
    "the sub-centre": ("tobacco", "03108012313"),
    "retained seats behind a hunt number": ("health-seats", "03108012320"),
}


def with_place(place: str, do: Do, phone: Phone, *then: Step) -> tuple[SimulatedHouse, str]:
    """The agent of the hall brings the citizen there; the house, and what the place is heard as."""
    target, number = PLACES[place]

    async def scene() -> SimulatedHouse:
        house = SimulatedHouse()
        house.agent(OWNER, answers_after=1.0, talks=None)
        house.fake.target(number, phone)
        house.fake.dials("12345", after=0.5, hangs_up=60)
        for n, step in enumerate(((do, Whom(Kind.TARGET, target)), *then)):
            house.fake.later(FIRST + 5 * n, partial(done, house, step))
        await house.lives()
        house.check()
        assert not house.silences()
        return house

    return simulate(scene), f"voice:{number}"


@pytest.mark.parametrize("place", PLACES)
def test_the_hall_gives_a_citizen_to_a_place_outside_blind_or_warm_or_stays(place: str) -> None:
    answers = Phone(answers_after=1.0, talks=None)
    house, there = with_place(place, Do.TRANSFER, answers)
    assert heard(house, CITIZEN) == [A, M, there]
    house, there = with_place(place, Do.CONSULT, answers, Do.COMPLETE)
    assert heard(house, CITIZEN) == [A, M, there]
    house, there = with_place(place, Do.CONSULT, answers, Do.THREE_WAY)
    assert heard(house, CITIZEN) == [A, M, f"{A}+{there}"]
    house, there = with_place(place, Do.LINK, answers)
    assert heard(house, CITIZEN) == [A, f"{A}+{there}"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("phone", NOBODY)
def test_a_place_outside_that_does_not_answer_gives_the_citizen_back_to_the_same_agent(place: str, phone: str) -> None:
    for do in (Do.TRANSFER, Do.CONSULT):
        house, _ = with_place(place, do, NOBODY[phone])
        assert [what for what in heard(house, CITIZEN) if what != M] == [A, A]


@pytest.mark.parametrize("place", PLACES)
def test_a_place_outside_that_lets_go_at_once_gives_the_citizen_back_to_the_same_agent(place: str) -> None:
    house, there = with_place(place, Do.TRANSFER, Phone(answers_after=1.0, talks=1.0))
    assert [what for what in heard(house, CITIZEN) if what not in {M, "unanswered"}] == [A, there, A]
    (record,) = house.records()
    assert [(each.name, each.aim) for each in record.brought] == [(PLACES[place][0], "transfer"), (OWNER, "again")]


def test_one_that_lets_go_later_has_had_the_call() -> None:
    house, there = with_place("the sub-centre", Do.TRANSFER, Phone(answers_after=1.0, talks=8.0))
    assert heard(house, CITIZEN) == [A, M, there]


def test_one_that_lets_go_at_once_while_that_agent_is_away_leaves_the_citizen_to_whoever_is_free() -> None:
    async def scene() -> SimulatedHouse:
        house = SimulatedHouse()
        house.agent(OWNER, answers_after=1.0, talks=None)
        house.fake.target(WATER, answers_after=1.0, talks=2.0)
        house.fake.dials("12345", after=0.5, hangs_up=60)
        house.fake.later(6.0, partial(sits_down, house, None))
        house.fake.later(FIRST, partial(done, house, (Do.TRANSFER, UTILITY)))
        house.fake.later(FIRST + 0.5, partial(house.tells, Paused(AgentId(OWNER), "tea")))
        await house.lives()
        house.check()
        return house

    house = simulate(scene)
    assert [what for what in heard(house, CITIZEN) if what != M] == [A, W, B]


@pytest.mark.parametrize("do", [Do.TRANSFER, Do.CONSULT])
def test_retained_seats_give_their_citizen_to_the_hall(do: Do) -> None:
    async def scene() -> SimulatedHouse:
        house = SimulatedHouse()
        house.agent("2001", answers_after=1.0, talks=None)
        house.fake.dials("12350", after=0.5, hangs_up=60)
        house.fake.later(15.0, partial(sits_down, house, None))
        house.fake.later(FIRST, partial(house.asks, "2001", do, Whom(Kind.POOL, "hall")))
        if do is Do.CONSULT:
            house.fake.later(FIRST + 5, partial(house.asks, "2001", Do.COMPLETE))
        await house.lives()
        house.check()
        assert not house.silences()
        return house

    assert heard(simulate(scene), CITIZEN) == ["voice:8101", M, B]
