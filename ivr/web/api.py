"""From a request to its answer: which operation, who asks, may they, what is given; it is done, and written down."""

import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec

from ivr.edge.protocols import Request
from ivr.errors import DiskError, TooMany
from ivr.web import calls
from ivr.web.audit import Auditor
from ivr.web.operations import Operation
from ivr.web.rights import HOUSE, NOBODY, Who
from ivr.web.switchboard import Asked, Failure, Refusal, Switchboard
from ivr.web.table import OPERATIONS

log = logging.getLogger(__name__)

Identify = Callable[[str], Who | None]
"""The bearer of a token; None when it is nobody's."""


class Answer(NamedTuple):
    """What goes back."""

    status: HTTPStatus
    value: Any
    headers: Mapping[str, str] = {}


class Api:
    """Everything that can be asked of a controller."""

    def __init__(self, board: Switchboard, identify: Identify, operations: tuple[Operation, ...] = OPERATIONS) -> None:
        self._board = board
        self._identify = identify
        self._operations = operations
        self._auditor = Auditor(board.audit, board.service.clock)

    async def answer(self, request: Request) -> Answer:
        """Do what is asked; a refusal is an answer too."""
        found = [operation for operation in self._operations if operation.matches(request.path)]
        operation = next((each for each in found if each.method == request.method), None)
        if operation is None:
            return _missing(request, found)
        who = self._who(request)
        given: dict[str, Any] = {}
        try:
            answer = Answer(HTTPStatus.OK, await self._done(operation, request, who, given))
        except Refusal as refusal:
            answer = Answer(refusal.status, Failure(str(refusal)), refusal.headers)
        except (DiskError, TooMany) as fault:
            answer = Answer(HTTPStatus.SERVICE_UNAVAILABLE, Failure(str(fault)))
        except Exception:
            self._write(operation, request, who, given, Answer(HTTPStatus.INTERNAL_SERVER_ERROR, {}))
            raise
        self._write(operation, request, who, given, answer)
        return answer

    def _who(self, request: Request) -> Who:
        scheme, _, token = request.authorization.partition(" ")
        who = self._identify(token.strip()) if scheme.lower() == "bearer" else None
        if who == HOUSE and request.person:
            return msgspec.structs.replace(HOUSE, name=f"{request.person} ({HOUSE.name})")
        return who or NOBODY

    async def _done(self, operation: Operation, request: Request, who: Who, given: dict[str, Any]) -> Any:
        """What the operation answers; `given` is filled for the audit log, however this ends."""
        if not operation.is_open and not who.roles:
            bearer = {"WWW-Authenticate": "Bearer"}
            raise Refusal(HTTPStatus.UNAUTHORIZED, "this needs a token: Authorization: Bearer …", bearer)
        places, asked = operation.places(request.path), Asked(self._board, who, request.last_event)
        _demand_right(operation, asked, places)
        given.update(operation.given(request))
        if operation.discloses:
            await self._announce(operation, request, who, given)
        return await operation.run(asked, **places, **given)

    async def _announce(self, operation: Operation, request: Request, who: Who, given: dict[str, Any]) -> None:
        """What lets somebody see or hear something is on the disk before they do, or they do not."""
        self._auditor.write(operation, request, who, given, HTTPStatus.OK)
        try:
            await self._auditor.sync()
        except DiskError as fault:
            sentence = f"refused, since it cannot be written down: {fault}"
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, sentence) from fault

    def _write(self, operation: Operation, request: Request, who: Who, given: dict[str, Any], answer: Answer) -> None:
        """Into the audit log, before anybody is told; a disk that refuses stops nobody from working."""
        if self._auditor.is_worth(operation, answer.status):
            said = answer.value.error if isinstance(answer.value, Failure) else ""
            self._auditor.write(operation, request, who, given, answer.status, said)


def _demand_right(operation: Operation, asked: Asked, places: Mapping[str, Any]) -> None:
    """Raise `Refusal` unless who asks may do this, here."""
    who = asked.who
    if operation.is_open or who.roles & operation.roles:
        return
    if not who.roles & operation.own:
        theirs = ", ".join(sorted(who.roles))
        sentence = f"{who.name} may not do this: {operation.name} is not for the role {theirs}"
        raise Refusal(HTTPStatus.FORBIDDEN, sentence)
    if "agent" in places and places["agent"] == who.agent:
        return
    if "call" in places and calls.is_of(asked, places["call"], who.agent):
        return
    raise Refusal(HTTPStatus.FORBIDDEN, f"{who.name} may do this only to what is their own")


def _missing(request: Request, others: list[Operation]) -> Answer:
    status = HTTPStatus.METHOD_NOT_ALLOWED if others else HTTPStatus.NOT_FOUND
    headers = {"Allow": ", ".join(each.method for each in others)} if others else {}
    return Answer(status, Failure(f"{request.method} {request.path}: {status.phrase.lower()}"), headers)
