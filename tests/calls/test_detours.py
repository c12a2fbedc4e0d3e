"""Where a wait leads when it is long: a target that answers or not, the offer of a call back, a message."""

from datetime import timedelta
from functools import partial

import msgspec
import pytest

from ivr.facts import Outcome, Party
from routing.callbacks import Why
from routing.config import Config
from routing.ids import PoolId, PromptId, SkillId, TargetId
from routing.overflow import Overflow
from routing.terms import Terms
from routing.tickets import Closed
from tests.calls.scenes import CENTRE, hash_of, thorough
from tests.calls.simulated import CONFIG, SimulatedHouse
from tests.calls.waits import LATE, LI, NIGHT, WORKDAY, record, tasks, waiting
from tests.fake.loop import simulate
from tests.fake.world import Phone

HALL, SEATS = CONFIG.site.hall, "03108012320"
TEN = timedelta(seconds=10)
ANSWERS, IGNORES = Phone(answers_after=2.0, talks=15), Phone()
TO_SEATS, TO_A_MESSAGE = Overflow("health-seats", waited=TEN), Overflow("voicemail", waited=TEN)


def overflowing(*rules: Overflow, pool: PoolId = HALL) -> Config:
    """The config with these rules at a pool, and no announcements between."""
    pools = {**CONFIG.site.pools, pool: msgspec.structs.replace(CONFIG.site.pools[pool], overflow=rules)}
    announcements = msgspec.structs.replace(CONFIG.site.announcements, on=False)
    offer = msgspec.structs.replace(CONFIG.site.callback_offer, on=False)
    site = msgspec.structs.replace(CONFIG.site, pools=pools, announcements=announcements, callback_offer=offer)
    return msgspec.structs.replace(CONFIG, site=site)


async def waits(
    *rules: Overflow,
    phone: Phone = ANSWERS,
    comes_at: float = 60,
    kill_at: int | None = None,
    hangs_up: float | None = None,
    keys: tuple[tuple[float, str], ...] = (),
    at: str = WORKDAY,
    caller: str = LI,
    callbacks: Terms = CONFIG.site.callbacks,
) -> SimulatedHouse:
    """There are seats at the bureau."""
    house, config = SimulatedHouse(seed=hash_of(rules, kill_at, hangs_up)), overflowing(*rules)
    house.config = msgspec.structs.replace(config, site=msgspec.structs.replace(config.site, callbacks=callbacks))
    house.fake.target(SEATS, phone)
    return await waiting(house, comes_at=comes_at, keys=keys, hangs_up=hangs_up, kill_at=kill_at, at=at, caller=caller)


async def waits_for_a_sharer(phone: Phone, kill_at: int | None = None, hangs_up: float | None = None) -> SimulatedHouse:
    """One caller who asks for a skill that the seats at the bureau share; in the hall there is nobody yet."""
    house, skill = SimulatedHouse(seed=hash_of("shared", kill_at)), SkillId("health")
    shared = msgspec.structs.replace(CONFIG.site.skills[skill], shared_by=("health-seats",))
    site = msgspec.structs.replace(
        overflowing().site,
        skills={**CONFIG.site.skills, skill: shared},
        help_out=msgspec.structs.replace(CONFIG.site.help_out, shared_after=TEN),
    )
    house.config = msgspec.structs.replace(CONFIG, site=site)
    house.fake.target(SEATS, phone)
    return await waiting(house, "12356", comes_at=60, kill_at=kill_at, hangs_up=hangs_up)


def story(house: SimulatedHouse) -> list[str]:
    house.check()
    assert house.silences(1_500) == []
    return [what for what in house.story(house.citizens[0]) if what != "ringing"]


# --- a target


def test_after_its_wait_a_target_is_dialled_and_takes_the_call() -> None:
    house = simulate(lambda: waits(TO_SEATS))
    assert story(house) == ["greeting-12345", "overflow-target", f"voice:{SEATS}"]
    ended = record(house)
    assert (ended.outcome, ended.target, ended.overflowed) == (Outcome.TRANSFERRED, TargetId("health-seats"), (HALL,))
    assert ended.wait_ms is not None
    assert 12_000 <= ended.wait_ms < 14_000


