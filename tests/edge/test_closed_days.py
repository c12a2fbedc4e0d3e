"""Days that are counted once: what a report adds up is what a count of every call comes to, whatever arrives when."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ivr.edge.database import Connection, Database
from ivr.facts import Announced, Arrived, CallRecord, Disposition, Matter, Outcome, Reached
from ivr.figures import AgentTimes, Figures
from ivr.journal import CALL, DISPOSITION, FLOOR, MISSED, RECORD, SURVIVED
from ivr.ledger import Taken
from ivr.store import BY, DAY, METRICS, PART, Cells, DayCloser, PostgresStore
from ivr.web.reports import By
from routing.arrival import Arrival
from routing.estimate import Estimate
from routing.ids import AgentId, CallId, Instant, TicketId
from routing.replay import Told
from routing.tickets import AgentState, Changed, Left, Tick
from routing.windows import Every, starts
from tests.asterisk.waiting import eventually
from tests.edge.counting import moment
from tests.edge.test_metrics import IN_TIME, MIDNIGHT, at, calls
from tests.edge.test_store import NODE, SOON, a_call, line
from tests.fake.clock import ManualClock

DAYS = 4
ENDS = MIDNIGHT + timedelta(days=DAYS)
LATER = ENDS + timedelta(hours=1)
NOBODY = "nobody"
"""Has closed no day: asked for by this name every call is counted."""

PERIODS = (
    Cells([MIDNIGHT], ENDS),
    Cells(starts(MIDNIGHT, ENDS, Every.DAY), ENDS),
    Cells(starts(MIDNIGHT, ENDS, Every.HALF_HOUR), ENDS),
    Cells([MIDNIGHT + timedelta(hours=10)], ENDS - timedelta(hours=7)),
    Cells(starts(MIDNIGHT + timedelta(minutes=7), ENDS, Every.MONTH), ENDS),
    Cells([MIDNIGHT + n * timedelta(minutes=50) for n in range(90)], ENDS, 24),
)
"""Windows that are days, contain days, are cut from them, and overlap."""

STATES = [
    (AgentState.READY, ""),
    (AgentState.RESERVED, ""),
    (AgentState.TALKING, ""),
    (AgentState.WRAP_UP, ""),
    (AgentState.PAUSED, "no-answer"),
    (AgentState.PAUSED, "rejected"),
    (AgentState.UNREACHABLE, ""),
    (AgentState.SIGNED_OUT, ""),
]

Fact = tuple[str, str, Any]
"""What the journal has: its topic, its key, its body."""

names = st.integers(0, 7).map("c{}".format)
moments = st.floats(0, DAYS * 86_400 - 40_000).map(at)


def moved(call: CallRecord, name: str, by_ms: int) -> CallRecord:
    """The same so much later."""
    instants = ("arrived", "answered", "prompts_ended", "queued", "connected", "released", "ended")
    later = {each: Instant(was + by_ms) for each in instants if (was := getattr(call, each)) is not None}
    talks = tuple(
        msgspec.structs.replace(each, since=Instant(each.since + by_ms), until=Instant(each.until + by_ms))
        for each in call.talks
    )
    return msgspec.structs.replace(call, call=CallId(name), talks=talks, **later)


def recorded(call: CallRecord, name: str, hours: int) -> Fact:
    topic = MISSED if call.outcome in {Outcome.MISSED, Outcome.REFUSED} else RECORD
    return topic, name, moved(call, name, hours * 3_600_000)


def began(name: str, when: Instant) -> Fact:
    arrival = Arrival("12329", "031012329", "139", recognised=True, diverted_from=None, trunk="town")
    return CALL, name, Taken("arrived", Arrived(when, arrival, ""))


def announced(name: str, when: Instant) -> Fact:
    return CALL, name, Taken("announced:1", Announced(when, (), Estimate(2, 9_000, 4_000)))


def said(name: str, matter: Matter) -> Fact:
    return DISPOSITION, name, Disposition(at(0), AgentId("1001"), matter)


def reached(name: str, whom: Reached) -> Fact:
    return SURVIVED, name, {"reached": whom}


FACTS = st.one_of(
    st.builds(recorded, calls(), names, st.integers(0, DAYS * 24 - 12)),
    st.builds(began, names, moments),
    st.builds(announced, names, moments),
    st.builds(said, names, st.sampled_from([Matter.HELP, Matter.SILENT])),
    st.builds(reached, names, st.sampled_from(Reached)),
)

CHANGES = st.tuples(st.sampled_from(["1001", "1002"]), st.sampled_from(STATES), names, st.integers(0, 30_000))
"""Who, into what, for which call, how many seconds after the last."""

CLOSE = st.integers(0, DAYS)
"""How many days are over when somebody closes them."""


class Histories:
    """What is drawn, as entries of a journal: the Floor's have a clock that only goes forward."""

    def __init__(self) -> None:
        self.seq = 0
        self.clock = -20_000.0

    def line(self, drawn: Any) -> tuple[int, bytes]:
        self.seq += 1
        if len(drawn) == 3:
            return line(self.seq, *drawn)
        agent, (state, reason), call, after = drawn
        self.clock += after
        changed = (Changed(AgentId(agent), state, reason),)
        return line(self.seq, FLOOR, "", Told(at(self.clock), Left(TicketId(call)), changed))


