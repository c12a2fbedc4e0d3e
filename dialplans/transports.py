"""The sockets on which each Asterisk speaks SIP: its own, and those of trunks with an address or port of their own.

Pure.  The templates write them, and whoever starts an Asterisk asks whether it has got them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from routing.config import Mode, Site

OWN = ""
"""In the place of a trunk's id: what phones use, and every trunk without an address of its own."""

PHONES = "phones"
"""The agents' phones of the demo town: what they send must not look like a trunk's."""

EVERYWHERE = "0.0.0.0"  # noqa: S104 (an admin's choice, and how it is written)


@dataclass(frozen=True)
class Transport:
    """A UDP socket; `external`, `external_media`: what it says to be to whoever is behind a NAT."""

    name: str
    host: str
    port: int
    trunk: str = OWN
    external: str | None = None
    external_media: str | None = None

    @property
    def reached(self) -> str:
        """Where somebody on this machine finds it."""
        return f"{on_this_machine(self.host)}:{self.port}"


def on_this_machine(host: str) -> str:
    """An address under which `host` is found from here."""
    return "127.0.0.1" if host == EVERYWHERE else host


def by_name(sockets: Mapping[str, Transport]) -> list[Transport]:
    """Each once."""
    return list({each.name: each for each in sockets.values()}.values())


def hotline(site: Site, bind: str, port: int) -> Mapping[str, Transport]:
    """The hotline's: `OWN` and each trunk's id -> where SIP is spoken with it.  A demo stays on its own."""
    made = {OWN: Transport("udp", bind, port)}
    if site.mode is Mode.DEMO:
        return made | dict.fromkeys(site.trunks, made[OWN])
    for trunk in site.trunks.values():
        place = trunk.bind or bind, trunk.port or port
        name = _named(made.values(), place) or f"udp-{trunk.id}"
        owner = OWN if name == made[OWN].name else trunk.id
        external = trunk.external_address, trunk.external_media or trunk.external_address
        made[trunk.id] = Transport(name, *place, owner, *external)
        if owner == OWN:  # the trunks that share it say the same (a fault of `check` otherwise)
            made[OWN] = made[trunk.id]
    return made


def _named(known: Iterable[Transport], place: tuple[str, int]) -> str:
    return next((each.name for each in known if (each.host, each.port) == place), "")


def town(site: Site, bind: str, port: int, phones: int, trunks: int) -> Mapping[str, Transport]:
    """The town's: `OWN`, `PHONES`, and each trunk's id -> where it plays that carrier, the first on `OWN`."""
    made = {OWN: Transport("udp", bind, port), PHONES: Transport("phones", bind, phones)}
    for n, trunk in enumerate(site.trunks):
        made[trunk] = Transport(f"udp-{trunk}", bind, trunks + n - 1, trunk) if n else made[OWN]
    return made
