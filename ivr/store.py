"""The read model: what the journal has, in tables that can be asked; filled by the drainer, never on a call's path.

Every fact arrives exactly once: the batch and the mark move in one transaction; what the mark has passed is dropped.
"""

import asyncio
import base64
import hashlib
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from ivr.edge.database import NEWEST, Connection, Database, named
from ivr.edge.protocols import Clock, Store
from ivr.entries import Entry
from ivr.errors import StoreError, StoreRefused
from ivr.facts import CallRecord, Outcome
from ivr.figures import AgentTimes, Figures
from ivr.journal import FLOOR, MISSED, RECORD, RECORDING, Journal
from routing.hours import milliseconds
from routing.ids import CallId, Instant

log = logging.getLogger(__name__)

QUERIES = named("ivr.sql", "store.sql")
METRICS = named("ivr.sql", "metrics.sql")

LINGER = 1.0  # seconds between batches: each costs about as much as two calls do otherwise
FIRST_RETRY, LAST_RETRY = 0.5, 30.0  # seconds
PATIENCE = 4.0  # seconds: whoever asks is a person in front of a screen
COUNTING = 25.0  # seconds: months of calls of which nothing is kept are counted in so long
CLOSE_EVERY = 60.0  # seconds between looks for a day that is over
BREATH = 0.25  # seconds between two days that are closed: of a year there are many, and calls go on beside it
SHORT_ABANDON = timedelta(seconds=5)  # 短时放弃: one who leaves sooner has dialled by mistake

BY = ("line", "pool", "skill", "agent", "disposition")
"""What calls can be told apart by."""

DAY, PART = timedelta(hours=24), timedelta(minutes=5)
"""What is kept of a day that is over: all calls together in parts, so that short windows are quick too, else in one."""


class Cells(NamedTuple):
    """Where each cell begins, and where the last one ends; a window is `width` of them, and ends with each."""

    begin: Sequence[datetime]
    end: datetime
    width: int = 1


