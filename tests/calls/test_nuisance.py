"""A nuisance is warned, looked at by a supervisor, and then slower for a time; nobody is ever kept from a person."""

import asyncio
from functools import partial
from http import HTTPStatus

import msgspec
import pytest

from ivr.facts import Outcome
from ivr.journal import FLOOR, Journal
from ivr.nuisance import Nuisances
from ivr.web.rights import Role, Who
from routing.ids import AgentId, CallId
from routing.nuisance import MARKS_MOST
from routing.priorities import Priorities
from routing.replay import Told
from routing.talk import Do
from routing.tickets import Entered
from tests.calls.desk import Desk
from tests.calls.simulated import CONFIG, SimulatedHouse
from tests.fake.clock import ManualClock
from tests.fake.disk import MemoryDisk, Platter
from tests.fake.loop import simulate

PEST, OTHER = "13800138000", "13900139000"
OWNER = "1016"
WARNING = "nuisance-warning"
SITE = CONFIG.site


def remembering(disk: MemoryDisk, clock: ManualClock) -> tuple[Journal, Nuisances]:
    journal = Journal(disk, SITE.node, clock)
    entries = list(journal.replay())
    return journal, Nuisances(journal, clock, entries)


def confirmed(disk: MemoryDisk, clock: ManualClock, number: str = PEST) -> Nuisances:
    _, nuisances = remembering(disk, clock)
    nuisances.mark(SITE, CallId("c1"), number, AgentId(OWNER))
    nuisances.confirm(SITE, CallId("c1"), "boss")
    return nuisances


def test_a_warning_is_heard_by_the_citizen_alone_and_the_talk_goes_on() -> None:
    async def scene() -> SimulatedHouse:
        house = SimulatedHouse(seed=5)
        house.agent(OWNER, answers_after=1.0, talks=40)
        house.fake.dials("12345", after=0.5)
        house.fake.later(20.0, partial(house.asks, OWNER, Do.NUISANCE))
        await house.lives()
        house.check()
        return house

    house = simulate(scene)
    heard = house.heard(house.citizens[0])
    assert heard[heard.index(WARNING) - 1 : heard.index(WARNING) + 2] == ["voice:8016", WARNING, "voice:8016"]
    assert WARNING not in house.heard(house.fake.parties["8016"])
    assert not house.silences()


@pytest.mark.parametrize("status", [409, 412, 422, 500, 503])  # 404: the citizen has left
def test_a_warning_that_is_refused_ends_no_talk_and_leaves_the_agent_able_to_go_on(status: int) -> None:
    async def scene() -> SimulatedHouse:
        house = SimulatedHouse(seed=status)
        house.fake.refuse = lambda method, path: status if method == "POST" and path.endswith(WARNING) else None
        house.agent(OWNER, answers_after=1.0, talks=40)
        house.fake.dials("12345", after=0.5)
        house.fake.later(20.0, partial(house.asks, OWNER, Do.NUISANCE))
        house.fake.later(23.0, partial(house.asks, OWNER, Do.HOLD))
        house.fake.later(26.0, partial(house.asks, OWNER, Do.RETRIEVE))
        await house.lives()
        house.check()
        return house

    house = simulate(scene)
    (record,) = house.records()
    assert (record.outcome, record.released_by, record.cause) == (Outcome.ANSWERED, "agent", 16)
    assert house.story(house.citizens[0])[-2:] == ["voice:8016"] * 2  # before and after the music
    assert WARNING not in house.heard(house.citizens[0])


def test_a_mark_alone_slows_nobody_and_a_confirmation_does_until_it_expires() -> None:
    clock, disk = ManualClock(), MemoryDisk()
    _, nuisances = remembering(disk, clock)
    assert nuisances.mark(SITE, CallId("c1"), PEST, AgentId(OWNER))
    assert nuisances.slower_ms(SITE, PEST) == 0
    nuisances.confirm(SITE, CallId("c1"), "boss")
    assert (nuisances.slower_ms(SITE, PEST), nuisances.slower_ms(SITE, "+86" + PEST)) == (180_000, 180_000)
    assert nuisances.slower_ms(SITE, OTHER) == 0
    clock.passes(30 * 86_400_000 - 1)
    assert nuisances.slower_ms(SITE, PEST) == 180_000
    clock.passes(1)
    assert nuisances.slower_ms(SITE, PEST) == 0
    assert nuisances.open(SITE) == ()


def test_a_withheld_number_is_not_kept_and_many_marks_are_as_good_as_some() -> None:
    clock, disk = ManualClock(), MemoryDisk()
    journal, nuisances = remembering(disk, clock)
    assert not nuisances.mark(SITE, CallId("c1"), "anonymous", AgentId(OWNER))
    assert nuisances.open(SITE) == ()
    for n in range(MARKS_MOST + 5):
        nuisances.mark(SITE, CallId(f"c{n}"), PEST, AgentId(OWNER))
    (case,) = nuisances.open(SITE)
    assert (case.id, len(case.marks)) == ("c0", MARKS_MOST)
    assert sum(len(lines) for lines in journal._living["nuisance"].values()) == MARKS_MOST


