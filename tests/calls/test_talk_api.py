"""The operations of a conversation, asked as over HTTP."""

import asyncio
from http import HTTPStatus

from tests.calls.desk import Desk
from tests.fake.loop import simulate

CONFLICT, WRONG = HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY


async def talking() -> Desk:
    """1016 talks with a citizen, 1017 is ready, 1018 paused."""
    desk = Desk()
    desk.fake.seat("8016", answers_after=1, talks=None)
    desk.fake.seat("8017", answers_after=1, talks=None)
    desk.fake.target("03108095001", answers_after=1, talks=None)
    desk.fake.dials("12345", after=1.5, hangs_up=60)
    await asyncio.sleep(1)
    await desk.post("/agents/1016/sign-in")
    await asyncio.sleep(9)
    await desk.post("/agents/1017/sign-in")
    await desk.post("/agents/1018/sign-in", ready=False)
    return desk


def test_each_operation_answers_with_the_conversation_as_it_is_now() -> None:
    async def scene() -> None:
        desk = await talking()
        seen = []
        for path, given in (
            ("hold", {}),
            ("retrieve", {}),
            ("mute", {}),
            ("unmute", {}),
            ("consult", {"kind": "agent", "name": "1017"}),
        ):
            told = await desk.post(f"/agents/1016/talk/{path}", **given)
            seen.append([(each["name"], each["doing"], each["muted"]) for each in told["parties"]])
        assert seen == [
            [("citizen", "held", False), ("1016", "holding", False)],
            [("citizen", "talking", False), ("1016", "talking", False)],
            [("citizen", "talking", False), ("1016", "talking", True)],
            [("citizen", "talking", False), ("1016", "talking", False)],
            [("citizen", "held", False), ("1016", "consulting", False), ("1017", "ringing", False)],
        ]
        states = {each["agent"]: each["state"] for each in await desk.get("/agents")}
        assert (states["1016"], states["1017"]) == ("consulting", "reserved")
        await asyncio.sleep(3)
        for path, doing in (
            ("switch", ["talking", "talking", "held"]),
            ("switch", ["held", "consulting", "consulting"]),
            ("three-way", ["talking", "talking", "talking"]),
            ("complete", ["talking", "talking"]),
        ):
            told = await desk.post(f"/agents/1016/talk/{path}")
            assert [each["doing"] for each in told["parties"]] == doing, path
        (living,) = (await desk.get("/calls"))["living"]
        assert (living["stage"], living["with"]) == ("talk", "1017")
        assert (await desk.get("/agents/1017/talk"))["parties"][1]["name"] == "1017"
        transferred = await desk.post("/agents/1017/talk/transfer", kind="target", name="water")
        assert [each["doing"] for each in transferred["parties"]] == ["held", "consulting", "ringing"]
        await desk.post("/agents/1017/talk/cancel")
        await desk.post("/agents/1017/talk/hang-up")
        assert "in no conversation" in await desk.refused("POST", "/agents/1017/talk/hold", CONFLICT)
        await asyncio.sleep(20)
        assert not desk.fake.leftovers()
        await desk.closes()

    simulate(scene)


def test_what_cannot_be_done_says_why() -> None:
    async def scene() -> None:
        desk = await talking()
        assert "in no conversation" in await desk.refused("POST", "/agents/1017/talk/hold", CONFLICT)
        assert "nobody is on hold" in await desk.refused("POST", "/agents/1016/talk/retrieve", CONFLICT)
        for kind, name, status, sentence in (
            ("agent", "1018", CONFLICT, "agent 1018 is paused"),
            ("agent", "1001", CONFLICT, "agent 1001 is signed out"),
            ("agent", "9999", WRONG, "no agent '9999'"),
            ("number", "0044123456", WRONG, "never dialled"),
            ("pool", "cellar", WRONG, "no pool 'cellar'"),
        ):
            said = await desk.refused("POST", "/agents/1016/talk/consult", status, kind=kind, name=name)
            assert sentence in said
        await desk.closes()

    simulate(scene)
