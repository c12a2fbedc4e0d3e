"""Operations of agents, by themselves or by a supervisor: sit down, be ready, pause, leave."""

from http import HTTPStatus
from typing import Annotated

import msgspec

from ivr.errors import AriError, ConnectionLost
from ivr.facts import Disposition, Ground, Matter
from ivr.journal import DISPOSITION
from ivr.parties import call_of
from ivr.web import views
from ivr.web.operations import SECRET, Operation
from ivr.web.rights import ADMINS, FLOOR, OPERATORS, SUPERVISORS, WATCHERS
from ivr.web.switchboard import Asked, Refusal
from ivr.web.views import ShownAgent, ShownTicket
from routing.ids import AgentId, CallId, SeatId
from routing.people import Agent, SeatKind
from routing.tickets import AgentState, AnyEvent, Paused, Readied, SignedIn, SignedOut, WrappedUp

AgentPath = Annotated[AgentId, msgspec.Meta(pattern="^[0-9A-Za-z_-]{1,64}$", description="工号")]
SeatName = Annotated[str, msgspec.Meta(max_length=64)]
NewPin = Annotated[str, msgspec.Meta(pattern="^[0-9]{6,12}$", extra_json_schema=SECRET)]
Reason = Annotated[str, msgspec.Meta(max_length=200)]


class SigningIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the agent sits down (empty: their own seat), and whether they take calls at once."""

    seat: SeatName = ""
    ready: bool = True


class Pausing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Said to whoever asks: one of `pause_reasons` of site.yaml where there are any, else any or none."""

    reason: Reason = ""


class WrappingUp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the call was; `ground` for a matter that is declined."""

    matter: Matter
    ground: Ground | None = None


class Beating(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A desk that is open; `closes`: no more, the agent is judged by the phone alone."""

    closes: bool = False


class Beat(msgspec.Struct, frozen=True):
    """Before so many ms have passed the next one is due; and what the agent is doing now."""

    within_ms: int
    agent: ShownAgent


class GivenPhone(msgspec.Struct, frozen=True):
    """The phone at a browser seat: its name for SIP, and its secret, told this once."""

    seat: SeatId
    secret: str


class Pinning(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another PIN; none: one is made."""

    pin: NewPin | None = None


class Given(msgspec.Struct, frozen=True):
    """An agent's PIN, told this once."""

    agent: AgentId
    name: str
    pin: str


TALKING = frozenset({AgentState.TALKING, AgentState.HOLDING, AgentState.CONSULTING})


async def agents(asked: Asked) -> list[ShownAgent]:
    """Everybody who may sign in, with what they are doing."""
    service = asked.board.service
    return views.agents(service.config, service.dispatcher.agents(), service.clock.instant())


async def queues(asked: Asked) -> list[ShownTicket]:
    """Who waits, by rank."""
    service, ledgers = asked.board.service, asked.board.controller.register.ledgers
    now = service.clock.instant()
    return [views.ticket(each, ledgers, now) for each in views.waiting(service.config, service.dispatcher)]


async def sign_in(asked: Asked, agent: AgentPath, body: SigningIn) -> ShownAgent:
    """An agent sits down at a seat."""
    who = known(asked, agent)
    return seated(asked, who, SeatId(body.seat or who.seat or ""), ready=body.ready)


def seated(asked: Asked, agent: Agent, seat: SeatId, *, ready: bool) -> ShownAgent:
    """The agent sits there now.  Raises `Refusal`."""
    if seat not in asked.board.service.config.site.seats:
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"no seat {seat!r} is in site.yaml: name one with --seat")
    for view in asked.board.service.dispatcher.agents():
        if view.seat == seat and view.agent != agent.id:
            sentence = f"agent {view.agent} sits at {seat}: sign them out first, or name another seat with --seat"
            raise Refusal(HTTPStatus.CONFLICT, sentence)
    return _told(asked, agent.id, SignedIn(agent.id, seat, agent.competences, ready))


async def sign_out(asked: Asked, agent: AgentPath) -> ShownAgent:
    """An agent leaves, after the talk if there is one."""
    return _told(asked, present(asked, agent), SignedOut(agent, by(asked, agent)))


async def make_ready(asked: Asked, agent: AgentPath) -> ShownAgent:
    """An agent asks for calls."""
    return _told(asked, present(asked, agent), Readied(agent, by(asked, agent)))


async def pause(asked: Asked, agent: AgentPath, body: Pausing) -> ShownAgent:
    """An agent asks for no calls, after the talk if there is one."""
    reasons = asked.board.service.config.site.pause_reasons
    if reasons and body.reason not in reasons:
        wrong = f"{body.reason!r} is no reason for a pause" if body.reason else "a pause needs a reason"
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"{wrong}; there are: {', '.join(reasons)}")
    return _told(asked, present(asked, agent), Paused(agent, body.reason, by(asked, agent)))


async def answer(asked: Asked, agent: AgentPath) -> ShownAgent:
    """The phone that rings for an agent is asked to answer by itself: it is dialled again so, at once."""
    service, there = asked.board.service, present(asked, agent)
    if not service.dispatcher.pick_up(there, asked.who.name):
        sentence = f"no phone rings for agent {agent!r}, or it has been asked to answer already"
        raise Refusal(HTTPStatus.CONFLICT, sentence)
    view = next(view for view in service.dispatcher.agents() if view.agent == agent)
    return views.agent(service.config, agent, view, service.clock.instant())


