"""Whoever calls again comes to the agent who knows their matter, if that one is ready; nobody waits for it."""

from datetime import timedelta

import pytest

from ivr.acquaintances import Acquaintances
from ivr.facts import CallRecord, Outcome
from ivr.journal import LATEST_MOST, Journal
from routing.ids import AgentId, CallId, Instant
from tests.calls.simulated import CONFIG, SimulatedHouse
from tests.fake.clock import ManualClock
from tests.fake.disk import MemoryDisk
from tests.fake.loop import simulate

LI, WANG = "13831234567", "13830000000"
DAY = timedelta(days=1)
FIRST, KNOWN = AgentId("1016"), AgentId("1017")


def record(clock: ManualClock, caller: str = LI, agent: AgentId | None = KNOWN) -> CallRecord:
    """A call that ends now."""
    return CallRecord(
        CallId(f"handan1-{clock.instant()}"), "handan1", Outcome.ANSWERED, Instant(clock.instant() - 60_000),
        clock.instant(), caller=caller, agent=agent, released=clock.instant() if agent else None,
    )  # fmt: skip


def book(disk: MemoryDisk, clock: ManualClock) -> tuple[Acquaintances, Journal]:
    journal = Journal(disk, "handan1", clock)
    return Acquaintances(journal, clock, CONFIG.site.numbering, list(journal.replay())), journal


def test_the_last_talk_of_a_number_counts_for_its_time_in_whatever_spelling() -> None:
    clock = ManualClock()
    known, _ = book(MemoryDisk(), clock)
    known.connected()
    known.ended(record(clock, agent=FIRST))
    known.ended(record(clock, agent=KNOWN))
    known.ended(record(clock, agent=None))
    assert known.of("+86" + LI, DAY) == KNOWN
    assert known.of(WANG, DAY) is None
    assert known.of(LI, timedelta(0)) is None
    clock.passes(86_400_000)
    assert known.of(LI, DAY) is None


def test_who_withholds_their_number_is_nobody_s_acquaintance() -> None:
    clock = ManualClock()
    known, _ = book(MemoryDisk(), clock)
    known.ended(record(clock, caller="anonymous"))
    assert known.of("anonymous", DAY) is None


def test_a_restart_forgets_nobody_after_a_compaction_either() -> None:
    clock, disk = ManualClock(), MemoryDisk()
    known, journal = book(disk, clock)
    known.ended(record(clock, agent=FIRST))
    known.ended(record(clock))
    journal.compact()
    again, _ = book(disk, clock)
    assert again.of(LI, DAY) == KNOWN


def test_a_talk_that_its_life_could_not_note_any_more_counts_too() -> None:
    clock, disk = ManualClock(), MemoryDisk()
    _, journal = book(disk, clock)
    for ended in (record(clock, WANG, None), record(clock)):
        journal.write("record", ended.call, ended)
    again, _ = book(disk, clock)
    assert (again.of(LI, DAY), again.of(WANG, DAY)) == (KNOWN, None)


@pytest.mark.slow
def test_the_latest_are_remembered_and_no_more() -> None:
    clock, disk = ManualClock(), MemoryDisk()
    known, journal = book(disk, clock)
    for n in range(LATEST_MOST + 1):
        known.ended(record(clock, str(13_800_000_000 + n)))
    journal.compact()
    for life in (known, book(disk, clock)[0]):
        assert [life.of(str(13_800_000_000 + n), DAY) for n in (0, 1, LATEST_MOST)] == [None, KNOWN, KNOWN]


async def again(known_talks: float, kills: tuple[int | None, ...] = ()) -> list[CallRecord]:
    """A citizen talks with the only agent; another agent has been idle for longer when they call again."""
    house = SimulatedHouse()
    house.agent(KNOWN, answers_after=1.0, talks=known_talks)
    house.fake.seat("8016", answers_after=1.0, talks=10)
    house.fake.dials("12345", after=0.5, caller=LI)
    for delay in (0, 5):
        house.fake.later(12 + delay, lambda: house.comes(FIRST))
    house.fake.dials("12345", after=60, caller=LI, label="again")
    await house.lives(kills=kills)
    house.check()
    return sorted(house.records(), key=lambda each: each.arrived)


def test_whoever_calls_again_comes_to_the_same_agent_who_has_not_been_idle_for_longest() -> None:
    assert [each.agent for each in simulate(lambda: again(30))] == [KNOWN, KNOWN]


def test_nobody_waits_for_the_agent_who_knows_them() -> None:
    first, second = simulate(lambda: again(90))
    assert (first.agent, second.agent) == (KNOWN, FIRST)
    assert second.wait_ms is not None
    assert second.wait_ms < 10_000


@pytest.mark.parametrize("kill_at", [20, 26])
def test_a_restart_between_the_two_calls_changes_nothing(kill_at: int) -> None:
    assert [each.agent for each in simulate(lambda: again(30, (kill_at,)))] == [KNOWN, KNOWN]
