"""Operations on calls: those in progress, and what became of the others.  Callers' numbers are masked."""

from http import HTTPStatus
from typing import Annotated

import msgspec

from ivr.edge.protocols import Attachment
from ivr.errors import StoreError
from ivr.journal import CALL
from ivr.ledger import Ledger, fold
from ivr.parties import supervisors
from ivr.web import views
from ivr.web.operations import Operation
from ivr.web.rights import OPERATORS, WATCHERS
from ivr.web.switchboard import Asked, Refusal
from ivr.web.views import EndedCall, Happened, LivingCall
from routing.ids import AgentId, CallId, TicketId

CallPath = Annotated[CallId, msgspec.Meta(pattern="^[0-9A-Za-z_-]{1,128}$", description="a call's id")]


class Page(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many of those that are over."""

    limit: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 20


class Calls(msgspec.Struct, frozen=True):
    """Calls in progress, and the latest that are over; `error` says why those cannot be told now.

    `rehearsed`: the moment at which a demo lives, which no call's times are of; empty in earnest.
    """

    living: list[LivingCall]
    ended: list[EndedCall]
    error: str = ""
    rehearsed: str = ""


class CallTold(msgspec.Struct, frozen=True):
    """A call step by step; no record as long as it lasts."""

    record: EndedCall | None
    facts: list[Happened]


async def calls(asked: Asked, query: Page) -> Calls:
    """Calls in progress, and the latest that are over; an operator's own."""
    register, clock = asked.board.controller.register, asked.board.service.clock
    rehearsed = clock.civil().isoformat(timespec="seconds") if asked.board.controller.rehearsal else ""
    now = clock.instant()
    living = [views.living(ledger, now) for ledger in register.begun.values()]
    try:
        ended = [views.ended(record) for record in await asked.board.store.calls(query.limit)]
        error = ""
    except StoreError as fault:
        ended, error = [], str(fault)
    if not asked.who.roles & WATCHERS:
        living = [each for each in living if is_of(asked, each.call, asked.who.agent)]
        ended = [each for each in ended if asked.who.agent is not None and each.with_ == asked.who.agent]
    return Calls(living, ended, error, rehearsed)


async def call(asked: Asked, call: CallPath) -> CallTold:
    """What happened in one call, step by step; an operator is not told who supervised it."""
    try:
        record, facts = await asked.board.store.call(call), await asked.board.store.facts_of(call)
    except StoreError as error:
        raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error
    if not facts:
        raise Refusal(HTTPStatus.NOT_FOUND, f"no call {call!r} is known")
    told = [views.happened(fact) for fact in facts]
    if not asked.who.roles & WATCHERS:
        steps = fold(fact for fact in facts if fact.topic == CALL).calls.get(call)
        told = views.unsupervised(told, supervisors(Ledger(call, asked.board.service.journal, steps)))
    return CallTold(views.ended(record) if record else None, told)


async def recording(asked: Asked, call: CallPath) -> Attachment:
    """A conversation, to be listened to: two channels, left the citizen, right all they heard."""
    found = await asked.board.recording(call)
    if found is None:
        raise Refusal(HTTPStatus.NOT_FOUND, f"there is no recording of call {call!r}")
    return found


def is_of(asked: Asked, call: CallId, agent: AgentId | None) -> bool:
    """Whether a call is that agent's own: they talk in it, or it is offered to them, or they still wrap it up."""
    if agent is None:
        return False
    ledger = asked.board.controller.register.ledgers.get(call)
    if ledger is not None and agent in views.inside(ledger):
        return True
    return any(
        view.agent == agent and view.ticket == TicketId(call) for view in asked.board.service.dispatcher.agents()
    )


OPERATIONS = (
    Operation("GET", "/calls", calls, OPERATORS | WATCHERS),
    Operation("GET", "/calls/{call}", call, WATCHERS, own=OPERATORS),
    Operation("GET", "/calls/{call}/recording", recording, WATCHERS, discloses=True, produces="audio/flac"),
)
