"""What must not be on a Floor, found a second way: by the plain rules, and none of the Floor's own indexes.

A caller who waits beside an agent who is idle and may take the call is a fault of ours, whichever it is: an index that
has lost somebody, a timer that no longer runs.
"""

import msgspec

from routing.ids import AgentId, Instant, TicketId
from routing.standing import AgentRecord, FloorState, TicketRecord
from routing.tickets import AgentState, Alternative, Requirement

IDLE_BESIDE_MS = 5_000
"""For so long nobody may wait beside somebody idle."""


class IdleBeside(msgspec.Struct, frozen=True):
    """A ticket that waits, and the first of those who could have taken it for so long."""

    ticket: TicketId
    agent: AgentId
    for_ms: int


def idle_beside(state: FloorState, now: Instant, limit_ms: int = IDLE_BESIDE_MS) -> tuple[IdleBeside, ...]:
    """Every ticket that has waited for `limit_ms` while one agent was ready who suits what it asks for now."""
    idle = [agent for agent in state.agents if agent.state is AgentState.READY and now - agent.since >= limit_ms]
    closed = frozenset(pool for pool, _ in state.closed)
    suitable: dict[Requirement, list[AgentRecord]] = {}
    found = []
    for ticket in state.tickets if idle else ():
        requirement, since = _asks(state, ticket, now)
        if ticket.agent is not None or now - since < limit_ms:
            continue
        if requirement not in suitable:
            suitable[requirement] = [
                agent for agent in idle if any(_suits(agent, each, closed) for each in requirement.alternatives)
            ]
        if suitable[requirement]:
            agent = min(suitable[requirement], key=lambda each: each.since)
            found.append(IdleBeside(ticket.ticket, agent.agent, now - max(agent.since, since)))
    return tuple(found)


def _asks(state: FloorState, ticket: TicketRecord, now: Instant) -> tuple[Requirement, Instant]:
    """The requirement that holds by the clock, whether or not the Floor has noticed, and since when."""
    if ticket.rung < 0:
        hall = () if state.configured is None else (Alternative(state.configured.hall),)
        return Requirement(hall), ticket.entered
    waited = now - ticket.entered
    reached = [rung for n, rung in enumerate(ticket.ladder) if n <= ticket.rung or rung.after_ms <= waited]
    if not reached:
        return Requirement(()), ticket.entered
    begun = min(reached[-1].after_ms, waited)  # a rung that nobody could serve is left before its time
    return reached[-1].requirement, Instant(ticket.entered + begun)


def _suits(agent: AgentRecord, asked: Alternative, closed: frozenset[str]) -> bool:
    if asked.agent is not None:
        return asked.agent == agent.agent
    return asked.pool not in closed and any(competence.serves(asked) for competence in agent.competences)
