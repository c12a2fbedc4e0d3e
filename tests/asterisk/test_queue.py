"""Waiting in the queue, on a real Asterisk: what is heard between the music, who helps out, and whose turn it is.

One house in whose hall nobody is ready at first, and whose times are short.  One story; each test says what became of
one of those who wait in it.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ivr.facts import CallRecord, Outcome
from tests.asterisk.house import House, opened, written_city
from tests.asterisk.office import Office
from tests.asterisk.phones import Citizen
from tests.asterisk.switch import amended

pytestmark = pytest.mark.asterisk

MERGED = "2022-03-02T10:00"  # after the transition, whose sentences are long
BUSY, IDLE, SPEAKER = "1016", "1017", "1010"  # of the hall; the last speaks English
LEADER = "2001"  # here a supervisor, of a pool of their own
LISTED, FOREIGN = "13800010001", "13800010002"
SUB_CENTRE, SILENT = "tobacco", "environment-seats"  # that share the skills of 12318 and 12369
OTHERWISE = {
    "lower_level_after: 5 s ": "lower_level_after: 1 s ",
    "any_agent_after: 10 s ": "any_agent_after: 2 s ",
    "  after: 20 s ": "  after: 4 s ",
    "\nvoicemail:": "\nhelp_out: {supervisors: leaders, supervisors_after: 3 s, shared_after: 6 s}\n\nvoicemail:",
    "numbers: [] ": f"numbers: [{LISTED}] ",
    "name: 英语, callers: []": f"name: 英语, callers: [{FOREIGN}]",
    "{name: 文旅, good: 3}": f"{{name: 文旅, good: 3, shared_by: [{SUB_CENTRE}]}}",
    "{name: 生态环境, good: 3}": f"{{name: 生态环境, good: 3, shared_by: [{SILENT}]}}",
    "{id: environment-seats, ": "{id: environment-seats, ring_for: 3 s, ",
    "\npools:\n": "\npools:\n  leaders: {name: 班长席}\n",
    "seat: 8101, works_in: {safety: {}}": "seat: 8101, works_in: {leaders: {}}",
}


@dataclass
class Story:
    """Who talked with whom, in turn, and what was written down of it."""

    people: dict[str, Citizen] = field(default_factory=dict)
    had: dict[str, list[str]] = field(default_factory=dict)
    rung: list[tuple[str, str]] = field(default_factory=list)
    """Whose phone rang for whom."""
    records: dict[str, list[CallRecord]] = field(default_factory=dict)
    left: str = ""


def city(folder: Path) -> Path:
    """A city's files in `folder`: ours, with help from without, and no patience."""
    return written_city(folder, amended(OTHERWISE))


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("a city that waits")
    with opened(folder / "state of it", HOTLINE_CONFIG=str(city(folder / "city"))) as house:
        yield asyncio.run(_lives(house))


async def _lives(house: House) -> Story:
    story = Story()
    await house.centre(SILENT, "no-answer")
    async with Office(house) as office:
        names = ("first", "shared", "returned", "listed", "foreign")
        story.people = people = {name: await office.citizen() for name in names}
        people["listed"].name, people["foreign"].name = LISTED, FOREIGN
        await office.opens((BUSY, IDLE, SPEAKER, LEADER), ready=False)
        await _wait(people)
        await _come_in_turn(office, story)
        await _come_again(office, story)
        try:
            await house.is_quiet()
        except AssertionError as leak:
            story.left = str(leak)
    story.rung = [(caller, agent) for _, caller, agent in office.rung]
    for name, citizen in people.items():
        story.records[name] = sorted(await house.records(citizen.name), key=lambda each: each.arrived)
    return story


async def _wait(people: dict[str, Citizen]) -> None:
    """Three call while nobody is ready: one reaches a sub-centre, one comes back from seats that do not answer."""
    first, shared, returned = people["first"], people["shared"], people["returned"]
    await first.dials("12345")

    async def hears_their_place() -> None:
        await first.hears("greeting-12345")
        await first.hears("position-next", within=15)
        await first.hears_music()

    async def reaches_the_sub_centre() -> None:
        await shared.dials("12318", at=MERGED)
        await shared.hears("greeting-12318")
        await shared.hears(f"town-{SUB_CENTRE}")
        await shared.hangs_up()

    async def comes_back() -> None:
        await returned.dials("12369", at=MERGED)
        await returned.hears("greeting-12369")
        await returned.hears("return-queue", within=15)
        await returned.hears_music()

    await asyncio.gather(hears_their_place(), reaches_the_sub_centre(), comes_back())


