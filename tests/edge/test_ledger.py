"""The ledger through the journal and back, and the record that it adds up to."""

from typing import Any

import msgspec
import pytest

from ivr import ledger as steps
from ivr.facts import (
    Arrived,
    CallRecord,
    Connected,
    Declined,
    Heard,
    Left,
    Offered,
    Outcome,
    Overflowed,
    Party,
    Queued,
    Rated,
    Released,
    Returned,
    Said,
    Stage,
    Talked,
    Transferring,
)
from ivr.journal import Journal
from ivr.ledger import STEPS, Ledger, Step, fold
from ivr.record import record
from ivr.register import REMEMBERED, Register
from routing.ids import AgentId, CallId, ChannelId, Instant, PoolId, PromptId, SeatId, SkillId, TargetId, TicketId
from routing.lines import Phase
from routing.plan import Arrival, Destination, Kind, Route, SpokenPrompt
from routing.tickets import Refusal
from tests.fake.clock import SEPTEMBER, ManualClock
from tests.fake.disk import MemoryDisk, Platter

CALL = CallId("handan1-17-0")
TRANSITION, GREETING = PromptId("transition-12329"), PromptId("greeting-12329")
ARRIVED = Arrived(
    at=SEPTEMBER,
    arrival=Arrival(
        number="12329", dialled="031012329", caller="139", recognised=True, diverted_from=None, trunk="town"
    ),
    moment="2021-09-15T09:00:00+08:00",
    rehearsal="r1",
)
ROUTE = Route(
    line="12329",
    name="住房公积金",
    phase=Phase.TRANSITION,
    prompts=(SpokenPrompt(TRANSITION, True, "…"), SpokenPrompt(GREETING, False, "…")),
    destinations=(Destination(kind=Kind.POOL, name="hall", skill=SkillId("housing-fund"), is_ours=True),),
    whisper=PromptId("whisper-12329"),
)


def at(seconds: float) -> Instant:
    return Instant(SEPTEMBER + round(seconds * 1000))


def offered(seconds: float) -> Offered:
    return Offered(at(seconds), AgentId("1001"), SeatId("8001"), ChannelId("leg"))


TALK = Connected(at(20), AgentId("1001"), SeatId("8001"), ChannelId("leg"), PoolId("hall"))
TARGET = Transferring(at(5), TargetId("agriculture"), "031112316", ChannelId("leg"))


class House:
    def __init__(self) -> None:
        self.platter = Platter()
        self.starts()

    def starts(self) -> None:
        self.journal = Journal(MemoryDisk(self.platter), "handan1", ManualClock())
        self.folded = fold(self.journal.replay())
        self.ledger = Ledger(CALL, self.journal, self.folded.calls.get(CALL))


@pytest.fixture
def house() -> House:
    return House()


def test_what_a_step_came_to_is_the_same_value_in_the_next_life(house: House) -> None:
    outcomes: list[tuple[Step[Any], Any]] = [
        (steps.ARRIVED, ARRIVED),
        (steps.ROUTED, ROUTE),
        (steps.ANSWERED, at(1)),
        (steps.SAYING.of(TRANSITION), at(1)),
        (steps.SAID.of(TRANSITION), Said(at(5), Heard.CUT)),
        (steps.QUEUED.of(1), Queued(at(1), TicketId(CALL))),
        (steps.OVERFLOWED.of(1), Overflowed(at(9), (PoolId("safety"),))),
        (steps.OFFERED.of(1), offered(10)),
        (steps.ACCEPTED.of(1), at(12)),
        (steps.DECLINED.of(1), Declined(at(13), Refusal.REJECTED)),
        (steps.CONNECTED, TALK),
        (steps.TRANSFERRING.of(1), TARGET),
        (steps.TRANSFERRED.of(1), at(6)),
        (steps.RETURNED.of(1), Returned(at(7), "released", 16)),
        (steps.RELEASED, Released(at(60), Party.AGENT, 16)),
        (steps.TAKEN_BACK, at(61)),
        (steps.LEFT, Left(at(62), "finished")),
    ]
    for step, outcome in outcomes:
        assert step not in house.ledger
        house.ledger.write(step, outcome)
        assert house.ledger[step] == outcome
    house.starts()
    for step, outcome in outcomes:
        assert step in house.ledger
        assert house.ledger[step] == outcome, step
        assert house.ledger.get(step) == outcome, "twice the same"


def test_a_step_that_has_not_happened_is_none(house: House) -> None:
    assert house.ledger.get(steps.ANSWERED) is None
    with pytest.raises(KeyError):
        house.ledger[steps.ANSWERED]


