"""What follows from an event: who is brought together, who moves on, and which state an agent takes up.

`routing.floor` says what has happened; here is what comes of it, whatever it was.
"""

from routing.ids import Instant
from routing.queues import Agent, Queue, Ticket
from routing.standing import Standing
from routing.tickets import Action, AgentState, Announce, Changed, Moved, Offer, Overdue, Overflowed

READY, RESERVED, WRAP_UP = AgentState.READY, AgentState.RESERVED, AgentState.WRAP_UP
UNREACHABLE, SIGNED_OUT = AgentState.UNREACHABLE, AgentState.SIGNED_OUT

IN_THE_HALL = -1
"""The rung of a ticket whose own ladder leads nowhere any longer."""


class Matching:
    """Brings tickets and agents together, and keeps `standing` in order.  Each method adds to `said` what it does."""

    __slots__ = ("_agents", "_index", "_standing", "_tickets")

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self._agents, self._tickets, self._index = standing.agents, standing.tickets, standing.index

    # --- tickets

    def place(self, ticket: Ticket, now: Instant, said: list[Action]) -> None:
        """Bring a ticket that is with nobody to an agent who is free, or to its place in the queue, or away."""
        former = ticket.queue
        self.climb(ticket, now, said)
        is_over = ticket.is_over(now)
        if self._index.closed and (is_over or ticket.queue is not former) and former.is_deserted:
            prompt = self._index.why_closed(former.requirement)
            if prompt is not None:
                said.append(Announce(ticket.id, prompt))
        if is_over:
            self._standing.climb_at(ticket, None)
            self._index.give_back(self._tickets.pop(ticket.id).way)
            said.append(Overflowed(ticket.id))
            return
        queue = ticket.queue
        agent = queue.longest_idle()
        if agent is None:
            queue.add(ticket.key)
        else:
            self._offer(ticket, agent, now, said)

    def _offer(self, ticket: Ticket, agent: Agent, now: Instant, said: list[Action]) -> None:
        ticket.agent, agent.ticket = agent, ticket
        ticket.offers += 1
        if ticket.limit is not None:
            self._standing.climb_at(ticket, ticket.wakes_at)
        self.change(agent, RESERVED, "", now, said)
        said.append(Offer(ticket.id, agent.id, agent.seat, ticket.offers))

    def climb(self, ticket: Ticket, now: Instant, said: list[Action]) -> None:
        """Let the ticket stand on the rung that holds now: never a lower one than before."""
        rungs, rung = ticket.way.rungs, ticket.rung
        if rung != IN_THE_HALL:
            last, waited = len(rungs) - 1, now - ticket.entered
            while rung < last and (rungs[rung + 1][0] <= waited or rungs[rung][1].is_deserted):
                rung += 1
        if rungs[rung][1].gone and ticket.limit is None:
            self._to_the_hall(ticket)
            said.append(Moved(ticket.id, IN_THE_HALL))
        elif rung != ticket.rung:
            ticket.stand_on(rung)
            said.append(Moved(ticket.id, rung))
        at = ticket.wakes_at
        if at != ticket.climbs_at:
            self._standing.climb_at(ticket, at)

    def _to_the_hall(self, ticket: Ticket) -> None:
        way = self._index.take(self._standing.halls_ladder())
        self._index.give_back(ticket.way)
        ticket.way = way
        ticket.stand_on(IN_THE_HALL)

    def displace(self, queues: list[Queue], now: Instant, said: list[Action]) -> None:
        """Nobody can serve these queues any longer: who waits there goes where their ladder leads, by rank."""
        for key in sorted(key for queue in queues for key in queue.keys):
            ticket = self._tickets[key[1]]
            if ticket.queue.gone or ticket.wakes_at is not None:
                ticket.queue.remove(key)
                self.place(ticket, now, said)

    # --- agents

    def wrap_up(self, agent: Agent, ticket: Ticket, now: Instant, said: list[Action]) -> None:
        """The talk is over."""
        agent.last = ticket.id
        lasts_ms = self._standing.wrap_up_ms(agent, ticket)
        if lasts_ms <= 0:
            self.release(agent, READY, "", now, said)
            return
        agent.ticket = None
        self.change(agent, WRAP_UP, "", now, said)
        self._standing.limit_at(agent, Instant(now + lasts_ms))

    def release(self, agent: Agent, state: AgentState, reason: str, now: Instant, said: list[Action]) -> None:
        """The agent has nothing to do any more, and takes up `state`, unless they asked for another."""
        agent.ticket = None
        then, agent.then = agent.then, None
        if then is SIGNED_OUT:
            self.sign_out([(agent, agent.then_reason)], now, said, agent.then_by)
        elif then is not None:
            self.change(agent, then, agent.then_reason, now, said, by=agent.then_by)
        elif state is READY:
            self.free(agent, now, said)
        else:
            self.change(agent, state, reason, now, said)

    def free(self, agent: Agent, now: Instant, said: list[Action], by: str = "") -> None:
        """The agent takes the first ticket of all that they may take; ready if there is none."""
        queue = agent.best_queue()
        if queue is None or queue.head is None:
            self.change(agent, READY, "", now, said, by)
            return
        ticket = self._tickets[queue.head[1]]
        queue.remove(ticket.key)
        self._offer(ticket, agent, now, said)

    def sign_out(self, leaving: list[tuple[Agent, str]], now: Instant, said: list[Action], by: str = "") -> None:
        """All of them first: whoever is displaced by the one is not offered to the other."""
        left: dict[Queue, None] = {}
        for agent, reason in leaving:
            self.change(agent, SIGNED_OUT, reason, now, said, by)
            del self._agents[agent.id], self._standing.seats[agent.seat]
            left |= dict.fromkeys(self._index.stand_up(agent))
        self.displace(list(left), now, said)

    def change(
        self, agent: Agent, state: AgentState, reason: str, now: Instant, said: list[Action], by: str = ""
    ) -> None:
        """Every change of an agent's state: the indexes and the limit follow it."""
        standing, former = self._standing, agent.state
        if former is READY:
            standing.leave_idle(agent)
        if state is READY:
            standing.join_idle(agent)
        if former is state and agent.reason == reason:
            return
        if agent.until is not None or state in standing.lasting:
            lasts_ms = standing.lasting.get(state)
            standing.limit_at(agent, None if lasts_ms is None else Instant(now + lasts_ms))
        agent.state, agent.reason, agent.by, agent.since = state, reason, by, now
        said.append(Changed(agent.id, state, reason, by))

    def at_limit(self, agent: Agent, now: Instant, said: list[Action]) -> None:
        """The agent's state has lasted as long as it may."""
        state, lasts_ms = agent.state, self._standing.lasting.get(agent.state)
        if state is WRAP_UP:
            self.release(agent, READY, "", now, said)
        elif state is UNREACHABLE:
            self.sign_out([(agent, UNREACHABLE.value)], now, said)
        else:
            said.append(Overdue(agent.id, state, None if agent.ticket is None else agent.ticket.id))
            self._standing.limit_at(agent, None if lasts_ms is None else Instant(now + lasts_ms))
