"""Legs to seats: a phone is rung, or asked to answer by itself, as its seat or whoever sits there has it."""

import logging
from datetime import timedelta

from ivr.ari.client import Ari
from ivr.ari.handles import Leg
from ivr.ari.vitals import Ended
from ivr.service import Service
from routing.ids import AgentId, ChannelId, PromptId, SeatId
from routing.outward import ABSENT
from routing.people import SEAT, Answer, answers

log = logging.getLogger(__name__)

BY_ITSELF = {
    "PJSIP_HEADER(add,Call-Info)": "<sip:hotline>;answer-after=0",
    "PJSIP_HEADER(add,Alert-Info)": "<http://www.notused.com>;info=alert-autoanswer;delay=0",
    "PJSIP_HEADER(add,Answer-Mode)": "Auto",
}
"""How phones are asked: each kind knows one of these (Call-Info: snom, Grandstream, Yealink, Linphone; Alert-Info:
Polycom, Cisco; Answer-Mode: RFC 5373)."""

BEEP = PromptId("pieces/beep")


def seat(
    service: Service,
    ari: Ari,
    name: ChannelId,
    place: SeatId,
    agent: AgentId | None,
    caller: str,
    *,
    longest: timedelta | None = None,
) -> Leg:
    """The phone at a seat, not yet dialled; it shows `caller`, and rings for `longest`, else as an agent's.

    What is no seat's number has ended before it is dialled: `PJSIP/x@town` would be a call past every rule for those
    outside.  The number is all that is looked at, since an older call keeps a config that may not know the seat yet.
    """
    leg = Leg(
        ari,
        name,
        f"PJSIP/{place}",
        caller_id=caller,
        ring_for=longest or service.config.site.timing.ring_for,
        variables=BY_ITSELF if answers_by_itself(service, place, agent) else None,
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
