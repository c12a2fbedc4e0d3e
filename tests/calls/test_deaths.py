"""`kill -9` at every wire action of a call, times a hang-up at each of its moments: no caller is lost by it."""

from itertools import pairwise

import pytest

from routing.ids import CallId
from tests.calls.scenes import FORBIDDEN, LEAVES, TALKS, one_call, one_talk, thorough
from tests.calls.simulated import SimulatedHouse
from tests.fake.loop import simulate
from tests.fake.world import Phone

DIALS_MS = 500
AT_ONCE_MS = 20
"""Wire actions that are nearer to each other are one moment: an answer costs five."""
LONG_MS = 1_000
PARTS = 4

Centre = Phone | tuple[Phone, ...] | None
Way = tuple[str, Centre, Phone | None, int | None]
"""A line, its centre, its own seats where the centre follows them, and the trunk's channels if there are few."""

ANSWERS = Phone(answers_after=2.0, talks=20)
LINES: dict[str, Way] = {
    "an agent of the hall": ("12345", None, None, None),
    "a transition prompt and a skill": ("12329", None, None, None),
    "the line's own seats": ("12350", None, None, None),
    "a provincial centre": ("12316", ANSWERS, None, None),
    "a centre that does not answer": ("12316", Phone(), None, None),
    "a centre that lets go at once": ("12316", Phone(answers_after=2.0, talks=1.0), None, None),
    "seats that do not answer, then a centre": ("12350", ANSWERS, Phone(), None),
    "seats that are not there, then a centre that is busy": ("12350", Phone(busy=True), Phone(registered=False), None),
    "seats that a centre would follow": ("12350", ANSWERS, ANSWERS, None),
    "the police, whose number has come to us": ("110", ANSWERS, None, None),
    "the police, at whose desk nobody answers": ("110", Phone(), None, None),
    "a centre whose carrier wants the pilot": ("12316", (FORBIDDEN, ANSWERS), None, None),
    "a centre that the trunk has no channel for": ("12316", ANSWERS, None, 2),
}


@pytest.mark.parametrize("part", thorough(range(PARTS)))
@pytest.mark.parametrize("way", thorough(LINES))
def test_no_kill_at_any_wire_action_loses_a_caller(way: str, part: int) -> None:
    undisturbed = simulate(lambda: one_call(LINES[way][0], None, None, *LINES[way][1:]))
    strikes, wrong = undisturbed.wires[0].strikes, []
    for moment in [None, *moments(undisturbed)][part::PARTS]:
        for strike in range(1, strikes + 1):
            found = simulate(lambda: _faults(strike, moment, *LINES[way]))  # noqa: B023 - simulated at once
            wrong += [f"killed at action {strike}, hangs up at {moment}: {fault}" for fault in found]
    assert strikes > 20
    assert not wrong, "\n".join(wrong)


