"""Work that runs beside a block and ends with it: prompts while somebody waits, the lease of a caller.

The counterpart of `ivr.ari.scope.Scope`, which lets something outside end a block.  The block owns the task.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from ivr.ari.scope import Scope


@asynccontextmanager
async def alongside(work: Coroutine[Any, Any, None], name: str) -> AsyncIterator[asyncio.Task[None]]:
    """Run `work` beside the block; leaving the block cancels it and waits for its end.

    A failure of the work ends the block and is raised from it.
    """
    loop = asyncio.get_running_loop()
    task = loop.create_task(work, name=name)
    scope = Scope()

    def done(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            scope.end(error if isinstance(error, Exception) else RuntimeError(repr(error)))

    task.add_done_callback(done)
    try:
        async with scope:
            yield task
    finally:
        await over(task)


async def over(task: asyncio.Task[None]) -> None:
    """Cancel a task that we own, and wait until it has ended."""
    task.cancel()
    await asyncio.wait({task})
