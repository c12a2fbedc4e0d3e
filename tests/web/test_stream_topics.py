"""What the stream tells beside agents, queue and calls: talks, alarms, pools, who is called back, marked numbers."""

import asyncio
from typing import Any

import pytest

from ivr.watch import TALK_TOO_LONG
from ivr.web.rights import Role, Who
from tests.calls.desk import Desk
from tests.calls.simulated import CONFIG
from tests.fake.loop import simulate
from tests.web.listening import Ear, as_it_is, operator, supervisor, told

HOLD_LIMIT_S = CONFIG.site.timing.hold_limit.total_seconds()


async def talking(desk: Desk) -> str:
    """A citizen and agent 1016, in talk; 1017 is ready beside, and a supervisor's phone at 8020.  The call."""
    await asyncio.sleep(1)
    for agent in ("1016", "1017"):
        desk.fake.seat(f"80{agent[2:]}", answers_after=1, talks=None)
    desk.fake.seat("8020", answers_after=1, talks=None)
    await desk.post("/agents/1016/sign-in")
    desk.fake.dials("12345", after=0.5)
    await asyncio.sleep(10)
    await desk.post("/agents/1017/sign-in")
    await asyncio.sleep(0.5)
    (living,) = (await desk.get("/calls"))["living"]
    return str(living["call"])


def doing(ear: Ear, call: str) -> dict[str, str]:
    return {party["name"]: party["doing"] for party in ear.known["talks"][call]["parties"]}


def test_whoever_is_in_a_talk_is_told_what_each_in_it_does() -> None:
    async def scene() -> None:
        desk = Desk()
        above, own, other = Ear(desk, supervisor()), Ear(desk, operator("1016")), Ear(desk, operator("1017"))
        call = await talking(desk)
        assert doing(above, call) == doing(own, call) == {"citizen": "talking", "1016": "talking"}
        await desk.post("/agents/1016/talk/hold")
        await asyncio.sleep(0.5)
        assert doing(own, call) == {"citizen": "held", "1016": "holding"}
        await desk.post("/agents/1016/talk/retrieve")
        await desk.post("/agents/1016/talk/mute")
        await asyncio.sleep(0.5)
        assert [party["muted"] for party in own.known["talks"][call]["parties"]] == [False, True]
        await desk.post("/agents/1016/talk/consult", kind="agent", name="1017")
        await asyncio.sleep(0.5)
        assert doing(own, call)["1017"] == "ringing"
        assert not other.known["talks"], "who is rung is in it once they have answered"
        await asyncio.sleep(2)
        assert (
            doing(other, call) == doing(above, call) == {"citizen": "held", "1016": "consulting", "1017": "consulting"}
        )
        await desk.post("/agents/1016/talk/complete")
        await asyncio.sleep(0.5)
        assert not own.known["talks"]
        assert doing(other, call) == {"citizen": "talking", "1017": "talking"}
        for ear in (above, own, other):
            assert told(ear) == await as_it_is(desk, ear.who)
            await ear.goes()
        await desk.closes()

    simulate(scene)


def test_who_could_not_be_had_is_told() -> None:
    async def scene() -> None:
        desk = Desk()
        own = Ear(desk, operator("1016"))
        call = await talking(desk)
        desk.fake.target("119", busy=True)
        await desk.post("/agents/1016/talk/emergency", number="119")
        await asyncio.sleep(2)
        (missed,) = own.known["talks"][call]["missed"]
        assert (missed["name"], missed["why"]) == ("119", "busy")
        await own.goes()
        await desk.closes()

    simulate(scene)


def test_an_agent_is_not_told_who_listens_and_an_auditor_not_what_talks_there_are() -> None:
    async def scene() -> None:
        desk = Desk()
        auditor = Ear(desk, Who("auditor", frozenset({Role.AUDITOR})))
        above, own = Ear(desk, supervisor()), Ear(desk, operator("1016"))
        call = await talking(desk)
        before = len(own.events)
        await desk.post("/agents/1016/talk/listen", seat="8020")
        await asyncio.sleep(3)
        assert doing(above, call) == {"citizen": "talking", "1016": "talking", "house": "listening"}
        assert doing(own, call) == {"citizen": "talking", "1016": "talking"}
        assert "house" not in str(own.events)
        assert not any(data.get("talks") for _, data in own.events[before:])
        assert not auditor.known["talks"]
        assert auditor.known["calls"]
        await desk.post("/agents/1016/talk/barge")
        await asyncio.sleep(1)
        assert doing(own, call)["house"] == "talking"
        for ear in (above, own, auditor):
            assert told(ear) == await as_it_is(desk, ear.who)
            await ear.goes()
        await desk.closes()

    simulate(scene)


def test_an_alarm_is_told_until_it_is_over() -> None:
    async def scene() -> None:
        desk = Desk()
        own = Ear(desk, operator("1017"))
        await talking(desk)
        await desk.post("/agents/1016/talk/hold")
        await asyncio.sleep(HOLD_LIMIT_S + 1)
        desk.watch.look()
        await asyncio.sleep(0.5)
        assert "agent 1016 is holding" in own.known["alarms"][TALK_TOO_LONG]["sentence"]
        await desk.post("/agents/1016/talk/retrieve")
        desk.watch.look()
        await asyncio.sleep(0.5)
        assert not own.known["alarms"]
        await own.goes()
        await desk.closes()

    simulate(scene)


