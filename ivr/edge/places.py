"""Ports and paths of this machine: what is free, and where a socket may lie."""

import contextlib
import errno
import hashlib
import os
import shutil
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Place:
    """Where a server of ours listens; `port_by` and `host_by` name what chooses that: a variable, a field."""

    port_by: str
    port: int
    kind: socket.SocketKind
    host: str = "127.0.0.1"
    host_by: str = ""

    def __str__(self) -> str:
        """`UDP port 5060`, with its address where that is another one."""
        at = "" if self.host == "127.0.0.1" else f" of {self.host}"
        return f"{PROTOCOLS[self.kind].upper()} port {self.port}{at}"

    def refusal(self) -> str:
        """Why no server can listen there now, and what to do; nothing when one can."""
        try:
            with socket.socket(socket.AF_INET, self.kind) as probe:
                if self.kind is socket.SOCK_STREAM:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: TIME_WAIT is no holder
                probe.bind((self.host, self.port))
        except PermissionError:
            return f"{self} is not for this user: choose one from 1024 on with {self.port_by}"
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                return f"{self.host} is no address of this machine: choose one that is with {self.host_by}"
            held = f"{self} is in use{holder(self.port, self.kind)}"
            return f"{held}: stop that, or choose another port with {self.port_by}"
        return ""


def demand_free(places: Sequence[Place]) -> None:
    """Raise `Trouble` if one is taken, or wanted twice."""
    seen: dict[tuple[str, int, socket.SocketKind], str] = {}
    for place in places:
        if not 0 < place.port < 1 << 16:
            raise Trouble(f"{place.port} is no port: choose one between 1024 and 65535 with {place.port_by}.")
        if other := seen.get((place.host, place.port, place.kind)):
            raise Trouble(f"port {place.port} is wanted twice: choose another one with {place.port_by} or {other}.")
        seen[place.host, place.port, place.kind] = place.port_by
        if refusal := place.refusal():
            raise Trouble(refusal)
