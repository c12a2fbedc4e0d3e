"""Ports and paths of this machine: what is free, and where a socket may lie."""

import contextlib
import hashlib
import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

from ivr.errors import Trouble

PROTOCOLS = {socket.SOCK_DGRAM: "udp", socket.SOCK_STREAM: "tcp"}
LONGEST_SOCKET = 107  # bytes of a Unix socket's path, sockaddr_un(7)


def socket_folder(wanted: Path, socket_name: str) -> Path:
    """`wanted`; where a socket in it would have too long a path, a short folder in its place, always the same one."""
    if len(os.fsencode(wanted / socket_name)) <= LONGEST_SOCKET:
        return wanted
    name = hashlib.sha256(os.fsencode(wanted)).hexdigest()[:12]
    return Path(f"/tmp/hotline-{os.geteuid()}-{name}")  # noqa: S108 - `own` checks whose it is


def own(folder: Path, uid: int, gid: int) -> int:
    """Make `folder` for one user alone, 0700, and return who owns it: another one than `uid` if it was there before."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700, parents=True)
        os.chown(folder, uid, gid)
    status = folder.lstat()
    if status.st_uid == uid and not folder.is_symlink() and status.st_mode & 0o077:
        folder.chmod(0o700)
    return -1 if folder.is_symlink() else status.st_uid


@contextlib.contextmanager
def sockets(wanted: Path, socket_name: str) -> Iterator[Path]:
    """A folder of our own for sockets; one that lies elsewhere than `wanted` is gone afterwards."""
    folder = socket_folder(wanted, socket_name)
    if own(folder, os.geteuid(), os.getegid()) != os.geteuid():
        raise Trouble(f"{folder} belongs to somebody else: remove it, then start again.")
    try:
        yield folder
    finally:
        if folder != wanted:
            shutil.rmtree(folder, ignore_errors=True)


def holder(port: int, kind: socket.SocketKind) -> str:
    """Who holds a port of this machine, as far as we may see: ` by asterisk (process 17)`, or nothing."""
    try:
        for connection in psutil.net_connections(PROTOCOLS[kind]):
            listening = kind is socket.SOCK_DGRAM or connection.status == psutil.CONN_LISTEN
            if connection.pid and listening and connection.laddr and connection.laddr.port == port:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        pass
    return ""


def is_free(port: int, kind: socket.SocketKind, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: TIME_WAIT is no holder
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def demand_free(ports: Mapping[str, tuple[int, socket.SocketKind]]) -> None:
    """Raise `Trouble` if one is taken: `ports` is the variable that chooses it -> port and kind."""
    seen: dict[tuple[int, socket.SocketKind], str] = {}
    for variable, (port, kind) in ports.items():
        if not 0 < port < 1 << 16:
            raise Trouble(f"{port} is no port: choose one between 1024 and 65535 with {variable}.")
        if other := seen.get((port, kind)):
            raise Trouble(f"port {port} is wanted twice: choose another one with {variable} or {other}.")
        seen[port, kind] = variable
        if not is_free(port, kind):
            said = f"{PROTOCOLS[kind].upper()} port {port} is in use{holder(port, kind)}"
            raise Trouble(f"{said}: stop that, or choose another port with {variable}=…")
