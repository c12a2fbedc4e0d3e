"""The Floor: who takes which ticket, and when.  A deterministic state machine: events and `now` in, actions out.

It knows tickets, agents and seats; channels, bridges and phones it does not.  Every change comes through `Floor.apply`;
what makes no sense in the present state (late, repeated, about somebody unknown) changes nothing and answers `()`.

Held at all times: no agent has two tickets, no ticket two agents, and no agent is ready who suits the requirement in
which a ticket waits.  Cost: O((1 + actions) log n + r), r being the requirements in which somebody waits whom the agent
may take.
"""

from typing import assert_never

from routing.ids import Instant, PoolId, PromptId, TicketId
from routing.matching import Matching
from routing.queues import Agent, Ticket
from routing.standing import AgentView, FloorState, PlaceView, Standing, TicketView, agent_view, ticket_view
from routing.tickets import (
    Accepted,
    Action,
    AgentState,
    AnyEvent,
    Closed,
    Competence,
    Configured,
    Consulted,
    Directed,
    Entered,
    Held,
    Left,
    Lost,
    Opened,
    Paused,
    Rang,
    Reached,
    Readied,
    Refusal,
    Refused,
    Requirement,
    Resumed,
    Rung,
    SignedIn,
    SignedOut,
    Tick,
    Withdraw,
    WrappedUp,
)

READY, RESERVED, RINGING = AgentState.READY, AgentState.RESERVED, AgentState.RINGING
TALKING, HOLDING = AgentState.TALKING, AgentState.HOLDING
CONSULTING, WRAP_UP, PAUSED = AgentState.CONSULTING, AgentState.WRAP_UP, AgentState.PAUSED
UNREACHABLE, SIGNED_OUT = AgentState.UNREACHABLE, AgentState.SIGNED_OUT

NOWHERE = (Rung(Requirement(())),)
"""Stands for an empty ladder: nobody serves it, and `Configured` moves it to the hall."""


