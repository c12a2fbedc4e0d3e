"""Sixty callers at once on twenty agents, real signalling and sound: each answered once, in order, by one alone."""

import asyncio
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from ivr.facts import CallRecord, Outcome
from ivr.town import audio
from ivr.town.rtp import RATE
from tests.asterisk.house import House
from tests.asterisk.office import HALL, Office
from tests.asterisk.phones import Agent, Citizen
from tests.asterisk.waiting import passes

pytestmark = [pytest.mark.asterisk, pytest.mark.alone]

CALLERS = 60
GAP = 0.05  # seconds between two callers: the order of arrival is beyond doubt
TALK = 1.2  # seconds
TOGETHER = 0.1  # seconds between two phones that were dialled at the same moment
SURVEYED = 20.0  # seconds: whoever is on the line without the agent is asked for a key, and let go, in less


@dataclass
class Rush:
    """What the phones lived through."""

    citizens: list[Citizen]
    rung: list[tuple[float, str, str]]
    staff: dict[str, Agent]
    records: dict[str, CallRecord] = field(default_factory=dict)
    left: str = ""


@pytest.fixture(scope="module")
def rush(house: House) -> Rush:
    return asyncio.run(_rush(house))


async def _rush(house: House) -> Rush:
    async with Office(house) as office:
        await office.opens(HALL)
        citizens = [await office.citizen() for _ in range(CALLERS)]
        async with asyncio.timeout(90), asyncio.TaskGroup() as group:
            for citizen in citizens:
                group.create_task(_served(office, citizen))
                await passes(GAP)
        rush = Rush(citizens, office.rung, office.staff)
        try:
            await house.is_quiet(within=SURVEYED)
        except AssertionError as leak:
            rush.left = str(leak)
    for citizen in citizens:
        rush.records[citizen.name] = await house.record(citizen.name)
    await house.signs_out(*HALL)
    return rush


async def _served(office: Office, citizen: Citizen) -> None:
    """Dial, be answered by whoever rings, talk for a moment once the two hear each other; the agent hangs up."""
    await citizen.dials("12345")
    agent = await office.rings_for(citizen, within=60)
    agent.answers()
    await citizen.hears_person(agent)
    await passes(TALK)
    await agent.hangs_up()
    await citizen.hangs_up()


def test_each_is_answered_once(rush: Rush) -> None:
    assert sorted(caller for _, caller, _ in rush.rung) == sorted(citizen.name for citizen in rush.citizens)
    assert {record.outcome for record in rush.records.values()} == {Outcome.ANSWERED}
    assert {record.offers for record in rush.records.values()} == {1}


def test_they_are_rung_for_in_the_order_of_their_arrival(rush: Rush) -> None:
    """To the millisecond in the records; at the phones, two that are dialled together ring in either order."""
    records = [rush.records[citizen.name] for citizen in rush.citizens]
    assert [record.arrived for record in records] == sorted(record.arrived for record in records)
    offered = [record.rang for record in records if record.rang is not None]
    assert len(offered) == CALLERS
    assert offered == sorted(offered)
    rang = {caller: moment for moment, caller, _ in rush.rung}
    moments = [rang[citizen.name] for citizen in rush.citizens]
    assert all(later > earlier - TOGETHER for earlier, later in pairwise(moments))


def test_no_agent_has_two_calls(rush: Rush) -> None:
    for agent in rush.staff.values():
        calls = sorted(agent.phone.calls, key=lambda call: call.began)
        for one, next_ in pairwise(calls):
            assert one.ended_at is not None
            assert one.ended_at <= next_.began


def test_each_hears_the_agent_of_the_record_and_no_other(rush: Rush) -> None:
    for citizen in rush.citizens:
        record = rush.records[citizen.name]
        end = citizen.heard().samples[-RATE:]
        assert audio.dominant(end[: RATE // 2]) == rush.staff[str(record.agent)].hertz


def test_everybody_is_greeted_and_nobody_waits_in_silence(rush: Rush) -> None:
    for citizen in rush.citizens:
        assert audio.hears(citizen.heard().samples, citizen.place.prompt("greeting-12345")).correlation >= 0.9
        citizen.was_never_in_silence()


def test_nothing_is_left_behind(rush: Rush) -> None:
    assert rush.left == ""
