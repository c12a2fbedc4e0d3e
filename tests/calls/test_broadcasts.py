"""What a supervisor says to all who wait, in virtual time: everybody hears it once, across a kill too."""

import asyncio
from http import HTTPStatus

import pytest

from ivr.broadcasts import Broadcasts
from ivr.journal import BROADCASTS_MOST, Journal
from ivr.web.switchboard import Refusal
from routing.ids import AgentId, PoolId, PromptId, TicketId
from tests.calls.desk import Desk
from tests.calls.scenes import thorough
from tests.calls.simulated import SimulatedHouse
from tests.fake.clock import ManualClock
from tests.fake.disk import MemoryDisk
from tests.fake.loop import simulate

SAID = PromptId("pool-closed")
TEXT = PromptId("broadcast-1")
LATE = AgentId("1016")


async def three_wait(
    prompt: PromptId = SAID,
    pool: str | None = None,
    kill_at: int | None = None,
    at: float = 12.0,
    hangs_up: float | None = None,
) -> SimulatedHouse:
    """Two wait for the hall, one at 12350's own seats; a fourth comes when it has been said.

    `hangs_up`: seconds after dialling, of the first three.
    """
    house = SimulatedHouse(seed=kill_at or 0)
    house.fake.lengths[TEXT] = 3_000
    house.fake.seat("8016", answers_after=1.0, talks=5)
    house.agent("2001").registered = False  # type: ignore[attr-defined]
    for n, line in enumerate(("12345", "12345", "12350")):
        house.fake.dials(line, after=0.5 + n, at="2021-09-15T20:00", label=f"caller{n}", hangs_up=hangs_up)
    house.fake.dials("12345", after=at + 6, at="2021-09-15T20:00", label="later")

    def say() -> None:
        if house.dispatcher is not None:
            house.dispatcher.broadcast(prompt, 3_000, "boss", PoolId(pool) if pool else None, "\u6d4b\u8bd5")

    house.fake.later(at, say)
    for delay in (0, 5):
        house.fake.later(40 + delay, lambda: house.comes(LATE))
    await house.lives(kills=(kill_at,) if kill_at else ())
    house.check()
    return house


def times(house: SimulatedHouse, prompt: str = SAID) -> list[int]:
    return [house.story(citizen).count(prompt) for citizen in house.citizens]


@pytest.mark.parametrize("prompt", [SAID, TEXT])
def test_all_who_wait_hear_it_once_and_who_comes_later_does_not(prompt: PromptId) -> None:
    house = simulate(lambda: three_wait(prompt))
    assert times(house, prompt) == [1, 1, 1, 0]
    assert house.silences() == []


def test_only_those_of_a_pool_hear_what_is_meant_for_it() -> None:
    assert times(simulate(lambda: three_wait(pool="law"))) == [0, 0, 0, 0]
    assert times(simulate(lambda: three_wait(pool="hall"))) == [1, 1, 1, 0]


STRIKES = range(1, 189)


@pytest.mark.parametrize("first", thorough(range(8), sample=None))
def test_a_kill_lets_nobody_hear_it_twice_and_leaves_nobody_out(first: int) -> None:
    for kill_at in STRIKES[first::8]:
        house = simulate(lambda: three_wait(kill_at=kill_at))  # noqa: B023 - simulated at once
        assert len(house.wires) == 2, kill_at
        assert house.dispatcher is not None
        (made,) = house.dispatcher.broadcasts.latest() or (None,)
        assert all(n <= 1 for n in times(house)), f"killed at {kill_at}: somebody heard it twice"
        if made is not None:  # else the life to which it was said was dead already
            begun = [step for step in house.steps() if step.startswith(f"saying:{SAID}")]
            assert len(begun) >= len(made.tickets), kill_at


@pytest.mark.parametrize("hangs_up", thorough((10.52, 12.0, 14.6), sample=None))
def test_no_kill_loses_who_hangs_up_over_it(hangs_up: float) -> None:
    for kill_at in STRIKES[::3]:
        house = simulate(lambda: three_wait(kill_at=kill_at, hangs_up=hangs_up))  # noqa: B023 - simulated at once
        assert all(n <= 1 for n in times(house)), kill_at
        assert len(house.records()) == len(house.citizens), kill_at


