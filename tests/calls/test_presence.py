"""Phones and desks that are gone: who is unreachable by it, when, and for how long."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from ivr.presence import Presence
from routing.ids import AgentId, SeatId
from routing.tickets import Lost
from tests.calls.desk import Desk
from tests.calls.simulated import CONFIG
from tests.fake.loop import SimClock, simulate
from tests.fake.world import Party

SILENT_S = CONFIG.site.timing.desk_silent_for.total_seconds()
GONE_S = CONFIG.site.timing.unreachable_for.total_seconds()


class Floor:
    """Agent 1001 at a phone, over the API."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.phone: Party = self.desk.fake.seat("8001", answers_after=1.0, talks=200)

    async def begins(self) -> None:
        dispatcher = self.desk.controller.service.dispatcher
        dispatcher.configure(CONFIG.site)
        self.timers = asyncio.create_task(dispatcher.run(), name="dispatcher")
        await self.desk.post_when_ready("/agents/1001/sign-in")

    async def state(self) -> str:
        shown = next(each for each in await self.desk.get("/agents") if each["agent"] == "1001")
        return f"{shown['state']} {shown['reason']}".strip()

    async def is_in(self, state: str, within_s: float) -> None:
        async with asyncio.timeout(within_s):
            while await self.state() != state:  # noqa: ASYNC110 - virtual time
                await asyncio.sleep(0.5)

    async def stays(self, state: str, for_s: float) -> None:
        until = asyncio.get_running_loop().time() + for_s
        while asyncio.get_running_loop().time() < until:
            assert await self.state() == state
            await asyncio.sleep(0.5)

    def is_plugged_in(self, *, now: bool) -> None:
        self.phone.behaviours[0].registered = now


def played(scene: Callable[[Floor], Awaitable[None]]) -> None:
    async def play() -> None:
        floor = Floor()
        await floor.begins()
        await scene(floor)

    simulate(play)


def test_an_idle_agent_whose_phone_is_gone_is_unreachable_and_then_signed_out() -> None:
    async def scene(floor: Floor) -> None:
        floor.is_plugged_in(now=False)
        await floor.is_in("unreachable phone", 8)
        await floor.stays("unreachable phone", GONE_S - 10)
        await floor.is_in("signed-out", 20)

    played(scene)


def test_one_whose_phone_comes_back_is_what_they_were() -> None:
    async def scene(floor: Floor) -> None:
        for path, given, state in (("ready", {}, "ready"), ("pause", {"reason": "用餐"}, "paused 用餐")):
            await floor.desk.post(f"/agents/1001/{path}", **given)
            floor.is_plugged_in(now=False)
            await floor.is_in("unreachable phone", 60)
            floor.is_plugged_in(now=True)
            await floor.is_in(state, 5)

    played(scene)


def test_a_phone_that_registers_anew_between_two_looks_is_not_gone() -> None:
    async def scene(floor: Floor) -> None:
        floor.is_plugged_in(now=False)
        await asyncio.sleep(3.5)
        floor.is_plugged_in(now=True)
        await floor.stays("ready", 60)

    played(scene)


@pytest.mark.slow
def test_an_agent_without_a_desk_is_judged_by_the_phone_alone() -> None:
    async def scene(floor: Floor) -> None:
        await floor.stays("ready", 300)

    played(scene)


def test_a_desk_that_has_opened_and_falls_silent_makes_its_agent_unreachable_and_speaking_again_ready() -> None:
    async def scene(floor: Floor) -> None:
        for _ in range(6):
            beat = await floor.desk.post("/agents/1001/heartbeat")
            assert beat["within_ms"] == SILENT_S * 1000
            await floor.stays("ready", SILENT_S - 5)
        await floor.is_in("unreachable desk", 20)
        await floor.desk.post("/agents/1001/heartbeat")
        await floor.is_in("ready", 5)
        await floor.is_in("unreachable desk", SILENT_S + 5)
        await floor.is_in("signed-out", GONE_S + 5)
        assert not [line for line in floor.desk.log.platter.content.split(b"\n") if b"heartbeat" in line]

    played(scene)


@pytest.mark.slow
def test_a_desk_that_is_closed_is_missed_by_nobody() -> None:
    async def scene(floor: Floor) -> None:
        await floor.desk.post("/agents/1001/heartbeat")
        await floor.desk.post("/agents/1001/heartbeat", closes=True)
        await floor.stays("ready", 120)
        await floor.desk.post("/agents/1001/heartbeat")
        await floor.desk.post("/agents/1001/sign-out")
        await asyncio.sleep(5)
        await floor.desk.post("/agents/1001/sign-in")
        await floor.stays("ready", 120)

    played(scene)


def test_who_dials_an_emergency_number_by_themselves_is_offered_nothing_until_it_is_over() -> None:
    async def scene(floor: Floor) -> None:
        fake = floor.desk.fake
        fake.calls_from("8001", "110")
        await floor.is_in("paused on another call", 3)
        citizen = fake.dials("12345", after=1.0, hangs_up=40)
        await floor.stays("paused on another call", 20)
        assert citizen.channel is not None
        fake.hangs_up(floor.phone)
        await floor.is_in("talking", 15)
        await floor.is_in("ready", 60)

    played(scene)


def test_who_was_paused_before_it_is_afterwards_too() -> None:
    async def scene(floor: Floor) -> None:
        await floor.desk.post("/agents/1001/pause", reason="用餐")
        floor.desk.fake.calls_from("8001", "119")
        await floor.stays("paused 用餐", 6)
        floor.desk.fake.hangs_up(floor.phone)
        await floor.stays("paused 用餐", 6)

    played(scene)


def test_a_pause_asked_for_meanwhile_outlasts_it() -> None:
    async def scene(floor: Floor) -> None:
        floor.desk.fake.calls_from("8001", "120")
        await floor.is_in("paused on another call", 3)
        await floor.desk.post("/agents/1001/pause", reason="用餐")
        floor.desk.fake.hangs_up(floor.phone)
        await floor.stays("paused 用餐", 6)

    played(scene)


def test_in_a_talk_nothing_is_taken_from_anybody() -> None:
    async def scene(floor: Floor) -> None:
        await floor.desk.post("/agents/1001/heartbeat")
        floor.desk.fake.dials("12345")
        await floor.is_in("talking", 30)
        floor.is_plugged_in(now=False)
        await floor.stays("talking", 120)

    played(scene)


def test_who_was_unreachable_for_want_of_a_desk_stays_so_after_a_restart_until_it_speaks() -> None:
    async def scene(floor: Floor) -> None:
        dispatcher, clock = floor.desk.controller.service.dispatcher, SimClock()
        dispatcher.apply(Lost(AgentId("1001"), "desk"))
        again = Presence(dispatcher, clock)
        again.look(CONFIG.site, {SeatId("8001"): True})
        assert await floor.state() == "unreachable desk"
        again.beats(AgentId("1001"))
        again.look(CONFIG.site, {SeatId("8001"): True})
        assert await floor.state() == "ready"

    played(scene)
