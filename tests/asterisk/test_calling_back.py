"""Citizens whom the engine calls back, on a real Asterisk: who answers, who does not, who comes first, a kill.

One house that calls back after two seconds; its citizens give up while nobody is signed in, one leaves a message, one
asks for it, and one too many is refused; then the agents come.  The scenes are played at once; each test says what
became of one of them.  Agents who call out do so meanwhile.
"""

import asyncio
import csv
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field

import pytest
import soundfile

from ivr.facts import CallRecord, Direction, Outcome
from ivr.town import audio
from ivr.town.calls import Refused
from ivr.town.rtp import RATE, Samples
from routing.callbacks import Result, Why
from tests.asterisk.calling_out import CALLERS, is_busy_when_called, is_called_by_an_agent, is_far_away
from tests.asterisk.house import House, copied_city, opened
from tests.asterisk.office import MANY_SIDED, Office
from tests.asterisk.phones import Agent, Citizen
from tests.asterisk.waiting import eventually, passes

pytestmark = pytest.mark.asterisk

STAFF = (
    *MANY_SIDED,
    "1009",
    "1011",
    "1012",
    "1013",
    "1003",
    "1004",
)  # as many as scenes: who has been cut off finds the same agent free
BY_ITSELF = "8016"  # the phone there; its agent has the first call
MESSAGES = "9670"  # a line where a message is taken
PATIENCE = 5.4  # seconds: whoever leaves sooner is not called back
TERMS = """callbacks:
  on: yes
  after: [2 s, 30 min]
  from: 00:00
  until: 24:00
  ring_for: 5 s
  at_once: 8
"""
LINE = f"""
  - number: {MESSAGES}
    name: 试验{MESSAGES}
    short: 试验
    department: 市农业农村局
    seats: retained
    answered_by: retained-seats
    pool: messages
    ring_for: 2 s
"""
OTHERWISE = {
    "{id: 8016, kind: desk, pool: hall}": "{id: 8016, kind: desk, pool: hall, answer: auto}",
    "rtp_timeout: 30 s": "rtp_timeout: 4 s",  # another Asterisk sends RTCP every 5 s
    "\npools:\n": "\npools:\n  messages: {name: 试验, overflow: {to: voicemail, waited: 1 s}}\n",
    "natural-resources: 4}}}": "natural-resources: 4}, messages: {}}}",  # 1015, who is paused
    "  waited: 60 s\n": "  waited: 1 s\n",  # then it is offered
    "calls: 150 ": "calls: 12 ",  # as many as call before anybody is there
    "allow: [local, mobile] ": "allow: {operator: [local, mobile], supervisor: [local, mobile, national, target]} ",
}


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

    def check(self, name: str) -> None:
        """Raises what the scene failed with."""
        if failure := self.ended[name]:
            raise failure

    def back(self, name: str) -> CallRecord:
        """The one try of a scene, which went as it should have."""
        self.check(name)
        (found,) = [each for each in self.records[name] if each.direction is Direction.CALLBACK]
        return found


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("a house that calls back")
    site = copied_city(folder / "city") / "config" / "site.yaml"
    before, after = site.read_text(encoding="utf-8").split("callbacks:\n")
    text = before + TERMS + after[after.index("\n#") :]
    for old, new in OTHERWISE.items():
        assert old in text
        text = text.replace(old, new)
    site.write_text(text, encoding="utf-8")
    with (site.parent / "lines.yaml").open("a", encoding="utf-8") as lines:
        lines.write(LINE)
    with opened(folder / "state of it", HOTLINE_CONFIG=str(folder / "city")) as house:
        yield asyncio.run(_live(house))


