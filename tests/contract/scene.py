"""What the scenarios share: a connection with a citizen in it, and waiting."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from ivr.ari.client import EVENTS, Ari, Query, connect
from ivr.ari.handles import Channel, Leg, Up
from ivr.errors import Conflict, ConnectionLost, Gone, Refused
from routing.ids import ChannelId
from tests.asterisk.waiting import eventually, passes
from tests.contract.worlds import APP, World

SECOND = timedelta(seconds=1)
LISTEN = 0.5  # seconds of a sound that will be found in what was heard


def now() -> float:
    """Seconds, virtual in the fake."""
    return asyncio.get_running_loop().time()


async def arrives(world: World, ari: Ari, number: str = "12345") -> tuple[Channel, str]:
    """A citizen dials and is in Stasis: the channel, and the citizen's name."""
    citizen = await world.dials(number)
    start = await anext(ari.arrivals())
    return Channel(ari, ChannelId(start.channel.id)), citizen


@asynccontextmanager
async def citizen_in(
    world: World, number: str = "12345", events: tuple[str, ...] = EVENTS
) -> AsyncIterator[tuple[Ari, Channel, str]]:
    """Connected, with an answered citizen."""
    async with connect(world.wire, APP, events) as ari:
        channel, citizen = await arrives(world, ari, number)
        await channel.answer()
        yield ari, channel, citizen


@asynccontextmanager
async def agent_up(world: World, ari: Ari, caller_id: str = "9001") -> AsyncIterator[Channel]:
    """A leg that has answered; who it is, is told to the phone and names what it has heard."""
    leg = Leg(ari, ChannelId(f"leg-{caller_id}"), world.endpoint("answers"), caller_id=caller_id, ring_for=5 * SECOND)
    async with leg:
        assert await leg.answered() == Up()
        yield leg.channel


@asynccontextmanager
async def connected_again(world: World) -> AsyncIterator[Ari]:
    """As the controller does it after a lost connection: whoever turns out to be deaf connects once more."""
    while True:
        async with AsyncExitStack() as stack:
            try:
                ari = await stack.enter_async_context(connect(world.wire, APP))
                for _ in range(5):
                    await passes(0.1)
                    await ari.echo()
            except ConnectionLost:
                continue
            yield ari
            return


async def is_forgotten(ari: Ari, path: str) -> None:
    """Wait until Asterisk no longer knows it: for a moment after the event that ends it, it is still found."""

    async def is_gone() -> bool:
        try:
            await ari.request("GET", path)
        except Gone:
            return True
        return False

    await eventually(is_gone, 10, f"{path} is gone", every=0.01)


async def is_refused(ari: Ari, path: str, query: Query) -> None:
    """Wait until it is refused with 409: a channel that has left takes requests for a moment, and may answer 500."""

    async def is_conflict() -> bool:
        try:
            await ari.request("POST", path, query=query)
        except Conflict:
            return True
        except Refused:
            return False
        return False

    await eventually(is_conflict, 10, f"{path} is refused", every=0.01)


def took(world: World, seconds: float, since: float) -> None:
    """It has taken this long, or as much longer as may be in this world; 0 means at once."""
    spent = now() - since
    assert seconds - 0.1 <= spent <= seconds + world.late, f"{spent:.2f} s"
