"""Who is cut off while those who should see it are dead, Asterisk or the controller, is called back all the same."""

import asyncio
from typing import Any

import pytest

from ivr.facts import CallRecord, Outcome
from routing.callbacks import CUT, Why
from tests.asterisk.house import House
from tests.asterisk.office import MANY_SIDED, Office
from tests.asterisk.waiting import eventually

pytestmark = pytest.mark.asterisk


async def is_to_be_called_back(house: House, record: CallRecord, within: float = 5) -> dict[str, Any]:
    """The task that this call has made; it is settled for the tests that follow."""
    found: list[dict[str, Any]] = []

    async def is_there() -> bool:
        found[:] = [task for task in await house.controller("callbacks") if task["call"] == record.call]
        return bool(found)

    await eventually(is_there, within, f"a task of {record}", every=0.2)
    await house.controller(f"callbacks/{record.call}/settle", method="POST")
    return found[0]


async def test_an_asterisk_that_dies_cuts_a_talk_and_a_greeting_and_both_citizens_are_called_back(house: House) -> None:
    async with Office(house) as office:
        await office.opens(MANY_SIDED[:1])
        talks, listens = await office.citizen(), await office.citizen()
        await talks.dials("12345")
        agent = await office.talks(talks, "12345")
        await listens.dials("12345")
        await listens.begins_to_hear_something()
        old = house.kills("asterisk")
        await house.has_restarted("asterisk", old)
        cut, early = [await house.record(citizen.name, within=20) for citizen in (talks, listens)]
        assert (cut.outcome, early.outcome) == (Outcome.ANSWERED, Outcome.ABANDONED)
        assert {cut.cause, early.cause} <= CUT
        tasks = [await is_to_be_called_back(house, record) for record in (cut, early)]
        assert [task["why"] for task in tasks] == [Why.CUT] * 2
        assert tasks[0]["agent"] == office.number_of(agent)
        await asyncio.gather(talks.hangs_up(), listens.hangs_up(), agent.hangs_up())
        await house.is_quiet()
    await house.signs_out(*office.staff)


async def test_who_is_cut_off_by_the_network_while_the_controller_is_dead_is_called_back_and_who_hangs_up_is_not(
    house: House,
) -> None:
    async with Office(house) as office:
        await office.opens(MANY_SIDED[:2])
        cut, content = await office.citizen(), await office.citizen()
        agents = []
        for citizen in (cut, content):
            await citizen.dials("12345")
            agents.append(await office.talks(citizen, "12345"))
        old = house.kills("controller")
        await asyncio.gather(house.cuts_off(cut), content.hangs_up())
        await house.has_restarted("controller", old)
        records = [await house.record(citizen.name, within=20) for citizen in (cut, content)]
        assert [(each.outcome, each.cause) for each in records] == [(Outcome.ANSWERED, 41), (Outcome.ANSWERED, 16)]
        task = await is_to_be_called_back(house, records[0])
        assert (task["why"], task["agent"]) == (Why.CUT, office.number_of(agents[0]))
        assert records[1].call not in [each["call"] for each in await house.controller("callbacks")]
        for agent in agents:
            await agent.is_hung_up()
        await house.is_quiet()
    await house.signs_out(*office.staff)


async def test_whom_survival_has_when_asterisk_dies_is_called_back_and_it_is_told_that_they_reached_nobody(
    house: House,
) -> None:
    async with Office(house) as office:
        citizen = await office.citizen()
        await citizen.dials("12345")
        await citizen.begins_to_hear_something()
        (channel,) = [each["id"] for each in await house.ari("channels") if each["name"].startswith("PJSIP/town-")]
        await house.ari(f"channels/{channel}/continue?context=survival&extension=s&priority=1", method="POST")
        record = await house.record(citizen.name)
        assert (record.outcome, record.reached) == (Outcome.SURVIVAL, None)
        line = house.state / "census" / "provisional" / record.call
        await eventually(lambda: "survival" in line.read_text() if line.exists() else False, 10, "it is in survival")
        old = house.kills("asterisk")
        await house.has_restarted("asterisk", old)
        task = await is_to_be_called_back(house, record, within=30)
        assert task["why"] == Why.MISSED
        assert not line.exists()

        async def is_told() -> bool:
            shown = (await house.controller("calls"))["ended"]
            return [each["reached"] for each in shown if each["call"] == record.call] == ["nobody"]

        await eventually(is_told, 10, "it is told whom they reached", every=0.2)
        await citizen.hangs_up()
        await house.is_quiet()
