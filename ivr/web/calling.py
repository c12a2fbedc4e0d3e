"""The operation of an agent who calls somebody outside."""

from http import HTTPStatus
from typing import Annotated

import msgspec

from ivr.outgoing import is_calling
from ivr.web.agents import AgentPath, present
from ivr.web.operations import Operation
from ivr.web.rights import OPERATORS, SUPERVISORS
from ivr.web.switchboard import Asked, Refusal
from routing import outward
from routing.ids import CallId
from routing.talk import Kind, Whom
from routing.tickets import AgentState

CAN_CALL = frozenset({AgentState.READY, AgentState.PAUSED, AgentState.WRAP_UP})


class CallingOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom: a telephone number."""

    number: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class OwnCall(msgspec.Struct, frozen=True):
    """What the call is called: its record will have this name."""

    call: CallId


async def call_out(asked: Asked, agent: AgentPath, body: CallingOut) -> OwnCall:
    """The agent's phone rings, then the number is dialled; before everything that waits.  A pause holds afterwards."""
    service, there = asked.board.service, present(asked, agent)
    refused = outward.refusal(
        service.config, Whom(Kind.NUMBER, body.number), service.clock.civil(), tuple(map(str, sorted(asked.who.roles)))
    )
    if refused:
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, refused)
    state = next(view.state for view in service.dispatcher.agents() if view.agent == there)
    if state not in CAN_CALL:
        raise Refusal(
            HTTPStatus.CONFLICT, f"agent {agent} is {state}: only who is ready, paused or in wrap-up can call"
        )
    if is_calling(asked.board.controller.register.begun.values(), there):
        raise Refusal(HTTPStatus.CONFLICT, f"agent {agent} is calling somebody already")
    number = service.config.site.numbering.normalise(body.number) or body.number
    call = asked.board.controller.call_out(there, number)
    if call is None:
        raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "not connected to Asterisk: nobody can be called now")
    return OwnCall(call)


OPERATIONS = (Operation("POST", "/agents/{agent}/call-out", call_out, SUPERVISORS, own=OPERATORS),)
