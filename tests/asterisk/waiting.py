"""Waiting for something to be so: the one place where tests look again and again."""

import asyncio
from collections.abc import Awaitable, Callable


async def eventually(
    condition: Callable[[], bool | Awaitable[bool]], within: float, what: str = "", every: float = 0.05
) -> None:
    """Look `every` so many seconds until `condition`, which may be asked of a server, holds.

    Fails the test after `within` seconds, naming `what` was awaited.
    """
    deadline = asyncio.get_running_loop().time() + within
    while not await _holds(condition):
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"not within {within} s: {what or condition.__qualname__}")
        await asyncio.sleep(every)


async def _holds(condition: Callable[[], bool | Awaitable[bool]]) -> bool:
    found = condition()
    return found if isinstance(found, bool) else await found


async def passes(seconds: float) -> None:
    """Let time pass that is itself the test: a sound has to be heard for so long, or nothing may happen."""
    await asyncio.sleep(seconds)
