"""Finding somebody who is to join a talk: at a seat, through the Floor, or over a trunk.

Runs beside the talk, one task for each who is sought.  What it finds is an answered leg, or a Q.850 cause why not; it
moves nobody, and hangs up every leg that it does not hand over.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from ivr import entering, inside
from ivr.ari.handles import Leg
from ivr.ari.vitals import Ended
from ivr.dispatcher import Place
from ivr.errors import CallerHungUp, OfferWithdrawn, TakenBack
from ivr.inside import Ringing
from ivr.outside import dialled
from ivr.reach import refusal
from ivr.visit import Call
from routing import outward
from routing.causes import ABSENT, NO_ANSWER, REJECTED
from routing.experts import Expert, in_turn
from routing.ids import AgentId, ChannelId, PlaybackId, SeatId, TicketId
from routing.talk import Aim, Dialled, Kind, Party
from routing.tickets import Entered, Offer, Refusal

log = logging.getLogger(__name__)

CAUSES = {Refusal.NO_ANSWER: NO_ANSWER, Refusal.REJECTED: REJECTED, Refusal.UNREACHABLE: ABSENT}

Note = Callable[[Dialled], None]
"""Writes down who is about to be dialled."""


@dataclass(slots=True)
class Search:
    """One who is sought: `party` as it was when the search began, and how many legs that has cost so far."""

    call: Call
    party: Party
    note: Note
    legs: int = 0

    def __post_init__(self) -> None:
        """An earlier life of ours may have dialled already; each leg has an id of its own."""
        self.legs = int(self.party.leg.rpartition("-")[2] or 0)

    async def somebody(self) -> Leg | int:
        """The answered leg of whom `party` stands for, kept; or why there is none."""
        party = self.party
        if party.aim is Aim.RETURN and party.seat is not None:
            return await self._ring(party.seat, party.agent)
        if party.whom is not None and party.whom.kind is Kind.SEAT:
            return await self._ring(SeatId(party.whom.name), None)
        if party.whom is not None and party.whom.kind is Kind.EXPERT:
            return await self._experts(party.whom.name)
        if party.ticket is None:
            return await self._outside()
        timing = self.call.service.config.site.timing
        longest = timing.own_seats_for if party.aim is Aim.AGAIN else timing.transfer_for
        try:
            async with asyncio.timeout(None if party.aim is Aim.QUEUE else longest.total_seconds()):
                return await self._through_the_floor(party.ticket)
        except TimeoutError:
            return NO_ANSWER

    async def _outside(self) -> Leg | int:
        """Over trunk after trunk."""
        call, whom = self.call, self.party.whom
        ways = outward.ways(call.service.config, whom) if whom else ()
        answer = await dialled(call.service, call.ari, ways, lambda _way: self._begin(), call.number)
        return answer if isinstance(answer, Leg) else answer.cause

    async def _experts(self, name: str) -> Leg | int:
        """Those on duty one after another, whoever was called last coming last."""
        call, service, cause = self.call, self.call.service, ABSENT
        industry = service.config.site.experts.get(name)
        if industry is None:  # a reload has taken them away
            return cause
        on_duty = industry.on_duty(service.config.site.calendar, service.clock.civil())
        for expert in in_turn(on_duty, service.turns.called):
            service.turns.calls(expert.id, call.now(), service.journal)
            answer = await self._expert(expert, industry.ring_for)
            if isinstance(answer, Leg):
                return answer
            cause = answer
        return cause

    async def _expert(self, expert: Expert, ring_for: timedelta) -> Leg | int:
        call = self.call
        if expert.seat is not None:
            return await self._ring(expert.seat, None, expert.id, ring_for)
        ways = outward.to_expert(call.service.config, expert, ring_for)
        answer = await dialled(call.service, call.ari, ways, lambda _way: self._begin(expert=expert.id), call.number)
        return answer if isinstance(answer, Leg) else answer.cause

    async def _through_the_floor(self, ticket: TicketId) -> Leg | int:
        """An agent, as for any other ticket; who was transferred stands where they stood before, and who has come back
        from where they were transferred to has the head start of that.
        """
        call, whom = self.call, self.party.whom
        requirement = outward.sought(call.service.config, whom) if whom else ()
        rank = entering.rank(call, has_returned=self.party.aim in {Aim.AGAIN, Aim.QUEUE})
        place = call.service.dispatcher.enter(Entered(ticket, requirement, *rank))
        while (offer := await place.offered()) is not None:
            answer = await self._offered(place, offer)
            if isinstance(answer, Leg):
                return answer
            if whom is not None and whom.kind is Kind.AGENT and answer in CAUSES:
                return CAUSES[answer]
        return NO_ANSWER

    async def _offered(self, place: Place, offer: Offer) -> Leg | Refusal:
        try:
            async with place.standing(offer):
                place.rings(offer)
                answer = await self._ring(offer.seat, offer.agent, place=place)
                if isinstance(answer, Leg):
                    place.accepted(offer)
                    return answer
        except OfferWithdrawn:
            return Refusal.WITHDRAWN
        refused = refusal(Ended(hung_up=True, cause=answer))
        place.refused(offer, refused)
        return refused

    async def _ring(
        self,
        seat: SeatId,
        agent: AgentId | None,
        expert: str = "",
        longest: timedelta | None = None,
        place: Place | None = None,
    ) -> Leg | int:
        call, begin = self.call, partial(self._begin, agent, seat, expert)
        ringing = Ringing(seat, agent, call.number, begin, place, longest)
        async with inside.rung(call.service, call.ari, ringing) as (leg, answer):
            if isinstance(answer, Ended):
                return answer.cause
            if not await self._beeped(leg, seat, agent):
                return REJECTED
            leg.keep()
        return leg

    async def _beeped(self, leg: Leg, seat: SeatId, agent: AgentId | None) -> bool:
        """Where no receiver was taken a beep comes first; false when they hung up over it."""
        service = self.call.service
        media = [sound for prompt in inside.beep(service, seat, agent) for sound in service.audio.media(prompt)]
        if not media:
            return True
        try:
            async with (
                asyncio.timeout(service.config.site.timing.whisper_for.total_seconds()),
                leg.channel.alive(),
                leg.channel.play(media, PlaybackId(f"{leg.channel.id}-beep")) as playback,
            ):
                await playback.over()
        except (CallerHungUp, TakenBack):
            return False
        except TimeoutError:
            log.warning("the beep at seat %s took too long and was cut", seat)
        return True

    def _begin(
        self, agent: AgentId | None = None, seat: SeatId | None = None, expert: str = "", by: str = ""
    ) -> ChannelId:
        """Write down who is about to be dialled, perhaps to answer by itself as `by` asks; the leg's id."""
        self.legs += 1
        name = self.call.leg(f"talk-{self.party.n}", self.legs)
        self.note(
            Dialled(at=self.call.now(), party=self.party.n, leg=name, agent=agent, seat=seat, expert=expert, by=by)
        )
        return name