async def _live(house: House) -> Story:
    story = Story()
    async with Office(house) as office:
        people = {name: await office.citizen() for name in ("answers", *(scene.__name__ for scene in OTHERS))}
        for citizen in people.values():
            await house.reaches(citizen)
        await office.opens(CALLERS, ready=False)
        await _call(people)
        await house.has_restarted("controller", house.kills("controller"))  # who was refused is in the census alone
        await office.opens(STAFF)
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
                story.records[name] = await _records(house, citizen, CALLS.get(name, 2))
        if ended is None:
            story.sound = await _recording(house, people["answers"])
    await house.signs_out(*STAFF, *CALLERS)
    return story


async def _call(people: Mapping[str, Citizen]) -> None:
    """All whom we shall call back, at once; the last is one too many."""
    leave = {"asked": _asks, "left_a_message": _leaves_a_message}
    waiting = {name: citizen for name, citizen in people.items() if name not in {*OUT, "was_refused"}}
    lines = {"left_a_message": MESSAGES}
    await asyncio.gather(*(citizen.dials(lines.get(name, "12345")) for name, citizen in waiting.items()))
    call = await people["was_refused"].starts_dialling("12345")
    with pytest.raises(Refused, match="486"):
        await call.answered(5)
    await asyncio.gather(*(leave.get(name, _gives_up)(citizen) for name, citizen in waiting.items()))


async def _gives_up(citizen: Citizen) -> None:
    await passes(PATIENCE)
    await citizen.hangs_up()


async def _asks(citizen: Citizen) -> None:
    await citizen.hears("callback-offer")
    citizen.presses("1")
    await citizen.is_hung_up(within=20)  # after a promise; see `test_waits`


async def _leaves_a_message(citizen: Citizen) -> None:
    await citizen.hears("voicemail")
    await passes(2.0)  # the tone, and the message
    citizen.presses("#")
    await citizen.is_hung_up(within=20)  # after a promise; see `test_waits`


async def _records(house: House, citizen: Citizen, calls: int = 2) -> list[CallRecord]:
    """The call that was given up, the one that we made, and what followed."""
    found: list[CallRecord] = []

    async def are_there() -> bool:
        found[:] = await house.records(citizen.name)
        return len(found) >= calls

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


async def _called_back(
    office: Office, citizen: Citizen, line: str = "12345"
) -> tuple[str, Callable[[], Awaitable[None]]]:
    """The agent hears for whom; the citizen answers, hears that it is recorded and by whom, and both talk."""
    agent = (await office.rings_for(citizen)).answers()
    number = office.number_of(agent)
    await agent.hears("whisper-callback", within=5)
    await agent.hears(f"whisper-{line}", within=5)
    assert agent.heard_a_beep() is (agent.name == BY_ITSELF)
    await citizen.is_called()
    assert citizen.ring.caller == "12345"
    citizen.picks_up()
    await citizen.hears("callback-notice", within=10)
    await citizen.hears(f"agent-{number}", within=6)
    await citizen.hears_person(agent, within=5)
    await agent.hears_person(citizen, within=5)
    agent.did_not_hear("callback-notice")

    began = asyncio.get_running_loop().time() + 0.3

    async def goes_on() -> None:
        await passes(1.0)
        until = asyncio.get_running_loop().time() - 0.3
        citizen.heard_all_along(agent, began, until)
        agent.heard_all_along(citizen, began, until)

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


async def declines(office: Office, citizen: Citizen) -> None:
    agent = (await office.rings_for(citizen)).answers()
    await citizen.is_called()
    citizen.ring.reject(603)
    await agent.is_hung_up()


async def is_switched_off(office: Office, citizen: Citizen) -> None:
    """The carrier cannot find the telephone, and says so: it has not rung."""
    citizen.phone.rings_at_once = False
    agent = (await office.rings_for(citizen)).answers()
    await citizen.is_called()
    citizen.ring.reject(480, cause=20)
    await agent.is_hung_up()


async def is_no_number(office: Office, citizen: Citizen) -> None:
    """The carrier has nobody there."""
    agent = (await office.rings_for(citizen)).answers()
    await citizen.is_called()
    citizen.ring.reject(404)
    await agent.is_hung_up()


