"""HTTP on the loopback: the controller's server, and the command line's way to it.  JSON both ways."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol
from urllib.parse import quote, unquote

import aiohttp
import msgspec
from aiohttp import web

from ivr.edge.protocols import Request
from ivr.errors import Trouble

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
PERSON = "Hotline-Person"
"""The header in which a command says who types it, percent-encoded; it counts with the token of the house alone."""

ANSWER_WITHIN_S = 30.0
LARGEST = 1 << 18  # bytes of a body


class Reply(Protocol):
    """A status, a value, and what stands above it."""

    @property
    def status(self) -> int:
        """HTTP's."""

    @property
    def value(self) -> Any:
        """What msgspec can encode."""

    @property
    def headers(self) -> Mapping[str, str]:
        """More of them."""


Answering = Callable[[Request], Awaitable[Reply]]


@asynccontextmanager
async def serving(answer: Answering, port: int) -> AsyncIterator[None]:
    """Answer requests while the block lasts; who may ask what, `answer` knows."""

    async def handle(request: web.Request) -> web.Response:
        try:
            reply = await answer(await _read(request))
        except web.HTTPException as refusal:
            return _json(refusal.status, {"error": refusal.reason})
        except Exception:
            log.exception("%s %s", request.method, request.path)
            return _json(500, {"error": "the controller failed at this; its log says why"})
        return _json(reply.status, reply.value, reply.headers)

    application = web.Application(client_max_size=LARGEST)
    application.router.add_route("*", r"/{path:[\s\S]*}", handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
        yield
    finally:
        await runner.cleanup()


async def _read(request: web.Request) -> Request:
    return Request(
        request.method,
        request.rel_url.raw_path,
        tuple(request.query.items()),
        request.headers.get("Authorization", ""),
        request.content_type if "Content-Type" in request.headers else "",
        await request.read(),
        request.remote or "",
        unquote(request.headers.get(PERSON, ""))[:64],
    )


def _json(status: int, value: Any, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        status=status, body=msgspec.json.encode(value), content_type="application/json", headers=headers
    )


async def ask(url: str, method: str, token: str, given: Mapping[str, Any] | None = None, person: str = "") -> Any:
    """The value that a controller answers with; `given` is the body.  Raises `Trouble`: its own sentence, or ours."""
    headers = {"Authorization": f"Bearer {token}", PERSON: quote(person)}
    headers |= {"Content-Type": "application/json"} if given else {}
    body = msgspec.json.encode(given) if given else None
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(ANSWER_WITHIN_S), trust_env=False) as session,
            session.request(method, url, headers=headers, data=body) as response,
        ):
            value = msgspec.json.decode(await response.read())
            if response.status >= 400:  # noqa: PLR2004
                raise Trouble(f"{value.get('error', response.reason)}.")
            return value
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Trouble("no controller answers: start the house with scripts/run.") from error
