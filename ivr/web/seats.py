"""Operations of seats: which there are, who sits there, and signing in at one by 工号 and PIN."""

from http import HTTPStatus
from typing import Annotated

import msgspec

from ivr.pins import Verdict
from ivr.web.agents import AgentPath, known, seated
from ivr.web.operations import SECRET, Operation
from ivr.web.rights import ADMINS, FLOOR, OPEN, WATCHERS
from ivr.web.switchboard import Asked, Refusal
from ivr.web.views import ShownAgent
from routing.ids import AgentId, PoolId, SeatId
from routing.people import SeatKind, seats_needed
from routing.tickets import AgentState

SeatPath = Annotated[SeatId, msgspec.Meta(pattern="^[0-9]{1,16}$", description="a seat's number")]
TypedPin = Annotated[str, msgspec.Meta(max_length=64, extra_json_schema=SECRET)]


class ShownSeat(msgspec.Struct, frozen=True):
    """A seat: whose it is, who sits there now, and whether a phone is registered there (null: nobody knows now)."""

    seat: SeatId
    kind: SeatKind
    pool: PoolId | None
    assigned: tuple[AgentId, ...]
    agent: AgentId | None
    is_registered: bool | None


class Planned(msgspec.Struct, frozen=True):
    """The seats; the population demands `demanded` of the hall, which has `in_hall`, and the rest is `extra`."""

    population: int
    demanded: int
    in_hall: int
    extra: int
    seats: list[ShownSeat]


class Employed(msgspec.Struct, frozen=True):
    """An agent: their own seat, where they sit now, what they are doing, and whether they were ever given a PIN."""

    agent: AgentId
    name: str
    pools: tuple[PoolId, ...]
    assigned: SeatId | None
    seat: SeatId | None
    state: str
    has_pin: bool


class Sitting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who sits down, proved by their PIN, and whether they take calls at once."""

    agent: AgentPath
    pin: TypedPin
    ready: bool = True


async def seats(asked: Asked) -> Planned:
    """The seats: how many the population demands, how many there are, whose they are, who sits there now."""
    site, phones = asked.board.service.config.site, await asked.board.controller.phones()
    sitting = {view.seat: view.agent for view in asked.board.service.dispatcher.agents()}
    shown = [
        ShownSeat(
            each.id,
            each.kind,
            each.pool,
            tuple(agent.id for agent in site.agents.values() if agent.seat == each.id),
            sitting.get(each.id),
            None if phones is None else phones.get(each.id, False),
        )
        for each in site.seats.values()
    ]
    in_hall = sum(each.pool == site.hall for each in shown)
    return Planned(site.population, seats_needed(site.population), in_hall, len(shown) - in_hall, shown)


async def staff(asked: Asked) -> list[Employed]:
    """The agents: where each belongs, where they sit, and who can sign in by PIN."""
    site, pins = asked.board.service.config.site, asked.board.controller.pins
    there = {view.agent: view for view in asked.board.service.dispatcher.agents()}
    return [
        Employed(
            each.id,
            each.name,
            tuple(competence.pool for competence in each.competences),
            each.seat,
            there[each.id].seat if each.id in there else None,
            there[each.id].state if each.id in there else AgentState.SIGNED_OUT,
            pins.has(each.id),
        )
        for each in site.agents.values()
    ]


async def sit_down(asked: Asked, seat: SeatPath, body: Sitting) -> ShownAgent:
    """An agent sits down at a seat, by 工号 and PIN."""
    pins = asked.board.controller.pins
    verdict = await pins.check(body.agent, body.pin)
    if verdict is Verdict.LOCKED:
        seconds = -(-pins.locked_ms(body.agent) // 1000)
        sentence = f"too many wrong PINs: try again in {seconds} s"
        raise Refusal(HTTPStatus.TOO_MANY_REQUESTS, sentence, {"Retry-After": str(seconds)})
    if verdict is Verdict.WRONG:
        raise Refusal(HTTPStatus.UNAUTHORIZED, "the 工号 or the PIN is wrong")
    return seated(asked, known(asked, body.agent), seat, ready=body.ready)


OPERATIONS = (
    Operation("GET", "/seats", seats, FLOOR | WATCHERS | ADMINS),
    Operation("GET", "/staff", staff, WATCHERS | ADMINS),
    Operation("POST", "/seats/{seat}/sign-in", sit_down, OPEN),
)
