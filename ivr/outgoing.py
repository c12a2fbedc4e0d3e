"""A call of our own, read from top to bottom: somebody who is called back, or whom an agent calls.

An agent is there first, then whom we call is dialled; whoever has answered is never let go for want of an agent.  It is
entered at the top, as every call is, and ends as every call does: the talk, the survey and the way out are the same.
"""

import asyncio
import contextlib
import logging
from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any

import msgspec

from ivr import entering, inside, parties, reach
from ivr.ari.client import Ari
from ivr.ari.handles import STASIS, Channel, Leg
from ivr.ari.vitals import Ended
from ivr.call import SURVIVAL, admit, leaving, talked
from ivr.dialling import dialled
from ivr.dispatcher import Place
from ivr.errors import CallerHungUp, Gone, OfferWithdrawn, TakenBack, TryGivenUp
from ivr.facts import Arrived, Connected, Declined, Direction, Party, Unreached
from ivr.farewell import farewell
from ivr.ledger import (
    ACCEPTED,
    ANSWERED,
    ARRIVED,
    CONNECTED,
    DECLINED,
    DIALLING,
    ROUTED,
    SURVIVED,
    UNREACHED,
    Ledger,
)
from ivr.reach import Person, joined, pool_of
from ivr.service import Service
from ivr.speech import say
from ivr.visit import Call
from routing import outgoing
from routing.callbacks import Result, Task
from routing.callbacks import result as result_of
from routing.hours import parse_moment
from routing.ids import AgentId, CallId, ChannelId, PlaybackId
from routing.numbers import bare
from routing.plan import Route, Tier, tiers
from routing.prompts import agent_number
from routing.tickets import AgentState, Offer, Paused, Readied, Refusal

log = logging.getLogger(__name__)

ENGAGED = frozenset(
    {AgentState.RESERVED, AgentState.RINGING, AgentState.TALKING, AgentState.HOLDING, AgentState.CONSULTING}
)
"""Who is with somebody else cannot call out."""

SERVED = frozenset({SURVIVAL, "outward"})
"""Contexts of the dialplan in which somebody is served without us; see dialplans/hotline/extensions.conf."""

SLACK = timedelta(seconds=1)
"""How much longer than a whisper may be we wait for its end: 回拨 comes before the line's name; nobody waits yet."""

BACK_WITHIN_S = 25.0
"""Somebody who has answered while we were away comes to us, or to survival: the dialplan asks for us so long."""


async def serve(call: Call) -> None:
    """Carry one call of our own to its record: from its first moment, or from where an earlier life left it."""
    async with leaving(call):
        (tier,) = tiers(_routed(call))
        person = None
        if call.resumed and ANSWERED in call.ledger and CONNECTED not in call.ledger:
            await _is_there(call)  # nobody was with them: their lease may be over
        if ANSWERED not in call.ledger:
            person = await _agent_first(call, tier)
            if ANSWERED not in call.ledger:
                return
        if person is None and (CONNECTED in call.ledger or call.ledger[ARRIVED].direction is Direction.CALLBACK):
            async with call.citizen.alive():
                person = await _another(call, tier)
        if person is None:
            return
        await talked(call, tier, person)
        async with call.citizen.alive():
            await farewell(call)


def _routed(call: Call) -> Route:
    known = call.ledger.get(ROUTED)
    if known is not None:
        return known
    arrived, config = call.ledger[ARRIVED], call.service.config
    number, moment = arrived.arrival.caller, parse_moment(arrived.moment)
    if arrived.direction is Direction.OUT:
        route = outgoing.called_out(config, number, moment)
    else:
        route = outgoing.called_back(config, arrived.arrival.number, number, moment)
    call.ledger.write(ROUTED, route)
    log.info("a call of our own (%s) for %s", arrived.direction, route.line)
    return route


