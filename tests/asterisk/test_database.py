"""The database stands still, or dies: calls go the same way, and their records are there, once, when it is back."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator
from itertools import chain
from typing import Any

import msgspec
import pytest

from ivr.edge.disk import whole_lines
from ivr.entries import Entry, trusted
from ivr.facts import CallRecord, Outcome, Party, Stage, Talked
from ivr.journal import RECORD, RECORDING
from tests.asterisk.house import House
from tests.asterisk.office import HALL, MANY_SIDED, SAFETY, SKILLED, Office, city, seat_of
from tests.asterisk.phones import Agent, Citizen
from tests.asterisk.waiting import eventually

pytestmark = pytest.mark.asterisk

Known = tuple[Citizen, dict[str, Any]]
"""Whose call it was, and what its record must say."""

MOMENTS = ("answered", "queued", "rang", "prompts_ended", "connected", "released", "ended")
"""Of a call, in the order in which they come; `prompts_ended` may be a moment later than the two after it."""
WAITS = ("wait_ms", "since_answer_ms", "since_prompt_end_ms", "talk_ms")
NIGHT = "2021-09-15T22:30"


async def a_call(office: Office) -> Citizen:
    """From dialling to hanging up."""
    citizen = await office.citizen()
    await citizen.dials("12345")
    await citizen.hears("greeting-12345")
    agent = await office.talks(citizen, "12345")
    await citizen.hangs_up()
    await agent.is_hung_up()
    citizen.was_never_in_silence()
    return citizen


# --- every kind of call, each with what its record must say


async def the_hall_takes_12345(office: Office) -> Known:
    citizen = await dialled(office, "12345", "greeting-12345")
    return citizen, await talked(office, citizen, "12345", pool="hall", asked_pool="hall", offers=1)


async def a_skilled_agent_rejects_12329_and_another_takes_it(office: Office) -> Known:
    citizen = await dialled(office, "12329", "transition-12329")
    first = await office.rings_for(citizen)
    first.rejects()
    return citizen, await talked(
        office, citizen, "12329", pool="hall", asked_pool="hall", skill="housing-fund", offers=2
    )


async def the_hall_takes_12350_by_night(office: Office) -> Known:
    citizen = await dialled(office, "12350", "transition-12350", at=NIGHT)
    return citizen, await talked(office, citizen, "12350", pool="hall", asked_pool="hall", offers=1)


async def the_hall_takes_12316_as_the_centre_is_closed(office: Office) -> Known:
    citizen = await dialled(office, "12316", "closed-12316", at=NIGHT)
    said = ("closed-12316",)
    return citizen, await talked(office, citizen, "12316", pool="hall", asked_pool="hall", offers=1, prompts=said)


async def a_number_nobody_knows_is_12345_and_marked(office: Office) -> Known:
    citizen = await dialled(office, "12399", "greeting-12345")
    return citizen, await talked(
        office, citizen, "12345", dialled="12399", marked="unknown-number", pool="hall", asked_pool="hall", offers=1
    )


async def what_a_trunk_that_is_trusted_forwards_from_12329_is_of_that_line(office: Office) -> Known:
    citizen = await dialled(office, "12345", "transition-12329", diverted_from="12329")
    more = {"dialled": "12345", "diverted_from": "12329", "skill": "housing-fund"}
    return citizen, await talked(office, citizen, "12329", pool="hall", asked_pool="hall", offers=1, **more)


async def a_citizen_leaves_in_the_greeting(office: Office) -> Known:
    citizen = await office.citizen()
    await citizen.dials("031012345")
    await citizen.begins_to_hear_something()
    await citizen.hangs_up()
    return citizen, known(
        citizen, "12345", "031012345", outcome=Outcome.ABANDONED, stage=Stage.GREETING, asked_pool="hall", cause=16,
        prompts=(),
    )  # fmt: skip


async def the_hall_takes_12316_as_the_centre_fails(office: Office, citizen: Citizen) -> Known:
    await citizen.hears("return-hall", within=30)
    said = ("transfer-12316", "return-hall")
    return citizen, await talked(office, citizen, "12316", pool="hall", asked_pool="hall", offers=1, prompts=said)


async def the_centre_takes_12316(office: Office, citizen: Citizen) -> Known:
    await citizen.hears("town-agriculture", within=30)
    await citizen.hangs_up()
    citizen.was_never_in_silence()
    return citizen, known(
        citizen, "12316", "12316", outcome=Outcome.TRANSFERRED, released_by=Party.CITIZEN, target="agriculture",
        cause=16, prompts=("transfer-12316",),
    )  # fmt: skip


CENTRE: dict[str, Callable[[Office, Citizen], Awaitable[Known]]] = {
    "no-answer": the_hall_takes_12316_as_the_centre_fails,
    "release": the_hall_takes_12316_as_the_centre_fails,
    "answer": the_centre_takes_12316,
}


async def calls_to_the_centre(office: Office) -> list[Known]:
    """As it does not answer, lets go at once, and answers: each is dialled as the one before has reached its phone."""
    lives = []
    for behaviour, then in CENTRE.items():
        await office.house.centre("agriculture", behaviour)
        before = set(await legs(office.house))
        citizen = await office.citizen()
        await citizen.dials("12316")
        await eventually(lambda: is_reached(office.house, before), 10, f"the centre is to {behaviour}")  # noqa: B023 - awaited at once
        lives.append(asyncio.create_task(_life(then, office, citizen), name=behaviour))
    return await asyncio.gather(*lives)


async def _life(then: Callable[[Office, Citizen], Awaitable[Known]], office: Office, citizen: Citizen) -> Known:
    await citizen.hears("transfer-12316")
    return await then(office, citizen)


async def legs(house: House) -> list[str]:
    """The legs to centres whose phones ring, or are answered."""
    channels = await house.ari("channels")
    return [each["id"] for each in channels if "-transfer-" in each["id"] and each["state"] in {"Ringing", "Up"}]


async def is_reached(house: House, before: set[str]) -> bool:
    return not before.issuperset(await legs(house))


async def two_of_12350(office: Office) -> tuple[Citizen, Citizen]:
    """One has dialled as nobody sat at its seats, the other as one did; then another sits down there."""
    out = await office.citizen()
    await out.dials("12350")
    await eventually(lambda: is_reserved(office, HALL), 10, "somebody of the hall is meant for them")
    await office.opens(SAFETY[:1])
    unanswered = await office.citizen()
    await unanswered.dials("12350")
    await eventually(lambda: is_reserved(office, SAFETY), 10, f"{SAFETY[0]} is meant for them")
    await office.opens(SAFETY[1:2])
    return out, unanswered


async def is_reserved(office: Office, agents: Collection[str]) -> bool:
    """Whether a call is meant for one of these, whose phone does not ring yet."""
    return any(now == "reserved" and agent in agents for agent, now in (await office.house.agents()).items())


async def the_hall_takes_12350_as_nobody_sits_at_its_seats(office: Office, citizen: Citizen) -> Known:
    await citizen.hears("transition-12350")
    return citizen, await talked(office, citizen, "12350", pool="hall", asked_pool="safety", offers=1)


async def the_hall_takes_12350_as_nobody_answers_at_its_seats(office: Office, citizen: Citizen) -> Known:
    own = await office.rings_for(citizen)
    assert office.number_of(own) == SAFETY[0]
    own.ring.ignore()
    await citizen.hears("transition-12350")
    return citizen, await talked(office, citizen, "12350", pool="hall", asked_pool="safety", offers=2)


async def the_bureau_s_own_seat_takes_12350(office: Office) -> Known:
    citizen = await dialled(office, "12350", "transition-12350")
    agent = await office.talks(citizen, "12350")
    number = office.number_of(agent)
    assert number == SAFETY[1]
    await office.house.controller(
        f"agents/{number}/pause", method="POST", given={"reason": "会议"}
    )  # one call is enough
    return citizen, await parted(office, citizen, agent, "12350", pool="safety", asked_pool="safety", offers=1)


SCENES = (
    the_hall_takes_12345,
    a_skilled_agent_rejects_12329_and_another_takes_it,
    the_bureau_s_own_seat_takes_12350,
    the_hall_takes_12350_by_night,
    the_hall_takes_12316_as_the_centre_is_closed,
    a_number_nobody_knows_is_12345_and_marked,
    what_a_trunk_that_is_trusted_forwards_from_12329_is_of_that_line,
    a_citizen_leaves_in_the_greeting,
)


async def dialled(office: Office, number: str, prompt: str, **how: str) -> Citizen:
    """A citizen who has dialled, and has heard what is said first."""
    citizen = await office.citizen()
    await citizen.dials(number, **how)
    await citizen.hears(prompt)
    return citizen


async def talked(office: Office, citizen: Citizen, line: str, **more: Any) -> dict[str, Any]:
    """Citizen and agent talk, the citizen hangs up: what of it must stand in the record."""
    return await parted(office, citizen, await office.talks(citizen, line), line, **more)


async def parted(office: Office, citizen: Citizen, agent: Agent, line: str, **more: Any) -> dict[str, Any]:
    await citizen.hangs_up()
    assert (await agent.is_hung_up()).cause == 16
    citizen.was_never_in_silence()
    number = office.number_of(agent)
    says: dict[str, Any] = {"released_by": Party.CITIZEN, "agent": number, "seat": seat_of(number), "cause": 16} | more
    return known(citizen, line, says.pop("dialled", line), outcome=Outcome.ANSWERED, **says)


def known(citizen: Citizen, line: str, dialled: str, **more: Any) -> dict[str, Any]:
    """What any record of the morning says, and more."""
    about = city().lines[line]
    phase = "transition" if about.transition else "merged"
    first = f"{'transition' if about.transition else 'greeting'}-{line}"
    usual = {"line": line, "name": about.name, "phase": phase, "dialled": dialled, "prompts": (first,), "trunk": "town"}
    return usual | {"caller": citizen.name, "node": city().site.node} | more


# --- and what the database has of them


def journalled(house: House) -> Iterator[Entry]:
    """What the journal has on the disk."""
    return trusted(whole_lines(house.state / "journal" / "journal"))


def finished(house: House, citizens: list[str]) -> dict[str, list[Entry]]:
    """What is written of these citizens' calls that are over, recordings too: by citizen."""
    entries = list(journalled(house))
    records = [msgspec.json.decode(each.body, type=CallRecord) for each in entries if each.topic == RECORD]
    calls = {record.caller: record for record in records if record.caller in citizens}
    kept = {each.key for each in entries if each.topic == RECORDING}
    return {
        citizen: [each for each in entries if each.key == record.call]
        for citizen, record in calls.items()
        if record.connected is None or record.call in kept
    }


