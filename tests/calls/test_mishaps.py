"""What happens to the machinery: a lost socket, a dead Asterisk, a hung controller, a fault of ours, a second life."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from ivr.app import ECHO_EVERY_S
from ivr.ari.client import ECHO_WITHIN_S
from ivr.errors import Replaced
from ivr.facts import Outcome
from ivr.journal import FLOOR, Journal
from routing.callbacks import Why
from routing.ids import CallId
from tests.calls.replay import fingerprint
from tests.calls.scenes import thorough
from tests.calls.simulated import CONFIG, ROOT, SimulatedHouse
from tests.fake.asterisk import HUNG
from tests.fake.disk import MemoryDisk
from tests.fake.loop import SimClock, simulate
from tests.fake.world import Party


def one_caller(mishap: Callable[[SimulatedHouse], None], line: str = "12345") -> tuple[Party, SimulatedHouse]:
    """A caller, an agent, and something that goes wrong."""

    async def scene() -> tuple[Party, SimulatedHouse]:
        house = SimulatedHouse()
        house.agent("1016", answers_after=1.5, talks=20)
        citizen = house.fake.dials(line, after=0.5)
        mishap(house)
        await house.lives()
        house.check()
        return citizen, house

    return simulate(scene)


@pytest.mark.parametrize("at", [0.505, 1.0, 2.5, 3.6, 4.4, 4.7, 10.0, 24.0])
def test_a_lost_socket_costs_the_caller_nothing(at: float) -> None:
    def lose(house: SimulatedHouse) -> None:
        house.fake.later(at, house.drop)

    citizen, house = one_caller(lose)
    assert house.story(citizen)[-1] == "voice:8016"
    assert citizen.ended == "released"
    assert house.fake.times_heard("citizen", "greeting-12345") == 1


@pytest.mark.parametrize("late", [0.1, 0.5, 2.5])
def test_a_socket_that_is_torn_down_late_and_takes_the_next_one_along_costs_some_seconds(late: float) -> None:
    """The next one's requests are answered, and no event comes: nobody would ever hear of who hangs up."""

    async def scene() -> None:
        house = SimulatedHouse()
        house.agent("1016", answers_after=1.5, talks=None)
        house.fake.applications.torn_down_after = late
        first = house.fake.dials("12345", after=0.5, hangs_up=13)
        second = house.fake.dials("12345", after=14, hangs_up=60)
        house.fake.later(10.0, house.drop)
        await house.lives()
        house.check()
        assert [house.story(each)[-1] for each in (first, second)] == ["voice:8016"] * 2
        ended = sorted(record.ended - record.arrived for record in house.records())
        assert ended[0] < 13_000 + 1000 * (ECHO_EVERY_S + ECHO_WITHIN_S + 1)
        assert ended[1] < 60_000 + 1000

    simulate(scene)


def test_talking_parties_go_on_hearing_each_other_while_the_controller_is_dead() -> None:
    async def scene() -> None:
        house = SimulatedHouse()
        house.agent("1016", answers_after=1.5, talks=20)
        citizen = house.fake.dials("12345", after=0.5)
        house.fake.later(8.0, house.kill)
        await house.lives(kills=(None,))
        house.check()
        (talk,) = [(since, to) for since, to, what in house.fake.heard(citizen.label) if what == "voice:8016"]
        assert talk[1] - talk[0] > 19_000

    simulate(scene)


@pytest.mark.parametrize("away", [False, True])
@pytest.mark.parametrize(
    ("at", "outcome", "why"),
    [
        (0.6, Outcome.ABANDONED, Why.CUT),  # nobody has thought better of it within 5 s
        (3.0, Outcome.ABANDONED, Why.CUT),
        (10.0, Outcome.ANSWERED, Why.CUT),
        (None, Outcome.ANSWERED, None),
    ],
)
def test_a_dead_asterisk_cuts_its_calls_and_each_has_its_record_and_is_called_back(
    at: float | None, outcome: Outcome, why: Why | None, *, away: bool
) -> None:
    async def scene() -> None:
        house = SimulatedHouse()
        house.agent("1016", answers_after=1.0, talks=20)
        citizen = house.fake.dials("12345", after=0.5)
        if at is not None:
            house.fake.later(at, house.fake.crash)
        if away:
            house.fake.later((at or 10.0) - 0.05, house.kill)
        await house.lives()
        assert citizen.ended
        (record,) = house.records()
        assert record.outcome is outcome
        assert house.controller is not None
        tasks = house.controller.callbacks.open()
        assert [(task.why, task.agent) for task in tasks] == ([(why, record.agent)] if why else [])

    simulate(scene)


