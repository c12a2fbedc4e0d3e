"""The read model: what the journal has, in tables that can be asked; filled by the drainer, never on a call's path.

Every fact arrives exactly once: the batch and the mark move in one transaction; what the mark has passed is dropped.
"""

import asyncio
import base64
import logging
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from ivr.edge.database import Connection, Database, named
from ivr.edge.protocols import Store
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
COUNTING = 25.0  # seconds: a year of calls is counted in so long
SHORT_ABANDON = timedelta(seconds=5)  # 短时放弃: one who leaves sooner has dialled by mistake


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
        values = (cells.begin, cells.end, cells.width, by, milliseconds(in_time), milliseconds(SHORT_ABANDON))
        return [msgspec.convert(row, Figures) for row in await self._count("figures", *values)]

    async def agent_times(self, cells: Cells, now: datetime) -> list[AgentTimes]:
        """How long each agent was in which state, window by window."""
        return [msgspec.convert(row, AgentTimes) for row in await self._count("agents", cells.begin, cells.end, now)]

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
