"""Every call is counted once, at every moment, however the figures are told apart: over histories drawn from seeds."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ivr.edge.database import Database
from ivr.entries import Entry
from ivr.facts import CallRecord, Direction, Outcome
from ivr.figures import TERMS, Figures
from ivr.journal import CALL, CENSUS, MISSED, RECORD
from ivr.ledger import Taken
from ivr.store import Cells, PostgresStore
from routing.ids import Instant
from routing.windows import Every, cells, starts
from tests.calls.backs import house as a_house_that_calls_back
from tests.calls.mornings import a_morning
from tests.calls.simulated import SimulatedHouse
from tests.calls.test_asking import waits
from tests.edge.counting import moment
from tests.edge.test_store import NODE, a_call, line
from tests.fake.clock import SEPTEMBER
from tests.fake.disk import MemoryDisk
from tests.fake.loop import simulate
from tests.fake.world import Phone

History = Sequence[tuple[int, bytes]]

SEEDS = 16  # mornings that are drawn from: refusals, transfers, overflow, kills, lost sockets
KILLS = (None, 25, 45)
ANSWERED = (Phone(answers_after=1.0, talks=10), Phone(busy=True), Phone())
"""How citizens take it that they are called back."""

BEGINS, ENDS = moment(Instant(SEPTEMBER - 60_000)), moment(Instant(SEPTEMBER + 3_600_000))
IN_TIME = timedelta(seconds=15)
TOLD_APART = ("", "line", "pool", "skill", "agent")


@pytest.fixture(scope="module")
def mornings() -> Sequence[History]:
    asking = [simulate(lambda: waits((70.0, "1"), kill_at=kill)) for kill in KILLS]  # noqa: B023 - simulated at once
    called = [simulate(lambda: calls_back(citizen, kill)) for citizen in ANSWERED for kill in KILLS]  # noqa: B023
    return [history(house) for house in (*(simulate(lambda: a_morning(n)) for n in range(SEEDS)), *asking, *called)]  # noqa: B023


async def calls_back(citizen: Phone, kill: int | None) -> SimulatedHouse:
    """Somebody who left is called back, perhaps by the next life."""
    house = a_house_that_calls_back(citizen=citizen)
    await house.lives(kills=(kill,) if kill else ())
    return house


def history(house: SimulatedHouse) -> History:
    """What the journal of a house has for the store, and behind it what only the census knows."""
    entries = [(msgspec.json.decode(each[9:], type=Entry), each[9:]) for each in MemoryDisk(house.platter).read()]
    told = [(entry.seq, each) for entry, each in entries if entry.topic not in {"journal", "drained", CENSUS}]
    known_by_the_census = [(Outcome.REFUSED, "busy"), (Outcome.MISSED, "gone"), (Outcome.SURVIVAL, "helped")]
    for n, (outcome, name) in enumerate(known_by_the_census, told[-1][0] + 1):
        told.append(line(n, MISSED, name, a_call(name, outcome=outcome)))
    return told


def fates(history: History) -> Counter[str]:
    """What has become of each citizen's call so far, by the names of the figures; calls of our own are in none."""
    entries = [msgspec.json.decode(each, type=Entry) for _, each in history]
    steps = [(entry.key, msgspec.json.decode(entry.body, type=Taken)) for entry in entries if entry.topic == CALL]
    arrived = [(key, taken.outcome) for key, taken in steps if taken.step == "arrived"]
    began = {key for key, outcome in arrived if outcome.get("direction", Direction.IN) == Direction.IN}
    records = {
        entry.key: msgspec.json.decode(entry.body, type=CallRecord)
        for entry in entries
        if entry.topic in {RECORD, MISSED}
    }
    found = Counter(
        f"abandoned_{each.stage}" if each.outcome is Outcome.ABANDONED else each.outcome.replace("-", "_")
        for each in records.values()
        if each.direction is Direction.IN
    )
    found["in_progress"] = len(began - records.keys())
    return found


@given(st.integers(0), st.floats(0.02, 1), st.sampled_from([None, *Every]))
@example(0, 1.0, None)
@example(SEEDS, 1.0, None)
@example(SEEDS + len(KILLS), 1.0, None)
@example(-1, 0.7, Every.QUARTER)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_offered_is_the_sum_of_what_became_of_each_call(
    store: PostgresStore, database: Database, mornings: Sequence[History], seed: int, part: float, every: Every | None
) -> None:
    await store.prepare()
    async with database.transaction() as connection:
        await connection.run("truncate facts, calls, agent_times, mark")
    whole = mornings[seed % len(mornings)]
    so_far = whole[: max(1, round(len(whole) * part))]
    for n in range(0, len(so_far), 150):  # a record and what it is of come in different batches
        await store.drain(NODE, so_far[n : n + 150])
    expected = fates(so_far)
    for by in TOLD_APART:
        rows = await store.figures(Cells(starts(BEGINS, ENDS, every), ENDS), by, IN_TIME)
        assert all(row.offered == sum(getattr(row, term) for term in TERMS) for row in rows)
        assert summed(rows) == +expected, by
    begin, width = cells(ENDS - timedelta(minutes=10), ENDS)
    for row in await store.figures(Cells(begin, ENDS, width), "", IN_TIME):  # of 24 hours each, all of it in all
        assert summed([row]) == +expected


def summed(rows: Sequence[Figures]) -> Counter[str]:
    """What became of the calls of all these rows; the terms that are zero left out."""
    return +Counter({term: sum(getattr(row, term) for row in rows) for term in TERMS})


def test_there_is_a_call_back_and_a_call_of_our_own_among_them(mornings: Sequence[History]) -> None:
    assert any(fates(each)["called_back"] for each in mornings)
    assert any(b'"direction":"callback"' in line_ for each in mornings for _, line_ in each)
