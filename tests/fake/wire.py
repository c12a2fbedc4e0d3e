"""The fake's end of the wire: a life of the controller, its link, and the death of both."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from ivr.edge.protocols import Link
from ivr.errors import ConnectionLost, ari_error

if TYPE_CHECKING:
    from tests.fake.asterisk import FakeAsterisk

ECHO = "events/user/echo"
"""The only request that does nothing to anybody: a life that is killed at it is killed at the one before or after."""

A_MICROSECOND = 1e-6
"""Between frames of one stream: timers of one moment ring in any order."""

PHONES = "endpoints/PJSIP"

Effect = Callable[[Callable[[int, Any], None]], None]
"""Does a request, and hands status and JSON to its argument: at once, or when what it waits for is over."""


class Life:
    """One process of the controller: a `Wire` that can be killed, dropped or frozen.  The world lives on.

    Every request but an echo, and every list but that of phones, looked at every 2 s, counts two strikes: one before
    its effect, one after it and before the reply.  At strike `kill_at` the life is dead: nothing that it sends has an
    effect any more, all that it waits for never comes.
    """

    def __init__(self, fake: "FakeAsterisk", kill_at: int | None = None) -> None:
        self._fake = fake
        self._kill_at = kill_at
        self.strikes = 0
        self.killed = asyncio.Event()
        self.awake = asyncio.Event()
        self.awake.set()
        self.links: list[FakeLink] = []

    @property
    def dead(self) -> bool:
        return self.killed.is_set()

    def kill(self) -> None:
        """As by `kill -9`: Asterisk sees the sockets close, we see nothing any more."""
        self.killed.set()
        for link in self.links:
            self._fake.applications.unregister(link)

    def drop(self) -> None:
        """The sockets break; the controller lives and learns of it."""
        for link in tuple(self.links):
            self._fake.applications.unregister(link)
            link.breaks()

    def freeze(self) -> None:
        """The controller hangs: it keeps its socket, reads nothing and says nothing until `thaw`."""
        self.awake.clear()
        for link in self.links:
            link.frozen = True

    def thaw(self) -> None:
        self.awake.set()
        for link in self.links:
            link.frozen = False
            link.move()

    def strike(self) -> bool:
        """Count a strike; whether the life is over."""
        if not self.dead:
            self.strikes += 1
            if self.strikes == self._kill_at:
                self.kill()
        return self.dead

    async def _here(self) -> None:
        """A life that was killed goes no further, one that hangs not before it is thawed."""
        await self.awake.wait()
        if self.dead:
            await asyncio.get_running_loop().create_future()

    def open(self, app: str) -> AbstractAsyncContextManager[Link]:
        return self._open(app)

    @asynccontextmanager
    async def _open(self, app: str) -> AsyncIterator[Link]:
        await asyncio.sleep(self._fake.delay())
        await self._here()
        if self._fake.down:
            raise ConnectionLost("the fake is down")
        link = FakeLink(self._fake, self, app)
        self.links.append(link)
        self._fake.applications.register(link)
        try:
            yield link
        finally:
            if not self.dead:
                self.links.remove(link)
                self._fake.applications.unregister(link)
                link.breaks()

    async def fetch(self, path: str) -> Any:
        counts = path != PHONES
        await asyncio.sleep(self._fake.delay())
        if counts:
            self.strike()
        await self._here()
        if self._fake.down:
            raise ConnectionLost("the fake is down")
        found = self._fake.listing(path)
        if counts:
            self.strike()
        await asyncio.sleep(self._fake.delay())
        await self._here()
        if found is None:
            raise ari_error(f"GET {path}", 404, "no such list")
        return found


class FakeLink:
    """One websocket: requests are done one after another, and one that waits holds up all behind it."""

    def __init__(self, fake: "FakeAsterisk", life: Life, app: str) -> None:
        self.app = app
        self.life = life
        self.frozen = False
        self._fake = fake
        self._requests: deque[str] = deque()
        self._busy = False
        self._inbox: deque[bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._broken = False
        self._last: dict[str, float] = {}

    # --- the controller's side

    def send(self, frame: str) -> None:
        if self._broken:
            raise ConnectionLost("the fake link is broken")
        if not self.life.dead:
            self._requests.append(frame)
            self.move()

    async def receive(self) -> str | bytes:
        while self.life.dead or self.frozen or not self._inbox:
            if self._broken and not self.life.dead:
                raise ConnectionLost("the fake link is broken")
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._inbox.popleft()

    # --- Asterisk's side

    def breaks(self) -> None:
        self._broken = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def move(self) -> None:
        """Take the next request, if none is under way."""
        if self.frozen:
            return
        if self._inbox:
            self._wake()
        if not self._busy and self._requests:
            self._busy = True
            self._fake.loop.call_later(self._fake.delay(), self._do)

    def _do(self) -> None:
        request = msgspec.json.decode(self._requests[0])
        counts = request["uri"] != ECHO
        if self._broken or (self.life.strike() if counts else self.life.dead):
            return
        self._requests.popleft()

        def replied(status: int, body: Any = None) -> None:
            if self.life.strike() if counts else self.life.dead:
                return
            self._busy = False
            if status:
                reply = {
                    "type": "RESTResponse",
                    "transaction_id": "",
                    "request_id": request["request_id"],
                    "status_code": status,
                    "reason_phrase": "",
                    "uri": request["uri"],
                }
                if body is not None:
                    reply["message_body"] = msgspec.json.encode(body).decode()
                if self._fake.applications.hears(self.app, "RESTResponse"):
                    self.deliver("reply", reply)
            self.move()

        self._fake.perform(request, replied)

    def deliver(self, stream: str, frame: dict[str, Any]) -> None:
        """Bring a frame to the controller: late by chance, in order within its stream."""
        if self._broken or self.life.dead:
            return
        at = max(self._fake.loop.time() + self._fake.delay(), self._last.get(stream, 0.0) + A_MICROSECOND)
        self._last[stream] = at
        data = msgspec.json.encode(frame)
        self._fake.loop.call_at(at, self._arrive, data)

    def _arrive(self, data: bytes) -> None:
        if not self._broken:
            self._inbox.append(data)
            if not self.frozen:
                self._wake()