class Floor:
    """Tickets and agents.  `apply` is the only way to change it; the other methods read."""

    __slots__ = ("_agents", "_index", "_matching", "_standing", "_tickets")

    def __init__(self, standing: Standing | None = None) -> None:
        self._standing = standing = standing or Standing()
        self._agents, self._tickets, self._index = standing.agents, standing.tickets, standing.index
        self._matching = Matching(standing)

    def apply(self, event: AnyEvent, now: Instant) -> tuple[Action, ...]:  # noqa: C901, PLR0912 - a case for each event
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
            case Held():
                self._turned(event, HOLDING, now, said)
            case Consulted():
                self._turned(event, CONSULTING, now, said)
            case Resumed():
                self._turned(event, TALKING, now, said)
            case WrappedUp():
                self._wrapped_up(event, now, said)
            case Rang():
                self._rang(event, now, said)
            case Refused():
                self._refused(event, now, said)
            case Paused():
                self._paused(event, now, said)
            case Lost():
                self._lost(event, now, said)
            case Reached():
                self._reached(event, now, said)
            case SignedIn():
                self._signed_in(event, now, said)
            case SignedOut():
                self._signed_out(event, now, said)
            case Configured():
                self._configure(event, now, said)
            case Directed():
                self._directed(event, now, said)
            case Closed():
                self._closed(event, now, said)
            case Opened():
                self._opened(event, now, said)
            case _:
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
        ticket.offers = event.offers
        if event.limit_ms is not None:
            ticket.limit = Instant(now + event.limit_ms)
        self._tickets[event.ticket] = ticket
        self._matching.place(ticket, now, said)

    def _left(self, event: Left, now: Instant, said: list[Action]) -> None:
        ticket = self._tickets.pop(event.ticket, None)
        if ticket is None:
            return
        self._standing.climb_at(ticket, None)
        agent = ticket.agent
        if agent is None:
            ticket.queue.remove(ticket.key)
        elif ticket.is_accepted:
            self._matching.wrap_up(agent, ticket, now, said)
        else:
            said.append(Withdraw(ticket.id, agent.id))
            self._matching.release(agent, READY, "", now, said)
        self._index.give_back(ticket.way)

    def _accepted(self, event: Accepted, now: Instant, said: list[Action]) -> None:
        ticket = self._tickets.get(event.ticket)
        if ticket is None or ticket.is_accepted or ticket.agent is None or ticket.agent.id != event.agent:
            return
        ticket.is_accepted = True
        self._standing.climb_at(ticket, None)
        self._matching.change(ticket.agent, TALKING, "", now, said)

    def _rang(self, event: Rang, now: Instant, said: list[Action]) -> None:
        ticket = self._tickets.get(event.ticket)
        if ticket is not None and not ticket.is_accepted and ticket.agent and ticket.agent.id == event.agent:
            self._matching.change(ticket.agent, RINGING, "", now, said)

    def _directed(self, event: Directed, now: Instant, said: list[Action]) -> None:
        ticket = self._tickets.get(event.ticket)
        if ticket is None or ticket.is_accepted:
            return
        agent, ticket.agent = ticket.agent, None
        if agent is None:
            ticket.queue.remove(ticket.key)
        else:
            said.append(Withdraw(ticket.id, agent.id))
        way = self._index.take(event.ladder or NOWHERE)
        self._index.give_back(ticket.way)
        ticket.way, ticket.entered, ticket.limit = way, now, None
        ticket.stand_on(0)
        self._matching.place(ticket, now, said)
        if agent is not None:
            self._matching.release(agent, READY, "", now, said)

    def _turned(self, event: Held | Consulted | Resumed, to: AgentState, now: Instant, said: list[Action]) -> None:
        ticket = self._tickets.get(event.ticket)
        if ticket is not None and ticket.is_accepted and ticket.agent and ticket.agent.id == event.agent:
            self._matching.change(ticket.agent, to, "", now, said)

    def _refused(self, event: Refused, now: Instant, said: list[Action]) -> None:
        ticket = self._tickets.get(event.ticket)
        if ticket is None or ticket.agent is None or ticket.agent.id != event.agent:
            return
        agent = ticket.agent
        ticket.agent, ticket.is_accepted = None, False
        if event.why is Refusal.WITHDRAWN:  # another agent comes first: this one was in a race a moment ago
            self._matching.place(ticket, now, said)
            self._matching.release(agent, READY, "", now, said)
        else:
            state = UNREACHABLE if event.why is Refusal.UNREACHABLE else PAUSED
            self._matching.release(agent, state, event.why.value, now, said)
            self._matching.place(ticket, now, said)

    # --- agents

    def _signed_in(self, event: SignedIn, now: Instant, said: list[Action]) -> None:
        agent = self._agents.get(event.agent)  # they, or who sits there, may have a ticket: then nothing
        if agent is not None and agent.seat == event.seat:
            self._relearn(agent, event.competences, now, said)
            return
        sitting = self._standing.seats.get(event.seat)
        if (agent is not None and agent.is_engaged) or (sitting is not None and sitting.is_engaged):
            return
        profile = self._index.join(event.competences)  # before the others go: no ticket climbs for it
        own = self._index.sit_down(event.agent)
        leaving = ((sitting, "seat taken"), (agent, "seat changed"))
        self._matching.sign_out([(each, why) for each, why in leaving if each is not None], now, said)
        agent = Agent(event.agent, event.seat, profile, own, now)
        self._agents[event.agent] = self._standing.seats[event.seat] = agent
        if event.ready:
            self._matching.free(agent, now, said)
        else:
            self._matching.change(agent, PAUSED, "signed in", now, said)

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
        self._matching.displace(self._index.part(former), now, said)
        if is_idle:
            self._matching.free(agent, now, said)

    def _signed_out(self, event: SignedOut, now: Instant, said: list[Action]) -> None:
        agent = self._agents.get(event.agent)
        if agent is None:
            return
        if agent.is_engaged:
            agent.then, agent.then_reason, agent.then_by = SIGNED_OUT, "", event.by
            self._give_up(agent, now, said)
        else:
            self._matching.sign_out([(agent, "")], now, said, event.by)

    def _readied(self, event: Readied, now: Instant, said: list[Action]) -> None:
        agent = self._agents.get(event.agent)
        if agent is None:
            return
        agent.then = None
        if not agent.is_engaged and agent.state is not READY:
            self._matching.free(agent, now, said, event.by)

    def _paused(self, event: Paused, now: Instant, said: list[Action]) -> None:
        """Takes effect at once, in wrap-up too, except in a talk or while the phone rings."""
        agent = self._agents.get(event.agent)
        if agent is None:
            return
        if not agent.is_engaged:
            agent.then = None
            self._matching.change(agent, PAUSED, event.reason, now, said, by=event.by)
        elif agent.then is not SIGNED_OUT:
            agent.then, agent.then_reason, agent.then_by = PAUSED, event.reason, event.by
            self._give_up(agent, now, said)

    def _give_up(self, agent: Agent, now: Instant, said: list[Action]) -> None:
        """Who leaves before their phone has rung is not rung: their ticket keeps its place, and goes to another.

        One that is nobody's but theirs they take before they leave: a call of their own, from a pause.
        """
        ticket = agent.ticket
        if ticket is None or agent.state is not RESERVED or ticket.queue.requirement.is_personal:
            return
        ticket.agent = None
        said.append(Withdraw(ticket.id, agent.id))
        self._matching.release(agent, READY, "", now, said)
        self._matching.place(ticket, now, said)

    def _lost(self, event: Lost, now: Instant, said: list[Action]) -> None:
        agent = self._agents.get(event.agent)
        if agent is None or agent.state not in {READY, PAUSED}:
            return
        if agent.state is PAUSED:
            agent.then, agent.then_reason, agent.then_by = PAUSED, agent.reason, agent.by
        self._matching.change(agent, UNREACHABLE, event.why, now, said)

    def _reached(self, event: Reached, now: Instant, said: list[Action]) -> None:
        agent = self._agents.get(event.agent)
        if agent is not None and agent.state is UNREACHABLE:
            self._matching.release(agent, READY, "", now, said)

    def _wrapped_up(self, event: WrappedUp, now: Instant, said: list[Action]) -> None:
        agent = self._agents.get(event.agent)
        if agent is not None and agent.state is WRAP_UP:
            self._matching.release(agent, READY, "", now, said)

    # --- time and configuration

    def _tick(self, now: Instant, said: list[Action]) -> None:
        """All that is due, in its order; at the same moment agents come before tickets, and tickets by rank."""
        standing = self._standing
        while (due := standing.due()) is not None and due <= now:
            while (agent := standing.next_at_limit(due)) is not None:
                self._matching.at_limit(agent, now, said)
            if (ticket := standing.next_to_climb(due)) is not None:
                if ticket.agent is None:
                    ticket.queue.remove(ticket.key)
                    self._matching.place(ticket, now, said)
                else:
                    self._matching.climb(ticket, now, said)

    def _configure(self, event: Configured, now: Instant, said: list[Action]) -> None:
        self._matching.displace(self._standing.configure(event), now, said)
        if event.hall in self._index.closed:
            self._open(event.hall, now, said)

    def _closed(self, event: Closed, now: Instant, said: list[Action]) -> None:
        configured = self._standing.configured
        if configured is not None and event.pool != configured.hall:
            self._matching.displace(self._index.close(event.pool, event.prompt), now, said)

    def _opened(self, event: Opened, now: Instant, said: list[Action]) -> None:
        if event.pool in self._index.closed:
            self._open(event.pool, now, said)

    def _open(self, pool: PoolId, now: Instant, said: list[Action]) -> None:
        for agent in self._index.open(pool):
            if agent.best_queue() is not None:
                self._matching.free(agent, now, said)

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

    def place(self, ticket: TicketId) -> PlaceView | None:
        """The requirement in which a ticket stands; None when it has left, or never came."""
        known = self._tickets.get(ticket)
        if known is None:
            return None
        return PlaceView(known.queue.requirement, known.entered, known.first_entry - known.key[0])

    def length(self, pool: PoolId) -> int:
        """How many wait for agents of this pool, among others perhaps."""
        queues = self._index.queues.values()
        return sum(len(q.keys) for q in queues if any(a.pool == pool for a in q.requirement.alternatives))

    def behind(self, requirement: Requirement) -> int:
        """The position of one more who would wait with this requirement."""
        return 1 + sum(len(queue.keys) for queue in self._index.beside(requirement))

    def closed(self) -> dict[PoolId, PromptId]:
        """The pools that a supervisor has closed, with what is said of each."""
        return dict(self._index.closed)

    def position(self, ticket: TicketId) -> int | None:
        """The place among those who wait with the same requirement, 1 being next; None unless it waits.

        An agent whom one of them knows by name makes no difference: that is a preference.
        """
        known = self._tickets.get(ticket)
        if known is None or known.agent is not None:
            return None
        return 1 + sum(queue.keys.bisect_left(known.key) for queue in self._index.beside(known.queue.requirement))

    def dump(self) -> FloorState:
        """Everything, as a value."""
        return self._standing.dump()

    @classmethod
    def load(cls, state: FloorState) -> "Floor":
        """The Floor that was dumped: it will answer as the other one would have."""
        return cls(Standing.load(state))
