"""Somebody who gave up and is called back, in virtual time."""

from datetime import timedelta
from functools import partial

import msgspec

from ivr.facts import CallRecord, Direction
from routing.callbacks import Task
from routing.config import Config
from routing.ids import AgentId
from routing.terms import Terms
from tests.calls.simulated import CONFIG, SimulatedHouse
from tests.fake.world import Phone

LI = "13831234567"
AT_ONCE = Terms(on=True, after=(timedelta(seconds=10), timedelta(seconds=60), timedelta(seconds=120)))
ANSWERS = Phone(answers_after=2.0, talks=20)


def city(terms: Terms = AT_ONCE) -> Config:
    return msgspec.structs.replace(CONFIG, site=msgspec.structs.replace(CONFIG.site, callbacks=terms))


def house(seed: int = 0, citizen: Phone = ANSWERS, terms: Terms = AT_ONCE) -> SimulatedHouse:
    """Somebody gave up after 12 s because nobody was there; 8 s later an agent comes."""
    made = SimulatedHouse(seed)
    made.config = city(terms)
    made.fake.seat("8016", Phone(answers_after=1.0, talks=30))
    made.fake.target(LI, citizen)
    made.fake.dials("12345", after=0.5, hangs_up=12, caller=LI)
    made.stays_ms = 45_000
    made.fake.later(20, partial(made.comes, AgentId("1016")))
    return made


def tries(of: SimulatedHouse) -> list[CallRecord]:
    return [record for record in of.records() if record.direction is Direction.CALLBACK]


def tasks(of: SimulatedHouse) -> tuple[Task, ...]:
    assert of.controller is not None
    return of.controller.callbacks.open()
