"""A simulated controller behind a real socket, in a thread of its own: whoever asks may block, as programs do."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from typing import Self

from ivr.edge.http import serving
from routing.config import Config
from tests.asterisk.waiting import eventually
from tests.calls.desk import Desk
from tests.calls.simulated import CONFIG


async def talk_and_wait(desk: Desk) -> None:
    """Two agents at their seats, and four citizens."""
    for agent in ("1001", "1016"):
        desk.fake.seat(f"80{agent[2:]}", answers_after=0.1, talks=3600)
        await desk.post_when_ready(f"/agents/{agent}/sign-in")
    for n in range(4):
        desk.fake.dials("12345", after=0.1 + n / 10)


class Served:
    """`with Served() as served: served.url`: agents at their seats, and citizens who talk and wait; or as it `begins`.

    Whatever is done to its `desk` from outside goes through `has`.
    """

    desk: Desk

    def __init__(self, begins: Callable[[Desk], Awaitable[None]] = talk_and_wait, config: Config = CONFIG) -> None:
        self._begins, self._config = begins, config
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

    def has(self, happen: Callable[[Desk], object]) -> None:
        """Something happens there, soon."""
        self._loop.call_soon_threadsafe(happen, self.desk)

    async def _lives(self) -> None:
        self.desk = desk = Desk(self._config)
        async with serving(desk.api.answer, self.port):
            await eventually(desk.is_connected, 10)
            await self._begins(desk)
            self._ready.set()
            await self._over.wait()
        await desk.closes()
