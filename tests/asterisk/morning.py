"""Two minutes out of a busy morning, at real telephones: 60 agents, and as many calls as such minutes bring.

Most agents are in talks when it begins, and become ready one after another; who dials what, and how long they would
wait, is drawn from a seed.  What each phone saw (INVITE, 200, BYE, who answered) is kept: it is one account of the
morning, the records are the other.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from ivr.facts import CallRecord
from ivr.town import audio
from ivr.town.calls import By, Call, Incoming, Refused
from ivr.town.rtp import RATE
from routing.config import build
from tests.asterisk.house import House
from tests.asterisk.phones import Agent, Citizen, Phones
from tests.asterisk.waiting import eventually, passes
from tests.calls.busy import AGENTS, NUMBERS, staffed_sources

CALLS = 58  # in two minutes of a day with 11,500 calls, 13 % of them in the busy hour, and a sixth more
ARRIVE_S = 64.0  # they come early in the two minutes, so that all of them can be over at the end
CROWD, CROWD_AT = 14, 40.0  # how many more dial at once, after something that everybody has seen
LIMIT = 24  # citizens at once: the crowd is too much for it
READY_FIRST = 12
KILL_AT = 52.0
CENTRE, CENTRE_LINE = "agriculture", "12316"
CENTRE_ANSWERS, CENTRE_IS_BUSY = (4.0, 9.0), (28.0, 33.0)
CENTRE_TURNS = 24.0
WITH_CENTRE_S = 16.0
HANDED_OVER = {  # when they dial, early: how the agent hands them over, and to whom
    1.0: ("transfer", "pool", "hall"),
    3.0: ("consult", "pool", "hall"),
    5.0: ("transfer", "target", "water"),
    7.0: ("consult", "target", "water"),
}
HANDED_WITHIN = 30.0
HEARD_FOR = 2.0  # before that
IMPATIENT = 0.2
AFTERWARDS = {"hangs up": 4, "rates": 5, "says nothing": 1}
"""What citizens do when the agent has hung up and they are asked how it was: so many of ten each."""
KEY_AFTER = 3.0
RATES_UNTIL = 15.0  # who calls later may press a key while nobody of us is there
IN_TRANSITION = "2021-09-15T09:30"
SILENT_RINGS, REJECTED_RING = (4, 11), 8  # which rings of the morning nobody answers, and which is rejected
OVER_WITHIN = 150.0
PIECE = 3 * RATE // 10  # samples in which a voice is looked for


@dataclass
class Visit:
    """What a citizen will do: dial, wait for `patience` at most, talk until the agent or they have had enough.

    `then`: the first agent hands them over, so, to somebody of that kind and name.
    """

    number: str
    after: float
    patience: float | None
    talk: float
    afterwards: str
    then: tuple[str, str, str] | None = None


@dataclass
class Ring:
    """A call at an agent's phone."""

    agent: str
    call: Incoming


