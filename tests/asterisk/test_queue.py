"""Waiting in the queue, whole: what a caller hears between the music, on a real Asterisk."""

import asyncio

import pytest

from ivr.facts import Outcome
from tests.asterisk.house import House
from tests.asterisk.office import Act, Office

pytestmark = pytest.mark.asterisk

BUSY = "1016"

one_is_in = Act()


@one_is_in
async def who_waits_hears_their_place_between_the_music_and_then_the_agent(office: Office) -> None:
    await office.house.controller(f"agents/{BUSY}/pause", method="POST", given={"reason": "用餐"})
    citizen = await office.citizen()
    await citizen.dials("12345")
    await citizen.hears("greeting-12345")
    await citizen.hears("position-next", within=45)
    await citizen.hears_music()
    await office.house.controller(f"agents/{BUSY}/ready", method="POST")
    agent = await office.talks(citizen, "12345")
    await citizen.hangs_up()
    assert (await agent.is_hung_up()).cause == 16
    citizen.was_never_in_silence()
    assert citizen.times_heard("position-next") == 1
    record = await office.house.record(citizen.name)
    assert (record.outcome, record.agent) == (Outcome.ANSWERED, BUSY)
    assert record.prompts[:2] == ("greeting-12345", "position-next")  # and the wait, where enough calls came before


def test_who_waits_hears_their_place(house: House) -> None:
    played = asyncio.run(one_is_in.play(house, (BUSY,)))
    for scene in one_is_in.names:
        played.check(scene)
    assert played.left == ""
