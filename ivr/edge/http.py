"""HTTP on the loopback: the controller's server, and the command line's way to it.  JSON both ways."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Any, Protocol
from urllib.parse import quote, unquote

import aiohttp
import msgspec
from aiohttp import web

from ivr.edge.protocols import Attachment, Flow, Request
from ivr.errors import Trouble

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
PERSON = "Hotline-Person"
"""The header in which a command says who types it, percent-encoded; it counts with the token of the house alone."""

ANSWER_WITHIN_S = 30.0
LARGEST = 1 << 18  # bytes of a body
STUCK_S = 10.0


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

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            reply = await answer(await _read(request))
        except web.HTTPException as refusal:
            return _json(refusal.status, {"error": refusal.reason})
        except Exception:
            log.exception("%s %s", request.method, request.path)
            return _json(500, {"error": "the controller failed at this; its log says why"})
        if isinstance(reply.value, Attachment):
            return web.FileResponse(reply.value.path, headers=_headers(reply.value))
        if isinstance(reply.value, Flow):
            return await _flow(request, reply.value)
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


async def _flow(request: web.Request, flow: Flow) -> web.StreamResponse:
    """Send piece by piece; whoever takes none for `STUCK_S` is cut off."""
    response = web.StreamResponse(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
    response.content_type = flow.content_type
    try:
        await response.prepare(request)
        async with aclosing(flow.pieces) as pieces:
            async for piece in pieces:
                async with asyncio.timeout(STUCK_S):
                    await response.write(piece)
    except (ConnectionError, TimeoutError) as error:
        log.info("%s: %s no longer reads: %r", request.path, request.remote, error)
        if request.transport is not None:
            request.transport.abort()
    return response


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
        request.headers.get("Last-Event-ID", ""),
    )


def _headers(attachment: Attachment) -> dict[str, str]:
    """To be played where it is asked for, and kept by nobody on the way."""
    return {
        "Content-Type": attachment.kind,
        "Content-Disposition": f'inline; filename="{attachment.name}"',
        "Cache-Control": "no-store",
    }


def _json(status: int, value: Any, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        status=status, body=msgspec.json.encode(value), content_type="application/json", headers=headers
    )


async def ask(url: str, method: str, token: str, given: Mapping[str, Any] | None = None, person: str = "") -> Any:
    """The value that a controller answers with; `given` is the body.  Raises `Trouble`: its own sentence, or ours."""
    body = msgspec.json.encode(given) if given else None
    async with _asked(url, method, token, person, body) as response:
        return await _said(response, Any)


async def fetch(url: str, token: str, person: str, target: str) -> int:
    """Save the file that a controller answers with as `target`, for its owner alone if it is a new one: how many bytes.

    Raises `Trouble`.
    """
    async with _asked(url, "GET", token, person) as response:
        try:
            with open(target, "wb", opener=partial(os.open, mode=0o600)) as file:  # noqa: ASYNC230 - a command
                async for chunk in response.content.iter_any():
                    file.write(chunk)
                return file.tell()
        except OSError as error:
            raise Trouble(f"{target} cannot be written: {error.strerror or error}.") from error


@asynccontextmanager
async def _asked(
    url: str, method: str, token: str, person: str, body: bytes | None = None
) -> AsyncIterator[aiohttp.ClientResponse]:
    headers = {"Authorization": f"Bearer {token}", PERSON: quote(person)}
    headers |= {"Content-Type": "application/json"} if body else {}
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(ANSWER_WITHIN_S), trust_env=False) as session,
            session.request(method, url, headers=headers, data=body) as response,
        ):
            if response.status >= 400:  # noqa: PLR2004
                raise Trouble(f"{(await _said(response, _Refused)).error}.")
            yield response
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Trouble("no controller answers: start the house with scripts/run.") from error


class _Refused(msgspec.Struct):
    error: str


async def _said(response: aiohttp.ClientResponse, kind: Any) -> Any:
    try:
        return msgspec.json.decode(await response.read(), type=kind)
    except msgspec.DecodeError as fault:
        where = f"{response.url.host}:{response.url.port}"
        raise Trouble(f"what answers at {where} is no controller: look at who has that port.") from fault
