"""An agent's state at its limit, in virtual time: somebody looks, and nobody is hung up."""

import logging

import pytest

from ivr.facts import Outcome
from routing.ids import Instant, TicketId
from routing.tickets import Accepted, AgentState, Alternative, Entered, Requirement, Rung
from tests.calls.simulated import CONFIG, SimulatedHouse
from tests.fake.loop import simulate

TWO_HOURS_S = 7_200
LIMIT_S = CONFIG.site.timing.talk_limit.total_seconds()
GHOST = TicketId("handan1-ghost")


def test_a_talk_at_its_limit_is_looked_at_and_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        house = SimulatedHouse()
        house.agent("1016", answers_after=1.5, talks=TWO_HOURS_S)
        house.fake.dials("12345", after=0.5)
        await house.lives(within_s=2 * TWO_HOURS_S)
        house.check()
        (record,) = house.records()
        assert record.outcome is Outcome.ANSWERED
        assert record.talk_ms is not None
        assert record.talk_ms > (TWO_HOURS_S - 60) * 1000

    with caplog.at_level(logging.WARNING):
        simulate(scene)
    assert "agent 1016 is talking for too long" in caplog.text


def test_an_agent_who_talks_for_no_call_is_free_at_the_limit() -> None:
    """Should a ticket ever be left behind, the look around at the limit lets its agent go."""

    async def scene() -> None:
        house = SimulatedHouse()
        house.agent("1016", answers_after=1.5, talks=20)

        def leave_a_ticket_behind() -> None:
            anybody = (Rung(Requirement((Alternative(CONFIG.site.hall),))),)
            house.tells(Entered(GHOST, anybody, Instant(0)))
            house.tells(Accepted(GHOST, house.agents[0]))
            assert house.dispatcher is not None
            assert house.dispatcher.agents()[0].state is AgentState.TALKING

        house.fake.later(1, leave_a_ticket_behind)
        citizen = house.fake.dials("12345", after=LIMIT_S - 100)
        await house.lives(within_s=2 * LIMIT_S)
        house.check()
        assert house.story(citizen)[-1] == "voice:8016"

    simulate(scene)
