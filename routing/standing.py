"""All that the Floor remembers, what it shows of it, and the value from which it can be built again.

`Standing` keeps its parts consistent with each other; what is to happen, `routing.floor` decides.
"""

from enum import StrEnum

import msgspec

from routing.alarms import Alarms
from routing.ids import AgentId, Instant, PoolId, PromptId, SeatId, TicketId
from routing.queues import Agent, Index, Key, Queue, Ticket
from routing.tickets import AgentState, Alternative, Competence, Configured, Ladder, Requirement, Rung


class TicketState(StrEnum):
    """How far a ticket has come."""

    WAITING = "waiting"
    OFFERED = "offered"  # a seat rings for it; it keeps its place
    ACCEPTED = "accepted"  # the agent has answered


class AgentView(msgspec.Struct, frozen=True):
    """An agent who is signed in.

    `then`: the state asked for during a talk or an offer, to be taken up after it.  `by`: who made them, if it was not
    themselves.  `last`: the ticket for which they talked last.
    """

    agent: AgentId
    seat: SeatId
    state: AgentState
    since: Instant
    ticket: TicketId | None
    reason: str
    then: AgentState | None
    by: str = ""
    last: TicketId | None = None


class TicketView(msgspec.Struct, frozen=True):
    """A ticket; `rung` as in `Moved`, `offered_to` the agent who is rung or who has accepted."""

    ticket: TicketId
    first_entry: Instant
    rung: int
    state: TicketState
    offered_to: AgentId | None


class PlaceView(msgspec.Struct, frozen=True):
    """Where a ticket stands, and since when; `priority_ms`: its head start."""

    requirement: Requirement
    entered: Instant
    priority_ms: int = 0


class AgentRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that the Floor knows of an agent."""

    agent: AgentId
    seat: SeatId
    competences: tuple[Competence, ...]
    state: AgentState
    since: Instant
    turn: int
    reason: str = ""
    until: Instant | None = None
    then: AgentState | None = None
    then_reason: str = ""
    by: str = ""
    then_by: str = ""
    last: TicketId | None = None


class TicketRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that the Floor knows of a ticket."""

    ticket: TicketId
    ladder: Ladder
    first_entry: Instant
    priority_ms: int
    entered: Instant
    rung: int
    offers: int = 0
    agent: AgentId | None = None
    is_accepted: bool = False
    limit: Instant | None = None


class FloorState(msgspec.Struct, frozen=True, omit_defaults=True):
    """The whole Floor: agents in the order of their signing in, tickets in the order of their entry."""

    agents: tuple[AgentRecord, ...] = ()
    tickets: tuple[TicketRecord, ...] = ()
    configured: Configured | None = None
    turn: int = 0
    closed: tuple[tuple[PoolId, PromptId], ...] = ()


