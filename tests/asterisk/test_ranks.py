"""Whose turn it is, on a real Asterisk: who has a head start, who waits behind others, and for whom others are asked.

One house in whose hall nobody is ready but when the story says so.  Each who waits hears their place, and the time once
it is known; then the agents come, and what each hears says whose turn it was.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ivr.facts import CallRecord, Outcome
from routing.estimate import BEYOND_WAITS, LEAST_DEPARTURES, WAITS
from routing.prompts import CALLBACK_OFFER
from tests.asterisk.house import House, opened, written_city
from tests.asterisk.office import Office
from tests.asterisk.phones import Agent, Citizen
from tests.asterisk.switch import amended
from tests.asterisk.waiting import eventually

pytestmark = pytest.mark.asterisk

MERGED = "2022-03-02T10:00"  # after the transition, whose sentences are long
HALL, GOOD, LOWER = "1016", "1001", "1004"  # of the hall: no skill, the housing fund's level 5, and its level 1
LAWYER = "2011"  # of a pool to which the hall overflows
NOVICE, HELPER = "2001", "2002"  # of a pool that shares the skill of 12318: without it, and with it
URGENT = "9670"  # a line whose callers have a head start
LOWER_AFTER_MS, ANYONE_AFTER_MS = 1_000, 10_000
LASTS_S = 30  # a confirmed nuisance
TIMES = tuple(map(str, (*(prompt for _, prompt in WAITS), BEYOND_WAITS)))
OTHERWISE = {
    "lower_level_after: 5 s ": f"lower_level_after: {LOWER_AFTER_MS} ms ",
    "any_agent_after: 10 s ": f"any_agent_after: {ANYONE_AFTER_MS} ms ",
    "  after: 20 s ": "  after: 8 s ",  # all who wait have come by then
    "\nvoicemail:": "\nhelp_out: {shared_after: 10 s}\n\nvoicemail:",
    "lasts: 30 d ": f"lasts: {LASTS_S} s ",
    "{name: 文旅, good: 3}": "{name: 文旅, good: 3, shared_by: [helpers]}",
    "\npools:\n": "\npools:\n  helpers: {name: 试验}\n",
    "hours: always, wrap_up: 0 s}": "hours: always, wrap_up: 0 s, overflow: {to: law, expected: 5 min}}",
    "seat: 8101, works_in: {safety: {}}": "seat: 8101, works_in: {helpers: {}}",
    "seat: 8102, works_in: {safety: {}}": "seat: 8102, works_in: {helpers: {culture: 2}}",
}
LINE = f"""
  - number: {URGENT}
    name: 试验{URGENT}
    short: 试验
    department: 市应急管理局
    seats: none
    answered_by: hall
    priority: 1 min
"""


@dataclass
class Story:
    """Who talked with whom, in turn, and what was written down of it."""

    people: dict[str, Citizen] = field(default_factory=dict)
    had: list[tuple[str, str]] = field(default_factory=list)
    rung: list[tuple[str, str]] = field(default_factory=list)
    """Whose phone rang for whom."""
    records: dict[str, list[CallRecord]] = field(default_factory=dict)
    cases: list[Any] = field(default_factory=list)
    """The numbers that are marked: once an agent has said so, and once a supervisor has agreed."""
    audited: str = ""
    left: str = ""

    def agents_of(self, name: str) -> list[str]:
        """Whom somebody talked with."""
        return [agent for who, agent in self.had if who == name]


def city(folder: Path) -> Path:
    """A city's files in `folder`: ours, where help comes soon, and a nuisance is soon forgotten."""
    texts = amended(OTHERWISE)
    texts["lines.yaml"] += LINE
    return written_city(folder, texts)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("a city of ranks")
    with opened(folder / "state of it", HOTLINE_CONFIG=str(city(folder / "city"))) as house:
        yield asyncio.run(_lives(house))


async def _lives(house: House) -> Story:
    story = Story()
    async with Office(house) as office:
        names = "pest", "plain", "urgent", "sent", "shared", "second", "third", "expert", "lower", "anyone"
        story.people = {name: await office.citizen() for name in names}
        await office.opens((HALL, GOOD, LOWER), ready=False)
        await office.opens((LAWYER, NOVICE, HELPER))
        await _is_a_nuisance(office, story)
        await _wait_without_a_time(office, story)
        await _come_in_turn(office, story)
        await _wait_with_a_time(office, story)
        await _climb(office, story)
        try:
            await house.is_quiet()
        except AssertionError as leak:
            story.left = str(leak)
    names_of = {citizen.name: name for name, citizen in story.people.items()}
    story.rung = [(names_of[caller], agent) for _, caller, agent in office.rung]

    async def each_call_has_its_record() -> bool:
        for name, citizen in story.people.items():
            story.records[name] = sorted(await house.records(citizen.name), key=lambda each: each.arrived)
        return sum(map(len, story.records.values())) == len(story.had)

    await eventually(each_call_has_its_record, 10, "a record of every call", every=0.2)
    return story