def test_seats_at_a_bureau_that_share_the_skill_are_the_last_rung() -> None:
    house = simulate(lambda: waits_for_a_sharer(ANSWERS))
    assert story(house)[1:] == ["overflow-target", f"voice:{SEATS}"]
    assert (record(house).outcome, record(house).target) == (Outcome.TRANSFERRED, TargetId("health-seats"))


LEAVES = (None, 11.02, 12.5, 25.0, 40.0)  # as it is dialled, over what is said of it, as it rings, afterwards


@pytest.mark.parametrize("kill_at", thorough([None, *range(1, 40, 3)]))
def test_and_when_nobody_answers_there_the_call_is_in_its_place_again(kill_at: int | None) -> None:
    for hangs_up in LEAVES:
        house = simulate(lambda: waits_for_a_sharer(IGNORES, kill_at, hangs_up))  # noqa: B023 - simulated at once
        house.check()
        assert record(house).outcome is (Outcome.ANSWERED if hangs_up is None else Outcome.ABANDONED)


@pytest.mark.parametrize("phone", [IGNORES, Phone(busy=True), Phone(rejects_after=1.0)])
def test_from_a_target_that_does_not_answer_it_comes_back_and_waits_for_an_agent(phone: Phone) -> None:
    house = simulate(lambda: waits(TO_SEATS, phone=phone))
    assert story(house)[-3:] == ["return-queue", "agent-1016", "voice:8016"]
    assert [step for step in house.steps() if step.startswith(("queued", "detoured", "returned"))] == [
        "queued:1", "detoured:1.1", "returned:1.1", "queued:1.1",
    ]  # fmt: skip
    assert record(house).outcome is Outcome.ANSWERED


def test_a_target_that_lets_go_at_once_has_not_answered() -> None:
    house = simulate(lambda: waits(TO_SEATS, phone=Phone(answers_after=1.0, talks=1.0)))
    assert story(house)[-2:] == ["agent-1016", "voice:8016"]
    assert record(house).outcome is Outcome.ANSWERED


def test_whoever_comes_back_stands_before_who_came_later() -> None:
    async def scene() -> SimulatedHouse:
        house = SimulatedHouse()
        house.config = overflowing(TO_SEATS)
        house.fake.target(SEATS, IGNORES)
        house.fake.seat("8016", answers_after=1.0, talks=10)
        house.fake.dials("12345", caller=LI, at=WORKDAY)
        house.fake.dials("12345", after=5, at=WORKDAY, label="second")
        house.fake.later(45, lambda: house.comes(LATE))
        await house.lives()
        house.check()
        return house

    first, second = sorted(simulate(scene).records(), key=lambda each: each.arrived)
    assert first.connected is not None
    assert second.connected is not None
    assert first.connected < second.connected


def test_two_targets_are_tried_one_after_another_each_at_its_time() -> None:
    later = Overflow("environment-seats", waited=timedelta(seconds=40))

    async def scene() -> SimulatedHouse:
        house = SimulatedHouse()
        house.config = overflowing(later, TO_SEATS)
        house.fake.target(SEATS, IGNORES)
        house.fake.target("03108012369", ANSWERS)
        house.fake.dials("12345", caller=LI, at=WORKDAY)
        await house.lives()
        house.check()
        return house

    house = simulate(scene)
    assert house.fake.parties[SEATS].channels
    ended = record(house)
    assert ended.target == TargetId("environment-seats")
    assert ended.wait_ms is not None
    assert 42_000 <= ended.wait_ms < 44_000


def test_a_target_that_is_closed_or_has_sent_the_call_is_not_dialled() -> None:
    for at, caller in ((NIGHT, LI), (WORKDAY, "03108012320")):
        house = simulate(lambda: waits(TO_SEATS, at=at, caller=caller))  # noqa: B023 - simulated at once
        assert story(house)[-1] == "voice:8016"
        assert not [step for step in house.steps() if step.startswith("detoured")]


