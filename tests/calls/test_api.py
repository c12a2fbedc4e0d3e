"""The controller's operations, on a simulated house: what is shown, what is refused, and that numbers are masked."""

import asyncio
from http import HTTPStatus

import msgspec

from ivr.errors import ConnectionLost
from ivr.ledger import Ledger
from ivr.trunks import LOOK_EVERY_S, Trunks, away, full, logged_out
from routing.ids import CallId
from tests.asterisk.waiting import eventually
from tests.calls.desk import Desk
from tests.calls.simulated import CONFIG
from tests.fake.loop import simulate


def test_a_call_is_shown_in_each_of_its_stages_and_afterwards_step_by_step() -> None:
    async def scene() -> None:
        desk = Desk()
        desk.fake.seat("8016", answers_after=1.5, talks=20)
        desk.fake.dials("12345", after=0.5, caller="13831234567")
        seen = []
        await eventually(desk.is_connected, within=0.4)
        assert (await desk.get("/ready"))["ready"]
        shown = await desk.post("/agents/1016/sign-in")
        assert (shown["state"], shown["seat"]) == ("ready", "8016")
        for _ in range(50):
            await asyncio.sleep(0.25)
            living = (await desk.get("/calls"))["living"]
            seen += [(call["stage"], call["caller"]) for call in living]
        assert [stage for stage, _ in dict.fromkeys(seen)] == ["queue", "ring", "talk"]
        assert {caller for _, caller in seen} == {"138****4567"}
        status = await desk.get("/status")
        assert (status["calls"], status["agents"], status["connected"]) == ({"talk": 1}, {"talking": 1}, True)
        await asyncio.sleep(30)
        (ended,) = (await desk.get("/calls"))["ended"]
        assert (ended["outcome"], ended["with"], ended["caller"]) == ("answered", "1016", "138****4567")
        told = await desk.get(f"/calls/{ended['call']}")
        steps = [fact["body"]["step"] for fact in told["facts"] if fact["topic"] == "call"]
        assert steps[0] == "arrived"
        assert "connected" in steps
        assert "13831234567" not in str(told)
        await desk.closes()

    simulate(scene)


def test_a_call_of_which_nothing_is_written_yet_ends_no_controller() -> None:
    async def scene() -> None:
        desk = Desk()
        desk.fake.seat("8016", answers_after=1.5, talks=60)

        async def is_alone_and_talks() -> bool:
            return [(call["direction"], call["stage"]) for call in (await desk.get("/calls"))["living"]] == [
                ("in", "talk")
            ]

        async def has_called_out() -> bool:
            calls = await desk.get("/calls")
            return not calls["living"] and len(calls["ended"]) == 1

        await eventually(desk.is_connected, within=5)
        await desk.post("/agents/1016/sign-in")
        desk.controller.register.open(CallId("handan1-1-1"))  # its task has not had its first turn
        assert (await desk.post("/agents/1016/call-out", number="13831234567"))["call"]
        await eventually(has_called_out, within=60)
        desk.fake.dials("12345")
        await eventually(is_alone_and_talks, within=60)
        living = (await desk.get("/calls"))["living"]
        assert [(call["direction"], call["stage"]) for call in living] == [("in", "talk")]
        await desk.closes()

    simulate(scene)


def test_a_call_that_lost_its_connection_before_anything_was_written_begins_anew_or_is_forgotten() -> None:
    async def scene() -> None:
        desk = Desk()
        waits, leaves = desk.fake.dials("12345", after=0.5), desk.fake.dials("12345", after=0.6)
        await asyncio.sleep(2)
        register = desk.controller.register
        for call in list(register.ledgers):  # as if no task had had its first turn
            register.ledgers[call] = Ledger(call, desk.controller.service.journal)
        desk.life.drop()
        desk.fake.hangs_up(leaves)
        await asyncio.sleep(3)
        assert waits.ended == ""
        assert [call["stage"] for call in (await desk.get("/calls"))["living"]] == ["queue"]
        assert list(register.ledgers) == [call["call"] for call in (await desk.get("/calls"))["living"]]
        await desk.closes()

    simulate(scene)


def test_who_waits_is_listed_by_rank() -> None:
    async def scene() -> None:
        desk = Desk()
        for n in range(3):
            desk.fake.dials("12345", after=0.5 + n)
        await asyncio.sleep(6)
        places = await desk.get("/queues")
        assert [place["line"] for place in places] == ["12345"] * 3
        assert [place["waits_ms"] for place in places] == sorted((p["waits_ms"] for p in places), reverse=True)
        await desk.closes()

    simulate(scene)


