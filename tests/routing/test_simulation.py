"""The simulation against what must come of it, against theory, and against a simple count."""

from collections.abc import Iterator
from datetime import datetime
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.erlang import impatient
from routing.hours import SHANGHAI
from routing.ids import AgentId, PoolId, SkillId
from routing.simulation import Caller, Fate, Shift, simulated
from routing.staffing import DAY_MS, MIX, lived, mixed, needed, shape, shifts, summed, volumes
from routing.tickets import Alternative, Competence, Configured, Ladder, Requirement, Rung
from tests.routing import sources

HALL, MARKET = PoolId("hall"), SkillId("market")
CONFIGURED = Configured((HALL,), HALL, 0)
ANYBODY = (Rung(Requirement((Alternative(HALL),))),)
SKILLED = (
    Rung(Requirement((Alternative(HALL, MARKET, 3),))),
    Rung(Requirement((Alternative(HALL, MARKET, 3), Alternative(HALL))), 10_000),
)
PATIENT = 10**9


def agents(n: int, until: int = 10**12, skills: tuple[tuple[SkillId, int], ...] = ()) -> list[Shift]:
    return [Shift(AgentId(f"a{each}"), (Competence(HALL, skills),), 0, until) for each in range(n)]


def fates(callers: list[Caller], shifts: list[Shift], ring_ms: int = 0) -> dict[int, Fate]:
    found = {fate.at: fate for fate in simulated(callers, shifts, CONFIGURED, ring_ms)}
    assert len(found) == len(callers)
    return found


def test_who_comes_first_is_served_first_and_the_agent_rings_first() -> None:
    callers = [Caller(at, ANYBODY, PATIENT, 60_000) for at in (0, 1_000, 2_000)]
    found = fates(callers, agents(1), ring_ms=3_000)
    assert [fate.waited_ms for fate in found.values()] == [3_000, 63_000 - 1_000 + 3_000, 126_000 - 2_000 + 3_000]
    assert {fate.busy_ms for fate in found.values()} == {63_000}


def test_who_has_no_patience_left_leaves_and_keeps_nobody_busy() -> None:
    callers = [Caller(0, ANYBODY, PATIENT, 60_000), Caller(1_000, ANYBODY, 20_000, 60_000)]
    found = fates([*callers, Caller(2_000, ANYBODY, PATIENT, 5_000)], agents(1))
    assert found[1_000] == Fate(1_000, 20_000, 0)
    assert found[2_000].waited_ms == 58_000


def test_after_a_while_anybody_takes_who_wanted_a_skill() -> None:
    expert = Shift(AgentId("expert"), (Competence(HALL, ((MARKET, 4),)),), 0, 10**12)
    callers = [Caller(0, SKILLED, PATIENT, 90_000), Caller(5, SKILLED, PATIENT, 1_000), Caller(9, ANYBODY, 5, 500)]
    found = fates(callers, [*agents(1), expert])
    assert [found[at].waited_ms for at in (0, 5, 9)] == [0, 10_000, 0]


def test_an_agent_who_goes_ends_the_talk_and_takes_no_other() -> None:
    callers = [Caller(1_000, ANYBODY, PATIENT, 60_000), Caller(2_000, ANYBODY, 90_000, 60_000)]
    found = fates(callers, agents(1, until=30_000))
    assert found[1_000].busy_ms == 60_000
    assert found[2_000] == Fate(2_000, 90_000, 0)


def test_where_nobody_works_everybody_leaves() -> None:
    assert [fate.busy_ms for fate in simulated([Caller(0, ANYBODY, 5, 5)], [], CONFIGURED)] == [0]


def drawn(rng: Random, calls: int, every_ms: float, handle_ms: float, patience_ms: float) -> Iterator[Caller]:
    at = 0.0
    for _ in range(calls):
        at += rng.expovariate(1 / every_ms)
        yield Caller(
            int(at), ANYBODY, int(rng.expovariate(1 / patience_ms)), max(1, int(rng.expovariate(1 / handle_ms)))
        )