@pytest.mark.parametrize(("cause", "why"), [(41, Why.CUT), (16, None), (None, None)])
def test_who_is_cut_off_while_the_controller_is_dead_is_called_back_as_the_census_says_why(
    cause: int | None, why: Why | None
) -> None:
    async def scene() -> None:
        house = SimulatedHouse()
        house.agent("1016", answers_after=1.0, talks=None)
        citizen = house.fake.dials("12345", after=0.5, hangs_up=10.1)
        house.fake.later(10.5, house.kill)
        if cause is not None:
            house.fake.later(10.55, lambda: house.causes.update({CallId(citizen.channels[0].replace(".", "-")): cause}))
        await house.lives()
        house.check()
        (record,) = house.records()
        assert (record.outcome, record.cause) == (Outcome.ANSWERED, cause or 0)
        assert house.controller is not None
        assert [task.why for task in house.controller.callbacks.open()] == ([why] if why else [])

    simulate(scene)


def test_a_controller_that_hangs_loses_its_caller_to_the_survival_path() -> None:
    def hang(house: SimulatedHouse) -> None:
        house.fake.later(2.0, house.freeze)
        house.fake.later(60.0, house.thaw)

    citizen, house = one_caller(hang)
    assert citizen.survived
    (record,) = house.records()
    assert record.outcome is Outcome.SURVIVAL


def test_a_controller_that_dies_again_and_again_loses_its_caller_to_the_survival_path() -> None:
    async def scene() -> None:
        house = SimulatedHouse()
        citizen = house.fake.dials("12345", after=0.5)
        for _ in range(20):
            house.fake.later(3.0, house.kill)
            await house.life(None, 60)
            if citizen.survived:
                break
        assert citizen.survived
        assert house.fake.now() < 45_000
        await house.lives()
        house.check()

    simulate(scene)


def test_a_fault_of_ours_gives_the_caller_to_the_survival_path() -> None:
    def refuse(house: SimulatedHouse) -> None:
        house.fake.refuse = lambda _method, path: 500 if path.endswith("/answer") else None

    citizen, house = one_caller(refuse)
    assert citizen.survived
    (record,) = house.records()
    assert record.outcome is Outcome.SURVIVAL


def test_a_request_without_a_reply_is_a_fault_and_not_a_wait_for_ever() -> None:
    def swallow(house: SimulatedHouse) -> None:
        house.fake.refuse = lambda _method, path: 0 if path.endswith("addChannel") else None

    citizen, _ = one_caller(swallow)
    assert citizen.survived


def test_a_socket_that_hangs_is_left_for_another_and_its_caller_reaches_a_person() -> None:
    def hang(house: SimulatedHouse) -> None:
        def first(_method: str, path: str) -> int | None:
            if not path.endswith("moh"):
                return None
            house.fake.refuse = lambda _method, _path: None
            return HUNG

        house.fake.refuse = first

    citizen, house = one_caller(hang)
    assert house.story(citizen)[-1] == "voice:8016"
    assert not citizen.survived
    assert house.fake.longest("citizen") < 7_000  # the deadline, and a look around


def test_a_channel_that_hangs_in_asterisk_does_not_take_the_others_with_it() -> None:
    async def scene() -> None:
        house = SimulatedHouse()
        house.agent("1016", answers_after=1.5, talks=20)
        hung = house.fake.dials("12345", after=0.5)
        house.fake.refuse = lambda _method, path: HUNG if hung.channels and hung.channels[0] in path else None
        other = house.fake.dials("12345", after=3)
        await house.lives()
        house.check()
        assert hung.survived
        assert house.story(other)[-1] == "voice:8016"
        assert 0 < house.fake.longest(other.label, "unanswered") < 12_000  # two sockets, each for its deadline

    simulate(scene)


