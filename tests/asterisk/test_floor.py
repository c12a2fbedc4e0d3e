"""Agents whose phones are gone, or who leave as a call comes to them; and two supervisors at the same talk.

The scenes are played at once in a house of their own, in which nobody stays unreachable for long.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from ivr.edge.http import ask
from ivr.errors import Trouble
from tests.asterisk.house import opened, written_city
from tests.asterisk.office import Act, Office, Played
from tests.asterisk.phones import Agent, Citizen
from tests.asterisk.switch import amended
from tests.asterisk.talking import all_hung_up, hear_each_other, hears_no_more, voices
from tests.asterisk.waiting import eventually, passes

pytestmark = pytest.mark.asterisk

MERGED = "2022-03-02T10:00"  # after the transition, whose sentences are long
TRANSITION = "2021-09-15T10:00"  # an agent is reserved meanwhile, and rung as the sentence ends
HALL = ("1012", "1013", "1014", "1015", "1016", "1017", "1018")
UNPLUGGED, NEIGHBOUR, DYING = "2001", "2002", "2003"  # the seats of 12350
FIRST_LAWYER, LAWYER = "2011", "2012"
AT_LUNCH, AT_DESK = "1011", "1019"
AUTOMATIC = "8020"  # a seat whose phone answers by itself
SIGNED_OUT_AFTER_S = 45
SEEN_WITHIN_S = 20.0
"""A phone that says that it goes."""
MISSED_WITHIN_S = 60.0
"""One that says nothing is asked now and then."""
RUNG_FOR_S = 6.0
"""As site.yaml has it."""
DESK_SILENT_FOR_S = 3
OTHERWISE = {
    "unreachable_for: 60 s ": f"unreachable_for: {SIGNED_OUT_AFTER_S} s ",
    "desk_silent_for: 15 s ": f"desk_silent_for: {DESK_SILENT_FOR_S} s ",
    f"{{id: {AUTOMATIC}, kind: desk, pool: hall}}": f"{{id: {AUTOMATIC}, kind: desk, pool: hall, answer: auto}}",
}

scenes = Act()


def city(folder: Path) -> Path:
    """A city's files in `folder`."""
    return written_city(folder, amended(OTHERWISE))


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("a city whose phones are gone")
    with opened(folder / "state of it", HOTLINE_CONFIG=str(city(folder / "city"))) as house:
        staff = (*HALL, AT_LUNCH, AT_DESK, UNPLUGGED, NEIGHBOUR, DYING, FIRST_LAWYER, LAWYER)
        yield asyncio.run(scenes.play(house, staff, gap=1.0))


async def orders(office: Office, path: str, **given: str) -> Any:
    """Somebody in the house asks for it."""
    return await office.house.controller(path, method="POST", given=given)


async def is_(office: Office, agent: str, state: str | None, within: float = SEEN_WITHIN_S, every: float = 0.5) -> None:
    """Wait until the agent is in this state; None: signed out."""
    now: list[str | None] = []

    async def so_it_is() -> bool:
        now[:] = [(await office.house.agents()).get(agent)]
        return now == [state]

    await eventually(so_it_is, within, lambda: f"{agent} is {state or 'signed out'}, but {now}", every)


def was_rung(office: Office, agent: str) -> int:
    return sum(number == agent for _, _, number in office.rung)


async def begins_to_talk(office: Office, citizen: Citizen) -> tuple[Agent, str]:
    """Whoever is rung for the citizen answers, and both hear each other; the agent's phone and 工号."""
    agent = (await office.rings_for(citizen)).answers()
    number = office.number_of(agent)

    async def is_so() -> bool:
        try:
            await office.house.controller(f"agents/{number}/talk")
        except HTTPError:  # the prompts before it are being said
            return False
        return True

    await eventually(is_so, 20, f"{number} talks with {citizen.name}", every=0.3)
    await hear_each_other(citizen, agent)
    return agent, number


async def talking(office: Office) -> tuple[Citizen, Agent, str]:
    """A citizen of 12345 and an agent, in talk; the agent's 工号."""
    citizen = await office.citizen()
    await citizen.dials("12345")
    return citizen, *await begins_to_talk(office, citizen)


class Supervisor:
    """Somebody with an account and a phone at a seat."""

    def __init__(self, office: Office, name: str, token: str, phone: Agent) -> None:
        self.office, self.name, self.phone = office, name, phone
        self._token = token

    async def asks(self, agent: str, what: str) -> dict[str, str]:
        """Something about the talk of an agent; what each in it does then.  Raises `Trouble`."""
        given = {} if what == "stop" else {"seat": self.phone.name}
        told = await self._asked(f"agents/{agent}/talk/{what}", given)
        return {party["name"]: party["doing"] for party in told["parties"]}

    async def does(self, what: str) -> dict[str, str]:
        """Something in the talk that has become their own."""
        told = await self._asked(f"agents/{self.name}/talk/{what}", {})
        return {party["name"]: party["doing"] for party in told["parties"]}

    async def _asked(self, path: str, given: dict[str, Any]) -> Any:
        return await ask(f"http://127.0.0.1:{self.office.house.ports['web']}/{path}", "POST", self._token, given)


