"""Finding somebody who is to join a talk: at a seat, through the Floor, or over a trunk.

Runs beside the talk, one task for each who is sought.  What it finds is an answered leg, or a Q.850 cause why not; it
moves nobody, and hangs up every leg that it does not hand over.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from ivr.ari.handles import Leg
from ivr.ari.vitals import Ended
from ivr.dispatcher import Place
from ivr.errors import OfferWithdrawn
from ivr.ledger import ARRIVED, ROUTED
from ivr.reach import ABSENT, NO_ANSWER, PERSONAL, REJECTED, refusal
from ivr.visit import Call
from routing import outward
from routing.config import CallerId
from routing.ids import AgentId, SeatId, TicketId
from routing.numbers import bare
from routing.talk import Aim, Dialled, Kind, Party
from routing.tickets import Entered, Offer, Refusal

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
        if party.ticket is None:
            return await self._outside()
        longest = None if party.aim is Aim.QUEUE else self.call.service.config.site.timing.transfer_for.total_seconds()
        try:
            async with asyncio.timeout(longest):
                return await self._through_the_floor(party.ticket)
        except TimeoutError:
            return NO_ANSWER

    async def _outside(self) -> Leg | int:
        """Over trunk after trunk; a number's own word is taken for all of its trunks, not for another number."""
        site, whom = self.call.service.config.site, self.party.whom
        cause, refused = ABSENT, ""
        for way in outward.ways(self.call.service.config, whom) if whom else ():
            if way.number != refused:
                caller_id = self._citizen() if way.caller_id is CallerId.CITIZEN else site.number
                ring_for = timedelta(milliseconds=way.ring_for_ms)
                answer = await self._dial(f"PJSIP/{bare(way.number)}@{way.trunk}", caller_id, ring_for)
                if isinstance(answer, Leg):
                    return answer
                cause = answer
                refused = way.number if cause in PERSONAL else ""
        return cause

    async def _through_the_floor(self, ticket: TicketId) -> Leg | int:
        """An agent, as for any other ticket; who was transferred waits as if from the beginning."""
        call, whom = self.call, self.party.whom
        requirement = outward.sought(call.service.config, whom) if whom else ()
        rank = call.ledger[ARRIVED].at, call.ledger[ROUTED].priority_ms
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
                answer = await self._ring(offer.seat, offer.agent)
                if isinstance(answer, Leg):
                    place.accepted(offer)
                    return answer
        except OfferWithdrawn:
            return Refusal.WITHDRAWN
        refused = refusal(Ended(hung_up=True, cause=answer))
        place.refused(offer, refused)
        return refused

    async def _ring(self, seat: SeatId, agent: AgentId | None) -> Leg | int:
        ring_for = self.call.service.config.site.timing.ring_for
        return await self._dial(f"PJSIP/{seat}", self._citizen(), ring_for, agent, seat)

    async def _dial(
        self,
        endpoint: str,
        caller_id: str,
        ring_for: timedelta,
        agent: AgentId | None = None,
        seat: SeatId | None = None,
    ) -> Leg | int:
        self.legs += 1
        name = self.call.leg(f"talk-{self.party.n}", self.legs)
        self.note(Dialled(at=self.call.now(), party=self.party.n, leg=name, agent=agent, seat=seat))
        async with Leg(self.call.ari, name, endpoint, caller_id=caller_id, ring_for=ring_for) as leg:
            answer = await leg.answered()
            if isinstance(answer, Ended):
                return answer.cause
            leg.keep()
        return leg

    def _citizen(self) -> str:
        """The citizen's number: who is brought in sees for whom."""
        return bare(self.call.ledger[ARRIVED].arrival.caller) or ""
