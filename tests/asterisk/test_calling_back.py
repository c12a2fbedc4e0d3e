"""Citizens whom the engine calls back, on a real Asterisk: who answers, who does not, who comes first, and a kill.

One house that calls back after two seconds; its citizens give up while nobody is signed in, then the agents come.  The
scenes are played at once; each test says what became of one of them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
import soundfile

from ivr.facts import CallRecord, Direction, Outcome
from ivr.town import audio
from ivr.town.rtp import RATE, Samples
from routing.callbacks import Result
from tests.asterisk.house import House, copied_city, opened
from tests.asterisk.office import MANY_SIDED, Office
from tests.asterisk.phones import Citizen
from tests.asterisk.waiting import eventually, passes

pytestmark = pytest.mark.asterisk

PATIENCE = 5.4  # seconds: whoever leaves sooner is not called back
TERMS = """callbacks:
  on: yes
  after: [2 s, 30 min]
  from: 00:00
  until: 24:00
  ring_for: 5 s
"""


@dataclass
class Story:
    """What became of whom."""

    ended: dict[str, BaseException | None] = field(default_factory=dict)
    records: dict[str, list[CallRecord]] = field(default_factory=dict)
    sound: tuple[Samples, Samples] | None = None
    voices: tuple[int, int] = (0, 0)
    """Of the citizen who was recorded, and of their agent."""
    left: str = ""
    states: dict[str, str] = field(default_factory=dict)
    listed: str = ""
    census: str = ""

    def back(self, name: str) -> CallRecord:
        """The one try of a scene, which went as it should have."""
        if failure := self.ended[name]:
            raise failure
        (found,) = [each for each in self.records[name] if each.direction is Direction.CALLBACK]
        return found


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("a house that calls back")
    site = copied_city(folder / "city") / "config" / "site.yaml"
    before, after = site.read_text(encoding="utf-8").split("callbacks:\n")
    site.write_text(before + TERMS + after[after.index("\n#") :], encoding="utf-8")
    with opened(folder / "state of it", HOTLINE_CONFIG=str(folder / "city")) as house:
        yield asyncio.run(_live(house))


async def _live(house: House) -> Story:
    story = Story()
    async with Office(house) as office:
        people = {name: await office.citizen() for name in ("answers", *(scene.__name__ for scene in OTHERS))}
        for citizen in people.values():
            await house.reaches(citizen)
        await asyncio.gather(*(_gives_up(citizen) for citizen in people.values()))
        await office.opens(MANY_SIDED)
        others = asyncio.gather(*(scene(office, people[scene.__name__]) for scene in OTHERS), return_exceptions=True)
        talk = asyncio.create_task(answers(office, people["answers"], others))
        (ended,) = await asyncio.gather(talk, return_exceptions=True)
        story.ended = dict(zip(people, (ended, *await others), strict=True))
        try:
            await house.is_quiet()
        except AssertionError as leak:
            story.left = str(leak)
        story.states = await house.agents()
        if ended is None:
            story.voices = people["answers"].hertz, await _voice(office, house, people["answers"])
        story.listed = house.hotline("calls")
        story.census = (house.state / "census" / "calls.csv").read_text()
        for name, citizen in people.items():
            if story.ended[name] is None:
                story.records[name] = await _records(house, citizen)
        if ended is None:
            story.sound = await _recording(house, people["answers"])
    await house.signs_out(*MANY_SIDED)
    return story


async def _gives_up(citizen: Citizen) -> None:
    await citizen.dials("12345")
    await passes(PATIENCE)
    await citizen.hangs_up()


async def _records(house: House, citizen: Citizen) -> list[CallRecord]:
    """The call that was given up, and the one that we made."""
    found: list[CallRecord] = []

    async def are_there() -> bool:
        found[:] = await house.records(citizen.name)
        return len(found) >= 2

    await eventually(are_there, 10, f"records of {citizen.name}", every=0.2)
    return found


async def _voice(office: Office, house: House, citizen: Citizen) -> int:
    """Of the agent who called this citizen back."""
    records = [each for each in await _records(house, citizen) if each.direction is Direction.CALLBACK]
    return office.staff[str(records[0].agent)].hertz


async def _recording(house: House, citizen: Citizen) -> tuple[Samples, Samples]:
    """Of the call that we made: left and right."""
    found: list[str] = []

    async def is_finished() -> bool:
        records = await house.records(citizen.name)
        found[:] = [each.recording for each in records if each.direction is Direction.CALLBACK and each.recording]
        return bool(found)

    await eventually(is_finished, 20, f"a recording of the call-back of {citizen.name}", every=0.2)
    samples, _ = soundfile.read(house.state / "recordings" / found[0], dtype="int16")
    return samples[:, 0], samples[:, 1]


async def _called_back(office: Office, citizen: Citizen) -> tuple[str, Callable[[], Awaitable[None]]]:
    """The agent hears for whom; the citizen answers, hears that it is recorded and by whom, and both talk."""
    agent = (await office.rings_for(citizen)).answers()
    number = office.number_of(agent)
    await agent.hears("whisper-callback", within=5)
    await agent.hears("whisper-12345", within=5)
    await citizen.is_called()
    assert citizen.ring.caller == "12345"
    citizen.picks_up()
    await citizen.hears("callback-notice", within=10)
    await citizen.hears(f"agent-{number}", within=6)
    await citizen.hears_person(agent, within=5)
    await agent.hears_person(citizen, within=5)

    began = asyncio.get_running_loop().time() + 0.3

    async def goes_on() -> None:
        await passes(1.0)
        for one, other in ((citizen, agent), (agent, citizen)):
            now = asyncio.get_running_loop().time()
            heard = one.heard().between(began, now - 0.3).samples
            pieces = heard[: len(heard) // (RATE // 10) * (RATE // 10)].reshape(-1, RATE // 10)
            levels = [audio.level(np.asarray(piece), other.hertz) for piece in pieces]
            assert min(levels) > 4000, (one.name, levels)

    return number, goes_on


# --- scenes


async def answers(office: Office, citizen: Citizen, others: asyncio.Future[list[BaseException | None]]) -> None:
    number, goes_on = await _called_back(office, citizen)
    await asyncio.wait({others})
    old = office.house.kills("controller")
    await office.house.has_restarted("controller", old)
    await goes_on()
    await office.house.controller(f"agents/{number}/talk/hang-up", method="POST")
    await citizen.hears("survey", within=15)
    await citizen.hangs_up()


async def is_busy(office: Office, citizen: Citizen) -> None:
    agent = (await office.rings_for(citizen)).answers()
    await citizen.is_called()
    citizen.ring.reject(486)
    await agent.is_hung_up()


async def does_not_answer(office: Office, citizen: Citizen) -> None:
    agent = (await office.rings_for(citizen)).answers()
    await citizen.is_called()
    await agent.is_hung_up(within=12)
    await citizen.is_hung_up()


async def calls_again(office: Office, citizen: Citizen) -> None:
    before = await office.rings_for(citizen)
    first = before.call
    await citizen.dials("12345")
    await first.ended(5.0)
    agent = (await office.rings_for(citizen)).answers()
    await citizen.hears_person(agent)
    await agent.hears_person(citizen)
    await citizen.hangs_up()
    await agent.is_hung_up()


OTHERS: tuple[Callable[[Office, Citizen], Awaitable[None]], ...] = (
    is_busy,
    does_not_answer,
    calls_again,
)


def test_who_answers_hears_the_notice_and_the_agent_and_both_talk_on_while_the_controller_is_killed(
    story: Story,
) -> None:
    back = story.back("answers")
    assert (back.outcome, back.result, back.released_by) == (Outcome.ANSWERED, Result.ANSWERED, "agent")
    came = next(each for each in story.records["answers"] if each.direction is Direction.IN)
    assert (back.task, came.outcome) == (came.call, Outcome.ABANDONED)


@pytest.mark.parametrize(("scene", "result"), [("is_busy", Result.BUSY), ("does_not_answer", Result.NO_ANSWER)])
def test_who_cannot_be_had_is_known_as_that(story: Story, scene: str, result: Result) -> None:
    back = story.back(scene)
    assert (back.outcome, back.result) == (Outcome.UNREACHED, result)


def test_who_calls_again_takes_the_place_and_is_called_no_more(story: Story) -> None:
    assert story.back("calls_again").outcome is Outcome.WITHDRAWN
    came = [each for each in story.records["calls_again"] if each.direction is Direction.IN]
    assert sorted(each.outcome for each in came) == [Outcome.ABANDONED, Outcome.ANSWERED]


def test_the_talk_is_recorded_from_its_first_word_the_citizen_left(story: Story) -> None:
    assert story.sound is not None
    left, right = story.sound
    assert len(left) == len(right)
    assert audio.dominant(left[RATE // 2 : RATE]) == story.voices[0]
    assert audio.dominant(right[RATE // 2 : RATE]) == story.voices[1]


def test_nothing_is_left_and_the_tries_are_listed(story: Story) -> None:
    assert story.left == ""
    assert set(story.states.values()) == {"ready"}
    assert "callback: answered" in " ".join(story.listed.split())


def test_the_census_has_whom_we_have_called_and_knows_that_they_were_ours(story: Story) -> None:
    lines = [line.strip('"').split('","') for line in story.census.splitlines()]
    assert [line[6:] for line in lines if line[0] == story.back("answers").call] == [["ANSWERED", "dialled", "town"]]
    assert "missed" not in story.listed
