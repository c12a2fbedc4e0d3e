"""A busy morning in virtual time, in the records and on a real PostgreSQL: its figures are what the telephones counted.

What each citizen heard, and until when, is one account; the journal, replayed and drained, is the other.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path

import msgspec
import pytest

from ivr.census import Census, meant
from ivr.edge.database import Database
from ivr.edge.protocols import Place
from ivr.edge.provisional import ProvisionalFolder
from ivr.entries import Entry
from ivr.facts import Outcome
from ivr.figures import TERMS, Figures
from ivr.journal import CALL, CENSUS, Journal
from ivr.ledger import fold
from ivr.store import Cells, PostgresStore
from routing.ids import Instant
from tests.asterisk.servers import Postgres
from tests.calls.busy import NUMBERS, REFUSED, BusyMorning
from tests.edge.counting import moment
from tests.fake.clock import SEPTEMBER, ManualClock
from tests.fake.disk import MemoryDisk
from tests.fake.loop import simulate

IN_TIME = timedelta(seconds=15)
UNSURE_MS = 100
"""The network's own time: by so much the two accounts may differ about a wait."""


class List:
    """Asterisk's own list of the calls on a trunk, as the census reads it."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines

    def read(self, after: Place | None) -> Sequence[tuple[str, Place]]:
        done = after.offset if after else 0
        return [(line, Place(1, n)) for n, line in enumerate(self._lines[done : done + 100], done + 1)]


@cache
def morning() -> BusyMorning:
    """One for all tests of this file, its census reconciled."""

    async def scene() -> BusyMorning:
        busy = BusyMorning(seed=12345)
        await busy.happens()
        return busy

    busy = simulate(scene)
    reconcile(busy)
    return busy


def reconcile(busy: BusyMorning) -> None:
    house = busy.house
    lines = []
    for party in house.citizens:
        heard = house.fake.heard(party.label)
        since, to = (SEPTEMBER + heard[0][0]) / 1000, (SEPTEMBER + heard[-1][1]) / 1000
        fate = "survival" if party.survived else "entered"
        number = busy.dialled[party.label]
        lines.append(f"{busy.call(party)},{number},13831000000,{since},{since},{to},ANSWERED,{fate},town")
    for n in range(REFUSED):
        since = SEPTEMBER / 1000 + 60 * n
        lines.append(f"busy-{n},12345,13831000001,{since},0,{since},BUSY,refused,town")
    clock = ManualClock(Instant(SEPTEMBER + 36_000_000))
    journal = Journal(MemoryDisk(house.platter), house.config.site.node, clock)
    ended = fold(journal.replay()).ended
    route = lambda line: meant(house.config, line, clock.civil())  # noqa: E731 - the census asks for a function
    census = Census(
        List(lines), journal, clock, lambda _: False, lambda call: call in ended, route, Place(1, 0),
        provisional=ProvisionalFolder(Path("/nonexistent")), began=lambda: None,
    )  # fmt: skip
    while census.reconcile():
        pass


@asynccontextmanager
async def drained(postgres: Postgres, times: int = 1) -> AsyncIterator[PostgresStore]:
    """A store that has had the morning's journal, so many times over."""
    database = Database(await postgres.fresh())
    store = PostgresStore(database)
    entries = [
        (msgspec.json.decode(line[9:], type=Entry), line[9:]) for line in MemoryDisk(morning().house.platter).read()
    ]
    batch = [(entry.seq, line) for entry, line in entries if entry.topic not in {"journal", "drained", CENSUS}]
    for _ in range(times):
        for n in range(0, len(batch), 500):
            await store.drain("handan1", batch[n : n + 500])
    yield store
    await database.close()


async def figures(store: PostgresStore, by: str = "") -> list[Figures]:
    return await store.figures(Cells([moment(SEPTEMBER)], moment(Instant(SEPTEMBER + 36_000_000))), by, IN_TIME)


def test_the_house_has_done_as_it_should() -> None:
    assert morning().house.faults() == []
    assert len(morning().house.citizens) == 608