async def _come_in_turn(office: Office, story: Story) -> None:
    """Who has a head start comes first, to a supervisor and to the first of the hall, then who has waited longest."""
    people = story.people
    listed, returned, first = people["listed"], people["returned"], people["first"]
    await listed.dials("12345")
    await listed.hears("greeting-12345")
    for agent in (LEADER, BUSY):
        await _ready(office, agent)
    await asyncio.gather(_talks(office, story, "listed", "12345"), _talks(office, story, "returned", "12369"))
    await first.hears_music()
    await office.house.controller(f"agents/{LEADER}/pause", method="POST", given={"reason": "会议"})
    await listed.hangs_up()
    await returned.hangs_up()
    await _talks(office, story, "first", "12345")
    for citizen in (first, returned, listed):
        citizen.was_never_in_silence()
    assert await asyncio.to_thread(first.times_heard, "position-next") == 1


async def _come_again(office: Office, story: Story) -> None:
    """Who calls again has the same agent, who speaks no Chinese one who speaks English, though others wait longer."""
    for agent in (IDLE, SPEAKER):
        await _ready(office, agent)
    people = story.people
    await people["first"].hangs_up()
    await office.house.record(people["first"].name)
    await people["first"].dials("12345")
    await asyncio.gather(people["foreign"].dials("12345"), _talks(office, story, "first", "12345"))
    await _talks(office, story, "foreign", "12345")
    for name in ("first", "foreign"):
        await people[name].hangs_up()


async def _ready(office: Office, agent: str) -> None:
    await office.house.controller(f"agents/{agent}/ready", method="POST")


async def _talks(office: Office, story: Story, name: str, line: str) -> None:
    agent = await office.talks(story.people[name], line)
    story.had.setdefault(name, []).append(office.number_of(agent))


# --- what became of each


def test_who_waits_hears_their_place_between_the_music_and_then_the_agent(story: Story) -> None:
    record = story.records["first"][0]
    assert (record.outcome, record.agent) == (Outcome.ANSWERED, BUSY)
    assert record.prompts == ("greeting-12345", "position-next")


def test_a_sub_centre_that_shares_the_skill_is_the_last_rung(story: Story) -> None:
    (record,) = story.records["shared"]
    assert (record.outcome, record.target, record.overflowed) == (Outcome.TRANSFERRED, SUB_CENTRE, ("hall",))
    story.people["shared"].was_never_in_silence()
    assert story.people["shared"].times_heard("overflow-target") == 1, "until they answer"


def test_who_comes_back_from_it_has_any_agent_of_the_hall_and_comes_before_who_has_waited_longer(story: Story) -> None:
    (record,) = story.records["returned"]
    assert (record.outcome, record.target, record.skill) == (Outcome.ANSWERED, None, "environment")
    assert story.people["returned"].times_heard("overflow-target") == 1
    assert story.had["returned"] == [BUSY]


def test_who_is_listed_comes_first_and_a_supervisor_helps_the_hall_out(story: Story) -> None:
    assert story.had["listed"] == [LEADER]
    assert story.records["listed"][0].pool == "leaders"


def test_who_calls_again_comes_to_the_same_agent_though_others_are_idle_for_longer(story: Story) -> None:
    assert story.had["first"] == [BUSY, BUSY]


def test_who_is_known_for_a_language_comes_to_whoever_speaks_it(story: Story) -> None:
    assert story.had["foreign"] == [SPEAKER]


def test_nobody_else_is_rung_and_nothing_is_left(story: Story) -> None:
    assert len(story.rung) == len([agent for had in story.had.values() for agent in had])
    assert IDLE not in {agent for _, agent in story.rung}
    assert story.left == ""
