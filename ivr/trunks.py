"""How many channels of each trunk are in use: Asterisk says so, and we know what we are just about to dial."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from ivr.ari.client import Ari
from ivr.errors import AriError, ConnectionLost
from routing.config.site import Site, Trunk
from routing.ids import ChannelId

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0

STAMP = "HOTLINE_CALL"
"""The variable that the dialplan sets on every arriving call, and on nothing else."""


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

    @property
    def is_full(self) -> bool:
        """There is no channel but those of the emergency reserve."""
        return self.arrived + self.dialled >= self.channels - self.reserved_emergency


class Trunks:
    """Which legs of ours are being dialled over which trunk, and how often each had no channel for one."""

    def __init__(self) -> None:
        self.passed_over: Counter[str] = Counter()
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
            await self.look(ari(), site())

    async def _looked(self, ari: Ari, site: Site) -> tuple[TrunkNow, ...]:
        online = {each.resource for each in await ari.endpoints() if each.state == "online"}
        used: Counter[tuple[str, bool]] = Counter()
        for channel in (await ari.lists()).channels:
            endpoint = channel.name.removeprefix("PJSIP/").rpartition("-")[0]
            used[endpoint, bool((channel.channelvars or {}).get(STAMP))] += 1
        return tuple(
            self._now(trunk, trunk.id in online, used[trunk.id, True], used[trunk.id, False])
            for trunk in site.trunks.values()
        )

    def _now(self, trunk: Trunk, is_reachable: bool, arrived: int, dialled: int) -> TrunkNow:  # noqa: FBT001 - a column
        return TrunkNow(
            trunk.id, trunk.name, is_reachable, trunk.channels, arrived, dialled, trunk.reserve_out,
            trunk.reserve_emergency, self.passed_over[trunk.id],
        )  # fmt: skip


def full(seen: tuple[TrunkNow, ...]) -> str:
    """What is to be said of trunks that have no channel left but those of the emergency reserve; nothing if none."""
    found = [
        f"{each.trunk} ({each.arrived} arrived, {each.dialled} dialled of {each.channels})"
        for each in seen
        if each.is_full
    ]
    return f"trunks are full: {', '.join(found)}" if found else ""


def away(seen: tuple[TrunkNow, ...]) -> str:
    """What is to be said of trunks of which no SBC answers; nothing if all do."""
    found = [each.trunk for each in seen if not each.is_reachable]
    return f"no SBC answers OPTIONS of {', '.join(found)}" if found else ""
