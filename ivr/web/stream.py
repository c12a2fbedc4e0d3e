"""The operation by which one listens to the hub, and the description of what is heard."""

from http import HTTPStatus
from typing import Annotated, Any

import msgspec

from ivr.edge.protocols import Flow
from ivr.web.hub import Event
from ivr.web.operations import Operation
from ivr.web.rights import FLOOR, WATCHERS
from ivr.web.switchboard import Asked, Refusal

READERS_MOST = 1_000
EVENTS = "text/event-stream"


class Resuming(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The id of the last event that one has; a `Last-Event-ID` header says the same."""

    last: Annotated[str, msgspec.Meta(max_length=64)] = msgspec.field(name="from", default="")


async def stream(asked: Asked, query: Resuming) -> Flow:
    """The floor as it is, then what changes: server-sent events, as docs/stream.schema.json describes them."""
    hub = asked.board.hub
    if hub.readers >= READERS_MOST:
        raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, f"{hub.readers} listen already")
    return Flow(hub.frames(asked.who, query.last or asked.last_event), EVENTS)


def schema() -> dict[str, Any]:
    """The data of every event, as JSON Schema."""
    made = msgspec.json.schema(Event)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "GET /stream: data of an event", **made}


OPERATIONS = (Operation("GET", "/stream", stream, FLOOR | WATCHERS, produces=EVENTS),)
