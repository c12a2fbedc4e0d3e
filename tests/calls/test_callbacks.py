"""Who is to be called back, from whole calls in virtual time: made once, kept over kills, joined, settled."""

import asyncio
from http import HTTPStatus
from typing import Any

import msgspec
import pytest

from ivr.callbacks import ANSWERED_MOST, Callbacks
from ivr.facts import CallRecord, Direction, Outcome, Reached
from ivr.journal import RECORD, Journal
from routing.callbacks import CAME_MOST, KEPT_MS, Result, Why
from routing.ids import AgentId, CallId, Instant
from tests.calls.desk import Desk
from tests.calls.simulated import CONFIG, SimulatedHouse
from tests.fake.clock import ManualClock
from tests.fake.disk import MemoryDisk
from tests.fake.loop import simulate

LI = "13831234567"
LATE = AgentId("1016")
SITE = CONFIG.site


def record(
    outcome: Outcome, *, caller: str = LI, lasted_ms: int = 30_000, cause: int = 16, reached: Reached | None = None
) -> CallRecord:
    """A call of one citizen that has ended."""
    at = Instant(1_700_000_000_000)
    there = Instant(at + 5_000) if outcome is Outcome.ANSWERED else None
    return CallRecord(
        CallId("handan1-1"), "handan1", outcome, at, Instant(at + lasted_ms), line="12329", caller=caller, cause=cause,
        connected=there, agent=AgentId("1001") if there else None, reached=reached,
    )  # fmt: skip


class Lives:
    """One life after another on one journal, all of which the database has; a minute goes by between two."""

    def __init__(self) -> None:
        self.clock, self._disk = ManualClock(Instant(1_700_000_040_000)), MemoryDisk()
        self.callbacks = self.begin()

    def begin(self) -> Callbacks:
        self._journal = Journal(self._disk, "handan1", self.clock)
        entries = list(self._journal.replay())
        self.callbacks = Callbacks(self._journal, self.clock, SITE, entries)
        self.callbacks.connected()
        self.callbacks.forget(())
        self._journal.drained(self._journal.seq)
        self.clock.passes(60_000)
        return self.callbacks

    def ends(self, name: str, outcome: Outcome, **known: Any) -> None:
        ended = msgspec.structs.replace(record(outcome), call=CallId(name), ended=self.clock.now, **known)
        self._journal.write(RECORD, ended.call, ended)
        self.callbacks.ended(ended)

    def tries(self, outcome: Outcome, result: Result) -> CallId:
        """Whoever is to be called back is called, and this comes of it."""
        (task,) = self.callbacks.open()
        tried = self.callbacks.begin(task)
        self.ends(tried, outcome, direction=Direction.CALLBACK, task=task.id, result=result)
        return tried


def book() -> Callbacks:
    clock = ManualClock()
    journal = Journal(MemoryDisk(), "handan1", clock)
    list(journal.replay())
    return Callbacks(journal, clock, SITE)


