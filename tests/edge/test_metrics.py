"""The figures on a real PostgreSQL: each variant by its name, equal to a slow count, and every call counted once."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ivr.edge.database import Database
from ivr.facts import Announced, Arrived, CallRecord, Direction, Outcome, Queued, Reached, Stage, Talked
from ivr.figures import NAMES, TERMS, AgentTimes, Figures
from ivr.journal import CALL, FLOOR, MISSED, RECORD
from ivr.ledger import Taken
from ivr.store import METRICS, Cells, PostgresStore
from routing.arrival import Arrival
from routing.estimate import Estimate
from routing.hours import SHANGHAI
from routing.ids import AgentId, CallId, Instant, PoolId, SeatId, SkillId, TicketId
from routing.replay import Told
from routing.tickets import Accepted, AgentState, AnyEvent, Changed, Left, SignedIn, Tick
from routing.windows import Every, cells, starts
from tests.edge.counting import IN_TIME_MS, KEY, OUR_OWN, counted, moment, of_agent
from tests.edge.test_store import NODE, a_call, line
from tests.fake.clock import SEPTEMBER

MIDNIGHT = datetime(2021, 9, 15, tzinfo=SHANGHAI)
IN_TIME = timedelta(milliseconds=IN_TIME_MS)
DAY_MS = 86_400_000


def at(seconds: float) -> Instant:
    return Instant(SEPTEMBER + round(seconds * 1000))


async def keep(store: PostgresStore, calls: Sequence[CallRecord], *, after: int = 0) -> None:
    """Records, as the drainer brings them; a call's own id is given to it here."""
    topics = {Outcome.MISSED: MISSED, Outcome.REFUSED: MISSED}
    numbered = enumerate(calls, after + 1)
    await store.drain(NODE, [line(n, topics.get(call.outcome, RECORD), call.call, call) for n, call in numbered])


def whole_day(by_day: datetime = MIDNIGHT) -> Cells:
    return Cells([by_day], by_day + timedelta(days=1))


async def the_day(store: PostgresStore) -> Figures:
    (figures,) = await store.figures(whole_day(), "", IN_TIME)
    return figures


# --- what a call can be


@st.composite
def calls(draw: st.DrawFn) -> CallRecord:
    """Any call: its instants in order, some of them missing."""
    outcome = draw(st.sampled_from(Outcome))
    is_our_own = outcome in OUR_OWN or draw(st.integers(0, 4)) == 0
    ticks = [at(draw(st.integers(0, 7_200)))]
    for _ in range(6):
        ticks.append(Instant(ticks[-1] + draw(st.integers(0, 20_000))))
    arrived, answered, queued, greeted, reached, released, ended = ticks
    is_ours = outcome not in {Outcome.MISSED, Outcome.REFUSED}
    has_answer = is_ours and (outcome is Outcome.ANSWERED or draw(st.booleans()))
    is_queued = has_answer and (outcome is Outcome.ANSWERED or draw(st.booleans()))
    is_reached = outcome is Outcome.ANSWERED or (outcome is Outcome.TRANSFERRED and draw(st.booleans()))
    pools = st.sampled_from([PoolId("hall"), PoolId("safety")])
    agents = st.sampled_from([AgentId("1001"), AgentId("1002"), AgentId("1003")])
    parts = st.builds(
        lambda agent, ms, held: Talked(agent, reached, Instant(reached + ms), held),
        *(agents, st.integers(0, 90_000), st.integers(0, 9_000)),
    )
    return a_call(
        "named later",
        outcome=outcome,
        arrived=arrived,
        ended=ended,
        line=draw(st.sampled_from(["12345", "12329"])),
        direction=draw(st.sampled_from([Direction.CALLBACK, Direction.OUT, Direction.SEAT]))
        if is_our_own
        else Direction.IN,
        reached=draw(st.sampled_from([None, *Reached])) if outcome is Outcome.SURVIVAL else None,
        stage=draw(st.sampled_from(Stage)) if outcome is Outcome.ABANDONED else None,
        answered=answered if has_answer else None,
        queued=queued if is_queued else None,
        prompts_ended=greeted if has_answer and draw(st.booleans()) else None,
        connected=reached if is_reached else None,
        released=released if is_reached and draw(st.booleans()) else None,
        asked_pool=draw(pools) if is_queued else None,
        pool=draw(pools) if outcome is Outcome.ANSWERED else None,
        overflowed=(PoolId("law"),) if is_queued and draw(st.booleans()) else (),
        held_ms=draw(st.integers(0, 9_000)) if outcome is Outcome.ANSWERED else 0,
        rating=draw(st.sampled_from([None, 1, 2, 3, 4, 5])) if outcome is Outcome.ANSWERED else None,
        skill=draw(st.sampled_from([None, SkillId("market")])) if is_queued else None,
        agent=draw(agents) if outcome is Outcome.ANSWERED else None,
        talks=tuple(draw(st.lists(parts, min_size=1, max_size=4))) if outcome is Outcome.ANSWERED else (),
    )


