"""Whoever may supervise no more hears nothing from then on, in virtual time; and no citizen is lost by it."""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import pytest

from ivr.audit import Deed
from ivr.parties import talk
from ivr.register import Register
from ivr.web.rights import Role
from ivr.web.supervision import Supervision
from routing.talk import Do
from tests.asterisk.waiting import eventually
from tests.calls.desk import Desk
from tests.calls.talking import A, C
from tests.calls.test_talk_api import talking
from tests.fake.loop import simulate

BOSS, PASSWORD, SEAT, AT_ONCE = "liu", "a long enough one", "8020", 1.0
AGENTS = "/agents/1016/talk"
HEARD_BEFORE = 300
"""ms: whoever is cut off goes on their way."""


class Above:
    """A supervisor who has signed in, 1016 talking with a citizen."""

    def __init__(self, desk: Desk, token: str, id_: str) -> None:
        self.desk, self.token, self.id = desk, token, id_

    async def asks(self, do: str, **given: str) -> None:
        answer = await self.desk.ask("POST", f"{AGENTS}/{do}", given, token=self.token)
        assert answer.status == HTTPStatus.OK, answer

    def is_there(self) -> bool:
        return self.desk.fake.parties[SEAT].channel is not None

    def is_cut_off(self) -> bool:
        return not self.is_there()

    def hear(self, label: str, since: int) -> list[str]:
        """What somebody has heard from a moment on."""
        return [what for _, to, what in self.desk.fake.heard(label) if to - since > HEARD_BEFORE]

    def cuts(self) -> list[Deed]:
        entries = [each.deed for each in self.desk.audit.latest(100)]
        return [deed for deed in entries if deed.what == "stop" and deed.who == "house"]


async def above() -> Above:
    desk = await talking()
    desk.fake.seat(SEAT, answers_after=1, talks=None)
    await desk.post("/accounts", name=BOSS, roles=["supervisor", "auditor"], password=PASSWORD)
    answer = await desk.ask("POST", "/login", {"name": BOSS, "password": PASSWORD}, token="")
    ((id_, _),) = desk.access.tokens.items()
    return Above(desk, answer.value.token, id_)


async def _disabled(boss: Above) -> None:
    await boss.desk.post(f"/accounts/{BOSS}/disable")


async def _without_the_role(boss: Above) -> None:
    await boss.desk.post(f"/accounts/{BOSS}/roles", roles=["auditor"])


async def _revoked(boss: Above) -> None:
    await boss.desk.post(f"/tokens/{boss.id}/revoke")


async def _signed_out(boss: Above) -> None:
    assert (await boss.desk.ask("POST", "/logout", token=boss.token)).status == HTTPStatus.OK


async def _another_password(boss: Above) -> None:
    await boss.desk.post(f"/accounts/{BOSS}/password")


Ending = Callable[[Above], Awaitable[None]]
ENDINGS: dict[Ending, str] = {
    _disabled: "the account liu is disabled",
    _without_the_role: "liu has the role supervisor no more",
    _revoked: "the token counts no more",
    _signed_out: "the token counts no more",
    _another_password: "the token counts no more",
}


def ms(desk: Desk) -> int:
    """Now, as the fake counts what is heard."""
    return desk.fake.now()


@pytest.mark.parametrize("do", ["listen", "whisper", "barge"])
@pytest.mark.parametrize("ends", ENDINGS)
def test_whoever_may_supervise_no_more_hears_nothing_at_once_and_the_talk_goes_on(do: str, ends: Ending) -> None:
    async def scene() -> None:
        boss = await above()
        await boss.asks(do, seat=SEAT)
        await asyncio.sleep(3)
        assert boss.is_there()
        await ends(boss)
        await eventually(boss.is_cut_off, within=AT_ONCE)
        cut = ms(boss.desk)
        await asyncio.sleep(5)
        assert not boss.hear(SEAT, cut)
        assert boss.hear("citizen", cut) == [A]
        assert boss.hear("8016", cut) == [C]
        (deed,) = boss.cuts()
        assert (deed.where, deed.given) == (f"{AGENTS}/stop", f'{{"by":"{BOSS}"}}')
        assert ENDINGS[ends] in deed.said
        await boss.desk.closes()

    simulate(scene)


def test_a_phone_that_rings_for_whoever_may_supervise_no_more_rings_no_longer() -> None:
    async def scene() -> None:
        for do in ("listen", "take-over"):
            boss = await above()
            boss.desk.fake.seat(SEAT, answers_after=8, talks=None)
            asked = asyncio.create_task(boss.asks(do, seat=SEAT))
            await eventually(boss.is_there, within=5)
            await _disabled(boss)
            await eventually(boss.is_cut_off, within=AT_ONCE)
            await asked
            cut = ms(boss.desk)
            await asyncio.sleep(5)
            assert boss.hear("citizen", cut) == [A], "the agent has them still"
            assert len(boss.cuts()) == 1
            await boss.desk.closes()

    simulate(scene)


