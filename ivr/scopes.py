"""Work that runs beside a block and ends with it: prompts while somebody waits, the lease of a caller.

Or that comes and goes beside it: people who are rung during a talk.

The counterpart of `ivr.ari.scope.Scope`, which lets something outside end a block.  The block owns the task.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Hashable
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

    task.add_done_callback(lambda task: _report(task, scope))
    try:
        async with scope:
            yield task
    finally:
        await over(task)


def _report(task: asyncio.Task[None], scope: Scope) -> None:
    """A failure of the work ends the block."""
    if not task.cancelled() and (error := task.exception()) is not None:
        scope.end(error if isinstance(error, Exception) else RuntimeError(repr(error)))


async def over(task: asyncio.Task[None]) -> None:
    """Cancel a task that we own, and wait until it has ended."""
    task.cancel()
    await asyncio.wait({task})


class Crew:
    """Work that comes and goes beside a block, each piece known by a name; see `crew`."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._tasks: dict[Hashable, asyncio.Task[None]] = {}

    def __contains__(self, n: Hashable) -> bool:
        """Whether piece `n` was ever begun."""
        return n in self._tasks

    def begin(self, n: Hashable, work: Coroutine[Any, Any, None], name: str) -> None:
        """Begin a piece of work."""
        self._tasks[n] = task = asyncio.get_running_loop().create_task(work, name=name)
        task.add_done_callback(lambda task: _report(task, self._scope))

    async def dismiss(self, n: Hashable) -> None:
        """End a piece of work, if it is under way, and wait until it has ended."""
        if n in self._tasks and not self._tasks[n].done():
            await over(self._tasks[n])

    async def go(self) -> None:
        """End them all.  Each is told before the first is waited for: a second cancellation may come meanwhile."""
        for task in self._tasks.values():
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks.values())


@asynccontextmanager
async def crew() -> AsyncIterator[Crew]:
    """Let work come and go while the block lasts; a failure of any of it ends the block and is raised from it."""
    scope = Scope()
    together = Crew(scope)
    try:
        async with scope:
            yield together
    finally:
        await together.go()
