"""Legs to seats: a phone is rung, or asked to answer by itself, as its seat or whoever sits there has it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import timedelta

from ivr.ari.client import Ari
from ivr.ari.handles import Leg, Up
from ivr.ari.vitals import Ended
from ivr.dispatcher import Place
from ivr.errors import PickedUp
from ivr.service import Service
from routing.causes import ABSENT
from routing.ids import AgentId, ChannelId, PromptId, SeatId
from routing.people import SEAT, Answer, answers

log = logging.getLogger(__name__)

BY_ITSELF = {
    "PJSIP_HEADER(add,Call-Info)": "<sip:hotline>;answer-after=0",
    "PJSIP_HEADER(add,Alert-Info)": "<http://www.notused.com>;info=alert-autoanswer;delay=0",
    "PJSIP_HEADER(add,Answer-Mode)": "Auto",
}
"""How phones are asked: each kind knows one of these (Call-Info: snom, Grandstream, Yealink, Linphone; Alert-Info:
Polycom, Cisco; Answer-Mode: RFC 5373)."""

OVER_WITHIN_S = 1.0
"""A call to a phone is given up within some milliseconds; should no word of it come, it is dialled all the same."""

BEEP = PromptId("pieces/beep")


@dataclass(frozen=True, slots=True)
class Ringing:
    """A phone at a seat that is to ring: whose, what it shows, and for how long if not for as long as an agent's.

    `begin` writes down that it is about to be dialled, by whose wish it is to answer by itself (or nobody's), and names
    the leg.  `place`: through which that can be wished for.
    """

    seat: SeatId
    agent: AgentId | None
    caller: str
    begin: Callable[[str], ChannelId]
    place: Place | None = None
    longest: timedelta | None = None


@asynccontextmanager
async def rung(service: Service, ari: Ari, ringing: Ringing) -> AsyncIterator[tuple[Leg, Up | Ended]]:
    """The phone is rung; once more, and asked to answer by itself, if whoever sits there would have it so.

    The first call to it has to be over before: a phone for one call at a time is busy else.  It may have been answered
    just then, and that is an answer.
    """
    by, answer = "", None
    async with _seat(service, ari, ringing) as leg:
        try:
            async with ringing.place.ringing() if ringing.place else nullcontext():
                answer = await leg.answered()
        except PickedUp as wish:
            by = wish.by
        if answer is None and leg.channel.vitals.started.is_set():
            answer = leg.channel.ended or Up()
        if answer is not None:
            yield leg, answer
            return
        leg.channel.hang_up()
        with suppress(TimeoutError):
            async with asyncio.timeout(OVER_WITHIN_S):
                await leg.channel.gone()
    async with _seat(service, ari, ringing, by) as leg:
        yield leg, await leg.answered()


def _seat(service: Service, ari: Ari, ringing: Ringing, by: str = "") -> Leg:
    """The phone at a seat, not yet dialled.

    What is no seat's number has ended before it is dialled: `PJSIP/x@town` would be a call past every rule for those
    outside.  The number is all that is looked at, since an older call keeps a config that may not know the seat yet.
    """
    place = ringing.seat
    leg = Leg(
        ari,
        ringing.begin(by),
        f"PJSIP/{place}",
        caller_id=ringing.caller,
        ring_for=ringing.longest or service.config.site.timing.ring_for,
        variables=BY_ITSELF if by or answers_by_itself(service, place, ringing.agent) else None,
    )
    if SEAT.fullmatch(place) is None:
        log.error("%r is no seat, and is not rung", place)
        leg.channel.vitals.end(Ended(hung_up=True, cause=ABSENT))
    return leg


def beep(service: Service, place: SeatId, agent: AgentId | None) -> tuple[PromptId, ...]:
    """What whoever sits there hears first: where nobody takes a receiver a beep says that somebody is on the line."""
    return (BEEP,) if answers_by_itself(service, place, agent) else ()


def answers_by_itself(service: Service, place: SeatId, agent: AgentId | None) -> bool:
    """Whether nobody takes a receiver there."""
    site = service.config.site
    return answers(site.seats.get(place), site.agents.get(agent) if agent else None) is Answer.AUTO
