"""Bringing a citizen to a person: an agent through the Floor, or a target over a trunk.

Everything here runs inside the citizen's `alive()`; a leg that did not come to a talk is hung up by its scope.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from ivr import entering, inside
from ivr.announcing import announcing
from ivr.ari.handles import Channel, Leg
from ivr.ari.vitals import Ended
from ivr.asking import asking
from ivr.dispatcher import Place
from ivr.errors import CallerHungUp, OfferWithdrawn, TakenBack
from ivr.facts import Answering, Connected, Declined, Offered, Overflowed, Party, Returned, Transferring
from ivr.inside import Ringing, beep
from ivr.ledger import (
    ACCEPTED,
    ANSWERING,
    ASKED,
    CONNECTED,
    DECLINED,
    OFFERED,
    OVERFLOWED,
    QUEUED,
    RELEASED,
    RETURNED,
    ROUTED,
    TRANSFERRED,
    TRANSFERRING,
    Ledger,
)
from ivr.outside import outside
from ivr.speech import Speech, speaking
from ivr.visit import LEASE, Call
from routing import outward
from routing.causes import NO_ANSWER
from routing.config import CallerId, Config
from routing.ids import AgentId, ChannelId, Instant, PlaybackId, PoolId, TargetId
from routing.outward import PERSONAL, Way
from routing.plan import Destination, Kind, SpokenPrompt, Tier, tiers
from routing.prompts import agent_number
from routing.talk import Room
from routing.tickets import Offer, Refusal

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Person:
    """Who the citizen begins to talk with: their leg, and since when."""

    leg: Channel
    since: Instant
    party: Party


async def agent(call: Call, tier: Tier, prompts: Sequence[SpokenPrompt]) -> Person | None:
    """Wait in the queue, the prompts being said meanwhile, until an agent shares the bridge with the citizen.

    None when the tier has a limit, and nobody has taken the call by then; when they would rather be called back; or
    when their wait leads elsewhere (`entering.under_way`).
    """
    connected = call.ledger.get(CONNECTED)
    if connected is not None:
        return joined(call, Person(Channel(call.ari, connected.leg), connected.at, Party.AGENT))
    if ASKED in call.ledger:
        call.service.dispatcher.leave(call.ticket)
        return None
    place = entering.place(call, tier)
    async with speaking(call, prompts) as speech, call.leased(), asking(call, place):
        while True:
            async with announcing(call, place, speech):
                offer = await entering.offered(call, tier, place)
                if offer is None:
                    break
                answer = await _offered(call, place, offer, speech)
            if isinstance(answer, Person):
                return answer
            call.citizen.music()  # had it been stopped for the agent who is gone
            call.ledger.write(DECLINED.of(offer.n), Declined(call.now(), answer))
            if ASKED in call.ledger:
                break
        await _gives_up(call, tier, place, speech)
    return None


async def _gives_up(call: Call, tier: Tier, place: Place, speech: Speech) -> None:
    """Nobody came in time, or the citizen waits no longer: what is being said goes on, or ends with the wait."""
    detour = None if ASKED in call.ledger else entering.next_detour(call, tier)
    if detour is not None:
        entering.take_detour(call, tier, detour, place)
    elif ASKED not in call.ledger:
        pools = tuple(PoolId(pool.name) for pool in tier.places)
        call.ledger.write(OVERFLOWED.of(tier.n), Overflowed(call.now(), pools, place.reasons()))
    call.service.dispatcher.leave(call.ticket)
    if ASKED in call.ledger:
        await speech.cut()
    else:
        speech.hand_over()


async def _offered(call: Call, place: Place, offer: Offer, speech: Speech) -> Person | Refusal:
    """Ring the agent's phone so that it is answered when what must be heard is over."""
    timing = call.service.config.site.timing
    try:
        async with place.standing(offer):
            await speech.nearly_heard(timing.ring_lead)
            place.rings(offer)
            async with inside.rung(call.service, call.ari, ringing(call, place, offer, call.number)) as (leg, answer):
                if not isinstance(answer, Ended):
                    return await _answered(call, place, offer, speech, leg)
        refused = refusal(answer)
    except OfferWithdrawn:
        return Refusal.WITHDRAWN
    except (CallerHungUp, TakenBack):  # the agent's leg: the citizen's own end comes as a cancellation
        refused = Refusal.REJECTED
    place.refused(offer, refused)
    return refused


def ringing(call: Call, place: Place, offer: Offer, shown: str) -> Ringing:
    """The phone of an offer, which shows this number."""

    def begin(by: str) -> ChannelId:
        name = call.leg("agent", offer.n)
        if by:
            name = ChannelId(f"{name}-again")
            call.ledger.write(ANSWERING.of(offer.n), Answering(call.now(), by, name))
        else:
            call.ledger.write(OFFERED.of(offer.n), Offered(call.now(), offer.agent, offer.seat, name))
        return name

    return Ringing(offer.seat, offer.agent, shown, begin, place)


async def _answered(call: Call, place: Place, offer: Offer, speech: Speech, leg: Leg) -> Person:
    """The agent is there: the line to them, their number to the citizen, at once; then both into the bridge."""
    place.accepted(offer)
    call.ledger.write(ACCEPTED.of(offer.n), call.now())
    async with leg.channel.alive():
        await _introduce(call, leg.channel, offer, speech)
        await join(call, leg.channel)
        pool = pool_of(call.service.config, call.ledger, offer.agent)
        since = call.now()
        call.ledger.write(CONNECTED, Connected(since, offer.agent, offer.seat, leg.channel.id, pool))
        leg.keep()
    return joined(call, Person(leg.channel, since, Party.AGENT))


