"""What the tests start: servers on ports that nobody else takes, which end with their block, and die with the tests.

Tests may run side by side, in several workers: each worker has its own part of the ports.
"""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from ivr.edge.processes import dies_with_us

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
