"""Mornings in the simulated city: what can happen to callers, phones, targets and the controller, drawn from a seed."""

import random
from datetime import timedelta
from functools import partial

import msgspec

from ivr.facts import Direction
from ivr.ledger import ARRIVED, DIALLING, MACHINE
from routing.config import Config
from routing.conversing import refusal
from routing.ids import AgentId, PoolId, PromptId
from routing.ladders import moved
from routing.overflow import CALLBACK, VOICEMAIL, Overflow
from routing.prompts import POOL_CLOSED
from routing.talk import BRINGING, SUPERVISORS, Do, Kind, Whom
from routing.tickets import AnyEvent, Closed, Directed, Opened, Paused, Readied, SignedOut, WrappedUp
from tests.calls.backs import AT_ONCE
from tests.calls.scenes import CENTRE, EXPERTS, WATER, overflowing
from tests.calls.simulated import CONFIG, STAFF, SimulatedHouse
from tests.fake.world import Phone

LINES = ("12345", "12329", "12350", "12316", "031012345", "+8631012345", "59999999")
MOMENTS = ("2021-09-15T09:00", "2021-09-15T20:00", "2021-08-31T23:59:59", "2021-11-01T00:00", "2021-09-18T12:00")
SEATS, NUMBER = "health-seats", "03108012320"
LEADS: tuple[tuple[Overflow, ...], ...] = (
    (Overflow(CALLBACK, waited=timedelta(seconds=5)),),
    (Overflow(VOICEMAIL, waited=timedelta(seconds=8)),),
    (Overflow(SEATS, waited=timedelta(seconds=6)),),
    (Overflow(SEATS, length=1), Overflow(VOICEMAIL, waited=timedelta(seconds=12))),
)
"""Where a wait may lead, of the hall and of pools that may be closed."""
CLOSABLE = tuple(PoolId(pool) for pool in ("safety", "law", "health"))
KEYS = "1112345#"


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
    _waits(house, random.Random(f"waits of {seed}"))
    _phones(house, random.Random(f"phones of {seed}"))
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
    for expert in EXPERTS:
        house.fake.target(expert, _phone(dice))
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
            Whom(Kind.EXPERT, "housing-fund"),
            Whom(Kind.NUMBER, WATER),
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


def _waits(house: SimulatedHouse, dice: random.Random) -> None:
    """Waits lead elsewhere, callers press keys, supervisors step in, and whoever left is called back."""
    if dice.random() < 0.4:
        house.config = _leading(house.config, dice)
        house.fake.target(NUMBER, _phone(dice), Phone(answers_after=2.0, talks=10))
        _press(house, dice, "1", 4)  # the key by which one is called back
    if dice.random() < 0.5:
        _press(house, dice, KEYS, 4)
    if dice.random() < 0.4:
        for _ in range(dice.randint(1, 10)):
            house.fake.later(dice.uniform(0.5, 50), partial(_steps_in, house, dice))
    if dice.random() < 0.3:
        _called_back(house, dice)


def _phones(house: SimulatedHouse, dice: random.Random) -> None:
    """Agents hold and go on by the button of their phones, and have them answer while they ring."""
    if dice.random() < 0.6:
        return
    for _ in range(dice.choice([5, 20, 40])):
        agent, is_held = dice.choice(house.agents), dice.random() < 0.5
        seat = STAFF[agent].seat
        if dice.random() < 0.5 and seat is not None:
            house.fake.later(dice.uniform(3, 45), partial(house.fake.holds, house.fake.parties[seat], on=is_held))
        else:
            house.fake.later(dice.uniform(1, 45), partial(_picks_up, house, agent))


def _picks_up(house: SimulatedHouse, agent: AgentId) -> None:
    if house.dispatcher is not None and not _is_dead(house):
        house.dispatcher.pick_up(agent, agent)


def _press(house: SimulatedHouse, dice: random.Random, keys: str, most: int) -> None:
    """Citizens press one of these now and then."""
    for citizen in house.citizens:
        for _ in range(dice.randint(0, most)):
            house.fake.later(dice.uniform(5, 60), partial(house.fake.presses, citizen, dice.choice(keys)))


