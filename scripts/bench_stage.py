#!/usr/bin/env python3
"""The stage of the call bench: one city, the same Asterisk, phones, prompts and recording, and two ways to run it.

The plain side is a dialplan with app_queue (`yardstick/`), the engine's side has its controller and PostgreSQL.
Run as a command, this is the controller of that city.
"""

import contextlib
import os
import re
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import aiohttp  # noqa: E402
import yaml  # noqa: E402
from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: E402

from ivr import life  # noqa: E402
from ivr.edge import probe, snapshots  # noqa: E402
from ivr.edge.clock import SystemClock  # noqa: E402
from ivr.errors import Trouble  # noqa: E402
from ivr.house import ladder  # noqa: E402
from ivr.house.house import House  # noqa: E402
from ivr.house.report import Report, Step  # noqa: E402
from ivr.house.settings import Settings, read_sources  # noqa: E402
from routing.config import build  # noqa: E402
from routing.people import first_shift  # noqa: E402

YARDSTICK = ROOT / "scripts" / "yardstick"
RESERVED = 50  # more channels than callers may take: the trunk keeps some for emergencies, and for our own calls
LINE = "12345"
SKILLED_LINE = "12315"
"""Whose callers are for agents with a skill first, for anybody after 10 s."""


def settings(state: Path, agents: int, skilled: int | None = None, calls: int = 170) -> Settings:
    """A city with so many agents in the hall, each at a seat, on ports that are free, for so many calls at once.

    All of them have every skill, or the first `skilled` of them; the others have none.
    """
    sources = read_sources(ROOT)
    site = yaml.load(sources["site.yaml"], Loader=yaml.BaseLoader)  # noqa: S506  # every scalar is text
    seats = [str(7001 + n) for n in range(agents)]
    site["seats"] = [{"id": seat, "kind": "desk", "pool": "hall"} for seat in seats]
    every = dict.fromkeys(site["skills"], "3")
    site["agents"] = [
        {
            "id": str(1001 + n),
            "name": "王芳",
            "seat": seat,
            "works_in": {"hall": dict(every) if skilled is None or n < skilled else {}},
        }
        for n, seat in enumerate(seats)
    ]
    for n, pool in enumerate(pool for pool in site["pools"] if pool != "hall"):  # somebody, for whom nobody asks
        site["seats"].append({"id": str(7901 + n), "kind": "desk", "pool": pool})
        site["agents"].append({"id": str(2001 + n), "name": "梁勇", "seat": str(7901 + n), "works_in": {pool: {}}})
    site["survival"]["seats"] = seats[:4]
    site["ports"] |= {"rtp_from": "40000", "rtp_to": "43999"}
    site["limits"]["calls"] = str(calls)
    for trunk in site["trunks"]:
        trunk["channels"] = str(calls + RESERVED)
    sources["site.yaml"] = yaml.safe_dump(site, allow_unicode=True)
    names = ("sip", "web", "ari", "town_sip", "town_phones", "town_trunks", "town_ari")
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    return Settings(root=ROOT, state=state, sources=sources, config=build(sources), ports=ports, at=None, database="")


def free_ports(count: int) -> list[int]:
    """Ports that nobody has now, UDP and TCP."""
    with contextlib.ExitStack() as held:
        ports: list[int] = []
        while len(ports) < count:
            udp = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            udp.bind(("127.0.0.1", 0))
            port = udp.getsockname()[1]
            tcp = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            with contextlib.suppress(OSError):
                tcp.bind(("127.0.0.1", port))
                ports.append(port)
        return ports


@asynccontextmanager
async def known_phones(house: House, say: Step) -> AsyncIterator[None]:
    """Phones need not register: all of them are one SIPp, at an address that is written down."""
    path, port = house.settings.state / "asterisk/etc/pjsip.conf", house.settings.ports["town_phones"]
    text = path.read_text("utf-8")
    seats = house.settings.config.site.seats
    for seat in seats:
        aor = f"[{seat}]\ntype = aor\n"
        if aor not in text:
            raise Trouble(f"{path} has no aor of seat {seat}: the template has changed, and so must this bench.")
        text = text.replace(aor, f"{aor}contact = sip:{seat}@127.0.0.1:{port}\n")
    # Nor is it looked whether they are there: between two loads they are not, and would be missing from the next.
    path.write_text(re.sub(r"^qualify_frequency = \d+$", "qualify_frequency = 0", text, flags=re.MULTILINE), "utf-8")
    say.result = f"{len(seats)} at 127.0.0.1:{port}"
    yield


