"""Whole calls in virtual time: what callers hear, whom they reach, and the record."""

from itertools import groupby

import msgspec
import pytest

from ivr import inside
from ivr.facts import CallRecord, Outcome, Stage
from ivr.facts import Party as Who
from routing.ids import AgentId, PromptId, SeatId
from routing.people import Answer
from routing.prompts import file_of
from tests.calls.scenes import CENTRE, overflowing
from tests.calls.simulated import CONFIG, SimulatedHouse
from tests.fake.loop import simulate
from tests.fake.world import Party, Phone, sound

WORKDAY, NIGHT = "2021-09-15T09:00", "2021-09-15T20:00"
HALL, SEATS = "1016", "2001"  # 工号 of one without a skill, and of one at 12350's own seats


def play(line: str, at: str = WORKDAY, **scene: Phone | float | None) -> tuple[list[str], CallRecord, SimulatedHouse]:
    """One call of `line` at `at`: its story, its record, and the house to look further."""

    async def scene_() -> tuple[list[str], CallRecord, SimulatedHouse]:
        house = SimulatedHouse()
        for agent, seat in (("hall", HALL), ("skilled", "1001"), ("seats", SEATS)):
            phone = scene.get(agent)
            if isinstance(phone, Phone):
                house.agent(seat, phone)
        centre = scene.get("centre")
        if isinstance(centre, Phone):
            house.fake.target(CENTRE, centre)
        hangs_up = scene.get("hangs_up")
        citizen = house.fake.dials(line, after=0.5, at=at, hangs_up=hangs_up if isinstance(hangs_up, float) else None)
        await house.lives()
        house.check()
        assert not house.silences()
        (record,) = house.records()
        return house.story(citizen), record, house

    return simulate(scene_)


def answers(talks: float = 20.0) -> Phone:
    """A phone that is answered after a second and a half."""
    return Phone(answers_after=1.5, talks=talks)


def test_12345_is_greeted_and_talks_with_an_agent_who_hears_the_line_whispered() -> None:
    story, record, house = play("12345", hall=answers())
    assert story == ["greeting-12345", "agent-1016", "voice:8016"]
    agent = house.story(house.fake.parties["8016"])
    assert [what for what in agent if what != "silence"] == ["whisper-12345", "voice:citizen"]
    assert (record.outcome, record.agent, record.pool, record.line) == (Outcome.ANSWERED, "1016", "hall", "12345")
    assert record.released_by is Who.AGENT
    assert record.since_answer_ms is not None
    assert record.since_answer_ms < 15_000


def test_a_call_costs_no_more_requests_than_the_budget() -> None:
    async def scene() -> None:
        house = SimulatedHouse()
        house.agent(HALL, answers())
        house.fake.dials("12345", after=0.5)
        await house.lives()
        requests = [method for _, method, path in house.fake.log if "eventFilter" not in path]
        assert len(requests) <= 18

    simulate(scene)


@pytest.mark.parametrize("spelling", ["12345", "031012345", "0310-12345", "+8631012345"])
def test_any_spelling_of_the_halls_number_is_12345(spelling: str) -> None:
    story, record, _ = play(spelling, hall=answers())
    assert story[0] == "greeting-12345"
    assert (record.line, record.dialled, record.marked) == ("12345", spelling, None)


def test_an_unknown_number_is_answered_as_12345_and_marked() -> None:
    story, record, _ = play("59999999", hall=answers())
    assert story == ["greeting-12345", "agent-1016", "voice:8016"]
    assert record.marked == "unknown-number"


def test_12329_in_transition_says_so_and_goes_to_an_agent_with_the_skill() -> None:
    story, record, _ = play("12329", hall=answers(), skilled=answers())
    assert story == ["transition-12329", "agent-1001", "voice:8001"]
    assert (record.phase, record.agent) == ("transition", "1001")


def test_12329_without_anybody_of_the_skill_goes_to_any_agent_at_once() -> None:
    story, _, _ = play("12329", hall=answers())
    assert story == ["transition-12329", "agent-1016", "voice:8016"]


def test_12329_after_the_transition_is_greeted_only() -> None:
    story, record, _ = play("12329", at="2021-11-01T00:00", hall=answers())
    assert story == ["greeting-12329", "agent-1016", "voice:8016"]
    assert record.phase == "merged"


def test_12350_goes_to_its_own_seats_first() -> None:
    story, record, _ = play("12350", hall=answers(), seats=answers())
    assert story == ["transition-12350", "agent-2001", "voice:8101"]
    assert record.pool == "safety"


