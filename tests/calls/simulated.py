"""The real controller in a simulated city: virtual time, a fake Asterisk, a disk that outlives each life.

house = SimulatedHouse(seed=7)
house.agent("1001", answers_after=2, talks=30)
house.fake.dials("12345")
await house.lives(kills=(17,))      # killed at its 17th strike; the next life goes on
house.check()
"""

import asyncio
import random
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from ivr.acquaintances import Acquaintances
from ivr.app import Controller
from ivr.broadcasts import Broadcasts
from ivr.browsers import Browsers
from ivr.callbacks import Callbacks
from ivr.dispatcher import Dispatcher, replay
from ivr.facts import CallRecord, Outcome
from ivr.journal import CALL, RECORD, Journal
from ivr.lockout import Lockout
from ivr.nuisance import Nuisances
from ivr.pins import Pins
from ivr.register import Register
from ivr.service import Audio, Service
from ivr.turns import Turns
from routing.config import Config, build
from routing.ids import AgentId, CallId, PromptId
from routing.talk import Do, Kind, Whom
from routing.tickets import AgentState, AnyEvent, Readied, SignedIn
from tests.asterisk.waiting import eventually
from tests.fake.asterisk import FakeAsterisk
from tests.fake.clock import ManualClock
from tests.fake.disk import MemoryDisk, Platter
from tests.fake.locksmith import PlainLocksmith
from tests.fake.loop import SimClock
from tests.fake.wire import Life
from tests.fake.world import Party, Phone

ROOT = Path(__file__).parents[2]
SOURCES = {
    "site.yaml": (ROOT / "config/site.yaml").read_text(),
    "lines.yaml": (ROOT / "config/lines.yaml").read_text(),
    "prompts.yaml": (ROOT / "recordings/prompts.yaml").read_text(),
}
CONFIG: Config = build(SOURCES)
STAFF = {agent.id: agent for agent in CONFIG.site.agents.values() if not agent.in_range}
"""Agents who stand in site.yaml one by one, each with a seat of their own and with what they can do."""

REPEATED = ("agent-", "position-", "wait-", "callback-offer", "unanswered-", "pool-closed")
"""What may be said more than once; two pools that a wait passes may both be closed."""

SHORT_MS = 1_200
NOTICED_MS = 100
SETTLED = frozenset({AgentState.READY, AgentState.PAUSED, AgentState.UNREACHABLE, AgentState.WRAP_UP})
DAY_S = 86_400.0
RESTART_S = (0.3, 2.5)
"""How long a killed controller is away."""


@cache
def lengths() -> dict[PromptId, int]:
    """As long as the voice would make them: 160 ms a character."""
    return {
        name: SHORT_MS if name.startswith(("whisper", "agent")) else 160 * len(prompt.spoken)
        for name, prompt in CONFIG.prompts.items()
    }


class LifeDisk(MemoryDisk):
    """What a killed life still writes reaches nothing."""

    def __init__(self, platter: Platter, wire: Life) -> None:
        super().__init__(platter)
        self._wire = wire

    def append(self, lines: bytes) -> None:
        self.dead = self._wire.dead
        super().append(lines)


