"""Call-backs that are given up, or in which something dies: every kill and hang-up, nobody called twice for a try."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from http import HTTPStatus

import msgspec
import pytest

from ivr.callbacks import Callbacks
from ivr.facts import Outcome
from routing.callbacks import CUT, Result, Why
from routing.ids import AgentId, CallId
from tests.calls.backs import ANSWERS, AT_ONCE, LI, house, tasks, tries
from tests.calls.scenes import hash_of, thorough
from tests.calls.simulated import SimulatedHouse
from tests.fake.asterisk import HUNG
from tests.fake.loop import simulate
from tests.fake.world import Phone


def test_late_in_the_day_what_waits_for_an_agent_is_given_up() -> None:
    async def scene() -> None:
        made = house(terms=msgspec.structs.replace(AT_ONCE, closes=timedelta(hours=9, seconds=40)))
        made.fake.seat("8016", Phone())
        made.stays_ms = 60_000
        await made.lives()
        made.check()
        (back,) = tries(made)
        assert (back.outcome, back.result) == (Outcome.WITHDRAWN, None)
        assert [len(task.tries) for task in tasks(made)] == [0]

    simulate(scene)


@pytest.mark.parametrize("stops_at", [24.0, 40.0])
def test_a_planned_stop_gives_up_what_seeks_an_agent_and_counts_no_try(stops_at: float) -> None:
    """The agent's phone rings, or rings no more and nobody is left to be asked."""

    async def scene() -> None:
        made = house()
        made.fake.seat("8016", Phone())

        def stops() -> None:
            assert made.controller is not None
            made.controller.close_door()

        made.fake.later(stops_at, stops)
        await made.lives()
        made.check()
        (back,) = tries(made)
        assert (back.outcome, back.result, made.fake.parties[LI].channels) == (Outcome.WITHDRAWN, None, [])
        assert back.ended - back.arrived < (stops_at - 20) * 1000
        (task,) = tasks(made)
        assert (task.tries, task.calling, task.due) == ((), None, task.since + 10_000)

    simulate(scene)


def test_a_planned_stop_lets_a_phone_ring_on_that_rings() -> None:
    async def scene() -> None:
        made = house(citizen=Phone(answers_after=10.0, talks=20))

        def stops() -> None:
            assert made.controller is not None
            assert made.fake.parties[LI].channels
            made.controller.close_door()

        made.fake.later(28.0, stops)
        await made.lives()
        made.check()
        (back,) = tries(made)
        assert back.result is Result.ANSWERED

    simulate(scene)


@pytest.mark.parametrize("after", [3, 4.2, 6.0, 8.0, 13.0, 20.0])
def test_an_asterisk_that_dies_in_a_try_leaves_no_agent_stuck_and_the_task_as_it_should_be(after: float) -> None:
    async def scene() -> None:
        made = house()
        made.fake.later(20 + after, partial(made.fake.crash, 1.0))
        made.fake.later(45, partial(made.comes, AgentId("1016")))
        await made.lives()
        made.check()
        (back,) = tries(made)[:1]
        assert all(task.calling is None for task in tasks(made))
        is_cut = back.result is Result.ANSWERED and back.cause in CUT
        assert [task.why for task in tasks(made)] == (
            [Why.CUT] if is_cut else [Why.ABANDONED] if back.result is not Result.ANSWERED else []
        )

    simulate(scene)


def test_who_was_seen_to_by_somebody_else_while_an_agent_is_sought_is_not_called() -> None:
    async def scene(sees_to: Callable[[Callbacks, CallId], None]) -> None:
        made = house()
        made.fake.seat("8016", Phone(), Phone(answers_after=1.0, talks=30))

        def now() -> None:
            assert made.controller is not None
            (task,) = tasks(made)
            assert task.calling is not None
            sees_to(made.controller.callbacks, task.id)

        made.fake.later(25, now)
        made.fake.later(40, partial(made.comes, AgentId("1016")))
        made.stays_ms = 60_000
        await made.lives()
        made.check()
        (back,) = tries(made)
        assert (back.outcome, made.fake.parties[LI].channels) == (Outcome.WITHDRAWN, [])
        assert tasks(made) == ()

    simulate(lambda: scene(lambda callbacks, task: callbacks.settle(task, "wang")))
    simulate(lambda: scene(lambda callbacks, task: callbacks.tried(task, Result.ANSWERED, "1017")))


def test_a_citizen_whose_channel_hangs_in_asterisk_does_not_take_the_others_with_them() -> None:
    async def scene() -> None:
        made = house()
        called = made.fake.parties[LI]
        made.fake.refuse = lambda _method, path: HUNG if called.channels and called.channels[0] in path else None
        made.fake.seat("8017", answers_after=1.0, talks=20)
        made.fake.later(20, partial(made.comes, AgentId("1017")))
        other = made.fake.dials("12345", after=33)
        made.stays_ms = 120_000
        await made.lives()
        made.check()
        assert made.story(other)[-1].startswith("voice:")
        assert [back.result for back in tries(made)] == [Result.FAILED, Result.ANSWERED]

    simulate(scene)


