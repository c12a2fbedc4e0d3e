"""Every call is counted once, at every moment, however the figures are told apart: over histories drawn from seeds."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ivr.edge.database import Database
from ivr.facts import CallRecord, Outcome
from ivr.figures import TERMS, Figures
from ivr.journal import CALL, CENSUS, MISSED, RECORD, Entry
from ivr.ledger import Taken
from ivr.store import Cells, PostgresStore
from routing.ids import Instant
from routing.windows import Every, cells, starts
from tests.calls.scenes import a_morning
from tests.edge.counting import moment
from tests.edge.test_store import NODE, a_call, line
from tests.fake.clock import SEPTEMBER
from tests.fake.disk import MemoryDisk
from tests.fake.loop import simulate

History = Sequence[tuple[int, bytes]]

SEEDS = 16  # mornings that are drawn from: refusals, transfers, overflow, kills, lost sockets
BEGINS, ENDS = moment(Instant(SEPTEMBER - 60_000)), moment(Instant(SEPTEMBER + 3_600_000))
IN_TIME = timedelta(seconds=15)
TOLD_APART = ("", "line", "pool", "skill", "agent")


@pytest.fixture(scope="module")
def mornings() -> Sequence[History]:
    return [morning(seed) for seed in range(SEEDS)]


def morning(seed: int) -> History:
    """What the journal of a morning has for the store, and behind it what only the census knows."""
    house = simulate(lambda: a_morning(seed))
    entries = [(msgspec.json.decode(each[9:], type=Entry), each[9:]) for each in MemoryDisk(house.platter).read()]
    told = [(entry.seq, each) for entry, each in entries if entry.topic not in {"journal", "drained", CENSUS}]
    known_by_the_census = [(Outcome.REFUSED, "busy"), (Outcome.MISSED, "gone"), (Outcome.SURVIVAL, "helped")]
    for n, (outcome, name) in enumerate(known_by_the_census, told[-1][0] + 1):
        told.append(line(n, MISSED, f"{name}-{seed}", a_call(f"{name}-{seed}", outcome=outcome)))
    return told


def fates(history: History) -> Counter[str]:
    """What has become of each call so far, by the names of the figures."""
    entries = [msgspec.json.decode(each, type=Entry) for _, each in history]
    began = {
        entry.key
        for entry in entries
        if entry.topic == CALL and msgspec.json.decode(entry.body, type=Taken).step == "arrived"
    }
    records = {
        entry.key: msgspec.json.decode(entry.body, type=CallRecord)
        for entry in entries
        if entry.topic in {RECORD, MISSED}
    }
    found = Counter(
        f"abandoned_{each.stage}" if each.outcome is Outcome.ABANDONED else each.outcome.replace("-", "_")
        for each in records.values()
    )
    found["in_progress"] = len(began - records.keys())
    return found


@given(st.integers(0, SEEDS - 1), st.floats(0.02, 1), st.sampled_from([None, *Every]))
@example(0, 1.0, None)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_offered_is_the_sum_of_what_became_of_each_call(
    store: PostgresStore, database: Database, mornings: Sequence[History], seed: int, part: float, every: Every | None
) -> None:
    await store.prepare()
    async with database.transaction() as connection:
        await connection.run("truncate facts, calls, agent_times, mark")
    whole = mornings[seed]
    history = whole[: max(1, round(len(whole) * part))]
    for n in range(0, len(history), 150):  # a record and what it is of come in different batches
        await store.drain(NODE, history[n : n + 150])
    expected = fates(history)
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
