"""Operations on the tasks of calling back: who is due, their number, what came of a try, and that it is over."""

from http import HTTPStatus
from typing import Annotated

import msgspec

from ivr.facts import Direction
from ivr.ledger import ARRIVED, MACHINE
from ivr.web import lists
from ivr.web.agents import AgentPath, last_call
from ivr.web.calls import CallPath
from ivr.web.lists import ShownTask
from ivr.web.operations import Operation
from ivr.web.rights import FLOOR, OPERATORS, SUPERVISORS, WATCHERS
from ivr.web.switchboard import Asked, Refusal
from routing.callbacks import Result, Task
from routing.ids import CallId


class Number(msgspec.Struct, frozen=True):
    """To be dialled."""

    number: str


class Trying(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What came of it."""

    result: Annotated[Result, msgspec.Meta(description="answered ends the task")]


async def callbacks(asked: Asked) -> list[ShownTask]:
    """Who is to be called back: those due first, then those that a supervisor has."""
    return [lists.task(task) for task in asked.board.controller.callbacks.open()]


async def number_to_call_back(asked: Asked, call: CallPath) -> Number:
    """The number of somebody who is to be called back."""
    return Number(_known(asked, call).caller)


async def tried_to_call_back(asked: Asked, call: CallPath, body: Trying) -> list[ShownTask]:
    """Somebody has called them, and says what came of it."""
    asked.board.controller.callbacks.tried(_known(asked, call).id, body.result, asked.who.name)
    return await callbacks(asked)


async def settle_callback(asked: Asked, call: CallPath) -> list[ShownTask]:
    """There is nothing more to do."""
    asked.board.controller.callbacks.settle(_known(asked, call).id, asked.who.name)
    return await callbacks(asked)


async def machine(asked: Asked, agent: AgentPath) -> list[ShownTask]:
    """A machine has answered the call-back in which the agent talks, or talked last: the next try follows."""
    controller = asked.board.controller
    call = last_call(asked, agent)
    ledger = controller.register.ledgers.get(call)
    if ledger is not None and ledger[ARRIVED].direction is Direction.CALLBACK:
        ledger.write(MACHINE, asked.board.service.clock.instant())
    elif not controller.callbacks.machine(call, asked.who.name):
        raise Refusal(HTTPStatus.CONFLICT, f"the last call of agent {agent!r} is no call-back that was answered")
    return await callbacks(asked)


def _known(asked: Asked, call: CallId) -> Task:
    task = asked.board.controller.callbacks.get(call)
    if task is None:
        raise Refusal(HTTPStatus.NOT_FOUND, f"nobody is to be called back for call {call!r}")
    return task


OPERATIONS = (
    Operation("GET", "/callbacks", callbacks, FLOOR | WATCHERS),
    Operation("GET", "/callbacks/{call}/number", number_to_call_back, FLOOR, discloses=True),
    Operation("POST", "/callbacks/{call}/tried", tried_to_call_back, FLOOR),
    Operation("POST", "/callbacks/{call}/settle", settle_callback, SUPERVISORS),
    Operation("POST", "/agents/{agent}/machine", machine, SUPERVISORS, own=OPERATORS),
)
