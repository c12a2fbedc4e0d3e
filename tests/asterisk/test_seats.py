"""Seats and their phones: agents sign in and out by what they dial, key and hear.

The scenes are played at once, in one house.
"""

import asyncio

import pytest

from ivr.edge.http import ask
from ivr.facts import Party
from tests.asterisk.browser import Browser, NotRegistered
from tests.asterisk.house import House
from tests.asterisk.office import Act, Office, Played
from tests.asterisk.phones import Agent, Phones
from tests.asterisk.waiting import eventually

pytestmark = pytest.mark.asterisk

seats = Act()


@pytest.fixture(scope="module")
def shift(house: House) -> Played:
    """A shift begins: nobody is signed in."""
    return asyncio.run(seats.play(house, ()))


async def pin_of(office: Office, agent: str) -> str:
    """Another PIN for an agent."""
    return str((await office.house.controller(f"agents/{agent}/pin", method="POST"))["pin"])


async def keys(phone: Agent, agent: str, pin: str) -> None:
    """Key what is asked for."""
    await phone.hears("seat-agent")
    phone.presses(f"{agent}#")
    await phone.hears("seat-pin")
    phone.presses(f"{pin}#")


async def is_in(office: Office, agent: str, wanted: str, within: float = 5.0) -> None:
    """Wait until the agent is in that state."""

    async def is_so() -> bool:
        return (await office.house.agents()).get(agent, "signed-out") == wanted

    await eventually(is_so, within, f"{agent} is {wanted}")


@seats
async def an_agent_signs_in_at_a_phone_takes_a_call_pauses_and_signs_out(office: Office) -> None:
    pin = await pin_of(office, "1018")
    agent, citizen = await office.agent("8018"), await office.citizen()
    await keys(await agent.dials("*11"), "1018", pin)
    await agent.hears("named-1018")
    await agent.hears("seat-signed-in")
    await agent.is_hung_up()
    await is_in(office, "1018", "ready")
    await citizen.dials("12345")
    (await agent.rings()).answers()
    await citizen.hears("agent-1018")
    await citizen.hangs_up()
    await is_in(office, "1018", "ready")
    await agent.dials("*14")
    await agent.hears("seat-paused")
    await agent.is_hung_up()
    await is_in(office, "1018", "paused")
    await agent.dials("*13")
    await agent.hears("seat-ready")
    await agent.is_hung_up()
    await is_in(office, "1018", "ready")
    await agent.dials("*12")
    await agent.hears("seat-signed-out")
    await is_in(office, "1018", "signed-out")
    assert pin not in office.house.log("controller")


@seats
async def wrong_pins_lock_an_agent_out(office: Office) -> None:
    pin = await pin_of(office, "1019")
    phone = await (await office.agent("8019")).dials("*11")
    await keys(phone, "1019", "000000")
    await phone.hears("seat-wrong")
    for _ in range(4):
        with pytest.raises(Exception, match="401"):
            await office.house.controller("seats/8019/sign-in", method="POST", given={"agent": "1019", "pin": "1"})
    await keys(phone, "1019", pin)
    await phone.hears("seat-locked")
    await phone.is_hung_up()
    assert "1019" not in await office.house.agents()


@seats
async def a_phone_is_asked_to_answer_by_itself_and_its_agent_hears_a_beep_and_the_line(office: Office) -> None:
    agent, citizen = await office.agent("8112"), await office.citizen()
    await office.house.signs_in("2012")
    await citizen.dials("12348")
    asked = (await agent.rings()).ring.invite.headers
    assert asked.get("call-info").endswith("answer-after=0")
    assert "info=alert-autoanswer" in asked.get("alert-info")
    assert asked.get("answer-mode") == "Auto"
    agent.answers()
    await agent.hears("whisper-12348")
    assert agent.heard_a_beep()
    await citizen.hears_person(agent)
    await citizen.hangs_up()
    await office.house.signs_out("2012")


@seats
async def a_phone_that_dies_while_it_rings_loses_its_agent_and_not_the_caller(office: Office) -> None:
    agent, other, citizen = await office.agent("8101"), await office.agent("8102"), await office.citizen()
    await office.house.signs_in("2001", "2002")
    await citizen.dials("12350")
    (await agent.rings()).dies()
    (await other.rings()).answers()
    await citizen.hears_person(other, within=25)
    await citizen.hangs_up()
    await is_in(office, "2002", "ready")
    assert (await office.house.agents())["2001"] in {"paused", "unreachable"}, "the phone was asked meanwhile"
    await office.house.signs_out("2001", "2002")


@pytest.mark.parametrize("scene", seats.names)
def test_a_shift(shift: Played, scene: str) -> None:
    shift.check(scene)


def test_nothing_is_left_of_a_shift(shift: Played) -> None:
    assert not shift.left
    assert not shift.states


async def test_an_agent_talks_in_a_browser_with_the_secret_that_counts_until_they_sign_out(
    house: House, shift: Played, phones: Phones
) -> None:
    assert not shift.states, "whoever else were ready would be rung"
    url, ari = f"http://127.0.0.1:{house.ports['web']}", house.ports["ari"]
    account = {"name": "1295", "roles": ["operator"], "agent": "1295"}
    made = await house.controller("accounts", method="POST", given=account)
    token = (await ask(f"{url}/login", "POST", "", {"name": "1295", "password": made["password"]}))["token"]
    await ask(f"{url}/agents/1295/sign-in", "POST", token, {"ready": False})
    given = await ask(f"{url}/agents/1295/phone", "POST", token)
    assert not await may_register(ari, given["seat"], "guessed")
    citizen = await phones.citizen()
    async with Browser.open(ari, given["seat"], given["secret"]) as browser:
        await ask(f"{url}/agents/1295/ready", "POST", token)
        await citizen.dials("12345")
        await browser.rings()
        await browser.answers()
        await browser.hears(house.prompt("whisper-12345"))
        await citizen.hears("agent-1295")
        await citizen.hears_person(browser)
        await browser.hears_person(citizen)
        await browser.hangs_up()
        await eventually(lambda: citizen.hears_nothing_now_of(browser), 5, "the browser is heard no more")
        await citizen.hangs_up()
        citizen.was_never_in_silence()
    record = await house.record(citizen.name)
    assert (record.agent, record.seat, record.released_by) == ("1295", given["seat"], Party.AGENT)
    await ask(f"{url}/agents/1295/sign-out", "POST", token)

    async def counts_no_more() -> bool:
        return not await may_register(ari, given["seat"], given["secret"])

    await eventually(counts_no_more, 10, "the secret counts no more", every=0.5)


async def may_register(ari: int, seat: str, secret: str) -> bool:
    """Whether a browser with this secret is let in."""
    try:
        async with Browser.open(ari, seat, secret):
            return True
    except NotRegistered:
        return False


async def test_a_new_controller_knows_who_was_locked_out(house: House, shift: Played) -> None:
    shift.check("wrong_pins_lock_an_agent_out")
    old = house.kills("controller")
    await house.has_restarted("controller", old)
    with pytest.raises(Exception, match="429"):
        await house.controller("seats/8019/sign-in", method="POST", given={"agent": "1019", "pin": "1"})