@pytest.mark.parametrize("seats", [None, Phone(), Phone(busy=True), Phone(dead=True), Phone(registered=False)])
def test_12350_comes_to_the_hall_when_its_seats_are_out_or_do_not_answer(seats: Phone | None) -> None:
    story, record, _ = play("12350", hall=answers(), seats=seats)
    assert story == ["transition-12350", "agent-1016", "voice:8016"]
    assert record.pool == "hall"


def test_12350_at_night_comes_to_the_hall_although_somebody_is_in() -> None:
    story, _, _ = play("12350", at=NIGHT, hall=answers(), seats=answers())
    assert story[-1] == "voice:8016"


def test_12316_is_transferred_to_the_provincial_centre() -> None:
    story, record, _ = play("12316", hall=answers(), centre=answers())
    assert story == ["transfer-12316", f"voice:{CENTRE}"]
    assert (record.outcome, record.target) == (Outcome.TRANSFERRED, "agriculture")


@pytest.mark.parametrize("centre", [Phone(), Phone(busy=True), Phone(rejects_after=1), None, answers(talks=2.0)])
def test_12316_comes_back_to_the_hall_with_a_word_when_the_centre_fails(centre: Phone | None) -> None:
    story, record, _ = play("12316", hall=answers(), centre=centre)
    assert story[0] == "transfer-12316"
    assert story[-3:] == ["return-hall", "agent-1016", "voice:8016"]
    assert (record.outcome, record.agent) == (Outcome.ANSWERED, "1016")


def test_who_comes_back_from_one_target_to_another_is_not_promised_the_hall() -> None:
    async def scene() -> None:
        house = SimulatedHouse()
        house.config = overflowing("agriculture", "water")
        house.agent(HALL, answers())
        house.fake.target(CENTRE, Phone(busy=True))
        house.fake.target("03108095001", Phone(busy=True))
        citizen = house.fake.dials("12350", after=0.5)
        await house.lives()
        house.check()
        assert house.story(citizen) == ["transition-12350", "return-next", "return-hall", "agent-1016", "voice:8016"]

    simulate(scene)


def test_12316_when_the_centre_is_closed_says_so_and_stays() -> None:
    story, _, _ = play("12316", at=NIGHT, hall=answers(), centre=answers())
    assert story == ["closed-12316", "agent-1016", "voice:8016"]


@pytest.mark.parametrize(
    ("hangs_up", "stage"),
    [(0.001, Stage.ARRIVAL), (1.0, Stage.RING), (3.0, Stage.RING), (3.6, Stage.RING)],
)
def test_a_caller_who_leaves_is_recorded_where_they_left(hangs_up: float, stage: Stage) -> None:
    _, record, _ = play("12345", hall=answers(), hangs_up=hangs_up)
    assert record.outcome is Outcome.ABANDONED
    assert record.stage is stage


def test_a_caller_who_leaves_the_queue_is_recorded_there() -> None:
    _, record, _ = play("12345", hangs_up=60.0)
    assert (record.outcome, record.stage, record.wait_ms is not None) == (Outcome.ABANDONED, Stage.QUEUE, True)


@pytest.mark.parametrize(
    "first", [Phone(rejects_after=1), Phone(), Phone(dead=True), Phone(busy=True), Phone(answers_after=1, leaves=0.5)]
)
def test_an_agent_who_does_not_take_the_call_costs_the_caller_only_time(first: Phone) -> None:
    async def scene() -> None:
        house = SimulatedHouse()
        house.agent("1001", first)
        house.agent(HALL, answers())
        citizen = house.fake.dials("12329", after=0.5)
        await house.lives()
        house.check()
        assert not house.silences()
        assert house.story(citizen)[-2:] == ["agent-1016", "voice:8016"]
        (record,) = house.records()
        assert record.offers == 2
        assert house.dispatcher is not None
        states = {view.agent: view.state for view in house.dispatcher.agents()}
        assert states[AgentId("1001")] != "ready"

    simulate(scene)


def test_callers_reach_agents_in_the_order_in_which_they_came() -> None:
    async def scene() -> None:
        house = SimulatedHouse()
        for n in range(1016, 1021):
            house.agent(str(n), answers_after=0.5, talks=7)
        citizens = [house.fake.dials("12345", after=0.5 + n / 10, label=f"c{n:02}") for n in range(60)]
        await house.lives()
        house.check()
        assert len(house.records()) == len(citizens)
        began = [_voice(house, citizen) for citizen in citizens]
        assert began == sorted(began)

    def _voice(house: SimulatedHouse, citizen: Party) -> int:
        return next(at for at, _, what in house.fake.heard(citizen.label) if what.startswith("agent-"))

    simulate(scene)


