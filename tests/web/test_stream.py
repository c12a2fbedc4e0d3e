"""The push stream: what it tells adds up to what there is, to whom it tells what, and how one comes back to it."""

import asyncio
from http import HTTPStatus

import msgspec
import pytest

from ivr.web import openapi, stream, views
from ivr.web.hub import ALIVE_EVERY_S, BEGIN_ANEW, BEHIND_MOST, KEPT, SIGNED_OUT, TOO_SLOW
from ivr.web.rights import Role, Who
from routing.ids import AgentId, CallId
from tests.calls.desk import Desk
from tests.fake.loop import simulate
from tests.reading import ROOT
from tests.web.listening import Ear, as_it_is, events, operator, supervisor, told

SCHEMA = ROOT / "docs" / "stream.schema.json"


async def morning(desk: Desk, calls: int = 8) -> None:
    """Agents sit down, and citizens dial: more than there are agents for."""
    await asyncio.sleep(1)
    for agent in ("1001", "1016"):
        desk.fake.seat(f"80{agent[2:]}", answers_after=1.5, talks=12)
        await desk.post(f"/agents/{agent}/sign-in")
    for n in range(calls):
        desk.fake.dials("12329" if n % 2 else "12345", after=0.5 + 2.3 * n, caller=f"1383123456{n}")


def test_what_is_told_adds_up_to_what_there_is() -> None:
    async def scene() -> None:
        desk = Desk()
        ear = Ear(desk, supervisor())
        await morning(desk)
        for _ in range(60):
            await asyncio.sleep(2.05)
            now = await as_it_is(desk, ear.who)
            assert told(ear) == now
        assert ear.kinds() == ["snapshot"] + ["delta"] * (len(ear.events) - 1)
        numbers = [int(id_.partition("-")[2]) for id_, _ in ear.events]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert len(numbers) > 50
        assert "1383123456" not in str(ear.events)
        assert not ear.known["calls"]
        await ear.goes()
        await desk.closes()

    simulate(scene)


def test_who_comes_back_goes_on_where_they_were() -> None:
    async def scene() -> None:
        desk = Desk()
        there, away = Ear(desk, supervisor()), Ear(desk, supervisor("away"))
        await morning(desk)
        for n in range(12):
            await asyncio.sleep(3.3)
            last = await away.goes()
            await asyncio.sleep(1.7)
            before = away
            away = Ear(desk, supervisor("away"), *(("", last) if n % 2 else (last, "")))
            away.known = before.known
            await asyncio.sleep(0.2)
            assert "snapshot" not in away.kinds()
            assert away.known == there.known
        for ear in (there, away):
            await ear.goes()
        await desk.closes()

    simulate(scene)


@pytest.mark.parametrize("last", ["nonsense", "12-3", "-", "{life}-99999", "{life}-x"])
def test_who_names_what_nobody_has_told_is_given_everything(last: str) -> None:
    async def scene() -> None:
        desk = Desk()
        await asyncio.sleep(1)
        ear = Ear(desk, supervisor(), last.format(life=desk.hub._life))
        await asyncio.sleep(0.1)
        assert ear.kinds() == ["snapshot"]
        await ear.goes()
        await desk.closes()

    simulate(scene)


async def fidget(desk: Desk, times: int) -> None:
    """So many changes, each one told by itself."""
    for n in range(times):
        await (desk.post("/agents/1016/pause", reason="会议") if n % 2 else desk.post("/agents/1016/ready"))
        await asyncio.sleep(0.2)


def test_who_was_away_for_too_long_is_given_everything() -> None:
    async def scene() -> None:
        desk = Desk()
        await asyncio.sleep(1)
        await desk.post("/agents/1016/sign-in", ready=False)
        here = Ear(desk, supervisor())
        await asyncio.sleep(0.5)
        last = here.last
        await fidget(desk, KEPT + 5)
        away = Ear(desk, supervisor("away"), last)
        await asyncio.sleep(0.1)
        assert away.kinds() == ["snapshot"]
        for ear in (here, away):
            await ear.goes()
        await desk.closes()

    simulate(scene)


def test_an_operator_hears_of_the_floor_and_of_their_own_calls() -> None:
    async def scene() -> None:
        desk = Desk()
        ears = {agent: Ear(desk, operator(agent)) for agent in ("1001", "1016")}
        above = Ear(desk, supervisor())
        nobody = Ear(desk, Who("new-one", frozenset({Role.OPERATOR})))
        await morning(desk, calls=4)
        for _ in range(25):
            await asyncio.sleep(2.05)
            now = {agent: await as_it_is(desk, ear.who) for agent, ear in ears.items()}
            for agent, ear in ears.items():
                assert ear.known["agents"] == above.known["agents"]
                assert ear.known["queue"] == above.known["queue"]
                mine = above.known["agents"][agent]["call"]
                assert list(ear.known["calls"]) == ([mine] if mine in above.known["calls"] else [])
                assert told(ear)["calls"] == now[agent]["calls"]
        for agent, ear in ears.items():
            heard = {call for _, data in ear.events for call in data.get("calls", {})}
            talked = {
                data["agents"][agent]["call"] for _, data in above.events if data.get("agents", {}).get(agent)
            } - {None}
            assert heard == talked
            assert heard
        assert not any(data.get("calls") for _, data in nobody.events)
        for ear in (*ears.values(), above, nobody):
            await ear.goes()
        await desk.closes()

    simulate(scene)


