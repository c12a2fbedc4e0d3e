"""The demo town on the real Asterisk: agents answer, the centre does as told, limits refuse and are counted."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from dialplans.render import desk_phones
from ivr.town.calls import Refused
from routing.config.build import build
from tests.asterisk import switch as house
from tests.asterisk.phones import Phones
from tests.asterisk.switch import Switch
from tests.asterisk.waiting import eventually

pytestmark = [pytest.mark.asterisk, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

CALLS = 2
BUSY, NO_ANSWER, REJECTED, UNALLOCATED, CLEARED = 17, 19, 21, 1, 16


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def switch(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Switch]:
    """Two Asterisks with demo agents; two callers at once at most; no controller."""
    config = build(house.sources())
    site = msgspec.structs.replace(config.site, limits=msgspec.structs.replace(config.site.limits, calls=CALLS))
    state: Path = tmp_path_factory.mktemp("town")
    config = msgspec.structs.replace(config, site=site)
    async with house.running(state, tries=0, config=config, demo_agents=True) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def phones(switch: Switch) -> AsyncIterator[Phones]:
    """Phones of one test."""
    async with Phones(switch) as people:
        yield people


async def registered(switch: Switch) -> int:
    """How many demo agents' phones are in place."""
    async with switch.ari() as session, session.get("endpoints/PJSIP") as reply:
        return sum(each["state"] == "online" for each in await reply.json())


async def answering(switch: Switch) -> str:
    """The seat whose phone is up."""
    seats: list[str] = []

    async def one_is() -> bool:
        async with session.get("channels") as reply:
            up = [channel["name"] for channel in await reply.json() if channel["state"] == "Up"]
        seats[:] = {name.removeprefix("PJSIP/").partition("-")[0] for name in up} & switch.config.site.seats.keys()
        return bool(seats)

    async with switch.ari() as session:
        await eventually(one_is, 20, "a seat has answered", every=0.2)
    return seats[0]


async def test_every_demo_agent_registers_and_one_answers_with_their_own_voice(switch: Switch, phones: Phones) -> None:
    seats = len(desk_phones(switch.config.site))  # a browser is given its secret when its agent signs in

    async def all_are_there() -> bool:
        return await registered(switch) >= seats + len(switch.config.site.trunks)

    await eventually(all_are_there, 20, "everybody is registered", every=0.2)
    citizen = await (await phones.citizen()).dials("12345")
    await citizen.hears("greeting-12345")
    seat = await answering(switch)
    await citizen.hears(f"town-{seat}")
    others = [other.id for other in switch.config.site.seats.values() if other.id != seat and not other.in_range]
    citizen.did_not_hear(*(f"town-{other}" for other in (*others, "seats")))


async def test_one_caller_too_many_is_refused_as_busy_and_counted(switch: Switch, phones: Phones) -> None:
    for _ in range(CALLS):
        await (await phones.citizen()).dials("12345")
    last = await phones.citizen()
    call = await last.starts_dialling("12345")
    with pytest.raises(Refused, match="486"):
        await call.answered(5)
    await eventually(lambda: any(line[2] == last.name and line[7] == "refused" for line in switch.census()), 5)


@pytest.mark.parametrize(
    ("behaviour", "number", "cause"),
    [
        ("busy", "0311-12316", BUSY),
        ("reject", "0311-12316", REJECTED),
        ("no-answer", "0311-12316", NO_ANSWER),
        ("release", "0311-12316", CLEARED),
        ("answer", "0311-99999", UNALLOCATED),
    ],
)
async def test_the_centre_does_as_it_is_told_and_any_other_number_does_not_exist(
    switch: Switch, behaviour: str, number: str, cause: int
) -> None:
    async with switch.town_ari() as town:
        query = {"variable": "TOWN_agriculture", "value": behaviour}
        async with town.post("asterisk/variable", params=query) as reply:
            assert reply.ok
    async with switch.ari() as session, session.ws_connect("events", params={"app": "probe"}) as events:
        query = {"endpoint": f"PJSIP/{number}@town", "app": "probe", "timeout": "2"}
        async with session.post(f"channels/probe-{behaviour}-{number}", params=query) as reply:
            assert reply.ok, await reply.text()
        seen = {}
        async with asyncio.timeout(10):
            while "ChannelDestroyed" not in seen:
                event = await events.receive_json()
                seen[event["type"]] = event
    assert seen["ChannelDestroyed"]["cause"] == cause
    assert ("StasisStart" in seen) == (behaviour == "release")


async def test_a_seat_may_not_dial(switch: Switch, phones: Phones) -> None:
    citizen = await phones.citizen()
    seat = await phones.agent("8020")
    call = await seat.phone.dial("12345", switch.switch)
    with pytest.raises(Refused, match=r"403|603"):
        await call.answered(5)
    assert not citizen.phone.calls
