"""The Floor: who takes which ticket, and when.  A deterministic state machine: events and `now` in, actions out.

It knows tickets, agents and seats; channels, bridges and phones it does not.  Every change comes through `Floor.apply`;
what makes no sense in the present state (late, repeated, about somebody unknown) changes nothing and answers `()`.

Held at all times: no agent has two tickets, no ticket two agents, and no agent is ready who suits the requirement in
which a ticket waits.  Cost: O((1 + actions) log n + r), r being the requirements in which somebody waits whom the agent
may take.
"""

from typing import assert_never

from routing.ids import Instant, TicketId
from routing.queues import Agent, Queue, Ticket
from routing.standing import AgentView, FloorState, Standing, TicketView, agent_view, ticket_view
from routing.tickets import (
    Accepted,
    Action,
    AgentState,
    AnyEvent,
    Changed,
    Competence,
    Configured,
    Entered,
    Left,
    Moved,
    Offer,
    Paused,
    Reached,
    Readied,
    Refusal,
    Refused,
    Requirement,
    Rung,
    SignedIn,
    SignedOut,
    Tick,
    Withdraw,
)

READY, RESERVED, TALKING = AgentState.READY, AgentState.RESERVED, AgentState.TALKING
WRAP_UP, PAUSED = AgentState.WRAP_UP, AgentState.PAUSED
UNREACHABLE, SIGNED_OUT = AgentState.UNREACHABLE, AgentState.SIGNED_OUT

IN_THE_HALL = -1
"""The rung of a ticket whose own ladder leads nowhere any longer."""

NOWHERE = (Rung(Requirement(())),)
"""Stands for an empty ladder: nobody serves it, and `Configured` moves it to the hall."""


