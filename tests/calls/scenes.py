"""Scenes for the simulated city: what can happen to callers, phones, targets and the controller, drawn from a seed."""

import random
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import msgspec
import pytest

from routing.config import Config, Trunk
from routing.conversing import refusal
from routing.ids import AgentId
from routing.talk import BRINGING, SUPERVISORS, Do, Kind, Whom
from routing.tickets import AnyEvent, Paused, Readied, SignedOut
from tests.calls.simulated import CONFIG, STAFF, SimulatedHouse
from tests.fake.world import Phone

LINES = ("12345", "12329", "12350", "12316", "031012345", "+8631012345", "59999999")
MOMENTS = ("2021-09-15T09:00", "2021-09-15T20:00", "2021-08-31T23:59:59", "2021-11-01T00:00", "2021-09-18T12:00")
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

    `target`: the centre, call after call.  `seats`: how the phone at 12350's own seats behaves, which the centre
    follows; without it the hall does.  `channels`: of the trunk, if it has few.
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
}
"""What the agent asks for, every two seconds from `TALKS_FROM` on."""
TALKS_FROM, TALKS_EVERY = 7.0, 2.5
WATER, GAS, HEAT, POWER = "03108095001", "03108095003", "03108095004", "95598"
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
    house.fake.target("110", Phone(busy=True))
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


async def a_morning(seed: int) -> SimulatedHouse:
    """Some callers and agents, each as the seed has it; refused requests, lost sockets, kills, crashes."""
    house = SimulatedHouse(seed)
    dice = house.random
    house.config = dice.choice([CONFIG, overflowing(), overflowing("agriculture", "safety")])
    house.fake.lag = dice.choice([(0.0002, 0.003), (0.0002, 0.05), (0.005, 0.4)])
    house.fake.applications.torn_down_after = random.Random(f"sockets of {seed}").choice([0.0, 0.0, 0.3, 1.5])
    for agent in dice.sample(sorted(STAFF), dice.randint(2, 6)):
        house.agent(agent, *[_phone(dice) for _ in range(dice.randint(0, 3))], Phone(answers_after=1.5, talks=15))
    house.agent("1016", answers_after=1.0, talks=10)  # one who always does, so that nobody waits for ever
    house.fake.target(CENTRE, _phone(dice), Phone(answers_after=2.0, talks=10))
    for _ in range(dice.randint(1, 6)):
        house.fake.dials(
            dice.choice(LINES),
            after=dice.uniform(0.2, 20),
            hangs_up=dice.choice([None, None, dice.uniform(0.01, 40)]),
            talks=dice.choice([None, dice.uniform(0.01, 20)]),
            at=dice.choice(MOMENTS),
        )
    _conversations(house, random.Random(f"talks of {seed}"))
    _mishaps(house, dice)
    _comings_and_goings(house, dice)
    kills = [dice.choice([dice.randint(1, 6), dice.randint(2, 120)]) for _ in range(dice.choice([0, 0, 1, 1, 2, 3, 5]))]
    await house.lives(kills=tuple(kills))
    return house


def _phone(dice: random.Random) -> Phone:
    return dice.choice(
        [
            Phone(answers_after=dice.uniform(0.01, 5), talks=dice.uniform(0.01, 20)),
            Phone(answers_after=dice.uniform(0.01, 5), leaves=dice.uniform(0.01, 6)),
            Phone(rejects_after=dice.uniform(0.01, 5)),
            Phone(),
            Phone(busy=True),
            Phone(dead=True),
            Phone(registered=False),
        ]
    )


def _conversations(house: SimulatedHouse, dice: random.Random) -> None:
    """Agents ask for what can be asked for at that moment."""
    house.fake.target(WATER, _phone(dice), Phone(answers_after=1.0, talks=10))
    for seat in ("8102", "8103"):
        phone = house.fake.seat(seat, _phone(dice), Phone(answers_after=1.0, talks=10))
        phone.many = True  # a supervisor may be asked for again before the last call is quite over
    for _ in range(dice.choice([0, 5, 20, 60])):
        house.fake.later(dice.uniform(3, 45), partial(_something, house, dice))


def _something(house: SimulatedHouse, dice: random.Random) -> None:
    whom = dice.choice(
        [
            Whom(Kind.AGENT, dice.choice(house.agents)),
            Whom(Kind.POOL, "hall"),
            Whom(Kind.TARGET, dice.choice(["water", "gas"])),
            Whom(Kind.EMERGENCY, "119"),
        ]
    )
    talks = [each.talk for each in house.controller.conversations()] if house.controller else []
    rare = {
        Do.HANG_UP,
        Do.SILENT,
        Do.NUISANCE,
        Do.CANCEL,
        Do.MUTE,
        Do.UNMUTE,
        Do.LINK,
    }  # or nobody would come further than these
    can = [
        (agent, do)
        for talk in talks
        for agent in house.agents
        for do in Do
        if do not in SUPERVISORS
        if do not in rare or dice.random() < 0.1
        if not refusal(talk, agent, do, whom if do in BRINGING else None)
    ]
    if can and dice.random() < 0.3:
        boss, seat = dice.choice([("boss", "8102"), ("other boss", "8103")])
        house.supervises(boss, dice.choice(sorted(SUPERVISORS)), dice.choice(can)[0], seat)
    elif can:
        agent, do = dice.choice(can)
        house.asks(agent, do, whom if do in BRINGING else None)


def _mishaps(house: SimulatedHouse, dice: random.Random) -> None:
    """What happens to the machinery."""
    if dice.random() < 0.3:
        house.fake.later(dice.uniform(1, 30), house.drop)
    if dice.random() < 0.2:
        unlucky, status = dice.randint(5, 60), dice.choice([500, 0])

        def refuse(method: str, _path: str) -> int | None:
            is_its_turn = len(house.fake.log) == unlucky and method != "DELETE"  # Asterisk never refuses to hang up
            return status if is_its_turn else None

        house.fake.refuse = refuse
    if dice.random() < 0.15:
        for at in sorted(dice.uniform(0.5, 40) for _ in range(dice.randint(1, 2))):
            house.fake.later(at, lambda: house.fake.crash(dice.uniform(0.1, 3)))
    if dice.random() < 0.15:
        hangs_at = dice.uniform(0.5, 30)
        house.fake.later(hangs_at, house.freeze)
        house.fake.later(hangs_at + dice.choice([dice.uniform(0.01, 6), dice.uniform(6, 90)]), house.thaw)
    if dice.random() < 0.1:
        house.fake.later(dice.uniform(0.5, 30), house.kill)


def _comings_and_goings(house: SimulatedHouse, dice: random.Random) -> None:
    """Agents sign out and in, pause and come back, at moments that suit nobody."""
    for at in (100.0, 200.0, 300.0):  # nobody stays away for good, or somebody would wait for ever
        for agent in house.agents:
            house.fake.later(at, partial(house.comes, agent))
    if dice.random() < 0.5:
        return
    for agent in dice.sample(house.agents, dice.randint(1, min(3, len(house.agents)))):
        at = dice.uniform(0.5, 40)
        events: tuple[AnyEvent, ...] = (SignedOut(agent), Paused(agent, "tea"), Readied(agent))
        house.fake.later(at, partial(house.tells, dice.choice(events)))
        house.fake.later(at + dice.uniform(0.01, 20), partial(house.comes, agent))