async def emptied(store: PostgresStore, database: Database) -> None:
    await store.prepare()
    async with database.transaction() as connection:
        await connection.run("truncate facts, calls, agent_times, mark")


async def close_all(store: PostgresStore, now: datetime = LATER) -> list[datetime]:
    closed = []
    while day := await store.close_day(now, IN_TIME):
        closed.append(day)
    return closed


async def closed(database: Database) -> set[datetime]:
    async with database.transaction() as connection:
        return {row["day"] for row in await connection.rows("select day from closed_days")}


async def counted_anew(connection: Connection, cells: Cells, by: str) -> list[Figures]:
    values = ([*cells.begin, cells.end], NOBODY, DAY, [by], 15_000, 5_000, cells.width)
    return [Figures(**row) for row in await connection.rows(METRICS["figures"], *values)]


async def demand_the_same(store: PostgresStore, database: Database) -> None:
    """Everything that can be asked is what a count of every call and of every agent's state comes to."""
    async with database.transaction() as connection:
        for cells in PERIODS:
            for by in ("", *BY):
                assert await store.figures(cells, by, IN_TIME) == await counted_anew(connection, cells, by), by
        for cells in PERIODS[:-1]:
            anew = await connection.rows(METRICS["agents"], [*cells.begin, cells.end], NOBODY, DAY)
            assert await store.agent_times(cells, LATER, IN_TIME) == [AgentTimes(**row) for row in anew]


def test_days_are_kept_of_whatever_a_report_tells_apart() -> None:
    assert set(BY) == set(By)
    assert not DAY % PART


async def test_what_is_kept_has_the_columns_of_what_is_counted(store: PostgresStore, database: Database) -> None:
    """They are written as they come."""
    await store.prepare()
    gaps = "with gaps as (select $2::timestamptz as since, $3::timestamptz as until)"
    async with database._pool.acquire() as connection:  # type: ignore[union-attr]
        for counts, keeps, beside in ("count_calls", "kept_calls", ["day"]), ("count_times", "kept_times", []):
            counted = await connection.prepare(f"{gaps} select * from ({METRICS[counts]}) as counted")  # noqa: S608 - ours
            kept = await connection.prepare(f"table {keeps}")
            names = [[each.name for each in query.get_attributes()] for query in (counted, kept)]
            assert [*names[0][1:], *beside] == names[1][1:]


@pytest.mark.slow
@given(st.lists(st.one_of(FACTS, FACTS, CHANGES, CLOSE), max_size=40), st.integers(1, 6))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_what_is_kept_equals_a_count_of_every_call(
    store: PostgresStore, database: Database, drawn: Sequence[Any], at_once: int
) -> None:
    """Records, censuses, dispositions, states of agents come late, or in another order; days are closed in between."""
    await emptied(store, database)
    journal, batch = Histories(), list[tuple[int, bytes]]()
    for each in drawn:
        if not isinstance(each, int):
            batch.append(journal.line(each))
        if batch and (isinstance(each, int) or len(batch) == at_once):
            await store.drain(NODE, batch)
            batch = []
        if isinstance(each, int):
            await close_all(store, MIDNIGHT + timedelta(days=each))
    await store.drain(NODE, batch)
    await demand_the_same(store, database)
    await close_all(store)
    await demand_the_same(store, database)


