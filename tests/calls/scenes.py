"""Scenes for the simulated city: one call, one conversation, and a kill or a hang-up at any moment of theirs."""

import random
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import msgspec
import pytest

from routing.config import Config, Trunk
from routing.ids import AgentId
from routing.talk import SUPERVISORS, Do, Kind, Whom
from tests.calls.simulated import CONFIG, SimulatedHouse
from tests.fake.world import Phone

CENTRE = "031112316"


def thorough(values: Iterable[Any], sample: int | None = 0) -> list[Any]:
    """Parameters of a test of many lives: `sample` is among the fast tests, and the others wait for `scripts/test`."""
    return [value if n == sample else pytest.param(value, marks=pytest.mark.slow) for n, value in enumerate(values)]


def overflowing(*then: str) -> Config:
    """The config, and behind 12350's own seats the centre, or what else is named, before the hall."""
    line = msgspec.structs.replace(CONFIG.lines["12350"], fallback=then or ("agriculture",))
    return msgspec.structs.replace(CONFIG, lines={**CONFIG.lines, line.number: line})


def narrow(channels: int, reserve_emergency: int = 1, **more: Trunk) -> Config:
    """The config with so few channels on its trunk, none of them reserved for ordinary legs; and `more` trunks."""
    town = CONFIG.site.trunks["town"]
    town = msgspec.structs.replace(town, channels=channels, reserve_out=0, reserve_emergency=reserve_emergency)
    targets = {
        name: msgspec.structs.replace(target, trunks=("town", *more)) for name, target in CONFIG.site.targets.items()
    }
    site = msgspec.structs.replace(CONFIG.site, trunks={"town": town, **more}, targets=targets)
    return msgspec.structs.replace(CONFIG, site=site)


async def one_call(
    line: str,
    kill_at: int | None,
    hangs_up: float | None,
    target: Phone | tuple[Phone, ...] | None = None,
    seats: Phone | None = None,
    channels: int | None = None,
) -> SimulatedHouse:
    """One caller of `line`, one agent, a centre; the controller is killed at a strike, the caller hangs up.

    `target`: the centre and the police, call after call.  `seats`: how the phone at 12350's own seats behaves, which
    the centre follows; without it the hall does.  `channels`: of the trunk, if it has few.
    """
    house = SimulatedHouse(seed=hash_of(line, kill_at, hangs_up))
    if seats is not None:
        house.config = overflowing()
    if channels is not None:
        house.config = narrow(channels)
    house.agent("1016", answers_after=1.5, talks=20)
    house.agent("2001", seats or Phone(answers_after=1.0, talks=20))
    phones = target if isinstance(target, tuple) else (target or Phone(answers_after=2.0, talks=20),)
    house.fake.target(CENTRE, *phones)
    house.fake.target("110", *phones)
    house.fake.dials(line, after=0.5, hangs_up=hangs_up)
    await house.lives(kills=(kill_at,) if kill_at else ())
    return house