async def _is_a_nuisance(office: Office, story: Story) -> None:
    """An agent marks a caller, a supervisor agrees."""
    house, pest = office.house, story.people["pest"]
    await _ready(office, HALL)
    await pest.dials("12345", at=MERGED)
    agent = await _talks(office, story, "pest", "12345")
    await house.controller(f"agents/{HALL}/talk/nuisance", method="POST")
    await pest.hears("nuisance-warning")
    await _pause(office, HALL)
    await _leaves(pest, agent)
    (marked,) = await house.controller("nuisances")
    (confirmed,) = await house.controller(f"nuisances/{marked['call']}/confirm", method="POST")
    story.cases += [marked, confirmed]
    story.audited = await asyncio.to_thread(house.hotline, "audit", "--json")


async def _wait_without_a_time(office: Office, story: Story) -> None:
    """The nuisance calls first, whoever has the greatest head start last; each hears the place that is theirs."""
    people = story.people
    await people["pest"].dials("12345", at=MERGED)
    await people["plain"].dials("12345", at=MERGED)
    await people["urgent"].dials(URGENT, at=MERGED)
    await people["sent"].dials("12345", at=MERGED, diverted_from="110")
    await people["shared"].dials("12318", at=MERGED)
    bands = {"pest": "position-5", "plain": "position-5", "urgent": "position-5", "sent": "position-next"}

    async def hears_their_place(name: str, band: str) -> None:
        await people[name].hears(band, within=30)
        await people[name].hears_music()
        people[name].did_not_hear(*TIMES)

    async def is_helped() -> None:
        await people["shared"].hears("greeting-12318")
        await _leaves(people["shared"], await _talks(office, story, "shared", "12318"))

    await asyncio.gather(is_helped(), *(hears_their_place(*each) for each in bands.items()))


async def _come_in_turn(office: Office, story: Story) -> None:
    """One agent takes all four, one after the other."""
    await _ready(office, HALL)
    for name, line in (("sent", "12345"), ("urgent", URGENT), ("plain", "12345"), ("pest", "12345")):
        agent = await _talks(office, story, name, line)
        if name == "pest":
            await _pause(office, HALL)
        await _leaves(story.people[name], agent)


async def _wait_with_a_time(office: Office, story: Story) -> None:
    """So many have been served that a time is known; whose wait would be too long goes elsewhere at once."""
    house, people = office.house, story.people

    async def nobody_is_marked() -> bool:
        return not await house.controller("nuisances")

    await eventually(nobody_is_marked, LASTS_S + 5, "the confirmation has expired", every=0.2)
    for name in ("pest", "second"):
        await people[name].dials("12345", at=MERGED)

    async def hears_a_time(name: str, *said: str) -> None:
        for prompt in said:
            await people[name].hears(prompt, within=30)
        await people[name].hears_music()
        people[name].did_not_hear(*{*TIMES, CALLBACK_OFFER}.difference(said))

    await people["third"].dials("12345", at=MERGED)

    async def is_spared() -> None:
        await _leaves(people["third"], await _talks(office, story, "third", "12345"))

    await asyncio.gather(
        hears_a_time("pest", "position-next", "wait-3"),
        hears_a_time("second", "position-5", "wait-5", CALLBACK_OFFER),
        is_spared(),
    )
    await _ready(office, HALL)
    for name in ("pest", "second"):
        await _leaves(people[name], await _talks(office, story, name, "12345"))


async def _climb(office: Office, story: Story) -> None:
    """Three ask for a skill while somebody without it is idle for longest: first the good, then any who have it."""
    people = story.people
    await _ready(office, GOOD)
    await people["expert"].dials("12329", at=MERGED)
    good = await _talks(office, story, "expert", "12329")
    await people["lower"].dials("12329", at=MERGED)
    await _ready(office, LOWER)
    lower = await _talks(office, story, "lower", "12329")
    await people["anyone"].dials("12329", at=MERGED)
    anyone = await _talks(office, story, "anyone", "12329")
    for name, agent in (("expert", good), ("lower", lower), ("anyone", anyone)):
        await _leaves(people[name], agent)


