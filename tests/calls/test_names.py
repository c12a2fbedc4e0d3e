"""Names that come from outside: none of them reaches a dial string, whatever it is said to be the name of."""

import asyncio
from http import HTTPStatus
from urllib.parse import quote

import pytest

from ivr import inside
from ivr.ari.vitals import Ended
from ivr.web.rights import Role, Who
from routing.causes import ABSENT
from routing.ids import AgentId, ChannelId, SeatId
from routing.talk import Kind
from tests.calls.desk import Desk
from tests.calls.test_talk_api import talking
from tests.fake.loop import simulate

ABROAD = "00442012345678"
NAMES = (
    "8019",  # a seat of ours, at which nobody has asked to be rung
    f"{ABROAD}@town",
    f"8001@town&PJSIP/{ABROAD}@town",
    f"8001/sip:{ABROAD}@10.0.0.1",
    "town/8001",
    "8001,30,g",
    "8001)",
    "${SHELL(id)}",
    "$[1+1]",
    "8001;transport=tcp",
    "8001\n",
    "Local/s@survival",
    "../8001",
    "8001%40town",
    "一二三",
)
KINDS = (*Kind, "supervisor", "")
TALK = "/agents/1016/talk"


def rung(desk: Desk) -> list[str]:
    """What Asterisk is asked to dial from now on."""
    asked: list[str] = []

    def look(method: str, path: str) -> int | None:
        if method == "POST" and path.startswith("channels/") and path.count("/") == 1:
            asked.append(path)
        return None

    desk.fake.refuse = look
    return asked


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_kind_a_name_is_said_to_be_of_it_is_dialled_only_as_the_config_has_it(kind: str) -> None:
    async def scene() -> None:
        desk = await talking()
        desk.people["someone"] = Who("someone", frozenset({Role.OPERATOR}), AgentId("1016"))
        asked = rung(desk)
        for name in NAMES:
            for do in ("consult", "transfer", "link"):
                for more in ({}, {"detail": name}, {"language": name}):
                    given = {"kind": kind, "name": name, **more}
                    answer = await desk.ask("POST", f"{TALK}/{do}", given, token="someone")
                    assert answer.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}, (given, answer)
        assert asked == []
        await desk.closes()

    simulate(scene)


@pytest.mark.parametrize("kind", ["seat", "emergency"])
def test_a_seat_and_an_emergency_number_are_not_consulted_or_linked_and_nobody_is_transferred_there(kind: str) -> None:
    async def scene() -> None:
        desk = await talking()
        asked = rung(desk)
        for do in ("consult", "transfer", "link"):
            for name in ("8019", "110"):
                said = await desk.refused("POST", f"{TALK}/{do}", HTTPStatus.BAD_REQUEST, kind=kind, name=name)
                assert said.startswith("kind: "), said
        assert asked == []
        await desk.closes()

    simulate(scene)


OTHERS: tuple[tuple[str, dict[str, str]], ...] = (
    (f"{TALK}/expert", {"industry": "NAME"}),
    (f"{TALK}/utility", {"target": "NAME"}),
    (f"{TALK}/emergency", {"number": "NAME"}),
    *((f"{TALK}/{do}", {"seat": "NAME"}) for do in ("listen", "whisper", "barge", "take-over")),
    ("/agents/1001/sign-in", {"seat": "NAME"}),
    ("/agents/NAME/sign-in", {}),
    ("/agents/1017/call-out", {"number": "NAME"}),
    ("/agents/NAME/call-out", {"number": "13800138000"}),
    ("/seats/NAME/sign-in", {"agent": "1001", "pin": "000000"}),
    ("/pools/NAME/close", {"reason": "x"}),
    ("/announcements", {"text": "x", "pool": "NAME"}),
    ("/announcements", {"prompt": "NAME"}),
    ("/calls/NAME/move", {"pool": "hall"}),
    ("/calls/handan1-1-1/move", {"pool": "NAME"}),
    ("/calls/NAME/recording", {}),
)


@pytest.mark.parametrize("operation", OTHERS, ids=str)
def test_every_other_name_is_looked_up_before_anything_is_done_with_it(operation: tuple[str, dict[str, str]]) -> None:
    async def scene() -> None:
        path, given = operation
        desk = await talking()
        asked = rung(desk)
        for name in NAMES[1:]:
            filled = {key: value.replace("NAME", name) for key, value in given.items()}
            method = "GET" if path.endswith("recording") else "POST"
            answer = await desk.ask(method, path.replace("NAME", quote(name, safe="")), filled)
            assert HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR, (filled, answer)
        assert asked == []
        await desk.closes()

    simulate(scene)


@pytest.mark.parametrize("name", NAMES[1:])
def test_what_is_no_seat_s_number_is_not_dialled_even_where_a_seat_is_rung(name: str) -> None:
    async def scene() -> None:
        desk = Desk()
        await asyncio.sleep(1)
        asked, ari = rung(desk), desk.controller.ari
        assert ari is not None
        ringing = inside.Ringing(SeatId(name), None, "", lambda _by: ChannelId("handan1-1-1-talk-2-1"))
        async with inside.rung(desk.controller.service, ari, ringing) as (_, answer):
            assert answer == Ended(hung_up=True, cause=ABSENT)
        assert asked == []
        await desk.closes()

    simulate(scene)
