"""HTTP on the loopback: the controller's server, and the command line's way to it.  JSON, one bearer token."""

import hmac
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

import aiohttp
import msgspec
from aiohttp import web

from ivr.errors import Trouble

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
ANSWER_WITHIN_S = 30.0


class Reply(Protocol):
    """A status and a value."""

    @property
    def status(self) -> int:
        """HTTP's."""

    @property
    def value(self) -> Any:
        """What msgspec can encode."""


Ask = Callable[[str, str, Mapping[str, str]], Awaitable[Reply]]
"""(method, path, query) -> reply."""


@asynccontextmanager
async def serving(ask: Ask, port: int, token: str, open_paths: frozenset[str]) -> AsyncIterator[None]:
    """Answer requests while the block lasts; all but `open_paths` need the token."""
    wanted = f"Bearer {token}".encode()

    async def handle(request: web.Request) -> web.Response:
        given = request.headers.get("Authorization", "").encode(errors="replace")
        if request.path not in open_paths and not hmac.compare_digest(given, wanted):
            return _json(401, {"error": "this needs the token of the state directory"})
        try:
            reply = await ask(request.method, request.path, dict(request.query))
        except Exception:
            log.exception("%s %s", request.method, request.path)
            return _json(500, {"error": "the controller failed at this; its log says why"})
        return _json(reply.status, reply.value)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
        yield
    finally:
        await runner.cleanup()


def _json(status: int, value: Any) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(value), content_type="application/json")


async def ask(url: str, method: str, token: str, within_s: float = ANSWER_WITHIN_S) -> Any:
    """The value that a controller answers with.  Raises `Trouble` with its own sentence, or with ours."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(within_s), trust_env=False) as session,
            session.request(method, url, headers={"Authorization": f"Bearer {token}"}) as response,
        ):
            value = msgspec.json.decode(await response.read())
            if response.status >= 400:  # noqa: PLR2004
                raise Trouble(f"{value.get('error', response.reason)}.")
            return value
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Trouble("no controller answers: start the house with scripts/run.") from error
