"""Waiting for something to be so: the one place where tests look again and again.

Where something tells of it (a packet, a SIP message, an event of ARI), a test waits for that instead.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable


async def eventually(
    condition: Callable[[], bool | Awaitable[bool]],
    within: float,
    what: str | Callable[[], str] = "",
    every: float = 0.05,
) -> None:
    """Look `every` so many seconds until `condition`, which may be asked of a server, holds.

    Fails the test after `within` seconds, naming `what` was awaited.
    """
    deadline = asyncio.get_running_loop().time() + within
    while not await _holds(condition):
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"not within {within} s: {what if isinstance(what, str) else what()}")
        await asyncio.sleep(every)


async def _holds(condition: Callable[[], bool | Awaitable[bool]]) -> bool:
    found = condition()
    return found if isinstance(found, bool) else await found


def holds(condition: Callable[[], bool], within: float, every: float = 0.02) -> bool:
    """Whether `condition` comes to hold before `within` seconds are over; for tests without a loop."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


async def passes(seconds: float) -> None:
    """Let time pass that is itself the test: a sound has to be heard for so long, or nothing may happen."""
    await asyncio.sleep(seconds)
