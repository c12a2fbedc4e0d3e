"""What one house is made of, read once before anything is started: config, state directory, ports, moment.

Reads files and the environment, starts nothing.
"""

import contextlib
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path
from zoneinfo import ZoneInfo

from dialplans import transports
from ivr.edge import snapshots
from ivr.edge.clock import SystemClock
from ivr.edge.places import Place
from ivr.errors import DiskError, Trouble
from ivr.snapshot import SNAPSHOT
from routing.config import Config, ConfigFault, ConfigFaults, Mode, Ports, attempt, build

ROOT = Path(__file__).resolve().parents[2]
SHANGHAI = ZoneInfo("Asia/Shanghai")
SOURCES = {"lines.yaml": "config", "site.yaml": "config", "prompts.yaml": "recordings"}
UNUSABLE = re.compile(r"[,;&|\"$=\[\]\n\r]")  # what a path in a dialplan cannot hold

FIRST_LOGIN = "first-login"
"""The secret in which the first system admin's password lies until there is another one."""

VARIABLES = {
    "sip": "HOTLINE_SIP_PORT",
    "web": "HOTLINE_WEB_PORT",
    "ari": "HOTLINE_ARI_PORT",
    "town_sip": "HOTLINE_TOWN_SIP_PORT",
    "town_phones": "HOTLINE_TOWN_PHONES_PORT",
    "town_trunks": "HOTLINE_TOWN_TRUNKS_PORT",
    "town_ari": "HOTLINE_TOWN_ARI_PORT",
}
"""Port -> the variable that overrides what `site.yaml` says; the last three default to the neighbours of theirs."""

BIND = "HOTLINE_SIP_BIND"
NEIGHBOURS = {"town_phones": ("town_sip", 1), "town_trunks": ("town_sip", 2), "town_ari": ("ari", 1)}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One house.

    `city` is the folder with its `config/` and `recordings/`.  `at` is the rehearsed moment, None for today; `database`
    the address of a given server, empty for our own; `bind` is where SIP is spoken.
    HOTLINE_DEMO_AGENTS=no leaves the seats to phones of one's own.
    """

    root: Path
    state: Path
    sources: Mapping[str, str]
    config: Config
    ports: Mapping[str, int]
    at: datetime | None
    database: str
    bind: str = "127.0.0.1"
    wants_agents: bool = True
    city: Path = ROOT

    @property
    def demo(self) -> bool:
        """Whether the demo town is carrier, city and agents."""
        return self.config.site.mode is Mode.DEMO

    @property
    def demo_agents(self) -> bool:
        """Whether people of the demo town sit at the seats."""
        return self.demo and self.wants_agents

    def sip(self, folder: str) -> Mapping[str, Place]:
        """Where one of the two Asterisks speaks SIP: each transport of its `pjsip.conf`, by its name."""
        site, ports = self.config.site, self.ports
        if folder == "asterisk":
            sockets = transports.hotline(site, self.bind, ports["sip"])
        else:
            sockets = transports.town(site, self.bind, ports["town_sip"], ports["town_phones"], ports["town_trunks"])
        return {each.name: self._place(folder, each) for each in transports.by_name(sockets)}

    def _place(self, folder: str, socket_: transports.Transport) -> Place:
        whose = f"of trunk '{socket_.trunk}' (site.yaml)"
        port_by, host_by = f"port {whose}", f"bind {whose}"
        if folder == "town" or socket_.trunk == transports.OWN:
            host_by = f"network: bind (site.yaml) or {BIND}=…"
            chosen = {"asterisk": "sip", "udp": "town_sip", "phones": "town_phones"}
            name = chosen["asterisk"] if folder == "asterisk" else chosen.get(socket_.name, "town_trunks")
            port_by = f"{VARIABLES[name]}=…"
        return Place(port_by, socket_.port, socket.SOCK_DGRAM, socket_.host, host_by)

    def listens(self) -> tuple[Place, ...]:
        """What must be free."""
        town = ("town",) if self.demo else ()
        sip = [place for folder in ("asterisk", *town) for place in self.sip(folder).values()]
        ports = ("web", "ari", *(f"{name}_ari" for name in town))
        return (*sip, *(Place(f"{VARIABLES[name]}=…", self.ports[name], socket.SOCK_STREAM) for name in ports))


def city(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder with this city's `config/` and `recordings/`: HOTLINE_CONFIG, else the repository."""
    return Path(environ.get("HOTLINE_CONFIG") or ROOT).expanduser().resolve()


