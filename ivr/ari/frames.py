"""What goes over the websocket: a request as Asterisk reads it, and what comes back, read."""

import msgspec

from ivr.ari import models

decode = msgspec.json.Decoder(models.AnyEvent).decode
"""A frame as the event or reply that it is.  Raises `msgspec.DecodeError`."""
encode = msgspec.json.Encoder().encode


class Parameter(msgspec.Struct, frozen=True, gc=False):
    """One item of a query string."""

    name: str
    value: str


class Request(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag_field="type", tag="RESTRequest"):
    """A request as Asterisk reads it from the websocket."""

    request_id: str
    method: str
    uri: str
    query_strings: list[Parameter] | None = None
    content_type: str | None = None
    message_body: str | None = None


class Headline(msgspec.Struct, gc=False):
    """As much as must be read of a frame that is of no known type."""

    type: str = ""


def reason(reply: models.RESTResponse) -> str:
    """What Asterisk says about a refusal."""
    try:
        return ", ".join(msgspec.json.decode(reply.message_body or "{}", type=dict[str, str]).values())
    except msgspec.DecodeError:
        return reply.reason_phrase