def named(drawn: list[CallRecord]) -> list[CallRecord]:
    return [msgspec.structs.replace(call, call=CallId(f"c{n}")) for n, call in enumerate(drawn)]


@given(st.lists(calls(), max_size=40), st.sampled_from(sorted(KEY)), st.sampled_from([None, *Every]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_the_figures_equal_a_slow_count(
    store: PostgresStore, database: Database, drawn: list[CallRecord], by: str, every: Every | None
) -> None:
    await store.prepare()
    async with database.transaction() as connection:
        await connection.run("truncate facts, calls, agent_times, mark")
    records = named(drawn)
    await keep(store, records)
    records = [call for call in records if call.direction is Direction.IN]
    begins, ends = moment(at(-600)), moment(at(7_200))
    windows = starts(begins, ends, every)
    rows = await store.figures(Cells(windows, ends), by, IN_TIME)
    assert sum(row.offered for row in rows) == sum(begins <= moment(call.arrived) < ends for call in records)
    for row in rows:
        assert row.offered == sum(getattr(row, term) for term in TERMS)
        within = [call for call in records if row.since <= moment(call.arrived) < row.until]
        expected = counted([call for call in within if KEY[by](call) == row.key])
        if by == "agent":
            expected |= of_agent(row.key, within)
            expected["mean_handle"] = expected["mean_talk"]  # no wrap-up among them
        assert {name: getattr(row, name) for name in expected} == pytest.approx(expected), row
    keys = {row.key for row in rows}
    assert len(rows) == len(keys) * len(windows), "no window is left out"


def test_no_figure_of_calls_that_are_over_is_counted_once_only() -> None:
    of_others = {"in_progress", "ewt_told", "ewt_error_by_departures", "ewt_error_by_last", "mean_wrap_up"}
    assert {*counted([])} | of_others == {*Figures.__struct_fields__[3:]}


def test_every_outcome_has_its_term() -> None:
    arriving = [outcome for outcome in Outcome if outcome not in {Outcome.ABANDONED, *OUR_OWN}]
    terms = {str(outcome).replace("-", "_") for outcome in arriving}
    terms |= {f"abandoned_{stage}" for stage in Stage}
    assert terms | {"in_progress"} == set(TERMS), (
        "offered is the sum of its terms: give a new outcome its own in ivr/sql/metrics.sql and ivr/figures.py"
    )


# --- calls in progress


async def test_a_call_in_progress_is_offered_once_and_then_is_what_became_of_it(store: PostgresStore) -> None:
    arrival = Arrival("12329", "031012329", "139", recognised=True, diverted_from=None, trunk="town")
    began = Taken("arrived", Arrived(at(3), arrival, "2021-09-15T09:00:03+08:00"))
    queued = Taken("queued:1", Queued(at(4), TicketId("c1")))
    facts = [line(1, CALL, "c1", began), line(2, CALL, "c1", queued), line(3, CALL, "c2", began)]
    again = line(4, CALL, "c2", began)  # its ledger could not be read: begun anew
    await store.drain(NODE, [*facts, again])
    now = await the_day(store)
    assert (now.offered, now.in_progress, now.agent_requests, now.connection_rate) == (2, 2, 1, 0)
    (by_line,) = await store.figures(whole_day(), "line", IN_TIME)
    assert (by_line.key, by_line.in_progress) == ("12329", 2)
    routed = Taken("routed", {"line": "12345"})
    await store.drain(NODE, [line(5, CALL, "c1", routed), line(6, RECORD, "c2", a_call("c2", connected=at(9)))])
    keys = {row.key: row for row in await store.figures(whole_day(), "line", IN_TIME)}
    assert (keys["12345"].in_progress, keys["12345"].answered) == (1, 1)
    assert "12329" not in keys


async def test_what_callers_were_told_of_their_wait_is_compared_with_what_it_was(store: PostgresStore) -> None:
    def told(number: int, when: float, **foreseen: int) -> tuple[int, bytes]:
        said = Announced(at(when), (), Estimate(2, **foreseen) if foreseen else None)
        return line(number, CALL, "c1", Taken(f"announced:{number}", said))

    facts = [
        told(1, 10, by_departures_ms=25_000, by_last_ms=10_000),
        told(2, 30, by_departures_ms=5_000, by_last_ms=30_000),
        told(3, 31),
        line(4, RECORD, "c1", a_call("c1", connected=at(40), ended=at(90))),
        line(5, CALL, "c2", Taken("announced:1", Announced(at(1), (), Estimate(1, 9_000, 9_000)))),
        line(6, RECORD, "c2", a_call("c2", outcome=Outcome.ABANDONED, stage=Stage.QUEUE)),
    ]
    await store.drain(NODE, facts)
    day = await the_day(store)
    assert (day.ewt_told, day.ewt_error_by_departures, day.ewt_error_by_last) == (2, 5, 20)


# --- windows


async def test_a_call_belongs_to_the_day_in_shanghai_on_which_it_arrived(store: PostgresStore) -> None:
    midnight = Instant(int(MIDNIGHT.timestamp() * 1000))
    edges = [midnight - 1, midnight, midnight + DAY_MS - 1, midnight + DAY_MS]
    await keep(store, [a_call(f"c{n}", arrived=Instant(ms), ended=Instant(ms + DAY_MS)) for n, ms in enumerate(edges)])
    assert (await the_day(store)).offered == 2
    days = starts(MIDNIGHT - timedelta(days=1), MIDNIGHT + timedelta(days=2), Every.DAY)
    rows = await store.figures(Cells(days, MIDNIGHT + timedelta(days=2)), "", IN_TIME)
    assert [(row.since, row.offered) for row in rows] == list(zip(days, [1, 2, 1], strict=True))


async def test_a_rolling_window_falls_below_95_percent_though_each_day_stays_above(store: PostgresStore) -> None:
    noon = int(MIDNIGHT.timestamp() * 1000) + DAY_MS // 2
    records = [a_call(f"good{n}", arrived=Instant(noon + n * 60_000)) for n in range(0, 2_880, 3)]
    # 20 are lost late on the first evening, 20 early on the next morning
    lost = [noon + hours * 3_600_000 + n * 60_000 for hours in (11, 13) for n in range(20)]
    records += [
        a_call(f"l{n}", arrived=Instant(ms), ended=Instant(ms + 60_000), outcome=Outcome.ABANDONED, stage=Stage.QUEUE)
        for n, ms in enumerate(lost)
    ]
    await keep(store, records)
    ends = MIDNIGHT + timedelta(days=3)
    days = await store.figures(Cells(starts(MIDNIGHT, ends, Every.DAY), ends), "", IN_TIME)
    assert all(day.connection_rate is not None and day.connection_rate > 0.9 for day in days)
    begin, width = cells(MIDNIGHT, ends)
    rolling = await store.figures(Cells(begin, ends, width), "", IN_TIME)
    assert len(rolling) == 3 * 288
    assert all(row.until - row.since == timedelta(hours=24) for row in rolling)
    for row in rolling[::50]:
        (alone,) = await store.figures(Cells([row.since], row.until), "", IN_TIME)
        assert alone == row
    worst = min(row.connection_rate for row in rolling if row.connection_rate is not None)
    assert worst < min(day.connection_rate for day in days if day.connection_rate is not None)


# --- agents


async def tell(store: PostgresStore, *told: tuple[float, AnyEvent, list[tuple[str, AgentState, str]]]) -> None:
    """The Floor's entries, as the dispatcher writes them."""
    bodies = [
        Told(at(when), event, tuple(Changed(AgentId(who), state, why) for who, state, why in changes))
        for when, event, changes in told
    ]
    for n, body in enumerate(bodies):  # one by one: the end of a state may come in a later batch
        await store.drain(NODE, [line(101 + n, FLOOR, "", body)])


async def test_an_agents_day_adds_up_from_the_floors_own_entries(store: PostgresStore) -> None:
    sits = SignedIn(AgentId("1001"), SeatId("8001"), ())
    await tell(
        store,
        (0, sits, [("1001", AgentState.READY, "")]),
        (100, Tick(), [("1001", AgentState.RESERVED, "")]),
        (105, Accepted(TicketId("c1"), AgentId("1001")), [("1001", AgentState.TALKING, "")]),
        (205, Left(TicketId("c1")), [("1001", AgentState.WRAP_UP, "")]),
        (235, Tick(), [("1001", AgentState.READY, ""), ("1001", AgentState.RESERVED, "")]),
        (241, Tick(), [("1001", AgentState.PAUSED, "no-answer")]),
        (300, Tick(), [("1001", AgentState.SIGNED_OUT, "")]),
        (400, Tick(), []),
    )
    await store.drain(NODE, [line(200, RECORD, "c1", a_call("c1", agent="1001", connected=at(107), released=at(205)))])
    now = moment(at(1000))
    (day,) = await store.agent_times(whole_day(), now, IN_TIME)
    assert day == AgentTimes(
        MIDNIGHT, "1001", offers=2, not_answered=1, rejected=0, signed_in=300, ready=100, reserved=11, talking=100,
        wrapping_up=30, paused=59, unreachable=0, occupancy=130 / 300,
    )  # fmt: skip
    (figures,) = await store.figures(whole_day(), "agent", IN_TIME)
    assert (figures.key, figures.mean_talk, figures.mean_wrap_up, figures.mean_handle) == ("1001", 98, 30, 128)


async def test_a_state_that_lasts_is_counted_until_now_and_in_each_window(store: PostgresStore) -> None:
    await tell(store, (0, Tick(), [("1001", AgentState.READY, "")]))
    windows = starts(moment(at(-60)), moment(at(1200)), Every.FIVE_MINUTES)
    rows = await store.agent_times(Cells(windows, moment(at(1200))), moment(at(400)), IN_TIME)
    assert [(row.since, row.ready) for row in rows] == [(moment(at(0)), 300), (moment(at(300)), 100)]
    assert rows[1].offers == 0


async def test_a_state_that_has_lasted_for_days_is_counted_in_the_day_in_which_it_ends(store: PostgresStore) -> None:
    hour = 3_600.0
    await tell(
        store,
        (-40 * hour, Tick(), [("1001", AgentState.PAUSED, "")]),
        (hour, Tick(), [("1001", AgentState.READY, "")]),
        (2 * hour, Tick(), [("1001", AgentState.SIGNED_OUT, "")]),
    )
    (day,) = await store.agent_times(whole_day(), moment(at(3 * hour)), IN_TIME)
    since_midnight = (moment(at(hour)) - MIDNIGHT).total_seconds()
    assert (day.paused, day.ready, day.signed_in) == (since_midnight, hour, since_midnight + hour)


# --- answers that are known: docs/metrics.md says where each was published


async def fill(database: Database, amounts: dict[str, int], line: str = "12345", in_time: int = 0) -> None:
    """So many calls of each outcome, without writing so many records; `in_time` of them answered after 10 s, not 20."""
    async with database.transaction() as connection:
        await connection.run("alter table calls set unlogged")  # so that a server killed by another test is soon back
        await connection.run(
            "insert into facts (node, seq, at, topic, key, body) values ($1, 0, to_timestamp(0), 'record', '', 'null')"
            " on conflict do nothing",
            NODE,
        )
        for outcome, amount in amounts.items():
            await connection.run(
                """
                insert into calls (
                    call, node, seq, outcome, stage, cause, line, phase, dialled, caller, trunk, arrived, ended, offers,
                    recording, rehearsal, answered, queued, prompts_ended, connected
                )
                select
                    concat_ws('-', $2::text, $5::text, n), $1, 0, $2, case $2 when 'abandoned' then 'queue' end, 0, $5,
                    '', '', '', '', $4::timestamptz, $4::timestamptz + interval '1 minute', 0, '', '',
                    $4, case $2 when 'announced' then null else $4 end, $4, case $2 when 'answered'
                        then $4::timestamptz + make_interval(secs => case when n <= $6 then 10 else 20 end) end
                from generate_series(1, $3::integer) as n
                """,
                NODE, outcome, amount, moment(at(0)), line, in_time,
            )  # fmt: skip


@pytest.mark.slow
async def test_ningxia_12333(store: PostgresStore, database: Database) -> None:
    """2020: offered is the sum; 综合接通率 95.38 % in the second quarter, then 91.15 %: a fall of 4.23."""
    await store.prepare()
    await fill(database, {"answered": 85_582, "announced": 154_917, "abandoned": 23_352}, "third")
    await fill(database, {"answered": 89_255, "announced": 153_219, "abandoned": 254_209 - 89_255 - 153_219}, "second")
    second, third = await store.figures(whole_day(), "line", IN_TIME)
    assert (second.offered, third.offered) == (254_209, 263_851)
    rates = [quarter.overall_connection_rate or 0 for quarter in (second, third)]
    assert [f"{rate:.2%}" for rate in (*rates, rates[0] - rates[1])] == ["95.38%", "91.15%", "4.23%"]
    assert f"{third.agent_connection_rate:.2%}" == "78.56%", "the same quarter, asked of the agents alone"
    assert third.connection_rate is not None
    assert third.connection_rate < 0.33, "and of all who called"


async def test_hangzhou_12345(store: PostgresStore, database: Database) -> None:
    """2020, third quarter: 15 秒接通率 94.84 %, 接通率 88.94 %: the first was divided by the answered calls alone."""
    await store.prepare()
    await fill(database, {"answered": 8_894, "abandoned": 1_106}, in_time=8_435)
    figures = await the_day(store)
    assert f"{figures.connection_rate:.2%}" == "88.94%"
    assert f"{figures.service_level_of_answered_since_answer:.2%}" == "94.84%"
    others = [
        figures.service_level_since_answer,
        figures.service_level_without_quick_abandons_since_answer,
        figures.service_level_of_offered_since_answer,
    ]
    assert [f"{rate:.2%}" for rate in others] == ["84.35%"] * 3


async def test_changzhou_12345(store: PostgresStore, database: Database) -> None:
    """2021: 接通率 98.16 %; 14,166,711 s of waiting for 962,151 answered: 14.7 s each.  Here a hundredth of it."""
    await store.prepare()
    await fill(database, {"answered": 9_622, "abandoned": 180}, in_time=5_080)
    figures = await the_day(store)
    assert f"{figures.connection_rate:.2%}" == "98.16%"
    assert f"{figures.asa_since_queue:.1f}" == "14.7"
    assert figures.longest_wait_since_answer == 20


async def test_pingdingshan(store: PostgresStore, database: Database) -> None:
    """August 2023: five numbers, 56,466 calls."""
    await store.prepare()
    numbers = {"12345": 35_399, "12315": 8_459, "12328": 2_094, "12333": 8_879, "12348": 1_635}
    for number, amount in numbers.items():
        await fill(database, {"answered": amount}, number)
    assert {row.key: row.offered for row in await store.figures(whole_day(), "line", IN_TIME)} == numbers
    whole = await the_day(store)
    assert whole.offered == 56_466
    shares = {number: f"{amount / whole.offered:.1%}" for number, amount in numbers.items()}
    assert shares == {"12345": "62.7%", "12315": "15.0%", "12328": "3.7%", "12333": "15.7%", "12348": "2.9%"}


async def test_the_four_formulas_of_15_seconds_and_the_strict_one(store: PostgresStore) -> None:
    """51callcenter's four, on ten calls: 6 answered in time, 1 late, 1 left in time, 1 late, 1 refused.

    Who is answered, or leaves, after 15 s to the millisecond is in time.

    Beside them the operators' glossary's N秒人工接通率: all but the refused one had asked for an agent.
    """
    waits = [(Outcome.ANSWERED, s) for s in (10, 10, 10, 10, 10, 15, 20)]
    waits += [(Outcome.ABANDONED, s) for s in (15, 20)]
    records = [
        a_call(
            f"c{n}", outcome=outcome, arrived=at(0), answered=at(0), queued=at(8), prompts_ended=at(6),
            stage=Stage.QUEUE, connected=at(s) if outcome is Outcome.ANSWERED else None, ended=at(s),
        )
        for n, (outcome, s) in enumerate(waits)
    ]  # fmt: skip
    await keep(store, [*records, a_call("busy", outcome=Outcome.REFUSED, ended=at(0))])
    day = await the_day(store)
    assert day.service_level_with_quick_abandons_since_answer == 7 / 9
    assert day.service_level_of_answered_since_answer == 6 / 7
    assert day.service_level_since_answer == 6 / 9
    assert day.service_level_without_quick_abandons_since_answer == 6 / 8
    assert day.service_level_of_offered_since_answer == 6 / 10
    assert (day.in_time_since_answer, day.in_time_since_prompt_end, day.in_time_since_queue) == (6, 7, 7)
    assert day.service_level_of_agent_requests_since_answer == 6 / 9
    assert day.service_level_of_agent_requests_since_queue == 7 / 9, "from when the agent was asked for, at 8 s"
    assert (day.longest_wait_since_answer, day.longest_wait_since_prompt_end) == (20, 14)
    assert day.service_level_of_answered_since_prompt_end == 1, "the greeting of 6 s does not count on the usual clock"
    assert day.service_level_with_quick_abandons_since_prompt_end == (7 + 2) / 9
    assert day.service_level_without_quick_abandons_since_prompt_end == 7 / (9 - 2)
    assert day.service_level_since_prompt_end == day.service_level_of_agent_requests_since_prompt_end == 7 / 9
    assert day.service_level_of_offered_since_prompt_end == 7 / 10


async def test_who_leaves_at_once_is_a_share_of_all_callers_and_of_those_who_asked_for_an_agent(
    store: PostgresStore,
) -> None:
    """Y秒放弃率 is divided by the agent requests."""
    gone = {"outcome": Outcome.ABANDONED, "stage": Stage.QUEUE, "ended": at(4)}
    records = [
        a_call("greeted", **gone | {"stage": Stage.GREETING}),
        a_call("asked", **gone, queued=at(1)),
        a_call("waited", **gone | {"ended": at(40)}, queued=at(1)),
        a_call("answered", queued=at(1), connected=at(9), ended=at(60)),
        a_call("refused", outcome=Outcome.REFUSED, ended=at(0)),
    ]
    await keep(store, records)
    day = await the_day(store)
    assert day.short_abandonment_rate == 2 / 5
    assert day.short_abandonment_rate_of_agent_requests == 1 / 3


async def test_a_greeting_that_is_too_long_breaks_the_promise_and_not_the_usual_clock(store: PostgresStore) -> None:
    greeted = a_call("c1", answered=at(0), prompts_ended=at(12), connected=at(16), ended=at(60))
    cut = a_call("c2", answered=at(0), prompts_ended=at(9), connected=at(8), ended=at(60))
    await keep(store, [greeted, cut])
    day = await the_day(store)
    assert (day.service_level_since_answer, day.service_level_since_prompt_end) == (0.5, 1)
    assert (day.asa_since_answer, day.asa_since_prompt_end) == (12, 2)


def test_the_columns_of_the_queries_are_the_names() -> None:
    final = METRICS["figures"].rpartition("select\n")[2]
    assert all(f"{name},\n" in final or f" {name}" in final for name in Figures.__struct_fields__)
    assert len(set(NAMES)) == len(NAMES)
