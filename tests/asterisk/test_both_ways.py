"""Citizens sent on and back: hall, seats of ours, seats at a bureau, sub-centre, provincial centre, emergency desks.

Blind, warm, all three, by one action; whoever sent them has them again where it fails (seats that let it ring are in
`test_waits`).  At every other end sits somebody who hears and speaks.  The scenes are played at once.
"""

import asyncio

import pytest

from ivr.facts import Brought, Outcome
from tests.asterisk.house import House
from tests.asterisk.office import Act, Office, Played
from tests.asterisk.phones import Agent, Citizen
from tests.asterisk.talking import (
    all_hung_up,
    asks,
    colleague,
    comes_back,
    hear_each_other,
    hears_no_more,
    voices,
)

pytestmark = pytest.mark.asterisk

HALL = ("1016", "1017", "1018", "1019", "1020", "1014")  # one more than it takes: who is free again comes last
ENGINEER, THEIR_LINE = "2003", "12350"
SUB_CENTRE, CENTRE, BUREAU = "tobacco", "agriculture", "health-seats"
NUMBERS = {SUB_CENTRE: "03108012313", CENTRE: "031112316", BUREAU: "03108012320"}

scenes = Act()


@pytest.fixture(scope="module")
def day(house: House) -> Played:
    """The hall is in, and one of the bureau's seats that are ours."""
    return asyncio.run(scenes.play(house, (*HALL, ENGINEER)))


async def talking(office: Office, line: str = "12345") -> tuple[Citizen, Agent, str]:
    """A citizen and an agent, in talk; the agent's 工号.  What they are told before is looked at elsewhere."""
    citizen = await office.citizen()
    await citizen.dials(line)
    agent = await colleague(office, citizen)
    await citizen.hears_person(agent)
    await agent.hears_person(citizen)
    return citizen, agent, office.number_of(agent)


async def sent(office: Office, agent: str, how: str, target: str) -> Citizen:
    """The agent sends for a target; whoever sits there, their phone ringing with the citizen's number."""
    clerk = await office.citizen()
    async with office.house.staffed(NUMBERS[target], clerk):
        if how == "link":
            await asks(office, agent, how, kind="target", name=target)
        else:
            assert (await asks(office, agent, how, kind="target", name=target))["citizen"] == "held"
        await clerk.is_called()
    return clerk


async def brought(office: Office, citizen: Citizen) -> tuple[Brought, ...]:
    """Whom the record has as brought in, of a call that was answered."""
    record = await office.house.record(citizen.name)
    assert record.outcome is Outcome.ANSWERED
    return record.brought


async def is_left_to(citizen: Citizen, agent: Agent, *others: Citizen | Agent) -> None:
    """The agent is gone, the others talk on, and the citizen has never heard nothing."""
    await all_hung_up(agent)
    await hear_each_other(citizen, *others)
    citizen.was_never_in_silence()


@scenes
async def a_sub_centre_is_consulted_made_a_third_and_keeps_the_citizen(office: Office) -> None:
    citizen, agent, number = await talking(office)
    clerk = await sent(office, number, "consult", SUB_CENTRE)
    assert clerk.ring.caller == citizen.name
    clerk.picks_up()
    await hear_each_other(agent, clerk)
    await citizen.hears_music()
    await hears_no_more(citizen, agent)
    await hears_no_more(clerk, citizen)
    await asks(office, number, "three-way")
    await hear_each_other(citizen, agent, clerk)
    assert await asks(office, number, "complete") == {"citizen": "talking", SUB_CENTRE: "talking"}
    await is_left_to(citizen, agent, clerk)
    await citizen.hangs_up()
    await all_hung_up(clerk)
    (had,) = await brought(office, citizen)
    assert (had.name, had.aim) == (SUB_CENTRE, "consult")
    assert had.joined is not None
    assert had.handed_over is not None
    assert had.joined < had.handed_over
    _, right = await office.house.recording(citizen.name, within=40)
    assert voices(right, agent).any()
    assert voices(right, clerk).any(), "what they say to the citizen is recorded"


@scenes
async def a_centre_gets_the_citizen_without_a_word_before_and_lets_go_at_once_and_the_same_agent_has_them(
    office: Office,
) -> None:
    citizen, agent, number = await talking(office)
    clerk = await sent(office, number, "transfer", CENTRE)
    assert clerk.ring.caller == citizen.name
    await citizen.hears_music()
    await hears_no_more(citizen, agent)
    clerk.picks_up()
    await is_left_to(citizen, agent, clerk)
    await clerk.hangs_up()
    again = (await office.rings_for(citizen)).answers()
    assert again is agent
    await agent.hears_person(citizen)
    await hear_each_other(citizen, agent)
    citizen.was_never_in_silence()
    await citizen.hangs_up()
    await all_hung_up(agent)
    had, back = await brought(office, citizen)
    assert (had.name, had.aim) == (CENTRE, "transfer")
    assert had.left is not None
    assert (back.name, back.aim) == (number, "again")


