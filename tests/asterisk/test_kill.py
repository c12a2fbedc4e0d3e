"""`kill -9` of the controller with one call in each stage: nobody is lost or greeted twice, who talks goes on talking.

One kill, seven citizens; each test says what became of one of them.
"""

import asyncio
from dataclasses import dataclass, field

import pytest

from ivr.facts import CallRecord, Outcome
from ivr.town import audio
from tests.asterisk.house import House
from tests.asterisk.office import MANY_SIDED, Office
from tests.asterisk.phones import Agent, Citizen
from tests.asterisk.waiting import eventually

pytestmark = pytest.mark.asterisk

STAFF = MANY_SIDED[:3]  # one talks, one rings, one whispers: whoever comes then has to wait
AROUND = 1.0  # seconds before the kill and after the return that talking parties are listened to


@dataclass
class Story:
    """Who was in which stage when the controller died, and what came of them."""

    killed: float = 0.0
    back: float = 0.0
    people: dict[str, Citizen] = field(default_factory=dict)
    talked_with: Agent | None = None
    agents: dict[str, Agent] = field(default_factory=dict)
    records: dict[str, CallRecord] = field(default_factory=dict)
    ended: dict[str, BaseException | None] = field(default_factory=dict)
    """What went wrong with whom after the return."""
    left: str = ""
    states: dict[str, str] = field(default_factory=dict)

    def check(self, stage: str) -> None:
        """Raises what went wrong with whoever was in this stage."""
        if failure := self.ended[stage]:
            raise failure


@pytest.fixture(scope="module")
def story(house: House) -> Story:
    return asyncio.run(_live(house))


async def _live(house: House) -> Story:
    story = Story()
    async with Office(house) as office:
        await office.opens(STAFF)
        await _until_the_kill(office, story)
        loop = asyncio.get_running_loop()
        story.killed = loop.time()
        old = house.kills("controller")
        await house.centre("agriculture", "answer")
        await house.has_restarted("controller", old)
        story.back = loop.time()
        await _afterwards(office, story)
        try:
            await house.is_quiet()
        except AssertionError as leak:
            story.left = str(leak)
        story.states = await house.agents()
    for stage, citizen in story.people.items():
        story.records[stage] = await house.record(citizen.name)
    await house.signs_out(*STAFF)
    return story


async def _until_the_kill(office: Office, story: Story) -> None:
    """One call after the other, so that all stages are reached at the same moment."""
    stages = ("talk", "transferred", "transfer", "ringing", "whisper", "queue", "greeting")
    story.people = people = {stage: await office.citizen() for stage in stages}
    await people["talk"].dials("12345")
    await people["transferred"].dials("12316")
    story.talked_with = await office.talks(people["talk"], "12345")
    await people["transferred"].hears("town-agriculture")
    await office.house.centre("agriculture", "no-answer")
    await people["transfer"].dials("12316")
    for stage in ("ringing", "whisper", "queue"):
        await people[stage].dials("12345")
    rings = await office.rings_for(people["ringing"])
    whispered = await office.rings_for(people["whisper"])
    greeted = asyncio.create_task(people["greeting"].dials("12345"))
    story.agents = {"ringing": rings, "whisper": whispered}
    whispered.answers()
    await whispered.begins_to_hear_something()
    await people["queue"].hears("greeting-12345")
    await greeted
    await people["greeting"].begins_to_hear_something()


async def _afterwards(office: Office, story: Story) -> None:
    """Everybody who waits is served by the two agents who are free; then all hang up."""
    people = story.people

    async def served(stage: str) -> None:
        citizen = people[stage]
        await eventually(lambda: citizen.call.is_up, 1.0, f"{stage} is still up")
        agent = await office.rings_for(citizen, within=40)
        if agent.call.began < story.killed:  # the ringing of a former life: it has ended, or it is the one we want
            agent = await office.rings_for(citizen, within=40)
        agent.answers()
        await citizen.hears_person(agent)
        await agent.hears_person(citizen)
        await citizen.hangs_up()

    async def reached() -> None:
        await people["transfer"].hears("town-agriculture", within=40)

    waiting = ("ringing", "whisper", "queue", "greeting")
    results = await asyncio.gather(
        *(served(stage) for stage in waiting),
        reached(),
        return_exceptions=True,
    )
    for citizen in people.values():
        await citizen.hangs_up()
    story.ended = dict(zip((*waiting, "transfer"), results, strict=True))


def test_those_who_talk_hear_each_other_throughout(story: Story) -> None:
    citizen, agent = story.people["talk"], story.talked_with
    assert agent is not None
    since, until = story.killed - AROUND, story.back + AROUND
    citizen.heard_all_along(agent, since, until)
    agent.heard_all_along(citizen, since, until)


def test_who_talks_with_the_centre_goes_on_talking(story: Story) -> None:
    heard = story.people["transferred"].heard().between(story.killed - AROUND, story.back + AROUND)
    assert audio.longest_silence(heard.samples) < 0.5
    assert story.records["transferred"].outcome is Outcome.TRANSFERRED


def test_the_controller_is_back_soon(story: Story) -> None:
    assert story.back - story.killed < 5


@pytest.mark.parametrize("stage", ["ringing", "whisper", "queue", "greeting"])
def test_whoever_had_not_reached_an_agent_reaches_one(story: Story, stage: str) -> None:
    story.check(stage)
    record = story.records[stage]
    assert (record.outcome, record.pool) == (Outcome.ANSWERED, "hall")


@pytest.mark.parametrize("stage", ["talk", "ringing", "whisper", "queue", "greeting"])
def test_nobody_is_greeted_twice(story: Story, stage: str) -> None:
    citizen = story.people[stage]
    assert citizen.times_heard("greeting-12345") == 1, citizen.story()


def test_who_was_being_transferred_reaches_the_centre(story: Story) -> None:
    story.check("transfer")
    assert story.records["transfer"].outcome is Outcome.TRANSFERRED
    assert story.people["transfer"].times_heard("transfer-12316") == 1


def test_who_waited_in_the_queue_heard_music_all_the_time(story: Story) -> None:
    story.people["queue"].was_never_in_silence(until=story.back + AROUND)


def test_nothing_is_left_behind_and_no_agent_is_stuck(story: Story) -> None:
    assert story.left == ""
    assert set(story.states.values()) == {"ready"}