def moments(house: SimulatedHouse) -> list[float]:
    """Seconds after dialling: at each wire action of a call, as something else is heard, and in the middle of each."""
    (citizen,) = house.citizens
    happens = [ms for ms, _, _ in house.fake.log] + [since for since, _, _ in house.fake.heard(citizen.label)]
    happens = sorted(ms - DIALS_MS for ms in happens if ms > DIALS_MS)
    starts = [at for before, at in pairwise([-AT_ONCE_MS, *happens]) if at - before >= AT_ONCE_MS]
    middles = [(a + b) // 2 for a, b in pairwise(starts) if b - a > LONG_MS]
    return [ms / 1000 for ms in (*starts, *middles)]


@pytest.mark.parametrize("way", LINES)
def test_callers_hang_up_in_every_stage(way: str) -> None:
    """What they hear then, in a call that nothing else disturbs."""
    house = simulate(lambda: one_call(LINES[way][0], None, None, *LINES[way][1:]))
    (citizen,) = house.citizens
    heard = [
        next(what for since, to, what in house.fake.heard(citizen.label) if since <= at < to)
        for at in (round(1000 * moment) + DIALS_MS for moment in moments(house))
    ]
    lasting = [what for since, to, what in house.fake.heard(citizen.label) if to - since > LONG_MS]
    assert set(lasting) <= set(heard)


@pytest.mark.parametrize("talk", TALKS)
def test_whatever_a_call_asks_for_has_an_id_that_begins_with_the_call_s(talk: str) -> None:
    """So it needs nobody who makes ids; and a life after a kill asks for the same ones."""
    house = simulate(lambda: one_talk(talk, None, None))
    (citizen,) = house.citizens
    (channel,), (record,) = citizen.channels, house.records()
    named = [
        name
        for _, _, path in house.fake.log
        for kind, name in pairwise(path.split("/"))
        if kind in {"channels", "bridges", "playbacks", "play", "snoop"}
    ]
    assert record.call == CallId(channel.replace(".", "-"))
    assert {name for name in named if not name.startswith(f"{record.call}-")} == {channel}


@pytest.mark.parametrize("way", thorough(LINES, sample=None))
def test_a_killed_controller_greets_nobody_twice_and_leaves_no_silence(way: str) -> None:
    strikes = simulate(lambda: _strikes(*LINES[way]))
    longest = max(simulate(lambda: _silence(strike, *LINES[way])) for strike in range(1, strikes + 1))  # noqa: B023
    assert longest <= 2_600  # ms: the longest that a killed controller is away, and its first look around


@pytest.mark.parametrize("moment", thorough((None, 7.01, 8.1, 9.51, 10.7, 12.01)))
@pytest.mark.parametrize("talk", thorough(TALKS, sample=None))
def test_no_kill_in_a_conversation_loses_anybody(talk: str, moment: float | None) -> None:
    strikes = simulate(lambda: _talk_strikes(talk))
    wrong = []
    for strike in range(1, strikes + 1):
        found = simulate(lambda: _talk_faults(talk, strike, moment))  # noqa: B023 - simulated at once
        wrong += [f"killed at action {strike}: {fault}" for fault in found]
    assert strikes > 40
    assert not wrong, "\n".join(wrong)


async def _talk_strikes(talk: str) -> int:
    return (await one_talk(talk, None, None)).wires[0].strikes


async def _talk_faults(talk: str, strike: int, moment: float | None) -> list[str]:
    house = await one_talk(talk, strike, moment)
    told = house.fake.times_heard("citizen", "unanswered-110")
    repeated = [f"told {told} times that 110 cannot be had"] if told > 1 else []
    return house.faults() + repeated + (_not_served(house) + _not_given_back(house) if moment is None else [])


def _not_given_back(house: SimulatedHouse) -> list[str]:
    """Whoever was handed over to somebody who leaves at once talks with the agent again."""
    story = [what for what in house.story(house.citizens[0]) if what.startswith("voice:")]
    was_handed_over = f"voice:{LEAVES}" in story or house.story(house.fake.parties[LEAVES])[-1:] == ["voice:8016"]
    has_agent_again = story[-1:] == ["voice:8016"] and story.count("voice:8016") > 1
    return [f"the citizen was not given back: {story}"] if was_handed_over and not has_agent_again else []


async def _strikes(line: str, *way: *tuple[Centre, Phone | None, int | None]) -> int:
    return (await one_call(line, None, None, *way)).wires[0].strikes


async def _faults(
    strike: int, moment: float | None, line: str, *way: *tuple[Centre, Phone | None, int | None]
) -> list[str]:
    house = await one_call(line, strike, moment, *way)
    found = house.faults()
    if moment is None:
        found += _not_served(house)
    return found


async def _silence(strike: int, line: str, *way: *tuple[Centre, Phone | None, int | None]) -> int:
    house = await one_call(line, strike, None, *way)
    return max(house.fake.longest(citizen.label) for citizen in house.citizens)


def _not_served(house: SimulatedHouse) -> list[str]:
    """Whoever stays on the line talks with somebody, for as long as they like."""
    cut = [f"{citizen.label} was taken out of a talk by the lease" for citizen in house.citizens if citizen.survived]
    return cut + [
        f"{citizen.label} talked with nobody: {house.heard(citizen)}"
        for citizen in house.citizens
        if not any(what.startswith("voice:") for what in house.heard(citizen))
    ]
