"""Waiting for something to be so: the one place where tests let time pass."""

import asyncio
from collections.abc import Callable


async def eventually(condition: Callable[[], bool], within: float, what: str = "") -> None:
    """Look every 50 ms until `condition` holds.  Fails the test after `within` seconds, naming `what` was awaited."""
    deadline = asyncio.get_running_loop().time() + within
    while not condition():
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"not within {within} s: {what or condition.__qualname__}")
        await asyncio.sleep(0.05)
