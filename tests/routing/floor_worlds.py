"""Small worlds for the Floor: few names, so that everything meets everything, and events from a seed."""

import random
from collections.abc import Iterator

from routing.floor import Floor
from routing.ids import AgentId, Instant, LanguageId, PoolId, PromptId, SeatId, SkillId, TicketId
from routing.standing import TicketState
from routing.tickets import (
    Accepted,
    AgentState,
    Alternative,
    AnyEvent,
    Closed,
    Competence,
    Configured,
    Consulted,
    Directed,
    Entered,
    Held,
    Ladder,
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
    WrappedUp,
)

HALL, OWN, FAR = PoolId("hall"), PoolId("own"), PoolId("far")
POOLS = [HALL, OWN, FAR]
FUND, FOOD = SkillId("fund"), SkillId("food")
ENGLISH, RUSSIAN = LanguageId("english"), LanguageId("russian")
AGENTS = [AgentId(f"10{n}") for n in range(6)]
SEATS = [SeatId(f"800{n}") for n in range(5)]
TICKETS = [TicketId(f"t{n}") for n in range(9)]

COMPETENCES = [
    (Competence(HALL),),
    (Competence(HALL, ((FUND, 5),)),),
    (Competence(HALL, ((FUND, 3), (FOOD, 4))),),
    (Competence(HALL, ((FUND, 1), (FOOD, 2))), Competence(OWN)),
    (Competence(OWN),),
    (Competence(FAR, ((FOOD, 5),)),),
    (Competence(HALL, (*((SkillId(f"skill-{n}"), 3) for n in range(5)), (FUND, 4))),),
    (Competence(HALL, (), (ENGLISH,)),),
    (Competence(HALL, ((FUND, 2),), (ENGLISH,)), Competence(OWN, (), (ENGLISH,))),
    (Competence(HALL, ((FUND, 5), (FOOD, 3)), (RUSSIAN, ENGLISH)), Competence(FAR, ((FOOD, 2),), (RUSSIAN,))),
]
PROMPTS = [PromptId("closed"), PromptId("storm")]


def rung(*alternatives: Alternative, after_ms: int = 0) -> Rung:
    return Rung(Requirement(alternatives), after_ms)


IN_THE_HALL: Ladder = (rung(Alternative(HALL)),)
LADDERS: list[Ladder] = [
    (),
    IN_THE_HALL,
    (rung(Alternative(OWN)), rung(Alternative(HALL), after_ms=20)),
    (
        rung(Alternative(HALL, FUND, 4)),
        rung(Alternative(HALL, FUND, 1), after_ms=10),
        rung(Alternative(HALL), after_ms=30),
        rung(Alternative(HALL), Alternative(OWN), Alternative(FAR), after_ms=60),
    ),
    (rung(Alternative(FAR, FOOD, 2)), rung(Alternative(OWN), Alternative(HALL, FOOD, 3), after_ms=15)),
    (rung(Alternative(FAR)), rung(Alternative(FAR, FOOD), after_ms=5), rung(Alternative(HALL), after_ms=5)),
    (rung(Alternative(OWN)), rung(Alternative(FAR), after_ms=25)),
    (rung(Alternative(HALL, agent=AGENTS[1])),),
    (
        rung(Alternative(OWN, agent=AGENTS[2])),
        rung(Alternative(OWN, agent=AGENTS[2]), Alternative(OWN), Alternative(FAR), after_ms=8),
        rung(Alternative(HALL), after_ms=30),
    ),
    (rung(Alternative(HALL, agent=AGENTS[0]), Alternative(HALL)),),
    (
        rung(Alternative(OWN, agent=AGENTS[3]), Alternative(OWN)),
        rung(Alternative(OWN, agent=AGENTS[3]), Alternative(OWN), Alternative(HALL), after_ms=12),
    ),
]
SPEAKS = Alternative(HALL, language=ENGLISH)
GOOD, SOME = (Alternative(HALL, FUND, level, language=ENGLISH) for level in (3, 1))
LADDERS += [
    (
        rung(Alternative(HALL, language=ENGLISH)),
        rung(Alternative(HALL, language=ENGLISH), Alternative(HALL), after_ms=9),
    ),
    (
        rung(GOOD),
        rung(GOOD, SOME, SPEAKS, after_ms=7),
        rung(GOOD, SOME, SPEAKS, Alternative(HALL, FUND, 3), Alternative(HALL), after_ms=25),
    ),
    (
        rung(Alternative(OWN, language=ENGLISH), Alternative(OWN)),
        rung(Alternative(FAR, FOOD, language=RUSSIAN), after_ms=6),
    ),
    (rung(Alternative(HALL, agent=AGENTS[4]), Alternative(HALL, FOOD, 2, language=RUSSIAN), Alternative(OWN)),),
]
LIMITS = (
    *((AgentState.RESERVED, 11), (AgentState.RINGING, 9), (AgentState.TALKING, 17), (AgentState.HOLDING, 6)),
    *((AgentState.CONSULTING, 9), (AgentState.UNREACHABLE, 14)),
)
WAITS = [None, None, 0, 12, 40]
"""Within a ladder, at a rung of it, and behind it."""

