"""Whose the talk and the wrap-up are when a call goes from one agent to another: counted at their phones too."""

from datetime import timedelta

import msgspec
import pytest

from ivr.edge.database import Database
from ivr.figures import TERMS, Figures
from ivr.store import Cells, PostgresStore
from routing.talk import Do, Kind, Whom
from tests.calls.simulated import CONFIG, SimulatedHouse
from tests.calls.talking import (
    ASK_COLLEAGUE,
    COLLEAGUE,
    OTHER,
    OWNER,
    SEAT,
    SEAT2,
    UTILITY,
    WATER,
    A,
    B,
    By,
    C,
    R,
    S,
    Script,
    house_with,
)
from tests.edge.test_identity import BEGINS, ENDS, history
from tests.edge.test_store import NODE
from tests.fake.loop import simulate

IN_TIME = timedelta(seconds=15)
STAYS_MS = 300_000  # every wrap-up is over
WRAP_UP_S = 20
POOLS = {
    each.id: msgspec.structs.replace(each, wrap_up=timedelta(seconds=WRAP_UP_S)) for each in CONFIG.site.pools.values()
}
WRAPS_UP = msgspec.structs.replace(CONFIG, site=msgspec.structs.replace(CONFIG.site, pools=POOLS))
IN_TALK = {A, B, C, R, S, f"{C}+{B}", f"{C}+{A}", f"voice:{WATER}"}
"""What an agent hears from their first word to their last."""

MOVES: dict[str, Script] = {
    "blind": [(Do.TRANSFER, COLLEAGUE)],
    "blind, to a pool": [(Do.TRANSFER, Whom(Kind.POOL, "hall"))],
    "warm": [ASK_COLLEAGUE, Do.COMPLETE],
    "all three, and the first leaves": [ASK_COLLEAGUE, Do.THREE_WAY, Do.HANG_UP],
    "consulted, and back": [ASK_COLLEAGUE, Do.CANCEL],
}


@pytest.fixture
def house(request: pytest.FixtureRequest) -> SimulatedHouse:
    """A talk in which that was asked for, long over."""
    script: Script = request.param
    house = simulate(lambda: house_with(script, config=WRAPS_UP, stays_ms=STAYS_MS))
    house.check()
    return house


async def figures(store: PostgresStore, house: SimulatedHouse, by: str) -> dict[str, Figures]:
    await store.prepare()
    await store.drain(NODE, history(house)[:-3])  # what only the census knows is not of this house
    return {row.key: row for row in await store.figures(Cells([BEGINS], ENDS), by, IN_TIME)}


def talked(house: SimulatedHouse, seat: str) -> float:
    """Seconds that somebody at a seat was in the talk, by what was heard there from the first voice on."""
    heard = [(since, to, what) for since, to, what in house.fake.heard(seat) if what in IN_TALK]
    begins = next(since for since, _, what in heard if what != S)
    return sum(to - since for since, to, _ in heard if since >= begins) / 1000


@pytest.mark.parametrize("house", MOVES.values(), ids=MOVES, indirect=True)
async def test_each_agent_has_their_own_talk_and_wrap_up_and_the_call_has_all_of_it(
    store: PostgresStore, house: SimulatedHouse
) -> None:
    rows = await figures(store, house, "agent")
    assert {key: row.answered for key, row in rows.items()} == {OWNER: 1, OTHER: 0}
    spent = 0.0
    for agent, seat in ((OWNER, SEAT), (OTHER, SEAT2)):
        row = rows[agent]
        assert row.handled == 1
        assert row.mean_talk == pytest.approx(talked(house, seat), abs=0.1)
        assert row.mean_wrap_up == pytest.approx(WRAP_UP_S)
        spent += row.mean_handle or 0
    (record,) = house.records()
    assert sum(row.mean_hold or 0 for row in rows.values()) == pytest.approx(record.held_ms / 1000)
    assert spent == pytest.approx(sum(talked(house, seat) + WRAP_UP_S for seat in (SEAT, SEAT2)), abs=0.2)
    call = (await figures(store, house, ""))[""]
    assert (call.answered, call.handled) == (1, 1)
    assert call.mean_handle == pytest.approx(spent), "what the call has cost of all agents' time"
    assert call.mean_talk == (record.talk_ms or 0) / 1000, "and the citizen has talked from the first to the last"


HOLDS: Script = [Do.HOLD, Do.RETRIEVE, Do.TAKE_OVER, By("boss", Do.HOLD), By("boss", Do.RETRIEVE), Do.STOP]


@pytest.mark.parametrize("house", [HOLDS], indirect=True)
async def test_a_supervisor_who_takes_over_has_their_own_talk_and_holds_and_the_call_is_offered_and_answered_once(
    store: PostgresStore, house: SimulatedHouse
) -> None:
    rows = await figures(store, house, "agent")
    assert {key: (row.offered, row.answered, row.handled) for key, row in rows.items()} == {
        OWNER: (1, 1, 1), "boss": (0, 0, 1),
    }  # fmt: skip
    for agent, seat in ((OWNER, SEAT), ("boss", "8020")):
        assert rows[agent].mean_hold == pytest.approx(5, abs=0.1)
        assert rows[agent].mean_talk == pytest.approx(talked(house, seat), abs=0.1)
    call = (await figures(store, house, ""))[""]
    assert (call.offered, call.answered, call.handled) == (1, 1, 1)
    assert call.offered == sum(getattr(call, term) for term in TERMS)
    assert call.mean_hold == pytest.approx(10, abs=0.2)
    assert call.mean_handle == pytest.approx(sum(row.mean_handle or 0 for row in rows.values()))


@pytest.mark.parametrize("house", [[(Do.TRANSFER, UTILITY)]], indirect=True)
async def test_who_talks_with_a_target_has_cost_no_agent_anything_since(
    store: PostgresStore, house: SimulatedHouse
) -> None:
    (row,) = (await figures(store, house, "agent")).values()
    assert row.mean_talk == pytest.approx(talked(house, SEAT), abs=0.1)
    call = (await figures(store, house, ""))[""]
    assert (call.mean_talk or 0) - (row.mean_talk or 0) > 10
    assert call.mean_handle == row.mean_handle


@pytest.mark.parametrize("house", [MOVES["blind"]], indirect=True)
async def test_what_an_older_version_has_kept_is_the_first_agents_talk_and_all_wrap_up(
    store: PostgresStore, database: Database, house: SimulatedHouse
) -> None:
    await figures(store, house, "")
    async with database.transaction() as connection:
        await connection.run("drop table kept_calls, kept_times, closed_days; drop index agent_times_long")
        for opens in ("calls_open_days", "facts_open_days", "agent_times_open_days", "ends_open_days", "all_days_open"):
            await connection.run(f"drop function {opens} cascade")
        await connection.run("drop view offered")
        await connection.run("alter table calls drop column talks, drop column agents_ms")
        await connection.run("update agent_times set call = call || '-talk-2' where agent = $1", OTHER)
        await connection.run("update alembic_version set version_num = '0005'")
    await database.migrate()
    (call,) = await store.figures(Cells([BEGINS], ENDS), "", IN_TIME)
    (row,) = await store.figures(Cells([BEGINS], ENDS), "agent", IN_TIME)
    (record,) = house.records()
    assert (row.key, row.handled, row.mean_talk) == (OWNER, 1, (record.talk_ms or 0) / 1000)
    assert row.mean_hold == call.mean_hold == record.held_ms / 1000 > 0
    assert (row.mean_wrap_up, call.mean_wrap_up) == (WRAP_UP_S, 2 * WRAP_UP_S)
