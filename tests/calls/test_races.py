"""Two who act in the same moment, in virtual time: whoever was a moment later, nobody is lost."""

from functools import partial

import pytest

from routing.ids import AgentId
from routing.talk import Do
from routing.tickets import AgentState, AnyEvent, Paused, SignedOut
from tests.calls.scenes import thorough
from tests.calls.simulated import SimulatedHouse
from tests.calls.talking import (
    ASK_COLLEAGUE,
    ASK_WATER,
    CITIZEN,
    FIRST,
    OWNER,
    SEAT,
    SEAT2,
    UTILITY,
    WATER,
    A,
    B,
    M,
    Script,
    Step,
    done,
    heard,
    sits_down,
)
from tests.fake.loop import simulate
from tests.fake.world import Phone

CLOSE = (-0.002, 0.0, 0.0005, 0.002, 0.005, 0.02, 0.1, 1.0, 3.0)
"""Seconds between two hands that let go: before a signal has come, while legs are hung up, after a first word."""


def at_once(script: Script, later: float, who: str, *calls: Phone, water: Phone | None = None) -> SimulatedHouse:
    """The steps five seconds apart, and so much later than the last one somebody hangs up; a colleague is there."""

    async def scene() -> SimulatedHouse:
        house = SimulatedHouse()
        house.agent(OWNER, *(calls or (Phone(answers_after=1.0, talks=None),)))
        house.fake.target(WATER, water or Phone(answers_after=2.0, talks=None))
        house.fake.dials("12345", after=0.5, hangs_up=90.0)
        house.fake.later(6.0, partial(sits_down, house, None))
        for n, step in enumerate(script):
            house.fake.later(FIRST + 5 * n, partial(_tried, house, step))
        house.fake.later(FIRST + 5 * (len(script) - 1) + later, partial(done, house, who))
        await house.lives()
        house.check()
        assert not house.silences()
        return house

    return simulate(scene)


def _tried(house: SimulatedHouse, step: Step) -> None:
    """What is asked for a moment too late is refused."""
    if step is Do.COMPLETE:
        house.asks(OWNER, step)
    else:
        done(house, step)


@pytest.mark.parametrize("later", CLOSE)
@pytest.mark.parametrize("leaves", [Do.COMPLETE, Do.HANG_UP, SEAT])
@pytest.mark.parametrize(("ask", "guest"), [(ASK_WATER, WATER), (ASK_COLLEAGUE, SEAT2)])
def test_who_is_consulted_leaves_as_the_agent_does_and_the_citizen_has_the_agent_again(
    ask: Step, guest: str, leaves: Step, later: float
) -> None:
    house = at_once([ask, leaves], later, guest)
    talked = [f"voice:{guest}"] if later >= 1 else []
    story = [what for what in heard(house, CITIZEN) if what != M]
    assert story == [A, *talked, A]
    assert house.citizens[0].ended == "hung-up"


def test_and_has_whoever_is_free_when_that_agent_does_not_answer() -> None:
    house = at_once([ASK_WATER, Do.COMPLETE], 0.02, WATER, Phone(answers_after=1.0, talks=None), Phone())
    assert [what for what in heard(house, CITIZEN) if what != M] == [A, B]


@pytest.mark.parametrize("later", CLOSE)
def test_a_transfer_that_is_declined_as_the_agent_hangs_up_comes_back(later: float) -> None:
    declines = Phone(rejects_after=5.0 + later)
    house = at_once([(Do.TRANSFER, UTILITY), Do.HANG_UP], 5.0, CITIZEN, water=declines)
    assert [what for what in heard(house, CITIZEN) if what != M][:2] == [A, A]


def test_who_has_had_the_citizen_for_longer_than_that_ends_the_call() -> None:
    house = at_once([ASK_WATER, Do.COMPLETE], 5.1, WATER)
    assert heard(house, CITIZEN)[-1] == f"voice:{WATER}"
    assert house.citizens[0].ended == "released"


TOGETHER = (0.0, 0.002, 0.02, 1.0, 1.1)
"""Seconds between two supervisors: the second asks as the first one is noted, dialled, answers, or is there."""


async def supervised(first: Do, second: Do, apart: float, leaves: str = "") -> SimulatedHouse:
    """One supervisor, and so much later another; ten seconds later a phone hangs up, or the first has enough."""
    house = SimulatedHouse()
    house.agent(OWNER, answers_after=1.0, talks=None)
    for seat in ("8019", "8020"):
        house.fake.seat(seat, answers_after=1.0, talks=None)
    house.fake.dials("12345", after=0.5, hangs_up=60.0)
    house.fake.later(FIRST, partial(house.supervises, "a", first, OWNER, "8019"))
    house.fake.later(FIRST + apart, partial(house.supervises, "b", second, OWNER, "8020"))
    stops = partial(done, house, leaves) if leaves else partial(house.supervises, "a", Do.STOP, OWNER, "8019")
    house.fake.later(FIRST + 10, stops)
    await house.lives()
    house.check()
    assert not house.silences()
    return house