def _leading(config: Config, dice: random.Random) -> Config:
    """The config, and waits lead somewhere soon, and are told how long they are."""
    site = config.site
    leads = {pool: dice.choice(LEADS) for pool in (site.hall, PoolId("safety")) if dice.random() < 0.8}
    pools = {name: msgspec.structs.replace(site.pools[name], overflow=rules) for name, rules in leads.items()}
    told = msgspec.structs.replace(site.announcements, after=timedelta(seconds=4), every=timedelta(seconds=8))
    offer = msgspec.structs.replace(site.callback_offer, waited=timedelta(seconds=6))
    site = msgspec.structs.replace(site, pools=site.pools | pools, announcements=told, callback_offer=offer)
    return msgspec.structs.replace(config, site=site)


def _called_back(house: SimulatedHouse, dice: random.Random) -> None:
    """Callers who can be called back leave, and are; agents call out; now and then it is a machine that answers."""
    site = msgspec.structs.replace(house.config.site, callbacks=AT_ONCE)
    house.config = msgspec.structs.replace(house.config, site=site)
    callers = [f"1380013000{n}" for n in range(dice.randint(1, 2))]
    for caller in callers:
        phones = [] if dice.random() < 0.5 else [_phone(dice)]
        house.fake.target(caller, *phones, Phone(answers_after=2.0, talks=8))
        house.fake.dials(
            "12345", after=dice.uniform(0.2, 20), hangs_up=dice.uniform(5.5, 12), at=MOMENTS[0], caller=caller
        )
    for _ in range(dice.choice([0, 1, 3])):
        house.fake.later(dice.uniform(1, 60), partial(_calls_out, house, dice, callers[0]))
    if dice.random() < 0.5:
        for at in range(20, 105, 3):
            house.fake.later(float(at), partial(_machine, house))
    if dice.random() < 0.5:  # killed as they are dialled, and away for so long that survival serves whoever answers
        house.away_s = 24.0, 45.0
        house.fake.target(callers[0], answers_after=3.0, talks=10)
        for at in range(20, 90):
            house.fake.later(float(at), partial(_dies_dialling, house))
    house.stays_ms = 110_000


def _is_dead(house: SimulatedHouse) -> bool:
    return not house.wires or house.wires[-1].dead or house.dispatcher is None


def _calls_out(house: SimulatedHouse, dice: random.Random, number: str) -> None:
    if house.controller is not None and not _is_dead(house):
        house.controller.call_out(dice.choice(house.agents), number)


def _machine(house: SimulatedHouse) -> None:
    """Whoever talks with somebody called back says that it is a machine."""
    controller = house.controller
    if controller is None or _is_dead(house):
        return
    for conversation in controller.conversations():
        ledger = controller.register.ledgers[conversation.talk.call]
        if ledger[ARRIVED].direction is Direction.CALLBACK and MACHINE not in ledger:
            ledger.write(MACHINE, controller.service.clock.instant())


def _dies_dialling(house: SimulatedHouse) -> None:
    """The first life dies as somebody is called back."""
    if house.controller is None or len(house.wires) > 1 or _is_dead(house):
        return
    if any(DIALLING.of(1) in ledger for ledger in house.controller.register.ledgers.values()):
        house.kill()


def _steps_in(house: SimulatedHouse, dice: random.Random) -> None:
    """A supervisor closes and opens pools, moves who waits, speaks to all; or an agent is done with their last call."""
    dispatcher, pool = house.dispatcher, dice.choice(CLOSABLE)
    if dispatcher is None or _is_dead(house):
        return
    match dice.choice(["close", "close", "open", "move", "speak", "wrap-up"]):
        case "close":
            dispatcher.apply(Closed(pool, POOL_CLOSED, "boss"))
        case "open":
            dispatcher.apply(Opened(pool, "boss"))
        case "move":
            for view in dispatcher.waiting()[:1]:
                to = dice.choice([pool, house.config.site.hall])
                dispatcher.apply(Directed(view.ticket, moved(house.config, to, None, None), "boss"))
        case "speak" if not dispatcher.broadcasts.latest():
            dispatcher.broadcast(PromptId("broadcast-1"), 2_000, "boss", text="x")
        case _:
            dispatcher.apply(WrappedUp(dice.choice(house.agents)))


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