async def _introduce(call: Call, leg: Channel, offer: Offer, speech: Speech) -> None:
    """The line to the agent at once, after a beep where no receiver was taken.

    And the agent's number to the citizen, once what must be heard is over; from then on they talk within `whisper_for`,
    whatever is still being said.
    """
    audio = call.service.audio
    heard = beep(call.service, offer.seat, offer.agent)
    whispered = [sound for prompt in (*heard, *call.ledger[ROUTED].whispers) for sound in audio.media(prompt)]
    longest = call.service.config.site.timing.whisper_for.total_seconds()
    async with leg.play(whispered, PlaybackId(f"{leg.id}-whisper")) as to_agent:
        await speech.cut()
        try:
            async with (
                asyncio.timeout(longest),
                call.citizen.play(audio.media(agent_number(offer.agent)), PlaybackId(f"{leg.id}-number")) as to_citizen,
            ):
                await to_citizen.over()
                await to_agent.over()
        except TimeoutError:
            log.warning("agent %s: the introduction took too long and was cut", offer.agent)


async def target(call: Call, n: int | str, place: Destination, prompts: Sequence[SpokenPrompt]) -> Person | None:
    """Dial the `n`-th destination; None when nobody answers there.  The prompts are said meanwhile."""
    if TRANSFERRED.of(n) in call.ledger:
        leg = Channel(call.ari, call.ledger[TRANSFERRING.of(n)].leg)
        return joined(call, Person(leg, call.ledger[TRANSFERRED.of(n)], Party.TARGET))
    async with speaking(call, prompts) as speech, call.leased():
        ways, cause = _ways(call, place), 0
        while ways:
            try:
                answer = await _dialled(call, n, place, ways[0], speech)
            except (CallerHungUp, TakenBack):  # the target's leg, between its answer and the bridge
                answer = Ended(hung_up=True)
            if isinstance(answer, Person):
                return answer
            cause, ways = answer.cause, outward.after(ways, answer.cause, answer.sip)
        await speech.cut()
        call.citizen.music()
        call.ledger.write(RETURNED.of(n), Returned(call.now(), outward.why(cause), cause))
    return None


def _ways(call: Call, place: Destination) -> tuple[Way, ...]:
    return outward.over(
        call.service.config,
        place.number,
        place.trunks,
        place.ring_for_ms,
        CallerId(place.caller_id),
        is_emergency=place.kind is Kind.EMERGENCY,
    )


async def _dialled(call: Call, n: int | str, place: Destination, way: Way, speech: Speech) -> Person | Ended:
    name = call.leg(f"transfer-{n}", _attempts(call, n) + 1)
    call.ledger.write(TRANSFERRING.of(n), Transferring(call.now(), TargetId(place.name), way.number, name))
    async with outside(call.service, call.ari, name, way, call.number) as (leg, answer):
        if isinstance(answer, Ended):
            return answer
        async with leg.channel.alive():
            await speech.cut()
            await join(call, leg.channel)
            since = call.now()
            call.ledger.write(TRANSFERRED.of(n), since)
            leg.keep()
        return joined(call, Person(leg.channel, since, Party.TARGET))


def _attempts(call: Call, n: int | str) -> int:
    """How often the `n`-th destination has been dialled; each leg has an id of its own."""
    before = call.ledger.get(TRANSFERRING.of(n))
    return 0 if before is None else int(before.leg.rpartition("-")[2])


async def join(call: Call, other: Channel) -> None:
    """Both into the bridge, should the citizen not be there yet; prompts on either are stopped."""
    call.citizen.music_off()
    await call.bridge.add(call.citizen, other)
    if CONNECTED in call.ledger or call.ledger.which(TRANSFERRED):  # they are not the first
        call.bridge.mix()
    call.rooms |= {call.citizen.id: Room.CALL, other.id: Room.CALL}


def joined(call: Call, person: Person) -> Person:
    """Nobody takes them out of their talk: a life before may have died before it had lifted the lease."""
    call.is_with_somebody = True
    if RELEASED not in call.ledger:  # after the talk a prompt may be playing, and a variable would wait for its end
        call.citizen.put({LEASE: "0"})
    call.others.append(person.leg)
    return person


def pool_of(config: Config, ledger: Ledger, agent_id: AgentId) -> PoolId:
    """The first of the pools that the call has come to last in which the agent works."""
    known = config.site.agents.get(agent_id)
    theirs = [each.pool for each in known.competences] if known else []
    ours = [tier for tier in tiers(ledger[ROUTED]) if tier.places[0].is_ours]
    came_to = [tier for tier in ours if QUEUED.of(tier.n) in ledger] or ours
    pools = [PoolId(place.name) for place in came_to[-1].places]
    return next((pool for pool in pools if pool in theirs), theirs[0] if theirs else pools[-1])


def refusal(ended: Ended) -> Refusal:
    """What the end of an agent's leg that was not answered means for the agent."""
    if ended.cause == NO_ANSWER:
        return Refusal.NO_ANSWER
    return Refusal.REJECTED if ended.cause in PERSONAL else Refusal.UNREACHABLE
