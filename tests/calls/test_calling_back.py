"""Citizens who are called back by the engine, in virtual time: whom, when, by whom, and what came of it."""

import asyncio
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from itertools import groupby

import msgspec
import pytest

from ivr.facts import Direction, Outcome
from ivr.journal import CALL, CALLBACK, RECORD, Journal
from ivr.web import views
from routing.callbacks import Result
from routing.ids import AgentId, SeatId
from routing.people import Answer
from routing.talk import Do
from routing.tickets import AgentState
from tests.calls.backs import ANSWERS, AT_ONCE, LI, city, house, tasks, tries
from tests.calls.desk import Desk
from tests.calls.simulated import CONFIG, SimulatedHouse
from tests.fake.clock import ManualClock
from tests.fake.disk import MemoryDisk, Platter
from tests.fake.loop import simulate
from tests.fake.world import DUMB, Phone


def test_an_agent_is_there_first_then_the_citizen_who_hears_that_it_is_recorded_and_by_whom() -> None:
    async def scene() -> None:
        made = house()
        await made.lives()
        made.check()
        (back,) = tries(made)
        assert (back.outcome, back.result, back.agent, back.caller) == (Outcome.ANSWERED, Result.ANSWERED, "1016", LI)
        assert back.task == next(each.call for each in made.records() if each.direction is Direction.IN)
        assert made.story(made.fake.parties["8016"]) == [
            "whisper-callback", "whisper-12345", "ringback", f"voice:{LI}",
        ]  # fmt: skip
        heard = made.story(made.fake.parties[LI])
        assert heard[:3] == ["callback-notice", "agent-1016", "voice:8016"]
        assert tasks(made) == ()

    simulate(scene)


def test_the_agent_is_seen_ringing_while_their_phone_rings() -> None:
    async def scene() -> None:
        made, seen = house(), list[AgentState]()

        def look() -> None:
            if made.dispatcher is not None and (there := made.dispatcher.agents()):
                seen.append(there[0].state)
            made.fake.later(0.25, look)

        look()
        await made.lives()
        made.check()
        assert [state for state, _ in groupby(seen)][:3] == [AgentState.READY, AgentState.RINGING, AgentState.TALKING]

    simulate(scene)


def test_an_agent_whose_phone_answers_by_itself_hears_a_beep_before_for_whom_it_is() -> None:
    async def scene() -> None:
        made = house()
        seat = msgspec.structs.replace(CONFIG.site.seats[SeatId("8016")], answer=Answer.AUTO)
        site = msgspec.structs.replace(made.config.site, seats={**CONFIG.site.seats, seat.id: seat})
        made.config = msgspec.structs.replace(made.config, site=site)
        await made.lives()
        made.check()
        assert made.story(made.fake.parties["8016"])[:3] == ["beep", "whisper-callback", "whisper-12345"]

    simulate(scene)


@pytest.mark.parametrize(
    ("citizen", "result"),
    [
        (Phone(busy=True), Result.BUSY),
        (Phone(), Result.NO_ANSWER),
        (Phone(rejects_after=1.0), Result.REFUSED),
        (Phone(off=True), Result.OFF),
        (Phone(answers_after=1.0, leaves=3.0), Result.REFUSED),
    ],
)
def test_what_came_of_a_try_is_known_and_another_follows(citizen: Phone, result: Result) -> None:
    async def scene() -> None:
        made = house(citizen=citizen)
        made.stays_ms = 60_000
        await made.lives()
        made.check()
        (back,) = tries(made)
        assert (back.outcome, back.result, back.connected) == (Outcome.UNREACHED, result, None)
        (task,) = tasks(made)
        assert [each.result for each in task.tries] == [result]
        assert task.due == task.since + 60_000

    simulate(scene)


def test_after_the_last_try_a_supervisor_has_it() -> None:
    async def scene() -> None:
        made = house(citizen=Phone(busy=True))
        made.stays_ms = 200_000
        await made.lives()
        made.check()
        assert [back.result for back in tries(made)] == [Result.BUSY] * 3
        assert [task.due for task in tasks(made)] == [None]

    simulate(scene)


def test_an_agent_who_does_not_answer_is_followed_by_another_and_the_citizen_is_dialled_once() -> None:
    async def scene() -> None:
        made = house()
        made.fake.seat("8016", Phone())
        made.fake.seat("8017", answers_after=1.0, talks=30)
        made.fake.later(21, partial(made.comes, AgentId("1017")))
        await made.lives()
        made.check()
        (back,) = tries(made)
        assert (back.agent, back.offers, len(made.fake.parties[LI].channels)) == ("1017", 2, 1)

    simulate(scene)