def test_a_caller_who_could_not_be_given_back_is_not_hung_up() -> None:
    async def scene() -> None:
        house = SimulatedHouse()
        citizen = house.fake.dials("12345", after=0.5)
        house.fake.lease_s = 300
        given_back: list[int] = []

        def once(_method: str, path: str) -> int | None:
            if path.endswith("/continue"):
                given_back.append(house.fake.now())
                return 500 if len(given_back) == 1 else None
            return 500 if path.endswith("/answer") else None

        house.fake.refuse = once
        await house.lives()
        house.check()
        assert citizen.survived
        assert len(given_back) == 2
        assert [record.outcome for record in house.records()] == [Outcome.SURVIVAL]

    simulate(scene)


@pytest.mark.parametrize("what", ["arrived", "routed", "offered:1"])
def test_a_ledger_that_cannot_be_read_costs_nobody_else_a_thing(what: str) -> None:
    async def scene() -> None:
        house = SimulatedHouse()
        house.agent("1016", answers_after=1.5, talks=20)
        citizen = house.fake.dials("12345", after=0.5)
        house.fake.later(4.0, house.kill)
        assert not await house.life(None, 60)
        name = f'"step":"{what}"'.encode()
        lines = bytes(house.platter.content).splitlines(keepends=True)
        house.platter.content[:] = b"".join(b"00000000 x\n" if name in line else line for line in lines)
        other = house.fake.dials("12345", after=1)
        await house.lives()
        assert house.story(other)[-1] == "voice:8016"
        assert house.story(citizen)[-1] == "voice:8016"

    simulate(scene)


def test_an_event_of_another_version_of_us_does_not_keep_the_hotline_from_starting() -> None:
    async def scene() -> None:
        house = SimulatedHouse()
        house.agent("1016", answers_after=1.5, talks=20)
        citizen = house.fake.dials("12345", after=0.5)
        house.fake.later(4.0, house.kill)
        assert not await house.life(None, 60)
        journal = Journal(MemoryDisk(house.platter), CONFIG.site.node, SimClock())
        list(journal.replay())
        journal.write(FLOOR, "", {"at": 0, "event": {"event": "of-a-later-engine"}})
        await house.lives()
        house.check()
        assert house.story(citizen)[-1] == "voice:8016"

    simulate(scene)


def test_a_missing_prompt_is_skipped() -> None:
    def lose(house: SimulatedHouse) -> None:
        house.fake.missing.add("greeting-12345")

    citizen, house = one_caller(lose)
    assert house.story(citizen) == ["agent-1016", "voice:8016"]


def test_a_second_controller_ends_the_first() -> None:
    async def scene() -> None:
        house = SimulatedHouse()
        second = house.fake.life()

        async def another_one() -> None:
            await asyncio.sleep(2)
            async with second.open("hotline"):
                await asyncio.sleep(5)

        other = asyncio.create_task(another_one())
        with pytest.raises(Replaced):
            await house.life(None, 60)
        other.cancel()
        await asyncio.gather(other, return_exceptions=True)

    simulate(scene)


@pytest.mark.parametrize("seed", thorough([3, 82, 106]))
def test_a_seed_replays_exactly_in_another_process_with_another_hash_seed(seed: int) -> None:
    code = f"from tests.calls.replay import fingerprint; print(fingerprint({seed}))"
    environment = {**os.environ, "PYTHONHASHSEED": "4321", "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == fingerprint(seed)


@pytest.mark.slow
def test_the_command_says_the_same_of_a_seed_line_by_line_whatever_the_hash_seed() -> None:
    said = [
        subprocess.run(
            [ROOT / "scripts" / "seed", "3"],
            env={**os.environ, "PYTHONHASHSEED": hashes},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        for hashes in ("1", "4321")
    ]
    assert len(said[1]) > 100
    assert said[0][-len(said[1]) :] == said[1]  # the first one may have had something to set up
