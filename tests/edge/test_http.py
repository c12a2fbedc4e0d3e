"""The controller's server and the command line's way to it, over real sockets."""

import socket
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from ivr.edge.http import ask, serving
from ivr.errors import Trouble

TOKEN = "a token of the state directory"


class Said(NamedTuple):
    status: int
    value: Any


async def echo(method: str, path: str, query: Mapping[str, str]) -> Said:
    if path == "/broken":
        raise ValueError("a fault")
    if path == "/refused":
        return Said(409, {"error": "that cannot be"})
    return Said(200, {"method": method, "path": path, "query": dict(query)})


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_what_is_asked_comes_back(port: int) -> None:
    async with serving(echo, port, TOKEN, frozenset()):
        told = await ask(f"http://127.0.0.1:{port}/calls/1%202?limit=3", "GET", TOKEN)
    assert told == {"method": "GET", "path": "/calls/1 2", "query": {"limit": "3"}}


async def test_without_the_token_only_the_open_paths_answer(port: int) -> None:
    async with serving(echo, port, TOKEN, frozenset({"/health"})):
        for token in ("", "wrong", "令牌"):
            with pytest.raises(Trouble, match="token"):
                await ask(f"http://127.0.0.1:{port}/calls", "GET", token)
        assert (await ask(f"http://127.0.0.1:{port}/health", "GET", "wrong"))["path"] == "/health"


async def test_a_refusal_is_its_own_sentence_and_a_fault_tells_no_more_than_where_to_look(port: int) -> None:
    async with serving(echo, port, TOKEN, frozenset()):
        with pytest.raises(Trouble, match="that cannot be"):
            await ask(f"http://127.0.0.1:{port}/refused", "POST", TOKEN)
        with pytest.raises(Trouble, match="its log says why"):
            await ask(f"http://127.0.0.1:{port}/broken", "POST", TOKEN)


async def test_nobody_there_is_said_with_the_remedy(port: int) -> None:
    with pytest.raises(Trouble, match="scripts/run"):
        await ask(f"http://127.0.0.1:{port}/status", "GET", TOKEN)
