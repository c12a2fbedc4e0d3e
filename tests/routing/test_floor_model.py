"""The Floor against a naive one, against itself in another process, and against its own dump."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from routing.floor import Floor
from routing.ids import AgentId, Instant, PoolId, PromptId, SeatId, TicketId
from routing.standing import FloorState, TicketState
from routing.tickets import (
    Accepted,
    AgentState,
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
    Offer,
    Opened,
    Overflowed,
    Paused,
    Rang,
    Reached,
    Readied,
    Refusal,
    Refused,
    Requirement,
    Resumed,
    SignedIn,
    SignedOut,
    Tick,
    WrappedUp,
)
from tests.routing.floor_worlds import (
    AGENTS,
    COMPETENCES,
    CONFIGURATIONS,
    LADDERS,
    POOLS,
    PROMPTS,
    SEATS,
    TICKETS,
    WAITS,
    random_events,
)
from tests.routing.naive_floor import NaiveFloor, anybody

supervisors = st.sampled_from(["", "9001"])
agents, seats, tickets = st.sampled_from(AGENTS), st.sampled_from(SEATS), st.sampled_from(TICKETS)


class FloorAgainstNaive(RuleBasedStateMachine):
    """Whatever happens, both say the same, and what is promised holds."""

    def __init__(self) -> None:
        super().__init__()
        self.floor, self.naive, self.now = Floor(), NaiveFloor(), Instant(1000)
        self.ledger: Counter[str] = Counter()
        """What has become of tickets, counted from what was told and said."""

    def both(self, event: AnyEvent, *, leaves: str = "abandoned") -> None:
        before = self.floor.ticket(event.ticket) if isinstance(event, Entered | Left) else None
        stood = {claim.ticket: claim.requirement() for claim in self.naive.waiting()}
        expected = self.naive.apply(event, self.now)
        assert self.floor.apply(event, self.now) == expected
        offered = [action.ticket for action in expected if isinstance(action, Offer)]
        assert len(offered) == len(set(offered))
        self.equals_are_served_in_order(offered, stood)
        if isinstance(event, Entered):
            self.ledger["entered"] += before is None
        elif before is not None:
            self.ledger["connected" if before.state is TicketState.ACCEPTED else leaves] += 1
        self.ledger["overflowed"] += sum(isinstance(action, Overflowed) for action in expected)

    def equals_are_served_in_order(self, offered: list[TicketId], stood: dict[TicketId, Requirement]) -> None:
        """Nobody still waits who came before one who is served now, and wants the same with the same priority."""
        for ticket in filter(stood.__contains__, offered):
            served = self.naive.claim(ticket)
            for claim in self.naive.waiting():
                if served and {stood.get(claim.ticket), claim.requirement(), served.requirement()} == {stood[ticket]}:
                    assert claim.rank - claim.first_entry != served.rank - served.first_entry or (
                        claim.first_entry >= served.first_entry
                    )

    @initialize(configured=st.none() | st.sampled_from(CONFIGURATIONS))
    def begins(self, configured: Configured | None) -> None:
        if configured:
            self.both(configured)

    @rule(ms=st.integers(1, 40))
    def time_passes(self, ms: int) -> None:
        self.now = Instant(self.now + ms)

    @rule(
        ticket=tickets,
        ladder=st.sampled_from(LADDERS),
        ago=st.integers(0, 50),
        priority=st.sampled_from([0, 30]),
        limit=st.sampled_from(WAITS),
        offers=st.integers(0, 2),
    )
    def enters(self, ticket: TicketId, ladder: Ladder, ago: int, priority: int, limit: int | None, offers: int) -> None:
        self.both(Entered(ticket, ladder, Instant(self.now - ago), priority, limit, offers))

    @rule(agent=agents, seat=seats, competences=st.sampled_from(COMPETENCES), ready=st.booleans())
    def signs_in(self, agent: AgentId, seat: SeatId, competences: tuple[Competence, ...], ready: bool) -> None:
        self.both(SignedIn(agent, seat, competences, ready))

    @rule(agent=agents, kind=st.sampled_from([Reached, WrappedUp]))
    def is_back(self, agent: AgentId, kind: type[Reached | WrappedUp]) -> None:
        self.both(kind(agent))

    @rule(agent=agents, kind=st.sampled_from([SignedOut, Readied, Readied]), by=supervisors)
    def wants(self, agent: AgentId, kind: type[SignedOut | Readied], by: str) -> None:
        self.both(kind(agent, by))

    @rule(agent=agents, reason=st.sampled_from(["tea", "training"]), by=supervisors)
    def pauses(self, agent: AgentId, reason: str, by: str) -> None:
        self.both(Paused(agent, reason, by))

    @rule(ticket=tickets, agent=agents, kind=st.sampled_from([Held, Consulted, Resumed]))
    def anybody_turns(self, ticket: TicketId, agent: AgentId, kind: type[Held | Consulted | Resumed]) -> None:
        self.both(kind(ticket, agent))

    @rule(agent=agents)
    def is_lost(self, agent: AgentId) -> None:
        self.both(Lost(agent, "phone"))

    @rule(ticket=tickets, agent=agents)
    def anybody_rings(self, ticket: TicketId, agent: AgentId) -> None:
        self.both(Rang(ticket, agent))

    @rule(ticket=tickets, why=st.sampled_from(["abandoned", "called back"]))
    def leaves(self, ticket: TicketId, why: str) -> None:
        self.both(Left(ticket), leaves=why)

    @rule(ticket=tickets, agent=agents, why=st.sampled_from(Refusal))
    def anybody_refuses(self, ticket: TicketId, agent: AgentId, why: Refusal) -> None:
        self.both(Refused(ticket, agent, why))

    @rule(ticket=tickets, agent=agents)
    def anybody_accepts(self, ticket: TicketId, agent: AgentId) -> None:
        self.both(Accepted(ticket, agent))

    @precondition(lambda self: self.floor.offers())
    @rule(data=st.data(), why=st.none() | st.sampled_from(Refusal))
    def an_offer_is_answered(self, data: st.DataObject, why: Refusal | None) -> None:
        offer = data.draw(st.sampled_from(self.floor.offers()))
        agent = offer.offered_to or AGENTS[0]
        self.both(Refused(offer.ticket, agent, why) if why else Accepted(offer.ticket, agent))

    @precondition(lambda self: self.floor.offers())
    @rule(data=st.data(), kind=st.sampled_from([Held, Consulted, Resumed]))
    def who_talks_turns(self, data: st.DataObject, kind: type[Held | Consulted | Resumed]) -> None:
        offer = data.draw(st.sampled_from(self.floor.offers()))
        self.both(kind(offer.ticket, offer.offered_to or AGENTS[0]))

    @rule(configured=st.sampled_from(CONFIGURATIONS))
    def is_configured(self, configured: Configured) -> None:
        self.both(configured)

    @rule(ticket=tickets, ladder=st.sampled_from(LADDERS))
    def is_directed(self, ticket: TicketId, ladder: Ladder) -> None:
        self.both(Directed(ticket, ladder, "9001"))

    @rule(pool=st.sampled_from(POOLS), prompt=st.sampled_from(PROMPTS))
    def closes(self, pool: PoolId, prompt: PromptId) -> None:
        self.both(Closed(pool, prompt, "9001"))

    @rule(pool=st.sampled_from(POOLS))
    def opens(self, pool: PoolId) -> None:
        self.both(Opened(pool, "9001"))

    @rule()
    def ticks(self) -> None:
        self.both(Tick())

    @rule()
    def sleeps_until_due(self) -> None:
        due = self.floor.due()
        if due is not None:
            self.now = max(self.now, due)
            self.both(Tick())

    @rule()
    def is_built_again(self) -> None:
        state = self.floor.dump()
        read = msgspec.json.decode(msgspec.json.encode(state), type=FloorState)
        self.floor = Floor.load(read)
        assert self.floor.dump() == state

    @invariant()
    def shows_the_same(self) -> None:
        floor, naive = self.floor, self.naive
        assert floor.due() == naive.due()
        assert [(a.agent, a.seat, a.state, a.since, a.ticket, a.reason, a.by, a.last) for a in floor.agents()] == [
            (p.agent, p.seat, p.state, p.since, p.ticket, p.reason, p.by, p.last) for p in naive.people
        ]
        assert [(t.ticket, t.rung, t.offered_to) for t in floor.waiting()] == [
            (c.ticket, c.rung, c.agent) for c in sorted(naive.claims, key=lambda c: c.key()) if not c.accepted
        ]
        for claim in naive.claims:
            rivals = [c for c in naive.waiting() if anybody(c.requirement()) == anybody(claim.requirement())]
            expected = rivals.index(claim) + 1 if claim in rivals else None
            assert floor.position(claim.ticket) == expected

    @invariant()
    def no_agent_has_two_tickets_and_no_ticket_two_agents(self) -> None:
        offers = self.floor.offers()
        assert len({o.offered_to for o in offers}) == len({o.ticket for o in offers}) == len(offers)
        held = {a.agent: a.ticket for a in self.floor.agents() if a.ticket}
        assert held == {o.offered_to: o.ticket for o in offers}
        engaged = {
            AgentState.RESERVED,
            AgentState.RINGING,
            AgentState.TALKING,
            AgentState.HOLDING,
            AgentState.CONSULTING,
        }
        assert all((a.state in engaged) == (a.ticket is not None) for a in self.floor.agents())

    @invariant()
    def nobody_is_ready_who_suits_a_waiting_ticket(self) -> None:
        for person in self.naive.idle:
            assert not any(self.naive.suits(person, claim.requirement()) for claim in self.naive.waiting())

    @invariant()
    def nobody_waits_beyond_a_limit_nor_where_nobody_could_come(self) -> None:
        for claim in self.naive.waiting():
            if claim.limit is not None:
                assert claim.next_climb() is not None or not self.naive.deserted(claim.requirement())

    @invariant()
    def every_ticket_that_has_entered_is_somewhere_once(self) -> None:
        now = Counter(view.state for view in self.floor.waiting() + self.floor.offers())
        offered = now[TicketState.OFFERED] // 2  # they keep their place, and are with an agent
        assert self.ledger["entered"] == sum(
            (
                now[TicketState.WAITING] + offered,
                now[TicketState.ACCEPTED] + self.ledger["connected"],
                self.ledger["abandoned"] + self.ledger["overflowed"] + self.ledger["called back"],
            )
        )

    @invariant()
    def nothing_is_kept_of_what_is_gone(self) -> None:
        index = self.floor._index
        assert sum(way.tickets for way in index._ways.values()) == len(self.naive.claims)
        assert set(index.queues) == {rung.requirement for way in index._ways.values() for rung in way.ladder}
        assert sum(profile.people for profile in index._profiles.values()) == len(self.naive.people)
        assert all(profile.people for profile in index._profiles.values())
        assert all(queue.head for bucket in index._buckets.values() for queue in bucket.queues)

    def teardown(self) -> None:
        for ticket in TICKETS:
            self.both(Left(ticket))
        assert self.floor.waiting() == ()
        gone = ("connected", "abandoned", "overflowed", "called back")
        assert self.ledger["entered"] == sum(self.ledger[what] for what in gone)
        assert not any(queue.keys for queue in self.floor._index.queues.values())


TestFloorAgainstNaive = FloorAgainstNaive.TestCase
TestFloorAgainstNaive.settings = settings(stateful_step_count=60)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 12))])
def test_a_long_day_goes_as_the_naive_floor_says(seed: int) -> None:
    floor, naive = Floor(), NaiveFloor()
    for n, (event, now) in enumerate(random_events(seed, 1500)):
        assert floor.apply(event, now) == naive.apply(event, now), (n, event)
        assert floor.due() == naive.due(), (n, event)


@pytest.mark.parametrize("seed", range(4))
def test_a_floor_built_again_goes_on_as_the_other_would_have(seed: int) -> None:
    floor, again = Floor(), Floor()
    for n, (event, now) in enumerate(random_events(seed + 100, 900)):
        assert floor.apply(event, now) == again.apply(event, now), (n, event)
        if n % 23 == seed:
            state = floor.dump()
            again = Floor.load(msgspec.json.decode(msgspec.json.encode(state), type=FloorState))
            assert again.dump() == state


REPLAY = """
import sys, msgspec
from routing.floor import Floor
from routing.tickets import AnyEvent
floor = Floor()
for line in sys.stdin.buffer:
    event, now = msgspec.json.decode(line, type=tuple[AnyEvent, int])
    sys.stdout.buffer.write(msgspec.json.encode(floor.apply(event, now)) + b"\\n")
"""


def test_the_same_events_give_the_same_actions_in_a_fresh_process_with_another_hash_seed() -> None:
    floor = Floor()
    told, said = [], []
    for event, now in random_events(7, 1500):
        told.append(msgspec.json.encode((event, now)))
        said.append(msgspec.json.encode(floor.apply(event, now)))
    for hash_seed in ("1", "4242"):
        replayed = subprocess.run(
            [sys.executable, "-c", REPLAY],
            input=b"\n".join(told),
            capture_output=True,
            check=True,
            timeout=60,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": "."},
        )
        assert replayed.stdout.splitlines() == said
