"""A call, whole, for four numbers: dialled in the town, through a real Asterisk, to the person whom the plan means.

Scenes of an act are played at once: what they prove, they prove of calls among other calls.
"""

import asyncio

import pytest

from ivr.facts import CallRecord, Outcome, Party
from ivr.town import audio
from ivr.town.rtp import RATE
from tests.asterisk.house import House
from tests.asterisk.office import MANY_SIDED, SAFETY, SKILLED, Act, Office, Played
from tests.asterisk.phones import Agent, Citizen
from tests.asterisk.waiting import passes

pytestmark = pytest.mark.asterisk

MERGED = "2022-03-02T10:00"  # a Wednesday after the transition
NIGHT = "2021-09-15T22:30"  # in the transition; the house lives at 2021-09-15T09:00, a Wednesday

MACHINE_S = 0.4
"""Sound may be so much later on a machine that is busy with other calls."""

all_are_in = Act()
nobody_answers_elsewhere = Act()
nobody_is_in_elsewhere = Act()


@pytest.fixture(scope="module")
def morning(house: House) -> Played:
    """Hall, the bureau's own seats and the provincial centre all answer."""
    return asyncio.run(all_are_in.play(house, (*SKILLED, *MANY_SIDED, SAFETY[0])))


@pytest.fixture(scope="module")
def noon(house: House, morning: Played) -> Played:
    """The bureau's own agent lets it ring, the centre too."""
    return asyncio.run(_with_centre(house, "no-answer", nobody_answers_elsewhere, (*MANY_SIDED, SAFETY[0])))


@pytest.fixture(scope="module")
def evening(house: House, noon: Played) -> Played:
    """Nobody sits at the bureau's own seats, and the centre answers and lets go."""
    return asyncio.run(_with_centre(house, "release", nobody_is_in_elsewhere, MANY_SIDED))


async def _with_centre(house: House, behaviour: str, act: Act, staff: tuple[str, ...]) -> Played:
    await house.centre("agriculture", behaviour)
    try:
        return await act.play(house, staff)
    finally:
        await house.centre("agriculture", "answer")


# --- scenes


async def parts(citizen: Citizen, agent: Agent) -> None:
    """The citizen hangs up, and both phones are down."""
    await citizen.hangs_up()
    assert (await agent.is_hung_up()).cause == 16
    citizen.was_never_in_silence()


async def answered_by(office: Office, citizen: Citizen, agent: Agent, pool: str) -> CallRecord:
    """The record says what the phones have lived through."""
    record = await office.house.record(citizen.name)
    number = office.number_of(agent)
    assert (record.outcome, record.agent, record.pool) == (Outcome.ANSWERED, number, pool)
    assert record.seat == agent.name
    return record


