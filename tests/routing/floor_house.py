"""A Floor with a clock and three people, in which the cases are told."""

from routing.floor import Floor
from routing.ids import AgentId, Instant, PoolId, SeatId, SkillId, TicketId
from routing.tickets import (
    Accepted,
    Action,
    AgentState,
    Alternative,
    AnyEvent,
    Changed,
    Competence,
    Configured,
    Entered,
    Ladder,
    Offer,
    Requirement,
    Rung,
    SignedIn,
)

HALL, OWN = PoolId("hall"), PoolId("own")
FUND = SkillId("fund")
ANN, BOB, CAT = AgentId("101"), AgentId("102"), AgentId("103")
T1, T2, T3 = TicketId("t1"), TicketId("t2"), TicketId("t3")
WRAP_UP_MS = 500

GENERAL = (Competence(HALL),)
EXPERT = (Competence(HALL, ((FUND, 5),)),)
NOVICE = (Competence(HALL, ((FUND, 2),)),)
SEATED = (Competence(OWN),)


def rung(*alternatives: Alternative, after_ms: int = 0) -> Rung:
    return Rung(Requirement(alternatives), after_ms)


IN_THE_HALL: Ladder = (rung(Alternative(HALL)),)
SKILLED: Ladder = (
    rung(Alternative(HALL, FUND, 4)),
    rung(Alternative(HALL, FUND, 1), after_ms=100),
    rung(Alternative(HALL), after_ms=300),
)
OWN_FIRST: Ladder = (rung(Alternative(OWN)), rung(Alternative(HALL), after_ms=200))


class House:
    """A Floor with a clock, so that a case reads as a story."""

    def __init__(self) -> None:
        self.floor = Floor()
        self.now = Instant(10_000)
        self.hears(Configured((HALL, OWN), HALL, WRAP_UP_MS))

    def hears(self, event: AnyEvent, *, after: int = 1) -> tuple[Action, ...]:
        self.now = Instant(self.now + after)
        return self.floor.apply(event, self.now)

    def sits(self, agent: AgentId, competences: tuple[Competence, ...] = GENERAL) -> tuple[Action, ...]:
        return self.hears(SignedIn(agent, seat_of(agent), competences))

    def enters(
        self, ticket: TicketId, ladder: Ladder = IN_THE_HALL, priority_ms: int = 0, limit_ms: int | None = None
    ) -> tuple[Action, ...]:
        return self.hears(Entered(ticket, ladder, Instant(self.now + 1), priority_ms, limit_ms))

    def talks(self, agent: AgentId, ticket: TicketId) -> None:
        """An agent who is ready takes a new ticket and answers."""
        assert offer(ticket, agent) in self.enters(ticket)
        self.hears(Accepted(ticket, agent))

    def state(self, agent: AgentId) -> tuple[AgentState, str] | None:
        return next(((a.state, a.reason) for a in self.floor.agents() if a.agent == agent), None)

    def rung(self, ticket: TicketId) -> int:
        view = self.floor.ticket(ticket)
        assert view is not None
        return view.rung


def seat_of(agent: AgentId) -> SeatId:
    return SeatId(f"8{agent}")


def offer(ticket: TicketId, agent: AgentId, n: int = 1) -> Offer:
    return Offer(ticket, agent, seat_of(agent), n)


def changed(agent: AgentId, state: AgentState, reason: str = "", by: str = "") -> Changed:
    return Changed(agent, state, reason, by)
