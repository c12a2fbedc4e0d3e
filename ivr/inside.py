"""Legs to seats: a phone is rung, or asked to answer by itself, as its seat or whoever sits there has it."""

from datetime import timedelta

from ivr.ari.client import Ari
from ivr.ari.handles import Leg
from ivr.service import Service
from routing.ids import AgentId, ChannelId, PromptId, SeatId
from routing.people import Answer, answers

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
    """The phone at a seat, not yet dialled; it shows `caller`, and rings for `longest`, else as an agent's."""
    return Leg(
        ari,
        name,
        f"PJSIP/{place}",
        caller_id=caller,
        ring_for=longest or service.config.site.timing.ring_for,
        variables=BY_ITSELF if answers_by_itself(service, place, agent) else None,
    )


def beep(service: Service, place: SeatId, agent: AgentId | None) -> tuple[PromptId, ...]:
    """What whoever sits there hears first: where nobody takes a receiver a beep says that somebody is on the line."""
    return (BEEP,) if answers_by_itself(service, place, agent) else ()


def answers_by_itself(service: Service, place: SeatId, agent: AgentId | None) -> bool:
    """Whether nobody takes a receiver there."""
    site = service.config.site
    return answers(site.seats.get(place), site.agents.get(agent) if agent else None) is Answer.AUTO