@given(st.lists(CHANGES, max_size=25))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_agents_times_equal_a_slow_count(store: PostgresStore, database: Database, drawn: Sequence[Any]) -> None:
    await emptied(store, database)
    journal, now = Histories(), ENDS - timedelta(hours=30)
    states: dict[str, list[tuple[datetime, AgentState, str]]] = {}
    for each in drawn:
        await store.drain(NODE, [journal.line(each)])
        states.setdefault(each[0], []).append((moment(at(journal.clock)), *each[1]))
    await close_all(store)
    for cells in PERIODS[:-1]:
        expected = []
        for since, end in zip(cells.begin, [*cells.begin[1:], cells.end], strict=True):
            for agent, changes in sorted(states.items()):
                ends = [*(each for each, _, _ in changes[1:]), now]
                lasted = [Lasted(*change, until) for change, until in zip(changes, ends, strict=True)]
                expected += of_agent(agent, lasted, since, min(end, now))
        assert await store.agent_times(cells, now, IN_TIME) == expected


class Lasted(NamedTuple):
    """A state that an agent was in."""

    since: datetime
    state: AgentState
    reason: str
    until: datetime


def of_agent(agent: str, lasted: Sequence[Lasted], since: datetime, until: datetime) -> list[AgentTimes]:
    """What an agent did in a window, if there was anything."""
    found = [each for each in lasted if each.since < until and (each.until > since or each.since >= since)]
    begun = Counter((each.state, each.reason) for each in found if each.since >= since)
    spent: dict[AgentState, timedelta] = defaultdict(timedelta)
    for each in found:
        spent[each.state] += min(each.until, until) - max(each.since, since)
    signed_in = sum(spent.values(), timedelta()) - spent[AgentState.SIGNED_OUT]
    busy = spent[AgentState.TALKING] + spent[AgentState.WRAP_UP]
    times = AgentTimes(
        since,
        agent,
        begun[AgentState.RESERVED, ""],
        begun[AgentState.PAUSED, "no-answer"],
        begun[AgentState.PAUSED, "rejected"],
        signed_in.total_seconds(),
        spent[AgentState.READY].total_seconds(),
        spent[AgentState.RESERVED].total_seconds(),
        spent[AgentState.TALKING].total_seconds(),
        spent[AgentState.WRAP_UP].total_seconds(),
        spent[AgentState.PAUSED].total_seconds(),
        spent[AgentState.UNREACHABLE].total_seconds(),
        busy.total_seconds() / signed_in.total_seconds() if signed_in else None,
    )
    return [times] if found else []


# --- what is kept is what is told, and opened when something comes


async def test_a_closed_day_is_not_counted_again(store: PostgresStore, database: Database) -> None:
    await store.drain(NODE, [line(1, *recorded(a_call("c1", connected=at(4)), "c1", 0))])
    assert await close_all(store) == [MIDNIGHT + timedelta(days=n) for n in reversed(range(DAYS))]
    assert await close_all(store) == []
    async with database.transaction() as connection:
        await connection.run("update kept_calls set offered = offered + 7")
        await connection.run("update kept_times set offers = offers + 7")
    for by in ("", *BY):
        rows = await store.figures(PERIODS[0], by, IN_TIME)
        assert sum(row.offered for row in rows) == 8, by
    (cut,) = await store.figures(PERIODS[3], "", IN_TIME)
    assert cut.offered == 0, "a day that is asked for in part"


async def test_a_call_on_the_stroke_of_midnight_is_of_the_day_that_begins_and_counted_once(
    store: PostgresStore,
) -> None:
    """Also when that day is closed, and the one before is not."""
    midnight = Instant(int((MIDNIGHT + DAY).timestamp() * 1000))
    await store.drain(NODE, [line(1, *recorded(a_call("c1", arrived=midnight, ended=midnight), "c1", 0))])
    await close_all(store)
    await store.drain(NODE, [line(2, *recorded(a_call("c2"), "c2", 0))])
    (whole,) = await store.figures(PERIODS[0], "", IN_TIME)
    assert whole.offered == 2
    assert [row.offered for row in await store.figures(PERIODS[1], "", IN_TIME)] == [1, 1, 0, 0]