async def supervisor(office: Office, name: str, seat: str) -> Supervisor:
    token = await signed_in(office, {"name": name, "roles": ["supervisor"]})
    return Supervisor(office, name, token, await office.agent(seat))


async def signed_in(office: Office, account: dict[str, Any]) -> str:
    """A new account has signed in; its token."""
    made = await office.house.controller("accounts", method="POST", given=account)
    login = {"name": account["name"], "password": made["password"]}
    told = await ask(f"http://127.0.0.1:{office.house.ports['web']}/login", "POST", "", login)
    return str(told["token"])


# --- phones that are gone


@scenes
async def an_unplugged_phone_is_unreachable_its_calls_are_others_and_plugged_in_it_takes_calls_again(
    office: Office,
) -> None:
    phone = office.staff[UNPLUGGED]
    await phone.phone.unregister()
    await is_(office, UNPLUGGED, "unreachable")
    citizen = await office.citizen()
    await citizen.dials("12350", at=MERGED)
    agent, number = await begins_to_talk(office, citizen)
    assert number == NEIGHBOUR
    await phone.registers()
    await is_(office, UNPLUGGED, "ready")
    citizen.was_never_in_silence()
    await citizen.hangs_up()
    await all_hung_up(agent)
    record = await office.house.record(citizen.name)
    assert (record.agent, record.offers) == (NEIGHBOUR, 1)
    await orders(office, f"agents/{NEIGHBOUR}/pause", reason="会议")
    again = await office.citizen()
    await again.dials("12350", at=MERGED)
    assert (await begins_to_talk(office, again))[1] == UNPLUGGED
    await again.hangs_up()
    await all_hung_up(phone)


@scenes
async def who_was_paused_when_their_phone_was_unplugged_is_so_again(office: Office) -> None:
    await orders(office, f"agents/{AT_LUNCH}/pause", reason="用餐")
    await office.staff[AT_LUNCH].phone.unregister()
    await is_(office, AT_LUNCH, "unreachable")
    await office.staff[AT_LUNCH].registers()
    await is_(office, AT_LUNCH, "paused")
    (shown,) = [each for each in await office.house.controller("agents") if each["agent"] == AT_LUNCH]
    assert shown["reason"] == "用餐"


@scenes
async def whose_phone_dies_and_does_not_come_back_is_unreachable_and_then_signed_out(office: Office) -> None:
    await orders(office, f"agents/{DYING}/pause", reason="会议")
    office.staff[DYING].dies()
    await is_(office, DYING, "unreachable", MISSED_WITHIN_S)
    await is_(office, DYING, None, SIGNED_OUT_AFTER_S + SEEN_WITHIN_S)
    assert was_rung(office, DYING) == 0


@scenes
async def a_desk_counts_from_its_first_word_on_until_it_is_closed(office: Office) -> None:
    beat = f"agents/{AT_DESK}/heartbeat"
    await orders(office, f"agents/{AT_DESK}/pause", reason="培训")
    await passes(DESK_SILENT_FOR_S + 2)
    await is_(office, AT_DESK, "paused")
    assert (await orders(office, beat))["within_ms"] == DESK_SILENT_FOR_S * 1000
    await is_(office, AT_DESK, "unreachable")
    assert (await office.house.told())["agents"][AT_DESK]["reason"] == "desk"
    await orders(office, beat)
    await is_(office, AT_DESK, "paused")
    await office.house.controller(beat, method="POST", given={"closes": True})
    await passes(DESK_SILENT_FOR_S + 2)
    await is_(office, AT_DESK, "paused")


# --- agents who do not answer