CONFIGURATIONS = [
    Configured((HALL, OWN, FAR), HALL, 12, ((OWN, 5), (FAR, 0)), LIMITS),
    Configured((HALL, OWN), HALL, 0, ((OWN, 5),), ((AgentState.TALKING, 0), (AgentState.PAUSED, 8))),
    Configured((HALL,), HALL, 7),
    Configured((OWN, FAR), OWN, 7),
]


def random_event(rng: random.Random, floor: Floor, now: Instant) -> AnyEvent:
    """Mostly what could happen on `floor` next, sometimes what could not."""
    agent, ticket = rng.choice(AGENTS), rng.choice(TICKETS)
    offers = floor.offers()
    if offers and rng.random() < 0.6:
        offer = rng.choice(offers)
        ticket, agent = offer.ticket, offer.offered_to or agent
        accepts_or_leaves: AnyEvent = Left(ticket)
        if offer.state is TicketState.OFFERED:
            accepts_or_leaves = Rang(ticket, agent) if rng.random() < 0.3 else Accepted(ticket, agent)
        elif rng.random() < 0.5:
            accepts_or_leaves = rng.choice((Held, Consulted, Resumed))(ticket, agent)
        return accepts_or_leaves if rng.random() < 0.65 else _refused(rng, ticket, agent)
    ago, priority, limit = rng.randrange(30), rng.choice([0, 0, 25]), rng.choice(WAITS)
    entered = Entered(ticket, rng.choice(LADDERS), Instant(now - ago), priority, limit, rng.choice([0, 0, 2]))
    signed_in = SignedIn(agent, rng.choice(SEATS), rng.choice(COMPETENCES), ready=rng.random() < 0.8)
    kinds: list[tuple[int, AnyEvent]] = [
        (30, entered),
        (12, signed_in),
        (20, Tick()),
        (10, Readied(agent, rng.choice(["", "9001"]))),
        (5, Paused(agent, rng.choice(["tea", "training"]), rng.choice(["", "9001"]))),
        (5, SignedOut(agent, rng.choice(["", "9001"]))),
        (4, WrappedUp(agent)),
        (2, rng.choice((Held, Consulted, Resumed))(ticket, agent)),
        (5, Reached(agent)),
        (4, Lost(agent, "phone")),
        (2, Rang(ticket, agent)),
        (6, Left(ticket)),
        (2, Accepted(ticket, agent)),
        (2, _refused(rng, ticket, agent)),
        (2, rng.choice(CONFIGURATIONS)),
        (3, Directed(ticket, rng.choice(LADDERS), "9001")),
        (2, Closed(rng.choice(POOLS), rng.choice(PROMPTS), "9001")),
        (4, Opened(rng.choice(POOLS), "9001")),
    ]
    return rng.choices([event for _, event in kinds], [weight for weight, _ in kinds])[0]


def _refused(rng: random.Random, ticket: TicketId, agent: AgentId) -> Refused:
    return Refused(ticket, agent, rng.choice(list(Refusal)))


def random_events(seed: int, count: int) -> Iterator[tuple[AnyEvent, Instant]]:
    """Events with their moments, on a Floor of their own."""
    rng, floor, now = random.Random(seed), Floor(), Instant(1000)
    for _ in range(count):
        now = Instant(now + rng.choice([0, 0, 1, 1, 2, 5, 9]))
        event = random_event(rng, floor, now)
        floor.apply(event, now)
        yield event, now
