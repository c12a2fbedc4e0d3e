"""What people hear in a conversation in which others come and go, in virtual time."""

from collections.abc import Sequence
from functools import partial
from itertools import groupby

import msgspec
import pytest

from routing.config import Config
from routing.ids import AgentId, SeatId, TargetId
from routing.people import Answer
from routing.talk import SUPERVISORS, Do, Kind, Whom
from routing.tickets import Paused
from tests.calls.scenes import one_talk, thorough
from tests.calls.simulated import CONFIG, SimulatedHouse
from tests.fake.loop import simulate
from tests.fake.world import Phone

OWNER, OTHER = "1016", "1017"
SEAT, SEAT2 = "8016", "8017"
WATER, LIGHT = "03108095001", "95598"
COLLEAGUE = Whom(Kind.AGENT, OTHER)
UTILITY = Whom(Kind.TARGET, "water")
FIRST = 20.0
"""When the first thing is asked for, in seconds: the talk has begun long before."""

Step = tuple[Do, Whom] | Do | str
Script = Sequence[Step]


async def house_with(
    script: Script,
    *,
    hangs_up: float | None = 60.0,
    other: Phone | None = None,
    config: Config = CONFIG,
) -> SimulatedHouse:
    """A citizen with agent 1016, 1017 beside; what is asked for comes every five seconds from the 20th on.

    A string is a phone that hangs up: a seat, a number, or `citizen`.
    """
    house = SimulatedHouse()
    house.config = config
    house.agent(OWNER, answers_after=1.0, talks=None)
    house.fake.target(WATER, other or Phone(answers_after=2.0, talks=None))
    house.fake.seat("8020", answers_after=1.0, talks=None)
    house.fake.target("119", answers_after=2.0, talks=None)
    house.fake.dials("12345", after=0.5, hangs_up=hangs_up)
    house.fake.later(6.0, partial(_sits_down, house, other))
    for n, step in enumerate(script):
        house.fake.later(FIRST + 5 * n, partial(_done, house, step))
    await house.lives()
    return house


def _sits_down(house: SimulatedHouse, other: Phone | None) -> None:
    house.agent(OTHER, other or Phone(answers_after=1.0, talks=None))
    house.comes(AgentId(OTHER))


def _done(house: SimulatedHouse, step: Step) -> None:
    if isinstance(step, str) and not isinstance(step, Do):
        house.fake.hangs_up(house.fake.parties[step])
    elif isinstance(step, Do) and step in SUPERVISORS:
        if refused := house.supervises("boss", step, OWNER, "8020"):
            house.fake.faults.append(f"{step}: {refused}")
    elif refused := house.asks(OWNER, *(step if isinstance(step, tuple) else (step,))):
        house.fake.faults.append(f"{step}: {refused}")


def played(script: Script, *, other: Phone | None = None) -> SimulatedHouse:
    async def scene_() -> SimulatedHouse:
        house = await house_with(script, other=other)
        house.check()
        if Do.MUTE not in script:
            assert not house.silences()
        return house

    return simulate(scene_)


def heard(house: SimulatedHouse, label: str) -> list[str]:
    """From the first thing that was asked for, to the survey if there is one."""
    story = [what for since, to, what in house.fake.heard(label) if to - since > 100 and to >= FIRST * 1000 - 1]
    return story[: story.index("survey")] if "survey" in story else story


CITIZEN = "citizen"
A, B, W, C = f"voice:{SEAT}", f"voice:{SEAT2}", f"voice:{WATER}", "voice:citizen"
M, S, R = "music", "silence", "ringback"
HOLD, RETRIEVE, SWITCH, CANCEL = Do.HOLD, Do.RETRIEVE, Do.SWITCH, Do.CANCEL
ASK_WATER = (Do.CONSULT, UTILITY)
DESK = (Do.LINK, Whom(Kind.EMERGENCY, "119"))
ASK_COLLEAGUE = (Do.CONSULT, COLLEAGUE)

