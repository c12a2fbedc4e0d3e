"""The house under test: the real one, as `scripts/run` starts it, in a directory of its own whose name has a space.

Everything that a test asks of it goes through what anybody has: house.json, the command line, ARI, the database.
"""

import asyncio
import base64
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import asyncpg
import msgspec
import numpy as np
import psutil
import soundfile
from click.testing import CliRunner, Result

from ivr.edge import snapshots
from ivr.facts import CallRecord
from ivr.main import main
from ivr.town import audio
from ivr.town.rtp import Samples
from ivr.town.transactions import Address
from routing.ids import CallId, PromptId
from routing.prompts import file_of
from tests.asterisk.phones import Citizen
from tests.asterisk.prompts import keep, lend
from tests.asterisk.servers import child, free_ports
from tests.asterisk.switch import FILES
from tests.asterisk.waiting import eventually, holds

ROOT: Final = Path(__file__).resolve().parents[2]
OPEN_WITHIN: Final = 120.0  # seconds; the first start of all downloads Asterisk
CLOSED_WITHIN: Final = 30.0
QUIET_WITHIN: Final = 8.0  # after the last receiver is down
PORTS: Final = (
    ("HOTLINE_SIP_PORT", socket.SOCK_DGRAM),
    ("HOTLINE_WEB_PORT", socket.SOCK_STREAM),
    ("HOTLINE_ARI_PORT", socket.SOCK_STREAM),
    ("HOTLINE_TOWN_SIP_PORT", socket.SOCK_DGRAM),
    ("HOTLINE_TOWN_PHONES_PORT", socket.SOCK_DGRAM),
    ("HOTLINE_TOWN_TRUNKS_PORT", socket.SOCK_DGRAM),
    ("HOTLINE_TOWN_ARI_PORT", socket.SOCK_STREAM),
)

TYPING: Final = threading.Lock()
"""Held by whoever types: it is for one at a time."""