def test_a_local_line_is_told_in_pieces_and_the_agents_phone_rings_in_time() -> None:
    async def scene() -> None:
        house = SimulatedHouse()
        house.agent("1016", answers_after=1.0, talks=5)
        pieces = CONFIG.prompts[PromptId("transition-13900000310")].pieces
        house.pieces = dict.fromkeys(pieces, 1_000)
        house.fake.length = 1_000
        files = [sound(file_of(piece)) for piece in pieces]
        citizen = house.fake.dials("13900000310", after=0.5)
        await house.lives()
        house.check()
        told = [what for _, _, what in house.fake.heard(citizen.label) if what in files]
        assert told == [what for what, _ in groupby(files)]
        (record,) = house.records()
        assert record.rang is not None
        assert record.answered is not None
        assert record.rang - record.answered == pytest.approx(1_000 * len(pieces) - 2_000, abs=200)

    simulate(scene)


def test_an_announcement_is_not_answered_and_hung_up_once_with_its_cause() -> None:
    """A second request to hang up made Asterisk refuse with 403 instead of 410."""

    async def scene() -> None:
        house = SimulatedHouse()
        house.fake.dials("8000002", after=0.5, at="2021-11-01T00:00:00")
        await house.lives()
        (record,) = house.records()
        assert (record.outcome, record.answered, record.cause) == (Outcome.ANNOUNCED, None, 22)
        assert record.prompts == ("cancelled-8000002",)
        ended = [path for _, method, path in house.fake.log if method == "DELETE" and path.startswith("channels/")]
        assert len(ended) == 1, ended

    simulate(scene)


@pytest.mark.slow
def test_no_kill_and_no_hang_up_gives_an_announcement_two_records_or_says_it_twice() -> None:
    async def scene(kill_at: int | None = None, hangs_up: float | None = None) -> SimulatedHouse:
        house = SimulatedHouse(seed=kill_at or 0)
        house.fake.dials("8000002", after=0.5, at="2021-11-01T00:00:00", hangs_up=hangs_up)
        await house.lives(kills=(kill_at,) if kill_at else ())
        return house

    strikes = simulate(scene).wires[0].strikes
    for kill_at in range(1, strikes + 1):
        for hangs_up in (None, 0.004, 1.0, 3.0):
            house = simulate(lambda: scene(kill_at, hangs_up))  # noqa: B023 - simulated at once
            told = house.heard(house.citizens[0]).count("cancelled-8000002")
            assert told <= len(house.records()) <= 1, (kill_at, hangs_up)  # the census knows who was never ours
            assert not house.fake.leftovers()
    assert strikes > 5


@pytest.mark.parametrize(("whisper", "number"), [(1_900, 1_000), (1_000, 1_900), (5_000, 5_000)])
def test_agent_and_citizen_talk_two_seconds_after_the_answer_at_the_latest(whisper: int, number: int) -> None:
    async def scene() -> None:
        house = SimulatedHouse()
        house.fake.lengths |= {"whisper-12345": whisper, "agent-1016": number}
        house.agent(HALL, answers_after=5.0, talks=20)
        citizen = house.fake.dials("12345", after=0.5)
        await house.lives()
        house.check()
        heard = {what: since for since, _, what in house.fake.heard("8016")}
        named = {what: since for since, _, what in house.fake.heard(citizen.label)}
        assert heard["whisper-12345"] == pytest.approx(named["agent-1016"], abs=20)
        assert heard[f"voice:{citizen.label}"] - heard["whisper-12345"] == pytest.approx(
            min(max(whisper, number), 2_000), abs=20
        )

    simulate(scene)


def test_a_phone_that_answers_by_itself_is_asked_to_and_its_agent_hears_a_beep_before_the_line() -> None:
    async def scene() -> None:
        house = SimulatedHouse(seed=8)
        seat = msgspec.structs.replace(CONFIG.site.seats[SeatId("8016")], answer=Answer.AUTO)
        agent = msgspec.structs.replace(CONFIG.site.agents[AgentId("1017")], answer=Answer.MANUAL)
        seats = {**CONFIG.site.seats, seat.id: seat, SeatId("8017"): msgspec.structs.replace(seat, id=SeatId("8017"))}
        site = msgspec.structs.replace(CONFIG.site, seats=seats, agents={**CONFIG.site.agents, agent.id: agent})
        house.config = msgspec.structs.replace(CONFIG, site=site)
        first = house.agent("1016", answers_after=0.5, talks=5)
        second = house.agent("1017", answers_after=0.5, talks=5)
        house.fake.dials("12345", after=0.5)
        house.fake.dials("12345", after=1.0)
        await house.lives()
        house.check()
        assert house.story(first)[:2] == ["beep", "whisper-12345"]
        assert house.story(second)[0] == "whisper-12345"
        assert first.asked == inside.BY_ITSELF
        assert not second.asked

    simulate(scene)
