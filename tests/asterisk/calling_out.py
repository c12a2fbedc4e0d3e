"""Scenes of agents who call out: to whoever answers, to whoever is busy, and to where an operator may not dial."""

import asyncio

import pytest

from ivr.edge.http import ask
from ivr.errors import Trouble
from ivr.town.calls import Refused
from tests.asterisk.office import Office
from tests.asterisk.phones import Citizen

CALLERS = ("1010", "1014", "1015")  # paused: nobody but whom they call
FAR = "02088886666"  # in another province
LISTED = "95598"  # a utility's; no subscriber's, so for whoever may call targets alone
NEVER = "abroad, a premium or a service number is never dialled"
ALIEN = {"00442079460000": NEVER, "16812345": NEVER}  # the second one premium: nobody's, whoever asks
FORBIDDEN = {FAR: "national numbers are not in outbound.allow of site.yaml for operator", LISTED: NEVER} | ALIEN
"""What an operator may not call, and what they are told."""
BARRED = 403


async def is_called_by_an_agent(office: Office, citizen: Citizen) -> None:
    said = await asyncio.to_thread(office.house.hotline, "call-out", CALLERS[0], citizen.name)
    assert said.endswith(f"the phone of {CALLERS[0]} rings\n")
    agent = await office.rings_for(citizen)
    assert not citizen.phone.calls, "rung before the agent has answered"
    agent.answers()
    await citizen.is_called()
    assert citizen.ring.caller == "12345"
    citizen.picks_up()
    await citizen.hears("calling-out-notice", within=10)
    await citizen.hears(f"agent-{CALLERS[0]}", within=6)
    await citizen.hears_person(agent, within=5)
    await agent.hears_person(citizen, within=5)
    agent.did_not_hear("calling-out-notice", "whisper-12345")
    await agent.hangs_up()
    await citizen.is_hung_up()
    citizen.did_not_hear("survey")


async def is_busy_when_called(office: Office, citizen: Citizen) -> None:
    await office.house.controller(f"agents/{CALLERS[1]}/call-out", method="POST", given={"number": citizen.name})
    agent = (await office.rings_for(citizen)).answers()
    await citizen.is_called()
    citizen.ring.reject(486)
    await agent.is_hung_up()


async def is_far_away(office: Office, citizen: Citizen) -> None:
    """An operator may not dial there and is told so; a supervisor may for them, and nobody has that number."""
    house, path = office.house, f"agents/{CALLERS[2]}/call-out"
    url = f"http://127.0.0.1:{house.ports['web']}"
    account = {"name": "li", "roles": ["operator"], "agent": CALLERS[2]}
    made = await house.controller("accounts", method="POST", given=account)
    told = await ask(f"{url}/login", "POST", "", {"name": "li", "password": made["password"]})
    for number, why in FORBIDDEN.items():
        with pytest.raises(Trouble, match=why):
            await ask(f"{url}/{path}", "POST", told["token"], {"number": number})
    for number, why in ALIEN.items():
        with pytest.raises(Trouble, match=why):
            await ask(f"{url}/{path}", "POST", house.secret("api-token"), {"number": number})
    seat = office.staff[CALLERS[2]]
    for number in (*FORBIDDEN, citizen.name):
        with pytest.raises(Refused) as refused:
            await seat.dials(number)
        assert refused.value.end.status == BARRED, "a phone dials emergency numbers by itself, and nobody else"
    assert all(number != CALLERS[2] for _, _, number in office.rung), "for none of these a phone has rung"
    citizen.name = FAR
    await house.controller(path, method="POST", given={"number": FAR})
    agent = (await office.rings_for(citizen)).answers()
    await agent.is_hung_up()
    listed = await office.citizen()
    listed.name = LISTED
    await house.controller(path, method="POST", given={"number": LISTED})
    (await office.rings_for(listed)).answers()
    await agent.hears("town-power-menu")
    await agent.hangs_up()