async def _agent_first(call: Call, tier: Tier) -> Person | None:
    """An agent, then whom we call; None: they could not be reached, or the agent is gone and they are there."""
    if DIALLING.of(1) in call.ledger:
        await _found(call)
        return None
    try:
        async with call.seeking:
            place = entering.place(call, tier)
            if call.ledger[ARRIVED].direction is Direction.OUT and not _freed(call):
                call.ledger.write(UNREACHED, Unreached(call.now()))
                return None
            while DIALLING.of(1) not in call.ledger and (offer := await place.offered()) is not None:
                answer = await _offered(call, place, offer)
                if isinstance(answer, Person):
                    return answer
                if DIALLING.of(1) not in call.ledger:
                    call.ledger.write(DECLINED.of(offer.n), Declined(call.now(), answer))
                    if call.ledger[ARRIVED].direction is Direction.OUT:
                        call.ledger.write(UNREACHED, Unreached(call.now()))
                        return None
    except TryGivenUp as why:
        log.info("given up: %s", why)
        call.ledger.write(UNREACHED, Unreached(call.now()))
        return None
    if ANSWERED not in call.ledger and UNREACHED not in call.ledger:  # the agent has hung up while it rang there
        came_to = Result.NO_ANSWER if DIALLING.of(1) in call.ledger else None  # None: the place in the queue is over
        call.ledger.write(UNREACHED, Unreached(call.now(), came_to))
    return None


def _freed(call: Call) -> bool:
    """Whoever calls out is taken from wrap-up, or from a pause to which they return; false when they cannot be had."""
    dispatcher, agent = call.service.dispatcher, call.ledger[ARRIVED].agent
    view = next((view for view in dispatcher.agents() if view.agent == agent), None)
    if view is None or (view.state in ENGAGED and view.ticket != call.ticket):
        return False
    if view.state in {AgentState.PAUSED, AgentState.WRAP_UP}:
        dispatcher.apply(Readied(view.agent))
    if view.state is AgentState.PAUSED:
        dispatcher.apply(Paused(view.agent, view.reason, view.by))
    return True


async def _offered(call: Call, place: Place, offer: Offer) -> Person | Refusal:
    """Ring the agent's phone; once they are there, dial."""
    try:
        async with place.standing(offer):
            shown = bare(call.ledger[ARRIVED].arrival.caller) or ""
            place.rings(offer)
            async with inside.rung(call.service, call.ari, reach.ringing(call, place, offer, shown)) as (leg, answer):
                if not isinstance(answer, Ended):
                    place.accepted(offer)
                    call.ledger.write(ACCEPTED.of(offer.n), call.now())
                    async with leg.channel.alive():
                        person = await _called(call, offer, leg)
                    return Refusal.WITHDRAWN if person is None else joined(call, person)
        refused = reach.refusal(answer)
    except OfferWithdrawn:
        return Refusal.WITHDRAWN
    except (CallerHungUp, TakenBack) as left:
        if left.channel == call.citizen.id:
            raise
        refused = Refusal.REJECTED
    place.refused(offer, refused)
    return refused


async def _called(call: Call, offer: Offer, leg: Leg) -> Person | None:
    """The agent hears for whom, then ringing; whoever answers hears that it is recorded, and whom they talk with."""
    await _whisper(call, leg.channel, offer)
    leg.channel.ringing()
    answer = await dialled(call)
    if isinstance(answer, Ended):
        came = result_of(answer.cause, answer.sip, rang=answer.rang)
        call.ledger.write(UNREACHED, Unreached(call.now(), came, answer.cause))
        return None
    _answered(call, answer.channel)
    async with call.citizen.alive():
        for prompt in call.ledger[ROUTED].prompts:
            await say(call, prompt)
        await _named(call, offer)
        leg.channel.ringing_off()
        await reach.join(call, leg.channel)
        pool, since = pool_of(call.service.config, call.ledger, offer.agent), call.now()
        call.ledger.write(CONNECTED, Connected(since, offer.agent, offer.seat, leg.channel.id, pool))
        leg.keep()
    return Person(leg.channel, since, Party.AGENT)


def _answered(call: Call, citizen: Channel) -> None:
    """Whom we have called is there: from now on the call is theirs."""
    call.citizen = citizen
    call.ledger.write(ANSWERED, call.now())
    if not call.is_bridged:
        admit(call)


async def _whisper(call: Call, agent: Channel, offer: Offer) -> None:
    """For whom it is, after a beep where no receiver was taken; who has asked for the call themselves knows."""
    is_back = call.ledger[ARRIVED].direction is Direction.CALLBACK
    whispers = call.ledger[ROUTED].whispers if is_back else ()
    for name, prompts in (("beep", inside.beep(call.service, offer.seat, offer.agent)), ("whisper", whispers)):
        media = [sound for prompt in prompts for sound in call.service.audio.media(prompt)]
        if media:
            await _played(call, agent, media, PlaybackId(f"{agent.id}-{name}"))


