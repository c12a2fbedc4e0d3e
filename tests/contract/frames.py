"""A wire that reads over our shoulder: a frame with a field that the models do not know fails the test."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import msgspec

from ivr.ari import models
from ivr.edge.protocols import Link, Wire

OBJECTS: dict[str, type[msgspec.Struct]] = {
    "channel": models.Channel,
    "bridge": models.Bridge,
    "playback": models.Playback,
}


def names(kind: type[msgspec.Struct]) -> set[str]:
    """The fields of a model, as Asterisk writes them."""
    return {field.encode_name for field in msgspec.structs.fields(kind)}


def unknown(frame: bytes | str) -> set[str]:
    """What this frame has that its model has not."""
    said: dict[str, Any] = msgspec.json.decode(frame)
    kind = getattr(models, said["type"])
    extra = said.keys() - names(kind) - {"type"}
    for field, model in OBJECTS.items():
        if field in said:
            extra |= {f"{field}.{each}" for each in said[field].keys() - names(model)}
    return {f"{said['type']}.{each}" for each in extra}


class Checked:
    """A wire whose frames are checked."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def open(self, app: str) -> AbstractAsyncContextManager[Link]:
        return self._open(app)

    @asynccontextmanager
    async def _open(self, app: str) -> AsyncIterator[Link]:
        async with self._wire.open(app) as link:
            yield CheckedLink(link)

    async def fetch(self, path: str) -> Any:
        return await self._wire.fetch(path)


class CheckedLink:
    """A link whose frames are checked."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def send(self, frame: str) -> None:
        self._link.send(frame)

    async def receive(self) -> str | bytes:
        frame = await self._link.receive()
        extra = unknown(frame)
        if extra:
            raise AssertionError(f"Asterisk says what the models do not know: {sorted(extra)}")
        return frame
