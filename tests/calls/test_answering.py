"""An agent has their phone answer by itself while it rings: it is dialled again so, and nobody is lost over it."""

from functools import partial
from http import HTTPStatus

import pytest

from ivr.ari.events import Event
from ivr.ari.models import StasisStart
from ivr.facts import Outcome
from ivr.inside import BY_ITSELF
from routing.ids import AgentId
from routing.talk import Do
from routing.tickets import AgentState
from tests.asterisk.waiting import eventually
from tests.calls.backs import house as calling_back
from tests.calls.desk import Desk
from tests.calls.scenes import thorough
from tests.calls.simulated import SimulatedHouse
from tests.calls.talking import COLLEAGUE, OTHER, OWNER, SEAT, SEAT2, sits_down
from tests.fake.loop import simulate
from tests.fake.world import Phone

RINGS, ANSWERS = Phone(), Phone(answers_after=0.3, talks=20)
RUNG_AT = 3.0
"""The phone rings then, and has for a second and a half, of somebody who dials at half a second."""


def asks(house: SimulatedHouse, agent: str = OWNER) -> bool:
    """As the agent's desk does."""
    assert house.dispatcher is not None
    return house.dispatcher.pick_up(AgentId(agent), agent)


async def one_call(
    *phone: Phone, kill_at: int | None = None, hangs_up: float | None = None, at: float = RUNG_AT + 1
) -> SimulatedHouse:
    """A citizen, and an agent whose phone rings and who asks for it to answer."""
    house = SimulatedHouse(seed=kill_at or 0)
    house.agent(OWNER, *(phone or (RINGS, ANSWERS)))
    house.fake.dials("12345", after=0.5, hangs_up=hangs_up)
    house.fake.later(at, partial(asks, house))
    await house.lives(kills=(kill_at,) if kill_at else ())
    return house


def legs(house: SimulatedHouse, seat: str = SEAT) -> list[str]:
    return [name.split("-", 3)[3] for name in house.fake.parties[seat].channels]


def test_the_phone_is_dialled_again_so_as_to_answer_by_itself() -> None:
    house = simulate(one_call)
    house.check()
    assert not house.silences()
    assert legs(house) == ["agent-1", "agent-1-again"]
    assert house.fake.parties[SEAT].asked == BY_ITSELF
    (record,) = house.records()
    assert (record.outcome, record.agent, record.offers) == (Outcome.ANSWERED, OWNER, 1)
    assert [step for step in house.steps() if step.startswith(("offered", "answering", "accepted", "declined"))] == [
        "offered:1",
        "answering:1",
        "accepted:1",
    ]


def test_the_phone_is_not_dialled_again_before_the_first_call_to_it_is_over() -> None:
    """A phone for one call at a time would be busy."""

    async def scene() -> SimulatedHouse:
        house = SimulatedHouse()
        house.fake.lag = (0.05, 0.05)
        house.agent(OWNER, RINGS, ANSWERS)
        house.fake.dials("12345", after=0.5)
        house.fake.later(RUNG_AT + 1, partial(asks, house))
        await house.lives()
        house.check()
        return house

    ends = ("-agent-1", "-agent-1-again")
    log = [(at, method) for at, method, path in simulate(scene).fake.log if path.endswith(ends)]
    assert [method for _, method in log] == ["POST", "DELETE", "POST"], "else it was let go again by its block"
    assert log[2][0] - log[1][0] >= 2 * 50, "the word that it is over, and the request"


class Asking:
    """Asks in the very moment in which the phone is answered: the call has been told, and has not moved yet."""

    def __init__(self, house: SimulatedHouse) -> None:
        self.house = house
        self.asked: list[bool] = []

    def put(self, event: Event) -> None:
        if isinstance(event, StasisStart):
            self.asked.append(asks(self.house))

    def lost(self, error: Exception) -> None:
        """The connection is over, and so is the test."""


def test_an_answer_that_has_come_is_not_thrown_away() -> None:
    async def scene() -> SimulatedHouse:
        house = SimulatedHouse()
        house.agent(OWNER, Phone(answers_after=2.0, talks=20))
        house.fake.dials("12345", after=0.5)
        asking = Asking(house)

        def listens() -> None:
            assert house.controller is not None
            assert house.controller.ari is not None
            house.controller.ari._post.open(asking, (house.fake.parties[SEAT].channels[0],))

        house.fake.later(2.0, listens)
        await house.lives()
        assert asking.asked == [True]
        return house

    house = simulate(scene)
    assert legs(house) == ["agent-1"]
    assert house.records()[0].outcome is Outcome.ANSWERED


def test_a_phone_that_cannot_answer_by_itself_rings_on_and_is_answered_by_hand() -> None:
    house = simulate(lambda: one_call(RINGS, Phone(answers_after=4.0, talks=20)))
    house.check()
    assert house.records()[0].outcome is Outcome.ANSWERED


@pytest.mark.parametrize("second", [Phone(rejects_after=0.3), Phone(busy=True), Phone(registered=False), RINGS])
def test_a_phone_that_refuses_when_it_is_dialled_again_refuses_the_offer(second: Phone) -> None:
    async def scene() -> SimulatedHouse:
        house = SimulatedHouse()
        house.agent(OWNER, RINGS, second)
        house.fake.dials("12345", after=0.5)
        house.fake.later(RUNG_AT + 1, partial(asks, house))
        house.fake.later(20, partial(sits_down, house, None))
        house.fake.later(60, lambda: house.fake.hangs_up(house.citizens[0]))
        await house.lives()
        house.check()
        return house

    house = simulate(scene)
    (record,) = house.records()
    assert (record.outcome, record.agent) == (Outcome.ANSWERED, OTHER)
    assert house.dispatcher is not None
    states = {view.agent: view.state for view in house.dispatcher.agents()}
    assert states.get(AgentId(OWNER)) in {AgentState.PAUSED, None}, "signed out by now, without a phone"