class Floor:
    """Tickets and agents.  `apply` is the only way to change it; the other methods read."""

    __slots__ = ("_agents", "_index", "_standing", "_tickets")

    def __init__(self, standing: Standing | None = None) -> None:
        self._standing = standing = standing or Standing()
        self._agents, self._tickets, self._index = standing.agents, standing.tickets, standing.index

    def apply(self, event: AnyEvent, now: Instant) -> tuple[Action, ...]:  # noqa: C901  # a case for each event
        """Take note of `event`, and say what is to be done: in this order, by whoever can."""
        said: list[Action] = []
        match event:
            case Entered():
                self._entered(event, now, said)
            case Accepted():
                self._accepted(event, now, said)
            case Left():
                self._left(event, now, said)
            case Tick():
                self._tick(now, said)
            case Readied():
                self._readied(event, now, said)
            case Refused():
                self._refused(event, now, said)
            case Paused():
                self._paused(event, now, said)
            case Reached():
                self._reached(event, now, said)
            case SignedIn():
                self._signed_in(event, now, said)
            case SignedOut():
                self._signed_out(event, now, said)
            case Configured():
                self._configure(event, now, said)
            case _:  # pragma: no cover
                assert_never(event)
        return tuple(said)

    def due(self) -> Instant | None:
        """When the next `Tick` is wanted; None: only another event can change anything."""
        return self._standing.due()

    # --- tickets

    def _entered(self, event: Entered, now: Instant, said: list[Action]) -> None:
        if event.ticket in self._tickets:
            return
        key = (event.first_entry - event.priority_ms, event.ticket)
        ticket = Ticket(key, event.first_entry, now, self._index.take(event.ladder or NOWHERE))
        self._tickets[event.ticket] = ticket
        self._place(ticket, now, said)

    def _left(self, event: Left, now: Instant, said: list[Action]) -> None:
        ticket = self._tickets.pop(event.ticket, None)
        if ticket is None:
            return
        self._standing.climb_at(ticket, None)
        agent = ticket.agent
        if agent is None:
            ticket.queue.remove(ticket.key)
        elif ticket.is_accepted:
            self._wrap_up(agent, now, said)
        else:
            said.append(Withdraw(ticket.id, agent.id))
            self._release(agent, READY, "", now, said)
        self._index.give_back(ticket.way)

    def _accepted(self, event: Accepted, now: Instant, said: list[Action]) -> None:
        ticket = self._tickets.get(event.ticket)
        if ticket is None or ticket.is_accepted or ticket.agent is None or ticket.agent.id != event.agent:
            return
        ticket.is_accepted = True
        self._standing.climb_at(ticket, None)
        self._change(ticket.agent, TALKING, "", now, said)

    def _refused(self, event: Refused, now: Instant, said: list[Action]) -> None:
        ticket = self._tickets.get(event.ticket)
        if ticket is None or ticket.agent is None or ticket.agent.id != event.agent:
            return
        agent = ticket.agent
        ticket.agent, ticket.is_accepted = None, False
        if event.why is Refusal.WITHDRAWN:  # another agent comes first: this one was in a race a moment ago
            self._place(ticket, now, said)
            self._release(agent, READY, "", now, said)
        else:
            state = UNREACHABLE if event.why is Refusal.UNREACHABLE else PAUSED
            self._release(agent, state, event.why.value, now, said)
            self._place(ticket, now, said)

    def _place(self, ticket: Ticket, now: Instant, said: list[Action]) -> None:
        """Bring a ticket that is with nobody to an agent who is free, or to its place in the queue."""
        self._climb(ticket, now, said)
        queue = ticket.queue
        agent = queue.longest_idle()
        if agent is None:
            queue.add(ticket.key)
        else:
            self._offer(ticket, agent, now, said)

    def _offer(self, ticket: Ticket, agent: Agent, now: Instant, said: list[Action]) -> None:
        ticket.agent, agent.ticket = agent, ticket
        ticket.offers += 1
        self._change(agent, RESERVED, "", now, said)
        said.append(Offer(ticket.id, agent.id, agent.seat, ticket.offers))

    def _climb(self, ticket: Ticket, now: Instant, said: list[Action]) -> None:
        """Let the ticket stand on the rung that holds now: never a lower one than before."""
        rungs, rung = ticket.way.rungs, ticket.rung
        if rung != IN_THE_HALL:
            last, waited = len(rungs) - 1, now - ticket.entered
            while rung < last and (rungs[rung + 1][0] <= waited or rungs[rung][1].is_deserted):
                rung += 1
        if rungs[rung][1].gone:
            self._to_the_hall(ticket)
            said.append(Moved(ticket.id, IN_THE_HALL))
        elif rung != ticket.rung:
            ticket.stand_on(rung)
            said.append(Moved(ticket.id, rung))
        at = ticket.next_climb
        if at != ticket.climbs_at:
            self._standing.climb_at(ticket, at)

    def _to_the_hall(self, ticket: Ticket) -> None:
        way = self._index.take(self._standing.halls_ladder())
        self._index.give_back(ticket.way)
        ticket.way = way
        ticket.stand_on(IN_THE_HALL)

    def _displace(self, queues: list[Queue], now: Instant, said: list[Action]) -> None:
        """Nobody can serve these queues any longer: who waits there goes where their ladder leads, by rank."""
        for key in sorted(key for queue in queues for key in queue.keys):
            ticket = self._tickets[key[1]]
            if ticket.queue.gone or ticket.next_climb is not None:
                ticket.queue.remove(key)
                self._place(ticket, now, said)

    # --- agents

    def _signed_in(self, event: SignedIn, now: Instant, said: list[Action]) -> None:
        """Refused without a word while the agent, or whoever sits at the seat, is reserved or talking."""
        agent = self._agents.get(event.agent)
        if agent is not None and agent.seat == event.seat:
            self._relearn(agent, event.competences, now, said)
            return
        sitting = self._standing.seats.get(event.seat)
        if (agent is not None and agent.is_engaged) or (sitting is not None and sitting.is_engaged):
            return
        profile = self._index.join(event.competences)  # before the others go: no ticket climbs for it
        leaving = ((sitting, "seat taken"), (agent, "seat changed"))
        self._sign_out([(each, why) for each, why in leaving if each is not None], now, said)
        agent = Agent(event.agent, event.seat, profile, now)
        self._agents[event.agent] = self._standing.seats[event.seat] = agent
        if event.ready:
            self._free(agent, now, said)
        else:
            self._change(agent, PAUSED, "signed in", now, said)

    def _relearn(self, agent: Agent, competences: tuple[Competence, ...], now: Instant, said: list[Action]) -> None:
        """Signed in again at the same seat: the state stays, what the agent can do may change; no more signing out."""
        if agent.then is SIGNED_OUT:
            agent.then = None
        if competences == agent.profile.competences:
            return
        is_idle = agent.state is READY
        if is_idle:
            self._standing.leave_idle(agent)
        former, agent.profile = agent.profile, self._index.join(competences)
        self._displace(self._index.part(former), now, said)
        if is_idle:
            self._free(agent, now, said)

    def _signed_out(self, event: SignedOut, now: Instant, said: list[Action]) -> None:
        agent = self._agents.get(event.agent)
        if agent is None:
            return
        if agent.is_engaged:
            agent.then, agent.then_reason = SIGNED_OUT, ""
        else:
            self._sign_out([(agent, "")], now, said)

    def _readied(self, event: Readied, now: Instant, said: list[Action]) -> None:
        agent = self._agents.get(event.agent)
        if agent is None:
            return
        agent.then, agent.then_reason = None, ""
        if not agent.is_engaged and agent.state is not READY:
            self._free(agent, now, said)

    def _paused(self, event: Paused, now: Instant, said: list[Action]) -> None:
        """Takes effect at once, in wrap-up too, except in a talk or an offer."""
        agent = self._agents.get(event.agent)
        if agent is None:
            return
        if not agent.is_engaged:
            agent.then, agent.then_reason = None, ""
            self._change(agent, PAUSED, event.reason, now, said)
        elif agent.then is not SIGNED_OUT:
            agent.then, agent.then_reason = PAUSED, event.reason

    def _reached(self, event: Reached, now: Instant, said: list[Action]) -> None:
        agent = self._agents.get(event.agent)
        if agent is not None and agent.state is UNREACHABLE:
            self._free(agent, now, said)

    def _wrap_up(self, agent: Agent, now: Instant, said: list[Action]) -> None:
        """The talk is over."""
        configured = self._standing.configured
        if configured is None or configured.wrap_up_ms <= 0 or agent.then is SIGNED_OUT:
            self._release(agent, READY, "", now, said)
            return
        agent.ticket = None
        self._change(agent, WRAP_UP, "", now, said)
        self._standing.wrap_up_until(agent, Instant(now + configured.wrap_up_ms))

    def _release(self, agent: Agent, state: AgentState, reason: str, now: Instant, said: list[Action]) -> None:
        """The agent has nothing to do any more, and takes up `state`, unless they asked for another."""
        agent.ticket = None
        then, then_reason = agent.then, agent.then_reason
        agent.then, agent.then_reason = None, ""
        if then is SIGNED_OUT:
            self._sign_out([(agent, then_reason)], now, said)
        elif then is not None:
            self._change(agent, then, then_reason, now, said)
        elif state is READY:
            self._free(agent, now, said)
        else:
            self._change(agent, state, reason, now, said)

    def _free(self, agent: Agent, now: Instant, said: list[Action]) -> None:
        """The agent takes the first ticket of all that they may take; ready if there is none."""
        queue = agent.profile.best_queue()
        if queue is None or queue.head is None:
            self._change(agent, READY, "", now, said)
            return
        ticket = self._tickets[queue.head[1]]
        queue.remove(ticket.key)
        self._offer(ticket, agent, now, said)

    def _sign_out(self, leaving: list[tuple[Agent, str]], now: Instant, said: list[Action]) -> None:
        """All of them first: whoever is displaced by the one is not offered to the other."""
        left: list[Queue] = []
        for agent, reason in leaving:
            self._change(agent, SIGNED_OUT, reason, now, said)
            del self._agents[agent.id], self._standing.seats[agent.seat]
            left += self._index.part(agent.profile)
        self._displace(left, now, said)

    def _change(self, agent: Agent, state: AgentState, reason: str, now: Instant, said: list[Action]) -> None:
        """Every change of an agent's state: the indexes follow it."""
        former = agent.state
        if former is READY:
            self._standing.leave_idle(agent)
        elif agent.until is not None:
            self._standing.wrap_up_until(agent, None)
        if state is READY:
            self._standing.join_idle(agent)
        if former is not state or agent.reason != reason:
            agent.state, agent.reason, agent.since = state, reason, now
            said.append(Changed(agent.id, state, reason))

    # --- time and configuration

    def _tick(self, now: Instant, said: list[Action]) -> None:
        """All that is due, in its order; at the same moment agents come before tickets, and tickets by rank."""
        standing = self._standing
        while (due := standing.due()) is not None and due <= now:
            while (agent := standing.next_in_wrap_up(due)) is not None:
                self._release(agent, READY, "", now, said)
            if (ticket := standing.next_to_climb(due)) is not None:
                if ticket.agent is None:
                    ticket.queue.remove(ticket.key)
                    self._place(ticket, now, said)
                else:
                    self._climb(ticket, now, said)

    def _configure(self, event: Configured, now: Instant, said: list[Action]) -> None:
        self._standing.configured = event
        self._displace(self._index.set_pools((*event.pools, event.hall)), now, said)

    # --- reading

    def agents(self) -> tuple[AgentView, ...]:
        """Everybody who is signed in, in the order of their signing in."""
        return tuple(map(agent_view, self._agents.values()))

    def waiting(self) -> tuple[TicketView, ...]:
        """The tickets that no agent has accepted, by rank; those on offer keep their place."""
        tickets = sorted((t for t in self._tickets.values() if not t.is_accepted), key=lambda t: t.key)
        return tuple(map(ticket_view, tickets))

    def offers(self) -> tuple[TicketView, ...]:
        """The tickets that are with an agent, offered or accepted, in the order of their entry."""
        return tuple(ticket_view(t) for t in self._tickets.values() if t.agent is not None)

    def ticket(self, ticket: TicketId) -> TicketView | None:
        """One ticket; None when it has left, or never came."""
        known = self._tickets.get(ticket)
        return None if known is None else ticket_view(known)

    def position(self, ticket: TicketId) -> int | None:
        """The place among those who wait with the same requirement, 1 being next; None unless it waits."""
        known = self._tickets.get(ticket)
        if known is None or known.agent is not None:
            return None
        return known.queue.keys.bisect_left(known.key) + 1

    def dump(self) -> FloorState:
        """Everything, as a value."""
        return self._standing.dump()

    @classmethod
    def load(cls, state: FloorState) -> "Floor":
        """The Floor that was dumped: it will answer as the other one would have."""
        return cls(Standing.load(state))
