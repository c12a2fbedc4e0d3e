"""An agent's state at its limit, in virtual time: somebody looks, and nobody is hung up."""

import asyncio
import logging

import pytest

from ivr.facts import Outcome
from ivr.watch import TALK_TOO_LONG
from routing.ids import Instant, TicketId
from routing.tickets import Accepted, AgentState, Alternative, Entered, Requirement, Rung
from tests.calls.desk import Desk
from tests.calls.simulated import CONFIG, SimulatedHouse
from tests.fake.loop import simulate

TWO_HOURS_S = 7_200
LIMIT_S = CONFIG.site.timing.talk_limit.total_seconds()
HOLD_LIMIT_S = CONFIG.site.timing.hold_limit.total_seconds()
CONSULT_LIMIT_S = CONFIG.site.timing.consult_limit.total_seconds()
GHOST = TicketId("handan1-ghost")


@pytest.mark.slow
def test_a_talk_at_its_limit_is_looked_at_and_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        house = SimulatedHouse()
        house.agent("1016", answers_after=1.5, talks=TWO_HOURS_S)
        house.fake.dials("12345", after=0.5)
        await house.lives(within_s=2 * TWO_HOURS_S)
        house.check()
        (record,) = house.records()
        assert record.outcome is Outcome.ANSWERED
        assert record.talk_ms is not None
        assert record.talk_ms > (TWO_HOURS_S - 60) * 1000

    with caplog.at_level(logging.WARNING):
        simulate(scene)
    assert "agent 1016 is talking for too long" in caplog.text


def test_a_consultation_beyond_its_limit_is_an_alarm_until_it_is_over_and_all_three_are_there_still() -> None:
    async def scene() -> None:
        desk = Desk()
        for seat in ("8016", "8017"):
            desk.fake.seat(seat, answers_after=1, talks=None)
        desk.board.service.dispatcher.configure(CONFIG.site)
        desk.fake.dials("12345", after=1.5, hangs_up=CONSULT_LIMIT_S + 60)
        await asyncio.sleep(1)
        await desk.post("/agents/1016/sign-in")
        await asyncio.sleep(9)
        await desk.post("/agents/1017/sign-in")
        await desk.post("/agents/1016/talk/consult", kind="agent", name="1017")
        await asyncio.sleep(CONSULT_LIMIT_S - 1)
        desk.watch.look()
        assert TALK_TOO_LONG not in desk.watch.standing
        await asyncio.sleep(3)
        desk.watch.look()
        said = desk.watch.standing[TALK_TOO_LONG].sentence
        assert "agent 1016 is consulting for 10 min (call handan1-" in said
        doing = [(each["name"], each["doing"]) for each in (await desk.get("/agents/1016/talk"))["parties"]]
        assert doing == [("citizen", "held"), ("1016", "consulting"), ("1017", "consulting")]
        await desk.post("/agents/1016/talk/three-way")
        desk.watch.look()
        assert TALK_TOO_LONG not in desk.watch.standing
        await desk.closes()

    simulate(scene)


@pytest.mark.parametrize("at_phone", [False, True], ids=["at the desk", "at the phone"])
def test_a_hold_beyond_its_limit_is_an_alarm_until_it_is_over(at_phone: bool) -> None:
    async def scene() -> None:
        desk = Desk()
        phone = desk.fake.seat("8016", answers_after=1, talks=None)
        desk.fake.dials("12345", after=1.5, hangs_up=HOLD_LIMIT_S + 60)
        await asyncio.sleep(1)
        await desk.post("/agents/1016/sign-in")
        await asyncio.sleep(9)
        if at_phone:
            desk.fake.holds(phone)
        else:
            await desk.post("/agents/1016/talk/hold")
        await asyncio.sleep(HOLD_LIMIT_S - 1)
        desk.watch.look()
        assert TALK_TOO_LONG not in desk.watch.standing
        await asyncio.sleep(2)
        desk.watch.look()
        assert "agent 1016 is holding for 5 min (call handan1-" in desk.watch.standing[TALK_TOO_LONG].sentence
        (living,) = (await desk.get("/calls"))["living"]
        assert living["stage"] == "hold"
        assert 'hotline_calls{stage="hold"} 1.0' in (await desk.meters.told()).decode()
        if at_phone:
            desk.fake.holds(phone, on=False)
        else:
            await desk.post("/agents/1016/talk/retrieve")
        await asyncio.sleep(1)
        desk.watch.look()
        assert TALK_TOO_LONG not in desk.watch.standing

    simulate(scene)


@pytest.mark.slow
def test_an_agent_who_talks_for_no_call_is_free_at_the_limit() -> None:
    """Should a ticket ever be left behind, the look around at the limit lets its agent go."""

    async def scene() -> None:
        house = SimulatedHouse()
        house.agent("1016", answers_after=1.5, talks=20)

        def leave_a_ticket_behind() -> None:
            anybody = (Rung(Requirement((Alternative(CONFIG.site.hall),))),)
            house.tells(Entered(GHOST, anybody, Instant(0)))
            house.tells(Accepted(GHOST, house.agents[0]))
            assert house.dispatcher is not None
            assert house.dispatcher.agents()[0].state is AgentState.TALKING

        house.fake.later(1, leave_a_ticket_behind)
        citizen = house.fake.dials("12345", after=LIMIT_S - 100)
        await house.lives(within_s=2 * LIMIT_S)
        house.check()
        assert house.story(citizen)[-1] == "voice:8016"

    simulate(scene)