class House:
    """A house that is open; `environment` is what a command line needs to find it."""

    def __init__(self, state: Path, environment: Mapping[str, str], process: subprocess.Popen[bytes]) -> None:
        self.state = state
        self.environment = dict(environment)
        self.process = process

    def says(self) -> Any:
        """`house.json` as it is now."""
        return json.loads((self.state / "house.json").read_text())

    @cached_property
    def ports(self) -> Mapping[str, int]:
        """By name: sip, web, ari, town_sip, ..."""
        return {name: int(port) for name, port in self.says()["ports"].items()}

    # --- for phones

    @property
    def trunk(self) -> Address:
        """Where citizens dial."""
        return "127.0.0.1", self.ports["town_sip"]

    @property
    def switch(self) -> Address:
        """Where seats register."""
        return self.says()["bind"], self.ports["sip"]

    def secret(self, name: str) -> str:
        """A secret of the house."""
        return (self.state / "secrets" / name).read_text().strip()

    @cached_property
    def _prompts(self) -> dict[str, Samples]:
        return {path.stem: audio.read_wav(path) for path in sorted((self.state / "prompts").glob("*.wav"))}

    def sounds(self, name: str) -> list[Samples]:
        """A rendered prompt: one sound, or the pieces in which it is said."""
        if name in self._prompts:
            return [self._prompts[name]]
        said = snapshots.values(self.state).glance().prompts[PromptId(name)]
        return [audio.read_wav(self.state / "prompts" / f"{file_of(piece)}.wav") for piece in said.pieces]

    def prompt(self, name: str) -> Samples:
        """The same as one sound."""
        return np.concatenate(self.sounds(name))

    def prompts(self) -> Mapping[str, Samples]:
        """Every rendered prompt that is one sound, and what the town's people say."""
        return self._prompts

    def music(self) -> Mapping[str, Samples]:
        """What those who wait hear."""
        return {path.stem: audio.read_wav(path) for path in (self.state / "prompts" / "music").glob("*.wav")}

    # --- its command line

    def hotline(self, *arguments: str) -> str:
        """Run `hotline ARGUMENTS`; what it prints.  Fails when it does."""
        command = [sys.executable, "-m", "ivr", *arguments]
        ran = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, f"hotline {' '.join(arguments)}: {ran.stdout}{ran.stderr}"
        return ran.stdout

    async def types(self, *words: str) -> str:
        """The same while others talk: typed in this process, as another Python takes most of a second to begin."""
        ran = await asyncio.to_thread(_typed, words, self.environment)
        assert ran.exit_code == 0, f"hotline {' '.join(words)}: {ran.output}"
        return ran.output

    # --- its Asterisks

    async def ari(self, path: str, *, method: str = "GET", of: str = "ari") -> Any:
        """What Asterisk (`of="town_ari"`: the town's) answers to a request; None for an empty answer."""
        user, secret = ("hotline", "ari-password") if of == "ari" else ("town", "town-password")
        url = f"http://127.0.0.1:{self.ports[of]}/ari/{path}"
        key = base64.b64encode(f"{user}:{self.secret(secret)}".encode()).decode()
        return await asyncio.to_thread(_asked, url, method, f"Basic {key}")

    async def channels(self) -> list[str]:
        """Every channel of the hotline's Asterisk: name and state."""
        return [f"{each['id']} {each['name']} {each['state']}" for each in await self.ari("channels")]

    async def bridges(self) -> list[str]:
        """Every bridge."""
        return [f"{each['id']} {each['channels']}" for each in await self.ari("bridges")]

    async def is_quiet(self, within: float = QUIET_WITHIN) -> None:
        """Wait until no channel and no bridge is left."""
        left: list[str] = []

        async def nobody_is_left() -> bool:
            left[:] = [*await self.channels(), *await self.bridges()]
            return not left

        await eventually(nobody_is_left, within, lambda: f"nobody is left, but {left}", every=0.1)

    async def centre(self, target: str, behaviour: str) -> None:
        """From now on a centre of the town will: answer, no-answer, busy, release, reject, unreachable."""
        name = f"TOWN_{target.replace('-', '_')}"
        await self.ari(f"asterisk/variable?variable={name}&value={behaviour}", method="POST", of="town_ari")

    async def reaches(self, citizen: Citizen) -> None:
        """From now on the town puts calls to this citizen's number through to their phone."""
        await self._phone_at(citizen.name, "sip:citizen@{}:{}".format(*citizen.phone.address))

    @contextlib.asynccontextmanager
    async def staffed(self, number: str, citizen: Citizen) -> AsyncIterator[Citizen]:
        """This citizen sits at a centre's number meanwhile, with a phone that hears."""
        await self._phone_at(number, "sip:citizen@{}:{}".format(*citizen.phone.address))
        try:
            yield citizen
        finally:
            await self._phone_at(number, "")

    async def _phone_at(self, number: str, address: str) -> None:
        path = f"asterisk/variable?variable=TOWN_PHONE_{number}&value={quote(address, safe='')}"
        await self.ari(path, method="POST", of="town_ari")

    async def cuts_off(self, citizen: Citizen, cause: int = 41) -> None:
        """The carrier ends the call of this citizen, which nobody in it has asked for."""
        legs = await self.ari("channels", of="town_ari")
        (leg,) = [each["id"] for each in legs if each["connected"]["number"] == citizen.name]
        await self.ari(f"channels/{leg}?reason_code={cause}", method="DELETE", of="town_ari")

    # --- its floor

    async def controller(self, path: str, *, method: str = "GET", given: Mapping[str, Any] | None = None) -> Any:
        """What the controller answers, as it answers the command line; `given` is the body."""
        url = f"http://127.0.0.1:{self.ports['web']}/{path}"
        return await asyncio.to_thread(_asked, url, method, f"Bearer {self.secret('api-token')}", given)

    async def told(self, token: str = "") -> Any:
        """What the stream tells first: everything as it is now, to the house or to the account of `token`."""
        bearer = {"Authorization": f"Bearer {token or self.secret('api-token')}"}
        url = f"http://127.0.0.1:{self.ports['web']}/stream"
        async with aiohttp.ClientSession(headers=bearer) as session, session.get(url) as response:
            event = (await response.content.readuntil(b"\n\n")).decode()
            response.close()
        assert "event: snapshot" in event
        return json.loads(event.partition("data: ")[2])

    async def signs_in(self, *agents: str, ready: bool = True) -> None:
        """Agents sit down at their seats, one after the other: the first one waits the longest."""
        for agent in agents:
            await self.controller(f"agents/{agent}/sign-in", method="POST", given={"ready": ready})

    async def signs_out(self, *agents: str) -> None:
        """They go."""
        for agent in agents:
            await self.controller(f"agents/{agent}/sign-out", method="POST")

    async def agents(self) -> dict[str, str]:
        """Agent -> state, of everybody who is signed in."""
        shown = await self.controller("agents")
        return {each["agent"]: each["state"] for each in shown if each["state"] != "signed-out"}

    # --- its processes

    def pid(self, name: str) -> int | None:
        """Of `controller`, `postgres`, `asterisk`, `town`."""
        pid = self.says()["pids"][name]
        return None if pid is None else int(pid)

    def kills(self, name: str) -> int:
        """`kill -9`: the pid that was."""
        pid = self.pid(name)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        return pid

    async def has_restarted(self, name: str, old: int, within: float = 20.0) -> None:
        """Wait until another process has taken the place of `old` and is ready."""
        await eventually(lambda: self.pid(name) not in {None, old}, within, f"{name} is started again")

    @contextlib.contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """A server and its children stand still meanwhile: alive, and deaf."""
        pid = self.pid(name)
        assert pid is not None
        server = psutil.Process(pid)
        every = [server, *server.children(recursive=True)]
        for process in every:
            process.suspend()
        try:
            yield
        finally:
            for process in every:
                process.resume()

    # --- its records

    async def records(self, caller: str) -> list[CallRecord]:
        """What the database has of calls from this number."""
        connection = await asyncpg.connect(self.says()["database"], timeout=5)
        try:
            rows = await connection.fetch(
                "select (facts.body || jsonb_build_object('recording', calls.recording))::text as body"
                " from calls join facts using (node, seq) where caller like $1",
                f"%{caller}",
            )
        finally:
            await connection.close()
        return [_record(row["body"]) for row in rows]

    async def record(self, caller: str, within: float = 10.0) -> CallRecord:
        """The one record of the one call from this number."""
        found: list[CallRecord] = []

        async def has_come() -> bool:
            found[:] = await self.records(caller)
            return bool(found)

        await eventually(has_come, within, f"a record of the call from {caller}", every=0.1)
        assert len(found) == 1
        return found[0]

    async def facts(self, call: CallId) -> list[tuple[int, str]]:
        """What the database has of a call, entry by entry: its number and topic."""
        connection = await asyncpg.connect(self.says()["database"], timeout=5)
        try:
            rows = await connection.fetch("select seq, topic from facts where key = $1 order by seq", call)
        finally:
            await connection.close()
        return [(row["seq"], row["topic"]) for row in rows]

    async def recording(self, caller: str, within: float = 20.0) -> tuple[Samples, Samples]:
        """Left and right of the finished recording of the one call from this number."""

        async def is_finished() -> bool:
            return bool((await self.record(caller)).recording)

        await eventually(is_finished, within, f"a recording of the call from {caller}", every=0.2)
        name = (await self.record(caller)).recording
        samples, _ = soundfile.read(self.state / "recordings" / name, dtype="int16")
        return samples[:, 0], samples[:, 1]

    def log(self, name: str) -> str:
        """What a server has printed."""
        return (self.state / "log" / f"{name}.log").read_text(errors="replace")


