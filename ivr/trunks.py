"""How many channels of each trunk are in use: Asterisk says so, and we know what we are just about to dial."""

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from ivr.ari.client import Ari
from ivr.errors import AriError
from routing.ids import ChannelId

log = logging.getLogger(__name__)


class Trunks:
    """Which legs of ours are being dialled over which trunk, and how often each had no channel for one."""

    def __init__(self) -> None:
        self.passed_over: Counter[str] = Counter()
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