def test_an_agent_who_is_free_is_asked_before_a_queue_that_is_long() -> None:
    rule = Overflow("health-seats", length=1)

    async def scene() -> SimulatedHouse:
        house = SimulatedHouse()
        house.config = overflowing(rule)
        house.fake.target(SEATS, ANSWERS)
        house.agent("1016", answers_after=1.0, talks=30)
        for n in range(3):
            house.fake.dials("12345", after=0.5 + 5 * n, at=WORKDAY)
        await house.lives()
        house.check()
        return house

    ended = sorted(simulate(scene).records(), key=lambda each: each.arrived)
    assert [each.agent or each.target for each in ended] == ["1016", "1016", "health-seats"]


def test_seats_that_the_hall_follows_lead_there_before_the_hall_is_asked() -> None:
    rule = Overflow("health-seats", waited=timedelta(seconds=4))

    async def scene() -> SimulatedHouse:
        house = SimulatedHouse()
        house.config = overflowing(rule, pool=PoolId("safety"))
        house.fake.target(SEATS, IGNORES)
        house.agent("2001", Phone())
        house.agent("1016", answers_after=1.0, talks=10)
        house.fake.dials("12350", caller=LI, at=WORKDAY)
        await house.lives()
        house.check()
        return house

    ended = record(simulate(scene))
    assert (ended.agent, ended.outcome) == (LATE, Outcome.ANSWERED)


async def waits_at_seats_that_a_centre_follows(rule: Overflow) -> SimulatedHouse:
    """Nobody answers at 12350's own seats, nor where `rule` leads meanwhile."""
    house = SimulatedHouse()
    config = overflowing(rule, pool=PoolId("safety"))
    line = msgspec.structs.replace(config.lines["12350"], fallback=("agriculture",))
    house.config = msgspec.structs.replace(config, lines={**config.lines, line.number: line})
    house.fake.target(SEATS, IGNORES)
    house.fake.target(CENTRE, ANSWERS)
    house.agent("2001", Phone())
    house.fake.dials("12350", caller=LI, at=WORKDAY)
    await house.lives()
    house.check()
    return house


def test_a_wait_that_is_over_before_leads_on_and_nowhere_else() -> None:
    rule = Overflow("health-seats", waited=CONFIG.site.timing.own_seats_for)
    house = simulate(lambda: waits_at_seats_that_a_centre_follows(rule))
    assert record(house).target == TargetId("agriculture")
    assert not house.fake.parties[SEATS].channels


def test_a_wait_that_was_over_while_a_target_rang_is_not_begun_anew() -> None:
    rule = Overflow("health-seats", waited=timedelta(seconds=4))
    house = simulate(lambda: waits_at_seats_that_a_centre_follows(rule))
    assert record(house).target == TargetId("agriculture")
    seats, centre = (at for at, method, path in house.fake.log if method == "POST" and "-transfer-" in path)
    rang = CONFIG.site.targets[TargetId("health-seats")].ring_for
    assert timedelta(0) <= timedelta(milliseconds=centre - seats) - rang < timedelta(seconds=2)


def test_who_is_led_on_because_a_pool_closes_hears_why() -> None:
    rule = Overflow("health-seats", waited=timedelta(seconds=8))

    async def scene() -> SimulatedHouse:
        house = SimulatedHouse()
        config = overflowing(rule, pool=PoolId("safety"))
        line = msgspec.structs.replace(config.lines["12350"], fallback=("agriculture",))
        house.config = msgspec.structs.replace(config, lines={**config.lines, line.number: line})
        house.fake.target(SEATS, ANSWERS)
        house.agent("2001", answers_after=1.0, talks=30)
        house.fake.dials("12350", caller=LI, at=WORKDAY)
        house.fake.dials("12350", after=6, at=WORKDAY, label="second")
        house.fake.later(12.5, lambda: house.tells(Closed(PoolId("safety"), PromptId("pool-closed"))))
        await house.lives()
        house.check()
        return house

    house = simulate(scene)
    assert house.story(house.citizens[1])[-2:] == ["pool-closed", f"voice:{SEATS}"]


# --- the offer of a call back


