"""Whoever is given on in a talk stands in the queue where they stood before it, in virtual time."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import msgspec
import pytest

from ivr.dispatcher import kept
from ivr.facts import Direction, Outcome
from ivr.journal import Journal
from ivr.nuisance import Nuisances
from routing.ids import AgentId, CallId, Instant, TicketId
from routing.replay import Told
from routing.talk import Do, Kind, Whom
from routing.tickets import Entered, Paused
from tests.calls import backs
from tests.calls.simulated import CONFIG, SimulatedHouse
from tests.calls.talking import FIRST, OTHER, OWNER, UTILITY, WATER, sits_down
from tests.fake.clock import ManualClock
from tests.fake.disk import MemoryDisk, Platter
from tests.fake.loop import simulate
from tests.fake.world import Phone

TO_THE_HALL = Do.TRANSFER, Whom(Kind.POOL, CONFIG.site.hall)
CALLBACK_MS, RETURNED_MS = 120_000, 90_000


def city(house: SimulatedHouse) -> SimulatedHouse:
    priorities = msgspec.structs.replace(
        house.config.site.priorities,
        callback=timedelta(milliseconds=CALLBACK_MS),
        returned=timedelta(milliseconds=RETURNED_MS),
    )
    house.config = msgspec.structs.replace(
        house.config, site=msgspec.structs.replace(house.config.site, priorities=priorities)
    )
    return house


def ranks(house: SimulatedHouse, call: CallId) -> dict[TicketId, tuple[Instant, int]]:
    """First entry and head start of every ticket of a call."""
    journal = Journal(MemoryDisk(Platter(bytearray(house.platter.content))), CONFIG.site.node, ManualClock())
    told = [each.event for _, each in kept(journal.replay()) if isinstance(each, Told)]
    entered = [each for each in told if isinstance(each, Entered) and each.ticket.startswith(call)]
    return {each.ticket: (each.first_entry, each.priority_ms) for each in entered}


def lived(made: Callable[[], SimulatedHouse]) -> SimulatedHouse:
    """The house after its life."""

    async def scene() -> SimulatedHouse:
        house = made()
        await house.lives()
        house.check()
        return house

    return simulate(scene)


def with_two() -> SimulatedHouse:
    """1016 is there from the beginning, and gives whoever they talk with to the hall; there 1017 has come."""
    house = city(SimulatedHouse())
    house.agent(OWNER, answers_after=1.0, talks=None)
    house.fake.later(FIRST - 5, partial(sits_down, house, None))
    house.fake.later(FIRST, partial(house.asks, OWNER, *TO_THE_HALL))
    return house


def test_whoever_was_called_back_keeps_their_first_entry_and_head_start() -> None:
    def made() -> SimulatedHouse:
        house = city(backs.house(citizen=Phone(answers_after=2.0, talks=40)))
        house.fake.later(35, partial(sits_down, house, None))
        house.fake.later(40, partial(house.asks, OWNER, *TO_THE_HALL))
        house.stays_ms = 90_000
        return house

    house = lived(made)
    (back,) = [each for each in house.records() if each.direction is Direction.CALLBACK]
    came = next(each for each in house.records() if each.direction is Direction.IN)
    (own, given) = ranks(house, back.call).values()
    assert own == given == (came.queued, CALLBACK_MS)
    assert [each.agent for each in back.talks] == [OWNER, OTHER]


def test_whoever_came_again_by_themselves_keeps_them_too() -> None:
    def made() -> SimulatedHouse:
        house = city(SimulatedHouse())
        house.fake.dials("12345", after=0.5, hangs_up=12, caller=backs.LI)
        house.fake.dials("12345", after=16, talks=40, caller=backs.LI)
        house.fake.later(18, partial(sits_down_first, house))
        house.fake.later(35, partial(sits_down, house, None))
        house.fake.later(40, partial(house.asks, OWNER, *TO_THE_HALL))
        return house

    house = lived(made)
    came, again = sorted(house.records(), key=lambda record: record.arrived)
    assert came.outcome is Outcome.ABANDONED
    (own, given) = ranks(house, again.call).values()
    assert own == given == (came.queued, CALLBACK_MS)


def test_whoever_had_come_back_from_a_centre_keeps_their_head_start() -> None:
    def made() -> SimulatedHouse:
        house = with_two()
        house.fake.target("031112316", Phone(busy=True))
        house.fake.dials("12316", after=0.5, talks=40)
        return house

    house = lived(made)
    (record,) = house.records()
    (own, given) = ranks(house, record.call).values()
    assert own == given
    assert own[1] == RETURNED_MS


def test_a_talk_that_comes_back_from_a_target_comes_with_the_head_start_of_what_came_back() -> None:
    def made() -> SimulatedHouse:
        house = city(SimulatedHouse())
        house.agent(OWNER, answers_after=1.0, talks=None)
        house.fake.target(WATER, answers_after=1.0, talks=2.0)
        house.fake.dials("12345", after=0.5, hangs_up=60)
        house.fake.later(6.0, partial(sits_down, house, None))
        house.fake.later(FIRST, partial(house.asks, OWNER, Do.TRANSFER, UTILITY))
        house.fake.later(FIRST + 0.5, partial(house.tells, Paused(AgentId(OWNER), "tea")))
        return house

    house = lived(made)
    (record,) = house.records()
    (own, *later) = ranks(house, record.call).values()
    assert later
    assert {head - own[1] for _, head in later} == {RETURNED_MS}
    assert {first for first, _ in later} == {own[0]}


def test_who_counts_as_having_come_later_does_so_when_given_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Nuisances, "slower_ms", lambda *_: 45_000)

    def made() -> SimulatedHouse:
        house = with_two()
        house.fake.dials("12345", after=0.5, talks=40)
        return house

    house = lived(made)
    (record,) = house.records()
    (own, given) = ranks(house, record.call).values()
    assert own == given
    assert own[1] == -45_000


def sits_down_first(house: SimulatedHouse) -> None:
    """The first agent comes."""
    house.agent(OWNER, Phone(answers_after=1.0, talks=None))
    house.comes(AgentId(OWNER))