def _typed(words: Sequence[str], environment: Mapping[str, str]) -> Result:
    with TYPING:
        return CliRunner().invoke(main, words, env=environment)


def _record(body: str) -> CallRecord:
    return msgspec.json.decode(body, type=CallRecord, strict=False)


def _asked(url: str, method: str, authorization: str, given: Mapping[str, Any] | None = None) -> Any:
    body = json.dumps(given).encode() if given else None
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method=method)  # noqa: S310 - our own loopback address
    request.add_header("Authorization", authorization)
    with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310 - the same
        answer = response.read()
    return json.loads(answer) if answer else None


def chosen_ports() -> dict[str, str]:
    """A port for each server of a house, by the variable that chooses it."""
    ports = free_ports(*(kind for _, kind in PORTS))
    return {variable: str(port) for (variable, _), port in zip(PORTS, ports, strict=True)}


def copied_city(folder: Path) -> Path:
    """This repository's `config/` and `recordings/`, in a folder that is new; nobody is called back by themselves.

    Else the citizens of one test would be called back in the middle of the next one.
    """
    for name in ("config", "recordings"):
        shutil.copytree(ROOT / name, folder / name)
    site = folder / "config" / "site.yaml"
    before, after = site.read_text(encoding="utf-8").split("callbacks:\n  on: yes\n")
    site.write_text(f"{before}callbacks:\n  on: no\n{after}", encoding="utf-8")
    return folder


