"""A pool that a target follows: the wait there has an end, and whoever is free in that instant has the call."""

from functools import partial

import msgspec
import pytest

from ivr.facts import CallRecord, Outcome
from ivr.journal import CALL, Journal
from routing.ids import AgentId, PoolId
from routing.prompts import POOL_CLOSED
from routing.tickets import AnyEvent, Closed, Paused, Readied, SignedOut
from tests.calls.scenes import CENTRE, overflowing
from tests.calls.simulated import CONFIG, SimulatedHouse
from tests.fake.clock import ManualClock
from tests.fake.disk import MemoryDisk, Platter
from tests.fake.loop import simulate
from tests.fake.world import Phone

HALL, SEATS = AgentId("1016"), AgentId("2001")
DIALS = 0.5
LIMIT = CONFIG.site.timing.own_seats_for.total_seconds()
OVER = DIALS + LIMIT
"""When the caller's wait at the seats is over; an arrival costs some milliseconds before it begins."""

ANSWERS = Phone(answers_after=1.5, talks=20)
TOLD, CENTRES_VOICE, HALLS_VOICE, SEATS_VOICE = "transition-12350", f"voice:{CENTRE}", "voice:8016", "voice:8101"


class Scene:
    """A caller of 12350, its seats, a centre that follows them, and the hall."""

    def __init__(self, seats: Phone | None = ANSWERS, centre: Phone | None = ANSWERS, *then: str) -> None:
        self.house = house = SimulatedHouse()
        house.config = overflowing(*then)
        house.agent(HALL, ANSWERS)
        if seats is not None:
            house.agent(SEATS, seats)
        if centre is not None:
            house.fake.target(CENTRE, centre)

    def at(self, after: float, event: AnyEvent) -> None:
        self.house.fake.later(after, partial(self.house.tells, event))

    async def plays(self, hangs_up: float | None = None) -> tuple[list[str], CallRecord]:
        """What the caller hears of people and prompts, and the one record."""
        citizen = self.house.fake.dials("12350", after=DIALS, hangs_up=hangs_up)
        await self.house.lives()
        self.house.check()
        (record,) = self.house.records()
        return self.house.story(citizen), record

    def steps(self) -> list[str]:
        """The steps of all calls, as they were written."""
        journal = Journal(MemoryDisk(Platter(bytearray(self.house.platter.content))), CONFIG.site.node, ManualClock())
        bodies = [bytes(entry.body).decode() for entry in journal.replay() if entry.topic == CALL]
        return [body.partition('"step":"')[2].partition('"')[0] for body in bodies]

    def dialled(self) -> list[float]:
        """When the centre was dialled, in seconds."""
        return [at / 1000 for at, method, path in self.house.fake.log if method == "POST" and "-transfer-" in path]


def test_when_nobody_is_free_in_time_the_centre_has_the_call() -> None:
    async def scene() -> None:
        scene = Scene()
        scene.at(0.1, Paused(SEATS, "tea"))
        story, record = await scene.plays()
        assert story == [TOLD, CENTRES_VOICE]
        assert (record.outcome, record.target) == (Outcome.TRANSFERRED, "agriculture")
        assert (record.overflowed, record.offers) == (("safety",), 0)
        (dialled,) = scene.dialled()
        assert OVER <= dialled < OVER + 0.5
        assert not scene.house.silences()
        steps = scene.steps()
        assert steps.index("queued:1") < steps.index("overflowed:1") < steps.index("transferring:2")

    simulate(scene)


def test_seats_at_which_nobody_is_signed_in_are_passed_at_once_and_the_prompt_goes_on() -> None:
    async def scene() -> None:
        scene = Scene(seats=None, centre=Phone(answers_after=12, talks=20))
        story, record = await scene.plays()
        assert story == [TOLD, CENTRES_VOICE]
        assert record.overflowed == ("safety",)
        assert scene.dialled()[0] < DIALS + 0.5
        assert not scene.house.silences()

    simulate(scene)