@pytest.mark.parametrize("apart", TOGETHER)
@pytest.mark.parametrize("second", [Do.TAKE_OVER, Do.BARGE, Do.LISTEN])
@pytest.mark.parametrize("first", [Do.TAKE_OVER, Do.LISTEN])
def test_two_supervisors_at_once_do_what_each_asked_for_or_come_too_late(first: Do, second: Do, apart: float) -> None:
    house = simulate(lambda: supervised(first, second, apart))
    story = heard(house, CITIZEN)
    assert story[0] == A
    assert M not in story
    if first is second is Do.TAKE_OVER:
        (rung,) = [seat for seat in ("8019", "8020") if house.fake.parties[seat].channels]
        assert story == [A, f"voice:{rung}"]
    elif first is Do.TAKE_OVER:  # who stops then was the agent; who barged in, if in time, has the citizen
        is_in_time = any("8020" in each for each in story)
        assert is_in_time <= (second is Do.BARGE and apart < 1)
        assert story[-1] == ("voice:8020" if is_in_time else "voice:8019")
        assert house.citizens[0].ended == ("hung-up" if is_in_time else "released")
    else:
        assert ("8020" in story[-1]) is (second is not Do.LISTEN)
        assert (A in story[-1].split("+")) is (second is not Do.TAKE_OVER)
        assert house.citizens[0].ended == "hung-up"


@pytest.mark.parametrize(("leaves", "stays"), [("8019", "8020"), ("8020", "8019")])
def test_of_two_of_whom_one_takes_over_and_one_barges_in_either_may_leave(leaves: str, stays: str) -> None:
    house = simulate(lambda: supervised(Do.TAKE_OVER, Do.BARGE, 0.0, leaves))
    both, one = heard(house, CITIZEN)[1:]
    assert sorted(both.split("+")) == ["voice:8019", "voice:8020"]
    assert one == f"voice:{stays}"
    assert house.citizens[0].ended == "hung-up"


@pytest.mark.parametrize("at", [0.53, 0.6, 1.0, 1.38, 1.4, 2.0])
@pytest.mark.parametrize("event", [SignedOut(AgentId(OWNER)), Paused(AgentId(OWNER), "tea")])
@pytest.mark.parametrize("phone", [Phone(answers_after=1.0, talks=5), Phone(), Phone(registered=False)])
def test_who_leaves_while_reserved_is_not_rung_and_while_ringing_takes_that_call(
    phone: Phone, event: AnyEvent, at: float
) -> None:
    """A phone that rings already is theirs to answer, and they leave when that call is over."""
    states: list[AgentState] = []

    async def scene() -> SimulatedHouse:
        house = SimulatedHouse()
        house.agent(OWNER, phone)
        house.agent("1017", answers_after=1.0, talks=5)
        house.fake.dials("12345", after=0.5)
        house.fake.later(at, lambda: states.extend(view.state for view in house.dispatcher.agents()[:1]))  # type: ignore[union-attr]
        house.fake.later(at, partial(house.tells, event))
        house.stays_ms = 60_000
        await house.lives()
        house.check()
        assert not house.silences()
        assert house.dispatcher is not None
        left = [view.state for view in house.dispatcher.agents() if view.agent == OWNER]
        assert left in ([], [AgentState.PAUSED], [AgentState.UNREACHABLE])
        return house

    house = simulate(scene)
    is_rung = at > 1.39
    assert (states == [AgentState.RESERVED]) is not is_rung
    voices = [what for what in house.story(house.citizens[0]) if what.startswith("voice:")]
    assert voices == [A if phone.answers_after and is_rung else B]
    assert bool(house.fake.parties[SEAT].channels) is (is_rung and phone.registered)


@pytest.mark.parametrize("at", [0.53, 1.0, 1.38])
@pytest.mark.parametrize("killed_after", [None, *thorough([0.06, 0.2, 0.5, 1.0, 5.0, 15.0, 20.0])])
def test_whose_only_agent_leaves_while_reserved_waits_for_the_next(at: float, killed_after: float | None) -> None:
    async def scene() -> SimulatedHouse:
        house = SimulatedHouse()
        house.agent(OWNER, answers_after=1.0, talks=5)
        house.fake.seat(SEAT2, answers_after=1.0, talks=5)
        house.fake.dials("12345", after=0.5)
        house.fake.later(at, partial(house.tells, SignedOut(AgentId(OWNER), "boss")))
        house.fake.later(30.0, partial(house.comes, AgentId("1017")))
        if killed_after is not None:
            house.fake.later(at + killed_after, house.kill)
        house.stays_ms = 40_000
        await house.lives()
        house.check()
        return house

    house = simulate(scene)
    voices = [what for what in house.story(house.citizens[0]) if what.startswith("voice:")]
    assert voices == [B]
    assert not house.fake.parties[SEAT].channels