async def test_a_day_is_not_over_before_its_midnight(store: PostgresStore) -> None:
    await store.drain(NODE, [line(1, *recorded(a_call("c1"), "c1", 0))])
    assert await store.close_day(MIDNIGHT + timedelta(hours=23.9), IN_TIME) is None
    assert await store.close_day(MIDNIGHT + DAY, IN_TIME) == MIDNIGHT


async def test_another_limit_counts_each_day_anew(store: PostgresStore) -> None:
    await store.drain(NODE, [line(1, *recorded(a_call("c1", answered=at(0), connected=at(18)), "c1", 0))])
    await close_all(store)
    (strict,) = await store.figures(PERIODS[0], "", IN_TIME)
    assert strict.in_time_since_answer == 0
    wider = timedelta(seconds=20)
    (counted_now,) = await store.figures(PERIODS[0], "", wider)
    assert counted_now.in_time_since_answer == 1
    for day in reversed(range(DAYS)):
        assert await store.close_day(LATER, wider) == MIDNIGHT + day * DAY
    assert await store.figures(PERIODS[0], "", wider) == [counted_now]


LATE: dict[str, list[Fact]] = {
    "its record": [recorded(a_call("c1", connected=at(9)), "c1", 0)],
    "what an agent says of it": [said("c1", Matter.HELP)],
    "another wait was foreseen": [announced("c1", at(2))],
    "whom survival reached": [reached("c1", Reached.NOBODY)],
    "a call that is still there": [began("c2", at(3))],
}


@pytest.mark.parametrize("what", LATE)
async def test_what_comes_late_opens_its_day_and_no_other(store: PostgresStore, database: Database, what: str) -> None:
    other = recorded(a_call("c3"), "c3", 48)
    await store.drain(NODE, [line(1, *recorded(a_call("c1", connected=at(4)), "c1", 0)), line(2, *other)])
    await close_all(store)
    before = await closed(database)
    await store.drain(NODE, [line(3 + n, *fact) for n, fact in enumerate(LATE[what])])
    assert before - await closed(database) == {MIDNIGHT}
    await demand_the_same(store, database)


async def test_a_record_with_another_arrival_opens_both_days(store: PostgresStore, database: Database) -> None:
    await store.drain(NODE, [line(1, *began("c1", at(0)))])
    await store.drain(NODE, [line(2, *recorded(a_call("c2"), "c2", 0))])
    await close_all(store)
    await store.drain(NODE, [line(3, *recorded(a_call("c1"), "c1", 48))])
    assert await closed(database) == {MIDNIGHT + DAY, MIDNIGHT + 3 * DAY}
    await demand_the_same(store, database)


async def test_the_first_that_comes_of_an_agent_opens_the_days_since(store: PostgresStore, database: Database) -> None:
    await store.drain(NODE, [line(1, *recorded(a_call("c1"), "c1", 0))])
    await close_all(store)
    changed = (Changed(AgentId("1001"), AgentState.READY),)
    await store.drain(NODE, [line(2, FLOOR, "", Told(at(86_400), Tick(), changed))])
    assert await closed(database) == {MIDNIGHT}
    await demand_the_same(store, database)


async def test_wrap_up_after_midnight_opens_the_day_of_its_call(store: PostgresStore, database: Database) -> None:
    """Once when it begins, and once when its length is known."""
    last = 54_000 - 5  # seconds from nine in the morning
    call = moved(a_call("c1", connected=at(4), agent="1001"), "c1", last * 1000)
    journal = Histories()
    await store.drain(NODE, [journal.line((RECORD, "c1", call))])
    for state, after in (3, 20_000 + last + 10), (0, 100):
        await close_all(store, MIDNIGHT + DAY)
        assert await closed(database) == {MIDNIGHT}
        await store.drain(NODE, [journal.line(("1001", STATES[state], "c1", after))])
        assert await closed(database) == set()
    await demand_the_same(store, database)


