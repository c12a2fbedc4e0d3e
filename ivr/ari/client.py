"""The connection to one Asterisk: requests out, replies and events in, over one websocket; lists over HTTP.

Requests are pipelined: Asterisk answers them one after another, in order.  One reader task, which never awaits a call.
Events may overtake the reply to the request that caused them: open the mailbox, then send.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from http import HTTPStatus
from typing import Any

import msgspec

from ivr.ari import models
from ivr.ari.events import Mailbox, Post
from ivr.ari.frames import Headline, Parameter, Request, decode, encode, reason
from ivr.ari.scope import Scope
from ivr.ari.vitals import Ended, Vitals
from ivr.edge.protocols import Link, Wire
from ivr.errors import AriError, Conflict, ConnectionLost, Deaf, Gone, HotlineError, Precondition, Replaced, ari_error
from routing.ids import Instant

log = logging.getLogger(__name__)

EVENTS = (
    "ApplicationReplaced",
    "ChannelDestroyed",
    "ChannelDtmfReceived",
    "ChannelHangupRequest",
    "ChannelHold",
    "ChannelUnhold",
    "ChannelUserevent",
    "PlaybackFinished",
    "StasisEnd",
    "StasisStart",
)
"""What a call needs to know; each event costs Asterisk and us CPU."""

STATUS = "asterisk/info?only=status"

ECHO = "events/user/echo"
ECHO_WITHIN_S = 2.0  # it takes 1 ms; whoever is deaf meanwhile sees nobody hang up

DEADLINE_S = 5.0  # no reply by then: Asterisk is deaf, or we are; a reply takes about 1 ms

TICK_S = 0.001

SETTLE_S = 1.0  # a refused request on a channel that is leaving: its StasisEnd follows within this time

REMEMBERED = 4096  # channels that have ended: more than end while a list is fetched

LAST = (models.StasisEnd, models.ChannelDestroyed)

Query = Mapping[str, str | int]


class Lists(msgspec.Struct, frozen=True):
    """What lives in Asterisk."""

    channels: tuple[models.Channel, ...]
    bridges: tuple[models.Bridge, ...]


class Counts(msgspec.Struct):
    """What this connection has cost so far."""

    requests: int = 0
    awaited: int = 0
    events: int = 0
    unknown: int = 0


class Pending(msgspec.Struct, gc=False):
    """A request without its reply; `reply` is None when nobody waits for it, but `refused` may be told of a refusal."""

    request: str
    deadline: float
    reply: asyncio.Future[models.RESTResponse] | None
    refused: Callable[[AriError], None] | None = None


class Ari:
    """A live connection; made by `connect`."""

    def __init__(self, wire: Wire, link: Link, app: str) -> None:
        self.app = app
        self.counts = Counts()
        self._wire = wire
        self._link = link
        self._loop = asyncio.get_running_loop()
        self._pending: dict[str, Pending] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self.when_deaf: Callable[[Deaf], None] = lambda _deaf: None
        """Who ends the connection when Asterisk answers nothing on it."""
        self._over: HotlineError | None = None
        self._echo = asyncio.Event()
        self._post = Post(self._arrived)
        self._vitals: dict[str, Vitals] = {}
        self._recent: dict[str, Ended] = {}
        self._arrivals: deque[models.StasisStart] = deque()
        self._arrival = asyncio.Event()

    # --- requests

    async def request(self, method: str, path: str, *, query: Query | None = None, body: Any = None) -> Any:
        """Ask, wait for the reply, and return its JSON, None if it has none.

        `path` has no leading slash: `channels/ID/answer`.  Raises the `AriError` that stands for the reply's status,
        `ConnectionLost`; `Deaf` without a reply, and the connection ends with it.
        """
        self.counts.awaited += 1
        future: asyncio.Future[models.RESTResponse] = self._loop.create_future()
        request = self._ask(method, path, query, body, future)
        reply = await future
        if reply.status_code >= HTTPStatus.BAD_REQUEST:
            raise ari_error(request, reply.status_code, reason(reply))
        return msgspec.json.decode(reply.message_body) if reply.message_body else None

    async def originate(self, channel: str, query: Query, body: Any = None) -> None:
        """Dial a channel, and hear of it from now on.

        Of one that is dialled into the dialplan nothing is told before it enters our application, so it is asked for in
        the same breath: the other side's refusal may come a millisecond later.
        """
        self.counts.awaited += 1
        future: asyncio.Future[models.RESTResponse] = self._loop.create_future()
        request = self._ask("POST", f"channels/{channel}", query, body, future)
        if "app" not in query:
            self.send("POST", f"applications/{self.app}/subscription", query={"eventSource": f"channel:{channel}"})
        reply = await future
        if reply.status_code >= HTTPStatus.BAD_REQUEST:
            raise ari_error(request, reply.status_code, reason(reply))

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Any = None,
        refused: Callable[[AriError], None] | None = None,
    ) -> None:
        """Ask and do not wait: what comes back is logged if it is a surprise.  Without effect on a lost connection.

        `refused` is told, by the reader, should Asterisk say no.
        """
        try:
            self._ask(method, path, query, body, None, refused)
        except ConnectionLost:
            log.debug("%s %s: not sent, no connection", method, path)

    def _ask(
        self,
        method: str,
        path: str,
        query: Query | None,
        body: Any,
        reply: asyncio.Future[models.RESTResponse] | None,
        refused: Callable[[AriError], None] | None = None,
    ) -> str:
        if self._over is not None:  # what a leaving scope undoes stays: the next life finds it and goes on with it
            raise ConnectionLost(str(self._over))
        self.counts.requests += 1
        request = f"{method} {path}"
        number = str(self.counts.requests)
        frame = Request(
            number,
            method,
            path,
            [Parameter(name, str(value)) for name, value in query.items()] if query else None,
            "application/json" if body is not None else None,
            encode(body).decode() if body is not None else None,
        )
        self._link.send(encode(frame).decode())
        self._pending[number] = Pending(request, self._loop.time() + DEADLINE_S, reply, refused)
        if self._sweep is None:
            self._sweep = self._loop.call_later(DEADLINE_S, self._expire)
        return request

    def _expire(self) -> None:
        """End a connection whose oldest request is over its deadline: Asterisk does one after another on a socket.

        A new socket has a thread of its own there, and every call is entered anew; whatever is asked of this one is
        asked of nobody.
        """
        self._sweep = None
        oldest = next(iter(self._pending.values()), None)
        if oldest is None:
            return
        if oldest.deadline > self._loop.time() + TICK_S:  # a timer may come a tick early
            self._sweep = self._loop.call_at(oldest.deadline, self._expire)
            return
        deaf = Deaf(oldest.request, DEADLINE_S)
        self.when_deaf(deaf)
        self._lost(deaf)

    async def lists(self) -> Lists:
        """The channels and bridges in Asterisk now, over HTTP: as a frame, a long list crashes it.

        Channels that ended while the list was on its way are left out; one that ends afterwards has ended for whoever
        makes a handle of it even then.
        """
        channels = msgspec.convert(await self._wire.fetch("channels"), tuple[models.Channel, ...])
        bridges = msgspec.convert(await self._wire.fetch("bridges"), tuple[models.Bridge, ...])
        return Lists(tuple(channel for channel in channels if channel.id not in self._recent), bridges)

    async def began(self) -> Instant:
        """When this Asterisk was started: no channel of an earlier one is left."""
        info = await self._wire.fetch(STATUS)
        return Instant(round(datetime.fromisoformat(info["status"]["startup_time"]).timestamp() * 1000))

    async def echo(self) -> None:
        """Have an event of our own sent to us: the only proof that others come.  Raises `Deaf` when it does not.

        A socket of our application that has closed is torn down late when Asterisk is busy, and takes the registration
        of the next one with it: whose requests are answered, and `GET applications` lists us while a call is there.
        """
        self._echo.clear()
        try:
            await self.request("POST", ECHO, query={"application": self.app})
            async with asyncio.timeout(ECHO_WITHIN_S):
                await self._echo.wait()
        except (Gone, TimeoutError) as error:
            raise Deaf(f"POST {ECHO}", ECHO_WITHIN_S, "event") from error

    async def endpoints(self) -> tuple[models.Endpoint, ...]:
        """Every seat and trunk, over HTTP: whether it is there."""
        return msgspec.convert(await self._wire.fetch("endpoints/PJSIP"), tuple[models.Endpoint, ...])

    # --- events

    @contextmanager
    def mailbox(self, name: str, *more: str) -> Iterator[Mailbox]:
        """A mailbox for the events that name this channel, bridge or playback, or one of `more`."""
        ids = (name, *more)
        box = Mailbox(name)
        self._post.open(box, ids)
        try:
            yield box
        finally:
            self._post.close(box, ids)

    async def arrivals(self) -> AsyncIterator[models.StasisStart]:
        """Channels that enter Stasis and of which no handle has been made, watched from that moment.

        Each of them must be taken by making a `Channel` of it.
        """
        while True:
            while self._arrivals:
                start = self._arrivals.popleft()
                if not self.vitals(start.channel.id).claimed:
                    yield start
            self._arrival.clear()
            await self._arrival.wait()

    def vitals(self, channel: str) -> Vitals:
        """What is known of a channel; watched from the first time that somebody asks until it has ended."""
        vitals = self._vitals.get(channel)
        if vitals is None:
            vitals = Vitals(channel, self)
            if channel in self._recent:
                vitals.end(self._recent[channel])
                return vitals
            self._vitals[channel] = vitals
            self._post.open(vitals, (channel,))
            vitals.on_end(lambda ended: self._forget(vitals, ended))
        return vitals

    def has_ended(self, channel: str) -> bool:
        """Whether we were told that a channel has ended, which a list may name for a moment longer."""
        return channel in self._recent

    def _forget(self, vitals: Vitals, ended: Ended) -> None:
        """A channel has ended: remember that for a while, and nothing else."""
        del self._vitals[vitals.id]
        self._post.close(vitals, (vitals.id,))
        self._recent[vitals.id] = ended
        while len(self._recent) > REMEMBERED:
            del self._recent[next(iter(self._recent))]

    def _arrived(self, start: models.StasisStart) -> None:
        self._recent.pop(start.channel.id, None)  # one that the dialplan had in between
        self.vitals(start.channel.id).started.set()
        self._arrivals.append(start)
        self._arrival.set()

    def look_for(self, vitals: Vitals) -> None:
        """Find out whether a channel that left Stasis was hung up, without keeping the reader waiting."""
        future: asyncio.Future[models.RESTResponse] = self._loop.create_future()

        def told(reply: asyncio.Future[models.RESTResponse]) -> None:
            if not reply.cancelled() and reply.exception() is None:
                vitals.end(Ended(hung_up=reply.result().status_code == HTTPStatus.NOT_FOUND, cause=vitals.cause))

        future.add_done_callback(told)
        try:
            self._ask("GET", f"channels/{vitals.id}", None, None, future)
        except ConnectionLost:
            log.debug("channel %s left, and so did the connection", vitals.id)

    def settle(self, vitals: Vitals) -> None:
        """Set the variables that had to wait until nothing plays on the channel."""
        waiting, vitals.waiting = vitals.waiting, {}
        self.assign(vitals.id, waiting)

    def assign(self, channel: str, variables: Mapping[str, str]) -> None:
        """Set channel variables, functions that can be written among them.  Not awaited."""

        def refused(error: AriError) -> None:
            self._loop.call_later(SETTLE_S, self._unassigned, channel, error)

        self.send("POST", f"channels/{channel}/variables", body={"variables": variables}, refused=refused)

    def _unassigned(self, channel: str, error: AriError) -> None:
        """Asterisk says 400 of a channel that is just leaving; of one that has stayed it is a surprise."""
        if self._over is None and channel in self._vitals:
            log.warning("%s", error)

    # --- the reader

    async def read(self) -> None:
        """Read frames until the connection ends with `ConnectionLost` or `Replaced`; everybody is told."""
        try:
            while True:
                self._take(await self._link.receive())
        except HotlineError as error:
            self._lost(error)
            raise

    def _take(self, frame: str | bytes) -> None:
        try:
            event = decode(frame)
        except msgspec.DecodeError as error:
            self._unreadable(frame, error)
            return
        if type(event) is models.RESTResponse:
            self._replied(event)
            return
        if type(event) is models.ChannelUserevent:
            self._echo.set()
            return
        self.counts.events += 1
        if type(event) is models.ApplicationReplaced:
            raise Replaced(f"another controller has taken the application {self.app!r} at {event.timestamp}")
        self._post.deliver(event)
        if type(event) in LAST and event.channel.id not in self._vitals:
            self._recent.setdefault(event.channel.id, Ended(hung_up=True))  # nobody watched it

    def _replied(self, reply: models.RESTResponse) -> None:
        pending = self._pending.pop(reply.request_id, None)
        if pending is None:
            log.warning("a reply came late: %s %s", reply.uri, reply.status_code)
        elif pending.reply is not None:
            if not pending.reply.done():
                pending.reply.set_result(reply)
        elif reply.status_code >= HTTPStatus.BAD_REQUEST:
            self._found_gone(pending.request, reply.status_code)
            error = ari_error(pending.request, reply.status_code, reason(reply))
            if pending.refused is not None:
                pending.refused(error)
            usual = isinstance(error, Gone | Conflict | Precondition) or pending.refused is not None
            log.log(logging.DEBUG if usual else logging.WARNING, "%s", error)

    def _found_gone(self, request: str, status: int) -> None:
        """404 for a channel on a request that nobody awaits: it has ended, or was never made; no event tells of it."""
        kind, _, name = request.partition(" ")[2].partition("/")
        vitals = self._vitals.get(name.partition("/")[0])
        if status == HTTPStatus.NOT_FOUND and kind == "channels" and vitals is not None:
            vitals.end(Ended(hung_up=True, cause=vitals.cause))

    def _unreadable(self, frame: str | bytes, error: msgspec.DecodeError) -> None:
        self.counts.unknown += 1
        try:
            kind = msgspec.json.decode(frame, type=Headline).type
        except msgspec.DecodeError:
            kind = "no JSON"
        log.warning("a frame that cannot be read, %r: %s", kind, error)  # the caller's number is among what it says
        log.debug("%.500s", frame)

    def _lost(self, error: HotlineError) -> None:
        self._over = error
        if self._sweep is not None:
            self._sweep.cancel()
        pending, self._pending = self._pending, {}
        for request in pending.values():
            if request.reply is not None and not request.reply.done():
                request.reply.set_exception(error)
                request.reply.exception()  # nobody may be waiting any more
        self._post.lost(error)

    async def listen_to(self, events: tuple[str, ...]) -> None:
        """Let only these events through.  RESTResponse must be among them, or every reply vanishes."""
        allowed = [{"type": name} for name in (*events, "RESTResponse")]
        await self.request("PUT", f"applications/{self.app}/eventFilter", body={"allowed": allowed})


@asynccontextmanager
async def connect(wire: Wire, app: str = "hotline", events: tuple[str, ...] = EVENTS) -> AsyncIterator[Ari]:
    """A connection, registered, filtered, and on which events come.

    When the socket ends, the body is cancelled and the block leaves with `ConnectionLost`; when another controller
    takes the application, with `Replaced`.  Leaving it touches nothing in Asterisk: calls live on there.
    """
    async with wire.open(app) as link:
        ari = Ari(wire, link, app)
        scope = Scope()

        def over(reader: asyncio.Task[None]) -> None:
            if not reader.cancelled() and (error := reader.exception()) is not None:
                scope.end(error if isinstance(error, Exception) else ConnectionLost(repr(error)))

        # Not in a TaskGroup: it would wrap whatever the body raises.  The block owns the task.
        reader = asyncio.get_running_loop().create_task(ari.read(), name=f"ari:{app}")
        reader.add_done_callback(over)
        ari.when_deaf = scope.end
        try:
            async with scope:
                await ari.listen_to(events)
                await ari.echo()
                yield ari
        finally:
            reader.cancel()
            await asyncio.wait({reader})
