"""How a crash-only process ends: asked to, it vanishes; nothing is cancelled, nothing is undone."""

import asyncio
import os
import signal
from typing import NoReturn


async def asked_to_end() -> None:
    """Return when somebody sends SIGTERM or SIGINT."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    await asked.wait()


def vanish(code: int = 0) -> NoReturn:
    """End this process here and now, as `kill -9` would, but with an exit code."""
    os._exit(code)