def test_pools_are_told_with_who_waits_and_rows_of_the_queue_with_what_they_ask_for() -> None:
    async def scene() -> None:
        desk = Desk()
        own = Ear(desk, operator("1016"))
        await asyncio.sleep(1)
        desk.fake.seat("8016", answers_after=1, talks=None)
        desk.board.service.dispatcher.configure(CONFIG.site)
        await desk.post("/pools/law/close")
        await desk.post("/agents/1016/sign-in", ready=False)
        for n in range(3):
            desk.fake.dials("12329", after=1 + n, caller=f"1383123456{n}")
        await asyncio.sleep(6)
        pools = own.known["pools"]
        assert (pools["hall"]["agents"], pools["hall"]["ready"], pools["hall"]["waiting"]) == (1, 0, 3)
        assert pools["law"]["closed"] == "pool-closed"
        rows: list[dict[str, Any]] = sorted(own.known["queue"].values(), key=lambda row: row["call"])
        assert {(row["skill"], row["level"], row["pools"][0]) for row in rows} == {("housing-fund", 3, "hall")}
        assert [row["priority_ms"] for row in rows] == [0, 0, 0]
        assert [row["expected_ms"] for row in rows] == [None, None, None]
        listed = await desk.get("/queues")
        assert [row | {"waits_ms": 0} for row in listed] == [row | {"waits_ms": 0} for row in rows]
        assert {pool["pool"]: pool["waiting"] for pool in await desk.get("/pools")}["hall"] == 3
        await desk.post("/agents/1016/ready")
        await desk.post("/pools/law/open")
        await asyncio.sleep(15)
        assert own.known["pools"]["hall"]["waiting"] == 2
        assert own.known["pools"]["law"]["closed"] is None
        assert len(own.known["queue"]) == 2
        await own.goes()
        await desk.closes()

    simulate(scene)


def test_an_expected_wait_is_told_in_half_minutes_once_enough_have_been_served() -> None:
    async def scene() -> None:
        desk = Desk()
        above = Ear(desk, supervisor())
        await asyncio.sleep(1)
        desk.fake.seat("8016", answers_after=1, talks=20)
        await desk.post("/agents/1016/sign-in")
        for n in range(12):
            desk.fake.dials("12345", after=1 + n, caller=f"1383123456{n}")
        await asyncio.sleep(200)
        expected = [row["expected_ms"] for row in above.known["queue"].values() if row["state"] == "waiting"]
        assert expected
        assert all(each is not None and each > 0 and each % 30_000 == 0 for each in expected), expected
        await above.goes()
        await desk.closes()

    simulate(scene)


def test_who_is_to_be_called_back_is_told_and_a_marked_number_to_those_above_alone() -> None:
    async def scene() -> None:
        desk = Desk()
        above, own = Ear(desk, supervisor()), Ear(desk, operator("1016"))
        call = await talking(desk)
        await desk.post("/agents/1016/talk/nuisance")
        await asyncio.sleep(1)
        assert list(above.known["nuisances"]) == [call]
        late = Ear(desk, operator("1017"))
        await asyncio.sleep(1)
        assert late.kinds() == ["snapshot"]
        assert not own.known["nuisances"]
        assert not late.known["nuisances"]
        await late.goes()
        await desk.post(f"/nuisances/{call}/dismiss")
        await desk.post("/agents/1017/sign-out")
        left = desk.fake.dials("12345", after=0.1, hangs_up=9, caller="13900000009")
        await asyncio.sleep(12)
        assert left.ended
        ((task, shown),) = own.known["callbacks"].items()
        assert (shown["why"], shown["caller"]) == ("abandoned", "139****0009")
        assert above.known["callbacks"] == own.known["callbacks"]
        assert not above.known["nuisances"]
        await desk.post(f"/callbacks/{task}/settle")
        await asyncio.sleep(0.5)
        assert not own.known["callbacks"]
        for ear in (above, own):
            assert told(ear) == await as_it_is(desk, ear.who)
            await ear.goes()
        await desk.closes()

    simulate(scene)


@pytest.mark.parametrize("agent", ["1016", "1017"])
def test_who_comes_back_has_missed_no_word_of_a_talk(agent: str) -> None:
    async def scene() -> None:
        desk = Desk()
        there, away = Ear(desk, operator(agent)), Ear(desk, operator(agent))
        await talking(desk)
        for what in ("hold", "retrieve", "mute", "unmute", "hang-up"):
            last = await away.goes()
            before = away
            await desk.post(f"/agents/1016/talk/{what}")
            await asyncio.sleep(1)
            away = Ear(desk, operator(agent), last)
            away.known = before.known
            await asyncio.sleep(0.2)
            assert "snapshot" not in away.kinds()
            assert away.known == there.known
        for ear in (there, away):
            await ear.goes()
        await desk.closes()

    simulate(scene)
