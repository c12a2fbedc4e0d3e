"""An agent signs in at a seat's phone: what they dial, key and hear, and what the Floor knows afterwards."""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import pytest

from ivr.browsers import Browsers
from ivr.lockout import FAILURES, LOCKED_MS, Lockout
from ivr.pins import Pins, Verdict
from ivr.web.rights import OPERATORS, Who
from routing.ids import AgentId, Instant, PoolId, SeatId, TicketId
from routing.standing import AgentView
from routing.tickets import AgentState, Alternative, Entered, Left, Rang, Readied, Requirement, Rung, SignedIn
from tests.calls.desk import Desk
from tests.calls.scenes import thorough
from tests.calls.simulated import SimulatedHouse
from tests.fake.disk import MemoryDisk, Platter
from tests.fake.locksmith import PlainLocksmith
from tests.fake.loop import SimClock, simulate

AGENT, SEAT, PIN = AgentId("1001"), SeatId("8001"), "135790"
MENU = ["seat-agent", "seat-pin"]

Scene = Callable[["Office"], Awaitable[None]]


class Office:
    """A house in which nobody is signed in yet, one agent has a PIN, and nobody calls before all is over."""

    def __init__(self) -> None:
        self.house = SimulatedHouse(seed=4)
        self.phone = self.house.fake.seat(SEAT, answers_after=1.0, talks=10)

    async def opens(self) -> None:
        pins = Pins(MemoryDisk(self.house.pins), SimClock(), PlainLocksmith(), Lockout(MemoryDisk()))
        await pins.give(AGENT, PIN)
        await pins.give(AgentId("1002"), PIN)

    async def dials(self, code: str, *keys: str) -> list[str]:
        """Dial a code, key each of `keys` when the next question has begun; all that was heard until the end."""
        before = len(self.house.heard(self.phone))
        await self.until(lambda: self.house.controller is not None and self.house.controller.ari is not None)
        self.house.fake.calls_from(SEAT, code)
        for n, typed in enumerate(keys):
            asked = MENU[n % 2]
            await self.until(lambda: self.phone.hears == asked)  # noqa: B023 - waited for at once
            await self.keys(typed)
        await self.until(lambda: self.phone.channel is None)
        return [what for what in self.house.heard(self.phone)[before:] if what not in {"unanswered", "silence"}]

    async def keys(self, typed: str) -> None:
        """As fast as people key."""
        for key in typed:
            self.house.fake.presses(self.phone, key)
            await asyncio.sleep(0.1)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(600):
            while not condition():  # noqa: ASYNC110 - virtual time
                await asyncio.sleep(0.05)

    def sitting(self) -> AgentView | None:
        assert self.house.dispatcher is not None
        return next((view for view in self.house.dispatcher.agents() if view.seat == SEAT), None)

    def state(self) -> AgentState:
        view = self.sitting()
        return view.state if view else AgentState.SIGNED_OUT


def played(scene: Scene, kill_at: int | None = None) -> Office:
    """The scene in a house that lives until it is over, killed at a strike if given; then a citizen calls."""

    async def play() -> Office:
        office = Office()
        await office.opens()
        house = office.house
        house.fake.dials("12345", after=900, hangs_up=1.0)  # the house lives until then
        acts = asyncio.create_task(_act(scene, office), name="scene")
        await house.lives(kills=(kill_at,) if kill_at else (), within_s=2000)
        await acts
        return office

    return simulate(play)


async def _act(scene: Scene, office: Office) -> None:
    await scene(office)


def test_an_agent_signs_in_by_number_and_pin_and_hears_so_and_is_ready_once_the_receiver_is_down() -> None:
    async def scene(office: Office) -> None:
        heard = await office.dials("*11", "1001#", f"{PIN}#")
        assert heard == ["seat-agent", "seat-pin", "named-1001", "seat-signed-in"]
        await office.until(lambda: office.state() is AgentState.READY)
        view = office.sitting()
        assert view is not None
        assert view.agent == AGENT

    played(scene)


