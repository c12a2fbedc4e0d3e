"""Every number of the list, in each of its phases, called for real: what is heard, who is reached, what is stored.

The calls come from the config: a line that is added is called.  `explain` says what is expected of each; so that this
is no mirror, `ROWS` holds some of the plan's rows against what it says in so many words.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from itertools import zip_longest

import pytest

from ivr.facts import CallRecord, Outcome
from ivr.town import audio
from ivr.town.calls import Incoming, Refused
from ivr.town.rtp import RATE
from routing.config import AnswersWith, Config
from routing.explain import DIRECT, Explanation, explain
from routing.hours import SHANGHAI, Hours, is_open, next_change
from routing.ids import AgentId, PoolId, TargetId
from routing.lines import AnsweredBy, Line, phase
from routing.people import level
from routing.plan import Kind
from tests.asterisk.house import House
from tests.asterisk.office import Office, city
from tests.asterisk.phones import RIGHT, Citizen, is_whole
from tests.asterisk.waiting import eventually, passes

pytestmark = [pytest.mark.asterisk, pytest.mark.alone]

AT_ONCE = 20
GAP = 0.1  # seconds between the first calls: nobody dials at the same moment
SECOND, HOUR, WEEK = timedelta(seconds=1), timedelta(hours=1), timedelta(days=7)
APART = 0.75  # correlation with a prompt that begins alike, and is not the one that was played
MORNING = datetime(2021, 9, 15, 9, tzinfo=SHANGHAI)


# --- which calls


@dataclass(frozen=True)
class Dialled:
    """One call to be made: the line's number, the moment; forwarded by `sender`, or direct."""

    number: str
    at: datetime
    sender: str = DIRECT

    def __str__(self) -> str:
        """As a test's name."""
        return f"{self.number}-{self.at:%Y-%m-%dT%H:%M:%S}" + ("" if self.sender == DIRECT else "-diverted")

    def expected(self) -> Explanation:
        """What the plan says."""
        return explain(city(), self.number, self.at, self.sender)


def edges(line: Line) -> Iterator[datetime]:
    """The last second before each change of the line's phase, and the first one of what follows."""
    days = [line.cancel_on] if line.cancel_on else []
    days += [line.transition.begins, line.transition.ends] if line.transition else []
    for day in sorted(set(days)):
        midnight = datetime.combine(day, time(), SHANGHAI)
        yield from (midnight - SECOND, midnight)


def hours_of(config: Config, line: Line) -> Hours | None:
    """When the line's own seats or centre are asked; None for a line that goes to the hall at any hour."""
    if line.answered_by is AnsweredBy.HALL:
        return None
    if line.pool:
        return config.site.pools[line.pool].hours
    return config.site.targets[line.target].hours if line.target else None


def by_day(line: Line, hours: Hours) -> Iterator[datetime]:
    """A moment of each phase at which the line's own seats or centre are open, and the edges of one working day."""
    calendar = city().site.calendar
    begins = [MORNING]
    if line.transition:
        ends = datetime.combine(line.transition.ends, time(9), SHANGHAI)
        begins = [datetime.combine(line.transition.begins, time(9), SHANGHAI) - WEEK, MORNING, ends + WEEK]
    for moment in begins:
        first = moment
        while not is_open(hours, calendar, first):
            first += HOUR
        yield first
    closes = next_change(hours, calendar, MORNING)
    if closes is not None:
        yield from (closes - SECOND, closes)


def calls_of(config: Config, line: Line) -> list[Dialled]:
    """Every call that this line is worth."""
    hours = hours_of(config, line)
    moments = [*edges(line), *(by_day(line, hours) if hours else ())]
    direct = [Dialled(line.number, moment) for moment in moments or [MORNING]]
    if line.answered_by is AnsweredBy.CENTRE:  # never back to who sent it
        direct.append(Dialled(config.site.number, MORNING, line.number))
    return direct


def all_calls(config: Config) -> list[Dialled]:
    """Those of all lines, mixed: the calls of one line stand far apart, as its agents are few."""
    rounds = zip_longest(*(calls_of(config, line) for line in config.lines.values()))
    return [call for each in rounds for call in each if call is not None]


CALLS = all_calls(city())


# --- making them


@dataclass
class Made:
    """A call that was made: what the phones lived through, what failed meanwhile, what was stored."""

    citizen: Citizen
    ring: Incoming | None = None
    number: str = ""
    status: int = 0
    trouble: BaseException | None = None
    record: CallRecord | None = None

    def stored(self) -> CallRecord:
        """The record, when there is one; else what went wrong is raised."""
        if self.trouble is not None:
            raise self.trouble
        assert self.record is not None
        return self.record


@dataclass
class Day:
    """All of them."""

    made: dict[Dialled, Made] = field(default_factory=dict)
    left: str = ""


@pytest.fixture(scope="module")
def day(house: House) -> Day:
    return asyncio.run(_lived_through(house))