def dies(made: SimulatedHouse, _method: str, path: str) -> int | None:
    """Killed as we ask to be told of a channel."""
    if not path.startswith("applications/") or not path.endswith("/subscription"):
        return None
    made.kill()
    return HTTPStatus.INTERNAL_SERVER_ERROR


@pytest.mark.parametrize(("away_s", "is_watched"), [(24.0, True), (40.0, True), (40.0, False)])
def test_who_answers_while_we_are_away_and_is_served_by_survival_is_not_called_again(
    away_s: float, is_watched: bool
) -> None:
    """Killed between dialling them and asking to be told of them, we are told of nothing, nor is the next life."""

    async def scene() -> None:
        made = house(citizen=Phone(answers_after=3.0, talks=None))
        made.stays_ms = 200_000
        if is_watched:
            made.fake.later(28.0, made.kill)
        else:
            made.fake.refuse = partial(dies, made)
        assert not await made.life(None, 900)
        await asyncio.sleep(away_s)
        assert made.fake.parties[LI].survived
        await made.lives()
        made.check()
        (back,) = tries(made)
        assert (back.outcome, back.result, len(made.fake.parties[LI].channels)) == (
            Outcome.SURVIVAL,
            Result.ANSWERED,
            1,
        )
        assert tasks(made) == ()

    simulate(scene)


@pytest.mark.parametrize("dies_at", [29.6, 30.5, 32.0])
def test_who_has_answered_and_was_served_by_survival_since_is_nobody_s_to_be_served(dies_at: float) -> None:
    """Killed over the notice, and away until their lease is over: no agent's phone rings for them, no try follows."""

    async def scene() -> None:
        made = house(citizen=Phone(answers_after=3.0, talks=None))
        made.stays_ms = 200_000
        made.fake.later(dies_at, made.kill)
        assert not await made.life(None, 900)
        await asyncio.sleep(40)
        assert made.fake.parties[LI].survived
        await made.lives()
        made.check()
        (back,) = tries(made)
        assert (back.outcome, back.result) == (Outcome.SURVIVAL, Result.ANSWERED)
        assert (len(made.fake.parties[LI].channels), len(made.fake.parties["8016"].channels)) == (1, 1)
        assert tasks(made) == ()

    simulate(scene)


LEAVES: dict[str, tuple[Phone, Phone]] = {
    "both talk": (Phone(answers_after=1.0, talks=30), ANSWERS),
    "the citizen hangs up in the notice": (Phone(answers_after=1.0, talks=30), Phone(answers_after=2.0, leaves=2.0)),
    "the citizen hangs up with the first word": (
        Phone(answers_after=1.0, talks=30),
        Phone(answers_after=2.0, talks=0.01),
    ),
    "the agent hangs up while it rings there": (Phone(answers_after=1.0, leaves=4.0), ANSWERS),
    "the agent hangs up in the notice": (Phone(answers_after=1.0, leaves=6.0), ANSWERS),
    "both at once": (Phone(answers_after=1.0, leaves=6.0), Phone(answers_after=2.0, leaves=1.5)),
    "the citizen is busy": (Phone(answers_after=1.0, talks=30), Phone(busy=True)),
}


async def killed(leaves: str, strike: int | None) -> SimulatedHouse:
    agent, citizen = LEAVES[leaves]
    made = house(hash_of(leaves, strike), citizen)
    made.fake.parties[LI].many = False
    made.fake.seat("8016", agent, Phone(answers_after=1.0, talks=30))
    made.fake.later(60, partial(made.comes, AgentId("1016")))
    made.stays_ms = 65_000
    await made.lives(kills=(strike,) if strike else ())
    return made


async def killed_faults(leaves: str, strike: int) -> list[str]:
    made = await killed(leaves, strike)
    found, backs = made.faults(), [back for back in tries(made) if back.result is not None]
    rung = len(made.fake.parties[LI].channels)
    if rung > len(backs):
        found.append(f"their phone rang {rung} times for {len(backs)} tries")
    counted = [each.call for task in tasks(made) for each in task.tries]
    if len(set(counted)) < len(counted):
        found.append(f"a try counts twice: {counted}")
    answered = any(back.result is Result.ANSWERED for back in tries(made))
    if answered == bool(tasks(made)):
        found.append(f"answered: {answered}, and tasks are left: {tasks(made)}")
    if any(task.calling for task in tasks(made)):
        found.append(f"a try never ends: {tasks(made)}")
    return found


@pytest.mark.parametrize("leaves", thorough(LEAVES, sample=None))
def test_no_kill_at_any_wire_action_calls_anybody_twice_for_one_try_or_forgets_them(leaves: str) -> None:
    async def strikes() -> int:
        return (await killed(leaves, None)).wires[0].strikes

    wrong = []
    all_of_them = simulate(strikes)
    for strike in range(1, all_of_them + 1):
        found = simulate(lambda: killed_faults(leaves, strike))  # noqa: B023 - simulated at once
        wrong += [f"killed at action {strike}: {fault}" for fault in found]
    assert all_of_them > 20
    assert not wrong, "\n".join(wrong)
