"""From a request to its answer: which operation, who asks, may they, what is given; then it is done."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from ivr.edge.protocols import Request
from ivr.web import calls
from ivr.web.operations import Operation
from ivr.web.rights import Who
from ivr.web.switchboard import Asked, Refusal, Switchboard
from ivr.web.table import OPERATIONS

NOBODY = Who("nobody", frozenset())
"""Whoever has not said who they are."""

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

    async def answer(self, request: Request) -> Answer:
        """Do what is asked; a refusal is an answer too."""
        found = [operation for operation in self._operations if operation.matches(request.path)]
        operation = next((each for each in found if each.method == request.method), None)
        if operation is None:
            return _missing(request, found)
        try:
            who = self._who(operation, request)
            places = operation.places(request.path)
            asked = Asked(self._board, who)
            _demand_right(operation, asked, places)
            return Answer(HTTPStatus.OK, await operation.run(asked, **places, **operation.given(request)))
        except Refusal as refusal:
            headers = {"WWW-Authenticate": "Bearer"} if refusal.status is HTTPStatus.UNAUTHORIZED else {}
            return Answer(refusal.status, {"error": str(refusal)}, headers)

    def _who(self, operation: Operation, request: Request) -> Who:
        if operation.is_open:
            return NOBODY
        scheme, _, token = request.authorization.partition(" ")
        who = self._identify(token.strip()) if scheme.lower() == "bearer" else None
        if who is None:
            raise Refusal(HTTPStatus.UNAUTHORIZED, "this needs a token: Authorization: Bearer …")
        return who


def _demand_right(operation: Operation, asked: Asked, places: Mapping[str, Any]) -> None:
    """Raise `Refusal` unless who asks may do this, here."""
    who = asked.who
    if operation.is_open or who.roles & operation.roles:
        return
    if not who.roles & operation.own:
        theirs = ", ".join(sorted(who.roles)) or "none"
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
    return Answer(status, {"error": f"{request.method} {request.path}: {status.phrase.lower()}"}, headers)