async def _takes_over(boss: Above) -> None:
    await boss.asks("take-over", seat=SEAT)


async def _listens_and_takes_over(boss: Above) -> None:
    await boss.asks("listen", seat=SEAT)
    await asyncio.sleep(3)
    await boss.asks("take-over")


async def _stays_behind(boss: Above) -> None:
    await boss.asks("barge", seat=SEAT)
    await asyncio.sleep(3)
    await boss.desk.post(f"{AGENTS}/hang-up")


@pytest.mark.parametrize("comes", [_takes_over, _listens_and_takes_over, _stays_behind])
@pytest.mark.parametrize("ends", ENDINGS)
def test_whoever_is_the_agent_of_a_citizen_is_never_cut_off(comes: Ending, ends: Ending) -> None:
    async def scene() -> None:
        boss = await above()
        await comes(boss)
        await asyncio.sleep(3)
        await ends(boss)
        ended = ms(boss.desk)
        await asyncio.sleep(10)
        assert boss.hear("citizen", ended) == [f"voice:{SEAT}"]
        assert boss.hear(SEAT, ended) == [C]
        assert not boss.cuts()
        await boss.desk.closes()

    simulate(scene)


def test_whoever_the_agent_is_just_leaving_the_citizen_to_is_not_cut_off() -> None:
    async def scene() -> None:
        boss = await above()
        await boss.asks("barge", seat=SEAT)
        await asyncio.sleep(3)
        desk = boss.desk
        (conversation,) = desk.controller.conversations()
        desk.access.tokens.clear()
        assert not conversation.ask("1016", Do.HANG_UP)
        looks = asyncio.create_task(Supervision(desk.controller, desk.access, desk.audit).run())
        await asyncio.sleep(0)  # it has looked, and Asterisk has said nothing yet
        left = ms(desk)
        await asyncio.sleep(10)
        assert boss.hear("citizen", left)[-1] == f"voice:{SEAT}"
        assert not boss.cuts()
        looks.cancel()
        await desk.closes()

    simulate(scene)


def test_whoever_may_still_supervise_goes_on() -> None:
    async def scene() -> None:
        boss = await above()
        other = await boss.desk.post("/tokens", account=BOSS, label="another")
        await boss.asks("listen", seat=SEAT)
        await boss.desk.post(f"/accounts/{BOSS}/roles", roles=["supervisor"])
        await boss.desk.post(f"/tokens/{other['token']['id']}/revoke")
        await asyncio.sleep(5)
        assert boss.is_there()
        await boss.asks("stop")
        await eventually(boss.is_cut_off, within=AT_ONCE)
        await boss.desk.post_when_ready(f"{AGENTS}/listen", seat=SEAT)  # the house, of which nobody takes the token
        await asyncio.sleep(5)
        assert boss.is_there()
        assert not boss.cuts()
        await boss.desk.closes()

    simulate(scene)


def test_the_token_that_was_asked_with_last_counts_and_is_known_after_a_restart() -> None:
    async def scene() -> None:
        boss = await above()
        await boss.asks("listen", seat=SEAT)
        await asyncio.sleep(3)
        other: Any = await boss.desk.post("/tokens", account=BOSS, label="another", roles=["supervisor"])
        first, boss.token = boss.id, other["secret"]
        await boss.asks("whisper")
        (call,) = boss.desk.controller.register.ledgers
        left = await boss.desk.store.facts_of(call)
        known = talk(Register(boss.desk.board.service.journal, left).ledgers[call])
        assert known is not None
        assert known.parties[2].token == other["token"]["id"]
        await boss.desk.post(f"/tokens/{first}/revoke")
        await asyncio.sleep(3)
        assert boss.is_there()
        await boss.desk.post(f"/tokens/{other['token']['id']}/revoke")
        await eventually(boss.is_cut_off, within=AT_ONCE)
        await boss.desk.closes()

    simulate(scene)


def test_a_disk_that_refuses_the_entry_keeps_nobody_listening() -> None:
    async def scene() -> None:
        boss = await above()
        await boss.asks("listen", seat=SEAT)
        await asyncio.sleep(3)
        boss.desk.log.room = boss.desk.log.size
        await boss.desk.access.change(boss.desk.access.accounts[BOSS], roles=(Role.AUDITOR,))
        await eventually(boss.is_cut_off, within=AT_ONCE)
        assert boss.desk.audit.held
        boss.desk.log.room = None
        await _signed_out(boss)
        assert len(boss.cuts()) == 1
        await boss.desk.closes()

    simulate(scene)