@all_are_in
async def a_skilled_agent_takes_12329_and_the_citizen_hears_of_the_transition(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials("12329")
    await citizen.hears("transition-12329")
    agent = await office.talks(citizen, "12329")
    assert office.number_of(agent) in SKILLED
    await parts(citizen, agent)
    citizen.did_not_hear("greeting-12329", "greeting-12345")
    record = await answered_by(office, citizen, agent, "hall")
    assert (record.line, record.phase, record.prompts) == ("12329", "transition", ("transition-12329",))


@all_are_in
async def a_diverted_call_is_the_line_that_was_dialled_first(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials("12345", diverted_from="12329")
    await citizen.hears("transition-12329")
    agent = await office.talks(citizen, "12329")
    assert office.number_of(agent) in SKILLED
    await parts(citizen, agent)
    record = await answered_by(office, citizen, agent, "hall")
    assert (record.line, record.dialled, record.diverted_from) == ("12329", "12345", "12329")


@all_are_in
async def after_the_transition_12329_is_greeted_as_itself(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials("12329", at=MERGED)
    await citizen.hears("greeting-12329")
    agent = await office.talks(citizen, "12329")
    assert office.number_of(agent) in SKILLED
    await parts(citizen, agent)
    citizen.did_not_hear("transition-12329")
    record = await answered_by(office, citizen, agent, "hall")
    assert (record.phase, record.moment[:10]) == ("merged", "2022-03-02")


@all_are_in
async def the_bureau_s_own_seat_takes_12350_by_day(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials("12350")
    await citizen.hears("transition-12350")
    agent = await office.talks(citizen, "12350")
    assert office.number_of(agent) == SAFETY[0]
    await parts(citizen, agent)
    await answered_by(office, citizen, agent, "safety")


@all_are_in
async def the_hall_takes_12350_by_night_though_somebody_is_at_the_bureau_s_seat(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials("12350", at=NIGHT)
    await citizen.hears("transition-12350")
    agent = await office.talks(citizen, "12350")
    assert office.number_of(agent) not in SAFETY
    await parts(citizen, agent)
    await answered_by(office, citizen, agent, "hall")


@all_are_in
async def the_provincial_centre_takes_12316(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials("12316")
    await citizen.hears("transfer-12316")
    await citizen.hears("town-agriculture")
    await citizen.hangs_up()
    citizen.was_never_in_silence()
    record = await office.house.record(citizen.name)
    assert (record.outcome, record.target, record.released_by) == (Outcome.TRANSFERRED, "agriculture", Party.CITIZEN)


@all_are_in
async def the_hall_takes_12316_when_the_centre_is_closed(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials("12316", at=NIGHT)
    await citizen.hears("closed-12316")
    agent = await office.talks(citizen, "12316")
    await parts(citizen, agent)
    citizen.did_not_hear("transfer-12316")
    await answered_by(office, citizen, agent, "hall")


@all_are_in
async def an_agent_of_the_hall_takes_12345_and_hangs_up_first_and_the_citizen_says_how_content(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials("12345")
    await citizen.hears("greeting-12345")
    agent = await office.talks(citizen, "12345")
    await agent.hangs_up()
    await citizen.hears("survey")
    citizen.presses("2")
    await citizen.hears("survey-thanks")
    await citizen.is_hung_up()
    citizen.was_never_in_silence()
    citizen.did_not_hear("transition-12329", "transition-12350")
    record = await answered_by(office, citizen, agent, "hall")
    assert (record.line, record.released_by, record.rating) == ("12345", Party.AGENT, 2)
    assert record.since_prompt_end_ms is not None
    assert record.since_prompt_end_ms < 15_000


@all_are_in
async def once_all_is_said_agent_and_citizen_talk_within_two_seconds_of_the_answer(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials("12345")
    await citizen.hears("greeting-12345")
    agent = await office.talks(citizen, "12345")
    await passes(1)
    answered = agent.call.answered_at
    assert answered is not None
    begins = max(citizen.first_heard(agent), agent.first_heard(citizen)) - answered
    assert begins < 2.0 + MACHINE_S, f"{begins:.2f} s; {citizen.story()}"
    await parts(citizen, agent)


@all_are_in
async def the_recording_has_the_citizen_left_and_the_agent_right_and_keeps_time(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials("031012345")
    await citizen.hears("greeting-12345")
    agent = await office.talks(citizen, "12345")
    await passes(2)
    await parts(citizen, agent)
    record = await answered_by(office, citizen, agent, "hall")
    assert record.line == "12345"
    assert record.talk_ms is not None
    left, right = await office.house.recording(citizen.name)
    assert len(left) == len(right)
    assert len(left) / RATE == pytest.approx(record.talk_ms / 1000, abs=0.3)
    for side, speaker, other in ((left, citizen, agent), (right, agent, citizen)):
        middle = side[RATE // 2 : -RATE // 2]
        assert audio.dominant(middle) == speaker.hertz
        assert audio.level(middle, other.hertz) < audio.QUIET


@all_are_in
async def a_number_nobody_knows_is_answered_as_12345_and_marked(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials("12399")
    await citizen.hears("greeting-12345")
    agent = await office.talks(citizen, "12345")
    await parts(citizen, agent)
    record = await answered_by(office, citizen, agent, "hall")
    assert (record.line, record.dialled, record.marked) == ("12345", "12399", "unknown-number")


@nobody_answers_elsewhere
async def the_hall_takes_12350_when_the_bureau_s_own_seat_does_not_answer(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials("12350")
    await citizen.hears("transition-12350")
    own = await office.rings_for(citizen)
    assert office.number_of(own) == SAFETY[0]
    own.ring.ignore()
    agent = await office.talks(citizen, "12350")
    assert office.number_of(agent) in MANY_SIDED
    assert own.call.has_ended
    await parts(citizen, agent)
    record = await answered_by(office, citizen, agent, "hall")
    assert record.offers == 2


@nobody_answers_elsewhere
async def the_hall_takes_12316_with_a_word_when_the_centre_does_not_answer(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials("12316")
    await citizen.hears("transfer-12316")
    await citizen.hears("return-hall", within=30)
    agent = await office.talks(citizen, "12316")
    await parts(citizen, agent)
    await answered_by(office, citizen, agent, "hall")


@nobody_is_in_elsewhere
async def the_hall_takes_12350_when_nobody_sits_at_the_bureau_s_own_seats(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials("12350")
    await citizen.hears("transition-12350")
    agent = await office.talks(citizen, "12350")
    await parts(citizen, agent)
    record = await answered_by(office, citizen, agent, "hall")
    assert record.offers == 1


@nobody_is_in_elsewhere
async def the_hall_takes_12316_with_a_word_when_the_centre_lets_go_at_once(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials("12316")
    await citizen.hears("transfer-12316")
    await citizen.hears("return-hall")
    agent = await office.talks(citizen, "12316")
    await parts(citizen, agent)
    await answered_by(office, citizen, agent, "hall")


# --- the tests: one a scene


@pytest.mark.parametrize("scene", all_are_in.names)
def test_when_all_are_in(morning: Played, scene: str) -> None:
    morning.check(scene)


@pytest.mark.parametrize("scene", nobody_answers_elsewhere.names)
def test_when_nobody_answers_elsewhere(noon: Played, scene: str) -> None:
    noon.check(scene)


@pytest.mark.parametrize("scene", nobody_is_in_elsewhere.names)
def test_when_nobody_is_in_elsewhere(evening: Played, scene: str) -> None:
    evening.check(scene)


def test_nothing_is_left_behind(morning: Played, noon: Played, evening: Played) -> None:
    assert [act.left for act in (morning, noon, evening)] == ["", "", ""]
