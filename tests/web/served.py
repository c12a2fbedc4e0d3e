"""A simulated controller behind a real socket, in a thread of its own: whoever asks may block, as programs do."""

import asyncio
import socket
import threading
from typing import Self

from ivr.edge.http import serving
from tests.asterisk.waiting import eventually
from tests.calls.desk import Desk


class Served:
    """`with Served() as served: served.url`: agents at their seats, and citizens who talk and wait."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._loop = asyncio.new_event_loop()
        self._ready, self._over = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._lives(),))

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(20)
        self._loop.close()

    async def _lives(self) -> None:
        desk = Desk()
        for agent in ("1001", "1016"):
            desk.fake.seat(f"80{agent[2:]}", answers_after=0.1, talks=3600)
        async with serving(desk.api.answer, self.port):
            await eventually(desk.is_connected, 10)
            for agent in ("1001", "1016"):
                await desk.post(f"/agents/{agent}/sign-in")
            for n in range(4):
                desk.fake.dials("12345", after=0.1 + n / 10)
            self._ready.set()
            await self._over.wait()
        await desk.closes()