@pytest.mark.parametrize(
    ("ended", "why"),
    [
        (record(Outcome.ABANDONED), Why.ABANDONED),
        (record(Outcome.ABANDONED, lasted_ms=4_999), None),
        (record(Outcome.ABANDONED, lasted_ms=4_999, cause=41), Why.CUT),
        (record(Outcome.ABANDONED, cause=41), Why.ABANDONED),
        (record(Outcome.REFUSED, lasted_ms=0), Why.REFUSED),
        (record(Outcome.MISSED), Why.MISSED),
        (record(Outcome.FAILED), Why.CUT),
        (msgspec.structs.replace(record(Outcome.TRANSFERRED, cause=41), direction=Direction.SEAT), None),
        (record(Outcome.SURVIVAL), None),  # the census will say more
        (record(Outcome.SURVIVAL, reached=Reached.NOBODY), Why.MISSED),
        (record(Outcome.SURVIVAL, reached=Reached.TOLD), None),
        (record(Outcome.SURVIVAL, reached=Reached.PERSON), None),
        (record(Outcome.SURVIVAL, reached=Reached.PERSON, cause=41), Why.CUT),
        (record(Outcome.ANSWERED, cause=41), Why.CUT),
        (record(Outcome.ANSWERED), None),
        (record(Outcome.ANNOUNCED), None),
        (record(Outcome.ABANDONED, caller="anonymous"), None),
        (record(Outcome.ABANDONED, caller="110"), None),
        (record(Outcome.ABANDONED, caller="008613831234567"), Why.ABANDONED),
        (record(Outcome.ABANDONED, caller="0014155550100"), Why.ABANDONED),  # for a supervisor to see
    ],
)
def test_who_has_not_had_what_they_called_for_is_called_back(ended: CallRecord, why: Why | None) -> None:
    callbacks = book()
    callbacks.ended(ended)
    assert [task.why for task in callbacks.open()] == ([why] if why else [])
    agents = [task.agent for task in callbacks.open()]
    assert agents == (["1001"] if why is Why.CUT and ended.agent else [None] * len(agents))


async def two_calls(house: SimulatedHouse, kills: tuple[int | None, ...] = ()) -> None:
    """A citizen gives up after 12 s, and calls again a minute later behind another who waits already."""
    house.fake.seat("8016", answers_after=1.0, talks=10)
    house.fake.dials("12345", after=0.5, hangs_up=12, caller=LI)
    house.fake.dials("12345", after=30, caller="13830000000", label="other")
    house.fake.dials("12345", after=60, caller=LI, label="again")
    for delay in (0, 5):
        house.fake.later(90 + delay, lambda: house.comes(LATE))
    await house.lives(kills=kills)
    house.check()


def test_who_calls_again_takes_the_place_that_they_had_and_is_called_back_no_more() -> None:
    async def scene() -> None:
        house = SimulatedHouse()
        await two_calls(house)
        _, other, again = sorted(house.records(), key=lambda each: each.arrived)
        assert again.connected is not None
        assert other.connected is not None
        assert again.connected < other.connected
        assert house.controller is not None
        assert house.controller.callbacks.open() == ()

    simulate(scene)


@pytest.mark.parametrize("kill_at", range(4, 40, 2))
def test_no_kill_forgets_a_task_or_leaves_one_of_somebody_who_was_served(kill_at: int) -> None:
    async def scene() -> None:
        house = SimulatedHouse(seed=kill_at)
        house.fake.dials("12345", after=0.5, hangs_up=12, caller=LI)
        await house.lives(kills=(kill_at,))
        house.check()
        assert house.controller is not None
        (left,) = house.records()
        tasks = [(task.id, task.why) for task in house.controller.callbacks.open()]
        assert tasks == ([(left.call, Why.ABANDONED)] if left.ended - left.arrived >= 5_000 else [])

    simulate(scene)


def test_a_call_that_was_joined_and_given_up_again_leaves_the_one_task() -> None:
    async def scene() -> None:
        house = SimulatedHouse()
        for after in (0.5, 40):
            house.fake.dials("12345", after=after, hangs_up=12, caller=LI)
        await house.lives()
        house.check()
        assert house.controller is not None
        first, second = sorted(house.records(), key=lambda each: each.arrived)
        (task,) = house.controller.callbacks.open()
        assert (task.id, task.joined) == (first.call, second.call)

    simulate(scene)


def test_what_an_earlier_life_left_is_there_after_a_compaction_too() -> None:
    clock, disk = ManualClock(), MemoryDisk()
    journal = Journal(disk, "handan1", clock)
    list(journal.replay())
    before = Callbacks(journal, clock, SITE)
    before.ended(record(Outcome.MISSED))
    before.tried(CallId("handan1-1"), Result.BUSY, "wang")
    journal.compact()
    again = Journal(disk, "handan1", clock)
    after = Callbacks(again, clock, SITE, list(again.replay()))
    assert after.open() == before.open()
    after.settle(CallId("handan1-1"), "wang")
    again.compact()
    third = Journal(disk, "handan1", clock)
    entries = list(third.replay())
    assert Callbacks(third, clock, SITE, entries).open() == ()