def test_a_restart_forgets_nobody_and_brings_nobody_back() -> None:
    clock, disk = ManualClock(), MemoryDisk()
    nuisances = confirmed(disk, clock)
    nuisances.mark(SITE, CallId("c2"), OTHER, AgentId(OWNER))
    journal, again = remembering(disk, clock)
    assert [case.caller for case in again.open(SITE)] == [OTHER, PEST]
    assert again.slower_ms(SITE, PEST) == 180_000
    again.close(CallId("c1"), "boss")
    journal.drained(journal.seq)
    journal.compact()
    _, last = remembering(disk, clock)
    assert [case.caller for case in last.open(SITE)] == [OTHER]
    assert last.slower_ms(SITE, PEST) == 0


def test_whoever_has_a_head_start_is_never_slowed() -> None:
    listed = msgspec.structs.replace(SITE, priorities=Priorities(numbers=(PEST,)))
    nuisances = confirmed(MemoryDisk(), ManualClock())
    assert (nuisances.slower_ms(SITE, PEST), nuisances.slower_ms(listed, PEST)) == (180_000, 0)


@pytest.mark.parametrize("first", [PEST, OTHER])
def test_a_confirmed_number_lets_others_pass_for_three_minutes_and_then_nobody(first: str) -> None:
    """Two callers wait for one agent; the pest comes first, the other within three minutes, or after them."""

    async def scene() -> list[str]:
        house = SimulatedHouse(seed=5)
        house.fake.dials("12345", after=1, caller=PEST, label="pest")
        house.fake.dials("12345", after=100 if first == OTHER else 200, caller=OTHER, label="other")
        house.fake.later(0.1, partial(_confirms, house, PEST))
        house.fake.later(290, partial(_comes, house))
        await house.lives()
        house.check()
        return [record.caller for record in sorted(house.records(), key=lambda record: record.connected or 0)]

    assert simulate(scene)[0] == first


@pytest.mark.parametrize(("dialled", "diversion"), [("12345", "<sip:110@police>"), ("119", "")])
def test_an_emergency_is_not_slowed(dialled: str, diversion: str) -> None:
    async def scene() -> SimulatedHouse:
        house = SimulatedHouse(seed=5)
        house.fake.target("119", busy=True)
        house.fake.dials(dialled, after=1, caller=PEST, diversion=diversion)
        house.fake.later(0.1, partial(_confirms, house, PEST))
        house.fake.later(60, partial(_comes, house))
        await house.lives()
        house.check()
        return house

    assert _head_starts(simulate(scene)) == [600_000]


def _confirms(house: SimulatedHouse, number: str) -> None:
    assert house.controller is not None
    house.controller.nuisances.mark(SITE, CallId("c1"), number, AgentId(OWNER))
    house.controller.nuisances.confirm(SITE, CallId("c1"), "boss")


def _comes(house: SimulatedHouse) -> None:
    house.agent(OWNER, answers_after=1.0, talks=10)
    house.comes(AgentId(OWNER))


def _head_starts(house: SimulatedHouse) -> list[int]:
    """Of each ticket that has entered."""
    journal = Journal(MemoryDisk(Platter(bytearray(house.platter.content))), SITE.node, ManualClock())
    told = [
        msgspec.json.decode(each.body, type=Told) for each in journal.replay() if each.topic == FLOOR and not each.key
    ]
    return [each.event.priority_ms for each in told if isinstance(each.event, Entered)]


def test_from_the_mark_to_its_end_over_the_api() -> None:
    async def scene() -> None:
        desk = Desk()
        desk.people["boss"] = Who("boss", frozenset({Role.SUPERVISOR}))
        desk.fake.seat("8016", answers_after=1.5, talks=60)
        await desk.post_when_ready("/agents/1016/sign-in")
        desk.fake.dials("12345", after=0.5, caller=PEST)
        await asyncio.sleep(30)
        await desk.post("/agents/1016/talk/nuisance")
        assert "already" in await desk.refused("POST", "/agents/1016/talk/nuisance", HTTPStatus.CONFLICT)
        (case,) = await desk.get("/nuisances")
        assert (case["caller"], case["agents"], case["until"]) == ("138****8000", ["1016"], None)
        call = case["call"]
        told = await desk.get(f"/calls/{call}")
        assert [fact["body"]["matter"] for fact in told["facts"] if fact["topic"] == "disposition"] == ["nuisance"]
        assert (await desk.get(f"/nuisances/{call}/number"))["number"] == PEST
        assert "not confirmed" in await desk.refused("POST", f"/nuisances/{call}/lift", HTTPStatus.CONFLICT)
        (confirmed,) = (await desk.ask("POST", f"/nuisances/{call}/confirm", {}, token="boss")).value
        assert confirmed.by == "boss"
        assert "lift it" in await desk.refused("POST", f"/nuisances/{call}/dismiss", HTTPStatus.CONFLICT)
        assert await desk.post(f"/nuisances/{call}/lift") == []
        assert "no number" in await desk.refused("POST", f"/nuisances/{call}/lift", HTTPStatus.NOT_FOUND)
        await asyncio.sleep(1)
        said = [entry for entry in desk.log.read() if b"nuisance" in entry]
        assert len(said) >= 5, "the mark, the look at the number, and what the supervisor said of it"
        await desk.closes()

    simulate(scene)


def test_a_mark_is_dismissed() -> None:
    async def scene() -> None:
        desk = Desk()
        desk.controller.nuisances.mark(SITE, CallId("c1"), PEST, AgentId(OWNER))
        assert await desk.post("/nuisances/c1/dismiss") == []
        await desk.closes()

    simulate(scene)
