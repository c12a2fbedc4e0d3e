"""The trunk as a contract: a phone stands where the carrier does, and says what carriers say.

No controller here, as the contract is Asterisk's part: callers come to survival, which routes by the same plan.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from ivr.facts import Outcome
from ivr.town import audio, sip
from ivr.town.calls import Outgoing
from ivr.town.phone import Phone
from ivr.town.rtp import RATE, tone
from ivr.town.transactions import fresh
from tests.asterisk import switch as house
from tests.asterisk.house import House
from tests.asterisk.phones import RIGHT, Phones
from tests.asterisk.switch import Switch
from tests.asterisk.waiting import eventually

pytestmark = [pytest.mark.asterisk, pytest.mark.slow]

module = pytest.mark.asyncio(loop_scope="module")
NUMBER = "13900139000"
OK = 200


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def switch(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Switch]:
    """The hotline's Asterisk alone."""
    state: Path = tmp_path_factory.mktemp("a trunk")
    async with house.running(state, tries=0, has_town=False) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def carrier(switch: Switch) -> AsyncIterator[Phone]:
    """The other end of the trunk."""
    switch.snapshot()
    async with await Phone.open(port=switch.settings.town_sip_port) as phone:
        phone.user = NUMBER
        yield phone


async def hears(switch: Switch, call: Outgoing, prompt: str, within: float = 15.0) -> None:
    """Wait until the prompt has been heard."""
    sought = switch.prompt(prompt)

    def is_heard() -> bool:
        return audio.hears(call.heard().samples, sought).correlation >= RIGHT

    await eventually(is_heard, within, f"hears {prompt}", every=0.25)


async def dials(switch: Switch, carrier: Phone, number: str = "12345", **headers: str) -> Outgoing:
    """A call over the trunk that was answered; in a header's name _ stands for -."""
    lines = {name.replace("_", "-"): value for name, value in headers.items()}
    call = await carrier.dial(number, switch.switch, headers=lines)
    call.say(tone(440))
    await call.answered(10)
    return call


async def stored(switch: Switch, call: Outgoing, dialled: str = "12345") -> list[str]:
    """Hang up; the line of the census."""
    before = len(switch.census())
    await call.hang_up()
    await eventually(lambda: len(switch.census()) > before, 5, "a line in the census")
    line = switch.census()[-1]
    assert dialled in line
    return line


@module
async def test_each_side_asks_the_other_by_options_whether_it_is_there(switch: Switch, carrier: Phone) -> None:
    uri = f"sip:{switch.switch[0]}:{switch.switch[1]}"
    lines = [("To", f"<{uri}>"), ("Contact", f"<{carrier.contact}>")]
    asked = carrier.request("OPTIONS", uri, 1, f"<sip:sbc@{carrier.address[0]}>;tag={fresh()}", fresh(), lines)
    assert (await carrier.ask(asked, switch.switch)).status == OK
    await eventually(lambda: "OPTIONS" in carrier.requests, 10, "Asterisk asks")
    async with switch.ari() as session:

        async def is_there() -> bool:
            async with session.get("endpoints/PJSIP/town") as reply:
                return bool((await reply.json())["state"] == "online")

        await eventually(is_there, 10, "the town is there")


@module
async def test_who_does_not_show_a_number_is_served(switch: Switch, carrier: Phone) -> None:
    carrier.user = "anonymous"
    call = await dials(switch, carrier, Privacy="id")
    await hears(switch, call, "greeting-12345")
    assert NUMBER not in await stored(switch, call)


@module
async def test_the_carrier_s_own_word_on_the_caller_is_believed_where_it_is_trusted(
    switch: Switch, carrier: Phone
) -> None:
    carrier.user = "anonymous"
    call = await dials(switch, carrier, Privacy="id", P_Asserted_Identity=f"<sip:{NUMBER}@carrier>")
    await hears(switch, call, "greeting-12345")
    assert NUMBER in await stored(switch, call)


@module
async def test_a_carrier_without_telephone_event_has_sound_both_ways(switch: Switch, carrier: Phone) -> None:
    carrier.has_keys = False
    call = await dials(switch, carrier)
    await hears(switch, call, "greeting-12345")
    assert call.is_up
    await stored(switch, call)


@module
async def test_an_invite_without_sdp_within_a_call_is_answered_with_an_offer(switch: Switch, carrier: Phone) -> None:
    """As session timers and some SBCs do: 200 brings the offer, ACK the answer, and the sound goes on."""
    call = await dials(switch, carrier)
    await hears(switch, call, "greeting-12345")
    ours, theirs, contact, to = call.dialog()
    call.cseq += 1
    lines = [("To", theirs), ("Contact", f"<{carrier.contact}>")]
    offered = await carrier.ask(carrier.request("INVITE", contact, call.cseq, ours, call.call_id, lines), to)
    assert offered.status == OK
    offer = sip.sound_of(offered.body)
    assert offer is not None
    answer = sip.sdp(carrier.address[0], call.media.port, 2)
    ack = carrier.request("ACK", contact, call.cseq, ours, call.call_id, [("To", theirs)], answer)
    carrier.transactions.send(ack, to)
    call.media.towards(offer.host, offer.port, offer.digits)
    before = call.heard().seconds
    await eventually(lambda: call.heard().seconds > before + 2, 10, "the sound goes on")
    assert (audio.loudness(call.heard().samples[-RATE:]) > audio.QUIET).any()
    assert call.is_up
    await stored(switch, call)


FORWARDED = {
    "Diversion": "<sip:12329@carrier>;reason=unconditional",
    "History_Info": "<sip:12329@carrier>;index=1, <sip:12345@carrier>;index=1.1",
}


@module
@pytest.mark.parametrize("header", FORWARDED)
async def test_a_forwarding_is_believed_where_the_carrier_is_trusted(
    switch: Switch, carrier: Phone, header: str
) -> None:
    call = await dials(switch, carrier, **{header: FORWARDED[header]})
    await hears(switch, call, "transition-12329")
    await stored(switch, call)


@module
@pytest.mark.parametrize("header", FORWARDED)
async def test_a_forwarding_is_not_believed_where_the_carrier_is_not_trusted(
    switch: Switch, carrier: Phone, header: str
) -> None:
    files = house.sources()
    assert "trusts_diversion: yes" in files["site.yaml"]
    files["site.yaml"] = files["site.yaml"].replace("trusts_diversion: yes", "trusts_diversion: no")
    switch.snapshot(files)
    call = await dials(switch, carrier, **{header: FORWARDED[header]})
    await hears(switch, call, "greeting-12345")
    await stored(switch, call)


@pytest.mark.asyncio
async def test_an_anonymous_citizen_reaches_an_agent_and_is_recorded_without_a_number(
    house: House, phones: Phones
) -> None:
    agent, citizen = await phones.agent("8016"), await phones.citizen()
    await house.signs_in("1016")
    citizen.name = "anonymous"
    await citizen.dials("12345")
    (await agent.rings()).answers()
    await citizen.hears_person(agent)
    await citizen.hangs_up()
    await agent.is_hung_up()
    record = await house.record("anonymous")
    assert (record.outcome, record.agent, record.line) == (Outcome.ANSWERED, "1016", "12345")