def test_an_agent_who_hangs_up_while_it_rings_there_ends_the_try() -> None:
    async def scene() -> None:
        made = house()
        made.fake.seat("8016", Phone(answers_after=1.0, leaves=3.5))
        await made.lives()
        made.check()
        (back,) = tries(made)
        assert (back.result, made.heard(made.fake.parties[LI])) == (Result.NO_ANSWER, ["unanswered"])

    simulate(scene)


def test_a_citizen_who_has_answered_keeps_their_place_when_the_agent_leaves() -> None:
    async def scene() -> None:
        made = house()
        made.fake.seat("8016", Phone(answers_after=1.0, leaves=8.0))
        made.fake.seat("8017", answers_after=1.0, talks=30)
        made.fake.later(25, partial(made.comes, AgentId("1017")))
        await made.lives()
        made.check()
        (back,) = tries(made)
        assert (back.agent, back.result) == ("1017", Result.ANSWERED)
        assert "voice:8017" in made.story(made.fake.parties[LI])

    simulate(scene)


@pytest.mark.parametrize("again_at", [23.4, 25.0, 27.5])
def test_who_calls_again_while_an_agent_is_sought_takes_the_place_and_is_not_called(again_at: float) -> None:
    async def scene() -> None:
        made = house(citizen=Phone(answers_after=20.0, talks=5))
        made.fake.seat("8016", Phone(answers_after=1.0, talks=10))
        made.fake.dials("12345", after=again_at, caller=LI, label="again")
        await made.lives()
        made.check()
        (back,) = tries(made)
        assert back.outcome is Outcome.WITHDRAWN
        assert any(what == "voice:8016" for what in made.heard(made.fake.parties["again"]))
        assert "callback-notice" not in made.heard(made.fake.parties[LI])
        assert tasks(made) == ()

    simulate(scene)


def test_nobody_is_called_while_they_talk_with_us_or_wait() -> None:
    async def scene() -> None:
        made = house()
        made.fake.dials("12345", after=15, caller=LI, label="again")
        made.fake.later(30, partial(made.comes, AgentId("1016")))
        await made.lives()
        made.check()
        assert tries(made) == []

    simulate(scene)


def test_a_task_waits_while_nobody_is_signed_in_and_by_night() -> None:
    async def scene() -> None:
        made = house(terms=msgspec.structs.replace(AT_ONCE, opens=timedelta(hours=10)))
        await made.lives()
        made.check()
        assert tries(made) == []
        assert len(tasks(made)) == 1

    async def nobody() -> None:
        made = SimulatedHouse()
        made.config = city()
        made.fake.dials("12345", after=0.5, hangs_up=12, caller=LI)
        made.stays_ms = 60_000
        await made.lives()
        made.check()
        assert tries(made) == []

    simulate(scene)
    simulate(nobody)


@pytest.mark.parametrize("caller", ["0014155550100", "16812345", "0010-16812345", "01088888888"])
def test_a_number_that_operators_may_not_dial_is_never_dialled_and_a_supervisor_sees_why(caller: str) -> None:
    async def scene() -> None:
        desk = Desk(city())
        desk.fake.target(caller, answers_after=1.0, talks=10)
        desk.fake.target(CONFIG.site.numbering.normalise(caller) or "", answers_after=1.0, talks=10)
        desk.fake.dials("12345", after=0.5, hangs_up=12, caller=caller)
        await asyncio.sleep(20)
        await desk.post_when_ready("/agents/1016/sign-in")
        await asyncio.sleep(300)
        (task,) = await desk.get("/callbacks")
        assert (task["due"], task["tries"]) == (None, [])
        assert "outbound.allow" in task["barred"] or "never dialled" in task["barred"]
        assert not [each for each in desk.fake.log if "citizen" in each[2]]
        await desk.closes()

    simulate(scene)


def test_after_a_cut_talk_the_same_agent_is_asked_first() -> None:
    async def scene() -> None:
        made = SimulatedHouse()
        made.config = city()
        for agent in ("1016", "1017"):
            made.agent(agent, answers_after=1.0, talks=20)
        made.fake.target(LI, ANSWERS)
        citizen = made.fake.dials("12345", after=0.5, caller=LI)

        def cut() -> None:
            assert citizen.channel is not None
            made.fake.hang_up(citizen.channel, 41)

        made.fake.later(12, cut)
        made.stays_ms = 60_000
        await made.lives()
        made.check()
        came = next(each for each in made.records() if each.direction is Direction.IN)
        (back,) = tries(made)
        assert (came.cause, back.agent, back.result) == (41, came.agent, Result.ANSWERED)
        assert tasks(made) == ()

    simulate(scene)