def test_seats_that_the_last_one_leaves_are_passed_in_that_moment_and_the_prompt_goes_on() -> None:
    async def scene() -> None:
        scene = Scene()
        scene.at(0.1, Paused(SEATS, "tea"))
        scene.at(3.0, SignedOut(SEATS))
        story, record = await scene.plays()
        assert story == [TOLD, CENTRES_VOICE]
        (dialled,) = scene.dialled()
        assert 3.0 <= dialled < 3.5
        (told,) = [to - since for since, to, what in scene.house.fake.heard("citizen") if what == TOLD]
        assert told > scene.house.fake.lengths[TOLD] - 200
        assert record.overflowed == ("safety",)

    simulate(scene)


def test_seats_that_a_supervisor_closes_are_left_with_a_word() -> None:
    async def scene(kill: bool) -> None:
        scene = Scene()
        scene.at(0.1, Paused(SEATS, "tea"))
        scene.at(9.0, Closed(PoolId("safety"), POOL_CLOSED))
        if kill:
            scene.house.fake.later(9.1, scene.house.kill)
        story, record = await scene.plays()
        assert story == [TOLD, POOL_CLOSED, CENTRES_VOICE]
        assert record.overflowed == ("safety",)
        assert min(scene.dialled()) < OVER + 4

    simulate(lambda: scene(kill=False))
    simulate(lambda: scene(kill=True))


def test_a_phone_that_rings_when_the_wait_is_over_is_let_ring() -> None:
    async def scene() -> None:
        scene = Scene(seats=Phone())
        story, record = await scene.plays()
        assert story == [TOLD, CENTRES_VOICE]
        assert (record.overflowed, record.offers) == (("safety",), 1)
        (dialled,) = scene.dialled()
        assert OVER < dialled < OVER + CONFIG.site.timing.ring_for.total_seconds()

    simulate(scene)


@pytest.mark.parametrize("cents", range(440, 480, 4))
def test_a_phone_that_is_answered_in_the_instant_of_the_limit_has_the_call(cents: int) -> None:
    async def scene() -> None:
        story, record = await Scene(seats=Phone(answers_after=cents / 100, talks=20)).plays()
        assert story == [TOLD, "agent-2001", SEATS_VOICE]
        assert (record.overflowed, record.pool) == ((), "safety")

    simulate(scene)


@pytest.mark.slow
def test_an_agent_who_comes_back_in_the_instant_of_the_limit_has_the_call_or_is_not_rung() -> None:
    async def scene(ms: int) -> bool:
        scene = Scene()
        scene.at(0.1, Paused(SEATS, "tea"))
        scene.at(OVER + ms / 1000, Readied(SEATS))
        story, record = await scene.plays()
        seats = record.agent == SEATS
        assert story[-1] == (SEATS_VOICE if seats else CENTRES_VOICE)
        assert record.overflowed == (() if seats else ("safety",))
        return seats

    served = [simulate(lambda: scene(ms)) for ms in range(-4, 40)]  # noqa: B023 - simulated at once
    assert served == sorted(served, reverse=True)
    assert set(served) == {True, False}


@pytest.mark.parametrize("ms", range(-10, 60, 5))
def test_a_caller_who_leaves_in_that_moment_rings_nobody_and_has_one_record(ms: int) -> None:
    async def scene() -> None:
        scene = Scene()
        scene.at(0.1, Paused(SEATS, "tea"))
        _, record = await scene.plays(hangs_up=LIMIT + ms / 1000)
        assert record.outcome is Outcome.ABANDONED
        assert record.target is None

    simulate(scene)


