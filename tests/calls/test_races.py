"""Two who act in the same moment, in virtual time: whoever was a moment later, nobody is lost."""

from functools import partial

import pytest

from routing.talk import Do
from tests.calls.simulated import SimulatedHouse
from tests.calls.talking import (
    ASK_COLLEAGUE,
    ASK_WATER,
    CITIZEN,
    FIRST,
    OWNER,
    SEAT,
    SEAT2,
    UTILITY,
    WATER,
    A,
    B,
    M,
    Script,
    Step,
    done,
    heard,
    sits_down,
)
from tests.fake.loop import simulate
from tests.fake.world import Phone

CLOSE = (-0.002, 0.0, 0.0005, 0.002, 0.005, 0.02, 0.1, 1.0, 3.0)
"""Seconds between two hands that let go: before a signal has come, while legs are hung up, after a first word."""


def at_once(script: Script, later: float, who: str, *calls: Phone, water: Phone | None = None) -> SimulatedHouse:
    """The steps five seconds apart, and so much later than the last one somebody hangs up; a colleague is there."""

    async def scene() -> SimulatedHouse:
        house = SimulatedHouse()
        house.agent(OWNER, *(calls or (Phone(answers_after=1.0, talks=None),)))
        house.fake.target(WATER, water or Phone(answers_after=2.0, talks=None))
        house.fake.dials("12345", after=0.5, hangs_up=90.0)
        house.fake.later(6.0, partial(sits_down, house, None))
        for n, step in enumerate(script):
            house.fake.later(FIRST + 5 * n, partial(_tried, house, step))
        house.fake.later(FIRST + 5 * (len(script) - 1) + later, partial(done, house, who))
        await house.lives()
        house.check()
        assert not house.silences()
        return house

    return simulate(scene)


def _tried(house: SimulatedHouse, step: Step) -> None:
    """What is asked for a moment too late is refused."""
    if step is Do.COMPLETE:
        house.asks(OWNER, step)
    else:
        done(house, step)


@pytest.mark.parametrize("later", CLOSE)
@pytest.mark.parametrize("leaves", [Do.COMPLETE, Do.HANG_UP, SEAT])
@pytest.mark.parametrize(("ask", "guest"), [(ASK_WATER, WATER), (ASK_COLLEAGUE, SEAT2)])
def test_who_is_consulted_leaves_as_the_agent_does_and_the_citizen_has_the_agent_again(
    ask: Step, guest: str, leaves: Step, later: float
) -> None:
    house = at_once([ask, leaves], later, guest)
    talked = [f"voice:{guest}"] if later >= 1 else []
    story = [what for what in heard(house, CITIZEN) if what != M]
    assert story == [A, *talked, A]
    assert house.citizens[0].ended == "hung-up"


def test_and_has_whoever_is_free_when_that_agent_does_not_answer() -> None:
    house = at_once([ASK_WATER, Do.COMPLETE], 0.02, WATER, Phone(answers_after=1.0, talks=None), Phone())
    assert [what for what in heard(house, CITIZEN) if what != M] == [A, B]


@pytest.mark.parametrize("later", CLOSE)
def test_a_transfer_that_is_declined_as_the_agent_hangs_up_comes_back(later: float) -> None:
    declines = Phone(rejects_after=5.0 + later)
    house = at_once([(Do.TRANSFER, UTILITY), Do.HANG_UP], 5.0, CITIZEN, water=declines)
    assert [what for what in heard(house, CITIZEN) if what != M][:2] == [A, A]


def test_who_has_had_the_citizen_for_longer_than_that_ends_the_call() -> None:
    house = at_once([ASK_WATER, Do.COMPLETE], 5.1, WATER)
    assert heard(house, CITIZEN)[-1] == f"voice:{WATER}"
    assert house.citizens[0].ended == "released"