def test_a_star_begins_anew_and_who_keys_nothing_is_let_go_of() -> None:
    async def scene(office: Office) -> None:
        await office.dials("*11", "999*1001#", f"{PIN}#")
        assert office.sitting() is not None
        assert await office.dials("*11") == ["seat-agent"]
        assert await office.dials("*11", "#") == ["seat-agent"]

    played(scene)


def test_a_wrong_pin_is_said_to_be_wrong_and_three_end_the_call() -> None:
    async def scene(office: Office) -> None:
        heard = await office.dials("*11", "1001#", "000000#", "1001#", f"{PIN}#")
        assert heard == [*MENU, "seat-wrong", *MENU, "named-1001", "seat-signed-in"]
        await office.dials("*12")
        unknown = await office.dials("*11", *["4711#", f"{PIN}#"] * 3)
        assert unknown == [*MENU, "seat-wrong"] * 3
        assert office.sitting() is None

    played(scene)


def test_wrong_pins_lock_the_number_for_a_time_that_a_restart_does_not_end() -> None:
    async def scene(office: Office) -> None:
        for _ in range(2):
            await office.dials("*11", *["1001#", "000000#"] * 3)
        assert await office.dials("*11", "1001#", f"{PIN}#") == [*MENU, "seat-locked"]
        office.house.kill()
        await asyncio.sleep(5)
        assert await office.dials("*11", "1001#", f"{PIN}#") == [*MENU, "seat-locked"]
        assert office.sitting() is None

    played(scene)


def test_the_lock_ends_by_itself_and_a_new_pin_ends_it_too() -> None:
    async def scene() -> None:
        platter, lockouts = Platter(), Platter()

        def pins() -> Pins:
            return Pins(MemoryDisk(platter), SimClock(), PlainLocksmith(), Lockout(MemoryDisk(lockouts)))

        await pins().give(AGENT, PIN)
        for _ in range(FAILURES):
            assert await pins().check(AGENT, "1") is Verdict.WRONG
        assert await pins().check(AGENT, PIN) is Verdict.LOCKED
        await asyncio.sleep(LOCKED_MS / 1000)
        assert await pins().check(AGENT, PIN) is Verdict.RIGHT
        for _ in range(FAILURES):
            await pins().check(AGENT, "1")
        made = await pins().give(AGENT)
        assert await pins().check(AGENT, PIN) is Verdict.WRONG
        assert await pins().check(AGENT, made) is Verdict.RIGHT
        assert PIN.encode() not in platter.content
        assert made.encode() not in platter.content

    simulate(scene)


def test_a_seat_holds_one_agent_at_a_time() -> None:
    async def scene(office: Office) -> None:
        office.house.tells(SignedIn(AGENT, SEAT, ()))
        assert await office.dials("*11", "1002#", f"{PIN}#") == [*MENU, "seat-taken"]
        assert await office.dials("*12") == ["named-1001", "seat-signed-out"]
        assert (await office.dials("*11", "1002#", f"{PIN}#"))[-2:] == ["named-1002", "seat-signed-in"]

    played(scene)


def test_an_agent_pauses_and_is_ready_again_from_the_phone() -> None:
    async def scene(office: Office) -> None:
        assert await office.dials("*14") == ["seat-empty"]
        office.house.tells(SignedIn(AGENT, SEAT, ()))
        assert await office.dials("*14") == ["named-1001", "seat-paused"]
        assert office.state() is AgentState.PAUSED
        assert office.house.dispatcher is not None
        (sitting,) = office.house.dispatcher.agents()
        assert sitting.reason == office.house.config.site.pause_reasons[0] == "小休"
        assert await office.dials("*13") == ["named-1001", "seat-ready"]
        await office.until(lambda: office.state() is AgentState.READY)

    played(scene)


