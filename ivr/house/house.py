"""One house while it is open: its settings, what has been built of it, and the servers that are kept running."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from ivr.edge.asterisk import Asterisk
from ivr.edge.secrets import Secrets
from ivr.house.keeper import Keeper, Server
from ivr.house.report import Report
from ivr.house.settings import Settings

CONTROLLER: Sequence[str | Path] = (sys.executable, "-m", "ivr", "controller")
CONTROL_SOCKET = "asterisk.ctl"


@dataclass
class House:
    """What the steps have built so far."""

    settings: Settings
    report: Report
    drain_within: float = 0.0
    controller: Sequence[str | Path] = field(default_factory=lambda: CONTROLLER)
    since_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    keepers: dict[str, Keeper] = field(default_factory=dict)
    dsn: str = ""
    asterisk: Asterisk | None = None
    sockets: dict[str, Path] = field(default_factory=dict)

    @property
    def secrets(self) -> Secrets:
        """The secrets of this state directory."""
        return Secrets(self.settings.state / "secrets")

    def log(self, name: str) -> Path:
        """Where a server's output goes."""
        return self.settings.state / "log" / f"{name}.log"

    def url(self, path: str = "") -> str:
        """An address of the controller."""
        return f"http://127.0.0.1:{self.settings.ports['web']}{path}"

    def environment(self) -> dict[str, str]:
        """What the controller is told by variables; the rest it reads in the state directory."""
        at = self.settings.at
        ports = {
            "HOTLINE_SIP_PORT": "sip", "HOTLINE_WEB_PORT": "web", "HOTLINE_ARI_PORT": "ari",
            "HOTLINE_TOWN_SIP_PORT": "town_sip", "HOTLINE_TOWN_ARI_PORT": "town_ari",
        }  # fmt: skip
        return (
            dict(os.environ)
            | {variable: str(self.settings.ports[name]) for variable, name in ports.items()}
            | {
                "HOTLINE_STATE": str(self.settings.state),
                "HOTLINE_AT": at.isoformat() if at else "",
                "HOTLINE_SINCE": str(self.since_ms),
                "DATABASE_URL": self.dsn,
            }
        )

    def write(self) -> None:
        """Tell everybody who wants to know (`house.json`): pids, ports, addresses."""
        at = self.settings.at
        says = {
            "pid": os.getpid(),
            "root": str(self.settings.root),
            "city": str(self.settings.city),
            "started_ms": self.since_ms,
            "mode": self.settings.config.site.mode.value,
            "at": at.isoformat() if at else None,
            "ports": dict(self.settings.ports),
            "bind": self.settings.bind,
            "pids": {name: keeper.pid for name, keeper in self.keepers.items()},
            "controller": self.url(),
            "database": self.dsn,
            "sockets": {name: str(folder / CONTROL_SOCKET) for name, folder in self.sockets.items()},
            "demo_agents": self.settings.demo_agents,
            "asterisk": {
                "program": self.asterisk.program,
                "version": self.asterisk.version,
                "modules": str(self.asterisk.modules),
                "data": str(self.asterisk.data),
                "origin": self.asterisk.origin,
            }
            if self.asterisk
            else None,
        }
        path = self.settings.state / "house.json"
        fresh = path.with_suffix(".new")
        fresh.touch(0o600)
        fresh.write_bytes(msgspec.json.format(msgspec.json.encode(says), indent=2))
        fresh.replace(path)

    def _tell(self) -> None:
        """The same while calls go on: a full disk ends none."""
        try:
            self.write()
        except OSError as error:
            self.report.news(f"house.json could not be written and says what was: {error.strerror or error}")

    @contextlib.asynccontextmanager
    async def kept(self, name: str, server: Server) -> AsyncIterator[Keeper]:
        """Start a server, ready; it is stopped when the block is left."""
        keeper = Keeper(server, self.report.news, self._tell)
        self.keepers[name] = keeper
        try:
            await keeper.start()
            yield keeper
        finally:
            began = time.monotonic()
            was_running = keeper.pid is not None
            await keeper.stop()
            del self.keepers[name]
            if was_running:
                self.report.done(f"{server.name} stopped ({time.monotonic() - began:.1f} s)")

    async def keep(self) -> None:
        """Keep every server running, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for name, keeper in self.keepers.items():
                group.create_task(keeper.keep(), name=f"keep:{name}")