def test_whoever_was_served_stays_so_in_every_later_life() -> None:
    lives = Lives()
    lives.ends("handan1-1", Outcome.ABANDONED)
    lives.ends("handan1-2", Outcome.ABANDONED)  # finds the task of the first
    lives.ends("handan1-3", Outcome.ANSWERED)
    assert [lives.begin().open() for _ in range(4)] == [()] * 4


def test_a_task_that_a_machine_has_left_open_is_there_in_every_later_life() -> None:
    lives = Lives()
    lives.ends("handan1-1", Outcome.ABANDONED)
    tried = lives.tries(Outcome.ANSWERED, Result.ANSWERED)
    assert lives.callbacks.machine(tried, "1001")
    known = lives.callbacks.open()
    assert [[each.result for each in task.tries] for task in known] == [[Result.MACHINE]]
    assert [lives.begin().open() for _ in range(4)] == [known] * 4


def test_a_machine_of_which_is_told_much_later_is_known_of_as_many_tries_as_there_are_agents() -> None:
    lives, tries = Lives(), []
    for n in range(ANSWERED_MOST + 1):
        number = f"1383{n:07}"
        lives.ends(f"handan1-{n}", Outcome.ABANDONED, caller=number)
        (task,) = lives.callbacks.open()
        tries.append(lives.callbacks.begin(task))
        back = {"direction": Direction.CALLBACK, "task": task.id, "result": Result.ANSWERED, "caller": number}
        lives.ends(tries[-1], Outcome.ANSWERED, **back)
    assert lives.callbacks.open() == ()
    assert [lives.callbacks.machine(each, "1001") for each in (tries[0], tries[1], tries[-1])] == [False, True, True]


def test_whom_survival_has_served_in_a_try_of_which_we_thought_otherwise_is_not_called_again() -> None:
    lives = Lives()
    lives.ends("handan1-1", Outcome.ABANDONED)
    tried = lives.tries(Outcome.UNREACHED, Result.NO_ANSWER)
    for nobody in (CallId("handan1-1-back-7"), tried):
        lives.callbacks.rescued(nobody, Reached.NOBODY)
    lives.callbacks.rescued(CallId("handan1-1"), Reached.PERSON)  # a citizen's, which has made the task
    assert [each.id for each in lives.callbacks.open()] == ["handan1-1"]
    lives.callbacks.rescued(tried, Reached.PERSON)
    assert [lives.begin().open() for _ in range(2)] == [()] * 2


def test_whom_we_had_called_and_survival_brings_to_nobody_is_called_again_with_the_place_that_they_had() -> None:
    lives = Lives()
    lives.ends("handan1-1", Outcome.ABANDONED)
    (task,) = lives.callbacks.open()
    tried = lives.tries(Outcome.SURVIVAL, Result.ANSWERED)
    assert lives.callbacks.open() == ()
    lives.callbacks.rescued(CallId("handan1-1-out-1016"), Reached.NOBODY)
    assert lives.callbacks.open() == ()
    lives.callbacks.rescued(tried, Reached.NOBODY)
    for callbacks in (lives.callbacks, lives.begin()):
        (again,) = callbacks.open()
        assert (again.why, again.caller, again.first_entry) == (Why.MISSED, task.caller, task.first_entry)


def test_who_is_with_a_person_in_survival_after_their_call_had_been_ours_waits_for_nothing_any_more() -> None:
    lives = Lives()
    lives.ends("handan1-1", Outcome.ABANDONED)
    lives.ends("handan1-2", Outcome.SURVIVAL)
    assert len(lives.callbacks.open()) == 1
    lives.ends("handan1-2", Outcome.SURVIVAL, reached=Reached.PERSON)
    assert lives.callbacks.open() == ()