def test_a_restart_knows_the_latest_of_them_and_counts_on() -> None:
    clock, disk = ManualClock(), MemoryDisk()
    journal = Journal(disk, "handan1", clock)
    list(journal.replay())
    made = Broadcasts(journal, clock)
    for _ in range(BROADCASTS_MOST + 2):
        made.make(SAID, 1_000, (TicketId("a"),), "boss")
    journal.compact()
    again = Journal(disk, "handan1", clock)
    known = Broadcasts(again, clock, list(again.replay()))
    assert known.to(TicketId("a")) == made.to(TicketId("a"))
    assert len(known.to(TicketId("a"))) == BROADCASTS_MOST
    assert known.to(TicketId("b")) == []
    assert known.make(SAID, 1_000, (), "boss").id == str(BROADCASTS_MOST + 3)


def test_over_the_api_it_is_said_and_what_makes_no_sense_is_refused() -> None:
    async def scene() -> None:
        desk = Desk()
        citizen = desk.fake.dials("12345", after=0.5)
        await asyncio.sleep(10)
        said = await desk.post("/announcements", prompt="pool-closed", pool="hall")
        assert (said["callers"], said["said"], said["pool"]) == (1, "pool-closed", "hall")
        await asyncio.sleep(10)
        assert "pool-closed" in [what for _, _, what in desk.fake.heard(citizen.label)]
        refused = HTTPStatus.UNPROCESSABLE_ENTITY
        assert "either" in await desk.refused("POST", "/announcements", refused)
        assert "either" in await desk.refused("POST", "/announcements", refused, prompt="pool-closed", text="x")
        assert "no prompt" in await desk.refused("POST", "/announcements", refused, prompt="nothing")
        assert "no pool" in await desk.refused("POST", "/announcements", HTTPStatus.NOT_FOUND, text="x", pool="y")
        read = await desk.post("/announcements", text="停电已经恢复")
        assert (read["callers"], read["said"], read["pool"]) == (1, "停电已经恢复", None)
        await desk.closes()

    simulate(scene)


def test_a_text_that_no_voice_can_read_is_refused_and_a_prompt_is_said_all_the_same() -> None:
    async def mute(name: PromptId, text: str) -> int:
        raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "the voice has failed: it is hoarse")

    async def scene() -> None:
        desk = Desk(voice=mute)
        citizen = desk.fake.dials("12345", after=0.5)
        await asyncio.sleep(10)
        said = await desk.refused("POST", "/announcements", HTTPStatus.SERVICE_UNAVAILABLE, text="停电已经恢复")
        assert "hoarse" in said
        assert (await desk.post("/announcements", prompt="pool-closed"))["callers"] == 1
        await asyncio.sleep(10)
        assert [what for _, _, what in desk.fake.heard(citizen.label)].count("pool-closed") == 1
        await desk.closes()

    simulate(scene)


def test_two_texts_at_once_are_two_sounds_and_none_takes_that_of_one_that_is_still_known() -> None:
    read: list[PromptId] = []

    async def slowly(name: PromptId, text: str) -> int:
        read.append(name)
        await asyncio.sleep(1)
        if text == "失败":
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "the voice has failed")
        return 160

    async def scene() -> None:
        desk = Desk(voice=slowly)
        await asyncio.sleep(1)
        await asyncio.gather(*(desk.ask("POST", "/announcements", {"text": text}) for text in ("一", "二")))
        assert len({*read}) == 2
        for _ in range(BROADCASTS_MOST):
            await desk.ask("POST", "/announcements", {"text": "失败"})
            await desk.post("/announcements", text="三")
        kept = [each.prompt for each in desk.controller.service.dispatcher.broadcasts.latest()]
        assert len({*kept}) == len(kept) == BROADCASTS_MOST
        assert len({*read}) < 3 * BROADCASTS_MOST, "their files are not more and more"
        await desk.closes()

    simulate(scene)
