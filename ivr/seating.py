"""An agent has dialled a feature code at a seat's phone: who they are, what they want, and what came of it, in words.

One straight coroutine for each such call, entered at the top in every life: a restart asks anew.  Citizens, places in
the queue and talks are not known here; what changes is told to the Floor.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from ivr.ari.events import Mailbox
from ivr.ari.handles import Channel, Playback
from ivr.ari.models import ChannelDtmfReceived
from ivr.errors import CallerHungUp, TakenBack, TooMany
from ivr.pins import Pins, Verdict
from ivr.scopes import alongside
from ivr.service import Service
from routing.codes import Code
from routing.ids import AgentId, PlaybackId, PromptId, SeatId
from routing.people import Agent
from routing.prompts import (
    SEAT_AFTER,
    SEAT_AGENT,
    SEAT_EMPTY,
    SEAT_ENGAGED,
    SEAT_LOCKED,
    SEAT_NOT_NOW,
    SEAT_PAUSED,
    SEAT_PIN,
    SEAT_READY,
    SEAT_SIGNED_IN,
    SEAT_SIGNED_OUT,
    SEAT_TAKEN,
    SEAT_WRONG,
    named,
)
from routing.standing import AgentView
from routing.tickets import Paused, Readied, SignedIn, SignedOut

log = logging.getLogger(__name__)

TRIES = 3
"""So often one call may say who it is."""

KEYS_MOST = 12
GONE_WITHIN_S = 2.0  # of our hang-up to its end

END, ANEW = "#", "*"

ROLE = "seat"
"""What the dialplan calls such a call, where it says `citizen` of others."""


@dataclass(slots=True)
class Desk:
    """A seat's phone that calls us."""

    service: Service
    pins: Pins
    phone: Channel
    seat: SeatId
    code: Code
    is_up: bool = False
    """An earlier life of ours has answered it."""


def called_from(args: Sequence[str]) -> tuple[SeatId, Code] | None:
    """The seat and the code that the dialplan names to our application; None: it is no call of a seat's."""
    match args:
        case [role, seat, code] if role == ROLE and code in tuple(Code):
            return SeatId(seat), Code(code)
    return None


async def serve(desk: Desk) -> None:
    """Do what the code stands for, say what came of it, and let the phone go.

    Who signs in, or asks for calls, is ready once the receiver is down: the next call would find the phone busy.
    """
    asks_for_calls = ""
    try:
        async with desk.phone.alive():
            if not desk.is_up:
                await desk.phone.answer()
            with desk.phone.ari.mailbox(desk.phone.id) as keys:
                sitting = _sitting(desk)
                if desk.code is Code.SIGN_IN:
                    asks_for_calls = await _signs_in(desk, keys)
                elif sitting is None:
                    await _says(desk, SEAT_EMPTY)
                else:
                    asks_for_calls = await _changes(desk, sitting)
            desk.phone.hang_up()
            async with asyncio.timeout(GONE_WITHIN_S):
                await desk.phone.gone()
    except (CallerHungUp, TakenBack, TimeoutError):
        pass
    if asks_for_calls:
        desk.service.dispatcher.apply(Readied(AgentId(asks_for_calls)))


async def _changes(desk: Desk, sitting: AgentView) -> str:
    """Whoever sits there is signed out, paused or ready; who is to be ready, once the phone is free.

    A phone has one code for a pause: it stands for the first reason that there is.
    """
    agent, dispatcher = sitting.agent, desk.service.dispatcher
    match desk.code:
        case Code.SIGN_OUT:
            dispatcher.apply(SignedOut(agent))
            said = SEAT_SIGNED_OUT
        case Code.PAUSE:
            dispatcher.apply(Paused(agent, next(iter(desk.service.config.site.pause_reasons), "")))
            said = SEAT_PAUSED
        case _:
            said = SEAT_READY
    still = _sitting(desk)
    later = (SEAT_AFTER,) if still is not None and still.ticket is not None and said is not SEAT_READY else ()
    await _says(desk, named(agent), said, *later)
    return agent if said is SEAT_READY else ""


async def _signs_in(desk: Desk, keys: Mailbox) -> str:
    """Ask who it is; the agent who has signed in, or nobody."""
    for _ in range(TRIES):
        number = AgentId(await _keyed(desk, keys, SEAT_AGENT))
        pin = await _keyed(desk, keys, SEAT_PIN) if number else ""
        if not pin:
            break
        why = await _refusal(desk, number, pin)
        if why is None:
            return await _sits_down(desk, desk.service.config.site.agents[number])
        await _says(desk, why)
        if why is not SEAT_WRONG:
            break
    return ""


async def _refusal(desk: Desk, number: AgentId, pin: str) -> PromptId | None:
    """Why nobody signs in with these; None: they do."""
    try:
        verdict = await desk.pins.check(number, pin)
    except TooMany as fault:
        log.warning("seat %s: %s", desk.seat, fault)
        return SEAT_NOT_NOW
    if verdict is Verdict.LOCKED:
        log.warning("seat %s: no PIN of that 工号 is looked at for now", desk.seat)
        return SEAT_LOCKED
    if verdict is Verdict.WRONG or number not in desk.service.config.site.agents:
        log.warning("seat %s: a wrong 工号 or PIN", desk.seat)
        return SEAT_WRONG
    sitting = _sitting(desk)
    return None if sitting is None or sitting.agent == number else SEAT_TAKEN


async def _sits_down(desk: Desk, agent: Agent) -> str:
    desk.service.dispatcher.apply(SignedIn(agent.id, desk.seat, agent.competences, ready=False))
    sitting = _sitting(desk)
    if sitting is None or sitting.agent != agent.id:  # they are in a talk at another seat
        await _says(desk, SEAT_ENGAGED)
        return ""
    log.info("agent %s has signed in at %s, by phone", agent.id, desk.seat)
    await _says(desk, named(agent.id), SEAT_SIGNED_IN)
    return agent.id


def _sitting(desk: Desk) -> AgentView | None:
    """Who is signed in at this seat."""
    return next((view for view in desk.service.dispatcher.agents() if view.seat == desk.seat), None)


async def _keyed(desk: Desk, keys: Mailbox, prompt: PromptId) -> str:
    """What is keyed until #, while it is asked for or within the time after it; * begins anew."""
    within = desk.service.config.site.timing.key_within.total_seconds()
    wait, typed = within + desk.service.audio.length_ms(prompt) / 1000, ""
    async with (
        desk.phone.play(desk.service.audio.media(prompt), _playback(desk, prompt)) as asking,
        alongside(_then_silence(desk, asking), f"silence:{desk.seat}"),
    ):
        while True:
            try:
                async with asyncio.timeout(wait):
                    key = (await keys.next(ChannelDtmfReceived)).digit
            except TimeoutError:
                return ""
            asking.stop()
            wait = within
            if key == END:
                return typed
            typed = "" if key == ANEW else (typed + key)[:KEYS_MOST]


async def _then_silence(desk: Desk, asking: Playback) -> None:
    """Sound goes on while somebody thinks of their PIN: a phone that gets no packet may give up."""
    await asking.over()
    desk.phone.silence()


async def _says(desk: Desk, *prompts: PromptId) -> None:
    media = [sound for prompt in prompts for sound in desk.service.audio.media(prompt)]
    async with desk.phone.play(media, _playback(desk, prompts[-1])) as playback:
        await playback.over()


def _playback(desk: Desk, prompt: PromptId) -> PlaybackId:
    return PlaybackId(f"{desk.phone.id}-{prompt}-{desk.service.clock.instant()}")
