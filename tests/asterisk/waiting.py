"""Waiting for something to be so: the one place where tests let time pass."""

import asyncio
from collections.abc import Callable


async def eventually(condition: Callable[[], bool], within: float, what: str = "", every: float = 0.05) -> None:
    """Look `every` so many seconds until `condition` holds.

    Fails the test after `within` seconds, naming `what` was awaited.
    """
    deadline = asyncio.get_running_loop().time() + within
    while not condition():
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"not within {within} s: {what or condition.__qualname__}")
        await asyncio.sleep(every)