@pytest.mark.slow
@pytest.mark.parametrize(("n", "seed"), [(9, 1), (11, 2), (14, 3)])
def test_it_comes_to_what_theory_says_where_theory_holds(n: int, seed: int) -> None:
    """Erlang A: 10 Erlang, a patience of 90 s, 12,000 callers."""
    callers = list(drawn(Random(seed), 12_000, 24_000, 240_000, 90_000))
    found = list(simulated(callers, agents(n), CONFIGURED))
    theory = impatient(10, n, 240, 90, 15)
    assert sum(fate.busy_ms == 0 for fate in found) / 12_000 == pytest.approx(theory.abandoned, abs=0.015)
    assert sum(fate.busy_ms > 0 and fate.waited_ms <= 15_000 for fate in found) / 12_000 == pytest.approx(
        theory.in_time, abs=0.03
    )
    assert sum(fate.waited_ms for fate in found) / 12_000_000 == pytest.approx(theory.wait_s, abs=2)


@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 120))
def test_each_caller_has_one_fate_and_no_agent_two_callers(seed: int, n: int, calls: int) -> None:
    callers = list(drawn(Random(seed), calls, 20_000, 60_000, 30_000))
    found = list(simulated(callers, agents(n), CONFIGURED))
    assert sorted(fate.at for fate in found) == sorted(caller.at for caller in callers)
    edges = sorted(
        edge
        for fate in found
        if fate.busy_ms
        for edge in ((fate.at + fate.waited_ms, 1), (fate.at + fate.waited_ms + fate.busy_ms, -1))
    )
    at_once = 0
    for _, change in edges:  # an end comes before a beginning at the same moment
        at_once += change
        assert at_once <= n


# --- a day


def test_a_day_has_the_wanted_busy_hour() -> None:
    for busy in (0.06, 0.10, 0.13, 0.2):
        shares = shape(busy)
        assert sum(shares) == pytest.approx(1)
        assert max(shares) == shares[10] == pytest.approx(busy, abs=1e-6)
    for wrong in (0.04, 0.6):
        with pytest.raises(ValueError, match="between a 24th and a half"):
            shape(wrong)


def test_intervals_add_up_to_the_day() -> None:
    quarter_hours = volumes(5_500, shape(), 96)
    assert sum(quarter_hours) == pytest.approx(5_500)
    assert sum(quarter_hours[40:44]) == pytest.approx(550)
    with pytest.raises(ValueError, match="50 intervals"):
        volumes(5_500, shape(), 50)


def test_what_a_day_needs() -> None:
    rows = needed(volumes(5_500, shape(), 48), 240, 90, 0.95, 15)
    assert [row.since_ms for row in rows] == [n * 1_800_000 for n in range(48)]
    assert rows[20].load == pytest.approx(550 * 240 / 3600)
    assert (rows[20].patient, rows[20].impatient) == (47, 44)
    assert all(row.impatient <= row.patient for row in rows)


def test_what_was_lived_is_counted_where_it_was() -> None:
    half = DAY_MS // 2
    found = lived(
        [Fate(1_000, 2_000, 10_000), Fate(half - 5_000, 0, 20_000), Fate(half + 1, 20_000, 5), Fate(half + 2, 7, 0)],
        [2, 1], 1, 15_000,
    )  # fmt: skip
    first, second = found
    assert (first.offered, first.answered, first.in_time, first.asa_s, first.abandonment) == (2, 2, 1, 1, 0)
    assert first.occupancy == pytest.approx(15_000 / (2 * half))
    assert (second.offered, second.abandoned, second.in_time, second.abandonment) == (2, 1, 0, 0.5)
    assert second.occupancy == pytest.approx((15_000 + 5) / half)
    whole = summed(found)
    assert (whole.offered, whole.agents, whole.in_time) == (4, 2, 0.5)
    assert whole.asa_s == pytest.approx(22 / 3)
    assert lived([Fate(DAY_MS - 5, 0, 10)], [1, 1], 1, 0)[0].occupancy == pytest.approx(5 / half)
    (empty,) = lived([], [0], 1, 15_000)
    assert (empty.in_time, empty.asa_s, empty.occupancy) == (None, None, None)
    assert summed([empty]).in_time is None