TALKS: dict[str, tuple[Script, dict[str, list[str]]]] = {
    "nothing is asked for": ([], {CITIZEN: [A], SEAT: [C]}),
    "hold and retrieve": ([HOLD, RETRIEVE], {CITIZEN: [A, M, A], SEAT: [C, S, C]}),
    "hold, and the agent hangs up": ([HOLD, Do.HANG_UP], {CITIZEN: [A, M], SEAT: [C, S]}),
    "mute": ([Do.MUTE, Do.UNMUTE], {CITIZEN: [A, S, A], SEAT: [C]}),
    "hang up": ([Do.HANG_UP], {CITIZEN: [A], SEAT: [C]}),
    "consult a utility and come back": (
        [ASK_WATER, CANCEL],
        {CITIZEN: [A, M, A], SEAT: [C, R, W, C], WATER: ["unanswered", A]},
    ),
    "consult a colleague and come back": (
        [ASK_COLLEAGUE, CANCEL],
        {CITIZEN: [A, M, A], SEAT: [C, R, B, C], SEAT2: ["unanswered", A]},
    ),
    "consult anybody of a pool": (
        [(Do.CONSULT, Whom(Kind.POOL, "hall")), CANCEL],
        {CITIZEN: [A, M, A], SEAT: [C, R, B, C], SEAT2: ["unanswered", A]},
    ),
    "an outside number that the rule allows": (
        [(Do.CONSULT, Whom(Kind.NUMBER, "0310-8095001")), CANCEL],
        {CITIZEN: [A, M, A], SEAT: [C, R, W, C]},
    ),
    "switch there and back": (
        [ASK_WATER, SWITCH, SWITCH, CANCEL],
        {CITIZEN: [A, M, A, M, A], SEAT: [C, R, W, C, W, C], WATER: ["unanswered", A, M, A]},
    ),
    "all three": (
        [ASK_COLLEAGUE, Do.THREE_WAY],
        {CITIZEN: [A, M, f"{A}+{B}"], SEAT: [C, R, B, f"{C}+{B}"], SEAT2: ["unanswered", A, f"{C}+{A}"]},
    ),
    "all three, and the agent leaves": (
        [ASK_WATER, Do.THREE_WAY, Do.HANG_UP],
        {CITIZEN: [A, M, f"{A}+{W}", W], SEAT: [C, R, W, f"{C}+{W}"], WATER: ["unanswered", A, f"{C}+{A}", C]},
    ),
    "all three, and the guest leaves": (
        [ASK_WATER, Do.THREE_WAY, WATER],
        {CITIZEN: [A, M, f"{A}+{W}", A], SEAT: [C, R, W, f"{C}+{W}", C]},
    ),
    "complete": ([ASK_COLLEAGUE, Do.COMPLETE], {CITIZEN: [A, M, B], SEAT: [C, R, B], SEAT2: ["unanswered", A, C]}),
    "the agent hangs up in a consultation": (
        [ASK_WATER, SEAT],
        {CITIZEN: [A, M, W], SEAT: [C, R, W], WATER: ["unanswered", A, C]},
    ),
    "the guest hangs up in a consultation": ([ASK_WATER, WATER], {CITIZEN: [A, M, A], SEAT: [C, R, W, C]}),
    "an emergency desk": (
        [DESK, Do.HANG_UP],
        {
            CITIZEN: [A, f"{A}+voice:119", "voice:119"],
            SEAT: [C, f"{C}+voice:119"],
            "119": ["unanswered", f"{C}+{A}", C],
        },
    ),
    "an emergency desk that hangs up": (
        [DESK, "119"],
        {CITIZEN: [A, f"{A}+voice:119", A], SEAT: [C, f"{C}+voice:119", C]},
    ),
    "an emergency in the middle of a consultation": (
        [ASK_WATER, DESK],
        {CITIZEN: [A, M, A, f"{A}+voice:119"], SEAT: [C, R, W, C, f"{C}+voice:119"], WATER: ["unanswered", A]},
    ),
    "a utility": (
        [(Do.LINK, UTILITY)],
        {CITIZEN: [A, f"{A}+{W}"], SEAT: [C, f"{C}+{W}"], WATER: ["unanswered", f"{C}+{A}"]},
    ),
    "transfer": (
        [(Do.TRANSFER, COLLEAGUE)],
        {CITIZEN: [A, M, B], SEAT: [C, R], SEAT2: ["unanswered", C]},
    ),
    "transfer, and the agent hangs up while it rings": (
        [(Do.TRANSFER, Whom(Kind.POOL, "hall"))],
        {CITIZEN: [A, M, B], SEAT: [C, R], SEAT2: ["unanswered", C]},
    ),
}


@pytest.mark.parametrize("talk", TALKS)
def test_everybody_hears_whom_they_should(talk: str) -> None:
    script, wanted = TALKS[talk]
    house = played(script)
    assert {label: heard(house, label) for label in wanted} == wanted


