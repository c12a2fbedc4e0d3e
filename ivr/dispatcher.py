"""The one owner of the Floor: events go in, and what the Floor answers goes to the place of the ticket it names.

`Dispatcher.apply` is synchronous: decide, journal, deliver.  It knows tickets and agents, never channels; a call holds
a `Place` and hears there of its offers.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager

import msgspec

from ivr.ari.scope import Scope
from ivr.broadcasts import Broadcast, Broadcasts
from ivr.edge.protocols import Clock
from ivr.entries import Entry
from ivr.errors import OfferWithdrawn, PickedUp
from ivr.journal import FLOOR, SNAPSHOT, Journal
from routing.config import Site
from routing.estimate import Estimate, Flow
from routing.floor import Floor
from routing.hours import milliseconds
from routing.ids import AgentId, Instant, PoolId, PromptId, TicketId
from routing.replay import Told, sealed
from routing.standing import AgentView, FloorState, PlaceView, TicketState, TicketView
from routing.tickets import (
    Accepted,
    AgentState,
    Announce,
    AnyEvent,
    Changed,
    Configured,
    Entered,
    Ladder,
    Left,
    Moved,
    Offer,
    Overdue,
    Overflowed,
    Rang,
    Refusal,
    Refused,
    SignedIn,
    Tick,
    Withdraw,
)
from routing.watch import IdleBeside, idle_beside

log = logging.getLogger(__name__)

SNAPSHOT_EVERY = 10_000
"""Events after which the Floor is written down whole, so that a replay need not begin at the beginning."""


class Place:
    """A ticket's place in the queue, as its call sees it."""

    def __init__(self, dispatcher: "Dispatcher", ticket: TicketId) -> None:
        self.ticket = ticket
        self._dispatcher = dispatcher
        self._offer: Offer | None = None
        self._scope: Scope | None = None
        self._ringing: Scope | None = None
        self._changed = asyncio.Event()
        self.is_over = False
        """The ticket has left: what is to be said of it is not said here any more."""
        self.is_given_up = False
        """The citizen would rather be called back; an offer that stands comes first."""
        self._reasons: list[PromptId] = []
        self.told = asyncio.Event()
        """There is something to be said to the caller: `reasons`."""

    def deliver(self, offer: Offer | None) -> None:
        """Take in the Floor's word: an offer, or that there is none any more."""
        if self._scope is not None and self._offer is not None:
            self._scope.end(OfferWithdrawn(f"{self.ticket}: offer {self._offer.n} was withdrawn"))
        self._offer = offer
        self._changed.set()

    def overflow(self) -> None:
        """Take in the Floor's word that the ticket has left."""
        self.is_over = True
        self._changed.set()

    def give_up(self) -> None:
        """Wait for no offer any more."""
        self.is_given_up = True
        self._changed.set()

    def announce(self, prompt: PromptId) -> None:
        """Take in why the ticket has moved on."""
        self._reasons.append(prompt)
        self.told.set()

    def reasons(self) -> tuple[PromptId, ...]:
        """What is to be said to the caller; asked for once."""
        reasons, self._reasons = tuple(self._reasons), []
        self.told.clear()
        return reasons

    def estimate(self) -> Estimate | None:
        """How long the ticket will still wait, as far as that is known; None when it does not wait."""
        return self._dispatcher.estimate(self.ticket)

    async def offered(self) -> Offer | None:
        """The offer that stands; waits for one.  None: the ticket has left, or its citizen has given it up."""
        while self._offer is None:
            if self.is_over or self.is_given_up:
                return None
            self._changed.clear()
            await self._changed.wait()
        return self._offer

    @asynccontextmanager
    async def standing(self, offer: Offer) -> AsyncIterator[None]:
        """A block that ends with `OfferWithdrawn` when the offer stands no more."""
        self._scope = Scope()
        try:
            async with self._scope:
                if self._offer is not offer:
                    raise OfferWithdrawn(f"{offer.ticket}: offer {offer.n} was withdrawn")
                yield
        finally:
            self._scope = None

    def rings(self, offer: Offer) -> None:
        """The agent's phone is dialled now."""
        self._dispatcher.apply(Rang(offer.ticket, offer.agent))

    @asynccontextmanager
    async def ringing(self) -> AsyncIterator[None]:
        """A block in which a phone rings; it ends with `PickedUp` when the phone is to answer by itself."""
        self._ringing = Scope()
        try:
            async with self._ringing:
                yield
        finally:
            self._ringing = None

    def pick_up(self, by: str) -> bool:
        """Have the phone that rings answer by itself; false when none does, or it is to already."""
        ringing, self._ringing = self._ringing, None
        if ringing is not None:
            ringing.end(PickedUp(by))
        return ringing is not None

    def accepted(self, offer: Offer) -> None:
        """The agent's phone has been answered."""
        self._dispatcher.apply(Accepted(offer.ticket, offer.agent))

    def refused(self, offer: Offer, why: Refusal) -> None:
        """The offer came to nothing; the ticket keeps its place and may be offered elsewhere at once."""
        if self._offer is offer:
            self._offer = None
        self._dispatcher.apply(Refused(offer.ticket, offer.agent, why))


