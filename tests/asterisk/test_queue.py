"""Waiting in the queue, on a real Asterisk: what is heard between the music, who helps out, and whose turn it is.

One house in whose hall nobody is ready at first, and whose times are short; it calls back once, and at once.  One
story; each test says what became of one of those who wait in it.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ivr.facts import CallRecord, Direction, Outcome
from routing.callbacks import Result
from routing.estimate import BEYOND_WAITS, WAITS
from tests.asterisk.house import House, opened, written_city
from tests.asterisk.office import Office
from tests.asterisk.phones import Citizen
from tests.asterisk.switch import amended
from tests.asterisk.waiting import eventually, passes

pytestmark = pytest.mark.asterisk

MERGED = "2022-03-02T10:00"  # after the transition, whose sentences are long
BUSY, IDLE, SPEAKER = "1016", "1017", "1010"  # of the hall; the last speaks English
LEADER = "2001"  # here a supervisor, of a pool of their own
PATIENCE = 5.4  # seconds: whoever leaves sooner is not called back
TIMES = tuple(map(str, (*(prompt for _, prompt in WAITS), BEYOND_WAITS)))
BACK = ("called", "busy", "again")  # who give up, in this order, and are to be called back
WITHIN_MS = 15_000  # GB/T 33358
LISTED, FOREIGN = "13800010001", "13800010002"
SUB_CENTRE, SILENT = "tobacco", "environment-seats"  # that share the skills of 12318 and 12369
OTHERWISE = {
    "lower_level_after: 5 s ": "lower_level_after: 1 s ",
    "any_agent_after: 10 s ": "any_agent_after: 2 s ",
    "  after: 20 s ": "  after: 4 s ",
    "\nvoicemail:": "\nhelp_out: {supervisors: leaders, supervisors_after: 3 s, shared_after: 6 s}\n\nvoicemail:",
    "wait: departures ": "wait: last ",
    "after: [5 min, 30 min, 120 min] ": "after: [1 s] ",
    "  from: 08:00 ": "  from: 00:00 ",
    "  until: 21:00\n": "  until: 24:00\n",
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
    lists: list[list[Any]] = field(default_factory=list)
    """Who is to be called back: after they have given up, after the one try, and once all have talked."""
    told: str = ""
    """What the command line says of the second of these."""
    detours_told: int = 0
    """How often the one who came back from elsewhere was told that they go there."""
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
        names = ("first", "shared", "returned", "listed", "foreign", *BACK, "before", "after", "quick")
        story.people = people = {name: await office.citizen() for name in names}
        people["listed"].name, people["foreign"].name = LISTED, FOREIGN
        await office.opens((BUSY, IDLE, SPEAKER, LEADER), ready=False)
        await _wait(people)
        await _come_in_turn(office, story)
        await _come_again(office, story)
        await _give_up(office, story)
        await _have_their_place(office, story)
        await _hears_the_last_one_s_wait(office, story)
        try:
            await house.is_quiet()
        except AssertionError as leak:
            story.left = str(leak)
    names_of = {citizen.name: name for name, citizen in people.items()}
    story.rung = [(names_of[caller], agent) for _, caller, agent in office.rung]

    async def each_talk_has_its_record() -> bool:
        for name, citizen in people.items():
            story.records[name] = sorted(await house.records(citizen.name), key=lambda each: each.arrived)
        talks = [each for records in story.records.values() for each in records if each.agent is not None]
        return len(talks) == len([name for name, had in story.had.items() for _ in had]) + len(["called"])

    await eventually(each_talk_has_its_record, 10, "a record of every talk", every=0.2)
    story.lists.append(await house.controller("callbacks"))
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
    await _pause(office, LEADER)
    await listed.hangs_up()
    await returned.hangs_up()
    await _talks(office, story, "first", "12345")
    for citizen in (first, returned, listed):
        citizen.was_never_in_silence()
    assert await asyncio.to_thread(first.times_heard, "position-next") == 1
    story.detours_told = await asyncio.to_thread(returned.times_heard, "overflow-target")


async def _come_again(office: Office, story: Story) -> None:
    """Who calls again has the same agent, who speaks no Chinese one who speaks English, though others wait longer.

    Whose agent is with somebody else by then has another, who is free.
    """
    for agent in (IDLE, SPEAKER):
        await _ready(office, agent)
    people = story.people
    await people["first"].hangs_up()
    await office.house.record(people["first"].name)
    await people["first"].dials("12345")
    await asyncio.gather(people["foreign"].dials("12345"), _talks(office, story, "first", "12345"))
    await _talks(office, story, "foreign", "12345")
    await people["returned"].dials("12345")
    await _talks(office, story, "returned", "12345")
    for agent in (BUSY, IDLE, SPEAKER):
        await _pause(office, agent)
    for name in ("first", "foreign", "returned"):
        await people[name].hangs_up()


async def _give_up(office: Office, story: Story) -> None:
    """Nobody is ready.  One waits, three give up after them and are to be called back, another one waits."""
    people = story.people
    await people["before"].dials("12345")
    for name in BACK:
        await office.house.reaches(people[name])
        await people[name].dials("12345")
    await passes(PATIENCE)
    for name in BACK:
        await people[name].hangs_up()
    await people["after"].dials("12345")

    async def are_to_be_called() -> bool:
        return len(await office.house.controller("callbacks")) == len(BACK)

    await eventually(are_to_be_called, 10, "all who gave up are to be called back")
    story.lists.append(await office.house.controller("callbacks"))


async def _have_their_place(office: Office, story: Story) -> None:
    """One agent has them all, in turn: one is called back, one is busy then, one calls again by themselves."""
    house, people = office.house, story.people
    again = people["again"]
    await again.dials("12345")
    await _ready(office, BUSY)
    await _has_somebody(office, story, "before")
    await people["before"].hangs_up()
    called = people["called"]
    agent = (await office.rings_for(called)).answers()
    await agent.hears("whisper-callback", within=5)
    (await called.is_called()).picks_up()
    await called.hears_person(agent)
    await agent.hears_person(called)
    await called.hangs_up()
    agent = (await office.rings_for(people["busy"])).answers()
    (await people["busy"].is_called()).ring.reject(486)
    await agent.is_hung_up()
    await _has_somebody(office, story, "again")
    story.lists.append(await house.controller("callbacks"))
    story.told = await asyncio.to_thread(house.hotline, "callbacks")
    await again.hangs_up()
    await _has_somebody(office, story, "after")


async def _hears_the_last_one_s_wait(office: Office, story: Story) -> None:
    """All but one wait for long; whoever comes after the one who did not hears of a short wait."""
    people = story.people
    await people["quick"].dials("12345")
    await people["quick"].hears("position-next", within=15)  # so supervisors are asked, too, as when the others went
    await passes(1.0)  # it is known by most of it: its end is not to be taken for the beginning of what follows
    await _ready(office, IDLE)
    await _has_somebody(office, story, "quick")
    told = people["busy"]
    await told.dials("12345")
    await told.hears("position-next", within=15)
    await told.hears("wait-1")
    for name in ("after", "quick"):
        await people[name].hangs_up()
    await _has_somebody(office, story, "busy")
    await told.hangs_up()


async def _ready(office: Office, agent: str) -> None:
    await office.house.controller(f"agents/{agent}/ready", method="POST")


async def _pause(office: Office, agent: str) -> None:
    """After the talk in which they are."""
    await office.house.controller(f"agents/{agent}/pause", method="POST", given={"reason": "会议"})


async def _talks(office: Office, story: Story, name: str, line: str) -> None:
    agent = await office.talks(story.people[name], line)
    story.had.setdefault(name, []).append(office.number_of(agent))


async def _has_somebody(office: Office, story: Story, name: str) -> None:
    """Whoever rings for them takes the receiver; both hear each other."""
    citizen = story.people[name]
    agent = (await office.rings_for(citizen)).answers()
    await citizen.hears_person(agent)
    await agent.hears_person(citizen)
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
    record = story.records["returned"][0]
    assert (record.outcome, record.target, record.skill) == (Outcome.ANSWERED, None, "environment")
    assert story.detours_told == 1
    assert story.had["returned"][0] == BUSY


def test_who_is_listed_comes_first_and_a_supervisor_helps_the_hall_out(story: Story) -> None:
    assert story.had["listed"] == [LEADER]
    assert story.records["listed"][0].pool == "leaders"


def test_who_calls_again_comes_to_the_same_agent_though_others_are_idle_for_longer(story: Story) -> None:
    assert story.had["first"] == [BUSY, BUSY]


def test_whose_agent_is_with_somebody_else_has_another_one_at_once(story: Story) -> None:
    assert story.had["returned"] == [BUSY, IDLE]
    again = story.records["returned"][1]
    assert again.offers == 1
    assert again.wait_ms is not None
    assert again.wait_ms < WITHIN_MS


def test_who_is_known_for_a_language_comes_to_whoever_speaks_it(story: Story) -> None:
    assert story.had["foreign"] == [SPEAKER]


def test_who_is_called_back_and_who_calls_again_have_their_place_by_their_first_call(story: Story) -> None:
    """Who gave up came after one who waits and before another; the last to call again is no later than before."""
    tasks = {task["call"]: task for task in story.lists[0]}
    for name in BACK:
        came = story.records[name][0]
        assert (came.outcome, tasks[came.call]["why"]) == (Outcome.ABANDONED, "abandoned")
        assert tasks[came.call]["first_entry"] == came.queued
    turns = [name for name, agent in story.rung if agent == BUSY]
    assert turns[turns.index("before") :][:5] == ["before", "called", "busy", "again", "after"]
    arrived = [story.records[name][0].arrived for name in ("before", *BACK, "after")]
    assert arrived == sorted(arrived)
    assert story.records["again"][-1].arrived > arrived[-1]


def test_who_calls_again_while_they_are_to_be_called_has_it_settled_by_the_one_talk(story: Story) -> None:
    came = [each.outcome for each in story.records["again"] if each.direction is Direction.IN]
    assert came == [Outcome.ABANDONED, Outcome.ANSWERED]
    tries = [each for each in story.records["again"] if each.direction is Direction.CALLBACK]
    assert {each.outcome for each in tries} <= {Outcome.WITHDRAWN}, "nobody has called them"


def test_after_the_last_try_a_supervisor_has_it_until_they_have_talked(story: Story) -> None:
    (back,) = [each for each in story.records["busy"] if each.direction is Direction.CALLBACK]
    assert (back.outcome, back.result, back.agent) == (Outcome.UNREACHED, Result.BUSY, None)
    kept = [task for task in story.lists[1] if task["call"] == back.task]
    assert [(task["due"], task["tries"]) for task in kept] == [(None, ["busy"])]
    (line,) = [line for line in story.told.splitlines() if "supervisor" in line]
    assert "busy" in line
    assert story.records["busy"][-1].outcome is Outcome.ANSWERED
    assert story.lists[2] == []


def test_the_wait_of_whoever_was_served_last_is_what_the_next_one_hears(story: Story) -> None:
    said = story.records["busy"][-1].prompts
    assert said[:3] == ("greeting-12345", "position-next", "wait-1")
    assert not set(said) & {time for time in TIMES if time != "wait-1"}


def test_nobody_else_is_rung_and_nothing_is_left(story: Story) -> None:
    called = [("called", BUSY), ("busy", BUSY)]  # by us
    assert sorted(story.rung) == sorted([(name, agent) for name, had in story.had.items() for agent in had] + called)
    assert story.left == ""