@pytest.mark.parametrize("ms", range(-20, 60, 4))
def test_a_controller_that_dies_in_that_moment_does_not_wait_once_more(ms: int) -> None:
    async def scene() -> None:
        scene = Scene()
        scene.at(0.1, Paused(SEATS, "tea"))
        scene.house.fake.later(OVER + ms / 1000, scene.house.kill)
        story, record = await scene.plays()
        assert story == [TOLD, CENTRES_VOICE]
        assert record.overflowed == ("safety",)
        assert max(scene.dialled()) < OVER + 5
        assert scene.steps().count("overflowed:1") == 1

    simulate(scene)


def test_what_the_floor_has_said_and_the_call_has_not_noted_is_known_to_the_next_life() -> None:
    """Killed between these two lines of the journal."""

    async def scene(strike: int) -> bool:
        scene = Scene()
        house = scene.house
        scene.at(0.1, Paused(SEATS, "tea"))
        citizen = house.fake.dials("12350", after=DIALS)
        assert not await house.life(strike, 60)
        content = bytes(house.platter.content)
        if b'"overflowed:1"' not in content:
            return False
        assert not scene.dialled()
        house.platter.content[:] = content[: content.rindex(b"\n", 0, content.index(b'"overflowed:1"')) + 1]
        await house.lives()
        house.check()
        assert house.story(citizen) == [TOLD, CENTRES_VOICE]
        (record,) = house.records()
        assert record.overflowed == ("safety",)
        assert max(scene.dialled()) < OVER + 4
        return True

    assert any(simulate(lambda: scene(strike)) for strike in range(5, 60))  # noqa: B023 - simulated at once


def test_who_comes_to_a_pool_again_has_the_rank_of_the_arrival_and_offers_are_counted_on() -> None:
    async def scene() -> None:
        scene = Scene(Phone(), Phone(busy=True), "agriculture", "safety")
        scene.at(0.1, Paused(HALL, "tea"))
        scene.at(40.0, Readied(HALL))
        later = scene.house.fake.dials("12345", after=2)
        first = scene.house.fake.dials("12350", after=DIALS, label="first")
        await scene.house.lives()
        scene.house.check()
        assert scene.house.story(first) == [TOLD, "return-hall", "position-next", "agent-1016", HALLS_VOICE]
        assert scene.house.story(later)[-1] == HALLS_VOICE
        one, other = sorted(scene.house.records(), key=lambda record: record.arrived)
        assert one.connected is not None
        assert other.connected is not None
        assert one.connected < other.connected
        assert (one.overflowed, one.offers, one.pool) == (("safety",), 2, "hall")
        steps = scene.steps()
        assert [step for step in steps if step.startswith(("queued", "offered", "overflowed", "returned"))] == [
            *("queued:1", "queued:1", "offered:1", "overflowed:1", "returned:2", "queued:3", "offered:2", "offered:1"),
        ]

    simulate(scene)


def test_who_has_been_offered_to_several_there_is_counted_on_elsewhere() -> None:
    async def scene() -> None:
        scene = Scene(Phone(rejects_after=1.0), Phone(busy=True), "agriculture", "hall")
        scene.house.agent(AgentId("2002"), rejects_after=1.0)
        story, record = await scene.plays()
        assert story[-1] == HALLS_VOICE
        assert record.offers == 3
        assert [step for step in scene.steps() if step.startswith("offered")] == ["offered:1", "offered:2", "offered:3"]

    simulate(scene)


def test_seats_that_are_given_up_meanwhile_are_left_for_what_follows() -> None:
    async def scene() -> None:
        scene = Scene()
        scene.at(0.1, Paused(SEATS, "tea"))
        site = CONFIG.site
        pools = {name: pool for name, pool in site.pools.items() if name != PoolId("safety")}
        without = msgspec.structs.replace(site, pools=pools)

        def reload() -> None:
            assert scene.house.dispatcher is not None
            scene.house.dispatcher.configure(without)

        scene.house.fake.later(4.0, reload)
        story, record = await scene.plays()
        assert story == [TOLD, CENTRES_VOICE]
        assert record.overflowed == ("safety",)
        assert scene.dialled()[0] < 4.5

    simulate(scene)
