"""One server, kept running: restarted when it dies, killed when it hangs, stopped when the house closes."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from ivr.edge.processes import Child
from ivr.errors import Trouble

BACK_OFF_S = (0.0, 0.5, 1.0, 2.0, 5.0, 15.0)
"""Wait before the first, second, … restart in a row: the first is at once, somebody may be on the telephone."""

LONG_LIFE_S = 60.0  # after which the row begins anew
ASK_EVERY_S = 1.0
TERM = ((signal.SIGTERM, 5.0),)


@dataclass(frozen=True, kw_only=True)
class Server:
    """How a server is started, known to be ready, asked for its health, and stopped.

    `healthy` returns soon, and raises `OSError` while there is no answer; none for `deaf_after` seconds in a row, and
    the server is killed.
    """

    name: str
    launch: Callable[[], Child]
    ready: Callable[[Child], Awaitable[None]]
    healthy: Callable[[], Awaitable[None]] | None = None
    deaf_after: float = 8.0
    stages: Sequence[tuple[signal.Signals, float]] = TERM
    before_stop: Callable[[], Awaitable[None]] | None = None


class Keeper:
    """Keeps one server; `news` is told what happens to it, `changed` that its process is another one."""

    def __init__(self, server: Server, news: Callable[[str], None], changed: Callable[[], None]) -> None:
        self.server = server
        self.child: Child | None = None
        self._news = news
        self._changed = changed
        self._row = 0

    @property
    def pid(self) -> int | None:
        """Of the process that runs now."""
        return self.child.pid if self.child and self.child.running else None

    async def start(self) -> None:
        """Start it and wait until it is ready.  Raises `Trouble`; then nothing of it is left."""
        self.child = child = self.server.launch()
        try:
            await self.server.ready(child)
        except BaseException:
            await asyncio.shield(child.stop(*self.server.stages))
            raise
        self._changed()

    async def keep(self) -> None:
        """Restart it whenever it has ended, for ever."""
        while True:
            if self.child:
                born = self.child.started
                code = await self._end(self.child)
                self._row = 0 if time.monotonic() - born > LONG_LIFE_S else self._row
                self._news(f"{self.server.name} {_ending(code)}; starting it again")
            await asyncio.sleep(BACK_OFF_S[min(self._row, len(BACK_OFF_S) - 1)])
            self._row += 1
            began = time.monotonic()
            try:
                await self.start()
            except Trouble as trouble:
                self.child = None
                self._news(str(trouble))
            else:
                self._news(f"{self.server.name} is ready again after {time.monotonic() - began:.1f} s")

    async def _end(self, child: Child) -> int:
        """Its exit code, once it has ended; it is helped to when it does not answer any more."""
        if self.server.healthy is None:
            return await child.ended()
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(self._watch(child, self.server.healthy), name=f"watch:{self.server.name}")
            code = await child.ended()
            watch.cancel()
        return code

    async def _watch(self, child: Child, healthy: Callable[[], Awaitable[None]]) -> None:
        heard = time.monotonic()
        while True:
            try:
                async with asyncio.timeout(self.server.deaf_after):
                    await healthy()
                heard = time.monotonic()
            except OSError:
                if (silent := time.monotonic() - heard) >= self.server.deaf_after:
                    self._news(f"{self.server.name} has not answered for {silent:.0f} s: it is killed")
                    child.kill()
                    return
            await asyncio.sleep(ASK_EVERY_S)

    def hurry(self) -> None:
        """Kill it: whoever closes the house does not want to wait."""
        if self.child:
            self.child.kill()

    async def stop(self) -> None:
        """Stop it in its stages; idempotent."""
        child = self.child
        if child is None:
            return
        if child.running and self.server.before_stop:
            try:
                await self.server.before_stop()
            except OSError as error:
                self._news(f"{self.server.name} could not be asked to finish: {error}")
        await asyncio.shield(child.stop(*self.server.stages))


def _ending(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended by itself (code {code})"
