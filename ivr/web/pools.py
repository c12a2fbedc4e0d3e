"""Operations on pools and on who waits for them: close, open, move a call that waits."""

from http import HTTPStatus
from typing import Annotated

import msgspec

from ivr.parties import asked_for, call_of
from ivr.web import lists
from ivr.web.calls import CallPath
from ivr.web.lists import ShownPool
from ivr.web.operations import Operation
from ivr.web.rights import FLOOR, SUPERVISORS, WATCHERS
from ivr.web.switchboard import Asked, Refusal
from routing.config import Config
from routing.ids import PoolId, PromptId, TicketId
from routing.ladders import moved
from routing.prompts import POOL_CLOSED
from routing.tickets import Closed, Directed, Opened

PoolPath = Annotated[PoolId, msgspec.Meta(pattern="^[0-9A-Za-z_-]{1,64}$", description="a pool of site.yaml")]
PromptName = Annotated[PromptId, msgspec.Meta(max_length=64, description="a prompt of prompts.yaml")]


class Closing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What callers hear who have waited for it."""

    prompt: PromptName = POOL_CLOSED


class Moving(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the call waits from now on; the hall takes it as it takes every other, after a while."""

    pool: Annotated[PoolId, msgspec.Meta(max_length=64)]


async def pools(asked: Asked) -> list[ShownPool]:
    """Every pool, with how many work there."""
    return [*lists.pools(asked.board.service.config, asked.board.service.dispatcher).values()]


async def close_pool(asked: Asked, pool: PoolPath, body: Closing) -> ShownPool:
    """Nobody is asked as a member of a pool; who waits for it alone goes on, and hears why."""
    config = asked.board.service.config
    if _known(config, pool) == config.site.hall:
        raise Refusal(HTTPStatus.CONFLICT, f"{pool!r} is the hall: it takes what nobody else has taken, always")
    if body.prompt not in config.prompts:
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"no prompt {body.prompt!r} is in prompts.yaml")
    asked.board.service.dispatcher.apply(Closed(pool, body.prompt, asked.who.name))
    return _shown(asked, pool)


async def open_pool(asked: Asked, pool: PoolPath) -> ShownPool:
    """A pool that was closed is open again."""
    _known(asked.board.service.config, pool)
    asked.board.service.dispatcher.apply(Opened(pool, asked.who.name))
    return _shown(asked, pool)


async def move_call(asked: Asked, call: CallPath, body: Moving) -> ShownPool:
    """A call that waits, or rings, goes to another pool, keeps its rank, and asks for the same skill and language."""
    service, ticket = asked.board.service, TicketId(call)
    pool = _known(service.config, body.pool)
    if all(view.ticket != ticket for view in service.dispatcher.waiting()):
        raise Refusal(HTTPStatus.CONFLICT, f"call {call!r} does not wait")
    wanted = asked_for(asked.board.controller.register.ledgers[call_of(ticket)], ticket)
    service.dispatcher.apply(Directed(ticket, moved(service.config, pool, *wanted), asked.who.name))
    return _shown(asked, pool)


def _known(config: Config, pool: PoolId) -> PoolId:
    if pool not in config.site.pools:
        raise Refusal(HTTPStatus.NOT_FOUND, f"no pool {pool!r} is in site.yaml")
    return pool


def _shown(asked: Asked, pool: PoolId) -> ShownPool:
    return lists.pools(asked.board.service.config, asked.board.service.dispatcher)[pool]


OPERATIONS = (
    Operation("GET", "/pools", pools, FLOOR | WATCHERS),
    Operation("POST", "/pools/{pool}/close", close_pool, SUPERVISORS),
    Operation("POST", "/pools/{pool}/open", open_pool, SUPERVISORS),
    Operation("POST", "/queues/{call}/move", move_call, SUPERVISORS),
)
