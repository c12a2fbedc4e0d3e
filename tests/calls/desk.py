"""A controller in front of a fake Asterisk, and its API, asked as over HTTP."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Any

import msgspec

from ivr.app import Controller
from ivr.audit import ANCHOR, Audit
from ivr.browsers import Browsers
from ivr.dispatcher import Dispatcher
from ivr.edge.database import Database
from ivr.edge.protocols import Attachment, Request
from ivr.entries import Entry
from ivr.errors import StoreError
from ivr.facts import CallRecord, Outcome
from ivr.figures import AgentTimes, Figures
from ivr.journal import Journal
from ivr.lockout import Lockout
from ivr.pins import Pins
from ivr.register import Register
from ivr.service import Audio, Service
from ivr.store import Cells, PostgresStore
from ivr.watch import (
    DATABASE_AWAY,
    IDLE_AGENTS,
    TALK_TOO_LONG,
    UNREACHED,
    Watch,
    idle_agents,
    too_long,
    unreached,
)
from ivr.web.access import Access
from ivr.web.api import Answer, Api
from ivr.web.hub import Hub
from ivr.web.meters import Meters, Sources
from ivr.web.rights import Who
from ivr.web.supervision import Supervision
from ivr.web.switchboard import Applied, Switchboard
from routing.config import Config
from routing.floor import Floor
from routing.ids import CallId, PromptId
from tests.asterisk.waiting import eventually
from tests.calls.simulated import CONFIG, lengths
from tests.fake.asterisk import FakeAsterisk
from tests.fake.disk import MemoryDisk
from tests.fake.locksmith import PlainLocksmith
from tests.fake.loop import SimClock


async def reads(name: PromptId, text: str) -> int:
    """A voice: how long its text is, 160 ms a character."""
    return 160 * len(text)


def the_day(cells: Cells, answered: int) -> Figures:
    """Figures of which no test looks at more."""
    fields: dict[str, Any] = {f.name: 0 if f.type is int else 1.0 for f in msgspec.structs.fields(Figures)}
    amounts = {"offered": answered, "answered": answered}
    return Figures(**fields | amounts | {"since": cells.begin[0], "until": cells.end, "key": ""})


class Records(PostgresStore):
    """The read model: what the journal has, or nothing while the database is `away`."""

    def __init__(self, disk: MemoryDisk) -> None:
        super().__init__(Database("postgresql://nowhere"))
        self._disk = disk
        self.away = False

    async def calls(self, limit: int = 20) -> list[CallRecord]:
        return [msgspec.json.decode(each.body, type=CallRecord) for each in self._of("record")][:limit]

    async def call(self, call: CallId) -> CallRecord | None:
        found = [each for each in await self.calls() if each.call == call]
        return found[0] if found else None

    async def facts_of(self, key: str) -> list[Entry]:
        topics = ("call", "record", "disposition", "callback", "called-back", ANCHOR)
        return [each for each in self._of(*topics) if each.key == key]

    async def figures(self, cells: Cells, by: str, in_time: timedelta) -> list[Figures]:  # noqa: ARG002 - as the real one
        self._of()
        return [the_day(cells, len(await self.calls(1000)))] if not by else []

    async def agent_times(self, cells: Cells, now: datetime, in_time: timedelta) -> list[AgentTimes]:  # noqa: ARG002
        self._of()
        return []

    def _of(self, *topics: str) -> Sequence[Entry]:
        if self.away:
            raise StoreError("it is away")
        entries = [msgspec.json.decode(line[9:], type=Entry) for line in self._disk.read()]
        return [each for each in entries if each.topic in topics]


class Desk:
    """A controller in front of a fake Asterisk, and its API."""

    def __init__(self, config: Config = CONFIG, voice: Callable[[PromptId, str], Awaitable[int]] = reads) -> None:
        self.fake = FakeAsterisk()
        self.fake.lengths = {str(name): length for name, length in lengths().items()}
        clock, disk = SimClock(), MemoryDisk()
        self.entries = disk
        """The journal's."""
        journal = Journal(disk, config.site.node, clock)
        register = Register(journal, list(journal.replay()))
        dispatcher = Dispatcher(Floor(), journal, clock)
        service = Service(config, journal, dispatcher, clock, Audio("/prompts", lengths()))
        lockout = Lockout(MemoryDisk())
        pins = Pins(MemoryDisk(), clock, PlainLocksmith(), lockout)
        self.phones = MemoryDisk()
        browsers = Browsers(self.phones, PlainLocksmith())
        self.life = self.fake.life()
        self.controller = Controller(service, self.life, register, pins, browsers=browsers)
        applied = Applied(1, config, service.audio)
        self.store = Records(disk)
        self.rights = MemoryDisk()
        self.access = Access(self.rights, clock, PlainLocksmith(), "house", lockout)
        self.log = MemoryDisk()
        self.audit = Audit(self.log, clock, partial(journal.write, ANCHOR, ANCHOR))
        self.watch = Watch(
            clock,
            {
                IDLE_AGENTS: lambda: idle_agents(dispatcher),
                UNREACHED: lambda: unreached(each.talk for each in self.controller.conversations()),
                TALK_TOO_LONG: lambda: too_long(dispatcher, config.site.timing, clock.instant()),
                DATABASE_AWAY: lambda: "away" if self.store.away else "",
            },
        )
        self.hub = Hub(self.controller, self.access, self.watch)
        self.found: Counter[Outcome] = Counter()
        self.meters = Meters(Sources(self.controller, self.store, self.watch, self._take_found, self._room))
        self.controller.attend(self.meters)
        self.recordings: dict[str, Attachment] = {}

        async def latest() -> Applied:
            return applied

        self.board = Switchboard(
            self.controller,
            self.store,
            latest,
            self.access,
            self.audit,
            self._recording,
            self.hub,
            self.watch,
            self.meters,
            voice,
        )
        self.people: dict[str, Who] = {}
        self.api = Api(self.board, lambda token: self.people.get(token) or self.access.identify(token))
        self._run = asyncio.create_task(self.controller.run(), name="controller")
        self._decides = asyncio.create_task(dispatcher.run(), name="dispatcher")
        supervision = Supervision(self.controller, self.access, self.audit)
        self._supervises = asyncio.create_task(supervision.run(), name="supervision")
        self._listens = asyncio.create_task(self.hub.run(), name="stream")

    def _take_found(self) -> Counter[Outcome]:
        found, self.found = self.found, Counter()
        return found

    async def _room(self) -> int:
        return 1 << 40

    async def _recording(self, call: CallId) -> Attachment | None:
        return self.recordings.get(call)

    def is_connected(self) -> bool:
        return self.controller.ari is not None

    async def get(self, path: str, **query: Any) -> Any:
        return await self._asked("GET", path, query, HTTPStatus.OK)

    async def post(self, path: str, **given: Any) -> Any:
        return await self._asked("POST", path, given, HTTPStatus.OK)

    async def post_when_ready(self, path: str, **given: Any) -> Any:
        """The same, once the controller is connected."""
        await eventually(self.is_connected, within=60)
        return await self.post(path, **given)

    async def refused(self, method: str, path: str, status: HTTPStatus, **given: Any) -> str:
        value = await self._asked(method, path, given, status)
        return str(value["error"])

    async def ask(self, method: str, path: str, given: Any = None, *, token: str = "house") -> Answer:  # noqa: S107 - a name
        """`given` is the query of a GET, the body of all else."""
        query = tuple((name, str(value)) for name, value in (given or {}).items()) if method == "GET" else ()
        body = msgspec.json.encode(given) if given and method != "GET" else b""
        authorization = f"Bearer {token}" if token else ""
        return await self.api.answer(Request(method, path, query, authorization, "application/json", body))

    async def _asked(self, method: str, path: str, given: dict[str, Any], status: HTTPStatus) -> Any:
        answer = await self.ask(method, path, given)
        assert answer.status == status, answer
        return msgspec.json.decode(msgspec.json.encode(answer.value))

    async def closes(self) -> None:
        tasks = self._run, self._decides, self._supervises, self._listens
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
