"""Several carriers: a house in production whose carriers are phones on other addresses of the loopback network.

Each carrier is known by its addresses, is spoken with from an address of our own if it has one, and stands in for one
that is silent or refuses.
"""

import json
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from ivr.facts import Direction, Outcome
from ivr.town import audio, sip
from ivr.town.calls import Call, Incoming, Outgoing, Refused
from ivr.town.phone import Phone
from ivr.town.rtp import Pacer, tone
from ivr.town.transactions import Address, fresh
from tests.asterisk.house import ROOT, House, opened
from tests.asterisk.phones import RIGHT, fresh_number
from tests.asterisk.servers import free_port
from tests.asterisk.waiting import eventually

pytestmark = [pytest.mark.asterisk, pytest.mark.slow]

TELECOM, DEAD, UNICOM, MOBILE, NOBODY = (f"127.0.0.{n}" for n in (2, 3, 4, 5, 9))
OURS, TO_UNICOM, TO_MOBILE = "127.0.0.7", "127.0.0.8", "127.0.0.10"
OUTSIDE, PILOT = "203.0.113.7", "03103020000"
TRUNKS = """trunks:
  - {{id: telecom, name: 电信, carrier: telecom, addresses: ["{telecom}:{port}"], options_every: 1 s,
     channels: 4, reserve_out: 1, reserve_emergency: 1}}
  - {{id: unicom, name: 联通, carrier: unicom, addresses: ["{dead}:{port}", "{unicom}:{port}"], options_every: 1 s,
     bind: {to_unicom}, pilot: "{pilot}"}}
  - {{id: mobile, name: 移动, carrier: mobile, addresses: ["{mobile}:{port}"], bind: {to_mobile},
     registers: yes, external_address: {outside}}}
"""
VOICE, SEAT_S, CITIZEN_S, DESK_S = 700, 900, 440, 1100  # Hz
LOUD = 300.0  # amplitude of a voice
SUBSCRIBER = "3000001"


def city(folder: Path, port: int) -> Path:
    """Ours, in production, with three carriers; the centre of 12316 is open at any hour, over the first two."""
    trunks = TRUNKS.format(
        telecom=TELECOM, dead=DEAD, unicom=UNICOM, mobile=MOBILE, port=port,
        to_unicom=TO_UNICOM, to_mobile=TO_MOBILE, outside=OUTSIDE, pilot=PILOT,
    )  # fmt: skip
    (folder / "config").mkdir(parents=True)
    (folder / "recordings").mkdir()
    shutil.copy(ROOT / "config/lines.yaml", folder / "config")
    shutil.copy(ROOT / "recordings/prompts.yaml", folder / "recordings")
    site = (ROOT / "config/site.yaml").read_text("utf-8")
    before, _, rest = site.partition("\ntrunks:\n")
    _, _, after = rest.partition("\n# Outside numbers")
    site = f"{before}\n{trunks}\n# Outside numbers{after}"
    for old, new in (
        ("  mode: demo", "  mode: production"),
        ("  rehearsal: 2021-09-15T09:00", "# rehearsal:"),
        ("trunks: [town]", "trunks: [telecom, unicom]"),
        ("hours: Mo-Su 08:00-18:00", "hours: always"),
    ):
        assert old in site
        site = site.replace(old, new)
    (folder / "config/site.yaml").write_text(site, "utf-8")
    return folder


@pytest.fixture(scope="module")
def port() -> int:
    """Where every carrier listens."""
    return free_port(socket.SOCK_DGRAM)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[House]:
    """A house in production; what is due at its end does not wait for anybody."""
    folder = tmp_path_factory.mktemp("carriers")
    chosen = {"HOTLINE_CONFIG": str(city(folder / "the city", port)), "HOTLINE_SIP_BIND": OURS}
    with opened(folder / "state", ("--drain", "0"), **chosen) as house:
        yield house


class Carriers:
    """The two carriers over which the centre is dialled, and one that translates addresses."""

    def __init__(self, house: House, telecom: Phone, unicom: Phone, mobile: Phone) -> None:
        self.house = house
        self.telecom, self.unicom, self.mobile = telecom, unicom, mobile

    async def calls(self, carrier: Phone, number: str, over: str = OURS) -> Outgoing:
        """A citizen's call, answered."""
        carrier.user = fresh_number()
        call = await carrier.dial(number, (over, self.house.ports["sip"]))
        call.say(tone(CITIZEN_S))
        await call.answered(10)
        return call

    async def hears(self, call: Outgoing, prompt: str, within: float = 20.0) -> None:
        """Wait until it has been heard."""
        sought = self.house.prompt(prompt)

        def is_heard() -> bool:
            return audio.hears(call.heard().samples, sought).correlation >= RIGHT

        await eventually(is_heard, within, f"hears {prompt}", every=0.25)