class Dispatcher:
    """Keeps the Floor, its timers and the places of all who wait."""

    def __init__(self, floor: Floor, journal: Journal, clock: Clock, broadcasts: Broadcasts | None = None) -> None:
        self.broadcasts = broadcasts or Broadcasts(journal, clock)
        """What all who wait are to hear."""
        self._floor = floor
        self._journal = journal
        self._clock = clock
        self._places: dict[TicketId, Place] = {}
        self._flow = Flow()  # a life's own: for ten minutes after a restart no time is said
        self._told = asyncio.Event()
        self.overdue = asyncio.Event()
        """An agent's state has reached its limit: somebody should compare us with Asterisk."""
        self._since_snapshot = self._seal = 0
        self.snapshot()

    def snapshot(self) -> None:
        """Write the Floor down whole: what was told before need not be replayed."""
        self._since_snapshot = self._seal = 0
        self._journal.write(FLOOR, SNAPSHOT, self._floor.dump())

    def apply(self, event: AnyEvent) -> None:  # noqa: C901 - a case for each action
        """Tell the Floor, and deliver what it answers."""
        now = self._clock.instant()
        if isinstance(event, Accepted):
            self._departs(event, now)
        actions = self._floor.apply(event, now)
        changed = tuple(action for action in actions if isinstance(action, Changed))
        self._seal = sealed(actions, self._seal)
        self._journal.write(FLOOR, "", Told(now, event, changed, self._seal))
        for action in actions:
            match action:
                case Offer():
                    self._place(action.ticket).deliver(action)
                case Withdraw():
                    self._place(action.ticket).deliver(None)
                case Overflowed():
                    self._place(action.ticket).overflow()
                case Announce():
                    self._place(action.ticket).announce(action.prompt)
                case Moved():
                    log.debug("ticket %s moves to rung %d", action.ticket, action.rung)
                case Changed():
                    log.debug("agent %s is %s %s %s", action.agent, action.state, action.reason, action.by)
                case Overdue():
                    log.warning("agent %s is %s for too long, ticket %s", action.agent, action.state, action.ticket)
                    self.overdue.set()
        self._told.set()
        self._since_snapshot += 1
        if self._since_snapshot >= SNAPSHOT_EVERY:
            self.snapshot()

    def configure(self, site: Site) -> None:
        """The pools that there are now, and what the agents who are at work may take; no ticket changes its ladder."""
        self.apply(configured(site))
        for view in self.agents():
            known = site.agents.get(view.agent)
            if known is not None and view.then is not AgentState.SIGNED_OUT:
                self.apply(SignedIn(view.agent, view.seat, known.competences))

    async def run(self) -> None:
        """Sleep until the Floor has something due, for ever."""
        while True:
            self._told.clear()
            due = self._floor.due()
            if due is None:
                await self._told.wait()
                continue
            wait_s = (due - self._clock.instant()) / 1000
            try:
                async with asyncio.timeout(max(wait_s, 0)):
                    await self._told.wait()
            except TimeoutError:
                self.apply(Tick())

    def enter(self, entered: Entered) -> Place:
        """The place of a ticket: a new one, or the one that it has held since before a restart."""
        if self._floor.ticket(entered.ticket) is None:
            self.apply(entered)
        return self._place(entered.ticket)

    def again(self, entered: Entered) -> Place:
        """The place of a ticket that has entered, in an earlier life perhaps.

        With a limit, a ticket that is not there any more has overflowed before its call could say so; without one, it
        was lost and enters anew.
        """
        if entered.limit_ms is None:
            return self.enter(entered)
        place = self._place(entered.ticket)
        if self._floor.ticket(entered.ticket) is None:
            place.overflow()
        return place

    def broadcast(
        self, prompt: PromptId, length_ms: int, by: str, pool: PoolId | None = None, text: str = ""
    ) -> Broadcast:
        """Let all hear this who wait now, for agents of `pool` or for anybody's."""
        tickets = [view.ticket for view in self._floor.waiting() if pool is None or self._waits_for(view.ticket, pool)]
        made = self.broadcasts.make(prompt, length_ms, tuple(tickets), by, pool, text)
        for ticket in tickets:
            self._place(ticket).told.set()
        return made

    def _waits_for(self, ticket: TicketId, pool: PoolId) -> bool:
        place = self._floor.place(ticket)
        return place is not None and any(each.pool == pool for each in place.requirement.alternatives)

    def pick_up(self, agent: AgentId, by: str) -> bool:
        """Have the phone that rings for an agent answer by itself; false when none does, or it is to already."""
        view = next((view for view in self.agents() if view.agent == agent), None)
        if view is None or view.ticket is None or view.state is not AgentState.RINGING:
            return False
        return self._place(view.ticket).pick_up(by)

    def leave(self, ticket: TicketId) -> None:
        """Give a ticket up, at whatever stage; harmless when it has gone already."""
        if self._floor.ticket(ticket) is not None:
            self.apply(Left(ticket))  # withdraws its offer, if one stands
        self._places.pop(ticket, None)

    def reconcile(self, kept: Iterable[TicketId], connected: Iterable[TicketId]) -> None:
        """Bring the Floor to what Asterisk says after a connect.

        `kept` are the tickets whose call lives on, `connected` those whose agent shares a bridge with the caller.  A
        ticket without a call leaves; an offer that has not become a talk is withdrawn, and its ticket keeps its place.
        """
        alive, talking = frozenset(kept), frozenset(connected)
        for view in self._floor.waiting() + self._floor.offers():
            if view.ticket not in alive:
                self.leave(view.ticket)
        for view in self._floor.offers():
            if view.ticket not in talking and view.offered_to is not None:
                self._place(view.ticket).deliver(None)
                self.apply(Refused(view.ticket, view.offered_to, Refusal.WITHDRAWN))

    def agents(self) -> tuple[AgentView, ...]:
        """Every agent who is signed in."""
        return self._floor.agents()

    def waiting(self) -> tuple[TicketView, ...]:
        """Every ticket that waits, in the order of its requirement's queue."""
        return self._floor.waiting()

    def accepted(self) -> tuple[TicketView, ...]:
        """Every ticket for which an agent talks."""
        return tuple(view for view in self._floor.offers() if view.state is TicketState.ACCEPTED)

    def closed(self) -> dict[PoolId, PromptId]:
        """The pools that a supervisor has closed, with what is said of each."""
        return self._floor.closed()

    def idle_beside(self) -> tuple[IdleBeside, ...]:
        """Who waits though somebody is idle who may take them: nobody, or something is wrong with us."""
        if not any(view.state is AgentState.READY for view in self.agents()) or not self.waiting():
            return ()
        return idle_beside(self._floor.dump(), self._clock.instant())

    def estimate(self, ticket: TicketId) -> Estimate | None:
        """How long a ticket will still wait; None when it does not wait."""
        position, place = self._floor.position(ticket), self._floor.place(ticket)
        if position is None or place is None:
            return None
        return self._flow.expected(place.requirement.common, position, self._clock.instant())

    def place(self, ticket: TicketId) -> PlaceView | None:
        """What a ticket asks for now, and by how much it comes before others; None: it has left."""
        return self._floor.place(ticket)

    def length(self, pool: PoolId) -> int:
        """How many wait for agents of this pool."""
        return self._floor.length(pool)

    def foreseen(self, ladder: Ladder) -> Estimate:
        """How long one more would wait who comes with this ladder, behind all who are on it."""
        before = sum(self._floor.behind(common) - 1 for common in {rung.requirement.common for rung in ladder})
        return self._flow.along(ladder, before + 1, self._clock.instant())

    def _departs(self, event: Accepted, now: Instant) -> None:
        """A ticket goes to an agent; not by an answer that comes too late, or again."""
        ticket, place = self._floor.ticket(event.ticket), self._floor.place(event.ticket)
        is_offered = ticket is not None and ticket.state is TicketState.OFFERED and ticket.offered_to == event.agent
        if is_offered and place is not None:
            self._flow.departed(place.requirement.common, now - place.entered, now)

    def _place(self, ticket: TicketId) -> Place:
        return self._places.setdefault(ticket, Place(self, ticket))


