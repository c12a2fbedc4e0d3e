"""Legs that leave the house, in virtual time: which trunk has a channel for them, and which number they show."""

from functools import partial

import msgspec
import pytest

from ivr.facts import Outcome
from routing.config import Config
from routing.config.site import CallerId
from routing.talk import Do, Kind, Whom
from tests.calls.scenes import CENTRE, FORBIDDEN, POWER, WATER, narrow
from tests.calls.simulated import CONFIG, SimulatedHouse
from tests.fake.loop import simulate
from tests.fake.world import Party, Phone

CITIZEN, PILOT = "13831000000", "03103012345"
TOWN = CONFIG.site.trunks["town"]
SECOND = msgspec.structs.replace(TOWN, id="second", pilot="03103099999")
ANSWERS = Phone(answers_after=1.0, talks=20)
POLICE = Whom(Kind.EMERGENCY, "110")


def house_of(config: Config) -> SimulatedHouse:
    """With one agent of the hall."""
    house = SimulatedHouse()
    house.config = config
    house.agent("1016", answers_after=1.0, talks=40)
    return house


def asking(house: SimulatedHouse, do: Do, whom: Whom, at: float = 10.0) -> list[str]:
    """Why the agent may not have that, once it was asked for."""
    said: list[str] = []
    house.fake.later(at, lambda: said.append(house.asks("1016", do, whom)))
    return said


def test_a_centre_whose_carrier_refuses_the_citizen_s_number_sees_the_pilot() -> None:
    async def scene() -> tuple[SimulatedHouse, Party]:
        house = house_of(CONFIG)
        centre = house.fake.target(CENTRE, FORBIDDEN, ANSWERS)
        house.fake.dials("12316")
        await house.lives()
        house.check()
        return house, centre

    house, centre = simulate(scene)
    assert centre.shown == [CITIZEN, PILOT]
    (record,) = house.records()
    assert (record.outcome, record.target) == (Outcome.TRANSFERRED, "agriculture")


def test_one_that_refuses_the_pilot_too_is_asked_over_the_next_trunk_and_then_the_hall_has_the_call() -> None:
    async def scene() -> tuple[SimulatedHouse, Party, Party]:
        house = house_of(narrow(200, second=SECOND))
        first = house.fake.target(CENTRE, FORBIDDEN)
        second = house.fake.target(CENTRE, FORBIDDEN, trunk="second")
        house.fake.dials("12316")
        await house.lives()
        house.check()
        return house, first, second

    house, first, second = simulate(scene)
    assert (first.shown, second.shown) == ([CITIZEN, PILOT], [CITIZEN, "03103099999"])
    assert house.records()[0].outcome is Outcome.ANSWERED


@pytest.mark.parametrize(
    ("permits", "seen"), [(CallerId.CITIZEN, CITIZEN), (CallerId.HALL, "12345"), (CallerId.PILOT, PILOT)]
)
def test_whoever_is_consulted_sees_what_the_trunk_permits(permits: CallerId, seen: str) -> None:
    async def scene() -> Party:
        config = narrow(200)
        town = msgspec.structs.replace(config.site.trunks["town"], caller_id=permits)
        house = house_of(
            msgspec.structs.replace(config, site=msgspec.structs.replace(config.site, trunks={"town": town}))
        )
        water = house.fake.target(WATER, ANSWERS)
        house.fake.dials("12345", hangs_up=30)
        asking(house, Do.CONSULT, Whom(Kind.TARGET, "water"))
        await house.lives()
        house.check()
        return water

    assert simulate(scene).shown == [seen]


def test_a_consultation_is_tried_again_with_the_pilot() -> None:
    async def scene() -> tuple[SimulatedHouse, Party]:
        house = house_of(CONFIG)
        power = house.fake.target(POWER, FORBIDDEN, ANSWERS)
        house.fake.dials("12345", hangs_up=30)
        asking(house, Do.CONSULT, Whom(Kind.TARGET, "power"))
        await house.lives()
        house.check()
        return house, power

    house, power = simulate(scene)
    assert power.shown == [CITIZEN, PILOT]
    (brought,) = house.records()[0].brought
    assert brought.joined is not None


