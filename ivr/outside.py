"""Legs that leave the house: a number over a trunk, if the trunk has a channel for it.

`routing.outward` decides what is dialled, and what after it; this is the only place where it is done.  How many
channels are in use Asterisk says: so it is right after a restart of ours, and beside what the dialplan dials.
"""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import NamedTuple

from ivr.ari.client import Ari
from ivr.ari.handles import Leg, Up
from ivr.ari.vitals import Ended
from ivr.service import Service
from routing import outward
from routing.causes import ABSENT, NO_CHANNEL
from routing.ids import ChannelId
from routing.outward import Way

log = logging.getLogger(__name__)

FULL = Ended(hung_up=True, cause=NO_CHANNEL)
"""What becomes of a leg for which the trunk has no channel: nothing was dialled."""

GROUP = "GROUP(out)"
"""Where the dialplan counts the legs that go out over a trunk, ours beside its own."""


class Into(NamedTuple):
    """Where the dialplan has whoever answers, in place of us, and what it is told of them: it brings them to us."""

    context: str
    stamps: Callable[[Way], dict[str, str]]


@asynccontextmanager
async def outside(
    service: Service, ari: Ari, name: ChannelId, way: Way, citizen: str = "", into: Into | None = None
) -> AsyncIterator[tuple[Leg, Up | Ended]]:
    """One way, as a leg with what has become of it; leaving the block hangs it up, unless it was kept.

    `citizen` is the number of whoever it is dialled for.  `FULL` when the trunk has no channel for it.
    """
    leg = Leg(
        ari,
        name,
        f"PJSIP/{way.number}@{way.trunk}",
        caller_id=outward.shown(way, citizen, service.config.site.number),
        ring_for=timedelta(milliseconds=way.ring_for_ms),
        variables={GROUP: way.trunk} | (into.stamps(way) if into else {}),
        context=into.context if into else "",
    )
    async with leg:
        yield leg, await _answered(service, leg, way)


async def dialled(
    service: Service,
    ari: Ari,
    ways: tuple[Way, ...],
    begin: Callable[[Way], ChannelId],
    citizen: str = "",
    into: Into | None = None,
) -> Leg | Ended:
    """Dial one way after another, as `outward.after` has it: the first leg that is answered, kept; or the last end.

    `begin` writes down what is about to be dialled and names the leg, each time another one.
    """
    answer = Ended(hung_up=True, cause=ABSENT)
    while ways:
        async with outside(service, ari, begin(ways[0]), ways[0], citizen, into) as (leg, outcome):
            if isinstance(outcome, Up):
                leg.keep()
                return leg
        answer, ways = outcome, outward.after(ways, outcome.cause, outcome.sip)
    return answer


async def _answered(service: Service, leg: Leg, way: Way) -> Up | Ended:
    trunk, trunks = service.config.site.trunks.get(way.trunk), service.trunks
    used = await trunks.used(leg.channel.ari, way.trunk)
    if trunk is not None and not outward.has_channel(trunk, used, is_emergency=way.is_emergency):
        log.warning("trunk %s has no channel for %s: %d are in use", trunk.id, leg.channel.id, used)
        trunks.passed_over[trunk.id] += 1
        leg.channel.vitals.end(FULL)
        return FULL
    with trunks.dialling(way.trunk, leg.channel.id):
        return await leg.answered()