async def test_a_night_and_a_holiday_open_no_day_when_they_end(store: PostgresStore, database: Database) -> None:
    """An agent signs in again after days: the days between were counted as what they were."""
    journal = Histories()
    gone = [("1001", STATES[0], "c1", 20_000), ("1001", STATES[-1], "c1", 3_600)]
    await store.drain(NODE, [journal.line(each) for each in gone])
    await close_all(store, ENDS)
    assert len(await closed(database)) == DAYS
    back = ("1001", STATES[0], "c1", (LATER - MIDNIGHT).total_seconds() - 36_000)
    await store.drain(NODE, [journal.line(back)])
    assert len(await closed(database)) == DAYS
    await demand_the_same(store, database)


async def test_whatever_is_changed_by_hand_opens_its_days(store: PostgresStore, database: Database) -> None:
    journal = Histories()
    await store.drain(NODE, [journal.line(("1001", STATES[0], "c1", 20_000))])
    await store.drain(
        NODE, [journal.line(recorded(a_call(name), name, hours)) for name, hours in (("c1", 0), ("c2", 24))]
    )
    for by_hand, opened in (
        ("update calls set arrived = arrived + interval '1 day' where call = 'c1'", {0, 1}),
        ("update calls set rating = 1 where call = 'c2'", {1}),
        ("update agent_times set until = since + interval '30 hours'", {1, 2, 3}),
        ("delete from calls where call = 'c1'", set(range(DAYS))),
        ("delete from facts where topic = 'disposition'", set(range(DAYS))),
        ("update agent_times set state = 'paused'", set(range(DAYS))),
        ("update facts set body = body", set(range(DAYS))),
        ("delete from agent_times", set(range(DAYS))),
    ):
        await close_all(store)
        async with database.transaction() as connection:
            await connection.run(by_hand)
        days = {MIDNIGHT + n * DAY for n in range(DAYS)}
        assert days - await closed(database) == {MIDNIGHT + n * DAY for n in opened}, by_hand
        await demand_the_same(store, database)


# --- together


async def waits(database: Database) -> bool:
    async with database.transaction() as connection:
        query = "select exists (select from pg_locks where relation = 'closed_days'::regclass and not granted)"
        return bool(await connection.value(query))


async def test_a_day_is_closed_with_all_that_is_being_written(store: PostgresStore, database: Database) -> None:
    await store.drain(NODE, [line(1, *recorded(a_call("c1"), "c1", 0))])
    other = await asyncpg.connect(database._dsn)
    writing = other.transaction()
    await writing.start()
    await other.execute("update calls set rating = 1")
    closing = asyncio.ensure_future(store.close_day(LATER, IN_TIME))
    await eventually(lambda: waits(database), SOON, "the closer waits")
    await writing.commit()
    await closing
    await close_all(store)
    assert (await store.figures(PERIODS[0], "", IN_TIME))[0].rated == 1
    await other.close()


async def test_what_is_written_while_a_day_is_being_closed_opens_it(store: PostgresStore, database: Database) -> None:
    await store.drain(NODE, [line(1, *recorded(a_call("c1"), "c1", 0))])
    other = await asyncpg.connect(database._dsn)
    closing = other.transaction()
    await closing.start()
    await other.execute(METRICS["hold"])
    await other.execute(METRICS["close"], MIDNIGHT, "somebody")
    draining = asyncio.ensure_future(store.drain(NODE, [line(2, *recorded(a_call("c2"), "c2", 0))]))
    await eventually(lambda: waits(database), SOON, "the journal waits")
    await closing.commit()
    await draining
    assert await closed(database) == set()
    await other.close()


async def test_whoever_closes_days_closes_all_that_are_over(store: PostgresStore, database: Database) -> None:
    await store.drain(NODE, [line(1, *recorded(a_call("c1"), "c1", 0))])
    clock = ManualClock(at((LATER - moment(at(0))).total_seconds()))
    await DayCloser(store, clock, lambda: IN_TIME).close()
    assert len(await closed(database)) == DAYS


async def test_while_the_store_is_away_no_day_is_closed(caplog: pytest.LogCaptureFixture) -> None:
    away = PostgresStore(Database("postgresql://hotline@/hotline?host=/nowhere"))
    with caplog.at_level("INFO"):
        await DayCloser(away, ManualClock(), lambda: IN_TIME).close()
    assert "no day is closed: the database cannot be reached" in caplog.text