@pytest.mark.parametrize("times", [1, 2])
def test_the_figures_are_what_the_telephones_counted(postgres: Postgres, times: int) -> None:
    busy = morning()

    async def asked() -> Figures:
        async with drained(postgres, times) as store:
            (found,) = await figures(store)
            return found

    found, counted = asyncio.run(asked()), busy.counted()
    assert found.offered == sum(getattr(found, term) for term in TERMS) == len(busy.house.citizens) + REFUSED
    assert found.in_progress == 0
    told = {term: getattr(found, term) for term in ("answered", "transferred", "survival", "refused")}
    assert told | {"abandoned": found.abandoned} == {
        "answered": counted["answered"],
        "transferred": counted["transferred"],
        "survival": counted["survival"],
        "refused": REFUSED,
        "abandoned": counted["abandoned"],
    }
    assert found.answered > 500
    assert found.abandoned > 10


def test_the_waits_are_what_the_citizens_heard(postgres: Postgres) -> None:
    busy = morning()

    async def asked() -> Figures:
        async with drained(postgres) as store:
            (found,) = await figures(store)
            return found

    found = asyncio.run(asked())
    waits = [busy.waited_ms(party) for party in busy.house.citizens if busy.became(party) == "answered"]
    assert found.asa_since_answer == pytest.approx(sum(waits) / len(waits) / 1000, abs=UNSURE_MS / 1000)
    assert found.longest_wait_since_answer == pytest.approx(max(waits) / 1000, abs=UNSURE_MS / 1000)
    in_time = sum(wait <= 15_000 for wait in waits)
    unsure = sum(abs(wait - 15_000) < UNSURE_MS for wait in waits)
    assert found.service_level_of_answered_since_answer is not None
    assert abs(found.service_level_of_answered_since_answer * len(waits) - in_time) <= unsure + 1e-6


def test_each_line_pool_and_agent_adds_up(postgres: Postgres) -> None:
    busy = morning()

    async def asked() -> dict[str, list[Figures]]:
        async with drained(postgres) as store:
            return {by: await figures(store, by) for by in ("line", "pool", "skill", "agent")}

    found = asyncio.run(asked())
    dialled = Counter(busy.dialled.values()) + Counter({"12345": REFUSED})
    assert {row.key: row.offered for row in found["line"]} == dialled
    assert set(dialled) == {*NUMBERS, "12316"}
    for rows in found.values():
        assert sum(row.offered for row in rows) == len(busy.house.citizens) + REFUSED
        assert all(row.offered == sum(getattr(row, term) for term in TERMS) for row in rows)
    seats = {agent.id: agent.seat for agent in busy.house.config.site.agents.values() if agent.seat}
    first = {seats[row.key]: row.answered for row in found["agent"] if row.key and row.answered}  # type: ignore[index]
    assert first == busy.first_agents()
    handled = {row.key: row.handled for row in found["agent"] if row.key}
    assert handled == {agent: busy.talks_at(seats[agent]) for agent in handled}  # type: ignore[index]
    assert sum(handled.values()) > busy.counted()["answered"] + 20


def test_what_citizens_say_is_in_the_figures(postgres: Postgres) -> None:
    busy = morning()

    async def asked() -> Figures:
        async with drained(postgres) as store:
            (found,) = await figures(store)
            return found

    found, rated = asyncio.run(asked()), busy.rated()
    assert (found.rated, found.satisfied) == (len(rated), sum(level <= 3 for level in rated))
    assert found.rated > 50


def test_before_its_end_what_is_under_way_is_in_progress(postgres: Postgres) -> None:
    """The journal up to its middle: the identity holds at every moment."""
    busy = morning()

    async def asked() -> Figures:
        database = Database(await postgres.fresh())
        store = PostgresStore(database)
        lines = list(MemoryDisk(busy.house.platter).read())
        entries = [(msgspec.json.decode(line[9:], type=Entry), line[9:]) for line in lines[: len(lines) // 2]]
        batch = [(entry.seq, line) for entry, line in entries if entry.topic not in {"journal", "drained", CENSUS}]
        await store.drain("handan1", batch)
        (found,) = await figures(store)
        await database.close()
        began = {entry.key for entry, _ in entries if entry.topic == CALL}
        records = {entry.key for entry, _ in entries if entry.topic == "record"}
        assert found.in_progress == len(began - records)
        return found

    found = asyncio.run(asked())
    assert found.in_progress > 20
    assert found.offered == sum(getattr(found, term) for term in TERMS)


def test_every_call_is_in_the_records_once() -> None:
    busy = morning()
    records = Counter(record.call for record in busy.house.records())
    assert set(records.values()) == {1}
    ours = {busy.call(party) for party in busy.house.citizens}
    assert set(records) <= ours
    assert all(record.outcome is not Outcome.FAILED for record in busy.house.records())
