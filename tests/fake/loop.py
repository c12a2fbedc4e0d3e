"""Virtual time that replays: a loop whose tasks are numbered, and clocks that read it.

asyncio keeps tasks in sets; their order follows memory addresses, so a cancelled TaskGroup ends its children in another
order each run.  A task whose hash is its number makes it the same order in every process.
"""

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import async_solipsism

from routing.ids import Instant

SHANGHAI = ZoneInfo("Asia/Shanghai")
START = Instant(1_631_667_600_000)  # 2021-09-15T09:00 in Shanghai: the plan's transition

T = TypeVar("T")


class NumberedTask(asyncio.Task[Any]):
    """A task that hashes to its serial number."""

    def __init__(self, coro: Coroutine[Any, Any, Any], *, number: int, **options: Any) -> None:
        self.number = number
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self.number

    def __eq__(self, other: object) -> bool:
        return self is other


class SimLoop(async_solipsism.EventLoop):  # type: ignore[misc]  # carries no types
    """Sleeps take no time; waiting for nothing is an error; first come, first served."""

    def __init__(self) -> None:
        super().__init__()
        numbers = itertools.count(1)

        def make(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> NumberedTask:
            return NumberedTask(coro, number=next(numbers), loop=loop, **options)

        self.set_task_factory(make)


class SimClock:
    """The three clocks of a simulation: all start at `start` and go with the loop; `rehearsed` shifts the civil one."""

    def __init__(self, start: Instant = START, rehearsed: timedelta = timedelta(0)) -> None:
        self._start = start
        self._rehearsed = rehearsed

    def instant(self) -> Instant:
        return Instant(self._start + round(asyncio.get_running_loop().time() * 1000))

    def civil(self) -> datetime:
        return (self.real() + self._rehearsed).astimezone(SHANGHAI)

    def real(self) -> datetime:
        return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=self.instant())


def simulate(main: Callable[[], Coroutine[Any, Any, T]], within_s: float = 86_400) -> T:
    """Run `main()` in virtual time.  `TimeoutError` after `within_s`; an error where nothing can happen any more."""

    async def limited() -> T:
        async with asyncio.timeout(within_s):
            return await main()

    with asyncio.Runner(loop_factory=SimLoop) as runner:
        return runner.run(limited())
