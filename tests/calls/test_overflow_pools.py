"""A queue that is too long, or a wait: another pool's agents take the call, in virtual time."""

from datetime import timedelta

import msgspec
import pytest

from ivr.facts import CallRecord
from routing.config.site import HelpOut
from routing.estimate import Estimator
from routing.overflow import Overflow
from tests.calls.simulated import CONFIG, SimulatedHouse
from tests.fake.loop import simulate

HALL, LAW = CONFIG.site.hall, next(pool for pool in CONFIG.site.pools if pool == "law")
LEADERS = next(pool for pool in CONFIG.site.pools if pool == "safety")
WORKDAY, NIGHT = "2021-09-15T09:00", "2021-09-15T20:00"


def served(
    rule: Overflow,
    callers: int,
    at: str = WORKDAY,
    talks: float = 60,
    *,
    number: str = "12345",
    help_out: HelpOut | None = None,
    wait: Estimator = Estimator.DEPARTURES,
    agent: str = "1016",
) -> list[CallRecord]:
    """One caller every five seconds, records in the order of arrival.  One agent in the hall; a lawyer is idle."""

    async def scene() -> list[CallRecord]:
        house = SimulatedHouse()
        hall = msgspec.structs.replace(CONFIG.site.pools[HALL], overflow=(rule,))
        site = msgspec.structs.replace(
            CONFIG.site,
            pools={**CONFIG.site.pools, HALL: hall},
            help_out=help_out or CONFIG.site.help_out,
            announcements=msgspec.structs.replace(CONFIG.site.announcements, wait=wait),
        )
        house.config = msgspec.structs.replace(CONFIG, site=site)
        house.agent(agent, answers_after=1.0, talks=talks)
        house.agent("2011", answers_after=1.0, talks=60)
        for n in range(callers):
            house.fake.dials(number, after=0.5 + 5 * n, at=at)
        await house.lives()
        house.check()
        return house.records()

    return sorted(simulate(scene), key=lambda record: record.arrived)


def test_from_a_length_on_another_pool_takes_who_comes() -> None:
    first, second, third = served(Overflow(LAW, length=1), 3)
    assert [each.agent for each in (first, second, third)] == ["1016", "1016", "2011"]
    assert third.pool == LAW


def test_after_a_wait_another_pool_takes_who_waits() -> None:
    first, second = served(Overflow(LAW, waited=timedelta(seconds=20)), 2)
    assert [each.agent for each in (first, second)] == ["1016", "2011"]
    assert second.wait_ms is not None
    assert 20_000 <= second.wait_ms < 26_000


def test_a_pool_that_is_not_open_takes_nobody() -> None:
    first, second = served(Overflow(LAW, waited=timedelta(seconds=20)), 2, NIGHT)
    assert [each.agent for each in (first, second)] == ["1016", "1016"]


def test_without_departures_no_wait_is_foreseen_and_nobody_overflows_for_it() -> None:
    first, second = served(Overflow(LAW, expected=timedelta(seconds=1)), 2)
    assert [each.agent for each in (first, second)] == ["1016", "1016"]


def test_a_wait_that_is_foreseen_is_spared() -> None:
    agents = [each.agent for each in served(Overflow(LAW, expected=timedelta(seconds=30)), 16, talks=3)]
    assert agents[:5] == ["1016"] * 5  # nothing is foreseen yet
    assert "2011" in agents[5:]


@pytest.mark.parametrize(("number", "agent"), [("12345", "1016"), ("12329", "1016"), ("12329", "1001")])
@pytest.mark.parametrize("help_out", [None, HelpOut(LEADERS)], ids=["alone", "helped"])
@pytest.mark.parametrize("wait", [Estimator.DEPARTURES, Estimator.NONE])
def test_it_is_foreseen_on_whichever_rung_those_before_were_served(
    number: str, agent: str, help_out: HelpOut | None, wait: Estimator
) -> None:
    """A line that asks for a skill, and supervisors who help out, whom nobody has had to ask yet."""
    rule = Overflow(LAW, expected=timedelta(seconds=30))
    records = served(rule, 16, talks=3, number=number, help_out=help_out, wait=wait, agent=agent)
    agents = [each.agent for each in records]
    assert agents[:5] == [agent] * 5
    assert "2011" in agents[5:]


@pytest.mark.parametrize(("wait", "spared"), [(Estimator.DEPARTURES, True), (Estimator.LAST, False)])
def test_it_is_foreseen_by_whose_word_callers_hear(wait: Estimator, spared: bool) -> None:
    """After five departures a place is two minutes; whoever was served last had waited for half a minute."""
    records = served(Overflow(LAW, expected=timedelta(seconds=110)), 9, talks=3, wait=wait)
    assert ("2011" in [each.agent for each in records]) is spared
