"""What a caller who waits hears between the music, in virtual time: place, wait, why a pool is closed."""

from itertools import pairwise

import pytest

from ivr.dispatcher import Dispatcher
from ivr.facts import Outcome
from ivr.journal import Journal
from routing.estimate import LEAST_DEPARTURES
from routing.floor import Floor
from routing.ids import AgentId, PoolId, PromptId, SeatId, TicketId
from routing.tickets import (
    Accepted,
    Alternative,
    Closed,
    Competence,
    Entered,
    Requirement,
    Rung,
    SignedIn,
    SignedOut,
)
from tests.calls.scenes import thorough
from tests.calls.simulated import SimulatedHouse
from tests.fake.disk import MemoryDisk
from tests.fake.loop import SimClock, simulate
from tests.fake.world import Party

OPENING = "greeting-12345"
LATE = AgentId("1016")
STRIKES = range(6, 40)


async def somebody_waits(
    house: SimulatedHouse,
    seconds: float,
    kills: tuple[int | None, ...] = (),
    answers_after: float = 1.5,
    hangs_up: float | None = None,
) -> Party:
    """One caller of 12345; an agent comes so long after the beginning."""
    house.fake.seat("8016", answers_after=answers_after, talks=20)
    citizen = house.fake.dials("12345", after=0.5, hangs_up=hangs_up)
    for delay in (0, 5):  # the life to which it is said first may be dead
        house.fake.later(seconds + delay, lambda: house.comes(LATE))
    await house.lives(kills=kills)
    house.check()
    return citizen


def test_who_waits_hears_their_place_again_and_again_and_no_time_that_nobody_knows() -> None:
    async def scene() -> None:
        house = SimulatedHouse()
        citizen = await somebody_waits(house, 100)
        assert house.story(citizen) == [
            *(OPENING, "position-next", "position-next", "callback-offer"),
            *("position-next", "callback-offer", "agent-1016", "voice:8016"),
        ]
        assert house.silences() == []
        began = [since for since, _, what in house.fake.heard(citizen.label) if what == "position-next"]
        assert 20_000 <= began[0] < 21_000
        assert all(29_900 <= later - sooner < 31_000 for sooner, later in pairwise(began))

    simulate(scene)


def test_who_is_answered_in_time_hears_nothing_of_it() -> None:
    async def scene() -> None:
        house = SimulatedHouse()
        citizen = await somebody_waits(house, 15)
        assert house.story(citizen) == [OPENING, "agent-1016", "voice:8016"]

    simulate(scene)


def test_an_agent_who_answers_cuts_an_announcement() -> None:
    async def scene() -> None:
        house = SimulatedHouse()
        citizen = await somebody_waits(house, 20.6, answers_after=0.5)
        (lasted,) = [to - since for since, to, what in house.fake.heard(citizen.label) if what == "position-next"]
        assert lasted < house.fake.lengths["position-next"]
        assert house.silences() == []

    simulate(scene)


def test_after_five_departures_the_time_is_said_in_bands() -> None:
    async def scene() -> None:
        house = SimulatedHouse()
        house.agent("1016", answers_after=1.0, talks=5)
        for n in range(5):
            house.fake.dials("12345", after=0.5 + 20 * n)
        last = house.fake.dials("12345", after=150, hangs_up=60)
        house.fake.later(140, lambda: house.tells(SignedOut(LATE)))
        await house.lives()
        house.check()
        assert house.story(last) == [OPENING, "position-next", "wait-3", "position-next", "wait-3"]

    simulate(scene)


def test_only_whoever_answers_the_offer_that_stands_counts_as_a_departure_and_once() -> None:
    async def scene() -> None:
        clock = SimClock()
        journal = Journal(MemoryDisk(), "handan1", clock)
        assert not list(journal.replay())
        dispatcher, hall = Dispatcher(Floor(), journal, clock), (Rung(Requirement((Alternative(PoolId("hall")),))),)
        dispatcher.apply(SignedIn(LATE, SeatId("8016"), (Competence(PoolId("hall")),)))
        for n in range(LEAST_DEPARTURES):
            ticket = TicketId(f"t{n}")
            dispatcher.apply(Entered(ticket, hall, clock.instant()))
            assert dispatcher.foreseen(hall).by_departures_ms is None
            for agent in (AgentId("1017"), LATE, LATE):
                dispatcher.apply(Accepted(ticket, agent))
            dispatcher.leave(ticket)
        assert dispatcher.foreseen(hall).by_departures_ms == 120_000

    simulate(scene)


def test_who_waits_for_a_pool_that_closes_hears_why() -> None:
    async def scene() -> None:
        house = SimulatedHouse()
        house.fake.seat("8101", answers_after=1.5, talks=20)
        house.agent("2001", answers_after=1.5, talks=20)
        house.agent("1016", answers_after=1.5, talks=20)
        first = house.fake.dials("12350", after=0.5, at="2021-09-15T09:00")
        second = house.fake.dials("12350", after=12, at="2021-09-15T09:00")
        house.fake.later(19, lambda: house.tells(Closed(PoolId("safety"), PromptId("pool-closed"))))
        await house.lives()
        house.check()
        assert house.story(first)[-1] == "voice:8101"
        assert "pool-closed" in house.story(second)
        assert house.story(second)[-1] == "voice:8016"
        assert house.silences() == []

    simulate(scene)


@pytest.mark.parametrize("kill_at", STRIKES)
def test_a_kill_at_each_moment_repeats_no_announcement_and_stops_none_that_follows(kill_at: int) -> None:
    async def scene() -> None:
        house = SimulatedHouse(seed=kill_at)
        citizen = await somebody_waits(house, 70, kills=(kill_at,))
        heard = [what for what in house.story(citizen) if what.startswith("position-")]
        announced = [step for step in house.steps() if step.startswith("announced:")]
        assert len(announced) == 3  # and the key for being called back
        assert len(heard) in {1, 2}  # what was on its way when we died, and would be over now, is not said any more
        assert house.story(citizen)[-1] == "voice:8016"

    simulate(scene)


@pytest.mark.parametrize("hangs_up", thorough([20.03, 20.6, 22.5, 50.03, 51.0, 60.6], sample=1))
def test_no_kill_loses_who_hangs_up_over_an_announcement_or_between_two(hangs_up: float) -> None:
    async def scene(kill_at: int) -> None:
        house = SimulatedHouse(seed=kill_at)
        await somebody_waits(house, 70, kills=(kill_at,), hangs_up=hangs_up)
        (record,) = house.records()
        assert record.outcome is Outcome.ABANDONED

    for kill_at in STRIKES:
        simulate(lambda: scene(kill_at))  # noqa: B023 - simulated at once