async def _lived_through(house: House) -> Day:
    day, lines = Day(), asyncio.Semaphore(AT_ONCE)
    staff = [agent.id for agent in city().site.agents.values() if not agent.in_range]
    async with Office(house) as office:
        await office.opens(staff)
        async with asyncio.TaskGroup() as group:
            for call in CALLS:
                await lines.acquire()
                group.create_task(_made(office, call, day, lines), name=str(call))
                await passes(GAP)
        try:
            await house.is_quiet()
        except AssertionError as leak:
            day.left = str(leak)
        for made in day.made.values():
            if made.trouble is None:
                made.record = await house.record(made.citizen.name)
    await house.signs_out(*staff)
    return day


async def _made(office: Office, call: Dialled, day: Day, lines: asyncio.Semaphore) -> None:
    made = day.made[call] = Made(await office.citizen())
    try:
        await _lives(office, call, made)
    except Exception as trouble:  # noqa: BLE001 - told by the test of this call; the others go on
        made.trouble = trouble
    finally:
        await made.citizen.phone.close()
        lines.release()


async def _lives(office: Office, call: Dialled, made: Made) -> None:
    """Dial, and be with whoever answers for a moment."""
    citizen, place = made.citizen, call.expected().destination
    sender = "" if call.sender == DIRECT else call.sender
    dialled = await citizen.starts_dialling(call.number, at=call.at.isoformat(), diverted_from=sender)
    if place.kind is Kind.ANNOUNCEMENT:
        with pytest.raises(Refused) as refused:
            await dialled.answered(25)
        made.status = refused.value.end.status
        return
    await dialled.answered(20)
    if place.name in city().site.targets:
        await _is_there(citizen, _voice_of(TargetId(place.name)))
        await citizen.hangs_up()
        return
    agent = await office.rings_for(citizen, within=40)
    made.ring, made.number = agent.ring, office.number_of(agent)
    agent.answers()
    await citizen.hears_person(agent, within=20)
    await agent.hears_person(citizen)
    await citizen.hangs_up()
    await agent.is_hung_up()


