"""Dialling whom we call: which numbers over which trunks, and what the dialplan is told of whoever answers."""

import msgspec

from ivr.ari.handles import Leg
from ivr.ari.vitals import Ended
from ivr.facts import Dialling, Direction
from ivr.ledger import ARRIVED, DIALLING, ROUTED
from ivr.outside import Into
from ivr.outside import dialled as over_trunks
from ivr.visit import Call
from routing import outward
from routing.ids import ChannelId
from routing.outward import Way
from routing.talk import Kind, Whom

CONTEXT = "dialled"
"""Where their recording and their lease begin; see dialplans/hotline/extensions.conf."""


async def dialled(call: Call) -> Leg | Ended:
    """The leg of whom we call, answered and kept; or how the last way ended."""

    def begin(way: Way) -> ChannelId:
        n = call.ledger.count(DIALLING) + 1
        name = call.leg("citizen", n)
        call.ledger.write(DIALLING.of(n), Dialling(call.now(), way.number, way.trunk, name))
        return name

    into = Into(CONTEXT, lambda way: _stamps(call, way))
    return await over_trunks(call.service, call.ari, _ways(call), begin, into=into)


def _ways(call: Call) -> tuple[Way, ...]:
    arrived, config = call.ledger[ARRIVED], call.service.config
    ways = outward.ways(config, Whom(Kind.NUMBER, arrived.arrival.caller))
    if arrived.direction is Direction.OUT:
        return ways
    ring_for_ms = int(config.site.callbacks.ring_for.total_seconds() * 1000)
    return tuple(msgspec.structs.replace(way, ring_for_ms=ring_for_ms) for way in ways)


def _stamps(call: Call, way: Way) -> dict[str, str]:
    """What survival needs to know, should we be gone when they answer: they are then served as if they had called."""
    return {
        "HOTLINE_CALL": call.id,
        "HOTLINE_DIALLED": call.ledger[ROUTED].line,
        "HOTLINE_CALLER": call.ledger[ARRIVED].arrival.caller,
        "HOTLINE_TRUNK": way.trunk,
        "HOTLINE_ARRIVED": str(call.now()),
    }