def test_who_reads_too_slowly_is_let_go_with_a_word_and_nobody_else_notices() -> None:
    async def scene() -> None:
        desk = Desk()
        await asyncio.sleep(1)
        await desk.post("/agents/1016/sign-in", ready=False)
        quick, slow = Ear(desk, supervisor()), Ear(desk, supervisor("slow"))
        await asyncio.sleep(0.5)
        await slow.goes()
        pieces = await slow.pieces()
        await anext(pieces)
        await fidget(desk, BEHIND_MOST + 50)
        assert len(quick.events) > BEHIND_MOST + 50
        assert desk.hub.readers == 2
        rest = b"".join([piece async for piece in pieces])
        assert [data for _, data in events(rest)] == [{"event": "over", "why": TOO_SLOW}]
        assert desk.hub.readers == 1
        await quick.goes()
        await desk.closes()

    simulate(scene)


def test_what_changes_while_a_reader_still_takes_a_piece_comes_with_the_next() -> None:
    async def scene() -> None:
        desk = Desk()
        ear = Ear(desk, supervisor())
        await asyncio.sleep(0.5)
        await ear.goes()
        pieces = await ear.pieces()
        await anext(pieces)
        await desk.post("/agents/1016/sign-in")
        await asyncio.sleep(0.5)
        heard = await asyncio.wait_for(anext(pieces), ALIVE_EVERY_S / 2)
        assert [each["agents"]["1016"]["state"] for _, each in events(heard)] == ["ready"]
        await pieces.aclose()
        await desk.closes()

    simulate(scene)


def test_a_token_that_counts_no_more_ends_the_stream() -> None:
    async def scene() -> None:
        desk = Desk()
        await desk.access.open("li", (Role.SUPERVISOR,), password="a long enough one")
        ears = []
        for _ in range(2):
            made = await desk.access.sign_in("li", "a long enough one")
            assert made is not None
            who = desk.access.identify(made.secret)
            assert who is not None
            ears.append(Ear(desk, msgspec.structs.replace(who, name="li")))
        await asyncio.sleep(0.5)
        await desk.access.revoke(ears[0].who.token)
        assert await ears[0].is_let_go() == SIGNED_OUT
        await asyncio.sleep(0.5)
        assert ears[1].kinds() == ["snapshot"]
        await desk.access.change(desk.access.accounts["li"], roles=(Role.OPERATOR,))
        assert await ears[1].is_let_go() == SIGNED_OUT
        await desk.closes()

    simulate(scene)


def test_a_call_of_which_nothing_is_known_yet_is_not_shown_and_harms_nothing() -> None:
    async def scene() -> None:
        desk = Desk()
        await asyncio.sleep(1)
        ear = Ear(desk, supervisor())
        desk.controller.register.open(CallId("handan1-1-1"))
        await asyncio.sleep(1)
        assert not ear.known["calls"]
        assert not (await desk.get("/calls"))["living"]
        await ear.goes()
        await desk.closes()

    simulate(scene)


def test_what_cannot_be_shown_stops_neither_the_stream_nor_the_controller(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        desk = Desk()
        await asyncio.sleep(1)
        ear = Ear(desk, supervisor())
        await asyncio.sleep(1)
        with monkeypatch.context() as broken:
            broken.setattr(views, "living", None)
            await desk.post("/agents/1016/sign-in")
            desk.fake.dials("12345", after=0.1)
            assert await ear.is_let_go() == BEGIN_ANEW
        last = ear.events[-2][0]
        await asyncio.sleep(10)
        again = Ear(desk, supervisor("again"), last)
        await asyncio.sleep(1)
        assert again.kinds()[0] == "snapshot"
        assert len(again.known["calls"]) == 1
        await again.goes()
        await desk.closes()

    simulate(scene)
    assert "cannot tell what there is" in caplog.text


def test_silence_is_said_now_and_then() -> None:
    async def scene() -> None:
        desk = Desk()
        await asyncio.sleep(1)
        ear = Ear(desk, supervisor())
        await asyncio.sleep(4.5 * ALIVE_EVERY_S)
        assert (ear.beats, len(ear.events)) == (4, 1)
        await ear.goes()
        await desk.closes()

    simulate(scene)


def test_nobody_listens_and_nothing_is_looked_at() -> None:
    async def scene() -> None:
        desk = Desk()
        await asyncio.sleep(1)
        ear = Ear(desk, supervisor())
        await asyncio.sleep(1)
        await ear.goes()
        await desk.post("/agents/1016/sign-in")
        await asyncio.sleep(60)
        assert desk.hub._looks.agents[AgentId("1016")] is None
        assert (await as_it_is(desk, supervisor()))["agents"]["1016"]["state"] == "ready"
        await desk.closes()

    simulate(scene)


def test_so_many_listen_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "READERS_MOST", 1)

    async def scene() -> None:
        desk = Desk()
        ear = Ear(desk, supervisor())
        await asyncio.sleep(0.5)
        assert (await desk.ask("GET", "/stream")).status is HTTPStatus.SERVICE_UNAVAILABLE
        await ear.goes()
        await desk.closes()

    simulate(scene)


def test_the_docs_hold_the_schema() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == openapi.encode(stream.schema()), "write it anew: hotline schema"
