"""The survey after a talk: who is asked, which keys count, and that nothing of it can hold or lose anybody."""

from functools import partial
from typing import Any

import msgspec
import pytest

from ivr.facts import CallRecord, Outcome, Party
from routing.config import Config
from routing.prompts import SURVEY
from routing.tickets import AgentState
from tests.calls.scenes import thorough
from tests.calls.simulated import CONFIG, SimulatedHouse, lengths
from tests.fake.loop import simulate
from tests.fake.requests import Replied, Requests
from tests.fake.world import Phone

SURVEY_S = lengths()[SURVEY] / 1000
ASKED_AT = 8.0
"""Seconds after dialling: the agent, who talks for two, has hung up, and the question is being asked."""
KEY_AT = ASKED_AT + SURVEY_S + 5


async def asked(
    *keys: tuple[float, str], line: str = "12345", kill_at: int | None = None, hangs_up: float | None = None
) -> SimulatedHouse:
    """One caller, one agent who hangs up first; `keys`: seconds after dialling, and what is pressed then."""
    house = SimulatedHouse(seed=3)
    house.agent("1016", answers_after=1.0, talks=2)
    house.fake.target("031112316", Phone(answers_after=1.0, talks=10))
    citizen = house.fake.dials(line, hangs_up=hangs_up)
    for at, digit in keys:
        house.fake.later(at, partial(house.fake.presses, citizen, digit))
    await house.lives(kills=(kill_at,) if kill_at else ())
    house.check()
    return house


def heard(house: SimulatedHouse) -> list[str]:
    return house.heard(house.citizens[0])


def record(house: SimulatedHouse) -> CallRecord:
    (found,) = house.records()
    return found


@pytest.mark.parametrize(("digit", "level"), [("1", 1), ("3", 3), ("5", 5)])
def test_a_key_is_a_level_and_is_thanked_for(digit: str, level: int) -> None:
    house = simulate(lambda: asked((ASKED_AT, digit)))
    assert record(house).rating == level
    assert "survey-thanks" in heard(house)
    assert (record(house).outcome, record(house).released_by) == (Outcome.ANSWERED, Party.AGENT)


def test_a_whole_call_asks_little_of_asterisk_and_waits_for_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """At most 18 requests, 6 of them awaited, and 24 events: what a call costs is what it wakes us for."""
    uris: list[str] = []
    do = Requests.do

    def counted(self: Requests, request: dict[str, Any], replied: Replied) -> None:
        uris.append(request["uri"])
        do(self, request, replied)

    monkeypatch.setattr(Requests, "do", counted)
    house = simulate(lambda: asked((ASKED_AT, "1")))
    assert record(house).rating == 1
    assert house.controller is not None
    assert house.controller.ari is not None
    counts, others = house.controller.ari.counts, [uri for uri in uris if uri.startswith(("applications", "events"))]
    assert len(uris) - len(others) <= 18
    assert counts.awaited - len(others) <= 6  # the others are
    assert counts.events <= 24


def test_a_key_cuts_the_question() -> None:
    house = simulate(lambda: asked((ASKED_AT, "1")))
    times = {what: to - since for since, to, what in house.fake.heard("citizen")}
    assert times["survey"] < lengths()[SURVEY]


def test_a_key_counts_for_eight_seconds_after_the_question() -> None:
    house = simulate(lambda: asked((ASKED_AT + SURVEY_S + 6, "2")))
    assert record(house).rating == 2


@pytest.mark.parametrize("digit", ["0", "6", "9", "*", "#"])
def test_a_key_that_is_no_level_is_waited_past(digit: str) -> None:
    house = simulate(lambda: asked((ASKED_AT, digit), (ASKED_AT + 1, "4")))
    assert record(house).rating == 4


def test_whoever_presses_nothing_is_let_go_after_the_limit_and_hears_no_silence() -> None:
    house = simulate(asked)
    assert record(house).rating is None
    assert "survey-thanks" not in heard(house)
    assert not house.silences()
    lasted_s = (record(house).ended - record(house).released) / 1000  # type: ignore[operator]
    assert SURVEY_S + 7 < lasted_s < SURVEY_S + 9