def test_a_full_trunk_is_passed_over_and_with_all_full_the_hall_has_the_call() -> None:
    async def scene(config: Config) -> tuple[SimulatedHouse, list[str], list[str]]:
        house = house_of(config)
        first = house.fake.target(CENTRE, ANSWERS)
        second = house.fake.target(CENTRE, ANSWERS, trunk="second")
        house.fake.dials("12316")
        await house.lives()
        house.check()
        return house, first.channels, second.channels

    house, first, second = simulate(lambda: scene(narrow(2, second=SECOND)))
    assert (first, len(second)) == ([], 1)
    assert house.records()[0].outcome is Outcome.TRANSFERRED
    house, first, second = simulate(lambda: scene(narrow(2)))
    assert (first, second) == ([], [])
    assert house.records()[0].outcome is Outcome.ANSWERED
    assert "return-hall" in house.story(house.citizens[0])


def test_whoever_is_asked_for_over_a_full_trunk_is_not_there_and_the_agent_is_told_why() -> None:
    async def scene() -> SimulatedHouse:
        house = house_of(narrow(2))
        house.fake.target(WATER, ANSWERS)
        house.fake.target("110", answers_after=1.0, talks=5)
        house.fake.dials("12345", hangs_up=40)
        asking(house, Do.TRANSFER, Whom(Kind.TARGET, "water"))
        asking(house, Do.LINK, POLICE, at=15)
        await house.lives()
        house.check()
        return house

    house = simulate(scene)
    water, police = house.records()[0].brought
    assert (water.joined, water.cause) == (None, 34)
    assert police.joined is not None  # the last channel is an emergency's
    assert house.controller is not None
    assert house.controller.service.trunks.passed_over == {"town": 1}


def test_two_who_ask_at_once_for_the_last_channel_do_not_both_get_it() -> None:
    async def scene() -> SimulatedHouse:
        house = house_of(narrow(4))  # two citizens, one leg, and the emergency's
        house.agent("1017", answers_after=1.0, talks=40)
        house.fake.target(WATER, ANSWERS)
        for _ in range(2):
            house.fake.dials("12345", hangs_up=40)
        for agent in ("1016", "1017"):
            house.fake.later(12.0, partial(house.asks, agent, Do.CONSULT, Whom(Kind.TARGET, "water")))
        await house.lives()
        house.check()
        return house

    house = simulate(scene)
    assert sorted(each.cause for record in house.records() for each in record.brought if each.joined is None) == [34]


def test_after_a_restart_legs_of_the_life_before_are_counted() -> None:
    async def scene() -> SimulatedHouse:
        house = house_of(narrow(4))  # the centre's caller and its leg, the next caller: no channel but the emergency's
        house.fake.target(CENTRE, Phone(answers_after=1.0, talks=60))
        house.fake.dials("12316")
        house.fake.dials("12316", after=20.0)
        house.fake.later(15.0, house.kill)
        await house.lives()
        house.check()
        return house

    first, second = sorted(simulate(scene).records(), key=lambda record: record.arrived)
    assert (first.outcome, second.outcome) == (Outcome.TRANSFERRED, Outcome.ANSWERED)


def test_a_trunk_whose_channels_cannot_be_counted_is_dialled() -> None:
    async def scene() -> SimulatedHouse:
        house = house_of(CONFIG)
        house.fake.target(CENTRE, ANSWERS)
        house.fake.refuse = lambda _method, path: 500 if path.startswith("endpoints/") else None
        house.fake.dials("12316")
        await house.lives()
        house.check()
        return house

    assert simulate(scene).records()[0].outcome is Outcome.TRANSFERRED