async def _is_there(citizen: Citizen, voice: str) -> None:
    """Wait until the citizen hears how somebody of the town begins; seldom looked at, as twenty calls share a core."""
    begins = citizen.place.prompt(voice)[: 3 * RATE // 2]

    def is_heard() -> bool:
        return audio.hears(citizen.heard().samples[-5 * RATE :], begins).correlation >= RIGHT

    await eventually(is_heard, 40, f"{citizen.name} hears {voice}", every=0.5)


def _voice_of(target: TargetId) -> str:
    """What is heard of a centre: its menu, or a person."""
    answers_with = city().site.targets[target].answers_with
    return f"town-{target}-menu" if answers_with is AnswersWith.MENU else f"town-{target}"


# --- what is expected


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_what_is_heard(day: Day, call: Dialled) -> None:
    """The line's right prompt and none of its others; then a person, without a silence before."""
    made, expected = day.made[call], call.expected()
    made.stored()
    heard, house = made.citizen.heard(), made.citizen.place
    ear, config = audio.Ear(heard.samples), city()
    for prompt in expected.prompts:
        assert is_whole(ear, house.sounds(prompt)), f"{prompt}; {made.citizen.story()}"
    others = {name for name in config.prompts if name.endswith((f"-{call.number}", f"-{config.site.number}"))}
    for name in sorted(others - set(expected.prompts) | {"return-hall"}):
        if name.startswith(("whisper-", "agent-")):
            continue
        match = ear.find(house.prompt(name))
        assert match.correlation <= APART, f"{name}: {match.correlation:.2f}; {made.citizen.story()}"
    made.citizen.was_never_in_silence()
    if made.ring is not None:
        assert is_whole(ear, house.sounds(f"agent-{made.number}")), made.citizen.story()
        whisper = f"whisper-{_line_of(expected)}"
        assert is_whole(audio.Ear(made.ring.heard().samples), house.sounds(whisper)), whisper


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_who_is_reached_and_what_is_stored(day: Day, call: Dialled) -> None:
    made, expected = day.made[call], call.expected()
    record, place = made.stored(), expected.destination
    assert (record.line, record.phase) == (_line_of(expected), expected.phase)
    assert (record.dialled, record.moment) == (call.number, call.at.isoformat())
    assert record.diverted_from == (None if call.sender == DIRECT else call.sender)
    assert record.prompts == expected.prompts
    if place.kind is Kind.ANNOUNCEMENT:
        assert (made.status, record.outcome, record.answered, record.cause) == (410, Outcome.ANNOUNCED, None, 22)
    elif place.name in city().site.targets:
        assert (record.outcome, record.target) == (Outcome.TRANSFERRED, place.name)
        is_machine = city().site.targets[TargetId(place.name)].answers_with is AnswersWith.MENU
        assert (record.machine, record.connected is None) == (is_machine, is_machine)
    else:
        assert (record.outcome, record.agent, record.pool) == (Outcome.ANSWERED, made.number, place.name)
        assert record.offers == 1
        assert _is_good(made.number, place.name, place.skill) or _were_busy(day, record, place.name, place.skill)


def _line_of(expected: Explanation) -> str:
    """The number whose line it is: a call that is forwarded to us is its sender's."""
    return expected.number


def _is_good(agent: str, pool: str, skill: str | None) -> bool:
    """Whether the agent is one of those who are asked first."""
    config = city()
    known = config.site.agents[AgentId(agent)]
    if skill is None:
        return any(each.pool == pool for each in known.competences)
    wanted = next(each for each in config.site.skills.values() if each.id == skill)
    return level(known, PoolId(pool), wanted.id) >= wanted.good


def _were_busy(day: Day, record: CallRecord, pool: str, skill: str | None) -> bool:
    """Whether each of those had another call when this one came."""
    there = [agent.id for agent in city().site.agents.values() if not agent.in_range]
    good = {agent for agent in there if _is_good(agent, pool, skill)}
    others = (made.record for made in day.made.values() if made.record and made.record.call != record.call)
    return good <= {each.agent for each in others if each.arrived <= record.arrived <= each.ended}


def test_every_line_is_called_in_every_phase_it_has() -> None:
    seen = {(call.number, call.expected().phase) for call in CALLS if call.sender == DIRECT}
    for line in city().lines.values():
        for moment in (MORNING, *edges(line)):
            assert (line.number, phase(line, moment)) in seen


def test_a_call_that_a_centre_has_sent_us_stays_in_the_hall() -> None:
    """Rows 二.11 to 二.14 and 三.2 to 三.5."""
    diverted = [call for call in CALLS if call.sender != DIRECT]
    senders = {"12316", "12393", "12317", "12385", "12360", "12366", "12367", "12305"}
    assert {call.sender for call in diverted} == senders
    assert {call.expected().destination.name for call in diverted} == {"hall"}


def test_nothing_is_left_behind(day: Day) -> None:
    assert day.left == ""


# --- the plan's own words

TRANSITION = "2021-09-15T09:00"
LAST_SECOND, MIDNIGHT = "2021-10-31T23:59:59", "2021-11-01T00:00:00"

ROWS = [
    ("12345", TRANSITION, "merged", "greeting-12345", "hall", None),
    ("12329", "2021-08-31T23:59:59", "before", "greeting-12329", "hall", "housing-fund"),
    ("12329", "2021-09-01T00:00:00", "transition", "transition-12329", "hall", "housing-fund"),
    ("12329", LAST_SECOND, "transition", "transition-12329", "hall", "housing-fund"),
    ("12329", MIDNIGHT, "merged", "greeting-12329", "hall", "housing-fund"),
    ("12350", TRANSITION, "transition", "transition-12350", "safety", None),
    ("12350", MIDNIGHT, "merged", "greeting-12350", "hall", None),
    ("12350", "2021-09-15T17:29:59", "transition", "transition-12350", "safety", None),
    ("12350", "2021-09-15T17:30:00", "transition", "transition-12350", "hall", None),
    ("12316", TRANSITION, "merged", "transfer-12316", "agriculture", None),
    ("12316", "2021-09-15T18:00:00", "merged", "closed-12316", "hall", None),
    ("12349", "2021-08-31T23:59:59", "before", "greeting-12345", "hall", "civil-affairs"),
    ("12349", LAST_SECOND, "transition", "transition-12349", "hall", "civil-affairs"),
    ("12349", MIDNIGHT, "cancelled", "cancelled-12349", "hall", "civil-affairs"),
    ("12396", TRANSITION, "merged", "greeting-12345", "hall", None),
    ("12315", LAST_SECOND, "transition", "transition-12315", "hall", "market"),
    ("12320", TRANSITION, "transition", "transition-12320", "health-seats", None),
    ("12348", TRANSITION, "transition", "transition-12348", "law", None),
    ("12366", TRANSITION, "merged", "transfer-12366", "tax", None),
    ("12313", TRANSITION, "merged", "transfer-12313", "tobacco", None),
    ("13900000310", LAST_SECOND, "transition", "transition-13900000310", "hall", "environment"),
    ("8000002", MIDNIGHT, "cancelled", "cancelled-8000002", "cancelled-8000002", None),
]
"""Number, moment, phase, prompt, where it goes, skill: written down, not computed."""


@pytest.mark.parametrize(("number", "at", "phase", "prompt", "place", "skill"), ROWS)
def test_what_is_expected_is_what_the_plan_says(
    number: str, at: str, phase: str, prompt: str, place: str, skill: str | None
) -> None:
    moment = datetime.fromisoformat(at).replace(tzinfo=SHANGHAI)
    said = explain(city(), number, moment)
    found = (said.phase, *said.prompts, said.destination.name, said.destination.skill)
    assert found == (phase, prompt, place, skill)
    assert Dialled(number, moment) in CALLS
