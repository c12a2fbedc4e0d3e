#!/usr/bin/env python3
"""How long a report takes: the figures of a year of a city's calls, beside PostgreSQL reading the same rows once.

    .venv/bin/python scripts/bench_report.py [--days 365] [--a-day 5500] [--write docs/performance.md]

A server of our own, as every house has, is filled as the journal fills it: so many calls a day, their first facts, what
agents did meanwhile, what was foreseen for those who waited.  One call in twenty goes from agent to agent.  Then its
days are closed, as a controller closes them, and the store is asked what `hotline report` asks it.  The yardstick is
one plain query over the same calls: how many, by what became of them, and how long they waited.  A year of 5,500 calls
a day needs 6 GB of disk for the while.
"""

import argparse
import asyncio
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ivr.edge.database import Database  # noqa: E402
from ivr.edge.postgres import Server  # noqa: E402
from ivr.errors import StoreError  # noqa: E402
from ivr.store import BY, COUNTING, Cells, PostgresStore  # noqa: E402
from ivr.web.reports import LOOKED_THROUGH  # noqa: E402
from routing.hours import SHANGHAI  # noqa: E402
from routing.windows import Every, cells, starts  # noqa: E402
from scripts.bench_page import machine, write  # noqa: E402

SECTION = "## A report"
BEGINS = datetime(2021, 1, 1, tzinfo=SHANGHAI)
A_MONTH = 30  # days
IN_TIME, TWO_MINUTES, HALF_A_DAY = timedelta(seconds=15), timedelta(minutes=2), timedelta(hours=12)
TIMES = 3

DRAWN = """
create temp table drawn as
select *, answered_at + make_interval(secs => case when fate < 0.93 then talk else 0 end) as ended_at
from (
    select
        n, (n * 7919) % 190 + 1001 as agent, (n * 104729) % 33 as line, random() as fate, random() as moved,
        2 + 25 * random() ^ 3 as waited, 5 - 170 * ln(1 - random()) as talk, arrived,
        arrived + make_interval(secs => 5 + 25 * random() ^ 3) as answered_at
    from (
        select n, $3::timestamptz + make_interval(secs => 43200 * (random() + random())) as arrived
        from generate_series($1::bigint, $1::bigint + $2::bigint - 1) as n
    ) as coming
) as gone
"""

FACTS = """
insert into facts (node, seq, at, topic, key, body)
select
    'handan1', 4 * n + part, arrived, case part when 0 then 'record' when 3 then 'disposition' else 'call' end,
    'handan1-' || n,
    case part
        when 0 then '{}'
        when 1 then jsonb_build_object('step', 'arrived', 'outcome', jsonb_build_object(
            'at', (1000 * extract(epoch from arrived))::bigint, 'arrival', jsonb_build_object('number', '12345')))
        when 2 then jsonb_build_object('step', 'announced:1', 'outcome', jsonb_build_object(
            'at', (1000 * extract(epoch from arrived))::bigint,
            'estimate', jsonb_build_object('by_departures_ms', 9000, 'by_last_ms', 7000)))
        else jsonb_build_object('matter', 'help')
    end
from drawn cross join generate_series(0, 3) as part
where part < 2 or (part = 2 and waited > 22) or (part = 3 and fate < 0.93)
"""

CALLS = """
insert into calls (
    call, node, seq, outcome, stage, cause, line, phase, dialled, caller, trunk, arrived, answered, prompts_ended,
    queued, connected, released, ended, agent, pool, offers, recording, rehearsal, asked_pool, skill, rating,
    talks, agents_ms
)
select
    'handan1-' || n, 'handan1', 4 * n, outcome, case outcome when 'abandoned' then 'queue' end, 16,
    (12300 + line)::text, 'merged', '12345', '13900000000', 'town', arrived, arrived, arrived + interval '4 s', arrived,
    case outcome when 'answered' then answered_at end, case outcome when 'answered' then ended_at end, ended_at,
    case outcome when 'answered' then agent::text end, 'hall', 1, '', '', 'hall', 'skill-' || line % 12,
    case when outcome = 'answered' and moved < 0.4 then 1 + n % 4 end,
    case when outcome <> 'answered' then '[]' else (
        select jsonb_agg(jsonb_build_object(
            'agent', (agent + part)::text, 'since', from_ms, 'until', from_ms + (1000 * talk)::bigint
        ))
        from generate_series(0, case when moved < 0.05 then 1 else 0 end) as part
    ) end,
    case when outcome <> 'answered' then 0 else (case when moved < 0.05 then 2000 else 1000 end * talk)::bigint end
from (
    select *, (1000 * extract(epoch from answered_at))::bigint as from_ms, case
        when fate < 0.93 then 'answered' when fate < 0.98 then 'abandoned' when fate < 0.99 then 'transferred'
        when fate < 0.995 then 'called-back' else 'refused' end as outcome
    from drawn
) as told
"""

