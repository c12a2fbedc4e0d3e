"""Survival on the real Asterisk: whatever has become of the controller, a caller reaches a person."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from ivr.town.calls import Refused
from tests.asterisk import switch as house
from tests.asterisk.phones import Agent, Citizen, Phones
from tests.asterisk.switch import Switch
from tests.asterisk.waiting import eventually

pytestmark = [pytest.mark.asterisk, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

AFTER = "2022-03-01T09:00"
"""A working morning after the transition, when greetings are short."""
OURS = "handan1-1-back-1"
"""A call of our own."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def switch(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Switch]:
    """Two Asterisks; two tries of a second each before survival."""
    state: Path = tmp_path_factory.mktemp("state with a space")
    async with house.running(state, tries=2) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def phones(switch: Switch) -> AsyncIterator[Phones]:
    """Phones of one test."""
    switch.snapshot()
    async with Phones(switch) as people:
        yield people


class Controller:
    """As much of a controller as survival needs to be saved from: it takes a call and does one thing to it."""

    def __init__(self, session: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.session = session
        self.socket = socket

    async def takes(self) -> dict[str, Any]:
        """The channel of the next call."""
        async with asyncio.timeout(10):
            while True:
                event = await self.socket.receive_json()
                if event["type"] == "StasisStart":
                    channel: dict[str, Any] = event["channel"]
                    return channel

    async def does(self, path: str, **query: str) -> None:
        """One POST that must succeed."""
        async with self.session.post(path, params=query) as reply:
            assert reply.ok, f"{path}: {reply.status} {await reply.text()}"


@pytest_asyncio.fixture(loop_scope="module")
async def controller(switch: Switch) -> AsyncIterator[Controller]:
    """A controller that is connected, and does nothing by itself."""
    async with switch.ari() as session, session.ws_connect("events", params={"app": "hotline"}) as socket:
        yield Controller(session, socket)


async def test_without_a_controller_who_signs_in_at_a_phone_hears_that_it_cannot_be_now(phones: Phones) -> None:
    agent = await (await phones.agent("8002")).dials("*11")
    await agent.hears("seat-not-now")
    await agent.is_hung_up()


async def test_without_a_controller_who_calls_and_whom_we_have_called_reach_a_person_and_the_census_tells(
    switch: Switch, phones: Phones
) -> None:
    agent, own, citizen = await phones.agent("8001"), await phones.agent("8101"), await phones.citizen()
    await asyncio.gather(_calls(citizen, agent), _is_called(switch, own))

    def told() -> list[list[str]]:
        lines = [line for line in switch.census() if citizen.name in line or line[0] == OURS]
        return sorted([line[7], line[6], line[8], line[12]] for line in lines)

    await eventually(lambda: len(told()) == 2, 5, f"{switch.census()}")
    assert told() == [[fate, "ANSWERED", "town", "person"] for fate in ("rescued", "survival")]


async def _calls(citizen: Citizen, agent: Agent) -> None:
    await citizen.dials("12329")
    await citizen.hears("transition-12329")
    (await agent.rings()).answers()
    await citizen.hears_person(agent)
    await agent.hears_person(citizen)
    await citizen.hangs_up()
    await agent.is_hung_up()


async def _is_called(switch: Switch, agent: Agent) -> None:
    """The controller has dialled a number of the town, and is gone when it answers."""
    stamps = {"CALL": OURS, "DIALLED": "12350", "CALLER": "03108095001", "TRUNK": "town", "AT": AFTER}
    where = {"endpoint": "PJSIP/03108095001@town", "context": "dialled", "extension": "s", "priority": "1"}
    body = {"variables": {f"HOTLINE_{name}": value for name, value in stamps.items()}}
    async with switch.ari() as session, session.post("channels", params=where, json=body) as reply:
        assert reply.ok
    (await agent.rings()).answers()
    await agent.hears("town-water")
    await agent.hangs_up()


async def test_a_line_with_seats_of_its_own_rings_them_first_and_the_hall_when_they_are_gone(phones: Phones) -> None:
    own, hall = await phones.agent("8101"), await phones.agent("8002")
    citizen = await (await phones.citizen()).dials("12350", at=AFTER)
    (await own.rings()).answers()
    await citizen.hears_person(own)
    assert not hall.phone.is_ringing
    await citizen.hangs_up()
    await own.is_hung_up()
    await own.phone.unregister()
    second = await (await phones.citizen()).dials("12350", at=AFTER)
    (await hall.rings()).answers()
    await second.hears_person(hall)


async def test_when_the_lease_fires_the_caller_hears_why_and_reaches_a_person(
    phones: Phones, controller: Controller
) -> None:
    agent, citizen = await phones.agent("8003"), await phones.citizen()
    await citizen.starts_dialling("12345")
    channel = (await controller.takes())["id"]
    await controller.does(f"channels/{channel}/answer")
    await controller.does(f"channels/{channel}/moh")
    await controller.does(f"channels/{channel}/variable", variable="HOTLINE_GREETED", value="1")
    await controller.does(f"channels/{channel}/variable", variable="TIMEOUT(absolute)", value="1")
    await citizen.hears("survival-sorry")
    (await agent.rings()).answers()
    await citizen.hears_person(agent)
    citizen.did_not_hear("greeting-12345")


async def test_a_call_that_faults_is_continued_in_survival(phones: Phones, controller: Controller) -> None:
    agent, citizen = await phones.agent("8004"), await phones.citizen()
    await citizen.starts_dialling("0310-12345")
    channel = (await controller.takes())["id"]
    where = {"context": "survival", "extension": "s", "priority": "1"}
    await controller.does(f"channels/{channel}/continue", **where)
    await citizen.hears("greeting-12345")
    (await agent.rings()).answers()
    await citizen.hears_person(agent)


async def test_without_a_snapshot_the_survival_phones_ring(switch: Switch, phones: Phones) -> None:
    switch.forget_snapshot()
    agent = await phones.agent(switch.config.site.survival.seats[0])
    citizen = await (await phones.citizen()).dials("12316")
    await citizen.hears("survival-sorry")
    (await agent.rings()).answers()
    await citizen.hears_person(agent)


async def test_a_phone_that_comes_late_still_gets_the_waiting_caller(phones: Phones) -> None:
    citizen = await (await phones.citizen()).dials("12345")
    await citizen.hears("greeting-12345")
    agent = await phones.agent("8001")
    (await agent.rings(15)).answers()
    await citizen.hears_person(agent)


async def test_a_caller_whose_number_is_a_seats_is_still_a_citizen(phones: Phones) -> None:
    agent, citizen = await phones.agent("8005"), await phones.citizen()
    citizen.name = "8005"
    await citizen.dials("12345")
    (await agent.rings()).answers()
    await citizen.hears_person(agent)
    assert agent.ring.caller == "8005"


async def test_a_seat_reaches_an_emergency_desk_by_itself_and_that_is_no_citizen_s_call(
    switch: Switch, phones: Phones
) -> None:
    agent, other = await phones.agent("8006"), await phones.agent("8007")
    pilot = switch.config.site.trunks["town"].pilot
    for name, value in (("TOWN_traffic_police", "unreachable"), ("TOWN_KNOWS_town", pilot)):
        async with switch.town_ari() as town, town.post(f"asterisk/variable?variable={name}&value={value}") as reply:
            assert reply.ok
    await agent.dials("110")  # the carrier forbids the hall's number, and lets the pilot pass
    await other.dials("122")
    await agent.hears("town-police")
    await other.hears("unanswered-122")
    await agent.hangs_up()
    await other.is_hung_up()

    def told(number: str) -> list[list[str]]:
        return [line for line in switch.census() if line[1] == number]

    await eventually(lambda: bool(told("110") and told("122")), 5, f"{switch.census()}")
    assert [(line[2], line[6], line[7], line[8]) for line in told("110")] == [("8006", "ANSWERED", "seat", "town")]


async def test_a_seat_dials_nobody_else(phones: Phones) -> None:
    agent = await phones.agent("8006")
    for number in ("12345", "13800138000", "03108095001", "16812345", "00442079460000", "1100"):
        with pytest.raises(Refused):
            await agent.dials(number)


async def test_every_stamp_reaches_the_controller(phones: Phones, controller: Controller) -> None:
    citizen = await phones.citizen()
    headers = [
        ("X-Caller", citizen.name),
        ("X-Hotline-At", "2021-09-15T23:00:00+08:00"),
        ("Diversion", '"A, B" <sip:12329@town>;reason=unconditional;counter=1'),
        ("Diversion", "<sip:12333@town>;reason=no-answer"),
        ("History-Info", "<sip:12329@town>;index=1, <sip:12345@town>;index=1.1"),
    ]
    call = await citizen.phone.dial("+8631012345", phones.place.trunk, caller="citizen", headers=headers)
    channel = await controller.takes()
    stamps = channel["channelvars"]
    assert stamps["HOTLINE_CALL"] == channel["id"].replace(".", "-")
    assert stamps["HOTLINE_DIALLED"] == "+8631012345"
    assert stamps["HOTLINE_CALLER"] == citizen.name
    assert stamps["HOTLINE_TRUNK"] == "town"
    assert stamps["HOTLINE_AT"] == "2021-09-15T23:00:00+08:00"
    assert stamps["HOTLINE_DIVERSION"] == f"{headers[2][1]}|{headers[3][1]}"
    assert stamps["HOTLINE_HISTORY"] == headers[4][1]
    assert stamps["HOTLINE_ARRIVED"].isdigit()
    await call.hang_up()
