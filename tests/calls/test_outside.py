"""Legs that leave the house, in virtual time: which trunk has a channel for them, and which number they show."""

import asyncio
from functools import partial

import msgspec
import pytest

from ivr.facts import Outcome
from ivr.watch import UNREACHED
from routing.config import Config
from routing.config.site import CallerId
from routing.talk import Do, Kind, Whom
from tests.calls.desk import Desk
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


# --- an emergency desk


def emergency(*desk: Phone, asks: tuple[float, ...] = (10.0,), hangs_up: float | None = None) -> SimulatedHouse:
    """The agent asks for 110 at these moments, and hangs up."""

    async def scene() -> SimulatedHouse:
        house = SimulatedHouse()
        house.agent("1016", answers_after=1.0, talks=None)
        house.fake.target("110", *desk)
        house.fake.dials("12345", after=0.5, hangs_up=60)
        for at in asks:
            asking(house, Do.LINK, POLICE, at=at)
        if hangs_up is not None:
            house.fake.later(hangs_up, lambda: house.asks("1016", Do.HANG_UP))
        await house.lives()
        house.check()
        assert not house.silences()
        return house

    return simulate(scene)


def test_when_nobody_answers_at_an_emergency_desk_the_citizen_is_told_to_dial_it_and_keeps_the_agent() -> None:
    house = emergency(Phone(busy=True))
    assert house.story(house.citizens[0])[-3:] == ["voice:8016", "unanswered-110", "voice:8016"]
    (desk,) = house.records()[0].brought
    assert (desk.joined, desk.cause, desk.handed_over) == (None, 17, None)
    assert desk.rang is not None


def test_the_record_has_when_a_desk_was_asked_for_rang_answered_and_was_left_with_the_citizen() -> None:
    house = emergency(Phone(answers_after=3.0, talks=None), hangs_up=30.0)
    (desk,) = house.records()[0].brought
    assert desk.rang is not None
    assert desk.joined is not None
    assert desk.handed_over is not None
    assert [round((at - desk.asked) / 1000) for at in (desk.rang, desk.joined, desk.handed_over)] == [0, 3, 20]


def test_a_desk_that_is_still_with_the_agent_has_not_been_handed_anything() -> None:
    (desk,) = emergency(Phone(answers_after=3.0, leaves=5.0)).records()[0].brought
    assert desk.joined is not None
    assert desk.handed_over is None


def test_whoever_watches_is_alarmed_until_somebody_answers() -> None:
    async def scene() -> None:
        desk = Desk()
        desk.fake.seat("8016", answers_after=1, talks=None)
        desk.fake.target("110", Phone(busy=True), Phone(answers_after=1, talks=None))
        desk.fake.target("119", Phone(busy=True))
        desk.fake.dials("12345", after=1.5, hangs_up=60)
        await asyncio.sleep(1)
        await desk.post("/agents/1016/sign-in")
        await asyncio.sleep(9)
        await desk.post("/agents/1016/talk/emergency", number="110")
        await asyncio.sleep(1)
        told = await desk.get("/agents/1016/talk")
        assert [(each["name"], each["why"]) for each in told["missed"]] == [("110", "busy")]
        assert (await desk.get("/calls"))["living"][0]["unreached"] == ["110"]
        desk.watch.look()
        alarm = desk.watch.standing[UNREACHED].sentence
        assert "nobody answers at 110 for call" in alarm
        assert "(agent 1016: busy)" in alarm
        await desk.post("/agents/1016/talk/emergency", number="110")
        await asyncio.sleep(3)
        desk.watch.look()
        assert UNREACHED not in desk.watch.standing
        assert (await desk.get("/calls"))["living"][0]["unreached"] == []
        await asyncio.sleep(60)
        text = (await desk.meters.told()).decode()
        for outcome, amount in (("unreached", 1), ("answered", 1), ("given-up", 0)):
            assert f'hotline_emergency_links_total{{number="110",outcome="{outcome}"}} {amount}.0' in text
        assert 'hotline_emergency_answer_seconds_count{number="110"} 1.0' in text
        await desk.closes()

    simulate(scene)


def test_a_prompt_that_cannot_be_played_ends_no_talk() -> None:
    async def scene() -> SimulatedHouse:
        house = SimulatedHouse()
        house.agent("1016", answers_after=1.0, talks=None)
        house.fake.target("110", Phone(busy=True))
        house.fake.refuse = lambda _method, path: 500 if "/play/" in path and "unanswered" in path else None
        house.fake.dials("12345", after=0.5, hangs_up=40)
        asking(house, Do.LINK, POLICE)
        await house.lives()
        house.check()
        return house

    house = simulate(scene)
    assert house.records()[0].outcome is Outcome.ANSWERED
    assert house.story(house.citizens[0])[-1] == "voice:8016"


@pytest.mark.parametrize(
    ("sender", "target", "number"), [("110", POLICE, "110"), (CENTRE, Whom(Kind.TARGET, "agriculture"), CENTRE)]
)
def test_whoever_sent_us_a_call_has_it_back_only_when_an_agent_says_so(sender: str, target: Whom, number: str) -> None:
    async def scene() -> tuple[SimulatedHouse, Party]:
        house = house_of(CONFIG)
        there = house.fake.target(number, Phone(answers_after=1.0, talks=20))
        house.fake.dials("12316", caller=sender)
        asking(house, Do.TRANSFER, target, at=20)
        await house.lives()
        house.check()
        return house, there

    house, there = simulate(scene)
    (record,) = house.records()
    assert (record.outcome, len(there.channels)) == (
        Outcome.ANSWERED,
        1,
    )  # by the hall, and then once: the agent's wish
    assert record.brought[0].joined is not None