@scenes
async def seats_at_a_bureau_that_are_busy_give_the_citizen_back_and_then_come_in_by_one_action(office: Office) -> None:
    citizen, agent, number = await talking(office)
    (await sent(office, number, "transfer", BUREAU)).ring.reject(486)
    await comes_back(office, number, 10)
    await hear_each_other(citizen, agent)
    clerk = await sent(office, number, "link", BUREAU)
    assert clerk.ring.caller == citizen.name
    await hear_each_other(citizen, agent)  # while it rings
    clerk.picks_up()
    await hear_each_other(citizen, agent, clerk)
    await asks(office, number, "hang-up")
    await is_left_to(citizen, agent, clerk)
    await citizen.hangs_up()
    await all_hung_up(clerk)
    tried, had = await brought(office, citizen)
    assert (tried.name, tried.aim, tried.joined, tried.cause) == (BUREAU, "transfer", None, 17)
    assert (had.name, had.aim) == (BUREAU, "link")
    assert had.handed_over is not None


@scenes
async def seats_of_the_bureau_consult_the_hall_which_keeps_the_citizen_and_has_them_back_by_one_action(
    office: Office,
) -> None:
    citizen, engineer, number = await talking(office, THEIR_LINE)
    assert number == ENGINEER
    await asks(office, ENGINEER, "consult", kind="pool", name="hall")
    agent = await colleague(office, citizen)
    await hear_each_other(engineer, agent)
    await citizen.hears_music()
    await hears_no_more(agent, citizen)
    await asks(office, ENGINEER, "three-way")
    await hear_each_other(citizen, engineer, agent)
    await asks(office, ENGINEER, "complete")
    await is_left_to(citizen, engineer, agent)
    number = office.number_of(agent)
    await asks(office, number, "link", kind="pool", name="safety")
    assert await colleague(office, citizen) is engineer
    await hear_each_other(citizen, agent, engineer)
    await agent.hangs_up()
    await hear_each_other(citizen, engineer)
    citizen.was_never_in_silence()
    await citizen.hangs_up()
    await all_hung_up(engineer)
    assert [(each.name, each.aim) for each in await brought(office, citizen)] == [
        (number, "consult"), (ENGINEER, "link"),
    ]  # fmt: skip
    record = await office.house.record(citizen.name)
    assert [each.agent for each in record.talks] == [ENGINEER, number, ENGINEER]


@scenes
async def an_ambulance_and_the_police_come_into_one_talk_and_whoever_lets_go_leaves_the_others_in_it(
    office: Office,
) -> None:
    citizen, agent, number = await talking(office)
    desks = {desk: await office.citizen() for desk in ("120", "110")}
    for name, desk in desks.items():
        async with office.house.staffed(name, desk):
            await asks(office, number, "emergency", number=name)
            await desk.is_called()
        assert desk.ring.caller == citizen.name
        await hear_each_other(citizen, agent)
        desk.picks_up()
        await hear_each_other(citizen, agent, desk)
    ambulance, police = desks.values()
    await hear_each_other(ambulance, police)
    await police.hangs_up()
    await hears_no_more(citizen, police)
    await hear_each_other(citizen, agent, ambulance)
    await agent.hangs_up()
    await hears_no_more(citizen, agent)
    await hear_each_other(citizen, ambulance)
    citizen.was_never_in_silence()
    await citizen.hangs_up()
    await all_hung_up(ambulance)
    first, second = await brought(office, citizen)
    assert [(each.name, each.aim) for each in (first, second)] == [("120", "link"), ("110", "link")]
    assert first.handed_over is not None
    assert second.left is not None
    assert second.left < first.handed_over
    assert second.handed_over is None, "the agent was there when the police let go"
    _, right = await office.house.recording(citizen.name, within=40)
    assert all(voices(right, desk).any() for desk in desks.values())


@pytest.mark.parametrize("scene", scenes.names)
def test_both_ways(day: Played, scene: str) -> None:
    day.check(scene)


def test_nothing_is_left_behind(day: Played) -> None:
    assert day.left == ""
    assert set(day.states.values()) == {"ready"}
