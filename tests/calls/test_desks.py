"""Emergency numbers in virtual time: a misrouted one goes to its desk, what a desk sends goes to the hall."""

import pytest

from ivr.facts import CallRecord, Outcome
from tests.calls.simulated import SimulatedHouse
from tests.fake.loop import simulate
from tests.fake.world import Phone

WORKDAY = "2021-09-15T09:00"


def play(line: str, desk: Phone | None = None, diversion: str = "") -> tuple[list[str], CallRecord]:
    """One call of `line`: its story and its record."""

    async def scene() -> tuple[list[str], CallRecord]:
        house = SimulatedHouse()
        house.agent("1016", Phone(answers_after=1.5, talks=20.0))
        house.agent("2001", Phone(answers_after=1.5, talks=20.0))
        if desk is not None:
            house.fake.target("110", desk)
        citizen = house.fake.dials(line, after=0.5, at=WORKDAY, diversion=diversion)
        await house.lives()
        house.check()
        (record,) = house.records()
        return house.story(citizen), record

    return simulate(scene)


def test_110_misrouted_to_us_is_brought_to_the_police() -> None:
    story, record = play("110", Phone(answers_after=1.0, talks=20.0))
    assert story == ["emergency-110", "voice:110"]
    assert (record.outcome, record.target, record.marked) == (Outcome.TRANSFERRED, "police", "emergency")


@pytest.mark.parametrize("desk", [Phone(), Phone(busy=True), Phone(dead=True)])
def test_110_that_does_not_answer_leaves_the_caller_with_the_hall(desk: Phone) -> None:
    story, record = play("110", desk)
    assert (story[0], story[-1]) == ("emergency-110", "voice:8016")
    assert "return-hall" in story
    assert (record.outcome, record.agent) == (Outcome.ANSWERED, "1016")


def test_what_110_sends_us_is_the_halls_even_at_a_line_with_seats_of_its_own() -> None:
    story, record = play("12350", diversion="<sip:110@police>;reason=deflection")
    assert story == ["greeting-12345", "agent-1016", "voice:8016"]
    assert (record.line, record.marked, record.pool) == ("12350", "from-110", "hall")