NOBODY = {
    "busy": Phone(busy=True),
    "silent": Phone(),
    "declines": Phone(rejects_after=1.0),
    "not registered": Phone(registered=False),
}


@pytest.mark.parametrize("phone", NOBODY)
@pytest.mark.parametrize("whom", [COLLEAGUE, UTILITY])
@pytest.mark.parametrize("do", [Do.CONSULT, Do.TRANSFER])
def test_what_does_not_answer_comes_back_to_the_same_agent(do: Do, whom: Whom, phone: str) -> None:
    house = played([(do, whom)], other=NOBODY[phone])
    story = [what for what in heard(house, CITIZEN) if what != M]
    assert story[-1] == A
    assert heard(house, SEAT)[-1] == C


PLACES = {
    "a provincial centre": ("agriculture", "031112316"),
    "the sub-centre": ("tobacco", "03108012313"),
    "retained seats behind a hunt number": ("health-seats", "03108012320"),
}


def with_place(place: str, do: Do, phone: Phone, *then: Step) -> tuple[SimulatedHouse, str]:
    """The agent of the hall brings the citizen there; the house, and what the place is heard as."""
    target, number = PLACES[place]

    async def scene() -> SimulatedHouse:
        house = SimulatedHouse()
        house.agent(OWNER, answers_after=1.0, talks=None)
        house.fake.target(number, phone)
        house.fake.dials("12345", after=0.5, hangs_up=60)
        for n, step in enumerate(((do, Whom(Kind.TARGET, target)), *then)):
            house.fake.later(FIRST + 5 * n, partial(_done, house, step))
        await house.lives()
        house.check()
        assert not house.silences()
        return house

    return simulate(scene), f"voice:{number}"