@pytest.fixture
async def carriers(house: House, port: int) -> AsyncIterator[Carriers]:
    """All at their posts."""
    async with AsyncExitStack() as open_:
        pacer = Pacer()
        phones = [
            await open_.enter_async_context(await Phone.open(ip=ip, port=port, pacer=pacer))
            for ip in (TELECOM, UNICOM, MOBILE)
        ]
        await eventually(lambda: not missing(house), 15, f"contacts: {missing(house)}")
        yield Carriers(house, *phones)
    await house.is_quiet()


def missing(house: House) -> str:
    """What Asterisk does not yet know of who answers OPTIONS."""
    found = asterisk(house, "pjsip show contacts")
    wanted = {TELECOM: "Avail", DEAD: "Unavail", UNICOM: "Avail"}
    lines = {ip: next((line for line in found.splitlines() if f"{ip}:" in line), "") for ip in wanted}
    return ", ".join(line or ip for ip, line in lines.items() if wanted[ip] not in line.split())


def asterisk(house: House, command: str) -> str:
    """A command of its command line."""
    program = house.says()["asterisk"]["program"]
    argv = [*program, "-C", str(house.state / "asterisk/etc/asterisk.conf"), "-rx", command]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20).stdout


async def talk(call: Call, ring: Call, *, voices: tuple[int, int] = (SEAT_S, VOICE)) -> None:
    """The two hear each other: whoever called, and whoever is there."""
    for one, hertz in zip((ring, call), voices, strict=True):
        await eventually(lambda: audio.dominant(one.heard().samples[-4000:]) == hertz, 15, f"{hertz} Hz")  # noqa: B023 - awaited at once


async def asked(house: House, path: str, **given: str) -> None:
    """Agent 1001, who sits at 8001, asks for something."""
    await house.controller(f"agents/1001/{path}", method="POST", given=given)


@asynccontextmanager
async def seated(house: House, *, ready: bool = True) -> AsyncIterator[Phone]:
    """The phone at 8001, and its agent."""
    async with await Phone.open() as seat:
        await seat.register((OURS, house.ports["sip"]), "8001", house.secret("8001"))
        await house.signs_in("1001", ready=ready)
        yield seat
        await house.signs_out("1001")


async def test_each_carrier_is_known_by_its_address_and_its_calls_are_marked(carriers: Carriers) -> None:
    for phone, over, trunk in (
        (carriers.telecom, OURS, "telecom"),
        (carriers.unicom, TO_UNICOM, "unicom"),
    ):
        call = await carriers.calls(phone, "12345", over)
        await carriers.hears(call, "greeting-12345")
        await call.hang_up()
        assert (await carriers.house.record(phone.user)).trunk == trunk


async def test_a_caller_from_an_address_that_is_no_carriers_is_refused(carriers: Carriers) -> None:
    """Challenged, as anybody who may be one of our own phones; nothing of it reaches the hotline."""
    async with await Phone.open(ip=NOBODY) as stranger:
        stranger.user = fresh_number()
        for over in (OURS, TO_UNICOM):
            call = await stranger.dial("12345", (over, carriers.house.ports["sip"]))
            with pytest.raises(Refused, match="401"):
                await call.answered(10)
        assert not await carriers.house.records(stranger.user)


async def test_the_first_carrier_is_asked_first_and_its_answer_is_the_centre(carriers: Carriers) -> None:
    call = await carriers.calls(carriers.unicom, "12316", TO_UNICOM)
    ring = await carriers.telecom.rung(20)
    ring.answer(tone(VOICE))
    await eventually(lambda: audio.dominant(call.heard().samples[-4000:]) == VOICE, 10, "the centre")
    assert not carriers.unicom.is_ringing
    await call.hang_up()


@pytest.mark.parametrize("status", [503, 500, 403, 404, 0], ids=lambda status: str(status or "silence"))
async def test_a_carrier_that_refuses_or_says_nothing_is_passed_over(carriers: Carriers, status: int) -> None:
    """The next one is dialled at its second address, as nobody is at its first."""
    carriers.telecom.rings_at_once = bool(status)
    call = await carriers.calls(carriers.unicom, "12316", TO_UNICOM)
    refused = await carriers.telecom.rung(20)
    assert refused.offer.host == OURS
    if status:
        refused.reject(status)
    ring: Incoming = await carriers.unicom.rung(15)
    assert (ring.source[0], ring.offer.host) == (TO_UNICOM, TO_UNICOM)
    ring.answer(tone(VOICE))
    await eventually(lambda: audio.dominant(call.heard().samples[-4000:]) == VOICE, 10, "the centre")
    await call.hang_up()


