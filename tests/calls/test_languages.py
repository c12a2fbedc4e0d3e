"""Who is to be answered in a language of their own comes to an agent who speaks it, in virtual time."""

import msgspec
import pytest

from ivr.facts import CallRecord
from routing.config import Config
from routing.ids import LanguageId
from tests.calls.simulated import CONFIG, SimulatedHouse
from tests.fake.loop import simulate

ENGLISH = LanguageId("english")
GUEST = "13800138000"
SPEAKS, OTHER = "1006", "1018"


def listed() -> Config:
    """The config, and a guest of the city in it."""
    language = msgspec.structs.replace(CONFIG.site.languages[ENGLISH], callers=(GUEST,))
    site = msgspec.structs.replace(CONFIG.site, languages={ENGLISH: language})
    return msgspec.structs.replace(CONFIG, site=site)


def calls(*callers: str, agents: tuple[str, ...] = (OTHER, SPEAKS), kill_at: int | None = None) -> list[CallRecord]:
    """One caller a second; the agents sit down in this order."""

    async def scene() -> list[CallRecord]:
        house = SimulatedHouse()
        house.config = listed()
        for agent in agents:
            house.agent(agent, answers_after=1.0, talks=60)
        for n, caller in enumerate(callers):
            house.fake.dials("12345", after=0.5 + n, caller=caller)
        await house.lives(kills=(kill_at,) if kill_at else ())
        house.check()
        return house.records()

    return sorted(simulate(scene), key=lambda record: record.arrived)


@pytest.mark.parametrize("kill_at", [None, 9])
def test_a_caller_who_is_listed_comes_to_who_speaks_their_language(kill_at: int | None) -> None:
    assert [each.agent for each in calls(GUEST, "13831234567", kill_at=kill_at)] == [SPEAKS, OTHER]


def test_after_ten_seconds_they_come_to_anybody() -> None:
    first, second = calls(GUEST, "13800138000", agents=(SPEAKS, OTHER))
    assert [first.agent, second.agent] == [SPEAKS, OTHER]
    assert second.wait_ms is not None
    assert 10_000 <= second.wait_ms < 16_000