async def is_a_machine(office: Office, citizen: Citizen) -> None:
    """The agent says so while it talks; that they are to be called back stays."""
    number, _ = await _called_back(office, citizen)
    await office.house.controller(f"agents/{number}/machine", method="POST")
    await office.staff[number].hangs_up()
    await citizen.hangs_up()


async def does_not_answer(office: Office, citizen: Citizen) -> None:
    agent = (await office.rings_for(citizen)).answers()
    await citizen.is_called()
    await agent.is_hung_up(within=12)
    await citizen.is_hung_up()


async def was_refused(office: Office, citizen: Citizen) -> None:
    await _is_helped(office, citizen)


async def asked(office: Office, citizen: Citizen) -> None:
    await _is_helped(office, citizen)


async def left_a_message(office: Office, citizen: Citizen) -> None:
    await _is_helped(office, citizen, MESSAGES)


async def _is_helped(office: Office, citizen: Citizen, line: str = "12345") -> None:
    number, _ = await _called_back(office, citizen, line)
    await citizen.hangs_up()
    await office.staff[number].is_hung_up()


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


async def is_cut_off(office: Office, citizen: Citizen) -> None:
    """By the carrier, which says so; the task of the earlier call was to be tried half an hour later, by anybody."""
    await is_busy(office, citizen)
    await citizen.dials("12345")
    agent = await office.talks(citizen, "12345")
    await office.house.cuts_off(citizen)
    await agent.is_hung_up()
    await _is_called_back_by(office, citizen, agent)


async def vanishes(office: Office, citizen: Citizen) -> None:
    """Without a word from anybody: no sound comes over the trunk any more."""
    await office.rings_for(citizen)
    await citizen.dials("12345")
    agent = await office.talks(citizen, "12345")
    citizen.dies()
    await agent.is_hung_up(within=15)
    back = await office.citizen()
    back.name = citizen.name
    await office.house.reaches(back)
    await _is_called_back_by(office, back, agent)


async def _is_called_back_by(office: Office, citizen: Citizen, agent: Agent) -> None:
    number, _ = await _called_back(office, citizen)
    assert number == office.number_of(agent)
    await agent.hangs_up()
    await citizen.hangs_up()


OUT = ("is_called_by_an_agent", "is_busy_when_called", "is_far_away")
OTHERS: tuple[Callable[[Office, Citizen], Awaitable[None]], ...] = (
    is_busy,
    declines,
    is_switched_off,
    is_no_number,
    is_a_machine,
    does_not_answer,
    calls_again,
    is_cut_off,
    vanishes,
    was_refused,
    asked,
    left_a_message,
    is_called_by_an_agent,
    is_busy_when_called,
    is_far_away,
)
CALLS = {"is_cut_off": 4, "vanishes": 4} | dict.fromkeys(OUT, 1)
"""How many records there are of a citizen in the end, if not two."""


def test_who_answers_hears_the_notice_and_the_agent_and_both_talk_on_while_the_controller_is_killed(
    story: Story,
) -> None:
    back = story.back("answers")
    assert (back.outcome, back.result, back.released_by) == (Outcome.ANSWERED, Result.ANSWERED, "agent")
    came = next(each for each in story.records["answers"] if each.direction is Direction.IN)
    assert (back.task, came.outcome) == (came.call, Outcome.ABANDONED)


@pytest.mark.parametrize(
    ("scene", "line", "outcome", "why"),
    [
        ("was_refused", "12345", Outcome.REFUSED, None),
        ("asked", "12345", Outcome.CALLED_BACK, Why.ASKED),
        ("left_a_message", MESSAGES, Outcome.CALLED_BACK, Why.VOICEMAIL),
    ],
)
def test_whoever_was_refused_has_asked_or_left_a_message_is_called_and_talks_with_an_agent(
    story: Story, scene: str, line: str, outcome: Outcome, why: Why | None
) -> None:
    back = story.back(scene)
    assert (back.outcome, back.result, back.line) == (Outcome.ANSWERED, Result.ANSWERED, line)
    (came,) = [each for each in story.records[scene] if each.direction is Direction.IN]
    assert (came.outcome, came.callback, came.call) == (outcome, why, back.task)
    assert came.ended < back.arrived


