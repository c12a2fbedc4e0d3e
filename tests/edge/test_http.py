"""The controller's server and the command line's way to it, over real sockets."""

import asyncio
import base64
import socket
import stat
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import msgspec
import pytest

from ivr.edge import http
from ivr.edge.http import ask, fetch, serving
from ivr.edge.protocols import Attachment, Flow, Request
from ivr.errors import Trouble

TOKEN = "a token of the state directory"


class Said(NamedTuple):
    status: int
    value: Any
    headers: Mapping[str, str] = {}


async def echo(request: Request) -> Said:
    if request.path == "/broken":
        raise ValueError("a fault")
    if request.path == "/refused":
        return Said(401, {"error": "that cannot be"}, {"WWW-Authenticate": "Bearer"})
    return Said(200, request)


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_what_is_asked_comes_back(port: int) -> None:
    async with serving(echo, port):
        told = await ask(f"http://127.0.0.1:{port}/calls/1%202?limit=3&limit=%204", "GET", TOKEN)
        changed = await ask(f"http://127.0.0.1:{port}/agents/1001/pause", "POST", TOKEN, {"reason": "午饭"})
    assert (told["method"], told["path"], told["query"]) == ("GET", "/calls/1%202", [["limit", "3"], ["limit", " 4"]])
    assert (told["authorization"], told["content_type"], told["peer"]) == (f"Bearer {TOKEN}", "", "127.0.0.1")
    assert changed["content_type"] == "application/json"
    assert msgspec.json.decode(base64.b64decode(changed["body"])) == {"reason": "午饭"}


async def test_a_path_with_a_line_break_in_it_is_a_path_too(port: int) -> None:
    async with serving(echo, port):
        told = await ask(f"http://127.0.0.1:{port}/agents/a%0Ab", "POST", TOKEN)
    assert told["path"] == "/agents/a%0Ab"


async def test_a_refusal_is_its_own_sentence_and_a_fault_tells_no_more_than_where_to_look(port: int) -> None:
    async with serving(echo, port):
        with pytest.raises(Trouble, match="that cannot be"):
            await ask(f"http://127.0.0.1:{port}/refused", "POST", TOKEN)
        with pytest.raises(Trouble, match="its log says why"):
            await ask(f"http://127.0.0.1:{port}/broken", "POST", TOKEN)


async def test_what_is_too_long_is_refused(port: int) -> None:
    async with serving(echo, port):
        with pytest.raises(Trouble, match="Too Large"):
            await ask(f"http://127.0.0.1:{port}/agents", "POST", TOKEN, {"reason": "x" * (1 << 19)})


async def test_a_file_that_is_fetched_is_for_its_owner_alone(port: int, tmp_path: Path) -> None:
    async def whole(_request: Request) -> Said:
        return Said(200, Attachment(str(tmp_path / "call.flac"), "call.flac", "audio/flac"))

    (tmp_path / "call.flac").write_bytes(b"what was said")
    target = tmp_path / "saved.flac"
    async with serving(whole, port):
        assert await fetch(f"http://127.0.0.1:{port}/it", TOKEN, "wang", str(target)) == len(b"what was said")
        assert target.read_bytes() == b"what was said"
        assert stat.S_IMODE(target.stat().st_mode) == 0o600
        with pytest.raises(Trouble, match=r"nowhere.*cannot be written"):
            await fetch(f"http://127.0.0.1:{port}/it", TOKEN, "wang", str(tmp_path / "nowhere" / "it"))


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found"])
async def test_whoever_else_answers_at_the_port_is_no_controller(port: int, status: str) -> None:
    async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 4\r\n\r\n<br>".encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(page, "127.0.0.1", port):
        with pytest.raises(Trouble, match="is no controller"):
            await ask(f"http://127.0.0.1:{port}/status", "GET", TOKEN)


async def test_nobody_there_is_said_with_the_remedy(port: int) -> None:
    with pytest.raises(Trouble, match="scripts/run"):
        await ask(f"http://127.0.0.1:{port}/status", "GET", TOKEN)


class Heard:
    """A flow, and whether its end was noticed."""

    def __init__(self, piece: bytes, every_s: float) -> None:
        self.sent = 0
        self.is_over = asyncio.Event()
        self._piece, self._every_s = piece, every_s

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield self._piece
                self.sent += 1
                await asyncio.sleep(self._every_s)
        finally:
            self.is_over.set()

    async def answer(self, _: Request) -> Said:
        return Said(200, Flow(self.pieces(), "text/event-stream"))


async def test_a_flow_goes_on_until_its_reader_leaves(port: int) -> None:
    heard = Heard(b"data: 1\n\n", 0.01)
    async with serving(heard.answer, port), aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{port}/stream", headers={"Last-Event-ID": "7-7"}) as response:
            assert response.headers["Content-Type"] == "text/event-stream"
            assert await response.content.readexactly(27) == b"data: 1\n\n" * 3
            response.close()
        await asyncio.wait_for(heard.is_over.wait(), 10)


async def test_a_reader_who_takes_nothing_is_cut_off_and_holds_up_nobody(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "STUCK_S", 0.2)
    heard = Heard(b"x" * (1 << 20), 0.0)

    async def answers(request: Request) -> Said:
        return await (heard.answer(request) if request.path == "/stream" else echo(request))

    async with serving(answers, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /stream HTTP/1.1\r\nHost: here\r\n\r\n")
        deadline = asyncio.get_running_loop().time() + 30
        while not heard.is_over.is_set():
            assert asyncio.get_running_loop().time() < deadline
            assert (await ask(f"http://127.0.0.1:{port}/calls", "GET", TOKEN))["path"] == "/calls"
        assert heard.sent < 100
        writer.close()