class PostgresStore:
    """`protocols.Store` on PostgreSQL, and what the command line asks it.  All raise `StoreError`."""

    def __init__(self, database: Database, patience: float = PATIENCE) -> None:
        """`patience`: seconds that a question may take."""
        self._database = database
        self._patience = patience
        self._ready = False
        self.set_aside = 0
        """Entries of this life that PostgreSQL has refused."""

    async def prepare(self) -> None:
        """Bring the tables up to date, once."""
        if not self._ready:
            await self._database.migrate()
            self._ready = True

    async def mark(self, node: str) -> int:
        """The highest journal number of `node` that has arrived; 0 at first.  Asked at each new beginning."""
        self._ready = False  # the database that is back may be another one
        await self.prepare()
        async with self._database.transaction() as connection:
            return int(await connection.value(QUERIES["mark"], node) or 0)

    async def drain(self, node: str, batch: Sequence[tuple[int, bytes]]) -> None:
        """Insert what is not there yet and move the mark, in one transaction."""
        await self.prepare()
        entries = [msgspec.json.decode(line, type=Entry) for _, line in batch]
        await self._all_but_refused(node, entries)

    async def _all_but_refused(self, node: str, entries: Sequence[Entry]) -> None:
        """What PostgreSQL refuses is halved, until the entry stands alone that it will not have: all others go in."""
        try:
            await self._insert(node, entries)
        except StoreRefused as refusal:
            half = len(entries) // 2
            if half:
                await self._all_but_refused(node, entries[:half])
                await self._all_but_refused(node, entries[half:])
            else:
                await self._set_aside(node, entries[0], refusal)

    async def _set_aside(self, node: str, entry: Entry, refusal: StoreRefused) -> None:
        """Keep an entry as text; a call whose record it is has ended all the same, and counts as failed."""
        log.error("store: entry %d, %s %s, is set aside: %s", entry.seq, entry.topic, entry.key, refusal)
        body: dict[str, Any] = {"refused": base64.b64encode(bytes(entry.body)).decode()}
        topic, key = "refused", f"{entry.topic} {entry.key}"
        if entry.topic in {RECORD, MISSED}:
            topic, key = entry.topic, entry.key
            outcome = Outcome.FAILED if topic == RECORD else Outcome.MISSED
            record = CallRecord(CallId(_plain(key)), node, outcome, await self._begun(node, entry), entry.at)
            body |= msgspec.to_builtins(record)
        kept = Entry(entry.seq, entry.at, topic, _plain(key), msgspec.Raw(msgspec.json.encode(body)))
        await self._insert(node, [kept])
        self.set_aside += 1

    async def _begun(self, node: str, record: Entry) -> Instant:
        """When the first was heard of a call whose record says nothing."""
        async with self._database.transaction() as connection:
            begun = await connection.value(QUERIES["begun"], node, _plain(record.key))
        return record.at if begun is None else Instant(begun)

    async def _insert(self, node: str, entries: Sequence[Entry]) -> None:
        async with self._database.transaction() as connection:
            mark = int(await connection.value(QUERIES["lock_mark"], node))
            fresh = [entry for entry in entries if entry.seq > mark]
            if fresh:
                await _insert_fresh(connection, node, fresh)

    async def calls(self, limit: int = 20) -> list[CallRecord]:
        """The latest calls, newest first; those that only the census knows among them."""
        return [_record(row) for row in await self._ask(QUERIES["calls"], limit)]

    async def call(self, call: CallId) -> CallRecord | None:
        """The record of one call."""
        rows = await self._ask(QUERIES["call"], call)
        return _record(rows[0]) if rows else None

    async def facts_of(self, key: str) -> list[Entry]:
        """What happened in one call, in order."""
        return [
            Entry(row["seq"], row["at"], row["topic"], row["key"], msgspec.Raw(row["body"].encode()))
            for row in await self._ask(QUERIES["facts_of"], key)
        ]

    async def figures(self, cells: Cells, by: str, in_time: timedelta) -> list[Figures]:
        """What came of the calls that arrived in each window, told apart `by` one of `ivr.web.reports.By`, or not."""
        kept = (counted_by(in_time), DAY if by else PART)
        values = ([*cells.begin, cells.end], *kept, [by], *_limits(in_time), cells.width)
        return [Figures(**row) for row in await self._count("figures", *values)]

    async def agent_times(self, cells: Cells, now: datetime, in_time: timedelta) -> list[AgentTimes]:
        """How long each agent was in which state, window by window; `in_time` says, as above, which days are closed."""
        begin = [each for each in cells.begin if each < now]
        values = ([*begin, min(cells.end, now)], counted_by(in_time), DAY)
        return [AgentTimes(**row) for row in await self._count("agents", *values)]

    async def close_day(self, now: datetime, in_time: timedelta) -> datetime | None:
        """Count the last day that is over and not counted yet, and keep that: which day it was, if there was one.

        Reports add up what is kept.  The day is open again as soon as anything is written that belongs to it.
        """
        await self.prepare()
        counter = counted_by(in_time)
        async with self._database.transaction() as connection:
            await connection.run(METRICS["hold"])
            day: datetime | None = await connection.value(METRICS["open_day"], counter, now)
            if day is not None:
                parts = [day + n * PART for n in range(DAY // PART)]
                await connection.run(METRICS["forget"], day)
                await connection.run(METRICS["close"], day, counter)
                for by, begin in ([""], parts), (BY, [day]):
                    await connection.run(METRICS["keep_calls"], begin, day, day + DAY, by, *_limits(in_time))
                await connection.run(METRICS["keep_times"], [day], day + DAY)
        return day

    async def _count(self, name: str, *values: Any) -> list[dict[str, Any]]:
        rows = await self._ask(METRICS[name], *values, patience=COUNTING)
        return [dict(row) for row in rows]

    async def _ask(self, query: str, *values: Any, patience: float | None = None) -> list[Mapping[str, Any]]:
        patience = patience or self._patience
        try:
            async with asyncio.timeout(patience):
                await self.prepare()
                async with self._database.transaction() as connection:
                    return await connection.rows(query, *values)
        except TimeoutError as late:
            raise StoreError(f"the database does not answer within {patience:.0f} s") from late


def counted_by(in_time: timedelta) -> str:
    """A name for what closes days: another SQL, another view below it, or another limit is another counter."""
    counter = f"{NEWEST} {PART} {_limits(in_time)} {METRICS['keep_calls']} {METRICS['keep_times']}"
    return hashlib.sha256(counter.encode()).hexdigest()[:16]


def _limits(in_time: timedelta) -> tuple[int, int]:
    return milliseconds(in_time), milliseconds(SHORT_ABANDON)


async def _insert_fresh(connection: Connection, node: str, fresh: Sequence[Entry]) -> None:
    await connection.run(
        QUERIES["insert_facts"],
        node,
        [entry.seq for entry in fresh],
        [entry.at for entry in fresh],
        [_plain(entry.topic) for entry in fresh],
        [_plain(entry.key) for entry in fresh],
        [_NUL.sub(r"\1\\ufffd", bytes(entry.body).decode()) for entry in fresh],
    )
    records = [entry.seq for entry in fresh if entry.topic in {RECORD, MISSED}]
    if records:
        await connection.run(QUERIES["insert_calls"], node, records)
    changes = [entry.seq for entry in fresh if entry.topic == FLOOR and b'"changed":[' in bytes(entry.body)]
    if changes:
        await connection.run(QUERIES["change_agents"], node, changes)
    recordings = [entry.seq for entry in fresh if entry.topic == RECORDING]
    if recordings:
        await connection.run(QUERIES["name_recordings"], node, recordings)
    await connection.run(QUERIES["move_mark"], node, fresh[-1].seq)


_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")  # what jsonb and text cannot hold; a caller's name can


def _plain(text: str) -> str:
    return text.replace("\0", "\ufffd")


def _record(row: Mapping[str, Any]) -> CallRecord:
    return msgspec.json.decode(row["body"], type=CallRecord)


class Drainer:
    """Carries the journal into the store, however often that is away."""

    def __init__(self, journal: Journal, store: Store) -> None:
        self._journal = journal
        self._store = store
        self._pause = FIRST_RETRY
        self.away = False

    async def run(self) -> None:
        """Drain for ever; a store that is away is tried again, less and less often, said once."""
        while True:
            try:
                await self._drain()
            except StoreError as fault:
                if not self.away:
                    log.warning("store: %s; calls go on, the journal keeps what they leave", fault)
                self.away = True
            await asyncio.sleep(self._pause)
            self._pause = min(2 * self._pause, LAST_RETRY)

    async def _drain(self) -> None:
        mark = await self._store.mark(self._journal.node)
        self._journal.stand_above(mark)
        self._reached()
        async for batch in self._journal.tail(mark):
            await self._store.drain(self._journal.node, batch)
            self._reached()
            self._journal.drained(batch[-1][0], msgspec.json.decode(batch[-1][1], type=Entry).at)
            await asyncio.sleep(LINGER)

    def _reached(self) -> None:
        if self.away:
            log.warning("store: it is back")
        self.away, self._pause = False, FIRST_RETRY


class DayCloser:
    """Counts each day once when it is over, so that a report of a year needs not look at each of its calls."""

    def __init__(self, store: PostgresStore, clock: Clock, in_time: Callable[[], timedelta]) -> None:
        self._store = store
        self._clock = clock
        self._in_time = in_time

    async def run(self) -> None:
        """Close days for ever, the latest first; while the store is away reports are not to be had anyway."""
        while True:
            await self.close()
            await asyncio.sleep(CLOSE_EVERY)

    async def close(self) -> None:
        """Close all that are over now."""
        try:
            while True:
                if await self._store.close_day(self._clock.real(), self._in_time()) is None:
                    return
                await asyncio.sleep(BREATH)
        except StoreError as fault:
            log.info("no day is closed: %s", fault)
