"""Both Asterisks: what their configuration is told of this machine, and how each is run."""

import os
import sys
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus

from dialplans.render import Settings as Paths
from dialplans.render import desk_phones
from ivr.edge import probe
from ivr.edge.places import Place
from ivr.edge.processes import Child
from ivr.errors import Trouble
from ivr.house.house import CONTROL_SOCKET, House
from ivr.house.keeper import Server

__all__ = ["CONTROL_SOCKET", "endpoints", "paths", "server_of"]

READY_WITHIN_S = 30.0
DEAF_AFTER_S = 30.0  # a busy Asterisk is slow, and restarting it cuts everybody off


def endpoints(house: House) -> list[str]:
    """Every endpoint that logs in with a secret."""
    site = house.settings.config.site
    return [
        *desk_phones(site),
        *(f"trunk-{trunk}" for trunk in site.trunks),
        *(["citizen"] if house.settings.demo else []),
    ]


def paths(house: House) -> Paths:
    """What belongs to this machine, for the templates."""
    found, chosen, said = house.asterisk, house.settings.ports, house.settings.config.site.ports
    if found is None:
        raise Trouble("there is no Asterisk yet.")
    return Paths(
        state=str(house.settings.state),
        modules=str(found.modules),
        data=str(found.data),
        python=sys.executable,
        survival=str(house.settings.root / "ivr" / "edge" / "survival.py"),
        ari_password=house.secrets.get("ari-password"),
        town_password=house.secrets.get("town-password"),
        secrets={name: house.secrets.get(name) for name in endpoints(house)},
        sip_port=chosen["sip"],
        ari_port=chosen["ari"],
        town_sip_port=chosen["town_sip"],
        bind=house.settings.bind,
        town_phones_port=chosen["town_phones"],
        town_trunks_port=chosen["town_trunks"],
        town_ari_port=chosen["town_ari"],
        rtp=(said.rtp_from, said.rtp_to),
        town_rtp=(said.town_rtp_from, said.town_rtp_to),
        run=str(house.sockets["asterisk"]),
        town_run=str(house.sockets["town"]),
        # no: seats wait for phones of one's own (a test's, or a newcomer's), and nobody is signed in at the start
        demo_agents=house.settings.demo_agents,
    )


def server_of(house: House, folder: str, name: str, ari_port: int) -> Server:
    """How one of the two is run, through the loader that came with it."""
    found, etc = house.asterisk, house.settings.state / folder / "etc"
    if found is None:
        raise Trouble("there is no Asterisk yet.")
    user = "hotline" if folder == "asterisk" else "town"
    password = house.secrets.get("ari-password" if folder == "asterisk" else "town-password")
    ari = f"http://127.0.0.1:{ari_port}/ari/asterisk"

    async def ask(within: float) -> None:
        await probe.get(f"{ari}/ping", within=within, user=user, password=password)

    async def speaks(transport: str, place: Place) -> None:
        """An Asterisk that could not have its port runs all the same, and knows of no such transport."""
        url = f"{ari}/config/dynamic/res_pjsip/transport/{transport}"
        try:
            await probe.get(url, within=1.0, user=user, password=password)
        except probe.NoAnswer as none:
            if none.status != HTTPStatus.NOT_FOUND:
                raise
            lost = f"{place} was not to be had: start again, or choose another with {place.port_by}"
            raise Trouble(f"{name} has no SIP: {place.refusal() or lost}") from none

    async def ready(child: Child) -> None:
        await probe.until(child, lambda: ask(1.0), READY_WITHIN_S)
        for transport, place in house.settings.sip(folder).items():
            await probe.until(child, partial(speaks, transport, place), READY_WITHIN_S)

    return Server(
        name=name,
        launch=lambda: Child.start(
            name, [*found.program, "-C", etc / "asterisk.conf", "-f"], house.log(folder), env=_plain_environment()
        ),
        ready=ready,
        healthy=lambda: ask(DEAF_AFTER_S),
        deaf_after=DEAF_AFTER_S,
    )


def _plain_environment() -> Mapping[str, str]:
    """What Asterisk, and the survival script that it starts, get of our environment."""
    kept = ("PATH", "HOME", "TZ", "HOTLINE_STATE")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"LC_ALL": "C.UTF-8"}
