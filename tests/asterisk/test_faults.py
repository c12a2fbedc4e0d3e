"""What goes wrong on the telephone every day: callers who leave at any moment, agents who do not, cannot or will not.

Nobody is lost by it, no phone rings on, no agent is stuck, and each visit has its record.
"""

import asyncio

import pytest

from ivr.facts import Outcome, Party, Stage
from ivr.town.calls import Refused
from tests.asterisk.house import House
from tests.asterisk.office import HALL, Act, Office, Played
from tests.asterisk.phones import Citizen
from tests.asterisk.waiting import passes

pytestmark = pytest.mark.asterisk

callers_leave = Act()
agents_fail = Act()
nobody_is_there = Act()

STAFF = HALL[5:]  # fifteen agents without the skills of any line that is dialled here


@pytest.fixture(scope="module")
def leaving(house: House) -> Played:
    return asyncio.run(_with_slow_centre(house))


async def _with_slow_centre(house: House) -> Played:
    await house.centre("agriculture", "no-answer")
    try:
        return await callers_leave.play(house, STAFF)
    finally:
        await house.centre("agriculture", "answer")


@pytest.fixture(scope="module")
def failing(house: House, leaving: Played) -> Played:
    return asyncio.run(agents_fail.play(house, STAFF, gap=0.3))


@pytest.fixture(scope="module")
def alone(house: House, failing: Played) -> Played:
    return asyncio.run(nobody_is_there.play(house, ()))


# --- the caller leaves


async def abandoned(office: Office, citizen: Citizen, stage: Stage) -> None:
    record = await office.house.record(citizen.name)
    assert (record.outcome, record.stage) == (Outcome.ABANDONED, stage)
    assert record.agent is None


@callers_leave
async def a_caller_leaves_before_the_answer(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.starts_dialling("12345")
    await citizen.hangs_up()
    assert citizen.call.has_ended


@callers_leave
async def a_caller_leaves_during_the_greeting(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials("12329")  # nine seconds of prompt, and nobody rings in the first seven
    await passes(0.5)
    await citizen.hangs_up()
    await abandoned(office, citizen, Stage.GREETING)


@callers_leave
async def a_caller_leaves_while_a_phone_rings_and_it_stops_ringing(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials("12345")
    agent = await office.rings_for(citizen)
    await citizen.hangs_up()
    await agent.stops_ringing(within=3)
    await abandoned(office, citizen, Stage.RING)


@callers_leave
async def a_caller_leaves_as_the_agent_answers(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials("12345")
    agent = await office.rings_for(citizen)
    agent.answers()
    await citizen.hangs_up()
    await agent.is_hung_up(within=3)
    record = await office.house.record(citizen.name)
    assert record.outcome in {Outcome.ABANDONED, Outcome.ANSWERED}


@callers_leave
async def a_caller_leaves_during_the_whisper(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials("12345")
    await citizen.hears("greeting-12345")
    agent = await office.rings_for(citizen)
    agent.answers()
    await agent.begins_to_hear_something()
    await citizen.hangs_up()
    await agent.is_hung_up(within=3)
    await abandoned(office, citizen, Stage.RING)


@callers_leave
async def a_caller_leaves_during_the_talk(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials("12345")
    agent = await office.talks(citizen, "12345")
    await citizen.hangs_up()
    await agent.is_hung_up(within=3)
    record = await office.house.record(citizen.name)
    assert (record.outcome, record.released_by) == (Outcome.ANSWERED, Party.CITIZEN)


@callers_leave
async def a_caller_leaves_while_the_centre_is_rung(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials("12316")
    await citizen.hears("transfer-12316")
    await citizen.hangs_up()
    await abandoned(office, citizen, Stage.TRANSFER)


@nobody_is_there
async def a_caller_leaves_in_the_queue(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials("12345")
    await citizen.hears("greeting-12345")
    await citizen.hears_music()
    citizen.was_never_in_silence()
    await citizen.hangs_up()
    await abandoned(office, citizen, Stage.QUEUE)


# --- the agent fails


async def another_takes_it(office: Office, citizen: Citizen, first: str, offers: int = 2) -> None:
    """Somebody else talks with the citizen, who has heard no word of it."""
    agent = await office.talks(citizen, "12345")
    assert office.number_of(agent) != first
    await citizen.hangs_up()
    await agent.is_hung_up()
    citizen.was_never_in_silence()
    assert await asyncio.to_thread(citizen.times_heard, "greeting-12345") == 1
    record = await office.house.record(citizen.name)
    assert (record.outcome, record.agent, record.offers) == (Outcome.ANSWERED, office.number_of(agent), offers)


@agents_fail
async def an_agent_rejects(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials("12345")
    agent = await office.rings_for(citizen)
    agent.rejects()
    await another_takes_it(office, citizen, office.number_of(agent))
    assert (await office.house.agents())[office.number_of(agent)] == "paused"


@agents_fail
async def an_agent_declines(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials("12345")
    agent = await office.rings_for(citizen)
    agent.rejects(603)
    await another_takes_it(office, citizen, office.number_of(agent))


@agents_fail
async def an_agent_does_not_answer(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials("12345")
    agent = await office.rings_for(citizen)
    agent.ring.ignore()
    await another_takes_it(office, citizen, office.number_of(agent))
    assert agent.call.has_ended
    assert (await office.house.agents())[office.number_of(agent)] == "paused"


@agents_fail
async def an_agent_s_phone_dies_while_it_rings(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials("12345")
    agent = await office.rings_for(citizen)
    agent.dies()
    await another_takes_it(office, citizen, office.number_of(agent))


@agents_fail
async def an_agent_answers_and_hangs_up_at_once(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials("12345")
    agent = await office.rings_for(citizen)
    agent.answers()
    await agent.begins_to_hear_something()
    await agent.hangs_up()
    await another_takes_it(office, citizen, office.number_of(agent))


@agents_fail
async def an_agent_tries_to_answer_a_caller_who_has_just_left(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials("12345")
    agent = await office.rings_for(citizen)
    await citizen.hangs_up()
    await agent.stops_ringing()
    with pytest.raises(Refused):
        agent.answers()


# --- the tests: one a scene


@pytest.mark.parametrize("scene", callers_leave.names)
def test_callers_leave(leaving: Played, scene: str) -> None:
    leaving.check(scene)


@pytest.mark.parametrize("scene", agents_fail.names)
def test_agents_fail(failing: Played, scene: str) -> None:
    failing.check(scene)


@pytest.mark.parametrize("scene", nobody_is_there.names)
def test_nobody_is_there(alone: Played, scene: str) -> None:
    alone.check(scene)


def test_nothing_is_left_behind(leaving: Played, failing: Played, alone: Played) -> None:
    assert [act.left for act in (leaving, failing, alone)] == ["", "", ""]


def test_no_agent_is_stuck(leaving: Played, failing: Played) -> None:
    assert set(leaving.states.values()) == {"ready"}
    assert set(failing.states.values()) <= {"ready", "paused", "unreachable"}