def written_city(folder: Path, texts: Mapping[str, str]) -> Path:
    """A city's files in `folder`, where a house looks for them."""
    for name, place in FILES.items():
        (folder / place).mkdir(parents=True, exist_ok=True)
        (folder / place / name).write_text(texts[name], "utf-8")
    return folder


@contextlib.contextmanager
def opened(state: Path, options: Sequence[str] = (), **more: str) -> Iterator[House]:
    """A house in `state`, without demo agents; closed at the end, with a check that nothing of it is left."""
    if "HOTLINE_CONFIG" not in more:
        more["HOTLINE_CONFIG"] = str(copied_city(state.parent / f"{state.name}'s city"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HOTLINE_")}
    environment |= {name: os.environ[name] for name in ("HOTLINE_ASTERISK",) if name in os.environ}
    environment.pop("DATABASE_URL", None)
    environment |= chosen_ports() | {"HOTLINE_STATE": str(state), "HOTLINE_DEMO_AGENTS": "no"} | more
    state.mkdir(parents=True, exist_ok=True)
    lend(state)
    out = state.parent / f"{state.name}.out"
    command = [sys.executable, "-m", "ivr", "up", *options]
    with child(command, out, cwd=ROOT, env=environment, stop=signal.SIGINT, within=CLOSED_WITHIN) as process:
        house = House(state, environment, process)
        try:
            _is_open(house, out)
            keep(state)
            yield house
        finally:
            _close(house, out)


def _is_open(house: House, out: Path) -> None:
    def is_open() -> bool:
        assert house.process.poll() is None, f"the house did not open:\n{out.read_text(errors='replace')}"
        return "is open" in out.read_text(errors="replace")

    assert holds(is_open, OPEN_WITHIN), f"the house is not open yet:\n{out.read_text(errors='replace')}"


def _close(house: House, out: Path) -> None:
    children = []
    with contextlib.suppress(psutil.Error):
        children = psutil.Process(house.process.pid).children(recursive=True)
    house.process.send_signal(signal.SIGINT)
    try:
        house.process.wait(CLOSED_WITHIN)
    except subprocess.TimeoutExpired:
        house.process.kill()
        raise AssertionError(f"the house does not close:\n{out.read_text(errors='replace')}") from None
    left = [each for each in children if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
    assert not left, f"left running: {left}"