def test_a_citizen_who_hangs_up_first_is_asked_nothing() -> None:
    house = simulate(lambda: asked(hangs_up=6.0))
    assert record(house).released_by is Party.CITIZEN
    assert "survey" not in heard(house)


def test_a_citizen_who_leaves_the_question_was_answered_all_the_same() -> None:
    house = simulate(lambda: asked(hangs_up=ASKED_AT + 1))
    assert (record(house).outcome, record(house).rating) == (Outcome.ANSWERED, None)


@pytest.mark.parametrize("line", ["12319", "119", "12316"])
def test_law_enforcement_emergencies_and_centres_ask_nobody(line: str) -> None:
    house = simulate(lambda: asked(line=line))
    assert "survey" not in heard(house)


def test_the_agent_is_free_while_the_citizen_is_asked() -> None:
    async def scene() -> AgentState:
        house = SimulatedHouse(seed=3)
        house.agent("1016", answers_after=1.0, talks=2)
        house.fake.dials("12345")
        states: list[AgentState] = []
        house.fake.later(ASKED_AT, lambda: states.extend(view.state for view in house.dispatcher.agents()))  # type: ignore[union-attr]
        await house.lives()
        (state,) = states
        return state

    assert simulate(scene) is AgentState.READY


@pytest.mark.slow
def test_no_kill_loses_the_key_or_asks_twice() -> None:
    strikes = simulate(_strikes)
    ratings = set()
    for strike in range(1, strikes + 1):
        house = simulate(lambda: asked((KEY_AT, "2"), kill_at=strike))  # noqa: B023 - simulated at once
        assert heard(house).count("survey") <= 1
        ratings.add(record(house).rating)
    assert ratings <= {2, None}  # a key that is pressed while nobody of us is there is lost
    assert 2 in ratings


@pytest.mark.parametrize(
    "hangs_up", thorough((ASKED_AT + 0.5, ASKED_AT + SURVEY_S + 5.01, ASKED_AT + SURVEY_S + 6), None)
)
def test_no_kill_loses_who_hangs_up_over_the_question_or_the_thanks(hangs_up: float) -> None:
    strikes, key = simulate(_strikes), (KEY_AT, "2")
    for strike in range(1, strikes + 1):
        house = simulate(lambda: asked(key, kill_at=strike, hangs_up=hangs_up))  # noqa: B023 - simulated at once
        assert heard(house).count("survey") <= 1
        assert record(house).rating in {2, None}


async def _strikes() -> int:
    return (await asked((KEY_AT, "2"))).wires[0].strikes


def test_a_controller_that_hangs_in_the_survey_keeps_nobody_on_the_line() -> None:
    async def scene() -> SimulatedHouse:
        house = SimulatedHouse(seed=3)
        house.agent("1016", answers_after=1.0, talks=2)
        house.fake.dials("12345")
        house.fake.later(ASKED_AT, house.freeze)
        house.fake.later(ASKED_AT + 120, house.thaw)
        await house.lives()
        return house

    house = simulate(scene)
    assert not house.citizens[0].survived
    assert record(house).outcome is Outcome.ANSWERED


def test_a_restart_in_the_middle_of_the_question_costs_no_connection(caplog: pytest.LogCaptureFixture) -> None:
    """What is asked of a channel waits behind its prompt: longer than we wait for any reply, and all calls with it."""

    async def scene() -> SimulatedHouse:
        house = SimulatedHouse(seed=3)
        house.agent("1016", answers_after=1.0, talks=2)
        house.fake.dials("12345")
        house.fake.later(ASKED_AT - 0.5, house.kill)
        await house.lives()
        house.check()
        return house

    house = simulate(scene)
    assert heard(house).count("survey") == 1
    assert "no reply" not in caplog.text


def test_a_city_that_asks_nobody() -> None:
    async def scene() -> SimulatedHouse:
        house = SimulatedHouse(seed=3)
        house.config = _without_survey(CONFIG)
        house.agent("1016", answers_after=1.0, talks=2)
        house.fake.dials("12345")
        await house.lives()
        house.check()
        return house

    assert "survey" not in heard(simulate(scene))


def _without_survey(config: Config) -> Config:
    survey = msgspec.structs.replace(config.site.survey, on=False)
    return msgspec.structs.replace(config, site=msgspec.structs.replace(config.site, survey=survey))