def test_what_cannot_be_done_is_refused_in_one_sentence() -> None:
    async def scene() -> None:
        desk = Desk()
        assert "not connected" in await desk.refused("GET", "/ready", HTTPStatus.SERVICE_UNAVAILABLE)
        await asyncio.sleep(1)
        assert "site.yaml" in await desk.refused("POST", "/agents/9999/sign-in", HTTPStatus.NOT_FOUND)
        refused = await desk.refused("POST", "/agents/1001/sign-in", HTTPStatus.UNPROCESSABLE_ENTITY, seat="nowhere")
        assert "'nowhere'" in refused
        await desk.post("/agents/1001/sign-in")
        taken = await desk.refused("POST", "/agents/1002/sign-in", HTTPStatus.CONFLICT, seat="8001")
        assert "1001 sits at 8001" in taken
        assert "not signed in" in await desk.refused("POST", "/agents/1002/ready", HTTPStatus.CONFLICT)
        assert "no call" in await desk.refused("GET", "/calls/unknown-1", HTTPStatus.NOT_FOUND)
        assert "not found" in await desk.refused("GET", "/nothing", HTTPStatus.NOT_FOUND)
        assert "not allowed" in await desk.refused("POST", "/status", HTTPStatus.METHOD_NOT_ALLOWED)
        assert "whole number" in await desk.refused("GET", "/calls", HTTPStatus.BAD_REQUEST, limit="-1")
        assert "whole number" in await desk.refused("GET", "/calls", HTTPStatus.BAD_REQUEST, limit="9" * 30)
        assert "whole number" in await desk.refused("POST", "/drain", HTTPStatus.BAD_REQUEST, within="60")
        assert "86400" in await desk.refused("POST", "/drain", HTTPStatus.BAD_REQUEST, within=10**6)
        assert "`with`" in await desk.refused("GET", "/calls", HTTPStatus.BAD_REQUEST, **{"with": "1016"})
        await desk.closes()

    simulate(scene)


def test_agents_pause_come_back_and_leave() -> None:
    async def scene() -> None:
        desk = Desk()
        await asyncio.sleep(1)
        assert (await desk.post("/agents/1001/sign-in", ready=False))["state"] == "paused"
        assert (await desk.post("/agents/1001/ready"))["state"] == "ready"
        paused = await desk.post("/agents/1001/pause", reason="用餐")
        assert (paused["state"], paused["reason"]) == ("paused", "用餐")
        for given, wrong in (
            ({"reason": "lunch"}, "'lunch' is no reason"),
            ({"reason": ""}, "needs a"),
            ({}, "needs a"),
        ):
            refused = await desk.refused("POST", "/agents/1001/pause", HTTPStatus.UNPROCESSABLE_ENTITY, **given)
            assert wrong in refused
            assert ", ".join(CONFIG.site.pause_reasons) in refused
        assert (await desk.post("/agents/1001/sign-out"))["state"] == "signed-out"
        await desk.closes()

    simulate(scene)


def test_without_the_database_calls_in_progress_are_shown_all_the_same() -> None:
    async def scene() -> None:
        desk = Desk()
        desk.store.away = True
        desk.fake.dials("12345", after=0.5)
        await asyncio.sleep(5)
        told = await desk.get("/calls")
        assert len(told["living"]) == 1
        assert "away" in told["error"]
        assert "away" in await desk.refused("GET", "/calls/some-1", HTTPStatus.SERVICE_UNAVAILABLE)
        await desk.closes()

    simulate(scene)


def test_draining_takes_no_new_call_and_waits_for_those_in_progress() -> None:
    async def scene() -> None:
        desk = Desk()
        desk.fake.seat("8016", answers_after=1.0, talks=10)
        first = desk.fake.dials("12345", after=0.5)
        second = desk.fake.dials("12345", after=3.0)
        await asyncio.sleep(0.4)
        await desk.post("/agents/1016/sign-in")
        await asyncio.sleep(1.6)
        assert (await desk.post("/drain", within=60))["left"] == 0
        await asyncio.sleep(0.5)
        assert first.ended == "released"
        assert second.survived
        await desk.closes()

    simulate(scene)


