"""Both Asterisks, running from the rendered configuration, and no controller: what survival has to do without."""

import contextlib
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import numpy as np

from dialplans.render import DIRECTORIES, Settings, render, town_prompts
from ivr.edge import asterisk, snapshots, voice
from ivr.snapshot import COMPILED, SNAPSHOT, Snapshot
from ivr.survival import SHANGHAI
from ivr.town.audio import read_wav
from ivr.town.rtp import Samples
from ivr.town.transactions import Address
from routing.config import Config
from routing.config.build import build
from routing.ids import PromptId
from routing.prompts import file_of, texts
from tests.asterisk.servers import child, free_ports
from tests.asterisk.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
FILES = {"site.yaml": "config", "lines.yaml": "config", "prompts.yaml": "recordings"}
REHEARSAL = datetime(2021, 9, 15, 9, tzinfo=SHANGHAI)
"""A working morning within the plan's transition."""

PRODUCTION = {
    "mode: demo ": "mode: production ",
    "  rehearsal: 2021-09-15T09:00 ": "# rehearsal: ",
    "addresses: [] ": "addresses: [127.0.0.2] ",
    "sets_moment: yes ": "sets_moment: no ",
}
"""What makes the city's site.yaml one of a house in production, whose carrier is on this machine."""

UP_WITHIN = 60.0


def sources() -> dict[str, str]:
    """The config of this repository, as text."""
    return {name: (ROOT / folder / name).read_text("utf-8") for name, folder in FILES.items()}


def amended(changes: Mapping[str, str]) -> dict[str, str]:
    """The same, with what stands once in site.yaml replaced by something else."""
    texts = sources()
    for old, new in changes.items():
        assert texts["site.yaml"].count(old) == 1, old
        texts["site.yaml"] = texts["site.yaml"].replace(old, new)
    return texts


class Switch:
    """The hotline's Asterisk and the town's, and what a phone must know of them."""

    def __init__(self, settings: Settings, config: Config) -> None:
        self.settings = settings
        self.config = config
        self.trunk: Address = (settings.bind, settings.town_sip_port)
        self.switch: Address = (settings.bind, settings.sip_port)
        self.state = Path(settings.state)
        self._servers: dict[str, subprocess.Popen[bytes]] = {}

    def secret(self, endpoint: str) -> str:
        """The secret of an endpoint."""
        return self.settings.secrets[endpoint]

    def sounds(self, name: str) -> list[Samples]:
        """A rendered prompt: one sound, or the pieces in which it is said."""
        said = self.config.prompts.get(PromptId(name))
        files = said.sounds if said is not None else (PromptId(name),)
        return [read_wav(self.state / "prompts" / f"{file_of(sound)}.wav") for sound in files]

    def prompt(self, name: str) -> Samples:
        """The same as one sound."""
        return np.concatenate(self.sounds(name))

    def prompts(self) -> Mapping[str, Samples]:
        """Every rendered prompt that is one sound."""
        whole = [prompt.id for prompt in self.config.prompts.values() if not prompt.pieces]
        return {name: self.prompt(name) for name in (*whole, *town_prompts(self.config))}

    def music(self) -> Mapping[str, Samples]:
        """What those who wait hear."""
        return {path.stem: read_wav(path) for path in (self.state / "prompts/music").glob("*.wav")}

    def snapshot(self, files: Mapping[str, str] | None = None) -> None:
        """Leave what the survival script needs, as the controller does; other config `files` than ours, if given."""
        ahead = (REHEARSAL - datetime.now(UTC)).total_seconds()
        texts = dict(files or sources())
        snapshots.write(self.state, Snapshot(texts, round(ahead * 1000)), build(texts))

    def forget_snapshot(self) -> None:
        """As on a machine whose survival script cannot work."""
        for name in (COMPILED, SNAPSHOT):
            (self.state / name).unlink(missing_ok=True)

    def census(self) -> list[list[str]]:
        """The lines of the census so far."""
        path = self.state / "census" / "calls.csv"
        return [line.strip('"').split('","') for line in path.read_text().splitlines()] if path.exists() else []

    def ari(self) -> aiohttp.ClientSession:
        """A session at the hotline's ARI; `channels` is a path."""
        return _session(self.settings.ari_port, "hotline", self.settings.ari_password)

    def town_ari(self) -> aiohttp.ClientSession:
        """A session at the town's ARI."""
        return _session(self.settings.town_ari_port, "town", self.settings.town_password)

    @contextlib.contextmanager
    def started(self, found: asterisk.Asterisk, home: str) -> Iterator[None]:
        """One of the two, `asterisk` or `town`, as our child."""
        command = [*found.program, "-C", str(self.state / home / "etc/asterisk.conf"), "-f"]
        with child(command, self.state / home / "log/out") as self._servers[home]:
            yield

    def dies(self, home: str) -> None:
        """`kill -9`."""
        self._servers[home].kill()
        self._servers[home].wait()

    async def answers(self, home: str) -> None:
        """Wait until it does."""
        async with self.ari() if home == "asterisk" else self.town_ari() as session:

            async def is_up() -> bool:
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get("asterisk/ping") as reply:
                        return reply.ok
                return False

            await eventually(is_up, UP_WITHIN, f"{home} answers")


def _session(port: int, user: str, password: str) -> aiohttp.ClientSession:
    login = aiohttp.encode_basic_auth(user, password)
    return aiohttp.ClientSession(f"http://127.0.0.1:{port}/ari/", headers={"Authorization": login})


@asynccontextmanager
async def running(
    state: Path, *, tries: int = 20, config: Config | None = None, demo_agents: bool = False, has_town: bool = True
) -> AsyncIterator[Switch]:
    """Both Asterisks in `state` (a new directory), with prompts and the snapshot; or ours alone."""
    config = config or build(sources())
    found = await asterisk.find(state, lambda _said, _share: None)
    endpoints = (*config.site.seats, *(f"trunk-{trunk}" for trunk in config.site.trunks), "citizen")
    sip, town_sip, town_phones, town_trunks = free_ports(*[socket.SOCK_DGRAM] * 4)
    ari, town_ari = free_ports(*[socket.SOCK_STREAM] * 2)
    settings = Settings(
        state=str(state),
        modules=str(found.modules),
        data=str(found.data),
        python=sys.executable,
        survival=str(ROOT / "ivr/edge/survival.py"),
        ari_password="ari-secret",
        town_password="town-secret",
        secrets={name: f"secret-{name}" for name in endpoints},
        sip_port=sip,
        ari_port=ari,
        town_sip_port=town_sip,
        town_phones_port=town_phones,
        town_trunks_port=town_trunks,
        town_ari_port=town_ari,
        demo_agents=demo_agents,
        tries=tries,
    )
    for folder in DIRECTORIES:
        (state / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, text in render(config, settings).items():
        (state / name).write_text(text, "utf-8")
    await voice.render(texts(config.prompts.values()) | dict(town_prompts(config)), state / "prompts")
    switch = Switch(settings, config)
    switch.snapshot()
    with contextlib.ExitStack() as servers:
        homes = ("asterisk", "town") if has_town else ("asterisk",)
        for home in homes:
            servers.enter_context(switch.started(found, home))
        for home in homes:
            await switch.answers(home)
        yield switch
