"""The real wire against servers that misbehave; that it works with Asterisk itself is the contract's business."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from ivr.edge.wire import AsteriskWire
from ivr.errors import ConnectionLost, Gone

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
USER, PASSWORD = "hotline", "long and random"


@asynccontextmanager
async def served(path: str, handler: Handler) -> AsyncIterator[AsteriskWire]:
    """A wire to a server that has one resource."""
    app = web.Application()
    app.router.add_get(f"/ari/{path}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        async with AsteriskWire(f"{host}:{port}", USER, PASSWORD, heartbeat_s=0.2) as wire:
            yield wire
    finally:
        await runner.cleanup()


async def listen(wire: AsteriskWire) -> str | bytes:
    async with wire.open("hotline") as link:
        return await link.receive()


async def test_asterisk_that_is_still_booting_is_no_connection() -> None:
    async def booting(_: web.Request) -> web.StreamResponse:
        return web.Response(status=503)

    async with served("events", booting) as wire:
        with pytest.raises(ConnectionLost, match="still booting"):
            await listen(wire)


async def test_nobody_at_the_port_is_no_connection() -> None:
    async with AsteriskWire("127.0.0.1:9", USER, PASSWORD) as wire:
        with pytest.raises(ConnectionLost, match="no websocket"):
            await listen(wire)
        with pytest.raises(ConnectionLost, match="GET channels"):
            await wire.fetch("channels")


async def test_frames_go_both_ways_in_order_and_the_last_ones_are_written_on_leaving() -> None:
    got: list[str] = []
    closed = asyncio.Event()

    async def echo(request: web.Request) -> web.StreamResponse:
        assert request.query["app"] == "hotline"
        assert request.headers["Authorization"].startswith("Basic ")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str("hello")
        got.extend([message.data async for message in socket])
        closed.set()
        return socket

    async with served("events", echo) as wire:
        async with wire.open("hotline") as link:
            assert await link.receive() == b"hello"
            for serial in range(100):
                link.send(str(serial))
        await asyncio.wait_for(closed.wait(), 5)
    assert got == [str(serial) for serial in range(100)]


async def test_a_socket_that_closes_is_the_end_for_reader_and_writer() -> None:
    async def leaves(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.close()
        return socket

    async with served("events", leaves) as wire, wire.open("hotline") as link:
        with pytest.raises(ConnectionLost, match="has ended"):
            await link.receive()
        with pytest.raises(ConnectionLost, match="closed"):
            link.send("too late")


async def test_a_dead_socket_is_noticed_although_nothing_is_ever_closed() -> None:
    over = asyncio.Event()

    async def dead(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        await over.wait()
        return socket

    async with served("events", dead) as wire:
        with pytest.raises(ConnectionLost, match="has ended"):
            await asyncio.wait_for(listen(wire), 5)
        over.set()


async def test_a_list_is_decoded_and_a_refusal_is_an_error_of_its_kind() -> None:
    async def channels(_: web.Request) -> web.StreamResponse:
        return web.json_response([{"id": "1"}])

    async with served("channels", channels) as wire:
        assert await wire.fetch("channels") == [{"id": "1"}]
        with pytest.raises(Gone):
            await wire.fetch("nothing")
