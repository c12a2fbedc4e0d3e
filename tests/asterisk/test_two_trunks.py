"""Two carriers in the demo: the town plays both, and is the registrar of the one that does not know our address.

No controller here: survival dials, by the same plan, over the same trunks.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from ivr.edge import console
from ivr.town import audio, sip
from ivr.town.calls import Outgoing
from ivr.town.phone import Phone
from ivr.town.rtp import tone
from ivr.trunks import REGISTRATIONS, Registration, registrations
from routing.config.build import build
from tests.asterisk import switch as house
from tests.asterisk.phones import RIGHT
from tests.asterisk.switch import Switch
from tests.asterisk.waiting import eventually

pytestmark = [pytest.mark.asterisk, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

USER = "031012345"
NUMBER = "13900139001"
SECOND = f"""
  - {{id: unicom, name: 联通, carrier: unicom, registers: yes, user: "{USER}", sets_moment: yes}}

# Outside numbers that agents may"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def switch(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Switch]:
    """Both Asterisks, with a second trunk at which we log in."""
    files = house.sources()
    for old, new in (
        ("\n\n# Outside numbers that agents may", SECOND),
        ("trunks: [town]", "trunks: [town, unicom]"),
    ):
        assert old in files["site.yaml"]
        files["site.yaml"] = files["site.yaml"].replace(old, new)
    state: Path = tmp_path_factory.mktemp("two trunks")
    async with house.running(state, tries=0, config=build(files)) as running:
        running.snapshot(files)
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def citizen(switch: Switch) -> AsyncIterator[Phone]:
    """A phone in the town."""
    async with await Phone.open() as phone:
        phone.user, phone.credentials = "citizen", sip.Credentials("citizen", switch.secret("citizen"))
        yield phone


async def dials(switch: Switch, citizen: Phone, number: str, **headers: str) -> Outgoing:
    """A call that was answered; in a header's name _ stands for -."""
    lines = {"X-Caller": NUMBER} | {name.replace("_", "-"): value for name, value in headers.items()}
    call = await citizen.dial(number, switch.trunk, headers=lines)
    call.say(tone(440))
    await call.answered(15)
    return call


async def hears(switch: Switch, call: Outgoing, prompt: str) -> None:
    sought = switch.prompt(prompt)

    def is_heard() -> bool:
        return audio.hears(call.heard().samples, sought).correlation >= RIGHT

    await eventually(is_heard, 30, f"hears {prompt}", every=0.25)


async def hung_up(switch: Switch, call: Outgoing) -> list[str]:
    """Hang up; the line of the census."""
    before = len(switch.census())
    await call.hang_up()
    await eventually(lambda: len(switch.census()) > before, 5, "a line in the census")
    return switch.census()[-1]


async def state_of(switch: Switch, endpoint: str) -> Any:
    """What the town knows of an endpoint of its own."""
    async with switch.town_ari() as session, session.get(f"endpoints/PJSIP/{endpoint}") as reply:
        return (await reply.json())["state"]


async def test_we_log_in_at_a_carrier_that_does_not_know_our_address(switch: Switch) -> None:
    async def is_online() -> bool:
        return bool(await state_of(switch, USER) == "online")

    await eventually(is_online, 20, "registered at the town", every=0.2)


def _console(switch: Switch, home: str) -> Path:
    """The socket of an Asterisk's command line, as its configuration has it."""
    text = (switch.state / home / "etc/asterisk.conf").read_text("utf-8")
    (folder,) = [line.partition("=> ")[2] for line in text.splitlines() if line.startswith("astrundir")]
    return Path(folder) / "asterisk.ctl"


async def test_asterisk_s_command_line_says_whether_we_are_logged_in(switch: Switch) -> None:
    """It is asked at its socket as the controller asks it; the carrier forgets our password, and has it again."""
    ours, town = (_console(switch, home) for home in ("asterisk", "town"))
    etc = switch.state / "town/etc/pjsip.conf"
    known, secret = etc.read_text("utf-8"), switch.secret("trunk-unicom")

    async def becomes(state: Registration) -> None:
        async def is_so() -> bool:
            return registrations(await console.ask(ours, REGISTRATIONS)) == {"unicom": state}

        await eventually(is_so, 10, f"{state}", every=0.1)

    await becomes(Registration.REGISTERED)
    assert secret in known
    for text, state in ((known.replace(secret, "another"), Registration.REJECTED), (known, Registration.REGISTERED)):
        etc.write_text(text, "utf-8")
        await console.ask(town, "module reload res_pjsip.so")
        await console.ask(ours, "pjsip send register unicom")
        await becomes(state)
    await console.ask(ours, "pjsip send unregister unicom")
    await becomes(Registration.UNREGISTERED)
    await console.ask(ours, "pjsip send register unicom")
    await becomes(Registration.REGISTERED)


@pytest.mark.parametrize("trunk", ["town", "unicom"])
async def test_a_call_is_marked_with_the_trunk_over_which_it_came(switch: Switch, citizen: Phone, trunk: str) -> None:
    await test_we_log_in_at_a_carrier_that_does_not_know_our_address(switch)
    call = await dials(switch, citizen, "12345", X_Trunk=trunk)
    await hears(switch, call, "greeting-12345")
    line = await hung_up(switch, call)
    assert (line[1], line[2], line[8]) == ("12345", NUMBER, trunk)


async def test_when_the_first_carrier_refuses_the_centre_is_reached_over_the_second(
    switch: Switch, citizen: Phone
) -> None:
    async with switch.town_ari() as session:
        refuses = {"variable": "TOWN_TRUNK_town", "value": "34"}
        async with session.post("asterisk/variable", params=refuses) as reply:
            assert reply.ok
        call = await dials(switch, citizen, "12316")
        await hears(switch, call, "town-agriculture")
        async with switch.ari() as ours, ours.get("channels") as reply:
            legs = sorted(each["name"].partition("-")[0] for each in await reply.json())
        assert legs == ["PJSIP/town", "PJSIP/unicom"], "the citizen's, and the centre's"
        refuses = {"variable": "TOWN_TRUNK_town", "value": ""}
        async with session.post("asterisk/variable", params=refuses) as reply:
            assert reply.ok
    await hung_up(switch, call)