@pytest.mark.parametrize("silent", [False, True])
def test_a_cut_talk_begins_anew_though_an_earlier_call_left_a_task_and_though_the_trunk_says_no_cause(
    *, silent: bool
) -> None:
    async def scene() -> None:
        made = house(citizen=Phone(busy=True))
        made.fake.seat("8017", answers_after=1.0, talks=30)
        made.fake.later(21, partial(made.comes, AgentId("1017")))
        citizen = made.fake.dials("12345", after=40, caller=LI, label="again")

        def cut() -> None:
            assert citizen.channel is not None
            made.fake.target(LI, ANSWERS)
            made.fake.hang_up(citizen.channel, *((44, DUMB) if silent else (41, 0)))

        made.fake.later(55, cut)
        made.stays_ms = 90_000
        await made.lives()
        made.check()
        came = [each for each in made.records() if each.direction is Direction.IN]
        before, back = tries(made)
        assert [each.cause for each in came] == [16, 44 if silent else 41]
        assert before.result is Result.BUSY
        assert (back.agent, back.result, back.task) == (came[1].agent, Result.ANSWERED, came[1].call)
        assert back.arrived - came[1].ended < 15_000
        assert tasks(made) == ()

    simulate(scene)


def test_no_more_than_so_many_are_called_back_at_once() -> None:
    async def scene() -> None:
        made = SimulatedHouse()
        made.config = city(msgspec.structs.replace(AT_ONCE, at_once=2))
        for n in range(4):
            number = f"1383123456{n}"
            made.fake.target(number, Phone(answers_after=2.0, talks=10))
            made.fake.dials("12345", after=0.5 + n, hangs_up=8, caller=number, label="caller")
        for agent in ("1016", "1017", "1018", "1019"):
            seat = CONFIG.site.agents[AgentId(agent)].seat
            assert seat is not None
            made.fake.seat(seat, answers_after=1.0, talks=10)
            made.fake.later(20, partial(made.comes, AgentId(agent)))
        made.stays_ms = 90_000
        await made.lives()
        made.check()
        spans = [(back.arrived, back.ended) for back in tries(made)]
        assert len(spans) == 4
        assert max(sum(a <= at < b for a, b in spans) for at, _ in spans) == 2

    simulate(scene)


def test_a_machine_is_said_in_the_talk_or_afterwards_and_the_next_try_follows() -> None:
    async def scene() -> None:
        desk = Desk(city())
        desk.fake.target(LI, answers_after=1.0, talks=10)
        desk.fake.seat("8016", answers_after=1.0, talks=30)
        desk.fake.dials("12345", after=0.5, hangs_up=12, caller=LI)
        await asyncio.sleep(20)
        await desk.post_when_ready("/agents/1016/sign-in")
        assert "has had no call" in await desk.refused("POST", "/agents/1016/machine", HTTPStatus.CONFLICT)
        await asyncio.sleep(18)
        assert [each["stage"] for each in (await desk.get("/calls"))["living"]] == ["talk"]
        assert [task["tries"] for task in await desk.post("/agents/1016/machine")] == [[]]
        await asyncio.sleep(15)
        assert [task["tries"] for task in await desk.get("/callbacks")] == [["machine"]]
        await asyncio.sleep(65)
        assert await desk.get("/callbacks") == []
        assert [task["tries"] for task in await desk.post("/agents/1016/machine")] == [["machine", "machine"]]
        ended = (await desk.get("/calls"))["ended"]
        assert [each["result"] for each in ended if each["direction"] == "callback"] == ["machine", "answered"]
        await desk.closes()

    simulate(scene)


def test_a_silent_call_back_ends_as_any_silent_call_does() -> None:
    async def scene() -> None:
        made = house(citizen=Phone(answers_after=2.0, talks=60))
        made.fake.seat("8016", Phone(answers_after=1.0, talks=60))
        made.fake.later(40, lambda: made.asks("1016", Do.SILENT))
        made.stays_ms = 60_000
        await made.lives()
        made.check()
        heard = made.heard(made.fake.parties[LI])
        assert "silent-call" in heard
        assert "survey" not in heard

    simulate(scene)


def test_the_number_that_is_dialled_is_masked_in_what_is_shown_of_the_call() -> None:
    async def scene() -> None:
        made = house()
        await made.lives()
        journal = Journal(MemoryDisk(Platter(bytearray(made.platter.content))), CONFIG.site.node, ManualClock())
        shown = [views.happened(entry) for entry in journal.replay() if entry.topic in {CALL, RECORD, CALLBACK}]
        assert any(each.topic == CALL and each.body["step"] == "dialling:1" for each in shown)
        assert LI.encode() not in msgspec.json.encode(shown)

    simulate(scene)