@pytest.mark.parametrize("status", [486, 603], ids=str)
async def test_a_centre_that_is_busy_or_declines_is_not_asked_again_over_another_carrier(
    carriers: Carriers, status: int
) -> None:
    call = await carriers.calls(carriers.unicom, "12316", TO_UNICOM)
    (await carriers.telecom.rung(20)).reject(status)
    await carriers.hears(call, "return-hall")
    assert not carriers.unicom.is_ringing
    await call.hang_up()


async def test_a_carrier_that_forbids_the_citizen_s_number_is_asked_once_more_with_its_pilot(
    carriers: Carriers,
) -> None:
    call = await carriers.calls(carriers.telecom, "12316")
    (await carriers.telecom.rung(20)).reject(503)
    forbidden = await carriers.unicom.rung(20)
    forbidden.reject(403)
    ring = await carriers.unicom.rung(20)
    ring.answer(tone(VOICE))
    await eventually(lambda: audio.dominant(call.heard().samples[-4000:]) == VOICE, 10, "the centre")
    assert (forbidden.caller, ring.caller) == (carriers.telecom.user, PILOT)
    await call.hang_up()


async def test_a_seat_reaches_the_emergency_desk_while_the_controller_is_dead(carriers: Carriers) -> None:
    """The next life sees that its agent is on another call, and has them again when it is over."""
    house = carriers.house

    def is_in(state: str, reason: str) -> bool:
        (shown,) = [each for each in json.loads(house.hotline("agents", "--json")) if each["agent"] == "1001"]
        return bool((shown["state"], shown["reason"]) == (state, reason))

    async with await Phone.open() as seat:
        await seat.register((OURS, house.ports["sip"]), "8001", house.secret("8001"))
        house.hotline("agents", "sign-in", "1001")
        killed = house.kills("controller")
        call = await seat.dial("110", (OURS, house.ports["sip"]))
        ring = await carriers.telecom.rung(20)
        ring.answer(tone(VOICE))
        await call.answered(10)
        call.say(tone(SEAT_S))
        await talk(call, ring)
        assert ring.caller == "12345"
        await house.has_restarted("controller", killed)
        await eventually(lambda: is_in("paused", "on another call"), 15, "its agent is offered nothing")
        assert call.end is None
        await call.hang_up()
        await eventually(lambda: is_in("ready", ""), 15, "its agent is ready again")
        house.hotline("agents", "sign-out", "1001")


async def test_of_a_seat_s_emergency_call_a_carrier_is_asked_again_with_its_pilot_only_when_it_forbids_the_number(
    carriers: Carriers,
) -> None:
    """A desk that declines is not called once more; the cause in Asterisk is the same."""
    house, over = carriers.house, (OURS, carriers.house.ports["sip"])
    async with await Phone.open() as seat:
        await seat.register(over, "8001", house.secret("8001"))
        for status in (603, 403, 433):
            call = await seat.dial("110", over)
            (await carriers.telecom.rung(20)).reject(603)
            first = await carriers.unicom.rung(20)
            first.reject(status)
            if status == 603:
                await call.answered(10)
                await carriers.hears(call, "unanswered-110")
                assert not carriers.unicom.is_ringing
            else:
                again = await carriers.unicom.rung(20)
                again.answer(tone(VOICE))
                await call.answered(10)
                assert (first.caller, again.caller) == ("12345", PILOT)
            await call.hang_up()


async def test_a_full_trunk_refuses_callers_is_passed_over_and_keeps_its_last_channel_for_an_emergency(
    carriers: Carriers,
) -> None:
    """Of its four channels two are for callers; the third is dialled over, the fourth is nobody's but 110's."""
    house, telecom, unicom = carriers.house, carriers.telecom, carriers.unicom
    calls = [await carriers.calls(telecom, "12345") for _ in range(2)]
    refused = await telecom.dial("12345", (OURS, house.ports["sip"]))
    with pytest.raises(Refused, match="486"):
        await refused.answered(10)
    for carrier in (telecom, unicom):
        calls.append(await carriers.calls(unicom, "12316", TO_UNICOM))
        (await carrier.rung(20)).answer(tone(VOICE))
        await eventually(lambda: audio.dominant(calls[-1].heard().samples[-4000:]) == VOICE, 10, "the centre")
        assert not telecom.is_ringing
    async with await Phone.open() as seat:
        await seat.register((OURS, house.ports["sip"]), "8001", house.secret("8001"))
        for carrier in (telecom, unicom):
            calls.append(await seat.dial("110", (OURS, house.ports["sip"])))
            (await carrier.rung(20)).answer(tone(VOICE))
            await calls[-1].answered(10)
        shown = {each["trunk"]: each for each in json.loads(house.hotline("trunks", "--json"))}
        told = {name: (each["arrived"], each["dialled"], each["passed_over"]) for name, each in shown.items()}
        assert (told["telecom"], told["unicom"]) == ((2, 2, 1), (2, 2, 0))
        assert shown["telecom"]["registration"] == shown["unicom"]["registration"] == "not-used"
        assert shown["mobile"]["registration"] in {"unregistered", "rejected"}, "who is there is no registrar"
        for call in calls:
            await call.hang_up()