async def _ready(office: Office, agent: str) -> None:
    await office.house.controller(f"agents/{agent}/ready", method="POST")


async def _pause(office: Office, agent: str) -> None:
    """After the talk in which they are."""
    await office.house.controller(f"agents/{agent}/pause", method="POST", given={"reason": "会议"})


async def _talks(office: Office, story: Story, name: str, line: str) -> Agent:
    agent = await office.talks(story.people[name], line)
    story.had.append((name, office.number_of(agent)))
    return agent


async def _leaves(citizen: Citizen, agent: Agent) -> None:
    citizen.was_never_in_silence()
    await citizen.hangs_up()
    await agent.is_hung_up()


# --- what became of each


def test_a_marked_number_is_slowed_once_a_supervisor_agrees_and_for_a_time(story: Story) -> None:
    marked, confirmed = story.cases
    assert (marked["agents"], marked["until"]) == ([HALL], None)
    assert confirmed["until"] is not None
    assert f"/nuisances/{marked['call']}/confirm" in story.audited


def test_whoever_is_sent_by_an_emergency_desk_comes_first_then_a_line_s_head_start_and_a_nuisance_last(
    story: Story,
) -> None:
    """They have come in the opposite order."""
    came = {name: story.records[name][0].arrived for name in ("sent", "urgent", "plain")}
    came["pest"] = story.records["pest"][1].arrived
    assert sorted(came, key=came.__getitem__) == ["pest", "plain", "urgent", "sent"]
    turns = [name for name, agent in story.had if agent == HALL]
    assert turns[1:5] == ["sent", "urgent", "plain", "pest"]


def test_a_nuisance_is_never_refused_and_once_it_has_expired_nobody_passes(story: Story) -> None:
    records = story.records["pest"]
    assert [(each.outcome, each.agent) for each in records] == [(Outcome.ANSWERED, HALL)] * 3
    assert [name for name, agent in story.had if agent == HALL][5:7] == ["pest", "second"]


def test_with_too_few_departures_their_place_is_said_and_no_time(story: Story) -> None:
    for name, place in (("sent", "position-next"), ("urgent", "position-5"), ("plain", "position-5")):
        said = story.records[name][0].prompts
        assert place in said
        assert not set(said) & set(TIMES)


def test_after_five_departures_the_time_is_said_in_bands(story: Story) -> None:
    served = [name for name, agent in story.had if agent == HALL][:LEAST_DEPARTURES]
    assert served == ["pest", "sent", "urgent", "plain", "pest"]
    assert {"position-next", "wait-3"} <= set(story.records["pest"][2].prompts)
    assert {"position-5", "wait-5"} <= set(story.records["second"][0].prompts)


def test_a_long_wait_is_met_with_the_offer_to_be_called_back_as_soon_as_it_is_expected(story: Story) -> None:
    said = story.records["second"][0].prompts
    assert said[said.index("wait-5") + 1] == CALLBACK_OFFER


def test_whose_wait_is_expected_to_be_long_is_taken_at_once_by_the_pool_to_which_the_hall_overflows(
    story: Story,
) -> None:
    (record,) = story.records["third"]
    assert (record.outcome, record.agent, record.pool) == (Outcome.ANSWERED, LAWYER, "law")
    assert [name for name, agent in story.rung if agent == LAWYER] == ["third"], "who was there before waits on"


def test_a_pool_that_shares_the_skill_helps_out_by_those_who_have_it(story: Story) -> None:
    (record,) = story.records["shared"]
    assert (record.outcome, record.agent, record.pool, record.skill) == (
        Outcome.ANSWERED, HELPER, "helpers", "culture",
    )  # fmt: skip
    assert NOVICE not in {agent for _, agent in story.rung}


def test_a_lower_level_of_the_skill_is_asked_before_anybody_of_the_hall(story: Story) -> None:
    assert [story.agents_of(name) for name in ("expert", "lower", "anyone")] == [[GOOD], [LOWER], [HALL]]
    for name, least_ms in (("lower", LOWER_AFTER_MS), ("anyone", ANYONE_AFTER_MS)):
        (record,) = story.records[name]
        assert record.rang is not None
        assert record.queued is not None
        assert record.rang - record.queued >= least_ms


def test_nobody_else_is_rung_and_nothing_is_left(story: Story) -> None:
    assert story.rung == story.had
    assert story.left == ""