async def _named(call: Call, offer: Offer) -> None:
    media = call.service.audio.media(agent_number(offer.agent))
    await _played(call, call.citizen, media, PlaybackId(f"{call.leg('agent', offer.n)}-number"))


async def _played(call: Call, channel: Channel, media: list[str], name: PlaybackId) -> None:
    """Something short, for so long as a whisper may take."""
    longest = (call.service.config.site.timing.whisper_for + SLACK).total_seconds()
    try:
        async with asyncio.timeout(longest), channel.play(media, name) as playback:
            await playback.over()
    except TimeoutError:
        log.warning("%s took too long and was cut", name)


async def _another(call: Call, tier: Tier) -> Person | None:
    """Whoever has answered and has nobody waits as if they had called, and hears music."""
    if CONNECTED not in call.ledger:
        if not call.is_bridged:
            admit(call)
        call.citizen.music()
    return await reach.agent(call, tier, call.ledger[ROUTED].prompts)


async def _found(call: Call) -> None:
    """What an earlier life had dialled: who has answered stays, a phone that rings still is let go.  Once only."""
    if UNREACHED in call.ledger:
        return
    if await _is_there(call):
        _answered(call, call.citizen)
        return
    call.citizen.hang_up()
    call.ledger.write(UNREACHED, Unreached(call.now(), Result.NO_ANSWER))


async def _is_there(call: Call) -> bool:
    """Whether they have answered, and are with us, or about to be.  Raises `TakenBack`: survival serves them."""
    citizen = call.citizen
    if citizen.ended is not None:
        return False
    try:
        channel = await citizen.request("GET")
        if _is_on_its_way(channel):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BACK_WITHIN_S):
                    await citizen.vitals.started.wait()
            channel = await citizen.request("GET")
    except Gone:
        return False
    if channel["state"] == "Up" and channel["dialplan"]["app_name"] != STASIS:
        call.ledger.write(SURVIVED, call.now())
        citizen.vitals.end(Ended(hung_up=False))  # no event will: Asterisk may have forgotten whom it was dialled for
        raise TakenBack(citizen.id)
    return channel["state"] == "Up" and citizen.ended is None


def _is_on_its_way(channel: Any) -> bool:
    """Whether they have answered, and the dialplan asks for us."""
    place = channel["dialplan"]
    return channel["state"] == "Up" and place["app_name"] != STASIS and place["context"] not in SERVED


def nobody(ari: Ari, call: CallId) -> Channel:
    """Stands for whom we call until they have answered: a channel that has ended."""
    channel = Channel(ari, ChannelId(f"{call}-citizen-0"))
    channel.vitals.end(Ended(hung_up=True))
    return channel


def called(ari: Ari, ledger: Ledger, present: Collection[str], end: Ended) -> Channel:
    """Whom an earlier life had dialled, or nobody; who is not `present` in Asterisk has come to this `end`."""
    if not ledger.which(DIALLING):
        return nobody(ari, ledger.call)
    channel = Channel(ari, parties.citizen(ledger))
    if channel.id not in present:
        channel.vitals.end(Ended(hung_up=True, cause=end.cause))
    return channel


def begun(
    service: Service, rehearsal: str, direction: Direction, line: str, number: str, agent: AgentId | None
) -> Arrived:
    """The beginning of a call of our own, for somebody who might have dialled `line`."""
    clock = service.clock
    moment = clock.civil().isoformat(timespec="milliseconds")
    come = outgoing.arrival(line, number)
    return Arrived(clock.instant(), come, moment, rehearsal, agent=agent, direction=direction)


def back(service: Service, rehearsal: str, task: Task) -> Arrived:
    """The beginning of a try: the citizen has waited since their first entry."""
    came = begun(service, rehearsal, Direction.CALLBACK, task.line, task.caller, task.agent)
    return msgspec.structs.replace(came, first_entry=task.first_entry, task=task.id)


def is_calling(ledgers: Iterable[Ledger], agent: AgentId) -> bool:
    """Whether a call of this agent's own is under way."""
    calls = (ledger[ARRIVED] for ledger in ledgers)
    return any(each.direction is Direction.OUT and each.agent == agent for each in calls)