def test_the_last_word_on_a_step_counts(house: House) -> None:
    house.ledger.write(steps.ANSWERED, at(1))
    house.ledger.write(steps.ANSWERED, at(2))
    house.starts()
    assert house.ledger[steps.ANSWERED] == at(2)


def test_repeated_steps_are_counted_and_listed_in_order(house: House) -> None:
    for n in range(1, 12):
        house.ledger.write(steps.OFFERED.of(n), offered(n))
    house.starts()
    assert house.ledger.count(steps.OFFERED) == 11
    assert list(house.ledger.which(steps.OFFERED)) == [str(n) for n in range(1, 12)]
    assert house.ledger.count(steps.DECLINED) == 0


def test_a_call_with_its_record_is_over_and_known_to_be(house: House) -> None:
    house.ledger.write(steps.ARRIVED, ARRIVED)
    house.starts()
    assert list(house.folded.calls) == [CALL]
    house.ledger.write(steps.ENDED, record(house.ledger, "handan1", at(9)))
    for _ in range(3):
        house.starts()
        assert house.folded.calls == {}
        assert list(house.folded.ended) == [CALL]
        house.ledger.write(steps.RATED, Rated(at(10)))  # a word that comes late opens it no more


def test_every_step_is_in_the_documented_list() -> None:
    named = {step.name for step in vars(steps).values() if isinstance(step, Step)}
    assert named == set(STEPS)
    assert all(STEPS.values())


def told(house: House, *written: tuple[Step[Any], Any], ended: float = 60) -> CallRecord:
    begun: list[tuple[Step[Any], Any]] = [(steps.ARRIVED, ARRIVED), (steps.ROUTED, ROUTE)]
    for step, outcome in (*begun, *written):
        house.ledger.write(step, outcome)
    first = record(house.ledger, "handan1", at(ended))
    house.starts()
    assert record(house.ledger, "handan1", at(ended)) == first, "a restart changes nothing in the record"
    assert msgspec.json.decode(msgspec.json.encode(first), type=CallRecord) == first
    return first


GREETED: list[tuple[Step[Any], Any]] = [
    (steps.ANSWERED, at(1)),
    (steps.QUEUED.of(1), Queued(at(1), TicketId(CALL))),
    (steps.SAID.of(TRANSITION), Said(at(6))),
    (steps.SAID.of(GREETING), Said(at(9))),
]
HUNG_UP = (steps.LEFT, Left(at(60), "hung-up", 16))


def test_an_answered_call_has_all_its_waits(house: House) -> None:
    talked = told(
        house,
        *GREETED,
        (steps.OFFERED.of(1), offered(10)),
        (steps.DECLINED.of(1), Declined(at(16), Refusal.NO_ANSWER)),
        (steps.OFFERED.of(2), offered(16)),
        (steps.CONNECTED, TALK),
        (steps.RELEASED, Released(at(50), Party.AGENT, 16)),
        (steps.LEFT, Left(at(50), "finished")),
    )
    assert talked == CallRecord(
        call=CALL, node="handan1", outcome=Outcome.ANSWERED, arrived=at(0), ended=at(60), line="12329",
        name="住房公积金", phase="transition", dialled="031012329", caller="139", trunk="town",
        moment="2021-09-15T09:00:00+08:00", rehearsal="r1", answered=at(1), prompts_ended=at(9), queued=at(1),
        rang=at(10), connected=at(20), released=at(50), released_by=Party.AGENT, cause=16, agent=AgentId("1001"),
        seat=SeatId("8001"), pool=PoolId("hall"), asked_pool=PoolId("hall"),
        skill=SkillId("housing-fund"), offers=2, prompts=(TRANSITION, GREETING), wait_ms=19_000,
        since_answer_ms=19_000, since_prompt_end_ms=11_000, talk_ms=30_000,
        talks=(Talked(AgentId("1001"), at(20), at(50)),),
    )  # fmt: skip


def test_a_person_who_answers_during_the_prompts_was_waited_for_no_time(house: House) -> None:
    cut = told(house, *GREETED[:3], (steps.SAID.of(GREETING), Said(at(20.1), Heard.CUT)), (steps.CONNECTED, TALK))
    assert cut.since_prompt_end_ms == 0


