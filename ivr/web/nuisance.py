"""Operations on numbers that were marked as a nuisance: to confirm, dismiss or lift; nobody is blocked."""

from http import HTTPStatus

from ivr.web import lists
from ivr.web.callbacks import Number
from ivr.web.calls import CallPath
from ivr.web.lists import ShownCase
from ivr.web.operations import Operation
from ivr.web.rights import SUPERVISORS, WATCHERS
from ivr.web.switchboard import Asked, Refusal
from routing.ids import CallId
from routing.nuisance import Case


async def nuisances(asked: Asked) -> list[ShownCase]:
    """The numbers that agents have marked: first those that a supervisor has not looked at."""
    return [lists.case(case) for case in _open(asked)]


async def number_of_nuisance(asked: Asked, call: CallPath) -> Number:
    """The number that was marked."""
    return Number(_known(asked, call).caller)


async def confirm_nuisance(asked: Asked, call: CallPath) -> list[ShownCase]:
    """From now on the number waits longer, until this expires; again: it begins anew."""
    asked.board.controller.nuisances.confirm(asked.board.service.config.site, _known(asked, call).id, asked.who.name)
    return await nuisances(asked)


async def dismiss_nuisance(asked: Asked, call: CallPath) -> list[ShownCase]:
    """It was none: the mark is forgotten."""
    case = _known(asked, call)
    if case.until is not None:
        raise Refusal(HTTPStatus.CONFLICT, f"{call} is confirmed already: lift it")
    return await _closed(asked, case)


async def lift_nuisance(asked: Asked, call: CallPath) -> list[ShownCase]:
    """The number is slowed no longer, and what was known of it is forgotten."""
    case = _known(asked, call)
    if case.until is None:
        raise Refusal(HTTPStatus.CONFLICT, f"{call} is not confirmed: confirm or dismiss it")
    return await _closed(asked, case)


async def _closed(asked: Asked, case: Case) -> list[ShownCase]:
    asked.board.controller.nuisances.close(case.id, asked.who.name)
    return await nuisances(asked)


def _open(asked: Asked) -> tuple[Case, ...]:
    return asked.board.controller.nuisances.open(asked.board.service.config.site)


def _known(asked: Asked, call: CallId) -> Case:
    case = next((case for case in _open(asked) if case.id == call), None)
    if case is None:
        raise Refusal(HTTPStatus.NOT_FOUND, f"no number was marked in call {call!r}")
    return case


OPERATIONS = (
    Operation("GET", "/nuisances", nuisances, WATCHERS),
    Operation("GET", "/nuisances/{call}/number", number_of_nuisance, SUPERVISORS, discloses=True),
    Operation("POST", "/nuisances/{call}/confirm", confirm_nuisance, SUPERVISORS),
    Operation("POST", "/nuisances/{call}/dismiss", dismiss_nuisance, SUPERVISORS),
    Operation("POST", "/nuisances/{call}/lift", lift_nuisance, SUPERVISORS),
)
