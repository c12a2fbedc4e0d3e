"""Seats and staff over the API: what is shown of them, and signing in by 工号 and PIN."""

import asyncio
from http import HTTPStatus

from ivr.lockout import FAILURES
from tests.calls.desk import Desk
from tests.fake.loop import simulate


async def at_work() -> Desk:
    desk = Desk()
    desk.fake.seat("8001", answers_after=1.0)
    await asyncio.sleep(1)
    return desk


def test_a_pin_is_told_once_and_signs_its_agent_in_at_any_seat() -> None:
    async def scene() -> None:
        desk = await at_work()
        made = await desk.post("/agents/1001/pin")
        assert len(made["pin"]) == 6
        given = {"agent": "1001", "pin": made["pin"]}
        answer = await desk.ask("POST", "/seats/8002/sign-in", given, token="")
        assert answer.status is HTTPStatus.OK
        shown = next(each for each in await desk.get("/agents") if each["agent"] == "1001")
        assert (shown["seat"], shown["state"]) == ("8002", "ready")
        other = {"agent": "1002", "pin": (await desk.post("/agents/1002/pin", pin="246810"))["pin"]}
        taken = await desk.ask("POST", "/seats/8002/sign-in", other, token="")
        assert taken.status is HTTPStatus.CONFLICT
        log = bytes(desk.log.platter.content)
        assert b"246810" not in log
        assert made["pin"].encode() not in log

    simulate(scene)


def test_wrong_pins_are_refused_and_then_not_looked_at() -> None:
    async def scene() -> None:
        desk = await at_work()
        made = await desk.post("/agents/1001/pin")
        wrong = {"agent": "1001", "pin": "1"}
        for _ in range(FAILURES):
            answer = await desk.ask("POST", "/seats/8001/sign-in", wrong, token="")
            assert answer.status is HTTPStatus.UNAUTHORIZED
        locked = await desk.ask("POST", "/seats/8001/sign-in", {**wrong, "pin": made["pin"]}, token="")
        assert locked.status is HTTPStatus.TOO_MANY_REQUESTS
        assert int(locked.headers["Retry-After"]) > 0
        unknown = await desk.ask("POST", "/seats/8001/sign-in", {"agent": "4711", "pin": "1"}, token="")
        assert unknown.status is HTTPStatus.UNAUTHORIZED
        assert (await desk.ask("POST", "/agents/4711/pin")).status is HTTPStatus.NOT_FOUND

    simulate(scene)


def test_seats_are_shown_with_what_the_population_demands_and_staff_with_where_they_belong() -> None:
    async def scene() -> None:
        desk = await at_work()
        await desk.post("/agents/1001/sign-in")
        await desk.post("/agents/1001/pin")
        now = await desk.get("/seats")
        assert now["demanded"] == 95
        assert now["in_hall"] + now["extra"] == len(now["seats"])
        first = now["seats"][0]
        assert first["seat"] == "8001"
        assert first["assigned"][0] == first["agent"] == "1001"
        assert first["is_registered"]
        assert now["seats"][1]["is_registered"] is False
        staff = {each["agent"]: each for each in await desk.get("/staff")}
        assert staff["1001"] | {"name": "", "pools": []} == {
            "agent": "1001", "name": "", "pools": [], "assigned": "8001", "seat": "8001", "state": "ready",
            "has_pin": True,
        }  # fmt: skip
        assert staff["1002"]["state"] == "signed-out"
        assert not staff["1002"]["has_pin"]
        desk.fake.crash(1000)
        assert (await desk.get("/seats"))["seats"][0]["is_registered"] is None

    simulate(scene)
