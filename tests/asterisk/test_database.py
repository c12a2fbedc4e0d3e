"""The database stands still, or dies: calls go the same way, and their records are there, once, when it is back."""

import asyncio

import pytest

from ivr.facts import Outcome
from tests.asterisk.house import House
from tests.asterisk.office import MANY_SIDED, Office
from tests.asterisk.phones import Citizen

pytestmark = pytest.mark.asterisk


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


async def test_calls_do_not_wait_for_a_database_that_stands_still(house: House) -> None:
    async with Office(house) as office:
        await office.opens(MANY_SIDED[:2])
        with house.frozen("postgres"):
            citizens = await asyncio.gather(a_call(office), a_call(office))
        for citizen in citizens:
            assert (await house.record(citizen.name, within=20)).outcome is Outcome.ANSWERED
        await house.is_quiet()
    await house.signs_out(*office.staff)


async def test_calls_do_not_need_a_database_that_dies(house: House) -> None:
    async with Office(house) as office:
        await office.opens(MANY_SIDED[:1])
        old = house.kills("postgres")
        citizen = await a_call(office)
        await house.has_restarted("postgres", old)
        assert (await house.record(citizen.name, within=20)).outcome is Outcome.ANSWERED
        await house.is_quiet()
    await house.signs_out(*office.staff)