async def wrap_up(asked: Asked, agent: AgentPath, body: WrappingUp) -> ShownAgent:
    """An agent says what the call was that they talk in, or talked in last; wrap-up is then over."""
    service, call = asked.board.service, last_call(asked, agent)
    if (body.matter is Matter.DECLINED) != (body.ground is not None):
        grounds = ", ".join(Ground)
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"what is declined, and nothing else, has a ground: {grounds}")
    said = Disposition(service.clock.instant(), agent, body.matter, body.ground)
    service.journal.write(DISPOSITION, call, said)
    return _told(asked, agent, WrappedUp(agent))


def last_call(asked: Asked, agent: AgentId) -> CallId:
    """The call in which the agent talks, or talked last.  Raises `Refusal`."""
    there = present(asked, agent)
    view = next(each for each in asked.board.service.dispatcher.agents() if each.agent == there)
    ticket = (view.ticket if view.state in TALKING else None) or view.last
    if ticket is None:
        raise Refusal(HTTPStatus.CONFLICT, f"agent {agent!r} has had no call")
    return call_of(ticket)


async def heartbeat(asked: Asked, agent: AgentPath, body: Beating) -> Beat:
    """An agent's desk says that it is there, so that its silence tells that it is not."""
    presence, service = asked.board.controller.presence, asked.board.service
    (presence.closes if body.closes else presence.beats)(present(asked, agent))
    silent_for = service.config.site.timing.desk_silent_for
    view = next(view for view in service.dispatcher.agents() if view.agent == agent)
    shown = views.agent(service.config, agent, view, service.clock.instant())
    return Beat(int(silent_for.total_seconds() * 1000), shown)


async def give_phone(asked: Asked, agent: AgentPath) -> GivenPhone:
    """Give an agent at a browser seat a secret for the phone there; it holds until they are signed out."""
    there = present(asked, agent)
    seat = next(view.seat for view in asked.board.service.dispatcher.agents() if view.agent == there)
    known_seat, ari = asked.board.service.config.site.seats.get(seat), asked.board.controller.ari
    if known_seat is None or known_seat.kind is not SeatKind.BROWSER:
        raise Refusal(HTTPStatus.CONFLICT, f"seat {seat!r} is no browser's: its phone has a secret of its own")
    if ari is None:
        raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "there is no connection to Asterisk now: try again")
    try:
        return GivenPhone(seat, await asked.board.controller.browsers.give(ari, seat, there))
    except (AriError, ConnectionLost) as error:
        raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, f"Asterisk did not make the phone: {error}") from error


async def give_pin(asked: Asked, agent: AgentPath, body: Pinning) -> Given:
    """Give an agent another PIN, told this once; by it they sign in at a seat's phone."""
    who = known(asked, agent)
    return Given(who.id, who.name, await asked.board.controller.pins.give(who.id, body.pin))


def known(asked: Asked, agent: AgentId) -> Agent:
    """The agent of the config.  Raises `Refusal`."""
    found = asked.board.service.config.site.agents.get(agent)
    if found is None:
        raise Refusal(HTTPStatus.NOT_FOUND, f"no agent {agent!r} is in site.yaml")
    return found


def present(asked: Asked, agent: AgentId) -> AgentId:
    """The agent, who is signed in.  Raises `Refusal`."""
    if all(view.agent != agent for view in asked.board.service.dispatcher.agents()):
        raise Refusal(HTTPStatus.CONFLICT, f"agent {agent!r} is not signed in")
    return agent


def by(asked: Asked, agent: AgentId) -> str:
    """Who makes the agent do it; empty: they do it themselves."""
    return "" if asked.who.agent == agent else asked.who.name


def _told(asked: Asked, agent: AgentId, event: AnyEvent) -> ShownAgent:
    service = asked.board.service
    service.dispatcher.apply(event)
    shown = views.agents(service.config, service.dispatcher.agents(), service.clock.instant())
    return next(each for each in shown if each.agent == agent)


OPERATIONS = (
    Operation("GET", "/agents", agents, FLOOR | WATCHERS),
    Operation("GET", "/queues", queues, FLOOR | WATCHERS),
    Operation("POST", "/agents/{agent}/sign-in", sign_in, SUPERVISORS, own=OPERATORS),
    Operation("POST", "/agents/{agent}/sign-out", sign_out, SUPERVISORS, own=OPERATORS),
    Operation("POST", "/agents/{agent}/ready", make_ready, SUPERVISORS, own=OPERATORS),
    Operation("POST", "/agents/{agent}/pause", pause, SUPERVISORS, own=OPERATORS),
    Operation("POST", "/agents/{agent}/answer", answer, SUPERVISORS, own=OPERATORS),
    Operation("POST", "/agents/{agent}/heartbeat", heartbeat, SUPERVISORS, own=OPERATORS, is_pulse=True),
    Operation("POST", "/agents/{agent}/phone", give_phone, own=OPERATORS),
    Operation("POST", "/agents/{agent}/pin", give_pin, SUPERVISORS | ADMINS, own=OPERATORS),
    Operation("POST", "/agents/{agent}/wrap-up", wrap_up, SUPERVISORS, own=OPERATORS),
)