@pytest.mark.parametrize(
    ("scene", "result"),
    [
        ("is_busy", Result.BUSY),
        ("declines", Result.REFUSED),
        ("is_switched_off", Result.OFF),
        ("is_no_number", Result.UNKNOWN_NUMBER),
        ("does_not_answer", Result.NO_ANSWER),
    ],
)
def test_who_cannot_be_had_is_known_as_that(story: Story, scene: str, result: Result) -> None:
    back = story.back(scene)
    assert (back.outcome, back.result) == (Outcome.UNREACHED, result)


def test_a_machine_that_answers_is_nobody(story: Story) -> None:
    back = story.back("is_a_machine")
    assert (back.outcome, back.result) == (Outcome.ANSWERED, Result.MACHINE)


def test_who_calls_again_takes_the_place_and_is_called_no_more(story: Story) -> None:
    assert story.back("calls_again").outcome is Outcome.WITHDRAWN
    came = [each for each in story.records["calls_again"] if each.direction is Direction.IN]
    assert sorted(each.outcome for each in came) == [Outcome.ABANDONED, Outcome.ANSWERED]


@pytest.mark.parametrize(("scene", "cause"), [("is_cut_off", 41), ("vanishes", 44)])
def test_whose_talk_is_cut_is_called_back_at_once_by_the_same_agent(story: Story, scene: str, cause: int) -> None:
    story.check(scene)
    talks = sorted((each for each in story.records[scene] if each.connected), key=lambda each: each.arrived)
    cut, back = talks
    assert (cut.direction, cut.outcome, cut.cause) == (Direction.IN, Outcome.ANSWERED, cause)
    assert (back.direction, back.result, back.task) == (Direction.CALLBACK, Result.ANSWERED, cut.call)
    assert back.agent == cut.agent
    assert back.arrived - cut.ended < 5_000


@pytest.mark.parametrize(
    ("scene", "outcome", "result"),
    [
        ("is_called_by_an_agent", Outcome.ANSWERED, Result.ANSWERED),
        ("is_busy_when_called", Outcome.UNREACHED, Result.BUSY),
        ("is_far_away", Outcome.UNREACHED, Result.UNKNOWN_NUMBER),
    ],
)
def test_an_agent_calls_out_and_is_paused_again(story: Story, scene: str, outcome: Outcome, result: Result) -> None:
    story.check(scene)
    (out,) = story.records[scene]
    assert (out.direction, out.outcome, out.result) == (Direction.OUT, outcome, result)
    assert {story.states[agent] for agent in CALLERS} == {"paused"}


def test_the_talk_is_recorded_from_its_first_word_the_citizen_left(story: Story) -> None:
    assert story.sound is not None
    left, right = story.sound
    assert len(left) == len(right)
    assert audio.dominant(left[RATE // 2 : RATE]) == story.voices[0]
    assert audio.dominant(right[RATE // 2 : RATE]) == story.voices[1]


def test_nothing_is_left_and_the_tries_are_listed(story: Story) -> None:
    assert story.left == "", {name: [each.call for each in found] for name, found in story.records.items()}
    assert {state for agent, state in story.states.items() if agent not in CALLERS} == {"ready"}
    assert "callback: answered" in " ".join(story.listed.split())


def test_the_census_has_whom_we_have_called_and_knows_that_they_were_ours(story: Story) -> None:
    (line,) = [line for line in csv.reader(story.census.splitlines()) if line[0] == story.back("answers").call]
    assert line[6:12] == ["ANSWERED", "dialled", "town", "", "", "16"]
    assert "missed" not in story.listed
