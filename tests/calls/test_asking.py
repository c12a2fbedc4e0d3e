"""Key 1 while somebody waits, in virtual time: when it is offered, when it counts, what becomes of the call."""

from datetime import timedelta
from functools import partial

import msgspec
import pytest

from ivr.facts import Outcome, Party
from routing.callbacks import Why
from routing.config import Config
from routing.estimate import Estimator
from routing.ids import PromptId
from routing.offering import Offering
from tests.calls.scenes import hash_of, thorough
from tests.calls.simulated import CONFIG, SimulatedHouse, lengths
from tests.calls.waits import LATE, LI, record, tasks, waiting
from tests.fake.loop import simulate

OFFER, PROMISE = "callback-offer", "callback-promise"


async def waits(
    *keys: tuple[float, str],
    kill_at: int | None = None,
    hangs_up: float | None = None,
    comes_at: float = 400,
    answers_after: float = 1.5,
    caller: str = LI,
    config: Config = CONFIG,
) -> SimulatedHouse:
    house = SimulatedHouse(seed=hash_of(keys, kill_at, hangs_up))
    house.config = config
    return await waiting(
        house,
        comes_at=comes_at,
        keys=keys,
        answers_after=answers_after,
        hangs_up=hangs_up,
        kill_at=kill_at,
        caller=caller,
    )


def story(house: SimulatedHouse) -> list[str]:
    house.check()
    return house.story(house.citizens[0])


def test_who_waits_for_a_minute_is_told_of_the_key_and_goes_with_a_promise() -> None:
    house = simulate(lambda: waits((70.0, "1")))
    assert story(house)[-3:] == ["position-next", OFFER, PROMISE]  # the offer by itself, at its time
    assert house.silences() == []
    ended = record(house)
    assert (ended.outcome, ended.callback, ended.released_by, ended.connected) == (
        Outcome.CALLED_BACK, Why.ASKED, Party.ENGINE, None,
    )  # fmt: skip
    assert ended.wait_ms is not None
    assert 68_000 < ended.wait_ms < 71_000, "the wait ends with the key"
    (task,) = house.controller.callbacks.open()  # type: ignore[union-attr]
    assert (task.id, task.caller, task.why, task.first_entry) == (ended.call, LI, Why.ASKED, ended.queued)


@pytest.mark.parametrize("at", [1.0, 10.0, 22.0, 58.0])
def test_a_key_that_nobody_has_been_told_of_does_nothing(at: float) -> None:
    """In the greeting, in the music, in what is said of the place."""
    house = simulate(lambda: waits((at, "1"), comes_at=90))
    assert story(house)[-1] == "voice:8016"
    assert record(house).outcome is Outcome.ANSWERED


@pytest.mark.parametrize("digit", ["2", "0", "*", "#"])
def test_another_key_does_nothing(digit: str) -> None:
    house = simulate(lambda: waits((70.0, digit), comes_at=90))
    assert record(house).outcome is Outcome.ANSWERED


def test_the_key_cuts_the_offer_and_any_announcement_after_it() -> None:
    for at, cut in ((61.8, OFFER), (81.7, "position-next")):
        house = simulate(lambda: waits((at, "1")))  # noqa: B023 - simulated at once
        assert story(house)[-2:] == [cut, PROMISE]
        last = [to - since for since, to, what in house.fake.heard("citizen") if what == cut][-1]
        assert last < lengths()[PromptId(cut)]
        assert tasks(house) == [(LI, Why.ASKED)]


def test_it_is_offered_again_with_every_announcement() -> None:
    assert story(simulate(lambda: waits(comes_at=150))).count(OFFER) == 4


def test_an_agent_who_answers_comes_first() -> None:
    house = simulate(lambda: waits((71.0, "1"), comes_at=70, answers_after=3.0))
    assert story(house)[-1] == "voice:8016"
    assert record(house).outcome is Outcome.ANSWERED
    assert tasks(house) == []


def test_an_agent_who_does_not_answer_keeps_nobody_from_the_call_back() -> None:
    house = simulate(lambda: waits((71.0, "1"), comes_at=70, answers_after=30.0))
    assert story(house)[-1] == PROMISE
    assert record(house).offers == 1
    assert tasks(house) == [(LI, Why.ASKED)]


def test_while_nobody_is_called_back_it_is_not_offered_and_the_key_does_nothing() -> None:
    callbacks = msgspec.structs.replace(CONFIG.site.callbacks, on=False)
    config = msgspec.structs.replace(CONFIG, site=msgspec.structs.replace(CONFIG.site, callbacks=callbacks))
    house = simulate(lambda: waits((70.0, "1"), comes_at=120, config=config))
    assert OFFER not in story(house)
    assert record(house).outcome is Outcome.ANSWERED