@pytest.mark.parametrize("seconds", [(15,), (15, 30), (30, 15)])
def test_a_pool_that_overflows_to_a_call_back_offers_it_then(seconds: tuple[int, ...]) -> None:
    rules = [Overflow("callback", waited=timedelta(seconds=each)) for each in seconds]
    house = simulate(lambda: waits(*rules, keys=((20.0, "1"),)))
    assert story(house) == ["greeting-12345", "callback-offer", "callback-promise"]
    began = next(since for since, _, what in house.fake.heard("citizen") if what == "callback-offer")
    assert 15_500 < began < 17_000
    assert (record(house).outcome, tasks(house)) == (Outcome.CALLED_BACK, [(LI, Why.ASKED)])


# --- a message


def test_a_wait_that_ends_in_a_message_is_called_back_and_the_recording_is_cut_to_it() -> None:
    house = simulate(lambda: waits(TO_A_MESSAGE, keys=((40.0, "#"),)))
    house.check()
    heard = house.story(house.citizens[0])
    assert [what for what in heard if what not in {"silence", "ringing"}] == [
        *("greeting-12345", "voicemail", "tone:1000", "callback-promise"),
    ]
    ended = record(house)
    assert (ended.outcome, ended.callback, ended.released_by) == (Outcome.CALLED_BACK, Why.VOICEMAIL, Party.ENGINE)
    assert ended.message is not None
    began, until = ended.message
    assert 18_000 < until - began < 25_000
    assert tasks(house) == [(LI, Why.VOICEMAIL)]


def test_while_nobody_is_called_back_no_message_is_taken_and_the_wait_goes_on() -> None:
    house = simulate(lambda: waits(TO_A_MESSAGE, callbacks=Terms()))
    assert story(house)[-1] == "voice:8016"
    assert "voicemail" not in story(house)


def test_a_message_ends_by_itself_after_the_time_of_the_configuration() -> None:
    house = simulate(lambda: waits(TO_A_MESSAGE, comes_at=400))
    house.check()
    message = record(house).message
    assert message is not None
    assert 119_000 < message[1] - message[0] < 121_000


@pytest.mark.parametrize("hangs_up", [13.0, 17.0, 25.0])
def test_who_hangs_up_before_in_or_after_the_message_is_called_back(hangs_up: float) -> None:
    house = simulate(lambda: waits(TO_A_MESSAGE, hangs_up=hangs_up))
    house.check()
    assert tasks(house) == [(LI, Why.VOICEMAIL)]


def test_who_cannot_be_called_back_goes_on_waiting() -> None:
    house = simulate(lambda: waits(TO_A_MESSAGE, caller="anonymous"))
    assert story(house)[-1] == "voice:8016"


# --- kills


WAYS: dict[str, tuple[Overflow, Phone]] = {
    "a target that answers": (TO_SEATS, ANSWERS),
    "a target that does not": (TO_SEATS, IGNORES),
    "a target that lets go at once": (TO_SEATS, Phone(answers_after=1.0, talks=1.0)),
    "a message": (TO_A_MESSAGE, IGNORES),
}


@pytest.mark.parametrize("hangs_up", thorough((None, 10.5, 12.5, 17.0, 26.5, 31.0)))
@pytest.mark.parametrize("way", thorough(WAYS, sample=None))
def test_no_kill_and_no_hang_up_loses_anybody(way: str, hangs_up: float | None) -> None:
    rule, phone = WAYS[way]
    run = partial(waits, rule, phone=phone, comes_at=40, keys=((30.0, "#"),))
    strikes = simulate(run).wires[0].strikes
    wrong = []
    for strike in range(1, strikes + 1):
        house = simulate(lambda: run(kill_at=strike, hangs_up=hangs_up))  # noqa: B023 - simulated at once
        found = house.faults()
        ended = record(house)
        if hangs_up is None and ended.outcome not in {Outcome.ANSWERED, Outcome.TRANSFERRED, Outcome.CALLED_BACK}:
            found.append(f"became {ended.outcome}")
        if (ended.outcome is Outcome.CALLED_BACK) != ((LI, Why.VOICEMAIL) in tasks(house)):
            found.append(f"became {ended.outcome}, and {tasks(house)}")
        wrong += [f"killed at action {strike}: {fault}" for fault in found]
    assert strikes > 15
    assert not wrong, "\n".join(wrong)
