"""The watch over the Floor: silent while the Floor does what it should, loud when somebody is forgotten."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.floor import Floor
from routing.ids import AgentId, Instant, PoolId, PromptId, SeatId, SkillId, TicketId
from routing.standing import AgentRecord, FloorState, TicketRecord
from routing.tickets import (
    AgentState,
    Alternative,
    Competence,
    Configured,
    Entered,
    Requirement,
    Rung,
    SignedIn,
    Tick,
)
from routing.watch import IdleBeside, idle_beside

HALL, LAW, MARKET = PoolId("hall"), PoolId("law"), SkillId("market")
ANYONE = Requirement((Alternative(HALL),))
SKILLED = Requirement((Alternative(HALL, MARKET, 3),))


def agent(since: int = 0, state: AgentState = AgentState.READY, level: int = 0, pool: PoolId = HALL) -> AgentRecord:
    skills = ((MARKET, level),) if level else ()
    return AgentRecord(AgentId("1001"), SeatId("8001"), (Competence(pool, skills),), state, Instant(since), turn=1)


def ticket(*rungs: Rung, rung: int = 0, entered: int = 0, offered_to: str | None = None) -> TicketRecord:
    ladder = rungs or (Rung(ANYONE),)
    at = Instant(entered)
    return TicketRecord(TicketId("t"), ladder, at, 0, at, rung, agent=AgentId(offered_to) if offered_to else None)


@pytest.mark.parametrize(
    ("one", "other", "is_wrong"),
    [
        (agent(), ticket(), True),
        (agent(since=5_001), ticket(), False),
        (agent(), ticket(entered=5_001), False),
        (agent(state=AgentState.PAUSED), ticket(), False),
        (agent(pool=LAW), ticket(), False),
        (agent(), ticket(offered_to="1001"), False),
        (agent(level=3), ticket(Rung(SKILLED)), True),
        (agent(level=2), ticket(Rung(SKILLED)), False),
        (agent(), ticket(Rung(SKILLED), Rung(ANYONE, 5_000)), True),
        (agent(), ticket(Rung(SKILLED), Rung(ANYONE, 5_001)), False),
        (agent(), ticket(Rung(SKILLED), Rung(ANYONE, 20_000)), False),
        (agent(), ticket(Rung(SKILLED), Rung(ANYONE, 20_000), rung=1), False),
        (agent(), ticket(Rung(SKILLED), rung=-1), True),
        (agent(), ticket(Rung(Requirement((Alternative(LAW, agent=AgentId("1001")),)))), True),
        (agent(), ticket(Rung(Requirement((Alternative(HALL, agent=AgentId("1002")),)))), False),
    ],
)
def test_who_waits_beside_somebody_idle_is_found(one: AgentRecord, other: TicketRecord, is_wrong: bool) -> None:
    state = FloorState((one,), (other,), Configured((HALL, LAW), HALL, 0))
    found = idle_beside(state, Instant(10_000))
    assert bool(found) is is_wrong
    if found:
        assert found == (IdleBeside(TicketId("t"), AgentId("1001"), found[0].for_ms),)
        assert 5_000 <= found[0].for_ms <= 10_000


def test_nobody_is_asked_in_a_closed_pool() -> None:
    state = FloorState((agent(),), (ticket(),), None, closed=((HALL, PromptId("pool-closed")),))
    assert idle_beside(state, Instant(10_000)) == ()


def test_the_longest_idle_is_named_and_a_ladder_that_leads_nowhere_asks_for_nobody() -> None:
    late = AgentRecord(AgentId("1002"), SeatId("8002"), (Competence(HALL),), AgentState.READY, Instant(2_000), turn=2)
    nowhere = TicketRecord(TicketId("n"), (), Instant(0), 0, Instant(0), 0)
    astray = ticket(Rung(SKILLED), rung=-1)
    state = FloorState((late, agent(since=1_000)), (nowhere, ticket(), astray))
    assert idle_beside(state, Instant(10_000)) == (IdleBeside(TicketId("t"), AgentId("1001"), 9_000),)


@given(st.lists(st.tuples(st.integers(0, 60_000), st.booleans(), st.integers(1, 5)), max_size=12))
def test_the_floor_itself_leaves_nobody_waiting_so(steps: list[tuple[int, bool, int]]) -> None:
    floor, now = Floor(), Instant(0)
    floor.apply(Configured((HALL,), HALL, 0), now)
    ladder = (Rung(SKILLED), Rung(ANYONE, 7_000))
    for n, (later, sits, level) in enumerate(steps):
        now = Instant(now + later)
        while (due := floor.due()) is not None and due <= now:
            floor.apply(Tick(), due)
        name = f"{n}"
        if sits:
            floor.apply(SignedIn(AgentId(name), SeatId(name), (Competence(HALL, ((MARKET, level),)),)), now)
        else:
            floor.apply(Entered(TicketId(name), ladder, now), now)
        assert idle_beside(floor.dump(), now) == ()