@pytest.mark.parametrize("wait", Estimator)
def test_it_is_offered_for_a_wait_that_is_expected_also_where_callers_are_not_told_how_long(wait: Estimator) -> None:
    async def scene() -> SimulatedHouse:
        house = SimulatedHouse()
        offering = Offering(on=True, waited=timedelta(0), expected=timedelta(seconds=30))
        announcements = msgspec.structs.replace(CONFIG.site.announcements, wait=wait)
        site = msgspec.structs.replace(CONFIG.site, callback_offer=offering, announcements=announcements)
        house.config = msgspec.structs.replace(CONFIG, site=site)
        house.agent("1016", answers_after=1.0, talks=10)
        for n in range(12):
            house.fake.dials("12345", after=0.5 + 5 * n, caller=f"1383123456{n % 10}")
        await house.lives()
        house.check()
        return house

    house = simulate(scene)
    told = [OFFER in house.story(citizen) for citizen in house.citizens]
    assert (any(told[:5]), any(told[5:])) == (False, True)


@pytest.mark.parametrize("caller", ["anonymous", "110", "0014155550100", "01088888888"])
def test_who_cannot_be_called_back_is_not_offered_it(caller: str) -> None:
    house = simulate(lambda: waits((70.0, "1"), comes_at=120, caller=caller))
    assert OFFER not in story(house)
    assert record(house).outcome is Outcome.ANSWERED


def test_who_wanted_an_emergency_desk_is_not_offered_it() -> None:
    async def scene() -> SimulatedHouse:
        house = SimulatedHouse()
        house.fake.seat("8016", answers_after=1.0, talks=10)
        house.fake.dials("119", caller=LI)
        house.fake.later(100, lambda: house.comes(LATE))
        await house.lives()
        house.check()
        return house

    house = simulate(scene)
    assert OFFER not in house.story(house.citizens[0])


@pytest.mark.parametrize(
    ("offering", "announces", "offers"),
    [
        (Offering(on=False), True, 0),
        (Offering(on=True), False, 1),
        (Offering(on=True, waited=Offering().waited * 0), True, 0),
        (Offering(on=True, waited=Offering().waited / 3), True, 5),
    ],
)
def test_a_city_says_when_and_whether_it_is_offered(offering: Offering, announces: bool, offers: int) -> None:
    announcements = msgspec.structs.replace(CONFIG.site.announcements, on=announces)
    site = msgspec.structs.replace(CONFIG.site, callback_offer=offering, announcements=announcements)
    house = simulate(lambda: waits(comes_at=150, config=msgspec.structs.replace(CONFIG, site=site)))
    assert story(house).count(OFFER) == offers


def test_who_hangs_up_in_the_promise_is_called_back_all_the_same() -> None:
    house = simulate(lambda: waits((70.0, "1"), hangs_up=70.5))
    assert record(house).outcome is Outcome.CALLED_BACK
    assert tasks(house) == [(LI, Why.ASKED)]


def test_a_promise_begins_the_tries_of_an_old_task_anew_and_keeps_its_first_entry() -> None:
    async def scene() -> SimulatedHouse:
        house = SimulatedHouse()
        house.fake.dials("12345", after=0.5, hangs_up=12, caller=LI)
        citizen = house.fake.dials("12345", after=40, caller=LI, label="again")
        house.fake.later(110, partial(house.fake.presses, citizen, "1"))
        await house.lives()
        house.check()
        return house

    house = simulate(scene)
    first, second = sorted(house.records(), key=lambda each: each.arrived)
    (task,) = house.controller.callbacks.open()  # type: ignore[union-attr]
    assert (task.id, task.why, task.first_entry) == (second.call, Why.ASKED, first.queued)


KEYS = (60.5, 61.8, 66.0)
"""Before the offer, in it, in the music after it."""


@pytest.mark.parametrize("after", thorough((None, 0.02, 1.0, 6.0)))
@pytest.mark.parametrize("key", thorough(KEYS, sample=None))
def test_no_kill_and_no_hang_up_loses_a_wish(key: float, after: float | None) -> None:
    """The caller hangs up so many seconds after the key, or never."""
    hangs_up = None if after is None else key + after
    strikes = simulate(lambda: waits((key, "1"), comes_at=100)).wires[0].strikes
    wrong = []
    for strike in range(1, strikes + 1):
        house = simulate(lambda: waits((key, "1"), comes_at=100, kill_at=strike, hangs_up=hangs_up))  # noqa: B023
        found = house.faults()
        ended = record(house)
        asked = "asked" in house.steps()
        if asked and (ended.outcome is not Outcome.CALLED_BACK or tasks(house) != [(LI, Why.ASKED)]):
            found.append(f"asked, and {ended.outcome}, {tasks(house)}")
        if hangs_up is None and ended.outcome not in {Outcome.CALLED_BACK, Outcome.ANSWERED}:
            found.append(f"became {ended.outcome}")
        wrong += [f"killed at action {strike}: {fault}" for fault in found]
    assert strikes > 15
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("comes_at", thorough([69.0, *(69 + n / 10 for n in range(1, 30, 2))]))
def test_a_key_just_as_an_agent_answers_loses_nothing(comes_at: float) -> None:
    house = simulate(lambda: waits((70.5, "1"), comes_at=comes_at, answers_after=1.0))
    house.check()
    assert record(house).outcome in {Outcome.ANSWERED, Outcome.CALLED_BACK}
    assert (tasks(house) == []) == (record(house).outcome is Outcome.ANSWERED)
