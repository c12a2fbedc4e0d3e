"""Asking a server of ours over HTTP whether it lives, and once more until it does."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp

from ivr.edge.processes import POLL_S, Child
from ivr.errors import Trouble


class NoAnswer(OSError):
    """Nobody answered, or not with success: then with an HTTP `status`."""

    def __init__(self, words: str, status: int = 0) -> None:
        super().__init__(words)
        self.status = status


async def _request(
    method: str,
    url: str,
    within: float,
    *,
    auth: aiohttp.BasicAuth | None = None,
    headers: dict[str, str] | None = None,
    given: Mapping[str, Any] | None = None,
) -> None:
    limit = aiohttp.ClientTimeout(total=within)
    try:
        async with (
            aiohttp.ClientSession(timeout=limit, auth=auth, headers=headers, trust_env=False) as session,
            session.request(method, url, json=given) as answer,
        ):
            if not answer.ok:
                raise NoAnswer(f"{url} answers {answer.status} {answer.reason}", answer.status)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise NoAnswer(f"{url} does not answer: {type(error).__name__} {error}") from error


async def get(url: str, *, within: float, user: str = "", password: str = "") -> None:
    """Return if `url` answers with success within so many seconds.  Raises `NoAnswer`."""
    await _request("GET", url, within, auth=aiohttp.BasicAuth(user, password) if user else None)


async def post(
    url: str,
    *,
    within: float,
    token: str = "",
    user: str = "",
    password: str = "",
    given: Mapping[str, Any] | None = None,
) -> None:
    """The same for something to be done, with our own right to ask for it: a token, or a name and a password."""
    auth = aiohttp.BasicAuth(user, password) if user else None
    headers = {"Authorization": f"Bearer {token}"} if token else None
    await _request("POST", url, within, auth=auth, headers=headers, given=given)


async def put(url: str, *, within: float, user: str, password: str) -> None:
    """The same for something to be read again."""
    await _request("PUT", url, within, auth=aiohttp.BasicAuth(user, password))


async def until(child: Child, ask: Callable[[], Awaitable[None]], within: float) -> None:
    """Return once `ask` does.

    Raises `Trouble`, with the end of the child's log, if it dies first or is not ready within so many seconds.
    """
    deadline = time.monotonic() + within
    while True:
        try:
            return await ask()
        except OSError as error:
            if not child.running:
                raise Trouble(f"{child.name} ended at once.{child.last_words()}") from error
            if time.monotonic() > deadline:
                raise Trouble(f"{child.name} was not ready in {within:.0f} s: {error}.{child.last_words()}") from error
        await asyncio.sleep(POLL_S)
