"""Work beside a block ends with it, however often the block is told to end."""

import asyncio

import pytest

from ivr.scopes import crew


async def _slow_to_end(ended: list[int], n: int) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)
        ended.append(n)


async def test_a_block_that_is_cancelled_twice_leaves_nobody_at_work() -> None:
    """A search for an agent outlived its connection once, and wrote into the ledger of the call that went on."""
    ended: list[int] = []
    began = asyncio.Event()

    async def block() -> None:
        async with crew() as searches:
            for n in range(3):
                searches.begin(n, _slow_to_end(ended, n), f"search:{n}")
            await asyncio.sleep(0)
            began.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(block())
    await began.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for _ in range(5):
        await asyncio.sleep(0)
    assert sorted(ended) == [0, 1, 2]
