"""The push stream: the floor as it is, then what changes of it, numbered; whoever was away goes on from their number.

It is server-sent events and no websocket: everything goes one way, orders are operations of their own; a browser
reconnects by itself and names the last event it has; and each frame is a line that `curl` shows.

Nothing tells the hub of changes: it looks, some times a second, and only while somebody listens, at what has been
written since.  So no call ever waits for a desk.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from ivr.app import Controller
from ivr.web import views
from ivr.web.access import Access
from ivr.web.rights import WATCHERS, Who
from ivr.web.views import LivingCall, ShownAgent, ShownTicket
from routing.config import Config
from routing.ids import AgentId, CallId, Instant

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.1
"""How late a desk may hear of something."""

LOOK_AFTER_FAULT_S = 5.0
LOAD = 20
"""After a look the hub rests at least so many times as long as the look took."""

KEPT, BEHIND_MOST = 300, 500
"""Deltas for those who come back, who has missed more is given everything anew; and frames that wait for one reader,
who is further behind is let go."""


ALIVE_EVERY_S = 15.0
"""A reader with no news is sent an empty line so often: both sides notice when the other has gone."""

TOO_SLOW = "you read too slowly: come back with the number of the last event"
BEGIN_ANEW = "something could not be told: come back for everything"
SIGNED_OUT = "this token counts no more"


class Everything(msgspec.Struct, frozen=True, tag_field="event", tag="snapshot"):
    """The floor now, by id; `at` is the instant to which `for_ms` and `waits_ms` refer."""

    at: Instant
    agents: Mapping[str, ShownAgent]
    queue: Mapping[str, ShownTicket]
    calls: Mapping[str, LivingCall]


class Delta(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="event", tag="delta"):
    """What is other than before: each value takes the place of the one before; null: it is gone."""

    at: Instant
    agents: Mapping[str, ShownAgent | None] = {}
    queue: Mapping[str, ShownTicket | None] = {}
    calls: Mapping[str, LivingCall | None] = {}


class Over(msgspec.Struct, frozen=True, tag_field="event", tag="over"):
    """The last event of a reader who is let go, with the reason."""

    why: str


Event = Everything | Delta | Over

People = Mapping[str, tuple[AgentId, ...]]
"""Call -> the agents who are in it."""


class News(msgspec.Struct, frozen=True):
    """A delta with its number, and whose calls it is about: before it, and after."""

    n: int
    delta: Delta
    before: People
    after: People


class Reader:
    """Somebody who listens."""

    def __init__(self, who: Who) -> None:
        self.who = who
        self.frames: deque[bytes] = deque()
        self.has_news = asyncio.Event()
        self.over = ""

    def tell(self, frame: bytes) -> None:
        """Queue a frame; who is too far behind is told so instead."""
        if len(self.frames) >= BEHIND_MOST:
            self.end(TOO_SLOW)
        else:
            self.frames.append(frame)
            self.has_news.set()

    def end(self, why: str) -> None:
        """Let them go."""
        self.frames.clear()
        self.over = why
        self.has_news.set()


class Hub:
    """Looks at the floor and tells all who listen."""

    def __init__(self, controller: Controller, access: Access) -> None:
        self._controller = controller
        self._access = access
        self._life = controller.service.clock.instant()
        self._readers: list[Reader] = []
        self._wanted = asyncio.Event()
        self._news: deque[News] = deque(maxlen=KEPT)
        self._n = 0
        self._seen: Any = None
        self._config: Config | None = None
        self._agents: dict[AgentId, Any] = {}
        self._queue: dict[CallId, Any] = {}
        self._calls: dict[CallId, tuple[int, tuple[AgentId, ...]]] = {}
        self._people: dict[str, tuple[AgentId, ...]] = {}

    @property
    def readers(self) -> int:
        """How many listen."""
        return len(self._readers)

    async def run(self) -> None:
        """Look and tell, for ever; sleep while nobody listens."""
        clock = asyncio.get_running_loop().time
        while True:
            await self._wanted.wait()
            began = clock()
            try:
                self.look()
            except Exception:  # whatever cannot be shown, calls go on
                log.exception("the stream cannot tell what there is")
                self._forget()
                await asyncio.sleep(LOOK_AFTER_FAULT_S)
            for reader in self._readers:
                if not self._access.stands(reader.who):
                    reader.end(SIGNED_OUT)
            await asyncio.sleep(max(LOOK_EVERY_S, LOAD * (clock() - began)))

    def _forget(self) -> None:
        """After a fault nobody knows what has been told: all begin anew."""
        self._n += 1
        self._seen = self._config = None
        for known in (self._news, self._agents, self._queue, self._calls, self._people):
            known.clear()
        for reader in self._readers:
            reader.end(BEGIN_ANEW)

    async def frames(self, who: Who, last: str) -> AsyncGenerator[bytes, None]:
        """What one reader is sent, from the event behind `last` on; ends when they are let go."""
        self.look()
        reader = Reader(who)
        for frame in self._beginning(who, last):
            reader.tell(frame)
        self._readers.append(reader)
        self._wanted.set()
        try:
            while not reader.over:
                with suppress(TimeoutError):
                    async with asyncio.timeout(ALIVE_EVERY_S):
                        await reader.has_news.wait()
                yield b"".join(reader.frames) or b":\n\n"
                reader.frames.clear()
                if not reader.over:
                    reader.has_news.clear()
            yield _frame("", Over(reader.over))
        finally:
            self._readers.remove(reader)
            if not self._readers:
                self._wanted.clear()

    # --- looking

    def look(self) -> None:
        """Take in what has changed since the last look, as one delta."""
        controller, service = self._controller, self._controller.service
        seen = (service.journal.seq, len(controller.register.ledgers))
        if seen == self._seen and service.config is self._config:
            return
        now, before = service.clock.instant(), dict(self._people)
        delta = Delta(now, self._look_at_agents(now), self._look_at_queue(now), self._look_at_calls(now))
        self._seen, self._config = seen, service.config
        if delta.agents or delta.queue or delta.calls:
            self._n += 1
            news = News(self._n, delta, before, dict(self._people))
            self._news.append(news)
            self._tell(news)

    def _look_at_agents(self, now: Instant) -> dict[str, ShownAgent | None]:
        service = self._controller.service
        there = {view.agent: view for view in service.dispatcher.agents()}
        present: dict[AgentId, Any] = {id_: there.get(id_) for id_ in {**service.config.site.agents, **there}}
        is_same = service.config is self._config
        told: dict[str, ShownAgent | None] = {id_: None for id_ in self._agents if id_ not in present}
        for id_, view in present.items():
            if not is_same or id_ not in self._agents or self._agents[id_] != view:
                told[id_] = views.agent(service.config, id_, view, now)
        self._agents = present
        return told

    def _look_at_queue(self, now: Instant) -> dict[str, ShownTicket | None]:
        service, ledgers = self._controller.service, self._controller.register.ledgers
        present: dict[CallId, Any] = {CallId(view.ticket): view for view in service.dispatcher.waiting()}
        told: dict[str, ShownTicket | None] = {call: None for call in self._queue if call not in present}
        changed = [view for call, view in present.items() if self._queue.get(call) != view]
        told.update((ticket.call, ticket) for ticket in views.queue(changed, ledgers, now))
        self._queue = present
        return told

    def _look_at_calls(self, now: Instant) -> dict[str, LivingCall | None]:
        ledgers = views.arrived(self._controller.register.ledgers)
        held: dict[str, list[AgentId]] = {}
        for view in self._controller.service.dispatcher.agents():
            if view.ticket is not None:
                held.setdefault(view.ticket, []).append(view.agent)
        present = {call: (ledger.writes, tuple(held.get(call, ()))) for call, ledger in ledgers.items()}
        told: dict[str, LivingCall | None] = {call: None for call in self._calls if call not in present}
        for call in told:
            del self._people[call]
        for call, mark in present.items():
            if self._calls.get(call) != mark:
                told[call] = views.living(ledgers[call], now)
                self._people[call] = (*mark[1], *views.inside(ledgers[call]))
        self._calls = present
        return told

    # --- telling

    def _tell(self, news: News) -> None:
        frames: dict[AgentId | None, bytes] = {}
        whole = b""
        for reader in self._readers:
            if reader.who.roles & WATCHERS:
                whole = whole or self._numbered(news.n, news.delta)
                reader.tell(whole)
                continue
            agent = reader.who.agent
            if agent not in frames:
                frames[agent] = self._numbered(news.n, _own(news, agent))
            reader.tell(frames[agent])

    def _beginning(self, who: Who, last: str) -> Iterator[bytes]:
        """What somebody has missed; or all there is, when that cannot be told."""
        life, _, number = last.partition("-")
        is_ours = life == str(self._life) and number.isascii() and number.isdigit()
        if is_ours and self._n - len(self._news) <= int(number) <= self._n:
            for news in self._news:
                if news.n > int(number):
                    is_all = bool(who.roles & WATCHERS)
                    yield self._numbered(news.n, news.delta if is_all else _own(news, who.agent))
            return
        yield self._numbered(self._n, self._everything(who))

    def _everything(self, who: Who) -> Everything:
        service, ledgers = self._controller.service, self._controller.register.ledgers
        now = service.clock.instant()
        is_all = bool(who.roles & WATCHERS)
        return Everything(
            now,
            {id_: views.agent(service.config, id_, view, now) for id_, view in self._agents.items()},
            {ticket.call: ticket for ticket in views.queue(self._queue.values(), ledgers, now)},
            {
                call: views.living(ledgers[call], now)
                for call in self._calls
                if is_all or who.agent in self._people[call]
            },
        )

    def _numbered(self, n: int, event: Event) -> bytes:
        return _frame(f"{self._life}-{n}", event)


def _own(news: News, agent: AgentId | None) -> Delta:
    """A delta as an operator may see it: the floor, and the calls that they are in; one that was theirs is gone."""
    calls: dict[str, LivingCall | None] = {}
    for call, value in news.delta.calls.items():
        if agent in news.after.get(call, ()):
            calls[call] = value
        elif agent in news.before.get(call, ()):
            calls[call] = None
    return msgspec.structs.replace(news.delta, calls=calls)


def _frame(id_: str, event: Event) -> bytes:
    """A server-sent event; JSON has no line break in it."""
    name = type(event).__struct_config__.tag
    return b"".join(
        (
            f"id: {id_}\n".encode() if id_ else b"",
            f"event: {name}\ndata: ".encode(),
            msgspec.json.encode(event),
            b"\n\n",
        )
    )
