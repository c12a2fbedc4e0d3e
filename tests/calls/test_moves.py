"""A supervisor moves a call that waits: what it asks for it asks for there too, and is served where nobody has it."""

import asyncio
from functools import cache
from typing import Any

import pytest

from routing.config import Config, build
from routing.ids import AgentId
from tests.calls.desk import Desk
from tests.calls.simulated import CONFIG, SOURCES
from tests.fake.loop import simulate

GUEST, ANYBODY = "13800138000", "13831234567"
KNOWS, OTHER = "2011", "2012"
IN_LAW = "id: 2011, name: 韩冰, seat: 8111, works_in: {law: {}}"


@cache
def config(knows: str, speaks: str = "") -> Config:
    """The city, where one of the two at `law` has learnt something, and a guest is answered in English."""
    site = SOURCES["site.yaml"].replace("英语, callers: []", f"英语, callers: [{GUEST}]")
    learnt = IN_LAW.replace("law: {}", f"law: {{{knows}}}") + (f", speaks: [{speaks}]" if speaks else "")
    assert IN_LAW in site
    return build({**SOURCES, "site.yaml": site.replace(IN_LAW, learnt)})


async def sit_down(desk: Desk, *agents: str, **given: Any) -> None:
    for agent in agents:
        desk.fake.seat(str(CONFIG.site.agents[AgentId(agent)].seat), answers_after=1.0, talks=20)
        await desk.post_when_ready(f"/agents/{agent}/sign-in", **given)


async def moved(desk: Desk, pool: str = "law") -> None:
    """The one ticket that waits goes there."""
    (waits,) = [each for each in await desk.get("/queues") if each["state"] == "waiting"]
    await desk.post(f"/queues/{waits['call']}/move", pool=pool)


async def served(desk: Desk) -> tuple[str, int]:
    """By whom the one call was served, and how long after its arrival."""
    await asyncio.sleep(90)
    (ended,) = (await desk.get("/calls"))["ended"]
    assert ended["outcome"] == "answered"
    (record,) = await desk.store.calls()
    assert record.connected is not None
    await desk.closes()
    return ended["with"], record.connected - record.arrived


@pytest.mark.parametrize(
    ("line", "caller", "conf"),
    [("12329", ANYBODY, ("housing-fund: 4",)), ("12345", GUEST, ("", "english"))],
    ids=["skill", "language"],
)
def test_a_call_that_is_moved_comes_to_who_has_what_it_asks_for(line: str, caller: str, conf: tuple[str, ...]) -> None:
    async def scene() -> tuple[str, int]:
        desk = Desk(config(*conf))
        await sit_down(desk, OTHER, KNOWS)  # the other has been idle for longer
        desk.fake.dials(line, after=0.5, caller=caller)
        await asyncio.sleep(12)
        await moved(desk)
        return await served(desk)

    assert simulate(scene)[0] == KNOWS


def test_where_nobody_has_it_the_call_is_served_at_once() -> None:
    async def scene() -> tuple[str, int]:
        desk = Desk(config(""))
        await sit_down(desk, OTHER)
        desk.fake.dials("12329", after=0.5, caller=GUEST)
        await asyncio.sleep(20)
        await moved(desk)
        return await served(desk)

    agent, after_ms = simulate(scene)
    assert agent == OTHER
    assert after_ms < 25_000


@pytest.mark.parametrize(
    ("pool", "away", "ready", "waits_s"), [("law", KNOWS, OTHER, (0, 5)), ("hall", "1001", "1016", (10, 16))]
)
def test_who_has_it_and_is_away_is_not_waited_for_elsewhere_and_for_ten_seconds_in_the_hall(
    pool: str, away: str, ready: str, waits_s: tuple[int, int]
) -> None:
    async def scene() -> tuple[str, int]:
        desk = Desk(config("housing-fund: 4"))
        desk.fake.dials("12329", after=0.5, caller=ANYBODY)
        await sit_down(desk, away, ready=False)
        await asyncio.sleep(20)
        await moved(desk, pool)
        await sit_down(desk, ready)
        return await served(desk)

    agent, after_ms = simulate(scene)
    assert agent == ready
    least, most = waits_s
    assert 20 + least <= after_ms / 1000 < 20 + most


def test_it_is_asked_for_in_the_hall_too_and_after_a_second_move() -> None:
    async def scene() -> tuple[str, int]:
        desk = Desk(config("housing-fund: 4"))
        desk.fake.dials("12329", after=0.5, caller=ANYBODY)
        await asyncio.sleep(20)
        for pool in ("hall", "safety", "law", "hall"):
            await moved(desk, pool)
        await sit_down(desk, OTHER, KNOWS)
        await moved(desk)
        return await served(desk)

    assert simulate(scene)[0] == KNOWS


@pytest.mark.parametrize(("wanted", "comes"), [("housing-fund", KNOWS), ("", OTHER)])
def test_whoever_is_brought_into_a_talk_is_sought_with_the_skill_that_the_agent_named(wanted: str, comes: str) -> None:
    async def scene() -> str:
        desk = Desk(config("housing-fund: 4"))
        await sit_down(desk, "1016")
        desk.fake.dials("12345", after=0.5, hangs_up=60)
        await asyncio.sleep(12)
        await desk.post("/agents/1016/talk/consult", kind="pool", name="safety", detail=wanted)
        await sit_down(desk, OTHER, KNOWS)
        await moved(desk)
        await asyncio.sleep(0.5)
        (rung,) = [each["agent"] for each in await desk.get("/agents") if each["state"] == "ringing"]
        await desk.closes()
        return str(rung)

    assert simulate(scene) == comes