def read_sources(root: Path | None = None) -> dict[str, str]:
    """File name -> text of everything that a config is built from, below `root` (the city's).  Raises `Trouble`."""
    root = city() if root is None else root
    sources = {}
    for name, folder in SOURCES.items():
        path = root / folder / name
        try:
            sources[name] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Trouble(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    return sources


def state_directory(chosen: Path | None, environ: Mapping[str, str] = os.environ) -> Path:
    """`chosen`, else HOTLINE_STATE, else `var/`.  Raises `Trouble` when its name cannot be used."""
    state = (chosen or Path(environ.get("HOTLINE_STATE") or ROOT / "var")).expanduser().resolve()
    if found := UNUSABLE.search(str(state)):
        raise Trouble(
            f"the state directory {state} has a {found[0]!r} in its name, which Asterisk's configuration cannot hold: "
            "choose another one with --state."
        )
    return state


def ports(said: Ports, environ: Mapping[str, str]) -> dict[str, int]:
    """The ports of `site.yaml`, as the environment overrides them.  Raises `Trouble`."""
    chosen: dict[str, int] = {}
    for name, variable in VARIABLES.items():
        if text := environ.get(variable):
            if not text.isdecimal():
                raise Trouble(f"{variable} is {text!r}: it must be the number of a port.")
            chosen[name] = int(text)
        elif name in NEIGHBOURS:
            neighbour, further = NEIGHBOURS[name]
            chosen[name] = chosen[neighbour] + further
        else:
            chosen[name] = int(getattr(said, name))
    return chosen


def bind(config: Config, environ: Mapping[str, str]) -> str:
    """The address of `site.yaml` for SIP, as the environment overrides it.  Raises `Trouble`."""
    chosen = environ.get(BIND) or config.site.network.bind
    try:
        return str(IPv4Address(chosen))
    except AddressValueError as error:
        raise Trouble(f"{BIND} is {chosen!r}: it must be an IPv4 address of this machine, or 0.0.0.0.") from error


def moment(config: Config, at: str | None) -> datetime | None:
    """The moment to live at: `at`, else the one of `site.yaml`; None is today.  Raises `Trouble`."""
    site = config.site
    if site.mode is not Mode.DEMO:
        if at not in {None, "now"}:
            raise Trouble("this house is in production (site.yaml: mode), and production lives today: leave --at out.")
        return None
    if at is None:
        return site.rehearsal
    if at == "now":
        return None
    with contextlib.suppress(ValueError):
        read = datetime.fromisoformat(at)
        return read if read.tzinfo else read.replace(tzinfo=SHANGHAI)
    raise Trouble(f"--at {at} is no moment: write it as 2021-09-15T09:00, or say now.")


def applied_sources(state: Path) -> dict[str, str]:
    """The texts that have been applied last: edits since then count once they are applied too.  Raises `Trouble`."""
    if not (state / SNAPSHOT).exists():
        raise Trouble(f"nothing is applied in {state}: start the house with scripts/run.")
    try:
        return snapshots.texts(state).sources
    except DiskError as error:
        raise Trouble(f"{error}: start the house again with scripts/run.") from error


def applied_config(state: Path) -> Config | None:
    """What they say, without reading them again; None where nothing was applied, or by an older engine."""
    try:
        return snapshots.config(state)[1]
    except DiskError:
        return None


def applied(state: Path) -> tuple[int, Config]:
    """What has been applied last, and its number; built anew where an older engine left it.

    Raises `Trouble` or `ConfigFaults`.
    """
    try:
        return snapshots.config(state)
    except DiskError:
        sources = applied_sources(state)
        return snapshots.texts(state).version, build(sources)


def read(state: Path | None, at: str | None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Everything, from the files.  Raises `Trouble`, or `ConfigFaults` with every fault of the config."""
    folder, sources = state_directory(state, environ), read_sources(city(environ))
    return settled(folder, sources, build(sources), at, environ)


def to_open(
    state: Path | None, at: str | None, environ: Mapping[str, str] = os.environ
) -> tuple[Settings, tuple[ConfigFault, ...]]:
    """Everything for a start, from the files; where they have faults, from what was applied last, and the faults.

    Looks at what `check` looks at: a number that has been cancelled is not given back by a start either.  Raises
    `Trouble`, and `ConfigFaults` where nothing that could open was ever applied.
    """
    folder, sources = state_directory(state, environ), read_sources(city(environ))
    previous = applied_config(folder)
    now = (moment(previous, at) if previous else None) or SystemClock().civil()
    built = attempt(sources, previous=previous, now=now)
    if built.config is not None:
        return settled(folder, sources, built.config, at, environ), ()
    try:
        _, config = applied(folder)
        return settled(folder, applied_sources(folder), config, at, environ), built.faults
    except (Trouble, ConfigFaults) as nothing:
        raise ConfigFaults(built.faults) from nothing


def settled(
    folder: Path, sources: Mapping[str, str], config: Config, at: str | None, environ: Mapping[str, str] = os.environ
) -> Settings:
    """How a house of these files opens, with what the environment says of it.  Raises `Trouble`."""
    return Settings(
        root=ROOT,
        state=folder,
        sources=sources,
        config=config,
        ports=ports(config.site.ports, environ),
        bind=bind(config, environ),
        at=moment(config, at),
        database=environ.get("DATABASE_URL", ""),
        city=city(environ),
        wants_agents=_wants_agents(environ),
    )


def _wants_agents(environ: Mapping[str, str]) -> bool:
    wanted = environ.get("HOTLINE_DEMO_AGENTS") or "yes"
    if wanted not in {"yes", "no"}:
        raise Trouble(f"HOTLINE_DEMO_AGENTS is '{wanted}': it must be yes or no.")
    return wanted == "yes"