def test_an_interval_staffed_as_erlang_says_answers_as_many_in_time() -> None:
    """Ten days of one hour's load: Erlang A's agents reach the wanted share in the simulation too."""
    (row,) = needed((240.0,), 240, 90, 0.9, 15)[:1]
    load = row.load
    callers = list(drawn(Random(5), 12_000, 240_000 / load, 240_000, 90_000))
    found = list(simulated(callers, agents(row.impatient), CONFIGURED))
    in_time = sum(fate.busy_ms > 0 and fate.waited_ms <= 15_000 for fate in found) / len(found)
    assert in_time == pytest.approx(impatient(load, row.impatient, 240, 90, 15).in_time, abs=0.04)


def test_each_interval_has_as_many_at_work_as_was_said() -> None:
    people = [(Competence(HALL),), (Competence(HALL, ((MARKET, 3),)),)]
    staff, days = [1, 3, 3, 0], 2
    found = shifts(staff, days, people)
    assert {shift.agent for shift in found} == {"0001", "0002", "0003"}
    width = DAY_MS // len(staff)
    for interval in range(days * len(staff)):
        middle = interval * width + width // 2
        at_work = [shift for shift in found if shift.since <= middle < shift.until]
        assert len({shift.agent for shift in at_work}) == len(at_work) == staff[interval % 4]
    assert {shift.competences for shift in found} == set(people)
    assert [shift.until for shift in shifts([2], 3, people)] == [3 * DAY_MS] * 2


def test_what_is_dialled_waits_for_whom_the_plan_says() -> None:
    config = sources.config()
    now = datetime(2022, 6, 1, 10, tzinfo=SHANGHAI)
    found = mixed(config, now)
    assert sum(found.values()) == pytest.approx(sum(MIX.values())) == pytest.approx(100)
    shares: dict[SkillId | None, float] = {}
    for ladder, share in found.items():
        skill = ladder[0].requirement.alternatives[0].skill
        shares[skill] = shares.get(skill, 0.0) + share
    assert shares[MARKET] == MIX["12315"]
    assert shares[None] == MIX["12345"] + MIX["12348"]  # its lawyers are there for anybody who has dialled it
    without = msgspec.structs.replace(config, lines={"12345": config.lines["12345"]})
    assert mixed(without, now) == {ladder: pytest.approx(100) for ladder in mixed(without, now)}
    assert len(mixed(without, now)) == 1


def test_with_enough_agents_nobody_leaves_but_from_a_wait_for_a_skill() -> None:
    config = sources.config()
    asked = mixed(config, datetime(2022, 6, 1, 10, tzinfo=SHANGHAI))
    dice, ladders = Random(1), dict[int, Ladder]()
    for at in sorted(dice.sample(range(DAY_MS), 5_500)):
        ladders[at] = dice.choices([*asked], [*asked.values()])[0]
    callers = [Caller(at, ladder, round(dice.expovariate(1 / 90_000)), 240_000) for at, ladder in ladders.items()]
    people = [each.competences for each in config.site.agents.values() if each.competences[0].pool == HALL]
    found = list(simulated(callers, shifts([95], 1, people), CONFIGURED))
    waited = [fate for fate in found if fate.waited_ms]
    assert {ladders[fate.at][0].requirement.alternatives[0].skill for fate in waited}.isdisjoint({None})
    assert max(fate.waited_ms for fate in waited) == 10_000  # then anybody of the hall
    assert 0 < sum(not fate.busy_ms for fate in found) < 0.02 * len(found)
