"""What `prove` walks is what the controller does: each path of a route with every kind of stage is played."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest

from ivr.facts import CallRecord, Outcome
from routing import prove
from routing.arrival import arrived
from routing.config import Config
from routing.hours import parse_moment
from routing.ids import AgentId, TargetId
from routing.plan import plan
from routing.prove import LOST, End, Step
from routing.prove import Outcome as Came
from routing.tickets import Paused
from tests.calls.scenes import CENTRE, overflowing
from tests.calls.simulated import SimulatedHouse
from tests.fake.loop import simulate
from tests.fake.world import Phone

NUMBER, MOMENT = "12350", "2021-09-15T09:00"
SEATS, HALL, LATER = AgentId("2001"), AgentId("1016"), AgentId("1017")
ANSWERS = Phone(answers_after=1.0, talks=15)
PHONES: Mapping[Came, Phone] = {
    Came.ANSWERED: ANSWERS,
    Came.BUSY: Phone(busy=True),
    Came.NO_ANSWER: Phone(),
    Came.RELEASED: Phone(answers_after=1.0, talks=1.0),
    Came.REJECTED: Phone(rejects_after=1.0),
    Came.UNREACHABLE: Phone(registered=False),
}
"""How a phone behaves so that this comes of it; who is not there, or is at tea, has one that would answer."""

Path = tuple[tuple[str, Came], ...]
"""The steps of a call in words, each with what came of it."""


def two_trunks() -> Config:
    """12350: its own seats, then a centre over two trunks, then the hall."""
    conf, second = overflowing(), "second"
    site, centre = conf.site, TargetId("agriculture")
    trunks = {**site.trunks, second: msgspec.structs.replace(site.trunks["town"], id=second)}
    targets = {**site.targets, centre: msgspec.structs.replace(site.targets[centre], trunks=("town", second))}
    return msgspec.structs.replace(conf, site=msgspec.structs.replace(site, trunks=trunks, targets=targets))


CITY = two_trunks()


def paths(steps: Mapping[str, Step], name: str, before: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every path from a step, and where it ends; what a centre sends back to us is another call."""
    for came, after in steps[name].follows:
        path = (*before, (steps[name].words, came))
        if came is Came.SENT_BACK:
            continue
        if after in steps:
            yield from paths(steps, after, path)
        elif came is Came.ANSWERED or len(path) == 1:
            yield path, after
        elif [each for _, each in before] == [Came.NOBODY, Came.BUSY]:
            yield path, after  # what becomes of offers in the hall, once


def walked() -> Iterator[Any]:
    prover = prove._Prover(CITY)
    arrival, at = arrived(CITY, NUMBER, []), parse_moment(MOMENT)
    steps = prover._graph(arrival, plan(CITY, arrival, at), at)
    for path, end in paths(steps, prove._name(arrival)):
        yield pytest.param(path, end, id=", ".join(came for _, came in path))


def play(path: Path) -> tuple[CallRecord, int]:
    """The call in which this comes of each step; its record, and how often the centre was dialled."""

    async def scene() -> tuple[CallRecord, int]:
        house = SimulatedHouse()
        house.config = CITY
        trunks = iter(("town", "second"))
        house.fake.later(60, lambda: house.comes(LATER))
        house.fake.seat("8017", ANSWERS)
        for words, came in path:
            phone = PHONES.get(came, ANSWERS)
            if words.startswith("dials"):
                house.fake.target(CENTRE, phone, trunk=next(trunks))
            elif came is not Came.NOBODY:
                agent = HALL if "hall" in words else SEATS
                house.agent(agent, phone)
                if came is Came.OVERFLOWED:
                    house.fake.later(0.1, lambda: house.tells(Paused(SEATS, "tea")))
        house.fake.dials(NUMBER, after=0.5, at=MOMENT)
        await house.lives()
        house.check()
        (record,) = house.records()
        legs = {path for _, method, path in house.fake.log if method == "POST" and "-transfer-" in path}
        return record, len(legs)

    return simulate(scene)


@pytest.mark.parametrize(("path", "end"), list(walked()))
def test_each_path_goes_as_it_was_walked(path: Path, end: str) -> None:
    record, dialled = play(path)
    last, came = path[-1]
    assert end != LOST
    assert dialled == sum(words.startswith("dials") for words, _ in path)
    if last.startswith("dials"):
        assert (end, record.outcome, record.target) == (End.CENTRE, Outcome.TRANSFERRED, "agriculture")
    else:
        assert end == (End.PERSON if came is Came.ANSWERED else End.HALL)
        assert (record.outcome, record.pool) == (Outcome.ANSWERED, "hall" if "hall" in last else "safety")
    assert record.overflowed == (("safety",) if len(path) > 1 else ())