@asynccontextmanager
async def plain_dialplan(house: House, say: Step) -> AsyncIterator[None]:
    """The yardstick's own dialplan and queue take the place of ours."""
    site = house.settings.config.site
    hall = [agent for agent in site.agents.values() if any(each.pool == site.hall for each in agent.competences)]
    values = {
        "state": house.settings.state,
        "limit": site.limits.calls,
        "queues": {LINE: "hall", SKILLED_LINE: "market"},
        "agent": "agent-1001",
        "seats": [agent.seat for agent in hall],
        "skilled": [agent.seat for agent in hall if any(each.skills for each in agent.competences)],
    }
    templates = Environment(loader=FileSystemLoader(YARDSTICK), undefined=StrictUndefined, autoescape=False)  # noqa: S701
    for name in ("extensions.conf", "queues.conf", "queuerules.conf"):
        text = templates.get_template(f"{name}.j2").render(values)
        (house.settings.state / "asterisk/etc" / name).write_text(text + "\n", "utf-8")
    say.result = "app_queue"
    yield


@asynccontextmanager
async def signed_in(house: House, say: Step) -> AsyncIterator[None]:
    """All agents sit at their seats and are ready, as the command line would have it."""
    agents, token = first_shift(house.settings.config.site.agents.values()), house.secrets.get("api-token")
    for agent in agents:
        url = house.url(f"/agents/{agent.id}/sign-in")
        await probe.post(url, within=5.0, token=token, given={"seat": agent.seat or ""})
    say.result = f"{len(agents)} ready"
    yield


async def counts(house: House) -> dict[str, float]:
    """What the controller has asked of Asterisk, and heard from it; nothing where there is no controller."""
    if "controller" not in house.keepers:
        return {}
    headers = {"Authorization": f"Bearer {house.secrets.get('api-token')}"}
    async with aiohttp.ClientSession(headers=headers) as session, session.get(house.url("/status")) as answer:
        ari = (await answer.json())["ari"]
    return {name: float(ari[name]) for name in ("requests", "awaited", "events")}


STAGE: ladder.Ladder = (
    ("State directory", ladder.state_directory),
    ("Ports", ladder.ports),
    ("Secrets", ladder.secrets),
    ("Prompts", ladder.prompts),
    ("Asterisk's programs", ladder.telephony),
    ("Asterisk's settings", ladder.configuration),
    ("Phones", known_phones),
)
SIDES: Mapping[str, ladder.Ladder] = {
    "plain": (*STAGE, ("Plain dialplan", plain_dialplan), ("Asterisk", ladder.exchange)),
    "engine": (
        *STAGE,
        ("PostgreSQL", ladder.database),
        ("Asterisk", ladder.exchange),
        ("Controller", ladder.controller),
        ("Agents", signed_in),
    ),
}
"""How each side is set up.  What differs stands after the stage."""


class Stage:
    """A house of one side, open, with a folder for each load."""

    def __init__(self, side: str, house: House, folder: Path) -> None:
        self.side = side
        self.house = house
        self._folders = self._fresh(folder)

    def folder(self) -> Path:
        """A new folder."""
        return next(self._folders)

    @staticmethod
    def _fresh(folder: Path) -> Iterator[Path]:
        n = 0
        while True:
            n += 1
            (folder / f"load-{n}").mkdir()
            yield folder / f"load-{n}"


@asynccontextmanager
async def stage(
    side: str, agents: int, report: Report, skilled: int | None = None, calls: int = 170
) -> AsyncIterator[Stage]:
    """One side, set up, and taken away again."""
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as work:
        house = House(settings(Path(work) / "state", agents, skilled, calls), report)
        house.controller = (sys.executable, ROOT / "scripts" / "bench_stage.py")
        async with ladder.open_house(house, SIDES[side]):
            yield Stage(side, house, Path(work))


def be_the_controller() -> None:
    """The engine's controller, for the city that the environment names."""
    state = Path(os.environ["HOTLINE_STATE"])
    _, config = snapshots.config(state)
    ari, web = int(os.environ["HOTLINE_ARI_PORT"]), int(os.environ["HOTLINE_WEB_PORT"])
    life.live(life.Surroundings(state, config, ari, web, os.environ["DATABASE_URL"], SystemClock(), "", 1))


if __name__ == "__main__":
    be_the_controller()