def test_each_trunk_is_shown_with_its_channels_either_way_and_one_that_is_full_is_an_alarm() -> None:
    async def scene() -> None:
        desk = Desk()
        assert "cannot be asked" in await desk.refused("GET", "/trunks", HTTPStatus.SERVICE_UNAVAILABLE)
        desk.fake.seat("8016", answers_after=1, talks=None)
        desk.fake.target("03108095001", answers_after=1, talks=None)
        for after in (1.5, 1.6):
            desk.fake.dials("12345", after=after, hangs_up=60)
        await asyncio.sleep(1)
        await desk.post("/agents/1016/sign-in")
        await asyncio.sleep(9)
        await desk.post("/agents/1016/talk/consult", kind="target", name="water")
        await asyncio.sleep(2)
        (town,) = await desk.get("/trunks")
        assert (town["trunk"], town["is_reachable"], town["passed_over"]) == ("town", True, 0)
        assert (town["arrived"], town["dialled"], town["channels"]) == (2, 1, 200)
        assert (town["reserved_out"], town["reserved_emergency"], town["registration"]) == (30, 4, "not-used")
        text = (await desk.meters.told()).decode()
        assert 'hotline_trunk_channels{direction="arrived",trunk="town"} 2.0' in text
        assert 'hotline_trunk_channels_free{trunk="town"} 197.0' in text
        (seen,) = desk.board.service.trunks.seen
        assert (full((seen,)), away((seen,))) == ("", "")
        busy = msgspec.structs.replace(seen, channels=7, is_reachable=False)
        assert full((busy,)) == "trunks are full: town (2 arrived, 1 dialled of 7)"
        assert away((busy,)) == "no SBC answers OPTIONS of town"
        await desk.closes()

    simulate(scene)


SAID = """host/17/22.10.1

 <Registration/ServerURI..............................>  <Auth....................>  <Status.......>
==========================================================================================

 unicom/sip:ims.example                                  unicom                      {word:<16}  (exp. 42s)
 unicom-2/sip:127.0.0.1:5072                             unicom-2                    Rejected          (exp. 3s)

Objects found: 2
"""


def test_whether_we_are_logged_in_at_a_carrier_is_shown_and_is_an_alarm_when_we_are_not_for_a_while() -> None:
    async def scene() -> None:
        desk = Desk()
        town = CONFIG.site.trunks["town"]
        unicom, other = (msgspec.structs.replace(town, id=name, registers=True) for name in ("unicom", "unicom-2"))
        third = msgspec.structs.replace(unicom, id="third")
        site = msgspec.structs.replace(CONFIG.site, trunks={each.id: each for each in (town, unicom, other, third)})
        words = ["Registered"]

        async def console(command: str) -> str:
            assert command == "pjsip show registrations"
            if not words:
                raise ConnectionLost("nobody there")
            return SAID.format(word=words[-1])

        trunks = Trunks(console)
        await asyncio.sleep(1)

        async def shown() -> list[str]:
            return [each.registration for each in await trunks.look(desk.controller.ari, site)]

        assert await shown() == ["not-used", "registered", "rejected", "unregistered"]
        assert [each.is_logged_in for each in trunks.seen] == [None, True, False, False]
        looking = asyncio.create_task(trunks.run(lambda: desk.controller.ari, lambda: site), name="trunks")
        await asyncio.sleep(2.5 * LOOK_EVERY_S)
        assert not logged_out(trunks), "after a start it takes its time"
        words.append("Unregistered")
        await asyncio.sleep(LOOK_EVERY_S)
        assert logged_out(trunks) == (
            "not logged in at unicom-2 (rejected), third (unregistered): its carrier sends no calls"
        )
        words.clear()
        await asyncio.sleep(LOOK_EVERY_S)
        assert not logged_out(trunks), "nobody knows"
        assert await shown() == ["not-used", "unknown", "unknown", "unknown"]
        looking.cancel()
        assert [each.registration for each in await Trunks().look(desk.controller.ari, site)][1] == "unknown"
        await desk.closes()

    simulate(scene)


def test_trunks_are_looked_at_now_and_then() -> None:
    async def scene() -> None:
        desk = Desk()
        trunks = desk.board.service.trunks
        looking = asyncio.create_task(
            trunks.run(lambda: desk.controller.ari, lambda: desk.board.service.config.site), name="trunks"
        )
        await asyncio.sleep(0.1)
        before = trunks.seen
        await asyncio.sleep(LOOK_EVERY_S + 1)
        assert (before, [each.trunk for each in trunks.seen]) == ((), ["town"])
        desk.fake.crash(60)
        await asyncio.sleep(LOOK_EVERY_S + 1)
        assert trunks.seen == ()
        looking.cancel()
        await desk.closes()

    simulate(scene)
