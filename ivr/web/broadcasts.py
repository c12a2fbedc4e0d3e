"""The operation by which all who wait hear something at once: a prompt, or a text that the voice reads."""

from http import HTTPStatus
from typing import Annotated

import msgspec

from ivr.web.operations import Operation
from ivr.web.rights import SUPERVISORS
from ivr.web.switchboard import Asked, Refusal
from routing.ids import Instant, PoolId, PromptId

LONGEST = 200
"""Characters of a text: some 40 seconds."""


class Announcing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said, a prompt of prompts.yaml or a text, and to whom: all who wait for a pool's agents, or for any."""

    prompt: Annotated[PromptId, msgspec.Meta(max_length=64)] | None = None
    text: Annotated[str, msgspec.Meta(max_length=LONGEST)] = ""
    pool: Annotated[PoolId, msgspec.Meta(max_length=64)] | None = None


class Announced(msgspec.Struct, frozen=True):
    """What was announced, and to how many who wait."""

    id: str
    at: Instant
    said: str
    pool: PoolId | None
    callers: int


async def announce(asked: Asked, body: Announcing) -> Announced:
    """All who wait hear this once, as soon as nothing else is said to them; an agent who answers cuts it."""
    service = asked.board.service
    if body.pool is not None and body.pool not in service.config.site.pools:
        raise Refusal(HTTPStatus.NOT_FOUND, f"no pool {body.pool!r} is in site.yaml")
    if (body.prompt is None) is not bool(body.text.strip()):
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "say either a prompt or a text")
    if body.prompt is not None:
        if body.prompt not in service.config.prompts:
            raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"no prompt {body.prompt!r} is in prompts.yaml")
        said, length_ms = body.prompt, service.audio.length_ms(body.prompt)
    else:
        said = service.dispatcher.broadcasts.next_text()
        length_ms = await asked.board.speak(said, body.text)
    made = service.dispatcher.broadcast(said, length_ms, asked.who.name, body.pool, body.text)
    return Announced(made.id, made.at, body.text or made.prompt, made.pool, len(made.tickets))


OPERATIONS = (Operation("POST", "/announcements", announce, SUPERVISORS),)