def test_an_agent_who_takes_the_receiver_at_the_same_moment_has_the_call() -> None:
    """Either they were there first, or the phone rings once more and answers; the citizen talks with them once."""
    found = set()
    for ms in range(-6, 20):
        by_hand = Phone(answers_after=1.5, talks=20)
        house = simulate(lambda: one_call(by_hand, ANSWERS, at=RUNG_AT - 0.113 + ms / 1000))  # noqa: B023 - at once
        house.check()
        (record,) = house.records()
        assert (record.outcome, record.agent) == (Outcome.ANSWERED, OWNER)
        assert house.story(house.citizens[0])[-1] == f"voice:{SEAT}"
        found.add(tuple(legs(house)))
    assert found == {("agent-1",), ("agent-1", "agent-1-again")}


@pytest.mark.parametrize("ms", [0, 1, 2, 4, 8, 16, 100, 200, 305, 320])
def test_a_citizen_who_leaves_meanwhile_is_rung_for_no_more(ms: int) -> None:
    house = simulate(lambda: one_call(hangs_up=RUNG_AT + 0.5 + ms / 1000))
    house.check()
    assert house.fake.channels == {}


@pytest.mark.parametrize(
    "hangs_up", thorough((None, RUNG_AT, *(RUNG_AT + 0.5 + ms / 1000 for ms in (0, 3, 150, 320))), None)
)
def test_a_killed_controller_loses_neither_the_citizen_nor_the_agent(hangs_up: float | None) -> None:
    strikes = simulate(one_call).wires[0].strikes
    wrong = []
    for strike in range(1, strikes + 1):
        house = simulate(lambda: one_call(kill_at=strike, hangs_up=hangs_up))  # noqa: B023 - simulated at once
        wrong += [f"killed at action {strike}: {fault}" for fault in house.faults()]
        heard = house.story(house.citizens[0])
        if hangs_up is None and f"voice:{SEAT}" not in heard:
            wrong.append(f"killed at action {strike}: talked with nobody: {heard}")
    assert not wrong, "\n".join(wrong)


def test_a_colleague_who_is_consulted_and_the_agent_of_a_call_back_have_theirs_answer_too() -> None:
    async def consulted() -> SimulatedHouse:
        house = SimulatedHouse()
        house.agent(OWNER, answers_after=1.0, talks=None)
        house.fake.dials("12345", after=0.5, hangs_up=40)
        house.fake.later(10, partial(sits_down, house, None))
        house.fake.later(11, partial(house.fake.seat, SEAT2, RINGS, Phone(answers_after=0.3, talks=None)))
        house.fake.later(20, partial(house.asks, OWNER, Do.CONSULT, COLLEAGUE))
        house.fake.later(22, partial(asks, house, OTHER))
        await house.lives()
        house.check()
        return house

    house = simulate(consulted)
    assert legs(house, SEAT2) == ["talk-2-1", "talk-2-2"]
    assert house.fake.parties[SEAT2].asked == BY_ITSELF
    assert f"voice:{SEAT}" in house.heard(house.fake.parties[SEAT2])

    async def back() -> SimulatedHouse:
        house = calling_back()
        house.fake.seat(SEAT, RINGS, ANSWERS)
        house.fake.later(24, partial(asks, house))
        await house.lives()
        house.check()
        return house

    house = simulate(back)
    assert legs(house)[-2:] == ["back-1-agent-1", "back-1-agent-1-again"]
    assert house.records()[-1].outcome is Outcome.ANSWERED


def test_the_operation_is_done_once_and_only_while_a_phone_rings() -> None:
    async def scene() -> None:
        desk = Desk()

        async def is_(wanted: str) -> bool:
            return {OWNER: wanted}.items() <= {
                each["agent"]: each["state"] for each in await desk.get("/agents")
            }.items()

        await eventually(desk.is_connected, within=1)
        desk.fake.seat(SEAT, RINGS, Phone(answers_after=0.5, talks=None))
        path = f"/agents/{OWNER}/answer"
        assert "not signed in" in await desk.refused("POST", path, HTTPStatus.CONFLICT)
        await desk.post(f"/agents/{OWNER}/sign-in")
        assert "no phone rings" in await desk.refused("POST", path, HTTPStatus.CONFLICT)
        desk.fake.dials("12345", after=0.1, hangs_up=30)
        await eventually(lambda: is_("ringing"), within=4)
        assert (await desk.post(path))["state"] == "ringing"
        assert "already" in await desk.refused("POST", path, HTTPStatus.CONFLICT)
        await eventually(lambda: is_("talking"), within=4)
        assert "no phone rings" in await desk.refused("POST", path, HTTPStatus.CONFLICT)
        (living,) = (await desk.get("/calls"))["living"]
        told = await desk.get(f"/calls/{living['call']}")
        said = [fact["body"]["outcome"] for fact in told["facts"] if fact["body"].get("step") == "answering:1"]
        assert [each["by"] for each in said] == ["house"]
        await desk.closes()

    simulate(scene)