class SimulatedHouse:
    """One city: phones, a controller and its lives, and what must hold of them."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.fake = FakeAsterisk(seed)
        self.fake.lengths = {str(name): length for name, length in lengths().items()}
        self.config = CONFIG
        """What the next life begins with."""
        self.pieces: dict[PromptId, int] = {}
        """Lengths of pieces; without them every prompt is one sound."""
        self.causes: dict[CallId, int] = {}
        """What the census says of ends."""
        self.stays_ms = 0
        """It is not over before this moment, however quiet."""
        self.away_s = RESTART_S
        self.platter, self.pins, self.lockouts, self.browsers = (Platter() for _ in range(4))
        self.wires: list[Life] = []
        self.agents: list[AgentId] = []
        self.dispatcher: Dispatcher | None = None
        self.controller: Controller | None = None

    # --- people

    def agent(self, name: str, *calls: Phone, **behaviour: Any) -> Party:
        """An agent of site.yaml is signed in, at a phone that behaves so."""
        agent = self.config.site.agents[AgentId(name)]
        assert agent.seat is not None
        self.agents.append(agent.id)
        return self.fake.seat(agent.seat, *calls, **behaviour)

    def tells(self, event: AnyEvent) -> None:
        """Somebody tells the present life's dispatcher of an agent."""
        assert self.dispatcher is not None
        self.dispatcher.apply(event)

    def comes(self, name: AgentId) -> None:
        """An agent signs in where they always sit, and is ready."""
        agent = self.config.site.agents[name]
        assert agent.seat is not None
        self.tells(SignedIn(name, agent.seat, agent.competences))
        self.tells(Readied(name))

    def asks(self, agent: str, do: Do, whom: Whom | None = None) -> str:
        """An agent asks for something in whatever talk they are in: why not, or nothing."""
        assert self.controller is not None
        for conversation in self.controller.conversations():
            if conversation.talk.agent(agent):
                return conversation.ask(agent, do, whom)
        return "in no talk"

    def supervises(self, by: str, do: Do, agent: str, seat: str) -> str:
        """A supervisor asks for something in the talk of an agent: why not, or nothing."""
        assert self.controller is not None
        conversations = self.controller.conversations()
        theirs = [each for each in conversations if any(one.by == by and one.left is None for one in each.talk.parties)]
        for conversation in theirs or conversations:
            if theirs or conversation.talk.agent(agent):
                return conversation.ask(by, do, Whom(Kind.SEAT, seat, agent))
        return "in no talk"

    # --- lives

    async def lives(self, kills: tuple[int | None, ...] = (), within_s: float = 900) -> None:
        """Live and be killed at these strikes, one life after another; the last life ends when all is quiet."""
        for kill_at in kills:
            if await self.life(kill_at, within_s):
                return
            await asyncio.sleep(self.random.uniform(*self.away_s))
        while not await self.life(None, within_s):  # noqa: ASYNC110 - killed by the clock
            await asyncio.sleep(self.random.uniform(*self.away_s))

    async def life(self, kill_at: int | None, within_s: float) -> bool:
        """One process of the controller; true when it lived until all was quiet."""
        wire = self.fake.life(kill_at)
        self.wires.append(wire)
        async with asyncio.timeout(within_s):
            controller, works = self._begin(wire)
            quiet = asyncio.create_task(self._quiet(controller), name="quiet")
            killed = asyncio.create_task(wire.killed.wait(), name="killed")
            tasks: list[asyncio.Task[Any]] = [*works, quiet, killed]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in done - {quiet, killed}:
            task.result()  # whatever ended the controller
        return not wire.dead

    def _begin(self, wire: Life) -> tuple[Controller, list[asyncio.Task[None]]]:
        clock = SimClock()
        journal = Journal(LifeDisk(self.platter, wire), CONFIG.site.node, clock)
        entries = list(journal.replay())
        register = Register(journal, entries)
        self.dispatcher = dispatcher = Dispatcher(replay(entries), journal, clock, Broadcasts(journal, clock, entries))
        dispatcher.configure(self.config.site)
        if len(self.wires) == 1:
            for name in self.agents:
                self.comes(name)
        audio = Audio("/prompts", lengths() | self.pieces, self.config.prompts if self.pieces else {})
        service = Service(self.config, journal, dispatcher, clock, audio, turns=Turns(entries))
        callbacks = Callbacks(journal, clock, self.config.site, entries)
        acquaintances = Acquaintances(journal, clock, CONFIG.site.numbering, entries)
        nuisances = Nuisances(journal, clock, entries)
        lockout = Lockout(LifeDisk(self.lockouts, wire))
        pins = Pins(LifeDisk(self.pins, wire), clock, PlainLocksmith(), lockout)
        self.controller = controller = Controller(
            service,
            wire,
            register,
            pins,
            callbacks=callbacks,
            acquaintances=acquaintances,
            browsers=Browsers(LifeDisk(self.browsers, wire), PlainLocksmith()),
            nuisances=nuisances,
            causes=lambda: self.causes,
        )
        tasks = [
            asyncio.create_task(journal.run(), name="journal"),
            asyncio.create_task(dispatcher.run(), name="dispatcher"),
            asyncio.create_task(controller.run(), name="controller"),
        ]
        return controller, tasks

    async def _quiet(self, controller: Controller) -> None:
        """All citizens' calls are over, and so is what we had to do with them."""
        is_quiet = False
        while not is_quiet:  # or a call of our own has begun meanwhile
            await eventually(lambda: self._is_over(controller), within=DAY_S, every=1)
            await asyncio.sleep(5)  # the slowest frames are still on their way
            await eventually(lambda: not self._is_deaf(controller), within=DAY_S, every=5)  # the next era sweeps
            is_quiet = self._is_over(controller)

    def _is_over(self, controller: Controller) -> bool:
        are_gone = all(citizen.ended for citizen in self.citizens)
        if self.fake.now() < self.stays_ms or any(each.place == "survival" for each in self.fake.channels.values()):
            return False
        return are_gone and not controller.register.ledgers and controller.ari is not None

    def _is_deaf(self, controller: Controller) -> bool:
        """It hangs, or is about to find out that its socket does."""
        return controller.ari is None or bool(controller.ari._pending) or not self.wires[-1].awake.is_set()

    def drop(self) -> None:
        """The sockets of the present life break."""
        self.wires[-1].drop()

    def kill(self) -> None:
        """`kill -9` of the present life."""
        self.wires[-1].kill()

    def freeze(self) -> None:
        """The present life hangs."""
        self.wires[-1].freeze()

    def thaw(self) -> None:
        """It goes on."""
        self.wires[-1].thaw()

    # --- what must hold

    @property
    def citizens(self) -> list[Party]:
        """Who has dialled, or will."""
        return [party for party in self.fake.parties.values() if not party.behaviours]

    def records(self) -> list[CallRecord]:
        """Every record on the disk."""
        journal = Journal(MemoryDisk(Platter(bytearray(self.platter.content))), CONFIG.site.node, ManualClock())
        return [msgspec.json.decode(e.body, type=CallRecord) for e in journal.replay() if e.topic == RECORD]

    def steps(self) -> list[str]:
        """Every step of every ledger on the disk, as often as it was written."""
        journal = Journal(MemoryDisk(Platter(bytearray(self.platter.content))), CONFIG.site.node, ManualClock())
        return [msgspec.json.decode(e.body)["step"] for e in journal.replay() if e.topic == CALL]

    def heard(self, party: Party) -> list[str]:
        """What somebody has heard, one after another."""
        return [what for since, to, what in self.fake.heard(party.label) if to > since]

    def story(self, party: Party) -> list[str]:
        """The same without what is too short to be noticed, ringing, music, and the question that follows a talk."""
        heard = [what for since, to, what in self.fake.heard(party.label) if to - since > NOTICED_MS]
        return [what for what in heard if what not in {"unanswered", "music", "survey"}]

    def faults(self) -> list[str]:
        """Everything that is not as it must be; the oracle of every simulated test."""
        found = [*self.fake.faults, *self.fake.leftovers()]
        records = self.records()
        counts = Counter(record.call for record in records)
        connected = {
            record.call for record in records if record.connected is not None or record.outcome is Outcome.CALLED_BACK
        }
        found += [f"{n} records of {call}" for call, n in counts.items() if n != 1]
        for citizen in self.citizens:
            found += [f"{citizen.label}: {fault}" for fault in self._faults_of(citizen, counts, connected)]
        assert self.dispatcher is not None
        stuck = [view for view in self.dispatcher.agents() if view.state not in SETTLED or view.ticket is not None]
        found += [f"agent {view.agent} is stuck: {view.state} {view.ticket}" for view in stuck]
        found += [f"ticket {view.ticket} still waits" for view in self.dispatcher.waiting()]
        return found + self._leaks()

    def _leaks(self) -> list[str]:
        """What the last life still holds of calls that are over."""
        assert self.controller is not None
        assert self.dispatcher is not None
        ari = self.controller.ari
        held: dict[str, Iterable[str]] = {
            "ledgers": self.controller.register.ledgers,
            "places": self.dispatcher._places,
            "vitals": ari._vitals if ari else (),
            "mailboxes": ari._post._receivers if ari else (),
            "pending": ari._pending if ari else (),
            "steps in the journal": self.controller.service.journal._living["call"],
        }
        return [f"{what} are left: {sorted(left)}" for what, left in held.items() if left]

    def _faults_of(self, citizen: Party, records: Counter[CallId], connected: set[CallId]) -> list[str]:
        found = []
        heard = self.heard(citizen)
        if citizen.ended in {"", "lost"}:
            found.append(f"ended {citizen.ended or 'never'}")
        call = CallId(citizen.channels[0].replace(".", "-") if citizen.channels else "")
        if citizen.ended == "released" and call not in connected:
            found.append(f"we hung up before a person was there, or a promise; heard {heard}")
        spoken = Counter(what for what in heard if what in self.fake.lengths and not what.startswith(REPEATED))
        found += [f"heard {what} {n} times" for what, n in spoken.items() if n > 1]
        was_ours = any(what not in {"unanswered", "ringing", "survival", "silence"} for what in heard)
        if was_ours and records[call] != 1:
            found.append(f"{records[call]} records")
        return found

    def silences(self, longest_ms: int = 1_000) -> list[str]:
        """Stretches of silence that nobody intended."""
        found = []
        for citizen in self.citizens:
            longest = self.fake.longest(citizen.label)
            if longest > longest_ms:
                found.append(f"{citizen.label}: {longest} ms of silence in {self.fake.heard(citizen.label)}")
        return found

    def check(self) -> None:
        """Raise with everything that is wrong."""
        found = self.faults()
        assert not found, "\n".join(found)
