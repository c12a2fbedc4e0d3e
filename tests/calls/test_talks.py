"""What people hear in a conversation in which others come and go, in virtual time."""

from functools import partial

import msgspec
import pytest

from routing.ids import TargetId
from routing.talk import Do, Kind, Whom
from tests.calls.simulated import CONFIG, SimulatedHouse
from tests.calls.talking import (
    ASK_COLLEAGUE,
    ASK_WATER,
    AT_PHONE,
    CANCEL,
    CITIZEN,
    COLLEAGUE,
    DESK,
    HOLD,
    NOBODY,
    ON_AT_PHONE,
    OWNER,
    RETRIEVE,
    SEAT,
    SEAT2,
    SWITCH,
    UTILITY,
    WATER,
    A,
    B,
    C,
    M,
    R,
    S,
    Script,
    W,
    done,
    heard,
    played,
    sits_down,
)
from tests.fake.loop import simulate
from tests.fake.world import Phone

TALKS: dict[str, tuple[Script, dict[str, list[str]]]] = {
    "nothing is asked for": ([], {CITIZEN: [A], SEAT: [C]}),
    "hold and retrieve": ([HOLD, RETRIEVE], {CITIZEN: [A, M, A], SEAT: [C, S, C]}),
    "hold and retrieve at the phone": ([AT_PHONE, ON_AT_PHONE], {CITIZEN: [A, M, A], SEAT: [C, S, C]}),
    "hold at the phone, and the agent hangs up": ([AT_PHONE, SEAT], {CITIZEN: [A, M], SEAT: [C, S]}),
    "hold at the phone, and the citizen hangs up": ([AT_PHONE, CITIZEN], {CITIZEN: [A, M], SEAT: [C, S]}),
    "hold at the phone, and retrieve at the desk": ([AT_PHONE, RETRIEVE, ON_AT_PHONE], {CITIZEN: [A, M, A]}),
    "hold at the phone, of all three": (
        [ASK_WATER, Do.THREE_WAY, AT_PHONE, ON_AT_PHONE],
        {CITIZEN: [A, M, f"{A}+{W}", W, f"{W}+{A}"], SEAT: [C, R, W, f"{C}+{W}", S, f"{C}+{W}"]},
    ),
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
    "a colleague straight into the call, and the agent leaves": (
        [(Do.LINK, COLLEAGUE), Do.HANG_UP],
        {CITIZEN: [A, f"{A}+{B}", B], SEAT: [C, f"{C}+{B}"], SEAT2: ["unanswered", f"{C}+{A}", C]},
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


@pytest.mark.parametrize("phone", NOBODY)
@pytest.mark.parametrize("whom", [COLLEAGUE, UTILITY])
@pytest.mark.parametrize("do", [Do.CONSULT, Do.TRANSFER, Do.LINK])
def test_what_does_not_answer_comes_back_to_the_same_agent(do: Do, whom: Whom, phone: str) -> None:
    house = played([(do, whom)], other=NOBODY[phone])
    story = [what for what in heard(house, CITIZEN) if what != M]
    assert story[-1] == A
    assert heard(house, SEAT)[-1] == C


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
        house.fake.later(6.0, partial(sits_down, house, None))
        house.fake.later(20, partial(done, house, (Do.TRANSFER, UTILITY)))
        house.fake.later(22, partial(done, house, SEAT))
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
        house.fake.later(20, partial(done, house, DESK))
        house.fake.later(45, partial(done, house, Do.HOLD))
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


def test_a_hold_at_the_phone_counts_as_any_other() -> None:
    house = played([AT_PHONE, ON_AT_PHONE])
    (record,) = house.records()
    assert 4_900 < record.held_ms < 5_400
    assert [step for step in house.steps() if step.startswith("talk:")] == ["talk:1", "talk:2"]


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