@scenes
async def who_lets_it_ring_gets_no_more_calls_and_they_and_their_supervisor_are_told_why(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials("12345")
    away = await office.rings_for(citizen)
    number = office.number_of(away)
    away.ring.ignore()
    await away.stops_ringing()
    assert away.call.ended_at is not None
    assert away.call.ended_at - away.call.began == pytest.approx(RUNG_FOR_S, abs=2)
    agent, other = await begins_to_talk(office, citizen)
    assert other != number
    account = {"name": f"{number}-away", "roles": ["operator"], "agent": number}
    own = await signed_in(office, account)
    for token in (own, ""):
        shown = (await office.house.told(token))["agents"][number]
        assert (shown["state"], shown["reason"]) == ("paused", "no-answer")
    citizen.was_never_in_silence()
    await citizen.hangs_up()
    await all_hung_up(agent)
    record = await office.house.record(citizen.name)
    assert (record.agent, record.offers) == (other, 2)
    await orders(office, f"agents/{number}/ready")
    await is_(office, number, "ready")


# --- agents who leave


@scenes
async def who_leaves_while_a_call_is_reserved_for_them_is_not_rung_and_it_goes_to_the_next(office: Office) -> None:
    citizen = await office.citizen()
    await citizen.dials("12348", at=TRANSITION)
    await is_(office, FIRST_LAWYER, "reserved", every=0.1)
    await orders(office, f"agents/{FIRST_LAWYER}/sign-out")
    await is_(office, FIRST_LAWYER, None)
    lawyer, number = await begins_to_talk(office, citizen)
    assert number == LAWYER
    citizen.was_never_in_silence()
    await citizen.hangs_up()
    await all_hung_up(lawyer)
    another = await office.citizen()
    await is_(office, LAWYER, "ready")
    await another.dials("12348", at=TRANSITION)
    await is_(office, LAWYER, "reserved", every=0.1)
    await orders(office, f"agents/{LAWYER}/pause", reason="会议")
    await is_(office, LAWYER, "paused")
    agent, number = await begins_to_talk(office, another)
    assert number in HALL, "nobody else is left of those seats"
    another.was_never_in_silence()
    await another.hangs_up()
    await all_hung_up(agent)
    assert (was_rung(office, FIRST_LAWYER), was_rung(office, LAWYER)) == (0, 1)
    assert [(await office.house.record(each.name)).offers for each in (citizen, another)] == [1, 1]


# --- two supervisors


@scenes
async def two_supervisors_who_barge_in_at_once_are_both_heard_and_hear_all(office: Office) -> None:
    citizen, agent, number = await talking(office)
    bosses = [await supervisor(office, "liu", "8001"), await supervisor(office, "wang", "8002")]
    await asyncio.gather(*(boss.asks(number, "barge") for boss in bosses))
    one, other = [(await boss.phone.rings()).answers() for boss in bosses]
    await hear_each_other(citizen, agent, one, other)
    await bosses[0].asks(number, "stop")
    await all_hung_up(one)
    await hear_each_other(citizen, agent, other)
    citizen.was_never_in_silence()
    await agent.hangs_up()
    await hear_each_other(citizen, other)
    await citizen.hangs_up()
    await all_hung_up(other)
    record = await office.house.record(citizen.name)
    assert [part.agent for part in record.talks] == [number, "wang"]


@scenes
async def of_two_supervisors_who_take_over_at_once_one_has_the_citizen_and_the_other_is_told_so(office: Office) -> None:
    citizen, agent, number = await talking(office)
    bosses = [await supervisor(office, "zhao", "8003"), await supervisor(office, "qian", "8004")]
    answers = await asyncio.gather(*(boss.asks(number, "take-over") for boss in bosses), return_exceptions=True)
    (boss,) = [boss for boss, answer in zip(bosses, answers, strict=True) if not isinstance(answer, BaseException)]
    (late,) = [each for each in bosses if each is not boss]
    (refused,) = [answer for answer in answers if isinstance(answer, BaseException)]
    assert f"{boss.name} takes this conversation over already" in str(refused)
    (await boss.phone.rings()).answers()
    await all_hung_up(agent)
    await hear_each_other(citizen, boss.phone)
    with pytest.raises(Trouble, match="in no conversation"):
        await late.asks(number, "take-over")
    await boss.does("hold")
    await citizen.hears_music()
    await hears_no_more(boss.phone, citizen)
    await boss.does("retrieve")
    await hear_each_other(citizen, boss.phone)
    citizen.was_never_in_silence()
    assert not late.phone.phone.calls, "nobody has rung there"
    await citizen.hangs_up()
    await all_hung_up(boss.phone)
    record = await office.house.record(citizen.name)
    assert [part.agent for part in record.talks] == [record.agent, boss.name] == [number, boss.name]
    assert [part.held_ms for part in record.talks] == [0, record.held_ms]
    assert record.held_ms > 1_500
    _, right = await office.house.recording(citizen.name)
    assert voices(right, agent).any()
    assert voices(right, boss.phone).any()


@scenes
async def one_listens_after_a_beep_and_leaves_with_the_agent_as_another_takes_over_and_stops(office: Office) -> None:
    citizen, agent, number = await talking(office)
    ear, boss = await supervisor(office, "sun", AUTOMATIC), await supervisor(office, "zhou", "8005")
    await ear.asks(number, "listen")
    (await ear.phone.rings()).answers()
    await eventually(lambda: ear.phone.hears_also(agent) and ear.phone.hears_also(citizen), 10, "sun hears both")
    assert ear.phone.heard_a_beep()
    await hears_no_more(agent, ear.phone)
    await hears_no_more(citizen, ear.phone)
    await boss.asks(number, "take-over")
    (await boss.phone.rings()).answers()
    await hear_each_other(citizen, boss.phone)
    await all_hung_up(agent, ear.phone)
    assert not boss.phone.heard_a_beep()
    citizen.was_never_in_silence()
    await boss.asks(number, "stop")
    await all_hung_up(boss.phone)
    await citizen.hears("survey")
    await citizen.hangs_up()


@pytest.mark.parametrize("scene", scenes.names)
def test_on_the_floor(played: Played, scene: str) -> None:
    played.check(scene)


def test_nothing_is_left_of_the_floor(played: Played) -> None:
    assert not played.left
