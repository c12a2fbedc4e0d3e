"""What the tests start: servers on ports that nobody else takes, which end with their block, and die with the tests.

Tests may run side by side, in several workers: each worker has its own part of the ports.
"""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import asyncpg

from ivr.edge.postgres import DATABASE, USER, Server
from ivr.edge.processes import Child, dies_with_us
from tests.asterisk.waiting import holds

CHOSEN_FROM: Final = range(24000, 32000)
"""Ports that the system gives to nobody who asks for any: a phone would take one before its server has started."""

STOPS_WITHIN: Final = 10.0  # seconds, asked politely


def ours(chosen_from: range = CHOSEN_FROM, environment: Mapping[str, str] = os.environ) -> range:
    """Of these, the part of this worker."""
    workers = int(environment.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    worker = int(environment.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    each = len(chosen_from) // workers
    return chosen_from[worker * each : (worker + 1) * each]


def free_ports(*kinds: socket.SocketKind) -> list[int]:
    """A port of 127.0.0.1 for each, free now and none of them twice."""
    with contextlib.ExitStack() as held:
        return [_bound(held.enter_context(socket.socket(socket.AF_INET, kind))) for kind in kinds]


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """One port."""
    return free_ports(kind)[0]


def _bound(sock: socket.socket) -> int:
    while True:
        port = secrets.choice(ours())
        with contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port


@contextlib.contextmanager
def child(
    command: Sequence[str | Path],
    out: Path,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stop: signal.Signals = signal.SIGTERM,
    within: float = STOPS_WITHIN,
) -> Iterator[subprocess.Popen[bytes]]:
    """A server whose words go to the file `out`; told to `stop` at the end, and killed when it does not `within` s."""
    with out.open("wb") as said:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            preexec_fn=dies_with_us(signal.SIGKILL),  # noqa: PLW1509 - it calls one function, resolved beforehand
        )
    try:
        yield process
    finally:
        process.send_signal(stop)
        try:
            process.wait(within)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Postgres:
    """A server that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.server = Server(folder, folder / "log" / "postgres.log")
        self.child: Child | None = None
        self.databases = 0

    async def start(self) -> None:
        await self.server.prepare()
        # what is killed leaves its writes to the kernel; syncing each file of all databases takes half a minute
        (self.server.data / "postgresql.auto.conf").write_text("fsync = off\n")
        self.child = self.server.launch()
        await self.server.ready(self.child)

    async def kill(self) -> None:
        """`kill -9` of all of it at once, as the out-of-memory killer or a power cut would."""
        assert self.child is not None
        os.killpg(self.child.pid, signal.SIGKILL)
        await self.child.ended()

    async def fresh(self) -> str:
        """The address of an empty database."""
        self.databases += 1
        name = f"test_{self.databases}"
        connection = await asyncpg.connect(self.server.dsn(DATABASE))
        await connection.execute(f"create database {name} owner {USER}")
        await connection.close()
        return self.server.dsn(name)


@contextlib.contextmanager
def given_postgres() -> Iterator[Postgres]:
    """One that runs meanwhile, in a folder that anybody may pass; killed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="hotline-test-"))
    folder.chmod(0o755)
    server = Postgres(folder)
    asyncio.run(server.start())
    try:
        yield server
    finally:
        if server.child is not None:
            os.killpg(server.child.pid, signal.SIGKILL)
            holds(lambda: server.child is None or not server.child.running, 10)
        shutil.rmtree(folder)