class Standing:
    """Who is signed in, who waits, and what time will bring."""

    __slots__ = ("_climbs", "_limits", "_turn", "agents", "configured", "index", "lasting", "seats", "tickets")

    def __init__(self) -> None:
        self.agents: dict[AgentId, Agent] = {}
        self.seats: dict[SeatId, Agent] = {}
        self.tickets: dict[TicketId, Ticket] = {}
        self.index = Index(self.agents)
        self.configured: Configured | None = None
        self._climbs: Alarms[Key] = Alarms()
        self._limits: Alarms[AgentId] = Alarms()
        self.lasting: dict[AgentState, int] = {}
        self._turn = 0

    def due(self) -> Instant | None:
        """When a ticket climbs or overflows, or an agent's state reaches its limit next."""
        climb, limit = self._climbs.first, self._limits.first
        if limit is not None and (climb is None or limit[0] < climb[0]):
            return limit[0]
        return None if climb is None else climb[0]

    def next_at_limit(self, now: Instant) -> Agent | None:
        """The first agent whose state has reached its limit by now."""
        first = self._limits.first
        return None if first is None or first[0] > now else self.agents[first[1]]

    def next_to_climb(self, now: Instant) -> Ticket | None:
        """The first ticket for which time has changed something by now."""
        first = self._climbs.first
        return None if first is None or first[0] > now else self.tickets[first[1][1]]

    def climb_at(self, ticket: Ticket, at: Instant | None) -> None:
        """Time changes something for the ticket at this moment, and at no other."""
        if ticket.climbs_at is not None:
            self._climbs.turn_off(ticket.key, ticket.climbs_at)
        ticket.climbs_at = at
        if at is not None:
            self._climbs.set(ticket.key, at)

    def configure(self, event: Configured) -> list[Queue]:
        """This holds from now on; returns the queues with tickets that lost their last pool."""
        self.configured = event
        self.lasting = {state: ms for state, ms in event.limits if ms > 0}
        return self.index.set_pools((*event.pools, event.hall))

    def wrap_up_ms(self, agent: Agent, ticket: Ticket) -> int:
        """How long the agent's wrap-up lasts after this ticket."""
        configured = self.configured
        if configured is None:
            return 0
        if not configured.wrap_ups:
            return configured.wrap_up_ms
        return dict(configured.wrap_ups).get(ticket.queue.pool_of(agent) or configured.hall, configured.wrap_up_ms)

    def limit_at(self, agent: Agent, until: Instant | None) -> None:
        """The agent's state reaches its limit at this moment; None: never."""
        if agent.until is not None:
            self._limits.turn_off(agent.id, agent.until)
        agent.until = until
        if until is not None:
            self._limits.set(agent.id, until)

    def join_idle(self, agent: Agent) -> None:
        """The agent stands at the end of the line of those who are ready."""
        self._turn += 1
        agent.turn = self._turn
        for bucket in agent.profile.buckets:
            bucket.idle[agent] = None
        if agent.own is not None:
            agent.own.idle[agent] = None

    @staticmethod
    def leave_idle(agent: Agent) -> None:
        """The agent is not to be found among those who are ready."""
        for bucket in agent.profile.buckets:
            bucket.idle.pop(agent, None)
        if agent.own is not None:
            agent.own.idle.pop(agent, None)

    def halls_ladder(self) -> Ladder:
        """Where a ticket goes that has nowhere else to go."""
        hall = () if self.configured is None else (Alternative(self.configured.hall),)
        return (Rung(Requirement(hall)),)

    def dump(self) -> FloorState:
        """Everything, as a value."""
        agents = tuple(map(_agent_record, self.agents.values()))
        tickets = tuple(map(_ticket_record, self.tickets.values()))
        return FloorState(agents, tickets, self.configured, self._turn, tuple(self.index.closed.items()))

    @classmethod
    def load(cls, state: FloorState) -> "Standing":
        """What was dumped."""
        standing = cls()
        if state.configured is not None:
            standing.configure(state.configured)
        for pool, prompt in state.closed:
            standing.index.close(pool, prompt)
        for a in sorted(state.agents, key=lambda a: a.turn):
            standing._restore_agent(a)
        for a in state.agents:  # in the order of their signing in
            standing.agents[a.agent] = standing.agents.pop(a.agent)
        standing._turn = state.turn
        for t in state.tickets:
            standing._restore_ticket(t)
        return standing

    def _restore_agent(self, record: AgentRecord) -> None:
        agent = Agent(record.agent, record.seat, self.index.join(record.competences), None, record.since)
        agent.state, agent.reason = record.state, record.reason
        agent.by, agent.then_by, agent.last = record.by, record.then_by, record.last
        agent.then, agent.then_reason = record.then, record.then_reason
        self.agents[agent.id] = self.seats[agent.seat] = agent
        self.limit_at(agent, record.until)
        if agent.state is AgentState.READY:
            self.join_idle(agent)
        agent.turn = record.turn

    def _restore_ticket(self, record: TicketRecord) -> None:
        key = (record.first_entry - record.priority_ms, record.ticket)
        ticket = Ticket(key, record.first_entry, record.entered, self.index.take(record.ladder))
        ticket.offers, ticket.is_accepted, ticket.limit = record.offers, record.is_accepted, record.limit
        ticket.stand_on(record.rung)
        self.tickets[ticket.id] = ticket
        if record.agent is None:
            ticket.queue.add(key)
        else:
            ticket.agent = self.agents[record.agent]
            ticket.agent.ticket = ticket
        if not ticket.is_accepted:
            self.climb_at(ticket, ticket.wakes_at)


def agent_view(agent: Agent) -> AgentView:
    """The agent as others see them."""
    ticket = None if agent.ticket is None else agent.ticket.id
    return AgentView(
        agent.id, agent.seat, agent.state, agent.since, ticket, agent.reason, agent.then, agent.by, agent.last
    )


def ticket_view(ticket: Ticket) -> TicketView:
    """The ticket as others see it."""
    offered_to = None if ticket.agent is None else ticket.agent.id
    state = TicketState.WAITING if offered_to is None else TicketState.OFFERED
    if ticket.is_accepted:
        state = TicketState.ACCEPTED
    return TicketView(ticket.id, ticket.first_entry, ticket.rung, state, offered_to)


def _agent_record(a: Agent) -> AgentRecord:
    return AgentRecord(
        a.id, a.seat, a.profile.competences, a.state, a.since, a.turn, a.reason, a.until, a.then, a.then_reason,
        a.by, a.then_by, a.last,
    )  # fmt: skip


def _ticket_record(t: Ticket) -> TicketRecord:
    agent = None if t.agent is None else t.agent.id
    priority_ms = t.first_entry - t.key[0]
    return TicketRecord(
        t.id, t.way.ladder, t.first_entry, priority_ms, t.entered, t.rung, t.offers, agent, t.is_accepted, t.limit
    )
