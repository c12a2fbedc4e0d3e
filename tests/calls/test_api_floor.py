"""Wrap-up with what the call was, supervisors over agents, pools that close, calls that are moved: over the API."""

import asyncio
from http import HTTPStatus

from ivr.facts import Ground, Matter
from ivr.web.rights import Role, Who
from routing.ids import AgentId
from tests.calls.desk import Desk
from tests.calls.simulated import CONFIG
from tests.fake.loop import simulate

WAITING = HTTPStatus.CONFLICT
UNFIT = HTTPStatus.UNPROCESSABLE_ENTITY


def a_desk() -> Desk:
    desk = Desk()
    desk.board.service.dispatcher.configure(CONFIG.site)
    return desk


def test_what_a_call_was_is_said_in_wrap_up_and_stands_with_the_call() -> None:
    async def scene() -> None:
        desk = a_desk()
        desk.fake.seat("8016", answers_after=1.5, talks=20)
        await desk.post_when_ready("/agents/1016/sign-in")
        assert "no call" in await desk.refused("POST", "/agents/1016/wrap-up", WAITING, matter="help")
        desk.fake.dials("12345", after=0.5)
        await asyncio.sleep(60)
        assert "ground" in await desk.refused("POST", "/agents/1016/wrap-up", UNFIT, matter="declined")
        assert "ground" in await desk.refused("POST", "/agents/1016/wrap-up", UNFIT, matter="help", ground="petition")
        await desk.post("/agents/1016/wrap-up", matter="declined", ground="petition")
        (ended,) = (await desk.get("/calls"))["ended"]
        told = await desk.get(f"/calls/{ended['call']}")
        (said,) = [fact["body"] for fact in told["facts"] if fact["topic"] == "disposition"]
        assert (said["agent"], said["matter"], said["ground"]) == ("1016", "declined", "petition")
        await desk.closes()

    simulate(scene)


def test_each_matter_and_each_ground_is_taken_in_turn_and_kept() -> None:
    async def scene() -> None:
        desk = a_desk()
        desk.fake.seat("8016", answers_after=1.5, talks=20)
        await desk.post_when_ready("/agents/1016/sign-in")
        desk.fake.dials("12345", after=0.5)
        await asyncio.sleep(60)
        given: list[tuple[Matter, Ground | None]] = [(each, None) for each in Matter if each is not Matter.DECLINED]
        given += [(Matter.DECLINED, ground) for ground in Ground]
        assert len(given) == 20
        for matter, ground in given:
            await desk.post("/agents/1016/wrap-up", matter=matter, ground=ground)
        (ended,) = (await desk.get("/calls"))["ended"]
        told = await desk.get(f"/calls/{ended['call']}")
        said = [fact["body"] for fact in told["facts"] if fact["topic"] == "disposition"]
        assert [(each["matter"], each.get("ground")) for each in said] == given
        await desk.closes()

    simulate(scene)


def test_what_is_said_in_the_talk_is_of_the_call_in_which_it_is_said() -> None:
    async def scene() -> None:
        desk = a_desk()
        desk.fake.seat("8016", answers_after=1.5, talks=60)
        await desk.post_when_ready("/agents/1016/sign-in")
        desk.fake.dials("12345", after=0.5)
        await asyncio.sleep(30)
        assert (await desk.post("/agents/1016/wrap-up", matter="praise"))["state"] == "talking"
        (living,) = (await desk.get("/calls"))["living"]
        told = await desk.get(f"/calls/{living['call']}")
        assert [fact["body"]["matter"] for fact in told["facts"] if fact["topic"] == "disposition"] == ["praise"]
        await asyncio.sleep(60)
        await desk.closes()

    simulate(scene)


def test_it_is_said_who_made_an_agent_pause_and_nobody_when_they_did_it_themselves() -> None:
    async def scene() -> None:
        desk = a_desk()
        desk.people["leader"] = Who("leader", frozenset({Role.SUPERVISOR}))
        desk.people["own"] = Who("own", frozenset({Role.OPERATOR}), AgentId("1001"))
        await desk.post_when_ready("/agents/1001/sign-in")
        for token, by in (("leader", "leader"), ("own", "")):
            paused = await desk.ask("POST", "/agents/1001/pause", {"reason": "会议"}, token=token)
            assert (paused.value.state, paused.value.by) == ("paused", by)
            ready = await desk.ask("POST", "/agents/1001/ready", {}, token=token)
            assert (ready.value.state, ready.value.by) == ("ready", by)
        await desk.closes()

    simulate(scene)


def test_a_pool_closes_and_opens_and_the_hall_does_not() -> None:
    async def scene() -> None:
        desk = a_desk()
        await desk.post_when_ready("/agents/2011/sign-in")
        closed = await desk.post("/pools/law/close")
        assert (closed["closed"], closed["agents"], closed["ready"]) == ("pool-closed", 1, 1)
        assert {pool["pool"]: pool["closed"] for pool in await desk.get("/pools")} == {
            "hall": None,
            "safety": None,
            "law": "pool-closed",
        }
        assert (await desk.post("/pools/law/open"))["closed"] is None
        assert "hall" in await desk.refused("POST", "/pools/hall/close", WAITING)
        assert "no prompt" in await desk.refused("POST", "/pools/law/close", UNFIT, prompt="nothing")
        assert "site.yaml" in await desk.refused("POST", "/pools/nowhere/open", HTTPStatus.NOT_FOUND)
        await desk.closes()

    simulate(scene)


def test_a_call_that_waits_is_moved_to_another_pool() -> None:
    async def scene() -> None:
        desk = a_desk()
        desk.fake.seat("8111", answers_after=1.5, talks=20)
        desk.fake.dials("12345", after=0.5)
        await desk.post_when_ready("/agents/2011/sign-in")
        await asyncio.sleep(20)
        (place,) = await desk.get("/queues")
        assert "site.yaml" in await desk.refused(
            "POST", f"/queues/{place['call']}/move", HTTPStatus.NOT_FOUND, pool="nowhere"
        )
        await desk.post(f"/queues/{place['call']}/move", pool="hall")
        await desk.post(f"/queues/{place['call']}/move", pool="law")
        await asyncio.sleep(60)
        (ended,) = (await desk.get("/calls"))["ended"]
        assert (ended["outcome"], ended["with"]) == ("answered", "2011")
        assert "wait" in await desk.refused("POST", f"/queues/{place['call']}/move", WAITING, pool="law")
        await desk.closes()

    simulate(scene)