AGENT_TIMES = """
insert into agent_times (node, seq, n, agent, state, reason, call, since, until)
select
    'handan1', 4 * n, part, agent::text, (array['reserved', 'talking', 'wrap-up', 'ready'])[part], '', 'handan1-' || n,
    (array[arrived, answered_at, ended_at, ended_at + interval '20 s'])[part],
    (array[answered_at, ended_at, ended_at + interval '20 s', ended_at + interval '90 s'])[part]
from drawn cross join generate_series(1, 4) as part
where fate < 0.93
"""

YARDSTICK = """
select outcome, count(*), avg(connected - queued) from calls where arrived >= $1 and arrived < $2 group by outcome
"""


@dataclass(frozen=True)
class Question:
    """What is asked, of how many days, and how long it took each time; nothing: it was given up."""

    name: str
    days: int
    calls: int
    took_s: Sequence[float]

    def row(self, yardstick_s: float | None) -> str:
        """A line of the table."""
        about = f"| {self.name} | {self.days} | {self.calls:,} "
        if not self.took_s:
            return f"{about}| given up | | |"
        median = statistics.median(self.took_s)
        times = f"{median / yardstick_s:.1f}" if yardstick_s else ""
        return f"{about}| {median:.2f} s | {max(self.took_s):.2f} s | {times} |"


