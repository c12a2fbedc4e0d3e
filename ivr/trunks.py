"""How each trunk is: its channels in use, by Asterisk and by what we are about to dial; whether we are logged in."""

import asyncio
import logging
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum

import msgspec

from ivr.ari.client import Ari
from ivr.errors import AriError, ConnectionLost
from routing.config.site import Site, Trunk
from routing.ids import ChannelId

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0

LOOKS = 3
"""At so many looks in a row there is no login before it is an alarm: after a start the first one takes its time."""

REGISTRATIONS = "pjsip show registrations"
"""The command to which Asterisk answers, among headings, `<trunk>/sip:<where>  <auth>  Registered  (exp. 42s)`."""

_REGISTRATION = re.compile(r"^ *(\S+?)/\S+ .*?\b(Registered|Rejected|Unregistered|Stopped)\b", re.MULTILINE)

Console = Callable[[str], Awaitable[str]]
"""Asterisk's command line: what it prints for a command.  Raises `ConnectionLost`."""

STAMP = "HOTLINE_CALL"
"""The variable that the dialplan sets on every arriving call, and on nothing else."""


class Registration(StrEnum):
    """Whether we are logged in at a trunk's carrier, as Asterisk has it."""

    REGISTERED = "registered"
    REJECTED = "rejected"  # the carrier does not take our login
    UNREGISTERED = "unregistered"  # it has not answered yet, or any longer
    NOT_USED = "not-used"  # it knows our address
    UNKNOWN = "unknown"  # Asterisk could not be asked


class TrunkNow(msgspec.Struct, frozen=True):
    """A trunk now: whether an SBC of it answers OPTIONS, and its channels in use, by who has called.

    `reserved_out`, `reserved_emergency`: channels that arriving calls, and all but an emergency's legs, never take.
    `passed_over`: how often, in this life of the controller, it had none for a leg of ours.
    """

    trunk: str
    name: str
    is_reachable: bool
    channels: int
    arrived: int
    dialled: int
    reserved_out: int
    reserved_emergency: int
    passed_over: int
    registration: Registration

    @property
    def is_logged_in(self) -> bool | None:
        """Whether its carrier knows of us by our login; None where there is none, or nobody knows."""
        return {Registration.NOT_USED: None, Registration.UNKNOWN: None, Registration.REGISTERED: True}.get(
            self.registration, False
        )

    @property
    def is_full(self) -> bool:
        """There is no channel but those of the emergency reserve."""
        return self.arrived + self.dialled >= self.channels - self.reserved_emergency


class Trunks:
    """Which legs of ours are being dialled over which trunk, and how often each had no channel for one."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console
        self.passed_over: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()
        """At how many looks in a row, of those that are made by themselves, a trunk had no login."""
        self.seen: tuple[TrunkNow, ...] = ()
        """As of the last look; none when Asterisk could not be asked."""
        self._dialling: dict[str, set[ChannelId]] = {}

    @contextmanager
    def dialling(self, trunk: str, leg: ChannelId) -> Iterator[None]:
        """The leg takes a channel of the trunk, whether or not Asterisk has it in its list already."""
        legs = self._dialling.setdefault(trunk, set())
        legs.add(leg)
        try:
            yield
        finally:
            legs.discard(leg)

    async def used(self, ari: Ari, trunk: str) -> int:
        """How many channels of the trunk are in use, by calls either way."""
        try:
            endpoint = await ari.request("GET", f"endpoints/PJSIP/{trunk}")
            listed = {ChannelId(name) for name in endpoint["channel_ids"]}
        except AriError as error:
            log.warning("trunk %s: how many of its channels are in use is not known: %s", trunk, error)
            listed = set()
        return len({leg for leg in listed if not ari.has_ended(leg)} | self._dialling.get(trunk, set()))

    async def look(self, ari: Ari | None, site: Site) -> tuple[TrunkNow, ...]:
        """Every trunk as it is now."""
        try:
            self.seen = await self._looked(ari, site) if ari is not None else ()
        except (AriError, ConnectionLost, TimeoutError) as error:
            log.info("trunks: %s", error)
            self.seen = ()
        return self.seen

    async def run(self, ari: Callable[[], Ari | None], site: Callable[[], Site]) -> None:
        """Look now and then, for ever; not at once: a carrier's first answer to OPTIONS takes its time."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            seen = await self.look(ari(), site())
            self.missed = Counter(
                {each.trunk: self.missed[each.trunk] + 1 for each in seen if each.is_logged_in is False}
            )

    async def _looked(self, ari: Ari, site: Site) -> tuple[TrunkNow, ...]:
        online = {each.resource for each in await ari.endpoints() if each.state == "online"}
        used: Counter[tuple[str, bool]] = Counter()
        for channel in (await ari.lists()).channels:
            endpoint = channel.name.removeprefix("PJSIP/").rpartition("-")[0]
            used[endpoint, bool((channel.channelvars or {}).get(STAMP))] += 1
        known = await self._registrations() if any(each.registers for each in site.trunks.values()) else {}
        return tuple(
            TrunkNow(
                trunk.id, trunk.name, trunk.id in online, trunk.channels, used[trunk.id, True], used[trunk.id, False],
                trunk.reserve_out, trunk.reserve_emergency, self.passed_over[trunk.id], _registration(trunk, known),
            )
            for trunk in site.trunks.values()
        )  # fmt: skip

    async def _registrations(self) -> Mapping[str, Registration] | None:
        """Which trunks Asterisk logs in at, and how that is; None when it cannot be asked."""
        if self._console is None:
            return None
        try:
            return registrations(await self._console(REGISTRATIONS))
        except ConnectionLost as error:
            log.info("trunks: %s", error)
            return None


def registrations(said: str) -> dict[str, Registration]:
    """What Asterisk's answer to `REGISTRATIONS` says of each trunk."""
    known = {"Registered": Registration.REGISTERED, "Rejected": Registration.REJECTED}
    return {trunk: known.get(word, Registration.UNREGISTERED) for trunk, word in _REGISTRATION.findall(said)}


def _registration(trunk: Trunk, known: Mapping[str, Registration] | None) -> Registration:
    if not trunk.registers:
        return Registration.NOT_USED
    return Registration.UNKNOWN if known is None else known.get(trunk.id, Registration.UNREGISTERED)


def full(seen: tuple[TrunkNow, ...]) -> str:
    """What is to be said of trunks that have no channel left but those of the emergency reserve; nothing if none."""
    found = [
        f"{each.trunk} ({each.arrived} arrived, {each.dialled} dialled of {each.channels})"
        for each in seen
        if each.is_full
    ]
    return f"trunks are full: {', '.join(found)}" if found else ""


def logged_out(trunks: Trunks) -> str:
    """What is to be said of trunks at which we are not logged in; nothing if we are, or if nobody knows."""
    states = {each.trunk: each.registration for each in trunks.seen}
    found = [f"{name} ({states[name]})" for name, looks in trunks.missed.items() if looks >= LOOKS and name in states]
    return f"not logged in at {', '.join(found)}: its carrier sends no calls" if found else ""


def away(seen: tuple[TrunkNow, ...]) -> str:
    """What is to be said of trunks of which no SBC answers; nothing if all do."""
    found = [each.trunk for each in seen if not each.is_reachable]
    return f"no SBC answers OPTIONS of {', '.join(found)}" if found else ""