async def test_a_desk_that_is_called_into_a_talk_has_the_last_channel_of_a_full_trunk_and_sees_the_citizen(
    carriers: Carriers,
) -> None:
    """Whom the agent calls otherwise does not get it, and is dialled over the next trunk."""
    house, telecom, unicom = carriers.house, carriers.telecom, carriers.unicom
    async with seated(house) as seat:
        citizen = await carriers.calls(unicom, "12345", TO_UNICOM)
        (agent := await seat.rung(20)).answer(tone(SEAT_S))
        await talk(citizen, agent, voices=(CITIZEN_S, SEAT_S))
        shown = unicom.user
        calls = [await carriers.calls(telecom, "12345") for _ in range(2)]  # and no channel is left for more callers
        rings = []
        for carrier, then in ((telecom, "three-way"), (unicom, "cancel")):
            await asked(house, "talk/consult", kind="number", name=SUBSCRIBER)
            rings.append(await carrier.rung(20))
            rings[-1].answer(tone(VOICE))
            await talk(agent, rings[-1])
            await asked(house, f"talk/{then}")
        await asked(house, "talk/emergency", number="110")
        (desk := await telecom.rung(20)).answer(tone(DESK_S))
        assert desk.caller == shown
        assert not unicom.is_ringing
        for one, voices in ((citizen, (SEAT_S, DESK_S)), (agent, (CITIZEN_S, DESK_S)), (desk, (CITIZEN_S, SEAT_S))):
            for hertz in voices:
                await eventually(lambda: audio.level(one.heard().samples[-4000:], hertz) > LOUD, 10, f"{hertz} Hz")  # noqa: B023 - awaited at once
        for call in (citizen, *calls):
            await call.hang_up()
        for one in (agent, desk, *rings):
            await one.ended()


async def test_an_agent_s_call_shows_what_each_trunk_permits_and_its_pilot_once_that_is_forbidden(
    carriers: Carriers,
) -> None:
    house, telecom, unicom = carriers.house, carriers.telecom, carriers.unicom
    async with seated(house, ready=False) as seat:
        await asked(house, "call-out", number=SUBSCRIBER)
        (agent := await seat.rung(20)).answer(tone(SEAT_S))
        first = await telecom.rung(20)
        first.reject(403)
        second = await unicom.rung(20)
        second.reject(403)
        third = await unicom.rung(20)
        third.answer(tone(VOICE))
        await talk(agent, third)
        assert [each.caller for each in (first, second, third)] == ["12345", "12345", PILOT]
        assert not telecom.is_ringing
        await third.hang_up()
        await agent.ended()
    record = await house.record(SUBSCRIBER)
    assert (record.direction, record.outcome, record.agent) == (Direction.OUT, Outcome.ANSWERED, "1001")


async def test_behind_a_nat_a_carrier_is_told_the_address_outside(carriers: Carriers) -> None:
    phone = carriers.mobile
    phone.user = fresh_number()
    over: Address = (TO_MOBILE, carriers.house.ports["sip"])
    uri = f"sip:12345@{over[0]}:{over[1]}"
    ours, call_id = f"<sip:{phone.user}@{phone.address[0]}>;tag={fresh()}", fresh()
    lines = [("To", f"<{uri}>"), ("Contact", f"<{phone.contact}>")]
    offer = sip.sdp(phone.address[0], 40000, 1)
    answer = await phone.ask(phone.request("INVITE", uri, 1, ours, call_id, lines, offer), over)
    sound = sip.sound_of(answer.body)
    assert (answer.status, sound and sound.host) == (200, OUTSIDE)
    assert f"sip:{OUTSIDE}:{over[1]}" in answer.headers.get("contact")
    theirs = [("To", answer.headers.get("to"))]
    phone.transactions.send(phone.request("ACK", uri, 1, ours, call_id, theirs), over)
    assert (await phone.ask(phone.request("BYE", uri, 2, ours, call_id, theirs), over)).status == 200
