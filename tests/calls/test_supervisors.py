"""What supervisors hear and who hears them, and the beep at phones that answer by themselves, in virtual time."""

from collections.abc import Sequence
from functools import partial
from itertools import groupby, pairwise

import msgspec
import pytest

from routing.config import Config
from routing.ids import SeatId
from routing.people import Answer
from routing.talk import Do
from tests.calls.scenes import one_talk, thorough
from tests.calls.simulated import CONFIG, SimulatedHouse
from tests.calls.talking import (
    CITIZEN,
    COLLEAGUE,
    FIRST,
    OWNER,
    SEAT,
    SEAT2,
    A,
    By,
    C,
    M,
    Script,
    Step,
    heard,
    house_with,
    played,
)
from tests.fake.loop import simulate
from tests.fake.world import Phone

BOSS = "voice:8020"
SUPERVISED: dict[str, tuple[Sequence[Step], dict[str, list[str]]]] = {
    "listen": ([Do.LISTEN, Do.STOP], {CITIZEN: [A], SEAT: [C], "8020": ["unanswered", f"{A}+{C}"]}),
    "whisper": ([Do.WHISPER, Do.STOP], {CITIZEN: [A], SEAT: [C, f"{C}+{BOSS}", C], "8020": ["unanswered", f"{A}+{C}"]}),
    "listen, then whisper, then barge in, then listen": (
        [Do.LISTEN, Do.WHISPER, Do.BARGE, Do.LISTEN],
        {
            CITIZEN: [A, f"{A}+{BOSS}", A],
            SEAT: [C, f"{C}+{BOSS}", C],
            "8020": ["unanswered", f"{A}+{C}"],
        },
    ),
    "take over at once": ([Do.TAKE_OVER], {CITIZEN: [A, BOSS], SEAT: [C], "8020": ["unanswered", C]}),
    "listen, then take over": (
        [Do.LISTEN, Do.TAKE_OVER],
        {CITIZEN: [A, BOSS], SEAT: [C], "8020": ["unanswered", f"{A}+{C}", C]},
    ),
    "listen, and the agent hangs up": ([Do.LISTEN, SEAT], {CITIZEN: [A], "8020": ["unanswered", f"{A}+{C}"]}),
    "barge in, and the agent hangs up": (
        [Do.BARGE, SEAT],
        {CITIZEN: [A, f"{A}+{BOSS}", BOSS], "8020": ["unanswered", f"{C}+{A}", C]},
    ),
    "listen while the citizen is held": (
        [Do.LISTEN, Do.HOLD, Do.RETRIEVE],
        {CITIZEN: [A, M, A], "8020": ["unanswered", f"{A}+{C}", A, f"{A}+{C}"]},
    ),
    "listen, and the supervisor hangs up": ([Do.LISTEN, "8020"], {CITIZEN: [A], "8020": ["unanswered", f"{A}+{C}"]}),
}


@pytest.mark.parametrize("talk", SUPERVISED)
def test_a_supervisor_is_heard_by_whom_they_should(talk: str) -> None:
    script, wanted = SUPERVISED[talk]
    house = played(script)
    assert {label: story(house, label) for label in wanted} == {
        label: [merged(what) for what in story] for label, story in wanted.items()
    }
    (record,) = house.records()
    assert record.brought[0].name == "boss"


PARTS: dict[str, tuple[Script, list[tuple[str, int]]]] = {
    "take over at once": ([Do.TAKE_OVER], [(OWNER, 0), ("boss", 0)]),
    "each holds": (
        [Do.HOLD, Do.RETRIEVE, Do.LISTEN, Do.TAKE_OVER, By("boss", Do.HOLD), By("boss", Do.RETRIEVE)],
        [(OWNER, 5), ("boss", 5)],
    ),
    "barge in, and the agent hangs up": ([Do.BARGE, SEAT], [(OWNER, 0), ("boss", 0)]),
    "barge in, and stop": ([Do.BARGE, Do.STOP], [(OWNER, 0)]),
    "listen": ([Do.LISTEN], [(OWNER, 0)]),
}
"""Who has which part of the talk, with how many seconds of hold."""