async def fill(dsn: str, days: int, a_day: int) -> None:
    """So many days of calls."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("select setseed(0.5)")
    for day in range(days):
        first, midnight = 1 + day * a_day, BEGINS + timedelta(days=day)
        await connection.execute("drop table if exists drawn")
        await connection.execute(_told(DRAWN, first, a_day, midnight))
        async with connection.transaction():
            for query in (FACTS, CALLS, AGENT_TIMES):
                await connection.execute(query)
        if day % A_MONTH == 0:
            print(f"  {day} of {days} days", file=sys.stderr, flush=True)
    await connection.execute("vacuum analyze")
    await connection.close()


def _told(query: str, first: int, amount: int, midnight: datetime) -> str:
    """`create table … as` takes no parameters."""
    return query.replace("$1", str(first)).replace("$2", str(amount)).replace("$3", f"'{midnight.isoformat()}'")


async def timed(name: str, days: int, calls: int, ask: Callable[[], Awaitable[Any]]) -> Question:
    """Ask a question some times."""
    took = []
    for _ in range(TIMES):  # one that is given up once is not asked again
        began = time.perf_counter()
        try:
            await ask()
        except StoreError as fault:
            print(f"  {name}, {days} days: {fault}", file=sys.stderr, flush=True)
            return Question(name, days, calls, ())
        took.append(time.perf_counter() - began)
    print(f"  {name}, {days} days: {took[-1]:.1f} s", file=sys.stderr, flush=True)
    return Question(name, days, calls, took)


async def close(store: PostgresStore, days: int, a_day: int) -> Question:
    """Close every day: how long each took."""
    took, ends = [], BEGINS + timedelta(days=days)
    began = time.perf_counter()
    while await store.close_day(ends, IN_TIME):
        took.append(time.perf_counter() - began)
        began = time.perf_counter()
    print(f"  {len(took)} days closed in {sum(took):.0f} s", file=sys.stderr, flush=True)
    return Question("a day that is over is closed, once", 1, a_day, took)


async def ask(dsn: str, days: int, a_day: int) -> list[Question]:
    """What reports of a month and of all of it ask, each after its yardstick."""
    database = Database(dsn)
    store = PostgresStore(database)
    connection = await asyncpg.connect(dsn)
    closed = await close(store, days, a_day)
    found = []
    for span in sorted({min(A_MONTH, days), days}):
        ends = BEGINS + timedelta(days=days)
        begins = ends - timedelta(days=span)
        whole, cut = Cells([begins], ends), Cells([begins + HALF_A_DAY], ends - HALF_A_DAY)
        by_day, by_hour = (Cells(starts(begins, ends, every), ends) for every in (Every.DAY, Every.HOUR))
        questions: dict[str, Callable[[], Awaitable[Any]]] = {
            "the yardstick: calls by outcome, their mean wait": partial(connection.fetch, YARDSTICK, begins, ends),
            "every figure": partial(store.figures, whole, "", IN_TIME),
            "day by day": partial(store.figures, by_day, "", IN_TIME),
            "hour by hour": partial(store.figures, by_hour, "", IN_TIME),
            **{f"by {by}": partial(store.figures, whole, by, IN_TIME) for by in BY},
            "by line, day by day": partial(store.figures, by_day, "line", IN_TIME),
            "by agent, day by day": partial(store.figures, by_day, "agent", IN_TIME),
            "agents' own times": partial(store.agent_times, whole, ends, IN_TIME),
            "the same, day by day": partial(store.agent_times, by_day, ends, IN_TIME),
            "by agent, half a day short at both ends": partial(store.figures, cut, "agent", IN_TIME),
        }
        if timedelta(days=span) <= LOOKED_THROUGH:
            for name, end in ("", ends), (", ending at 23:58", ends - TWO_MINUTES):
                begin, width = cells(begins, end)
                rolling = Cells(begin, end, width)
                questions[f"any 24 hours, every 5 minutes{name}"] = partial(store.figures, rolling, "", IN_TIME)
        found += [await timed(name, span, span * a_day, question) for name, question in questions.items()]
    await connection.close()
    await database.close()
    return [*found, closed]


def report(days: int, a_day: int, found: Sequence[Question]) -> str:
    """The section for the document."""
    yardsticks = {each.days: statistics.median(each.took_s) for each in found if each.name.startswith("the yardstick")}
    rows = [each.row(yardsticks.get(each.days)) for each in found]
    return "\n".join(
        [
            *(SECTION, "", f"`scripts/bench_report.py --days {days} --a-day {a_day}`", "", machine(), ""),
            "| what is asked | days | calls | took | longest | times the yardstick |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
            f"Median and longest of {TIMES}, and of all days that were closed; what took longer than {COUNTING:.0f} s",
            "once is given up, as a report is.",
            "`hotline report` of a month asks for every figure and for any 24 hours, with `--by agent` for those by",
            "agent and their own times. All days are closed ([metrics](metrics.md#rules)); the halves of a day at both",
            "ends, and rolling windows that end between two full 5 minutes, are counted call by call.",
            "",
        ]
    )


async def measured(folder: Path, days: int, a_day: int) -> list[Question]:
    """Fill a server of our own, and ask."""
    server = Server(folder, folder / "log" / "postgres.log")
    await server.prepare()
    child = server.launch()
    try:
        await server.ready(child)
        database = Database(server.dsn())
        await database.migrate()
        await database.close()
        began = time.perf_counter()
        await fill(server.dsn(), days, a_day)
        print(f"  filled in {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
        return await ask(server.dsn(), days, a_day)
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        await child.ended()


def main() -> None:
    """Measure, print, and perhaps write down."""
    parser = argparse.ArgumentParser(description="How long a report of a year takes.")
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--a-day", type=int, default=5_500, help="calls a day")
    parser.add_argument("--write", type=Path, help="put the result into this document, section A report")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="hotline-bench-"))
    folder.chmod(0o755)  # the server may run as another user
    try:
        found = asyncio.run(measured(folder, given.days, given.a_day))
    finally:
        shutil.rmtree(folder)
    section = report(given.days, given.a_day, found)
    print(section)
    if given.write:
        write(given.write, section)


if __name__ == "__main__":
    main()
