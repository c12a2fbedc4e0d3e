"""A block that something outside can end, as `asyncio.timeout` ends one when time is up."""

import asyncio
from types import TracebackType
from typing import Self


class Scope:
    """`async with scope:` until the body is done, or until `end(error)` cancels it; then the block leaves with `error`.

    A cancellation that comes from elsewhere stays a `CancelledError`.  Entered once.
    """

    __slots__ = ("_cancelling", "_error", "_fired", "_task")

    def __init__(self) -> None:
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._error: Exception | None = None
        self._fired = False

    async def __aenter__(self) -> Self:
        if self._error is not None:
            raise self._error
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a scope needs a task")
        self._task = task
        self._cancelling = task.cancelling()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        if not self._fired or task is None:
            return
        if task.uncancel() <= self._cancelling and kind is asyncio.CancelledError and self._error is not None:
            raise self._error from error

    def end(self, error: Exception) -> None:
        """End the block with `error`; without effect when it has been left, or ended before."""
        if self._error is None:
            self._error = error
            if self._task is not None:
                # A running task may not cancel itself: the cancellation would outlive the block (Python < 3.13).
                if asyncio.current_task() is self._task:
                    asyncio.get_running_loop().call_soon(self._fire)
                else:
                    self._fire()

    def _fire(self) -> None:
        if self._task is not None and not self._fired:
            self._fired = True
            self._task.cancel()
