"""The read model on a real PostgreSQL: each fact once, also when the server is killed between."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from ivr.edge.clock import SystemClock
from ivr.edge.database import NEWEST, Database, named, steps
from ivr.edge.disk import FileDisk
from ivr.entries import Draft
from ivr.errors import StoreError, StoreRefused
from ivr.facts import CallRecord, Outcome, Reached, Stage, Survived
from ivr.journal import MISSED, RECORD, RECORDING, SURVIVED, Journal
from ivr.recorder import Erased, Recorded
from ivr.store import Drainer, PostgresStore
from routing.ids import CallId, Instant
from tests.asterisk.servers import Postgres
from tests.asterisk.waiting import eventually
from tests.fake.clock import SEPTEMBER

SOON = 60.0
NODE = "handan1"


def a_call(name: str, **fields: Any) -> CallRecord:
    ended = Instant(SEPTEMBER + 60_123)
    usual: dict[str, Any] = {"arrived": SEPTEMBER, "ended": ended, "line": "12345", "caller": "139"}
    return CallRecord(**{"call": CallId(name), "node": NODE, "outcome": Outcome.ANSWERED, **usual, **fields})


def line(seq: int, topic: str, key: str, body: Any) -> tuple[int, bytes]:
    return seq, msgspec.json.encode(Draft(seq, Instant(SEPTEMBER + seq), topic, key, body))


async def numbers(database: Database) -> list[int]:
    async with database.transaction() as connection:
        return [row["seq"] for row in await connection.rows("select seq from facts order by node, seq")]


@asynccontextmanager
async def running(drainer: Drainer) -> AsyncIterator[None]:
    task = asyncio.ensure_future(drainer.run())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_tables_are_made_once_whoever_starts_together(database: Database, postgres: Postgres) -> None:
    others = [Database(database._dsn) for _ in range(3)]
    await asyncio.gather(*(each.migrate() for each in [database, *others]))
    await database.migrate()
    for each in others:
        await each.close()
    async with database.transaction() as connection:
        assert await connection.value("select version_num from alembic_version") == NEWEST
        assert await connection.value("select count(*) from calls") == 0


async def test_a_database_of_a_newer_program_is_refused(database: Database) -> None:
    await database.migrate()
    async with database.transaction() as connection:
        await connection.run("update alembic_version set version_num = '9999'")
    with pytest.raises(StoreError, match="at revision 9999"):
        await database.migrate()


def test_the_newest_revision_is_the_one_that_the_code_knows() -> None:
    assert f"version_num='{NEWEST}'" in steps(None)
    assert "create table" not in steps(NEWEST)


def test_no_query_asks_the_databases_clock() -> None:
    root = Path(__file__).parents[2] / "ivr"
    texts = [path.read_text(encoding="utf-8").lower() for path in root.rglob("*.sql")]
    assert len(texts) >= 2
    for text in texts:
        for word in ("now()", "current_timestamp", "localtime", "clock_timestamp", "current_date"):
            assert word not in text


def test_every_query_has_a_name() -> None:
    assert set(named("ivr.sql", "store.sql")) >= {"mark", "insert_facts", "insert_calls", "calls"}


async def test_facts_and_the_mark_arrive_together(store: PostgresStore, database: Database) -> None:
    assert await store.mark(NODE) == 0
    await store.drain(NODE, [line(5, "call", "c1", {"step": "answered", "outcome": 1}), line(7, "floor", "", [1])])
    assert await store.mark(NODE) == 7
    assert await store.mark("xingtai1") == 0
    facts = await store.facts_of("c1")
    assert [(fact.seq, fact.at, fact.topic) for fact in facts] == [(5, SEPTEMBER + 5, "call")]
    assert msgspec.json.decode(facts[0].body) == {"step": "answered", "outcome": 1}
    assert await numbers(database) == [5, 7]


async def test_a_batch_that_comes_again_changes_nothing(store: PostgresStore, database: Database) -> None:
    batch = [line(1, "call", "c", 1), line(2, "call", "c", 2)]
    await store.drain(NODE, batch)
    await store.drain(NODE, batch)
    await store.drain(NODE, [*batch, line(3, "call", "c", 3)])
    assert await numbers(database) == [1, 2, 3]
    assert await store.mark(NODE) == 3


async def test_a_record_becomes_a_row_with_real_moments(store: PostgresStore, database: Database) -> None:
    call = a_call("c1", stage=Stage.RING, outcome=Outcome.ABANDONED, wait_ms=15_001, talk_ms=None, offers=2, cause=16)
    await store.drain(NODE, [line(1, RECORD, "c1", call)])
    assert await store.calls() == [call]
    assert await store.call(CallId("c1")) == call
    assert await store.call(CallId("c2")) is None
    async with database.transaction() as connection:
        row = (await connection.rows("select * from calls"))[0]
    assert row["arrived"] == datetime(2021, 9, 15, 1, 0, tzinfo=UTC)
    assert row["ended"] == datetime(2021, 9, 15, 1, 1, 0, 123_000, tzinfo=UTC)
    assert (row["outcome"], row["stage"], row["wait_ms"], row["offers"]) == ("abandoned", "ring", 15_001, 2)
    assert row["answered"] is None


async def test_every_field_of_a_record_that_is_a_column_is_filled(store: PostgresStore, database: Database) -> None:
    values: dict[str, Any] = {}
    for number, field in enumerate(msgspec.structs.fields(CallRecord)):
        text = field.type in (str, str | None)
        values[field.name] = f"value {number}" if text else SEPTEMBER + number
    values |= {"recording": "", "prompts": ["greeting-12345"], "overflowed": ["hall"], "machine": False}
    values |= {"outcome": "answered", "stage": "queue", "released_by": "agent"}
    values |= {"cause": 16, "offers": 3, "agent": "1001", "seat": "8001", "pool": "hall", "target": "agriculture"}
    values |= {"asked_pool": "safety", "skill": "market", "overflowed": ["safety"], "rating": 2}
    values |= {"brought": [], "paused": [], "callback": "asked", "message": None}
    values |= {"direction": "callback", "task": "c0", "result": "busy"}
    parts = (("1001", 5, 8, 1), ("1002", 8, 12, 0))
    talks = [dict(zip(("agent", "since", "until", "held_ms"), part, strict=True)) for part in parts]
    values |= {"talks": talks, "reached": None}
    call = msgspec.convert(values | {"node": NODE, "call": "c1"}, CallRecord)
    await store.drain(NODE, [line(1, RECORD, "c1", call)])
    async with database.transaction() as connection:
        row = dict((await connection.rows("select * from calls"))[0])
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    for column, value in row.items():
        if column in {"seq", "agents_ms"}:
            continue
        if column == "talks":
            assert (json.loads(value), row["agents_ms"]) == (talks, 7)
            continue
        expected = getattr(call, column)
        got = round((value - epoch).total_seconds() * 1000) if isinstance(value, datetime) else value
        got = tuple(value) if isinstance(value, list) else got
        assert got == expected, column


async def test_our_own_record_beats_the_census_in_either_order(store: PostgresStore) -> None:
    missed = a_call("c1", outcome=Outcome.MISSED)
    ours = a_call("c1", outcome=Outcome.TRANSFERRED)
    await store.drain(NODE, [line(1, MISSED, "c1", missed)])
    assert await store.calls() == [missed]
    await store.drain(NODE, [line(2, RECORD, "c1", ours)])
    await store.drain(NODE, [line(3, MISSED, "c1", missed)])
    assert await store.calls() == [ours]
    await store.drain(NODE, [line(4, RECORD, "c2", ours), line(5, MISSED, "c2", missed)])
    assert (await store.calls(1))[0].outcome is Outcome.TRANSFERRED


async def test_whom_survival_reached_in_a_call_that_had_been_ours_is_told_of_it(store: PostgresStore) -> None:
    """The record is written when survival takes the call; how far it came is known when it is over."""
    ours = a_call("c1", outcome=Outcome.SURVIVAL)
    for n, reached in enumerate((Reached.NOBODY, Reached.PERSON), 2):  # a life that was killed over it says it again
        await store.drain(NODE, [line(1, RECORD, "c1", ours), line(n, SURVIVED, "c1", Survived(reached))])
        assert [call.reached for call in await store.calls()] == [reached]
    told = await store.call(CallId("c1"))
    assert told == msgspec.structs.replace(ours, reached=Reached.PERSON)


async def test_a_finished_recording_is_named_in_its_call(store: PostgresStore) -> None:
    fact = Recorded(CallId("c1"), "c1.wav", 1000, 32_044, "00", SEPTEMBER, lacks_ms=7_000)
    await store.drain(NODE, [line(1, RECORD, "c1", a_call("c1")), line(2, RECORDING, "c1", fact)])
    assert [call.recording for call in await store.calls()] == ["c1.wav"]
    named = await store.call(CallId("c1"))
    assert named is not None
    assert (named.recording, named.lacks_ms) == ("c1.wav", 7_000)


async def test_a_recording_that_is_erased_is_named_no_more_and_its_call_stays(store: PostgresStore) -> None:
    made = Recorded(CallId("c1"), "c1.flac", 1000, 32_044, "00", SEPTEMBER)
    await store.drain(NODE, [line(1, RECORD, "c1", a_call("c1")), line(2, RECORDING, "c1", made)])
    await store.drain(NODE, [line(3, RECORDING, "c1", Erased(CallId("c1")))])
    assert [(call.call, call.recording) for call in await store.calls()] == [("c1", "")]


async def test_the_latest_calls_come_first(store: PostgresStore) -> None:
    calls = [a_call(f"c{n}", arrived=Instant(SEPTEMBER + n)) for n in range(10)]
    await store.drain(NODE, [line(n + 1, RECORD, call.call, call) for n, call in enumerate(calls)])
    assert await store.calls(3) == calls[:-4:-1]


async def test_what_postgresql_will_not_have_does_not_hold_up_the_rest(
    store: PostgresStore, caplog: pytest.LogCaptureFixture
) -> None:
    await store.drain(
        NODE,
        [
            line(1, "call", "c\0", {"name": "a\0b", "path": "\\u0000", "odd": "\\\0"}),
            line(2, "call", "bad", {"step": "arrived", "outcome": {"at": SEPTEMBER}}),
            line(3, RECORD, "bad", {"call": "bad", "arrived": "no number"}),
            line(4, RECORD, "good", a_call("good")),
            line(5, "floor", "", {"at": "never", "changed": [{"agent": "1001", "state": "ready"}]}),
            line(6, MISSED, "lost", {"call": "lost", "arrived": {}}),
        ],
    )
    assert await store.mark(NODE) == 6
    assert store.set_aside == 3
    assert caplog.text.count("is set aside") == 3
    name = msgspec.json.decode((await store.facts_of("c\ufffd"))[0].body)
    assert name == {"name": "a\ufffdb", "path": "\\u0000", "odd": "\\\ufffd"}
    assert [fact.topic for fact in await store.facts_of("floor ")] == ["refused"]
    told = {call.call: (call.outcome, call.arrived - SEPTEMBER, call.ended - SEPTEMBER) for call in await store.calls()}
    assert told == {
        "bad": (Outcome.FAILED, 2, 3),
        "lost": (Outcome.MISSED, 6, 6),
        "good": (Outcome.ANSWERED, 0, 60_123),
    }
    kept = msgspec.json.decode((await store.facts_of("bad"))[1].body)["refused"]
    assert msgspec.json.decode(base64.b64decode(kept)) == {"call": "bad", "arrived": "no number"}


async def test_a_call_whose_record_was_refused_is_in_progress_no_longer(
    store: PostgresStore, database: Database
) -> None:
    begun = {"step": "arrived", "outcome": {"at": SEPTEMBER, "arrival": {"number": "12345"}}}
    await store.drain(NODE, [line(1, "call", "bad", begun), line(2, RECORD, "bad", {"call": "bad", "arrived": "?"})])
    async with database.transaction() as connection:
        fates = [row["fate"] for row in await connection.rows("select fate from offered")]
    assert fates == ["failed"]


async def test_one_entry_in_five_hundred_that_is_refused_is_found_by_halves(
    store: PostgresStore, caplog: pytest.LogCaptureFixture
) -> None:
    batch = [line(n, RECORD, f"c{n}", a_call(f"c{n}")) for n in range(1, 501)]
    batch[321] = line(322, RECORD, "c322", {"call": "c322", "arrived": "?"})
    await store.drain(NODE, batch)
    calls = await store.calls(1000)
    assert len(calls) == 500
    assert [call.call for call in calls if call.outcome is Outcome.FAILED] == ["c322"]
    assert store.set_aside == 1


async def test_errors_of_a_database_that_is_not_there_are_of_one_kind(tmp_path: Path, postgres: Postgres) -> None:
    for dsn in (f"postgresql://nobody@/x?host={tmp_path}", postgres.server.dsn("no_such_database")):
        nowhere = Database(dsn)
        with pytest.raises(StoreError, match="cannot be reached"):
            await PostgresStore(nowhere).mark(NODE)
        await nowhere.close()


async def test_a_person_who_asks_a_database_that_does_not_answer_is_told_so_soon(database: Database) -> None:
    store = PostgresStore(database, patience=0.2)
    await store.prepare()
    async with database.transaction() as connection:
        await connection.run("lock table calls in access exclusive mode")
        with pytest.raises(StoreError, match="does not answer"):
            await store.calls()
    assert await store.calls() == []


async def test_a_wrong_value_is_told_from_a_server_that_is_gone(database: Database) -> None:
    with pytest.raises(StoreRefused):
        async with database.transaction() as connection:
            await connection.value("select 1 / $1::int", 0)


@pytest.mark.slow
async def test_the_server_killed_under_load_loses_and_doubles_nothing(
    postgres: Postgres, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(await postgres.fresh())
    store = PostgresStore(database)
    written: list[int] = []
    with FileDisk(tmp_path / "journal") as disk:
        journal = Journal(disk, NODE, SystemClock())
        assert list(journal.replay()) == []

        async def calls_come_in() -> None:
            for n in range(4000):
                written.append(journal.write("call", f"c{n}", {"step": "answered", "outcome": n}))
                written.append(journal.write(RECORD, f"c{n}", a_call(f"c{n}", arrived=Instant(SEPTEMBER + n))))
                if n % 20 == 0:
                    await asyncio.sleep(0.005)

        async def arrived() -> bool:
            try:
                return await store.mark(NODE) >= written[-1]
            except StoreError:
                return False

        async def some_have() -> bool:
            return await store.mark(NODE) > before

        drainer = Drainer(journal, store)
        async with running(drainer):
            load = asyncio.ensure_future(calls_come_in())
            for _ in range(3):
                before = await store.mark(NODE)
                await eventually(some_have, SOON, "some have arrived")
                await postgres.kill()
                await postgres.start()
                await eventually(lambda: _answers(postgres), SOON, "it answers")
            await load
            await eventually(arrived, SOON, "all have arrived")
    assert await numbers(database) == written
    calls = await store.calls(10_000)
    assert [call.call for call in calls] == [f"c{n}" for n in reversed(range(4000))]
    assert drainer.away is False
    await database.close()


async def _answers(postgres: Postgres) -> bool:
    try:
        connection = await asyncpg.connect(postgres.server.dsn())
    except (OSError, asyncpg.PostgresError):
        return False
    await connection.close()
    return True


async def test_calls_go_on_without_a_database_and_all_is_there_when_it_comes(
    postgres: Postgres, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dsn = await postgres.fresh()
    await postgres.kill()
    database = Database(dsn)
    store = PostgresStore(database)
    with FileDisk(tmp_path / "journal") as disk:
        journal = Journal(disk, NODE, SystemClock())
        assert list(journal.replay()) == []
        drainer = Drainer(journal, store)
        async with running(drainer):
            await eventually(lambda: drainer.away, SOON, "it is missed")
            for n in range(700):
                journal.write(RECORD, f"c{n}", a_call(f"c{n}"))
            await postgres.start()

            async def arrived() -> bool:
                try:
                    return await store.mark(NODE) == last
                except StoreError:
                    return False

            last = journal.seq
            await eventually(arrived, SOON, "all have arrived")
        assert len(await store.calls(1000)) == 700
        assert caplog.text.count("calls go on") == 1
    await database.close()