@pytest.mark.parametrize(("code", "said"), [("*12", "seat-signed-out"), ("*14", "seat-paused")])
def test_who_leaves_from_the_phone_hears_whether_a_call_comes_first(code: str, said: str) -> None:
    """One that is reserved for them goes to somebody else; one that rings for them is theirs."""

    async def scene(office: Office) -> None:
        agent, ticket, house = office.house.config.site.agents[AGENT], TicketId("t"), office.house
        await office.until(lambda: house.controller is not None and house.controller.ari is not None)
        for is_rung in (False, True):
            house.tells(SignedIn(AGENT, SEAT, agent.competences))
            house.tells(Readied(AGENT))
            house.tells(Entered(ticket, (Rung(Requirement((Alternative(PoolId("hall")),))),), Instant(0)))
            assert office.state() is AgentState.RESERVED
            if is_rung:
                house.tells(Rang(ticket, AGENT))
            assert await office.dials(code) == ["named-1001", said, *(("seat-after",) if is_rung else ())]
            house.tells(Left(ticket))

    played(scene)


def test_who_hangs_up_meanwhile_has_changed_nothing() -> None:
    async def scene(office: Office) -> None:
        house = office.house
        await office.until(lambda: house.controller is not None and house.controller.ari is not None)
        house.fake.calls_from(SEAT, "*11")
        await office.until(lambda: office.phone.hears == "seat-agent")
        house.fake.hangs_up(office.phone)
        await asyncio.sleep(5)
        assert office.sitting() is None

    played(scene)


def test_what_the_dialplan_does_not_name_so_is_let_go_of() -> None:
    async def scene(office: Office) -> None:
        assert await office.dials("*99") == []

    played(scene)


STRIKES = range(1, 75)


@pytest.mark.parametrize("first", thorough(range(1, 6), sample=None))
def test_a_kill_at_any_wire_action_asks_anew_or_has_signed_in(first: int) -> None:
    """Whoever goes on keying what they are asked for is signed in at the end, whatever has died meanwhile."""

    async def scene(office: Office) -> None:
        await _keys_what_is_asked(office)

    for strike in STRIKES[first - 1 :: 5]:
        office = played(scene, strike)
        view = office.sitting()
        assert view is not None, f"killed at {strike}: nobody sits there; heard {office.house.heard(office.phone)}"
        assert view.agent == AGENT
        assert len(office.house.wires) == 2, f"nothing was killed at {strike}"
        assert not office.house.fake.leftovers(), strike


async def _keys_what_is_asked(office: Office) -> None:
    answers, fake = dict(zip(MENU, ("1001#", f"{PIN}#"), strict=True)), office.house.fake
    until = fake.now() + 300_000
    asked = ""
    while fake.now() < until and office.state() is AgentState.SIGNED_OUT:
        if office.phone.channel is None and fake.app in fake.applications.links:
            fake.calls_from(SEAT, "*11")
        elif office.phone.hears != asked and office.phone.hears in answers:
            asked = office.phone.hears
            await office.keys(answers[asked])
            continue
        asked = office.phone.hears
        await asyncio.sleep(0.3)


def test_a_browsers_phone_is_made_for_its_agent_again_after_asterisk_and_taken_away_at_sign_out() -> None:
    async def scene() -> None:
        desk = Desk()
        desk.people["browser"] = Who("1295", OPERATORS, AgentId("1295"))
        await desk.post_when_ready("/agents/1295/sign-in")
        answer = await desk.ask("POST", "/agents/1295/phone", token="browser")
        assert answer.status is HTTPStatus.OK
        assert desk.fake.dynamic["auth", "8095"]["password"] == answer.value.secret
        assert desk.fake.dynamic["endpoint", "8095"]["webrtc"] == "yes"
        desk.fake.crash(2.0)
        assert not desk.fake.dynamic
        await asyncio.sleep(10)
        assert desk.fake.dynamic["auth", "8095"]["password"] == answer.value.secret
        await desk.post("/agents/1295/sign-out")
        await asyncio.sleep(5)
        assert not desk.fake.dynamic
        gone = await desk.ask("POST", "/agents/1295/phone", token="browser")
        assert gone.status is HTTPStatus.CONFLICT

    simulate(scene)