def is_as_it_was(record: CallRecord, says: dict[str, Any]) -> None:
    """Every field is what must stand there; of moments and spans, that they follow from each other."""
    moments = {name: getattr(record, name) for name in (*MOMENTS, "arrived", "moment", "rehearsal")}
    talks: tuple[Talked, ...] = ()
    if record.outcome is Outcome.ANSWERED:
        assert record.agent is not None
        assert record.connected is not None
        assert record.released is not None
        talks = (Talked(record.agent, record.connected, record.released),)
    waits = {
        "wait_ms": span(record.queued, record.connected or record.ended),
        "since_answer_ms": span(record.answered, record.connected),
        "since_prompt_end_ms": span(record.prompts_ended, record.connected),
        "talk_ms": span(record.connected, record.released),
    }
    recording = f"{record.call}." if record.connected is not None else ""
    assert record.recording.startswith(recording)
    assert bool(record.recording) is bool(recording)
    whole = CallRecord(**{"call": record.call, "recording": record.recording, "talks": talks} | moments | waits | says)
    assert msgspec.to_builtins(record) == msgspec.to_builtins(whole)


def span(begins: int | None, ends: int | None) -> int | None:
    return None if begins is None or ends is None else max(0, ends - begins)


async def test_every_call_goes_the_same_way_and_is_there_once_and_whole_when_the_database_is_back(house: House) -> None:
    try:
        async with Office(house) as office:
            await office.opens((*SKILLED, *HALL[8:]))
            with house.frozen("postgres"):
                out, unanswered = await two_of_12350(office)
                lives = (
                    the_hall_takes_12350_as_nobody_sits_at_its_seats(office, out),
                    the_hall_takes_12350_as_nobody_answers_at_its_seats(office, unanswered),
                    *(scene(office) for scene in SCENES),
                )
                lived = [*chain(*await asyncio.gather(calls_to_the_centre(office), asyncio.gather(*lives)))]
                citizens = [citizen.name for citizen, _ in lived]
                await eventually(lambda: len(finished(house, citizens)) == len(lived), 30, "all is in the journal")
                written = finished(house, citizens)
            for citizen, says in lived:
                record = await house.record(citizen.name, within=30)
                if record.connected is not None:
                    await house.recording(citizen.name)
                    record = await house.record(citizen.name)
                is_as_it_was(record, says)
                assert await house.facts(record.call) == [(each.seq, each.topic) for each in written[citizen.name]]
            await house.is_quiet()
        await house.signs_out(*office.staff)
    finally:
        await house.centre("agriculture", "answer")


async def test_calls_do_not_need_a_database_that_dies(house: House) -> None:
    async with Office(house) as office:
        await office.opens(MANY_SIDED[:1])
        old = house.kills("postgres")
        citizen = await a_call(office)
        await house.has_restarted("postgres", old)
        assert (await house.record(citizen.name, within=20)).outcome is Outcome.ANSWERED
        await house.is_quiet()
    await house.signs_out(*office.staff)
