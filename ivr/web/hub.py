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
from typing import Any, NamedTuple

import msgspec

from ivr.app import Controller
from ivr.watch import Watch
from ivr.web import views
from ivr.web.access import Access
from ivr.web.looks import Delta, Everything, Looks, People
from ivr.web.rights import SUPERVISORS, WATCHERS, Who
from ivr.web.views import ShownTalk
from routing.ids import AgentId, CallId

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


class Over(msgspec.Struct, frozen=True, tag_field="event", tag="over"):
    """The last event of a reader who is let go, with the reason."""

    why: str


Event = Everything | Delta | Over


class Whose(msgspec.Struct, frozen=True):
    """Whose something was, and whose it is: the agents of each call."""

    before: People
    after: People


class News(msgspec.Struct, frozen=True):
    """A delta with its number, the talks of it as agents may see them, and whose calls and talks it is about."""

    n: int
    delta: Delta
    own: Mapping[str, ShownTalk | None]
    calls: Whose
    talks: Whose


class Sight(NamedTuple):
    """What somebody may see: all calls and marked numbers; all talks, and who listens; else what is of this agent."""

    calls: bool
    talks: bool
    agent: AgentId | None


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

    def __init__(self, controller: Controller, access: Access, watch: Watch) -> None:
        self._controller = controller
        self._watch = watch
        self._access = access
        self._life = controller.service.clock.instant()
        self._readers: list[Reader] = []
        self._wanted = asyncio.Event()
        self._news: deque[News] = deque(maxlen=KEPT)
        self._n = 0
        self._looks = Looks(controller, watch)

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
        self._looks = Looks(self._controller, self._watch)
        self._news.clear()
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
                piece = b"".join(reader.frames) or b":\n\n"
                reader.frames.clear()  # before it is taken: what is told meanwhile waits for the next piece
                reader.has_news.clear()
                yield piece
            yield _frame("", Over(reader.over))
        finally:
            self._readers.remove(reader)
            if not self._readers:
                self._wanted.clear()

    # --- looking

    def look(self) -> None:
        """Take in what has changed since the last look, as one delta."""
        looks = self._looks
        people, talkers = dict(looks.people), dict(looks.talkers)
        found = looks.look(self._controller.service.clock.instant())
        if found is not None:
            self._n += 1
            news = News(self._n, *found, Whose(people, dict(looks.people)), Whose(talkers, dict(looks.talkers)))
            self._news.append(news)
            self._tell(news)

    # --- telling

    def _tell(self, news: News) -> None:
        frames: dict[Sight, bytes] = {}
        for reader in self._readers:
            sight = _sight(reader.who)
            if sight.agent is not None and not _concerns(news, sight.agent):
                sight = sight._replace(agent=None)  # one frame for all whom nothing of it concerns
            if sight not in frames:
                frames[sight] = self._numbered(news.n, _seen(news, sight))
            reader.tell(frames[sight])

    def _beginning(self, who: Who, last: str) -> Iterator[bytes]:
        """What somebody has missed; or all there is, when that cannot be told."""
        life, _, number = last.partition("-")
        is_ours = life == str(self._life) and number.isascii() and number.isdigit()
        if is_ours and self._n - len(self._news) <= int(number) <= self._n:
            for news in self._news:
                if news.n > int(number):
                    yield self._numbered(news.n, _seen(news, _sight(who)))
            return
        yield self._numbered(self._n, self._everything(_sight(who)))

    def _everything(self, sight: Sight) -> Everything:
        looks, now = self._looks, self._controller.service.clock.instant()
        whole = looks.everything(now)
        if not sight.calls:
            calls = {call: each for call, each in whole.calls.items() if sight.agent in looks.people[CallId(call)]}
            whole = msgspec.structs.replace(whole, calls=calls, nuisances={})
        if not sight.talks:
            own = (call for call, agents in looks.talkers.items() if sight.agent in agents)
            talks = {call: views.talk(looks.unsupervised[call], now) for call in own}
            whole = msgspec.structs.replace(whole, talks=talks)
        return whole

    def _numbered(self, n: int, event: Event) -> bytes:
        return _frame(f"{self._life}-{n}", event)


def _sight(who: Who) -> Sight:
    return Sight(bool(who.roles & WATCHERS), bool(who.roles & SUPERVISORS), who.agent)


def _concerns(news: News, agent: AgentId) -> bool:
    """Whether anything of it is this agent's own, or was."""
    return any(
        agent in sides.get(CallId(call), ())
        for changed, whose in ((news.delta.calls, news.calls), (news.own, news.talks))
        for sides in (whose.before, whose.after)
        for call in changed
    )


def _seen(news: News, sight: Sight) -> Delta:
    """A delta as somebody may see it: the floor, and the calls and talks that they are in, but for all who see all."""
    delta = news.delta
    if not sight.calls:
        delta = msgspec.structs.replace(delta, calls=_own(delta.calls, news.calls, sight.agent), nuisances={})
    if not sight.talks:
        delta = msgspec.structs.replace(delta, talks=_own(news.own, news.talks, sight.agent))
    return delta


def _own(values: Mapping[str, Any], whose: Whose, agent: AgentId | None) -> dict[str, Any]:
    """Those of which the agent is; what was theirs is gone."""
    own: dict[str, Any] = {}
    for call, value in values.items():
        if agent in whose.after.get(CallId(call), ()):
            own[call] = value
        elif agent in whose.before.get(CallId(call), ()):
            own[call] = None
    return own


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