@pytest.mark.parametrize(
    ("written", "stage"),
    [
        ([], Stage.ARRIVAL),
        (GREETED[:2], Stage.GREETING),
        (GREETED[:3], Stage.GREETING),
        (GREETED, Stage.QUEUE),
        ([*GREETED, (steps.OFFERED.of(1), offered(10))], Stage.RING),
        (
            [
                *GREETED,
                (steps.OFFERED.of(1), offered(10)),
                (steps.DECLINED.of(1), Declined(at(16), Refusal.REJECTED)),
            ],
            Stage.QUEUE,
        ),
        ([*GREETED, (steps.TRANSFERRING.of(1), TARGET)], Stage.TRANSFER),
        (
            [*GREETED, (steps.TRANSFERRING.of(1), TARGET), (steps.RETURNED.of(1), Returned(at(9), "busy", 17))],
            Stage.QUEUE,
        ),
    ],
)
def test_one_who_gives_up_is_abandoned_where_they_were(
    house: House, written: list[tuple[Step[Any], Any]], stage: Stage
) -> None:
    left = told(house, *written, HUNG_UP)
    assert (left.outcome, left.stage, left.cause, left.talk_ms) == (Outcome.ABANDONED, stage, 16, None)
    assert left.wait_ms == (59_000 if written else None)


def test_one_who_left_while_nobody_was_there_is_abandoned_too(house: House) -> None:
    assert told(house, *GREETED).outcome is Outcome.ABANDONED


@pytest.mark.parametrize(
    ("written", "outcome"),
    [
        ([(steps.TAKEN_BACK, at(30))], Outcome.SURVIVAL),
        ([(steps.LEFT, Left(at(30), "fault"))], Outcome.SURVIVAL),
        ([(steps.LEFT, Left(at(30), "finished"))], Outcome.FAILED),
        ([(steps.TRANSFERRING.of(1), TARGET), (steps.TRANSFERRED.of(1), at(8)), HUNG_UP], Outcome.TRANSFERRED),
        ([(steps.CONNECTED, TALK), (steps.TAKEN_BACK, at(30))], Outcome.ANSWERED),
    ],
)
def test_outcomes(house: House, written: list[tuple[Step[Any], Any]], outcome: Outcome) -> None:
    assert told(house, *GREETED, *written).outcome is outcome


def test_a_target_that_came_back_is_not_where_the_call_went(house: House) -> None:
    returned = told(
        house,
        *GREETED,
        (steps.TRANSFERRING.of(1), TARGET),
        (steps.TRANSFERRED.of(1), at(8)),
        (steps.RETURNED.of(1), Returned(at(9), "released", 16)),
        (steps.CONNECTED, TALK),
    )
    assert (returned.outcome, returned.target, returned.connected) == (Outcome.ANSWERED, None, at(20))


def test_a_call_that_overflowed_has_waited_since_its_first_place(house: House) -> None:
    overflowed = told(
        house,
        *GREETED,
        (steps.OVERFLOWED.of(1), Overflowed(at(11), (PoolId("safety"), PoolId("law")))),
        (steps.TRANSFERRING.of(2), TARGET),
        (steps.RETURNED.of(2), Returned(at(15), "busy", 17)),
        (steps.QUEUED.of(3), Queued(at(15), TicketId(CALL))),
        (steps.CONNECTED, TALK),
    )
    assert (overflowed.overflowed, overflowed.queued, overflowed.wait_ms) == (("safety", "law"), at(1), 19_000)


def test_a_transferred_call_names_its_target(house: House) -> None:
    gone = told(house, *GREETED, (steps.TRANSFERRING.of(1), TARGET), (steps.TRANSFERRED.of(1), at(11)), ended=41)
    assert (gone.target, gone.connected, gone.talk_ms) == ("agriculture", at(11), 30_000)
    assert gone.since_prompt_end_ms == 2000


def test_a_spoken_reason_is_an_end_of_its_own(house: House) -> None:
    said = Destination(kind=Kind.ANNOUNCEMENT, name="cancelled")
    route = msgspec.structs.replace(ROUTE, destinations=(said,))
    house.ledger.write(steps.ROUTED, route)
    house.ledger.write(steps.LEFT, Left(at(9), "finished"))
    assert record(house.ledger, "handan1", at(9)).outcome is Outcome.ANNOUNCED


def test_a_call_of_which_nothing_is_known_still_has_a_record(house: House) -> None:
    assert record(house.ledger, "handan1", at(3)) == CallRecord(
        call=CALL, node="handan1", outcome=Outcome.ABANDONED, stage=Stage.ARRIVAL, arrived=at(3), ended=at(3)
    )


def test_calls_that_ended_long_ago_are_forgotten(house: House) -> None:
    register = Register(house.journal)
    for n in range(REMEMBERED + 3):
        call = CallId(f"handan1-{n}")
        register.open(call).write(steps.ENDED, CallRecord(call, "handan1", Outcome.ANSWERED, at(0), at(9)))
        register.close(call)
    assert not register.is_ended(CallId("handan1-2"))
    assert register.was_served(CallId("handan1-3"))
