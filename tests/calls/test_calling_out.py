"""Agents who call somebody outside, in virtual time: their phone first, what they return to, every kill."""

from functools import partial
from http import HTTPStatus

import pytest

from ivr.facts import CallRecord, Direction, Outcome
from routing.callbacks import Result
from routing.ids import AgentId
from routing.tickets import AgentState, Paused
from tests.calls.desk import Desk
from tests.calls.scenes import hash_of, thorough
from tests.calls.simulated import SimulatedHouse
from tests.fake.loop import simulate
from tests.fake.world import Phone

ME, WANG = AgentId("1016"), "13800138000"
ANSWERS = Phone(answers_after=2.0, talks=15)


def house(seed: int = 0, whom: Phone = ANSWERS, *calls: Phone) -> SimulatedHouse:
    """One agent, who calls Wang after five seconds."""
    made = SimulatedHouse(seed)
    made.agent(ME, *(calls or (Phone(answers_after=1.0, talks=30),)))
    made.fake.target(WANG, whom)
    made.fake.later(5, partial(calls_out, made))
    made.stays_ms = 40_000
    return made


def calls_out(made: SimulatedHouse) -> None:
    assert made.controller is not None
    made.controller.call_out(ME, WANG)


def outgoing(of: SimulatedHouse) -> list[CallRecord]:
    return [record for record in of.records() if record.direction is Direction.OUT]


def state(of: SimulatedHouse) -> AgentState:
    assert of.dispatcher is not None
    return of.dispatcher.agents()[0].state


def test_the_agent_s_phone_rings_then_the_number_is_dialled_and_both_talk() -> None:
    async def scene() -> None:
        made = house()
        await made.lives()
        made.check()
        (out,) = outgoing(made)
        assert (out.outcome, out.result, out.agent, out.caller) == (Outcome.ANSWERED, Result.ANSWERED, ME, WANG)
        assert made.story(made.fake.parties["8016"]) == ["ringback", f"voice:{WANG}"]
        assert made.story(made.fake.parties[WANG])[:3] == ["calling-out-notice", "agent-1016", "voice:8016"]
        assert state(made) is AgentState.READY

    simulate(scene)


def test_who_is_paused_calls_out_before_all_who_wait_and_is_paused_again() -> None:
    async def scene() -> None:
        made = house()
        made.fake.later(1, partial(made.tells, Paused(ME, "tea")))
        made.fake.dials("12345", after=2, hangs_up=30)
        made.fake.later(41, partial(made.comes, ME))
        made.stays_ms = 45_000
        seen: list[AgentState] = []
        for second in (10, 35):
            made.fake.later(second, lambda: seen.append(state(made)))
        await made.lives()
        made.check()
        (out,) = outgoing(made)
        assert out.result is Result.ANSWERED
        assert seen == [AgentState.TALKING, AgentState.PAUSED]

    simulate(scene)


@pytest.mark.parametrize(
    ("phone", "whom", "outcome", "result"),
    [
        (Phone(answers_after=1.0, talks=30), Phone(busy=True), Outcome.UNREACHED, Result.BUSY),
        (Phone(answers_after=1.0, talks=30), Phone(), Outcome.UNREACHED, Result.NO_ANSWER),
        (Phone(), ANSWERS, Outcome.WITHDRAWN, None),
        (Phone(answers_after=1.0, leaves=2.0), ANSWERS, Outcome.UNREACHED, Result.NO_ANSWER),
        (Phone(answers_after=1.0, leaves=4.0), ANSWERS, Outcome.UNREACHED, Result.REFUSED),
    ],
)
def test_what_comes_to_nothing_is_over(phone: Phone, whom: Phone, outcome: Outcome, result: Result | None) -> None:
    async def scene() -> None:
        made = house(0, whom, phone)
        await made.lives()
        made.check()
        (out,) = outgoing(made)
        assert (out.outcome, out.result) == (outcome, result)

    simulate(scene)


AGENT = Phone(answers_after=1.0, talks=30)
LEAVES = {
    "nobody": (ANSWERS, AGENT),
    "the agent while it rings there": (ANSWERS, Phone(answers_after=1.0, leaves=1.5)),
    "the agent as they answer": (ANSWERS, Phone(answers_after=1.0, leaves=2.1)),
    "the agent over the notice": (ANSWERS, Phone(answers_after=1.0, leaves=4.0)),
    "they as they answer": (Phone(answers_after=2.0, leaves=0.01), AGENT),
    "they over the notice": (Phone(answers_after=2.0, leaves=2.0), AGENT),
    "they as the talk begins": (Phone(answers_after=2.0, talks=0.1), AGENT),
}
"""Who hangs up, and when: whoever is called, and the agent."""


async def killed(strike: int | None, whom: Phone, agent: Phone) -> SimulatedHouse:
    made = house(hash_of("out", strike), whom, agent)
    made.fake.parties[WANG].many = False
    await made.lives(kills=(strike,) if strike else ())
    return made


async def killed_faults(strike: int, whom: Phone, agent: Phone) -> list[str]:
    made = await killed(strike, whom, agent)
    found = made.faults()
    rung = len(made.fake.parties[WANG].channels)
    if rung > 1:
        found.append(f"their phone rang {rung} times")
    return found


@pytest.mark.parametrize("who", thorough(LEAVES, sample=None))
def test_no_kill_at_any_wire_action_of_a_call_out_leaves_anybody_stuck_or_calls_twice(who: str) -> None:
    async def strikes() -> int:
        return (await killed(None, *LEAVES[who])).wires[0].strikes

    wrong = []
    all_of_them = simulate(strikes)
    for strike in range(1, all_of_them + 1):
        found = simulate(lambda: killed_faults(strike, *LEAVES[who]))  # noqa: B023 - simulated at once
        wrong += [f"killed at action {strike}: {fault}" for fault in found]
    assert all_of_them > 15
    assert not wrong, "\n".join(wrong)


def test_over_the_api_only_what_is_allowed_is_dialled_and_only_by_who_is_there() -> None:
    async def scene() -> None:
        desk = Desk()
        path = f"/agents/{ME}/call-out"
        desk.fake.seat("8016", answers_after=1.0, talks=5)
        desk.fake.target(WANG, ANSWERS)
        assert "not signed in" in await desk.refused("POST", path, HTTPStatus.CONFLICT, number=WANG)
        await desk.post_when_ready(f"/agents/{ME}/sign-in")
        for number in ("110", "0044 20 7946 0000", "16812345", "01088888888", "the boss"):
            await desk.refused("POST", path, HTTPStatus.UNPROCESSABLE_ENTITY, number=number)
        made = await desk.post(path, number=WANG)
        (living,) = (await desk.get("/calls"))["living"]
        assert (living["call"], living["direction"]) == (made["call"], "out")
        assert "already" in await desk.refused("POST", path, HTTPStatus.CONFLICT, number=WANG)
        await desk.closes()

    simulate(scene)