def configured(site: Site) -> Configured:
    """What the Floor is told of a city."""
    timing = site.timing
    limits = (
        (AgentState.TALKING, timing.talk_limit),
        (AgentState.HOLDING, timing.hold_limit),
        (AgentState.CONSULTING, timing.consult_limit),
        (AgentState.UNREACHABLE, timing.unreachable_for),
    )
    wrap_ups = {pool.id: milliseconds(pool.wrap_up) for pool in site.pools.values()}
    return Configured(
        tuple(site.pools),
        site.hall,
        wrap_ups[site.hall],
        tuple(wrap_ups.items()),
        tuple((state, milliseconds(limit)) for state, limit in limits),
    )


def replay(entries: Iterable[Entry]) -> Floor:
    """The Floor as the journal left it; what it answered was delivered in an earlier life."""
    floor = Floor()
    for _, entry in kept(entries):
        if isinstance(entry, FloorState):
            floor = Floor.load(entry)
        else:
            floor.apply(entry.event, entry.at)
    return floor


def kept(entries: Iterable[Entry]) -> Iterator[tuple[int, Told | FloorState]]:
    """What the journal says of the Floor, each with its number.

    An event that another version of us wrote and this one cannot read is left out: a hotline that does not start is
    worse than an agent who must sign in again.
    """
    for entry in entries:
        if entry.topic != FLOOR:
            continue
        try:
            if entry.key == SNAPSHOT:
                yield entry.seq, msgspec.json.decode(entry.body, type=FloorState)
            else:
                yield entry.seq, msgspec.json.decode(entry.body, type=Told)
        except msgspec.DecodeError as fault:
            log.error("journal: floor entry %d cannot be read: %s", entry.seq, fault)  # noqa: TRY400 - says all