AT_PHONE, ON_AT_PHONE = "hold at the phone", "go on at the phone"
TALKS: dict[str, tuple[Do | tuple[Do, Whom] | str, ...]] = {
    "hold and retrieve": (Do.HOLD, Do.RETRIEVE),
    "hold and retrieve at the phone": (AT_PHONE, ON_AT_PHONE),
    "a consultation that is completed": ((Do.CONSULT, Whom(Kind.AGENT, "1017")), Do.SWITCH, Do.COMPLETE),
    "a consultation that becomes three": ((Do.CONSULT, Whom(Kind.TARGET, "water")), Do.THREE_WAY, Do.HANG_UP),
    "a consultation that is given up": ((Do.CONSULT, Whom(Kind.POOL, "hall")), Do.CANCEL),
    "a transfer": ((Do.TRANSFER, Whom(Kind.AGENT, "1017")),),
    "a supervisor who listens, barges in and whispers": (Do.LISTEN, Do.BARGE, Do.WHISPER, Do.HANG_UP),
    "a supervisor who takes over": (Do.WHISPER, Do.TAKE_OVER),
    "a warning, and a hold over it": (Do.NUISANCE, Do.HOLD, Do.RETRIEVE),
    "a call in which nobody is heard": (Do.SILENT,),
    "experts in turn": ((Do.CONSULT, Whom(Kind.EXPERT, "housing-fund")), Do.THREE_WAY, Do.HANG_UP),
    "a transfer that comes to nothing": ((Do.TRANSFER, Whom(Kind.TARGET, "gas")), Do.HANG_UP),
    "a transfer that lets go at once": ((Do.TRANSFER, Whom(Kind.TARGET, "heat")),),
    "an emergency desk at which nobody answers": ((Do.LINK, Whom(Kind.EMERGENCY, "110")),),
    "a consultation that the carrier wants the pilot for": ((Do.CONSULT, Whom(Kind.TARGET, "power")), Do.COMPLETE),
    "an emergency desk that answers, and the agent leaves": ((Do.LINK, Whom(Kind.EMERGENCY, "119")), Do.HANG_UP),
    "a utility that answers, and is given up": ((Do.LINK, Whom(Kind.TARGET, "water")), Do.CANCEL),
    "a colleague who is rung straight in, and the agent leaves": ((Do.LINK, Whom(Kind.AGENT, "1017")), Do.HANG_UP),
    "a recording that is paused over a hold": (Do.PAUSE_RECORDING, Do.HOLD, Do.RETRIEVE, Do.RESUME_RECORDING),
    "an agent who cannot be heard for a while": (Do.MUTE, Do.UNMUTE),
    "a supervisor who listens and goes": (Do.LISTEN, Do.STOP),
    "a transfer to anybody of a pool": ((Do.TRANSFER, Whom(Kind.POOL, "hall")),),
    "somebody who leaves as they have the citizen": (
        (Do.CONSULT, Whom(Kind.NUMBER, "0310-8095009")),
        Do.COMPLETE,
    ),
    "a number outside that is consulted": ((Do.CONSULT, Whom(Kind.NUMBER, "0310-8095001")), Do.COMPLETE),
}
"""What the agent asks for, every two seconds from `TALKS_FROM` on."""
TALKS_FROM, TALKS_EVERY = 7.0, 2.5
WATER, GAS, HEAT, POWER = "03108095001", "03108095003", "03108095004", "95598"
LEAVES = "03108095009"
"""Hangs up within a tenth of a second of being handed over to, a step after they were consulted."""
EXPERTS = "03108092901", "03108092902"
FORBIDDEN = Phone(rejects_after=0.1, rejects_with=403)
"""A carrier that will not have the number shown."""


async def one_talk(talk: str, kill_at: int | None, hangs_up: float | None, config: Config = CONFIG) -> SimulatedHouse:
    """One caller, an agent who asks for things, a colleague, a utility that answers and one that does not."""
    house = SimulatedHouse(seed=hash_of(talk, kill_at, hangs_up))
    house.config = config
    house.agent("1016", answers_after=1.0, talks=25)
    house.fake.target(WATER, answers_after=1.0, talks=30)
    house.fake.target(GAS, Phone())
    house.fake.target(HEAT, Phone(answers_after=1.0, talks=1.0))
    house.fake.target(LEAVES, answers_after=1.0, talks=1.53)
    house.fake.target("110", Phone(busy=True))
    house.fake.target("119", answers_after=1.0, talks=20)
    house.fake.target(EXPERTS[0], busy=True)
    house.fake.target(EXPERTS[1], answers_after=1.0, talks=20)
    house.fake.target(POWER, FORBIDDEN, Phone(answers_after=1.0, talks=30))
    house.fake.later(4.0, partial(_colleague, house))
    house.fake.dials("12345", after=0.5, hangs_up=hangs_up)
    house.fake.seat("8020", answers_after=1.0, talks=15)
    for n, step in enumerate(TALKS[talk]):
        house.fake.later(TALKS_FROM + n * TALKS_EVERY, _asking(house, step))
    await house.lives(kills=(kill_at,) if kill_at else ())
    return house


def _asking(house: SimulatedHouse, step: Do | tuple[Do, Whom] | str) -> Callable[[], object]:
    do, whom = step if isinstance(step, tuple) else (step, None)
    if not isinstance(do, Do):
        return partial(house.fake.holds, house.fake.parties["8016"], on=do == AT_PHONE)
    if do in SUPERVISORS:
        return partial(house.supervises, "boss", do, "1016", "8020")
    return partial(house.asks, "1016", do, whom)


def _colleague(house: SimulatedHouse) -> None:
    house.agent("1017", answers_after=1.0, talks=20)
    house.comes(AgentId("1017"))


def hash_of(*values: object) -> int:
    """A seed that is the same in every process."""
    return random.Random(repr(values)).randrange(1 << 30)