@pytest.mark.parametrize("place", PLACES)
def test_the_hall_gives_a_citizen_to_a_place_outside_blind_or_warm_or_stays(place: str) -> None:
    answers = Phone(answers_after=1.0, talks=None)
    house, there = with_place(place, Do.TRANSFER, answers)
    assert heard(house, CITIZEN) == [A, M, there]
    house, there = with_place(place, Do.CONSULT, answers, Do.COMPLETE)
    assert heard(house, CITIZEN) == [A, M, there]
    house, there = with_place(place, Do.CONSULT, answers, Do.THREE_WAY)
    assert heard(house, CITIZEN) == [A, M, f"{A}+{there}"]
    house, there = with_place(place, Do.LINK, answers)
    assert heard(house, CITIZEN) == [A, f"{A}+{there}"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("phone", NOBODY)
def test_a_place_outside_that_does_not_answer_gives_the_citizen_back_to_the_same_agent(place: str, phone: str) -> None:
    for do in (Do.TRANSFER, Do.CONSULT):
        house, _ = with_place(place, do, NOBODY[phone])
        assert [what for what in heard(house, CITIZEN) if what != M] == [A, A]


@pytest.mark.parametrize("place", PLACES)
def test_a_place_outside_that_lets_go_at_once_gives_the_citizen_back_to_the_same_agent(place: str) -> None:
    house, there = with_place(place, Do.TRANSFER, Phone(answers_after=1.0, talks=1.0))
    assert [what for what in heard(house, CITIZEN) if what not in {M, "unanswered"}] == [A, there, A]
    (record,) = house.records()
    assert [(each.name, each.aim) for each in record.brought] == [(PLACES[place][0], "transfer"), (OWNER, "again")]


def test_one_that_lets_go_later_has_had_the_call() -> None:
    house, there = with_place("the sub-centre", Do.TRANSFER, Phone(answers_after=1.0, talks=8.0))
    assert heard(house, CITIZEN) == [A, M, there]


def test_one_that_lets_go_at_once_while_that_agent_is_away_leaves_the_citizen_to_whoever_is_free() -> None:
    async def scene() -> SimulatedHouse:
        house = SimulatedHouse()
        house.agent(OWNER, answers_after=1.0, talks=None)
        house.fake.target(WATER, answers_after=1.0, talks=2.0)
        house.fake.dials("12345", after=0.5, hangs_up=60)
        house.fake.later(6.0, partial(_sits_down, house, None))
        house.fake.later(FIRST, partial(_done, house, (Do.TRANSFER, UTILITY)))
        house.fake.later(FIRST + 0.5, partial(house.tells, Paused(AgentId(OWNER), "tea")))
        await house.lives()
        house.check()
        return house

    house = simulate(scene)
    assert [what for what in heard(house, CITIZEN) if what != M] == [A, W, B]


@pytest.mark.parametrize("do", [Do.TRANSFER, Do.CONSULT])
def test_retained_seats_give_their_citizen_to_the_hall(do: Do) -> None:
    async def scene() -> SimulatedHouse:
        house = SimulatedHouse()
        house.agent("2001", answers_after=1.0, talks=None)
        house.fake.dials("12350", after=0.5, hangs_up=60)
        house.fake.later(15.0, partial(_sits_down, house, None))
        house.fake.later(FIRST, partial(house.asks, "2001", do, Whom(Kind.POOL, "hall")))
        if do is Do.CONSULT:
            house.fake.later(FIRST + 5, partial(house.asks, "2001", Do.COMPLETE))
        await house.lives()
        house.check()
        assert not house.silences()
        return house

    assert heard(simulate(scene), CITIZEN) == ["voice:8101", M, B]


def test_a_transfer_that_comes_to_nothing_rings_the_agent_who_has_hung_up() -> None:
    house = played([(Do.TRANSFER, UTILITY), SEAT], other=Phone())
    assert heard(house, CITIZEN) == [A, M, A]
    assert heard(house, SEAT) == [C, R, "unanswered", C]


def test_and_whoever_is_free_when_that_agent_does_not_answer() -> None:
    async def scene() -> SimulatedHouse:
        house = SimulatedHouse()
        house.agent(OWNER, Phone(answers_after=1.0, talks=None), Phone())
        house.fake.target(WATER, Phone())
        house.fake.dials("12345", after=0.5, hangs_up=90)
        house.fake.later(6.0, partial(_sits_down, house, None))
        house.fake.later(20, partial(_done, house, (Do.TRANSFER, UTILITY)))
        house.fake.later(22, partial(_done, house, SEAT))
        await house.lives()
        house.check()
        assert not house.silences()
        return house

    house = simulate(scene)
    assert heard(house, CITIZEN) == [A, M, B]


def test_a_desk_that_does_not_answer_is_tried_at_its_other_number_and_the_record_has_the_times() -> None:
    async def scene() -> SimulatedHouse:
        house = SimulatedHouse()
        fire = msgspec.structs.replace(CONFIG.site.targets[TargetId("fire")], alternative="0310-2119")
        targets = CONFIG.site.targets | {fire.id: fire}
        house.config = msgspec.structs.replace(CONFIG, site=msgspec.structs.replace(CONFIG.site, targets=targets))
        house.agent(OWNER, answers_after=1.0, talks=None)
        house.fake.target("119", Phone())
        house.fake.target("03102119", answers_after=2.0, talks=None)
        house.fake.dials("12345", after=0.5, hangs_up=60)
        house.fake.later(20, partial(_done, house, DESK))
        house.fake.later(45, partial(_done, house, Do.HOLD))
        await house.lives()
        house.check()
        assert not house.silences()
        return house

    house = simulate(scene)
    assert heard(house, CITIZEN) == [A, f"{A}+voice:03102119", "voice:03102119"]
    (record,) = house.records()
    (desk,) = record.brought
    assert (desk.name, desk.aim, desk.left) == ("119", "link", None)
    assert desk.joined is not None
    assert 11_000 < desk.joined - desk.asked < 14_000
    assert record.held_ms == 0


def test_the_record_has_how_long_the_citizen_was_held_and_who_could_not_be_had() -> None:
    house = played([Do.HOLD, Do.RETRIEVE, (Do.CONSULT, UTILITY)], other=Phone(busy=True))
    (record,) = house.records()
    assert 4_900 < record.held_ms < 5_400
    assert [(each.name, each.aim, each.joined, each.cause) for each in record.brought] == [
        ("water", "consult", None, 17)
    ]


def test_the_record_says_when_the_recording_was_paused() -> None:
    house = played([Do.PAUSE_RECORDING, Do.RESUME_RECORDING, Do.MUTE, Do.PAUSE_RECORDING])
    (record,) = house.records()
    (first, second), arrived = record.paused, record.arrived
    assert [round((at - arrived) / 100) for at in (*first, second[0])] == [195, 245, 345]
    assert second[1] == record.ended


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
def test_no_kill_in_a_consultation_with_a_beep_loses_anybody(kill_at: int) -> None:
    config = by_themselves(SEAT, SEAT2)
    simulate(lambda: one_talk("a consultation that is completed", kill_at, None, config)).check()