def test_a_desk_phone_is_given_no_secret_and_a_colleague_none_of_somebody_elses() -> None:
    async def scene() -> None:
        desk = Desk()
        desk.people["desk"] = Who("1001", OPERATORS, AgentId("1001"))
        await desk.post_when_ready("/agents/1001/sign-in")
        assert (await desk.ask("POST", "/agents/1001/phone", token="desk")).status is HTTPStatus.CONFLICT
        assert (await desk.ask("POST", "/agents/1295/phone", token="desk")).status is HTTPStatus.FORBIDDEN
        await desk.post("/agents/1295/sign-in")
        desk.people["browser"] = Who("1295", OPERATORS, AgentId("1295"))
        desk.fake.refuse = lambda method, path: 500 if method == "PUT" and "dynamic" in path else None
        failed = await desk.ask("POST", "/agents/1295/phone", token="browser")
        assert failed.status is HTTPStatus.SERVICE_UNAVAILABLE
        desk.fake.crash(1000)
        await asyncio.sleep(3)
        assert (await desk.ask("POST", "/agents/1295/phone", token="browser")).status is HTTPStatus.SERVICE_UNAVAILABLE

    simulate(scene)


async def with_a_browser(desk: Desk) -> str:
    """Agent 1295 is at their browser, 1016 at a phone; the browser's secret."""
    desk.fake.seat("8016", answers_after=1, talks=5)
    desk.people["browser"] = Who("1295", OPERATORS, AgentId("1295"))
    await desk.post_when_ready("/agents/1016/sign-in")
    await desk.post("/agents/1295/sign-in", ready=False)
    answer = await desk.ask("POST", "/agents/1295/phone", token="browser")
    assert answer.status is HTTPStatus.OK
    return str(answer.value.secret)


async def brings_a_citizen_to_an_agent(desk: Desk) -> bool:
    """Whoever calls has talked and is gone two minutes later."""
    citizen = desk.fake.dials("12345", talks=5)
    await asyncio.sleep(120)
    return "voice:8016" in {what for _, _, what in desk.fake.heard(citizen.label)}


def test_a_full_disk_keeps_no_controller_from_its_calls_when_a_browser_seat_is_left() -> None:
    async def scene() -> None:
        desk = Desk()
        await with_a_browser(desk)
        desk.phones.room = desk.phones.size
        await desk.post("/agents/1295/sign-out")
        await asyncio.sleep(5)
        assert not desk.fake.dynamic
        assert await brings_a_citizen_to_an_agent(desk)
        Browsers(MemoryDisk(desk.phones.platter, room=0), PlainLocksmith())  # the next life begins all the same

    simulate(scene)


def test_a_browsers_phone_that_asterisk_refuses_keeps_no_controller_from_its_calls() -> None:
    async def scene() -> None:
        desk = Desk()
        secret = await with_a_browser(desk)
        desk.fake.refuse = lambda _method, path: 500 if "dynamic" in path else None
        desk.fake.crash(2.0)
        await asyncio.sleep(10)
        assert not desk.fake.dynamic
        assert await brings_a_citizen_to_an_agent(desk)
        await desk.post("/agents/1295/sign-out")
        await asyncio.sleep(60)
        assert await brings_a_citizen_to_an_agent(desk)
        desk.fake.refuse = lambda _method, _path: None
        await desk.post("/agents/1295/sign-in", ready=False)
        answer = await desk.ask("POST", "/agents/1295/phone", token="browser")
        assert desk.fake.dynamic["auth", "8095"]["password"] == answer.value.secret != secret

    simulate(scene)
