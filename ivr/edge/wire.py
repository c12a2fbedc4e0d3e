"""The wire to a real Asterisk: an inbound websocket for requests and events, plain HTTP for lists.  Loopback only."""

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Any, Self

import aiohttp

from ivr.edge.protocols import Link
from ivr.errors import ConnectionLost, ari_error

OPEN_WITHIN_S = 5.0
FLUSH_WITHIN_S = 1.0
FETCH_WITHIN_S = 10.0  # 2,000 channels take 24 ms
HEARTBEAT_S = 4.0  # of silence, then a ping; without a sign of life within half of that the socket is dead
LONGEST_FRAME = 4 * 1024 * 1024


class AsteriskLink:
    """One websocket.  Frames out are queued; a writer task hands them to the socket in order."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse[bool]) -> None:
        self._socket = websocket
        self._queue: deque[str] = deque()
        self._filled = asyncio.Event()
        self._heard = 0

    def send(self, frame: str) -> None:
        """Queue a text frame; never waits.  Raises `ConnectionLost` when the socket is known to have ended."""
        if self._socket.closed:
            raise ConnectionLost("the websocket to Asterisk is closed")
        self._queue.append(frame)
        self._filled.set()

    async def write(self) -> None:
        """Write what is queued, for ever."""
        while True:
            await self._filled.wait()
            await self.flush()

    async def flush(self) -> None:
        """Write what is queued now, in one packet: each wakes Asterisk.  An end of the socket the reader notices."""
        self._filled.clear()
        is_burst = len(self._queue) > 1
        with contextlib.suppress(OSError, aiohttp.ClientError):
            if is_burst:
                self._cork(1)
            while self._queue:
                await self._socket.send_str(self._queue.popleft())
            if is_burst:
                self._cork(0)

    def _cork(self, on: int) -> None:
        raw = self._socket.get_extra_info("socket")
        if raw is not None:  # None: it has ended
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, on)

    async def receive(self) -> str | bytes:
        """The next text frame.  Raises `ConnectionLost` when the socket has ended, for whatever reason."""
        while True:
            message = await self._socket.receive()
            self._heard += 1
            if message.type is aiohttp.WSMsgType.TEXT:
                frame: str | bytes = message.data
                return frame
            if message.type is aiohttp.WSMsgType.PING:
                await self._socket.pong(message.data)
            elif message.type is not aiohttp.WSMsgType.PONG:
                raise ConnectionLost(f"the websocket to Asterisk has ended: {message.type.name} {message.data!r:.200}")

    async def beat(self, every_s: float) -> None:
        """Ping a silent socket, and close one that stays silent, for ever.

        aiohttp has a heartbeat of its own, which sets its timer anew with each frame: a tenth of what a call costs us.
        """
        while True:
            heard = self._heard
            await asyncio.sleep(every_s)
            if self._heard != heard:
                continue
            with contextlib.suppress(OSError, aiohttp.ClientError):
                await self._socket.ping()
            for _ in range(2):  # if our own loop stood still, what came meanwhile is read in the second
                await asyncio.sleep(every_s / 4)
            if self._heard == heard:
                await self._socket.close(message=b"silent")


class AsteriskWire:
    """The way to the Asterisk at `address` (`127.0.0.1:8088`), as ARI user `user`; entered once."""

    def __init__(self, address: str, user: str, password: str, *, heartbeat_s: float = HEARTBEAT_S) -> None:
        self.address = address
        self._heartbeat_s = heartbeat_s
        self._headers = {"Authorization": aiohttp.encode_basic_auth(user, password)}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(f"http://{self.address}/ari/", headers=self._headers, trust_env=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The HTTP session, between entering and leaving."""
        if self._session is None:
            raise RuntimeError("a wire is used inside `async with`")
        return self._session

    def open(self, app: str) -> AbstractAsyncContextManager[Link]:
        """A websocket for the application `app`; entering raises `ConnectionLost` when there is none to be had."""
        return self._open(app)

    @asynccontextmanager
    async def _open(self, app: str) -> AsyncIterator[Link]:
        try:
            async with asyncio.timeout(OPEN_WITHIN_S):
                websocket = await self.session.ws_connect(
                    "events",
                    params={"app": app},
                    autoping=False,
                    max_msg_size=LONGEST_FRAME,
                    decode_text=False,
                )
        except aiohttp.WSServerHandshakeError as error:
            why = "Asterisk is still booting" if error.status == 503 else error.message  # noqa: PLR2004  # HTTP
            raise ConnectionLost(f"{self.address} refused the websocket: {error.status} {why}") from error
        except (OSError, aiohttp.ClientError) as error:
            raise ConnectionLost(f"{self.address}: no websocket: {error!r}") from error
        link = AsteriskLink(websocket)
        writer = asyncio.create_task(link.write(), name=f"ari:{app}:writer")
        heartbeat = asyncio.create_task(link.beat(self._heartbeat_s), name=f"ari:{app}:heartbeat")
        try:
            yield link
        finally:
            writer.cancel()
            heartbeat.cancel()
            for ending in (link.flush, websocket.close):  # what a leaving scope has sent; a deaf one takes nothing
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(FLUSH_WITHIN_S):
                        await ending()

    async def fetch(self, path: str) -> Any:
        """A list over HTTP, decoded JSON.  Raises `ConnectionLost` or `AriError`."""
        try:
            async with (
                asyncio.timeout(FETCH_WITHIN_S),
                self.session.get(path) as reply,
            ):
                if not reply.ok:
                    raise ari_error(f"GET {path}", reply.status, reply.reason or "")
                return await reply.json()
        except (OSError, aiohttp.ClientError) as error:
            raise ConnectionLost(f"{self.address}: GET {path}: {error!r}") from error