def test_what_nobody_has_seen_to_for_a_month_is_forgotten_in_this_life_and_in_every_later_one() -> None:
    lives = Lives()
    lives.ends("handan1-1", Outcome.ABANDONED)
    lives.clock.passes(KEPT_MS)
    lives.ends("handan1-2", Outcome.ABANDONED, caller="13830000000")
    assert [task.id for task in lives.callbacks.open()] == ["handan1-2"]
    assert [task.id for task in lives.begin().open()] == ["handan1-2"]
    lives.clock.passes(KEPT_MS)
    assert [lives.begin().open() for _ in range(2)] == [()] * 2


def test_who_calls_and_goes_again_and_again_does_not_fill_the_journal() -> None:
    lives = Lives()
    lives.ends("handan1-1", Outcome.ABANDONED)
    before = lives.callbacks.open()
    for n in range(2 * CAME_MOST):
        assert lives.callbacks.comes(CallId(f"again-{n}"), LI) is not None
    assert [task.came for task in lives.callbacks.open()] == [CAME_MOST]
    assert [task.first_entry for task in lives.begin().open()] == [task.first_entry for task in before]


def test_a_record_whose_life_died_before_it_could_make_a_task_makes_it_in_the_next() -> None:
    clock, disk = ManualClock(), MemoryDisk()
    journal = Journal(disk, "handan1", clock)
    list(journal.replay())
    ended = record(Outcome.ABANDONED)
    journal.write("record", ended.call, ended)
    again = Journal(disk, "handan1", clock)
    after = Callbacks(again, clock, SITE, list(again.replay()))
    after.connected()
    assert [task.id for task in after.open()] == [ended.call]


def test_over_the_api_the_number_is_shown_to_whoever_calls_and_a_try_is_kept() -> None:
    async def scene() -> None:
        desk = Desk()
        desk.fake.dials("12345", after=0.5, hangs_up=12, caller=LI)
        await asyncio.sleep(30)
        (task,) = await desk.get("/callbacks")
        assert (task["caller"], task["why"], task["line"]) == ("138****4567", "abandoned", "12345")
        assert (await desk.get(f"/callbacks/{task['call']}/number"))["number"] == LI
        (tried,) = await desk.post(f"/callbacks/{task['call']}/tried", result="busy")
        assert tried["tries"] == ["busy"]
        assert tried["due"] > task["due"]
        told = await desk.get(f"/calls/{task['call']}")
        assert [fact["body"]["fact"] for fact in told["facts"] if fact["topic"] == "callback"] == ["wanted", "tried"]
        assert LI not in str(told)
        assert await desk.post(f"/callbacks/{task['call']}/settle") == []
        assert "called back" in await desk.refused("POST", f"/callbacks/{task['call']}/settle", HTTPStatus.NOT_FOUND)
        await desk.closes()

    simulate(scene)


def test_a_talk_of_before_does_not_settle_a_task_that_was_made_since_when_a_life_begins_anew() -> None:
    before = record(Outcome.ANSWERED)
    clock, disk = ManualClock(Instant(before.ended + 3_700_000)), MemoryDisk()
    journal = Journal(disk, "handan1", clock)
    list(journal.replay())
    journal.write("record", before.call, before)
    first = Callbacks(journal, clock, SITE)
    later = Instant(before.ended + 3_600_000)
    left = msgspec.structs.replace(record(Outcome.ABANDONED), call=CallId("handan1-2"), arrived=later)
    journal.write("record", left.call, left)
    first.ended(msgspec.structs.replace(left, ended=Instant(later + 30_000)))
    again = Journal(disk, "handan1", clock)
    after = Callbacks(again, clock, SITE, list(again.replay()))
    after.connected()
    assert [task.id for task in after.open()] == ["handan1-2"]