@dataclass
class Morning:
    """What the phones saw, and what the house has of it."""

    visits: dict[str, Visit] = field(default_factory=dict)
    citizens: dict[str, Citizen] = field(default_factory=dict)
    agents: dict[str, Agent] = field(default_factory=dict)
    rings: list[Ring] = field(default_factory=list)
    met: dict[str, asyncio.Event] = field(default_factory=dict)
    """By citizen: an agent's phone has been answered for them."""
    parted: dict[str, asyncio.Event] = field(default_factory=dict)
    """By citizen: that agent has hung up."""
    handed: dict[str, Ring] = field(default_factory=dict)
    """By citizen: where an agent answered who has handed them over."""
    rated: list[str] = field(default_factory=list)
    """Who has pressed a key while they were asked how it was."""
    records: list[CallRecord] = field(default_factory=list)
    reports: dict[str, Any] = field(default_factory=dict)
    left: str = ""

    def talks_of(self, citizen: Citizen) -> list[Ring]:
        """The agents who talked with them: who was there until one of the two hung up, or has handed them over."""
        gone = citizen.call.ended_at or 0.0
        answered = [each for each in self.rings if each.call.caller == citizen.name and each.call.answered_at]
        return [
            each
            for each in answered
            if self.handed.get(citizen.name) is each
            or (each.call.end and (each.call.end.by is By.US or (each.call.ended_at or 0.0) > gone - 0.2))
        ]

    def became(self, citizen: Citizen) -> str:
        """What came of a call, as its phones saw it."""
        call = citizen.call
        if call.answered_at is None:
            return "refused" if call.end and call.end.status == 486 else "lost"
        if self.talks_of(citizen):
            return "answered"
        if self.visits[citizen.name].number == CENTRE_LINE:
            return "transferred"
        return "abandoned" if call.end and call.end.by is By.US else "lost"

    def counted(self) -> Counter[str]:
        """How many of each."""
        return Counter(map(self.became, self.citizens.values()))

    def voice_at(self, citizen: Citizen) -> float:
        """When a citizen first heard the first agent who answered."""
        return self.heard_at(citizen, self.talks_of(citizen)[0])

    def heard_at(self, citizen: Citizen, ring: Ring) -> float:
        """When a citizen first heard the agent who answered there: a colleague, once they were handed over."""
        first = self.handed.get(citizen.name)
        begins = ring.call.answered_at if first is None or first is ring else first.call.ended_at
        assert begins is not None
        heard = citizen.heard().between(begins, begins + 10).samples
        hertz = self.agents[ring.agent].hertz
        pieces = range(0, len(heard) - PIECE, RATE // 10)
        return begins + next(at for at in pieces if audio.dominant(heard[at : at + PIECE]) == hertz) / RATE

    def waited_s(self, citizen: Citizen) -> float:
        """From the house's 200 to the first of the agent's voice."""
        assert citizen.call.answered_at is not None
        return self.voice_at(citizen) - citizen.call.answered_at

    def calls_of(self, agent: str) -> list[Call]:
        """All that rang at one phone, in order."""
        return sorted((each.call for each in self.rings if each.agent == agent), key=lambda call: call.began)


def files(folder: Path) -> Path:
    """The city's files in `folder`: with 60 agents in the hall, and fewer lines than a crowd needs."""
    texts = staffed_sources()
    was = "calls: 150 "
    assert was in texts["site.yaml"]
    texts["site.yaml"] = texts["site.yaml"].replace(was, f"calls: {LIMIT} ", 1)
    for name, place in {"lines.yaml": "config", "site.yaml": "config", "prompts.yaml": "recordings"}.items():
        (folder / place).mkdir(parents=True, exist_ok=True)
        (folder / place / name).write_text(texts[name], "utf-8")
    return folder


def planned(seed: int) -> list[Visit]:
    """Who will dial, in the order in which they do."""
    dice = random.Random(seed)
    moments = [dice.uniform(0, ARRIVE_S) for _ in range(CALLS)] + [CROWD_AT + n / 20 for n in range(CROWD)]
    visits = [
        Visit(
            dice.choices([*NUMBERS], [*NUMBERS.values()])[0],
            after,
            dice.expovariate(1 / 15) if dice.random() < IMPATIENT else None,
            min(max(dice.lognormvariate(2.4, 0.5), 6.0), 24.0),
            dice.choices([*AFTERWARDS], [*AFTERWARDS.values()])[0] if after < RATES_UNTIL else "hangs up",
        )
        for after in moments
    ]
    visits += [Visit(CENTRE_LINE, after, WITH_CENTRE_S, 6.0, "hangs up") for after in CENTRE_ANSWERS]
    visits += [Visit(CENTRE_LINE, after, None, 6.0, "hangs up") for after in CENTRE_IS_BUSY]
    visits += [Visit("12345", after, None, 6.0, "hangs up", then) for after, then in HANDED_OVER.items()]
    return sorted(visits, key=lambda visit: visit.after)


async def lived_through(house: House, seed: int) -> Morning:
    """All of it, and then what the house says."""
    morning = Morning()
    async with Phones(house) as phones:
        staff = [
            agent
            for agent in build(staffed_sources()).site.agents.values()
            if any(competence.pool == "hall" for competence in agent.competences)
        ][:AGENTS]
        for agent in staff:
            assert agent.seat is not None
            morning.agents[agent.id] = await phones.agent(agent.seat)
        for number in morning.agents:
            await house.controller(f"agents/{number}/sign-in", method="POST", given={"ready": False})
        work = [
            asyncio.create_task(_works(house, morning, *each), name=f"agent:{each[0]}")
            for each in morning.agents.items()
        ]
        async with asyncio.timeout(OVER_WITHIN), asyncio.TaskGroup() as group:
            group.create_task(_become_ready(house, [*morning.agents]))
            group.create_task(_is_killed(house))
            group.create_task(_centre_turns(house))
            began = asyncio.get_running_loop().time()
            for visit in planned(seed):
                citizen = await phones.citizen()
                morning.visits[citizen.name], morning.citizens[citizen.name] = visit, citizen
                await passes(max(began + visit.after - asyncio.get_running_loop().time(), 0))
                group.create_task(_visits(morning, citizen, visit), name=citizen.name)
        try:
            await house.is_quiet()
        except AssertionError as leak:
            morning.left = str(leak)
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
    await _asked(house, morning)
    return morning


# --- people


async def _visits(morning: Morning, citizen: Citizen, visit: Visit) -> None:
    """Dial; wait, or not for long; talk until the agent hangs up; say how it was, or not."""
    met, parted = asyncio.Event(), asyncio.Event()
    morning.met[citizen.name], morning.parted[citizen.name] = met, parted
    call = await citizen.starts_dialling(visit.number, at=IN_TRANSITION)
    try:
        await call.answered(30)
        async with asyncio.timeout(visit.patience):
            await met.wait()
    except Refused:
        return
    except TimeoutError:
        await citizen.hangs_up()
        return
    await parted.wait()
    await passes(KEY_AFTER)
    if visit.afterwards == "rates":
        citizen.presses("1")
        morning.rated.append(citizen.name)
    elif visit.afterwards == "hangs up":
        await citizen.hangs_up()
    await call.ended(OVER_WITHIN)


async def _works(house: House, morning: Morning, number: str, agent: Agent) -> None:
    """Answer whatever rings, but for some; talk for as long as the citizen wants to, and hang up, or hand over."""
    dice = random.Random(number)
    while True:
        await agent.rings(3600)
        ring = Ring(number, agent.ring)
        morning.rings.append(ring)
        visit = morning.visits[agent.ring.caller]
        which = 0 if visit.then else sum(not morning.visits[each.call.caller].then for each in morning.rings)
        if which in SILENT_RINGS:
            await agent.stops_ringing(60)
            continue
        await passes(dice.uniform(0.5, 2.5))
        if which == REJECTED_RING:
            agent.rejects()
            continue
        if agent.call.has_ended:
            continue
        agent.answers()
        morning.met[agent.ring.caller].set()
        if visit.then and agent.ring.caller not in morning.handed:
            morning.handed[agent.ring.caller] = ring
            await _hands_over(house, agent, number, visit.then)
            if visit.then[1] == "pool":
                continue
        else:
            await _ends(agent, visit.talk)
        if visit.then or (agent.call.end and agent.call.end.by is By.US):
            morning.parted[agent.ring.caller].set()


async def _hands_over(house: House, agent: Agent, number: str, then: tuple[str, str, str]) -> None:
    """Until the house has hung up here: whoever it is, has the citizen."""
    how, kind, name = then
    await _asks(house, "GET", f"agents/{number}/talk")
    await passes(HEARD_FOR)
    await _asks(house, "POST", f"agents/{number}/talk/{how}", {"kind": kind, "name": name})
    if how == "consult":
        await _asks(house, "POST", f"agents/{number}/talk/complete")
    assert (await agent.is_hung_up(HANDED_WITHIN)).by is By.THEM


async def _asks(house: House, method: str, path: str, given: Mapping[str, str] | None = None) -> None:
    """Asked for again until there is a talk, and whoever was asked has answered."""

    async def is_done() -> bool:
        try:
            await house.controller(path, method=method, given=given)
        except HTTPError as refused:
            if refused.code != HTTPStatus.CONFLICT:
                raise
            return False
        return True

    await eventually(is_done, HANDED_WITHIN, path, every=0.3)


async def _ends(agent: Agent, talk: float) -> None:
    try:
        await agent.call.ended(talk)
    except TimeoutError:
        await agent.hangs_up()


async def _become_ready(house: House, agents: Sequence[str]) -> None:
    """Some at once, the others as their talks end."""
    for n, agent in enumerate(agents):
        if n >= READY_FIRST:
            await passes(ARRIVE_S / (len(agents) - READY_FIRST))
        await _ready(house, agent)


async def _ready(house: House, agent: str) -> None:
    """Asked for again while the controller is away."""

    async def is_told() -> bool:
        try:
            await house.controller(f"agents/{agent}/ready", method="POST")
        except OSError:
            return False
        return True

    await eventually(is_told, 20, f"{agent} says that they are ready", every=0.3)


# --- what happens besides


async def _is_killed(house: House) -> None:
    await passes(KILL_AT)
    old = house.kills("controller")
    await house.has_restarted("controller", old)


async def _centre_turns(house: House) -> None:
    await house.centre(CENTRE, "answer")
    await passes(CENTRE_TURNS)
    await house.centre(CENTRE, "busy")


# --- afterwards


async def _asked(house: House, morning: Morning) -> None:
    """The records, once all are there (the census looks every minute), and the figures."""

    async def are_there() -> bool:
        morning.records = await house.records("")
        return len(morning.records) >= len(morning.citizens)

    await eventually(are_there, 70, lambda: f"{len(morning.records)} records of {len(morning.citizens)}", every=0.5)
    for by in ("", "line", "agent"):
        morning.reports[by] = await house.controller(f"report?by={by}" if by else "report")
