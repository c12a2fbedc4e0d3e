"""The controller's server and the command line's way to it, over real sockets."""

import base64
import socket
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import pytest

from ivr.edge.http import ask, serving
from ivr.edge.protocols import Request
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


async def test_nobody_there_is_said_with_the_remedy(port: int) -> None:
    with pytest.raises(Trouble, match="scripts/run"):
        await ask(f"http://127.0.0.1:{port}/status", "GET", TOKEN)