@pytest.mark.parametrize("talk", PARTS)
def test_whoever_takes_over_has_a_part_of_the_talk_from_then_on_with_their_own_holds(talk: str) -> None:
    script, wanted = PARTS[talk]
    (record,) = played(script).records()
    assert [(part.agent, round(part.held_ms / 1000)) for part in record.talks] == wanted
    assert sum(part.held_ms for part in record.talks) == record.held_ms
    assert (record.talks[0].since, record.talks[-1].until) == (record.connected, record.released)
    for before, after in pairwise(record.talks):
        assert abs(after.since - before.until) < 100, "the one comes as the other goes"


def story(house: SimulatedHouse, label: str) -> list[str]:
    return [what for what, _ in groupby(merged(what) for what in heard(house, label))]


def merged(what: str) -> str:
    """In which order voices are named says nothing."""
    return "+".join(sorted(what.split("+")))


def test_two_supervisors_listen_at_once_and_one_takes_over() -> None:
    async def scene() -> SimulatedHouse:
        house = await_house()
        for n, (by, do, seat) in enumerate(
            [("a", Do.LISTEN, "8019"), ("b", Do.WHISPER, "8020"), ("b", Do.TAKE_OVER, "8020"), ("a", Do.STOP, "8019")]
        ):
            house.fake.later(FIRST + 4 * n, partial(_supervised, house, by, do, seat, n < 3))
        await house.lives()
        house.check()
        return house

    house = simulate(scene)
    assert heard(house, CITIZEN) == [A, BOSS]
    assert story(house, "8019") == ["unanswered", merged(f"{A}+{C}")]


def await_house() -> SimulatedHouse:
    house = SimulatedHouse()
    house.agent(OWNER, answers_after=1.0, talks=None)
    for seat in ("8019", "8020"):
        house.fake.seat(seat, answers_after=1.0, talks=None)
    house.fake.dials("12345", after=0.5, hangs_up=60)
    return house


def _supervised(house: SimulatedHouse, by: str, do: Do, seat: str, may: bool) -> None:
    if bool(house.supervises(by, do, OWNER, seat)) == may:
        house.fake.faults.append(f"{by} {do}: {'refused' if may else 'done'}")


def by_themselves(*seats: str) -> Config:
    """The config, and at these seats the phone answers by itself."""
    known = CONFIG.site.seats
    auto = {SeatId(each): msgspec.structs.replace(known[SeatId(each)], answer=Answer.AUTO) for each in seats}
    return msgspec.structs.replace(CONFIG, site=msgspec.structs.replace(CONFIG.site, seats={**known, **auto}))


@pytest.mark.parametrize("do", [Do.CONSULT, Do.TRANSFER])
def test_whoever_is_brought_in_at_a_phone_that_answers_by_itself_hears_a_beep_first(do: Do) -> None:
    async def scene() -> SimulatedHouse:
        return await house_with([(do, COLLEAGUE)], config=by_themselves(SEAT2))

    house = simulate(scene)
    house.check()
    theirs = house.story(house.fake.parties[SEAT2])
    assert theirs[0] == "beep"
    assert (A if do is Do.CONSULT else C) in theirs
    assert "beep" not in heard(house, CITIZEN)


def test_a_supervisor_s_phone_that_answers_by_itself_beeps_too() -> None:
    async def scene() -> SimulatedHouse:
        return await house_with([Do.LISTEN], config=by_themselves("8020"))

    house = simulate(scene)
    assert house.story(house.fake.parties["8020"])[0] == "beep"


def test_who_hangs_up_over_the_beep_was_not_reached_and_the_agent_has_the_citizen_again() -> None:
    async def scene() -> SimulatedHouse:
        leaves = Phone(answers_after=1.0, leaves=0.1)
        return await house_with([(Do.CONSULT, COLLEAGUE)], other=leaves, config=by_themselves(SEAT2))

    house = simulate(scene)
    house.check()
    assert heard(house, SEAT)[-1] == C


@pytest.mark.parametrize("kill_at", thorough(range(20, 100, 3), sample=9))
def test_no_kill_and_no_hang_up_in_a_consultation_with_a_beep_loses_anybody(kill_at: int) -> None:
    config = by_themselves(SEAT, SEAT2)
    for hangs_up in (None, 7.52, 8.5, 9.53):  # the colleague's phone has just answered, beeps, and is to have them
        simulate(lambda: one_talk("a consultation that is completed", kill_at, hangs_up, config)).check()  # noqa: B023 - simulated at once
